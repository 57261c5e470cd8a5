//! Whether a history is one that `docs/semantics.md` allows: written from there, and from nothing that decides.
//!
//! It sees a definition and events, transition by transition. What the core keeps of an execution it does not look at.

use workflow_core::definition::{Definition, ErrorBranch, OnError, Step, StepIndex};
use workflow_core::event::{AfterFailure, Event, ReadyCause, Recorded, SkipCause};
use workflow_core::time::Timestamp;

/// What the entries so far say of a step.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    /// Never considered, or reset by `retry` to be considered again.
    Nothing,
    Waiting(Timestamp),
    Ready,
    Flying(u32),
    Delayed(Timestamp),
    Completed,
    /// It failed, and nobody handled it.
    Failed,
    Continued,
    Branched,
    Skipped,
    /// With the due time of the wait that ran.
    Cancelled(Option<Timestamp>),
}

#[derive(Debug, Clone, Default)]
struct Tally {
    attempts: u32,
    failures: u32,
    interruptions: u32,
    /// Its wait is over, or must not be done again.
    waited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Course {
    Going,
    Completed,
    Failed,
    Cancelled,
}

/// The reading of one history so far.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    definition: &'a Definition,
    steps: Vec<(Seen, Tally)>,
    course: Course,
    paused: bool,
    failing: bool,
    /// It began to fail in this transition.
    fails_now: bool,
    deadline: Option<Timestamp>,
    seq: u64,
}

