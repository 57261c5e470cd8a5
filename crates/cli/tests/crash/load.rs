//! The load: clients that start executions, send events, move executions and read them, and a ledger of every answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::client::Client;
use crate::random::Random;
use crate::service;

/// Clients start executions while fewer than this are in flight, unless they are told otherwise.
pub const IN_FLIGHT: u64 = 450;
/// Of those that were started last, some are paused, cancelled, retried, read.
const RECENT: usize = 600;

/// What the server has acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Idempotency keys of starts, and the execution.
    pub starts: BTreeMap<String, Start>,
    pub events: BTreeMap<String, Event>,
    pub controls: Vec<Control>,
    /// Histories as they were read along the way, the newest of each execution.
    pub seen: HashMap<String, Vec<Value>>,
    /// All executions, in the order in which they were acknowledged.
    pub started: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    pub workflow: String,
    pub input: Value,
    pub execution: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub body: Value,
    pub executions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    pub execution: String,
    pub call: &'static str,
    pub key: String,
}

pub type Shared = Arc<Mutex<Ledger>>;

/// One client of the load.
#[derive(Debug)]
pub struct Caller {
    pub number: u64,
    pub client: Client,
    pub random: Random,
    pub ledger: Shared,
    /// How many executions are in flight, as the server last said.
    pub in_flight: watch::Receiver<u64>,
    pub in_flight_max: u64,
    pub stop: watch::Receiver<bool>,
}

impl Caller {
    /// Goes on until it is told to stop, and leaves nothing paused that it has paused.
    pub async fn run(mut self) {
        let mut paused = Vec::new();
        for request in 0_u64.. {
            if *self.stop.borrow() {
                break;
            }
            let name = format!("{}-{request}", self.number);
            match self.random.within(0..100) {
                0..=69 => {
                    self.room().await;
                    self.start(&format!("start-{name}")).await;
                }
                70..=79 => {
                    self.room().await;
                    self.event(&format!("event-{name}")).await;
                }
                80..=85 => self.control(&name, &mut paused).await,
                86..=91 => self.read().await,
                92..=95 => self.start_again().await,
                _ => self.event_again().await,
            }
            if paused.len() > 2 {
                let execution = paused.remove(0);
                self.move_it(&execution, "resume", &format!("resume-{name}")).await;
            }
        }
        for execution in paused {
            self.move_it(&execution, "resume", &format!("resume-{}-{execution}", self.number)).await;
        }
    }

    async fn room(&mut self) {
        let max = self.in_flight_max;
        let stopped = async { self.stop.wait_for(|stop| *stop).await.map(|_| ()) };
        tokio::select! {
            _ = self.in_flight.wait_for(|count| *count < max) => {}
            _ = stopped => {}
        }
    }

    async fn start(&mut self, key: &str) {
        const WORKFLOWS: &[&str] = &["order-processing", "order-processing", "report", "rescue", "parcel", "fleet"];
        let workflow = WORKFLOWS[self.random.within(0..WORKFLOWS.len() as u64) as usize];
        let input = json!({ "orderId": key, "amount": self.random.within(1..100) });
        let first = self.ask_start(workflow, key, &input);
        if self.number.is_multiple_of(4) {
            // Twice at the same time.
            let mut twin = self.client.clone();
            let (body, path) = (json!({ "input": input }), path_of(workflow));
            let (one, other) = tokio::join!(first, twin.post(&path, Some(key), &body));
            assert_eq!(other.body["id"], one.as_str(), "{key} has two executions: {other:?}");
            return self.started(workflow, key, input, one);
        }
        let execution = first.await;
        self.started(workflow, key, input, execution);
    }

    fn ask_start(&self, workflow: &str, key: &str, input: &Value) -> impl Future<Output = String> + use<> {
        let (mut client, path, key, body) = (self.client.clone(), path_of(workflow), key.to_owned(), json!({ "input": input }));
        async move {
            let answer = client.post(&path, Some(&key), &body).await;
            assert!(matches!(answer.status, 200 | 201), "{key}: {answer:?}");
            answer.body["id"].as_str().unwrap().to_owned()
        }
    }

    fn started(&self, workflow: &str, key: &str, input: Value, execution: String) {
        let workflow = workflow.to_owned();
        let mut ledger = self.ledger.lock().unwrap();
        ledger.started.push(execution.clone());
        let before = ledger.starts.insert(key.to_owned(), Start { workflow, input, execution });
        assert_eq!(before, None);
    }

