//! The engine in this process.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{self, header};
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use workflow_core::id::ActionName;
use workflow_core::limits::Limits;
use workflow_engine::clock::{Clock, SystemClock};
use workflow_engine::{ActionResult, Engine, Handler, Retention, TaskId};
use workflow_server::{AdminToken, Call, Direct};
use workflow_store::{Keys, Location};

use crate::home::Broken;
use crate::message::Request;

#[derive(Debug)]
pub struct Embedded {
    engine: Engine,
    router: Router,
    direct: Direct,
    handler: Handler,
    concurrency: usize,
    payload_bytes_max: usize,
    servers: Mutex<HashMap<u16, Server>>,
}

/// Where executions are kept.
#[derive(Debug)]
pub struct Place {
    /// A file, or `:memory:`.
    pub store: String,
    /// What the file is encrypted with.
    pub keys: Keys,
}

/// Stops when it is dropped.
#[derive(Debug)]
struct Server {
    close: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Embedded {
    pub async fn open(
        place: Place,
        concurrency: usize,
        limits: Limits,
        retention: Retention,
        clock: Option<Arc<dyn Clock>>,
        handler: Handler,
    ) -> Result<Embedded, Broken> {
        // Attempts begin when JavaScript says that it can run them.
        let payload_bytes_max = limits.payload_bytes_max;
        let (require_actions, in_process_max) = (true, 0);
        let engine_options = workflow_engine::Options {
            limits,
            retention,
            require_actions,
            in_process_max,
            ..workflow_engine::Options::default()
        };
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock::default()));
        let Place { store, keys } = place;
        let opened = tokio::task::spawn_blocking(move || Location::parse(store).open(keys)).await;
        let broken = |message| Broken { code: "store_unavailable", message };
        let store = opened.map_err(|error| broken(error.to_string()))?.map_err(|error| broken(error.to_string()))?;
        let engine = Engine::open_on(store, engine_options, clock).await?;
        let (router, direct) = workflow_server::direct(engine.clone(), within_the_process(payload_bytes_max));
        let servers = Mutex::default();
        Ok(Embedded { engine, router, direct, handler, concurrency, payload_bytes_max, servers })
    }

    /// What is asked most often needs no request around it.
    pub fn call(&self, request: &Request<'_>) -> Option<(Direct, Call)> {
        let key = request.key().ok().filter(|_| !request.stream)?;
        let call = Call::new(&request.method, &request.path, key, request.body.map_or("", RawValue::get))?;
        Some((self.direct.clone(), call))
    }

    /// The request as the router takes it.
    pub fn answer(&self, request: &Request<'_>) -> Result<(Router, http::Request<Body>), Broken> {
        let mut builder =
            http::Request::builder().method(request.method.as_str()).uri(&request.path).header(header::HOST, "localhost");
        for (name, value) in request.headers() {
            builder = builder.header(name, value.as_bytes());
        }
        let body = request.body.map_or("", RawValue::get);
        if !body.is_empty() {
            builder = builder.header(header::CONTENT_LENGTH, body.len());
        }
        let invalid = |error: http::Error| Broken { code: "invalid_request", message: error.to_string() };
        Ok((self.router.clone(), builder.body(Body::from(body.to_owned())).map_err(invalid)?))
    }

    pub fn provide(&self, actions: &[String]) {
        for action in actions.iter().filter_map(|name| ActionName::new(name).ok()) {
            if !action.is_noop() {
                self.engine.provide(action, self.concurrency, self.handler.clone());
            }
        }
    }

    pub fn wanted(&self) -> Vec<String> {
        self.engine.actions_named().iter().map(ActionName::as_str).filter(|name| name.contains('.')).map(str::to_owned).collect()
    }

    pub fn work(&self) {
        self.engine.limit_in_process(self.concurrency);
    }

    pub fn finished(&self, results: Vec<(TaskId, ActionResult)>) {
        if !results.is_empty() {
            self.engine.finished(results);
        }
    }

    /// Serves the HTTP API until the engine is closed, and answers with the address that it listens on.
    pub async fn serve(
        &self,
        host: &str,
        port: u16,
        admin_token: Option<String>,
        insecure: bool,
    ) -> std::io::Result<std::net::SocketAddr> {
        use std::io::{Error, ErrorKind};
        let admin_token = admin_token.as_deref().map(AdminToken::new).transpose();
        let admin_token = admin_token.map_err(|weak| Error::new(ErrorKind::InvalidInput, format!("`adminToken`: {weak}")))?;
        let payload_bytes_max = self.payload_bytes_max;
        let options =
            workflow_server::Options { payload_bytes_max, admin_token, insecure, ..workflow_server::Options::default() };
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        workflow_server::may_listen(address.ip(), &options, &self.engine.tokens().borrow())
            .map_err(|unguarded| Error::new(ErrorKind::PermissionDenied, unguarded))?;
        self.engine.expect_workers();
        let (close, closed) = oneshot::channel::<()>();
        let closed = async move {
            let _ = closed.await;
        };
        let serving = tokio::spawn(workflow_server::serve(self.engine.clone(), listener, options, closed));
        self.servers().insert(address.port(), Server { close, serving });
        Ok(address)
    }

    /// Answers what has been asked, then ends.
    pub async fn stop_serving(&self, port: u16) {
        let server = self.servers().remove(&port);
        if let Some(Server { close, serving }) = server {
            drop(close);
            let _ = serving.await;
        }
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<u16, Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn quiet(&self) -> impl Future<Output = Result<(), workflow_engine::Error>> + Send + use<> {
        let engine = self.engine.clone();
        async move { engine.quiet().await }
    }

    pub async fn abandon(&self) {
        for Server { serving, .. } in self.take_servers() {
            serving.abort();
            // What it says is that it was.
            let _ = serving.await;
        }
        self.engine.abandon().await;
    }

    /// Once it has answered, nobody listens at the ports any more.
    pub async fn close(&self, grace: Duration) {
        let servings: Vec<_> = self
            .take_servers()
            .into_iter()
            .map(|Server { close, serving }| {
                drop(close);
                serving
            })
            .collect();
        let served = async {
            for serving in servings {
                let _ = serving.await;
            }
        };
        let (closed, ()) = tokio::join!(self.engine.shutdown(grace), served);
        if let Err(error) = closed {
            tracing::warn!(%error, "the engine was not closed in order");
        }
    }

    fn take_servers(&self) -> Vec<Server> {
        self.servers().drain().map(|(_, server)| server).collect()
    }
}

/// Whoever calls from the process itself cannot flood it more than it floods itself: only the engine's own bounds count.
fn within_the_process(payload_bytes_max: usize) -> workflow_server::Options {
    workflow_server::Options {
        payload_bytes_max,
        requests_max: usize::MAX,
        waiters_max: usize::MAX,
        metrics: false,
        ..workflow_server::Options::default()
    }
}
