//! For whoever runs the server: is it there, can it work, what has it done.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::parameters::{NoQuery, Query};
use crate::problem::{Kind, Problem};
use crate::{reply, schema};

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// The process is there.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((status = 200, description = "It is there", body = schema::Health))
)]
pub(crate) async fn healthz() -> Result<Response, Problem> {
    reply::ok(&Health { status: "ok" })
}

/// The store can be written, the engine is not shutting down, and it has a share of the executions.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "Work is taken", body = schema::Health),
        (status = 503, description = "No work is taken now", content_type = "application/problem+json", body = schema::ProblemDocument)
    )
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Response, Problem> {
    if app.engine.is_ready() {
        return reply::ok(&Health { status: "ready" });
    }
    let why = if app.engine.has_no_share() {
        "the other engines have not given this one its share yet"
    } else {
        "its store cannot be written, or it is shutting down"
    };
    Err(Problem::new(&Kind::STORE_UNAVAILABLE, format!("the engine takes no work now: {why}")))
}

/// What is stuck, and why: executions that make no sense, steps that nobody runs, endpoints that do not answer, a disk that is nearly full.
///
/// The worst comes first. It looks at what is under way, overdue, paused or wanting, at most 2,000 executions.
#[utoipa::path(
    get,
    path = "/api/v1/diagnosis",
    operation_id = "diagnose",
    tag = "operation",
    responses((status = 200, description = "What was found", body = schema::Diagnosis))
)]
pub(crate) async fn diagnosis(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    reply::ok(&app.engine.diagnose().await?)
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "Metrics", content_type = "text/plain", body = String))
)]
pub(crate) async fn metrics(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    match &app.metrics {
        Some(handle) => {
            crate::metrics::observe(&app.engine).await?;
            Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response())
        }
        None => {
            let detail = "metrics are turned off, or this process collects them with a recorder of its own";
            Err(Problem::new(&Kind::METRICS_ELSEWHERE, detail))
        }
    }
}
