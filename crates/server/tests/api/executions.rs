use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Api;

const UNKNOWN: &str = "/api/v1/executions/exec_00000000000070008000000000000000";

#[tokio::test]
async fn an_execution_is_read_with_its_history() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo"), ("b", "echo")]).await;
    let id = api.started("order").await;
    let execution = api.ended(&id).await;
    assert_eq!((&execution["status"], &execution["completedSteps"]), (&json!("completed"), &json!(["a", "b"])));

    let history = format!("/api/v1/executions/{id}/history");
    let all = api.get(&history).await.json();
    let kinds: Vec<&str> = all["entries"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "step_start", "step_complete", "step_start", "step_complete", "complete"]);
    assert_eq!(all.get("nextCursor"), None);

    let mut paged = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let page = api.get(&format!("{history}?after={after}&limit=4")).await.json();
        paged.extend(page["entries"].as_array().unwrap().clone());
        match page.get("nextCursor") {
            Some(next) => after = next.as_str().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(all["entries"], Value::Array(paged));
    assert_eq!(api.get(&format!("{history}?after=6")).await.json(), json!({ "entries": [], "total": 6 }));
}

#[tokio::test]
async fn what_there_is_not_is_404() {
    let api = Api::new().await;
    for id in [UNKNOWN, "/api/v1/executions/nonsense", "/api/v1/executions/exec_%2e%2e%2f"] {
        for read in ["", "?wait=1ms", "/history", "/stream"] {
            api.get(&format!("{id}{read}")).await.problem(404, "execution_not_found");
        }
        for call in ["pause", "resume", "cancel", "retry", "replay", "steps/a/run-now"] {
            api.call(&format!("{id}/{call}")).await.problem(404, "execution_not_found");
        }
    }
}

#[tokio::test]
async fn an_execution_that_has_ended_is_deleted() {
    let api = Api::new().await;
    api.workflow("held", &[("a", "held")]).await;
    let id = api.started("held").await;
    let path = format!("/api/v1/executions/{id}");
    api.delete(&path).await.problem(409, "invalid_state");
    let (_, ()) = tokio::join!(api.ended(&id), async { api.gate.add_permits(1) });
    let deleted = api.delete(&path).await;
    assert_eq!((deleted.status, deleted.json()), (StatusCode::OK, json!({ "deleted": true })));
    for read in ["", "/history", "/stream"] {
        api.get(&format!("{path}{read}")).await.problem(404, "execution_not_found");
    }
    api.delete(&path).await.problem(404, "execution_not_found");
    assert_eq!(api.get("/api/v1/executions").await.json(), json!({ "executions": [] }));
    api.delete("/api/v1/executions/nonsense").await.problem(404, "execution_not_found");
}

#[tokio::test]
async fn what_is_stuck_is_said_with_what_to_do() {
    let api = Api::new().await;
    assert_eq!(api.get("/api/v1/diagnosis").await.json()["findings"], json!([]));
    api.workflow("order", &[("a", "nobodyHasThis")]).await;
    let id = api.started("order").await;
    let diagnosis = api.get("/api/v1/diagnosis").await.json();
    let found = &diagnosis["findings"][0];
    assert_eq!((&found["severity"], &found["code"], &found["count"]), (&json!("error"), &json!("action_missing"), &json!(1)));
    assert_eq!(found["executions"], json!([id]));
    assert_eq!(diagnosis["executionsLookedAt"], 1);
    api.get("/api/v1/diagnosis?everything=1").await.problem(400, "invalid_query");
}

#[tokio::test]
async fn waiting_ends_with_the_execution_or_with_its_time() {
    let api = Api::new().await;
    api.workflow("held", &[("a", "held")]).await;
    let id = api.started("held").await;
    let path = format!("/api/v1/executions/{id}");
    let still = api.get(&format!("{path}?wait=20ms")).await;
    assert_eq!((still.status, &still.json()["status"]), (StatusCode::OK, &json!("running")));

    let (ended, ()) = tokio::join!(api.ended(&id), async { api.gate.add_permits(1) });
    assert_eq!(ended["status"], "completed");
    assert_eq!(api.get(&format!("{path}?wait=0s")).await.json()["status"], "completed");
}

