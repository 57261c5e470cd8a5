//! Servers of the tests' own, which say what their script says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Nothing here takes this long: it turns a test that would hang into one that fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Stage {
    listener: TcpListener,
    pub address: SocketAddr,
}

/// One connection of a worker.
pub struct Line {
    socket: WebSocketStream<TcpStream>,
    heard: VecDeque<Value>,
    /// With at least one message.
    pub frames: usize,
}

impl Stage {
    pub async fn new() -> Stage {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Stage { listener, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next connection.
    pub async fn line(&self) -> Line {
        let (stream, _) = patiently(self.listener.accept()).await.unwrap();
        #[expect(clippy::result_large_err, reason = "tungstenite's own signature")]
        let choose = |request: &Request, mut response: Response| {
            assert_eq!(request.uri().path(), "/api/v1/worker");
            let asked = request.headers()["sec-websocket-protocol"].clone();
            assert_eq!(asked, "workflow.worker.v1");
            response.headers_mut().insert("sec-websocket-protocol", asked);
            Ok(response)
        };
        Line { socket: accept_hdr_async(stream, choose).await.unwrap(), heard: VecDeque::new(), frames: 0 }
    }

    /// The next connection, once its worker has been made welcome: with what it said first.
    pub async fn welcomed(&self) -> (Line, Value) {
        let mut line = self.line().await;
        let hello = line.hear("hello").await;
        line.say(&welcome(5_000)).await;
        (line, hello)
    }
}

impl Stage {
    /// The next connection, whose worker is made welcome and told of these engines in the same frame.
    pub async fn welcomed_to(&self, engines: &Value) -> (Line, Value) {
        let mut line = self.line().await;
        let hello = line.hear("hello").await;
        line.say_raw(&json!([welcome(5_000), engines]).to_string()).await;
        (line, hello)
    }

    /// Whether somebody has connected whom nobody has taken in.
    pub async fn is_dialled(&self) -> bool {
        timeout(Duration::ZERO, self.listener.accept()).await.is_ok()
    }
}

/// What the engine `own` says of itself and others, each with its server; none that has not said where it is.
pub fn engines(own: &str, all: &[(&str, Option<&Stage>)]) -> Value {
    let at = |(id, stage): &(&str, Option<&Stage>)| match stage {
        Some(stage) => json!({ "id": id, "url": stage.url() }),
        None => json!({ "id": id }),
    };
    json!({ "type": "engines", "engine": own, "engines": all.iter().map(at).collect::<Vec<_>>() })
}

pub fn welcome(heartbeat_ms: u64) -> Value {
    json!({ "type": "welcome", "server": { "version": "9.9.9" }, "heartbeatMs": heartbeat_ms, "graceMs": 10_000, "payloadBytesMax": 100_000, "later": 1 })
}

/// A task of the step `charge`.
pub fn task(id: &str, action: &str, params: &Value) -> Value {
    let context = json!({
        "executionId": "exec_018bcfe5687b7abcbffffffffffff123", "workflowId": "order", "workflowVersion": 3, "stepId": "charge",
        "attempt": 2, "idempotencyKey": "exec_018bcfe5687b7abcbffffffffffff123:charge", "retryCount": 1,
    });
    json!({ "type": "task", "task": id, "action": action, "params": params, "state": { "validate": { "total": 42 } }, "context": context })
}

impl Line {
    pub async fn say(&mut self, message: &Value) {
        self.say_raw(&Value::Array(vec![message.clone()]).to_string()).await;
    }

    pub async fn say_raw(&mut self, frame: &str) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }

    /// The next message, which is of this type.
    pub async fn hear(&mut self, kind: &str) -> Value {
        let message = self.next().await.expect("the worker is still there");
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// None when the worker has closed the connection.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Some(message);
            }
            match patiently(self.socket.next()).await? {
                Ok(Message::Text(text)) => {
                    let messages: Vec<Value> = serde_json::from_str(&text).unwrap();
                    self.frames += usize::from(!messages.is_empty());
                    self.heard.extend(messages);
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next frame, which is a heartbeat.
    pub async fn hear_heartbeat(&mut self) {
        assert!(self.heard.is_empty());
        let frame = patiently(self.socket.next()).await.expect("the worker is still there").unwrap();
        assert_eq!(frame, Message::text("[]"));
    }

    /// How many frames came before the worker closed the connection.
    pub async fn frames_to_the_end(mut self) -> usize {
        let mut frames = 0;
        while let Some(Ok(Message::Text(_))) = patiently(self.socket.next()).await {
            frames += 1;
        }
        frames
    }
}

pub async fn patiently<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes far too long")
}
