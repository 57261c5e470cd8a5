//! Requests that nobody should make, to the real server.

use serde_json::json;

use crate::site::{Answer, Site};
use crate::wire::raw;

fn site(directory: &tempfile::TempDir) -> Site {
    let site = Site::open(directory.path());
    site.register("nothing", json!([{ "id": "only", "action": "noop" }]));
    site
}

const START: &str = "/api/v1/workflows/nothing/executions";
/// Method, path, body; status, code, and what the answer says.
type Case<'a> = (&'a str, &'a str, &'a [u8], u16, &'a str, &'a str);

const UNKNOWN: &str = "exec_01a2045717767000b89f062049a1889f";

#[test]
fn a_body_that_is_not_what_it_should_be_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let deep = "[".repeat(200_000);
    let cases: &[Case<'_>] = &[
        ("POST", START, b"{\"input\": ", 400, "invalid_json", "line 1 column"),
        ("POST", START, b"not json", 400, "invalid_json", "{\"input\": {...}}"),
        ("POST", START, b"\xff\xfe{}", 400, "invalid_json", ""),
        ("POST", START, b"{\"inputs\": {}}", 400, "invalid_json", "unknown field `inputs`"),
        ("POST", START, deep.as_bytes(), 400, "invalid_json", ""),
        ("POST", START, b"{\"input\": [1]}", 422, "invalid_input", "object"),
        ("POST", "/api/v1/events", b"{}", 400, "invalid_json", "missing field `event`"),
        ("POST", "/api/v1/events", b"{\"event\": \"a b\"}", 400, "invalid_json", "a b"),
        (
            "PUT",
            "/api/v1/workflows/nothing",
            b"{\"id\": \"other\", \"steps\": [{\"id\": \"a\", \"action\": \"noop\"}]}",
            400,
            "invalid_parameter",
            "",
        ),
        ("PUT", "/api/v1/workflows/bad", b"{\"id\": \"bad\", \"steps\": []}", 422, "invalid_definition", "/steps"),
        ("PUT", "/api/v1/workflows/bad", b"{\"id\": \"bad\"", 400, "invalid_json", ""),
        ("PUT", "/api/v1/endpoints/e", b"{\"url\": \"ftp://x\"}", 400, "invalid_request", "http"),
        ("PUT", "/api/v1/endpoints/e", b"{\"url\": \"http://example.com\"}", 400, "invalid_request", "endpoint"),
    ];
    for (method, path, body, status, code, part) in cases {
        let answer = site.ask(method, path, &[], body.to_vec());
        let detail = answer.problem(*status, code);
        let text = answer.body.to_string();
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
        assert!(detail.contains(part) || text.contains(part), "{method} {path} {shown}: expected `{part}` in {text}");
        site.is_alive();
    }
    let counts = site.get("/api/v1/executions/counts").ok();
    assert_eq!(counts["counts"], json!([]), "nothing was started");
    assert_eq!(site.get("/api/v1/workflows").ok()["workflows"].as_array().unwrap().len(), 1);
    assert_eq!(site.get("/api/v1/endpoints").ok()["endpoints"], json!([]));
    site.stop();
}

#[test]
fn a_body_that_is_too_large_is_refused_with_the_limit() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let large = json!({ "input": { "text": "x".repeat(3 << 20) } });
    let detail = site.post(START, &large).problem(413, "payload_too_large").to_owned();
    assert!(detail.contains("3.0 MiB") && detail.contains("the limit is"), "{detail}");
    // What fits into the body may still be too large for an input.
    let input = json!({ "input": { "text": "x".repeat((1 << 20) + 100) } });
    let detail = site.post(START, &input).problem(413, "payload_too_large").to_owned();
    assert!(detail.contains("input") && detail.contains("the limit is 1 MiB"), "{detail}");
    let detail =
        site.post("/api/v1/events", &json!({ "event": "A.b", "data": large })).problem(413, "payload_too_large").to_owned();
    assert!(detail.contains("the limit is"), "{detail}");
    site.is_alive();
    assert_eq!(site.get("/api/v1/executions/counts").ok()["counts"], json!([]));
    site.stop();
}

