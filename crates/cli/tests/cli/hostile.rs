//! Texts that others wrote, in every place where one may be: none of them moves a cursor, sets a title, or turns a line around.

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::process::{Ran, finished, workflow};

const ID: &str = "exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b";
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\r\nx\u{8}\"];</title>";
/// 2026-01-05 14:02:11.204 UTC.
const START: i64 = 1_767_621_731_204;

fn evil(name: &str) -> String {
    format!("{name}{EVIL}")
}

fn execution(status: &str) -> Value {
    let step = |id: &str, status: &str| json!({ "stepId": evil(id), "status": status, "error": EVIL, "startedAt": START, "duration": 5, "retries": 1 });
    let mut waiting = step("b", "waiting");
    waiting["waitingFor"] = json!({ "type": "worker", "message": EVIL });
    json!({
        "id": ID, "workflowId": evil("w"), "workflowVersion": 1, "status": status, "error": EVIL, "errorCode": EVIL,
        "startedAt": START, "completedAt": START + 9, "input": { "a": EVIL }, "output": EVIL,
        "triggeredBy": { "type": EVIL, "source": EVIL }, "replayOf": EVIL,
        "stepResults": { (evil("a")): step("a", "failed"), (evil("b")): waiting },
        "reasons": [
            { "kind": "worker", "stepId": evil("b"), "since": START, "action": EVIL, "error": EVIL },
            { "kind": "paused", "since": START, "by": EVIL }
        ],
        "history": entries()
    })
}

fn entries() -> Value {
    let entry = |seq: i64, kind: &str, more: Value| {
        let mut entry = json!({ "seq": seq, "timestamp": START + seq, "type": kind, "by": EVIL, "message": EVIL });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    json!([
        entry(
            1,
            "start",
            json!({ "data": { "workflowVersion": 1, "triggeredBy": { "type": EVIL, "source": EVIL }, "input": { "a": EVIL } } })
        ),
        entry(2, "step_start", json!({ "stepId": evil("a"), "attempt": 1 })),
        entry(
            3,
            "step_fail",
            json!({ "stepId": evil("a"), "attempt": 1, "data": { "error": { "message": EVIL, "code": EVIL }, "then": "startHandler", "handler": EVIL } })
        ),
        entry(
            4,
            "step_skip",
            json!({ "stepId": evil("c"), "data": { "cause": EVIL, "receipt": { "expression": EVIL, "values": { (EVIL): EVIL } } } })
        ),
        entry(5, EVIL, json!({ "stepId": evil("d") })),
        entry(6, "retry", json!({ "data": { "reset": [EVIL] } })),
        entry(7, "cancel", json!({}))
    ])
}

fn definition() -> Value {
    json!({ "id": evil("w"), "name": EVIL, "version": 1, "triggers": [{ "event": EVIL }], "steps": [
        { "id": evil("a"), "action": EVIL, "condition": EVIL, "wait": EVIL, "onError": "branch", "errorBranch": evil("workflow") },
        { "id": evil("b"), "action": EVIL, "dependsOn": [evil("a")], "errorBranch": evil("c") },
        { "id": evil("c"), "action": EVIL }
    ] })
}

fn summary() -> Value {
    json!({ "id": evil("exec_"), "workflowId": evil("w"), "workflowVersion": 1, "status": EVIL, "attention": EVIL, "startedAt": START, "error": EVIL, "errorStepId": EVIL,
        "reasons": [{ "kind": "retry", "stepId": EVIL, "since": START, "error": EVIL, "action": EVIL }], "reasonCount": 2 })
}

fn fake(status: &str) -> Fake {
    let item = json!({ "executionId": EVIL, "outcome": "failed", "code": EVIL, "detail": EVIL });
    let job =
        json!({ "id": "job_1", "action": "retry", "status": "completed", "matched": 2, "done": 1, "failed": 1, "skipped": 0 });
    Fake::new()
        .answers("GET /api/v1/executions/exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b", 200, execution(status))
        .answers("GET /api/v1/executions/exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b/history", 200, json!({ "entries": entries() }))
        .answers("GET /api/v1/executions/counts", 200, json!({ "asOf": START, "attention": { "noWorker": 1 } }))
        .answers("GET /api/v1/executions", 200, json!({ "executions": [summary()] }))
        .answers("GET /api/v1/workflows", 200, json!({ "workflows": [definition()] }))
        .answers("GET /api/v1/workflows/plain", 200, definition())
        .answers("POST /api/v1/jobs", 200, json!({ "matched": 2, "sample": [summary()] }))
        .answers("POST /api/v1/jobs", 201, job)
        .answers("GET /api/v1/jobs/job_1/items", 200, json!({ "items": [item] }))
}

/// What reaches the terminal: text, line ends and colours.
fn check(ran: &Ran, what: &str) {
    let text = format!("{}{}", ran.stdout, ran.stderr);
    let plain = anstream_free(&text);
    let wrong = plain.chars().find(|c| {
        (c.is_control() && *c != '\n' && *c != '\t')
            || matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    });
    assert_eq!(wrong, None, "{what}:\n{text:?}");
}

/// Without `ESC [ digits m`; any other sequence stays.
fn anstream_free(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        out.push_str(&rest[..start]);
        let end = rest[start + 2..].find(|c: char| !c.is_ascii_digit() && c != ';').map_or(rest.len(), |at| start + 2 + at);
        if rest[end..].starts_with('m') {
            rest = &rest[end + 1..];
        } else {
            out.push_str(&rest[start..end]);
            rest = &rest[end..];
        }
    }
    out + rest
}

