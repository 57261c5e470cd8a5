//! Lists with what each execution does or waits for, counts, histories in slices, the stream of all executions: what pages are made of.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use workflow_core::id::ActionName;
use workflow_engine::{ActionError, Handler, StartRequest};

use crate::stream::open;
use crate::support::Api;

/// Waits until a summary is as it is wanted: told by the stream of changes, which is listened to before it is asked for.
async fn summary(api: &Api, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut watcher = api.engine.watch_all(None);
    loop {
        let page = api.get(&format!("/api/v1/executions?fields=summary&q={id}")).await.json();
        let found = &page["executions"][0];
        if found["id"] == id && is_so(found) {
            return found.clone();
        }
        watcher.changed().await;
        watcher.take();
    }
}

fn kinds(execution: &Value) -> Vec<&str> {
    execution["reasons"].as_array().unwrap().iter().map(|reason| reason["kind"].as_str().unwrap()).collect()
}

async fn define(api: &Api, id: &str, steps: Value) {
    let answer =
        api.put(&format!("/api/v1/workflows/{id}"), &json!({ "id": id, "name": format!("The {id}"), "steps": steps })).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

/// An action that fails in this way, and may be tried again.
fn failing(api: &Api, action: &str, message: &'static str) {
    let handler = Handler::new(move |_, _| async move { Err(ActionError::new(message)) });
    api.engine.provide(ActionName::new(action).unwrap(), 16, handler);
}

#[tokio::test]
async fn a_summary_says_what_an_execution_waits_for() {
    let api = Api::new().await;
    failing(&api, "declines", "Card 4711 declined");
    define(
        &api,
        "retried",
        json!([{ "id": "charge", "action": "declines", "onError": "retry", "maxRetries": 4, "retryDelay": "1h" }]),
    )
    .await;
    define(
        &api,
        "timed",
        json!([{ "id": "wait", "action": "noop", "wait": "3d" }, { "id": "after", "action": "echo", "dependsOn": ["wait"] }]),
    )
    .await;
    define(&api, "lonely", json!([{ "id": "call", "action": "nobodyHasIt" }])).await;
    define(&api, "held", json!([{ "id": "a", "action": "echo" }, { "id": "b", "action": "held", "dependsOn": ["a"] }])).await;

    let retried = api.started("retried").await;
    let found = summary(&api, &retried, |found| found["attention"] == "retrying").await;
    let reason = &found["reasons"][0];
    assert_eq!(
        json!([found["status"], found["workflowName"], found["error"], found["errorStepId"], found["reasonCount"]]),
        json!(["waiting", "The retried", "Card 4711 declined", "charge", 1])
    );
    assert_eq!(
        json!([
            reason["kind"],
            reason["stepId"],
            reason["attempt"],
            reason["maxAttempts"],
            reason["failedAttempts"],
            reason["action"],
            reason["error"]
        ]),
        json!(["retry", "charge", 2, 5, 1, "declines", "Card 4711 declined"])
    );
    assert_eq!(reason["until"].as_i64().unwrap() - reason["since"].as_i64().unwrap(), 3_600_000);
    assert_eq!(found["stepCounts"], json!({ "total": 1, "completed": 0, "failed": 0, "skipped": 0, "running": 0, "waiting": 1 }));

    let timed = summary(&api, &api.started("timed").await, |found| found["status"] == "waiting").await;
    assert_eq!((kinds(&timed), timed.get("attention")), (vec!["timer"], None));
    assert_eq!(timed["wakeAt"], timed["reasons"][0]["until"]);

    let lonely = summary(&api, &api.started("lonely").await, |found| found["attention"] == "noWorker").await;
    assert_eq!((kinds(&lonely), &lonely["reasons"][0]["action"]), (vec!["worker"], &json!("nobodyHasIt")));

    let held = summary(&api, &api.started("held").await, |found| found["lastSeq"] == 4).await;
    assert_eq!((kinds(&held), &held["reasons"][0]["stepId"], &held["lastSeq"]), (vec!["running"], &json!("b"), &json!(4)));
    let id = held["id"].as_str().unwrap();
    api.call(&format!("/api/v1/executions/{id}/pause")).await;
    let paused = api.get(&format!("/api/v1/executions/{id}?include=reasons")).await.json();
    assert_eq!(kinds(&paused), ["paused", "running"], "what matters most comes first, and what runs is said all the same");
    api.gate.add_permits(1);

    let attention = |name: &str| format!("/api/v1/executions?fields=summary&attention={name}");
    for (name, id) in [("retrying", &retried), ("noWorker", &lonely["id"].as_str().unwrap().to_owned())] {
        let page = api.get(&attention(name)).await.json();
        assert_eq!((page["executions"].as_array().unwrap().len(), &page["executions"][0]["id"]), (1, &json!(id)), "{name}");
    }
    assert_eq!(api.get(&attention("overdue")).await.json(), json!({ "executions": [], "complete": true }));
    let counts = api.get("/api/v1/executions/counts").await.json();
    assert_eq!(counts["attention"], json!({ "retrying": 1, "noWorker": 1, "overdue": 0 }));
    let retrying = api.get("/api/v1/executions/counts?attention=retrying").await.json();
    assert_eq!((&retrying["byStatus"]["waiting"], retrying.get("counts")), (&json!(1), None));
}

#[tokio::test]
async fn a_list_is_filtered_searched_and_paged() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    api.workflow("other", &[("a", "fail")]).await;
    let mut orders = Vec::new();
    for number in 0..5 {
        let body = json!({ "input": { "city": format!("Zürich {number}"), "n": number } });
        let started = api.post("/api/v1/workflows/order/executions?wait=30s", &body).await.json();
        orders.push(started["id"].as_str().unwrap().to_owned());
    }
    let other = api.started("other").await;
    api.ended(&other).await;
    api.put(
        "/api/v1/workflows/order",
        &json!({ "id": "order", "steps": [{ "id": "a", "action": "echo" }, { "id": "b", "action": "echo" }] }),
    )
    .await;
    let newest = api.started("order").await;
    api.ended(&newest).await;

    let list = async |query: &str| {
        let page = api.get(&format!("/api/v1/executions?fields=summary&{query}")).await.json();
        assert_eq!(page["complete"], true, "{query}");
        page["executions"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let newest_first: Vec<String> = orders.iter().rev().cloned().collect();
    assert_eq!(list("workflowId=order&version=1").await, newest_first);
    assert_eq!(list("workflowId=order&version=2").await, std::slice::from_ref(&newest));
    assert_eq!(list("workflowId=order,other&status=failed").await, std::slice::from_ref(&other));
    assert_eq!(list("q=z%C3%BCrich+3").await, [orders[3].clone()], "whatever the case");
    assert_eq!(list(&format!("q={}", &orders[2][..])).await, [orders[2].clone()]);
    assert_eq!(list(&format!("q={}", &orders[1][5..])).await, [orders[1].clone()], "without the prefix");
    assert_eq!(list("q=nowhere").await, [""; 0]);
    assert_eq!(list("triggeredBy=event").await, [""; 0]);
    let failed = api.get(&format!("/api/v1/executions?fields=summary&q={other}")).await.json();
    let fingerprint = failed["executions"][0]["errorFingerprint"].as_str().unwrap();
    assert_eq!(list(&format!("errorFingerprint={fingerprint}")).await, [other]);

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/v1/executions?fields=summary&workflowId=order&limit=2{cursor}")).await.json();
        seen.extend(page["executions"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(next) = page.get("nextCursor") else { break };
        cursor = format!("&cursor={}", next.as_str().unwrap());
    }
    assert_eq!(seen, [vec![newest], newest_first].concat());
    let counts = api.get("/api/v1/executions/counts?workflowId=order&version=1").await.json();
    assert_eq!((&counts["byStatus"]["completed"], &counts["exact"]), (&json!(5), &json!(true)));
    let window = api.get("/api/v1/executions/counts?startedAfter=1000").await.json();
    assert_eq!(json!([window["byStatus"]["completed"], window["byStatus"]["failed"]]), json!([6, 1]));
}

/// The output of an execution is in the entry of the step that gave it; what was named was the last entry, which holds nothing.
#[tokio::test]
async fn a_long_output_is_where_the_answer_says() {
    let api = Api::new().await;
    let long = "x".repeat(10_000);
    let both = json!([{ "id": "a", "action": "echo" }, { "id": "b", "action": "echo" }, { "id": "c", "action": "noop" }]);
    define(&api, "both", both).await;
    define(&api, "one", json!([{ "id": "a", "action": "echo" }])).await;
    for (workflow, steps) in [("both", vec!["a", "b"]), ("one", vec!["a"])] {
        let path = format!("/api/v1/workflows/{workflow}/executions?wait=30s");
        let started = api.post(&path, &json!({ "input": { "long": long } })).await.json();
        let path = format!("/api/v1/executions/{}?maxValueBytes=100", started["id"].as_str().unwrap());
        let output = api.get(&path).await.json()["output"].clone();
        for step in &steps {
            let left_out = if steps.len() == 1 { &output } else { &output[*step] };
            let whole = api.get(left_out["href"].as_str().unwrap()).await.json();
            assert_eq!((&whole["stepId"], &whole["data"]["output"]["long"]), (&json!(step), &json!(long)));
            assert!(left_out["$truncated"].as_u64() > Some(10_000), "{left_out}");
        }
    }
}

#[tokio::test]
async fn an_execution_is_shown_as_it_was_and_long_values_are_left_out() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo"), ("b", "echo")]).await;
    let long = "x".repeat(10_000);
    let started =
        api.post("/api/v1/workflows/order/executions?wait=30s", &json!({ "input": { "long": long, "n": 1 } })).await.json();
    let path = format!("/api/v1/executions/{}", started["id"].as_str().unwrap());
    let at = api.get(&format!("{path}?at=3&history=1&maxValueBytes=100")).await.json();
    assert_eq!(json!([at["status"], at["asOfSeq"], at["lastSeq"], at["completedSteps"]]), json!(["running", 3, 6, ["a"]]));
    assert_eq!(at["history"].as_array().unwrap().len(), 1);
    let left_out = |value: &Value| (value["$truncated"].as_u64().unwrap() > 10_000, value["href"].as_str().unwrap().to_owned());
    assert_eq!(left_out(&at["input"]), (true, format!("{path}/history/1")));
    assert_eq!(left_out(&at["stepResults"]["a"]["output"]), (true, format!("{path}/history/3")));
    assert_eq!(at["state"]["n"], 1, "what is short is there");
    let whole = api.get(&format!("{path}/history/3")).await.json();
    assert_eq!(whole["data"]["output"]["long"], json!(long));
    assert_eq!(
        api.get(&format!("{path}/history/7")).await.problem(404, "entry_not_found"),
        format!("execution {} has no entry `7` in its history", started["id"].as_str().unwrap())
    );
    assert_eq!(api.get(&format!("{path}?at=7")).await.problem(400, "invalid_request"), "at is 7, expected an entry from 1 to 6");
    api.get(&format!("{path}?at=3&wait=1s")).await.problem(400, "invalid_query");
    let light = api.get(&format!("{path}/history?payloads=none&order=desc&limit=4")).await.json();
    let seqs =
        |page: &Value| page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!((seqs(&light), &light["nextCursor"], &light["total"]), (vec![6, 5, 4, 3], &json!("3"), &json!(6)));
    assert_eq!((light["entries"][1]["data"].get("output"), light["entries"][1]["bytes"].as_u64() > Some(10_000)), (None, true));
    let rest = api.get(&format!("{path}/history?payloads=none&order=desc&before=3")).await.json();
    assert_eq!((seqs(&rest), rest.get("nextCursor")), (vec![2, 1], None));
    assert!(rest["entries"][1]["data"].get("input").is_none());
    assert_eq!(seqs(&api.get(&format!("{path}/history?types=step_start,complete")).await.json()), [2, 4, 6]);
    assert_eq!(seqs(&api.get(&format!("{path}/history?stepId=b&order=desc")).await.json()), [5, 4]);
    assert_eq!(seqs(&api.get(&format!("{path}/history?q=STEP_COMPLETE&after=3")).await.json()), [5]);
    assert_eq!(seqs(&api.get(&format!("{path}/history?after=2&before=5")).await.json()), [3, 4]);
}

#[tokio::test]
async fn all_executions_are_followed() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "held")]).await;
    api.workflow("other", &[("a", "echo")]).await;
    let mut all = open(&api, "/api/v1/executions/stream?workflowId=order&status=running,completed", None).await;
    let hello = all.next().await.unwrap();
    assert_eq!((hello.event.as_deref(), hello.data["serverTime"].is_i64()), (Some("hello"), true));
    api.document.holds("StreamHello", &hello.data);
    let counts = all.next().await.unwrap();
    api.document.holds("Counts", &counts.data);
    assert_eq!((counts.event.as_deref(), &counts.data["byStatus"]["running"]), (Some("counts"), &json!(0)));
    let id = api.started("order").await;
    let next = async |all: &mut crate::stream::Messages, wanted: &str| loop {
        let message = all.next().await.unwrap();
        if message.event.as_deref() == Some(wanted) {
            return message;
        }
    };
    let upsert = next(&mut all, "upsert").await;
    assert_eq!((&upsert.data["id"], &upsert.data["status"]), (&json!(id), &json!("running")));
    api.document.holds("ExecutionSummary", &upsert.data);
    let seen = upsert.id.unwrap();
    api.call(&format!("/api/v1/executions/{id}/pause")).await;
    let removed = next(&mut all, "remove").await.data;
    assert_eq!(removed, json!({ "id": id }), "it is not one of those any more");
    api.document.holds("RemovedExecution", &removed);
    let other = api.started("other").await;
    assert_eq!(next(&mut all, "remove").await.data, json!({ "id": other }), "of another workflow");

    // One that was away goes on where it was; one that does not know where it was is told to read everything again.
    let mut again = open(&api, "/api/v1/executions/stream", Some(seen)).await;
    assert_eq!(next(&mut again, "upsert").await.data["status"], "paused");
    let mut lost = open(&api, "/api/v1/executions/stream", Some(7)).await;
    assert_eq!(next(&mut lost, "reset").await.data, json!({ "reason": "gap" }));
    drop((all, again, lost));
    // Nobody watched meanwhile, so nobody knows what has changed.
    let mut later = open(&api, "/api/v1/executions/stream", Some(seen)).await;
    assert_eq!(next(&mut later, "reset").await.data, json!({ "reason": "gap" }));
    api.gate.add_permits(1);
}

