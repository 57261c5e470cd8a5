//! JSON text that is carried, not read.
//!
//! Inputs and outputs pass through the engine as the text that came in (invariant I8), so that big numbers, key order and
//! types survive. They are parsed only where an expression or a `$.` path reads them (see `expression::Value`).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::definition::tree;
use crate::limits;

/// One well-formed JSON value as text, without surrounding white space, nested at most [`limits::JSON_DEPTH_MAX`] deep.
/// Cloning it is cheap. Equality is that of the text; see [`Json::same_value`] for that of the value.
#[derive(Clone, Serialize)]
#[serde(transparent)]
// The box that serde made, so that its text is not copied once more.
pub struct Json(Arc<Box<RawValue>>);

/// Why a text is no [`Json`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("not valid JSON: {0}")]
    Syntax(String),
    #[error("nested deeper than {max} levels", max = limits::JSON_DEPTH_MAX)]
    TooDeep,
}

impl Json {
    /// Checks `text` and keeps it.
    pub fn parse(text: impl Into<String>) -> Result<Json, JsonError> {
        let raw = RawValue::from_string(text.into()).map_err(|error| JsonError::Syntax(error.to_string()))?;
        Json::from_raw(raw)
    }

    /// Keeps a value that serde has already checked for syntax.
    pub fn from_raw(raw: Box<RawValue>) -> Result<Json, JsonError> {
        if is_too_deep(raw.get()) { Err(JsonError::TooDeep) } else { Ok(Json(Arc::new(raw))) }
    }

    /// The JSON text of anything that serializes to JSON.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Json, JsonError> {
        let raw = serde_json::value::to_raw_value(value).map_err(|error| JsonError::Syntax(error.to_string()))?;
        Json::from_raw(raw)
    }

    pub fn null() -> Json {
        Json(Arc::new(RawValue::NULL.to_owned()))
    }

    /// The empty object, the input of an execution that was started without one.
    pub fn empty_object() -> Json {
        Json(Arc::new(RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")))
    }

    pub fn text(&self) -> &str {
        self.0.get()
    }

    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.text().len()
    }

    /// Whether one is a clone of the other: the same text at the same place.
    pub fn is_clone_of(&self, other: &Json) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether a clone of this very value is somewhere else.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Never true: the shortest JSON text is one character.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub fn is_object(&self) -> bool {
        self.text().starts_with('{')
    }

    /// Reads it into a Rust type.
    pub fn to<T: for<'a> Deserialize<'a>>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text())
    }

    /// The fields of an object in their order (of a name that occurs twice, the last value, as JavaScript reads it); `None`
    /// when it is no object. Only this level is read.
    pub fn fields(&self) -> Option<indexmap::IndexMap<String, Json>> {
        if self.is_object() { self.to().ok() } else { None }
    }

    /// The elements of an array; `None` when it is no array. Only this level is read.
    pub fn elements(&self) -> Option<Vec<Json>> {
        if self.text().starts_with('[') { self.to().ok() } else { None }
    }

    /// Whether both are the same JSON value: white space, the order of keys and how a number is written do not count. Numbers
    /// are compared exactly, beyond what a double holds.
    pub fn same_value(&self, other: &Json) -> bool {
        self.text() == other.text() || tree::same_value(&tree::Node::of(self), &tree::Node::of(other))
    }
}

/// Of a text that is known to be JSON. Nearly every one holds fewer brackets than may be nested, and those are counted at once.
fn is_too_deep(text: &str) -> bool {
    text.len() > limits::JSON_DEPTH_MAX && opening_brackets(text) > limits::JSON_DEPTH_MAX && depth(text) > limits::JSON_DEPTH_MAX
}

/// All that look like one. A compiler makes this a few instructions for each 16 bytes or more, as long as it counts in bytes.
fn opening_brackets(text: &str) -> usize {
    // One bit tells `[` from `{`.
    let in_piece = |piece: &[u8]| piece.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>();
    text.as_bytes().chunks(usize::from(u8::MAX)).map(|piece| usize::from(in_piece(piece))).sum()
}

/// The deepest nesting of brackets in a text that is known to be JSON.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Json::from_raw(raw).map_err(serde::de::Error::custom)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        self.is_clone_of(other) || self.text() == other.text()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_unchanged() {
        let text = r#"{"b":1.10,"a":12345678901234567890,"a2":[1e400]}"#;
        assert_eq!(Json::parse(text).unwrap().text(), text);
    }

    #[test]
    fn nesting_is_bounded_and_brackets_in_strings_do_not_count() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Json::parse(deep(limits::JSON_DEPTH_MAX)).is_ok());
        assert_eq!(Json::parse(deep(limits::JSON_DEPTH_MAX + 1)), Err(JsonError::TooDeep));
        assert!(Json::parse(format!("\"\\\"{}\"", "[".repeat(500))).is_ok());
        for (text, count) in [("[{[{".repeat(500), 2_000), ("]};:Zz\u{5b}".repeat(300), 300), (String::new(), 0)] {
            assert_eq!(opening_brackets(&text), count);
        }
    }

    #[test]
    fn values_are_compared_without_white_space_and_order() {
        let json = |text: &str| Json::parse(text).unwrap();
        assert!(json(r#"{"a":1,"b":[2]}"#).same_value(&json(r#"{ "b": [2], "a": 1 }"#)));
        assert!(!json(r#"{"a":1}"#).same_value(&json(r#"{"a":"1"}"#)));
        assert!(json("1.0").same_value(&json("1")));
        assert!(!json("9007199254740993").same_value(&json("9007199254740992")));
    }
}
