//! Whose outputs a step's condition and params can reach.

use super::params::{Lookup, Params, Path};
use super::report::Pointer;
use crate::expression::{Expression, Reference};

/// One place in a condition or param that can reach outputs.
#[derive(Debug)]
pub(crate) struct Read {
    pub pointer: Pointer,
    /// 1-based, of a condition.
    pub column: Option<usize>,
    pub what: What,
    /// Nothing throws when the output is missing.
    pub guarded: bool,
    /// As a person would write it.
    pub shown: String,
    /// The same so that nothing fails when the output is missing, and what it gives then.
    pub if_missing: String,
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
        reads.extend(condition.references().iter().filter_map(|of| of_reference(&at, of, Some(of.column))));
    }
    for (at, lookup) in params.map(|params| params.lookups(&at.key("params"))).unwrap_or_default() {
        match lookup {
            Lookup::Path(path) => reads.extend(of_path(&at, path)),
            // Where in its string an expression begins is not known any more.
            Lookup::Expression(of) => reads.extend(of.references().iter().filter_map(|of| of_reference(&at, of, None))),
        }
    }
    reads
}

fn of_path(at: &Pointer, path: &Path) -> Option<Read> {
    let name = path.name()?.to_owned();
    Some(Read {
        pointer: at.clone(),
        column: None,
        what: if path.is_in_steps() { What::Step(name) } else { What::Name(name) },
        guarded: path.is_guarded(),
        shown: path.to_string(),
        if_missing: format!("`{path}?`, which gives null then"),
    })
}

/// Roots without outputs in them.
const OTHER_ROOTS: &[&str] = &["input", "context", "execution", "error"];

fn of_reference(at: &Pointer, reference: &Reference, column: Option<usize>) -> Option<Read> {
    let shown = access(&reference.name, &reference.path);
    let what = match (reference.name.as_str(), reference.path.first()) {
        (name, _) if OTHER_ROOTS.contains(&name) => return None,
        ("state" | "steps", None) => What::Everything,
        ("state", Some(name)) => What::Name(name.clone()),
        ("steps", Some(id)) => What::Step(id.clone()),
        (name, _) => What::Name(name.to_owned()),
    };
    // `steps.score.status` is always there.
    let reads_status = reference.name == "steps" && reference.path.get(1).is_some_and(|field| field == "status");
    let guarded = reference.guarded || reads_status;
    let depth = match reference.name.as_str() {
        "state" => 1,
        "steps" => 2,
        _ => 0,
    };
    let output = access(&reference.name, &reference.path[..depth.min(reference.path.len())]);
    let if_missing = format!("`{output}?.`, which gives `undefined` then");
    Some(Read { pointer: at.clone(), column, what, guarded, shown, if_missing })
}

/// As JavaScript reads it: `state["fraud-check"].items[0]`.
fn access(name: &str, path: &[String]) -> String {
    let mut text = name.to_owned();
    for key in path {
        let digits = !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
        let identifier = !digits && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
        match (identifier, digits) {
            (true, _) => text.push_str(&format!(".{key}")),
            (false, true) => text.push_str(&format!("[{key}]")),
            (false, false) => text.push_str(&format!("[{key:?}]")),
        }
    }
    text
}
