//! What answers and bodies look like, for the OpenAPI document.
//!
//! Types of the core and the engine know nothing of OpenAPI, so their shapes are written down here a second time; the tests hold
//! every kind of real answer against them, and a field that is missing here fails.

#![expect(dead_code, reason = "these types are shapes: only their schemas are used")]

mod jobs;
mod statistics;
mod streams;
mod system;

use std::collections::BTreeMap;

use utoipa::ToSchema;

pub(crate) use jobs::{Job, JobAnswer, JobBody, JobItemList, JobList, JobOutcome};
pub(crate) use statistics::{ErrorDetail, ErrorList, Statistics, Validation, VersionList, Window, WorkflowInclude};
pub(crate) use streams::{ChangeMessage, ExecutionMessage};
pub(crate) use system::{ActionList, NodeList, System, WorkerList};

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
}

/// An execution with what it does or waits for: where `include=reasons`, `at`, `maxValueBytes` or `history` asks for it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct InspectedExecution {
    #[serde(flatten)]
    execution: Execution,
    /// What matters most first.
    reasons: Vec<Reason>,
    step_counts: StepCounts,
    /// The `seq` of the newest entry of its history.
    last_seq: u64,
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
    server_time: i64,
}

/// As it was asked for.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum ExecutionAnswer {
    Inspected(InspectedExecution),
    Plain(Execution),
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
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExecutionList {
    executions: Vec<ExecutionRow>,
    /// The `cursor` of the next page; absent on the last one.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// A page of a list with `fields=summary`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SummaryList {
    executions: Vec<ExecutionSummary>,
    /// The `cursor` of the next page; absent on the last one.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// False: the search took its time, and goes on with `nextCursor`.
    complete: bool,
    /// Everything that started later was looked at.
    #[schema(nullable = false)]
    searched_to: Option<i64>,
}

/// As it was asked for.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum ExecutionPage {
    Summaries(SummaryList),
    Rows(ExecutionList),
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

/// What a step, or all of an execution, does or waits for.
#[derive(ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Reason {
    /// Somebody has paused the execution.
    Paused {
        since: i64,
        /// Who it was.
        #[schema(nullable = false)]
        by: Option<String>,
    },
    /// Nobody provides the action.
    #[schema(rename_all = "camelCase")]
    Worker {
        step_id: String,
        since: i64,
        /// The attempt that is waited for.
        attempt: u32,
        max_attempts: u32,
        #[schema(nullable = false)]
        failed_attempts: Option<u32>,
        action: String,
        /// The message of the newest failure of the step.
        #[schema(nullable = false)]
        error: Option<String>,
    },
    /// A step has failed, and is tried again.
    #[schema(rename_all = "camelCase")]
    Retry {
        step_id: String,
        since: i64,
        until: i64,
        /// The attempt that is waited for.
        attempt: u32,
        max_attempts: u32,
        #[schema(nullable = false)]
        failed_attempts: Option<u32>,
        action: String,
        /// The message of the newest failure of the step.
        #[schema(nullable = false)]
        error: Option<String>,
    },
    /// An attempt runs.
    #[schema(rename_all = "camelCase")]
    Running {
        step_id: String,
        since: i64,
        /// The one that runs.
        attempt: u32,
        max_attempts: u32,
        #[schema(nullable = false)]
        failed_attempts: Option<u32>,
        action: String,
        /// The message of the newest failure of the step.
        #[schema(nullable = false)]
        error: Option<String>,
        /// Where it runs.
        #[schema(nullable = false)]
        worker: Option<String>,
        /// 95 of 100 attempts of the step took less.
        #[schema(nullable = false)]
        p95_ms: Option<u64>,
        /// It has run for longer than that; not there when it has not.
        #[schema(nullable = false)]
        slow: Option<bool>,
    },
    /// Everybody who provides the action is busy.
    #[schema(rename_all = "camelCase")]
    Limit {
        step_id: String,
        since: i64,
        /// The attempt that is waited for.
        attempt: u32,
        max_attempts: u32,
        #[schema(nullable = false)]
        failed_attempts: Option<u32>,
        action: String,
        /// The message of the newest failure of the step.
        #[schema(nullable = false)]
        error: Option<String>,
    },
    /// A `wait` runs.
    #[schema(rename_all = "camelCase")]
    Timer {
        step_id: String,
        since: i64,
        until: i64,
        #[schema(nullable = false)]
        failed_attempts: Option<u32>,
        /// The message of the newest failure of the step.
        #[schema(nullable = false)]
        error: Option<String>,
    },
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

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum TriggerKind {
    Manual,
    Event,
    Schedule,
    Replay,
    Error,
}

