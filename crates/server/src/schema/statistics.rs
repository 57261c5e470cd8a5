//! How workflows have fared, and what has failed.

#![expect(dead_code, reason = "these types are shapes: only their schemas are used")]

use utoipa::ToSchema;

use super::{Diagnostic, StatusCounts};

/// How far back.
#[derive(ToSchema)]
pub(crate) enum Window {
    #[schema(rename = "1h")]
    Hour,
    #[schema(rename = "24h")]
    Day,
    #[schema(rename = "7d")]
    Week,
    #[schema(rename = "30d")]
    Month,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum WorkflowInclude {
    Stats,
}

/// How a workflow, or a version of it, has fared.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Statistics {
    /// Now.
    by_status: StatusCounts,
    retrying: u64,
    /// That have not ended.
    active: u64,
    /// In the window, as those that follow.
    started: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    /// Of those that completed or failed.
    #[schema(nullable = false)]
    failure_rate: Option<f64>,
    /// From start to end.
    #[schema(nullable = false)]
    p50_ms: Option<u64>,
    #[schema(nullable = false)]
    p95_ms: Option<u64>,
    samples: u64,
    buckets: Vec<StatisticsPart>,
    bucket_ms: i64,
    #[schema(inline = false)]
    window: Window,
    from: i64,
    to: i64,
    /// Of those that had anything to count; empty in the list of workflows.
    steps: Vec<StepStatistics>,
}

#[derive(ToSchema)]
pub(crate) struct StatisticsPart {
    at: i64,
    started: u64,
    failed: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StepStatistics {
    step_id: String,
    /// Attempts that ended.
    runs: u64,
    completed: u64,
    /// For good.
    failed: u64,
    /// Failed, and tried again.
    retried: u64,
    skipped: u64,
    /// Of attempts.
    #[schema(nullable = false)]
    p50_ms: Option<u64>,
    #[schema(nullable = false)]
    p95_ms: Option<u64>,
    /// Of first attempts: from when only a worker was missing to their beginning.
    #[schema(nullable = false)]
    queue_p95_ms: Option<u64>,
    samples: u64,
}

#[derive(ToSchema)]
pub(crate) struct VersionList {
    versions: Vec<VersionRow>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct VersionRow {
    version: u32,
    created_at: i64,
    /// The same where the definitions are the same text.
    hash: String,
    steps: u64,
    /// Executions that have not ended.
    active: u64,
    executions: u64,
}

#[derive(ToSchema)]
pub(crate) struct Validation {
    valid: bool,
    diagnostics: Vec<Diagnostic>,
    /// The number that it would get.
    #[schema(nullable = false)]
    version: Option<u32>,
    /// It equals the newest version.
    unchanged: bool,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ErrorList {
    errors: Vec<ErrorKind>,
    failed_now: u64,
    retrying_now: u64,
    as_of: i64,
    /// There are more kinds than are listed.
    #[schema(nullable = false)]
    truncated: Option<bool>,
}

/// Failures that have their message in common, but for what was taken out of it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ErrorKind {
    fingerprint: String,
    /// `<n>`, `<id>`, `<host>`, `<email>` and `<time>` stand for what differs.
    template: String,
    #[schema(nullable = false)]
    code: Option<String>,
    /// The newest.
    sample: ErrorSample,
    steps: Vec<ErrorStep>,
    workflows: Vec<String>,
    versions: Vec<ErrorVersion>,
    /// Executions that have failed so, and have not been retried.
    failed_now: u64,
    /// Executions of which a step has failed so and is tried again.
    retrying_now: u64,
    /// Failures in the window: of attempts, and of executions that ran out of time.
    total: u64,
    /// Within 30 days.
    first_seen: i64,
    last_seen: i64,
    buckets: Vec<ErrorPart>,
    bucket_ms: i64,
}

/// One kind, with further messages.
#[derive(ToSchema)]
pub(crate) struct ErrorDetail {
    #[serde(flatten)]
    kind: ErrorKind,
    /// Messages of it that differ, the newest first, at most 5.
    examples: Vec<ErrorExample>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ErrorSample {
    message: String,
    #[schema(nullable = false)]
    stack: Option<String>,
    execution_id: String,
    #[schema(nullable = false)]
    code: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ErrorStep {
    workflow_id: String,
    /// Absent for the execution itself.
    #[schema(nullable = false)]
    step_id: Option<String>,
    count: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ErrorVersion {
    workflow_id: String,
    version: u32,
    count: u64,
}

#[derive(ToSchema)]
pub(crate) struct ErrorPart {
    at: i64,
    count: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ErrorExample {
    message: String,
    execution_id: String,
    at: i64,
}
