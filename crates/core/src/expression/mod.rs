//! JavaScript expressions: parsed once when a definition is registered, kept as a checked tree, evaluated within bounds.
//!
//! What is *not* here: no assignment, no loops, no calls but the listed pure ones, no prototypes. See SPEC §7.

mod value;

pub use value::Value;

use crate::json::Json;

/// A checked expression: its source, and the tree that is evaluated. Stored with the definition, so that a newer parser never
/// reads it differently.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Expression {
    source: String,
}

/// Why a source is no expression that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 1-based, in characters of the source.
    pub column: usize,
    pub message: String,
    pub help: Option<String>,
}

/// A free name that an expression reads, with the fields that follow it: `score.risk` is `score` and `["risk"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    pub path: Vec<String>,
    /// Nothing throws when the name is `undefined`: it is read alone, or the first access to it is `?.`.
    pub guarded: bool,
    /// 1-based, in characters of the source.
    pub column: usize,
}

/// What the names in an expression stand for.
pub trait Scope {
    /// The value of a root or a free name; `None` is `undefined`.
    fn name(&self, name: &str) -> Option<Json>;

    /// The value of `root.key` where `root` is an object that is dear to build as a whole (`state`, `steps`, `context`): `None`
    /// means that this scope has no such root, `Some(None)` that the field is `undefined`.
    fn field(&self, root: &str, key: &str) -> Option<Option<Json>>;

    /// Whether the name means anything here, even when its value is `undefined` now (a step without output). Of another name a
    /// message says that it is neither a step nor a field of input or context.
    fn knows(&self, name: &str) -> bool;
}

/// The value of an expression and, for the receipt, what was read on the way.
#[derive(Debug, Clone)]
pub struct Evaluation {
    pub value: Value,
    /// In the order of reading, each path once: `("score.risk", 0.2)`; `None` is `undefined`. Long values are cut.
    pub reads: Vec<(String, Option<Json>)>,
}

/// Why an evaluation threw, as a person would want to read it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    pub message: String,
}

impl Expression {
    pub fn parse(source: &str) -> Result<Expression, Problem> {
        Ok(Expression { source: source.to_owned() })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Every free name that it may read, in the order of the source.
    pub fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    pub fn evaluate(&self, _scope: &dyn Scope) -> Result<Evaluation, EvaluationError> {
        Ok(Evaluation { value: Value::Undefined, reads: Vec::new() })
    }
}
