//! How events are written down.
//!
//! One text holds the events of one transition: a JSON array, readable in a database shell; [`Packed`] puts several such texts
//! into one. Every form that was ever released is read for ever (invariant I7): `v1` is never changed once released; a later form
//! gets a module of its own, and this one lifts.

mod packed;
mod v1;

use crate::event::Recorded;
use crate::json::Json;
use crate::time::Timestamp;

/// The form that is written.
pub const VERSION: u32 = 1;
/// The form of [`Packed`].
pub const PACKED: u32 = 2;

pub use packed::Packed;

/// The events of one transition as text, and the payloads that were too long to stay in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    pub text: String,
    /// By the `seq` of their event.
    pub payloads: Vec<(u64, Json)>,
}

/// A text that holds no events that anyone wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stored events cannot be read: {0}")]
pub struct Undecodable(pub String);

/// Writes the events of one transition. Payloads longer than `inline_bytes_max` are left out and given separately.
///
/// # Panics
/// When a payload is not resident: only events that have just been decided are written.
pub fn encode(events: &[Recorded], inline_bytes_max: usize) -> Encoded {
    v1::encode(events, inline_bytes_max)
}

/// Reads what [`encode`] of this or an earlier release wrote in form `version`. `seq` and `at` are those of the
/// first event.
pub fn decode(version: u32, text: &str, seq: u64, at: Timestamp) -> Result<Vec<Recorded>, Undecodable> {
    match version {
        1 => v1::decode(text, seq, at),
        PACKED => packed::decode(text, seq, at),
        other => Err(Undecodable(format!(
            "form {other} is not known to this version, which reads forms up to {PACKED}; open it with the version that wrote it, or a newer one"
        ))),
    }
}

#[cfg(test)]
mod tests;
