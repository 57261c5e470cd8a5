//! A server elsewhere: calls go to it over HTTP, and actions are run for it by a worker of `crates/workflow-do`.
//!
//! Of several addresses, all of the same cluster, calls go to one for as long as that is reached, and then to the next. The worker
//! connects to all engines by itself.
//!
//! The worker lives in Rust threads, so that its heartbeats go on while an action blocks JavaScript's own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http;
use reqwest::Url;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use workflow_core::id::ActionName;
use workflow_do::{Worker, WorkerState};
use workflow_engine::innermost;

use crate::home::Broken;
use crate::message::{Delivery, Request};
use crate::outbox::Outbox;
use crate::tasks::Tasks;

/// A server that is started again is back by then: what can be sent again without harm is.
const AGAIN_WITHIN: Duration = Duration::from_secs(5);
const AGAIN_AFTER_MIN: Duration = Duration::from_millis(100);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(1);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Below the time after which a server closes a connection on which nothing is asked.
const IDLE_CONNECTIONS_FOR: Duration = Duration::from_secs(20);
/// Longer than a server takes for any answer, the wait that was asked for included.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// Requests at the same time, those that only wait aside: each has a connection.
const REQUESTS_MAX: usize = 256;

#[derive(Debug)]
pub struct Remote {
    server: Arc<Server>,
    ca_file: Option<PathBuf>,
    tasks: Arc<Tasks>,
    outbox: Arc<Outbox>,
    name: Option<String>,
    concurrency: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    actions: BTreeSet<String>,
    worker: Option<Worker>,
}

/// Where requests go.
pub struct Server {
    /// Without a slash at their ends.
    bases: Vec<String>,
    /// Which of them was reached last.
    current: AtomicUsize,
    token: Option<String>,
    http: reqwest::Client,
    places: Semaphore,
}

/// A request on its way.
#[derive(Debug)]
pub struct Sending {
    server: Arc<Server>,
    request: reqwest::Request,
    path: String,
    is_streamed: bool,
}

impl Remote {
    pub fn open(
        url: &str,
        token: Option<String>,
        ca_file: Option<PathBuf>,
        name: Option<String>,
        concurrency: usize,
        tasks: Arc<Tasks>,
        outbox: Arc<Outbox>,
    ) -> Result<Remote, Broken> {
        let server = Arc::new(Server::new(url, token, ca_file.as_deref())?);
        Ok(Remote { server, ca_file, tasks, outbox, name, concurrency, state: Mutex::default() })
    }

    pub fn answer(&self, request: &Request<'_>) -> Result<Sending, Broken> {
        let built = self.server.request(request)?;
        let path = request.path.to_owned();
        Ok(Sending { server: self.server.clone(), request: built, path, is_streamed: request.stream })
    }

    pub fn provide(&self, actions: &[String]) {
        let mut state = self.state();
        let valid = actions.iter().filter(|name| ActionName::new(name).is_ok_and(|name| !name.is_noop()));
        state.actions.extend(valid.cloned());
        if let Some(worker) = &state.worker {
            worker.offer(state.actions.iter().map(String::as_str)).expect("the names have been checked");
        }
    }

    pub fn work(&self) {
        let mut state = self.state();
        let mut builder = Worker::builder(self.server.bases.join(","))
            .handler(self.tasks.received())
            .offer(state.actions.iter().map(String::as_str))
            .concurrency(self.concurrency);
        if let Some(token) = &self.server.token {
            builder = builder.token(token.as_str());
        }
        if let Some(path) = &self.ca_file {
            builder = builder.ca_file(path);
        }
        if let Some(name) = &self.name {
            builder = builder.name(name);
        }
        match builder.connect() {
            Ok(worker) => {
                tokio::spawn(warn(worker.states(), self.outbox.clone()));
                state.worker = Some(worker);
            }
            Err(error) => self.outbox.push(&Delivery::Warning { message: error.to_string() }),
        }
    }

