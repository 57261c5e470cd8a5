//! Time has passed: a timer that fell due is a command like any other.

use super::Transition;
use crate::event::{Event, ReadyCause};
use crate::execution::StepState;
use crate::mutation::mutated;
use crate::time::{Millis, Timestamp};

impl Transition<'_> {
    pub(super) fn wake(&mut self) {
        self.catch_up(None);
    }

    /// Does what has fallen due, in the order of due times. `over_since`: when everything had ended, under a pause.
    pub(super) fn catch_up(&mut self, over_since: Option<Timestamp>) {
        if self.execution.has_ended() || self.execution.is_paused() && !mutated("pause-ignored-by-timers") {
            return;
        }
        let deadline = self.execution.deadline.filter(|&deadline| deadline <= self.now);
        match deadline {
            Some(deadline) if over_since.is_none_or(|over| deadline < over) => {
                // Nothing is left to fire in one that was over, too late.
                if over_since.is_none() && self.has_timer_due(deadline) {
                    self.fire_timers(deadline);
                }
                if !self.execution.has_ended() {
                    self.time_out_execution();
                }
            }
            _ => self.fire_timers(self.now),
        }
    }

    fn has_timer_due(&self, until: Timestamp) -> bool {
        let due = |state: &StepState| match state {
            StepState::Waiting { until: at } | StepState::RetryDelay { until: at } => *at <= until,
            _ => false,
        };
        self.execution.steps.iter().any(|record| due(&record.state))
    }

    fn fire_timers(&mut self, until: Timestamp) {
        if !self.execution.is_failing() {
            let due_at = |step| match self.execution.step(step).state {
                StepState::Waiting { until } => Some((until, step, ReadyCause::Timer)),
                StepState::RetryDelay { until } => Some((until, step, ReadyCause::Retry)),
                _ => None,
            };
            let until = if mutated("timers-fire-early") { until + Millis::new(1_000) } else { until };
            let mut due: Vec<_> = self.definition.indices().filter_map(due_at).filter(|(at, ..)| *at <= until).collect();
            due.sort_by_key(|(at, step, _)| (*at, *step));
            for (_, step, cause) in due {
                self.push(Event::StepReady { step, cause });
            }
        }
        self.settle();
    }
}
