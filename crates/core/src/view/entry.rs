//! One entry of a history.

use indexmap::IndexMap;
use serde::Serialize;

use crate::definition::{Definition, StepIndex};
use crate::event::{AfterFailure, Event, InterruptCause, Payload, ReadyCause, Receipt, Recorded, SkipCause};
use crate::failure::Failure;
use crate::id::{Caller, ExecutionId, IdempotencyKey, SessionId, StepId, Version, WorkflowId};
use crate::json::Json;
use crate::time::Timestamp;
use crate::view::{TriggeredByView, mask};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    pub seq: u64,
    pub timestamp: Timestamp,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Who caused it, where somebody did and that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Caller>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<StepId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What an entry holds besides: only the fields of its type are there.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// The output is in `stepResults[id].output`, or too long for a page of entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// What `onError` made of it: `fail`, `continue`, `branch`, `startHandler`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler: Option<WorkflowId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<Vec<StepId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartData {
    pub workflow_version: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    pub triggered_by: TriggeredByView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<ExecutionId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub led_here: Vec<WorkflowId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReceiptView {
    pub expression: String,
    /// `null` for `undefined`.
    pub values: IndexMap<String, Option<Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
}

impl ReceiptView {
    pub(crate) fn new(definition: &Definition, receipt: &Receipt) -> ReceiptView {
        ReceiptView::of_caller(&mask::receipt(definition, receipt))
    }

    /// Of an expression that read nothing but what the caller has just sent: nothing is masked.
    pub fn of_caller(receipt: &Receipt) -> ReceiptView {
        let Receipt { expression, reads, result } = receipt.clone();
        ReceiptView { expression, values: reads.into_iter().collect(), result }
    }
}

/// The entry that people see of an event.
pub fn history_entry(definition: &Definition, recorded: &Recorded) -> HistoryEntry {
    let id = |step: StepIndex| definition.steps.get(step.get()).map(|step| step.id.clone());
    let (kind, attempt, data, message) = describe(definition, &recorded.event);
    let data = (data != Data::default()).then_some(data);
    HistoryEntry {
        seq: recorded.seq,
        timestamp: recorded.at,
        kind,
        by: recorded.event.by().cloned(),
        step_id: recorded.event.step().and_then(id),
        attempt,
        data,
        message,
    }
}

type Description = (&'static str, Option<u32>, Data, Option<String>);

fn describe(definition: &Definition, event: &Event) -> Description {
    let none = Data::default;
    let keyed = |key: &Option<IdempotencyKey>| Data { idempotency_key: key.clone(), ..Data::default() };
    match event {
        Event::Started(started) => {
            let start = StartData {
                workflow_version: started.version,
                input: started.input.resident().map(|input| mask::input(definition, input)),
                triggered_by: TriggeredByView::new(&started.triggered_by),
                replay_of: started.replay_of,
                led_here: started.lineage.clone(),
                deadline: started.deadline,
            };
            ("start", None, Data { start: Some(start), idempotency_key: started.key.clone(), ..none() }, None)
        }
        Event::StepReady { cause, .. } => ("step_ready", None, ready(definition, cause), None),
        Event::StepStarted { attempt, session, .. } => {
            ("step_start", Some(*attempt), Data { session: session.clone(), ..none() }, None)
        }
        Event::StepCompleted { step, attempt, output } => {
            ("step_complete", Some(*attempt), completed(definition, *step, output.as_ref()), None)
        }
        Event::StepFailed { attempt, failure, then, .. } => {
            ("step_fail", *attempt, failed(failure, then), Some(failure.message.clone()))
        }
        Event::StepSkipped { cause, .. } => skipped(definition, cause),
        Event::StepCancelled { .. } => ("step_cancel", None, none(), None),
        Event::StepInterrupted { attempt, cause, .. } => {
            let (cause, message) = match cause {
                InterruptCause::Lost => ("lost", "its worker was lost; the step runs again"),
                InterruptCause::Shutdown => ("shutdown", "the engine was stopped; the step runs again"),
            };
            ("step_interrupted", Some(*attempt), Data { cause: Some(cause), ..none() }, Some(message.to_owned()))
        }
        Event::WaitBegan { until, receipt, .. } => {
            let receipt = receipt.as_ref().map(|receipt| ReceiptView::new(definition, receipt));
            ("wait", None, Data { until: Some(*until), receipt, ..none() }, None)
        }
        Event::Paused { key, by: _ } => ("pause", None, keyed(key), None),
        Event::Resumed { key, by: _ } => ("resume", None, keyed(key), None),
        Event::Retried { reset, deadline: _, key, by: _ } => {
            let id = |step: &StepIndex| definition.steps.get(step.get()).map(|step| step.id.clone());
            ("retry", None, Data { reset: Some(reset.iter().filter_map(id).collect()), ..keyed(key) }, None)
        }
        Event::Completed => ("complete", None, none(), None),
        Event::Failed { failure } => {
            ("fail", None, Data { error: Some(failure.clone()), ..none() }, Some(failure.message.clone()))
        }
        Event::Cancelled { key, by: _ } => ("cancel", None, keyed(key), None),
    }
}

fn ready(definition: &Definition, cause: &ReadyCause) -> Data {
    match cause {
        ReadyCause::Condition(receipt) => {
            Data { cause: Some("condition"), receipt: Some(ReceiptView::new(definition, receipt)), ..Data::default() }
        }
        ReadyCause::Timer => Data { cause: Some("timer"), ..Data::default() },
        ReadyCause::Retry => Data { cause: Some("retry"), ..Data::default() },
        ReadyCause::RunNow { key, by: _ } => Data { cause: Some("runNow"), idempotency_key: key.clone(), ..Data::default() },
    }
}

fn completed(definition: &Definition, step: StepIndex, output: Option<&Payload>) -> Data {
    match output {
        None => Data::default(),
        Some(output) => match output.resident() {
            Some(json) => Data { output: Some(mask::output(definition, step, json)), ..Data::default() },
            None => Data { output_bytes: Some(output.bytes()), ..Data::default() },
        },
    }
}

fn failed(failure: &Failure, then: &AfterFailure) -> Data {
    let data = Data { error: Some(failure.clone()), ..Data::default() };
    match then {
        AfterFailure::Retry { at } => Data { retry_at: Some(*at), ..data },
        AfterFailure::Fail => Data { then: Some("fail"), ..data },
        AfterFailure::Continue => Data { then: Some("continue"), ..data },
        AfterFailure::Branch => Data { then: Some("branch"), ..data },
        AfterFailure::StartHandler { workflow } => Data { then: Some("startHandler"), handler: Some(workflow.clone()), ..data },
    }
}

fn skipped(definition: &Definition, cause: &SkipCause) -> Description {
    let (cause, receipt, message) = match cause {
        SkipCause::Dependencies => ("dependencies", None, "all of its dependencies were skipped"),
        SkipCause::Condition(receipt) => ("condition", Some(ReceiptView::new(definition, receipt)), "its condition was false"),
        SkipCause::NotBranchedTo => ("notBranchedTo", None, "no failure branched to it"),
    };
    ("step_skip", None, Data { cause: Some(cause), receipt, ..Data::default() }, Some(message.to_owned()))
}
