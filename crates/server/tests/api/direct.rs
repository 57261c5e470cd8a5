//! What a process asks of its own engine without a request is answered as over the router.

use axum::http::Method;
use serde_json::{Value, json};
use workflow_server::{Call, Direct, Options, direct};

use crate::support::Api;

async fn ask(direct: &Direct, method: &str, path: &str, key: Option<&str>, body: &str) -> (u16, Value) {
    let call = Call::new(method, path, key, body).unwrap_or_else(|| panic!("{method} {path} is one of those"));
    let answer = direct.answer(call).await;
    (answer.status, serde_json::from_str(&answer.body.into_text()).unwrap())
}

/// Without what is another one each time.
fn same(mut answer: Value) -> Value {
    for field in ["id", "startedAt", "completedAt", "stepResults", "history"] {
        if let Some(field) = answer.get_mut(field) {
            *field = json!(field.is_array());
        }
    }
    answer
}

#[tokio::test]
async fn the_answers_are_those_of_the_router() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo"), ("b", "echo")]).await;
    let (_, direct) = direct(api.engine.clone(), Options::default());
    let id = api.started("order").await;
    api.ended(&id).await;
    let execution = format!("/api/v1/executions/{id}");
    let start = |query: &str| format!("/api/v1/workflows/order/executions{query}");
    let long = "x".repeat(256);
    let payload = format!(r#"{{"input":{{"a":"{}"}}}}"#, "x".repeat(2 << 20));
    let calls: Vec<(&str, String, Option<&str>, &str, u16)> = vec![
        ("POST", start(""), None, r#"{"input":{"n":1}}"#, 201),
        ("POST", start(""), None, "", 201),
        ("POST", start("?wait=30s"), None, r#"{"input":{"n":1}}"#, 201),
        ("POST", start("?wait=30s&include=history"), None, "{}", 201),
        ("POST", start("?wait=30s"), Some("k1"), "{}", 201),
        ("POST", start("?wait=30s"), Some("k1"), "{}", 200),
        ("POST", start(""), Some("k1"), r#"{"input":{"n":2}}"#, 422),
        ("POST", start(""), Some(""), "{}", 400),
        ("POST", start(""), Some(&long), "{}", 400),
        ("POST", start(""), None, r#"{"input":[]}"#, 422),
        ("POST", start(""), None, r#"{"inputs":{}}"#, 400),
        ("POST", start(""), None, r#"[]"#, 400),
        ("POST", start(""), None, r#"{"input"#, 400),
        ("POST", start(""), None, &payload, 413),
        ("POST", start("?wait=61s"), None, "{}", 400),
        ("POST", start("?waits=1s"), None, "{}", 400),
        ("POST", "/api/v1/workflows/nope/executions".to_owned(), None, "{}", 404),
        ("GET", execution.clone(), None, "", 200),
        ("GET", format!("{execution}?wait=30s"), None, "", 200),
        ("GET", format!("{execution}?wait=soon"), None, "", 400),
        ("GET", format!("{execution}?wait=1s&wait=2s"), None, "", 400),
        ("GET", "/api/v1/executions/exec_1".to_owned(), None, "", 404),
        ("GET", "/api/v1/executions/exec_0198c6f0a1b27c3d8e4f5a6b7c8d9123".to_owned(), None, "", 404),
    ];
    for (method, path, key, body, status) in calls {
        // What has started something here is new to the router too, under another name.
        let routed_key = key.map(|key| if key == "k1" { "k2" } else { key });
        let headers: Vec<(&str, &str)> = routed_key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let routed =
            if method == "GET" { api.get(&path).await } else { api.with_body(Method::POST, &path, &headers, body).await };
        let (direct_status, answer) = ask(&direct, method, &path, key, body).await;
        assert_eq!((direct_status, routed.status.as_u16()), (status, status), "{method} {path} {key:?}: {answer}");
        let (mut direct_answer, routed_answer) = (same(answer), same(routed.json()));
        // The message names the execution that has the key, and the key.
        if status == 422 && key.is_some() {
            direct_answer["detail"] = routed_answer["detail"].clone();
        }
        assert_eq!(direct_answer, routed_answer, "{method} {path}");
    }
}

#[tokio::test]
async fn a_closed_engine_says_when_to_try_again() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let (_, direct) = direct(api.engine.clone(), Options::default());
    api.engine.shutdown(std::time::Duration::ZERO).await.unwrap();
    let call = Call::new("POST", "/api/v1/workflows/order/executions", None, "{}").unwrap();
    let answer = direct.answer(call).await;
    assert_eq!((answer.status, answer.retry_after), (503, Some(1)));
    let body = answer.body.into_text();
    assert!(body.contains(r#""code":"closed""#), "{body}");
}

#[test]
fn what_is_not_plain_is_left_to_the_router() {
    for (method, path) in [
        ("GET", "/api/v1/executions"),
        ("GET", "/api/v1/executions/counts"),
        ("GET", "/api/v1/executions/exec_1/history"),
        ("DELETE", "/api/v1/executions/exec_1"),
        ("POST", "/api/v1/executions/exec_1/retry"),
        ("POST", "/api/v1/workflows/a%20b/executions"),
        ("POST", "/api/v1/workflows//executions"),
        ("POST", "/api/v1/workflows/a/b/executions"),
        ("GET", "/api/v1/workflows/a/executions"),
        ("POST", "/api/v1/events"),
        ("GET", "/openapi.json"),
        ("GET", ""),
    ] {
        assert!(Call::new(method, path, None, "").is_none(), "{method} {path}");
    }
    assert!(Call::new("POST", "/api/v1/workflows/a/executions", Some("two\nlines"), "").is_none());
    assert!(Call::new("POST", "/api/v1/workflows/a/executions", Some("ü ✓"), "").is_some());
}
