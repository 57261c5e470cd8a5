//! `params`: a JSON template with `$.` paths and `${}` expressions.

use crate::expression::Scope;
use crate::json::Json;

/// A checked template of params.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    template: Json,
}

/// Why params could not be resolved: names the path or expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamsError {
    pub message: String,
}

impl Params {
    /// Whether nothing in it has to be looked up.
    pub fn is_literal(&self) -> bool {
        true
    }

    /// The params of one attempt.
    pub fn resolve(&self, _scope: &dyn Scope) -> Result<Json, ParamsError> {
        Ok(self.template.clone())
    }
}