#[tokio::test]
async fn control_calls_move_an_execution_and_are_refused_where_they_make_no_sense() {
    let api = Api::new().await;
    api.workflow("held", &[("a", "held")]).await;
    let id = api.started("held").await;
    let call = async |what: &str| api.call(&format!("/api/v1/executions/{id}/{what}")).await;

    assert_eq!(call("pause").await.json()["status"], "paused");
    assert_eq!(call("pause").await.problem(409, "invalid_state"), format!("cannot pause execution {id}: it is paused"));
    assert_eq!(call("resume").await.json()["status"], "running");
    call("resume").await.problem(409, "invalid_state");
    call("retry").await.problem(409, "invalid_state");
    assert_eq!(call("cancel").await.json()["status"], "cancelled");
    for refused in ["pause", "resume", "cancel", "retry"] {
        call(refused).await.problem(409, "invalid_state");
    }
    let body = api.post(&format!("/api/v1/executions/{id}/cancel"), &json!({ "reason": "none" })).await;
    assert!(body.problem(400, "invalid_json").contains("this call takes no body"));
}

#[tokio::test]
async fn a_control_call_with_the_same_key_is_the_same_call() {
    let api = Api::new().await;
    api.workflow("held", &[("a", "held")]).await;
    let id = api.started("held").await;
    let pause = async |key: &str| {
        api.with_body(Method::POST, &format!("/api/v1/executions/{id}/pause"), &[("idempotency-key", key)], "").await
    };
    assert_eq!(pause("p1").await.status, StatusCode::OK);
    assert_eq!(pause("p1").await.status, StatusCode::OK);
    pause("p2").await.problem(409, "invalid_state");
}

