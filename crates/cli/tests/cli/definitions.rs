//! Register, definitions, delete, endpoints and events, against a server that answers what the test says.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::fake::Fake;

const ORDER: &str = r#"{"id": "order", "steps": [{"id": "charge", "action": "chargeCard", "maxRetries": 3}], "context": {"big": 12345678901234567890}}"#;

fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("order.json");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn register_says_what_is_new_and_sends_the_text_as_it_is() {
    let registered =
        |version: u32| json!({ "id": "order", "version": version, "steps": [{ "id": "charge" }], "diagnostics": [] });
    let fake = Fake::new().answers("PUT /api/v1/workflows/order", 201, registered(1)).answers(
        "PUT /api/v1/workflows/order",
        200,
        registered(1),
    );
    let (_directory, path) = file(ORDER);
    assert_eq!(fake.run(&["register", &path]).stdout, "✓ registered `order` v1 (1 step)\n");
    assert_eq!(fake.run(&["register", &path]).stdout, "✓ unchanged `order` v1 (1 step)\n");
    assert_eq!(fake.requests()[0].body, ORDER);
    assert_eq!(fake.run(&["register", "--json", &path]).json()["version"], 1);
}

#[test]
fn what_the_server_finds_is_drawn_into_the_file() {
    let diagnostics = json!([
        { "severity": "error", "pointer": "/steps/0/maxRetries", "code": "of_a_newer_server", "message": "too many retries", "help": "2 are enough" },
        { "severity": "error", "pointer": "", "code": "whole", "message": "the whole of it" },
    ]);
    let problem = json!({ "status": 422, "code": "invalid_definition", "detail": "no", "diagnostics": diagnostics });
    let fake = Fake::new().answers_as("PUT /api/v1/workflows/order", 422, "application/problem+json", &problem);
    let (_directory, path) = file(ORDER);
    let ran = fake.run(&["register", &path]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("error[of_a_newer_server]: too many retries"), "{}", ran.stdout);
    assert!(ran.stdout.contains("order.json:1:82\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("help: 2 are enough"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "✕ `order` was not registered: it has 2 errors\n");
    let ran = fake.run(&["register", "--json", &path]);
    assert_eq!((ran.code, ran.json()), (1, problem));
}

#[test]
fn a_refusal_without_findings_is_drawn_from_the_check_of_this_binary() {
    let fake = Fake::new().refuses("PUT /api/v1/workflows/gr%C3%B6%C3%9Fe", 400, "invalid_parameter", "no such id");
    let (_directory, path) =
        file(r#"[{"id": "größe", "steps": [{"id": "a", "action": "b"}]}, {"steps": [{"id": "a", "action": "b"}]}]"#);
    let ran = fake.run(&["register", &path]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("error[invalid_workflow_id]") && ran.stdout.contains("error[missing_field]"), "{}", ran.stdout);
    let answers = fake.run(&["register", "--json", &path]).json();
    assert_eq!((&answers[0]["code"], &answers[1]["code"]), (&"invalid_parameter".into(), &"invalid_definition".into()));
}

#[test]
fn a_file_that_cannot_be_read_keeps_all_from_being_registered() {
    let fake = Fake::new();
    let (_directory, path) = file("{\"id\": \"order\",");
    let ran = fake.run(&["register", &path]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with("error: nothing was registered\n"), "{}", ran.stderr);
    assert_eq!(fake.requests().len(), 0);
}

#[test]
fn definitions_are_a_table_for_people_and_an_array_for_programs() {
    let workflows = json!({ "workflows": [
        { "id": "customer-lifecycle", "name": "Lifecycle", "version": 12, "steps": [{ "id": "a" }, { "id": "b" }], "updatedAt": 1_000,
          "triggers": [{ "event": "Customer.created" }, { "event": "Customer.upgraded" }] },
        { "id": "order", "version": 1, "steps": [{ "id": "a" }], "updatedAt": 1_000 },
    ] });
    let fake = Fake::new().answers("GET /api/v1/workflows", 200, &workflows);
    assert_snapshot!(fake.run(&["definitions"]).stdout);
    assert_eq!(fake.run(&["definitions", "--json"]).json(), workflows["workflows"]);
}

#[test]
fn each_id_is_answered_on_its_own() {
    let fake = Fake::new()
        .answers("DELETE /api/v1/workflows/a", 200, json!({ "deleted": true }))
        .refuses("DELETE /api/v1/workflows/b", 404, "workflow_not_found", "there is no workflow `b`")
        .answers("DELETE /api/v1/workflows/c", 200, json!({ "deleted": true }));
    let ran = fake.run(&["delete", "a", "b", "c"]);
    assert_eq!(ran.code, 1);
    let note = "(executions that run finish on their version)";
    assert_eq!(ran.stdout, format!("✓ deleted `a` {note}\n✓ deleted `c` {note}\n"));
    assert_eq!(ran.stderr, "error[workflow_not_found]: there is no workflow `b`\n");
    let answers = fake.run(&["delete", "a", "b", "--json"]).json();
    assert_eq!(answers[0]["deleted"], true);
    assert_eq!(answers[1]["code"], "workflow_not_found");
}

#[test]
fn executions_are_deleted_by_a_name_of_its_own() {
    let fake = Fake::new().answers("DELETE /api/v1/executions/exec_a", 200, json!({ "deleted": true })).refuses(
        "DELETE /api/v1/executions/exec_b",
        409,
        "invalid_state",
        "cannot delete execution exec_b: it is running",
    );
    let ran = fake.run(&["delete-execution", "exec_a", "exec_b"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "✓ deleted exec_a\n"));
    assert_eq!(ran.stderr, "error[invalid_state]: cannot delete execution exec_b: it is running\n");
    assert_eq!(fake.run(&["delete-execution", "exec_a", "--json"]).json()["deleted"], true);
}

#[test]
fn endpoints_are_added_with_their_secret_from_the_environment_and_listed_without() {
    let endpoint = json!({ "name": "orders", "url": "http://127.0.0.1:8080", "actions": ["chargeCard", "refund"], "timeout": "30s",
        "concurrency": 4, "hasSecret": true });
    let dead = json!({ "name": "mail", "url": "http://127.0.0.1:1", "actions": [], "timeout": "5m", "concurrency": 64,
        "hasSecret": false, "unreachable": "connection refused" });
    let fake = Fake::new()
        .answers("PUT /api/v1/endpoints/orders", 201, &endpoint)
        .answers("PUT /api/v1/endpoints/mail", 201, &dead)
        .answers("GET /api/v1/endpoints", 200, json!({ "endpoints": [endpoint, dead] }))
        .answers("DELETE /api/v1/endpoints/orders", 200, json!({ "deleted": true }));
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    fs::write(&secret, "whsec_abc\n").unwrap();
    let options =
        ["--action", "chargeCard,refund", "--timeout", "30s", "--concurrency", "4", "--secret-file", secret.to_str().unwrap()];
    let add = [&["endpoint", "add", "orders", "http://127.0.0.1:8080"], &options[..]].concat();
    assert_eq!(fake.run(&add).stdout, "✓ added `orders`: chargeCard, refund\n");
    let sent: serde_json::Value = serde_json::from_str(&fake.requests()[0].body).unwrap();
    let expected = json!({ "url": "http://127.0.0.1:8080", "actions": ["chargeCard", "refund"], "secret": "whsec_abc", "timeout": "30s", "concurrency": 4 });
    assert_eq!(sent, expected);
    assert!(fake.run(&["endpoint", "add", "mail", "http://127.0.0.1:1"]).stdout.contains("does not answer: connection refused"));
    assert_snapshot!(fake.run(&["endpoint", "list"]).stdout);
    assert_eq!(fake.run(&["endpoint", "remove", "orders"]).stdout, "✓ removed `orders` (calls in flight may finish)\n");
}

#[test]
fn engines_that_share_a_database_are_a_table_and_one_that_has_it_for_itself_is_a_sentence() {
    // Longer ago than anything is relative to the present day.
    let node = |name: &str, slots: u32, status: &str| json!({ "id": format!("engine-{name}"), "name": name, "joinedAt": 1_577_880_000_000_u64, "slots": slots, "status": status, "self": false });
    let (mut first, mut second) = (node("first", 2752, "live"), node("sec\u{1b}[31mond", 1344, "lapsed"));
    first["self"] = true.into();
    first["url"] = "http://10.0.0.1:4747".into();
    second["url"] = "http://10.0.0.2:4747".into();
    let third = node("process 7 on db1", 0, "live");
    let alone = node("process 7 on db1", 4096, "live");
    let fake = Fake::new()
        .answers("GET /api/v1/nodes", 200, json!({ "nodes": [first, second, third] }))
        .answers("GET /api/v1/nodes", 200, json!({ "nodes": [first, second, third] }))
        .answers("GET /api/v1/nodes", 200, json!({ "nodes": [alone] }));
    assert_snapshot!(fake.run(&["nodes"]).stdout);
    assert_eq!(fake.run(&["nodes", "--json"]).json(), json!([first, second, third]));
    let sentence = "one engine owns all executions: `process 7 on db1`, which joined 1 Jan 2020\n";
    assert_eq!(fake.run(&["nodes"]).stdout, sentence);
}

#[test]
fn an_event_says_what_it_started_and_what_refused() {
    let started = json!({ "id": "exec_1", "workflowId": "a", "status": "running", "startedAt": 1 });
    let refused = json!({ "workflowId": "b", "code": "invalid_input", "message": "the input is no object" });
    let fake = Fake::new().answers("POST /api/v1/events", 200, json!({ "executions": [started], "refused": [refused] })).answers(
        "POST /api/v1/events",
        200,
        json!({ "executions": [], "refused": [] }),
    );
    let ran = fake.run(&["event", "Customer.created", "--data", r#"{"n": 12345678901234567890}"#, "--id", "evt_1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "✓ started exec_1 a\n"));
    assert_eq!(ran.stderr, "✕ `b` was not started: the input is no object [invalid_input]\n");
    assert_eq!(fake.requests()[0].body, r#"{"event":"Customer.created","data":{"n": 12345678901234567890},"id":"evt_1"}"#);
    let ran = fake.run(&["event", "Customer.created"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "no workflow listens to `Customer.created`\n"));
}
