//! Who did what: entries that somebody caused say who it was, and a restart does not change what they say.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use workflow_core::id::{ActionName, Caller, ExecutionId};
use workflow_engine::{ActionError, Engine, Handler};
use workflow_server::{Options, serve};
use workflow_store::Sqlite;

use crate::support::{Api, request};

/// One request on a connection of its own; the body of its answer.
async fn call(address: SocketAddr, method: &str, path: &str, headers: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}content-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
    serde_json::from_str(body).unwrap()
}

/// The entries that somebody caused: their type and who it was.
fn callers(history: &Value) -> Vec<(String, String)> {
    let entries = history["entries"].as_array().unwrap().iter();
    let caused = entries.filter_map(|entry| Some((entry["type"].as_str()?.to_owned(), entry["by"].as_str()?.to_owned())));
    caused.collect()
}

fn engine_options() -> workflow_engine::Options {
    workflow_engine::Options::default()
}

/// A server on the file, for as long as `during` takes.
async fn serving<T>(file: &std::path::Path, during: impl AsyncFnOnce(SocketAddr, &Engine) -> T) -> T {
    let store = Sqlite::open(file, workflow_store::Options::default()).unwrap();
    let engine = Engine::open(store, engine_options()).await.unwrap();
    let fails = Handler::new(|_, _| async { Err(ActionError::new("try again later")) });
    engine.provide(ActionName::new("fails").unwrap(), 1, fails);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    let served = tokio::spawn(serve(engine.clone(), listener, Options::default(), stopped));
    let result = during(address, &engine).await;
    drop(shutdown);
    served.await.unwrap().unwrap();
    engine.abandon().await;
    result
}

#[tokio::test]
async fn each_entry_that_somebody_caused_says_who_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.db");
    let waits = json!({ "id": "waits", "steps": [{ "id": "a", "action": "noop", "wait": "1h" }], "triggers": [{ "event": "Order.placed" }] });
    let fails = json!({ "id": "fails", "steps": [{ "id": "a", "action": "fails", "onError": "retry", "maxRetries": 1, "retryDelay": "1h" }] });
    let (ids, before) = serving(&file, async |address, engine| {
        for definition in [&waits, &fails] {
            call(address, "PUT", &format!("/api/v1/workflows/{}", definition["id"].as_str().unwrap()), "", definition).await;
        }
        let forged = "x-forwarded-for: 203.0.113.9\r\nforwarded: for=203.0.113.9\r\nidempotency-key: one\r\n";
        let started = call(address, "POST", "/api/v1/workflows/waits/executions", forged, &json!({})).await;
        let by_hand = started["id"].as_str().unwrap().to_owned();
        for control in ["pause", "resume", "cancel"] {
            call(address, "POST", &format!("/api/v1/executions/{by_hand}/{control}"), forged, &Value::Null).await;
        }

        let event = json!({ "event": "Order.placed", "data": {} });
        let answer = call(address, "POST", "/api/v1/events", "", &event).await;
        let by_event = answer["executions"][0]["id"].as_str().unwrap().to_owned();
        let replay = call(address, "POST", &format!("/api/v1/executions/{by_hand}/replay"), "", &Value::Null).await;
        let replayed = replay["id"].as_str().unwrap().to_owned();

        let started = call(address, "POST", "/api/v1/workflows/fails/executions", "", &json!({})).await;
        let failing = started["id"].as_str().unwrap().to_owned();
        let mut watch = engine.watch(ExecutionId::parse(&failing).unwrap(), 0).await.unwrap();
        while watch.next().await.unwrap().unwrap().kind != "step_fail" {}
        call(address, "POST", &format!("/api/v1/executions/{failing}/steps/a/run-now"), "", &Value::Null).await;
        call(address, "GET", &format!("/api/v1/executions/{failing}?wait=30s"), "", &Value::Null).await;
        call(address, "POST", &format!("/api/v1/executions/{failing}/retry"), "", &Value::Null).await;

        let ids = [by_hand, by_event, replayed, failing];
        let mut histories = Vec::new();
        for id in &ids {
            histories.push(callers(&call(address, "GET", &format!("/api/v1/executions/{id}/history"), "", &Value::Null).await));
        }
        (ids, histories)
    })
    .await;

    let here = |kinds: &[&str]| -> Vec<(String, String)> {
        kinds.iter().map(|kind| ((*kind).to_owned(), "127.0.0.1".to_owned())).collect()
    };
    let expected = [
        here(&["start", "pause", "resume", "cancel"]),
        here(&["start"]),
        here(&["start"]),
        here(&["start", "step_ready", "retry"]),
    ];
    assert_eq!(before, expected);
    let after = serving(&file, async |address, _| {
        let mut histories = Vec::new();
        for id in &ids {
            histories.push(callers(&call(address, "GET", &format!("/api/v1/executions/{id}/history"), "", &Value::Null).await));
        }
        histories
    })
    .await;
    assert_eq!(after, expected);
}

/// A call that is repeated with its key adds no entry, whoever repeats it: the first caller did it.
#[tokio::test]
async fn a_repeated_call_keeps_its_first_caller() {
    let api = Api::new().await;
    api.workflow("waits", &[("a", "held")]).await;
    let ask = async |path: &str, caller: &str| {
        let request = request(Method::POST, path).header("idempotency-key", "once").header("content-type", "application/json");
        api.send(request.extension(Caller::new(caller).unwrap()).body(Body::from("{}")).unwrap()).await
    };
    let first = ask("/api/v1/workflows/waits/executions", "ann").await;
    let again = ask("/api/v1/workflows/waits/executions", "bob").await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::OK));
    let id = first.json()["id"].as_str().unwrap().to_owned();
    for caller in ["bob", "ann"] {
        assert_eq!(ask(&format!("/api/v1/executions/{id}/pause"), caller).await.status, StatusCode::OK);
    }
    let history = api.get(&format!("/api/v1/executions/{id}/history")).await.json();
    let said = |kind: &str, who: &str| (kind.to_owned(), who.to_owned());
    assert_eq!(callers(&history), [said("start", "ann"), said("pause", "bob")]);
}

/// In the engine's own process there is no address, and nobody is made up.
#[tokio::test]
async fn nobody_is_named_where_nobody_is_known() {
    let api = Api::new().await;
    api.workflow("waits", &[("a", "held")]).await;
    let id = api.started("waits").await;
    assert!(api.call(&format!("/api/v1/executions/{id}/cancel")).await.status.is_success());
    let history = api.get(&format!("/api/v1/executions/{id}/history")).await.json();
    assert_eq!(callers(&history), []);
}
