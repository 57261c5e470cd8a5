//! Control calls: each answers the execution as it is once its effect is durable.

use workflow_core::id::{ExecutionId, IdempotencyKey};
use workflow_core::refusal::Control;

use super::Engine;
use crate::reading::EMBEDDED_HISTORY_MAX;
use crate::{Error, ExecutionView};

impl Engine {
    pub async fn pause(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        self.control(id, Control::Pause, None, key).await
    }

    pub async fn resume(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        self.control(id, Control::Resume, None, key).await
    }

    pub async fn cancel(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        self.control(id, Control::Cancel, None, key).await
    }

    pub async fn retry(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        self.control(id, Control::Retry, None, key).await
    }

    /// Does not wait for the retry delay of a step.
    pub async fn run_now(&self, id: ExecutionId, step: &str, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        self.control(id, Control::RunNow, Some(step.to_owned()), key).await
    }

    /// Deletes an execution that has ended, with its history, its payloads and its idempotency key.
    pub async fn delete_execution(&self, id: ExecutionId) -> Result<(), Error> {
        self.delete_it(id).await
    }

    async fn control(
        &self,
        id: ExecutionId,
        control: Control,
        step: Option<String>,
        key: Option<IdempotencyKey>,
    ) -> Result<ExecutionView, Error> {
        self.move_it(id, control, step, key).await?;
        self.view(id, EMBEDDED_HISTORY_MAX).await
    }
}
