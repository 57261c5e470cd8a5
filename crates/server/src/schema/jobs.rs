//! Jobs and what came of them.

#![expect(dead_code, reason = "these types are shapes: only their schemas are used")]

use utoipa::ToSchema;

use super::{Attention, ExecutionStatus, ExecutionSummary};

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

/// One of `ids` and `filter`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobBody {
    #[schema(inline = false)]
    action: JobAction,
    /// At most 1,000.
    #[schema(nullable = false)]
    ids: Option<Vec<String>>,
    #[schema(nullable = false)]
    filter: Option<JobFilter>,
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
    triggered_by: Option<String>,
    #[schema(nullable = false)]
    started_after: Option<i64>,
    #[schema(nullable = false)]
    started_before: Option<i64>,
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
    /// `running`, `waiting` (the first one is through; `continue` or `stop`), `stopped`, `completed`.
    status: String,
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
    #[schema(nullable = false)]
    code: Option<String>,
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

/// A job; or, of a dry run, `matched` and `sample` and nothing else.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct JobAnswer {
    #[schema(nullable = false)]
    id: Option<String>,
    #[schema(nullable = false)]
    action: Option<JobAction>,
    #[schema(nullable = false)]
    created_at: Option<i64>,
    #[schema(nullable = false)]
    by: Option<String>,
    #[schema(nullable = false)]
    as_of: Option<i64>,
    #[schema(nullable = false)]
    filter: Option<JobFilter>,
    #[schema(nullable = false)]
    status: Option<String>,
    matched: u64,
    #[schema(nullable = false)]
    done: Option<u64>,
    #[schema(nullable = false)]
    failed: Option<u64>,
    #[schema(nullable = false)]
    skipped: Option<u64>,
    #[schema(nullable = false)]
    finished_at: Option<i64>,
    #[schema(nullable = false)]
    canary: Option<JobItem>,
    #[schema(nullable = false)]
    rate: Option<f64>,
    /// The newest of those that it would take, at most 5.
    #[schema(nullable = false)]
    sample: Option<Vec<ExecutionSummary>>,
}
