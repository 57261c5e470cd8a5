//! Reading from the scope: only what is needed is parsed, what was read goes into the receipt.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::super::Scope;
use super::super::value::{Cut, Parsed, Reader, Value, array_index, field_span, write};
use super::Outcome;
use super::budget::Budget;
use crate::json::Json;
use crate::limits;

/// Roots that are never built as a whole when a field of them is wanted.
const ROOTS: &[&str] = &["input", "state", "steps", "context"];
/// Below this a text is parsed at once; above, one field of it is looked for first.
const PARSED_AT_ONCE_BYTES_MAX: usize = 1_024;
/// So many looks for a field of one text, then it is parsed: a loop must not look for ever.
const LOOKS_MAX: u32 = 4;
/// A step over JSON text is cheaper than one over values.
const BYTES_LOOKED_AT_PER_BYTE: usize = 4;

/// What a name or a field of it leads to.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Value(Value),
    /// A part of a text that has not been parsed.
    Text {
        text: usize,
        span: Range<usize>,
    },
    /// One of [`ROOTS`], not read yet.
    Root(Arc<str>),
}

/// A text that the scope gave.
#[derive(Debug)]
struct Text {
    json: Json,
    /// By where they begin: so that a value that is read twice is one object, as `===` sees it.
    parsed: Parsed,
    looks: u32,
}

/// `score`, or `state` with `score`.
type Place = (Arc<str>, Option<Arc<str>>);

pub(super) struct Names<'a> {
    scope: &'a dyn Scope,
    texts: Vec<Text>,
    known: BTreeMap<Place, Option<usize>>,
    reads: Vec<(String, Option<Json>)>,
}

impl<'a> Names<'a> {
    pub fn new(scope: &'a dyn Scope) -> Names<'a> {
        Names { scope, texts: Vec::new(), known: BTreeMap::new(), reads: Vec::new() }
    }

    pub fn scope(&self) -> &'a dyn Scope {
        self.scope
    }

    pub fn into_reads(self) -> Vec<(String, Option<Json>)> {
        self.reads
    }

    pub fn name(&mut self, name: &Arc<str>, budget: &mut Budget) -> Outcome<Found> {
        if ROOTS.contains(&&**name) { Ok(Found::Root(name.clone())) } else { self.whole(name, budget) }
    }

    fn whole(&mut self, name: &Arc<str>, budget: &mut Budget) -> Outcome<Found> {
        let key = (name.clone(), None);
        if !self.known.contains_key(&key) {
            let json = self.scope.name(name);
            let text = self.keep(json);
            self.known.insert(key.clone(), text);
        }
        self.found(self.known[&key], budget)
    }

    /// Whether a field of a root is answered by the scope itself.
    pub fn has_field(&mut self, root: &Arc<str>, key: &Arc<str>) -> bool {
        self.field(root, key).is_some()
    }

    fn field(&mut self, root: &Arc<str>, key: &Arc<str>) -> Option<Option<usize>> {
        let place = (root.clone(), Some(key.clone()));
        if let Some(text) = self.known.get(&place) {
            return Some(*text);
        }
        let json = self.scope.field(root, key)?;
        let text = self.keep(json);
        self.known.insert(place, text);
        Some(text)
    }

    fn keep(&mut self, json: Option<Json>) -> Option<usize> {
        let json = json?;
        self.texts.push(Text { json, parsed: Parsed::new(), looks: 0 });
        Some(self.texts.len() - 1)
    }

    fn found(&mut self, text: Option<usize>, budget: &mut Budget) -> Outcome<Found> {
        match text {
            None => Ok(Found::Value(Value::Undefined)),
            Some(text) => self.part(text, 0..self.texts[text].json.len(), budget),
        }
    }

    fn part(&mut self, text: usize, span: Range<usize>, budget: &mut Budget) -> Outcome<Found> {
        let source = &self.texts[text];
        let is_large_object = span.len() > PARSED_AT_ONCE_BYTES_MAX && source.json.text().as_bytes()[span.start] == b'{';
        if is_large_object && !source.parsed.contains_key(&span.start) && source.looks < LOOKS_MAX {
            return Ok(Found::Text { text, span });
        }
        Ok(Found::Value(self.parse(text, span, budget)?))
    }

