//! The remote worker: against servers that follow a script, and against the real one.

#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test that cannot go on fails; a scene is told in one piece")]

mod cluster;
mod documented;
mod encrypted;
mod scripted;
mod served;
#[path = "../../../server/tests/api/several.rs"]
#[allow(dead_code, reason = "the server's tests need more of it")]
mod several;
mod stage;
