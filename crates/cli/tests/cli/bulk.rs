//! Calls for many executions that are stopped with Ctrl-C, and those that try one first.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::process::{Ran, finished, workflow};
use crate::served::{Served, directory};

/// As Ctrl-C in a terminal.
fn interrupt(child: &Child) {
    let sent = std::process::Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn spawned(url: &str, arguments: &[&str]) -> Child {
    let mut command = workflow(arguments);
    command.env("WORKFLOW_URL", url).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> Ran {
    finished(child.wait_with_output().unwrap())
}

const JOB: &str = "job_019aab3e5c7a7c32b1f0a5d2e4c6b812";

fn job(status: &str, done: u64) -> Value {
    json!({
        "id": JOB, "action": "retry", "createdAt": 1, "asOf": 1, "status": status, "matched": 5, "done": done, "failed": 1, "skipped": 0
    })
}

/// A job of five that has done two, of which one failed, when somebody presses Ctrl-C.
fn half_done() -> Fake {
    let item = json!({ "executionId": "exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b", "outcome": "failed", "code": "history_full",
        "detail": "its history is full", "at": 1 });
    Fake::new()
        .answers("GET /api/v1/executions/counts", 200, json!({ "byStatus": {}, "asOf": 1 }))
        .answers("POST /api/v1/jobs", 200, json!({ "matched": 5, "sample": [] }))
        .answers("POST /api/v1/jobs", 201, job("running", 0))
        .streams(
            "GET /api/v1/jobs/job_019aab3e5c7a7c32b1f0a5d2e4c6b812/stream",
            &format!("event: job\ndata: {}\n\n", job("running", 2)),
        )
        .answers("POST /api/v1/jobs/job_019aab3e5c7a7c32b1f0a5d2e4c6b812/stop", 200, job("stopped", 2))
        .answers("GET /api/v1/jobs/job_019aab3e5c7a7c32b1f0a5d2e4c6b812", 200, job("stopped", 2))
        .answers(
            "GET /api/v1/jobs/job_019aab3e5c7a7c32b1f0a5d2e4c6b812/items?outcome=failed&limit=20",
            200,
            json!({ "items": [item] }),
        )
        .answers(
            "GET /api/v1/jobs/job_019aab3e5c7a7c32b1f0a5d2e4c6b812/items?outcome=skipped&limit=20",
            200,
            json!({ "items": [] }),
        )
}

#[test]
fn ctrl_c_stops_a_job_and_says_what_was_done() {
    let fake = half_done();
    let child = spawned(&fake.url(), &["retry", "--all", "--yes"]);
    fake.is_asked(&format!("GET /api/v1/jobs/{JOB}/stream"));
    interrupt(&child);
    let ran = ended(child);
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stdout.contains("2 retried, 1 failed, 2 left as they were"), "{}", ran.stdout);
    assert!(ran.stdout.contains("its history is full [history_full]"), "{}", ran.stdout);
    let stops = fake.lines().iter().filter(|line| **line == format!("POST /api/v1/jobs/{JOB}/stop")).count();
    assert_eq!(stops, 1, "{:?}", fake.lines());

    let fake = half_done();
    let child = spawned(&fake.url(), &["retry", "--all", "--yes", "--json"]);
    fake.is_asked(&format!("GET /api/v1/jobs/{JOB}/stream"));
    interrupt(&child);
    let ran = ended(child);
    assert_eq!((ran.code, &ran.json()["status"]), (130, &json!("stopped")), "{ran:?}");
}

#[test]
fn a_job_that_could_not_be_stopped_is_named() {
    let fake = Fake::new()
        .answers("GET /api/v1/executions/counts", 200, json!({ "byStatus": {}, "asOf": 1 }))
        .answers("POST /api/v1/jobs", 200, json!({ "matched": 5, "sample": [] }))
        .answers("POST /api/v1/jobs", 201, job("running", 0))
        .streams("GET /api/v1/jobs/job_019aab3e5c7a7c32b1f0a5d2e4c6b812/stream", "")
        .refuses("POST /api/v1/jobs/job_019aab3e5c7a7c32b1f0a5d2e4c6b812/stop", 503, "closed", "the engine is closed");
    let child = spawned(&fake.url(), &["retry", "--all", "--yes"]);
    fake.is_asked(&format!("GET /api/v1/jobs/{JOB}/stream"));
    interrupt(&child);
    let ran = ended(child);
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(
        ran.stderr.contains(&format!("the retry job {JOB} could not be told to stop: it goes on in the server")),
        "{}",
        ran.stderr
    );
}

/// It runs out of time, since nobody runs it: once after its start, and once more after each retry.
const LATE: &str = r#"{"id": "late", "timeout": "200ms", "steps": [{"id": "pack", "action": "packOrder"}]}"#;
const QUICK: &str = r#"{"id": "quick", "steps": [{"id": "a", "action": "noop"}]}"#;
/// It goes on until somebody ends it.
const ENDLESS: &str = r#"{"id": "endless", "steps": [{"id": "pack", "action": "packOrder"}]}"#;

fn served(directory: &Path) -> Served {
    let served = Served::start(directory, &["--db", ":memory:"]);
    for (name, text) in [("late.json", LATE), ("quick.json", QUICK), ("endless.json", ENDLESS)] {
        let file = directory.join(name);
        std::fs::write(&file, text).unwrap();
        assert_eq!(served.run(&["register", file.to_str().unwrap()]).code, 0);
    }
    served
}

/// Three that have ended, the oldest first.
fn three(served: &Served, workflow: &str) -> Vec<String> {
    let ended = |_| {
        let id = served.run(&["start", workflow, "--json"]).json()["id"].as_str().unwrap().to_owned();
        if workflow == "endless" {
            served.run(&["cancel", &id]);
        }
        served.run(&["watch", &id]);
        id
    };
    (0..3).map(ended).collect()
}

fn status(served: &Served, id: &str) -> String {
    served.run(&["status", id, "--json"]).json()["status"].as_str().unwrap().to_owned()
}

/// How many executions of a workflow there are with a status.
fn count(served: &Served, workflow: &str, status: &str) -> usize {
    let page = served.run(&["list", "--workflow", workflow, "--status", status, "--json"]).json();
    page.as_array().unwrap_or_else(|| panic!("no list: {page}")).len()
}

#[test]
fn the_others_follow_when_the_one_that_was_tried_first_has_completed() {
    let directory = directory();
    let served = served(directory.path());
    three(&served, "quick");
    let ran = served.run(&["replay", "--workflow", "quick", "--one-first", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Completed in ") && ran.stdout.contains("✓ 3 replayed (job_"), "{}", ran.stdout);
    assert_eq!(count(&served, "quick", "completed"), 6);
}

#[test]
fn the_others_are_left_when_the_one_that_was_tried_first_fails_again() {
    let directory = directory();
    let served = served(directory.path());
    let ids = three(&served, "late");
    let entries = |id: &str| served.run(&["status", id, "--json"]).json()["history"].as_array().unwrap().len();
    let before: Vec<usize> = ids.iter().map(|id| entries(id)).collect();
    let ran = served.run(&["retry", "--workflow", "late", "--one-first", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("1 retried, 2 left as they were"), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("✕ {}", ids[2])), "the newest is the one: {}", ran.stdout);
    let after: Vec<usize> = ids.iter().map(|id| entries(id)).collect();
    assert_eq!((after[0], after[1], after[2] > before[2]), (before[0], before[1], true));
}

/// It was not heard between the first and the others: the job waited in the server for ever, and nobody could leave.
#[test]
fn ctrl_c_is_heard_while_the_one_that_was_tried_first_runs() {
    let directory = directory();
    let served = served(directory.path());
    three(&served, "endless");
    let child = spawned(&served.url, &["replay", "--workflow", "endless", "--one-first", "--yes"]);
    let until = Instant::now() + Duration::from_secs(60);
    while count(&served, "endless", "pending") == 0 {
        assert!(Instant::now() < until, "none was replayed");
    }
    interrupt(&child);
    let ran = ended(child);
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stdout.contains("1 replayed, 2 left as they were"), "{}", ran.stdout);
    assert_eq!((count(&served, "endless", "pending"), count(&served, "endless", "cancelled")), (1, 3));
}

#[cfg(target_os = "linux")]
mod on_a_terminal {
    use super::{count, directory, served, status, three};
    use crate::terminal::Terminal;

    const ARGUMENTS: &[&str] = &["retry", "--workflow", "late", "--one-first"];

    #[test]
    fn somebody_is_asked_about_the_others_when_it_is_known_what_came_of_the_first() {
        let directory = directory();
        let served = served(directory.path());
        let ids = three(&served, "late");
        let mut terminal = Terminal::run((24, 100), &served.url, ARGUMENTS, &[]);
        terminal.shows("Retry 3? [y/N]");
        terminal.press("y\n");
        let asked = terminal.shows("Retry the other 2? [y/N]");
        assert!(asked.contains(&format!("✕ {}", ids[2])), "{asked}");
        terminal.press("y\n");
        let left = terminal.left();
        assert_eq!((left.code, left.is_cursor_hidden), (0, false), "{}", left.screen);
        assert!(left.screen.contains("✓ 3 retried"), "{}", left.screen);
    }

    #[test]
    fn ctrl_c_instead_of_an_answer_leaves_the_others_as_they_were() {
        let directory = directory();
        let served = served(directory.path());
        let ids = three(&served, "late");
        let mut terminal = Terminal::run((24, 100), &served.url, ARGUMENTS, &[]);
        terminal.shows("Retry 3? [y/N]");
        terminal.press("y\n");
        terminal.shows("Retry the other 2? [y/N]");
        terminal.press("\u{3}");
        let left = terminal.left();
        assert_eq!((left.code, left.is_cursor_hidden), (130, false), "{}", left.screen);
        assert!(left.screen.contains("1 retried, 2 left as they were"), "{}", left.screen);
        assert_eq!((count(&served, "late", "failed"), status(&served, &ids[0]).as_str()), (3, "failed"));
    }
}
