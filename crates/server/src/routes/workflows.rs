//! Definitions, and starting them.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use workflow_core::id::{IdempotencyKey, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_engine::statistics::{Window, WorkflowStatistics};
use workflow_engine::{DefinitionView, EMBEDDED_HISTORY_MAX, Registered, StartAnswer, StartRequest, VersionView};

use crate::access::Standing;
use crate::app::App;
use crate::body::{FromBody, JsonBody};
use crate::caller::OnBehalf;
use crate::parameters::{FromQuery, Key, NoQuery, Pairs, Query, Segments, invalid};
use crate::problem::{Kind, Problem};
use crate::routes::filter;
use crate::{limits, reply, schema};

/// All workflows, each in its newest version, by id.
#[utoipa::path(
    get,
    path = "/api/v1/workflows",
    tag = "workflows",
    params(
        ("include" = Option<schema::WorkflowInclude>, Query, description = "`stats`: how each has fared"),
        ("window" = Option<schema::Window>, Query, description = "How far back; `24h` unless given")
    ),
    responses((status = 200, description = "All of them", body = schema::DefinitionList))
)]
pub(crate) async fn definitions(State(app): State<App>, Query(query): Query<DefinitionsQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List {
        workflows: Vec<Json>,
    }
    let mut statistics = match query.statistics {
        None => BTreeMap::new(),
        Some(window) => app.engine.statistics_of_all(window).await?,
    };
    let mut workflows = Vec::new();
    for definition in app.engine.definitions().await? {
        workflows.push(match statistics.remove(&definition.id) {
            None => definition.json,
            Some(statistics) => with_statistics(&definition, statistics)?,
        });
    }
    reply::ok(&List { workflows })
}

pub(crate) struct DefinitionsQuery {
    /// How far back, where they are wanted.
    statistics: Option<Window>,
}

impl FromQuery for DefinitionsQuery {
    const NAMES: &'static [&'static str] = &["include", "window"];

    fn read(pairs: &Pairs) -> Result<DefinitionsQuery, Problem> {
        let window = pairs.one_of("window")?;
        match pairs.one("include")? {
            Some("stats") => Ok(DefinitionsQuery { statistics: Some(window.unwrap_or(Window::Day)) }),
            Some(other) => Err(invalid(format!("`include` is `{}`, `stats` was expected", other.escape_debug()))),
            None if window.is_some() => Err(invalid("`window` is for `include=stats`".to_owned())),
            None => Ok(DefinitionsQuery { statistics: None }),
        }
    }
}

/// A definition with how it has fared, all of its versions together, without its steps.
fn with_statistics(definition: &DefinitionView, mut statistics: WorkflowStatistics) -> Result<Json, Problem> {
    fn no_json(error: impl std::fmt::Display) -> Problem {
        Problem::new(&Kind::INTERNAL, format!("statistics are no JSON: {error}"))
    }
    statistics.steps.clear();
    let mut fields = definition.json.fields().unwrap_or_default();
    fields.insert("stats".to_owned(), Json::from_serialize(&statistics).map_err(no_json)?);
    Json::from_serialize(&fields).map_err(no_json)
}

pub(crate) struct StatisticsQuery {
    version: Option<Version>,
    window: Window,
}

impl FromQuery for StatisticsQuery {
    const NAMES: &'static [&'static str] = &["version", "window"];

    fn read(pairs: &Pairs) -> Result<StatisticsQuery, Problem> {
        Ok(StatisticsQuery { version: filter::version(pairs)?, window: pairs.one_of("window")?.unwrap_or(Window::Day) })
    }
}

/// How a workflow and each of its steps have fared lately: kept hour by hour for 30 days, not found by looking at histories.
///
/// Percentiles are right within 3.2 %; the last second may be missing.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/stats",
    operation_id = "getStatistics",
    tag = "workflows",
    params(
        ("id" = String, Path, description = "The workflow's id"),
        ("version" = Option<u32>, Query, description = "Of this version; all together unless given"),
        ("window" = Option<schema::Window>, Query, description = "`24h` unless given")
    ),
    responses((status = 200, description = "Its statistics", body = schema::Statistics))
)]
pub(crate) async fn statistics(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(query): Query<StatisticsQuery>,
) -> Result<Response, Problem> {
    match app.engine.statistics(&id, query.version, query.window).await? {
        Some(statistics) => reply::ok(&statistics),
        None => Err(Problem::workflow_not_found(&id)),
    }
}

