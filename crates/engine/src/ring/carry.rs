//! What follows from a decision: ready steps begin in the same transition, the head row is kept, timers are set.
//!
//! Everything is derived from the execution as it is now, so this is also what recovery does, with no decision before it.

use std::time::Duration;

use workflow_core::command::Command;
use workflow_core::decide::{self, Surroundings};
use workflow_core::definition::StepIndex;
use workflow_core::event::{AfterFailure, Event, InterruptCause, Recorded};
use workflow_core::execution::StepState;
use workflow_core::failure::{Failure, code};
use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::mutation::mutated;
use workflow_core::outstanding::Outstanding;
use workflow_store::{Change, HeadChange, Transition};

use super::Ring;
use super::attempts::Attempt;
use super::batch::Effect;
use super::head;
use super::message::{AbortReason, AttemptKey};
use super::resident::{Resident, Written};
use super::slots::ProviderId;
use crate::clock::Now;

impl Ring {
    /// `events` have been decided and applied. Gives what has to be committed: the transition, and those of executions that it
    /// starts.
    pub(super) fn carry(&mut self, id: ExecutionId, mut events: Vec<Recorded>, now: Now) -> Vec<Change> {
        let mut outstanding = self.resident(id).outstanding();
        while !outstanding.ready.is_empty() && self.begin_ready(id, &outstanding.ready, &mut events, now) {
            outstanding = self.resident(id).outstanding();
        }
        self.conclude(id, events, &outstanding, now)
    }

    /// Begins one ready step of the action whose slot it is this execution's turn to take.
    pub(super) fn carry_one(&mut self, id: ExecutionId, action: &ActionName, now: Now) -> Vec<Change> {
        let resident = self.resident(id);
        let definition = &resident.registration.definition;
        let ready = resident.outstanding().ready;
        let Some(step) = ready.into_iter().find(|&step| definition.step(step).action == *action) else { return Vec::new() };
        let mut events = Vec::new();
        if !self.ownership.is_leaving(id)
            && !self.must_fetch(id, &self.begin_command(step))
            && let Some(provider) = self.slots.take(action)
        {
            self.begin(id, step, provider, &mut events, now);
        }
        self.carry(id, events, now)
    }

    fn resident(&self, id: ExecutionId) -> &Resident {
        self.residents.get(id).expect("what is carried on is in memory")
    }

    /// Whether any step began. Others take their place in the queue for a slot.
    fn begin_ready(&mut self, id: ExecutionId, ready: &[StepIndex], events: &mut Vec<Recorded>, now: Now) -> bool {
        if self.closing.is_some() || self.resident(id).fetching || self.ownership.is_leaving(id) {
            return false;
        }
        let mut begun = false;
        for &step in ready {
            let resident = self.resident(id);
            let action = resident.registration.definition.step(step).action.clone();
            if resident.wants.iter().any(|want| want.action == action) {
                continue;
            }
            if !self.slots.is_open(&action) || !self.slots.has_free(&action) {
                if mutated("place-in-queue-lost") {
                    continue;
                }
                let want = self.slots.want(&action, id);
                self.residents.get_mut(id).expect("it was there just now").wants.push(want);
                continue;
            }
            if self.must_fetch(id, &self.begin_command(step)) {
                return begun;
            }
            let provider = self.slots.take(&action).expect("one was free just now");
            let running = self.attempts.running();
            if self.begin(id, step, provider, events, now) {
                begun = true;
                if self.attempts.running() == running {
                    // It failed without an attempt, and others may be ready that come before the rest.
                    return begun;
                }
            }
        }
        begun
    }

    /// To see what it needs; in which session it begins is known when there is a slot.
    fn begin_command(&self, step: StepIndex) -> Command {
        Command::Begin { step, session: None }
    }

