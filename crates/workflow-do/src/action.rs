//! Actions: async closures or functions with typed params.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use workflow_core::failure::{Failure, code};
use workflow_core::id::{ExecutionId, Version};
use workflow_core::json::Json;
use workflow_core::limits;
use workflow_core::task::Task;
use workflow_engine::{ActionResult, Signal};

use crate::worker::ReceivedTask;

/// Why an action failed. `?` makes one of any error; the errors below it become its causes.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionError(workflow_engine::ActionError);

impl ActionError {
    /// One that is tried again while the step has retries left.
    pub fn new(message: impl Into<String>) -> ActionError {
        ActionError(workflow_engine::ActionError::new(message))
    }

    /// One that is never tried again.
    pub fn permanent(message: impl Into<String>) -> ActionError {
        ActionError(workflow_engine::ActionError::permanent(message))
    }

    /// What a handler reads as `error.code`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> ActionError {
        self.0.failure.code = Some(code.into());
        self
    }

    /// Not before this has passed; at most 24 h. A shorter one than the step's `retryDelay` changes nothing.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> ActionError {
        self.0.retry_after = Some(delay);
        self
    }
}

impl<E: std::error::Error> From<E> for ActionError {
    fn from(error: E) -> ActionError {
        // A chain of sources is kept as far as anyone reads it.
        ActionError(failure(&error, limits::ERROR_CAUSES_MAX).into())
    }
}

fn failure(error: &dyn std::error::Error, causes_max: usize) -> Failure {
    let failure = Failure::new(error.to_string());
    match error.source() {
        Some(source) if causes_max > 0 => failure.caused_by(self::failure(source, causes_max - 1)),
        _ => failure,
    }
}

/// What an action is told besides its params.
#[derive(Debug, Clone)]
pub struct Context {
    task: Given,
    signal: Signal,
}

/// An attempt is the same to its action wherever the engine is.
#[derive(Debug, Clone)]
enum Given {
    /// By the engine in this process.
    Here(Box<Task>),
    /// By a server that this process works for.
    Received(Box<ReceivedTask>),
}

impl Context {
    pub(crate) fn new(task: Task, signal: Signal) -> Context {
        Context { task: Given::Here(Box::new(task)), signal }
    }

    pub(crate) fn received(task: ReceivedTask, signal: Signal) -> Context {
        Context { task: Given::Received(Box::new(task)), signal }
    }

    fn params<T: DeserializeOwned>(&self) -> Result<T, ActionError> {
        let params = match &self.task {
            Given::Here(task) => task.params().to(),
            Given::Received(task) => task.params.to(),
        };
        params.map_err(|error| mismatch(&format!("the params of `{}`", self.action()), &error))
    }

    /// What the step can see: the definition's context, the input, and the outputs of the steps before it.
    pub fn state<T: DeserializeOwned>(&self) -> Result<T, ActionError> {
        let state = match &self.task {
            Given::Here(task) => task.state().to(),
            Given::Received(task) => task.state.whole().to(),
        };
        state.map_err(|error| mismatch(&format!("the state of step `{}`", self.step_id()), &error))
    }

    /// The output of a step before this one; `null` when it has none (it was skipped, failed, or returned nothing).
    pub fn output(&self, step: &str) -> Result<Value, ActionError> {
        let output = match &self.task {
            Given::Here(task) => task.output(step).map(Json::to).transpose(),
            Given::Received(task) => task.output(step),
        };
        output.map(Option::unwrap_or_default).map_err(|error| mismatch(&format!("the output of `{step}`"), &error))
    }

    /// `{executionId}:{stepId}`: the same over attempts, crashes and `retry`. What to hand to a payment API.
    ///
    /// A service that remembers failures too needs a fresh key once a person has decided to try again: add
    /// [`retry_count`](Context::retry_count) to it.
    pub fn idempotency_key(&self) -> String {
        match &self.task {
            Given::Here(task) => task.idempotency_key(),
            Given::Received(task) => task.about.idempotency_key.clone(),
        }
    }

    pub fn execution_id(&self) -> ExecutionId {
        match &self.task {
            Given::Here(task) => task.execution,
            Given::Received(task) => task.about.execution_id,
        }
    }

    pub fn workflow_id(&self) -> &str {
        match &self.task {
            Given::Here(task) => task.workflow.as_str(),
            Given::Received(task) => task.about.workflow_id.as_str(),
        }
    }

    /// Of the definition: an execution keeps the version that it started with.
    pub fn workflow_version(&self) -> Version {
        match &self.task {
            Given::Here(task) => task.version,
            Given::Received(task) => task.about.workflow_version,
        }
    }

    pub fn step_id(&self) -> &str {
        match &self.task {
            Given::Here(task) => task.step_id.as_str(),
            Given::Received(task) => task.about.step_id.as_str(),
        }
    }

    pub fn action(&self) -> &str {
        match &self.task {
            Given::Here(task) => task.action.as_str(),
            Given::Received(task) => &task.action,
        }
    }

    /// 1, 2, 3 ...
    pub fn attempt(&self) -> u32 {
        match &self.task {
            Given::Here(task) => task.attempt,
            Given::Received(task) => task.about.attempt,
        }
    }

    /// How often `retry` was called for the execution.
    pub fn retry_count(&self) -> u32 {
        match &self.task {
            Given::Here(task) => task.retry_count,
            Given::Received(task) => task.about.retry_count,
        }
    }

    /// Tells when the result is not wanted any more: the attempt timed out, or the execution was cancelled.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }
}

/// A typed action over raw JSON, as the engine and the worker call it.
pub(crate) fn typed<P, R, F, A>(action: A) -> impl Fn(Context) -> Pending + Send + Sync + 'static
where
    P: DeserializeOwned + Send,
    R: Serialize,
    F: Future<Output = Result<R, ActionError>> + Send + 'static,
    A: Fn(P, Context) -> F + Send + Sync + 'static,
{
    move |context| match context.params::<P>() {
        // What does not fit today does not fit at the next attempt.
        Err(error) => Box::pin(std::future::ready(Err(error.0))),
        Ok(params) => {
            let running = action(params, context);
            Box::pin(async move { output(&running.await.map_err(|error| error.0)?) })
        }
    }
}

pub(crate) type Pending = Pin<Box<dyn Future<Output = ActionResult> + Send>>;

/// `()` and `None` are no output; everything else is JSON.
fn output<R: Serialize>(output: &R) -> ActionResult {
    match Json::from_serialize(output) {
        Ok(json) if json.text() == "null" => Ok(None),
        Ok(json) => Ok(Some(json)),
        Err(error) => {
            let message = format!("the output is no JSON: {error}");
            Err(Failure::with_code(code::OUTPUT_NOT_JSON, message).permanent().into())
        }
    }
}

fn mismatch(what: &str, error: &serde_json::Error) -> ActionError {
    let failure = Failure::with_code("type_mismatch", format!("{what} are not what the action takes: {error}"));
    ActionError(failure.permanent().into())
}
