//! Hands out attempts: to a future on the runtime, told to stop when its result is not wanted any more, or to the connection of a
//! worker.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use workflow_core::command::Outcome;
use workflow_core::failure::Failure;
use workflow_core::task::Task;
use workflow_core::time::Millis;

use crate::TaskId;
use crate::action::{Abort, ActionError, ActionResult, Handler, Runner, Signal, Way, run_action};
use crate::inbox::Inbox;
use crate::lines::Lines;
use crate::ring::message::{AbortReason, AttemptKey, Input};
use crate::ring::slots::ProviderId;

/// What runs the actions of each provider. An endpoint is a handler like any other.
#[derive(Debug, Default)]
pub struct Handlers {
    map: Mutex<BTreeMap<ProviderId, Handler>>,
    /// Attempts that the runtime has been given and has not looked at.
    unbegun: AtomicUsize,
    all_begun: Notify,
}

/// One of [`Handlers::unbegun`], for as long as it lives.
struct Unbegun(Arc<Handlers>);

impl Unbegun {
    fn new(handlers: &Arc<Handlers>) -> Unbegun {
        handlers.unbegun.fetch_add(1, Ordering::SeqCst);
        Unbegun(handlers.clone())
    }
}

impl Drop for Unbegun {
    fn drop(&mut self) {
        if self.0.unbegun.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.all_begun.notify_waiters();
        }
    }
}

impl Handlers {
    pub fn insert(&self, id: ProviderId, handler: Handler) {
        self.lock().insert(id, handler);
    }

    pub fn remove(&self, id: ProviderId) {
        self.lock().remove(&id);
    }

    fn get(&self, id: ProviderId) -> Option<Handler> {
        self.lock().get(&id).cloned()
    }

    /// Waits until every attempt that was dispatched is in its handler.
    pub async fn all_begun(&self) {
        loop {
            let mut begun = pin!(self.all_begun.notified());
            // Before the look, so that what happens right after it is not missed.
            begun.as_mut().enable();
            if self.unbegun.load(Ordering::SeqCst) == 0 {
                return;
            }
            begun.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProviderId, Handler>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempts that run now. Belongs to the driver's thread.
#[derive(Debug)]
pub struct Dispatcher {
    pub runtime: Handle,
    pub handlers: Arc<Handlers>,
    pub inbox: Arc<Inbox>,
    pub abort_grace: Duration,
    running: BTreeMap<AttemptKey, Running>,
    pub lines: Lines,
}

/// Where an attempt runs, to be told to stop.
enum Running {
    Here(Abort),
    With(Arc<dyn Runner>),
}

impl Running {
    fn abort(&self, attempt: AttemptKey, reason: AbortReason) {
        match self {
            Running::Here(abort) => abort.abort(reason),
            Running::With(runner) => runner.abort(TaskId::of(attempt), reason),
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Running")
    }
}

impl Dispatcher {
    pub fn new(runtime: Handle, handlers: Arc<Handlers>, inbox: Arc<Inbox>, abort_grace: Duration) -> Dispatcher {
        Dispatcher { runtime, handlers, inbox, abort_grace, running: BTreeMap::new(), lines: Lines::default() }
    }

    pub fn dispatch(&mut self, attempt: AttemptKey, provider: ProviderId, task: Box<Task>) {
        let task = match self.lines.dispatch(attempt, provider, task) {
            None => return,
            Some(task) => task,
        };
        let Some(handler) = self.handlers.get(provider) else {
            // It was withdrawn after the attempt had begun.
            let failure = Failure::new(format!("whoever provided `{}` is gone", task.action));
            let outcome = Outcome::Failed { failure, retry_after: None };
            return self.inbox.push(Input::Finished { attempt, outcome });
        };
        let action = match handler.0 {
            Way::Future(action) => action,
            Way::Runner(runner) => {
                runner.run(TaskId::of(attempt), &task);
                self.running.insert(attempt, Running::With(runner));
                return;
            }
        };
        let (abort, signal) = Signal::new();
        self.running.insert(attempt, Running::Here(abort));
        let (inbox, grace) = (self.inbox.clone(), self.abort_grace);
        let unbegun = Unbegun::new(&self.handlers);
        self.runtime.spawn(async move {
            // It does nothing before it is polled, so that a panic in the call is one in the future.
            let run = async { action(*task, signal.clone()).await };
            let mut running = pin!(run_action(run, &signal, grace));
            let first = poll_fn(|context| Poll::Ready(running.as_mut().poll(context))).await;
            drop(unbegun);
            let result = match first {
                Poll::Ready(result) => result,
                Poll::Pending => running.await,
            };
            if let Some(result) = result {
                inbox.push(Input::Finished { attempt, outcome: outcome(result) });
            }
        });
    }

    pub fn abort(&mut self, attempt: AttemptKey, provider: ProviderId, reason: AbortReason) {
        match self.running.remove(&attempt) {
            Some(running) => running.abort(attempt, reason),
            None => self.lines.abort(attempt, provider, reason),
        }
    }

    /// Its result has come.
    pub fn forget(&mut self, attempt: &AttemptKey) {
        self.running.remove(attempt);
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        for (attempt, running) in &self.running {
            running.abort(*attempt, AbortReason::Lost);
        }
    }
}

/// A result as the ring takes it.
pub fn outcome(result: ActionResult) -> Outcome {
    match result {
        Ok(output) => Outcome::Completed(output),
        Err(ActionError { failure, retry_after }) => {
            let retry_after = retry_after.map(|span| Millis::new(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
            Outcome::Failed { failure, retry_after }
        }
    }
}
