//! What happened. Events are kept for ever; folding them gives the execution, and the history that people see is their view.
//!
//! How they are written down is the business of [`codec`](crate::codec). Steps are numbers here: an execution is pinned to one
//! version of its definition, whose steps never change.

use crate::definition::StepIndex;
use crate::expression::Evaluation;
use crate::failure::Failure;
use crate::id::{Caller, EventName, ExecutionId, IdempotencyKey, SessionId, Version, WorkflowId};
use crate::json::Json;
use crate::time::Timestamp;

/// An event in its place in a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// 1, 2, 3 ... within an execution: this is the order.
    pub seq: u64,
    /// The wall clock as it was, not forced to rise.
    pub at: Timestamp,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Started(Box<Started>),
    /// Only where the earlier events do not give it.
    StepReady {
        step: StepIndex,
        cause: ReadyCause,
    },
    StepStarted {
        step: StepIndex,
        /// 1, 2, 3 ...: never used twice in an execution.
        attempt: u32,
        /// Who runs it; none for what the engine does itself (`noop`).
        session: Option<SessionId>,
    },
    StepCompleted {
        step: StepIndex,
        attempt: u32,
        /// None when the action returned nothing.
        output: Option<Payload>,
    },
    StepFailed {
        step: StepIndex,
        /// None when it failed without an attempt: its condition threw, its params could not be resolved, its worker was lost
        /// too often.
        attempt: Option<u32>,
        failure: Failure,
        then: AfterFailure,
    },
    StepSkipped {
        step: StepIndex,
        cause: SkipCause,
    },
    StepCancelled {
        step: StepIndex,
    },
    StepInterrupted {
        step: StepIndex,
        attempt: u32,
        cause: InterruptCause,
    },
    WaitBegan {
        step: StepIndex,
        until: Timestamp,
        /// Of the condition that let it through.
        receipt: Option<Receipt>,
    },
    Paused {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
    Resumed {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
    Retried {
        reset: Vec<StepIndex>,
        /// When the execution times out, counted from this retry.
        deadline: Option<Timestamp>,
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
    Completed,
    Failed {
        failure: Failure,
    },
    Cancelled {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
}

/// The first event of every history.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    pub workflow: WorkflowId,
    pub version: Version,
    /// An object.
    pub input: Payload,
    pub triggered_by: TriggeredBy,
    pub replay_of: Option<ExecutionId>,
    pub parent: Option<ExecutionId>,
    /// The workflows whose failures led to this one, so that handlers cannot start one another for ever.
    pub lineage: Vec<WorkflowId>,
    /// When the execution times out.
    pub deadline: Option<Timestamp>,
    pub key: Option<IdempotencyKey>,
    /// Who started it. None where nobody said so, or where it was no person: a handler.
    pub by: Option<Caller>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggeredBy {
    Manual,
    Event(EventName),
    Schedule(String),
    Replay(ExecutionId),
    /// A step of this execution failed, and its `errorBranch` names the workflow.
    Error(ExecutionId),
}

/// JSON that may be left in the store: one over 4 KiB has a row of its own and is fetched where it is needed.
#[derive(Debug, Clone)]
pub struct Payload {
    bytes: usize,
    json: Option<Json>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ReadyCause {
    Condition(Receipt),
    Timer,
    Retry,
    /// A person did not want to wait for the retry.
    RunNow {
        key: Option<IdempotencyKey>,
        by: Option<Caller>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum SkipCause {
    /// All of its dependencies were skipped.
    Dependencies,
    /// Its condition was false.
    Condition(Receipt),
    /// Every step that names it in `errorBranch` ended without branching to it.
    NotBranchedTo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptCause {
    /// Its worker or the engine went away.
    Lost,
    /// An orderly shutdown: does not count towards the limit.
    Shutdown,
}

/// What follows a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterFailure {
    /// The step is tried again at this time.
    Retry {
        at: Timestamp,
    },
    /// The execution fails.
    Fail,
    Continue,
    /// To the step that `errorBranch` names.
    Branch,
    /// To the workflow that `errorBranch` names, which was started in the same commit.
    StartHandler {
        workflow: WorkflowId,
    },
}

/// Why a condition came out as it did: what it read, and what it gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    pub expression: String,
    /// Path and value as read; none is `undefined`.
    pub reads: Vec<(String, Option<Json>)>,
    /// None is `undefined`.
    pub result: Option<Json>,
}

impl Receipt {
    pub fn new(expression: &str, evaluation: Evaluation) -> Receipt {
        Receipt { expression: expression.to_owned(), result: evaluation.value.to_json(), reads: evaluation.reads }
    }
}

impl Payload {
    pub fn new(json: Json) -> Payload {
        Payload { bytes: json.len(), json: Some(json) }
    }

    /// One whose text lies in the store.
    pub fn stored(bytes: usize) -> Payload {
        Payload { bytes, json: None }
    }

    /// Length of the text, whether it is here or not.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The text, when it is in memory.
    pub fn resident(&self) -> Option<&Json> {
        self.json.as_ref()
    }

    /// The text of one that has been fetched.
    ///
    /// # Panics
    /// When it has not been: the ring fetches what [`needs`](crate::outstanding::needs) names before it decides.
    pub fn json(&self) -> &Json {
        self.json.as_ref().expect("the payload was fetched before it was read")
    }

    /// Takes the text that was fetched.
    pub fn fetch(&mut self, json: Json) {
        debug_assert_eq!(self.bytes, json.len());
        self.json = Some(json);
    }

    /// Leaves the text in the store.
    pub fn release(&mut self) {
        self.json = None;
    }
}

/// Where both are in memory the texts count, else their lengths.
impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        match (&self.json, &other.json) {
            (Some(a), Some(b)) => a == b,
            _ => self.bytes == other.bytes,
        }
    }
}

impl Event {
    /// The step that it is about.
    pub fn step(&self) -> Option<StepIndex> {
        match self {
            Event::StepReady { step, .. }
            | Event::StepStarted { step, .. }
            | Event::StepCompleted { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepSkipped { step, .. }
            | Event::StepCancelled { step }
            | Event::StepInterrupted { step, .. }
            | Event::WaitBegan { step, .. } => Some(*step),
            Event::Started(_)
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::Retried { .. }
            | Event::Completed
            | Event::Failed { .. }
            | Event::Cancelled { .. } => None,
        }
    }

    /// Who caused it, where that was said.
    pub fn by(&self) -> Option<&Caller> {
        match self {
            Event::Started(started) => started.by.as_ref(),
            Event::Paused { by, .. }
            | Event::Resumed { by, .. }
            | Event::Retried { by, .. }
            | Event::Cancelled { by, .. }
            | Event::StepReady { cause: ReadyCause::RunNow { by, .. }, .. } => by.as_ref(),
            Event::StepReady { .. }
            | Event::StepStarted { .. }
            | Event::StepCompleted { .. }
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. }
            | Event::StepInterrupted { .. }
            | Event::WaitBegan { .. }
            | Event::Completed
            | Event::Failed { .. } => None,
        }
    }

    /// The payload that it carries.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Event::Started(started) => Some(&started.input),
            Event::StepCompleted { output, .. } => output.as_ref(),
            _ => None,
        }
    }

    pub fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Event::Started(started) => Some(&mut started.input),
            Event::StepCompleted { output, .. } => output.as_mut(),
            _ => None,
        }
    }
}
