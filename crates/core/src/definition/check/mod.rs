//! From JSON to a checked [`Definition`], with everything that is wrong with it at once.
//!
//! `shape` reads JSON of the right types, `definition` and `step` the fields, `graph` the edges, `reads` who reads whose output,
//! `advice` what is legal and yet probably not meant. Each pass goes on after an error and does not report what only follows
//! from it.

mod advice;
mod definition;
mod graph;
mod reads;
mod shape;
mod step;

use super::Definition;
use super::diagnostic::{Code, Diagnostic, Pointer, Severity};
use crate::json::Json;
use crate::limits::{self, Limits};

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
        let definition = definition::read(source, limits, &mut report);
        let diagnostics = report.finish();
        match definition {
            Some(definition) if diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error) => {
                Ok(Checked { definition, diagnostics })
            }
            _ => Err(diagnostics),
        }
    }
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Report {
    diagnostics: Vec<Diagnostic>,
    dropped: usize,
}

impl Report {
    fn push(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < limits::DIAGNOSTICS_MAX {
            self.diagnostics.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    fn has_errors(&self) -> bool {
        self.dropped > 0 || self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_cached_key(|diagnostic| place(&diagnostic.pointer));
        if self.dropped > 0 {
            let message = format!("{} more problems are not listed", self.dropped);
            self.diagnostics.push(Diagnostic::error(&Pointer::default(), Code::TooManyProblems, message));
        }
        self.diagnostics
    }
}

/// Sorts steps by their number; everything else keeps the order in which it was found: fields of the definition, steps, triggers.
fn place(pointer: &str) -> (u8, usize) {
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next().and_then(|index| index.parse().ok())) {
        (Some("steps"), Some(index)) => (1, index),
        (Some("triggers"), Some(index)) => (2, index),
        _ => (0, 0),
    }
}
