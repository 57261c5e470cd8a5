//! Failures by what they have in common.

use axum::extract::State;
use axum::response::Response;
use workflow_core::fingerprint::Fingerprint;
use workflow_engine::statistics::{ErrorFilter, Window};

use crate::app::App;
use crate::parameters::{FromQuery, Pairs, Query, Segments, invalid};
use crate::problem::{Kind, Problem};
use crate::routes::filter::{self, Named};
use crate::{reply, schema};

pub(crate) struct ErrorsQuery(ErrorFilter);

impl FromQuery for ErrorsQuery {
    const NAMES: &'static [&'static str] = &["workflowId", "version", "window"];

    fn read(pairs: &Pairs) -> Result<ErrorsQuery, Problem> {
        let workflows: Vec<_> = pairs.each::<Named>("workflowId")?.into_iter().map(|Named(id)| id).collect();
        let version = filter::version(pairs)?;
        filter::of_one_workflow(version, &workflows).map_err(invalid)?;
        let window = pairs.one_of("window")?.unwrap_or(Window::Week);
        Ok(ErrorsQuery(ErrorFilter { workflows, version, window }))
    }
}

/// What has failed lately, grouped by what the messages have in common: numbers, ids, addresses and times are taken out of them.
///
/// Those that still happen come first, then those that happened most. Kept hour by hour for 30 days, not found by looking at histories.
#[utoipa::path(
    get,
    path = "/api/v1/errors",
    operation_id = "listErrors",
    tag = "executions",
    params(
        ("workflowId" = Option<Vec<String>>, Query, description = "Of these workflows only"),
        ("version" = Option<u32>, Query, description = "Of this version of the one workflow"),
        ("window" = Option<schema::Window>, Query, description = "`7d` unless given")
    ),
    responses((status = 200, description = "At most 200 kinds", body = schema::ErrorList))
)]
pub(crate) async fn errors(State(app): State<App>, Query(ErrorsQuery(filter)): Query<ErrorsQuery>) -> Result<Response, Problem> {
    reply::ok(&app.engine.errors(filter).await?)
}

/// One kind of failure, with messages of it. Its executions are `/executions?errorFingerprint=`.
#[utoipa::path(
    get,
    path = "/api/v1/errors/{fingerprint}",
    operation_id = "getError",
    tag = "executions",
    params(
        ("fingerprint" = String, Path, description = "16 hexadecimal digits, as in the list"),
        ("workflowId" = Option<Vec<String>>, Query, description = "In these workflows only"),
        ("version" = Option<u32>, Query, description = "In this version of the one workflow"),
        ("window" = Option<schema::Window>, Query, description = "`7d` unless given")
    ),
    responses((status = 200, description = "The kind", body = schema::ErrorDetail))
)]
pub(crate) async fn error(
    State(app): State<App>,
    Segments(fingerprint): Segments<String>,
    Query(ErrorsQuery(filter)): Query<ErrorsQuery>,
) -> Result<Response, Problem> {
    let not_found = || {
        let detail = format!(
            "nothing has failed as `{}` in the last 30 days; `GET /api/v1/errors` lists what has",
            fingerprint.escape_debug()
        );
        Problem::new(&Kind::ERROR_NOT_FOUND, detail)
    };
    let parsed: Fingerprint = fingerprint.parse().map_err(|_| not_found())?;
    reply::ok(&app.engine.error(filter, parsed).await?.ok_or_else(not_found)?)
}
