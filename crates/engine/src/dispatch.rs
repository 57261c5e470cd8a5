//! Hands out attempts: to the runtime, where each is told to stop when its result is not wanted any more, or to the connection of a
//! worker.
//!
//! Those for the runtime are handed over together, and a few [runners](Handout::run) look at them: most actions of a busy engine
//! are over, or wait for something, after one look, and a task and a wake-up for each would cost more than they do.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use workflow_core::command::Outcome;
use workflow_core::failure::Failure;
use workflow_core::task::Task;
use workflow_core::time::Millis;
use workflow_store::Lease;

use crate::TaskId;
use crate::action::{Abort, Action, ActionError, ActionResult, Handler, Runner, Signal, Way, run_action};
use crate::inbox::Inbox;
use crate::lines::Lines;
use crate::ring::message::{AbortReason, AttemptKey, Input};
use crate::ring::slots::ProviderId;

/// An attempt that is not certain to be this engine's looks this often whether it is.
pub const LOOK_AT_LEASE_EVERY: Duration = Duration::from_millis(100);
/// A runner lets other tasks of its thread run after so many attempts.
const ATTEMPTS_IN_A_ROW: usize = 32;

/// What runs the actions of each provider. An endpoint is a handler like any other.
#[derive(Debug, Default)]
pub struct Handlers {
    map: Mutex<BTreeMap<ProviderId, Handler>>,
    /// Attempts that the runtime has been given and has not looked at.
    unbegun: AtomicUsize,
    all_begun: Notify,
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

