//! How the engine is, and who runs what: workers and actions.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, interval};
use workflow_engine::{ActionView, NodeView, SystemView, WorkerView};

use crate::access::Standing;
use crate::app::App;
use crate::parameters::{NoQuery, Query};
use crate::problem::Problem;
use crate::routes::stream;
use crate::{limits, reply, schema};

/// Whoever runs actions: remote workers that are connected, endpoints, and this process.
#[utoipa::path(
    get,
    path = "/api/v1/workers",
    operation_id = "listWorkers",
    tag = "workers",
    responses((status = 200, description = "All of them", body = schema::WorkerList))
)]
pub(crate) async fn workers(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List {
        workers: Vec<WorkerView>,
    }
    reply::ok(&List { workers: app.engine.workers().await? })
}

/// Every action that somebody provides or a workflow names. First those that somebody waits for and nobody provides.
#[utoipa::path(
    get,
    path = "/api/v1/actions",
    operation_id = "listActions",
    tag = "workers",
    responses((status = 200, description = "All of them", body = schema::ActionList))
)]
pub(crate) async fn actions(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List {
        actions: Vec<ActionView>,
    }
    reply::ok(&List { actions: app.engine.actions().await? })
}

/// The engines that share the work on this store, and which of them answers. On SQLite it is one.
#[utoipa::path(
    get,
    path = "/api/v1/nodes",
    operation_id = "listNodes",
    tag = "operation",
    responses((status = 200, description = "All of them, in the order of their ids", body = schema::NodeList))
)]
pub(crate) async fn nodes(State(app): State<App>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct List {
        nodes: Vec<NodeView>,
    }
    reply::ok(&List { nodes: app.engine.nodes().await? })
}

/// The engine and its store, with whoever asks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct System {
    version: &'static str,
    #[serde(flatten)]
    engine: SystemView,
    limits: SystemLimits,
    /// What this server offers, for clients that know older ones.
    features: &'static [&'static str],
    /// `read`, `write` or `admin`: what the caller may do.
    access: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SystemLimits {
    payload_bytes_max: usize,
    steps_max: usize,
    history_entries_max: u64,
}

const FEATURES: &[&str] = &["runNow", "summaries", "errors", "statistics", "dryRun", "jobs"];

async fn look(app: &App, standing: &Standing) -> Result<System, Problem> {
    let limits = app.engine.limits();
    Ok(System {
        version: env!("CARGO_PKG_VERSION"),
        engine: app.engine.system().await?,
        limits: SystemLimits {
            payload_bytes_max: limits.payload_bytes_max,
            steps_max: limits.steps_max,
            history_entries_max: limits.history_entries_max,
        },
        features: FEATURES,
        access: standing.access(),
    })
}

/// How the engine is: its store, what waits, how much it does, over ten minutes.
#[utoipa::path(
    get,
    path = "/api/v1/system",
    operation_id = "getSystem",
    tag = "operation",
    responses((status = 200, description = "As it is now", body = schema::System))
)]
pub(crate) async fn system(
    State(app): State<App>,
    Query(NoQuery): Query<NoQuery>,
    standing: Standing,
) -> Result<Response, Problem> {
    reply::ok(&look(&app, &standing).await?)
}

/// The same once a second: each message is what `/system` answers.
#[utoipa::path(
    get,
    path = "/api/v1/system/stream",
    operation_id = "streamSystem",
    tag = "operation",
    responses((status = 200, description = "Messages with the event `system`", content_type = "text/event-stream", body = schema::System))
)]
pub(crate) async fn system_stream(
    State(app): State<App>,
    Query(NoQuery): Query<NoQuery>,
    standing: Standing,
) -> Result<Response, Problem> {
    let permit = app.admission.waiter()?;
    let lost = Box::pin(app.access.lost(&standing));
    let beating = Beating { app: app.clone(), standing, beat: interval(BEAT), _permit: permit, lost };
    Ok(stream::respond(&app, Sse::new(messages(beating))))
}

const BEAT: Duration = Duration::from_secs(1);

struct Beating {
    app: App,
    standing: Standing,
    beat: Interval,
    /// Its place among those that wait.
    _permit: OwnedSemaphorePermit,
    /// Ends when the client may not see more.
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
}

fn messages(beating: Beating) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(Some(beating), |beating| async {
        let mut beating = beating?;
        let closing = beating.app.closing();
        tokio::select! {
            _ = beating.beat.tick() => {}
            () = closing => return None,
            () = &mut beating.lost => return None,
        }
        let system = look(&beating.app, &beating.standing).await.ok()?;
        let data = serde_json::to_string(&system).expect("it is JSON");
        Some((Ok(Event::default().event("system").retry(limits::STREAM_RETRY).data(data)), Some(beating)))
    })
}
