//! From JSON to a checked [`Definition`], with everything that is wrong with it at once.
//!
//! `shape` reads JSON of the right types, `definition` and `step` the fields, `graph` the edges, `reads` who reads whose output,
//! `advice` (with `courses`) what is legal and yet probably not meant. Each pass goes on after an error and does not report what
//! only follows from it.

mod advice;
mod courses;
mod definition;
mod graph;
mod reads;
mod shape;
mod step;

use super::Definition;
use super::diagnostic::Diagnostic;
use super::report::Report;
use crate::json::Json;
use crate::limits::Limits;

/// A definition that may be registered, and what could be better about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    pub definition: Definition,
    /// Warnings and hints, in the order of the definition.
    pub diagnostics: Vec<Diagnostic>,
}

impl Definition {
    /// Checks what someone wants to register. `Err` has at least one error, and whatever else was found, in the order of the
    /// definition.
    pub fn check(source: &Json, limits: &Limits) -> Result<Checked, Vec<Diagnostic>> {
        let mut report = Report::default();
        match definition::read(source, limits, &mut report) {
            Some(definition) if !report.has_errors() => Ok(Checked { definition, diagnostics: report.finish() }),
            _ => Err(report.finish()),
        }
    }
}
