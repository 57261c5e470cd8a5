//! What answers and bodies look like, for the OpenAPI document.
//!
//! Types of the core and the engine know nothing of OpenAPI, so their shapes are written down here a second time; the tests hold
//! every kind of real answer against them, and a field that is missing here fails.

#![expect(dead_code, reason = "these types are shapes: only their schemas are used")]

mod jobs;
mod statistics;
mod system;

use std::collections::BTreeMap;

use utoipa::ToSchema;

pub(crate) use jobs::{Job, JobAnswer, JobBody, JobItemList, JobList, JobOutcome};
pub(crate) use statistics::{ErrorKind, ErrorList, Statistics, Validation, VersionList, Window, WorkflowInclude};
pub(crate) use system::{ActionList, System, WorkerList};

/// Any JSON value.
#[derive(ToSchema)]
#[schema(value_type = Value)]
pub(crate) struct AnyJson(());

#[derive(ToSchema)]
#[schema(as = Status, rename_all = "lowercase")]
pub(crate) enum ExecutionStatus {
    Pending,
    Running,
    Waiting,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum StepStatus {
    Waiting,
    Running,
    Completed,
    Failed,
    Skipped,
    Cancelled,
}

/// One run of a workflow.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Execution {
    /// `exec_` and 32 hex digits; the order of ids is the order of starts.
    #[schema(example = "exec_019a9f3e5c7a7c32b1f0a5d2e4c6b812")]
    id: String,
    workflow_id: String,
    /// The version that it started with, and keeps.
    workflow_version: u32,
    #[schema(inline = false)]
    status: ExecutionStatus,
    triggered_by: TriggeredBy,
    #[schema(nullable = false)]
    replay_of: Option<String>,
    #[schema(nullable = false)]
    parent: Option<String>,
    /// What it was started with: an object, or a text when its definition calls all of it sensitive.
    #[schema(value_type = Input)]
    input: (),
    /// Context, input and outputs; where names collide the later of these wins.
    #[schema(value_type = Object)]
    state: (),
    /// Of a completed execution.
    #[schema(value_type = Option<Value>)]
    output: (),
    /// The message of the failure that it ended with, or is going to end with.
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(nullable = false)]
    error_code: Option<String>,
    /// Index of the first step that has not ended.
    current_step_index: u64,
    /// In the order in which they completed.
    completed_steps: Vec<String>,
    /// By step id; steps that were never considered are not there.
    step_results: BTreeMap<String, StepResult>,
    started_at: i64,
    #[schema(nullable = false)]
    completed_at: Option<i64>,
    /// The newest entries, oldest first, at most 1,000; `.../history` has all.
    history: Vec<HistoryEntry>,
    /// There are entries older than these.
    #[schema(nullable = false)]
    history_truncated: Option<bool>,
    /// With `include=reasons`, as all that follow: what it does or waits for, what matters most first.
    #[schema(nullable = false)]
    reasons: Option<Vec<Reason>>,
    #[schema(nullable = false)]
    step_counts: Option<StepCounts>,
    /// The `seq` of the newest entry of its history.
    #[schema(nullable = false)]
    last_seq: Option<u64>,
    /// Of the failure that it ended with, or because of which it is tried again.
    #[schema(nullable = false)]
    error_fingerprint: Option<String>,
    #[schema(nullable = false)]
    error_step_id: Option<String>,
    /// When the next timer or retry is due.
    #[schema(nullable = false)]
    wake_at: Option<i64>,
    /// With `at`: it is as it was after this entry.
    #[schema(nullable = false)]
    as_of_seq: Option<u64>,
    /// What the server's clock said.
    #[schema(nullable = false)]
    server_time: Option<i64>,
}

