//! How engines share one PostgreSQL, as a model that is small enough to be looked at whole: every interleaving of a few engines, ranges,
//! commits and faults.
//!
//! It is *not* the engine and shares no code with it: what is wrong in the code and right here is not found. What it finds is a protocol
//! that cannot work. Decision 0023 says what is in it and what is not.
//!
//! - [`state`]: what a moment consists of.
//! - [`protocol`]: what may happen next, and what must never.
//! - [`mutation`]: mistakes made on purpose; each has to be found, or it is said why it does no harm.
//! - [`check`]: looks at every state, in the order of their distance from the first.

pub mod check;
pub mod mutation;
pub mod protocol;
pub mod state;
