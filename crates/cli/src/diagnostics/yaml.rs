//! YAML 1.2 as JSON, with the place of every value.
//!
//! What is *not* here: tags other than `!!str`, keys that are no scalars, numbers that JSON cannot hold. A definition needs none.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use workflow_core::json::Json;
use workflow_core::limits;

use super::document::{Content, Document, Field, Node};
use super::source::Unreadable;
use super::text::Quoting;

/// Aliases repeat what they name; without a bound a short file fills the memory.
const JSON_BYTES_MAX: usize = 2 << 20;

/// The values of a file: every document of it; of a document that is a list, its elements.
pub fn documents(source: &str) -> Result<Vec<Document>, Unreadable> {
    let mut reader = Reader::new(source);
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| {
            let message = error.info().to_owned();
            Unreadable::at(source, reader.offsets.byte(error.marker().index()), message)
        })?;
        reader.event(event, span)?;
    }
    Ok(reader.documents)
}

/// A value that is complete: where it is, and its JSON.
#[derive(Debug, Clone)]
struct Value {
    node: Node,
    json: String,
}

/// An array or object that is being read.
#[derive(Debug)]
struct Open {
    start: usize,
    anchor: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Array(Vec<Value>),
    Object { fields: Vec<(String, std::ops::Range<usize>, Value)>, key: Option<(String, std::ops::Range<usize>)> },
}

struct Reader<'a> {
    source: &'a str,
    offsets: Offsets,
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    json_bytes: usize,
    documents: Vec<Document>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Reader<'a> {
        Reader {
            source,
            offsets: Offsets::new(source),
            open: Vec::new(),
            anchors: HashMap::new(),
            json_bytes: 0,
            documents: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Unreadable> {
        let range = self.offsets.byte(span.start.index())..self.offsets.byte(span.end.index());
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), range),
            Event::SequenceStart(anchor, _) => self.enter(range.start, anchor, Kind::Array(Vec::new())),
            Event::MappingStart(anchor, _) => self.enter(range.start, anchor, Kind::Object { fields: Vec::new(), key: None }),
            Event::SequenceEnd | Event::MappingEnd => self.leave(range.end),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(value) => {
                    let value = value.clone();
                    self.put(value, 0)
                }
                None => Err(Unreadable::at(self.source, range.start, "an alias stands inside what it names")),
            },
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn enter(&mut self, start: usize, anchor: usize, kind: Kind) -> Result<(), Unreadable> {
        if self.open.len() >= limits::JSON_DEPTH_MAX {
            let message = format!("nested deeper than {} levels", limits::JSON_DEPTH_MAX);
            return Err(Unreadable::at(self.source, start, message));
        }
        self.open.push(Open { start, anchor, kind });
        Ok(())
    }

    fn leave(&mut self, end: usize) -> Result<(), Unreadable> {
        let Some(Open { start, anchor, kind }) = self.open.pop() else { return Ok(()) };
        let (content, json) = match kind {
            Kind::Array(items) => {
                let json = items.iter().map(|item| item.json.as_str()).collect::<Vec<_>>().join(",");
                (Content::Array(items.into_iter().map(|item| item.node).collect()), format!("[{json}]"))
            }
            Kind::Object { fields, .. } => {
                let json: Vec<String> = fields.iter().map(|(key, _, value)| format!("{}:{}", quoted(key), value.json)).collect();
                let field = |(key, key_span, value): (String, _, Value)| Field { key, key_span, value: value.node };
                (Content::Object(fields.into_iter().map(field).collect()), format!("{{{}}}", json.join(",")))
            }
        };
        // A block ends where the next token begins; what lies between belongs to nobody.
        let end = start + self.source[start..end.max(start)].trim_end().len();
        self.put(Value { node: Node { span: start..end, content }, json }, anchor)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: std::ops::Range<usize>,
    ) -> Result<(), Unreadable> {
        let is_string = match tag {
            None => style != ScalarStyle::Plain,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
            Some(tag) => {
                let message = format!("the tag `{}{}` has no meaning here; write the value without it", tag.handle, tag.suffix);
                return Err(Unreadable::at(self.source, span.start, message));
            }
        };
        if let Some(Open { kind: Kind::Object { key: key @ None, .. }, .. }) = self.open.last_mut() {
            *key = Some((text.to_owned(), span));
            return Ok(());
        }
        let plain =
            if is_string { None } else { plain(text).map_err(|message| Unreadable::at(self.source, span.start, message))? };
        let value = match plain {
            Some(json) => Value { node: Node { span, content: Content::Plain }, json },
            None => {
                let content = Content::Text { value: text.to_owned(), quoting: quoting(style) };
                Value { node: Node { span, content }, json: quoted(text) }
            }
        };
        self.put(value, anchor)
    }

    /// Puts a complete value where it belongs.
    fn put(&mut self, value: Value, anchor: usize) -> Result<(), Unreadable> {
        self.json_bytes += value.json.len();
        if self.json_bytes > JSON_BYTES_MAX {
            let message = format!("more than {} MiB with its aliases written out", JSON_BYTES_MAX >> 20);
            return Err(Unreadable::at(self.source, value.node.span.start, message));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            Some(Open { kind: Kind::Array(items), .. }) => items.push(value),
            Some(Open { kind: Kind::Object { fields, key }, .. }) => match key.take() {
                Some((key, span)) => fields.push((key, span, value)),
                None => return Err(Unreadable::at(self.source, value.node.span.start, "a key must be a text")),
            },
            None => self.document(value)?,
        }
        Ok(())
    }

    fn document(&mut self, value: Value) -> Result<(), Unreadable> {
        let is_empty = value.node.content == Content::Plain && self.source[value.node.span.clone()].trim().is_empty();
        let Value { node, json } = value;
        let at = node.span.start;
        let json = Json::parse(json).map_err(|error| Unreadable::at(self.source, at, error.to_string()))?;
        match node.content {
            _ if is_empty => {}
            Content::Array(nodes) => {
                let elements = json.elements().unwrap_or_default();
                self.documents.extend(nodes.into_iter().zip(elements).map(|(root, json)| Document { json, root }));
            }
            content => self.documents.push(Document { json, root: Node { span: node.span, content } }),
        }
        Ok(())
    }
}

