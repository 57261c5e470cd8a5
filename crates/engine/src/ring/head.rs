//! The head row of an execution: what lists and recovery need without reading a history.

use workflow_core::definition::{Definition, StepIndex};
use workflow_core::execution::{Execution, Handling, StepState};
use workflow_core::fingerprint::template;
use workflow_core::id::StepId;
use workflow_core::outstanding::Outstanding;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_core::view;
use workflow_store::Head;

use super::batch::trigger;

/// An execution that has to be in memory now.
pub const AT_ONCE: Timestamp = Timestamp::from_millis(0);

/// When it has to be in memory again. `parked`: rows in the store say what it wants, so that it need not be here to wait for it.
pub fn wake_at(outstanding: &Outstanding, parked: bool) -> Option<Timestamp> {
    let here = !outstanding.in_flight.is_empty() || !outstanding.ready.is_empty() && !parked;
    if here { Some(AT_ONCE) } else { outstanding.wake_at }
}

/// Whether `a` is earlier than `b`, none being never.
pub fn is_earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a < b,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

pub fn head(definition: &Definition, execution: &Execution, status: Status, wake_at: Option<Timestamp>) -> Head {
    let retried = view::retried(execution);
    let failure = execution.failure().or_else(|| execution.step(retried?).failure.as_ref());
    let (triggered_by, trigger_source) = trigger(&execution.triggered_by);
    let message = failure.map(|failure| failure.message.clone());
    let count = |which: fn(&StepState) -> bool| {
        let of_them = || execution.steps.iter().filter(|record| which(&record.state)).count();
        execution.has_ended().then(|| u32::try_from(of_them()).unwrap_or(u32::MAX))
    };
    Head {
        id: execution.id,
        workflow: execution.workflow.clone(),
        version: execution.version,
        status,
        wake_at,
        started_at: execution.started_at,
        completed_at: execution.ended_at(),
        failed_step: match retried {
            Some(step) => Some(definition.step(step).id.to_string()),
            None => failure.and_then(|_| failed_step(definition, execution)).map(|step| step.to_string()),
        },
        error_code: failure.and_then(|failure| failure.code.clone()),
        error_fingerprint: message.as_deref().map(template),
        error: message,
        triggered_by,
        trigger_source,
        replay_of: execution.replay_of,
        parent: execution.parent,
        steps_completed: execution.has_ended().then(|| u32::try_from(execution.completed.len()).unwrap_or(u32::MAX)),
        steps_failed: count(|state| matches!(state, StepState::Failed { .. })),
        steps_skipped: count(|state| matches!(state, StepState::Skipped)),
        retrying: retried.is_some(),
    }
}

/// The step that is tried again, and how often it has failed.
pub fn retried(execution: &Execution) -> Option<(StepIndex, u32)> {
    view::retried(execution).map(|step| (step, execution.step(step).failed_attempts))
}

/// The first step that failed unhandled; none when the execution itself timed out.
pub fn failed_step(definition: &Definition, execution: &Execution) -> Option<StepId> {
    let steps = execution.steps.iter().zip(&definition.steps);
    let failed = steps.filter_map(|(record, step)| match record.state {
        StepState::Failed { handling: Handling::Unhandled, seq } => Some((seq, step.id.clone())),
        _ => None,
    });
    failed.min().map(|(_, step)| step)
}