#[test]
fn what_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let execution = format!("/api/v1/executions/{UNKNOWN}");
    let cases: &[(&str, String, u16, &str, &str)] = &[
        ("POST", "/api/v1/workflows/nothin/executions".to_owned(), 404, "workflow_not_found", "nothin"),
        ("GET", "/api/v1/workflows/nope".to_owned(), 404, "workflow_not_found", "nope"),
        ("DELETE", "/api/v1/workflows/nope".to_owned(), 404, "workflow_not_found", "nope"),
        ("GET", execution.clone(), 404, "execution_not_found", UNKNOWN),
        ("GET", format!("{execution}/history"), 404, "execution_not_found", UNKNOWN),
        ("POST", format!("{execution}/pause"), 404, "execution_not_found", UNKNOWN),
        ("POST", format!("{execution}/retry"), 404, "execution_not_found", UNKNOWN),
        ("POST", format!("{execution}/replay"), 404, "execution_not_found", UNKNOWN),
        ("GET", "/api/v1/executions/what".to_owned(), 404, "execution_not_found", "what"),
        ("DELETE", "/api/v1/endpoints/nope".to_owned(), 404, "endpoint_not_found", "nope"),
        ("GET", "/api/v1/executions?limit=0".to_owned(), 400, "invalid_query", "limit"),
        ("GET", "/api/v1/executions?status=done".to_owned(), 400, "invalid_query", "done"),
        ("GET", "/api/v1/executions?staus=failed".to_owned(), 400, "invalid_query", "staus"),
    ];
    for (method, path, status, code, part) in cases {
        let answer = site.ask(method, path, &[], Vec::new());
        let detail = answer.problem(*status, code);
        assert!(detail.contains(part), "{method} {path}: expected `{part}` in {detail}");
        site.is_alive();
    }
    site.stop();
}

#[test]
fn a_call_in_the_wrong_status_or_form_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let id = site.post(START, &json!({})).ok()["id"].as_str().unwrap().to_owned();
    let before = site.get(&format!("/api/v1/executions/{id}/history")).ok();
    for call in ["pause", "resume", "cancel", "retry"] {
        let answer = site.ask("POST", &format!("/api/v1/executions/{id}/{call}"), &[], Vec::new());
        assert_eq!(answer.problem(409, "invalid_state"), format!("cannot {call} execution {id}: it is completed"));
    }
    assert_eq!(site.get(&format!("/api/v1/executions/{id}/history")).ok(), before);

    let key = "k".repeat(256);
    let long = site.json("POST", START, &[("idempotency-key", &key)], &json!({}));
    assert!(long.problem(400, "invalid_parameter").contains("255"), "{long:?}");
    let with_key = |input: u32| site.json("POST", START, &[("idempotency-key", "once")], &json!({ "input": { "n": input } }));
    let first = with_key(1).ok()["id"].as_str().unwrap().to_owned();
    let reused = with_key(2);
    assert!(reused.problem(422, "idempotency_key_reused").contains(&first), "{reused:?}");

    let text = site.ask("POST", START, &[("content-type", "text/plain")], b"hello".to_vec());
    assert!(text.problem(415, "unsupported_media_type").contains("application/json"), "{text:?}");
    let method = site.ask("PATCH", START, &[], Vec::new());
    method.problem(405, "method_not_allowed");
    site.is_alive();
    site.stop();
}

#[test]
fn what_is_no_http_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    assert!(raw(&site, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS").starts_with("HTTP/1.1 400"));
    assert!(raw(&site, b"GET /healthz HTTP/9.9\r\n\r\n").starts_with("HTTP/1.1 400"));
    let host = "Host: 127.0.0.1\r\n";
    let long = format!("GET /healthz HTTP/1.1\r\n{host}X-Long: {}\r\n\r\n", "x".repeat(1_000_000));
    let answer = raw(&site, long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let cut = format!("POST {START} HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"input\"");
    assert!(!raw(&site, cut.as_bytes()).contains("201"));
    let smuggled = format!("POST {START} HTTP/1.1\r\n{host}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}");
    assert!(raw(&site, smuggled.as_bytes()).starts_with("HTTP/1.1 400"));
    let foreign = site.ask("GET", "/api/v1/executions", &[("host", "evil.example")], Vec::new());
    assert!(matches!(foreign, Answer { status: 403 | 421, .. }), "{foreign:?}");
    site.is_alive();
    assert_eq!(site.get("/api/v1/executions/counts").ok()["counts"], json!([]));
    site.stop();
}