/// An execution in a list. The last eight fields are there when `include` asks for them; the last three come with `execution`,
/// which leaves out the fields from `wakeAt` to `stepsCompleted` that an execution does not have itself.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExecutionRow {
    id: String,
    workflow_id: String,
    workflow_version: u32,
    #[schema(inline = false)]
    status: ExecutionStatus,
    triggered_by: TriggeredBy,
    #[schema(nullable = false)]
    replay_of: Option<String>,
    #[schema(nullable = false)]
    parent: Option<String>,
    started_at: i64,
    #[schema(nullable = false)]
    completed_at: Option<i64>,
    /// When the next timer or retry is due.
    #[schema(nullable = false)]
    wake_at: Option<i64>,
    /// The step whose failure the execution failed with.
    #[schema(nullable = false)]
    failed_step: Option<String>,
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(nullable = false)]
    error_code: Option<String>,
    /// The same for errors that differ only in ids and numbers.
    #[schema(nullable = false)]
    error_fingerprint: Option<String>,
    /// How many have completed; known once the execution has ended.
    #[schema(nullable = false)]
    steps_completed: Option<u32>,
    #[schema(value_type = Option<Input>, nullable = false)]
    input: (),
    #[schema(value_type = Option<Object>, nullable = false)]
    state: (),
    #[schema(value_type = Option<Value>)]
    output: (),
    #[schema(nullable = false)]
    step_results: Option<BTreeMap<String, StepResult>>,
    /// The newest entries, oldest first, at most 100.
    #[schema(nullable = false)]
    history: Option<Vec<HistoryEntry>>,
    /// Index of the first step that has not ended.
    #[schema(nullable = false)]
    current_step_index: Option<u64>,
    /// In the order in which they completed.
    #[schema(nullable = false)]
    completed_steps: Option<Vec<String>>,
    /// There are entries older than those of `history`.
    #[schema(nullable = false)]
    history_truncated: Option<bool>,
    /// With `fields=summary`, as all that follow.
    #[schema(nullable = false)]
    workflow_name: Option<String>,
    #[schema(nullable = false)]
    attention: Option<Attention>,
    #[schema(nullable = false)]
    step_counts: Option<StepCounts>,
    #[schema(nullable = false)]
    reasons: Option<Vec<Reason>>,
    #[schema(nullable = false)]
    reason_count: Option<u64>,
    #[schema(nullable = false)]
    error_step_id: Option<String>,
    #[schema(nullable = false)]
    last_seq: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExecutionList {
    executions: Vec<ExecutionRow>,
    /// The `cursor` of the next page; absent on the last one.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// With `fields=summary`; false: the search took its time, and goes on with `nextCursor`.
    #[schema(nullable = false)]
    complete: Option<bool>,
    /// Everything that started later was looked at.
    #[schema(nullable = false)]
    searched_to: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ExecutionInclude {
    Reasons,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ListFields {
    Summary,
}

/// Why somebody should look at an execution.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum Attention {
    NoWorker,
    Overdue,
    Retrying,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum HistoryOrder {
    Asc,
    Desc,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum HistoryPayloads {
    Inline,
    None,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StepCounts {
    total: u32,
    completed: u32,
    failed: u32,
    skipped: u32,
    running: u32,
    /// For a timer, a retry or a worker.
    waiting: u32,
}

/// What a step, or all of an execution, does or waits for. Only the fields that its kind has are there.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Reason {
    /// `paused`, `worker` (nobody provides the action), `retry`, `running`, `limit` (everybody who provides it is busy), `timer`;
    /// further ones may come.
    kind: String,
    #[schema(nullable = false)]
    step_id: Option<String>,
    since: i64,
    /// When time alone ends it.
    #[schema(nullable = false)]
    until: Option<i64>,
    /// The attempt that runs, or that is waited for.
    #[schema(nullable = false)]
    attempt: Option<u32>,
    #[schema(nullable = false)]
    max_attempts: Option<u32>,
    #[schema(nullable = false)]
    failed_attempts: Option<u32>,
    #[schema(nullable = false)]
    action: Option<String>,
    /// Who paused it.
    #[schema(nullable = false)]
    by: Option<String>,
    /// The message of the newest failure of the step.
    #[schema(nullable = false)]
    error: Option<String>,
    /// Where the attempt runs.
    #[schema(nullable = false)]
    worker: Option<String>,
    /// 95 of 100 attempts of the step took less.
    #[schema(nullable = false)]
    p95_ms: Option<u64>,
    /// It has run for longer than that.
    #[schema(nullable = false)]
    slow: Option<bool>,
}

/// An execution in a list, with what it does or waits for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExecutionSummary {
    id: String,
    workflow_id: String,
    #[schema(nullable = false)]
    workflow_name: Option<String>,
    workflow_version: u32,
    #[schema(inline = false)]
    status: ExecutionStatus,
    #[schema(nullable = false)]
    attention: Option<Attention>,
    started_at: i64,
    #[schema(nullable = false)]
    completed_at: Option<i64>,
    #[schema(nullable = false)]
    wake_at: Option<i64>,
    step_counts: StepCounts,
    /// The one that matters most.
    reasons: Vec<Reason>,
    reason_count: u64,
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(nullable = false)]
    error_code: Option<String>,
    #[schema(nullable = false)]
    error_fingerprint: Option<String>,
    #[schema(nullable = false)]
    error_step_id: Option<String>,
    triggered_by: TriggeredBy,
    #[schema(nullable = false)]
    replay_of: Option<String>,
    #[schema(nullable = false)]
    parent: Option<String>,
    last_seq: u64,
}

/// What an event would start.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct EventMatch {
    workflow_id: String,
    version: u32,
    pattern: String,
    #[schema(nullable = false)]
    condition: Option<EventCondition>,
    would_start: bool,
    /// In words.
    why: String,
}

