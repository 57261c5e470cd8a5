//! Operators on two values.

use std::cmp::Ordering;

use super::super::number;
use super::super::tree::Binary;
use super::super::value::{Value, compare_text, loosely_equal, strictly_equal};
use super::{Evaluator, Outcome, explain, throw};

impl Evaluator<'_> {
    pub(super) fn binary(&mut self, operator: Binary, a: &Value, b: &Value) -> Outcome<Value> {
        Ok(match operator {
            Binary::Same => Value::Bool(self.same(a, b)?),
            Binary::NotSame => Value::Bool(!self.same(a, b)?),
            Binary::Equal | Binary::NotEqual => {
                self.budget.bytes(a.weight().min(b.weight()))?;
                Value::Bool(loosely_equal(a, b)? == (operator == Binary::Equal))
            }
            Binary::Less => self.ordered(a, b, Ordering::is_lt)?,
            Binary::LessOrEqual => self.ordered(a, b, Ordering::is_le)?,
            Binary::Greater => self.ordered(a, b, Ordering::is_gt)?,
            Binary::GreaterOrEqual => self.ordered(a, b, Ordering::is_ge)?,
            Binary::Add => return self.add(a, b),
            Binary::In => return self.is_in(a, b),
            _ => {
                let (a, b) = (self.number(a)?, self.number(b)?);
                Value::Number(arithmetic(operator, a, b))
            }
        })
    }

    pub(super) fn same(&mut self, a: &Value, b: &Value) -> Outcome<bool> {
        if let (Value::String(a), Value::String(b)) = (a, b) {
            self.budget.bytes(a.len().min(b.len()))?;
        }
        Ok(strictly_equal(a, b))
    }

    fn primitive(&mut self, value: &Value) -> Outcome<Value> {
        self.budget.whole(value)?;
        Ok(value.as_primitive()?)
    }

    fn ordered(&mut self, a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Outcome<Value> {
        let (a, b) = (self.primitive(a)?, self.primitive(b)?);
        let ordering = match (&a, &b) {
            (Value::String(a), Value::String(b)) => Some(compare_text(a, b)),
            _ => a.as_number()?.partial_cmp(&b.as_number()?),
        };
        Ok(Value::Bool(ordering.is_some_and(holds)))
    }

    fn add(&mut self, a: &Value, b: &Value) -> Outcome<Value> {
        let (a, b) = (self.primitive(a)?, self.primitive(b)?);
        if !matches!(a, Value::String(_)) && !matches!(b, Value::String(_)) {
            return Ok(Value::Number(a.as_number()? + b.as_number()?));
        }
        let (a, b) = (a.as_text()?, b.as_text()?);
        self.budget.fits(a.len() + b.len())?;
        Ok(Value::from([&*a, &*b].concat()))
    }

    fn is_in(&mut self, key: &Value, of: &Value) -> Outcome<Value> {
        let key = self.text(key)?;
        match of {
            Value::Object(_) | Value::Array(_) => Ok(Value::Bool(has_own(of, &key))),
            other => throw(format!("`in` needs an object or array on its right, found {}", explain::described(other))),
        }
    }
}

/// Whether `key` is an own field, whatever its value.
pub(super) fn has_own(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(object) => object.get(key).is_some(),
        Value::Array(array) => {
            key == "length" || super::super::value::array_index(key).is_some_and(|index| index < array.items().len())
        }
        Value::String(_) => !matches!(value.property(key), Value::Undefined),
        _ => false,
    }
}

fn arithmetic(operator: Binary, a: f64, b: f64) -> f64 {
    let shift = number::to_uint32(b) & 31;
    match operator {
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Remainder => a % b,
        Binary::Power => number::power(a, b),
        Binary::ShiftLeft => f64::from(number::to_int32(a).wrapping_shl(shift)),
        Binary::ShiftRight => f64::from(number::to_int32(a) >> shift),
        Binary::ShiftRightUnsigned => f64::from(number::to_uint32(a) >> shift),
        Binary::BitwiseOr => f64::from(number::to_int32(a) | number::to_int32(b)),
        Binary::BitwiseXor => f64::from(number::to_int32(a) ^ number::to_int32(b)),
        Binary::BitwiseAnd => f64::from(number::to_int32(a) & number::to_int32(b)),
        Binary::Equal
        | Binary::NotEqual
        | Binary::Same
        | Binary::NotSame
        | Binary::Less
        | Binary::LessOrEqual
        | Binary::Greater
        | Binary::GreaterOrEqual
        | Binary::Add
        | Binary::In => unreachable!("`{operator}` is not arithmetic"),
    }
}
