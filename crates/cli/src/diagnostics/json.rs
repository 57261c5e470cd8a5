//! Places of the values in a JSON text. serde_json has read it before, so that this walk meets well-formed JSON only.

use std::ops::Range;

use workflow_core::json::{Json, JsonError};

use super::document::{Content, Document, Field, Node};
use super::source::Unreadable;
use super::text::Quoting;

/// The values of a file: the elements when it holds an array, else the one.
pub fn documents(source: &str) -> Result<Vec<Document>, Unreadable> {
    let text = source.strip_prefix('\u{feff}').unwrap_or(source);
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let at = source.len() - text.len() + offset(text, error.line(), error.column());
        return Err(Unreadable::at(source, at, without_place(&error.to_string())));
    }
    if let Err(JsonError::TooDeep) = Json::parse(text) {
        return Err(Unreadable::at(source, 0, JsonError::TooDeep.to_string()));
    }
    let mut walk = Walk { source, at: source.len() - text.len() };
    let root = walk.value();
    let nodes = match root.content {
        Content::Array(items) => items,
        Content::Plain | Content::Text { .. } | Content::Object(_) => vec![root],
    };
    let document = |root: Node| {
        let json = Json::parse(&source[root.span.clone()])
            .map_err(|error| Unreadable::at(source, root.span.start, error.to_string()))?;
        Ok(Document { json, root })
    };
    nodes.into_iter().map(document).collect()
}

/// serde_json counts lines from 1 and columns in bytes, the column being that of the last byte read.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

struct Walk<'a> {
    source: &'a str,
    at: usize,
}

impl Walk<'_> {
    fn value(&mut self) -> Node {
        self.skip_space();
        let start = self.at;
        let content = match self.peek() {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => {
                let span = self.string();
                Content::Text { value: decoded(&self.source[span]), quoting: Quoting::Json }
            }
            _ => {
                while !matches!(self.peek(), b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | 0) {
                    self.at += 1;
                }
                Content::Plain
            }
        };
        Node { span: start..self.at, content }
    }

    fn object(&mut self) -> Content {
        let mut fields = Vec::new();
        self.at += 1;
        while self.skip_space() && self.peek() != b'}' {
            let key_span = self.string();
            self.skip_space();
            self.at += 1;
            let value = self.value();
            fields.push(Field { key: decoded(&self.source[key_span.clone()]), key_span, value });
            self.skip_comma();
        }
        self.at += 1;
        Content::Object(fields)
    }

    fn array(&mut self) -> Content {
        let mut items = Vec::new();
        self.at += 1;
        while self.skip_space() && self.peek() != b']' {
            items.push(self.value());
            self.skip_comma();
        }
        self.at += 1;
        Content::Array(items)
    }

    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        while !matches!(self.peek(), b'"' | 0) {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        start..self.at
    }

    /// Answers whether anything is left.
    fn skip_space(&mut self) -> bool {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.at < self.source.len()
    }

    fn skip_comma(&mut self) {
        self.skip_space();
        if self.peek() == b',' {
            self.at += 1;
        }
    }

    /// The byte to read next, 0 at the end.
    fn peek(&self) -> u8 {
        self.source.as_bytes().get(self.at).copied().unwrap_or(0)
    }
}

/// A lone surrogate is no Rust text; such a string is shown as it is written.
fn decoded(written: &str) -> String {
    serde_json::from_str(written).unwrap_or_else(|_| written.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[a-z/~\"\\\\ ü]{0,6}", inner), 0..5).prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    /// Every pointer into a value, with what it leads to.
    fn pointers(value: &Value, pointer: String, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| pointers(item, format!("{pointer}/{index}"), found));
            }
            Value::Object(fields) => fields.iter().for_each(|(key, field)| {
                pointers(field, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        found.push((pointer, value.clone()));
    }

    proptest! {
        /// However it is laid out: the text at the place of a pointer is the value that the pointer names.
        #[test]
        fn every_pointer_leads_to_the_text_of_its_value(value in value(), pretty in any::<bool>()) {
            let object = serde_json::json!({ "whole": value });
            let source = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
            let documents = documents(&source).unwrap();
            let mut found = Vec::new();
            pointers(&object, String::new(), &mut found);
            for (pointer, expected) in found {
                let place = documents[0].locate(&pointer);
                prop_assert!(place.exact, "{pointer}");
                let read: Value = serde_json::from_str(&source[place.node.span.clone()]).unwrap();
                prop_assert_eq!(read, expected);
            }
        }
    }

    #[test]
    fn an_array_holds_several_definitions() {
        let found = documents("[ {\"id\": \"a\"} , {\"id\": \"b\"} ]\n").unwrap();
        assert_eq!(found.iter().map(|document| document.text_of("id")).collect::<Vec<_>>(), [Some("a"), Some("b")]);
        assert_eq!(found[1].json.text(), "{\"id\": \"b\"}");
    }

    #[test]
    fn a_pointer_to_nothing_leads_as_far_as_it_can() {
        let found = documents("{\"steps\": [{\"id\": \"a\"}]}").unwrap();
        let place = found[0].locate("/steps/0/action");
        assert!(!place.exact);
        assert_eq!(place.node.span, 11..22);
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let error = documents("{\"id\": \"a\",\n \"steps\": [}\n").unwrap_err();
        assert_eq!((error.at, error.message.as_str()), (23, "expected value"));
        assert_eq!(documents("").unwrap_err().at, 0);
        assert_eq!(documents("{\"ü\": ü}").unwrap_err().at, 7);
    }
}
