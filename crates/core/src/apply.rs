//! The fold: the one thing that changes an [`Execution`].
//!
//! It evaluates no expression, reads no clock and needs no definition, so it gives the same for ever.

use std::collections::VecDeque;

use crate::event::{AfterFailure, Event, InterruptCause, ReadyCause, Recorded, Started};
use crate::execution::{Execution, Handling, Pause, Phase, StepRecord, StepState};
use crate::failure::Failure;
use crate::id::{ExecutionId, IdempotencyKey};
use crate::limits;
use crate::refusal::Control;
use crate::time::Timestamp;

/// A history that no core can have decided: the stored data are damaged, or this is a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the history of {execution} makes no sense at entry {seq}: {what}")]
pub struct Corrupt {
    pub execution: ExecutionId,
    pub seq: u64,
    pub what: String,
}

/// The execution that a whole history gives. `steps` is the number of steps of its definition.
pub fn fold(id: ExecutionId, steps: usize, events: impl IntoIterator<Item = Recorded>) -> Result<Execution, Corrupt> {
    let corrupt = |seq, what: &str| Corrupt { execution: id, seq, what: what.to_owned() };
    let mut events = events.into_iter();
    let first = events.next().ok_or_else(|| corrupt(0, "it is empty"))?;
    let mut execution = match first.event {
        Event::Started(started) if first.seq == 1 => begin(id, steps, *started, first.at),
        _ => return Err(corrupt(first.seq, "it does not begin with its start")),
    };
    for recorded in events {
        apply(&mut execution, &recorded)?;
    }
    Ok(execution)
}

/// The execution after its first event.
pub(crate) fn begin(id: ExecutionId, steps: usize, started: Started, at: Timestamp) -> Execution {
    Execution {
        id,
        workflow: started.workflow,
        version: started.version,
        bytes: started.input.bytes(),
        input: started.input,
        triggered_by: started.triggered_by,
        replay_of: started.replay_of,
        parent: started.parent,
        lineage: started.lineage,
        key: started.key,
        started_at: at,
        deadline: started.deadline,
        phase: Phase::Active { paused: false, failing: None },
        pause: None,
        steps: vec![StepRecord::default(); steps],
        completed: Vec::new(),
        retry_count: 0,
        control_keys: VecDeque::new(),
        seq: 1,
        updated_at: at,
    }
}

/// Takes the next event. An execution that could not take it is left as it was.
pub fn apply(execution: &mut Execution, recorded: &Recorded) -> Result<(), Corrupt> {
    check(execution, recorded).map_err(|what| Corrupt { execution: execution.id, seq: recorded.seq, what })?;
    change(execution, recorded);
    execution.seq = recorded.seq;
    execution.updated_at = recorded.at;
    Ok(())
}

/// Whether the event can follow: every pair of state and event that no core decides is refused here.
fn check(execution: &Execution, recorded: &Recorded) -> Result<(), String> {
    if recorded.seq != execution.seq + 1 {
        return Err(format!("it follows entry {}", execution.seq));
    }
    let event = &recorded.event;
    let record = match event.step() {
        Some(step) => Some(execution.steps.get(step.get()).ok_or_else(|| format!("there is no step {}", step.get()))?),
        None => None,
    };
    let legal = match (&execution.phase, event) {
        (_, Event::Started(_)) => false,
        (Phase::Failed { .. }, Event::Retried { reset, .. }) => reset.iter().all(|step| step.get() < execution.steps.len()),
        (Phase::Completed { .. } | Phase::Failed { .. } | Phase::Cancelled { .. }, _) => false,
        (Phase::Active { .. }, Event::Retried { .. }) => false,
        (Phase::Active { paused, .. }, Event::Paused { .. }) => !paused,
        (Phase::Active { paused, .. }, Event::Resumed { .. }) => *paused,
        (Phase::Active { .. }, Event::Completed | Event::Failed { .. } | Event::Cancelled { .. }) => true,
        (
            Phase::Active { .. },
            Event::StepReady { .. }
            | Event::StepStarted { .. }
            | Event::StepCompleted { .. }
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. }
            | Event::StepInterrupted { .. }
            | Event::WaitBegan { .. },
        ) => record.is_some_and(|record| step_allows(record, event)),
    };
    if legal { Ok(()) } else { Err(format!("{event:?} cannot happen in {:?}, step {record:?}", execution.phase)) }
}

fn step_allows(record: &StepRecord, event: &Event) -> bool {
    let in_flight = |number: u32| matches!(&record.state, StepState::Running { attempt, .. } if *attempt == number);
    match event {
        Event::StepReady { cause, .. } => match cause {
            ReadyCause::Condition(_) => matches!(record.state, StepState::Pending),
            ReadyCause::Timer => matches!(record.state, StepState::Waiting { .. }),
            ReadyCause::Retry | ReadyCause::RunNow { .. } => matches!(record.state, StepState::RetryDelay { .. }),
        },
        Event::StepStarted { attempt, .. } => {
            matches!(record.state, StepState::Pending | StepState::Ready) && *attempt == record.attempts + 1
        }
        Event::StepCompleted { attempt, .. } | Event::StepInterrupted { attempt, .. } => in_flight(*attempt),
        Event::StepFailed { attempt: Some(attempt), .. } => in_flight(*attempt),
        Event::StepFailed { attempt: None, then, .. } => {
            matches!(record.state, StepState::Pending | StepState::Ready) && !matches!(then, AfterFailure::Retry { .. })
        }
        Event::StepSkipped { .. } | Event::WaitBegan { .. } => matches!(record.state, StepState::Pending),
        Event::StepCancelled { .. } => !record.has_ended(),
        _ => false,
    }
}

