//! The listed functions.

use std::sync::Arc;

use super::super::builtins::{Function, Method};
use super::super::number;
use super::super::value::{ObjectBuilder, Value, strictly_equal, write};
use super::budget::{self, Elements};
use super::operators::has_own;
use super::{Evaluator, Outcome, explain, throw};
use crate::json::Json;
use crate::limits;

impl Evaluator<'_> {
    pub(super) fn function(&mut self, function: Function, arguments: &[Value]) -> Outcome<Value> {
        self.budget.step()?;
        let undefined = Value::Undefined;
        let first = arguments.first().unwrap_or(&undefined);
        let second = arguments.get(1).unwrap_or(&undefined);
        let is_number = |test: fn(f64) -> bool| Value::Bool(matches!(first, Value::Number(number) if test(*number)));
        Ok(match function {
            Function::Boolean => Value::Bool(first.truthy()),
            Function::Number if arguments.is_empty() => Value::Number(0.0),
            Function::Number => Value::Number(self.number(first)?),
            Function::String if arguments.is_empty() => Value::from(""),
            Function::String => Value::String(self.text(first)?),
            Function::ParseInt | Function::NumberParseInt => {
                let radix = number::to_int32(self.number(second)?);
                Value::Number(number::parse_int(&self.text(first)?, radix))
            }
            Function::ParseFloat | Function::NumberParseFloat => Value::Number(number::parse_float(&self.text(first)?)),
            Function::IsNaN => Value::Bool(self.number(first)?.is_nan()),
            Function::IsFinite => Value::Bool(self.number(first)?.is_finite()),
            Function::EncodeUriComponent => self.encoded(first)?,
            Function::NumberIsInteger => is_number(is_whole),
            Function::NumberIsSafeInteger => is_number(|number| is_whole(number) && number.abs() <= 9_007_199_254_740_991.0),
            Function::NumberIsFinite => is_number(f64::is_finite),
            Function::NumberIsNaN => is_number(f64::is_nan),
            Function::ArrayIsArray => Value::Bool(matches!(first, Value::Array(_))),
            Function::ArrayOf => self.budget.array(arguments.to_vec())?,
            Function::ObjectKeys => self.each_field("Object.keys", first, |key, _| Value::String(key))?,
            Function::ObjectValues => self.each_field("Object.values", first, |_, value| value)?,
            Function::ObjectEntries => {
                self.each_field("Object.entries", first, |key, value| Value::from(vec![Value::String(key), value]))?
            }
            Function::ObjectFromEntries => self.object_from(first)?,
            Function::ObjectHasOwn => {
                not_nullish("Object.hasOwn", first)?;
                let key = self.text(second)?;
                Value::Bool(has_own(first, &key))
            }
            Function::ObjectIs => Value::Bool(is_same(first, second)),
            Function::JsonStringify => self.stringified(arguments)?,
            Function::JsonParse => self.parsed(first)?,
            Function::MathMax => Value::Number(self.fold(arguments, f64::NEG_INFINITY, larger)?),
            Function::MathMin => Value::Number(self.fold(arguments, f64::INFINITY, |a, b| -larger(-a, -b))?),
            Function::MathHypot => {
                let numbers = self.numbers(arguments)?;
                Value::Number(hypot(&numbers))
            }
            math => {
                let (a, b) = (self.number(first)?, self.number(second)?);
                Value::Number(of_math(math, a, b))
            }
        })
    }

    /// Methods of values that are neither texts nor arrays.
    pub(super) fn plain_method(&mut self, method: Method, value: &Value, arguments: &[Value]) -> Outcome<Value> {
        let undefined = Value::Undefined;
        let first = arguments.first().unwrap_or(&undefined);
        match (method, value) {
            (Method::HasOwnProperty, value) => {
                let key = self.text(first)?;
                Ok(Value::Bool(has_own(value, &key)))
            }
            (Method::ToFixed, Value::Number(number)) => {
                let digits = number::to_integer(self.number(first)?);
                if (0.0..=100.0).contains(&digits) {
                    Ok(Value::from(number::to_fixed(*number, digits as u8)))
                } else {
                    throw("`toFixed` takes 0 to 100 digits")
                }
            }
            (Method::ToString, Value::Number(number)) if !matches!(first, Value::Undefined) => {
                let radix = number::to_integer(self.number(first)?);
                if radix == 10.0 {
                    return Ok(Value::from(number::to_text(*number)));
                }
                if !(2.0..=36.0).contains(&radix) {
                    return throw("`toString` takes a base from 2 to 36");
                }
                match number::whole_in_radix(*number, radix as u32) {
                    Some(text) => Ok(Value::from(text)),
                    None => throw("`toString` with a base takes whole numbers up to 2^53 only"),
                }
            }
            (Method::ToString, value) => Ok(Value::String(self.text(value)?)),
            (other, value) => throw(format!("{} has no method `{}`", explain::described(value), other.name())),
        }
    }

    fn numbers(&mut self, arguments: &[Value]) -> Outcome<Vec<f64>> {
        arguments.iter().map(|argument| self.number(argument)).collect()
    }

    fn fold(&mut self, arguments: &[Value], start: f64, pick: fn(f64, f64) -> f64) -> Outcome<f64> {
        self.budget.steps(arguments.len() as u64 / 8)?;
        Ok(self.numbers(arguments)?.into_iter().fold(start, pick))
    }

    fn each_field(&mut self, name: &str, value: &Value, make: fn(Arc<str>, Value) -> Value) -> Outcome<Value> {
        not_nullish(name, value)?;
        let mut elements = Elements::default();
        for (key, value) in self.own_fields(value)? {
            elements.push(make(key, value))?;
        }
        elements.finish(&mut self.budget)
    }

    fn object_from(&mut self, entries: &Value) -> Outcome<Value> {
        let mut fields = ObjectBuilder::default();
        for entry in self.iterated(entries)? {
            if !matches!(entry, Value::Array(_) | Value::Object(_)) {
                return throw("`Object.fromEntries` takes an array of `[key, value]`");
            }
            let key = self.text(&entry.property("0"))?;
            fields.set(key, entry.property("1"));
            self.budget.step()?;
            if fields.weight() > limits::EXPRESSION_RESULT_BYTES_MAX {
                return Err(budget::too_large());
            }
        }
        self.budget.object(fields)
    }

    fn stringified(&mut self, arguments: &[Value]) -> Outcome<Value> {
        if arguments.iter().skip(1).any(|argument| !argument.is_nullish()) {
            return throw("`JSON.stringify` takes one value here");
        }
        let value = arguments.first().unwrap_or(&Value::Undefined);
        self.budget.whole(value)?;
        match write(value, limits::EXPRESSION_RESULT_BYTES_MAX) {
            Ok(Some(text)) => self.budget.text(text),
            Ok(None) => Ok(Value::Undefined),
            Err(_) => Err(budget::too_large()),
        }
    }

    fn parsed(&mut self, text: &Value) -> Outcome<Value> {
        let text = self.text(text)?;
        self.budget.bytes(text.len())?;
        match Json::parse(&*text) {
            Ok(json) => Ok(Value::from_json(&json)),
            Err(error) => throw(format!("`JSON.parse`: {error}")),
        }
    }

    fn encoded(&mut self, value: &Value) -> Outcome<Value> {
        let text = self.text(value)?;
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        self.budget.text(encoded)
    }
}

