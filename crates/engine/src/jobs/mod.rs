//! Jobs: the same control call for many executions, with what came of each.
//!
//! Which executions is fixed when the job is made; each of them is asked for with a key of the job's own, so that a job that was
//! broken off by a crash goes on without doing anything twice. A job and its items are documents of the store; it runs on the
//! runtime, beside the engine, and has no way to executions but the calls that everybody has.

mod run;
mod select;
mod stored;

pub use stored::is_id;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use workflow_core::id::{Caller, ExecutionId, IdempotencyKey};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use crate::overview::{ExecutionFilter, Summary};

/// More executions than this are several jobs.
pub const MATCHED_MAX: usize = 100_000;
/// Executions that may be named one by one.
pub const NAMED_MAX: usize = 1_000;
/// Of a dry run so many are shown.
const SAMPLE: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobAction {
    Retry,
    Replay,
    Cancel,
    Pause,
    Resume,
}

impl JobAction {
    /// The statuses in which an execution can be moved so.
    pub fn allowed(self) -> &'static [Status] {
        match self {
            JobAction::Retry => &[Status::Failed],
            JobAction::Replay => &[Status::Completed, Status::Failed, Status::Cancelled],
            JobAction::Cancel => &[Status::Pending, Status::Running, Status::Waiting, Status::Paused],
            JobAction::Pause => &[Status::Pending, Status::Running, Status::Waiting],
            JobAction::Resume => &[Status::Paused],
        }
    }
}

/// What a job is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    pub action: JobAction,
    pub which: Which,
    /// Only those that had started, and ended where they have ended, by then.
    pub as_of: Option<Timestamp>,
    /// One first; the others wait to be told to go on.
    pub canary: bool,
    pub key: Option<IdempotencyKey>,
    /// The filter as it was written, to be shown.
    pub shown: Option<workflow_core::json::Json>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    These(Vec<ExecutionId>),
    Filter(Box<ExecutionFilter>),
}

/// What a job would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobPreview {
    pub matched: usize,
    /// The newest of them.
    pub sample: Vec<Summary>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct JobAnswer {
    pub job: Job,
    /// The idempotency key had made it.
    pub existed: bool,
}

/// A job as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub id: String,
    pub action: JobAction,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Caller>,
    pub as_of: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<workflow_core::json::Json>,
    pub status: JobStatus,
    pub matched: usize,
    pub done: usize,
    pub failed: usize,
    pub skipped: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// It waits after the first one, or will. Not any more once it was told to go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary_first: bool,
    /// What came of the one that was first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<JobItem>,
    /// A second, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    Running,
    /// The first one is through; the others wait to be told to go on.
    Waiting,
    Stopped,
    Completed,
}

impl JobStatus {
    pub fn is_over(self) -> bool {
        matches!(self, JobStatus::Stopped | JobStatus::Completed)
    }
}

/// What came of one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobItem {
    pub execution_id: ExecutionId,
    pub outcome: JobOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The one that a replay started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_execution_id: Option<ExecutionId>,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobOutcome {
    Done,
    Failed,
    /// It was not in a state for it any more, or gone.
    Skipped,
}

impl FromStr for JobOutcome {
    type Err = String;

    fn from_str(text: &str) -> Result<JobOutcome, String> {
        match text {
            "done" => Ok(JobOutcome::Done),
            "failed" => Ok(JobOutcome::Failed),
            "skipped" => Ok(JobOutcome::Skipped),
            other => Err(format!("`{}` is none of `done`, `failed`, `skipped`", other.escape_debug())),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    pub jobs: Vec<Job>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobItemPage {
    pub items: Vec<JobItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Jobs that this engine runs, or has run.
#[derive(Debug, Default)]
pub struct Jobs {
    live: Mutex<BTreeMap<String, Live>>,
    /// One is made at a time, so that a key makes one.
    pub making: tokio::sync::Mutex<()>,
}

/// One that runs or waits.
#[derive(Debug)]
struct Live {
    job: watch::Sender<Job>,
    /// What whoever watches over it wants.
    wanted: watch::Sender<Wanted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    GoOn,
    Stop,
    /// Another engine runs it from now on.
    LetGo,
}

impl Jobs {
    fn live(&self) -> MutexGuard<'_, BTreeMap<String, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
