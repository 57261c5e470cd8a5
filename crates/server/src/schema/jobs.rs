//! Jobs and what came of them.

#![expect(dead_code, clippy::large_enum_variant, reason = "these types are shapes: only their schemas are used")]

use utoipa::ToSchema;

use super::{Attention, ExecutionStatus, ExecutionSummary, ProblemCode, TriggerKind};

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum JobAction {
    Retry,
    Replay,
    Cancel,
    Pause,
    Resume,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum JobOutcome {
    Done,
    Failed,
    Skipped,
}

/// Which executions, and what is done with them.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum JobBody {
    Ids(JobOfIds),
    Filter(JobOfFilter),
}

/// Those that are named.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobOfIds {
    #[serde(flatten)]
    how: JobHow,
    /// At most 1,000.
    ids: Vec<String>,
}

/// Those that are meant.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobOfFilter {
    #[serde(flatten)]
    how: JobHow,
    filter: JobFilter,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobHow {
    #[schema(inline = false)]
    action: JobAction,
    /// Only those that had started, and ended where they have ended, by then; now unless given.
    #[schema(nullable = false)]
    as_of: Option<i64>,
    /// One first; the others wait for `continue`.
    #[schema(nullable = false)]
    canary: Option<bool>,
    /// Says what it would take, and does nothing.
    #[schema(nullable = false)]
    dry_run: Option<bool>,
}

/// As the parameters of the list of executions; `{}` means all.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobFilter {
    #[schema(nullable = false)]
    workflow_id: Option<Vec<String>>,
    #[schema(nullable = false)]
    version: Option<u32>,
    #[schema(nullable = false)]
    status: Option<Vec<ExecutionStatus>>,
    #[schema(nullable = false)]
    attention: Option<Attention>,
    #[schema(nullable = false)]
    error_fingerprint: Option<String>,
    #[schema(nullable = false)]
    triggered_by: Option<TriggerKind>,
    #[schema(nullable = false)]
    started_after: Option<i64>,
    #[schema(nullable = false)]
    started_before: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum JobStatus {
    Running,
    /// The first one is through: `continue` or `stop`.
    Waiting,
    Stopped,
    Completed,
}

/// How far it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Job {
    id: String,
    #[schema(inline = false)]
    action: JobAction,
    created_at: i64,
    /// Who made it.
    #[schema(nullable = false)]
    by: Option<String>,
    as_of: i64,
    #[schema(nullable = false)]
    filter: Option<JobFilter>,
    #[schema(inline = false)]
    status: JobStatus,
    /// Executions that it takes, fixed when it was made.
    matched: u64,
    done: u64,
    failed: u64,
    /// They were not in a state for it any more, or gone.
    skipped: u64,
    #[schema(nullable = false)]
    finished_at: Option<i64>,
    /// It waits after the first one, or will; left out once it was told to go on.
    #[schema(nullable = false)]
    canary_first: Option<bool>,
    /// What came of the one that was first.
    #[schema(nullable = false)]
    canary: Option<JobItem>,
    /// Executions a second, while it runs.
    #[schema(nullable = false)]
    rate: Option<f64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobItem {
    execution_id: String,
    #[schema(inline = false)]
    outcome: JobOutcome,
    /// Why it was not done, as the call itself would have answered.
    #[schema(nullable = false)]
    code: Option<ProblemCode>,
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The one that a replay started.
    #[schema(nullable = false)]
    new_execution_id: Option<String>,
    at: i64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobList {
    jobs: Vec<Job>,
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobItemList {
    items: Vec<JobItem>,
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// A job, or what it would take.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum JobAnswer {
    Job(Job),
    Preview(JobPreview),
}

/// The answer to a dry run.
#[derive(ToSchema)]
pub(crate) struct JobPreview {
    matched: u64,
    /// The newest of those that it would take, at most 5.
    sample: Vec<ExecutionSummary>,
}
