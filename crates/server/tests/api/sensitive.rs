//! What a definition calls sensitive is in no answer, whatever is asked; actions get it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use workflow_core::id::ActionName;
use workflow_engine::{ActionError, Handler, ListRequest, Task};

use crate::stream;
use crate::support::Api;

const CANARY: &str = "4242-canary-4242";

/// Everything that was told, and what actions were given.
struct Witness {
    api: Api,
    told: Vec<(String, String)>,
    given: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    async fn new() -> Witness {
        let api = Api::new().await;
        let given = Arc::new(Mutex::new(Vec::new()));
        let kept = given.clone();
        let seen = move |task: Task, _| {
            let kept = kept.clone();
            async move {
                kept.lock().unwrap().push(format!("{} {}", task.step_id, task.params().text()));
                Ok(Some(task.params()))
            }
        };
        api.engine.provide(ActionName::new("seen").unwrap(), 16, Handler::new(seen));
        let decline = |_: Task, _| async { Err(ActionError::permanent("card declined")) };
        api.engine.provide(ActionName::new("decline").unwrap(), 16, Handler::new(decline));
        Witness { api, told: Vec::new(), given }
    }

    async fn define(&self, definition: &Value) {
        let path = format!("/api/v1/workflows/{}", definition["id"].as_str().unwrap());
        let answer = self.api.put(&path, definition).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }

    async fn get(&mut self, path: &str) -> Value {
        let answer = self.api.get(path).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        self.told.push((format!("GET {path}"), answer.text.clone()));
        answer.json()
    }

