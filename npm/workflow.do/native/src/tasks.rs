//! Attempts that run in JavaScript.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::oneshot;
use workflow_core::failure::{Failure, code};
use workflow_core::json::{Json, JsonError};
use workflow_core::task::Task;
use workflow_do::{ReceivedState, ReceivedTask};
use workflow_engine::{AbortReason, ActionError, ActionResult, Handler, Runner, Signal};

use crate::long::{LONG_BYTES, Long};
use crate::message::{Completed, Delivery, Failed, TaskId};
use crate::outbox::Outbox;

type Pending = Pin<Box<dyn Future<Output = ActionResult> + Send>>;

#[derive(Debug)]
pub struct Tasks {
    outbox: Arc<Outbox>,
    next: AtomicU64,
    running: Mutex<HashMap<TaskId, Attempt>>,
}

/// Who wants to know what came of an attempt.
#[derive(Debug)]
enum Attempt {
    /// The engine in this process, which has this name for it.
    Engine(workflow_engine::TaskId),
    /// The worker of a server.
    Worker(oneshot::Sender<ActionResult>),
}

/// An attempt of a server that runs. Dropped, it is not waited for any more.
struct Running<'a> {
    tasks: &'a Tasks,
    id: TaskId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.tasks.lock().remove(&self.id);
    }
}

impl Tasks {
    pub fn new(outbox: Arc<Outbox>) -> Arc<Tasks> {
        Arc::new(Tasks { outbox, next: AtomicU64::new(1), running: Mutex::default() })
    }

    /// Hands every attempt of an engine here to JavaScript, whatever its action.
    pub fn handler(self: &Arc<Tasks>) -> Handler {
        Handler::runner(self.clone())
    }

    /// The same with those that a server sends.
    pub fn received(self: &Arc<Tasks>) -> impl Fn(ReceivedTask, Signal) -> Pending + Send + Sync + 'static {
        let tasks = self.clone();
        move |task, signal| {
            let tasks = tasks.clone();
            Box::pin(async move {
                let ReceivedTask { action, params, state, context, .. } = task;
                tasks.receive(signal, &action, context, params, state).await
            })
        }
    }

    async fn receive(&self, signal: Signal, action: &str, context: Json, params: Json, state: ReceivedState) -> ActionResult {
        let (sender, mut result) = oneshot::channel();
        let running = Running { tasks: self, id: self.next() };
        self.lock().insert(running.id, Attempt::Worker(sender));
        let ReceivedState { text, kept } = apart(state);
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        let task = Delivery::Task(running.id, action, context, params, text, &names);
        let task = serde_json::to_string(&task).expect("a message is JSON");
        self.outbox.push_long(&task, (!kept.is_empty()).then_some(Long::Outputs(kept)));
        tokio::select! {
            biased;
            result = &mut result => return result.unwrap_or_else(|_| Err(gone())),
            () = signal.aborted() => {}
        }
        let reason = signal.reason().unwrap_or(AbortReason::Lost).as_str();
        self.outbox.push(&Delivery::Abort { task: running.id, reason });
        // It may clean up; whoever aborted it drops this when that takes too long.
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    fn next(&self) -> TaskId {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// What came of attempts. Answers with those of the engine in this process.
    pub fn ended(&self, results: Vec<(TaskId, ActionResult)>) -> Vec<(workflow_engine::TaskId, ActionResult)> {
        let mut of_engine = Vec::with_capacity(results.len());
        let mut running = self.lock();
        for (task, result) in results {
            match running.remove(&task) {
                Some(Attempt::Engine(attempt)) => of_engine.push((attempt, result)),
                // Whoever has gone away does not want to know.
                Some(Attempt::Worker(sender)) => drop(sender.send(result)),
                // It has timed out or was cancelled.
                None => {}
            }
        }
        of_engine
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Attempt>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner for Tasks {
    fn run(&self, id: workflow_engine::TaskId, task: &Task) {
        let number = self.next();
        self.lock().insert(number, Attempt::Engine(id));
        let (text, long) = crate::message::task(number, task);
        self.outbox.push_long(&text, long);
    }

    /// What comes of it all the same is the engine's to drop.
    fn abort(&self, id: workflow_engine::TaskId, reason: AbortReason) {
        let is_it = |attempt: &Attempt| matches!(attempt, Attempt::Engine(of) if *of == id);
        let task = self.lock().iter().find(|(_, attempt)| is_it(attempt)).map(|(task, _)| *task);
        if let Some(task) = task {
            self.outbox.push(&Delivery::Abort { task, reason: reason.as_str() });
        }
    }
}

/// With all that is long in it apart, also what has come with the rest.
fn apart(state: ReceivedState) -> ReceivedState {
    let ReceivedState { text, mut kept } = state;
    if text.len() <= LONG_BYTES {
        return ReceivedState { text, kept };
    }
    let mut fields = text.fields().unwrap_or_default();
    for (name, value) in fields.iter_mut().filter(|(_, value)| value.len() > LONG_BYTES) {
        kept.push((name.clone(), std::mem::replace(value, Json::null())));
    }
    ReceivedState { text: Json::from_serialize(&fields).unwrap_or(text), kept }
}

/// What an action that ended gives. `beside` are the long outputs that came with the message.
pub fn completed(completed: &Completed<'_>, beside: &mut [String]) -> ActionResult {
    match completed.beside.and_then(|place| beside.get_mut(place)) {
        Some(long) => Json::parse(std::mem::take(long)).map(Some).map_err(not_kept),
        None => completed.output.map(|raw| Json::from_raw(raw.to_owned()).map_err(not_kept)).transpose(),
    }
}

/// What an action that failed gives.
pub fn failed(failed: Failed<'_>) -> ActionResult {
    let retry_after = failed.retry_after.and_then(delay);
    Err(ActionError { failure: failed.error.bounded(), retry_after })
}

fn not_kept(error: JsonError) -> ActionError {
    Failure::with_code(code::OUTPUT_NOT_JSON, format!("the output is not kept: {error}")).permanent().into()
}

/// Milliseconds or a duration. None of what is neither.
fn delay(raw: &RawValue) -> Option<Duration> {
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        return workflow_core::duration::parse(&text).ok().map(|span| span.to_std());
    }
    let millis: f64 = serde_json::from_str(raw.get()).ok()?;
    Duration::try_from_secs_f64(millis / 1_000.0).ok()
}

fn gone() -> ActionError {
    ActionError::new("the process that ran the action is closing")
}
