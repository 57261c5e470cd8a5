//! The real binary, as a person or a script runs it: against a server that answers what a test tells it to (`fake`), and against
//! `workflow serve` itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, also in what tests share")]

mod bulk;
mod database;
mod definitions;
mod doctor;
mod encryption;
mod executions;
mod fake;
mod hostile;
mod moves;
mod offline;
mod people;
#[allow(dead_code, reason = "these tests do not do everything to their server")]
#[path = "../../../store/tests/server/mod.rs"]
mod postgres;
mod process;
mod served;
#[cfg(target_os = "linux")]
mod terminal;
mod tls;
mod tokens;
