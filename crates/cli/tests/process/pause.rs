//! Processes that stand still for longer than anybody waits for them, and then go on as if nothing had happened (SIGSTOP and
//! SIGCONT; a laptop that sleeps, a virtual machine that is moved, a process in a debugger).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::server::signal;
use crate::stage::Stage;
use crate::worker::{Note, Worker};

fn has_begun(notes: &[Note], count: usize) -> bool {
    notes.iter().filter(|note| matches!(note, Note::Begun { .. })).count() >= count
}

/// The server stands still until its worker has given the connection up, which takes three heartbeats. Meanwhile the worker ends its
/// task, the service answers a call, a timer and the timeouts of an attempt and an execution fall due.
#[test]
fn a_server_that_stood_still_takes_what_came_meanwhile_once() {
    let mut stage = Stage::open(&["--worker-grace", "5s"]);
    let mut held = stage.endpoint();
    stage.site.register("worked", json!([{ "id": "only", "action": "hold" }]));
    stage.site.register("called", json!([{ "id": "only", "action": "held" }]));
    stage.site.register("late", json!([{ "id": "only", "action": "held", "timeout": "1s" }]));
    stage.site.register(
        "timer",
        json!([{ "id": "first", "action": "noop", "wait": "1s" }, { "id": "then", "action": "quick", "dependsOn": ["first"] }]),
    );
    let mut worker = stage.worker("w");
    let (worked, called) = (stage.start("worked"), stage.start("called"));
    stage.called(&mut held);
    worker.until("a task", |notes| has_begun(notes, 1));
    let (timer, late) = (stage.start("timer"), stage.start("late"));
    stage.called(&mut held);

    signal(stage.site.server.pid(), "STOP");
    worker.let_go();
    held.gate.add_permits(1);
    // 15 s: nothing that was asked for waits as long.
    worker.until("that it misses the server", |notes| notes.contains(&Note::Lost));
    signal(stage.site.server.pid(), "CONT");

    let worked_view = stage.completes(&worked);
    assert_eq!(worked_view["stepResults"]["only"]["output"]["call"], "w-0");
    stage.completes(&called);
    stage.completes(&timer);
    let late_view = stage.ended(&late);
    assert_eq!((&late_view["status"], &late_view["error"]), (&json!("failed"), &json!("timed out after 1s")), "{late_view:#}");
    for id in [&worked, &called, &timer] {
        let completed = stage.count(id, "step_complete");
        assert_eq!(completed, if id == &timer { 2 } else { 1 }, "{:?}", stage.history(id));
    }
    assert_eq!(worker.calls().len(), 1, "the worker was given its task once: {:#?}", worker.notes());
    assert_eq!(stage.count(&worked, "step_interrupted"), 0);
    assert!(worker.close().success());
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}

/// A worker stands still until it has been given up, its task has been given to another one, and that one has ended it.
#[test]
fn a_worker_that_stood_still_is_told_to_stop_and_its_result_counts_for_nothing() {
    let mut stage = Stage::open(&["--worker-grace", "200ms"]);
    stage.site.register("worked", json!([{ "id": "only", "action": "hold" }]));
    let mut sleeper = stage.worker("sleeper");
    let worked = stage.start("worked");
    sleeper.until("a task", |notes| has_begun(notes, 1));

    signal(sleeper.pid(), "STOP");
    // Its connection stays, so this takes three heartbeats, 15 s, and the grace.
    stage.until(&worked, "an interruption", |history| history.iter().any(|(kind, _)| kind == "step_interrupted"));
    let mut other = stage.worker("other");
    other.until("the task", |notes| has_begun(notes, 1));
    // What it was told while it stood still it hears later: its task ends, and it is told to stop.
    sleeper.let_go();
    signal(sleeper.pid(), "CONT");
    sleeper.until("a connection again", |notes| notes.iter().filter(|note| **note == Note::Connected).count() == 2);
    other.let_go();
    let view = stage.completes(&worked);
    assert_eq!(view["stepResults"]["only"]["output"]["call"], "other-0", "{view:#}");
    let history = stage.history(&worked);
    let kinds: Vec<&str> = history.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["start", "step_start", "step_interrupted", "step_start", "step_complete", "complete"]);
    for worker in [&mut sleeper, &mut other] {
        assert!(worker.close().success(), "{:#?}", worker.notes());
    }
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}

/// The same, but its action goes on when the worker does: it is told to stop.
#[test]
fn an_action_that_was_given_up_meanwhile_is_told_to_stop() {
    let mut stage = Stage::open(&["--worker-grace", "200ms"]);
    stage.site.register("worked", json!([{ "id": "only", "action": "hold" }]));
    let mut sleeper = stage.worker("sleeper");
    let worked = stage.start("worked");
    sleeper.until("a task", |notes| has_begun(notes, 1));
    signal(sleeper.pid(), "STOP");
    stage.until(&worked, "an interruption", |history| history.iter().any(|(kind, _)| kind == "step_interrupted"));
    signal(sleeper.pid(), "CONT");
    let told = |notes: &[Note]| {
        notes.iter().any(|note| matches!(note, Note::Aborted { call, reason } if call == "sleeper-0" && reason == "lost"))
    };
    sleeper.until("that it is told to stop", told);
    // It lives, so it is given the next attempt itself.
    sleeper.until("the task again", |notes| has_begun(notes, 2));
    sleeper.let_go();
    assert_eq!(stage.completes(&worked)["stepResults"]["only"]["output"]["call"], "sleeper-1");
    assert!(sleeper.close().success());
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}

