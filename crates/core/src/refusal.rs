//! A command that cannot be obeyed now. Nothing has changed.

use crate::id::{ExecutionId, IdempotencyKey, StepId, WorkflowId};
use crate::status::Status;

/// Why a command was refused. The text is for people; [`Refusal::code`] is for programs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no workflow `{workflow}`; `workflow definitions` lists those that are registered")]
    WorkflowNotFound { workflow: String },
    #[error("there is no execution {execution}; it may have been deleted, or belong to another store")]
    ExecutionNotFound { execution: String },
    #[error("workflow `{workflow}` has no step `{step}`")]
    StepNotFound { workflow: WorkflowId, step: String },
    #[error("cannot {action} execution {execution}: it is {status}")]
    InvalidState { action: Control, execution: ExecutionId, status: Status },
    #[error("cannot delete execution {execution}: it is {status}; cancel it first, or wait for its end")]
    NotEnded { execution: ExecutionId, status: Status },
    #[error("cannot run step `{step}` of execution {execution} now: it is not waiting for a retry")]
    NotWaitingForRetry { execution: ExecutionId, step: StepId },
    #[error("cannot retry execution {execution}: its history is full; `replay` starts it anew")]
    HistoryFull { execution: ExecutionId },
    #[error("idempotency key `{key}` was used with another input for execution {execution}; use another key, or the same input")]
    IdempotencyKeyReused { key: IdempotencyKey, execution: ExecutionId },
    #[error("{what} is {size}, the limit is {limit}")]
    PayloadTooLarge { what: String, size: String, limit: String },
    #[error("{what} is no JSON object; give an object such as {{\"orderId\": \"ord_123\"}}")]
    InputNotObject { what: &'static str },
    #[error("nobody provides {}; give the engine an action of that name, or an endpoint, or serve it to remote workers", .actions.join(", "))]
    ActionsMissing { actions: Vec<String> },
    #[error("{feature} is not supported yet")]
    NotSupported { feature: &'static str },
}

/// The control calls, as they are named in messages and in a command's cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Control {
    Pause,
    Resume,
    Cancel,
    Retry,
    RunNow,
}

impl Control {
    pub fn as_str(self) -> &'static str {
        match self {
            Control::Pause => "pause",
            Control::Resume => "resume",
            Control::Cancel => "cancel",
            Control::Retry => "retry",
            Control::RunNow => "run-now",
        }
    }
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Refusal {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::WorkflowNotFound { .. } => "workflow_not_found",
            Refusal::ExecutionNotFound { .. } => "execution_not_found",
            Refusal::StepNotFound { .. } => "step_not_found",
            Refusal::InvalidState { .. } | Refusal::NotEnded { .. } | Refusal::NotWaitingForRetry { .. } => "invalid_state",
            Refusal::HistoryFull { .. } => "history_full",
            Refusal::IdempotencyKeyReused { .. } => "idempotency_key_reused",
            Refusal::PayloadTooLarge { .. } => "payload_too_large",
            Refusal::InputNotObject { .. } => "invalid_input",
            Refusal::ActionsMissing { .. } => "action_missing",
            Refusal::NotSupported { .. } => "not_supported",
        }
    }
}
