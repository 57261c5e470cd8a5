//! Methods of texts.

use std::sync::Arc;

use super::super::builtins::Method;
use super::super::number;
use super::super::value::Value;
use super::budget::Elements;
use super::{Evaluator, Outcome, throw, utf16};
use crate::limits;

/// A position as JavaScript clamps it.
pub(super) fn clamped(position: f64, len: usize) -> usize {
    number::to_integer(position).clamp(0.0, len as f64) as usize
}

/// A position that counts from the end when it is negative.
pub(super) fn relative(position: f64, len: usize) -> usize {
    let position = number::to_integer(position);
    if position < 0.0 { (len as f64 + position).max(0.0) as usize } else { position.min(len as f64) as usize }
}

impl Evaluator<'_> {
    pub(super) fn string_method(&mut self, method: Method, text: &Arc<str>, arguments: &[Value]) -> Outcome<Value> {
        self.budget.bytes(text.len())?;
        let undefined = Value::Undefined;
        let first = arguments.first().unwrap_or(&undefined);
        let second = arguments.get(1).unwrap_or(&undefined);
        Ok(match method {
            Method::At => self.at(text, first)?,
            Method::CharAt | Method::CharCodeAt | Method::CodePointAt => self.character(method, text, first)?,
            Method::Concat => {
                let mut whole = text.to_string();
                for argument in arguments {
                    let part = self.text(argument)?;
                    self.budget.fits(whole.len() + part.len())?;
                    whole.push_str(&part);
                }
                Value::from(whole)
            }
            Method::Includes | Method::IndexOf | Method::LastIndexOf | Method::StartsWith | Method::EndsWith => {
                self.search(method, text, first, second)?
            }
            Method::PadStart => self.padded(text, first, second, |text, padding| padding + text)?,
            Method::PadEnd => self.padded(text, first, second, |text, padding| text.to_owned() + &padding)?,
            Method::Repeat => {
                let times = number::to_integer(self.number(first)?);
                if times < 0.0 || times.is_infinite() {
                    return throw("`repeat` takes a number of times from 0 up");
                }
                let bytes = (times * text.len() as f64).min(usize::MAX as f64) as usize;
                self.budget.fits(bytes)?;
                if text.is_empty() { Value::from("") } else { Value::from(text.repeat(times as usize)) }
            }
            Method::Replace => self.replaced(text, first, second, Some(1))?,
            Method::ReplaceAll => self.replaced(text, first, second, None)?,
            Method::Slice => {
                let len = utf16::len(text);
                let from = relative(self.number(first)?, len);
                let to = if matches!(second, Value::Undefined) { len } else { relative(self.number(second)?, len) };
                Value::from(utf16::slice(text, from, to))
            }
            Method::Substring => {
                let len = utf16::len(text);
                let from = clamped(self.number(first)?, len);
                let to = if matches!(second, Value::Undefined) { len } else { clamped(self.number(second)?, len) };
                Value::from(utf16::slice(text, from.min(to), from.max(to)))
            }
            Method::Split => self.split(text, first, second)?,
            Method::ToLowerCase => self.budget.text(text.to_lowercase())?,
            Method::ToUpperCase => self.budget.text(text.to_uppercase())?,
            Method::Trim => Value::from(text.trim_matches(number::is_space)),
            Method::TrimStart => Value::from(text.trim_start_matches(number::is_space)),
            Method::TrimEnd => Value::from(text.trim_end_matches(number::is_space)),
            Method::ToString => Value::String(text.clone()),
            other => self.plain_method(other, &Value::String(text.clone()), arguments)?,
        })
    }

    fn at(&mut self, text: &str, position: &Value) -> Outcome<Value> {
        let position = number::to_integer(self.number(position)?);
        let index = if position < 0.0 { position + utf16::len(text) as f64 } else { position };
        Ok(if index < 0.0 || index >= text.len() as f64 { Value::Undefined } else { Value::from(text).element(index as usize) })
    }

    fn character(&mut self, method: Method, text: &str, position: &Value) -> Outcome<Value> {
        let index = number::to_integer(self.number(position)?);
        let units: Vec<u16> = if (0.0..text.len() as f64).contains(&index) {
            text.encode_utf16().skip(index as usize).take(2).collect()
        } else {
            Vec::new()
        };
        Ok(match (method, units.first()) {
            (Method::CharAt, Some(unit)) => Value::from(String::from_utf16_lossy(&[*unit])),
            (Method::CharAt, None) => Value::from(""),
            (Method::CharCodeAt, Some(unit)) => Value::Number(f64::from(*unit)),
            (Method::CharCodeAt, None) => Value::Number(f64::NAN),
            (_, None) => Value::Undefined,
            (_, Some(unit)) => {
                let pair = char::decode_utf16(units.iter().copied()).next();
                Value::Number(pair.and_then(Result::ok).map_or(f64::from(*unit), |c| f64::from(u32::from(c))))
            }
        })
    }

    fn search(&mut self, method: Method, text: &str, searched: &Value, position: &Value) -> Outcome<Value> {
        let searched = self.text(searched)?;
        let len = utf16::len(text);
        let position = self.number(position)?;
        let index = |found: Option<usize>| Value::Number(found.map_or(-1.0, |index| index as f64));
        Ok(match method {
            Method::Includes => Value::Bool(utf16::find(text, &searched, clamped(position, len)).is_some()),
            Method::IndexOf => index(utf16::find(text, &searched, clamped(position, len))),
            Method::LastIndexOf => {
                let from = if position.is_nan() { len } else { clamped(position, len) };
                index(utf16::find_last(text, &searched, from))
            }
            Method::StartsWith => {
                let from = clamped(position, len);
                Value::Bool(utf16::slice(text, from, len).starts_with(&*searched))
            }
            _ => {
                let to = if position.is_nan() { len } else { clamped(position, len) };
                Value::Bool(utf16::slice(text, 0, to).ends_with(&*searched))
            }
        })
    }

    fn padded(&mut self, text: &str, len: &Value, with: &Value, join: fn(&str, String) -> String) -> Outcome<Value> {
        let wanted = number::to_integer(self.number(len)?);
        let missing = wanted - utf16::len(text) as f64;
        let with = if matches!(with, Value::Undefined) { Arc::from(" ") } else { self.text(with)? };
        if missing <= 0.0 || with.is_empty() {
            return Ok(Value::from(text));
        }
        // A unit is at least a byte, so that this refuses no more than it has to.
        self.budget.fits(text.len() + missing.min(limits::EXPRESSION_RESULT_BYTES_MAX as f64 + 1.0) as usize)?;
        let missing = missing as usize;
        let unit_count = utf16::len(&with);
        let mut padding = with.repeat(missing / unit_count);
        padding.push_str(&utf16::slice(&with, 0, missing % unit_count));
        let padded = join(text, padding);
        self.budget.text(padded)
    }

    fn replaced(&mut self, text: &str, searched: &Value, with: &Value, times: Option<usize>) -> Outcome<Value> {
        let (searched, with) = (self.text(searched)?, self.text(with)?);
        let places: Vec<usize> = text.match_indices(&*searched).map(|(at, _)| at).take(times.unwrap_or(usize::MAX)).collect();
        self.budget.steps(places.len() as u64 / 8)?;
        let (mut whole, mut done) = (String::new(), 0);
        for at in places {
            whole.push_str(&text[done..at]);
            let (before, after) = (&text[..at], &text[at + searched.len()..]);
            append_replacement(&mut whole, &with, before, &searched, after)?;
            done = at + searched.len();
        }
        whole.push_str(&text[done..]);
        self.budget.text(whole)
    }

    fn split(&mut self, text: &Arc<str>, separator: &Value, limit: &Value) -> Outcome<Value> {
        let limit = match limit {
            Value::Undefined => u32::MAX,
            other => number::to_uint32(self.number(other)?),
        };
        let limit = limit as usize;
        if matches!(separator, Value::Undefined) {
            let whole = if limit == 0 { Vec::new() } else { vec![Value::String(text.clone())] };
            return self.budget.array(whole);
        }
        let separator = self.text(separator)?;
        let mut elements = Elements::default();
        if separator.is_empty() {
            self.budget.elements(text.len())?;
            for unit in utf16::units(text).into_iter().take(limit) {
                elements.push(unit)?;
            }
        } else {
            for part in text.split(&*separator).take(limit) {
                elements.push(Value::from(part))?;
            }
        }
        elements.finish(&mut self.budget)
    }
}

/// `$$`, `$&`, `` $` `` and `$'` mean what they mean to JavaScript.
fn append_replacement(whole: &mut String, with: &str, before: &str, searched: &str, after: &str) -> Outcome<()> {
    let mut rest = with;
    loop {
        if whole.len() > limits::EXPRESSION_RESULT_BYTES_MAX {
            return Err(super::budget::too_large());
        }
        let Some(at) = rest.find('$') else { break };
        whole.push_str(&rest[..at]);
        let part = match rest.as_bytes().get(at + 1) {
            Some(b'$') => "$",
            Some(b'&') => searched,
            Some(b'`') => before,
            Some(b'\'') => after,
            _ => {
                whole.push('$');
                rest = &rest[at + 1..];
                continue;
            }
        };
        whole.push_str(part);
        rest = &rest[at + 2..];
    }
    whole.push_str(rest);
    Ok(())
}
