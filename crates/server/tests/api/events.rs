use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Api};

async fn api() -> Api {
    let api = Api::new().await;
    let steps = json!([{ "id": "a", "action": "echo" }]);
    let triggers = json!([{ "event": "Customer.*" }, { "event": "Customer.upgraded", "condition": "plan === 'enterprise'" }]);
    api.put("/api/v1/workflows/customers", &json!({ "id": "customers", "steps": steps, "triggers": triggers })).await;
    api
}

fn started(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()["executions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_event_starts_what_it_triggers_and_once_for_each_id() {
    let api = api().await;
    let event = json!({ "event": "Customer.created", "data": { "id": "cus_1" }, "id": "e1" });
    let first = api.post("/api/v1/events", &event).await;
    assert_eq!(started(&first).len(), 1);
    let execution = &first.json()["executions"][0];
    assert_eq!(
        (&execution["input"], &execution["triggeredBy"]),
        (&json!({ "id": "cus_1" }), &json!({ "type": "event", "source": "Customer.created" }))
    );
    assert_eq!(started(&api.post("/api/v1/events", &event).await), started(&first), "the same id gives the same answer");
    assert_eq!(started(&api.post("/api/v1/events", &json!({ "event": "Order.placed", "data": {} })).await), Vec::<String>::new());
    let bare = api.post("/api/v1/events", &json!({ "event": "Customer.created" })).await;
    assert_eq!(bare.json()["executions"][0]["input"], json!({}));
    let text = api.post("/api/v1/events", &json!({ "event": "Customer.created", "data": "cus_2" })).await;
    assert_eq!(text.json()["executions"][0]["input"], json!({ "data": "cus_2" }));
}

#[tokio::test]
async fn a_cloud_event_is_the_same_in_structured_and_binary_mode() {
    let api = api().await;
    let body = json!({ "specversion": "1.0", "type": "Customer.created", "source": "/crm", "id": "1", "time": "2026-01-01T00:00:00Z", "data": { "id": "cus_1" } });
    let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let one = api.with_body(Method::POST, "/api/v1/events", &structured, &body.to_string()).await;
    let binary = [("ce-specversion", "1.0"), ("ce-type", "Customer.created"), ("ce-source", "/crm"), ("ce-id", "1")];
    let same = api.with_body(Method::POST, "/api/v1/events", &binary, r#"{"id":"cus_1"}"#).await;
    assert_eq!((started(&one).len(), started(&one)), (1, started(&same)));

    let elsewhere = [("ce-specversion", "1.0"), ("ce-type", "Customer.created"), ("ce-source", "/shop"), ("ce-id", "1")];
    let other = api.with_body(Method::POST, "/api/v1/events", &elsewhere, "{}").await;
    assert_ne!(started(&one), started(&other), "the id belongs to its source");
}

/// A CloudEvent has an id of its own, so nobody looked at the header: a key of any length was taken in silence (schemathesis found it).
#[tokio::test]
async fn a_key_that_is_none_is_refused_beside_the_id_of_a_cloud_event_too() {
    let api = api().await;
    let long = "k".repeat(256);
    let headers = [("content-type", "application/cloudevents+json"), ("idempotency-key", long.as_str())];
    let body = json!({ "specversion": "1.0", "type": "Customer.created", "source": "/crm", "id": "1" });
    let answer = api.with_body(Method::POST, "/api/v1/events", &headers, &body.to_string()).await;
    answer.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_says_why() {
    let api = api().await;
    let refused = async |headers: &[(&str, &str)], body: &str| api.with_body(Method::POST, "/api/v1/events", headers, body).await;
    let detail = refused(&[], r#"{"event":"two words"}"#).await.problem(400, "invalid_json");
    assert!(detail.contains("`two words` is not a valid event name"), "{detail}");
    refused(&[], r#"{"evnt":"A"}"#).await.problem(400, "invalid_json");
    let batch = [("content-type", "application/cloudevents-batch+json")];
    assert!(refused(&batch, "[]").await.problem(415, "unsupported_media_type").contains("one event a request"));
    refused(&[("ce-type", "A")], "{}").await.problem(400, "invalid_parameter");
    refused(&[("content-type", "text/plain")], "hello").await.problem(415, "unsupported_media_type");
}
