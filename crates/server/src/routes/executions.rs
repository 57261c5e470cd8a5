//! Executions: reading them and moving them.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use workflow_core::id::{ExecutionId, StepId, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_core::view::StepResult;
use workflow_engine::{Count, Error, ExecutionView, HistoryEntry, Include, ListRequest, Listed};

use crate::access::{self, Standing};
use crate::app::App;
use crate::body::{FromBody, JsonBody, Nothing};
use crate::caller::OnBehalf;
use crate::parameters::{self, ExecutionPath, FromQuery, Key, NoQuery, Pairs, Query, Segments};
use crate::problem::Problem;
use crate::routes::workflows::Deleted;
use crate::{limits, reply, schema};

pub(crate) struct ListQuery {
    request: ListRequest,
    fields: Vec<Field>,
}

/// What a row can hold besides its own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Everything: the execution itself in place of a row.
    Execution,
    Input,
    Output,
    State,
    StepResults,
    History,
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Field, String> {
        match text {
            "execution" => Ok(Field::Execution),
            "input" => Ok(Field::Input),
            "output" => Ok(Field::Output),
            "state" => Ok(Field::State),
            "stepResults" => Ok(Field::StepResults),
            "history" => Ok(Field::History),
            other => {
                let can = "execution, input, output, state, stepResults and history can";
                Err(format!("`{}` cannot be included; {can}", other.escape_debug()))
            }
        }
    }
}

/// A workflow's id in a query.
struct Named(WorkflowId);

impl FromStr for Named {
    type Err = workflow_core::id::InvalidName;

    fn from_str(text: &str) -> Result<Named, Self::Err> {
        WorkflowId::new(text).map(Named)
    }
}

/// An execution's id in a query.
struct Place(ExecutionId);

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Place, &'static str> {
        ExecutionId::parse(text).map(Place).map_err(|_| "it is no cursor; the `nextCursor` of the page before was expected")
    }
}

impl FromQuery for ListQuery {
    const NAMES: &'static [&'static str] =
        &["workflowId", "status", "startedAfter", "startedBefore", "limit", "cursor", "include"];

    fn read(pairs: &Pairs) -> Result<ListQuery, Problem> {
        let instant = |name| {
            let ms = pairs.number(name, 0, i64::MAX.unsigned_abs())?;
            Ok::<_, Problem>(ms.map(|ms| Timestamp::from_millis(i64::try_from(ms).expect("it was bounded"))))
        };
        let fields: Vec<Field> = pairs.each("include")?;
        let include = match fields.as_slice() {
            [] => Include::Rows,
            fields if fields.contains(&Field::History) || fields.contains(&Field::Execution) => {
                Include::Executions { history: limits::LISTED_HISTORY_MAX }
            }
            _ => Include::Executions { history: 0 },
        };
        let request = ListRequest {
            workflow: pairs.one_of::<Named>("workflowId")?.map(|Named(id)| id),
            statuses: pairs.each("status")?,
            started_after: instant("startedAfter")?,
            started_before: instant("startedBefore")?,
            cursor: pairs.one_of::<Place>("cursor")?.map(|Place(id)| id),
            limit: page_limit(pairs)?,
            include,
        };
        Ok(ListQuery { request, fields })
    }
}

fn page_limit(pairs: &Pairs) -> Result<Option<usize>, Problem> {
    let limit = pairs.number("limit", 1, limits::PAGE_MAX as u64)?;
    Ok(limit.map(|limit| usize::try_from(limit).expect("it was bounded")))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: ExecutionId,
    workflow_id: &'a WorkflowId,
    workflow_version: Version,
    status: Status,
    triggered_by: TriggeredBy<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<ExecutionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<ExecutionId>,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wake_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps_completed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a IndexMap<String, Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_results: Option<&'a IndexMap<StepId, StepResult>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a [HistoryEntry]>,
}

