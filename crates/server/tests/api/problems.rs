//! What is wrong before the engine is asked.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;

use crate::support::{Api, request};

#[tokio::test]
async fn a_route_that_is_none_gets_a_hint() {
    let api = Api::new().await;
    for (path, hint) in [
        ("/executions/exec_1", "paths begin with `/api/v1`: `/api/v1/executions/exec_1`"),
        ("/api/v1/executions/", "paths have no slash at the end: `/api/v1/executions`"),
        ("/api/v1/runs", "`/openapi.json` lists all routes"),
    ] {
        assert_eq!(api.get(path).await.problem(404, "not_found"), format!("there is no route `{path}`; {hint}"));
    }
}

#[tokio::test]
async fn a_method_that_is_none_is_told_which_there_are() {
    let api = Api::new().await;
    let answer = api.delete("/api/v1/executions").await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD");
    let answer = api.get("/api/v1/events").await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test]
async fn a_query_that_is_wrong_names_the_parameter() {
    let api = Api::new().await;
    for (query, detail) in [
        (
            "statu=failed",
            "`statu` is no parameter of this route; it has `workflowId`, `version`, `status`, `attention`, `errorFingerprint`, `triggeredBy`, `startedAfter`, `startedBefore`, `q`, `limit`, `cursor`, `include`, `fields`",
        ),
        (
            "status=done",
            "`status`: `done` is no status; one of pending, running, waiting, paused, completed, failed, cancelled was expected",
        ),
        ("limit=0", "`limit` is `0`, a whole number from 1 to 1000 was expected"),
        ("limit=1001", "`limit` is `1001`, a whole number from 1 to 1000 was expected"),
        ("limit=5&limit=6", "`limit` is given twice, once was expected"),
        ("startedAfter=yesterday", "`startedAfter` is `yesterday`, a whole number from 0 was expected"),
        ("fields=summary&attention=me", "`attention`: `me` is none of `retrying`, `noWorker`, `overdue`"),
        ("fields=all", "`fields` is `all`, `summary` was expected"),
        ("q=x", "`q` is for `fields=summary`"),
        ("fields=summary&version=2", "`version` is that of one workflow: one `workflowId` was expected, 0 found"),
        (
            "fields=summary&errorFingerprint=declined",
            "`errorFingerprint`: `declined` is no fingerprint of an error; 16 hexadecimal digits were expected",
        ),
        ("cursor=abc", "`cursor`: it is no cursor; the `nextCursor` of the page before was expected"),
        ("include=all", "`include`: `all` cannot be included; execution, input, output, state, stepResults and history can"),
        (
            "workflowId=-",
            "`workflowId`: `-` is not a valid id (1 to 128 letters, digits, `_`, `.`, `-`, beginning with a letter or digit)",
        ),
    ] {
        assert_eq!(api.get(&format!("/api/v1/executions?{query}")).await.problem(400, "invalid_query"), detail);
    }
    let detail = api.get("/api/v1/executions/exec_00000000000070008000000000000000?wait=5m").await.problem(400, "invalid_query");
    assert_eq!(detail, "`wait` is `5m`, at most 60 s was expected; ask again when it has run out");
    api.get("/api/v1/executions/exec_00000000000070008000000000000000?wait=soon").await.problem(400, "invalid_query");
    let detail = api.get("/api/v1/workflows?limit=5").await.problem(400, "invalid_query");
    assert_eq!(detail, "`limit` is no parameter of this route; it has `include`, `window`");
}

#[tokio::test]
async fn a_body_that_is_no_json_says_where() {
    let api = Api::new().await;
    let send = async |body: &str| api.with_body(Method::PUT, "/api/v1/workflows/a", &[], body).await;
    for body in ["{\"id\": \"a\", }", "{\"id\"", "nul", "{} {}"] {
        let detail = send(body).await.problem(400, "invalid_json");
        assert!(detail.contains("at line 1 column "), "{detail}");
    }
    assert_eq!(send("").await.problem(400, "invalid_json"), "the body is empty; send a workflow definition");
    assert_eq!(
        send("[]").await.problem(400, "invalid_json"),
        "the body is an array, an object was expected; send a workflow definition"
    );
}

#[tokio::test]
async fn a_body_of_another_type_is_not_guessed_at() {
    let api = Api::new().await;
    let send = async |name: &str, value: &str| api.with_body(Method::PUT, "/api/v1/workflows/a", &[(name, value)], "{}").await;
    for content_type in ["application/x-www-form-urlencoded", "text/json", "text/plain; charset=utf-8", "application/yaml"] {
        let detail = send("content-type", content_type).await.problem(415, "unsupported_media_type");
        assert!(detail.contains("`content-type: application/json`"), "{detail}");
    }
    send("content-encoding", "gzip").await.problem(415, "unsupported_media_type");
    let untyped = request(Method::PUT, "/api/v1/workflows/a").body(Body::from("{}")).unwrap();
    assert!(api.send(untyped).await.problem(415, "unsupported_media_type").starts_with("the body has no type"));
    let typed = send("content-type", "application/json; charset=utf-8").await;
    typed.problem(422, "invalid_definition");
}

#[tokio::test]
async fn a_definition_over_4_mib_is_too_large() {
    let api = Api::new().await;
    let body = json!({ "id": "a", "description": "x".repeat(4 << 20) }).to_string();
    let detail = api.with_body(Method::PUT, "/api/v1/workflows/a", &[], &body).await.problem(413, "payload_too_large");
    assert!(detail.ends_with("the limit is 4.0 MiB"), "{detail}");
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let api = Api::new().await;
    let call = async |name: header::HeaderName, value: &str| {
        let mut request = request(Method::GET, "/api/v1/workflows").body(Body::empty()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        api.send(request).await
    };
    call(header::HOST, "rebound.example:4747").await.problem(403, "host_not_allowed");
    call(header::ORIGIN, "https://evil.example").await.problem(403, "origin_not_allowed");
    assert_eq!(call(header::ORIGIN, "http://localhost:4747").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_keeps_the_id_that_it_came_with() {
    let api = Api::new().await;
    let with_id = |id: &str| request(Method::GET, "/healthz").header("x-request-id", id).body(Body::empty()).unwrap();
    assert_eq!(api.send(with_id("from-the-proxy-7")).await.header("x-request-id"), "from-the-proxy-7");
    assert_ne!(api.send(with_id(&"x".repeat(200))).await.header("x-request-id").len(), 200);
}
