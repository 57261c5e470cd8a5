//! Start, wait, status, history, list and control, against a server that answers what the test says.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::process::{finished, workflow};

const ID: &str = "exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b";
/// 2026-01-05 14:02:11.204 UTC.
const START: i64 = 1_767_621_731_204;

/// The seed's order, declined for good.
fn failed_order() -> Value {
    let step = |id: &str, status: &str, from: i64, ms: i64| json!({ "stepId": id, "status": status, "startedAt": START + from, "completedAt": START + from + ms, "duration": ms, "retries": 0 });
    let mut charge = step("charge", "failed", 1_100, 7_400);
    charge["error"] = "Card declined".into();
    charge["retries"] = 3.into();
    let attempt = |seq: i64, n: i64, at: i64| json!({ "seq": seq, "timestamp": START + at, "type": "step_fail", "stepId": "charge", "attempt": n, "message": "Card declined" });
    json!({
        "id": ID, "workflowId": "order-processing", "workflowVersion": 7, "status": "failed", "error": "Card declined",
        "errorCode": "card_declined", "input": { "orderId": "ord_123" }, "startedAt": START, "completedAt": START + 8_500,
        "triggeredBy": { "type": "event", "source": "Order.placed" },
        "stepResults": { "validate": step("validate", "completed", 0, 120), "reserve": step("reserve", "completed", 120, 980), "charge": charge },
        "history": [attempt(7, 1, 1_200), attempt(10, 2, 3_000), attempt(13, 3, 5_000), attempt(16, 4, 8_500)],
        "aFieldOfANewerServer": true,
    })
}

fn order_definition() -> Value {
    let step =
        |id: &str, after: &[&str], retries: u32| json!({ "id": id, "action": id, "dependsOn": after, "maxRetries": retries });
    json!({ "id": "order-processing", "name": "Process Customer Order", "version": 7, "steps": [
        step("validate", &[], 0), step("reserve", &["validate"], 0), step("charge", &["reserve"], 3), step("fulfill", &["charge"], 0),
        step("notify", &["fulfill"], 0)
    ] })
}

fn executions_path() -> &'static str {
    "GET /api/v1/executions/exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b"
}

#[test]
fn status_of_a_failed_order_shows_every_step_and_what_helps() {
    let fake = Fake::new().answers(executions_path(), 200, failed_order()).answers(
        "GET /api/v1/workflows/order-processing?version=7",
        200,
        order_definition(),
    );
    let ran = fake.run(&["status", ID]);
    assert_eq!(ran.code, 0);
    insta::with_settings!({ filters => vec![(r"\((5 Jan.*|\d+ d ago)\)", "(long ago)")] }, { assert_snapshot!(ran.stdout) });
    assert_eq!(fake.run(&["status", "--json", ID]).json(), failed_order());
}

#[test]
fn status_without_its_definition_shows_the_steps_that_there_are() {
    let fake = Fake::new().answers(executions_path(), 200, failed_order()).refuses(
        "GET /api/v1/workflows/order-processing",
        404,
        "workflow_not_found",
        "gone",
    );
    let ran = fake.run(&["status", ID]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("✕ charge") && !ran.stdout.contains("fulfill"), "{}", ran.stdout);
}

#[test]
fn hostile_text_cannot_reach_the_terminal() {
    let mut execution = failed_order();
    execution["error"] = "\u{1b}[2J\u{202e}gone\r\nsecond line".into();
    execution["workflowId"] = "a\u{1b}]0;owned\u{7}".into();
    execution["stepResults"]["charge"]["error"] = "\u{1b}[31mred".into();
    let fake = Fake::new().answers(executions_path(), 200, execution);
    let ran = fake.run(&["status", ID]);
    assert!(!ran.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{:?}", ran.stdout);
    assert!(ran.stdout.contains("\\u{1b}[2J"), "{}", ran.stdout);
}

#[test]
fn an_unknown_execution_is_refused_with_its_code() {
    let fake = Fake::new().refuses(executions_path(), 404, "execution_not_found", "there is no execution exec_0198");
    let ran = fake.run(&["status", ID]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "error[execution_not_found]: there is no execution exec_0198\n"));
    let ran = fake.run(&["status", ID, "--json"]);
    assert_eq!((ran.code, ran.json()["code"].clone()), (1, "execution_not_found".into()));
}

