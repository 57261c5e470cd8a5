//! Which step runs when (SPEC §3).

use super::Transition;
use crate::definition::{Definition, StepIndex};
use crate::event::{Event, ReadyCause, Receipt, SkipCause};
use crate::execution::{Execution, Phase, StepState};
use crate::failure::{Failure, code};
use crate::mutation::mutated;
use crate::outstanding::is_ready;
use crate::scope::StepScope;
use crate::time::Timestamp;

/// What the graph alone says about a step that has not been considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Something before it has not ended.
    NotYet,
    /// All of its dependencies were skipped.
    SkippedWithDependencies,
    /// A target that nobody branched to, and nobody will.
    NotBranchedTo,
    /// Its condition decides, then its `wait` runs, then it is ready.
    Runs,
}

pub(crate) fn verdict(definition: &Definition, execution: &Execution, step: StepIndex) -> Verdict {
    let step = definition.step(step);
    let ended = |steps: &[StepIndex]| steps.iter().all(|&step| execution.step(step).lets_others_go_on());
    // Of a target too, whatever becomes of it: what comes after it sees all of its ancestors, so they must have ended by then.
    let early = mutated("target-skipped-early") && step.is_target() && ended(&step.named_by);
    if !ended(&step.depends_on) && !early {
        return Verdict::NotYet;
    }
    if step.is_target() {
        return if step.named_by.iter().any(|&namer| has_branched(execution, namer)) {
            Verdict::Runs
        } else if ended(&step.named_by) {
            Verdict::NotBranchedTo
        } else {
            Verdict::NotYet
        };
    }
    if !step.depends_on.is_empty() && step.depends_on.iter().all(|&step| execution.step(step).counts_as_skipped()) {
        Verdict::SkippedWithDependencies
    } else {
        Verdict::Runs
    }
}

/// Whether the step failed and branched. (To which target is in the definition.)
pub(crate) fn has_branched(execution: &Execution, step: StepIndex) -> bool {
    use crate::execution::Handling::Branched;
    matches!(execution.step(step).state, StepState::Failed { handling: Branched, .. })
}

impl Transition<'_> {
    /// Takes everything that follows from what is there now.
    pub(super) fn settle(&mut self) {
        if self.end_full_history() {
            return;
        }
        match &self.execution.phase {
            Phase::Completed { .. } | Phase::Failed { .. } | Phase::Cancelled { .. } => {}
            Phase::Active { failing: Some(_), .. } => self.settle_failing(),
            Phase::Active { paused: true, .. } => {}
            Phase::Active { paused: false, failing: None } => self.settle_running(),
        }
    }

    fn settle_running(&mut self) {
        let definition = self.definition;
        loop {
            let before = self.events.len();
            for step in definition.indices() {
                self.consider(step);
                if self.execution.is_failing() {
                    return self.settle_failing();
                }
                if self.end_full_history() {
                    return;
                }
            }
            if self.events.len() == before {
                break;
            }
        }
        if self.execution.steps.iter().all(|record| record.has_ended()) {
            self.push(Event::Completed);
        }
    }

    fn consider(&mut self, step: StepIndex) {
        let definition = self.definition;
        if matches!(self.execution.step(step).state, StepState::Pending) {
            match verdict(definition, self.execution, step) {
                Verdict::NotYet => return,
                Verdict::SkippedWithDependencies => {
                    return self.push(Event::StepSkipped { step, cause: SkipCause::Dependencies });
                }
                Verdict::NotBranchedTo => return self.push(Event::StepSkipped { step, cause: SkipCause::NotBranchedTo }),
                Verdict::Runs => self.open(step),
            }
        }
        if definition.step(step).action.is_noop() && is_ready(definition, self.execution, step) {
            self.run_noop(step);
        }
    }

    /// The condition, then the `wait`.
    fn open(&mut self, step: StepIndex) {
        let definition = self.definition.step(step);
        let mut receipt = None;
        if let Some(condition) = &definition.condition {
            let scope = StepScope::new(self.definition, self.execution, step);
            match condition.evaluate(&scope) {
                Err(error) => {
                    let message = format!("condition `{}`: {error}", condition.source());
                    let failure = Failure::with_code(code::CONDITION_FAILED, message).permanent();
                    return self.fail_for_good(step, None, failure);
                }
                Ok(evaluation) => {
                    let holds = evaluation.value.truthy();
                    let given = Receipt::new(condition.source(), evaluation);
                    if !holds {
                        return self.push(Event::StepSkipped { step, cause: SkipCause::Condition(given) });
                    }
                    receipt = Some(given);
                }
            }
        }
        let wait = definition.wait.filter(|_| !self.execution.step(step).wait_done);
        match (wait, receipt) {
            (Some(wait), receipt) => {
                let until = self.now + wait;
                self.push(Event::WaitBegan { step, until, receipt });
                if until <= self.now {
                    self.push(Event::StepReady { step, cause: ReadyCause::Timer });
                }
            }
            (None, Some(receipt)) => self.push(Event::StepReady { step, cause: ReadyCause::Condition(receipt) }),
            // Ready, and the earlier entries say so.
            (None, None) => {}
        }
    }

    /// When everything had ended, for an execution that could not complete or fail because it was paused.
    pub(super) fn settled_at(&self) -> Option<Timestamp> {
        let steps = &self.execution.steps;
        let failing = self.execution.is_failing();
        let in_flight = |state: &StepState| matches!(state, StepState::Running { .. });
        let over =
            if failing { !steps.iter().any(|step| in_flight(&step.state)) } else { steps.iter().all(|step| step.has_ended()) };
        if over { steps.iter().filter_map(|step| step.ended_at).max() } else { None }
    }
}
