//! Executions: reading them and moving them.

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
use workflow_engine::{
    Count, Counts, EMBEDDED_HISTORY_MAX, Error, ExecutionFilter, ExecutionView, HistoryEntry, HistoryOrder, HistoryRequest,
    HistorySlice, Include, InspectRequest, ListRequest, Listed, Payloads, SizedEntry, SummaryRequest,
};

use crate::access::{self, Standing};
use crate::app::App;
use crate::body::{FromBody, JsonBody, Nothing};
use crate::caller::OnBehalf;
use crate::parameters::{self, ExecutionPath, FromQuery, Key, NoQuery, Pairs, Query, Segments, invalid};
use crate::problem::{Kind, Problem};
use crate::routes::filter::{self, Named, instant, page_limit};
use crate::routes::workflows::Deleted;
use crate::{limits, reply, schema};

pub(crate) enum ListQuery {
    Rows { request: ListRequest, fields: Vec<Field> },
    Summaries(SummaryRequest),
}

/// What a row can hold besides its own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
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

/// An execution's id in a query.
struct Place(ExecutionId);

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Place, &'static str> {
        ExecutionId::parse(text).map(Place).map_err(|_| "it is no cursor; the `nextCursor` of the page before was expected")
    }
}

impl FromQuery for ListQuery {
    const NAMES: &'static [&'static str] = &[
        "workflowId",
        "version",
        "status",
        "attention",
        "errorFingerprint",
        "triggeredBy",
        "startedAfter",
        "startedBefore",
        "q",
        "limit",
        "cursor",
        "include",
        "fields",
    ];

    fn read(pairs: &Pairs) -> Result<ListQuery, Problem> {
        let cursor = pairs.one_of::<Place>("cursor")?.map(|Place(id)| id);
        match pairs.one("fields")? {
            Some("summary") => {
                if pairs.one("include")?.is_some() {
                    return Err(invalid(
                        "`include` cannot be with `fields=summary`: a summary has the fields that it has".to_owned(),
                    ));
                }
                let (filter, limit) = (filter::read(pairs)?, page_limit(pairs)?);
                return Ok(ListQuery::Summaries(SummaryRequest { filter, cursor, limit }));
            }
            Some(other) => return Err(invalid(format!("`fields` is `{}`, `summary` was expected", other.escape_debug()))),
            None => {}
        }
        for name in ["version", "attention", "errorFingerprint", "triggeredBy", "q"] {
            if pairs.one(name)?.is_some() {
                return Err(invalid(format!("`{name}` is for `fields=summary`")));
            }
        }
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
            started_after: instant(pairs, "startedAfter")?,
            started_before: instant(pairs, "startedBefore")?,
            cursor,
            limit: page_limit(pairs)?,
            include,
        };
        Ok(ListQuery::Rows { request, fields })
    }
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
        // What is tried again has not failed yet.
        let fails = !head.retrying;
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
            failed_step: head.failed_step.as_deref().filter(|_| fails),
            error: head.error.as_deref().filter(|_| fails),
            error_code: head.error_code.as_deref().filter(|_| fails),
            error_fingerprint: head.error_fingerprint.as_deref().filter(|_| fails),
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
        ("workflowId" = Option<String>, Query, description = "Of this workflow only; of several with `fields=summary`"),
        (
            "status" = Option<Vec<schema::ExecutionStatus>>,
            Query,
            description = "With one of these; may be repeated, or hold several with commas between"
        ),
        ("fields" = Option<schema::ListFields>, Query, description = "`summary`: rows that say what each does or waits for"),
        ("version" = Option<u32>, Query, description = "Of this version of the one workflow (`fields=summary`, as those below)"),
        ("attention" = Option<schema::Attention>, Query, description = "Those that somebody should look at, for this reason"),
        ("errorFingerprint" = Option<String>, Query, description = "Those that failed so, or are tried again because of it"),
        ("triggeredBy" = Option<schema::TriggerKind>, Query, description = "Those that this has started"),
        (
            "q" = Option<String>,
            Query,
            description = "The beginning of an id, or a text in the input or the id; a search takes about 300 ms a page, and says how far it came"
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
    responses((status = 200, description = "One page", body = schema::ExecutionPage))
)]
pub(crate) async fn list(State(app): State<App>, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        executions: Vec<Item<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<ExecutionId>,
    }
    let (request, fields) = match query {
        ListQuery::Rows { request, fields } => (request, fields),
        ListQuery::Summaries(request) => return reply::ok(&app.engine.summaries(request).await?),
    };
    let page = app.engine.list(request).await?;
    let executions = page.executions.iter().map(|listed| Item::new(listed, &fields)).collect();
    reply::ok(&List { executions, next_cursor: page.next })
}