    fn one_has_begun(&self) {
        if self.unbegun.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.all_begun.notify_waiters();
        }
    }

    /// Waits until every attempt that was dispatched is in its handler.
    pub async fn all_begun(&self) {
        loop {
            let mut begun = std::pin::pin!(self.all_begun.notified());
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
    handout: Arc<Handout>,
    /// None of a runtime with one thread: whoever has chosen one has everything run on it.
    life: Option<Life>,
    running: BTreeMap<AttemptKey, Running>,
    /// Those of this turn.
    given: Vec<Attempt>,
    pub lines: Lines,
    pub lease: Lease,
}

/// Tells whether the runtime still runs anything. A task that waits for ever is dropped with it, before its timers and sockets are.
#[derive(Debug)]
struct Life {
    gone: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Life {
    fn of(runtime: &Handle) -> Life {
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let gone = Arc::new(AtomicBool::new(false));
        let dropped = Dropped(gone.clone());
        let task = runtime.spawn(async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
        });
        Life { gone, task: task.abort_handle() }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.task.abort();
    }
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

/// An attempt on its way to the runtime.
struct Attempt {
    key: AttemptKey,
    action: Arc<Action>,
    task: Box<Task>,
    signal: Signal,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Where the runtime finds attempts.
#[derive(Debug)]
struct Handout {
    waiting: Mutex<VecDeque<Attempt>>,
    /// Runners that are under way. Each of them looks once more before it ends.
    runners: AtomicUsize,
    /// Somebody [looks](Look) at an attempt.
    looks: AtomicBool,
    handlers: Arc<Handlers>,
    inbox: Arc<Inbox>,
    lease: Lease,
    abort_grace: Duration,
}

impl Dispatcher {
    pub fn new(runtime: Handle, handlers: Arc<Handlers>, inbox: Arc<Inbox>, lease: Lease, abort_grace: Duration) -> Dispatcher {
        let (waiting, runners, looks) = (Mutex::default(), AtomicUsize::new(0), AtomicBool::new(false));
        let handout = Arc::new(Handout { waiting, runners, looks, handlers, inbox, lease: lease.clone(), abort_grace });
        let life = (runtime.runtime_flavor() != RuntimeFlavor::CurrentThread).then(|| Life::of(&runtime));
        Dispatcher { runtime, handout, life, running: BTreeMap::new(), given: Vec::new(), lease, lines: Lines::default() }
    }

    /// The attempt begins with the next [`Dispatcher::hand_over`].
    pub fn dispatch(&mut self, key: AttemptKey, provider: ProviderId, task: Box<Task>) {
        let task = match self.lines.dispatch(key, provider, task) {
            None => return,
            Some(task) => task,
        };
        let Some(handler) = self.handout.handlers.get(provider) else {
            // It was withdrawn after the attempt had begun.
            let failure = Failure::new(format!("whoever provided `{}` is gone", task.action));
            let outcome = Outcome::Failed { failure, retry_after: None };
            return self.handout.inbox.push(Input::Finished { attempt: key, outcome });
        };
        let action = match handler.0 {
            Way::Future(action) => action,
            Way::Runner(runner) => {
                runner.run(TaskId::of(key), &task);
                self.running.insert(key, Running::With(runner));
                return;
            }
        };
        let (abort, signal) = Signal::new();
        self.running.insert(key, Running::Here(abort));
        self.given.push(Attempt { key, action, task, signal });
    }

    /// As [`Dispatcher::hand_over`]; but one that is alone, while nothing else comes in, is for the caller to look at.
    pub fn hand_over_or_look(&mut self) -> Option<Look> {
        let handout = &self.handout;
        if self.given.len() == 1
            && handout.inbox.is_empty()
            && let Some(life) = &self.life
            && !handout.looks.swap(true, Ordering::SeqCst)
        {
            handout.handlers.unbegun.fetch_add(1, Ordering::SeqCst);
            let (runtime, gone, handout) = (self.runtime.clone(), life.gone.clone(), handout.clone());
            let looking = Looking(handout.clone());
            return self.given.pop().map(|attempt| Look { attempt, runtime, gone, handout, looking });
        }
        self.hand_over();
        None
    }

    /// Gives what was dispatched to the runtime.
    pub fn hand_over(&mut self) {
        if self.given.is_empty() {
            return;
        }
        self.handout.handlers.unbegun.fetch_add(self.given.len(), Ordering::SeqCst);
        let mut waiting = self.handout.lock();
        waiting.extend(self.given.drain(..));
        // One that is under way may be held up by an action that computes.
        let runners = self.handout.runners.load(Ordering::SeqCst);
        let more = waiting.len().min(self.runtime.metrics().num_workers().saturating_sub(runners));
        self.handout.runners.fetch_add(more, Ordering::SeqCst);
        drop(waiting);
        for _ in 0..more {
            self.runtime.spawn(self.handout.clone().run());
        }
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

impl Handout {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Attempt>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next attempt. None when there is none: then this runner has ended.
    fn next(&self) -> Option<Attempt> {
        let mut waiting = self.lock();
        let next = waiting.pop_front();
        if next.is_none() {
            // Under the lock, so that what comes later finds that this runner is gone.
            self.runners.fetch_sub(1, Ordering::SeqCst);
        }
        next
    }

    /// Begins what waits. An attempt that is not over at the first look becomes a task of its own, so that one that takes long
    /// holds up nothing but this runner, and only while it computes.
    async fn run(self: Arc<Handout>) {
        let mut looked_at = 0;
        while let Some(attempt) = self.next() {
            self.begin(attempt).await;
            looked_at += 1;
            if looked_at % ATTEMPTS_IN_A_ROW == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn begin(&self, attempt: Attempt) {
        let (key, mut running) = self.running(attempt);
        let first = poll_fn(|context| Poll::Ready(running.as_mut().poll(context))).await;
        self.handlers.one_has_begun();
        match first {
            Poll::Ready(result) => self.inbox.push_all(finished(key, result)),
            Poll::Pending => drop(tokio::spawn(self.go_on(key, running))),
        }
    }

    /// Does nothing before it is polled, so that a panic in the call of the action is one in the future.
    fn running(&self, Attempt { key, action, task, signal }: Attempt) -> (AttemptKey, Run) {
        let (grace, lease) = (self.abort_grace, self.lease.clone());
        let run = async move {
            let run = async {
                // The process may have stood still since the attempt was handed over.
                while !lease.lasts() {
                    tokio::time::sleep(LOOK_AT_LEASE_EVERY).await;
                }
                action(*task, signal.clone()).await
            };
            run_action(run, &signal, grace).await
        };
        (key, Box::pin(run))
    }

    /// An attempt that was not over at the first look.
    fn go_on(&self, key: AttemptKey, running: Run) -> impl Future<Output = ()> + use<> {
        let inbox = self.inbox.clone();
        async move { inbox.push_all(finished(key, running.await)) }
    }
}

/// An attempt that runs. None comes of it when it was told to stop, and did not in time.
type Run = Pin<Box<dyn Future<Output = Option<ActionResult>> + Send>>;

fn finished(key: AttemptKey, result: Option<ActionResult>) -> Option<Input> {
    result.map(|result| Input::Finished { attempt: key, outcome: outcome(result) })
}

/// The first look at an attempt that is alone, by the engine's own thread, which would have to wait for its result anyway: most of
/// what a step costs, one at a time, is to wake a thread of the runtime and to be woken by it.
#[derive(Debug)]
pub struct Look {
    attempt: Attempt,
    runtime: Handle,
    gone: Arc<AtomicBool>,
    handout: Arc<Handout>,
    looking: Looking,
}

/// As long as this lives nobody else looks.
#[derive(Debug)]
pub struct Looking(Arc<Handout>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.looks.store(false, Ordering::SeqCst);
    }
}

impl Look {
    /// What came of it, if it is over; if not it goes on in the runtime. As long as the action computes or blocks.
    pub fn look(self) -> (Option<Input>, Looking) {
        let Look { attempt, runtime, gone, handout, looking } = self;
        let _entered = runtime.enter();
        let (key, mut running) = handout.running(attempt);
        let first = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let came = match first {
            // What fails because the runtime is being shut down is nothing that the action did.
            Poll::Ready(result) => finished(key, result).filter(|_| !gone.load(Ordering::SeqCst)),
            // It is looked at again there, so that nothing that has happened meanwhile is missed.
            Poll::Pending => {
                drop(runtime.spawn(handout.go_on(key, running)));
                None
            }
        };
        handout.handlers.one_has_begun();
        (came, looking)
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
