//! What a server and its workers say to each other, over one WebSocket (`docs/worker-protocol.md`).
//!
//! Both sides are here: [`FromWorker`] and [`FromServer`] are written and read with the same types, and [`Link`] is the connection
//! below them, with its heartbeats. What a message *means* is not here: the server's side is `worker.rs`, the worker's side is in
//! the crate `workflow-do`.

mod frame;
mod link;
mod message;
mod read;

pub use frame::Frame;
pub use link::{Broken, Heard, Link};
pub use message::{EngineAt, Engines, FromServer, FromWorker, Given, Hello, Server, Welcome};
pub use read::Malformed;

use std::time::Duration;

/// The route of the WebSocket.
pub const PATH: &str = "/api/v1/worker";
/// The version of the protocol, as the WebSocket's subprotocol.
pub const SUBPROTOCOL: &str = "workflow.worker.v1";
/// Whoever connects says who it is, or is answered, within this.
pub const GREETING_WITHIN: Duration = Duration::from_secs(10);
/// Something is sent at least this often, unless the server says otherwise.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Who is silent for this many heartbeats is gone.
pub const SILENT_HEARTBEATS: u32 = 3;

/// Messages that are ready are put into one frame until it holds this much: it is parsed and copied in one piece, and what a
/// socket does not take of it at once is moved.
pub const FRAME_BYTES: usize = 128 << 10;
/// The same in messages: while one side reads a frame, the other writes the next. Much fewer cost a system call each, and with
/// many more only one side works at a time.
pub const FRAME_MESSAGES: usize = 64;
/// Messages of a frame that are read: each is short, but what is kept of it is not.
pub const FRAME_MESSAGES_MAX: usize = 10_000;
/// A frame from a worker, at least: its longest message is an output, whose own limit is far below it.
pub const WORKER_FRAME_BYTES_MAX: usize = 16 << 20;
/// A frame from a server: params and state of a task may each hold everything that an execution holds.
pub const SERVER_FRAME_BYTES_MAX: usize = 256 << 20;