#[derive(ToSchema)]
pub(crate) struct EventCondition {
    expression: String,
    #[schema(value_type = BTreeMap<String, Value>)]
    values: (),
    #[schema(value_type = Option<Value>)]
    result: (),
    #[schema(nullable = false)]
    error: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct EventDuplicate {
    executions: Vec<String>,
}

/// What started an execution.
#[derive(ToSchema)]
pub(crate) struct TriggeredBy {
    /// `manual`, `event`, `schedule`, `replay` or `error`.
    #[schema(rename = "type")]
    kind: String,
    /// The event, the execution that was replayed, or the one that failed.
    #[schema(nullable = false)]
    source: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StepResult {
    step_id: String,
    status: StepStatus,
    #[schema(value_type = Option<Value>)]
    output: (),
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(nullable = false)]
    stack: Option<String>,
    #[schema(nullable = false)]
    started_at: Option<i64>,
    #[schema(nullable = false)]
    completed_at: Option<i64>,
    /// Milliseconds.
    #[schema(nullable = false)]
    duration: Option<u64>,
    /// Failed attempts after the first since the last `retry`.
    retries: u32,
    #[schema(nullable = false)]
    waiting_for: Option<WaitingFor>,
}

#[derive(ToSchema)]
pub(crate) struct WaitingFor {
    /// `timer`, `retry` or `worker`.
    #[schema(rename = "type")]
    kind: String,
    #[schema(nullable = false)]
    until: Option<i64>,
    message: String,
}

/// What happened, once.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct HistoryEntry {
    /// 1, 2, 3 ... within an execution: this is the order.
    seq: u64,
    timestamp: i64,
    /// `start`, `step_ready`, `step_start`, `step_complete`, `step_fail`, `step_skip`, `step_cancel`, `step_interrupted`,
    /// `wait`, `resume`, `pause`, `retry`, `complete`, `fail`, `cancel`; further ones may come.
    #[schema(rename = "type")]
    kind: String,
    /// Who caused it: the name of the token that the call came with, else the address that it came from. Only of `start`, `pause`,
    /// `resume`, `cancel`, `retry`, and `step_ready` after "run now"; not where a program called the engine in its own process
    /// without saying who it is.
    #[schema(nullable = false)]
    by: Option<String>,
    #[schema(nullable = false)]
    step_id: Option<String>,
    #[schema(nullable = false)]
    attempt: Option<u32>,
    #[schema(nullable = false)]
    data: Option<HistoryData>,
    /// For people.
    #[schema(nullable = false)]
    message: Option<String>,
    /// How long the input or output is that `payloads=none` left out; not in streams.
    #[schema(nullable = false)]
    bytes: Option<u64>,
}

