//! Signals that end the server.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{self, signal};
use crate::site::Site;
use crate::stage::{Stage, serve};
use crate::worker::Note;

/// With this a stop takes at most 5 s for what is being answered, 1 s for what runs, and 10 s for the last commits.
const STOP_WITHIN: &[&str] = &["--stop-within", "1s", "--worker-grace", "5s"];
/// Long enough that what runs would end the test first.
const PATIENT: &[&str] = &["--stop-within", "10m"];
const CALLERS: usize = 8;

/// Starts executions one after the other until the server is gone; gives those that were acknowledged.
async fn starts(http: reqwest::Client, url: String, number: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for count in 0.. {
        let request = http.post(format!("{url}/api/v1/workflows/quick/executions")).header("content-type", "application/json");
        let request = request.header("idempotency-key", format!("{number}-{count}")).body("{}");
        let Ok(response) = request.send().await else { break };
        let status = response.status().as_u16();
        let Ok(text) = response.text().await else { break };
        let body: Value = serde_json::from_str(&text).unwrap();
        match status {
            200 | 201 => acknowledged.push(body["id"].as_str().unwrap().to_owned()),
            // It takes nothing any more.
            503 => assert_eq!(body["code"], "closed", "{body}"),
            _ => panic!("{status}: {body}"),
        }
    }
    acknowledged
}

#[test]
fn sigterm_under_load_ends_in_order_and_what_runs_is_handed_over() {
    let mut stage = Stage::open(STOP_WITHIN);
    let mut held = stage.endpoint();
    stage.site.register("quick", json!([{ "id": "a", "action": "quick" }, { "id": "b", "action": "quick", "dependsOn": ["a"] }]));
    stage.site.register("called", json!([{ "id": "only", "action": "held" }]));
    stage.site.register("worked", json!([{ "id": "only", "action": "hold" }]));
    let mut worker = stage.worker("w");
    let (called, worked) = (stage.start("called"), stage.start("worked"));
    stage.called(&mut held);
    worker.until("a task", |notes| notes.iter().any(|note| matches!(note, Note::Begun { .. })));
    let (http, url) = (stage.site.http.clone(), stage.site.url.clone());
    let callers: Vec<_> = (0..CALLERS).map(|number| stage.runtime.spawn(starts(http.clone(), url.clone(), number))).collect();
    // Those who only wait are answered, and are no reason to go on.
    let waits = |path: String| {
        let (http, url) = (http.clone(), format!("{url}{path}"));
        stage.runtime.spawn(async move { http.get(url).send().await })
    };
    let waiting = waits(format!("/api/v1/executions/{called}?wait=60s"));
    let streaming = waits(format!("/api/v1/executions/{called}/stream"));
    let stream = stage.runtime.block_on(streaming).unwrap().unwrap();
    stage.site.until_counted("completed", 50);

    signal(stage.site.server.pid(), "TERM");
    assert_eq!(stage.site.server.ended().code(), Some(0), "{}", stage.site.server.newest_log());
    let status = stage.runtime.block_on(waiting).unwrap().unwrap().status();
    assert_eq!(status, 200, "who waits is answered with what there is");
    assert!(stage.runtime.block_on(stream.text()).is_ok(), "the stream has an end");
    let mut acknowledged = Vec::new();
    for caller in callers {
        acknowledged.extend(stage.runtime.block_on(caller).unwrap());
    }
    println!("{} executions were acknowledged before the end", acknowledged.len());
    stage.is_sound();

    // The worker goes on with the next server, which is found at the same place.
    stage.reopen(&["--worker-grace", "60s"]);
    worker.let_go();
    assert_eq!(stage.completes(&worked)["stepResults"]["only"]["output"]["call"], "w-0");
    assert_eq!(stage.count(&worked, "step_interrupted"), 0, "what a worker runs is not interrupted by a stop");
    // What ran in the server was interrupted when its time was up, which is no failure, and begins again.
    stage.called(&mut held);
    held.gate.add_permits(2);
    stage.completes(&called);
    let begun: Vec<_> = stage.history(&called).into_iter().filter(|(kind, _)| kind != "start").collect();
    let expected = ["step_start 1", "step_interrupted 1", "step_start 2", "step_complete 2", "complete 0"];
    let begun: Vec<String> = begun.iter().map(|(kind, attempt)| format!("{kind} {}", attempt.unwrap_or(0))).collect();
    assert_eq!(begun, expected);
    for id in &acknowledged {
        stage.completes(id);
    }
    assert!(worker.close().success());
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}

