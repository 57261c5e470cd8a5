//! An API to call: an engine on the memory store with a few actions, and the router over it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use workflow_core::id::ActionName;
use workflow_engine::{ActionError, Engine, Handler, Task};
use workflow_server::{Options, router};
use workflow_store::Memory;

use crate::schema::Document;

pub struct Api {
    pub engine: Engine,
    pub router: Router,
    pub document: Arc<Document>,
    /// One permit lets one call of the action `held` go on.
    pub gate: Arc<Semaphore>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Api {
    pub async fn new() -> Api {
        Api::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Api {
        let (engine, gate) = engine().await;
        let router = router(engine.clone(), options);
        let document = Arc::new(Document::new(&openapi(&engine).await));
        Api { engine, router, document, gate }
    }

    /// Over an engine that is served elsewhere too.
    pub async fn over(engine: Engine) -> Api {
        let router = router(engine.clone(), Options::default());
        let document = Arc::new(Document::new(&openapi(&engine).await));
        Api { engine, router, document, gate: Arc::new(Semaphore::new(0)) }
    }

    /// Registers a workflow of steps, each `id: action`, one after the other.
    pub async fn workflow(&self, id: &str, steps: &[(&str, &str)]) {
        let mut before: Option<&str> = None;
        let steps: Vec<Value> = steps
            .iter()
            .map(|(step, action)| {
                let depends_on: Vec<&str> = before.replace(step).into_iter().collect();
                json!({ "id": step, "action": action, "dependsOn": depends_on })
            })
            .collect();
        let answer = self.put(&format!("/api/v1/workflows/{id}"), &json!({ "id": id, "steps": steps })).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }

    /// Starts an execution and gives its id.
    pub async fn started(&self, workflow: &str) -> String {
        let answer = self.post(&format!("/api/v1/workflows/{workflow}/executions"), &json!({})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The execution once it has ended.
    pub async fn ended(&self, id: &str) -> Value {
        let execution = self.get(&format!("/api/v1/executions/{id}?wait=30s")).await.json();
        assert!(["completed", "failed", "cancelled"].contains(&execution["status"].as_str().unwrap()), "{execution}");
        execution
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    /// Without a body, as `curl -X POST` does.
    pub async fn call(&self, path: &str) -> Answer {
        self.send(request(Method::POST, path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::POST, path, &[], &body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::PUT, path, &[], &body.to_string()).await
    }

    /// JSON, unless the headers say something else.
    pub async fn with_body(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = request(method, path).body(Body::from(body.to_owned())).unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        self.send(request).await
    }

    /// The answer, held against the OpenAPI document.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = if ENDLESS.contains(&path.as_str()) && parts.status.is_success() {
            first(body).await
        } else {
            to_bytes(body, usize::MAX).await.unwrap().to_vec()
        };
        let answer = Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes).unwrap() };
        assert!(answer.headers.contains_key("x-request-id"));
        self.document.check(&method, &path, &answer);
        answer
    }
}

/// Streams that only their client ends.
const ENDLESS: [&str; 2] = ["/api/v1/executions/stream", "/api/v1/system/stream"];

/// What comes first of a stream.
async fn first(mut body: Body) -> Vec<u8> {
    let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await;
    frame.unwrap().unwrap().into_data().unwrap().to_vec()
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    /// The detail of a problem with this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!((self.status.as_u16(), self.header("content-type")), (status, "application/problem+json"), "{}", self.text);
        let body = self.json();
        assert_eq!((body["code"].as_str(), body["status"].as_u64()), (Some(code), Some(status.into())), "{}", self.text);
        assert_eq!(body["type"], format!("tag:workflow.do,2026:problem/{code}"));
        assert!(!body["title"].as_str().unwrap().is_empty());
        body["detail"].as_str().unwrap().to_owned()
    }
}

pub fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:4747")
}

/// With the actions `echo` (gives its params), `fail` (once and for all), `flaky` (fails), `held` (waits for the gate).
pub async fn engine() -> (Engine, Arc<Semaphore>) {
    let engine = Engine::open(Memory::new(), workflow_engine::Options::default()).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let provide = |name: &str, handler| engine.provide(ActionName::new(name).unwrap(), 16, handler);
    provide("echo", Handler::new(|task: Task, _| async move { Ok(Some(task.params())) }));
    provide("fail", Handler::new(|_, _| async { Err(ActionError::permanent("card declined")) }));
    provide("flaky", Handler::new(|_, _| async { Err(ActionError::new("try again later")) }));
    let held = gate.clone();
    let hold = move |_, _| {
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            Ok(None)
        }
    };
    provide("held", Handler::new(hold));
    (engine, gate)
}

async fn openapi(engine: &Engine) -> Value {
    let request = request(Method::GET, "/openapi.json").body(Body::empty()).unwrap();
    let response = router(engine.clone(), Options::default()).oneshot(request).await.unwrap();
    serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}
