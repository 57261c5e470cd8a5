//! JSON text as values.
//!
//! Not serde_json's reader, because the text is already known to be JSON, a number has to be read exactly as JavaScript reads it
//! (`1e400` is Infinity), a lone surrogate has to become U+FFFD and not an error, and one field of a large text is
//! found without making values of the others.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::{Array, ObjectBuilder, Value};

/// Reads a text that is known to be JSON and nested no deeper than JSON may be.
#[derive(Debug)]
pub(in crate::expression) struct Reader<'a> {
    text: &'a str,
    at: usize,
    parsed: Option<&'a Parsed>,
}

/// Arrays and objects of a text that have been read already: by where they begin, with where they end.
pub(in crate::expression) type Parsed = BTreeMap<usize, (Value, usize)>;

/// Where the value of the own field `key` (of a name that occurs twice, the last) lies in the text of an object.
pub(in crate::expression) fn field_span(object: &str, key: &str) -> Option<Range<usize>> {
    let mut reader = Reader::new(object);
    let mut found = None;
    reader.at += 1;
    while reader.more(b'}') {
        let name = reader.string();
        reader.colon();
        let start = reader.at;
        reader.skip();
        if name == key {
            found = Some(start..reader.at);
        }
    }
    found
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Reader<'a> {
        let mut reader = Reader { text, at: 0, parsed: None };
        reader.space();
        reader
    }

    /// Begins in the middle, and takes what has been read already as it is.
    pub fn part(text: &'a str, at: usize, parsed: &'a Parsed) -> Reader<'a> {
        Reader { text, at, parsed: Some(parsed) }
    }

    pub fn value(&mut self) -> Value {
        if let Some((value, end)) = self.parsed.and_then(|parsed| parsed.get(&self.at)) {
            self.at = *end;
            return value.clone();
        }
        match self.peek() {
            b'n' => self.literal("null", Value::Null),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'"' => Value::text(self.string()),
            b'[' => {
                let mut items = Vec::new();
                self.at += 1;
                while self.more(b']') {
                    items.push(self.value());
                }
                Value::Array(Array::new(items))
            }
            b'{' => {
                let mut fields = ObjectBuilder::default();
                self.at += 1;
                while self.more(b'}') {
                    let key = self.string();
                    self.colon();
                    let value = self.value();
                    fields.set(key, value);
                }
                Value::Object(fields.finish())
            }
            _ => self.number(),
        }
    }

    /// Steps over one value.
    fn skip(&mut self) {
        match self.peek() {
            b'"' => {
                self.string_span();
            }
            b'[' | b'{' => {
                let mut depth = 0usize;
                loop {
                    match self.peek() {
                        b'"' => {
                            self.string_span();
                            continue;
                        }
                        b'[' | b'{' => depth += 1,
                        b']' | b'}' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => self.at = self.scalar_end(),
        }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes()[self.at]
    }

    fn space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count();
    }

    /// Goes to the next element or field, or past the end.
    fn more(&mut self, end: u8) -> bool {
        self.space();
        if self.peek() == b',' {
            self.at += 1;
            self.space();
        }
        if self.peek() == end {
            self.at += 1;
            return false;
        }
        true
    }

    fn colon(&mut self) {
        self.space();
        self.at += 1;
        self.space();
    }

    fn literal(&mut self, word: &str, value: Value) -> Value {
        self.at += word.len();
        value
    }

    fn number(&mut self) -> Value {
        let end = self.scalar_end();
        let number = self.text[self.at..end].parse().expect("a JSON number is a Rust number");
        self.at = end;
        Value::Number(number)
    }

    fn scalar_end(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        self.at + rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')).count()
    }

    /// The text between the quotes, escapes and all.
    fn string_span(&mut self) -> Range<usize> {
        let start = self.at + 1;
        self.at = start;
        loop {
            match self.peek() {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        start..self.at - 1
    }

    fn string(&mut self) -> Cow<'a, str> {
        let raw = &self.text[self.string_span()];
        if raw.contains('\\') { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }
}

fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes()[at + 1];
        rest = &rest[at + 2..];
        match escape {
            b'b' => text.push('\u{8}'),
            b'f' => text.push('\u{c}'),
            b'n' => text.push('\n'),
            b'r' => text.push('\r'),
            b't' => text.push('\t'),
            b'u' => text.push(unicode(&mut rest)),
            plain => text.push(char::from(plain)),
        }
    }
    text.push_str(rest);
    text
}

/// What follows `\u`: one unit, or a pair of surrogates.
fn unicode(rest: &mut &str) -> char {
    let unit = |text: &str| text.get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let Some(first) = unit(rest) else { return char::REPLACEMENT_CHARACTER };
    *rest = &rest[4..];
    let second = rest.strip_prefix("\\u").and_then(unit);
    if let Some(second) = second
        && let Some(Ok(pair)) = char::decode_utf16([first, second]).next()
        && pair.len_utf16() == 2
    {
        *rest = &rest[6..];
        return pair;
    }
    char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER)
}
