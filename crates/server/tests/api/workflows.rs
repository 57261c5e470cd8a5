use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Api, request};

#[tokio::test]
async fn a_definition_is_registered_read_and_deleted() {
    let api = Api::new().await;
    let definition = json!({ "id": "order", "name": "Order", "steps": [{ "id": "a", "action": "echo" }] });

    let first = api.put("/api/v1/workflows/order", &definition).await;
    assert_eq!((first.status, first.header("location")), (StatusCode::CREATED, "/api/v1/workflows/order?version=1"));
    assert_eq!((&first.json()["version"], &first.json()["diagnostics"]), (&json!(1), &json!([])));

    let same = api.put("/api/v1/workflows/order", &first.json()).await;
    assert_eq!((same.status, &same.json()["version"]), (StatusCode::OK, &json!(1)), "what was read can be registered again");

    let other = json!({ "id": "order", "steps": [{ "id": "b", "action": "echo" }] });
    assert_eq!(api.put("/api/v1/workflows/order", &other).await.json()["version"], 2);
    assert_eq!(api.get("/api/v1/workflows/order").await.json()["version"], 2);
    assert_eq!(api.get("/api/v1/workflows/order?version=1").await.json()["name"], "Order");
    assert_eq!(api.get("/api/v1/workflows").await.json()["workflows"].as_array().unwrap().len(), 1);
    api.get("/api/v1/workflows/order?version=7").await.problem(404, "workflow_not_found");

    assert_eq!(api.delete("/api/v1/workflows/order").await.json(), json!({ "deleted": true }));
    api.delete("/api/v1/workflows/order").await.problem(404, "workflow_not_found");
    api.get("/api/v1/workflows/order").await.problem(404, "workflow_not_found");
    api.post("/api/v1/workflows/order/executions", &json!({})).await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn who_has_kept_a_definition_is_told_in_a_word_that_it_is_still_so() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let ask = async |path: &str, known: &str| {
        let request = request(Method::GET, path).header("if-none-match", known);
        api.send(request.body(Body::empty()).unwrap()).await
    };
    let first = api.get("/api/v1/workflows/order?version=1").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.len() == 34 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    assert_eq!(first.header("cache-control"), "private, no-cache");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let same = ask("/api/v1/workflows/order?version=1", &known).await;
        assert_eq!(
            (same.status, same.text.as_str(), same.header("etag")),
            (StatusCode::NOT_MODIFIED, "", tag.as_str()),
            "{known}"
        );
        assert_eq!(same.header("cache-control"), "private, no-cache");
    }
    assert_eq!(ask("/api/v1/workflows/order?version=1", "\"other\"").await.status, StatusCode::OK);

    // The newest is another one now; the first is what it was, and so it is when the workflow was deleted.
    api.workflow("order", &[("a", "echo"), ("b", "echo")]).await;
    let newest = ask("/api/v1/workflows/order", &tag).await;
    assert_eq!((newest.status, &newest.json()["version"]), (StatusCode::OK, &json!(2)));
    assert_eq!(ask("/api/v1/workflows/order?version=1", &tag).await.status, StatusCode::NOT_MODIFIED);
    api.delete("/api/v1/workflows/order").await;
    assert_eq!(ask("/api/v1/workflows/order?version=1", &tag).await.status, StatusCode::NOT_MODIFIED);
    ask("/api/v1/workflows/order", &tag).await.problem(404, "workflow_not_found");

    // The first version of a store that was begun anew is another one although it has the same text: a version never says so.
    let other = Api::new().await;
    other.workflow("order", &[("x", "echo")]).await;
    assert_ne!(other.get("/api/v1/workflows/order?version=1").await.header("etag"), tag);
}

#[tokio::test]
async fn a_definition_that_is_wrong_is_answered_with_all_that_is_wrong() {
    let api = Api::new().await;
    let steps = json!([
        { "id": "a", "action": "echo", "dependOn": [] },
        { "id": "b", "action": "echo", "dependsOn": ["aa"] }
    ]);
    let answer = api.put("/api/v1/workflows/order", &json!({ "id": "order", "steps": steps })).await;
    answer.problem(422, "invalid_definition");
    let body = answer.json();
    let mut found: Vec<(&str, &str)> = body["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["severity"] == "error")
        .map(|one| (one["pointer"].as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("/steps/0/dependOn", "unknown_field"), ("/steps/1/dependsOn/0", "unknown_step")]);
    api.get("/api/v1/workflows/order").await.problem(404, "workflow_not_found");

    let scheduled = json!({ "id": "order", "steps": [{ "id": "a", "action": "echo" }], "schedules": ["@daily"] });
    let answer = api.put("/api/v1/workflows/order", &scheduled).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        (&answer.json()["diagnostics"][0]["code"], &answer.json()["diagnostics"][0]["pointer"]),
        (&json!("not_supported"), &json!("/schedules"))
    );
}

#[tokio::test]
async fn the_id_in_the_path_is_the_id_in_the_definition() {
    let api = Api::new().await;
    let definition = json!({ "id": "order", "steps": [{ "id": "a", "action": "echo" }] });
    let detail = api.put("/api/v1/workflows/other", &definition).await.problem(400, "invalid_parameter");
    assert_eq!(detail, "the path says `other` and the definition says `order`: both have to be the same id");
    let detail = api.put("/api/v1/workflows/-order", &definition).await.problem(400, "invalid_parameter");
    assert!(detail.starts_with("`-order` is not a valid id"), "{detail}");
}