/// A service in a process of its own, which can be stopped.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    fn spawn() -> Service {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "pause::is_a_service_when_it_is_asked_to_be_one", "--nocapture"]).env(ASKED, "yes");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.filter_map(|line| Some(line.split_once("url: ")?.1.to_owned())).next().expect("it says where it is");
        Service { child, url }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const ASKED: &str = "PROCESS_TEST_SERVICE";

/// The other side.
#[test]
fn is_a_service_when_it_is_asked_to_be_one() {
    if std::env::var_os(ASKED).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_service, url) = crate::service::Service::start(1).await;
        println!("url: {url}");
        // It ends with whoever has started it.
        let (ended, end) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            std::io::stdin().lock().lines().for_each(drop);
            ended.send(()).ok();
        });
        end.await.ok();
    });
}

/// Attempts time out one after the other, with one idempotency key; then the service answers all of them at once, and the one that is
/// in flight counts.
#[test]
fn a_service_that_stood_still_is_called_again_until_it_goes_on() {
    let mut stage = Stage::open(&[]);
    let service = Service::spawn();
    let endpoint = json!({ "url": service.url, "actions": ["work"] });
    stage.site.json("PUT", "/api/v1/endpoints/slow", &[], &endpoint).ok();
    let retries = json!({ "timeout": "900ms", "maxRetries": 1_000, "retryDelay": "50ms" });
    let step = |id: &str, after: &[&str]| {
        let mut step = json!({ "id": id, "action": "work", "dependsOn": after });
        step.as_object_mut().unwrap().extend(retries.as_object().unwrap().clone());
        step
    };
    stage.site.register("called", json!([step("first", &[]), step("second", &["first"])]));
    stage.completes(&stage.start("called"));

    signal(service.child.id(), "STOP");
    let id = stage.start("called");
    stage.until(&id, "three failures", |history| history.iter().filter(|(kind, _)| kind == "step_fail").count() >= 3);
    signal(service.child.id(), "CONT");
    let view = stage.completes(&id);
    assert_eq!(view["completedSteps"], json!(["first", "second"]));
    let history = stage.site.get(&format!("/api/v1/executions/{id}/history")).ok();
    let entries = history["entries"].as_array().unwrap();
    let failures: Vec<&Value> = entries.iter().filter(|entry| entry["type"] == "step_fail").collect();
    assert!(failures.iter().all(|entry| entry["data"]["error"]["code"] == "timeout"), "{failures:#?}");
    assert_eq!(stage.count(&id, "step_complete"), 2, "each step has one result");
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}

/// While it stands still, a worker that was killed is not missed: what it ran is interrupted when the server goes on, and runs again.
#[test]
fn a_worker_that_dies_while_the_server_stands_still_is_found_out() {
    let mut stage = Stage::open(&["--worker-grace", "200ms"]);
    stage.site.register("worked", json!([{ "id": "only", "action": "hold" }]));
    let mut first: Worker = stage.worker("first");
    let worked = stage.start("worked");
    first.until("a task", |notes| has_begun(notes, 1));
    signal(stage.site.server.pid(), "STOP");
    first.kill();
    signal(stage.site.server.pid(), "CONT");
    let mut second = stage.worker("second");
    second.let_go();
    assert_eq!(stage.completes(&worked)["stepResults"]["only"]["output"]["call"], "second-0");
    assert_eq!(stage.count(&worked, "step_interrupted"), 1);
    assert!(second.close().success());
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}

/// A hundred and twenty-eight clients had room in the queue of the system. When a server came back, or could not accept for a moment,
/// and more than that came to it at once, the others were dropped or had their connections reset.
#[test]
fn clients_that_come_all_at_once_wait_for_a_server_that_stands_still() {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    const CLIENTS: usize = 1_000;
    let allowed: usize = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    let mut stage = Stage::open(&[]);
    let address: SocketAddr = stage.site.url.trim_start_matches("http://").parse().unwrap();
    signal(stage.site.server.pid(), "STOP");
    let connect = |_| TcpStream::connect_timeout(&address, crate::server::READY_WITHIN);
    let clients: std::io::Result<Vec<TcpStream>> = (0..CLIENTS.min(allowed)).map(connect).collect();
    signal(stage.site.server.pid(), "CONT");
    for mut client in clients.expect("there is room for all of them") {
        client.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(stage.site.server.stop().success());
}
