//! JavaScript values.

use crate::json::Json;

/// A JavaScript value that can come from, or become, JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
}

impl Value {
    /// As JavaScript's `Boolean()`.
    pub fn truthy(&self) -> bool {
        false
    }

    /// As `JSON.stringify`; `None` for `undefined`.
    pub fn to_json(&self) -> Option<Json> {
        None
    }
}