#[test]
fn no_command_lets_them_through() {
    for status in ["failed", "cancelled", "completed"] {
        let fake = fake(status);
        for arguments in [
            &["status", ID][..],
            &["watch", ID],
            &["history", ID],
            &["history", "--timeline", ID],
            &["graph", ID],
            &["graph", "plain"],
            &["graph", "plain", "--format", "mermaid"],
            &["list"],
            &["definitions"],
            &["retry", "--all", "--dry-run"],
            &["retry", "--all", "--yes"],
        ] {
            let arguments = [&["--color", "always"], arguments].concat();
            let ran = finished(workflow(&arguments).env("WORKFLOW_URL", fake.url()).output().unwrap());
            check(&ran, &format!("{arguments:?}"));
        }
    }
}

/// JSON is for programs: it is what the server sent, in any locale.
#[test]
fn another_locale_gets_ascii_and_the_same_json() {
    let fake = fake("failed");
    let run =
        |arguments: &[&str]| finished(workflow(arguments).env("WORKFLOW_URL", fake.url()).env("LC_ALL", "C").output().unwrap());
    for arguments in [&["status", ID][..], &["history", "--timeline", ID], &["graph", ID], &["watch", ID], &["list"]] {
        let ran = run(arguments);
        assert!(ran.stdout.is_ascii() && ran.stderr.is_ascii(), "{arguments:?}:\n{}{}", ran.stdout, ran.stderr);
    }
    assert!(run(&["status", ID]).stdout.contains("x failed"));
    assert_eq!(run(&["status", ID, "--json"]).json(), execution("failed"));
    let utf8 = finished(workflow(&["status", ID]).env("WORKFLOW_URL", fake.url()).env("LANG", "de_DE.UTF-8").output().unwrap());
    assert!(utf8.stdout.contains("✕ failed"), "{}", utf8.stdout);
}

#[test]
fn a_token_that_is_missing_or_too_weak_says_what_to_do() {
    let refused = |status: u16| {
        let fake = Fake::new().refuses("GET /api/v1/executions", status, "unauthorized", "this server wants a token");
        fake.run(&["list"]).stderr
    };
    let expected = "error[unauthorized]: this server wants a token\n  give a token with --token, WORKFLOW_TOKEN, or `token` in workflow.toml\n";
    assert_eq!(refused(401), expected);
    assert!(refused(403).contains("`workflow token list` shows who may do what"));
}
