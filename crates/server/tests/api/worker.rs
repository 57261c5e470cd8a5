//! The route of workers, spoken to by a client that knows nothing but WebSockets.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_engine::StartRequest;
use workflow_server::Options;

use crate::socket::Server;
use crate::support::{Api, request};

const SESSION: &str = "0123456789abcdef";

/// Nothing here takes this long: it turns a test that would hang into one that fails.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    heard: VecDeque<Value>,
    /// Messages in the longest frame that came.
    pub longest: usize,
}

/// Why no connection came about: the status and the body.
pub type Refused = (StatusCode, String);

async fn connect(server: &Server, protocol: &str, headers: &[(&'static str, &str)]) -> Result<Client, Refused> {
    let mut request = format!("ws://{}/api/v1/worker", server.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match client_async(request, server.connect().await).await {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "workflow.worker.v1");
            assert!(response.headers().contains_key("x-request-id"));
            Ok(Client { socket, heard: VecDeque::new(), longest: 0 })
        }
        Err(tungstenite::Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            Err((response.status(), String::from_utf8(body).unwrap()))
        }
        Err(error) => panic!("{error}"),
    }
}

/// A connection with a token, or without any.
pub async fn attempt(server: &Server, token: &str) -> Result<Client, Refused> {
    let authorization = format!("Bearer {token}");
    let headers: &[_] = if token.is_empty() { &[] } else { &[("authorization", &*authorization)] };
    connect(server, "workflow.worker.v1", headers).await
}

impl Client {
    pub async fn greet(&mut self, session: &str) {
        self.say(&json!({ "type": "hello", "session": session, "holding": [] })).await;
        self.hear("welcome").await;
    }

    /// With what it is sent away: code and message.
    pub async fn last_word(&mut self) -> (String, String) {
        let refused = self.hear("refused").await;
        assert!(self.next().await.is_none());
        (refused["code"].as_str().unwrap().to_owned(), refused["message"].as_str().unwrap().to_owned())
    }

    pub async fn new(server: &Server) -> Client {
        connect(server, "workflow.worker.v1", &[]).await.unwrap()
    }

    /// One that has said hello and was made welcome.
    async fn welcomed(server: &Server, session: &str, holding: &[&str]) -> Client {
        let mut client = Client::new(server).await;
        client.say(&json!({ "type": "hello", "session": session, "holding": holding })).await;
        client.hear("welcome").await;
        client
    }

    pub async fn say(&mut self, message: &Value) {
        self.say_raw(&format!("[{message}]")).await;
    }

    async fn say_raw(&mut self, frame: &str) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }

    async fn offer(&mut self, actions: &[&str], slots: usize) {
        self.say(&json!({ "type": "offer", "actions": actions, "slots": slots })).await;
    }

    /// The next message, which is of this type.
    pub async fn hear(&mut self, kind: &str) -> Value {
        let message = self.next().await.unwrap_or_else(|| panic!("the connection ended; `{kind}` was expected"));
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// None at the end of the connection.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Some(message);
            }
            match timeout(PATIENCE, self.socket.next()).await.expect("the server says something")? {
                Ok(Message::Text(text)) => {
                    let messages: Vec<Value> = serde_json::from_str(&text).unwrap();
                    self.longest = self.longest.max(messages.len());
                    self.heard.extend(messages);
                }
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The message with which it is refused, after which nothing comes.
    async fn refused(&mut self, code: &str) -> String {
        let refused = self.hear("refused").await;
        assert_eq!(refused["code"], code, "{refused}");
        assert_eq!(self.next().await, None);
        refused["message"].as_str().unwrap().to_owned()
    }
}

/// Starts an execution of one step.
async fn start(server: &Server, action: &str, input: &str) -> ExecutionId {
    let definition = format!(r#"{{"id":"{action}","steps":[{{"id":"a","action":"{action}","timeout":"1h"}}]}}"#);
    server.engine.register(Json::parse(definition).unwrap()).await.unwrap();
    let request = StartRequest { workflow: action.to_owned(), input: Some(Json::parse(input).unwrap()), key: None };
    server.engine.start(request).await.unwrap().execution.id
}

#[tokio::test]
async fn who_does_not_ask_for_this_websocket_is_told_what_to_ask_for() {
    let api = Api::new().await;
    let plain = api.get("/api/v1/worker").await;
    let detail = plain.problem(426, "upgrade_required");
    assert!(detail.starts_with("workers connect here with a WebSocket, and this request is none"), "{detail}");
    assert_eq!((plain.header("upgrade"), plain.header("sec-websocket-version")), ("websocket", "13"));
    api.call("/api/v1/worker").await.problem(405, "method_not_allowed");
    api.get("/api/v1/worker?a=1").await.problem(400, "invalid_query");
    // Asked within the process: there is no connection that could become one.
    let upgrade = request(Method::GET, "/api/v1/worker")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "workflow.worker.v1");
    let detail = api.send(upgrade.body(Body::empty()).unwrap()).await.problem(426, "upgrade_required");
    assert!(detail.contains("it did not come over a connection of its own"), "{detail}");

    let server = Server::new(Options { workers_max: 1, ..Options::default() }).await;
    let refused = async |protocol: &str, headers: &[(&'static str, &str)]| {
        let (status, body) = connect(&server, protocol, headers).await.err().unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        (status.as_u16(), body["code"].as_str().unwrap().to_owned(), body["detail"].as_str().unwrap().to_owned())
    };
    let (status, code, detail) = refused("workflow.worker.v2", &[]).await;
    assert_eq!((status, code.as_str()), (400, "invalid_parameter"));
    assert!(detail.contains("`workflow.worker.v1` was expected, `workflow.worker.v2` was found"), "{detail}");
    let (status, code, _) = refused("workflow.worker.v1", &[("origin", "https://evil.example")]).await;
    assert_eq!((status, code.as_str()), (403, "origin_not_allowed"));
    let (status, code, _) = refused("workflow.worker.v1", &[("host", "evil.example")]).await;
    assert_eq!((status, code.as_str()), (403, "host_not_allowed"));

    let first = Client::welcomed(&server, SESSION, &[]).await;
    let (status, code, detail) = refused("workflow.worker.v1", &[]).await;
    assert_eq!(
        (status, code.as_str(), detail.starts_with("workers are connected, as many")),
        (429, "overloaded", true),
        "{detail}"
    );
    drop(first);
}

#[tokio::test]
async fn a_worker_takes_a_task_and_gives_its_result() {
    let server = Server::new(Options::default()).await;
    let mut client = Client::new(&server).await;
    // Fields and messages of a later version are passed over; and nobody has to wait for `welcome`.
    let hello =
        json!({ "type": "hello", "session": SESSION, "holding": [], "name": "till\u{1b}[1m", "version": "1", "later": 1 });
    let offer = json!({ "type": "offer", "actions": ["charge", "charge"], "slots": 4 });
    client.say_raw(&json!([hello, { "type": "weather" }, offer]).to_string()).await;
    let welcome = client.hear("welcome").await;
    assert_eq!(
        welcome,
        json!({
            "type": "welcome", "server": { "version": env!("CARGO_PKG_VERSION") }, "heartbeatMs": 5_000, "graceMs": 10_000,
            "payloadBytesMax": 1 << 20,
        })
    );
    let id = start(&server, "charge", r#"{"total":12345678901234567890.10}"#).await;
    let task = client.hear("task").await;
    let name = task["task"].as_str().unwrap();
    assert_eq!(
        task["context"],
        json!({
            "executionId": id.to_string(), "workflowId": "charge", "workflowVersion": 1, "stepId": "a", "attempt": 1,
            "idempotencyKey": format!("{id}:a"), "retryCount": 0,
        })
    );
    assert_eq!((&task["action"], &task["timeoutMs"]), (&json!("charge"), &json!(3_600_000)));
    client.say_raw(&format!(r#"[{{"type":"completed","task":"{name}","output":[1.10,null]}}]"#)).await;
    assert_eq!(client.hear("recorded").await["task"], name);
    let ended = server.engine.wait(id, None).await.unwrap();
    assert_eq!(ended.output.unwrap().text(), "[1.10,null]");

    // Of a result that comes again it is said again that it is recorded.
    client.say(&json!({ "type": "failed", "task": name, "error": { "message": "no" } })).await;
    assert_eq!(client.hear("recorded").await["task"], name);

    let id = start(&server, "charge", "{}").await;
    let task = client.hear("task").await["task"].clone();
    let error = json!({ "message": "declined", "code": "card", "retryable": false, "cause": { "message": "why" } });
    client.say(&json!({ "type": "failed", "task": task, "error": error, "retryAfterMs": 5 })).await;
    client.hear("recorded").await;
    assert_eq!(server.engine.wait(id, None).await.unwrap().error.as_deref(), Some("declined"));

    client.say(&json!({ "type": "leave" })).await;
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn payloads_of_a_mebibyte_pass_both_ways() {
    let server = Server::new(Options::default()).await;
    let mut client = Client::welcomed(&server, SESSION, &[]).await;
    client.offer(&["large"], 1).await;
    let text = "é".repeat((1 << 19) - 100);
    let id = start(&server, "large", &format!(r#"{{"text":"{text}"}}"#)).await;
    let task = client.hear("task").await;
    assert_eq!((&task["params"]["text"], &task["state"]["text"]), (&json!(text), &json!(text)));
    client.say(&json!({ "type": "completed", "task": task["task"], "output": text })).await;
    client.hear("recorded").await;
    let ended = server.engine.wait(id, None).await.unwrap();
    assert_eq!(ended.output.unwrap().len(), text.len() + 2);

    // More is a failure of the step, for a worker that does not look.
    let id = start(&server, "large", "{}").await;
    let task = client.hear("task").await["task"].clone();
    client.say(&json!({ "type": "completed", "task": task, "output": "x".repeat(3 << 20) })).await;
    client.hear("recorded").await;
    let error = server.engine.wait(id, None).await.unwrap().error.unwrap();
    assert_eq!(error, "output of `a` is 3 MiB, the limit is 1 MiB");
}

/// Runs three steps, of which the first two give this, and answers what the worker was told from the first `recorded` on.
async fn three_steps(server: &Server, client: &mut Client, output: &Value) -> Vec<Value> {
    let definition = r#"{"id":"three","steps":[{"id":"a","action":"act"},{"id":"b","action":"act","dependsOn":["a"]},
        {"id":"c","action":"act","dependsOn":["b"]}]}"#;
    server.engine.register(Json::parse(definition).unwrap()).await.unwrap();
    client.offer(&["act"], 1).await;
    let input = Json::parse(r#"{"z":1}"#).unwrap();
    server.engine.start(StartRequest { workflow: "three".to_owned(), input: Some(input), key: None }).await.unwrap();
    let mut told = Vec::new();
    let mut task = client.hear("task").await;
    for _ in 0..2 {
        client.say(&json!({ "type": "completed", "task": task["task"], "output": output })).await;
        told.push(client.hear("recorded").await);
        task = client.hear("task").await;
        told.push(task.clone());
    }
    client.say(&json!({ "type": "completed", "task": task["task"] })).await;
    told.push(client.hear("recorded").await);
    client.offer(&[], 0).await;
    told
}

#[tokio::test]
async fn a_task_refers_to_long_outputs_that_the_worker_keeps_and_holds_all_others() {
    let server = Server::new(Options::default()).await;
    let long = json!("x".repeat(20_000));
    let task = |state: Value, kept: Value| (state, kept);
    let said = |told: &Value| task(told["state"].clone(), told["kept"].clone());

    let mut client = Client::new(&server).await;
    client.say(&json!({ "type": "hello", "session": SESSION, "holding": [], "keeps": 1 << 20 })).await;
    client.hear("welcome").await;
    let told = three_steps(&server, &mut client, &long).await;
    let (a, b) = (told[0]["task"].clone(), told[2]["task"].clone());
    assert_eq!([&told[0]["keep"], &told[2]["keep"], &told[4]["keep"]], [&json!(true), &json!(true), &Value::Null]);
    assert_eq!(said(&told[1]), (json!({ "z": 1, "a": null }), json!({ "a": a })));
    assert_eq!(said(&told[3]), (json!({ "z": 1, "a": null, "b": null }), json!({ "a": a, "b": b })));
    let told = three_steps(&server, &mut client, &json!("short")).await;
    assert_eq!(said(&told[3]), (json!({ "z": 1, "a": "short", "b": "short" }), Value::Null));

    // Another connection keeps nothing, or says nothing of it.
    for keeps in [Some(0), Some(10_000), None] {
        let mut hello = json!({ "type": "hello", "session": SESSION, "holding": [] });
        hello.as_object_mut().unwrap().extend(keeps.map(|bytes| ("keeps".to_owned(), json!(bytes))));
        let mut client = Client::new(&server).await;
        client.say(&hello).await;
        client.hear("welcome").await;
        let told = three_steps(&server, &mut client, &long).await;
        assert!(told.iter().all(|told| told["keep"].is_null() && told["kept"].is_null()));
        assert_eq!(told[3]["state"], json!({ "z": 1, "a": long, "b": long }));
    }
}

#[tokio::test]
async fn a_worker_never_has_more_than_its_slots() {
    let server = Server::new(Options::default()).await;
    let mut client = Client::welcomed(&server, SESSION, &[]).await;
    client.offer(&["w"], 2).await;
    for _ in 0..6 {
        start(&server, "w", "{}").await;
    }
    let (mut open, mut recorded) = (VecDeque::new(), 0);
    let mut most = 0;
    while recorded < 6 {
        let message = client.next().await.unwrap();
        match message["type"].as_str().unwrap() {
            "task" => open.push_back(message["task"].clone()),
            "recorded" => recorded += 1,
            other => panic!("{other}"),
        }
        most = most.max(open.len());
        // What has come so far is all that there is: nothing more is sent before a result.
        if open.len() == 2 || (recorded + open.len() == 6 && !open.is_empty()) {
            let task = open.pop_front().unwrap();
            client.say(&json!({ "type": "completed", "task": task })).await;
        }
    }
    assert_eq!(most, 2);

    // No slots: what is ready waits.
    client.offer(&["w"], 0).await;
    let id = start(&server, "w", "{}").await;
    client.offer(&["w"], 1).await;
    let task = client.hear("task").await["task"].clone();
    assert!(task.as_str().unwrap().starts_with(&id.to_string()));
}

#[tokio::test]
async fn what_is_ready_together_goes_in_frames_of_at_most_64_messages() {
    let server = Server::new(Options::default()).await;
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(start(&server, "pack", "{}").await);
    }
    let mut client = Client::welcomed(&server, SESSION, &[]).await;
    // All of them begin with the commit that follows.
    client.offer(&["pack"], 200).await;
    let mut done = Vec::new();
    for _ in 0..200 {
        let task = client.hear("task").await;
        done.push(json!({ "type": "completed", "task": task["task"], "output": task["task"] }));
    }
    assert!((2..=64).contains(&client.longest), "{}", client.longest);
    // All results in one frame, and every execution gets its own.
    client.say_raw(&Value::Array(done).to_string()).await;
    for _ in 0..200 {
        client.hear("recorded").await;
    }
    assert!(client.longest <= 64, "{}", client.longest);
    for id in ids {
        let output = server.engine.wait(id, None).await.unwrap().output.unwrap();
        assert!(output.text().contains(&id.to_string()), "{output}");
    }
}

#[tokio::test]
async fn of_a_frame_that_goes_wrong_in_the_middle_what_comes_before_counts() {
    let server = Server::new(Options::default()).await;
    let mut client = Client::welcomed(&server, SESSION, &[]).await;
    client.offer(&["pay"], 2).await;
    let mut paid = Vec::new();
    for _ in 0..2 {
        let id = start(&server, "pay", "{}").await;
        paid.push((id, client.hear("task").await["task"].as_str().unwrap().to_owned()));
    }
    let [(first, task), (second, other)] = &paid[..] else { panic!("two were started") };
    let done = |task: &str, output: u8| json!({ "type": "completed", "task": task, "output": output });
    // In order: of two results of one task the first is the one.
    let frame = json!([done(task, 1), done(task, 2), done("exec_1", 3), done(other, 4)]);
    client.say_raw(&frame.to_string()).await;
    // What has come of the first may be told before the refusal, or not.
    let refused = loop {
        let message = client.next().await.unwrap();
        match message["type"].as_str().unwrap() {
            "recorded" => assert_eq!(message["task"], json!(task)),
            _ => break message,
        }
    };
    assert_eq!((&refused["type"], &refused["code"]), (&json!("refused"), &json!("invalid_message")));
    assert_eq!(server.engine.wait(*first, None).await.unwrap().output.unwrap().text(), "1");

    let mut client = Client::welcomed(&server, SESSION, &[other]).await;
    client.say_raw(&json!([done(other, 4)]).to_string()).await;
    assert_eq!(client.hear("recorded").await["task"], json!(other));
    let ended = server.engine.wait(*second, None).await.unwrap();
    assert_eq!((ended.output.unwrap().text(), ended.history.iter().filter(|entry| entry.kind == "step_start").count()), ("4", 1));
}

#[tokio::test]
async fn what_is_not_the_protocol_is_refused_with_words() {
    let server = Server::new(Options::default()).await;
    let hello = |session: &str, holding: Value| json!([{ "type": "hello", "session": session, "holding": holding }]).to_string();
    for (frame, code, message) in [
        ("hello".to_owned(), "invalid_message", "the frame is not what was expected: expected value at line 1 column 1"),
        ("{}".to_owned(), "invalid_message", "expected an array of messages"),
        ("[]".to_owned() + " ", "hello_expected", "the first message is `hello`"),
        (r#"[{"type":"leave"}]"#.to_owned(), "hello_expected", "the first message is `hello`"),
        (r#"[{"type":"hello","session":"a"}]"#.to_owned(), "invalid_message", "`hello` has no `holding`"),
        (hello("short", json!([])), "invalid_message", "`session`: 16 to 128 letters"),
        (hello("0123456789abcde!", json!([])), "invalid_message", "`session`: 16 to 128 letters"),
        (hello("engine-0123456789", json!([])), "invalid_request", "does not begin with `engine-`"),
        (hello(SESSION, json!(["x"])), "invalid_message", "`x` is the id of no task"),
        (hello(SESSION, json!([7])), "invalid_message", "`holding`: invalid type"),
    ] {
        let mut client = Client::new(&server).await;
        client.say_raw(&frame).await;
        let found = client.refused(code).await;
        assert!(found.contains(message), "{frame}: {found}");
    }
    for (frame, message) in [
        (r#"[{"type":"hello","session":"0123456789abcdef","holding":[]}]"#, "`hello` is said once"),
        (r#"[{"type":"offer","actions":["a b"],"slots":1}]"#, "`a b` is not a valid action"),
        (r#"[{"type":"offer","actions":["noop"],"slots":1}]"#, "`noop` is built in"),
        (r#"[{"type":"offer","actions":["a"],"slots":-1}]"#, "`slots`: invalid value"),
        (r#"[{"type":"completed","task":"exec_1"}]"#, "`exec_1` is the id of no task"),
        (r#"[{"type":"failed","task":"exec_1"}]"#, "`failed` has no `error`"),
        (r#"[{"type":"failed","task":"exec_1","error":"no"}]"#, "`error`: invalid type"),
    ] {
        let mut client = Client::welcomed(&server, SESSION, &[]).await;
        client.say_raw(frame).await;
        let found = client.refused("invalid_message").await;
        assert!(found.contains(message), "{frame}: {found}");
    }
    let mut client = Client::welcomed(&server, SESSION, &[]).await;
    client.socket.send(Message::binary("[]")).await.unwrap();
    assert!(client.refused("invalid_message").await.starts_with("a binary frame came"));
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_refused_before_it_is_held() {
    let server = Server::new(Options::default()).await;
    let client = Client::welcomed(&server, SESSION, &[]).await;
    let (mut to_server, mut from_server) = client.socket.split();
    let sending = async { to_server.send(Message::text(" ".repeat((16 << 20) + 1))).await };
    let hearing = async {
        loop {
            match timeout(PATIENCE, from_server.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let (_, refused) = futures_util::join!(sending, hearing);
    assert!(refused.contains("a frame of 16777217 bytes came, the limit is 16777216"), "{refused}");
}

#[tokio::test]
async fn who_says_nothing_first_is_not_waited_for() {
    let server = Server::new(Options { hello_timeout: Duration::from_millis(20), ..Options::default() }).await;
    let mut client = Client::new(&server).await;
    assert_eq!(client.refused("hello_expected").await, "nothing was said within 0.02 s; the first message is `hello`");
}

#[tokio::test]
async fn who_falls_silent_is_gone_and_hears_heartbeats_until_then() {
    let server = Server::new(Options { worker_heartbeat: Duration::from_millis(200), ..Options::default() }).await;
    let mut client = Client::welcomed(&server, SESSION, &[]).await;
    let next = async |client: &mut Client| timeout(PATIENCE, client.socket.next()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(next(&mut client).await.unwrap().unwrap(), Message::text("[]"));
        client.say_raw("[]").await;
    }
    let mut heartbeats = 0;
    while let Some(Ok(frame)) = next(&mut client).await {
        assert_eq!(frame, Message::text("[]"));
        heartbeats += 1;
    }
    assert!(heartbeats <= 3, "{heartbeats}");
}

#[tokio::test]
async fn a_session_that_connects_again_takes_the_place_of_its_old_connection() {
    let server = Server::new(Options::default()).await;
    let mut first = Client::welcomed(&server, SESSION, &[]).await;
    first.offer(&["w"], 2).await;
    let id = start(&server, "w", "{}").await;
    let task = first.hear("task").await["task"].as_str().unwrap().to_owned();
    // And one that it names although nobody wants it.
    let old = task.replace(".1", ".7");
    let mut second = Client::welcomed(&server, SESSION, &[&task, &old]).await;
    assert_eq!(first.refused("replaced").await, "another connection of the same session has taken the place of this one");
    assert_eq!(second.hear("abort").await, json!({ "type": "abort", "task": old, "reason": "lost" }));
    second.say(&json!({ "type": "completed", "task": task, "output": 1 })).await;
    second.hear("recorded").await;
    let ended = server.engine.wait(id, None).await.unwrap();
    assert!(ended.history.iter().all(|entry| entry.kind != "step_interrupted"));
}

#[tokio::test]
async fn a_server_that_stops_tells_its_workers_and_does_not_wait_for_them() {
    let server = Server::new(Options::default()).await;
    let mut working = Client::welcomed(&server, SESSION, &[]).await;
    working.offer(&["w"], 1).await;
    start(&server, "w", "{}").await;
    working.hear("task").await;
    let mut silent = Client::new(&server).await;
    server.shutdown.send(()).unwrap();
    working.hear("closing").await;
    assert_eq!(working.next().await, None);
    silent.hear("closing").await;
    assert_eq!(silent.next().await, None);
    timeout(PATIENCE, server.ended).await.unwrap().unwrap().unwrap();
}

/// Nothing but heartbeats come from a worker that has nothing to do: they are what it was last seen by.
#[tokio::test]
async fn the_list_of_workers_says_since_when_each_is_connected_and_when_it_was_last_seen() {
    let server = Server::new(Options { worker_heartbeat: Duration::from_millis(20), ..Options::default() }).await;
    let api = Api::over(server.engine.clone()).await;
    let listed = async || {
        let workers = api.get("/api/v1/workers").await.json();
        workers["workers"].as_array().unwrap().iter().find(|worker| worker["kind"] == "worker").cloned()
    };
    let mut client = Client::new(&server).await;
    client.say(&json!({ "type": "hello", "session": SESSION, "holding": [], "name": "packer" })).await;
    client.hear("welcome").await;
    let first = listed().await.unwrap();
    assert_eq!((&first["id"], &first["name"], first.get("away")), (&json!(SESSION), &json!("packer"), None));
    let connected = first["connectedAt"].as_i64().unwrap();
    assert!(first["lastSeen"].as_i64() >= Some(connected), "{first}");
    let seen = timeout(PATIENCE, async {
        loop {
            client.say_raw("[]").await;
            tokio::task::yield_now().await;
            let now = listed().await.unwrap();
            if now["lastSeen"].as_i64() > first["lastSeen"].as_i64() {
                return now;
            }
        }
    });
    assert_eq!(seen.await.expect("a heartbeat is seen")["connectedAt"], connected);

    drop(client);
    let away = timeout(PATIENCE, async {
        loop {
            match listed().await {
                Some(worker) if worker["away"] == true => return worker,
                _ => tokio::task::yield_now().await,
            }
        }
    });
    let away = away.await.expect("it is expected back");
    assert_eq!((&away["connectedAt"], &away["slots"]), (&json!(connected), &json!(0)));
}