/// All versions of a workflow, the newest first, and how many executions each has.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/versions",
    operation_id = "listVersions",
    tag = "workflows",
    params(("id" = String, Path, description = "The workflow's id")),
    responses((status = 200, description = "All of them", body = schema::VersionList))
)]
pub(crate) async fn versions(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List {
        versions: Vec<VersionView>,
    }
    match app.engine.versions(&id).await? {
        Some(versions) => reply::ok(&List { versions }),
        None => Err(Problem::workflow_not_found(&id)),
    }
}

/// Says what registering a definition would say. Nothing is stored.
#[utoipa::path(
    post,
    path = "/api/v1/validate",
    operation_id = "validateDefinition",
    tag = "workflows",
    request_body(content = schema::DefinitionBody),
    responses((status = 200, description = "What was found", body = schema::Validation))
)]
pub(crate) async fn validate(
    State(app): State<App>,
    Query(NoQuery): Query<NoQuery>,
    JsonBody(source, _room): JsonBody<Json>,
) -> Result<Response, Problem> {
    reply::ok(&app.engine.validate(source).await?)
}

pub(crate) struct VersionQuery(Option<Version>);

impl FromQuery for VersionQuery {
    const NAMES: &'static [&'static str] = &["version"];

    fn read(pairs: &Pairs) -> Result<VersionQuery, Problem> {
        filter::version(pairs).map(VersionQuery)
    }
}

/// One workflow: its newest version, or the one asked for.
///
/// A version never changes. A client that keeps it says so with `If-None-Match`, and is answered in a word when it is still so.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}",
    tag = "workflows",
    params(
        ("id" = String, Path, description = "The workflow's id"),
        ("version" = Option<u32>, Query, description = "The newest unless given; also of a workflow that was deleted"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what the client has kept")
    ),
    responses(
        (
            status = 200,
            description = "As it was registered, with `version`, `createdAt` and `updatedAt`",
            body = schema::Definition,
            headers(("ETag" = String, description = "Another one as soon as the answer is another one"))
        ),
        (status = 304, description = "What the client has kept is still so")
    )
)]
pub(crate) async fn definition(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(VersionQuery(version)): Query<VersionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match app.engine.definition(&id, version).await? {
        Some(definition) => reply::kept(&definition.json, &headers),
        None => Err(Problem::workflow_not_found(&id)),
    }
}

/// Registers a definition.
///
/// What equals the newest version is that version; anything else gets the next number. Executions keep the version that they
/// started with.
#[utoipa::path(
    put,
    path = "/api/v1/workflows/{id}",
    tag = "workflows",
    params(("id" = String, Path, description = "The workflow's id, as in the definition")),
    request_body(content = schema::DefinitionBody),
    responses(
        (status = 200, description = "It equals the newest version", body = schema::RegisteredDefinition),
        (status = 201, description = "A new version", body = schema::RegisteredDefinition)
    )
)]
pub(crate) async fn register(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
    JsonBody(source, _room): JsonBody<Json>,
) -> Result<Response, Problem> {
    WorkflowId::new(&id).map_err(|error| Problem::new(&Kind::INVALID_PARAMETER, error.to_string()))?;
    if let Some(other) = id_within(&source).filter(|other| *other != id) {
        let detail =
            format!("the path says `{id}` and the definition says `{}`: both have to be the same id", other.escape_debug());
        return Err(Problem::new(&Kind::INVALID_PARAMETER, detail));
    }
    let registered = app.engine.register(source).await?;
    let status = if registered.created { StatusCode::CREATED } else { StatusCode::OK };
    let address = format!("/api/v1/workflows/{id}?version={}", registered.definition.version);
    Ok(reply::located(reply::json(status, &with_diagnostics(&registered)?)?, &address))
}

/// The id of a definition. None where the engine has something to say about it.
fn id_within(source: &Json) -> Option<String> {
    #[derive(Deserialize)]
    struct Identified {
        id: String,
    }
    source.to::<Identified>().ok().map(|definition| definition.id)
}

