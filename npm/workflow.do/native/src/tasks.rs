//! Attempts that run in JavaScript.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::oneshot;
use workflow_core::failure::{Failure, code};
use workflow_core::json::Json;
use workflow_core::task::Task;
use workflow_do::ReceivedTask;
use workflow_engine::{AbortReason, ActionError, ActionResult, Handler, Signal};

use crate::message::{About, Completed, Delivery, Failed, TaskId};
use crate::outbox::Outbox;

type Pending = Pin<Box<dyn Future<Output = ActionResult> + Send>>;

#[derive(Debug)]
pub struct Tasks {
    outbox: Arc<Outbox>,
    next: AtomicU64,
    running: Mutex<HashMap<TaskId, oneshot::Sender<ActionResult>>>,
}

/// A running attempt. Dropped, it is not waited for any more.
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
        let tasks = self.clone();
        Handler::new(move |task: Task, signal| {
            let tasks = tasks.clone();
            async move {
                let about = About::Known(task.context());
                tasks.run(signal, task.action.as_str(), task.params(), task.state(), about).await
            }
        })
    }

    /// The same with those that a server sends.
    pub fn received(self: &Arc<Tasks>) -> impl Fn(ReceivedTask, Signal) -> Pending + Send + Sync + 'static {
        let tasks = self.clone();
        move |task, signal| {
            let tasks = tasks.clone();
            Box::pin(async move {
                let ReceivedTask { action, params, state, context, .. } = task;
                tasks.run(signal, &action, params, state, About::Received(context)).await
            })
        }
    }

    async fn run(&self, signal: Signal, action: &str, params: Json, state: Json, context: About) -> ActionResult {
        let (sender, mut result) = oneshot::channel();
        let running = Running { tasks: self, id: self.next.fetch_add(1, Ordering::Relaxed) };
        self.lock().insert(running.id, sender);
        self.outbox.push(&Delivery::Task { task: running.id, action, params, state, context });
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

    pub fn completed(&self, completed: &Completed<'_>) {
        self.ended(completed.task, completed.output.map(output).transpose());
    }

    pub fn failed(&self, failed: Failed<'_>) {
        let retry_after = failed.retry_after.and_then(delay);
        self.ended(failed.task, Err(ActionError { failure: failed.error.bounded(), retry_after }));
    }

    fn ended(&self, task: TaskId, result: ActionResult) {
        // One that nobody waits for any more has timed out or was cancelled.
        let sender = self.lock().remove(&task);
        if let Some(sender) = sender {
            let _ = sender.send(result);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, oneshot::Sender<ActionResult>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn output(raw: &RawValue) -> Result<Json, ActionError> {
    let not_json = |error| Failure::with_code(code::OUTPUT_NOT_JSON, format!("the output is not kept: {error}")).permanent();
    Json::from_raw(raw.to_owned()).map_err(|error| not_json(error).into())
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
