//! The engine of workflow.do: the ring in which core and store meet, and everything around it that has a clock, a thread or a
//! socket.
//!
//! *A command comes in; the core decides events; the store commits them in one transaction with everything else that is ready;
//! only then are effects carried out; whatever comes of them returns as a command.*
//!
//! What is *not* here: no transitions (the core's), no SQL (the store's), no HTTP API (the server's).

mod action;
mod changes;
pub mod check;
pub mod clock;
pub mod diagnosis;
mod dispatch;
mod driver;
mod endpoint;
mod engine;
mod error;
mod feed;
mod forward;
mod inbox;
pub mod jobs;
#[doc(hidden)]
pub mod lines;
mod options;
mod overview;
mod readers;
mod reading;
mod request;
mod rest;
#[doc(hidden)]
pub mod ring;
pub mod statistics;
pub mod token;

pub use action::{Abort, ActionError, ActionResult, Handler, Runner, Signal, run_action};
pub use changes::{Changed, Watcher};
pub use endpoint::innermost;
pub use engine::{Engine, Join, Session, SessionEvent, TaskId, Watch};
pub use error::Error;
pub(crate) use jobs::Jobs;
pub use options::{Options, Retention};
pub use overview::{
    ActionView, Attention, AttentionCounts, ConditionView, Counts, DuplicateOf, EventDryRun, EventMatch, ExecutionFilter,
    HistoryOrder, HistoryRequest, HistorySlice, InspectRequest, Inspected, NodeView, Payloads, SizedEntry, Summary, SummaryPage,
    SummaryRequest, SystemView, Validated, VersionView, WorkerView,
};
pub use reading::EMBEDDED_HISTORY_MAX;
pub use reading::inspect::leave_out_payloads;
pub use request::{
    Count, DefinitionView, EndpointRequest, EndpointView, EventAnswer, EventRequest, HistoryPage, Include, ListRequest, Listed,
    Page, RefusedStart, Registered, StartAnswer, StartRequest,
};
pub use ring::Gauges;
pub use ring::message::AbortReason;
pub use workflow_core::definition::Diagnostic;
pub use workflow_core::task::Task;
pub use workflow_core::view::{ExecutionView, HistoryEntry};
