//! The worker that `docs/worker-protocol.md` shows in full works as it is written there.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use workflow_do::{Engine, Options, Status, Step, Workflow};

use crate::served::served;
use crate::stage::patiently;

const PAGE: &str = include_str!("../../../../docs/worker-protocol.md");

/// Ends with the test.
struct Node(Child);

impl Node {
    fn run(script: &Path, address: SocketAddr) -> Node {
        // Node 20 has the WebSocket only when it is asked for, later ones do not mind.
        let mut command = Command::new("node");
        command.args(["--experimental-websocket", "--no-warnings"]).arg(script).env("WORKFLOW_URL", format!("http://{address}"));
        Node(command.stdin(Stdio::null()).spawn().expect("node is installed, as for the expressions' tests"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ends(engine: &Engine, amount: Value) -> (Status, Value) {
    let id = engine.start("order", json!({ "amount": amount })).await.unwrap().id;
    let execution = patiently(engine.wait(id)).await.unwrap();
    let said = execution.output.map(|output| serde_json::from_str(output.text()).unwrap());
    (execution.status, said.unwrap_or_else(|| json!(execution.error)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_on_the_page_runs_an_order_also_after_a_restart_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.db");
    let (_, rest) = PAGE.split_once("```js\n").expect("the page shows a worker");
    let (script, _) = rest.split_once("```\n").unwrap();
    let path = folder.path().join("worker.mjs");
    std::fs::write(&path, script).unwrap();

    let (engine, address) = served(Some(&file), "127.0.0.1:0", Options::default()).await;
    let steps = [Step::new("validate", "validatePayment"), Step::new("charge", "chargeCard").after("validate")];
    engine.register(steps.into_iter().fold(Workflow::new("order"), Workflow::step)).await.unwrap();
    let _node = Node::run(&path, address);
    let (status, output) = ends(&engine, json!(42)).await;
    assert_eq!((status, &output["charged"]), (Status::Completed, &json!(4200)), "{output}");
    assert!(output["key"].as_str().unwrap().ends_with(":charge"), "{output}");
    patiently(engine.close()).await.unwrap();

    let (engine, _) = served(Some(&file), &address.to_string(), Options::default()).await;
    let (status, output) = ends(&engine, json!(1)).await;
    assert_eq!((status, &output["charged"]), (Status::Completed, &json!(100)), "{output}");
    engine.close().await.unwrap();
}
