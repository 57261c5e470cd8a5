//! One run of a workflow, as the fold of its events. Only [`apply`](crate::apply::apply) changes it.

use std::collections::VecDeque;

use crate::definition::StepIndex;
use crate::event::{Payload, TriggeredBy};
use crate::failure::Failure;
use crate::id::{Caller, ExecutionId, IdempotencyKey, SessionId, Version, WorkflowId};
use crate::refusal::Control;
use crate::time::Timestamp;

#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    pub id: ExecutionId,
    pub workflow: WorkflowId,
    pub version: Version,
    pub input: Payload,
    pub triggered_by: TriggeredBy,
    pub replay_of: Option<ExecutionId>,
    pub parent: Option<ExecutionId>,
    pub lineage: Vec<WorkflowId>,
    pub key: Option<IdempotencyKey>,
    pub started_at: Timestamp,
    /// When it times out.
    pub deadline: Option<Timestamp>,
    pub phase: Phase,
    /// The newest pause, until it is resumed.
    pub pause: Option<Pause>,
    /// One for each step of the definition.
    pub steps: Vec<StepRecord>,
    /// In the order in which they completed.
    pub completed: Vec<StepIndex>,
    /// How often `retry` was called.
    pub retry_count: u32,
    /// The newest control keys, oldest first, and what each was used for.
    pub control_keys: VecDeque<(IdempotencyKey, Control)>,
    /// Input and outputs, in bytes of JSON text.
    pub bytes: usize,
    /// Of the newest event.
    pub seq: u64,
    /// The time of the newest event.
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Active {
        paused: bool,
        /// The failure that the execution is going to end with, once nothing is in flight: it is *failing*.
        failing: Option<Failure>,
    },
    Completed {
        at: Timestamp,
    },
    Failed {
        at: Timestamp,
        failure: Failure,
    },
    Cancelled {
        at: Timestamp,
    },
}

/// Since when, and by whom, an execution is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    pub since: Timestamp,
    /// None where nobody said so.
    pub by: Option<Caller>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepRecord {
    pub state: StepState,
    /// When it came into this state by an event; none while it is pending, which needs no event to be ready.
    pub since: Option<Timestamp>,
    /// The number of the newest attempt; 0 before the first.
    pub attempts: u32,
    /// Failed attempts since the last `retry`.
    pub failed_attempts: u32,
    /// Attempts lost in a row.
    pub interruptions: u32,
    /// Its `wait` has been done, or must not be done again after `retry`.
    pub wait_done: bool,
    /// Start of the first attempt since it was last considered.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The newest failure of an attempt since the last `retry`.
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub enum StepState {
    /// Not considered yet. With its dependencies ended and neither a condition nor a `wait`, it is ready all the same: that
    /// needs no event (see [`outstanding`](crate::outstanding)).
    #[default]
    Pending,
    /// Its `wait` runs.
    Waiting {
        until: Timestamp,
    },
    /// Only a worker is missing.
    Ready,
    /// An attempt is in flight.
    Running {
        attempt: u32,
        since: Timestamp,
        session: Option<SessionId>,
    },
    /// It failed, and is tried again at this time.
    RetryDelay {
        until: Timestamp,
    },
    Completed {
        output: Option<Payload>,
        seq: u64,
    },
    /// It failed for good; the failure is in [`StepRecord::failure`].
    Failed {
        handling: Handling,
        seq: u64,
    },
    Skipped,
    /// The execution failed or was cancelled before it had ended. `until` is that of the `wait` that ran.
    Cancelled {
        wait_until: Option<Timestamp>,
    },
}

/// What became of a step's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// The execution failed with it, or was failing already.
    Unhandled,
    /// `onError: 'continue'`.
    Continued,
    /// `onError: 'branch'`: it counts as skipped for its dependents.
    Branched,
}

impl Execution {
    pub fn step(&self, step: StepIndex) -> &StepRecord {
        &self.steps[step.get()]
    }

    /// Whether it has completed, failed or been cancelled.
    pub fn has_ended(&self) -> bool {
        !matches!(self.phase, Phase::Active { .. })
    }

    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Active { .. } => None,
            Phase::Completed { at } | Phase::Failed { at, .. } | Phase::Cancelled { at } => Some(at),
        }
    }

    pub fn is_paused(&self) -> bool {
        matches!(self.phase, Phase::Active { paused: true, .. })
    }

    /// Whether a step has failed unhandled and the end only waits for what is in flight.
    pub fn is_failing(&self) -> bool {
        matches!(self.phase, Phase::Active { failing: Some(_), .. })
    }

    /// The failure that it ended with or is going to end with.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.phase {
            Phase::Active { failing, .. } => failing.as_ref(),
            Phase::Failed { failure, .. } => Some(failure),
            Phase::Completed { .. } | Phase::Cancelled { .. } => None,
        }
    }

    /// An estimate of the memory that it takes.
    pub fn resident_bytes(&self) -> usize {
        let payload = |payload: &Payload| payload.resident().map_or(0, |json| json.len());
        let outputs: usize = self.steps.iter().map(|step| step.output().map_or(0, payload)).sum();
        size_of::<Execution>() + self.steps.len() * size_of::<StepRecord>() + payload(&self.input) + outputs
    }
}

impl StepRecord {
    pub fn has_ended(&self) -> bool {
        match self.state {
            StepState::Completed { .. } | StepState::Failed { .. } | StepState::Skipped | StepState::Cancelled { .. } => true,
            StepState::Pending
            | StepState::Waiting { .. }
            | StepState::Ready
            | StepState::Running { .. }
            | StepState::RetryDelay { .. } => false,
        }
    }

    /// Whether it has ended in a way that lets the steps after it be considered: one that failed unhandled or was cancelled
    /// holds them back until `retry`.
    pub fn lets_others_go_on(&self) -> bool {
        match self.state {
            StepState::Completed { .. } | StepState::Skipped => true,
            StepState::Failed { handling, .. } => handling != Handling::Unhandled,
            StepState::Cancelled { .. }
            | StepState::Pending
            | StepState::Waiting { .. }
            | StepState::Ready
            | StepState::Running { .. }
            | StepState::RetryDelay { .. } => false,
        }
    }

    /// Whether its dependents see it as skipped.
    pub fn counts_as_skipped(&self) -> bool {
        matches!(self.state, StepState::Skipped | StepState::Failed { handling: Handling::Branched, .. })
    }

    /// What it returned.
    pub fn output(&self) -> Option<&Payload> {
        match &self.state {
            StepState::Completed { output, .. } => output.as_ref(),
            _ => None,
        }
    }

    /// Retries so far: the failed attempts after the first.
    pub fn retries(&self) -> u32 {
        self.failed_attempts.saturating_sub(1)
    }
}
