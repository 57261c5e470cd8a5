//! Jobs: one call for many executions, and what came of each.

use serde_json::{Value, json};
use workflow_core::id::ActionName;
use workflow_engine::{ActionError, Handler, Task};

use crate::stream::open;
use crate::support::Api;

/// A workflow whose executions fail, but for those that are tried again by hand.
async fn failed(api: &Api, count: usize) -> Vec<String> {
    let handler = |task: Task, _| async move {
        if task.attempt > 1 { Ok(None) } else { Err(ActionError::permanent("Card 4711 declined")) }
    };
    api.engine.provide(ActionName::new("declines").unwrap(), 64, Handler::new(handler));
    api.workflow("order", &[("charge", "declines")]).await;
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = api.started("order").await;
        assert_eq!(api.ended(&id).await["status"], "failed");
        ids.push(id);
    }
    ids
}

/// The job once it is in this status.
async fn until(api: &Api, id: &str, status: &str) -> Value {
    if let Some(mut watched) = api.engine.watch_job(id).await.unwrap() {
        let is_so = |job: &workflow_engine::jobs::Job| json!(job.status) == status;
        drop(watched.wait_for(is_so).await);
    }
    let job = api.get(&format!("/api/v1/jobs/{id}")).await.json();
    assert_eq!(job["status"], status, "{job}");
    job
}

#[tokio::test]
async fn one_is_tried_first_and_then_the_others() {
    let api = Api::new().await;
    let ids = failed(&api, 5).await;
    let filter = json!({ "workflowId": ["order"], "status": ["failed"] });
    let preview = api.post("/api/v1/jobs", &json!({ "action": "retry", "filter": filter, "dryRun": true })).await;
    assert_eq!((preview.status.as_u16(), &preview.json()["matched"]), (200, &json!(5)));
    assert_eq!(api.get("/api/v1/jobs").await.json()["jobs"], json!([]), "nothing was made");

    let made = api.post("/api/v1/jobs", &json!({ "action": "retry", "filter": filter, "canary": true })).await;
    assert_eq!(made.status.as_u16(), 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/api/v1/jobs/{id}"));
    let waiting = until(&api, &id, "waiting").await;
    assert_eq!(
        json!([waiting["done"], waiting["canary"]["executionId"], waiting["canary"]["outcome"]]),
        json!([1, ids[4], "done"])
    );
    assert_eq!(api.ended(&ids[4]).await["status"], "completed");
    assert_eq!(api.ended(&ids[0]).await["status"], "failed", "the others were not touched");

    // Somebody is faster.
    api.call(&format!("/api/v1/executions/{}/retry", ids[1])).await;
    api.ended(&ids[1]).await;
    let gone = api.call(&format!("/api/v1/jobs/{id}/continue")).await;
    assert!(["running", "completed"].contains(&gone.json()["status"].as_str().unwrap()), "{}", gone.text);
    let over = until(&api, &id, "completed").await;
    assert_eq!(json!([over["matched"], over["done"], over["skipped"], over["failed"]]), json!([5, 4, 1, 0]));
    let items = api.get(&format!("/api/v1/jobs/{id}/items")).await.json();
    let of: Vec<Value> = items["items"].as_array().unwrap().iter().map(|item| item["executionId"].clone()).collect();
    assert_eq!(of, ids.iter().rev().map(|id| json!(id)).collect::<Vec<_>>(), "the newest first");
    let skipped = api.get(&format!("/api/v1/jobs/{id}/items?outcome=skipped")).await.json();
    assert_eq!(json!([skipped["items"][0]["executionId"], skipped["items"][0]["code"]]), json!([ids[1], "invalid_state"]));
    for id in &ids {
        assert_eq!(api.ended(id).await["status"], "completed");
    }
    let mut stream = open(&api, &format!("/api/v1/jobs/{id}/stream"), None).await;
    let (job, end) = (stream.next().await.unwrap(), stream.next().await.unwrap());
    assert_eq!(
        (job.event.as_deref(), &job.data["status"], end.event.as_deref()),
        (Some("job"), &json!("completed"), Some("end"))
    );
    api.document.holds("Job", &job.data);
}

#[tokio::test]
async fn what_was_seen_is_what_is_done() {
    let api = Api::new().await;
    let ids = failed(&api, 2).await;
    let ended = api.ended(&ids[0]).await["completedAt"].as_i64().unwrap();
    let of = |as_of: i64| json!({ "action": "retry", "filter": {}, "asOf": as_of, "dryRun": true });
    assert_eq!(api.post("/api/v1/jobs", &of(ended - 1)).await.json()["matched"], 0, "it had not failed then");
    let body = json!({ "action": "replay", "ids": ids, "asOf": 4_000_000_000_000_i64 });
    let made = api.with_body(axum::http::Method::POST, "/api/v1/jobs", &[("idempotency-key", "k1")], &body.to_string()).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let again = api.with_body(axum::http::Method::POST, "/api/v1/jobs", &[("idempotency-key", "k1")], &body.to_string()).await;
    assert_eq!((made.status.as_u16(), again.status.as_u16(), &again.json()["id"]), (201, 200, &json!(id)));
    let over = until(&api, &id, "completed").await;
    assert_eq!(over["done"], 2);
    let items = api.get(&format!("/api/v1/jobs/{id}/items?limit=1")).await.json();
    let replay = api.ended(items["items"][0]["newExecutionId"].as_str().unwrap()).await;
    assert_eq!(replay["replayOf"], items["items"][0]["executionId"]);
    let rest = api.get(&format!("/api/v1/jobs/{id}/items?cursor={}", items["nextCursor"].as_str().unwrap())).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), rest.get("nextCursor")), (1, None));
    let page = api.get("/api/v1/executions?fields=summary&triggeredBy=replay").await.json();
    assert_eq!(page["executions"].as_array().unwrap().len(), 2, "each was replayed once");
}

