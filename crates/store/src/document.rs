//! Documents: texts that the engine keeps beside the executions, in the order of their keys. What is in them is its own business:
//! statistics of an hour, a job, the items of a job.

use workflow_core::json::Json;

/// A text under its kind and key.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// A word of the engine's; ranges never cross it.
    pub kind: String,
    pub key: String,
    pub body: Json,
}

/// Keys of one kind, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRange {
    /// The first one that is meant.
    pub from: String,
    /// The first one beyond.
    pub to: String,
}

/// Which documents, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFilter {
    pub kind: String,
    pub keys: KeyRange,
    pub order: Order,
    pub limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    Ascending,
    Descending,
}

impl KeyRange {
    /// Every key that begins with `prefix`.
    pub fn beginning(prefix: &str) -> KeyRange {
        // Beyond all characters that keys are made of.
        KeyRange { from: prefix.to_owned(), to: format!("{prefix}\u{10ffff}") }
    }

    pub fn one(key: &str) -> KeyRange {
        KeyRange { from: key.to_owned(), to: format!("{key}\u{0}") }
    }

    pub fn contains(&self, key: &str) -> bool {
        self.from.as_str() <= key && key < self.to.as_str()
    }
}
