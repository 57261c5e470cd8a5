//! The route of workers: a request that becomes a WebSocket. What is said on it is in `worker.rs`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::Instrument;

use crate::access::Standing;
use crate::app::App;
use crate::parameters::{NoQuery, Query};
use crate::problem::{Kind, Problem};
use crate::protocol::{self, Link};
use crate::{schema, worker as session};

/// A worker connects: a WebSocket, over which it takes tasks and gives results.
///
/// What is said on it is in `docs/worker-protocol.md`.
#[utoipa::path(
    get,
    path = "/api/v1/worker",
    operation_id = "connectWorker",
    tag = "workers",
    params(("Sec-WebSocket-Protocol" = String, Header, description = "`workflow.worker.v1`")),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 426, description = "The request does not ask for a WebSocket", content_type = "application/problem+json", body = schema::ProblemDocument)
    )
)]
pub(crate) async fn worker(
    State(app): State<App>,
    Query(NoQuery): Query<NoQuery>,
    standing: Standing,
    request: Request,
) -> Response {
    match upgrade(app, standing, request) {
        Ok(response) => response,
        Err(problem) => {
            let is_required = *problem.kind == Kind::UPGRADE_REQUIRED;
            let mut response = problem.into_response();
            if is_required {
                let headers = response.headers_mut();
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            response
        }
    }
}

fn upgrade(app: App, standing: Standing, mut request: Request) -> Result<Response, Problem> {
    let required = |why: String| {
        let detail =
            format!("workers connect here with a WebSocket, and this request is none ({why}); see docs/worker-protocol.md");
        Problem::new(&Kind::UPGRADE_REQUIRED, detail)
    };
    let mut response =
        create_response_with_body(&request, Body::empty).map_err(|error| required(error.to_string().to_lowercase()))?;
    speaks_our_protocol(request.headers())?;
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol::SUBPROTOCOL));
    let upgraded = request.extensions_mut().remove::<OnUpgrade>();
    let upgraded = upgraded.ok_or_else(|| required("it did not come over a connection of its own".to_owned()))?;
    let place = app.admission.worker()?;

    let conversation = async move {
        match upgraded.await {
            Ok(upgraded) => {
                let frame_bytes_max = session::frame_bytes_max(&app);
                let heartbeat = app.options.worker_heartbeat;
                let link = Link::new(TokioIo::new(upgraded), Role::Server, frame_bytes_max, heartbeat).await;
                session::converse(&app, &standing, link).await;
            }
            Err(error) => tracing::debug!(%error, "a worker's connection broke before it was one"),
        }
        drop(place);
    };
    // Not a waiting request: it has been answered, and lives for as long as the worker does.
    tokio::spawn(conversation.instrument(tracing::Span::current()));
    Ok(response)
}

fn speaks_our_protocol(headers: &HeaderMap) -> Result<(), Problem> {
    let asked = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let asked = asked.iter().filter_map(|value| value.to_str().ok());
    let asked: Vec<&str> = asked.flat_map(|value| value.split(',')).map(str::trim).collect();
    if asked.contains(&protocol::SUBPROTOCOL) {
        return Ok(());
    }
    let found = asked.first().map_or("none".to_owned(), |one| format!("`{}`", one.escape_debug()));
    let detail = format!(
        "header `sec-websocket-protocol`: `{}` was expected, {found} was found; it says which version of the protocol is spoken",
        protocol::SUBPROTOCOL
    );
    Err(Problem::new(&Kind::INVALID_PARAMETER, detail))
}