#[tokio::test]
async fn a_job_is_stopped_before_it_goes_on() {
    let api = Api::new().await;
    let ids = failed(&api, 3).await;
    let made = api.post("/api/v1/jobs", &json!({ "action": "retry", "ids": ids, "canary": true })).await.json();
    let id = made["id"].as_str().unwrap();
    until(&api, id, "waiting").await;
    let stopped = api.call(&format!("/api/v1/jobs/{id}/stop")).await.json();
    assert_eq!(json!([stopped["status"], stopped["done"], stopped["matched"]]), json!(["stopped", 1, 3]));
    assert_eq!(api.ended(&ids[0]).await["status"], "failed");
    assert_eq!(api.call(&format!("/api/v1/jobs/{id}/continue")).await.json()["status"], "stopped", "it is over");
}

#[tokio::test]
async fn a_job_that_makes_no_sense_is_refused() {
    let api = Api::new().await;
    let refused = async |body: Value, code: &str| api.post("/api/v1/jobs", &body).await.problem(400, code);
    let neither = refused(json!({ "action": "retry" }), "invalid_request").await;
    assert_eq!(neither, "one of `ids` and `filter` was expected; `{}` is a filter that means all");
    refused(json!({ "action": "retry", "ids": [], "filter": {} }), "invalid_request").await;
    refused(json!({ "action": "retry", "ids": [], "filter": null }), "invalid_request").await;
    refused(json!({ "action": "retry", "ids": null }), "invalid_json").await;
    refused(json!({ "action": "retry", "filter": { "status": ["done"] } }), "invalid_request").await;
    refused(json!({ "action": "retry", "filter": { "q": "x" } }), "invalid_request").await;
    refused(json!({ "action": "delete", "filter": {} }), "invalid_json").await;
    let many: Vec<String> = (0..1_001).map(|n| format!("exec_{n:032x}")).collect();
    let found = refused(json!({ "action": "retry", "ids": many }), "invalid_request").await;
    assert_eq!(found, "`ids` names 1001 executions, at most 1000 were expected");
    api.get("/api/v1/jobs?cursor=job_1").await.problem(400, "invalid_query");
    for call in ["", "/items", "/stream"] {
        api.get(&format!("/api/v1/jobs/job_0{call}")).await.problem(404, "job_not_found");
    }
    api.call("/api/v1/jobs/job_0/stop").await.problem(404, "job_not_found");
}