pub(crate) struct CountsQuery(ExecutionFilter);

impl FromQuery for CountsQuery {
    const NAMES: &'static [&'static str] =
        &["workflowId", "version", "status", "attention", "errorFingerprint", "startedAfter", "startedBefore"];

    fn read(pairs: &Pairs) -> Result<CountsQuery, Problem> {
        filter::read(pairs).map(CountsQuery)
    }
}

/// How many executions have which status. Kept with every commit, never counted; where a window of time is asked for, an index is
/// counted, up to 200,000 entries.
#[utoipa::path(
    get,
    path = "/api/v1/executions/counts",
    operation_id = "countExecutions",
    tag = "executions",
    params(
        ("workflowId" = Option<Vec<String>>, Query, description = "Of these workflows only"),
        ("version" = Option<u32>, Query, description = "Of this version of the one workflow"),
        ("status" = Option<Vec<schema::ExecutionStatus>>, Query, description = "Does not matter: all are counted"),
        ("attention" = Option<schema::Attention>, Query, description = "For `byStatus`: only these"),
        ("errorFingerprint" = Option<String>, Query, description = "Those that failed so, or are tried again because of it"),
        ("startedAfter" = Option<i64>, Query, description = "Epoch milliseconds"),
        ("startedBefore" = Option<i64>, Query, description = "Epoch milliseconds")
    ),
    responses((status = 200, description = "Counts", body = schema::Counts))
)]
pub(crate) async fn counts(State(app): State<App>, Query(CountsQuery(filter)): Query<CountsQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        /// By workflow, where nothing else was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        counts: Option<Vec<Count>>,
        #[serde(flatten)]
        of_filter: Counts,
    }
    let only_workflows = ExecutionFilter { workflows: filter.workflows.clone(), ..ExecutionFilter::default() };
    let mut counts = if filter == only_workflows { Some(app.engine.counts().await?) } else { None };
    if let Some(counts) = &mut counts {
        let is_meant = |id: &str| filter.workflows.is_empty() || filter.workflows.iter().any(|workflow| workflow.as_str() == id);
        counts.retain(|count| is_meant(&count.workflow_id));
    }
    reply::ok(&Answer { counts, of_filter: app.engine.count(filter).await? })
}

pub(crate) struct ExecutionQuery {
    wait: Option<Duration>,
    /// None: as it is answered everywhere else.
    inspect: Option<InspectRequest>,
}

impl FromQuery for ExecutionQuery {
    const NAMES: &'static [&'static str] = &["wait", "at", "maxValueBytes", "history", "include"];

    fn read(pairs: &Pairs) -> Result<ExecutionQuery, Problem> {
        let wait = pairs.span("wait", limits::WAIT_MAX)?;
        let at = pairs.number("at", 1, limits::INT64_MAX)?;
        if wait.is_some() && at.is_some() {
            return Err(invalid("`at` asks for what was, `wait` for what will be: one of them was expected".to_owned()));
        }
        let size = |number: u64| usize::try_from(number).expect("it was bounded");
        let history = pairs.number("history", 0, EMBEDDED_HISTORY_MAX as u64)?.map_or(EMBEDDED_HISTORY_MAX, size);
        let value_bytes_max = pairs.number("maxValueBytes", 0, limits::INT32_MAX)?.map(size);
        let is_asked_for = match pairs.one("include")? {
            Some("reasons") => true,
            Some(other) => return Err(invalid(format!("`include` is `{}`, `reasons` was expected", other.escape_debug()))),
            None => pairs.one("at")?.or(pairs.one("history")?).or(pairs.one("maxValueBytes")?).is_some(),
        };
        let inspect = is_asked_for.then_some(InspectRequest { at, history, value_bytes_max });
        Ok(ExecutionQuery { wait, inspect })
    }
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
        ("wait" = Option<String>, Query, description = "Answer when it has ended, or as it is after so long: `30s`; at most `60s`"),
        ("at" = Option<u64>, Query, minimum = 1, description = "As it was after this entry of its history"),
        (
            "maxValueBytes" = Option<u32>,
            Query,
            description = "In place of longer values: `{\"$truncated\": bytes, \"href\": \"…\"}`"
        ),
        ("history" = Option<u32>, Query, maximum = 1000, description = "Entries of its history that come with it; 1,000 unless given"),
        (
            "include" = Option<schema::ExecutionInclude>,
            Query,
            description = "`reasons`: with what it does or waits for, and the fields that follow in the schema; `at`, `maxValueBytes` and \
                           `history` ask for them too"
        )
    ),
    responses((status = 200, description = "The execution", body = schema::ExecutionAnswer))
)]
pub(crate) async fn execution(
    State(app): State<App>,
    ExecutionPath(id): ExecutionPath,
    Query(query): Query<ExecutionQuery>,
    standing: Standing,
) -> Result<Response, Problem> {
    let Some(inspect) = query.inspect else {
        return Ok(reply::execution(StatusCode::OK, &find(&app, id, query.wait, &standing).await?));
    };
    if let Some(wait) = query.wait {
        tokio::select! {
            ended = app.engine.ended_within(id, wait) => ended?,
            () = app.closing() => {}
            () = app.access.lost(&standing) => return Err(access::revoked()),
        }
    }
    match app.engine.inspect(id, inspect).await? {
        Some(inspected) => reply::ok(&inspected),
        None => Err(Problem::execution_not_found(&id.to_string())),
    }
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

pub(crate) struct HistoryQuery(HistoryRequest);

impl FromQuery for HistoryQuery {
    const NAMES: &'static [&'static str] = &["after", "before", "order", "limit", "types", "stepId", "q", "payloads"];

    fn read(pairs: &Pairs) -> Result<HistoryQuery, Problem> {
        let order = match pairs.one("order")? {
            None | Some("asc") => HistoryOrder::Ascending,
            Some("desc") => HistoryOrder::Descending,
            Some(other) => return Err(invalid(format!("`order` is `{}`, `asc` or `desc` was expected", other.escape_debug()))),
        };
        let types = pairs.each::<String>("types")?;
        Ok(HistoryQuery(HistoryRequest {
            after: pairs.number("after", 0, limits::INT64_MAX)?,
            before: pairs.number("before", 0, limits::INT64_MAX)?,
            order,
            limit: Some(page_limit(pairs)?.unwrap_or(limits::HISTORY_PAGE_DEFAULT)),
            types: types.into_iter().filter(|kind| !kind.is_empty()).collect(),
            step: pairs.one("stepId")?.map(str::to_owned),
            text: pairs.one("q")?.filter(|text| !text.is_empty()).map(str::to_owned),
            payloads: payloads(pairs)?,
        }))
    }
}