    pub async fn close(&self) {
        let worker = self.state().worker.take();
        if let Some(worker) = worker
            && let Err(error) = worker.close().await
        {
            self.outbox.push(&Delivery::Warning { message: error.to_string() });
        }
    }

    /// As if the process had ended.
    pub fn abandon(&self) {
        let worker = self.state().worker.take();
        drop(worker);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says when the connection is lost, once each time: without it nothing that this process provides is run.
async fn warn(mut states: tokio::sync::watch::Receiver<WorkerState>, outbox: Arc<Outbox>) {
    let mut is_told = false;
    loop {
        let lost = match &*states.borrow_and_update() {
            WorkerState::Closed => return,
            WorkerState::Connected { .. } | WorkerState::Connecting { error: None } => None,
            WorkerState::Connecting { error: Some(error) } | WorkerState::Reconnecting { error } => Some(error.clone()),
        };
        match lost {
            None => is_told = false,
            Some(message) if !is_told => {
                is_told = true;
                outbox.push(&Delivery::Warning { message });
            }
            Some(_) => {}
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// Without the token.
impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("bases", &self.bases).finish_non_exhaustive()
    }
}

impl Server {
    fn new(url: &str, token: Option<String>, ca: Option<&Path>) -> Result<Server, Broken> {
        let wrong = |why: String| {
            let message =
                format!("`url` is '{url}', which {why}: expected the address of a server such as 'http://127.0.0.1:4747'");
            Broken { code: "invalid_request", message }
        };
        let mut bases = Vec::new();
        for url in url.split(',').map(str::trim) {
            let parsed = Url::parse(url).map_err(|error| wrong(format!("is no URL ({error})")))?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err(wrong("begins neither with http:// nor with https://".to_owned()));
            }
            bases.push(url.trim_end_matches('/').to_owned());
        }
        // Whoever has this addon in its process may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = http::HeaderMap::new();
        if let Some(token) = &token {
            let refused =
                |_| Broken { code: "invalid_request", message: "`token` has line breaks or control characters".to_owned() };
            let mut value = http::HeaderValue::try_from(format!("Bearer {}", token.trim())).map_err(refused)?;
            value.set_sensitive(true);
            headers.insert(http::header::AUTHORIZATION, value);
        }
        let builder = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("workflow.do/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_WITHIN)
            .pool_idle_timeout(IDLE_CONNECTIONS_FOR);
        let builder = match ca {
            Some(path) => builder.tls_certs_merge(roots(path)?),
            None => builder,
        };
        let http = builder
            .build()
            .map_err(|error| Broken { code: "invalid_request", message: format!("no HTTP client could be made: {error}") })?;
        Ok(Server { bases, current: AtomicUsize::new(0), token, http, places: Semaphore::new(REQUESTS_MAX) })
    }

    fn request(&self, request: &Request<'_>) -> Result<reqwest::Request, Broken> {
        let invalid = |message: String| Broken { code: "invalid_request", message };
        let method = http::Method::from_bytes(request.method.as_bytes()).map_err(|error| invalid(error.to_string()))?;
        let mut builder = self.http.request(method, format!("{}{}", self.base(), request.path));
        for (name, value) in request.headers() {
            builder = builder.header(name, value.as_bytes());
        }
        if let Some(body) = request.body {
            builder = builder.body(body.get().to_owned());
        }
        builder.build().map_err(|error| invalid(innermost(&error)))
    }

    fn base(&self) -> &str {
        &self.bases[self.current.load(Ordering::Relaxed)]
    }

    /// From now on another address; `failed` was the one that was not reached, and others may have noticed that already.
    fn turn_from(&self, failed: usize) {
        let next = (failed + 1) % self.bases.len();
        let _ = self.current.compare_exchange(failed, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn unknown(&self, reason: &str) -> Broken {
        let message = format!(
            "the connection to {} broke before the answer came ({reason}); it may have been done: repeating it is safe with an \
             idempotency key",
            self.base()
        );
        Broken { code: "outcome_unknown", message }
    }

    fn unreachable(&self, reason: &str) -> Broken {
        if reason.contains("certificate") {
            let message = format!("{} is not trusted: {reason}; a root of your own is trusted with `caFile`", self.base());
            return Broken { code: "unreachable", message };
        }
        Broken {
            code: "unreachable",
            message: format!("cannot reach {}: {reason}; is `workflow serve` running there?", self.bases.join(" or ")),
        }
    }

    async fn send_once(&self, request: reqwest::Request, is_streamed: bool) -> Result<http::Response<Body>, Unsent> {
        let answering = async {
            let response = self.http.execute(request).await.map_err(Unsent::from)?;
            let response = http::Response::<reqwest::Body>::from(response);
            if is_streamed && response.status().is_success() {
                return Ok(response.map(Body::new));
            }
            let (parts, body) = response.into_parts();
            let bytes = http_body_util::BodyExt::collect(body).await.map_err(Unsent::from)?.to_bytes();
            // Whoever answers there may be anybody: what is no JSON is as good as nothing.
            let bytes = if serde_json::from_slice::<&RawValue>(&bytes).is_ok() { bytes } else { bytes.slice(..0) };
            Ok(http::Response::from_parts(parts, Body::from(bytes)))
        };
        let no_answer =
            |_| Err(Unsent { never_arrived: false, reason: format!("no answer within {} s", ANSWER_WITHIN.as_secs()) });
        timeout(ANSWER_WITHIN, answering).await.unwrap_or_else(no_answer)
    }
}

/// What a PEM file holds.
fn roots(path: &Path) -> Result<Vec<reqwest::Certificate>, Broken> {
    let wrong =
        |why: String| Broken { code: "invalid_request", message: format!("`caFile` is '{}', which {why}", path.display()) };
    let text = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    match reqwest::Certificate::from_pem_bundle(&text) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        _ => Err(wrong("holds no certificate: expected a PEM file".to_owned())),
    }
}

impl Sending {
    /// The answer, its body complete unless it is streamed.
    pub async fn answer(self) -> Result<http::Response<Body>, Broken> {
        let Sending { server, request, path, is_streamed } = self;
        let waits = is_streamed || request.url().query().is_some_and(|query| query.starts_with("wait="));
        let _place = if waits { None } else { server.places.acquire().await.ok() };
        let is_harmless = is_harmless(&request);
        let mut until = Instant::now() + AGAIN_WITHIN;
        let mut pause = AGAIN_AFTER_MIN;
        let mut tried = 0;
        loop {
            let mut next = request.try_clone().expect("a body is a text");
            let at = server.current.load(Ordering::Relaxed);
            if let Ok(url) = Url::parse(&format!("{}{path}", server.bases[at])) {
                *next.url_mut() = url;
            }
            let unsent = match server.send_once(next, is_streamed).await {
                Ok(response) => return Ok(response),
                Err(unsent) => unsent,
            };
            // What never reached the server did nothing.
            if !(is_harmless || unsent.never_arrived) {
                return Err(server.unknown(&unsent.reason));
            }
            server.turn_from(at);
            tried += 1;
            if tried % server.bases.len() != 0 {
                // Another one may be there, which has not been asked.
                continue;
            }
            // It was there until now, perhaps for long: the time to be back begins with the loss.
            if !unsent.never_arrived {
                (until, pause) = (Instant::now() + AGAIN_WITHIN, AGAIN_AFTER_MIN);
            }
            if Instant::now() + pause > until {
                return Err(server.unreachable(&unsent.reason));
            }
            sleep(pause).await;
            pause = (pause * 2).min(AGAIN_AFTER_MAX);
        }
    }
}

#[derive(Debug)]
struct Unsent {
    never_arrived: bool,
    reason: String,
}

impl From<reqwest::Error> for Unsent {
    fn from(error: reqwest::Error) -> Unsent {
        Unsent { never_arrived: error.is_connect(), reason: innermost(&error) }
    }
}

/// Whether doing it twice is as good as once.
fn is_harmless(request: &reqwest::Request) -> bool {
    request.method() != http::Method::POST || request.headers().contains_key("idempotency-key")
}
