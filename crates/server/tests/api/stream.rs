use std::collections::VecDeque;

use axum::body::{Body, HttpBody};
use axum::http::{Method, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{Api, request};

/// One message of a stream.
#[derive(Debug)]
pub struct Message {
    pub id: Option<u64>,
    pub event: Option<String>,
    pub data: Value,
}

pub struct Messages {
    body: Body,
    text: String,
    ready: VecDeque<Message>,
}

pub async fn open(api: &Api, path: &str, last_event_id: Option<u64>) -> Messages {
    open_as(api, path, last_event_id, "").await
}

/// With a token.
pub async fn open_as(api: &Api, path: &str, last_event_id: Option<u64>, token: &str) -> Messages {
    let mut request = request(Method::GET, path).body(Body::empty()).unwrap();
    if !token.is_empty() {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    if let Some(id) = last_event_id {
        request.headers_mut().insert("last-event-id", id.into());
    }
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!((response.status(), &response.headers()["content-type"]), (StatusCode::OK, &"text/event-stream".parse().unwrap()));
    Messages { body: response.into_body(), text: String::new(), ready: VecDeque::new() }
}

impl Messages {
    /// None when the stream has ended.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            let body = &mut self.body;
            let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context)).await?;
            self.text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                self.ready.extend(parse(message));
                self.text = rest.to_owned();
            }
        }
    }

    pub async fn rest(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            all.push(message);
        }
        all
    }
}

/// None for a comment.
fn parse(text: &str) -> Option<Message> {
    let field = |name: &str| {
        let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Message { id: field("id").map(|id| id.parse().unwrap()), event: field("event"), data })
}

#[tokio::test]
async fn a_stream_holds_every_entry_and_ends_with_the_execution() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo"), ("b", "echo")]).await;
    let id = api.started("order").await;
    api.ended(&id).await;
    let mut messages = open(&api, &format!("/api/v1/executions/{id}/stream"), None).await.rest().await;
    let hello = messages.remove(0);
    assert_eq!((hello.event.as_deref(), hello.id), (Some("hello"), None), "it is no entry, and no place to come back to");
    api.document.holds("ExecutionHello", &hello.data);
    let end = messages.pop().unwrap();
    assert_eq!((end.event.as_deref(), end.id, &end.data["status"]), (Some("end"), None, &Value::from("completed")));

    api.document.holds("StreamEnd", &end.data);

    let history = api.get(&format!("/api/v1/executions/{id}/history")).await.json();
    assert_eq!((&hello.data["after"], &hello.data["lastSeq"]), (&Value::from(0), &history["total"]));
    assert!(hello.data["serverTime"].is_i64() && hello.data["version"].is_string(), "{:?}", hello.data);
    let entries: Vec<Value> = messages.iter().map(|message| message.data.clone()).collect();
    assert_eq!(history["entries"], Value::from(entries), "an entry is the same wherever it is read");
    for message in &messages {
        assert_eq!((message.id, &message.event), (message.data["seq"].as_u64(), &None));
        api.document.holds("HistoryEntry", &message.data);
    }
}

#[tokio::test]
async fn a_stream_that_broke_goes_on_after_the_last_message_that_was_seen() {
    let api = Api::new().await;
    api.workflow("held", &[("a", "echo"), ("b", "held"), ("c", "echo")]).await;
    let id = api.started("held").await;
    let path = format!("/api/v1/executions/{id}/stream");
    let mut first = open(&api, &path, None).await;
    assert_eq!(first.next().await.unwrap().event.as_deref(), Some("hello"));
    let mut seen = Vec::new();
    loop {
        let message = first.next().await.unwrap();
        seen.push(message.id.unwrap());
        if message.data["stepId"] == "b" {
            break;
        }
    }
    drop(first);

    api.gate.add_permits(1);
    let mut rest = open(&api, &path, seen.last().copied()).await.rest().await;
    let hello = rest.remove(0);
    assert_eq!((hello.event.as_deref(), hello.data["after"].as_u64()), (Some("hello"), seen.last().copied()));
    seen.extend(rest.iter().filter_map(|message| message.id));
    let expected: Vec<u64> = (1..=seen.len() as u64).collect();
    assert_eq!(seen, expected, "no entry is left out or sent twice");
    assert_eq!(rest.last().unwrap().event.as_deref(), Some("end"));

    let after = open(&api, &format!("{path}?after={}", seen.len()), None).await.rest().await;
    let told: Vec<Option<&str>> = after.iter().map(|message| message.event.as_deref()).collect();
    assert_eq!(told, [Some("hello"), Some("end")], "who has seen all is told that it is over");
    assert_eq!(after[0].data["lastSeq"].as_u64(), seen.last().copied());
}

#[tokio::test]
async fn a_place_in_a_stream_that_is_none_is_refused() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let id = api.started("order").await;
    let request =
        request(Method::GET, &format!("/api/v1/executions/{id}/stream")).header("last-event-id", "x").body(Body::empty());
    let detail = api.send(request.unwrap()).await.problem(400, "invalid_parameter");
    assert!(detail.starts_with("header `last-event-id`"), "{detail}");
}
