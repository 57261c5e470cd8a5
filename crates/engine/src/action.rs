//! Actions that run in this process.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use workflow_core::failure::Failure;
use workflow_core::json::Json;
use workflow_core::task::Task;

use crate::TaskId;
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

/// Runs attempts outside of the runtime: whoever has a loop of its own, and for whom a future and a signal for each attempt would
/// cost more than the attempt. What comes of an attempt it says with [`Engine::finished`](crate::Engine::finished).
pub trait Runner: Send + Sync + 'static {
    /// Hands an attempt on. Called on the engine's own thread: it must neither wait nor panic.
    fn run(&self, id: TaskId, task: &Task);

    /// Nobody wants the result of this one any more.
    fn abort(&self, id: TaskId, reason: AbortReason);
}

/// An action as the engine keeps it.
#[derive(Clone)]
pub struct Handler(pub(crate) Way);

/// An action as a function.
pub(crate) type Action = dyn Fn(Task, Signal) -> BoxedFuture + Send + Sync;

/// How it is run.
#[derive(Clone)]
pub(crate) enum Way {
    Future(Arc<Action>),
    Runner(Arc<dyn Runner>),
}

impl Handler {
    pub fn new<F, R>(action: F) -> Handler
    where
        F: Fn(Task, Signal) -> R + Send + Sync + 'static,
        R: Future<Output = ActionResult> + Send + 'static,
    {
        Handler(Way::Future(Arc::new(move |task, signal| Box::pin(action(task, signal)))))
    }

    /// One whose attempts somebody else runs.
    pub fn runner(runner: Arc<dyn Runner>) -> Handler {
        Handler(Way::Runner(runner))
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

/// Runs an action to its end. One that does not end within `grace` after it was aborted is dropped, and gives nothing.
pub async fn run_action(action: impl Future<Output = ActionResult>, signal: &Signal, grace: Duration) -> Option<ActionResult> {
    let stopped = async {
        signal.aborted().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        // Most actions never look at their signal, and need not pay for listening to it.
        biased;
        result = CatchPanic(pin!(action)) => Some(result),
        () = stopped => None,
    }
}

/// A panic in an action is a failure of that attempt, and of nothing else.
struct CatchPanic<'a, F>(Pin<&'a mut F>);

impl<F: Future<Output = ActionResult>> Future for CatchPanic<'_, F> {
    type Output = ActionResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<ActionResult> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) => {
                Poll::Ready(Err(Failure::with_code("panic", format!("the action panicked: {}", message(&*panic))).into()))
            }
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