pub(crate) fn payloads(pairs: &Pairs) -> Result<Payloads, Problem> {
    match pairs.one("payloads")? {
        None | Some("inline") => Ok(Payloads::Inline),
        Some("none") => Ok(Payloads::None),
        Some(other) => Err(invalid(format!("`payloads` is `{}`, `inline` or `none` was expected", other.escape_debug()))),
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

/// The history of an execution, oldest entry first, or newest first.
///
/// Where entries are looked for (`types`, `stepId`, `q`) a page takes about 300 ms at most: it may have few entries, or none, and a
/// `nextCursor` all the same.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}/history",
    operation_id = "getHistory",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The execution's id"),
        ("after" = Option<u64>, Query, description = "Entries with a higher `seq`; the `nextCursor` of the page before"),
        ("before" = Option<u64>, Query, description = "Entries with a lower `seq`; with `order=desc` the `nextCursor` of the page before"),
        ("order" = Option<schema::HistoryOrder>, Query, description = "`asc` unless given"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1,000 unless given; a page also ends at 4 MiB"),
        ("types" = Option<Vec<String>>, Query, description = "Entries of these types"),
        ("stepId" = Option<String>, Query, description = "Entries of this step"),
        ("q" = Option<String>, Query, description = "Entries with this text in what they say"),
        ("payloads" = Option<schema::HistoryPayloads>, Query, description = "`none` leaves inputs, outputs and stacks out and says how long they are")
    ),
    responses((status = 200, description = "One page", body = schema::HistoryPage))
)]
pub(crate) async fn history(
    State(app): State<App>,
    ExecutionPath(id): ExecutionPath,
    Query(HistoryQuery(request)): Query<HistoryQuery>,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        entries: Vec<SizedEntry>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<String>,
        total: u64,
    }
    let HistorySlice { entries, next, total } = app.engine.history_slice(id, request).await?;
    reply::ok(&Page { entries, next_cursor: next.map(|seq| seq.to_string()), total })
}

/// One entry of a history, whole.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}/history/{seq}",
    operation_id = "getHistoryEntry",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The execution's id"),
        ("seq" = u64, Path, description = "Which entry: 1, 2, 3 ...")
    ),
    responses((status = 200, description = "The entry", body = schema::HistoryEntry))
)]
pub(crate) async fn history_entry(
    State(app): State<App>,
    Segments((id, seq)): Segments<(String, String)>,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let id = parameters::execution_id(&id)?;
    let not_found = || {
        let detail = format!("execution {id} has no entry `{}` in its history", seq.escape_debug());
        Problem::new(&Kind::ENTRY_NOT_FOUND, detail)
    };
    let number: u64 = seq.parse().map_err(|_| not_found())?;
    reply::ok(&app.engine.history_entry(id, number).await?.ok_or_else(not_found)?)
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
