//! Whose outputs a step's condition and params can reach.

use super::diagnostic::Pointer;
use super::params::{Lookup, Params};
use crate::expression::{Expression, Reference};

/// One place in a condition or param that can reach outputs.
#[derive(Debug)]
pub(crate) struct Read {
    pub pointer: Pointer,
    /// 1-based; of a path there is none.
    pub column: Option<usize>,
    pub what: What,
    /// Nothing throws when the output is missing.
    pub guarded: bool,
    /// As a person would write it.
    pub shown: String,
}

#[derive(Debug, PartialEq)]
pub(crate) enum What {
    /// `state` or `steps` as a whole, or by a computed key.
    Everything,
    /// A name that is a step's, or else a field of input or context.
    Name(String),
    /// `steps.x`, which can only be a step.
    Step(String),
}

/// In the order of the source: the condition's, then the params'.
pub(crate) fn of(at: &Pointer, condition: Option<&Expression>, params: Option<&Params>) -> Vec<Read> {
    let mut reads = Vec::new();
    if let Some(condition) = condition {
        let at = at.key("condition");
        reads.extend(condition.references().iter().filter_map(|reference| of_reference(&at, reference)));
    }
    if let Some(params) = params {
        for (pointer, lookup) in params.lookups(&at.key("params")) {
            match lookup {
                Lookup::Reference(reference) => reads.extend(of_reference(&pointer, &reference)),
                Lookup::Path { name: Some(name), in_steps, guarded, shown } => {
                    let what = if in_steps { What::Step(name.to_owned()) } else { What::Name(name.to_owned()) };
                    reads.push(Read { pointer, column: None, what, guarded, shown });
                }
                Lookup::Path { name: None, .. } => {}
            }
        }
    }
    reads
}

/// Roots without outputs in them.
const OTHER_ROOTS: &[&str] = &["input", "context", "execution", "error"];

fn of_reference(at: &Pointer, reference: &Reference) -> Option<Read> {
    let mut shown = reference.name.clone();
    for key in &reference.path {
        shown.push('.');
        shown.push_str(key);
    }
    let (what, guarded) = match (reference.name.as_str(), reference.path.first()) {
        (name, _) if OTHER_ROOTS.contains(&name) => return None,
        ("state" | "steps", None) => (What::Everything, true),
        // The reference says only whether the root itself is guarded, and that is always there.
        ("state", Some(name)) => (What::Name(name.clone()), true),
        ("steps", Some(id)) => (What::Step(id.clone()), true),
        (name, _) => (What::Name(name.to_owned()), reference.guarded),
    };
    Some(Read { pointer: at.clone(), column: Some(reference.column), what, guarded, shown })
}
