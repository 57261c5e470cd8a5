//! Why an execution is where it is: what a person, the list and the command line are told, in one place.
//!
//! A pure function of the execution and of what the engine knows at the moment (who provides what, how long steps usually take).
//! It makes no sentences: whoever shows reasons does, from one grammar.

use serde::Serialize;

use crate::definition::{Definition, Step, StepIndex};
use crate::execution::{Execution, Phase, StepState};
use crate::id::{ActionName, Caller, SessionId, StepId};
use crate::outstanding::is_ready;
use crate::time::{Millis, Timestamp};

/// What one step, or all of the execution, waits for or does. Only the fields that its kind has are there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    pub kind: ReasonKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<StepId>,
    /// Since when it is so.
    pub since: Timestamp,
    /// When time alone ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The number of the attempt that runs, or of the one that is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Attempts that have failed so far; none when none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// Who paused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Caller>,
    /// The message of the newest failure of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the attempt runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<SessionId>,
    /// 95 of 100 attempts of the step took less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    /// It has run for longer than that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub slow: bool,
}

/// In the order in which they matter to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasonKind {
    /// A person has paused it.
    Paused,
    /// Nobody provides the action of a step that is ready.
    Worker,
    /// A step failed, and is tried again at a certain time.
    Retry,
    /// An attempt runs.
    Running,
    /// Everybody who provides the action is busy.
    Limit,
    /// A `wait` runs.
    Timer,
}

/// What only the engine knows, and only of this moment.
pub trait Moment {
    fn now(&self) -> Timestamp;
    /// Whether anybody provides the action.
    fn is_provided(&self, action: &ActionName) -> bool;
    /// How long 95 of 100 attempts of the step take, where that is known.
    fn p95(&self, step: StepIndex) -> Option<Millis>;
}

/// Everything that an execution waits for or does, what matters most first. None of one that has ended.
pub fn reasons(definition: &Definition, execution: &Execution, moment: &dyn Moment) -> Vec<Reason> {
    let Phase::Active { paused, failing } = &execution.phase else { return Vec::new() };
    let mut reasons = Vec::new();
    if *paused {
        let pause = execution.pause.as_ref();
        let since = pause.map_or(execution.updated_at, |pause| pause.since);
        reasons.push(Reason { by: pause.and_then(|pause| pause.by.clone()), ..Reason::new(ReasonKind::Paused, since) });
    }
    for step in definition.indices() {
        reasons.extend(of_step(definition, execution, step, *paused || failing.is_some(), moment));
    }
    // Stable: within a kind in the order of the definition.
    reasons.sort_by_key(|reason| (rank(reason), reason.until));
    reasons
}

/// What runs for longer than usual comes before the rest of what runs.
fn rank(reason: &Reason) -> (ReasonKind, bool) {
    (reason.kind, !reason.slow)
}

fn of_step(definition: &Definition, execution: &Execution, step: StepIndex, held: bool, moment: &dyn Moment) -> Option<Reason> {
    let record = execution.step(step);
    let of = definition.step(step);
    let since = record.since.unwrap_or_else(|| ready_since(definition, execution, of));
    let reason = match &record.state {
        StepState::Waiting { until } => Reason { until: Some(*until), ..Reason::new(ReasonKind::Timer, since) },
        StepState::RetryDelay { until } => {
            let next = record.attempts.saturating_add(1);
            Reason { until: Some(*until), attempt: Some(next), ..Reason::new(ReasonKind::Retry, since) }
        }
        StepState::Running { attempt, since, session } => {
            let p95 = moment.p95(step);
            let slow = p95.is_some_and(|p95| moment.now().since(*since) > p95);
            let reason = Reason::new(ReasonKind::Running, *since);
            Reason { attempt: Some(*attempt), worker: session.clone(), p95_ms: p95.map(Millis::get), slow, ..reason }
        }
        StepState::Pending | StepState::Ready if !held && is_ready(definition, execution, step) => {
            let kind = if moment.is_provided(&of.action) { ReasonKind::Limit } else { ReasonKind::Worker };
            Reason { attempt: Some(record.attempts.saturating_add(1)), ..Reason::new(kind, since) }
        }
        StepState::Pending
        | StepState::Ready
        | StepState::Completed { .. }
        | StepState::Failed { .. }
        | StepState::Skipped
        | StepState::Cancelled { .. } => return None,
    };
    let is_timer = reason.kind == ReasonKind::Timer;
    Some(Reason {
        step_id: Some(of.id.clone()),
        max_attempts: (!is_timer).then(|| of.max_retries.saturating_add(1)),
        failed_attempts: Some(record.failed_attempts).filter(|failed| *failed > 0),
        action: (!is_timer).then(|| of.action.clone()),
        error: record.failure.as_ref().map(|failure| failure.message.clone()),
        ..reason
    })
}

/// When a step that no event made ready became so: with the end of the last one that it depends on.
pub fn ready_since(definition: &Definition, execution: &Execution, step: &Step) -> Timestamp {
    let before = step.depends_on.iter().chain(&step.named_by);
    debug_assert!(definition.steps.len() == execution.steps.len());
    before.filter_map(|&before| execution.step(before).ended_at).max().unwrap_or(execution.started_at).max(execution.started_at)
}

impl Reason {
    fn new(kind: ReasonKind, since: Timestamp) -> Reason {
        Reason {
            kind,
            step_id: None,
            since,
            until: None,
            attempt: None,
            max_attempts: None,
            failed_attempts: None,
            action: None,
            by: None,
            error: None,
            worker: None,
            p95_ms: None,
            slow: false,
        }
    }
}

/// How many steps there are, and how they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct StepCounts {
    pub total: u32,
    pub completed: u32,
    pub failed: u32,
    pub skipped: u32,
    pub running: u32,
    /// For a timer, a retry or a worker.
    pub waiting: u32,
}

pub fn step_counts(definition: &Definition, execution: &Execution) -> StepCounts {
    let mut counts = StepCounts { total: u32::try_from(definition.steps.len()).unwrap_or(u32::MAX), ..StepCounts::default() };
    for step in definition.indices() {
        match execution.step(step).state {
            StepState::Completed { .. } => counts.completed += 1,
            StepState::Failed { .. } => counts.failed += 1,
            StepState::Skipped => counts.skipped += 1,
            StepState::Running { .. } => counts.running += 1,
            StepState::Waiting { .. } | StepState::RetryDelay { .. } | StepState::Ready => counts.waiting += 1,
            StepState::Pending => {
                let open = !execution.has_ended() && !execution.is_failing();
                counts.waiting += u32::from(open && is_ready(definition, execution, step));
            }
            StepState::Cancelled { .. } => {}
        }
    }
    counts
}

/// The step that failed and is tried again, whose failure is the newest. None when there is none, or none any more.
pub fn retried(execution: &Execution) -> Option<StepIndex> {
    if execution.has_ended() || execution.is_failing() {
        return None;
    }
    let steps = (0..).map(StepIndex::new).zip(&execution.steps);
    let retried = steps.filter(|(_, record)| record.failure.is_some() && !record.has_ended());
    retried.max_by_key(|(step, record)| (record.since, std::cmp::Reverse(*step))).map(|(step, _)| step)
}
