//! Clients of all kinds, good and bad.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::wire::{self, Answer, Wire};

const SMALL: &str = "/api/v1/workflows/small/executions";

/// What the server has said to all of them.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Executions by their keys.
    started: Mutex<BTreeMap<String, String>>,
    count: AtomicU64,
    pub refused: AtomicU64,
    /// Clients that have been connected.
    pub connected: AtomicU64,
    /// Connections that ended in the middle.
    pub broken: AtomicU64,
    /// By status, code and what was too much.
    refusals: Mutex<BTreeMap<String, u64>>,
}

#[derive(Debug, Clone)]
pub struct Load {
    pub address: Arc<str>,
    pub ledger: Arc<Ledger>,
    stop: watch::Sender<bool>,
}

impl Ledger {
    pub fn acknowledged(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub fn started(&self) -> BTreeMap<String, String> {
        self.started.lock().unwrap().clone()
    }

    /// Whether the execution of this key was acknowledged.
    pub fn has(&self, key: &str) -> bool {
        self.started.lock().unwrap().contains_key(key)
    }

    pub fn refusals(&self) -> BTreeMap<String, u64> {
        self.refusals.lock().unwrap().clone()
    }

    /// Every refusal says what a client can act on.
    fn refuse(&self, answer: &Answer) {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.content_type, "application/problem+json", "{text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        let code = problem["code"].as_str().unwrap();
        let expected = match answer.status {
            429 => &["overloaded"][..],
            503 => &["store_unavailable", "outcome_unknown"],
            // A body that was sent too slowly.
            408 => &["request_timeout"],
            _ => &[],
        };
        assert!(expected.contains(&code), "{} {text}", answer.status);
        assert!(answer.status == 408 || answer.retry_after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{answer:?}");
        self.refused.fetch_add(1, Ordering::Relaxed);
        let what = format!("{} {code}: {}", answer.status, problem["detail"].as_str().unwrap());
        *self.refusals.lock().unwrap().entry(what).or_default() += 1;
    }
}

impl Load {
    pub fn new(address: &str, ledger: &Arc<Ledger>) -> Load {
        Load { address: address.into(), ledger: Arc::clone(ledger), stop: watch::Sender::new(false) }
    }

    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    fn goes_on(&self) -> bool {
        !*self.stop.borrow()
    }

    async fn stopped(&self) {
        self.stop.subscribe().wait_for(|stop| *stop).await.ok();
    }
}

pub fn definitions() -> Vec<Value> {
    let step = |id: &str, action: &str, after: &[&str]| json!({ "id": id, "action": action, "dependsOn": after });
    vec![
        json!({ "id": "small", "steps": [step("a", "quick", &[]), step("b", "quick", &["a"])] }),
        // For a worker that takes tasks and does nothing with them.
        json!({ "id": "unread", "steps": [{ "id": "a", "action": "unread", "onError": "continue" }] }),
        json!({ "id": "waits", "steps": [{ "id": "a", "action": "noop", "wait": "1d" }] }),
    ]
}

/// Whether it was taken.
pub async fn start(load: &Load, wire: &mut Wire, key: &str, body: &[u8]) -> bool {
    let answer = wire.ask("POST", SMALL, Some(key), body).await.unwrap();
    took(load, key, &answer)
}

fn took(load: &Load, key: &str, answer: &Answer) -> bool {
    if !matches!(answer.status, 200 | 201) {
        load.ledger.refuse(answer);
        return false;
    }
    let execution = id_of(&answer.body);
    let before = load.ledger.started.lock().unwrap().insert(key.to_owned(), execution.clone());
    assert!(before.is_none_or(|before| before == execution), "{key} has two executions");
    load.ledger.count.fetch_add(1, Ordering::Relaxed);
    true
}

/// Without reading all of it, which may be long: the first field.
fn id_of(body: &[u8]) -> String {
    let begin = b"{\"id\":\"";
    assert!(body.starts_with(begin), "{}", String::from_utf8_lossy(&body[..body.len().min(200)]));
    let rest = &body[begin.len()..];
    let end = rest.iter().position(|byte| *byte == b'"').unwrap();
    String::from_utf8(rest[..end].to_vec()).unwrap()
}

/// One start after the other, on one connection, without heeding `Retry-After`. A key that was refused is used again.
pub async fn starts(load: Load, name: String, body: Arc<[u8]>) {
    let mut count = 0;
    let mut wire = Wire::open(&load.address).await.ok();
    load.ledger.connected.fetch_add(1, Ordering::Relaxed);
    while load.goes_on() {
        let Some(open) = &mut wire else {
            wire = Wire::open(&load.address).await.ok();
            tokio::task::yield_now().await;
            continue;
        };
        let key = format!("{name}-{count}");
        let asked = tokio::select! {
            asked = open.ask("POST", SMALL, Some(&key), &body) => asked,
            // What it was answered it does not hear.
            () = load.stopped() => return,
        };
        match asked {
            Ok(answer) => count += usize::from(took(&load, &key, &answer)),
            // The queue of the system overflows when all come at once, and what follows a body that was refused may be cut off: the same
            // key again, on a new connection, as a careful client does.
            Err(_) => {
                load.ledger.broken.fetch_add(1, Ordering::Relaxed);
                wire = None;
            }
        }
    }
}

/// An execution with long payloads, as it can be read afterwards.
pub async fn large_execution(load: &Load, bytes: usize) -> String {
    let mut wire = Wire::open(&load.address).await.unwrap();
    let body = json!({ "input": { "text": "x".repeat(bytes) } }).to_string();
    assert!(start(load, &mut wire, "large", body.as_bytes()).await);
    load.ledger.started()["large"].clone()
}

/// Asks for something long and reads nothing of it, until it is cut off or the load ends; then again.
pub async fn asks_and_never_reads(load: Load, path: String) {
    while load.goes_on() {
        let Ok(mut stream) = TcpStream::connect(&*load.address).await else { continue };
        if stream.write_all(&wire::request("GET", &path, None, b"")).await.is_err() {
            continue;
        }
        load.stopped().await;
    }
}

/// Reads an answer a byte at a time.
pub async fn reads_slowly(load: Load, path: String) {
    let Ok(mut stream) = TcpStream::connect(&*load.address).await else { return };
    if stream.write_all(&wire::request("GET", &path, None, b"")).await.is_err() {
        return;
    }
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    while load.goes_on() && stream.read_u8().await.is_ok() {
        beat.tick().await;
    }
}

/// Says that a long body comes, and sends a byte now and then.
pub async fn sends_slowly(load: Load, number: usize, bytes: usize) {
    let whole = wire::request("POST", SMALL, Some(&format!("slow-{number}")), &vec![b' '; bytes]);
    let Ok(mut stream) = TcpStream::connect(&*load.address).await else { return };
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    for byte in whole {
        if !load.goes_on() || stream.write_all(&[byte]).await.is_err() {
            return;
        }
        beat.tick().await;
    }
}

/// Sends a long body but for its last byte, and that never; again when it is refused or cut off.
pub async fn sends_all_but_the_end(load: Load, number: usize, bytes: usize) {
    let whole = wire::request("POST", SMALL, Some(&format!("stalled-{number}")), &vec![b' '; bytes]);
    while load.goes_on() {
        let Ok(mut wire) = Wire::open(&load.address).await else { continue };
        if wire.stream.write_all(&whole[..whole.len() - 1]).await.is_err() {
            continue;
        }
        tokio::select! {
            answer = wire.answer() => if let Ok(answer) = answer { load.ledger.refuse(&answer) },
            () = load.stopped() => return,
        }
    }
}

/// The key of the last execution for a worker that never reads.
pub const LAST_UNREAD: &str = "unread-63";

/// Offers to take tasks, is given long ones, and never reads.
pub async fn worker_that_never_reads(load: Load, bytes: usize) {
    let stream = TcpStream::connect(&*load.address).await.unwrap();
    let mut request = format!("ws://{}/api/v1/worker", load.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "workflow.worker.v1".parse().unwrap());
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let hello = json!([
        { "type": "hello", "session": "a-worker-that-never-reads", "holding": [], "name": "deaf" },
        { "type": "offer", "actions": ["unread"], "slots": 64 }
    ]);
    {
        use futures_util::SinkExt;
        socket.send(Message::text(hello.to_string())).await.unwrap();
    }
    let mut wire = Wire::open(&load.address).await.unwrap();
    let body = json!({ "input": { "text": "x".repeat(bytes) } }).to_string();
    for number in 0..64 {
        let path = "/api/v1/workflows/unread/executions";
        let key = format!("unread-{number}");
        let Ok(answer) = wire.ask("POST", path, Some(&key), body.as_bytes()).await else { break };
        took(&load, &key, &answer);
        if !load.goes_on() {
            break;
        }
    }
    load.stopped().await;
    // Then it goes, and somebody else takes what it had: nobody does, so it is called off.
    drop(socket);
    let mut wire = Wire::open(&load.address).await.unwrap();
    for (key, execution) in load.ledger.started() {
        if !key.starts_with("unread-") {
            continue;
        }
        loop {
            let answer = wire.ask("POST", &format!("/api/v1/executions/{execution}/cancel"), None, b"").await.unwrap();
            if answer.status == 200 {
                break;
            }
            load.ledger.refuse(&answer);
        }
    }
}

/// Moves an execution that waits to and fro, and looks at the probes; is never refused. Gives how often it asked. It has a thread of its
/// own: it waits for the server, and not for its turn among the other clients.
pub fn moves(load: Load, id: String) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(to_and_fro(load, id))
    })
}

