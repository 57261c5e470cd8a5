//! Methods of arrays.

use super::super::Array;
use super::super::builtins::Method;
use super::super::number;
use super::super::tree::NodeId;
use super::super::value::{Value, same_value_zero};
use super::budget::Elements;
use super::strings::{clamped, relative};
use super::{Evaluator, Outcome, throw};

impl Evaluator<'_> {
    pub(super) fn array_method(&mut self, method: Method, array: &Array, arguments: &[Value]) -> Outcome<Value> {
        let undefined = Value::Undefined;
        let items = array.items();
        let len = items.len();
        let first = arguments.first().unwrap_or(&undefined);
        let second = arguments.get(1).unwrap_or(&undefined);
        self.budget.steps(len as u64 / 8)?;
        Ok(match method {
            Method::At => {
                let position = number::to_integer(self.number(first)?);
                let index = if position < 0.0 { position + len as f64 } else { position };
                let inside = (0.0..len as f64).contains(&index);
                if inside { items[index as usize].clone() } else { Value::Undefined }
            }
            // JavaScript answers before it looks at where to begin, which may be what is no number.
            Method::Includes if len == 0 => Value::Bool(false),
            Method::IndexOf | Method::LastIndexOf if len == 0 => Value::Number(-1.0),
            Method::Includes => {
                let from = relative(self.number(second)?, len);
                self.budget.bytes(first.weight().saturating_mul(len - from) / 8)?;
                Value::Bool(items[from..].iter().any(|item| same_value_zero(item, first)))
            }
            Method::IndexOf => {
                let from = relative(self.number(second)?, len);
                self.index_where(items.iter().enumerate().skip(from), first)?
            }
            Method::LastIndexOf => {
                let from = if arguments.len() < 2 { f64::INFINITY } else { self.number(second)? };
                let from = number::to_integer(from);
                let end = if from < 0.0 { len as f64 + from + 1.0 } else { from + 1.0 };
                let end = clamped(end, len);
                self.index_where(items[..end].iter().enumerate().rev(), first)?
            }
            Method::Join => {
                let separator = if matches!(first, Value::Undefined) { ",".into() } else { self.text(first)? };
                self.joined(items, &separator)?
            }
            Method::ToString => self.joined(items, ",")?,
            Method::Concat => {
                let mut elements = Elements::default();
                for part in std::iter::once(&Value::Array(array.clone())).chain(arguments) {
                    self.append(&mut elements, part, 1)?;
                }
                elements.finish(&mut self.budget)?
            }
            Method::Slice => {
                let from = relative(self.number(first)?, len);
                let to = if matches!(second, Value::Undefined) { len } else { relative(self.number(second)?, len) };
                self.budget.array(if from < to { items[from..to].to_vec() } else { Vec::new() })?
            }
            Method::Flat => {
                let depth = if matches!(first, Value::Undefined) { 1.0 } else { number::to_integer(self.number(first)?) };
                let mut elements = Elements::default();
                for item in items {
                    self.append(&mut elements, item, depth.clamp(0.0, 1e3) as usize)?;
                }
                elements.finish(&mut self.budget)?
            }
            Method::ToReversed => self.budget.array(items.iter().rev().cloned().collect())?,
            other => self.plain_method(other, &Value::Array(array.clone()), arguments)?,
        })
    }

    /// Methods that are given a function.
    pub(super) fn array_with(&mut self, method: Method, array: &Array, callback: NodeId, arguments: &[Value]) -> Outcome<Value> {
        match method {
            Method::Reduce | Method::ReduceRight => return self.reduced(method, array, callback, arguments),
            Method::Map | Method::Filter | Method::FlatMap => return self.collected(method, array, callback),
            _ => {}
        }
        let from_end = matches!(method, Method::FindLast | Method::FindLastIndex);
        // `every` looks for one that does not hold.
        let wanted = method != Method::Every;
        let len = array.items().len();
        for step in 0..len {
            let index = if from_end { len - 1 - step } else { step };
            if self.call_on(callback, array, index)?.truthy() == wanted {
                return Ok(match method {
                    Method::Some => Value::Bool(true),
                    Method::Every => Value::Bool(false),
                    Method::Find | Method::FindLast => array.items()[index].clone(),
                    _ => Value::Number(index as f64),
                });
            }
        }
        Ok(match method {
            Method::Some => Value::Bool(false),
            Method::Every => Value::Bool(true),
            Method::Find | Method::FindLast => Value::Undefined,
            _ => Value::Number(-1.0),
        })
    }

    fn call_on(&mut self, callback: NodeId, array: &Array, index: usize) -> Outcome<Value> {
        self.call(callback, &[array.items()[index].clone(), Value::Number(index as f64), Value::Array(array.clone())])
    }

    fn collected(&mut self, method: Method, array: &Array, callback: NodeId) -> Outcome<Value> {
        let mut elements = Elements::default();
        for index in 0..array.items().len() {
            let value = self.call_on(callback, array, index)?;
            match method {
                Method::Filter if value.truthy() => elements.push(array.items()[index].clone())?,
                Method::Filter => {}
                Method::FlatMap => self.append(&mut elements, &value, 1)?,
                _ => elements.push(value)?,
            }
        }
        elements.finish(&mut self.budget)
    }

    fn reduced(&mut self, method: Method, array: &Array, callback: NodeId, arguments: &[Value]) -> Outcome<Value> {
        let len = array.items().len();
        let mut indices: Vec<usize> = (0..len).collect();
        if method == Method::ReduceRight {
            indices.reverse();
        }
        let mut indices = indices.into_iter();
        let mut sum = match (arguments.first(), indices.len()) {
            (Some(start), _) => start.clone(),
            (None, 0) => return throw(format!("`{}` of an empty array needs a first value: `, 0`", method.name())),
            (None, _) => array.items()[indices.next().expect("the array is not empty")].clone(),
        };
        for index in indices {
            let item = array.items()[index].clone();
            sum = self.call(callback, &[sum, item, Value::Number(index as f64), Value::Array(array.clone())])?;
        }
        Ok(sum)
    }

    /// Puts a value at the end; of an array its elements, so many levels down.
    fn append(&mut self, elements: &mut Elements, value: &Value, levels: usize) -> Outcome<()> {
        match value {
            Value::Array(array) if levels > 0 => {
                self.budget.steps(1 + array.items().len() as u64 / 8)?;
                array.items().iter().try_for_each(|item| self.append(elements, item, levels - 1))
            }
            other => elements.push(other.clone()),
        }
    }

    fn index_where<'i>(&mut self, items: impl Iterator<Item = (usize, &'i Value)>, wanted: &Value) -> Outcome<Value> {
        for (index, item) in items {
            if self.same(item, wanted)? {
                return Ok(Value::Number(index as f64));
            }
        }
        Ok(Value::Number(-1.0))
    }

    fn joined(&mut self, items: &[Value], separator: &str) -> Outcome<Value> {
        let mut text = String::new();
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                text.push_str(separator);
            }
            if !item.is_nullish() {
                text.push_str(&self.text(item)?);
            }
            if text.len() > crate::limits::EXPRESSION_RESULT_BYTES_MAX {
                return Err(super::budget::too_large());
            }
        }
        self.budget.text(text)
    }
}
