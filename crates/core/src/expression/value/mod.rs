//! JavaScript values, as far as JSON can carry them, and `undefined`.
//!
//! Text is Rust text, so a lone surrogate cannot be held: half of a pair, cut off by an index or a slice, or written in JSON as
//! `"\ud800"`, becomes U+FFFD. Lengths and positions count UTF-16 units as JavaScript does.

mod containers;
mod convert;
mod read;
mod write;

use std::sync::Arc;

pub(super) use containers::ObjectBuilder;
pub use containers::{Array, Object};
pub(super) use convert::{Unconvertible, array_index, compare_text, loosely_equal, same_value_zero, strictly_equal};
pub(super) use read::{Parsed, Reader, field_span};
pub(super) use write::{Cut, write};

use super::number;
use crate::json::Json;

/// A JavaScript value that can come from, or become, JSON. Cloning is cheap.
///
/// `==` compares contents (and no NaN equals another); it is not JavaScript's `===`, for which two objects differ.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    String(Arc<str>),
    Array(Array),
    Object(Object),
}

impl Value {
    /// What `JSON.parse` gives.
    pub fn from_json(json: &Json) -> Value {
        Reader::new(json.text()).value()
    }

    /// As `JSON.stringify`: `None` for `undefined`; NaN and the infinities are `null`.
    pub fn to_json(&self) -> Option<Json> {
        let text = write(self, usize::MAX).ok()?;
        text.map(|text| Json::parse(text).expect("a written value is JSON, and no value is nested deeper than JSON may be"))
    }

    /// As `String(value)`: `"undefined"`, `"1,2"`, `"[object Object]"`.
    pub fn to_text(&self) -> String {
        self.text_or(|_| Ok("[object Object]")).unwrap_or_default()
    }

    /// As `Boolean(value)`.
    pub fn truthy(&self) -> bool {
        match self {
            Value::Undefined | Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::String(text) => !text.is_empty(),
            Value::Array(_) | Value::Object(_) => true,
        }
    }

    /// As `typeof value`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Undefined => "undefined",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Null | Value::Array(_) | Value::Object(_) => "object",
        }
    }

    /// `undefined` or `null`.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Value::Undefined | Value::Null)
    }

    pub(super) fn text(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    /// The own property `key`; `length` of texts and arrays too. Of `undefined` and `null` there is none; the caller throws.
    pub(super) fn property(&self, key: &str) -> Value {
        match self {
            Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) => Value::Undefined,
            Value::String(text) if key == "length" => Value::Number(text.encode_utf16().count() as f64),
            Value::String(text) => array_index(key).and_then(|index| unit(text, index)).unwrap_or(Value::Undefined),
            Value::Array(array) if key == "length" => Value::Number(array.items().len() as f64),
            Value::Array(array) => {
                array_index(key).and_then(|index| array.items().get(index)).cloned().unwrap_or(Value::Undefined)
            }
            Value::Object(object) => object.get(key).cloned().unwrap_or(Value::Undefined),
        }
    }

    /// As [`Value::property`] by a number, without making a text of it.
    pub(super) fn element(&self, index: usize) -> Value {
        match self {
            Value::Array(array) => array.items().get(index).cloned().unwrap_or(Value::Undefined),
            Value::String(text) => unit(text, index).unwrap_or(Value::Undefined),
            other => other.property(&number::to_text(index as f64)),
        }
    }

    /// Roughly the bytes that it takes, everything inside counted as often as it occurs.
    pub(super) fn weight(&self) -> usize {
        match self {
            Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) => 8,
            Value::String(text) => text.len().saturating_add(8),
            Value::Array(array) => array.weight(),
            Value::Object(object) => object.weight(),
        }
    }

    /// Levels of arrays and objects: 0 for everything else.
    pub(super) fn depth(&self) -> usize {
        match self {
            Value::Array(array) => array.depth(),
            Value::Object(object) => object.depth(),
            _ => 0,
        }
    }
}

/// One UTF-16 unit of a text as a text.
fn unit(text: &str, index: usize) -> Option<Value> {
    if text.is_ascii() {
        return text.get(index..=index).map(Value::text);
    }
    let unit = text.encode_utf16().nth(index)?;
    Some(Value::text(String::from_utf16_lossy(&[unit])))
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::text(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::Array(Array::new(items))
    }
}