fn with_diagnostics(registered: &Registered) -> Result<indexmap::IndexMap<String, Json>, Problem> {
    let mut fields = registered.definition.json.fields().unwrap_or_default();
    let diagnostics = Json::from_serialize(&registered.diagnostics)
        .map_err(|error| Problem::new(&Kind::INTERNAL, format!("diagnostics are no JSON: {error}")))?;
    fields.insert("diagnostics".to_owned(), diagnostics);
    Ok(fields)
}

/// Deletes a workflow. Its executions go on; new ones cannot be started.
#[utoipa::path(
    delete,
    path = "/api/v1/workflows/{id}",
    operation_id = "deleteDefinition",
    tag = "workflows",
    params(("id" = String, Path, description = "The workflow's id")),
    responses((status = 200, description = "It existed, and does no more", body = schema::Deleted))
)]
pub(crate) async fn delete_definition(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    if app.engine.delete_definition(&id).await? {
        reply::ok(&Deleted { deleted: true })
    } else {
        Err(Problem::workflow_not_found(&id))
    }
}

#[derive(Serialize)]
pub(crate) struct Deleted {
    pub deleted: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    input: Option<Json>,
}

impl FromBody for StartBody {
    fn bytes_max(app: &App) -> usize {
        app.options.payload_bytes_max + limits::ENVELOPE_BYTES_MAX
    }

    fn absent() -> Option<StartBody> {
        Some(StartBody::default())
    }

    const HINT: &'static str = r#"send {"input": {...}}"#;
}

pub(crate) struct StartQuery {
    wait: Option<Duration>,
    /// Entries of the history in the answer to a start that waits.
    history: usize,
}

/// What the answer to a start that waits can hold besides the execution.
struct WithHistory;

impl FromStr for WithHistory {
    type Err = String;

    fn from_str(text: &str) -> Result<WithHistory, String> {
        match text {
            "history" => Ok(WithHistory),
            other => Err(format!("`{}` cannot be included; history can", other.escape_debug())),
        }
    }
}

impl FromQuery for StartQuery {
    const NAMES: &'static [&'static str] = &["wait", "include"];

    fn read(pairs: &Pairs) -> Result<StartQuery, Problem> {
        let wait = pairs.span("wait", limits::WAIT_MAX)?;
        let included: Vec<WithHistory> = pairs.each("include")?;
        if wait.is_none() && !included.is_empty() {
            return Err(invalid("`include` goes with `wait`: an execution that starts has its history anyway".to_owned()));
        }
        Ok(StartQuery { wait, history: if included.is_empty() { 0 } else { EMBEDDED_HISTORY_MAX } })
    }
}

/// Starts an execution, and with `wait` answers it once it has ended.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/executions",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The workflow's id"),
        (
            "wait" = Option<String>,
            Query,
            description = "Answer when it has ended, or as it is after so long: `30s`; at most `60s`. The history is left out then"
        ),
        ("include" = Option<String>, Query, description = "With `wait`: `history`, so that it is not left out"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again answers with the execution that it started")
    ),
    request_body(content = Option<schema::StartBody>),
    responses(
        (status = 200, description = "The idempotency key had started it before", body = schema::Execution),
        (status = 201, description = "Started", body = schema::Execution)
    )
)]
pub(crate) async fn start(
    State(app): State<App>,
    engine: OnBehalf,
    Segments(workflow): Segments<String>,
    Query(query): Query<StartQuery>,
    Key(key): Key,
    standing: Standing,
    JsonBody(body, _room): JsonBody<StartBody>,
) -> Result<Response, Problem> {
    reply::started(&begin(&app, engine, workflow, query, key, body, &standing).await?)
}

pub(crate) async fn begin(
    app: &App,
    OnBehalf(engine): OnBehalf,
    workflow: String,
    query: StartQuery,
    key: Option<IdempotencyKey>,
    body: StartBody,
    standing: &Standing,
) -> Result<StartAnswer, Problem> {
    let request = StartRequest { workflow, input: body.input, key };
    Ok(match query.wait {
        None => engine.start(request).await?,
        Some(wait) => {
            let (closing, lost) = (app.closing(), app.access.lost(standing));
            let cut_short = async move {
                tokio::select! {
                    () = closing => {}
                    // What it was allowed to start it is told of.
                    () = lost => {}
                }
            };
            let enough = async move { drop(timeout(wait, cut_short).await) };
            engine.start_and_wait(request, query.history, enough).await?
        }
    })
}