    fn parse(&mut self, text: usize, span: Range<usize>, budget: &mut Budget) -> Outcome<Value> {
        let source = &mut self.texts[text];
        if let Some((value, _)) = source.parsed.get(&span.start) {
            return Ok(value.clone());
        }
        budget.bytes(span.len())?;
        let value = Reader::part(source.json.text(), span.start, &source.parsed).value();
        source.parsed.insert(span.start, (value.clone(), span.end));
        Ok(value)
    }

    pub fn value(&mut self, found: Found, budget: &mut Budget) -> Outcome<Value> {
        match found {
            Found::Value(value) => Ok(value),
            Found::Text { text, span } => self.parse(text, span, budget),
            Found::Root(root) => {
                let whole = self.whole(&root, budget)?;
                match whole {
                    Found::Text { text, span } => self.parse(text, span, budget),
                    Found::Value(value) => Ok(value),
                    Found::Root(_) => unreachable!("a whole root is a text or undefined"),
                }
            }
        }
    }

    /// A field of what is known to be neither `undefined` nor `null`.
    pub fn member(&mut self, found: Found, key: &Arc<str>, budget: &mut Budget) -> Outcome<Found> {
        match found {
            Found::Value(value) => {
                if let Value::String(text) = &value {
                    budget.bytes(text.len())?;
                }
                Ok(Found::Value(value.property(key)))
            }
            Found::Root(root) => match self.field(&root, key) {
                Some(text) => self.found(text, budget),
                None => {
                    let whole = self.value(Found::Root(root), budget)?;
                    Ok(Found::Value(whole.property(key)))
                }
            },
            Found::Text { text, span } => {
                self.texts[text].looks += 1;
                budget.bytes(span.len() / BYTES_LOOKED_AT_PER_BYTE)?;
                let field = field_span(&self.texts[text].json.text()[span.clone()], key);
                match field {
                    Some(field) => self.part(text, span.start + field.start..span.start + field.end, budget),
                    None => Ok(Found::Value(Value::Undefined)),
                }
            }
        }
    }

    /// Puts it into the receipt, once for each path.
    pub fn record(&mut self, path: String, value: &Value) {
        if self.reads.len() < limits::RECEIPT_VALUES_MAX
            && path.len() <= limits::RECEIPT_VALUE_BYTES_MAX
            && !self.reads.iter().any(|(known, _)| *known == path)
        {
            self.reads.push((path, receipt(value)));
        }
    }
}

/// A value for a person. A long text ends in an ellipsis; another long value is the beginning of its JSON, as a text, with an
/// ellipsis.
fn receipt(value: &Value) -> Option<Json> {
    let written = match value {
        Value::String(text) if text.len() > limits::RECEIPT_VALUE_BYTES_MAX => Err(Cut(text.to_string())),
        other => write(other, limits::RECEIPT_VALUE_BYTES_MAX),
    };
    match written {
        Ok(text) => text.map(|text| Json::parse(text).expect("a written value is JSON")),
        Err(Cut(mut text)) => {
            let end = (0..=limits::RECEIPT_VALUE_BYTES_MAX.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
            text.truncate(end.unwrap_or(0));
            text.push('…');
            Value::from(text).to_json()
        }
    }
}

/// A path as it is shown: `items[0].name`, `state["fraud-check"]`.
pub(super) fn joined(mut path: String, key: &str) -> String {
    // Longer paths are not shown; this keeps a key of a mebibyte from being copied for each step of its path.
    if path.len() > limits::RECEIPT_VALUE_BYTES_MAX {
        return path;
    }
    let is_name = key.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
        && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    if is_name {
        path.push('.');
        path.push_str(key);
    } else if array_index(key).is_some() {
        path.push('[');
        path.push_str(key);
        path.push(']');
    } else {
        path.push('[');
        path.push_str(&write(&Value::from(key), usize::MAX).ok().flatten().unwrap_or_default());
        path.push(']');
    }
    path
}
