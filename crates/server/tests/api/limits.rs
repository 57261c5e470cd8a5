use axum::http::StatusCode;
use workflow_server::Options;

use crate::support::Api;

#[tokio::test]
async fn whoever_waits_takes_no_place_of_other_requests() {
    let api = Api::with(Options { waiters_max: 1, ..Options::default() }).await;
    api.workflow("held", &[("a", "held")]).await;
    let id = api.started("held").await;
    let path = format!("/api/v1/executions/{id}");
    let stream = crate::stream::open(&api, &format!("{path}/stream"), None).await;

    let full = api.get(&format!("{path}?wait=1s")).await;
    full.problem(429, "overloaded");
    assert_eq!(full.header("retry-after"), "1");
    api.get(&format!("{path}/stream")).await.problem(429, "overloaded");
    assert_eq!(api.get(&path).await.status, StatusCode::OK);

    drop(stream);
    assert_eq!(api.get(&format!("{path}?wait=0s")).await.status, StatusCode::OK, "its place is free again");
}

#[tokio::test]
async fn more_requests_than_can_be_answered_are_refused_at_once() {
    let api = Api::with(Options { requests_max: 0, ..Options::default() }).await;
    let full = api.get("/api/v1/workflows").await;
    let detail = full.problem(429, "overloaded");
    assert_eq!(
        (detail.as_str(), full.header("retry-after")),
        ("requests are being answered, as many as the server takes; try again in a moment", "1")
    );
}
