//! JavaScript's conversions and comparisons.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::super::number;
use super::{Object, Value};

/// An object whose own field `toString` hides the method: JavaScript cannot make a text or number of it.
#[derive(Debug)]
pub(in crate::expression) struct Unconvertible;

impl Value {
    /// `ToString`.
    pub(in crate::expression) fn as_text(&self) -> Result<Arc<str>, Unconvertible> {
        match self {
            Value::String(text) => Ok(text.clone()),
            other => other.text_or(object_text).map(Arc::from),
        }
    }

    /// `ToNumber`.
    pub(in crate::expression) fn as_number(&self) -> Result<f64, Unconvertible> {
        Ok(match self {
            Value::Undefined => f64::NAN,
            Value::Null => 0.0,
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Number(number) => *number,
            Value::String(text) => number::from_text(text),
            Value::Array(_) | Value::Object(_) => number::from_text(&self.as_text()?),
        })
    }

    /// `ToPrimitive`: arrays and objects become texts.
    pub(in crate::expression) fn as_primitive(&self) -> Result<Value, Unconvertible> {
        match self {
            Value::Array(_) | Value::Object(_) => Ok(Value::String(self.as_text()?)),
            other => Ok(other.clone()),
        }
    }

    pub(super) fn text_or(&self, object: fn(&Object) -> Result<&'static str, Unconvertible>) -> Result<String, Unconvertible> {
        let mut text = String::new();
        self.append(&mut text, object)?;
        Ok(text)
    }

    fn append(&self, text: &mut String, object: fn(&Object) -> Result<&'static str, Unconvertible>) -> Result<(), Unconvertible> {
        let part: Cow<'_, str> = match self {
            Value::Undefined => "undefined".into(),
            Value::Null => "null".into(),
            Value::Bool(true) => "true".into(),
            Value::Bool(false) => "false".into(),
            Value::Number(number) => number::to_text(*number).into(),
            Value::String(string) => (&**string).into(),
            Value::Object(fields) => object(fields)?.into(),
            Value::Array(array) => {
                for (index, item) in array.items().iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    if !item.is_nullish() {
                        item.append(text, object)?;
                    }
                }
                return Ok(());
            }
        };
        text.push_str(&part);
        Ok(())
    }
}

fn object_text(object: &Object) -> Result<&'static str, Unconvertible> {
    if object.get("toString").is_some() { Err(Unconvertible) } else { Ok("[object Object]") }
}

/// `===`.
pub(in crate::expression) fn strictly_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => a.is(b),
        (Value::Object(a), Value::Object(b)) => a.is(b),
        _ => false,
    }
}

/// As `includes` compares: `===`, but NaN equals NaN.
pub(in crate::expression) fn same_value_zero(a: &Value, b: &Value) -> bool {
    matches!((a, b), (Value::Number(a), Value::Number(b)) if a.is_nan() && b.is_nan()) || strictly_equal(a, b)
}

/// `==`.
pub(in crate::expression) fn loosely_equal(a: &Value, b: &Value) -> Result<bool, Unconvertible> {
    let is_object = |value: &Value| matches!(value, Value::Array(_) | Value::Object(_));
    if a.is_nullish() || b.is_nullish() {
        return Ok(a.is_nullish() && b.is_nullish());
    }
    match (is_object(a), is_object(b)) {
        (true, true) => return Ok(strictly_equal(a, b)),
        (true, false) => return loosely_equal(&a.as_primitive()?, b),
        (false, true) => return loosely_equal(a, &b.as_primitive()?),
        (false, false) => {}
    }
    if a.type_name() == b.type_name() { Ok(strictly_equal(a, b)) } else { Ok(a.as_number()? == b.as_number()?) }
}

/// Texts in JavaScript's order, by UTF-16 unit.
pub(in crate::expression) fn compare_text(a: &str, b: &str) -> Ordering {
    if a.is_ascii() || b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// The index that a key stands for: digits without a leading zero, below 2^32 - 1.
pub(in crate::expression) fn array_index(key: &str) -> Option<usize> {
    let canonical = key == "0" || (key.len() <= 10 && !key.starts_with('0') && !key.is_empty());
    if !canonical || !key.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    key.parse::<u32>().ok().filter(|&index| index < u32::MAX).map(|index| index as usize)
}
