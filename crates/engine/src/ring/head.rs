//! The head row of an execution: what lists and recovery need without reading a history.

use workflow_core::definition::Definition;
use workflow_core::execution::{Execution, Handling, StepState};
use workflow_core::outstanding::Outstanding;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
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
    let failure = execution.failure();
    let (triggered_by, trigger_source) = trigger(&execution.triggered_by);
    let message = failure.map(|failure| failure.message.clone());
    Head {
        id: execution.id,
        workflow: execution.workflow.clone(),
        version: execution.version,
        status,
        wake_at,
        started_at: execution.started_at,
        completed_at: execution.ended_at(),
        failed_step: failure.and_then(|_| failed_step(definition, execution)),
        error_code: failure.and_then(|failure| failure.code.clone()),
        error_fingerprint: message.as_deref().map(fingerprint),
        error: message,
        triggered_by,
        trigger_source,
        replay_of: execution.replay_of,
        parent: execution.parent,
        steps_completed: execution.has_ended().then(|| u32::try_from(execution.completed.len()).unwrap_or(u32::MAX)),
    }
}

/// The first step that failed unhandled; none when the execution itself timed out.
fn failed_step(definition: &Definition, execution: &Execution) -> Option<String> {
    let steps = execution.steps.iter().zip(&definition.steps);
    let failed = steps.filter_map(|(record, step)| match record.state {
        StepState::Failed { handling: Handling::Unhandled, seq } => Some((seq, step.id.to_string())),
        _ => None,
    });
    failed.min().map(|(_, step)| step)
}

/// The words of a message that do not change from case to case: each word with a digit in it is a `#`.
pub fn fingerprint(message: &str) -> String {
    const CHARS_MAX: usize = 200;
    let words = message.split_whitespace().map(|word| if word.bytes().any(|byte| byte.is_ascii_digit()) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_errors_have_one_fingerprint() {
        assert_eq!(fingerprint("card 4711 of cus_12 was declined"), "card # of # was declined");
        assert_eq!(fingerprint("card 4712 of cus_99  was declined"), fingerprint("card 4711 of cus_12 was declined"));
    }
}