    /// Begins an attempt in the slot that was taken for it; gives the slot back when none began. Whether anything happened.
    fn begin(&mut self, id: ExecutionId, step: StepIndex, provider: ProviderId, events: &mut Vec<Recorded>, now: Now) -> bool {
        let remote = self.slots.session(provider).cloned();
        let is_remote = remote.is_some();
        let command = Command::Begin { step, session: Some(remote.unwrap_or_else(|| self.session.clone())) };
        let decided = self.advance(id, command, now).expect("beginning is never refused");
        let started = decided.iter().find_map(|recorded| match recorded.event {
            Event::StepStarted { step: began, attempt, .. } if began == step => Some(attempt),
            _ => None,
        });
        let happened = !decided.is_empty();
        events.extend(decided);
        let Some(attempt) = started else {
            self.slots.give_back(provider);
            return happened;
        };
        let key = AttemptKey { id, step, attempt };
        let resident = self.residents.get(id).expect("it has just been commanded");
        let definition = &resident.registration.definition;
        let task = workflow_core::task::task(definition, &resident.execution, step, attempt);
        let timeout = definition.step(step).timeout.filter(|_| !mutated("timeout-ignored"));
        let deadline = Ring::deadline(timeout, now);
        let (workflow, action) = (definition.id.clone(), definition.step(step).action.clone());
        let entry = Attempt {
            workflow,
            action,
            provider,
            remote: is_remote,
            sent: false,
            since: now.mono,
            earlier: Duration::ZERO,
            deadline,
            running: true,
            ending: false,
        };
        self.attempts.insert(key, entry);
        self.open.effects.begun.push(key);
        if mutated("dispatched-before-commit") {
            self.dispatch(key, provider, Box::new(task));
            return happened;
        }
        self.open.effects.outputs.push(Effect::Dispatch { attempt: key, provider, task: Box::new(task) });
        happened
    }

    /// The transition with its head row, and what the ring has to remember of the execution.
    fn conclude(&mut self, id: ExecutionId, events: Vec<Recorded>, outstanding: &Outstanding, now: Now) -> Vec<Change> {
        let mut changes = Vec::new();
        let handlers = if events.is_empty() { Vec::new() } else { self.after_events(id, &events, now) };
        if let Some(transition) = self.transition(id, events, outstanding) {
            self.open.effects.touched.push(id);
            changes.push(Change::Transition(Box::new(transition)));
        }
        changes.extend(handlers);
        self.residents.set_timer(id, outstanding.wake_at);
        self.residents.remeasure(id);
        changes
    }

    /// Attempts that ended, places in queues that are not wanted any more, workflows that handle a failure.
    fn after_events(&mut self, id: ExecutionId, events: &[Recorded], now: Now) -> Vec<Change> {
        self.tally(id, events, now);
        let resident = self.residents.get_mut(id).expect("what is carried on is in memory");
        let in_flight = |key: &AttemptKey| {
            let state = &resident.execution.step(key.step).state;
            !resident.execution.has_ended() && matches!(state, StepState::Running { attempt, .. } if *attempt == key.attempt)
        };
        let of = self.attempts.of(id);
        let ended: Vec<AttemptKey> = of.filter(|(key, entry)| !entry.ending && !in_flight(key)).map(|(key, _)| *key).collect();
        for key in ended {
            self.attempts.get_mut(&key).expect("it was listed just now").ending = true;
            self.open.effects.ended.push((key, abort_reason(events, &key)));
        }
        if resident.execution.has_ended() {
            for want in std::mem::take(&mut resident.wants) {
                self.slots.forget(&want);
            }
            let workflow = resident.execution.workflow.clone();
            let status = resident.status();
            if events
                .iter()
                .any(|recorded| matches!(recorded.event, Event::Completed | Event::Failed { .. } | Event::Cancelled { .. }))
            {
                self.open.effects.over.push((id, workflow, status));
            }
        }
        let lost = |recorded: &&Recorded| matches!(recorded.event, Event::StepInterrupted { cause: InterruptCause::Lost, .. });
        let lost = events.iter().filter(lost).count();
        if lost > 0 {
            metrics::counter!("workflow_attempts_interrupted_total").increment(lost as u64);
        }
        let failed = |recorded: &Recorded| match &recorded.event {
            Event::StepFailed { step, then: AfterFailure::StartHandler { workflow }, .. } => Some((*step, workflow.clone())),
            _ => None,
        };
        let handlers: Vec<_> = events.iter().filter_map(failed).collect();
        handlers.into_iter().flat_map(|(step, workflow)| self.start_handler(id, step, workflow, now)).collect()
    }