#[derive(Serialize)]
struct TriggeredBy<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(listed: &'a Listed, fields: &[Field]) -> Row<'a> {
        let head = &listed.head;
        let whole = |field: Field| listed.execution.as_ref().filter(|_| fields.contains(&field));
        Row {
            id: head.id,
            workflow_id: &head.workflow,
            workflow_version: head.version,
            status: head.status,
            triggered_by: TriggeredBy { r#type: &head.triggered_by, source: head.trigger_source.as_deref() },
            replay_of: head.replay_of,
            parent: head.parent,
            started_at: head.started_at,
            completed_at: head.completed_at,
            // 0 says that the execution is in memory: nobody waits for that.
            wake_at: head.wake_at.filter(|at| at.millis() > 0),
            failed_step: head.failed_step.as_deref(),
            error: head.error.as_deref(),
            error_code: head.error_code.as_deref(),
            error_fingerprint: head.error_fingerprint.as_deref(),
            steps_completed: head.steps_completed,
            input: whole(Field::Input).map(|execution| &execution.input),
            state: whole(Field::State).map(|execution| &execution.state),
            output: whole(Field::Output).and_then(|execution| execution.output.as_ref()),
            step_results: whole(Field::StepResults).map(|execution| &execution.step_results),
            history: whole(Field::History).map(|execution| execution.history.as_slice()),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Row(Box<Row<'a>>),
    Execution(&'a ExecutionView),
}

impl<'a> Item<'a> {
    fn new(listed: &'a Listed, fields: &[Field]) -> Item<'a> {
        match &listed.execution {
            Some(execution) if fields.contains(&Field::Execution) => Item::Execution(execution),
            _ => Item::Row(Box::new(Row::new(listed, fields))),
        }
    }
}

/// Lists executions, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/executions",
    operation_id = "listExecutions",
    tag = "executions",
    params(
        ("workflowId" = Option<String>, Query, description = "Of this workflow only"),
        (
            "status" = Option<Vec<schema::ExecutionStatus>>,
            Query,
            description = "With one of these; may be repeated, or hold several with commas between"
        ),
        ("startedAfter" = Option<i64>, Query, description = "Epoch milliseconds"),
        ("startedBefore" = Option<i64>, Query, description = "Epoch milliseconds"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "50 unless given; a page also ends at 4 MiB"),
        ("cursor" = Option<String>, Query, description = "The `nextCursor` of the page before"),
        (
            "include" = Option<String>,
            Query,
            description = "Further fields, with commas between: `input`, `output`, `state`, `stepResults`, `history`; or `execution`: \
                           executions as `/executions/{id}` answers them, with at most 100 entries of each history, instead of rows"
        )
    ),
    responses((status = 200, description = "One page", body = schema::ExecutionList))
)]
pub(crate) async fn list(State(app): State<App>, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        executions: Vec<Item<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<ExecutionId>,
    }
    let page = app.engine.list(query.request).await?;
    let executions = page.executions.iter().map(|listed| Item::new(listed, &query.fields)).collect();
    reply::ok(&List { executions, next_cursor: page.next })
}

pub(crate) struct CountsQuery(Option<WorkflowId>);

impl FromQuery for CountsQuery {
    const NAMES: &'static [&'static str] = &["workflowId"];

    fn read(pairs: &Pairs) -> Result<CountsQuery, Problem> {
        Ok(CountsQuery(pairs.one_of::<Named>("workflowId")?.map(|Named(id)| id)))
    }
}

/// How many executions have which status. Kept with every commit, never counted.
#[utoipa::path(
    get,
    path = "/api/v1/executions/counts",
    operation_id = "countExecutions",
    tag = "executions",
    params(("workflowId" = Option<String>, Query, description = "Of this workflow only")),
    responses((status = 200, description = "Counts", body = schema::Counts))
)]
pub(crate) async fn counts(
    State(app): State<App>,
    Query(CountsQuery(workflow)): Query<CountsQuery>,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Counts {
        counts: Vec<Count>,
        by_status: BTreeMap<&'static str, u64>,
    }
    let mut counts = app.engine.counts().await?;
    counts.retain(|count| workflow.as_ref().is_none_or(|workflow| workflow.as_str() == count.workflow_id));
    let mut by_status: BTreeMap<&'static str, u64> = Status::ALL.iter().map(|status| (status.as_str(), 0)).collect();
    for count in &counts {
        *by_status.entry(count.status.as_str()).or_default() += count.count;
    }
    reply::ok(&Counts { counts, by_status })
}

pub(crate) struct WaitQuery(pub Option<Duration>);

impl FromQuery for WaitQuery {
    const NAMES: &'static [&'static str] = &["wait"];

    fn read(pairs: &Pairs) -> Result<WaitQuery, Problem> {
        pairs.span("wait", limits::WAIT_MAX).map(WaitQuery)
    }
}

/// One execution, at once or when it has ended.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}",
    operation_id = "getExecution",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The execution's id"),
        ("wait" = Option<String>, Query, description = "Answer when it has ended, or as it is after so long: `30s`; at most `60s`")
    ),
    responses((status = 200, description = "The execution", body = schema::Execution))
)]
pub(crate) async fn execution(
    State(app): State<App>,
    ExecutionPath(id): ExecutionPath,
    Query(WaitQuery(wait)): Query<WaitQuery>,
    standing: Standing,
) -> Result<Response, Problem> {
    Ok(reply::execution(StatusCode::OK, &find(&app, id, wait, &standing).await?))
}

pub(crate) async fn find(
    app: &App,
    id: ExecutionId,
    wait: Option<Duration>,
    standing: &Standing,
) -> Result<ExecutionView, Problem> {
    if let Some(wait) = wait {
        tokio::select! {
            ended = app.engine.wait(id, Some(wait)) => return Ok(ended?),
            () = app.closing() => {}
            () = app.access.lost(standing) => return Err(access::revoked()),
        }
    }
    app.engine.status(id).await?.ok_or_else(|| Problem::execution_not_found(&id.to_string()))
}

pub(crate) struct HistoryQuery {
    after: u64,
    limit: usize,
}

impl FromQuery for HistoryQuery {
    const NAMES: &'static [&'static str] = &["after", "limit"];

    fn read(pairs: &Pairs) -> Result<HistoryQuery, Problem> {
        let after = pairs.number("after", 0, u64::MAX)?.unwrap_or(0);
        Ok(HistoryQuery { after, limit: page_limit(pairs)?.unwrap_or(limits::HISTORY_PAGE_DEFAULT) })
    }
}