#[tokio::test]
async fn many_changes_at_once_are_told_as_one() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo")]).await;
    let mut all = open(&api, "/api/v1/executions/stream", None).await;
    all.next().await.unwrap();
    // All together: one commit or a few.
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let engine = api.engine.clone();
        let workflow = "order".to_owned();
        starting.spawn(async move { engine.start(StartRequest { workflow, input: None, key: None }).await });
    }
    while let Some(started) = starting.join_next().await {
        started.unwrap().unwrap();
    }
    loop {
        let message = tokio::time::timeout(Duration::from_secs(30), all.next()).await.unwrap().unwrap();
        if message.event.as_deref() == Some("reset") {
            api.document.holds("StreamReset", &message.data);
            assert_eq!(message.data["reason"], "busy");
            assert!(message.data["changed"].as_u64() > Some(100));
            break;
        }
    }
}

#[tokio::test]
async fn failures_are_grouped_and_steps_have_statistics() {
    let api = Api::new().await;
    let tries = AtomicUsize::new(30);
    let connects = Handler::new(move |_, _| {
        let ms = tries.fetch_add(1, Ordering::SeqCst);
        async move { Err(ActionError::new(format!("connect ECONNREFUSED 10.0.0.7:5432 after {ms} ms"))) }
    });
    api.engine.provide(ActionName::new("connects").unwrap(), 16, connects);
    define(
        &api,
        "order",
        json!([
            { "id": "a", "action": "echo" },
            { "id": "b", "action": "connects", "dependsOn": ["a"], "onError": "retry", "maxRetries": 1, "retryDelay": "1ms" },
            { "id": "c", "action": "echo", "dependsOn": ["b"] }
        ]),
    )
    .await;
    for _ in 0..3 {
        let id = api.started("order").await;
        api.ended(&id).await;
    }
    let page = api.get("/api/v1/errors").await.json();
    let kind = &page["errors"][0];
    assert_eq!(json!([page["failedNow"], page["retryingNow"], page["errors"].as_array().unwrap().len()]), json!([3, 0, 1]));
    assert_eq!(
        json!([
            kind["template"],
            kind["total"],
            kind["failedNow"],
            kind["steps"],
            kind["workflows"],
            kind["versions"][0]["version"]
        ]),
        json!(["connect ECONNREFUSED <host> after <n> ms", 6, 3, [{ "workflowId": "order", "stepId": "b", "count": 6 }], ["order"], 1]),
        "each attempt that failed counts"
    );
    assert_eq!(kind["buckets"].as_array().unwrap().iter().map(|part| part["count"].as_u64().unwrap()).sum::<u64>(), 6);
    let path = format!("/api/v1/errors/{}", kind["fingerprint"].as_str().unwrap());
    let detail = api.get(&path).await.json();
    // An hour keeps one message of a kind, so there was one example, however different the messages.
    let examples = detail["examples"].as_array().unwrap();
    let messages: Vec<&str> = examples.iter().map(|example| example["message"].as_str().unwrap()).collect();
    let after = |ms: u32| format!("connect ECONNREFUSED 10.0.0.7:5432 after {ms} ms");
    assert_eq!(messages, [after(35), after(33), after(31)], "the newest of each execution, the newest first");
    assert_eq!(api.get("/api/v1/errors?workflowId=nothing").await.json()["errors"], json!([]));
    api.get("/api/v1/errors/0000000000000000").await.problem(404, "error_not_found");
    api.get("/api/v1/errors/card").await.problem(404, "error_not_found");
    api.get("/api/v1/errors?window=1y").await.problem(400, "invalid_query");

    let statistics = api.get("/api/v1/workflows/order/stats").await.json();
    assert_eq!(
        json!([statistics["started"], statistics["failed"], statistics["failureRate"], statistics["samples"]]),
        json!([3, 3, 1.0, 3])
    );
    let step = |id: &str| statistics["steps"].as_array().unwrap().iter().find(|step| step["stepId"] == id).cloned();
    let b = step("b").unwrap();
    assert_eq!(json!([b["runs"], b["completed"], b["failed"], b["retried"], b["samples"]]), json!([6, 0, 3, 3, 6]));
    assert_eq!((step("a").unwrap()["completed"].clone(), step("c")), (json!(3), None), "what never began has nothing to count");
    let list = api.get("/api/v1/workflows?include=stats&window=1h").await.json();
    assert_eq!(json!([list["workflows"][0]["id"], list["workflows"][0]["stats"]["failed"]]), json!(["order", 3]));
    let versions = api.get("/api/v1/workflows/order/versions").await.json();
    assert_eq!(
        json!([versions["versions"][0]["version"], versions["versions"][0]["executions"], versions["versions"][0]["active"]]),
        json!([1, 3, 0])
    );
    api.get("/api/v1/workflows/nothing/stats").await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn an_event_is_tried_without_starting_anything() {
    let api = Api::new().await;
    let triggers = json!([{ "event": "Customer.created", "condition": "plan === 'enterprise'" }, { "event": "Customer.*" }]);
    let steps = json!([{ "id": "a", "action": "echo" }]);
    api.put("/api/v1/workflows/onboarding", &json!({ "id": "onboarding", "triggers": triggers, "steps": steps })).await;
    let dry = async |body: Value| api.with_body(Method::POST, "/api/v1/events?dryRun=true", &[], &body.to_string()).await.json();
    let tried = dry(json!({ "event": "Customer.created", "data": { "plan": "pro" } })).await;
    assert_eq!(
        tried["matches"].as_array().unwrap().iter().map(|found| found["wouldStart"].as_bool().unwrap()).collect::<Vec<_>>(),
        [false, true]
    );
    let condition = &tried["matches"][0]["condition"];
    assert_eq!(json!([condition["values"], condition["result"]]), json!([{ "plan": "pro" }, false]));
    assert_eq!(dry(json!({ "event": "Customer.craeted.x" })).await["matches"], json!([]));
    assert_eq!(api.get("/api/v1/executions").await.json()["executions"], json!([]), "nothing was started");
    let sent = json!({ "event": "Customer.created", "id": "e1", "data": { "plan": "enterprise" } });
    let started = api.post("/api/v1/events", &sent).await.json();
    assert_eq!(dry(sent).await["duplicateOf"]["executions"], json!([started["executions"][0]["id"]]));
}

#[tokio::test]
async fn a_definition_is_checked_without_being_registered() {
    let api = Api::new().await;
    let definition = json!({ "id": "order", "steps": [{ "id": "a", "action": "echo" }] });
    let checked = api.post("/api/v1/validate", &definition).await.json();
    assert_eq!(json!([checked["valid"], checked["version"], checked["unchanged"]]), json!([true, 1, false]));
    assert_eq!(api.get("/api/v1/workflows").await.json()["workflows"], json!([]));
    api.put("/api/v1/workflows/order", &definition).await;
    let again = api.post("/api/v1/validate", &definition).await.json();
    assert_eq!(json!([again["version"], again["unchanged"]]), json!([1, true]));
}

#[tokio::test]
async fn the_engine_says_how_it_is_and_who_runs_what() {
    let api = Api::new().await;
    api.workflow("order", &[("a", "echo"), ("b", "nobodyHasIt")]).await;
    let id = api.started("order").await;
    summary(&api, &id, |found| found["attention"] == "noWorker").await;
    let system = api.get("/api/v1/system").await.json();
    assert_eq!(json!([system["ready"], system["store"]["executions"], system["access"]]), json!([true, 1, "admin"]));
    assert_eq!(system["series"]["starts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), 1);
    let actions = api.get("/api/v1/actions").await.json();
    let first = &actions["actions"][0];
    assert_eq!(
        json!([first["action"], first["slots"], first["waiting"], first["usedBy"][0]["stepIds"]]),
        json!(["nobodyHasIt", 0, 1, ["b"]]),
        "what somebody waits for and nobody provides comes first"
    );
    let workers = api.get("/api/v1/workers").await.json();
    assert_eq!(json!([workers["workers"][0]["id"], workers["workers"][0]["kind"]]), json!(["in-process", "inProcess"]));
    let nodes = api.get("/api/v1/nodes").await.json();
    let node = &nodes["nodes"][0];
    assert_eq!(
        json!([nodes["nodes"].as_array().unwrap().len(), node["slots"], node["status"], node["self"], node.get("url")]),
        json!([1, 4096, "live", true, null])
    );
    assert!(node["id"].as_str().unwrap().starts_with("engine-"), "{node}");
    assert_eq!(node["joinedAt"], system["startedAt"], "it is the engine itself");
    let mut stream = open(&api, "/api/v1/system/stream", None).await;
    let beat = stream.next().await.unwrap();
    assert_eq!(beat.event.as_deref(), Some("system"));
    api.document.holds("System", &beat.data);
}
