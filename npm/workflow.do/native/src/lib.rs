//! The engine as a Node addon: what the TypeScript of the npm package `workflow.do` stands on.
//!
//! JavaScript sees one class, [`Bridge`](bridge::Bridge): texts go in and out of it, each a JSON array of messages
//! ([`message`]), so that a thousand results cost one call. Requests are those of the HTTP API and are answered by the router
//! of `workflow-server` in this process; actions run in JavaScript ([`tasks`]).
//!
//! What is *not* here: no rules of its own. Everything that is valid or an error is said by the engine and the HTTP API.

#![allow(unsafe_code, reason = "napi's macros make the functions that Node calls")]

mod bridge;
pub mod clock;
pub mod command_line;
mod embedded;
mod head;
mod home;
pub mod long;
mod message;
mod outbox;
mod remote;
mod requests;
mod tasks;

/// Nearly everything here is allocated by one thread and let go of by another, which costs the system's allocator most.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