/// Deletes an execution that has ended, for good: its history, its payloads and its idempotency key.
#[utoipa::path(
    delete,
    path = "/api/v1/executions/{id}",
    operation_id = "deleteExecution",
    tag = "executions",
    params(("id" = String, Path, description = "The execution's id")),
    responses((status = 200, description = "It existed, and does no more", body = schema::Deleted))
)]
pub(crate) async fn delete_execution(
    State(app): State<App>,
    ExecutionPath(id): ExecutionPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    app.engine.delete_execution(id).await?;
    reply::ok(&Deleted { deleted: true })
}

/// The history of an execution, oldest entry first.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}/history",
    operation_id = "getHistory",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The execution's id"),
        ("after" = Option<u64>, Query, description = "Entries with a higher `seq`; the `nextCursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1,000 unless given; a page also ends at 4 MiB")
    ),
    responses((status = 200, description = "One page", body = schema::HistoryPage))
)]
pub(crate) async fn history(
    State(app): State<App>,
    ExecutionPath(id): ExecutionPath,
    Query(query): Query<HistoryQuery>,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        entries: Vec<HistoryEntry>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<String>,
    }
    let page = app.engine.history(id, query.after, Some(query.limit)).await?;
    reply::ok(&Page { entries: page.entries, next_cursor: page.next.map(|seq| seq.to_string()) })
}

/// What every control call answers.
async fn controlled(call: impl Future<Output = Result<ExecutionView, Error>>) -> Result<Response, Problem> {
    reply::ok(&call.await?)
}

/// Declares the control calls, which differ in nothing but what they do.
macro_rules! control {
    ($($(#[$doc:meta])* $name:ident, $path:literal, $id:literal;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            operation_id = $id,
            tag = "executions",
            params(
                ("id" = String, Path, description = "The execution's id"),
                ("Idempotency-Key" = Option<String>, Header, description = "The same key again does nothing and answers the same")
            ),
            responses((status = 200, description = "The execution as it is now", body = schema::Execution))
        )]
        pub(crate) async fn $name(
            OnBehalf(engine): OnBehalf,
            ExecutionPath(id): ExecutionPath,
            Query(NoQuery): Query<NoQuery>,
            Key(key): Key,
            JsonBody(Nothing {}, _room): JsonBody<Nothing>,
        ) -> Result<Response, Problem> {
            controlled(engine.$name(id, key)).await
        }
    )*};
}

control! {
    /// Pauses an execution: results of what runs are kept, nothing new starts, no timer fires.
    pause, "/api/v1/executions/{id}/pause", "pauseExecution";
    /// Goes on with a paused execution.
    resume, "/api/v1/executions/{id}/resume", "resumeExecution";
    /// Cancels an execution at once.
    cancel, "/api/v1/executions/{id}/cancel", "cancelExecution";
    /// Goes on with a failed execution from the steps that failed.
    retry, "/api/v1/executions/{id}/retry", "retryExecution";
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayBody {
    input: Option<Json>,
}

impl FromBody for ReplayBody {
    fn bytes_max(app: &App) -> usize {
        app.options.payload_bytes_max + limits::ENVELOPE_BYTES_MAX
    }

    fn absent() -> Option<ReplayBody> {
        Some(ReplayBody::default())
    }

    const HINT: &'static str = r#"send {"input": {...}}, or nothing for the same input"#;
}

/// Starts a new execution with the same input, or another, on the newest version.
#[utoipa::path(
    post,
    path = "/api/v1/executions/{id}/replay",
    operation_id = "replayExecution",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The execution's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again answers with the execution that it started")
    ),
    request_body(content = Option<schema::ReplayBody>),
    responses(
        (status = 200, description = "The idempotency key had started it before", body = schema::Execution),
        (status = 201, description = "Started", body = schema::Execution)
    )
)]
pub(crate) async fn replay(
    OnBehalf(engine): OnBehalf,
    ExecutionPath(id): ExecutionPath,
    Query(NoQuery): Query<NoQuery>,
    Key(key): Key,
    JsonBody(body, _room): JsonBody<ReplayBody>,
) -> Result<Response, Problem> {
    reply::started(&engine.replay(id, body.input, key).await?)
}

/// Tries a step that waits for its retry at once.
#[utoipa::path(
    post,
    path = "/api/v1/executions/{id}/steps/{stepId}/run-now",
    operation_id = "runStepNow",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The execution's id"),
        ("stepId" = String, Path, description = "The step's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again does nothing and answers the same")
    ),
    responses((status = 200, description = "The execution as it is now", body = schema::Execution))
)]
pub(crate) async fn run_now(
    OnBehalf(engine): OnBehalf,
    Segments((id, step)): Segments<(String, String)>,
    Query(NoQuery): Query<NoQuery>,
    Key(key): Key,
    JsonBody(Nothing {}, _room): JsonBody<Nothing>,
) -> Result<Response, Problem> {
    let id = parameters::execution_id(&id)?;
    controlled(engine.run_now(id, &step, key)).await
}