/// Only the fields that the type of the entry has are there.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct HistoryData {
    #[schema(nullable = false)]
    workflow_version: Option<u32>,
    #[schema(value_type = Option<Input>)]
    input: (),
    #[schema(nullable = false)]
    triggered_by: Option<TriggeredBy>,
    #[schema(nullable = false)]
    replay_of: Option<String>,
    /// The workflows whose failures led to this one.
    #[schema(nullable = false)]
    led_here: Option<Vec<String>>,
    /// When the execution times out.
    #[schema(nullable = false)]
    deadline: Option<i64>,
    /// Why a step is ready, was skipped or was interrupted.
    #[schema(nullable = false)]
    cause: Option<String>,
    /// Who runs the attempt.
    #[schema(nullable = false)]
    session: Option<String>,
    #[schema(value_type = Option<Value>)]
    output: (),
    /// The output is in `stepResults`, or too long for a page of entries.
    #[schema(nullable = false)]
    output_bytes: Option<u64>,
    #[schema(nullable = false)]
    error: Option<Failure>,
    #[schema(nullable = false)]
    retry_at: Option<i64>,
    /// What `onError` made of it: `fail`, `continue`, `branch`, `startHandler`.
    #[schema(nullable = false)]
    then: Option<String>,
    /// The workflow that was started to handle it.
    #[schema(nullable = false)]
    handler: Option<String>,
    #[schema(nullable = false)]
    until: Option<i64>,
    #[schema(nullable = false)]
    receipt: Option<Receipt>,
    /// The steps that `retry` reset.
    #[schema(nullable = false)]
    reset: Option<Vec<String>>,
    #[schema(nullable = false)]
    idempotency_key: Option<String>,
}

/// Why an action failed.
#[derive(ToSchema)]
pub(crate) struct Failure {
    #[schema(nullable = false)]
    code: Option<String>,
    message: String,
    #[schema(nullable = false)]
    stack: Option<String>,
    #[schema(nullable = false, no_recursion)]
    cause: Option<Box<Failure>>,
    /// `false`: it was not tried again.
    #[schema(nullable = false)]
    retryable: Option<bool>,
}

/// Why a condition came out as it did.
#[derive(ToSchema)]
pub(crate) struct Receipt {
    expression: String,
    /// What it read.
    #[schema(value_type = BTreeMap<String, Value>)]
    values: (),
    #[schema(value_type = Option<Value>)]
    result: (),
}

