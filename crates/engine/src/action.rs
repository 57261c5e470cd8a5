//! Actions that run in this process.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use workflow_core::failure::Failure;
use workflow_core::json::Json;
use workflow_core::task::Task;

use crate::ring::message::AbortReason;

/// What an action gives: its output (none: it returned nothing) or why it failed.
pub type ActionResult = Result<Option<Json>, ActionError>;

/// An action failed.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionError {
    pub failure: Failure,
    /// Longer than the step's own delay: replaces it.
    pub retry_after: Option<Duration>,
}

impl From<Failure> for ActionError {
    fn from(failure: Failure) -> ActionError {
        ActionError { failure, retry_after: None }
    }
}

impl ActionError {
    pub fn new(message: impl Into<String>) -> ActionError {
        Failure::new(message).into()
    }

    /// One that is never tried again.
    pub fn permanent(message: impl Into<String>) -> ActionError {
        Failure::new(message).permanent().into()
    }
}

/// Tells an action that its result is not wanted any more: its attempt timed out, or its execution was cancelled.
#[derive(Debug, Clone)]
pub struct Signal(Arc<Flag>);

/// The other end of a [`Signal`].
#[derive(Debug)]
pub struct Abort(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: OnceLock<AbortReason>,
    changed: Notify,
}

impl Signal {
    pub fn new() -> (Abort, Signal) {
        let flag = Arc::new(Flag::default());
        (Abort(flag.clone()), Signal(flag))
    }

    pub fn is_aborted(&self) -> bool {
        self.reason().is_some()
    }

    /// Why it was aborted; none when it was not.
    pub fn reason(&self) -> Option<AbortReason> {
        self.0.raised.get().copied()
    }

    /// Ends when the attempt is aborted; never, when it is not.
    pub async fn aborted(&self) {
        let mut changed = std::pin::pin!(self.0.changed.notified());
        // Listens before it looks, so that an abort in between is not missed.
        changed.as_mut().enable();
        if !self.is_aborted() {
            changed.await;
        }
    }
}

impl Abort {
    /// The first reason stays.
    pub fn abort(&self, reason: AbortReason) {
        let _ = self.0.raised.set(reason);
        self.0.changed.notify_waiters();
    }
}

type BoxedFuture = Pin<Box<dyn Future<Output = ActionResult> + Send>>;

/// An action as the engine keeps it.
#[derive(Clone)]
pub struct Handler(Arc<dyn Fn(Task, Signal) -> BoxedFuture + Send + Sync>);

impl Handler {
    pub fn new<F, R>(action: F) -> Handler
    where
        F: Fn(Task, Signal) -> R + Send + Sync + 'static,
        R: Future<Output = ActionResult> + Send + 'static,
    {
        Handler(Arc::new(move |task, signal| Box::pin(action(task, signal))))
    }

    /// Runs it: the future does nothing before it is polled.
    pub fn call(&self, task: Task, signal: Signal) -> impl Future<Output = ActionResult> + Send + use<> {
        (self.0)(task, signal)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}
