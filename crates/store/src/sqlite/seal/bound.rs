//! What only SQLite's rows are bound to: the integers that stand for workflows, and counters.

use workflow_core::id::Version;
use workflow_core::status::Status;

use super::Bound;
use crate::seal::bound;
use crate::sqlite::row::FailureOf;
pub(in crate::sqlite) use bound::{claim, definition, document, endpoint, events, head, payload, snapshot, token};

pub(in crate::sqlite) fn recent(batch: u64, form: u32) -> Bound {
    Bound::to("recent").number(batch.cast_signed()).number(form.into())
}

/// Its text is the name of the workflow.
pub(in crate::sqlite) fn workflow(key: i64) -> Bound {
    Bound::to("workflow").number(key)
}

/// Its sum, without a text, is what a counter and its seal together always are.
pub(in crate::sqlite) fn counter(workflow: i64, version: Version, status: Status) -> Bound {
    Bound::to("counter").number(workflow).number(version.0.into()).text(status.as_str())
}

/// The same.
pub(in crate::sqlite) fn failure_counter(of: &FailureOf) -> Bound {
    let FailureOf { failure, workflow, version, retrying } = *of;
    Bound::to("failure_counter").number(failure).number(workflow).number(version.0.into()).number(retrying.into())
}