fn not_nullish(name: &str, value: &Value) -> Outcome<()> {
    if value.is_nullish() { throw(format!("`{name}` takes an object, found {}", explain::described(value))) } else { Ok(()) }
}

fn is_whole(number: f64) -> bool {
    number.is_finite() && number.fract() == 0.0
}

/// As `Object.is`: NaN is itself, 0 is not -0.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits(),
        _ => strictly_equal(a, b),
    }
}

/// As `Math.max` of two: NaN wins, and 0 is larger than -0.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == b {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

fn hypot(numbers: &[f64]) -> f64 {
    if numbers.iter().any(|number| number.is_infinite()) {
        return f64::INFINITY;
    }
    let largest =
        numbers.iter().fold(0.0, |largest: f64, number| if number.is_nan() { f64::NAN } else { larger(largest, number.abs()) });
    if largest == 0.0 || largest.is_nan() {
        return largest;
    }
    // Scaled, so that squares do not overflow, and with the rounding errors carried along (Kahan's sum).
    let (mut sum, mut carried) = (0.0, 0.0);
    for number in numbers {
        let scaled = number / largest;
        let summand = scaled * scaled - carried;
        let next = sum + summand;
        carried = (next - sum) - summand;
        sum = next;
    }
    sum.sqrt() * largest
}

/// Halves go up, and what is rounded to zero keeps its sign.
fn round(number: f64) -> f64 {
    let floor = number.floor();
    let rounded = if number - floor >= 0.5 { floor + 1.0 } else { floor };
    rounded.copysign(number)
}

/// `libm`, not the system's library: its results are the same in every home.
fn of_math(function: Function, a: f64, b: f64) -> f64 {
    match function {
        Function::MathAbs => a.abs(),
        Function::MathAcos => libm::acos(a),
        Function::MathAcosh => libm::acosh(a),
        Function::MathAsin => libm::asin(a),
        Function::MathAsinh => libm::asinh(a),
        Function::MathAtan => libm::atan(a),
        Function::MathAtan2 => libm::atan2(a, b),
        Function::MathAtanh => libm::atanh(a),
        Function::MathCbrt => libm::cbrt(a),
        Function::MathCeil => a.ceil(),
        Function::MathClz32 => f64::from(number::to_uint32(a).leading_zeros()),
        Function::MathCos => libm::cos(a),
        Function::MathCosh => libm::cosh(a),
        Function::MathExp => libm::exp(a),
        Function::MathExpm1 => libm::expm1(a),
        Function::MathFloor => a.floor(),
        Function::MathFround => f64::from(a as f32),
        Function::MathImul => f64::from(number::to_int32(a).wrapping_mul(number::to_int32(b))),
        Function::MathLog => libm::log(a),
        Function::MathLog10 => libm::log10(a),
        Function::MathLog1p => libm::log1p(a),
        Function::MathLog2 => libm::log2(a),
        Function::MathPow => number::power(a, b),
        Function::MathRound => round(a),
        Function::MathSign if a == 0.0 || a.is_nan() => a,
        Function::MathSign => a.signum(),
        Function::MathSin => libm::sin(a),
        Function::MathSinh => libm::sinh(a),
        Function::MathSqrt => a.sqrt(),
        Function::MathTan => libm::tan(a),
        Function::MathTanh => libm::tanh(a),
        Function::MathTrunc => a.trunc(),
        other => unreachable!("`{}` is no function of one or two numbers", other.name()),
    }
}
