//! Values as JSON text, as `JSON.stringify` writes them.

use super::super::number;
use super::Value;

/// The text would have been longer than allowed; this much of it, and perhaps a little more, is there.
#[derive(Debug)]
pub(in crate::expression) struct Cut(pub String);

/// `None` for `undefined`. Stops soon after `bytes_max`.
pub(in crate::expression) fn write(value: &Value, bytes_max: usize) -> Result<Option<String>, Cut> {
    if matches!(value, Value::Undefined) {
        return Ok(None);
    }
    let mut text = String::new();
    match append(value, &mut text, bytes_max) {
        Ok(()) => Ok(Some(text)),
        Err(Full) => Err(Cut(text)),
    }
}

struct Full;

fn append(value: &Value, text: &mut String, bytes_max: usize) -> Result<(), Full> {
    match value {
        Value::Undefined | Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.is_finite() => text.push_str(&number::to_text(*number)),
        Value::Number(_) => text.push_str("null"),
        Value::String(string) => quote(string, text, bytes_max)?,
        Value::Array(array) => {
            text.push('[');
            for (index, item) in array.items().iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                append(item, text, bytes_max)?;
            }
            text.push(']');
        }
        Value::Object(object) => {
            text.push('{');
            let defined = object.fields().filter(|(_, field)| !matches!(field, Value::Undefined));
            for (index, (key, field)) in defined.enumerate() {
                if index > 0 {
                    text.push(',');
                }
                quote(key, text, bytes_max)?;
                text.push(':');
                append(field, text, bytes_max)?;
            }
            text.push('}');
        }
    }
    if text.len() > bytes_max { Err(Full) } else { Ok(()) }
}

fn quote(string: &str, text: &mut String, bytes_max: usize) -> Result<(), Full> {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\u{1f}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => text.push(c),
        }
        if text.len() > bytes_max {
            return Err(Full);
        }
    }
    text.push('"');
    Ok(())
}
