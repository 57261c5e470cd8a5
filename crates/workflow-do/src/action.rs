//! Actions: async closures or functions with typed params.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use workflow_core::failure::{Failure, code};
use workflow_core::json::Json;
use workflow_core::limits;
use workflow_core::task::Task;
use workflow_engine::{ActionResult, Handler, Signal};

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
    task: Task,
    signal: Signal,
}

impl Context {
    /// What the step can see: the definition's context, the input, and the outputs of the steps before it.
    pub fn state<T: DeserializeOwned>(&self) -> Result<T, ActionError> {
        let state = self.task.state();
        state.to().map_err(|error| mismatch(&format!("the state of step `{}`", self.task.step_id), &error))
    }

    /// The output of a step before this one; `null` when it has none (it was skipped, failed, or returned nothing).
    pub fn output(&self, step: &str) -> Result<Value, ActionError> {
        let output = self.task.output(step).map(Json::to);
        output.transpose().map(Option::unwrap_or_default).map_err(|error| mismatch(&format!("the output of `{step}`"), &error))
    }

    /// `{executionId}:{stepId}`: the same over attempts, crashes and `retry`. What to hand to a payment API.
    ///
    /// A service that remembers failures too needs a fresh key once a person has decided to try again: add
    /// [`retry_count`](Context::retry_count) to it.
    pub fn idempotency_key(&self) -> String {
        self.task.idempotency_key()
    }

    /// 1, 2, 3 ...
    pub fn attempt(&self) -> u32 {
        self.task.attempt
    }

    /// How often `retry` was called for the execution.
    pub fn retry_count(&self) -> u32 {
        self.task.retry_count
    }

    /// Execution, workflow, version, step and action of the attempt.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Tells when the result is not wanted any more: the attempt timed out, or the execution was cancelled.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }
}

/// The engine's form of a typed action.
pub(crate) fn handler<P, R, F, A>(action: A) -> Handler
where
    P: DeserializeOwned + Send,
    R: Serialize,
    F: Future<Output = Result<R, ActionError>> + Send + 'static,
    A: Fn(P, Context) -> F + Send + Sync + 'static,
{
    Handler::new(move |task: Task, signal: Signal| {
        let params = task.params().to::<P>();
        let name = format!("the params of `{}`", task.action);
        let running = params.map(|params| action(params, Context { task, signal }));
        async move {
            match running {
                // What does not fit today does not fit at the next attempt.
                Err(error) => Err(mismatch(&name, &error).0),
                Ok(running) => output(&running.await.map_err(|error| error.0)?),
            }
        }
    })
}

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