/// What started an execution.
#[derive(ToSchema)]
pub(crate) struct TriggeredBy {
    #[schema(rename = "type", inline = false)]
    kind: TriggerKind,
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

/// Why a step waits.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum WaitingFor {
    Timer {
        until: i64,
        message: String,
    },
    Retry {
        until: i64,
        message: String,
    },
    /// Somebody who runs it; or, of a paused execution, that it is resumed.
    Worker {
        message: String,
    },
}

/// What happened, once. `seq` is 1, 2, 3 ... within an execution: this is the order. `message` is for people. `by` is who caused it:
/// the name of the token that the call came with, else the address that it came from; not there where a program called the engine in
/// its own process without saying who it is.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum HistoryEntry {
    Start {
        seq: u64,
        timestamp: i64,
        #[schema(nullable = false)]
        by: Option<String>,
        data: StartData,
        /// How long the input is that `payloads=none` left out; not in streams.
        #[schema(nullable = false)]
        bytes: Option<u64>,
    },
    #[schema(rename_all = "camelCase")]
    StepReady {
        seq: u64,
        timestamp: i64,
        /// After "run now".
        #[schema(nullable = false)]
        by: Option<String>,
        step_id: String,
        data: ReadyData,
    },
    #[schema(rename_all = "camelCase")]
    StepStart {
        seq: u64,
        timestamp: i64,
        step_id: String,
        attempt: u32,
        #[schema(nullable = false)]
        data: Option<AttemptData>,
    },
    #[schema(rename_all = "camelCase")]
    StepComplete {
        seq: u64,
        timestamp: i64,
        step_id: String,
        attempt: u32,
        /// Not there when the action returned nothing.
        #[schema(nullable = false)]
        data: Option<OutputData>,
        /// How long the output is that `payloads=none` left out; not in streams.
        #[schema(nullable = false)]
        bytes: Option<u64>,
    },
    #[schema(rename_all = "camelCase")]
    StepFail {
        seq: u64,
        timestamp: i64,
        step_id: String,
        /// Not there when no attempt had begun.
        #[schema(nullable = false)]
        attempt: Option<u32>,
        data: FailData,
        message: String,
    },
    #[schema(rename_all = "camelCase")]
    StepSkip {
        seq: u64,
        timestamp: i64,
        step_id: String,
        data: SkipData,
        message: String,
    },
    /// The execution was cancelled, or has failed, before the step had ended.
    #[schema(rename_all = "camelCase")]
    StepCancel {
        seq: u64,
        timestamp: i64,
        step_id: String,
    },
    /// It runs again, and that does not count as a failure.
    #[schema(rename_all = "camelCase")]
    StepInterrupted {
        seq: u64,
        timestamp: i64,
        step_id: String,
        attempt: u32,
        data: InterruptData,
        message: String,
    },
    #[schema(rename_all = "camelCase")]
    Wait {
        seq: u64,
        timestamp: i64,
        step_id: String,
        data: WaitData,
    },
    Pause {
        seq: u64,
        timestamp: i64,
        #[schema(nullable = false)]
        by: Option<String>,
        #[schema(nullable = false)]
        data: Option<KeyData>,
    },
    Resume {
        seq: u64,
        timestamp: i64,
        #[schema(nullable = false)]
        by: Option<String>,
        #[schema(nullable = false)]
        data: Option<KeyData>,
    },
    Retry {
        seq: u64,
        timestamp: i64,
        #[schema(nullable = false)]
        by: Option<String>,
        data: RetryData,
    },
    Complete {
        seq: u64,
        timestamp: i64,
    },
    Fail {
        seq: u64,
        timestamp: i64,
        data: ErrorData,
        message: String,
    },
    Cancel {
        seq: u64,
        timestamp: i64,
        #[schema(nullable = false)]
        by: Option<String>,
        #[schema(nullable = false)]
        data: Option<KeyData>,
    },
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StartData {
    workflow_version: u32,
    /// Not there when it was left out.
    #[schema(value_type = Option<Input>, nullable = false)]
    input: (),
    triggered_by: TriggeredBy,
    #[schema(nullable = false)]
    replay_of: Option<String>,
    /// The workflows whose failures led to this one.
    #[schema(nullable = false)]
    led_here: Option<Vec<String>>,
    /// When the execution times out.
    #[schema(nullable = false)]
    deadline: Option<i64>,
    #[schema(nullable = false)]
    idempotency_key: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ReadyData {
    #[schema(inline = false)]
    cause: ReadyCause,
    #[schema(nullable = false)]
    receipt: Option<Receipt>,
    #[schema(nullable = false)]
    idempotency_key: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum ReadyCause {
    Condition,
    Timer,
    Retry,
    RunNow,
}

#[derive(ToSchema)]
pub(crate) struct AttemptData {
    /// Who runs it.
    session: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct OutputData {
    #[schema(value_type = Option<Value>)]
    output: (),
    /// The output is in `stepResults`, or too long for a page of entries.
    #[schema(nullable = false)]
    output_bytes: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct FailData {
    error: Failure,
    /// When it is tried again.
    #[schema(nullable = false)]
    retry_at: Option<i64>,
    /// What `onError` made of it, where it is not tried again.
    #[schema(nullable = false)]
    then: Option<AfterFailure>,
    /// The workflow that was started to handle it.
    #[schema(nullable = false)]
    handler: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum AfterFailure {
    Fail,
    Continue,
    Branch,
    StartHandler,
}

#[derive(ToSchema)]
pub(crate) struct SkipData {
    #[schema(inline = false)]
    cause: SkipCause,
    #[schema(nullable = false)]
    receipt: Option<Receipt>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum SkipCause {
    Dependencies,
    Condition,
    NotBranchedTo,
}

#[derive(ToSchema)]
pub(crate) struct InterruptData {
    #[schema(inline = false)]
    cause: InterruptCause,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum InterruptCause {
    Lost,
    Shutdown,
}

#[derive(ToSchema)]
pub(crate) struct WaitData {
    until: i64,
    /// Of the step's condition.
    #[schema(nullable = false)]
    receipt: Option<Receipt>,
}

/// Of a call that came with a key.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct KeyData {
    idempotency_key: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct RetryData {
    /// The steps that it reset.
    reset: Vec<String>,
    #[schema(nullable = false)]
    idempotency_key: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct ErrorData {
    error: Failure,
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
    /// Over all of them.
    by_status: StatusCounts,
    attention: AttentionCounts,
    /// False: a number is a lower bound.
    exact: bool,
    as_of: i64,
}

#[derive(ToSchema)]
pub(crate) struct StatusCounts {
    pending: u64,
    running: u64,
    waiting: u64,
    paused: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
}

/// Each execution once for each reason.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AttentionCounts {
    retrying: u64,
    no_worker: u64,
    overdue: u64,
}

/// A workflow: a DAG of steps, as somebody writes it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct WrittenDefinition {
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
}

/// A definition to be registered. What the engine gives it (`version` and the fields after it) may stand there, and does not matter:
/// what was read can be registered again.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct DefinitionBody {
    #[serde(flatten)]
    written: WrittenDefinition,
    #[schema(nullable = false)]
    version: Option<u32>,
    #[schema(nullable = false)]
    created_at: Option<i64>,
    #[schema(nullable = false)]
    updated_at: Option<i64>,
    #[schema(nullable = false)]
    diagnostics: Option<Vec<Diagnostic>>,
}

/// A version of a workflow.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Definition {
    #[serde(flatten)]
    written: WrittenDefinition,
    version: u32,
    /// When the first version was registered.
    created_at: i64,
    /// When this one was.
    updated_at: i64,
}

/// The answer to a registration.
#[derive(ToSchema)]
pub(crate) struct RegisteredDefinition {
    #[serde(flatten)]
    definition: Definition,
    /// Warnings and hints.
    diagnostics: Vec<Diagnostic>,
}

#[derive(ToSchema)]
pub(crate) struct ListedDefinition {
    #[serde(flatten)]
    definition: Definition,
    /// How it has fared, with `include=stats`.
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
    workflows: Vec<ListedDefinition>,
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

/// What a program looks at, of all errors that there are.
#[derive(ToSchema)]
#[schema(value_type = String, example = "invalid_state")]
pub(crate) struct ProblemCode(());

/// An error (RFC 9457). Programs look at `code`, people at `detail`.
#[derive(ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    #[schema(rename = "type", example = "tag:workflow.do,2026:problem/invalid_state")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    code: ProblemCode,
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

/// What an event has started, or with `dryRun` what it would start.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum EventAnswer {
    Started(StartedByEvent),
    DryRun(EventDryRun),
}

#[derive(ToSchema)]
pub(crate) struct StartedByEvent {
    executions: Vec<Execution>,
    /// Workflows whose trigger matched and that could not be started.
    refused: Vec<RefusedStart>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct EventDryRun {
    /// Every trigger whose pattern matches.
    matches: Vec<EventMatch>,
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
    code: ProblemCode,
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
    /// Those whose rows in the database are not what was written: nobody is let in with them. Left out when there are none.
    #[schema(nullable = false)]
    damaged: Option<Vec<DamagedToken>>,
}

#[derive(ToSchema)]
pub(crate) struct DamagedToken {
    /// As it is found; `DELETE` with it revokes the token, and its row is whole again.
    #[schema(example = "3f9d0c5a7b21e864")]
    id: String,
    /// As it is found.
    name: String,
    /// What is wrong with the row.
    #[schema(example = "it is not what was written: its checksum differs")]
    why: String,
}

#[derive(ToSchema)]
pub(crate) struct Health {
    #[schema(inline = false)]
    status: HealthStatus,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum HealthStatus {
    Ok,
    Ready,
}
