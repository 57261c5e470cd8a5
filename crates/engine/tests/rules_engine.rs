//! Rules of `docs/semantics.md` that no scenario can show, on the engine as its users have it: long histories, pages, `noop`,
//! endpoints.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use server::{Server, answer};
use tokio::net::{TcpListener, TcpSocket};
use workflow_core::id::{ActionName, EndpointName, ExecutionId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Millis;
use workflow_engine::{EndpointRequest, Engine, Handler, Include, ListRequest, Options, StartRequest, Task};
use workflow_store::{Memory, Sqlite};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn action(name: &str) -> ActionName {
    ActionName::new(name).unwrap()
}

async fn open() -> Engine {
    Engine::open(Memory::new(), Options::default()).await.unwrap()
}

/// Starts a workflow of one step.
async fn start(engine: &Engine, step: &str, input: &str) -> ExecutionId {
    engine.register(json(&format!(r#"{{"id":"w","steps":[{step}]}}"#))).await.unwrap();
    let request = StartRequest { workflow: "w".to_owned(), input: Some(json(input)), key: None };
    engine.start(request).await.unwrap().execution.id
}

fn endpoint(url: &str, actions: Option<&[&str]>) -> EndpointRequest {
    EndpointRequest {
        name: EndpointName::new("local").unwrap(),
        url: url.to_owned(),
        actions: actions.map(|actions| actions.iter().map(|name| action(name)).collect()),
        secret: None,
        timeout: None,
        concurrency: None,
    }
}

#[tokio::test]
async fn a_long_history_is_shown_with_its_end_and_read_whole_page_by_page() {
    let engine = open().await;
    let id = start(&engine, r#"{"id":"a","action":"nobody-does"}"#, "{}").await;
    for _ in 0..600 {
        engine.pause(id, None).await.unwrap();
        engine.resume(id, None).await.unwrap();
    }
    let shown = engine.status(id).await.unwrap().unwrap();
    assert!(shown.history_truncated);
    assert_eq!((shown.history.len(), shown.history[0].seq, shown.history[999].seq), (1_000, 202, 1_201));
    let (mut seqs, mut after) = (Vec::new(), 0);
    loop {
        let page = engine.history(id, after, Some(500)).await.unwrap();
        seqs.extend(page.entries.iter().map(|entry| entry.seq));
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(seqs, (1..=1_201).collect::<Vec<u64>>());
    let short = start(&engine, r#"{"id":"a","action":"noop"}"#, "{}").await;
    assert!(!engine.status(short).await.unwrap().unwrap().history_truncated);
}

#[tokio::test]
async fn a_long_output_is_not_repeated_in_the_history_that_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("workflow.db"), workflow_store::Options::default()).unwrap();
    let engine = Engine::open(store, Options::default()).await.unwrap();
    let output = json(&format!("\"{}\"", "x".repeat(10_000)));
    let given = output.clone();
    engine.provide(
        action("act"),
        1,
        Handler::new(move |_: Task, _| {
            let output = given.clone();
            async move { Ok(Some(output)) }
        }),
    );
    let id = start(&engine, r#"{"id":"a","action":"act"}"#, "{}").await;
    let ended = serde_json::to_value(engine.wait(id, None).await.unwrap()).unwrap();
    let completed = |history: &serde_json::Value| {
        let entries = history.as_array().unwrap();
        entries.iter().find(|entry| entry["type"] == "step_complete").unwrap()["data"].clone()
    };
    assert_eq!(ended["stepResults"]["a"]["output"].as_str().unwrap().len(), 10_000);
    let data = completed(&ended["history"]);
    assert_eq!((data.get("output"), &data["outputBytes"]), (None, &serde_json::json!(10_002)));
    let entries = serde_json::to_value(engine.history(id, 0, None).await.unwrap().entries).unwrap();
    assert_eq!(completed(&entries)["output"].as_str().unwrap().len(), 10_000, "`history` is complete");
}

#[tokio::test]
async fn a_page_of_a_list_ends_at_its_limit_or_at_four_mib() {
    let engine = open().await;
    let input = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000_000));
    for _ in 0..7 {
        start(&engine, r#"{"id":"a","action":"noop"}"#, &input).await;
    }
    let list = async |cursor, limit, include| {
        let request = ListRequest { cursor, limit: Some(limit), include, ..ListRequest::default() };
        engine.list(request).await
    };
    let rows = list(None, 5, Include::Rows).await.unwrap();
    assert_eq!((rows.executions.len(), rows.next), (5, Some(rows.executions[4].head.id)));
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = list(cursor, 100, Include::Executions { history: 100 }).await.unwrap();
        let bytes: usize = page.executions.iter().map(|listed| listed.execution.as_ref().unwrap().input.len()).sum();
        assert!(bytes < 6 << 20, "{bytes} bytes in a page");
        seen.extend(page.executions.iter().map(|listed| listed.head.id));
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(pages > 1, "all in one page");
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, each once");
    for limit in [0, 1_001] {
        assert_eq!(list(None, limit, Include::Rows).await.unwrap_err().code(), "invalid_request");
    }
}

#[tokio::test]
async fn nobody_provides_noop() {
    let engine = open().await;
    let called = Arc::new(AtomicUsize::new(0));
    let count = called.clone();
    engine.provide(
        action("noop"),
        1,
        Handler::new(move |_: Task, _| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(Some(json("1"))) }
        }),
    );
    let id = start(&engine, r#"{"id":"a","action":"noop"}"#, "{}").await;
    let ended = engine.wait(id, None).await.unwrap();
    assert_eq!((ended.status, ended.output), (Status::Completed, None));
    assert_eq!(called.load(Ordering::SeqCst), 0);
    let refused = engine.put_endpoint(endpoint("http://127.0.0.1:9", Some(&["act", "noop"]))).await.unwrap_err();
    assert_eq!((refused.code(), refused.to_string().as_str()), ("invalid_request", "`noop` is built in and cannot be provided"));
    let server = Server::start(|_| answer("200 OK", "", r#"{"actions":["act","noop"]}"#)).await;
    let view = engine.put_endpoint(endpoint(&server.url, None)).await.unwrap();
    assert_eq!(view.actions, [action("act")], "what an endpoint says of itself is no way around it");
}

#[tokio::test]
async fn an_endpoint_is_kept_in_the_store_and_asked_again_at_opening() {
    let server = Server::start(|request| {
        let is_get = request.line.starts_with("GET ");
        if is_get { answer("200 OK", "", r#"{"actions":["act"]}"#) } else { answer("200 OK", "", "7") }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let open = async || {
        let store = Sqlite::open(&path, workflow_store::Options::default()).unwrap();
        Engine::open(store, Options::default()).await.unwrap()
    };
    let engine = open().await;
    engine.put_endpoint(endpoint(&server.url, None)).await.unwrap();
    engine.shutdown(std::time::Duration::ZERO).await.unwrap();
    drop(engine);
    let engine = open().await;
    let kept = engine.endpoints().await.unwrap();
    assert_eq!((kept.len(), kept[0].url.as_str(), kept[0].discovered), (1, server.url.as_str(), true));
    // It can only be called once it has said again what it does.
    let id = start(&engine, r#"{"id":"a","action":"act"}"#, "{}").await;
    assert_eq!(engine.wait(id, None).await.unwrap().output, Some(json("7")));
    let requests = server.requests.lock().unwrap();
    let lines: Vec<&str> = requests.iter().map(|request| request.line.split(' ').next().unwrap()).collect();
    assert_eq!(lines, ["GET", "GET", "POST"]);
}

#[tokio::test]
async fn an_endpoint_says_when_to_come_back() {
    let server = Server::start(|_| answer("503 Service Unavailable", "retry-after: 3600\r\n", "")).await;
    let engine = open().await;
    engine.put_endpoint(endpoint(&server.url, Some(&["act"]))).await.unwrap();
    let id = start(&engine, r#"{"id":"a","action":"act","maxRetries":1,"retryDelay":"1s"}"#, "{}").await;
    let mut watch = engine.watch(id, 0).await.unwrap();
    let failed = loop {
        let entry = serde_json::to_value(watch.next().await.unwrap().unwrap()).unwrap();
        if entry["type"] == "step_fail" {
            break entry;
        }
    };
    let wait = failed["data"]["retryAt"].as_i64().unwrap() - failed["timestamp"].as_i64().unwrap();
    assert_eq!(wait, 3_600_000, "longer than the step's own delay");
}

#[tokio::test]
async fn an_answer_is_waited_for_as_long_as_the_step_or_else_the_endpoint_says() {
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let cases = [
        (60, r#"{"id":"a","action":"act"}"#, "timed out after 60ms"),
        (300_000, r#"{"id":"a","action":"act","timeout":"40ms"}"#, "timed out after 40ms"),
    ];
    for (timeout_ms, step, message) in cases {
        let engine = open().await;
        let request = EndpointRequest { timeout: Some(Millis::new(timeout_ms)), ..endpoint(&url, Some(&["act"])) };
        engine.put_endpoint(request).await.unwrap();
        let id = start(&engine, step, "{}").await;
        let ended = engine.wait(id, None).await.unwrap();
        assert_eq!((ended.error_code.as_deref(), ended.error.as_deref()), (Some("timeout"), Some(message)));
    }
}

/// On a clock that jumps to whatever is waited for next: with an endpoint that is given more, the bound on connecting comes first.
#[tokio::test(start_paused = true)]
async fn a_connection_gets_five_seconds() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    // Nobody takes these; once there are enough of them, whoever comes next is not answered.
    let connect = || std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(100));
    let _waiting: Vec<_> = std::iter::from_fn(|| connect().ok()).take(64).collect();
    for (timeout_ms, code) in [(4_999, "timeout"), (5_500, "connection_failed")] {
        let engine = open().await;
        let timeout = Some(Millis::new(timeout_ms));
        engine.put_endpoint(EndpointRequest { timeout, ..endpoint(&format!("http://{address}"), Some(&["act"])) }).await.unwrap();
        let id = start(&engine, r#"{"id":"a","action":"act"}"#, "{}").await;
        let ended = engine.wait(id, None).await.unwrap();
        assert_eq!(ended.error_code.as_deref(), Some(code), "{:?}", ended.error);
    }
}
