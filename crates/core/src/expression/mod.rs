//! JavaScript expressions: parsed once when a definition is registered, kept as a checked tree, evaluated within bounds.
//!
//! `parse` turns source text into a `tree` of allowed nodes, `references` says what a tree may read, `evaluate` runs it.
//!
//! What is *not* here: no assignment, no loops, no calls but the listed pure ones (`builtins`), no prototypes, no clock and no
//! randomness. Nothing recurses deeper than a checked bound, whatever the source.

mod builtins;
mod evaluate;
mod number;
mod parse;
mod references;
mod tree;
mod value;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use value::{Array, Object, Value};

use crate::json::Json;
use tree::Tree;

/// A checked expression: its source, and the tree that is evaluated. Stored with the definition, so that a newer parser never
/// reads it differently. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    source: Arc<str>,
    tree: Arc<Tree>,
}

/// Why a source is no expression that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 1-based, in characters of the source.
    pub column: usize,
    pub message: String,
    pub help: Option<String>,
}

/// A free name that an expression reads, with the fields that follow it: `score.risk` is `score` and `["risk"]`, `state.score.risk`
/// is `state` and `["score", "risk"]`. The path ends before a field that is only known later, and before a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    pub path: Vec<String>,
    /// Nothing throws when the name is `undefined`: it is read alone, the first access to it is `?.`, or it was tested before
    /// (`score && score.risk`). Of the roots `input`, `state` and `context` it is their field that counts, of `steps`
    /// what a step has (`steps.score.output`).
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
    /// In the order of reading, each path once: `("score.risk", 0.2)`; `None` is `undefined`. A long text is cut and ends in an
    /// ellipsis; of another long value the beginning of its JSON is given, as a text that ends in an ellipsis. What is read after
    /// [`limits::RECEIPT_VALUES_MAX`](crate::limits::RECEIPT_VALUES_MAX) values is left out.
    pub reads: Vec<(String, Option<Json>)>,
}

/// Why an evaluation threw, as a person would want to read it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    pub message: String,
}

impl Expression {
    /// Checks `source` and keeps it. Bounded in length and nesting before any parser sees it.
    pub fn parse(source: &str) -> Result<Expression, Problem> {
        Ok(Expression { source: source.into(), tree: Arc::new(parse::parse(source)?) })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Every free name that it may read, in the order of the source.
    pub fn references(&self) -> Vec<Reference> {
        references::references(&self.tree)
    }

    /// Words such as `fraud-check` that JavaScript reads as a subtraction, with their columns: when one is a step's id, its author
    /// meant `state["fraud-check"]`.
    pub fn dashed_names(&self) -> Vec<(String, usize)> {
        references::dashed_names(&self.source, &self.tree)
    }

    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Evaluation, EvaluationError> {
        evaluate::evaluate(&self.tree, scope)
    }
}