impl<'a> Reading<'a> {
    pub fn new(definition: &'a Definition) -> Reading<'a> {
        Reading {
            definition,
            steps: vec![(Seen::Nothing, Tally::default()); definition.steps.len()],
            course: Course::Going,
            paused: false,
            failing: false,
            fails_now: false,
            deadline: None,
            seq: 0,
        }
    }

    /// Reads what one commit adds. An error says what is not allowed.
    pub fn read(&mut self, transition: &[Recorded]) -> Result<(), String> {
        self.fails_now = false;
        for (place, recorded) in transition.iter().enumerate() {
            let rest = &transition[place + 1..];
            self.entry(recorded, rest).map_err(|rule| format!("{recorded:?} is not allowed: {rule}"))?;
        }
        self.nothing_is_left_undone()
    }

    fn entry(&mut self, recorded: &Recorded, rest: &[Recorded]) -> Result<(), String> {
        self.seq += 1;
        ensure(recorded.seq == self.seq, "seq goes on without a gap")?;
        match &recorded.event {
            Event::Started(started) => {
                ensure(self.seq == 1, "an execution starts once")?;
                self.deadline = started.deadline;
                return Ok(());
            }
            _ => ensure(self.seq > 1, "the first entry is the start")?,
        }
        if let Event::Retried { reset, deadline, .. } = &recorded.event {
            return self.retried(reset, *deadline);
        }
        ensure(self.course == Course::Going, "an ended history grows by retry only")?;
        match &recorded.event {
            Event::Started(_) | Event::Retried { .. } => unreachable!("handled above"),
            Event::Paused { .. } => {
                ensure(!self.paused, "only what is not paused is paused")?;
                self.paused = true;
                Ok(())
            }
            Event::Resumed { .. } => {
                ensure(self.paused, "only what is paused is resumed")?;
                self.paused = false;
                Ok(())
            }
            Event::Cancelled { .. } => {
                ensure(!self.any(|seen| matches!(seen, Seen::Flying(_))), "what is in flight is cancelled first")?;
                self.course = Course::Cancelled;
                Ok(())
            }
            Event::Completed => {
                ensure(!self.paused && !self.failing, "it completes neither paused nor failing")?;
                ensure(self.steps.iter().all(|(seen, _)| lets_others_go_on(seen)), "all steps have ended")?;
                self.course = Course::Completed;
                Ok(())
            }
            Event::Failed { .. } => {
                let timed_out = self.deadline.is_some_and(|deadline| deadline <= recorded.at);
                ensure(!self.paused, "it does not fail under a pause")?;
                ensure(self.failing || timed_out, "it fails for a step or for its timeout")?;
                ensure(!self.any(|seen| matches!(seen, Seen::Flying(_))), "nothing is in flight at the end")?;
                self.course = Course::Failed;
                Ok(())
            }
            event => self.of_step(event, recorded.at, rest),
        }
    }

    fn retried(&mut self, reset: &[StepIndex], deadline: Option<Timestamp>) -> Result<(), String> {
        ensure(self.course == Course::Failed, "only what has failed is retried")?;
        let is_reset = |(seen, _): &(Seen, Tally)| matches!(seen, Seen::Failed | Seen::Cancelled(_));
        let expected: Vec<StepIndex> = self.definition.indices().filter(|step| is_reset(&self.steps[step.get()])).collect();
        ensure(reset == expected, "what failed unhandled or was cancelled is reset, and nothing else")?;
        for step in reset {
            let (seen, tally) = &mut self.steps[step.get()];
            *seen = match seen {
                Seen::Cancelled(Some(until)) => Seen::Waiting(*until),
                Seen::Cancelled(None) => Seen::Ready,
                _ => Seen::Nothing,
            };
            *tally = Tally { attempts: tally.attempts, waited: tally.waited || *seen == Seen::Nothing, ..Tally::default() };
        }
        (self.course, self.failing, self.paused, self.deadline) = (Course::Going, false, false, deadline);
        Ok(())
    }

    fn of_step(&mut self, event: &Event, at: Timestamp, rest: &[Recorded]) -> Result<(), String> {
        let index = event.step().expect("the events of the execution itself are handled");
        let step = self.definition.step(index);
        let may_begin = !self.paused && !self.failing;
        let (before, tally) = self.steps[index.get()].clone();
        let after = match event {
            Event::StepReady { cause, .. } => {
                ensure(may_begin, "nothing becomes ready under a pause or while failing")?;
                match (cause, &before) {
                    (ReadyCause::Condition(_), Seen::Nothing) => {
                        ensure(self.runs(index) && step.condition.is_some(), "its condition was due")?;
                        ensure(step.wait.is_none() || tally.waited, "its wait comes first")?;
                    }
                    (ReadyCause::Timer, Seen::Waiting(until)) | (ReadyCause::Retry, Seen::Delayed(until)) => {
                        ensure(*until <= at, "a timer never fires early")?;
                    }
                    (ReadyCause::RunNow { .. }, Seen::Delayed(_)) => {}
                    _ => return Err(format!("it was {before:?}")),
                }
                Seen::Ready
            }
            Event::WaitBegan { until, receipt, .. } => {
                ensure(may_begin && before == Seen::Nothing && self.runs(index), "it was to be considered")?;
                ensure(step.wait.is_some_and(|wait| at + wait == *until) && !tally.waited, "it waits once, from now")?;
                ensure(receipt.is_some() == step.condition.is_some(), "its condition comes before its wait")?;
                Seen::Waiting(*until)
            }
            Event::StepStarted { attempt, .. } => {
                ensure(may_begin && self.is_ready(index), "only a ready step begins")?;
                ensure(*attempt == tally.attempts + 1, "numbers of attempts go on")?;
                self.steps[index.get()].1.attempts = *attempt;
                Seen::Flying(*attempt)
            }
            Event::StepCompleted { attempt, .. } => {
                ensure(before == Seen::Flying(*attempt), "only the attempt in flight has a result")?;
                self.steps[index.get()].1.interruptions = 0;
                Seen::Completed
            }
            Event::StepInterrupted { attempt, .. } => {
                ensure(before == Seen::Flying(*attempt) && !self.failing, "only an attempt in flight is interrupted")?;
                self.steps[index.get()].1.interruptions += 1;
                Seen::Ready
            }
            Event::StepSkipped { cause, .. } => {
                ensure(may_begin && before == Seen::Nothing, "it was to be considered")?;
                ensure(self.is_skipped(index, cause), "it is skipped for that")?;
                Seen::Skipped
            }
            Event::StepCancelled { .. } => {
                let ends = rest.iter().any(|next| matches!(next.event, Event::Failed { .. } | Event::Cancelled { .. }));
                ensure(self.failing || ends, "only an execution that fails or is cancelled cancels steps")?;
                let waits = !matches!(before, Seen::Flying(_));
                ensure(!waits || self.fails_now || !self.failing, "what waits is cancelled when it begins to fail, not later")?;
                match before {
                    Seen::Waiting(until) => Seen::Cancelled(Some(until)),
                    Seen::Ready | Seen::Flying(_) | Seen::Delayed(_) => Seen::Cancelled(None),
                    Seen::Nothing if self.runs(index) && !asks_or_waits(step, &tally) => Seen::Cancelled(None),
                    other => return Err(format!("it was {other:?}")),
                }
            }
            Event::StepFailed { attempt, failure, then, .. } => self.failed(index, *attempt, failure.retryable, then, at)?,
            other => return Err(format!("{other:?} is about no step")),
        };
        let (seen, tally) = &mut self.steps[index.get()];
        *seen = after;
        tally.waited |= matches!(event, Event::StepReady { .. });
        Ok(())
    }

    fn failed(
        &mut self,
        index: StepIndex,
        attempt: Option<u32>,
        retryable: bool,
        then: &AfterFailure,
        at: Timestamp,
    ) -> Result<Seen, String> {
        let step = self.definition.step(index);
        let (before, tally) = &mut self.steps[index.get()];
        match (attempt, &before) {
            (Some(attempt), Seen::Flying(flying)) => {
                ensure(attempt == *flying, "only the attempt in flight fails")?;
                tally.failures += 1;
                tally.interruptions = 0;
            }
            (None, Seen::Ready | Seen::Nothing) => ensure(!retryable, "what failed without an attempt is never retried")?,
            _ => return Err(format!("it was {before:?}")),
        }
        let left = attempt.is_some() && retryable && tally.failures <= step.max_retries && !self.failing;
        match (then, &step.on_error) {
            (AfterFailure::Retry { at: until }, _) => {
                ensure(left && *until >= at, "it has attempts left")?;
                return Ok(Seen::Delayed(*until));
            }
            _ if left => return Err("it has attempts left".to_owned()),
            (AfterFailure::Fail, _) if self.failing => {}
            (AfterFailure::Fail, OnError::Fail | OnError::Branch(ErrorBranch::Workflow(_))) => {
                (self.failing, self.fails_now) = (true, true);
            }
            (AfterFailure::Continue, OnError::Continue) if !self.failing => return Ok(Seen::Continued),
            (AfterFailure::Branch, OnError::Branch(ErrorBranch::Step(_)))
            | (AfterFailure::StartHandler { .. }, OnError::Branch(ErrorBranch::Workflow(_)))
                if !self.failing =>
            {
                return Ok(Seen::Branched);
            }
            (then, on_error) => return Err(format!("{then:?} does not follow from {on_error:?}")),
        }
        Ok(Seen::Failed)
    }

    /// Steps that only lack a worker.
    pub fn ready(&self) -> Vec<StepIndex> {
        let open = self.course == Course::Going && !self.paused && !self.failing;
        self.definition.indices().filter(|&step| open && self.is_ready(step)).collect()
    }

    /// After a transition everything that follows has been taken.
    fn nothing_is_left_undone(&self) -> Result<(), String> {
        if self.course != Course::Going || self.paused {
            return Ok(());
        }
        if self.failing {
            return ensure(self.any(|seen| matches!(seen, Seen::Flying(_))), "a failing execution without attempts has failed");
        }
        ensure(!self.steps.iter().all(|(seen, _)| lets_others_go_on(seen)), "all steps have ended: it is completed")?;
        for step in self.definition.indices() {
            let (seen, tally) = &self.steps[step.get()];
            let considered = *seen != Seen::Nothing || self.runs(step) && !asks_or_waits(self.definition.step(step), tally);
            let due = self.runs(step)
                || [SkipCause::Dependencies, SkipCause::NotBranchedTo].iter().any(|cause| self.is_skipped(step, cause));
            ensure(considered || !due, &format!("step {step:?} was not considered"))?;
            ensure(!(self.definition.step(step).action.is_noop() && self.is_ready(step)), "noop needs no worker")?;
        }
        Ok(())
    }

    fn any(&self, holds: impl Fn(&Seen) -> bool) -> bool {
        self.steps.iter().any(|(seen, _)| holds(seen))
    }

    fn seen(&self, step: StepIndex) -> &Seen {
        &self.steps[step.get()].0
    }

    fn is_ready(&self, step: StepIndex) -> bool {
        let (seen, tally) = &self.steps[step.get()];
        match seen {
            Seen::Ready => true,
            Seen::Nothing => self.runs(step) && !asks_or_waits(self.definition.step(step), tally),
            _ => false,
        }
    }

    /// Whether the graph lets the step run, as far as it has not been considered yet.
    fn runs(&self, step: StepIndex) -> bool {
        let step = self.definition.step(step);
        let ended = step.depends_on.iter().all(|&before| lets_others_go_on(self.seen(before)));
        if step.named_by.is_empty() {
            ended && !self.all_skipped(step)
        } else {
            ended && step.named_by.iter().any(|&namer| *self.seen(namer) == Seen::Branched)
        }
    }

    fn all_skipped(&self, step: &Step) -> bool {
        let skipped = |&before: &StepIndex| matches!(self.seen(before), Seen::Skipped | Seen::Branched);
        !step.depends_on.is_empty() && step.depends_on.iter().all(skipped)
    }

    fn is_skipped(&self, index: StepIndex, cause: &SkipCause) -> bool {
        let step = self.definition.step(index);
        match cause {
            SkipCause::Dependencies => step.named_by.is_empty() && self.all_skipped(step),
            SkipCause::Condition(_) => self.runs(index) && step.condition.is_some(),
            SkipCause::NotBranchedTo => {
                let over = |&namer: &StepIndex| lets_others_go_on(self.seen(namer)) && *self.seen(namer) != Seen::Branched;
                let ended = step.depends_on.iter().all(|&before| lets_others_go_on(self.seen(before)));
                !step.named_by.is_empty() && ended && step.named_by.iter().all(over)
            }
        }
    }
}

fn asks_or_waits(step: &Step, tally: &Tally) -> bool {
    step.condition.is_some() || step.wait.is_some() && !tally.waited
}

fn lets_others_go_on(seen: &Seen) -> bool {
    matches!(seen, Seen::Completed | Seen::Continued | Seen::Branched | Seen::Skipped)
}

fn ensure(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}
