//! A killed process proves nothing about the disk, so this one is watched by strace: with one client that does one thing at a
//! time, no answer and no call of an action leaves the server before the log is synced.
//!
//! The calls of strace are in the order in which they began and ended. A sync counts for what was written before it began, from
//! when it has ended; an answer counts from when it begins.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::client::Client;
use crate::server::{self, Server};

const ROUNDS: usize = 8;
const TRACED: &str = "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync";

#[test]
fn nothing_is_answered_and_no_action_is_called_before_the_log_is_synced() {
    let Some(trace) = traced(&[]) else { return };
    assert_eq!(trace.early, Vec::<String>::new(), "what left the server before its cause was synced");
}

#[test]
fn without_syncs_the_test_of_syncs_fails() {
    let Some(trace) = traced(&["--unsafe-no-sync"]) else { return };
    let all = trace.answers + trace.calls;
    assert!(trace.early.len() * 2 > all, "only {} of {all} are found to be early", trace.early.len());
}

/// What strace has seen. `None` when it cannot be run, which is said loudly.
fn traced(arguments: &[&str]) -> Option<Trace> {
    if let Err(error) = Command::new("strace").arg("-V").output() {
        assert!(std::env::var_os("CI").is_none(), "strace is needed: {error}; try 'apt-get install strace'");
        println!("LEFT OUT: strace cannot be run ({error}); try 'apt-get install strace'");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let (database, file) = (directory.path().join("workflow.db"), directory.path().join("trace"));
    let serve = server::serve(&database);
    let mut strace = Command::new("strace");
    // With -D the child is the server, and strace its companion.
    strace.args(["-D", "-f", "-y", "-s", "64", "-e", TRACED, "-o"]).arg(&file);
    strace.arg(serve.get_program()).args(serve.get_args()).args(arguments);
    server::in_its_own_world(&mut strace, directory.path());
    let mut server = Server::spawn(strace, &directory.path().join("log"));
    let url = server.ready();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = runtime.block_on(one_thing_at_a_time(url));
    assert!(server.stop().success(), "{}", server.newest_log());
    let trace = Trace::read(&whole(&file, server.pid()));
    println!("{arguments:?}: {trace:?}");
    // It has seen everything.
    assert_eq!((trace.answers, trace.calls), (asked.answers, asked.calls));
    assert!(trace.log_writes >= asked.commits, "{} writes of the log for {} commits", trace.log_writes, asked.commits);
    Some(trace)
}

/// What strace has written, once it has seen the end of the server.
fn whole(file: &Path, pid: u32) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(file).unwrap();
        if text.lines().any(|line| line.starts_with(&format!("{pid} ")) && line.contains("+++ exited with 0 +++")) {
            return text;
        }
        assert!(Instant::now() < deadline, "strace has not seen the end of the server");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What was asked of the server.
#[derive(Debug, Default)]
struct Asked {
    answers: usize,
    calls: usize,
    /// At least.
    commits: usize,
}

/// A call of the action, which ends when it is told to.
type Held = oneshot::Sender<()>;

struct Caller {
    client: Client,
    calls: mpsc::Receiver<Held>,
    asked: Asked,
}

impl Caller {
    async fn ask(&mut self, method: &str, path: &str, key: Option<&str>, body: Value) -> Value {
        let answer = self.client.ask(method, path, key, &body).await;
        assert!(matches!(answer.status, 200 | 201), "{method} {path}: {answer:?}");
        self.asked.answers += 1;
        self.asked.commits += usize::from(method != "GET");
        answer.body
    }

    async fn called(&mut self) -> Held {
        self.asked.calls += 1;
        self.calls.recv().await.unwrap()
    }

    /// Lets the call end, and waits for the end of its execution.
    async fn finish(&mut self, call: Held, execution: &str) {
        call.send(()).unwrap();
        self.asked.commits += 1;
        let execution = self.ask("GET", &format!("/api/v1/executions/{execution}?wait=30s"), None, Value::Null).await;
        assert_eq!(execution["status"], "completed");
    }

    async fn round(&mut self, round: usize) {
        let start = json!({ "input": { "round": round } });
        let path = "/api/v1/workflows/held/executions";
        let id = |execution: &Value| execution["id"].as_str().unwrap().to_owned();

        let moved = id(&self.ask("POST", path, Some(&format!("moved-{round}")), start.clone()).await);
        let call = self.called().await;
        for control in ["pause", "resume"] {
            self.ask("POST", &format!("/api/v1/executions/{moved}/{control}"), None, Value::Null).await;
        }
        self.finish(call, &moved).await;

        let cancelled = id(&self.ask("POST", path, None, start).await);
        let _call = self.called().await;
        self.ask("POST", &format!("/api/v1/executions/{cancelled}/cancel"), None, Value::Null).await;

        let event = json!({ "event": "Round.begun", "data": { "round": round }, "id": format!("event-{round}") });
        let answer = self.ask("POST", "/api/v1/events", None, event).await;
        let call = self.called().await;
        self.finish(call, &id(&answer["executions"][0])).await;
    }
}

async fn one_thing_at_a_time(url: String) -> Asked {
    let (sender, calls) = mpsc::channel(1);
    let hold = |State(sender): State<Arc<Mutex<mpsc::Sender<Held>>>>| async move {
        let (held, release) = oneshot::channel();
        sender.lock().await.send(held).await.ok();
        release.await.ok();
        axum::http::StatusCode::NO_CONTENT
    };
    let router = Router::new().route("/hold", post(hold)).with_state(Arc::new(Mutex::new(sender)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let (_life, life) = watch::channel(vec![(0, url)]);
    let mut caller = Caller { client: Client::new(life), calls, asked: Asked::default() };
    caller.ask("PUT", "/api/v1/endpoints/one", None, json!({ "url": service, "actions": ["hold"] })).await;
    let triggers = json!([{ "event": "Round.begun" }]);
    let definition = json!({ "id": "held", "triggers": triggers, "steps": [{ "id": "only", "action": "hold" }] });
    caller.ask("PUT", "/api/v1/workflows/held", None, definition).await;
    for round in 0..ROUNDS {
        caller.round(round).await;
    }
    caller.asked
}

/// The reading of what strace has written.
#[derive(Debug, Default)]
struct Trace {
    log_writes: usize,
    syncs: usize,
    /// HTTP answers that are no error.
    answers: usize,
    /// Calls of actions.
    calls: usize,
    /// Answers and calls that began while something in the log was not synced.
    early: Vec<String>,
}

/// What has begun and not ended, by thread.
enum Begun {
    LogWrite,
    /// With how many writes of the log that had ended.
    Sync(usize),
}

impl Trace {
    fn read(text: &str) -> Trace {
        let mut trace = Trace::default();
        let mut begun: HashMap<&str, Begun> = HashMap::new();
        let (mut written, mut synced) = (0, 0);
        for line in text.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            let ended = if call.starts_with("<... ") {
                begun.remove(thread)
            } else {
                let of_log = call.split_once('>').is_some_and(|(head, _)| head.ends_with("workflow.db-wal"));
                let state = if !of_log {
                    trace.leaves(call, trace.log_writes > synced);
                    continue;
                } else if call.starts_with("fdatasync(") || call.starts_with("fsync(") {
                    Begun::Sync(written)
                } else {
                    trace.log_writes += 1;
                    Begun::LogWrite
                };
                if call.ends_with("<unfinished ...>") {
                    begun.insert(thread, state);
                    continue;
                }
                Some(state)
            };
            match ended {
                Some(Begun::LogWrite) => written += 1,
                // One that the end of the process has cut short has no result.
                Some(Begun::Sync(_)) if call.ends_with("= ?") => {}
                Some(Begun::Sync(upto)) => {
                    assert!(call.ends_with("= 0"), "a sync failed: {line}");
                    trace.syncs += 1;
                    synced = synced.max(upto);
                }
                None => {}
            }
        }
        trace
    }

    /// A call that is not about the log: something may leave the server with it.
    fn leaves(&mut self, call: &str, unsynced: bool) {
        if call.contains("\"HTTP/1.1 2") {
            self.answers += 1;
        } else if call.contains("\"POST /hold") {
            self.calls += 1;
        } else {
            return;
        }
        if unsynced {
            self.early.push(call.to_owned());
        }
    }
}

#[test]
fn a_sync_counts_for_what_was_written_before_it_began() {
    let wal = "7</tmp/workflow.db-wal>";
    let answer = r#"12 sendto(9<socket:[1]>, "HTTP/1.1 201 Created\r\n", 22, 0, NULL, 0) = 22"#;
    let early = |lines: &[String]| Trace::read(&lines.join("\n")).early.len();
    let write = format!("11 pwrite64({wal}, \"...\", 4096, 0) = 4096");
    let sync = format!("11 fdatasync({wal}) = 0");
    assert_eq!(early(&[write.clone(), sync.clone(), answer.to_owned()]), 0);
    assert_eq!(early(&[sync.clone(), write.clone(), answer.to_owned()]), 1);
    let (begins, ends) = (format!("11 fdatasync({wal} <unfinished ...>"), "11 <... fdatasync resumed>) = 0".to_owned());
    assert_eq!(early(&[write.clone(), begins.clone(), answer.to_owned(), ends.clone()]), 1);
    let other = format!("13 pwrite64({wal}, \"...\", 4096, 4096) = 4096");
    assert_eq!(early(&[write, begins, other, ends, answer.to_owned()]), 1);
}