#[tokio::test]
async fn a_failed_execution_is_retried_and_replayed() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo"), ("b", "fail")]).await;
    let body = r#"{"input":{"n":1}}"#;
    let answer = api.with_body(Method::POST, "/api/v1/workflows/order/executions", &[], body).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let failed = api.ended(&id).await;
    assert_eq!((&failed["status"], &failed["error"]), (&json!("failed"), &json!("card declined")));

    assert_eq!(api.call(&format!("/api/v1/executions/{id}/retry")).await.status, StatusCode::OK);
    let again = api.ended(&id).await;
    let retried = again["history"].as_array().unwrap().iter().find(|entry| entry["type"] == "retry").unwrap();
    assert_eq!(retried["data"]["reset"], json!(["b"]));

    let replay = format!("/api/v1/executions/{id}/replay");
    let first = api.with_body(Method::POST, &replay, &[("idempotency-key", "r1")], "").await;
    let same = api.with_body(Method::POST, &replay, &[("idempotency-key", "r1")], "").await;
    assert_eq!((first.status, same.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!((&first.json()["id"], &first.json()["replayOf"]), (&same.json()["id"], &json!(id)));
    assert_eq!((&first.json()["input"], &first.json()["triggeredBy"]["type"]), (&json!({ "n": 1 }), &json!("replay")));
    let other = api.post(&replay, &json!({ "input": { "n": 2 } })).await;
    assert_eq!((other.status, &other.json()["input"]), (StatusCode::CREATED, &json!({ "n": 2 })));
    assert_eq!(other.header("location"), format!("/api/v1/executions/{}", other.json()["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_retry_need_not_be_waited_for() {
    let api = Api::new().await;
    let step = json!({ "id": "a", "action": "flaky", "maxRetries": 1, "retryDelay": "1h" });
    api.put("/api/v1/workflows/slow", &json!({ "id": "slow", "steps": [step] })).await;
    let id = api.started("slow").await;
    // The retry delay begins when the first attempt has failed: the stream tells.
    let mut messages = crate::stream::open(&api, &format!("/api/v1/executions/{id}/stream"), None).await;
    while messages.next().await.unwrap().data["type"] != "step_fail" {}
    let run_now = |step: &str| format!("/api/v1/executions/{id}/steps/{step}/run-now");
    api.call(&run_now("nope")).await.problem(404, "step_not_found");
    assert_eq!(api.call(&run_now("a")).await.status, StatusCode::OK);
    assert_eq!(api.ended(&id).await["status"], "failed");
    api.call(&run_now("a")).await.problem(409, "invalid_state");
}

#[tokio::test]
async fn executions_are_listed_newest_first_page_by_page() {
    let api = Api::new().await;
    api.workflow("good", &[("a", "echo")]).await;
    api.workflow("bad", &[("a", "fail")]).await;
    let mut ids = Vec::new();
    for workflow in ["good", "bad", "good", "good", "bad"] {
        let id = api.started(workflow).await;
        api.ended(&id).await;
        ids.insert(0, id);
    }
    let listed = async |query: &str| {
        let page = api.get(&format!("/api/v1/executions{query}")).await.json();
        let ids: Vec<String> =
            page["executions"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        (ids, page.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned()))
    };
    assert_eq!(listed("").await, (ids.clone(), None));
    let (first, cursor) = listed("?limit=2").await;
    assert_eq!(first, ids[..2]);
    let (second, cursor) = listed(&format!("?limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!(second, ids[2..4]);
    let (last, cursor) = listed(&format!("?limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!((last.as_slice(), cursor), (&ids[4..], None));

    assert_eq!(listed("?status=failed").await.0, [ids[0].clone(), ids[3].clone()]);
    assert_eq!(listed("?status=failed,completed").await.0, ids);
    assert_eq!(listed("?status=failed&status=completed").await.0, ids);
    assert_eq!(listed("?workflowId=bad").await.0, [ids[0].clone(), ids[3].clone()]);
    assert_eq!(listed("?workflowId=bad&status=completed").await.0, Vec::<String>::new());
    assert_eq!(listed("?startedBefore=1").await.0, Vec::<String>::new());
    assert_eq!(listed("?startedAfter=1").await.0, ids);
}

#[tokio::test]
async fn a_list_holds_what_is_asked_for() {
    let api = Api::new().await;
    api.workflow("bad", &[("a", "echo"), ("b", "fail")]).await;
    let id = api.started("bad").await;
    api.ended(&id).await;
    let row = async |query: &str| api.get(&format!("/api/v1/executions{query}")).await.json()["executions"][0].clone();

    let head = row("").await;
    assert_eq!((&head["status"], &head["error"], &head["failedStep"]), (&json!("failed"), &json!("card declined"), &json!("b")));
    for field in ["input", "state", "output", "stepResults", "history"] {
        assert_eq!(head.get(field), None, "{field}");
    }
    let whole = row("?include=input,state,stepResults&include=history").await;
    assert_eq!((&whole["input"], &whole["stepResults"]["b"]["status"]), (&json!({}), &json!("failed")));
    assert_eq!(whole["history"].as_array().unwrap().last().unwrap()["type"], "fail");
    let execution = api.get(&format!("/api/v1/executions/{id}")).await.json();
    assert_eq!(row("?include=execution").await, execution, "as it is answered by itself");
}

#[tokio::test]
async fn counts_are_given_by_workflow_and_status() {
    let api = Api::new().await;
    api.workflow("good", &[("a", "echo")]).await;
    api.workflow("bad", &[("a", "fail")]).await;
    for workflow in ["good", "good", "bad"] {
        let id = api.started(workflow).await;
        api.ended(&id).await;
    }
    let counts = api.get("/api/v1/executions/counts").await.json();
    assert_eq!(
        (&counts["byStatus"]["completed"], &counts["byStatus"]["failed"], &counts["byStatus"]["paused"]),
        (&json!(2), &json!(1), &json!(0))
    );
    let bad = api.get("/api/v1/executions/counts?workflowId=bad").await.json();
    assert_eq!(bad["counts"], json!([{ "workflowId": "bad", "status": "failed", "count": 1 }]));
    assert_eq!(bad["byStatus"]["completed"], 0);
}
