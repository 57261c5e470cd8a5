//! What happened within an hour to the executions of one version: what is kept of it, as a document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use workflow_core::definition::{Definition, StepIndex};
use workflow_core::failure::Failure;
use workflow_core::fingerprint::{Fingerprint, template};
use workflow_core::id::{ExecutionId, Version, WorkflowId};
use workflow_core::time::Timestamp;

use super::histogram::Histogram;

pub const HOUR_MS: i64 = 3_600_000;
pub const FIVE_MINUTES_MS: i64 = 300_000;
/// Hours that are kept: 30 days.
pub const HOURS_KEPT: i64 = 30 * 24;
/// Kinds of failures of one hour that are told apart; a system that fails in new words each time has told enough by then.
const FAILURES_MAX: usize = 100;
pub const MESSAGE_CHARS_MAX: usize = 500;
const STACK_CHARS_MAX: usize = 2_000;

/// The kind of the documents that hold [`Hour`]s, and of those that hold [`Failures`].
pub const STATISTICS: &str = "statistics";
pub const FAILURES: &str = "failures";

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Hour {
    pub started: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Of twelve times five minutes: started, failed.
    pub parts: [(u64, u64); 12],
    /// How long those took that completed or failed.
    pub took: Histogram,
    /// By the place of the step in the definition.
    pub steps: BTreeMap<usize, StepHour>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StepHour {
    pub completed: u64,
    /// For good.
    pub failed: u64,
    /// Failed, and tried again.
    pub retried: u64,
    pub skipped: u64,
    /// Attempts, from their beginning to their end.
    pub took: Histogram,
    /// First attempts, from when only a worker was missing to their beginning.
    pub queued: Histogram,
}

/// Failures of attempts, by what they have in common.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(pub BTreeMap<String, FailureHour>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureHour {
    pub template: String,
    pub code: Option<String>,
    /// Of the newest.
    pub message: String,
    pub stack: Option<String>,
    pub execution: ExecutionId,
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: u64,
    pub parts: [u64; 12],
    /// By step; what the execution itself failed with has none.
    pub steps: BTreeMap<String, u64>,
}

/// In which five minutes of its hour.
pub fn part(at: Timestamp) -> usize {
    usize::try_from(at.millis().rem_euclid(HOUR_MS) / FIVE_MINUTES_MS).expect("it is below 12")
}

pub fn hour_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR_MS)
}

/// The key of a document: of a version, an hour, and a life of the engine, since each begins to count anew.
pub fn key(workflow: &WorkflowId, version: Version, hour: i64, life: &str) -> String {
    format!("{}{:010}/{life}", prefix(workflow, version), hour.max(0))
}

pub fn prefix(workflow: &WorkflowId, version: Version) -> String {
    format!("{workflow}/{:010}/", version.0)
}

/// The hour in a key.
pub fn hour_in(key: &str) -> Option<i64> {
    key.rsplit('/').nth(1)?.parse().ok()
}

impl Failures {
    pub fn note(&mut self, definition: &Definition, id: ExecutionId, step: Option<StepIndex>, failure: &Failure, at: Timestamp) {
        let cut = |text: &str, max| text.chars().take(max).collect::<String>();
        let template = template(&failure.message);
        let fingerprint = Fingerprint::of(&template).to_string();
        if self.0.len() >= FAILURES_MAX && !self.0.contains_key(&fingerprint) {
            return;
        }
        let new = || FailureHour {
            template,
            code: None,
            message: String::new(),
            stack: None,
            execution: id,
            first: at,
            last: at,
            count: 0,
            parts: [0; 12],
            steps: BTreeMap::new(),
        };
        let kept = self.0.entry(fingerprint).or_insert_with(new);
        kept.code.clone_from(&failure.code);
        kept.message = cut(&failure.message, MESSAGE_CHARS_MAX);
        kept.stack = failure.stack.as_deref().map(|stack| cut(stack, STACK_CHARS_MAX));
        (kept.execution, kept.last) = (id, kept.last.max(at));
        kept.count += 1;
        kept.parts[part(at)] += 1;
        let step = step.map_or_else(String::new, |step| definition.step(step).id.to_string());
        *kept.steps.entry(step).or_default() += 1;
    }
}

impl Hour {
    pub fn add(&mut self, other: &Hour) {
        self.started += other.started;
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        for (ours, theirs) in self.parts.iter_mut().zip(other.parts) {
            *ours = (ours.0 + theirs.0, ours.1 + theirs.1);
        }
        self.took.add(&other.took);
        for (step, theirs) in &other.steps {
            self.steps.entry(*step).or_default().add(theirs);
        }
    }
}

impl StepHour {
    pub fn add(&mut self, other: &StepHour) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.retried += other.retried;
        self.skipped += other.skipped;
        self.took.add(&other.took);
        self.queued.add(&other.queued);
    }
}
