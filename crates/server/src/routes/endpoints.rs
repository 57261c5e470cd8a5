//! Endpoints: where the engine calls actions over HTTP.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use workflow_core::id::{ActionName, EndpointName};
use workflow_core::time::Millis;
use workflow_engine::{EndpointRequest, EndpointView};

use crate::app::App;
use crate::body::{FromBody, JsonBody};
use crate::parameters::{EndpointPath, NoQuery, Query};
use crate::problem::{Kind, Problem};
use crate::routes::workflows::Deleted;
use crate::{limits, reply, schema};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint<'a> {
    name: &'a EndpointName,
    url: &'a str,
    actions: &'a [ActionName],
    discovered: bool,
    /// As it can be given: `5m`.
    timeout: String,
    concurrency: u32,
    has_secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<&'a str>,
}

impl<'a> Endpoint<'a> {
    fn new(view: &'a EndpointView) -> Endpoint<'a> {
        Endpoint {
            name: &view.name,
            url: &view.url,
            actions: &view.actions,
            discovered: view.discovered,
            timeout: view.timeout.to_string(),
            concurrency: view.concurrency,
            has_secret: view.has_secret,
            unreachable: view.unreachable.as_deref(),
        }
    }
}

/// All endpoints, by name.
#[utoipa::path(
    get,
    path = "/api/v1/endpoints",
    operation_id = "listEndpoints",
    tag = "endpoints",
    responses((status = 200, description = "All of them", body = schema::EndpointList))
)]
pub(crate) async fn endpoints(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List<'a> {
        endpoints: Vec<Endpoint<'a>>,
    }
    let views = app.engine.endpoints().await?;
    reply::ok(&List { endpoints: views.iter().map(Endpoint::new).collect() })
}

fn not_found(name: &EndpointName) -> Problem {
    Problem::new(
        &Kind::ENDPOINT_NOT_FOUND,
        format!("there is no endpoint `{name}`; `GET /api/v1/endpoints` lists those that there are"),
    )
}

/// One endpoint.
#[utoipa::path(
    get,
    path = "/api/v1/endpoints/{name}",
    operation_id = "getEndpoint",
    tag = "endpoints",
    params(("name" = String, Path, description = "The endpoint's name")),
    responses((status = 200, description = "The endpoint", body = schema::Endpoint))
)]
pub(crate) async fn endpoint(
    State(app): State<App>,
    EndpointPath(name): EndpointPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let views = app.engine.endpoints().await?;
    let view = views.iter().find(|view| view.name == name).ok_or_else(|| not_found(&name))?;
    reply::ok(&Endpoint::new(view))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointBody {
    url: String,
    actions: Option<Vec<ActionName>>,
    secret: Option<String>,
    timeout: Option<String>,
    concurrency: Option<u32>,
}

impl FromBody for EndpointBody {
    fn bytes_max(_: &App) -> usize {
        limits::SMALL_BODY_BYTES_MAX
    }

    const HINT: &'static str = r#"send {"url": "http://127.0.0.1:4800"}"#;
}

/// Adds an endpoint, or replaces it.
#[utoipa::path(
    put,
    path = "/api/v1/endpoints/{name}",
    operation_id = "putEndpoint",
    tag = "endpoints",
    params(("name" = String, Path, description = "The endpoint's name")),
    request_body(content = schema::EndpointBody),
    responses((status = 200, description = "The endpoint as it is now", body = schema::Endpoint))
)]
pub(crate) async fn put_endpoint(
    State(app): State<App>,
    EndpointPath(name): EndpointPath,
    Query(NoQuery): Query<NoQuery>,
    JsonBody(body, _room): JsonBody<EndpointBody>,
) -> Result<Response, Problem> {
    let EndpointBody { url, actions, secret, timeout, concurrency } = body;
    let timeout = timeout.as_deref().map(span).transpose()?;
    let view = app.engine.put_endpoint(EndpointRequest { name, url, actions, secret, timeout, concurrency }).await?;
    reply::ok(&Endpoint::new(&view))
}

fn span(text: &str) -> Result<Millis, Problem> {
    workflow_core::duration::parse(text).map_err(|error| Problem::new(&Kind::INVALID_JSON, format!("`timeout`: {error}")))
}

/// Removes an endpoint.
#[utoipa::path(
    delete,
    path = "/api/v1/endpoints/{name}",
    operation_id = "deleteEndpoint",
    tag = "endpoints",
    params(("name" = String, Path, description = "The endpoint's name")),
    responses((status = 200, description = "It existed, and does no more", body = schema::Deleted))
)]
pub(crate) async fn delete_endpoint(
    State(app): State<App>,
    EndpointPath(name): EndpointPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    if app.engine.remove_endpoint(&name).await? { reply::ok(&Deleted { deleted: true }) } else { Err(not_found(&name)) }
}