/// An execution that is in the middle of a step which nobody lets go.
fn in_the_middle(options: &[&str]) -> (Stage, crate::stage::Held, String) {
    let stage = Stage::open(options);
    let mut held = stage.endpoint();
    stage.site.register("called", json!([{ "id": "only", "action": "held" }]));
    let id = stage.start("called");
    stage.called(&mut held);
    (stage, held, id)
}

#[test]
fn a_second_sigterm_ends_at_once_and_loses_nothing() {
    let (mut stage, mut held, id) = in_the_middle(PATIENT);
    signal(stage.site.server.pid(), "TERM");
    stage.site.until_log("stopping; again to stop at once");
    assert!(stage.site.server.is_alive(), "it waits for what runs");
    signal(stage.site.server.pid(), "TERM");
    assert_eq!(stage.site.server.ended().code(), Some(128 + 15), "{}", stage.site.server.newest_log());
    stage.is_sound();
    stage.reopen(&[]);
    stage.called(&mut held);
    held.gate.add_permits(2);
    stage.completes(&id);
    assert_eq!(stage.count(&id, "step_interrupted"), 1);
}

#[test]
fn ctrl_c_ends_in_order() {
    let (mut stage, held, id) = in_the_middle(PATIENT);
    signal(stage.site.server.pid(), "INT");
    stage.site.until_log("stopping; again to stop at once");
    held.gate.add_permits(1);
    assert_eq!(stage.site.server.ended().code(), Some(0), "{}", stage.site.server.newest_log());
    stage.is_sound();
    stage.reopen(&[]);
    stage.completes(&id);
    assert_eq!(stage.count(&id, "step_interrupted"), 0, "it had its time");
}

/// Closing a terminal used to kill the server that ran in it, as if it had crashed: steps were cut off, and its log was left to be
/// recovered.
#[test]
fn a_terminal_that_is_closed_ends_in_order_however_often_it_says_so() {
    if hangups_are_ignored() {
        eprintln!("left out: these tests run under nohup, and so would the server");
        return;
    }
    let (mut stage, held, id) = in_the_middle(PATIENT);
    signal(stage.site.server.pid(), "HUP");
    stage.site.until_log("stopping; again to stop at once");
    signal(stage.site.server.pid(), "HUP");
    held.gate.add_permits(1);
    let ended = stage.site.server.ended();
    assert_eq!((ended.code(), ended.signal()), (Some(0), None), "{}", stage.site.server.newest_log());
    stage.is_sound();
    stage.reopen(&[]);
    stage.completes(&id);
    assert_eq!(stage.count(&id, "step_interrupted"), 0, "it had its time");
}

/// A process passes on to those that it starts which signals it ignores.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

#[test]
fn under_nohup_the_terminal_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let serve = serve(directory.path(), &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(serve.get_program()).args(serve.get_args());
    server::in_its_own_world(&mut shell, directory.path());
    let mut site = Site::run(shell, directory.path());
    signal(site.server.pid(), "HUP");
    site.is_alive();
    // It would have been heard before this one.
    signal(site.server.pid(), "TERM");
    assert!(site.server.ended().success());
    assert!(!site.server.newest_log().contains("SIGHUP"), "{}", site.server.newest_log());
}
