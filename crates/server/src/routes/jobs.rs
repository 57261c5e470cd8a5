//! Jobs: the same control call for many executions.

use std::convert::Infallible;
use std::pin::Pin;
use std::str::FromStr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ExecutionId, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_engine::ExecutionFilter;
use workflow_engine::jobs::{Job, JobAction, JobOutcome, JobRequest, Which};

use crate::access::Standing;
use crate::app::App;
use crate::body::{FromBody, JsonBody, Nothing};
use crate::caller::OnBehalf;
use crate::parameters::{FromQuery, Key, NoQuery, Pairs, Query, Segments, invalid};
use crate::problem::{Kind, Problem};
use crate::routes::{filter, stream};
use crate::{body, limits, reply, schema};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct JobBody {
    action: JobAction,
    #[serde(default, deserialize_with = "body::present")]
    ids: Option<Vec<ExecutionId>>,
    #[serde(default, deserialize_with = "body::present")]
    filter: Option<Json>,
    #[serde(default, deserialize_with = "body::present")]
    as_of: Option<Timestamp>,
    #[serde(default)]
    canary: bool,
    #[serde(default)]
    dry_run: bool,
}

impl FromBody for JobBody {
    fn bytes_max(_: &App) -> usize {
        limits::SMALL_BODY_BYTES_MAX
    }

    const HINT: &'static str = r#"send {"action": "retry", "filter": {"workflowId": ["order"], "status": ["failed"]}}, or "ids""#;
}

/// The filter of a list, as a body has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[derive(Default)]
struct FilterBody {
    workflow_id: Vec<WorkflowId>,
    version: Option<Version>,
    status: Vec<Status>,
    attention: Option<String>,
    error_fingerprint: Option<String>,
    triggered_by: Option<String>,
    started_after: Option<Timestamp>,
    started_before: Option<Timestamp>,
}

impl FilterBody {
    fn read(json: &Json) -> Result<ExecutionFilter, Problem> {
        let wrong = |why: String| Problem::new(&Kind::INVALID_REQUEST, format!("`filter`: {why}"));
        let body: FilterBody = json.to().map_err(|error| wrong(error.to_string()))?;
        filter::of_one_workflow(body.version, &body.workflow_id).map_err(wrong)?;
        let filter = ExecutionFilter {
            workflows: body.workflow_id,
            version: body.version,
            statuses: body.status,
            attention: body.attention.as_deref().map(FromStr::from_str).transpose().map_err(wrong)?,
            failure: body
                .error_fingerprint
                .as_deref()
                .map(Fingerprint::from_str)
                .transpose()
                .map_err(|error| wrong(error.to_string()))?,
            triggered_by: body.triggered_by,
            started_after: body.started_after,
            started_before: body.started_before,
            text: None,
        };
        filter::trigger(filter.triggered_by.as_deref()).map_err(wrong)?;
        Ok(filter)
    }
}

/// Makes a job: retries, replays, cancels, pauses or resumes many executions, and keeps what came of each.
///
/// Which they are is fixed now: those named by `ids`, or those that the filter means and whose status allows it. With `canary` it does
/// one and waits to be told to go on. With `dryRun` nothing is done, and the answer says how many it would take.
#[utoipa::path(
    post,
    path = "/api/v1/jobs",
    operation_id = "createJob",
    tag = "jobs",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key again answers with the job that it made")),
    request_body(content = schema::JobBody),
    responses(
        (status = 200, description = "What it would take, or the job that the idempotency key had made", body = schema::JobAnswer),
        (status = 201, description = "The job", body = schema::Job)
    )
)]
pub(crate) async fn create(
    OnBehalf(engine): OnBehalf,
    Query(NoQuery): Query<NoQuery>,
    Key(key): Key,
    JsonBody(body, _room): JsonBody<JobBody>,
) -> Result<Response, Problem> {
    let JobBody { action, ids, filter, as_of, canary, dry_run } = body;
    let which = match (ids, &filter) {
        (Some(ids), None) => Which::These(ids),
        (None, Some(filter)) => Which::Filter(Box::new(FilterBody::read(filter)?)),
        _ => {
            return Err(Problem::new(
                &Kind::INVALID_REQUEST,
                "one of `ids` and `filter` was expected; `{}` is a filter that means all",
            ));
        }
    };
    let request = JobRequest { action, which, as_of, canary, key, shown: filter };
    if dry_run {
        return reply::ok(&engine.preview_job(request).await?);
    }
    let answer = engine.start_job(request).await?;
    let status = if answer.existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok(reply::located(reply::json(status, &answer.job)?, &format!("/api/v1/jobs/{}", answer.job.id)))
}

pub(crate) struct JobsQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

impl FromQuery for JobsQuery {
    const NAMES: &'static [&'static str] = &["limit", "cursor"];

    fn read(pairs: &Pairs) -> Result<JobsQuery, Problem> {
        let cursor = pairs.one("cursor")?.map(str::to_owned);
        if let Some(other) = cursor.as_deref().filter(|cursor| !workflow_engine::jobs::is_id(cursor)) {
            return Err(invalid(format!("`cursor`: `{}` is no `nextCursor` of a list of jobs", other.escape_debug())));
        }
        Ok(JobsQuery { cursor, limit: filter::page_limit(pairs)? })
    }
}