    async fn post(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.api.post(path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        self.told.push((format!("POST {path}"), answer.text.clone()));
        answer.json()
    }

    async fn control(&mut self, id: &str, call: &str) -> Value {
        let answer = self.api.call(&format!("/api/v1/executions/{id}/{call}")).await;
        assert!(answer.status.is_success(), "{call}: {}", answer.text);
        self.told.push((call.to_owned(), answer.text.clone()));
        answer.json()
    }

    /// Everything that can be asked about an execution that has ended.
    async fn look_at(&mut self, id: &str) {
        self.get(&format!("/api/v1/executions/{id}?wait=30s")).await;
        self.get(&format!("/api/v1/executions/{id}")).await;
        self.get(&format!("/api/v1/executions/{id}/history")).await;
        self.get(&format!("/api/v1/executions/{id}/history?after=1&limit=2")).await;
        let last = self.get(&format!("/api/v1/executions/{id}?include=reasons")).await["lastSeq"].as_u64().unwrap();
        for seq in 1..=last {
            self.get(&format!("/api/v1/executions/{id}?at={seq}&history=1000")).await;
            self.get(&format!("/api/v1/executions/{id}?at={seq}&maxValueBytes=100000")).await;
            self.get(&format!("/api/v1/executions/{id}/history/{seq}")).await;
        }
        self.get(&format!("/api/v1/executions/{id}/history?order=desc")).await;
        self.get(&format!("/api/v1/executions/{id}/history?payloads=none")).await;
        let found = self.get(&format!("/api/v1/executions/{id}/history?q={CANARY}")).await;
        assert_eq!(found["entries"], json!([]), "who searches must not find what is masked");
        self.listen(&format!("/api/v1/executions/{id}/stream")).await;
        self.listen(&format!("/api/v1/executions/{id}/stream?payloads=none")).await;
        let parsed = workflow_core::id::ExecutionId::parse(id).unwrap();
        let view = self.api.engine.status(parsed).await.unwrap().unwrap();
        self.told.push(("Engine::status".to_owned(), serde_json::to_string(&view).unwrap()));
        let page = self.api.engine.history(parsed, 0, None).await.unwrap();
        self.told.push(("Engine::history".to_owned(), serde_json::to_string(&page.entries).unwrap()));
    }

    /// Everything of a stream that ends.
    async fn listen(&mut self, path: &str) {
        let messages = stream::open(&self.api, path, None).await.rest().await;
        self.told.extend(messages.into_iter().map(|message| (format!("GET {path}"), message.data.to_string())));
    }

    async fn look_at_lists(&mut self) {
        for fields in ["", "&workflowId=pay", "&status=failed", "&attention=retrying"] {
            self.get(&format!("/api/v1/executions?fields=summary&limit=50{fields}")).await;
        }
        for text in [CANARY, &CANARY[..6], "sensitive"] {
            let found = self.get(&format!("/api/v1/executions?fields=summary&q={text}")).await;
            let none = text != "sensitive";
            assert_eq!(
                found["executions"].as_array().unwrap().is_empty(),
                none,
                "a search finds what is shown, `{text}`: {found}"
            );
        }
        for include in ["", "&include=input,output,state,stepResults,history", "&include=execution"] {
            self.get(&format!("/api/v1/executions?limit=50{include}")).await;
        }
        let listed = self.api.engine.list(ListRequest::default()).await.unwrap();
        self.told.push(("Engine::list".to_owned(), format!("{listed:?}")));
        let metrics = self.api.get("/metrics").await;
        self.told.push(("GET /metrics".to_owned(), metrics.text));
    }

    #[track_caller]
    fn expect_masked(&self) {
        for (what, text) in &self.told {
            assert!(!text.contains(CANARY), "{what} tells it: {text}");
        }
        assert!(self.told.iter().filter(|(_, text)| text.contains("[sensitive]")).count() > 5, "{:#?}", self.told);
    }
}

/// Routes that say nothing of executions.
const OTHER: [&str; 5] =
    ["/api/v1/endpoints", "/api/v1/endpoints/{name}", "/api/v1/tokens", "/api/v1/tokens/{token}", "/api/v1/worker"];

impl Witness {
    /// That every route which reads was looked at: a new one has to be looked at too.
    async fn expect_every_route(&self) {
        let told = |route: &str| {
            let parts: Vec<&str> = route.split('/').collect();
            self.told.iter().any(|(what, _)| {
                let path = what.strip_prefix("GET ").unwrap_or_default();
                let path: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
                path.len() == parts.len() && path.iter().zip(&parts).all(|(part, of)| of.starts_with('{') || part == of)
            })
        };
        let document = self.api.get("/openapi.json").await.json();
        let paths = document["paths"].as_object().unwrap().iter();
        let reading =
            paths.filter(|(route, of)| route.starts_with("/api/v1/") && of.get("get").is_some()).map(|(route, _)| &**route);
        let left: Vec<&str> = reading.filter(|route| !told(route)).collect();
        assert_eq!(left, OTHER, "look at these too, or say that they are of no execution");
    }
}

/// Values that a condition reads, copies into other steps, and gives as its result.
fn pay() -> Value {
    json!({
        "id": "pay",
        "sensitive": ["pan"],
        "triggers": [{ "event": "Card.entered" }],
        "steps": [
            {
                "id": "tokenize", "action": "seen", "sensitive": ["pan", "card.number", "list.*.token"],
                "params": { "card": { "number": "$.pan", "holder": "Ada" }, "list": [{ "token": "$.input.pan", "n": 1 }] }
            },
            {
                "id": "charge", "action": "seen", "dependsOn": ["tokenize"], "sensitive": true,
                "condition": "tokenize.card.number === input.pan && tokenize.list[0].token", "params": { "n": "${tokenize.card.number}" }
            },
            {
                "id": "skipped", "action": "seen", "dependsOn": ["tokenize"], "sensitive": true,
                "condition": "state.tokenize.card.number !== pan || steps.tokenize.output.list[0].token === 'other'"
            },
            {
                "id": "later", "action": "seen", "dependsOn": ["charge"], "sensitive": true, "wait": "1ms",
                "condition": "charge.n && Object.keys(tokenize).length > 0 && tokenize"
            }
        ]
    })
}

#[tokio::test]
async fn a_sensitive_value_is_in_no_answer_and_actions_get_it() {
    let mut witness = Witness::new().await;
    witness.define(&pay()).await;
    let input = json!({ "input": { "pan": CANARY, "amount": 12 } });
    let started = witness.post("/api/v1/workflows/pay/executions?wait=30s&include=history", &input).await;
    assert_eq!((&started["status"], &started["input"]["amount"]), (&json!("completed"), &json!(12)));
    assert_eq!(started["input"]["pan"], "[sensitive]");
    assert_eq!(started["stepResults"]["tokenize"]["output"]["card"], json!({ "number": "[sensitive]", "holder": "Ada" }));
    assert_eq!(started["state"]["tokenize"]["list"], json!([{ "token": "[sensitive]", "n": 1 }]));
    assert_eq!(started["state"]["charge"], "[sensitive]");
    let id = started["id"].as_str().unwrap().to_owned();
    let replayed = witness.control(&id, "replay").await["id"].as_str().unwrap().to_owned();
    let event = witness.post("/api/v1/events", &json!({ "event": "Card.entered", "data": { "pan": CANARY } })).await;
    let of_event = event["executions"][0]["id"].as_str().unwrap().to_owned();
    let short = witness.post("/api/v1/workflows/pay/executions", &input).await["id"].as_str().unwrap().to_owned();
    for id in [&id, &replayed, &of_event, &short] {
        witness.look_at(id).await;
    }
    witness.look_at_lists().await;
    witness.expect_masked();
    let given = witness.given.lock().unwrap();
    for step in ["tokenize", "charge", "later"] {
        let real = given.iter().filter(|given| given.starts_with(step) && given.contains(CANARY)).count();
        assert_eq!(real, 4, "the action of `{step}` gets the real value: {given:#?}");
    }
}

/// What lists, jobs, failures and statistics tell; and that no route that reads is left out here.
#[tokio::test]
async fn no_page_tells_a_sensitive_value() {
    let mut witness = Witness::new().await;
    witness.define(&pay()).await;
    witness
        .define(&json!({ "id": "fragile", "sensitive": ["pan"], "steps": [
            { "id": "first", "action": "seen", "sensitive": true, "params": { "n": "$.pan" } },
            { "id": "charge", "action": "decline", "dependsOn": ["first"], "condition": "first.n" }
        ] }))
        .await;
    let mut all = stream::open(&witness.api, "/api/v1/executions/stream", None).await;
    let input = json!({ "input": { "pan": CANARY, "amount": 12 } });
    for workflow in ["pay", "fragile"] {
        let id = witness.post(&format!("/api/v1/workflows/{workflow}/executions?wait=30s"), &input).await["id"].clone();
        witness.look_at(id.as_str().unwrap()).await;
        loop {
            let message = all.next().await.expect("it does not end");
            witness.told.push(("GET /api/v1/executions/stream".to_owned(), message.data.to_string()));
            if message.data["id"] == id && message.data["completedAt"].is_number() {
                break;
            }
        }
    }
    for body in [json!({ "dryRun": true }), json!({})] {
        let mut request = json!({ "action": "replay", "filter": { "workflowId": ["pay", "fragile"] } });
        request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let job = witness.post("/api/v1/jobs", &request).await;
        let Some(id) = job["id"].as_str() else { continue };
        witness.listen(&format!("/api/v1/jobs/{id}/stream")).await;
        for path in ["", "/items"] {
            witness.get(&format!("/api/v1/jobs/{id}{path}")).await;
        }
        let items = witness.get(&format!("/api/v1/jobs/{id}/items")).await;
        for item in items["items"].as_array().unwrap() {
            witness.look_at(item["newExecutionId"].as_str().expect("it was started again")).await;
        }
    }
    let given = witness.given.lock().unwrap().iter().filter(|given| given.contains(CANARY)).count();
    assert_eq!(given, 2 * (3 + 1), "a replay begins with the real input");
    witness.look_at_lists().await;
    for path in ["executions/counts", "jobs", "nodes", "system", "workers", "actions", "diagnosis", "validate"] {
        match path {
            "validate" => drop(witness.post("/api/v1/validate", &pay()).await),
            path => drop(witness.get(&format!("/api/v1/{path}")).await),
        }
    }
    for path in ["workflows", "workflows/pay", "workflows?include=stats", "workflows/pay/versions", "workflows/pay/stats"] {
        witness.get(&format!("/api/v1/{path}")).await;
    }
    let errors = witness.get("/api/v1/errors").await;
    let fingerprint = errors["errors"][0]["fingerprint"].as_str().expect("one has failed");
    witness.get(&format!("/api/v1/errors/{fingerprint}")).await;
    let beat = stream::open(&witness.api, "/api/v1/system/stream", None).await.next().await.expect("it says how it is");
    witness.told.push(("GET /api/v1/system/stream".to_owned(), beat.data.to_string()));
    witness.expect_masked();
    witness.expect_every_route().await;
}

/// Pause, resume, retry, cancel and what is told of an execution that waits.
#[tokio::test]
async fn control_calls_tell_nothing_sensitive_either() {
    let mut witness = Witness::new().await;
    witness
        .define(&json!({ "id": "slow", "sensitive": true, "steps": [
            { "id": "first", "action": "seen", "sensitive": true },
            { "id": "nap", "action": "seen", "dependsOn": ["first"], "wait": "1h", "sensitive": true, "condition": "first.pan" },
            { "id": "declined", "action": "decline", "dependsOn": ["first"], "onError": "continue" }
        ] }))
        .await;
    let started = witness.post("/api/v1/workflows/slow/executions", &json!({ "input": { "pan": CANARY } })).await;
    assert_eq!(started["input"], "[sensitive]");
    let id = started["id"].as_str().unwrap().to_owned();
    for call in ["pause", "resume", "cancel"] {
        witness.control(&id, call).await;
    }
    witness.look_at(&id).await;
    witness.look_at_lists().await;
    witness.expect_masked();
}

#[tokio::test]
async fn a_workflow_that_handles_a_failure_gets_the_input_as_it_is_shown() {
    let mut witness = Witness::new().await;
    witness.define(&json!({ "id": "handler", "steps": [{ "id": "tell", "action": "seen" }] })).await;
    witness
        .define(&json!({ "id": "fragile", "sensitive": ["pan"], "steps": [
            { "id": "charge", "action": "decline", "onError": "branch", "errorBranch": "handler" }
        ] }))
        .await;
    let input = json!({ "input": { "pan": CANARY, "amount": 12 } });
    let failed = witness.post("/api/v1/workflows/fragile/executions?wait=30s", &input).await["id"].as_str().unwrap().to_owned();
    let listed = witness.get("/api/v1/executions?workflowId=handler").await;
    let handler = listed["executions"][0]["id"].as_str().unwrap().to_owned();
    for id in [&failed, &handler] {
        witness.look_at(id).await;
    }
    let handled = witness.get(&format!("/api/v1/executions/{handler}")).await;
    assert_eq!(handled["input"]["input"], json!({ "pan": "[sensitive]", "amount": 12 }));
    assert_eq!(handled["input"]["error"]["message"], "card declined");
    witness.look_at_lists().await;
    witness.expect_masked();
}
