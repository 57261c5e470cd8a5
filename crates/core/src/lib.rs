//! The pure core of workflow.do: what a definition means and how an execution moves.
//!
//! A command comes in, events come out ([`decide`]); an event changes an execution ([`apply`]); what the outside has to do next
//! is derived from the execution ([`outstanding`]), never stored beside it.
//!
//! What is *not* here: no I/O, no clock, no randomness, no async, no order that depends on a hash. Time and ids are arguments.
//! The same code runs in SQLite's, PostgreSQL's and the edge's home.

pub mod apply;
pub mod codec;
pub mod command;
pub mod decide;
pub mod definition;
pub mod duration;
pub mod event;
pub mod execution;
pub mod expression;
pub mod failure;
pub mod fingerprint;
pub mod id;
pub mod json;
pub mod limits;
#[doc(hidden)]
pub mod mutation;
pub mod outstanding;
pub mod refusal;
#[cfg(feature = "scenario")]
pub mod scenario;
mod scope;
pub mod status;
pub mod task;
pub mod time;
pub mod trigger;
pub mod view;
