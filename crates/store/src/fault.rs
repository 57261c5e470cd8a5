//! The store could not do what was asked.

use workflow_core::id::ExecutionId;

use crate::DefinitionRow;

/// Something outside the process is wrong: a disk, a file, a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct Fault {
    pub operation: &'static str,
    pub kind: FaultKind,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing was written; asking again may help (busy, out of space).
    Unavailable,
    /// It may have been written or not: [`Store::batch`](crate::Store::batch) tells, after [`Store::reopen`](crate::Store::reopen).
    Unknown,
    /// Another engine owns the store now; nothing was written, and nothing of this engine ever will be.
    Fenced,
    /// Nothing was written: it was decided by definitions, endpoints or tokens that another engine has changed since.
    Stale,
    /// What is stored makes no sense.
    Corrupt,
}

impl Fault {
    pub fn new(kind: FaultKind, operation: &'static str, message: impl Into<String>) -> Fault {
        Fault { operation, kind, message: message.into() }
    }

    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, FaultKind::Unavailable | FaultKind::Unknown)
    }

    /// A batch does not follow the newest one.
    pub(crate) fn fenced(operation: &'static str, asked: u64, stored: u64) -> Fault {
        let message = format!(
            "batch {asked} does not follow batch {stored}, the newest that is stored: another engine writes to this store; \
             nothing was written, stop one of the two"
        );
        Fault::new(FaultKind::Fenced, operation, message)
    }

    pub(crate) fn payload_missing(id: ExecutionId, seq: u64) -> Fault {
        Fault::new(FaultKind::Corrupt, "read payloads", format!("{id}: expected a stored payload for event {seq}, found none"))
    }

    pub(crate) fn version_twice(row: &DefinitionRow) -> Fault {
        let message = format!("version {} of workflow {} is stored already", row.version, row.workflow);
        Fault::new(FaultKind::Corrupt, "commit", message)
    }
}
