//! A task as it comes from a server.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use workflow_core::json::Json;
use workflow_core::task::TaskContext;
use workflow_server::protocol;

/// One attempt of a step, received from a server. Payloads are the JSON text that came.
#[derive(Debug, Clone)]
pub struct ReceivedTask {
    pub(super) id: Arc<str>,
    pub action: String,
    /// The input and the step's own params.
    pub params: Json,
    /// What the step can see: context, input and the outputs of the steps before it.
    pub state: Json,
    /// The third argument of an action, without its signal.
    pub context: Json,
    /// The same, read.
    pub about: TaskContext,
    /// Of this attempt; the server keeps time.
    pub timeout: Option<Duration>,
}

impl ReceivedTask {
    pub(super) fn new(given: protocol::Given<'_>) -> Result<ReceivedTask, serde_json::Error> {
        let protocol::Given { task, action, params, state, context, timeout_ms } = given;
        Ok(ReceivedTask {
            id: task.into(),
            action: action.into_owned(),
            params,
            state,
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
        let fields = self.state.fields().unwrap_or_default();
        fields.get(step).map(Json::to).transpose()
    }
}