fn change(execution: &mut Execution, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::Started(_) => {}
        Event::Paused { key, by } => {
            set_paused(execution, true);
            execution.pause = Some(Pause { since: at, by: by.clone() });
            remember(execution, key.as_ref(), Control::Pause);
        }
        Event::Resumed { key, .. } => {
            set_paused(execution, false);
            execution.pause = None;
            remember(execution, key.as_ref(), Control::Resume);
        }
        Event::Cancelled { key, .. } => {
            execution.phase = Phase::Cancelled { at };
            remember(execution, key.as_ref(), Control::Cancel);
        }
        Event::Completed => execution.phase = Phase::Completed { at },
        Event::Failed { failure } => execution.phase = Phase::Failed { at, failure: failure.clone() },
        Event::Retried { reset, deadline, key, .. } => {
            execution.phase = Phase::Active { paused: false, failing: None };
            execution.pause = None;
            execution.deadline = *deadline;
            execution.retry_count += 1;
            for step in reset {
                let record = &mut execution.steps[step.get()];
                reset_step(record);
                record.since = Some(at);
            }
            remember(execution, key.as_ref(), Control::Retry);
        }
        Event::StepReady { cause: ReadyCause::RunNow { key, .. }, .. } => {
            change_step(execution, recorded);
            remember(execution, key.as_ref(), Control::RunNow);
        }
        Event::StepReady { .. }
        | Event::StepStarted { .. }
        | Event::StepCompleted { .. }
        | Event::StepFailed { .. }
        | Event::StepSkipped { .. }
        | Event::StepCancelled { .. }
        | Event::StepInterrupted { .. }
        | Event::WaitBegan { .. } => change_step(execution, recorded),
    }
}

fn change_step(execution: &mut Execution, recorded: &Recorded) {
    let Recorded { seq, at, event } = recorded;
    let step = event.step().expect("only events of a step come here");
    let record = &mut execution.steps[step.get()];
    record.since = Some(*at);
    match event {
        Event::StepReady { .. } => {
            record.state = StepState::Ready;
            record.wait_done = true;
        }
        Event::StepStarted { attempt, session, .. } => {
            record.state = StepState::Running { attempt: *attempt, since: *at, session: session.clone() };
            record.attempts = *attempt;
            record.started_at.get_or_insert(*at);
        }
        Event::StepCompleted { output, .. } => {
            record.state = StepState::Completed { output: output.clone(), seq: *seq };
            record.ended_at = Some(*at);
            record.interruptions = 0;
            record.failure = None;
            execution.completed.push(step);
            execution.bytes += output.as_ref().map_or(0, crate::event::Payload::bytes);
        }
        Event::StepFailed { attempt, failure, then, .. } => {
            if attempt.is_some() {
                record.failed_attempts += 1;
                record.interruptions = 0;
            }
            record.failure = Some(failure.clone());
            fail_step(execution, recorded, then, failure);
        }
        Event::StepSkipped { .. } => {
            record.state = StepState::Skipped;
            record.ended_at = Some(*at);
        }
        Event::StepCancelled { .. } => {
            let wait_until = match record.state {
                StepState::Waiting { until } => Some(until),
                _ => None,
            };
            record.state = StepState::Cancelled { wait_until };
            record.ended_at = Some(*at);
        }
        Event::StepInterrupted { cause, .. } => {
            record.state = StepState::Ready;
            match cause {
                InterruptCause::Lost => record.interruptions += 1,
                InterruptCause::Shutdown => {}
            }
        }
        Event::WaitBegan { until, .. } => record.state = StepState::Waiting { until: *until },
        _ => {}
    }
}

fn fail_step(execution: &mut Execution, recorded: &Recorded, then: &AfterFailure, failure: &Failure) {
    let step = recorded.event.step().expect("a step failed");
    let record = &mut execution.steps[step.get()];
    let handling = match then {
        AfterFailure::Retry { at } => {
            record.state = StepState::RetryDelay { until: *at };
            return;
        }
        AfterFailure::Fail => Handling::Unhandled,
        AfterFailure::Continue => Handling::Continued,
        AfterFailure::Branch | AfterFailure::StartHandler { .. } => Handling::Branched,
    };
    record.state = StepState::Failed { handling, seq: recorded.seq };
    record.ended_at = Some(recorded.at);
    if let (Handling::Unhandled, Phase::Active { failing, .. }) = (handling, &mut execution.phase) {
        // The first one wins.
        failing.get_or_insert_with(|| failure.clone());
    }
}

/// A step that `retry` lets begin again.
fn reset_step(record: &mut StepRecord) {
    record.state = match record.state {
        StepState::Cancelled { wait_until: Some(until) } => StepState::Waiting { until },
        StepState::Cancelled { wait_until: None } => StepState::Ready,
        // Considered again from its condition on, without its wait.
        _ => {
            record.wait_done = true;
            StepState::Pending
        }
    };
    record.failed_attempts = 0;
    record.interruptions = 0;
    record.failure = None;
    record.started_at = None;
    record.ended_at = None;
}

fn set_paused(execution: &mut Execution, to: bool) {
    if let Phase::Active { paused, .. } = &mut execution.phase {
        *paused = to;
    }
}

fn remember(execution: &mut Execution, key: Option<&IdempotencyKey>, control: Control) {
    let Some(key) = key else { return };
    if execution.control_keys.len() == limits::CONTROL_KEYS_REMEMBERED {
        execution.control_keys.pop_front();
    }
    execution.control_keys.push_back((key.clone(), control));
}
