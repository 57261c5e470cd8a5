//! Definitions, and starting them.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use workflow_core::id::{IdempotencyKey, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_engine::{EMBEDDED_HISTORY_MAX, Registered, StartAnswer, StartRequest};

use crate::access::Standing;
use crate::app::App;
use crate::body::{FromBody, JsonBody};
use crate::caller::OnBehalf;
use crate::parameters::{self, FromQuery, Key, NoQuery, Pairs, Query, Segments};
use crate::problem::{Kind, Problem};
use crate::{limits, reply, schema};

/// All workflows, each in its newest version, by id.
#[utoipa::path(
    get,
    path = "/api/v1/workflows",
    tag = "workflows",
    responses((status = 200, description = "All of them", body = schema::DefinitionList))
)]
pub(crate) async fn definitions(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List {
        workflows: Vec<Json>,
    }
    let workflows = app.engine.definitions().await?.into_iter().map(|definition| definition.json).collect();
    reply::ok(&List { workflows })
}

pub(crate) struct VersionQuery(Option<Version>);

impl FromQuery for VersionQuery {
    const NAMES: &'static [&'static str] = &["version"];

    fn read(pairs: &Pairs) -> Result<VersionQuery, Problem> {
        let number = pairs.number("version", 1, u32::MAX.into())?;
        Ok(VersionQuery(number.map(|number| Version(u32::try_from(number).expect("it was bounded")))))
    }
}

/// One workflow: its newest version, or the one asked for.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}",
    tag = "workflows",
    params(
        ("id" = String, Path, description = "The workflow's id"),
        ("version" = Option<u32>, Query, description = "The newest unless given")
    ),
    responses(
        (status = 200, description = "As it was registered, with `version`, `createdAt` and `updatedAt`", body = schema::Definition)
    )
)]
pub(crate) async fn definition(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Query(VersionQuery(version)): Query<VersionQuery>,
) -> Result<Response, Problem> {
    match app.engine.definition(&id, version).await? {
        Some(definition) => reply::ok(&definition.json),
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
    request_body(content = schema::Definition),
    responses(
        (status = 200, description = "It equals the newest version", body = schema::Definition),
        (status = 201, description = "A new version", body = schema::Definition)
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
            return Err(parameters::invalid(
                "`include` goes with `wait`: an execution that starts has its history anyway".to_owned(),
            ));
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