fn entry(seq: u64, kind: &str, more: Value) -> Value {
    let mut entry = json!({ "seq": seq, "timestamp": START + i64::try_from(seq).unwrap() * 250, "type": kind });
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

#[test]
fn history_is_read_to_its_end_and_told_in_sentences() {
    let first = [
        entry(
            1,
            "start",
            json!({ "data": { "workflowVersion": 7, "input": { "orderId": "ord_123" }, "triggeredBy": { "type": "event", "source": "Order.placed" } } }),
        ),
        entry(2, "step_start", json!({ "stepId": "validate", "attempt": 1 })),
        entry(3, "step_complete", json!({ "stepId": "validate", "attempt": 1, "data": { "output": { "total": 129.5 } } })),
        entry(
            4,
            "step_skip",
            json!({ "stepId": "gift", "data": { "cause": "condition", "receipt": { "expression": "input.gift", "values": { "input.gift": false } } }, "message": "its condition was false" }),
        ),
        entry(5, "wait", json!({ "stepId": "cool", "data": { "until": START + 60_000 } })),
        entry(6, "step_ready", json!({ "stepId": "cool", "data": { "cause": "timer" } })),
    ];
    let second = [
        entry(
            7,
            "step_fail",
            json!({ "stepId": "charge", "attempt": 1, "data": { "error": { "message": "Card declined", "code": "card_declined" }, "retryAt": START + 2_750 } }),
        ),
        entry(
            8,
            "step_interrupted",
            json!({ "stepId": "charge", "attempt": 2, "message": "its worker was lost; the step runs again" }),
        ),
        entry(
            9,
            "step_fail",
            json!({ "stepId": "charge", "attempt": 3, "data": { "error": { "message": "Card declined" }, "then": "fail" } }),
        ),
        entry(10, "fail", json!({ "data": { "error": { "message": "Card declined" } } })),
        entry(11, "retry", json!({ "by": "ann", "data": { "reset": ["charge"] } })),
        entry(12, "an_entry_of_a_newer_server", json!({ "message": "something" })),
    ];
    let fake = Fake::new()
        .answers(
            "GET /api/v1/executions/exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b/history?limit=500",
            200,
            json!({ "entries": first, "nextCursor": "6" }),
        )
        .answers(
            "GET /api/v1/executions/exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b/history?limit=500&after=6",
            200,
            json!({ "entries": second }),
        );
    assert_snapshot!(fake.run(&["history", ID]).stdout);
    assert_eq!(fake.run(&["history", ID, "--json"]).json(), json!([first, second].concat()));
}

fn row(n: u64, status: &str) -> Value {
    json!({ "id": format!("exec_{n:032x}"), "workflowId": "order-processing", "workflowVersion": 7, "status": status,
        "startedAt": START, "completedAt": START + 8_500, "error": (status == "failed").then_some("Card declined\nat line 2") })
}

#[test]
fn list_pages_until_it_has_enough_and_counts() {
    let page = |rows: &[Value], next: Option<&str>| json!({ "executions": rows, "nextCursor": next });
    let fake = Fake::new()
        .answers(
            "GET /api/v1/executions?limit=3&status=failed&status=completed&workflowId=order-processing",
            200,
            page(&[row(3, "failed"), row(2, "completed")], Some("c/2")),
        )
        .answers(
            "GET /api/v1/executions?limit=1&status=failed&status=completed&workflowId=order-processing&cursor=c%2F2",
            200,
            page(&[row(1, "failed")], Some("c1")),
        );
    let arguments = ["list", "--workflow", "order-processing", "--status", "failed,completed", "--limit", "3"];
    let ran = fake.run(&arguments);
    insta::with_settings!({ filters => vec![(r"5 Jan( 2026)?|\d+ d ago", "long ago")] }, { assert_snapshot!(ran.stdout) });
    assert_eq!(fake.lines().len(), 2);
    let all = fake.run(&[&arguments[..], &["--json"]].concat()).json();
    assert_eq!(all, json!([row(3, "failed"), row(2, "completed"), row(1, "failed")]));
}

#[test]
fn list_sends_times_as_milliseconds() {
    let fake = Fake::new().answers("GET /api/v1/executions", 200, json!({ "executions": [] }));
    let ran = fake.run(&["list", "--since", "2026-01-05T14:02:11Z", "--until", "2026-01-05T14:02:12Z"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "no execution matches\n"));
    assert_eq!(fake.lines(), ["GET /api/v1/executions?limit=50&startedAfter=1767621731000&startedBefore=1767621732000"]);
}

#[test]
fn control_calls_are_answered_one_by_one() {
    let fake = Fake::new().answers("POST /api/v1/executions/exec_a/retry", 200, row(1, "running")).refuses(
        "POST /api/v1/executions/exec_b/retry",
        409,
        "invalid_state",
        "cannot retry execution exec_b: it is completed",
    );
    let ran = fake.run(&["retry", "exec_a", "exec_b", "-k", "fix-1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "✓ retried exec_a (order-processing, now running)\n"));
    assert_eq!(ran.stderr, "error[invalid_state]: cannot retry execution exec_b: it is completed\n");
    assert!(fake.requests().iter().all(|request| request.key.as_deref() == Some("fix-1")));
    for call in ["pause", "resume", "cancel"] {
        fake.run(&[call, "exec_a"]);
        assert_eq!(fake.lines().last().unwrap(), &format!("POST /api/v1/executions/exec_a/{call}"));
    }
}

#[test]
fn start_sends_the_input_as_it_was_typed() {
    let started = json!({ "id": ID, "workflowId": "order", "workflowVersion": 2, "status": "running", "startedAt": START });
    let fake = Fake::new().answers("POST /api/v1/workflows/order/executions", 201, &started).answers(
        "POST /api/v1/workflows/order/executions",
        200,
        &started,
    );
    let input = r#"{"n": 12345678901234567890, "a": 1.10}"#;
    let ran = fake.run(&["start", "order", "--input", input, "--idempotency-key", "ord_1"]);
    assert_eq!((ran.code, ran.stdout), (0, format!("✓ started {ID} (order v2)\n")));
    let request = &fake.requests()[0];
    assert_eq!((request.body.as_str(), request.key.as_deref()), (format!(r#"{{"input":{input}}}"#).as_str(), Some("ord_1")));
    assert_eq!(fake.run(&["start", "order"]).stdout, format!("✓ was there already: {ID} (order v2)\n"));
    assert_eq!(fake.requests()[1].body, "{}");
}

#[test]
fn wait_without_a_stream_asks_again_and_ends_with_the_error() {
    let mut running = failed_order();
    running["status"] = "running".into();
    for field in ["error", "completedAt"] {
        running.as_object_mut().unwrap().remove(field);
    }
    running["stepResults"]["charge"] = json!({ "stepId": "charge", "status": "running", "startedAt": START, "retries": 0 });
    let fake = Fake::new()
        .answers("POST /api/v1/workflows/order-processing/executions", 201, &running)
        .refuses("GET /api/v1/executions/exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b/stream", 404, "not_found", "no stream here")
        .answers(executions_path(), 200, &running)
        .answers(executions_path(), 200, failed_order());
    let ran = fake.run(&["start", "order-processing", "--wait"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.stdout);
    let ran = fake.run(&["start", "order-processing", "--wait", "--json"]);
    assert_eq!((ran.code, ran.json()), (1, failed_order()));
}

#[test]
fn what_is_no_workflow_server_is_said() {
    let fake =
        Fake::new().answers_as("GET /api/v1/workflows", 200, "text/html", "<html>").answers("GET /api/v1/endpoints", 200, "[]");
    let ran = fake.run(&["definitions"]);
    assert_eq!(ran.code, 1);
    let expected = format!("error: {} answered 200 with text/html, not JSON; is it a workflow server?\n", fake.url());
    assert_eq!(ran.stderr, expected);
    assert!(fake.run(&["endpoint", "list"]).stderr.contains("the server's answer is not understood"));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let rows: Vec<Value> = (0..200).map(|n| row(n, "failed")).collect();
    let pages: Vec<Value> = (0..40).map(|n| json!({ "executions": rows, "nextCursor": n.to_string() })).collect();
    let mut fake = Fake::new();
    for page in pages {
        fake = fake.answers("GET /api/v1/executions", 200, page);
    }
    let mut command = workflow(&["list", "--all"]);
    let command = command.env("WORKFLOW_URL", fake.url()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("STATUS"), "{line}");
    let ran = finished(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}