async fn to_and_fro(load: Load, id: String) -> u64 {
    let mut wire = Wire::open(&load.address).await.unwrap();
    let control = |call: &str| format!("/api/v1/executions/{id}/{call}");
    let calls = [("POST", control("pause")), ("GET", "/healthz".into()), ("POST", control("resume")), ("GET", "/readyz".into())];
    let mut moved = 0;
    for (method, path) in calls.iter().cycle() {
        let answer = wire.ask(method, path, None, b"").await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        moved += 1;
        if !load.goes_on() {
            break;
        }
    }
    let answer = wire.ask("POST", &control("cancel"), None, b"").await.unwrap();
    assert_eq!(answer.status, 200);
    moved
}

/// Starts an execution that waits, for whoever moves it.
pub async fn waiting_execution(load: &Load) -> String {
    let mut wire = Wire::open(&load.address).await.unwrap();
    let answer = wire.ask("POST", "/api/v1/workflows/waits/executions", Some("moved"), b"").await.unwrap();
    assert!(took(load, "moved", &answer));
    id_of(&answer.body)
}

/// How many executions have which status. Asked until it is answered.
pub async fn counts(address: &str) -> Value {
    let mut wire = Wire::open(address).await.unwrap();
    loop {
        let answer = wire.ask("GET", "/api/v1/executions/counts", None, b"").await.unwrap();
        if answer.status == 200 {
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            return body["byStatus"].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
