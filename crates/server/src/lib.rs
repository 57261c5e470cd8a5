//! The HTTP API of workflow.do, over a [`workflow_engine::Engine`].
//!
//! [`serve`] is all that a process needs to offer it; [`router`] is for one that has a server of its own. What the API says is
//! in `docs/http-api.md` and, made from this code, at `/openapi.json`.
//!
//! What is *not* here: no SQL and no transitions. Every rule about executions is the engine's; this crate reads requests, with
//! bounds, and writes answers. The HTTP status of an error is decided in one file, `problem.rs`.

mod access;
mod admission;
mod app;
mod body;
mod caller;
mod cluster;
mod direct;
mod hosts;
mod kept;
mod limits;
mod metrics;
mod observe;
mod openapi;
mod options;
mod parameters;
mod problem;
mod reply;
mod routes;
mod schema;
mod serve;
mod taken;
mod tls;
mod validity;
mod worker;

pub mod protocol;

pub use access::{AdminToken, Unguarded, WeakToken, may_listen};
pub use app::{direct, router};
pub use direct::{Answer, Body, Call, Direct};
pub use options::Options;
pub use problem::Problem;
pub use serve::serve;
pub use tls::{Tls, TlsError};
