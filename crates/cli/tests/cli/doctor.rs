//! `workflow doctor`: what a server says is stuck, a server that is not there, and a file that nobody serves.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::fake::Fake;
use crate::process::{Ran, run, run_in};
use crate::served::{Served, directory};

fn now() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
}

/// Compares with what differs from run to run taken out.
fn filtered(ran: &Ran, check: impl FnOnce(String)) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("exec_[0-9a-f]{32}", "exec_...");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:4747");
    settings.bind(|| check(format!("{}{}", ran.stdout, ran.stderr)));
}

fn execution(n: u32) -> String {
    format!("exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a{n:02}")
}

#[test]
fn the_worst_comes_first_with_who_and_what_to_do() {
    let since = i64::try_from(now()).unwrap() - 7_300_000;
    let diagnosis = json!({
        "at": now(), "version": env!("CARGO_PKG_VERSION"), "executionsLookedAt": 2_000, "incomplete": true,
        "findings": [
            { "severity": "error", "code": "action_missing", "what": "steps are ready and nobody provides `chargeCard`",
              "since": since, "count": 12, "executions": [execution(1), execution(2)],
              "advice": "start a worker that has `chargeCard`, or `workflow endpoint add NAME URL --action chargeCard`" },
            { "severity": "warning", "code": "step_retrying", "since": since, "count": 1, "executions": [execution(3)],
              "what": "step `ship` of `order` fails again and again, attempt 4 of 10: no \u{1b}[31mconnection", "advice": "mend it" },
            { "severity": "warning", "code": "log_long", "what": "the write-ahead log has 300 MiB", "count": 0, "executions": [],
              "advice": "end what reads it: process 42 (sqlite3)" },
            { "severity": "info", "code": "a_later_one", "what": "something", "count": 0, "executions": [], "advice": "nothing" },
        ],
    });
    let fake = Fake::new().answers("GET /api/v1/diagnosis", 200, &diagnosis);
    let ran = fake.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    filtered(&ran, |text| assert_snapshot!("doctor", text));
    let ran = fake.run(&["doctor", "--json"]);
    assert_eq!((ran.code, ran.json()["findings"].as_array().unwrap().len()), (1, 4));
    assert_eq!(ran.json()["findings"][0]["executions"][0], execution(1));
}

#[test]
fn warnings_alone_are_no_failure() {
    let finding = json!({ "severity": "warning", "code": "log_long", "what": "a", "count": 0, "executions": [], "advice": "b" });
    let diagnosis = |findings: serde_json::Value, at: u128, version: &str| json!({ "at": at, "version": version, "executionsLookedAt": 3, "findings": findings });
    let own = env!("CARGO_PKG_VERSION");
    let fake = Fake::new().answers("GET /api/v1/diagnosis", 200, diagnosis(json!([finding]), now(), own));
    let ran = fake.run(&["doctor"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("! 1 warning at http://127.0.0.1:"), "{ran:?}");
    let fake = Fake::new().answers("GET /api/v1/diagnosis", 200, diagnosis(json!([]), now(), own));
    let ran = fake.run(&["doctor"]);
    assert_eq!((ran.code, ran.stdout.starts_with("✓ nothing is stuck at http://127.0.0.1:")), (0, true), "{ran:?}");
    // What only whoever asks can know.
    let fake = Fake::new().answers("GET /api/v1/diagnosis", 200, diagnosis(json!([]), now() - 600_000, "99.0.0"));
    let ran = fake.run(&["doctor", "--json"]);
    let codes: Vec<String> =
        ran.json()["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    assert_eq!((ran.code, codes), (0, vec!["clock_skew".to_owned(), "version_differs".to_owned()]));
}

#[test]
fn a_server_that_is_not_there_is_a_finding() {
    // Only reserved for a moment.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let ran = run(&["doctor", "--url", &url]);
    assert_eq!(ran.code, 1, "{ran:?}");
    filtered(&ran, |text| assert_snapshot!("doctor_without_a_server", text));
    assert_eq!(run(&["doctor", "--url", &url, "--json"]).json()["findings"][0]["code"], "server_unreachable");
}

#[test]
fn a_server_and_then_its_file_say_what_waits() {
    let directory = directory();
    let served = Served::start(directory.path(), &["--db", "orders.db"]);
    assert_eq!(served.run(&["register", directory.path().join("order.json").to_str().unwrap()]).code, 0);
    assert_eq!(served.run(&["start", "order"]).code, 0);
    let live = served.run(&["doctor"]);
    assert_eq!(live.code, 1, "{live:?}");
    filtered(&live, |text| assert_snapshot!("doctor_of_a_server", text));
    let in_use = run_in(directory.path(), &["doctor", "--db", "orders.db"]);
    assert_eq!(in_use.code, 1);
    assert!(in_use.stderr.contains("ask the server that has it: `workflow doctor`"), "{in_use:?}");
    assert_eq!(served.stop().0, Some(0));
    let stopped = run_in(directory.path(), &["doctor", "--db", "orders.db"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    filtered(&stopped, |text| assert_snapshot!("doctor_of_a_file", text));
    fs::write(directory.path().join("notes.txt"), "no database").unwrap();
    let other = run_in(directory.path(), &["doctor", "--db", "notes.txt"]);
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("is not a workflow.do database"), "{other:?}");
}