    /// The answer to a key that was answered before is the same.
    async fn start_again(&mut self) {
        let Some((key, start)) = pick(&self.ledger.lock().unwrap().starts, &mut self.random) else { return };
        let execution = self.ask_start(&start.workflow, &key, &start.input).await;
        assert_eq!(execution, start.execution, "{key} was answered with another execution");
    }

    async fn event(&mut self, id: &str) {
        let name = ["Customer.created", "Customer.upgraded", "Nobody.listens"][self.random.within(0..3) as usize];
        let data = json!({ "customer": id, "amount": self.random.within(1..100) });
        let body = json!({ "event": name, "data": data, "id": id });
        let executions = ask_event(&mut self.client, &body).await;
        let mut ledger = self.ledger.lock().unwrap();
        ledger.started.extend(executions.iter().cloned());
        ledger.events.insert(id.to_owned(), Event { body, executions });
    }

    async fn event_again(&mut self) {
        let Some((id, event)) = pick(&self.ledger.lock().unwrap().events, &mut self.random) else { return };
        let executions = ask_event(&mut self.client, &event.body).await;
        assert_eq!(executions, event.executions, "{id} was answered with other executions");
    }

    fn recent(&mut self) -> Option<String> {
        let ledger = self.ledger.lock().unwrap();
        let recent = &ledger.started[ledger.started.len().saturating_sub(RECENT)..];
        (!recent.is_empty()).then(|| recent[self.random.within(0..recent.len() as u64) as usize].clone())
    }

    async fn control(&mut self, name: &str, paused: &mut Vec<String>) {
        let Some(execution) = self.recent() else { return };
        const CALLS: &[&str] = &["pause", "pause", "pause", "cancel", "retry", "retry", "steps/charge/run-now", "replay"];
        let call = CALLS[self.random.within(0..CALLS.len() as u64) as usize];
        if call == "replay" {
            return self.replay(&execution, &format!("{call}-{name}")).await;
        }
        if self.move_it(&execution, call, &format!("{call}-{name}")).await && call == "pause" {
            paused.push(execution);
        }
    }

    /// Whether it was obeyed.
    async fn move_it(&mut self, execution: &str, call: &'static str, key: &str) -> bool {
        let answer = self.client.post(&format!("/api/v1/executions/{execution}/{call}"), Some(key), &Value::Null).await;
        if matches!(answer.status, 404 | 409) {
            let expected = if answer.status == 404 { "step_not_found" } else { "invalid_state" };
            assert_eq!(answer.body["code"], expected, "{answer:?}");
            return false;
        }
        assert_eq!(answer.status, 200, "{call} {execution}: {answer:?}");
        let control = Control { execution: execution.to_owned(), call, key: key.to_owned() };
        self.ledger.lock().unwrap().controls.push(control);
        true
    }

    /// A new execution, which its key finds again as it finds one that was started.
    async fn replay(&mut self, execution: &str, key: &str) {
        let answer = self.client.post(&format!("/api/v1/executions/{execution}/replay"), Some(key), &Value::Null).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        assert_eq!(text("replayOf"), execution);
        self.started(&text("workflowId"), key, answer.body["input"].clone(), text("id"));
    }

    async fn read(&mut self) {
        let Some(execution) = self.recent() else { return };
        let entries = history(&mut self.client, &execution).await;
        let mut ledger = self.ledger.lock().unwrap();
        let seen = ledger.seen.entry(execution).or_default();
        if entries.len() > seen.len() {
            *seen = entries;
        }
    }
}

fn path_of(workflow: &str) -> String {
    format!("/api/v1/workflows/{workflow}/executions")
}

fn pick<T: Clone>(all: &BTreeMap<String, T>, random: &mut Random) -> Option<(String, T)> {
    let place = random.number() as usize % all.len().max(1);
    all.iter().nth(place).map(|(key, value)| (key.clone(), value.clone()))
}

/// The executions that the event has started.
pub async fn ask_event(client: &mut Client, body: &Value) -> Vec<String> {
    let answer = client.post("/api/v1/events", None, body).await;
    assert_eq!(answer.status, 200, "{body}: {answer:?}");
    assert_eq!(answer.body["refused"], json!([]));
    let executions = answer.body["executions"].as_array().unwrap();
    executions.iter().map(|execution| execution["id"].as_str().unwrap().to_owned()).collect()
}

