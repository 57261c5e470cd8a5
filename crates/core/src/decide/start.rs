//! Beginning an execution.

use serde::Serialize;

use super::{Surroundings, Transition};
use crate::apply::begin;
use crate::command::Start;
use crate::definition::{Definition, StepIndex};
use crate::event::{Event, Payload, Recorded, Started, TriggeredBy};
use crate::execution::Execution;
use crate::failure::Failure;
use crate::id::{ExecutionId, Version, WorkflowId};
use crate::json::Json;
use crate::limits::{self, size};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// The execution that `start` begins, and its first transition.
pub fn start(
    definition: &Definition,
    start: Start,
    now: Timestamp,
    surroundings: &Surroundings<'_>,
) -> Result<(Execution, Vec<Recorded>), Refusal> {
    if !start.input.is_object() {
        return Err(Refusal::InputNotObject { what: "the input" });
    }
    // What the engine wraps around an input that was accepted is no reason to leave a failure unhandled.
    let wrapping = if matches!(start.triggered_by, TriggeredBy::Error(_)) { limits::HANDLER_WRAPPING_BYTES_MAX } else { 0 };
    let limit = surroundings.limits.payload_bytes_max + wrapping;
    if start.input.len() > limit {
        let what = format!("the input of `{}`", start.workflow);
        return Err(Refusal::PayloadTooLarge { what, size: size(start.input.len()), limit: size(limit) });
    }
    let started = Started {
        workflow: start.workflow,
        version: start.version,
        input: Payload::new(start.input),
        triggered_by: start.triggered_by,
        replay_of: start.replay_of,
        parent: start.parent,
        lineage: start.lineage,
        deadline: definition.timeout.map(|timeout| now + timeout),
        key: start.key,
        by: start.by,
    };
    let first = Recorded { seq: 1, at: now, event: Event::Started(Box::new(started.clone())) };
    let mut execution = begin(start.id, definition.steps.len(), started, now);
    let mut transition = Transition { definition, execution: &mut execution, now, surroundings, events: vec![first] };
    transition.settle();
    let events = transition.events;
    Ok((execution, events))
}

/// What starts the workflow that a step's `errorBranch` names, after that step has failed.
///
/// # Panics
/// When the execution's input has not been fetched.
pub fn handler_start(execution: &Execution, definition: &Definition, step: StepIndex, handler: Handler) -> Start {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        execution_id: ExecutionId,
        workflow_id: &'a WorkflowId,
        step_id: &'a str,
        error: Error<'a>,
        input: &'a Json,
    }
    // Another workflow, which does not say what of it must not be shown.
    let record = execution.step(step);
    let failure = record.failure.as_ref().expect("the step has failed");
    let step_id = definition.step(step).id.as_str();
    let input = Input {
        execution_id: execution.id,
        workflow_id: &execution.workflow,
        step_id,
        error: Error::new(step_id, failure, record.failed_attempts),
        input: &crate::view::mask::input(definition, execution.input.json()),
    };
    let mut lineage = execution.lineage.clone();
    lineage.push(execution.workflow.clone());
    Start {
        id: handler.id,
        workflow: handler.workflow,
        version: handler.version,
        input: Json::from_serialize(&input).unwrap_or_else(|_| Json::empty_object()),
        triggered_by: TriggeredBy::Error(execution.id),
        replay_of: None,
        parent: None,
        lineage,
        key: None,
        by: None,
    }
}

/// The execution that handles a failure.
#[derive(Debug, Clone)]
pub struct Handler {
    pub id: ExecutionId,
    pub workflow: WorkflowId,
    pub version: Version,
}

/// What a target and a handler see as `error`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Error<'a> {
    step_id: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    attempts: u32,
}

impl<'a> Error<'a> {
    pub(crate) fn new(step_id: &'a str, failure: &'a Failure, attempts: u32) -> Error<'a> {
        Error { step_id, message: &failure.message, code: failure.code.as_deref(), attempts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Slot;
    use crate::limits::Limits;

    /// A handler gets the whole input of the execution that failed. Once that input was as large as is allowed, wrapping it made
    /// it too large, and nobody handled the failure.
    #[test]
    fn an_input_as_large_as_is_allowed_still_fits_into_a_handlers() {
        let limits = Limits { payload_bytes_max: 1_000, ..Limits::default() };
        let source = Json::parse(r#"{"id":"handler","steps":[{"id":"a","action":"act"}]}"#).unwrap();
        let definition = Definition::check(&source, &limits).unwrap().definition;
        let at = Timestamp::from_millis(0);
        let id = ExecutionId::from_parts(at, 0, 0, Slot::new(0));
        let input = Json::parse(format!(r#"{{"input":"{}"}}"#, "x".repeat(1_000))).unwrap();
        let surroundings = Surroundings { limits: &limits, workflow_exists: &|_| false };
        let begin = |triggered_by| {
            let (workflow, version, input) = (definition.id.clone(), Version(1), input.clone());
            let (replay_of, parent, lineage, key, by) = (None, None, Vec::new(), None, None);
            let asked = Start { id, workflow, version, input, triggered_by, replay_of, parent, lineage, key, by };
            start(&definition, asked, at, &surroundings)
        };
        assert!(begin(TriggeredBy::Error(id)).is_ok());
        let refused = begin(TriggeredBy::Manual).unwrap_err();
        assert_eq!(refused.to_string(), "the input of `handler` is 1012 bytes, the limit is 1000 bytes");
    }
}
