//! What is stuck, and why: `workflow doctor`, `GET /api/v1/diagnosis`.
//!
//! Two homes, the same words: [`Engine::diagnose`](crate::Engine::diagnose) asks a running engine and its store, [`diagnose`] reads
//! a file that nobody has open. Neither changes anything. It looks at what is under way, overdue, paused or wanting, not at what sleeps or has ended:
//! there may be millions.

mod file;
mod finding;
mod gather;
mod live;
mod machine;

pub use file::diagnose;
pub use finding::{Diagnosis, EXAMPLES_MAX, Finding, Severity};