#[derive(ToSchema)]
pub(crate) struct HistoryPage {
    entries: Vec<HistoryEntry>,
    /// The `after` of the next page; absent on the last one.
    #[schema(rename = "nextCursor", nullable = false)]
    next_cursor: Option<String>,
    /// The `seq` of the newest entry, whatever was asked for.
    total: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Count {
    workflow_id: String,
    #[schema(inline = false)]
    status: ExecutionStatus,
    count: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// By workflow and status; zeros are left out. Only where nothing but workflows was asked for.
    #[schema(nullable = false)]
    counts: Option<Vec<Count>>,
    /// Over all of them; every status is there.
    by_status: BTreeMap<String, u64>,
    attention: AttentionCounts,
    /// False: a number is a lower bound.
    exact: bool,
    as_of: i64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AttentionCounts {
    retrying: u64,
    no_worker: u64,
    overdue: u64,
}

/// A workflow: a DAG of steps.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Definition {
    #[schema(example = "order-processing", pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]
    id: String,
    #[schema(nullable = false)]
    name: Option<String>,
    #[schema(nullable = false)]
    description: Option<String>,
    #[schema(min_items = 1)]
    steps: Vec<Step>,
    #[schema(nullable = false)]
    triggers: Option<Vec<Trigger>>,
    /// The initial state.
    #[schema(value_type = Option<Object>, nullable = false)]
    context: (),
    /// Of a whole execution.
    #[schema(nullable = false, example = "1h")]
    timeout: Option<String>,
    /// What of the input is masked wherever it is shown: `true`, or paths such as `card.number`.
    #[schema(value_type = Option<Sensitive>, nullable = false)]
    sensitive: (),
    /// Given by the engine; ignored in what is registered, like the next two.
    #[schema(nullable = false)]
    version: Option<u32>,
    #[schema(nullable = false)]
    created_at: Option<i64>,
    #[schema(nullable = false)]
    updated_at: Option<i64>,
    /// Warnings and hints, in the answer to a registration.
    #[schema(nullable = false)]
    diagnostics: Option<Vec<Diagnostic>>,
    /// How it has fared, in a list with `include=stats`.
    #[schema(nullable = false)]
    stats: Option<Statistics>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Step {
    #[schema(example = "charge", pattern = "^[A-Za-z0-9_-]{1,128}$")]
    id: String,
    #[schema(nullable = false)]
    name: Option<String>,
    #[schema(example = "chargeCard", pattern = "^[A-Za-z0-9_$-]+([.][A-Za-z0-9_$-]+)*$", max_length = 128)]
    action: String,
    #[schema(value_type = Option<Object>, nullable = false)]
    params: (),
    #[schema(nullable = false)]
    depends_on: Option<Vec<String>>,
    #[schema(nullable = false, example = "score.risk < 0.3", min_length = 1, max_length = 1024)]
    condition: Option<String>,
    #[schema(nullable = false, example = "3d")]
    wait: Option<String>,
    #[schema(nullable = false)]
    on_error: Option<OnError>,
    #[schema(nullable = false)]
    max_retries: Option<u32>,
    #[schema(nullable = false, example = "1m")]
    retry_delay: Option<String>,
    #[schema(nullable = false)]
    max_retry_delay: Option<String>,
    #[schema(nullable = false)]
    backoff: Option<Backoff>,
    #[schema(nullable = false)]
    error_branch: Option<String>,
    #[schema(nullable = false)]
    timeout: Option<String>,
    /// What of the output is masked wherever it is shown: `true`, or paths such as `card.number`.
    #[schema(value_type = Option<Sensitive>, nullable = false)]
    sensitive: (),
}

/// An object, or `"[sensitive]"` when its definition calls all of it sensitive.
#[derive(serde::Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Input {
    #[expect(dead_code, reason = "a schema only")]
    Given(BTreeMap<String, serde_json::Value>),
    #[expect(dead_code, reason = "a schema only")]
    Masked(String),
}

/// All of a value, or the paths of what is sensitive within it: `card.number`, `items.*.token`.
#[derive(serde::Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Sensitive {
    #[expect(dead_code, reason = "a schema only")]
    All(bool),
    #[expect(dead_code, reason = "a schema only")]
    Paths(Vec<String>),
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum OnError {
    Fail,
    Continue,
    Retry,
    Branch,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Backoff {
    Fixed,
    Exponential,
}

/// Starts an execution for every event that matches.
#[derive(ToSchema)]
pub(crate) struct Trigger {
    /// `*` is one word, `**` any number.
    #[schema(example = "Customer.*")]
    event: String,
    #[schema(nullable = false)]
    condition: Option<String>,
}

/// One finding about a definition.
#[derive(ToSchema)]
pub(crate) struct Diagnostic {
    severity: Severity,
    /// Of the value that it is about (RFC 6901).
    #[schema(example = "/steps/2/dependsOn/0")]
    pointer: String,
    code: String,
    message: String,
    #[schema(nullable = false)]
    help: Option<String>,
    /// 1-based, in characters: where in an expression it is.
    #[schema(nullable = false)]
    column: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Severity {
    Error,
    Warning,
    Hint,
}

#[derive(ToSchema)]
pub(crate) struct DefinitionList {
    workflows: Vec<Definition>,
}

/// How things stand.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Diagnosis {
    /// Epoch milliseconds.
    at: i64,
    /// Of the server.
    version: String,
    /// The worst first.
    findings: Vec<Finding>,
    executions_looked_at: u64,
    /// There were more executions than are looked at: counts are lower bounds.
    #[schema(nullable = false)]
    incomplete: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Finding {
    severity: FindingSeverity,
    #[schema(example = "action_missing")]
    code: String,
    /// What is so.
    #[schema(example = "steps are ready and nobody provides `chargeCard`")]
    what: String,
    /// Epoch milliseconds.
    #[schema(nullable = false)]
    since: Option<i64>,
    /// How many executions it is about.
    count: u64,
    /// The ids of at most five of them.
    executions: Vec<String>,
    /// What to do.
    advice: String,
}

/// `error`: something stands still until somebody does something. `warning`: somebody should look.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum FindingSeverity {
    Error,
    Warning,
    Info,
}

#[derive(ToSchema)]
pub(crate) struct Deleted {
    deleted: bool,
}

/// An error (RFC 9457). Programs look at `code`, people at `detail`.
#[derive(ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    #[schema(rename = "type", example = "tag:workflow.do,2026:problem/invalid_state")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    #[schema(example = "invalid_state")]
    code: String,
    /// Everything that is wrong with a definition.
    #[schema(nullable = false)]
    diagnostics: Option<Vec<Diagnostic>>,
}

#[derive(ToSchema)]
pub(crate) struct StartBody {
    /// `{}` unless given.
    #[schema(value_type = Option<Object>)]
    input: (),
}

#[derive(ToSchema)]
pub(crate) struct ReplayBody {
    /// That of the execution that is replayed unless given.
    #[schema(value_type = Option<Object>)]
    input: (),
}

#[derive(ToSchema)]
pub(crate) struct EventBody {
    #[schema(
        example = "Customer.created",
        pattern = "^[^\\s.\\x00-\\x1f\\x7f-\\x9f]+([.][^\\s.\\x00-\\x1f\\x7f-\\x9f]+)*$",
        max_length = 256
    )]
    event: String,
    /// Becomes the input; what is no object becomes `{data}`.
    #[schema(value_type = Option<Value>)]
    data: (),
    /// The same id again gives the same answer and starts nothing.
    #[schema(min_length = 1, max_length = 255)]
    id: Option<String>,
}

