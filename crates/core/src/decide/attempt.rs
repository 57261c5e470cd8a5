//! What becomes of an attempt: it begins, ends, is lost, or takes too long.

use super::Transition;
use crate::command::Outcome;
use crate::definition::{Backoff, ErrorBranch, OnError, Step, StepIndex};
use crate::event::{AfterFailure, Event, InterruptCause, Payload};
use crate::execution::{Execution, Phase, StepState};
use crate::failure::{Failure, code};
use crate::id::{SessionId, WorkflowId};
use crate::json::Json;
use crate::limits::{self, size};
use crate::mutation::mutated;
use crate::outstanding::is_ready;
use crate::scope::StepScope;
use crate::time::{Millis, Timestamp};

impl Transition<'_> {
    pub(super) fn begin(&mut self, step: StepIndex, session: Option<SessionId>) {
        let Phase::Active { paused: false, failing: None } = self.execution.phase else { return };
        if step.get() >= self.execution.steps.len() || !is_ready(self.definition, self.execution, step) {
            return;
        }
        match self.unresolved_params(step) {
            None => self.start_attempt(step, session),
            Some(failure) => {
                self.fail_for_good(step, None, failure);
                self.settle();
            }
        }
    }

    /// `noop` needs no worker: it is over in the transition in which it becomes ready.
    pub(super) fn run_noop(&mut self, step: StepIndex) {
        if let Some(failure) = self.unresolved_params(step) {
            return self.fail_for_good(step, None, failure);
        }
        self.start_attempt(step, None);
        let attempt = self.execution.step(step).attempts;
        self.push(Event::StepCompleted { step, attempt, output: None });
    }

    fn start_attempt(&mut self, step: StepIndex, session: Option<SessionId>) {
        let attempt = self.execution.step(step).attempts + 1;
        self.push(Event::StepStarted { step, attempt, session });
    }

    /// Why its params cannot be resolved.
    fn unresolved_params(&self, step: StepIndex) -> Option<Failure> {
        let params = self.definition.step(step).params.as_ref().filter(|params| !params.is_literal())?;
        let error = params.resolve(&StepScope::new(self.definition, self.execution, step)).err()?;
        Some(Failure::with_code(code::PARAMS_FAILED, format!("params: {error}")).permanent())
    }

    pub(super) fn finish(&mut self, step: StepIndex, attempt: u32, outcome: Outcome) {
        if !self.is_in_flight(step, attempt) {
            return;
        }
        match outcome {
            Outcome::Completed(output) => match self.too_large(step, output.as_ref()) {
                None => self.push(Event::StepCompleted { step, attempt, output: output.map(Payload::new) }),
                Some(failure) => self.fail_attempt(step, attempt, failure, None),
            },
            Outcome::Failed { failure, retry_after } => self.fail_attempt(step, attempt, failure.bounded(), retry_after),
        }
        self.settle();
    }

    pub(super) fn time_out(&mut self, step: StepIndex, attempt: u32) {
        if !self.is_in_flight(step, attempt) {
            return;
        }
        let message = match self.definition.step(step).timeout {
            Some(timeout) => format!("timed out after {timeout}"),
            None => "timed out".to_owned(),
        };
        self.fail_attempt(step, attempt, Failure::with_code(code::TIMEOUT, message), None);
        self.settle();
    }

    pub(super) fn interrupt(&mut self, step: StepIndex, attempt: u32, cause: InterruptCause) {
        if !self.is_in_flight(step, attempt) {
            return;
        }
        if self.execution.is_failing() {
            self.push(Event::StepCancelled { step });
            return self.settle();
        }
        self.push(Event::StepInterrupted { step, attempt, cause });
        let lost = self.execution.step(step).interruptions;
        if lost >= limits::INTERRUPTIONS_IN_A_ROW_MAX {
            let failure = Failure::with_code(code::WORKER_LOST, format!("its worker was lost {lost} times")).permanent();
            self.fail_for_good(step, None, failure);
        }
        self.settle();
    }

    fn is_in_flight(&self, step: StepIndex, number: u32) -> bool {
        let active = !self.execution.has_ended();
        let record = self.execution.steps.get(step.get());
        active && record.is_some_and(|record| matches!(record.state, StepState::Running { attempt, .. } if attempt == number || mutated("result-of-an-older-attempt")))
    }

    fn too_large(&self, step: StepIndex, output: Option<&Json>) -> Option<Failure> {
        let bytes = output?.len();
        let (limits, id) = (self.surroundings.limits, &self.definition.step(step).id);
        let message = if bytes > limits.payload_bytes_max {
            format!("output of `{id}` is {}, the limit is {}", size(bytes), size(limits.payload_bytes_max))
        } else if self.definition.context.len() + self.execution.bytes + bytes > limits.execution_bytes_max {
            let limit = size(limits.execution_bytes_max);
            format!("output of `{id}` is {}: input, context and outputs of an execution may take {limit} together", size(bytes))
        } else {
            return None;
        };
        Some(Failure::with_code(code::PAYLOAD_TOO_LARGE, message).permanent())
    }

    fn fail_attempt(&mut self, step: StepIndex, attempt: u32, failure: Failure, retry_after: Option<Millis>) {
        let (definition, record) = (self.definition.step(step), self.execution.step(step));
        let failed_before = record.failed_attempts;
        let retries = definition.max_retries + u32::from(mutated("one-retry-too-many"));
        if failure.retryable && failed_before < retries && !self.execution.is_failing() {
            let delay = retry_delay(self.execution, definition, attempt, failed_before + 1);
            let asked = retry_after.map_or(Millis::ZERO, |span| span.min(Millis::new(limits::RETRY_AFTER_MS_MAX.unsigned_abs())));
            let delay = if mutated("retry-delay-ignored") { Millis::ZERO } else { delay };
            let at: Timestamp = self.now + delay.max(asked);
            self.push(Event::StepFailed { step, attempt: Some(attempt), failure, then: AfterFailure::Retry { at } });
            return;
        }
        self.fail_for_good(step, Some(attempt), failure);
    }

    /// `attempt` is none when it failed without one.
    pub(super) fn fail_for_good(&mut self, step: StepIndex, attempt: Option<u32>, failure: Failure) {
        let (failure, then) = self.consequence(step, failure);
        let was_failing = self.execution.is_failing();
        self.push(Event::StepFailed { step, attempt, failure, then });
        if self.execution.is_failing() && !was_failing {
            self.cancel_what_waits();
        }
    }

    /// What `onError` makes of a step's last failure.
    fn consequence(&self, step: StepIndex, failure: Failure) -> (Failure, AfterFailure) {
        if self.execution.is_failing() {
            // Not handled, whatever its `onError`.
            return (failure, AfterFailure::Fail);
        }
        match &self.definition.step(step).on_error {
            OnError::Fail => (self.with_first_failure(step, failure), AfterFailure::Fail),
            OnError::Continue => (failure, AfterFailure::Continue),
            OnError::Branch(ErrorBranch::Step(_)) => (self.with_first_failure(step, failure), AfterFailure::Branch),
            OnError::Branch(ErrorBranch::Workflow(workflow)) => match self.why_no_handler(workflow) {
                None => (failure, AfterFailure::StartHandler { workflow: workflow.clone() }),
                Some(why) => {
                    let message = format!("{} ({why})", failure.message);
                    (self.with_first_failure(step, Failure { message, ..failure }), AfterFailure::Fail)
                }
            },
        }
    }

    /// A target that fails carries the failure that branched to it, below whatever causes its own error names.
    fn with_first_failure(&self, step: StepIndex, mut failure: Failure) -> Failure {
        let branched = crate::scope::branched_to(self.definition, self.execution, step);
        if let Some(first) = branched.and_then(|namer| self.execution.step(namer).failure.clone()) {
            let mut innermost = &mut failure;
            while innermost.cause.is_some() {
                innermost = innermost.cause.as_deref_mut().expect("the loop has just seen it");
            }
            innermost.cause = Some(Box::new(first));
        }
        failure.bounded()
    }

    fn why_no_handler(&self, workflow: &WorkflowId) -> Option<String> {
        if *workflow == self.execution.workflow || self.execution.lineage.contains(workflow) {
            Some(format!("its errorBranch `{workflow}` is among the workflows that led here, so it was not started again"))
        } else if !(self.surroundings.workflow_exists)(workflow) {
            Some(format!("its errorBranch `{workflow}` is neither a step nor a registered workflow"))
        } else {
            None
        }
    }
}

/// How long to wait before retry `n` (1, 2, 3 ...) of a step.
fn retry_delay(execution: &Execution, step: &Step, attempt: u32, n: u32) -> Millis {
    match step.backoff {
        Backoff::Fixed { delay } => delay,
        Backoff::Exponential { delay, delay_max } => {
            let doubled = delay.get().saturating_mul(1_u64.checked_shl(n - 1).unwrap_or(u64::MAX));
            let bounded = if mutated("retry-delay-unbounded") { doubled } else { doubled.min(delay_max.get()) };
            // A factor between 0.5 and 1, so that what failed together does not come back together.
            let spread = jitter(execution, step, attempt);
            Millis::new(bounded - (u128::from(bounded) * u128::from(spread) / (2 * u128::from(u32::MAX))) as u64)
        }
    }
}

/// FNV-1a over what names the attempt: the same on every machine and after every crash.
fn jitter(execution: &Execution, step: &Step, attempt: u32) -> u32 {
    let id = execution.id.to_bytes();
    let bytes = id.iter().chain(step.id.as_str().as_bytes()).chain(&attempt.to_le_bytes()).copied().collect::<Vec<u8>>();
    let hash =
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) as u32
}
