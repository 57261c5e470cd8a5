//! What every route holds, and how routes and layers are put together.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use workflow_engine::Engine;

use crate::access::{Access, Strangers};
use crate::admission::{self, Admission};
use crate::cluster::Cluster;
use crate::direct::Direct;
use crate::hosts::{self, Hosts};
use crate::problem::{Kind, Problem};
use crate::{Options, body, metrics, observe, openapi, routes};

/// What every route holds. Cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub engine: Engine,
    pub options: Options,
    pub admission: Admission,
    pub hosts: Hosts,
    pub access: Access,
    pub cluster: Cluster,
    pub openapi: Bytes,
    /// None where metrics are not collected by this crate.
    pub metrics: Option<PrometheusHandle>,
    closing: watch::Receiver<bool>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// Ends when the server shuts down: whoever only waits answers with what there is.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.closing.clone();
        async move {
            if closing.wait_for(|closing| *closing).await.is_err() {
                // A router without a server of ours: nobody will say so.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The API as an axum router, for a process that has a server of its own. It answers to loopback's names and to
/// [`Options::allowed_hosts`], and asks for a token once there is one.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn router(engine: Engine, options: Options) -> Router {
    let hosts = Hosts::loopback_and(&options.allowed_hosts);
    build(engine, options, hosts, Strangers::Welcome, never()).0
}

/// The same for calls of this process itself, which need no token, and what answers without it those that are made most often.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn direct(engine: Engine, options: Options) -> (Router, Direct) {
    let hosts = Hosts::loopback_and(&options.allowed_hosts);
    let (router, app) = build(engine, options, hosts, Strangers::None, never());
    (router, Direct { app })
}

/// The shutdown of who has a server of their own.
fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

pub(crate) fn build(
    engine: Engine,
    options: Options,
    hosts: Hosts,
    strangers: Strangers,
    closing: watch::Receiver<bool>,
) -> (Router, App) {
    let (routes, document) = openapi::describe(routes::all());
    let app = App(Arc::new(Shared {
        access: Access::new(engine.tokens(), &options, strangers),
        cluster: Cluster::new(),
        engine,
        admission: Admission::new(&options),
        hosts,
        openapi: document,
        metrics: options.metrics.then(metrics::install).flatten(),
        options,
        closing,
    }));
    // The last layer is the first to see a request.
    let router = routes
        .fallback(routes::page::nowhere)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), receive))
        .with_state(app.clone());
    (router, app)
}

/// What happens to every request. One layer and not three: each has a price, and a request is small.
async fn receive(State(app): State<App>, request: Request, next: Next) -> Response {
    observe::observe(body::seen_to(request), async |request| match hosts::guard(&app.hosts, request) {
        Ok(request) => match app.access.guard(request) {
            Ok((request, mut trail)) => {
                let answer = admission::admit(&app, request, next).await;
                trail.write(&answer);
                answer
            }
            Err(refused) => refused,
        },
        Err(refused) => refused,
    })
    .await
}

pub(crate) async fn no_such_route(request: Request) -> Problem {
    let path = request.uri().path();
    let hint = if let Some(shorter) = path.strip_suffix('/') {
        format!("paths have no slash at the end: `{shorter}`")
    } else if ["/workflows", "/executions", "/events", "/endpoints", "/tokens"].iter().any(|route| path.starts_with(route)) {
        format!("paths begin with `/api/v1`: `/api/v1{path}`")
    } else {
        "`/openapi.json` lists all routes".to_owned()
    };
    let problem = Problem::new(&Kind::NOT_FOUND, format!("there is no route `{path}`; {hint}"));
    body::discard(request.into_body());
    problem
}

/// axum adds the `Allow` header.
async fn no_such_method(method: Method, request: Request) -> Problem {
    let detail = format!("`{}` has no method {method}; the header `allow` lists those that it has", request.uri().path());
    body::discard(request.into_body());
    Problem::new(&Kind::METHOD_NOT_ALLOWED, detail)
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    use axum::response::IntoResponse;
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(message, "a request ran into a bug");
    let detail = "the server ran into a bug of its own; its log has the details under the request id of this answer";
    let mut response = Problem::new(&Kind::INTERNAL, detail).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// As an operator reads it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_bug_is_answered_and_the_server_goes_on() {
        let bug = || async {
            if true {
                panic!("the tests' own");
            }
        };
        let router: Router = Router::new().route("/bug", axum::routing::get(bug)).layer(CatchPanicLayer::custom(panicked));
        for _ in 0..2 {
            let response = router.clone().oneshot(Request::get("/bug").body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let text = std::str::from_utf8(&body).unwrap();
            assert!(text.contains(r#""code":"internal""#) && !text.contains("tests' own"), "{text}");
        }
    }
}