/// A CloudEvent in structured mode; further attributes are allowed and not read. In binary mode the attributes are headers
/// (`ce-type` ...) and the body is the data.
#[derive(ToSchema)]
pub(crate) struct CloudEvent {
    #[schema(example = "1.0", pattern = "^1[.]0$")]
    specversion: String,
    /// With `source`: the same one again gives the same answer and starts nothing.
    #[schema(min_length = 1, max_length = 255)]
    id: String,
    #[schema(min_length = 1)]
    source: String,
    /// The event's name.
    #[schema(
        rename = "type",
        example = "Customer.created",
        pattern = "^[^\\s.\\x00-\\x1f\\x7f-\\x9f]+([.][^\\s.\\x00-\\x1f\\x7f-\\x9f]+)*$",
        max_length = 256
    )]
    kind: String,
    #[schema(value_type = Option<Value>)]
    data: (),
    /// The data as the text of JSON in base64, instead of `data`.
    data_base64: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct EventAnswer {
    #[schema(nullable = false)]
    executions: Option<Vec<Execution>>,
    /// Workflows whose trigger matched and that could not be started.
    #[schema(nullable = false)]
    refused: Option<Vec<RefusedStart>>,
    /// With `dryRun`, and nothing of the above: every trigger whose pattern matches.
    #[schema(nullable = false)]
    matches: Option<Vec<EventMatch>>,
    /// An event with this id has come before.
    #[schema(nullable = false)]
    duplicate_of: Option<EventDuplicate>,
    /// The pattern that was meant, perhaps, where none matches.
    #[schema(nullable = false)]
    suggestion: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct RefusedStart {
    workflow_id: String,
    code: String,
    message: String,
}

#[derive(ToSchema)]
pub(crate) struct EndpointBody {
    #[schema(example = "http://127.0.0.1:4800", pattern = "^https?://")]
    url: String,
    /// Asked of the endpoint itself unless given.
    actions: Option<Vec<String>>,
    /// Calls are signed with it (Standard Webhooks).
    secret: Option<String>,
    /// Of a call whose step has none; `5m` unless given.
    #[schema(example = "5m", min_length = 1)]
    timeout: Option<String>,
    /// Calls at the same time; 64 unless given.
    #[schema(minimum = 1, maximum = 10000)]
    concurrency: Option<u32>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    name: String,
    url: String,
    /// Given or discovered.
    actions: Vec<String>,
    /// The endpoint itself was asked for its actions.
    discovered: bool,
    #[schema(example = "5m")]
    timeout: String,
    concurrency: u32,
    /// The secret itself is never given back.
    has_secret: bool,
    /// Why the endpoint did not answer when it was asked.
    #[schema(nullable = false)]
    unreachable: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct EndpointList {
    endpoints: Vec<Endpoint>,
}

#[derive(ToSchema)]
pub(crate) struct TokenBody {
    /// Unique among the tokens that are not revoked; it does not begin with `wf_`, as tokens do.
    #[schema(example = "deploy", pattern = "^(?!wf_)[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")]
    name: String,
    role: Role,
}

/// What the holder of a token may do.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is only described")]
pub(crate) enum Role {
    Reader,
    Operator,
    Admin,
    Worker,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Token {
    /// The part of its text that is no secret.
    #[schema(example = "3f9d0c5a7b21e864")]
    id: String,
    name: String,
    role: Role,
    created_at: i64,
    #[schema(nullable = false)]
    revoked_at: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct NewToken {
    id: String,
    name: String,
    role: Role,
    created_at: i64,
    /// For the header `authorization: Bearer ...`. Shown this once.
    token: String,
}

#[derive(ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<Token>,
}

#[derive(ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    status: String,
}
