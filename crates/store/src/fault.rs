//! The store could not do what was asked.

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
    /// What is stored makes no sense.
    Corrupt,
}

impl Fault {
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, FaultKind::Unavailable | FaultKind::Unknown)
    }
}
