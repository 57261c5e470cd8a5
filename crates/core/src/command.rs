//! What someone asks of an execution. Each command carries its cause, so that the same one twice adds nothing (invariant I5).

use crate::definition::StepIndex;
use crate::event::{InterruptCause, TriggeredBy};
use crate::failure::Failure;
use crate::id::{Caller, ExecutionId, IdempotencyKey, SessionId, Version, WorkflowId};
use crate::json::Json;
use crate::time::Millis;

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A worker slot has been taken for a ready step. No events when it is not ready (any more): the slot is free again.
    Begin {
        step: StepIndex,
        session: Option<SessionId>,
    },
    /// What came of an attempt. Dropped when that attempt is not in flight.
    Finish {
        step: StepIndex,
        attempt: u32,
        outcome: Outcome,
    },
    /// Nobody runs the attempt any more.
    Interrupt {
        step: StepIndex,
        attempt: u32,
        cause: InterruptCause,
    },
    /// The attempt has outlived the step's `timeout`, on the monotonic clock.
    TimeOut {
        step: StepIndex,
        attempt: u32,
    },
    /// Time has passed: does what has fallen due.
    Wake,
    Pause {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
    Resume {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
    Cancel {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
    Retry {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
    /// Does not wait for the retry delay of a step.
    RunNow {
        step: StepIndex,
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// None when the action returned nothing.
    Completed(Option<Json>),
    Failed {
        failure: Failure,
        /// `Retry-After`: a longer one replaces the delay.
        retry_after: Option<Millis>,
    },
}

/// Begins an execution; there is no [`Execution`](crate::execution::Execution) yet that could be commanded.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    pub id: ExecutionId,
    pub workflow: WorkflowId,
    pub version: Version,
    pub input: Json,
    pub triggered_by: TriggeredBy,
    pub replay_of: Option<ExecutionId>,
    pub parent: Option<ExecutionId>,
    pub lineage: Vec<WorkflowId>,
    pub key: Option<IdempotencyKey>,
    pub by: Option<Caller>,
}