    /// Counts what happened, for statistics.
    fn tally(&mut self, id: ExecutionId, events: &[Recorded], now: Now) {
        let Ring { residents, attempts, tallies, .. } = self;
        let resident = residents.get(id).expect("what is carried on is in memory");
        let took = |step: StepIndex, attempt: u32| {
            let attempt = attempts.get(&AttemptKey { id, step, attempt })?;
            Some(attempt.earlier + now.mono.since(attempt.since))
        };
        tallies.note(&resident.registration.definition, &resident.execution, events, took);
    }

    /// Starts the workflow that an `errorBranch` names, in the same commit.
    fn start_handler(&mut self, id: ExecutionId, step: StepIndex, workflow: WorkflowId, now: Now) -> Vec<Change> {
        let Some(registration) = self.catalog.newest(workflow.as_str()).cloned() else {
            tracing::error!(execution = %id, %workflow, "the workflow that was to handle a failure is gone");
            return Vec::new();
        };
        let handler =
            decide::Handler { id: self.ids.next(now.wall, self.ownership.open()), workflow, version: registration.version };
        let resident = self.resident(id);
        let start = decide::handler_start(&resident.execution, &resident.registration.definition, step, handler);
        match self.begin_execution(registration, start, now) {
            Ok((_, changes)) => changes,
            Err(refusal) => {
                tracing::error!(execution = %id, %refusal, "the workflow that was to handle a failure was not started");
                Vec::new()
            }
        }
    }

    /// Makes a new execution and carries it on.
    pub(super) fn begin_execution(
        &mut self,
        registration: std::sync::Arc<super::catalog::Registration>,
        start: workflow_core::command::Start,
        now: Now,
    ) -> Result<(ExecutionId, Vec<Change>), workflow_core::refusal::Refusal> {
        let catalog = &self.catalog;
        let workflow_exists = |workflow: &WorkflowId| catalog.newest(workflow.as_str()).is_some();
        let surroundings = Surroundings { limits: &self.options.limits, workflow_exists: &workflow_exists };
        let id = start.id;
        let (execution, events) = decide::start(&registration.definition, start, now.wall, &surroundings)?;
        self.residents.insert(Resident::new(execution, registration, None));
        self.open.effects.started.push(id);
        Ok((id, self.carry(id, events, now)))
    }

    /// What has to be written: the events, and the head row when it changes.
    fn transition(&mut self, id: ExecutionId, events: Vec<Recorded>, outstanding: &Outstanding) -> Option<Transition> {
        let number = self.deciding();
        let resident = self.residents.get_mut(id).expect("what is carried on is in memory");
        // Rows of what it wants stay as long as nothing happens to it; then it is in memory, and they go.
        let unparked = resident.parked && !events.is_empty();
        resident.parked &= !unparked;
        resident.pinned &= events.is_empty();
        let (status, wake_at) = (outstanding.status(&resident.execution), head::wake_at(outstanding, resident.parked));
        let retried = head::retried(&resident.execution);
        let at_rest = outstanding.in_flight.is_empty() && outstanding.ready.is_empty();
        let write = match resident.written {
            None => true,
            Some(written) => {
                written.status != status
                    || written.retried != retried
                    || head::is_earlier(wake_at, written.wake_at) && !mutated("woken-too-late")
                    || (at_rest || resident.parked) && written.wake_at != wake_at
            }
        };
        if events.is_empty() && !write {
            return None;
        }
        let head = write.then(|| HeadChange {
            head: head::head(&resident.registration.definition, &resident.execution, status, wake_at),
            status_before: resident.written.map(|written| written.status),
        });
        if write {
            resident.written = Some(Written { status, wake_at, retried });
        }
        resident.batch = number;
        Some(Transition { id, events, head, parked: (unparked && !mutated("parked-row-kept")).then(Vec::new), snapshot: None })
    }
}

/// What ended an attempt that may still run.
fn abort_reason(events: &[Recorded], key: &AttemptKey) -> AbortReason {
    let timed_out = |failure: &Failure| failure.code.as_deref() == Some(code::TIMEOUT);
    for recorded in events {
        match &recorded.event {
            Event::StepInterrupted { step, .. } if *step == key.step => return AbortReason::Lost,
            Event::StepFailed { step, failure, .. } if *step == key.step && timed_out(failure) => return AbortReason::Timeout,
            Event::Failed { failure } if timed_out(failure) => return AbortReason::Timeout,
            _ => {}
        }
    }
    AbortReason::Cancelled
}
