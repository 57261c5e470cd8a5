//! What the outside has to do next, derived from the execution and never stored beside it (invariant I3).
//!
//! So recovery is the same function as normal running, and no execution can be stuck because a row was forgotten.

use crate::command::Command;
use crate::decide::consider;
use crate::definition::{Definition, ErrorBranch, OnError, Step, StepIndex};
use crate::event::Payload;
use crate::execution::{Execution, Phase, StepState};
use crate::id::SessionId;
use crate::json::Json;
use crate::mutation::mutated;
use crate::status::{Status, StepStatus};
use crate::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outstanding {
    /// Attempts whose result is awaited.
    pub in_flight: Vec<InFlight>,
    /// Steps that only lack a worker, in the order of the definition.
    pub ready: Vec<StepIndex>,
    /// When the next durable timer falls due: a `wait`, a retry delay, or the execution's `timeout`. None while it is paused and
    /// once it has ended.
    pub wake_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InFlight {
    pub step: StepIndex,
    pub attempt: u32,
    /// When it began, on the wall clock.
    pub since: Timestamp,
    pub session: Option<SessionId>,
}

pub fn outstanding(definition: &Definition, execution: &Execution) -> Outstanding {
    let Phase::Active { paused, failing } = &execution.phase else { return Outstanding::default() };
    let mut outstanding = Outstanding { wake_at: execution.deadline, ..Outstanding::default() };
    for (record, step) in execution.steps.iter().zip(definition.indices()) {
        match &record.state {
            StepState::Running { attempt, since, session } => {
                let (attempt, since, session) = (*attempt, *since, session.clone());
                outstanding.in_flight.push(InFlight { step, attempt, since, session });
            }
            StepState::Waiting { until } | StepState::RetryDelay { until } => {
                outstanding.wake_at = Some(outstanding.wake_at.map_or(*until, |earliest| earliest.min(*until)));
            }
            StepState::Pending | StepState::Ready => {
                if !paused && failing.is_none() && is_ready(definition, execution, step) {
                    outstanding.ready.push(step);
                }
            }
            StepState::Completed { .. } | StepState::Failed { .. } | StepState::Skipped | StepState::Cancelled { .. } => {}
        }
    }
    if *paused && !mutated("pause-ignored-by-timers") {
        outstanding.wake_at = None;
    }
    outstanding
}

/// Whether only a worker is missing. A step with neither a condition nor a `wait` needs no event for that.
pub(crate) fn is_ready(definition: &Definition, execution: &Execution, step: StepIndex) -> bool {
    match execution.step(step).state {
        StepState::Ready => true,
        StepState::Pending => {
            let step_definition = definition.step(step);
            step_definition.condition.is_none()
                && (step_definition.wait.is_none() || execution.step(step).wait_done)
                && consider::verdict(definition, execution, step) == consider::Verdict::Runs
        }
        _ => false,
    }
}

/// The status of an execution: from its history alone.
pub fn status(definition: &Definition, execution: &Execution) -> Status {
    status_with(execution, || outstanding(definition, execution))
}

impl Outstanding {
    /// The [`status`] of the execution that this was derived from.
    pub fn status(&self, execution: &Execution) -> Status {
        status_with(execution, || self)
    }
}

/// `outstanding` is asked for only where it matters.
fn status_with<O: std::borrow::Borrow<Outstanding>>(execution: &Execution, outstanding: impl FnOnce() -> O) -> Status {
    let (paused, failing) = match &execution.phase {
        Phase::Completed { .. } => return Status::Completed,
        Phase::Failed { .. } => return Status::Failed,
        Phase::Cancelled { .. } => return Status::Cancelled,
        Phase::Active { paused, failing } => (*paused, failing.is_some()),
    };
    if paused {
        return Status::Paused;
    }
    let fresh = |record: &crate::execution::StepRecord| {
        record.attempts == 0 && matches!(record.state, StepState::Pending | StepState::Ready)
    };
    if execution.steps.iter().all(fresh) {
        return Status::Pending;
    }
    let outstanding = outstanding();
    let outstanding = outstanding.borrow();
    if failing || !outstanding.in_flight.is_empty() || !outstanding.ready.is_empty() { Status::Running } else { Status::Waiting }
}

/// The status of a step that is ready, waits, runs or has ended.
pub(crate) fn step_status(definition: &Definition, execution: &Execution, step: StepIndex) -> Option<StepStatus> {
    Some(match &execution.step(step).state {
        StepState::Pending => {
            let open = !execution.has_ended() && !execution.is_failing();
            return (open && is_ready(definition, execution, step)).then_some(StepStatus::Waiting);
        }
        StepState::Waiting { .. } | StepState::Ready | StepState::RetryDelay { .. } => StepStatus::Waiting,
        StepState::Running { .. } => StepStatus::Running,
        StepState::Completed { .. } => StepStatus::Completed,
        StepState::Failed { .. } => StepStatus::Failed,
        StepState::Skipped => StepStatus::Skipped,
        StepState::Cancelled { .. } => StepStatus::Cancelled,
    })
}

/// The `seq`s of the payloads that have to be fetched before `command` can be decided.
pub fn needs(definition: &Definition, execution: &Execution, command: &Command) -> Vec<u64> {
    match command {
        // Params are resolved when an attempt begins; when they cannot be, the step has failed, and others are considered.
        Command::Begin { step, .. } => {
            let params = definition.steps.get(step.get()).and_then(|step| step.params.as_ref());
            let mut seqs = task_needs(definition, execution, *step);
            if params.is_some_and(|params| !params.is_literal()) {
                seqs.extend(needs(definition, execution, &Command::Wake));
                seqs.sort_unstable();
                seqs.dedup();
            }
            seqs
        }
        // Whatever may be considered next, its condition may read anything that it can see.
        Command::Finish { .. }
        | Command::Interrupt { .. }
        | Command::TimeOut { .. }
        | Command::Wake
        | Command::Resume { .. }
        | Command::Retry { .. }
        | Command::RunNow { .. } => {
            let reset = matches!(command, Command::Retry { .. });
            let open = || {
                let steps = execution.steps.iter().zip(&definition.steps);
                steps.filter(|(record, _)| reset || !record.has_ended()).map(|(_, step)| step)
            };
            let resolves = |step: &Step| step.action.is_noop() && step.params.as_ref().is_some_and(|params| !params.is_literal());
            let reads = open().any(|step| step.condition.is_some() || resolves(step));
            let hands_over = open().any(|step| matches!(step.on_error, OnError::Branch(ErrorBranch::Workflow(_))));
            absent(execution, |step| reads || hands_over && step.is_none())
        }
        Command::Pause { .. } | Command::Cancel { .. } => Vec::new(),
    }
}

/// The `seq`s of the payloads that have to be fetched before a task of `step` can be made.
pub fn task_needs(definition: &Definition, execution: &Execution, step: StepIndex) -> Vec<u64> {
    let visible = crate::scope::visible(definition, execution, step);
    absent(execution, |other| other.is_none_or(|other| visible.contains(other)))
}

/// Those payloads, of the input (`None`) and of steps, that are wanted and not in memory.
fn absent(execution: &Execution, wanted: impl Fn(Option<StepIndex>) -> bool) -> Vec<u64> {
    let is_absent = |payload: &Payload| payload.resident().is_none();
    let mut seqs = Vec::new();
    if is_absent(&execution.input) && wanted(None) {
        seqs.push(1);
    }
    for (index, record) in execution.steps.iter().enumerate() {
        if let StepState::Completed { output: Some(output), seq } = &record.state
            && is_absent(output)
            && wanted(Some(StepIndex::new(index)))
        {
            seqs.push(*seq);
        }
    }
    seqs
}

impl Execution {
    /// Takes the text of a payload that was fetched. One that is not awaited is ignored.
    pub fn fetch_payload(&mut self, seq: u64, json: Json) {
        if seq == 1 {
            self.input.fetch(json);
            return;
        }
        for record in &mut self.steps {
            if let StepState::Completed { output: Some(output), seq: at } = &mut record.state
                && *at == seq
            {
                output.fetch(json);
                return;
            }
        }
    }

    /// Leaves payloads longer than `bytes_max` in the store. Only what is durable may be left there.
    pub fn release_payloads(&mut self, bytes_max: usize) {
        if self.input.bytes() > bytes_max {
            self.input.release();
        }
        for record in &mut self.steps {
            if let StepState::Completed { output: Some(output), .. } = &mut record.state
                && output.bytes() > bytes_max
            {
                output.release();
            }
        }
    }
}
