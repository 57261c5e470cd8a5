//! The ends that are no completion: failure, timeout, a full history.

use super::Transition;
use crate::definition::StepIndex;
use crate::event::Event;
use crate::execution::{Phase, StepState};
use crate::failure::{Failure, code};
use crate::limits::Limits;
use crate::mutation::mutated;
use crate::outstanding::is_ready;

impl Transition<'_> {
    /// The execution begins to fail: what waits now is cancelled. What only becomes possible later is never considered.
    pub(super) fn cancel_what_waits(&mut self) {
        for step in self.definition.indices() {
            if self.waits(step) {
                self.push(Event::StepCancelled { step });
            }
        }
    }

    /// A failing execution: what is in flight is awaited, then it has failed.
    pub(super) fn settle_failing(&mut self) {
        let Phase::Active { paused, failing: Some(failure) } = self.execution.phase.clone() else { return };
        let in_flight = self.execution.steps.iter().any(|record| matches!(record.state, StepState::Running { .. }));
        if !in_flight && !paused {
            self.push(Event::Failed { failure });
        }
    }

    /// The execution's `timeout` has passed.
    pub(super) fn time_out_execution(&mut self) {
        let message = match self.definition.timeout {
            Some(timeout) => format!("timed out after {timeout}"),
            None => "timed out".to_owned(),
        };
        self.fail_now(Failure::with_code(code::TIMEOUT, message));
    }

    /// Fails the execution without waiting for what is in flight. Of one that is failing already, the first failure wins.
    fn fail_now(&mut self, failure: Failure) {
        let failure = self.execution.failure().cloned().unwrap_or(failure);
        self.cancel_steps();
        self.push(Event::Failed { failure });
    }

    /// Every step that is in flight or waits is recorded as cancelled.
    pub(super) fn cancel_steps(&mut self) {
        let failing = self.execution.is_failing();
        for step in self.definition.indices() {
            let in_flight = matches!(self.execution.step(step).state, StepState::Running { .. });
            if in_flight && !mutated("cancel-leaves-attempts") || !failing && self.waits(step) {
                self.push(Event::StepCancelled { step });
            }
        }
    }

    /// Whether it waits for a timer, its retry or a worker.
    fn waits(&self, step: StepIndex) -> bool {
        match self.execution.step(step).state {
            StepState::Waiting { .. } | StepState::Ready | StepState::RetryDelay { .. } => true,
            StepState::Pending => is_ready(self.definition, self.execution, step),
            StepState::Running { .. }
            | StepState::Completed { .. }
            | StepState::Failed { .. }
            | StepState::Skipped
            | StepState::Cancelled { .. } => false,
        }
    }

    pub(super) fn is_history_full(&self) -> bool {
        let reserve = Limits::history_reserve(self.definition.steps.len());
        self.execution.seq + reserve >= self.surroundings.limits.history_entries_max
    }

    /// Fails an execution whose history has only room left for an orderly end; a paused one when it is resumed.
    pub(super) fn end_full_history(&mut self) -> bool {
        if self.execution.has_ended() || self.execution.is_paused() || !self.is_history_full() {
            return false;
        }
        let limit = self.surroundings.limits.history_entries_max;
        let message = format!("its history is full: the limit is {limit} entries; `replay` starts it anew");
        self.fail_now(Failure::with_code(code::HISTORY_FULL, message));
        true
    }
}
