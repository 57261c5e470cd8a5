//! What people ask for: pause, resume, cancel, retry, run now (SPEC §5).

use super::Transition;
use crate::definition::StepIndex;
use crate::event::{Event, ReadyCause};
use crate::execution::{Handling, Phase, StepState};
use crate::id::{Caller, IdempotencyKey};
use crate::mutation::mutated;
use crate::outstanding::status;
use crate::refusal::{Control, Refusal};

impl Transition<'_> {
    pub(super) fn pause(&mut self, key: Option<IdempotencyKey>, by: Option<Caller>) -> Result<(), Refusal> {
        if self.is_repeated(key.as_ref(), Control::Pause) {
            return Ok(());
        }
        match self.execution.phase {
            Phase::Active { paused: false, .. } => {
                self.push(Event::Paused { key, by });
                Ok(())
            }
            _ => Err(self.invalid_state(Control::Pause)),
        }
    }

    pub(super) fn resume(&mut self, key: Option<IdempotencyKey>, by: Option<Caller>) -> Result<(), Refusal> {
        if self.is_repeated(key.as_ref(), Control::Resume) {
            return Ok(());
        }
        match self.execution.phase {
            Phase::Active { paused: true, .. } => {
                let over_since = self.settled_at();
                self.push(Event::Resumed { key, by });
                self.catch_up(over_since);
                Ok(())
            }
            _ => Err(self.invalid_state(Control::Resume)),
        }
    }

    pub(super) fn cancel(&mut self, key: Option<IdempotencyKey>, by: Option<Caller>) -> Result<(), Refusal> {
        if self.is_repeated(key.as_ref(), Control::Cancel) {
            return Ok(());
        }
        if self.execution.has_ended() {
            return Err(self.invalid_state(Control::Cancel));
        }
        self.cancel_steps();
        self.push(Event::Cancelled { key, by });
        Ok(())
    }

    pub(super) fn retry(&mut self, key: Option<IdempotencyKey>, by: Option<Caller>) -> Result<(), Refusal> {
        if self.is_repeated(key.as_ref(), Control::Retry) {
            return Ok(());
        }
        let Phase::Failed { .. } = &self.execution.phase else { return Err(self.invalid_state(Control::Retry)) };
        if self.is_history_full() {
            return Err(Refusal::HistoryFull { execution: self.execution.id });
        }
        let unhandled = |state: &StepState| match state {
            StepState::Failed { handling, .. } => *handling == Handling::Unhandled,
            state => matches!(state, StepState::Cancelled { .. }),
        };
        let steps = self.definition.indices();
        let reset = steps.filter(|&step| unhandled(&self.execution.step(step).state)).collect();
        let deadline = self.definition.timeout.map(|timeout| self.now + timeout);
        self.push(Event::Retried { reset, deadline, key, by });
        self.wake();
        Ok(())
    }

    pub(super) fn run_now(&mut self, step: StepIndex, key: Option<IdempotencyKey>, by: Option<Caller>) -> Result<(), Refusal> {
        if self.is_repeated(key.as_ref(), Control::RunNow) {
            return Ok(());
        }
        let Phase::Active { paused: false, .. } = self.execution.phase else { return Err(self.invalid_state(Control::RunNow)) };
        if !matches!(self.execution.step(step).state, StepState::RetryDelay { .. }) {
            let step = self.definition.step(step).id.clone();
            return Err(Refusal::NotWaitingForRetry { execution: self.execution.id, step });
        }
        self.push(Event::StepReady { step, cause: ReadyCause::RunNow { key, by } });
        self.settle();
        Ok(())
    }

    /// Whether a control call with this key has been obeyed. A key that was used for another call counts as new.
    fn is_repeated(&self, key: Option<&IdempotencyKey>, control: Control) -> bool {
        key.filter(|_| !mutated("control-key-ignored"))
            .is_some_and(|key| self.execution.control_keys.iter().any(|(used, used_for)| used == key && *used_for == control))
    }

    fn invalid_state(&self, action: Control) -> Refusal {
        Refusal::InvalidState { action, execution: self.execution.id, status: status(self.definition, self.execution) }
    }
}
