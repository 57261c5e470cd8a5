//! An execution and its history as people and programs see them: the seed's `WorkflowExecution` and `HistoryEntry`.

mod entry;
pub(crate) mod mask;
mod reason;

use indexmap::IndexMap;
use serde::Serialize;

pub use entry::{HistoryEntry, ReceiptView, history_entry};
pub use mask::input as shown_input;
pub use reason::{Moment, Reason, ReasonKind, StepCounts, ready_since, reasons, retried, step_counts};

use crate::definition::{Definition, Step, StepIndex};
use crate::event::{Payload, TriggeredBy};
use crate::execution::{Execution, StepState};
use crate::id::{ExecutionId, StepId, Version, WorkflowId};
use crate::json::Json;
use crate::outstanding::{status, step_status};
use crate::scope;
use crate::status::{Status, StepStatus};
use crate::time::{Millis, Timestamp};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionView {
    pub id: ExecutionId,
    pub workflow_id: WorkflowId,
    pub workflow_version: Version,
    pub status: Status,
    pub triggered_by: TriggeredByView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<ExecutionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExecutionId>,
    pub input: Json,
    pub state: IndexMap<String, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// The message of the failure that it ended with or is going to end with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    pub current_step_index: usize,
    pub completed_steps: Vec<StepId>,
    pub step_results: IndexMap<StepId, StepResult>,
    pub started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// The newest entries of the history, oldest first.
    pub history: Vec<HistoryEntry>,
    /// There are entries older than these.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub history_truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriggeredByView {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    pub step_id: StepId,
    pub status: StepStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Millis>,
    /// Failed attempts after the first since the last `retry`.
    pub retries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
}

/// Why a step waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitingFor {
    /// `timer`, `retry` or `worker`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub message: String,
}

impl TriggeredByView {
    pub fn new(triggered_by: &TriggeredBy) -> TriggeredByView {
        let (kind, source) = triggered_by.parts();
        TriggeredByView { kind, source }
    }
}

/// The view of an execution, without its history. `no_worker` gives the engine's present knowledge of why a ready step waits.
///
/// # Panics
/// When a payload is not resident.
pub fn execution(definition: &Definition, execution: &Execution, no_worker: &dyn Fn(&Step) -> Option<String>) -> ExecutionView {
    let all = definition.indices().fold(crate::definition::StepSet::default(), |mut all, step| {
        all.insert(step);
        all
    });
    let input = mask::input(definition, execution.input.json());
    let outputs = scope::outputs(execution, &all).map(|(step, output)| (step, mask::output(definition, step, &output)));
    let id = |step: StepIndex| definition.step(step).id.clone();
    let results = definition.indices().filter_map(|step| Some((id(step), step_result(definition, execution, step, no_worker)?)));
    ExecutionView {
        id: execution.id,
        workflow_id: execution.workflow.clone(),
        workflow_version: execution.version,
        status: status(definition, execution),
        triggered_by: TriggeredByView::new(&execution.triggered_by),
        replay_of: execution.replay_of,
        parent: execution.parent,
        state: scope::state(definition, &input, outputs, None),
        input,
        output: output(definition, execution),
        error: execution.failure().map(|failure| failure.message.clone()),
        error_code: execution.failure().and_then(|failure| failure.code.clone()),
        current_step_index: execution.steps.iter().position(|step| !step.has_ended()).unwrap_or(execution.steps.len()),
        completed_steps: execution.completed.iter().map(|&step| id(step)).collect(),
        step_results: results.collect(),
        started_at: execution.started_at,
        completed_at: execution.ended_at(),
        history: Vec::new(),
        history_truncated: false,
    }
}

/// Of a completed execution: the output of its one leaf. With several, or when a failure branched to a target, an object of the
/// outputs of all leaves that completed and of the targets that ran.
fn output(definition: &Definition, execution: &Execution) -> Option<Json> {
    if status(definition, execution) != Status::Completed {
        return None;
    }
    let masked = |step: StepIndex, output: &Payload| mask::output(definition, step, output.json());
    let json = |step: StepIndex| execution.step(step).output().map(|output| masked(step, output));
    let leaves: Vec<StepIndex> = definition.leaves().collect();
    let branched_to = |&step: &StepIndex| scope::branched_to(definition, execution, step).is_some();
    if let ([leaf], false) = (&leaves[..], definition.indices().any(|step| branched_to(&step))) {
        return json(*leaf);
    }
    let wanted = definition.indices().filter(|step| leaves.contains(step) || branched_to(step));
    let outputs = wanted.filter_map(|step| Some((definition.step(step).id.as_str(), json(step)?)));
    Json::from_serialize(&outputs.collect::<IndexMap<_, _>>()).ok()
}

fn step_result(
    definition: &Definition,
    execution: &Execution,
    step: StepIndex,
    no_worker: &dyn Fn(&Step) -> Option<String>,
) -> Option<StepResult> {
    let status = step_status(definition, execution, step)?;
    let record = execution.step(step);
    let output = record.output().map(|output| mask::output(definition, step, output.json()));
    let step = definition.step(step);
    let failure = record.failure.as_ref();
    Some(StepResult {
        step_id: step.id.clone(),
        status,
        output,
        error: failure.map(|failure| failure.message.clone()),
        stack: failure.and_then(|failure| failure.stack.clone()),
        started_at: record.started_at,
        completed_at: record.ended_at,
        duration: record.started_at.zip(record.ended_at).map(|(started, ended)| ended.since(started)),
        retries: record.retries(),
        waiting_for: waiting_for(execution, step, &record.state, record.failed_attempts, no_worker),
    })
}

fn waiting_for(
    execution: &Execution,
    step: &Step,
    state: &StepState,
    failed_attempts: u32,
    no_worker: &dyn Fn(&Step) -> Option<String>,
) -> Option<WaitingFor> {
    match state {
        StepState::Waiting { until } => {
            let span = step.wait.map_or_else(String::new, |wait| format!(" of {wait}"));
            Some(WaitingFor { kind: "timer", until: Some(*until), message: format!("its wait{span}") })
        }
        StepState::RetryDelay { until } => {
            let message = format!("retry {failed_attempts} of {}", step.max_retries);
            Some(WaitingFor { kind: "retry", until: Some(*until), message })
        }
        StepState::Pending | StepState::Ready if execution.is_paused() => {
            Some(WaitingFor { kind: "worker", until: None, message: "the execution is paused".to_owned() })
        }
        StepState::Pending | StepState::Ready => {
            let message = no_worker(step).unwrap_or_else(|| format!("a free worker for `{}`", step.action));
            Some(WaitingFor { kind: "worker", until: None, message })
        }
        StepState::Running { .. }
        | StepState::Completed { .. }
        | StepState::Failed { .. }
        | StepState::Skipped
        | StepState::Cancelled { .. } => None,
    }
}