fn quoting(style: ScalarStyle) -> Quoting {
    match style {
        ScalarStyle::Plain => Quoting::Bare,
        ScalarStyle::SingleQuoted => Quoting::Single,
        ScalarStyle::DoubleQuoted => Quoting::Double,
        ScalarStyle::Literal => Quoting::Literal,
        ScalarStyle::Folded => Quoting::Folded,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A scalar without quotes, by YAML's core schema, as JSON; `None` when it is a text.
fn plain(text: &str) -> Result<Option<String>, String> {
    let json = match text {
        "" | "~" | "null" | "Null" | "NULL" => "null".to_owned(),
        "true" | "True" | "TRUE" => "true".to_owned(),
        "false" | "False" | "FALSE" => "false".to_owned(),
        _ if is_infinite_or_nan(text) => return Err(format!("`{text}` is no number that JSON has")),
        _ => match number(text) {
            Some(number) => number,
            None => return Ok(None),
        },
    };
    Ok(Some(json))
}

fn is_infinite_or_nan(text: &str) -> bool {
    matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn number(text: &str) -> Option<String> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(|number| number.to_string());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(|number| number.to_string());
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(['e', 'E']).unwrap_or(digits.len());
    let (mantissa, exponent) = digits.split_at(end);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.get(1..).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    let is_number = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_digits.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    if !is_number {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

/// The parser counts characters, everything else here bytes.
struct Offsets {
    /// Where each character begins; none when every character is one byte.
    starts: Option<Vec<usize>>,
    len: usize,
}

impl Offsets {
    fn new(source: &str) -> Offsets {
        let starts = (!source.is_ascii()).then(|| source.char_indices().map(|(at, _)| at).collect());
        Offsets { starts, len: source.len() }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.starts {
            Some(starts) => starts.get(character).copied().unwrap_or(self.len),
            None => character.min(self.len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(source: &str) -> String {
        let documents = documents(source).unwrap();
        documents.iter().map(|document| document.json.text()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        assert_eq!(
            json("a: no\nb: 12\nc: 1e3\nd: .5\ne: ~\nf: 0x1F\ng: '12'\nh: true\ni: 30s\nj:\nk: 007\nl: 1.2.3\nm:\n  -\n"),
            r#"{"a":"no","b":12,"c":1e3,"d":0.5,"e":null,"f":31,"g":"12","h":true,"i":"30s","j":null,"k":7,"l":"1.2.3","m":[null]}"#
        );
        assert_eq!(json("a: !!str 12"), r#"{"a":"12"}"#);
    }

    #[test]
    fn documents_and_lists_are_several_definitions() {
        assert_eq!(json("id: a\n---\nid: b\n---\n"), r#"{"id":"a"} {"id":"b"}"#);
        assert_eq!(json("- id: a\n- {id: b}\n"), r#"{"id":"a"} {"id":"b"}"#);
    }

    #[test]
    fn aliases_repeat_their_anchor_within_bounds() {
        assert_eq!(json("a: &x {b: 1}\nc: *x\n"), r#"{"a":{"b":1},"c":{"b":1}}"#);
        let mut laughs = "a0: &a0 [lol]\n".to_owned();
        for n in 1..30 {
            laughs += &format!("a{n}: &a{n} [*a{m}, *a{m}, *a{m}]\n", m = n - 1);
        }
        assert!(documents(&laughs).unwrap_err().message.starts_with("more than 2 MiB"));
    }

    #[test]
    fn values_have_their_place_also_after_wide_characters() {
        let source = "name: Größe → \u{1f600}\nsteps:\n  - id: 'a'\n    dependsOn: [ b ]\n";
        let documents = documents(source).unwrap();
        let text = |pointer: &str| &source[documents[0].locate(pointer).node.span.clone()];
        assert_eq!(text("/name"), "Größe → \u{1f600}");
        assert_eq!(text("/steps/0/id"), "'a'");
        assert_eq!(text("/steps/0/dependsOn"), "[ b ]");
        assert_eq!(text("/steps/0/dependsOn/0"), "b");
        assert_eq!(text("/steps/0"), "id: 'a'\n    dependsOn: [ b ]");
        let key = documents[0].locate("/steps/0/dependsOn").key_span.unwrap();
        assert_eq!(&source[key], "dependsOn");
    }

    #[test]
    fn what_json_cannot_hold_is_refused_in_its_place() {
        let refused = |source: &str| documents(source).unwrap_err();
        assert_eq!(refused("a: 1\nb: .inf").at, 8);
        assert_eq!(refused("a: !Ref x").message, "the tag `!Ref` has no meaning here; write the value without it");
        assert!(refused("a: [1, 2").message.contains("sequence"), "{:?}", refused("a: [1, 2"));
        let deep = format!("{}{}", "- ".repeat(500), "x");
        assert!(refused(&deep).message.starts_with("nested deeper"), "{:?}", refused(&deep));
        assert!(refused("? [a]\n: b").message.contains("key"));
        assert_eq!(refused("a: &x [*x]").message, "an alias stands inside what it names");
    }

    #[test]
    fn carriage_returns_do_not_shift_places() {
        let source = "id: a\r\nsteps:\r\n  - id: bb\r\n";
        let documents = documents(source).unwrap();
        assert_eq!(&source[documents[0].locate("/steps/0/id").node.span.clone()], "bb");
    }
}
