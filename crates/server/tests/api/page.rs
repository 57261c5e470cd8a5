//! The page: what answers browsers, and what does not.

use axum::body::{Body, to_bytes};
use axum::http::Method;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{Answer, Api, request};

async fn as_browser(api: &Api, path: &str) -> Answer {
    let request = request(Method::GET, path).header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

#[tokio::test]
async fn a_browser_gets_the_page_at_each_of_its_routes_and_nobody_else_does() {
    let api = Api::new().await;
    for path in
        ["/", "/executions", "/executions/exec_019aab3e5c7a7c32b1f0a5d2e4c6b812", "/workflows/order/start", "/errors", "/system"]
    {
        let answer = as_browser(&api, path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-eval") && !policy.contains("http:"), "{policy}");
    }
    let problem = api.get("/executions").await.problem(404, "not_found");
    assert!(problem.contains("`/api/v1/executions`"), "who means the API is told where it is: {problem}");
    as_browser(&api, "/assets/nothing.js").await.problem(404, "not_found");
    as_browser(&api, "/api/v1/nothing").await.problem(404, "not_found");
    api.post("/executions", &json!({})).await.problem(405, "method_not_allowed");
}

/// An address that is none answered a browser with JSON, where a person wants to know where to go on.
#[tokio::test]
async fn a_browser_that_is_nowhere_gets_the_page_and_a_program_a_problem() {
    let api = Api::new().await;
    let token = api.post("/api/v1/tokens", &json!({ "name": "ops", "role": "admin" })).await;
    assert_eq!(token.status.as_u16(), 201);
    for path in ["/nothing", "/executions/a/b/c", "/%00"] {
        let answer = as_browser(&api, path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert!(!answer.header("content-security-policy").is_empty());
        api.get(path).await.problem(401, "unauthorized");
    }
    for path in ["/api/v1/nothing", "/assets/x/nothing.js"] {
        let answer = as_browser(&api, path).await;
        assert_ne!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn the_page_needs_no_token_and_says_nothing_of_what_is_stored() {
    let api = Api::new().await;
    let token = api.post("/api/v1/tokens", &json!({ "name": "ops", "role": "admin" })).await;
    assert_eq!(token.status.as_u16(), 201);
    assert_eq!(as_browser(&api, "/executions").await.status.as_u16(), 200);
    api.get("/api/v1/executions").await.problem(401, "unauthorized");
}
