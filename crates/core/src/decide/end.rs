//! The ends that are no completion: failure, timeout, a full history.

use super::Transition;
use crate::event::Event;
use crate::execution::{Phase, StepState};
use crate::failure::{Failure, code};
use crate::limits::Limits;

impl Transition<'_> {
    /// A failing execution: what waits is cancelled, what is in flight is awaited, then it has failed.
    pub(super) fn settle_failing(&mut self) {
        let Phase::Active { paused, failing: Some(failure) } = self.execution.phase.clone() else { return };
        for step in self.definition.indices() {
            let waits = match self.execution.step(step).state {
                StepState::Waiting { .. } | StepState::Ready | StepState::RetryDelay { .. } => true,
                StepState::Pending => crate::outstanding::is_ready(self.definition, self.execution, step),
                _ => false,
            };
            if waits {
                self.push(Event::StepCancelled { step });
            }
        }
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
        // Of an execution that is failing already, the first failure wins.
        let failure = self.execution.failure().cloned().unwrap_or_else(|| Failure::with_code(code::TIMEOUT, message));
        self.cancel_steps();
        self.push(Event::Failed { failure });
    }

    /// Every step that is in flight or waits is recorded as cancelled.
    pub(super) fn cancel_steps(&mut self) {
        for step in self.definition.indices() {
            let begun = match self.execution.step(step).state {
                StepState::Running { .. } | StepState::Waiting { .. } | StepState::Ready | StepState::RetryDelay { .. } => true,
                StepState::Pending => crate::outstanding::is_ready(self.definition, self.execution, step),
                StepState::Completed { .. } | StepState::Failed { .. } | StepState::Skipped | StepState::Cancelled { .. } => {
                    false
                }
            };
            if begun {
                self.push(Event::StepCancelled { step });
            }
        }
    }

    pub(super) fn is_history_full(&self) -> bool {
        let reserve = Limits::history_reserve(self.definition.steps.len());
        self.execution.seq + reserve >= self.surroundings.limits.history_entries_max
    }

    /// Fails an execution whose history has only room left for an orderly end.
    pub(super) fn end_full_history(&mut self) -> bool {
        if self.execution.has_ended() || !self.is_history_full() {
            return false;
        }
        let limit = self.surroundings.limits.history_entries_max;
        let message = format!("its history is full: the limit is {limit} entries; `replay` starts it anew");
        self.cancel_steps();
        self.push(Event::Failed { failure: Failure::with_code(code::HISTORY_FULL, message) });
        true
    }
}