/// All entries.
pub async fn history(client: &mut Client, execution: &str) -> Vec<Value> {
    let answer = client.get(&format!("/api/v1/executions/{execution}/history")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body.get("nextCursor"), None, "no history here is longer than a page");
    answer.body["entries"].as_array().unwrap().clone()
}

/// The service as an endpoint of so many slots, and the workflows.
pub async fn register(mut client: Client, service: &str, slots: u32) {
    let endpoint = json!({ "url": service, "actions": service::ACTIONS, "concurrency": slots });
    let answer = client.ask("PUT", "/api/v1/endpoints/shop", None, &endpoint).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for definition in definitions() {
        let path = format!("/api/v1/workflows/{}", definition["id"].as_str().unwrap());
        let answer = client.ask("PUT", &path, None, &definition).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }
}

/// Asks again and again how many executions have not ended; those that are paused do not count until the load has stopped.
pub async fn watch_in_flight(mut client: Client, count: watch::Sender<u64>) {
    let mut every = tokio::time::interval(Duration::from_millis(50));
    loop {
        every.tick().await;
        let answer = client.get("/api/v1/executions/counts").await;
        let of = |status: &str| answer.body["byStatus"][status].as_u64().unwrap();
        count.send_replace(of("pending") + of("running") + of("waiting"));
    }
}

/// The workflows of the load.
pub fn definitions() -> Vec<Value> {
    vec![
        json!({ "id": "order-processing", "steps": [
            { "id": "validate", "action": "validatePayment" },
            { "id": "reserve", "action": "reserveInventory", "dependsOn": ["validate"] },
            { "id": "charge", "action": "chargeCard", "dependsOn": ["reserve"], "maxRetries": 3, "retryDelay": "40ms" },
            { "id": "fulfill", "action": "fulfillOrder", "dependsOn": ["charge"] },
            { "id": "notify", "action": "sendConfirmation", "dependsOn": ["fulfill"] }
        ]}),
        json!({ "id": "report", "steps": [
            { "id": "split", "action": "work" },
            { "id": "left", "action": "bigReport", "dependsOn": ["split"] },
            { "id": "right", "action": "work", "dependsOn": ["split"], "condition": "input.amount > 50" },
            { "id": "later", "action": "noop", "dependsOn": ["split"], "wait": "300ms" },
            { "id": "join", "action": "work", "dependsOn": ["left", "right", "later"], "params": { "report": "$.left.call" } }
        ]}),
        json!({ "id": "rescue", "timeout": "10m", "steps": [
            { "id": "risky", "action": "riskyCall", "onError": "branch", "errorBranch": "help" },
            { "id": "help", "action": "work" },
            { "id": "done", "action": "work", "dependsOn": ["risky", "help"] }
        ]}),
        // What workers run: one step after the other, with retries of growing delay and a step that is often too slow.
        json!({ "id": "parcel", "steps": [
            { "id": "pick", "action": "pick" },
            { "id": "label", "action": "work", "dependsOn": ["pick"] },
            { "id": "measure", "action": "slow", "dependsOn": ["pick"], "timeout": "250ms", "maxRetries": 1, "retryDelay": "20ms",
              "onError": "continue" },
            { "id": "ship", "action": "riskyShip", "dependsOn": ["label", "measure"], "maxRetries": 2, "retryDelay": "30ms",
              "backoff": "exponential", "maxRetryDelay": "100ms" }
        ]}),
        json!({ "id": "fleet", "steps": fleet() }),
        json!({ "id": "welcome", "triggers": [{ "event": "Customer.*" }], "steps": [
            { "id": "greet", "action": "work" },
            { "id": "tips", "action": "work", "dependsOn": ["greet"], "wait": "200ms" }
        ]}),
        json!({ "id": "audit", "triggers": [{ "event": "Customer.created", "condition": "data.amount > 50" }], "steps": [
            { "id": "look", "action": "riskyCall", "onError": "continue" },
            { "id": "file", "action": "work", "dependsOn": ["look"] }
        ]}),
    ]
}

/// Ten steps at the same time, and one after them.
fn fleet() -> Value {
    let vans: Vec<String> = (0..10).map(|van| format!("van-{van}")).collect();
    let step = |(number, van): (usize, &String)| json!({ "id": van, "action": if number % 3 == 0 { "work" } else { "pack" } });
    let mut steps: Vec<Value> = vans.iter().enumerate().map(step).collect();
    steps.push(json!({ "id": "leave", "action": "pick", "dependsOn": vans }));
    Value::Array(steps)
}
