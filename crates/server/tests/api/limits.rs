use std::pin::Pin;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::Stream;
use futures_util::future::FutureExt;
use serde_json::json;
use tower::ServiceExt;
use workflow_server::Options;

use crate::support::{Api, request};

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

/// A start whose body has begun, and does not go on.
fn begun(workflow: &str, announced: usize) -> Request<Body> {
    stands_still(workflow, b"{", announced)
}

fn stands_still(workflow: &str, begin: &'static [u8], announced: usize) -> Request<Body> {
    use futures_util::stream;
    let begin = stream::iter([Ok::<Bytes, std::io::Error>(Bytes::from_static(begin))]);
    let body: Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>> =
        Box::pin(stream::StreamExt::chain(begin, stream::pending()));
    let request = request(Method::POST, &format!("/api/v1/workflows/{workflow}/executions"));
    request.header("content-type", "application/json").header("content-length", announced).body(Body::from_stream(body)).unwrap()
}

/// When as many starts came as the server answers at the same time, nobody could cancel an execution, and the probes of whoever watches
/// over the process said that it was not well, so that it was killed for being busy.
#[tokio::test]
async fn starts_leave_places_for_what_moves_executions_and_for_probes() {
    let api = Api::with(Options { requests_max: 8, ..Options::default() }).await;
    api.workflow("held", &[("a", "held")]).await;
    let id = api.started("held").await;
    let mut starts: Vec<_> = (0..8).map(|_| Box::pin(api.router.clone().oneshot(begun("held", 100)))).collect();
    for start in &mut starts {
        assert!(start.as_mut().now_or_never().is_none(), "its body does not come");
    }
    let full = api.post("/api/v1/workflows/held/executions", &json!({})).await;
    full.problem(429, "overloaded");
    assert_eq!(full.header("retry-after"), "1");
    api.get(&format!("/api/v1/executions/{id}")).await.problem(429, "overloaded");
    for call in ["pause", "resume", "cancel"] {
        assert_eq!(api.call(&format!("/api/v1/executions/{id}/{call}")).await.status, StatusCode::OK, "{call}");
    }
    for probe in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(api.get(probe).await.status, StatusCode::OK, "{probe}");
    }
    starts.pop();
    assert_eq!(api.post("/api/v1/workflows/held/executions", &json!({})).await.status, StatusCode::CREATED);
}

/// A body took all of the room that it announced as soon as it began: sixty-four clients that sent nothing of theirs kept everybody else
/// from starting anything, for half a minute at a time.
#[tokio::test]
async fn who_sends_slowly_takes_no_more_room_than_it_has_sent() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let mut slow: Vec<_> = (0..500).map(|_| Box::pin(api.router.clone().oneshot(begun("order", 1 << 20)))).collect();
    for slow in &mut slow {
        assert!(slow.as_mut().now_or_never().is_none(), "its body does not come");
    }
    let input = json!({ "input": { "text": "x".repeat(1_000_000) } });
    let answer = api.post("/api/v1/workflows/order/executions", &input).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
}

/// The same with bodies that came but for their last byte: they may keep other long ones out, and nobody else.
#[tokio::test]
async fn long_bodies_that_stand_still_leave_room_for_short_ones() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let long: &'static [u8] = format!("{{{}", " ".repeat(1_000_000)).leak().as_bytes();
    let mut stalled: Vec<_> =
        (0..80).map(|_| Box::pin(api.router.clone().oneshot(stands_still("order", long, 1 << 20)))).collect();
    let refused = stalled.iter_mut().filter_map(|stalled| stalled.as_mut().now_or_never()).count();
    assert!((20..40).contains(&refused), "{refused} of 80 were refused");
    let input = json!({ "input": { "text": "x".repeat(1_000_000) } });
    api.post("/api/v1/workflows/order/executions", &input).await.problem(429, "overloaded");
    assert_eq!(api.post("/api/v1/workflows/order/executions", &json!({})).await.status, StatusCode::CREATED);
    drop(stalled);
    assert_eq!(api.post("/api/v1/workflows/order/executions", &input).await.status, StatusCode::CREATED);
}

/// Bodies gave their room back when they had come, and not when their calls were answered: with clients enough, any number of them lay
/// in memory and waited for the engine.
#[tokio::test]
async fn bodies_that_wait_for_the_engine_have_a_bound() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "held")]).await;
    let input = json!({ "input": { "text": "x".repeat(1_000_000) } }).to_string();
    let start = || {
        let request = request(Method::POST, "/api/v1/workflows/order/executions").header("content-type", "application/json");
        Box::pin(api.router.clone().oneshot(request.body(Body::from(input.clone())).unwrap()))
    };
    // Nothing is answered before the engine's thread has its turn, which is not before it is waited for here.
    let mut starts: Vec<_> = (0..200).map(|_| start()).collect();
    let refused: Vec<StatusCode> =
        starts.iter_mut().filter_map(|start| Some(start.as_mut().now_or_never()?.unwrap().status())).collect();
    let waiting = starts.len() - refused.len();
    assert!(refused.len() > 100 && refused.contains(&StatusCode::TOO_MANY_REQUESTS), "{waiting} wait, {}", refused.len());
}

/// What clients do not read stayed in memory for as long as they liked, as much of it as they asked for.
#[tokio::test]
async fn answers_that_nobody_reads_have_a_bound_and_are_no_reason_to_do_what_cannot_be_answered() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "held")]).await;
    let input = json!({ "input": { "text": "x".repeat(1_000_000) } });
    let id = api.post("/api/v1/workflows/order/executions", &input).await.json()["id"].as_str().unwrap().to_owned();
    let ask =
        || api.router.clone().oneshot(request(Method::GET, &format!("/api/v1/executions/{id}")).body(Body::empty()).unwrap());
    let mut unread = Vec::new();
    let refused = loop {
        let response = ask().await.unwrap();
        if response.status() != StatusCode::OK {
            break response;
        }
        unread.push(response);
        assert!(unread.len() < 100, "there is no bound");
    };
    assert_eq!((refused.status(), &refused.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap()));
    assert_eq!(api.get("/healthz").await.status, StatusCode::OK, "the server is well");
    api.call(&format!("/api/v1/executions/{id}/pause")).await.problem(429, "overloaded");
    let start = api.post("/api/v1/workflows/order/executions", &json!({})).await;
    assert_eq!(
        start.problem(429, "overloaded"),
        "answers wait for clients that do not read them, as many as the server takes; try again in a moment"
    );
    unread.truncate(1);
    assert_eq!(api.get(&format!("/api/v1/executions/{id}")).await.status, StatusCode::OK, "there is room again");
    // Read to its end, it is what it was.
    let body = axum::body::to_bytes(unread.remove(0).into_body(), usize::MAX).await.unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["id"], id.as_str());
    let counts = api.get("/api/v1/executions/counts").await.json();
    assert_eq!(counts["byStatus"]["running"], 1, "what was refused was not done");
}
