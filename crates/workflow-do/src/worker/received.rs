//! A task as it comes from a server.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use workflow_core::json::Json;
use workflow_core::task::TaskContext;
use workflow_server::protocol::Given;

/// One attempt of a step, received from a server. Payloads are the JSON text that came.
#[derive(Debug, Clone)]
pub struct ReceivedTask {
    pub(super) id: Arc<str>,
    pub action: String,
    /// The input and the step's own params.
    pub params: Json,
    /// What the step can see: context, input and the outputs of the steps before it.
    pub state: ReceivedState,
    /// The third argument of an action, without its signal.
    pub context: Json,
    /// The same, read.
    pub about: TaskContext,
    /// Of this attempt; the server keeps time.
    pub timeout: Option<Duration>,
}

/// The state of a task: long outputs of this worker have not come with it, but are still here.
#[derive(Debug, Clone)]
pub struct ReceivedState {
    /// As it came, with `null` for each of `kept`.
    pub text: Json,
    /// By their names in it.
    pub kept: Vec<(String, Json)>,
}

/// It says what cannot be.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotATask {
    #[error("`context`: {0}")]
    Context(#[from] serde_json::Error),
    #[error(
        "`kept`: the output of task `{0}` is not here; the server has not said that it is to be kept, or that it is forgotten"
    )]
    NotKept(String),
}

impl ReceivedTask {
    /// `find` gives the output of a task that is kept.
    pub(super) fn new<'k>(given: Given<'_>, find: impl Fn(&str) -> Option<&'k Json>) -> Result<ReceivedTask, NotATask> {
        let Given { task, action, params, state, context, kept, timeout_ms } = given;
        let kept = kept.into_iter().map(|(name, task)| match find(&task) {
            Some(output) => Ok((name.into_owned(), output.clone())),
            None => Err(NotATask::NotKept(task.escape_debug().to_string())),
        });
        Ok(ReceivedTask {
            id: task.into(),
            action: action.into_owned(),
            params,
            state: ReceivedState { text: state, kept: kept.collect::<Result<_, _>>()? },
            about: context.to()?,
            context,
            timeout: timeout_ms.map(Duration::from_millis),
        })
    }

    /// The same for ever, also after the server or the worker has been started again.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// In a step's state the name of a step always means its output.
    pub(crate) fn output(&self, step: &str) -> Result<Option<Value>, serde_json::Error> {
        if let Some((_, output)) = self.state.kept.iter().find(|(name, _)| name == step) {
            return output.to().map(Some);
        }
        let fields = self.state.text.fields().unwrap_or_default();
        fields.get(step).map(Json::to).transpose()
    }
}

impl ReceivedState {
    /// All of it.
    pub fn whole(&self) -> Json {
        if self.kept.is_empty() {
            return self.text.clone();
        }
        let mut fields = self.text.fields().unwrap_or_default();
        fields.extend(self.kept.iter().cloned());
        Json::from_serialize(&fields).expect("an object of JSON values is JSON")
    }
}
