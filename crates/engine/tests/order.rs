//! The seed's order, end to end, on both stores.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use workflow_core::id::ActionName;
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_engine::{Engine, Handler, Options, StartRequest};
use workflow_store::{Memory, Store};

const ORDER: &str = r#"{
    "id": "order-processing",
    "name": "Process Customer Order",
    "steps": [
        { "id": "validate", "action": "validatePayment" },
        { "id": "reserve", "action": "reserveInventory", "dependsOn": ["validate"] },
        { "id": "charge", "action": "chargeCard", "dependsOn": ["reserve"], "maxRetries": 3, "retryDelay": "0s" },
        { "id": "fulfill", "action": "fulfillOrder", "dependsOn": ["charge"] },
        { "id": "notify", "action": "sendConfirmation", "dependsOn": ["fulfill"] }
    ]
}"#;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

async fn engine(store: impl Store) -> Engine {
    let engine = Engine::open(store, Options::default()).await.unwrap();
    for action in ["validatePayment", "reserveInventory", "chargeCard", "fulfillOrder", "sendConfirmation"] {
        let handler = Handler::new(move |task: workflow_engine::Task, _| async move {
            Ok(Some(json(&format!(r#"{{"step":"{}"}}"#, task.step_id))))
        });
        engine.provide(ActionName::new(action).unwrap(), 64, handler);
    }
    engine.register(json(ORDER)).await.unwrap();
    engine
}

#[tokio::test]
async fn an_order_runs_to_its_end() {
    let engine = engine(Memory::new()).await;
    let input = Some(json(r#"{"orderId":"ord_123"}"#));
    let started = engine.start(StartRequest { workflow: "order-processing".to_owned(), input, key: None }).await.unwrap();
    assert!(!started.existed);
    let ended = engine.wait(started.execution.id, None).await.unwrap();
    assert_eq!(ended.status, Status::Completed);
    let kinds: Vec<&str> = ended.history.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds.len(), 12);
    assert_eq!(ended.output.unwrap().text(), r#"{"step":"notify"}"#);
}
