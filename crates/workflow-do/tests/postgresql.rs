//! The order in PostgreSQL, by the crate that a user adds.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../store/tests/server/mod.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod server;

use serde_json::{Value, json};
use workflow_do::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_under_way_goes_on_in_the_next_process() {
    let server = server::Server::start();
    let url = server.database();
    let open = || {
        let builder = Engine::builder().store(&url);
        builder.action("charge", async |order: Value, _| Ok(json!({ "charged": order["total"] }))).open()
    };
    let engine = open().await.unwrap();
    let steps =
        Workflow::new("order").step(Step::new("charge", "charge")).step(Step::new("later", "noop").after("charge").wait("1s"));
    engine.register(steps).await.unwrap();
    let id = engine.start("order", json!({ "total": 4200 })).await.unwrap().id;
    engine.close().await.unwrap();

    let engine = open().await.unwrap();
    let order = engine.wait(id).await.unwrap();
    assert_eq!(order.status, Status::Completed);
    let charge = order.step_results["charge"].output.as_ref().unwrap();
    assert_eq!(charge.text(), r#"{"charged":4200}"#);
    engine.close().await.unwrap();
    let sql = "SELECT workflow || ' ' || status FROM workflow.executions";
    assert_eq!(server.psql(&url, sql), "order completed");
}
