//! What one evaluation may cost: steps for its work, and a bound for every value that it makes.
//!
//! Work on a text or an array counts by its size, so that few steps cannot hide much work, and what is held at any moment is
//! bounded by the steps too.

use super::super::value::{ObjectBuilder, Value};
use super::super::{Array, EvaluationError};
use super::{Outcome, throw};
use crate::limits;

/// So many bytes made, read or compared are one step.
const BYTES_PER_STEP: usize = 64;

#[derive(Debug)]
pub(super) struct Budget {
    steps_left: u64,
}

/// Elements of an array that is being made: bounded while it grows.
#[derive(Debug, Default)]
pub(super) struct Elements {
    items: Vec<Value>,
    weight: usize,
}

impl Budget {
    pub fn new() -> Budget {
        Budget { steps_left: limits::EXPRESSION_STEPS_MAX }
    }

    pub fn step(&mut self) -> Outcome<()> {
        self.steps(1)
    }

    pub fn steps(&mut self, steps: u64) -> Outcome<()> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => throw(format!(
                "the expression takes more than {} steps: compute it in an action, and read its output",
                limits::EXPRESSION_STEPS_MAX
            )),
        }
    }

    /// Work on so many bytes.
    pub fn bytes(&mut self, bytes: usize) -> Outcome<()> {
        self.steps((bytes / BYTES_PER_STEP) as u64)
    }

    /// Work on everything in a value, as when it becomes a text.
    pub fn whole(&mut self, value: &Value) -> Outcome<()> {
        self.bytes(value.weight())
    }

    /// Refuses a value before it is made.
    pub fn fits(&mut self, bytes: usize) -> Outcome<()> {
        if bytes > limits::EXPRESSION_RESULT_BYTES_MAX { Err(too_large()) } else { self.bytes(bytes) }
    }

    /// Refuses an array of so many elements before it is made.
    pub fn elements(&mut self, count: usize) -> Outcome<()> {
        self.fits(count.saturating_mul(Value::Null.weight()))
    }

    pub fn array(&mut self, items: Vec<Value>) -> Outcome<Value> {
        let array = Value::Array(Array::new(items));
        self.made(array)
    }

    pub fn object(&mut self, fields: ObjectBuilder) -> Outcome<Value> {
        let object = Value::Object(fields.finish());
        self.made(object)
    }

    pub fn text(&mut self, text: String) -> Outcome<Value> {
        self.made(Value::from(text))
    }

    fn made(&mut self, value: Value) -> Outcome<Value> {
        self.fits(value.weight())?;
        if value.depth() > limits::JSON_DEPTH_MAX {
            return throw(format!("the expression makes a value nested deeper than {} levels", limits::JSON_DEPTH_MAX));
        }
        Ok(value)
    }
}

impl Elements {
    pub fn push(&mut self, value: Value) -> Outcome<()> {
        self.weight = self.weight.saturating_add(value.weight());
        if self.weight > limits::EXPRESSION_RESULT_BYTES_MAX {
            return Err(too_large());
        }
        self.items.push(value);
        Ok(())
    }

    pub fn into_vec(self) -> Vec<Value> {
        self.items
    }

    pub fn finish(self, budget: &mut Budget) -> Outcome<Value> {
        budget.array(self.items)
    }
}

pub(super) fn too_large() -> EvaluationError {
    EvaluationError {
        message: format!(
            "the expression makes a value larger than {} KiB: compute it in an action, and read its output",
            limits::EXPRESSION_RESULT_BYTES_MAX >> 10
        ),
    }
}
