use axum::http::Method;
use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn an_endpoint_is_kept_without_ever_giving_its_secret_back() {
    let api = Api::new().await;
    let path = "/api/v1/endpoints/orders";
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body =
        json!({ "url": "http://127.0.0.1:9", "actions": ["chargeCard"], "secret": secret, "timeout": "90s", "concurrency": 8 });
    let put = api.put(path, &body).await;
    assert_eq!(
        put.json(),
        json!({ "name": "orders", "url": "http://127.0.0.1:9", "actions": ["chargeCard"], "discovered": false, "timeout": "1m 30s", "concurrency": 8, "hasSecret": true })
    );
    let list = api.get("/api/v1/endpoints").await;
    assert_eq!(list.json()["endpoints"][0], put.json());
    assert_eq!(api.get(path).await.json(), put.json());
    assert!(!format!("{}{}", put.text, list.text).contains(secret));

    assert_eq!(api.delete(path).await.json(), json!({ "deleted": true }));
    api.delete(path).await.problem(404, "endpoint_not_found");
    api.get(path).await.problem(404, "endpoint_not_found");
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_says_why() {
    let api = Api::new().await;
    let put = async |body: &str| api.with_body(Method::PUT, "/api/v1/endpoints/orders", &[], body).await;
    put("{}").await.problem(400, "invalid_json");
    put(r#"{"url":"http://127.0.0.1:9","timeout":"soon"}"#).await.problem(400, "invalid_json");
    put(r#"{"url":"http://127.0.0.1:9","actions":["two words"]}"#).await.problem(400, "invalid_json");
    put(r#"{"url":"http://example.com/","actions":["a"]}"#).await.problem(400, "invalid_request");
    api.put("/api/v1/endpoints/-orders", &json!({ "url": "http://127.0.0.1:9" })).await.problem(400, "invalid_parameter");
}
