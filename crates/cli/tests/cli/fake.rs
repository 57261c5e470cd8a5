//! A server that answers what it is told, and remembers what it was asked.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use crate::process::{Ran, finished, workflow};

#[derive(Debug, Clone)]
pub struct Request {
    /// `GET /api/v1/executions?limit=50`.
    pub line: String,
    pub body: String,
    pub key: Option<String>,
}

#[derive(Debug)]
struct Answer {
    line: &'static str,
    status: u16,
    media_type: &'static str,
    body: String,
    /// Given once; the next answer for the same line comes after it.
    used: bool,
    /// There is more of it that never comes.
    is_endless: bool,
}

#[derive(Debug, Default)]
struct Script {
    answers: Vec<Answer>,
    requests: Vec<Request>,
}

type Shared = Arc<(Mutex<Script>, Condvar)>;

/// Nothing waits longer; it is the end of a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lives in threads of its own until it is dropped.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    script: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Fake {
    pub fn new() -> Fake {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Shared::default();
        let router = Router::new().fallback(answer).with_state(script.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Fake { address, script, _runtime: runtime }
    }

    /// Answers requests that begin with `line` (`GET /api/v1/executions`). Several answers to one line come one after the other,
    /// the last one for ever.
    pub fn answers(self, line: &'static str, status: u16, body: impl ToString) -> Fake {
        self.answers_as(line, status, "application/json", body)
    }

    pub fn answers_as(self, line: &'static str, status: u16, media_type: &'static str, body: impl ToString) -> Fake {
        let answer = Answer { line, status, media_type, body: body.to_string(), used: false, is_endless: false };
        self.script.0.lock().unwrap().answers.push(answer);
        self
    }

    /// A stream that stays open after these events.
    pub fn streams(self, line: &'static str, events: &str) -> Fake {
        let fake = self.answers_as(line, 200, "text/event-stream", events);
        fake.script.0.lock().unwrap().answers.last_mut().unwrap().is_endless = true;
        fake
    }

    pub fn refuses(self, line: &'static str, status: u16, code: &str, detail: &str) -> Fake {
        let problem =
            serde_json::json!({ "type": "about:blank", "title": "No", "status": status, "code": code, "detail": detail });
        self.answers_as(line, status, "application/problem+json", problem)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until somebody has asked this.
    pub fn is_asked(&self, line: &str) {
        let (script, asked) = &*self.script;
        let until = Instant::now() + PATIENCE;
        let mut script = script.lock().unwrap();
        while !script.requests.iter().any(|request| request.line == line) {
            assert!(Instant::now() < until, "nobody asks {line}: {:?}", script.requests);
            script = asked.wait_timeout(script, Duration::from_secs(1)).unwrap().0;
        }
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        finished(workflow(arguments).env("WORKFLOW_URL", self.url()).output().unwrap())
    }

    pub fn requests(&self) -> Vec<Request> {
        self.script.0.lock().unwrap().requests.clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

async fn answer(State(script): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let line = format!("{method} {uri}");
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
    let (script, asked) = &*script;
    let mut script = script.lock().unwrap();
    script.requests.push(Request { line: line.clone(), body: String::from_utf8(body.to_vec()).unwrap(), key });
    asked.notify_all();
    let path = line.split('?').next().unwrap().to_owned();
    let matches = |answer: &Answer| answer.line == line || answer.line == path;
    let last = script.answers.iter().rposition(matches);
    let next = script.answers.iter().position(|answer| matches(answer) && !answer.used).or(last);
    let Some(next) = next else { return (StatusCode::NOT_IMPLEMENTED, format!("no answer for {line}")).into_response() };
    let answer = &mut script.answers[next];
    answer.used = true;
    let status = StatusCode::from_u16(answer.status).unwrap();
    let text = answer.body.clone();
    let body = if answer.is_endless {
        let events = stream::once(async { Ok::<_, std::convert::Infallible>(text) });
        Body::from_stream(events.chain(stream::pending()))
    } else {
        Body::from(text)
    };
    (status, [(header::CONTENT_TYPE, answer.media_type)], body).into_response()
}