#[tokio::test]
async fn an_input_is_kept_as_it_is_written() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let body = r#"{ "input": {"z": 1.10, "a": 12345678901234567890123, "s": "\u00e9"} }"#;
    let answer = api.with_body(Method::POST, "/api/v1/workflows/order/executions", &[], body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert!(answer.text.contains(r#""input":{"z": 1.10, "a": 12345678901234567890123, "s": "\u00e9"}"#), "{}", answer.text);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/api/v1/executions/{id}"));
    api.ended(&id).await;
    let text = api.get(&format!("/api/v1/executions/{id}")).await.text;
    assert!(text.contains(r#""z": 1.10, "a": 12345678901234567890123"#), "{text}");
}

#[tokio::test]
async fn the_same_key_starts_once() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let start = async |key: &str, body: &str| {
        api.with_body(Method::POST, "/api/v1/workflows/order/executions", &[("idempotency-key", key)], body).await
    };
    let first = start("k1", r#"{"input":{"a":1,"b":2}}"#).await;
    let again = start("k1", r#"{"input":{"b":2, "a":1}}"#).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(first.header("location"), again.header("location"));
    let detail = start("k1", r#"{"input":{"a":2}}"#).await.problem(422, "idempotency_key_reused");
    assert!(detail.contains(first.json()["id"].as_str().unwrap()), "{detail}");
    let detail = start(&"x".repeat(256), "{}").await.problem(400, "invalid_parameter");
    assert!(detail.starts_with("header `idempotency-key`: "), "{detail}");
}

#[tokio::test]
async fn a_start_can_wait_for_the_end() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo"), ("b", "echo")]).await;
    api.workflow("held", &[("a", "held")]).await;
    let path = "/api/v1/workflows/order/executions";
    let answer = api.post(&format!("{path}?wait=30s"), &json!({ "input": { "n": 1 } })).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!((answer.status, answer.header("location")), (StatusCode::CREATED, &*format!("/api/v1/executions/{id}")));
    assert_eq!((&answer.json()["status"], &answer.json()["output"]), (&json!("completed"), &json!({ "n": 1 })));
    assert_eq!((&answer.json()["history"], &answer.json()["historyTruncated"]), (&json!([]), &json!(true)));

    // But for the history it is what a read answers.
    let mut read = api.get(&format!("/api/v1/executions/{id}")).await.json();
    read["history"] = json!([]);
    read["historyTruncated"] = json!(true);
    assert_eq!(answer.json(), read);

    let whole = api.post(&format!("{path}?wait=30s&include=history"), &json!({})).await.json();
    assert_eq!(whole, api.get(&format!("/api/v1/executions/{}", whole["id"].as_str().unwrap())).await.json());
    assert_eq!(whole["history"].as_array().unwrap().len(), 6);

    let early = api.post("/api/v1/workflows/held/executions?wait=20ms", &json!({})).await;
    assert_eq!((early.status, &early.json()["status"]), (StatusCode::CREATED, &json!("running")));

    for (query, expected) in [
        ("wait=61s", "at most 60 s"),
        ("wait=soon", "`wait`: "),
        ("include=history", "`include` goes with `wait`"),
        ("wait=1s&include=output", "`output` cannot be included; history can"),
        ("timeout=1s", "`timeout` is no parameter of this route"),
    ] {
        let detail = api.post(&format!("{path}?{query}"), &json!({})).await.problem(400, "invalid_query");
        assert!(detail.contains(expected), "{detail}");
    }
    api.post("/api/v1/workflows/nope/executions?wait=1s", &json!({})).await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn a_start_that_waits_can_be_repeated_with_its_key() {
    let api = Api::new().await;
    api.workflow("held", &[("a", "held")]).await;
    let start = async |query: &str| {
        let path = format!("/api/v1/workflows/held/executions{query}");
        api.with_body(Method::POST, &path, &[("idempotency-key", "k1")], "{}").await
    };
    let first = start("?wait=1ms").await;
    assert_eq!((first.status, &first.json()["status"]), (StatusCode::CREATED, &json!("running")));
    let (again, ()) = tokio::join!(start("?wait=30s"), async { api.gate.add_permits(1) });
    assert_eq!((again.status, &again.json()["status"]), (StatusCode::OK, &json!("completed")));
    let after = start("?wait=30s&include=history").await;
    assert_eq!((after.status, &after.json()["id"]), (StatusCode::OK, &first.json()["id"]));
    assert_eq!(after.json()["history"][0]["data"]["idempotencyKey"], "k1");
}

#[tokio::test]
async fn a_start_that_cannot_be_says_why() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let path = "/api/v1/workflows/order/executions";
    api.post(path, &json!({ "input": [1] })).await.problem(422, "invalid_input");
    let detail = api.post(path, &json!({ "orderId": 1 })).await.problem(400, "invalid_json");
    assert!(
        detail.contains("unknown field `orderId`, expected `input`") && detail.contains(r#"send {"input": {...}}"#),
        "{detail}"
    );
    api.post("/api/v1/workflows/nope/executions", &json!({})).await.problem(404, "workflow_not_found");
    assert_eq!(api.call(path).await.status, StatusCode::CREATED, "no body is no input");
    let deep = format!(r#"{{"input":{{"a":{}1{}}}}}"#, "[".repeat(200), "]".repeat(200));
    let detail = api.with_body(Method::POST, path, &[], &deep).await.problem(400, "invalid_json");
    assert!(detail.contains("nested deeper"), "{detail}");
    let large = format!(r#"{{"input":{{"a":"{}"}}}}"#, "x".repeat(1 << 20));
    let detail = api.with_body(Method::POST, path, &[], &large).await.problem(413, "payload_too_large");
    assert!(detail.starts_with("the input of `order` is "), "{detail}");
}