/// Jobs, the newest first. They are kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    operation_id = "listJobs",
    tag = "jobs",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "50 unless given"),
        ("cursor" = Option<String>, Query, description = "The `nextCursor` of the page before")
    ),
    responses((status = 200, description = "One page", body = schema::JobList))
)]
pub(crate) async fn list(State(app): State<App>, Query(query): Query<JobsQuery>) -> Result<Response, Problem> {
    reply::ok(&app.engine.jobs(query.cursor, query.limit).await?)
}

fn not_found(id: &str) -> Problem {
    Problem::new(
        &Kind::JOB_NOT_FOUND,
        format!("there is no job `{}`; `GET /api/v1/jobs` lists those that there are", id.escape_debug()),
    )
}

fn found(id: &str, job: Option<Job>) -> Result<Response, Problem> {
    reply::ok(&job.ok_or_else(|| not_found(id))?)
}

/// How far a job is.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    operation_id = "getJob",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job", body = schema::Job))
)]
pub(crate) async fn job(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    found(&id, app.engine.job(&id).await?)
}

pub(crate) struct ItemsQuery {
    outcome: Option<JobOutcome>,
    cursor: Option<u64>,
    limit: Option<usize>,
}

impl FromQuery for ItemsQuery {
    const NAMES: &'static [&'static str] = &["outcome", "limit", "cursor"];

    fn read(pairs: &Pairs) -> Result<ItemsQuery, Problem> {
        let (outcome, cursor) = (pairs.one_of("outcome")?, pairs.number("cursor", 0, i64::MAX.unsigned_abs())?);
        Ok(ItemsQuery { outcome, cursor, limit: filter::page_limit(pairs)? })
    }
}

/// What came of each execution of a job, in the order in which it took them. What was done in the last second may not be there yet.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/items",
    operation_id = "listJobItems",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("outcome" = Option<schema::JobOutcome>, Query, description = "With this outcome only"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "50 unless given"),
        ("cursor" = Option<u64>, Query, description = "The `nextCursor` of the page before")
    ),
    responses((status = 200, description = "One page", body = schema::JobItemList))
)]
pub(crate) async fn items(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(ItemsQuery { outcome, cursor, limit }): Query<ItemsQuery>,
) -> Result<Response, Problem> {
    reply::ok(&app.engine.job_items(&id, outcome, cursor, limit).await?.ok_or_else(|| not_found(&id))?)
}

/// Stops a job. What it has done stays done.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/stop",
    operation_id = "stopJob",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job", body = schema::Job))
)]
pub(crate) async fn stop(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
    JsonBody(Nothing {}, _room): JsonBody<Nothing>,
) -> Result<Response, Problem> {
    found(&id, app.engine.stop_job(&id).await?)
}

/// Goes on with a job that waits after its first execution.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/continue",
    operation_id = "continueJob",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job", body = schema::Job))
)]
pub(crate) async fn go_on(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
    JsonBody(Nothing {}, _room): JsonBody<Nothing>,
) -> Result<Response, Problem> {
    found(&id, app.engine.continue_job(&id).await?)
}

/// A job as it goes on: messages with the event `job`, the last one with `end`; then the job is over.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/stream",
    operation_id = "streamJob",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "Messages whose data is the job", content_type = "text/event-stream", body = schema::Job))
)]
pub(crate) async fn job_stream(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
    standing: Standing,
) -> Result<Response, Problem> {
    let permit = app.admission.waiter()?;
    let watched = app.engine.watch_job(&id).await?;
    let job = app.engine.job(&id).await?.ok_or_else(|| not_found(&id))?;
    let lost = Box::pin(app.access.lost(&standing));
    let following = Following { app: app.clone(), watched, job: Some(job), _permit: permit, lost };
    Ok(stream::respond(&app, Sse::new(messages(following)).keep_alive(KeepAlive::new().interval(limits::HEARTBEAT))))
}

struct Following {
    app: App,
    /// None once it is over.
    watched: Option<watch::Receiver<Job>>,
    /// What is to be told.
    job: Option<Job>,
    /// Its place among those that wait.
    _permit: OwnedSemaphorePermit,
    /// Ends when the client may not see more.
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
}

fn messages(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    let told = |name: &str, data: String| Ok(Event::default().event(name).data(data));
    unfold(Some(following), move |following| async move {
        let mut following = following?;
        if let Some(job) = following.job.take() {
            if job.status.is_over() {
                following.watched = None;
            }
            let data = serde_json::to_string(&job).expect("a job is JSON");
            return Some((told("job", data), Some(following)));
        }
        let closing = following.app.closing();
        let Some(watched) = &mut following.watched else {
            return Some((told("end", "{}".to_owned()), None));
        };
        tokio::select! {
            changed = watched.changed() => {
                if changed.is_err() {
                    return None;
                }
            }
            () = closing => return None,
            () = &mut following.lost => return None,
        }
        let job = watched.borrow_and_update().clone();
        let data = serde_json::to_string(&job).expect("a job is JSON");
        if job.status.is_over() {
            following.watched = None;
        }
        Some((told("job", data), Some(following)))
    })
}
