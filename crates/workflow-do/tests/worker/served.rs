//! Against the real server, with a real engine behind it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use workflow_do::{Engine, Execution, Options, Status, Step, Worker, WorkerBuilder, Workflow};

use crate::stage::patiently;

/// The seed's order: five steps, one after the other.
fn order() -> Workflow {
    Workflow::new("order-processing")
        .step(Step::new("validate", "validatePayment"))
        .step(Step::new("reserve", "reserveInventory").after("validate"))
        .step(Step::new("charge", "chargeCard").after("reserve"))
        .step(Step::new("fulfill", "fulfillOrder").after("charge"))
        .step(Step::new("notify", "sendConfirmation").after("fulfill"))
}

/// An engine without actions of its own, served.
pub async fn served(store: Option<&Path>, address: &str, options: Options) -> (Engine, SocketAddr) {
    let builder = Engine::builder().options(options);
    let engine = match store {
        Some(path) => builder.store(path),
        None => builder.in_memory(),
    };
    let engine = engine.open().await.unwrap();
    let address = engine.serve(address).await.unwrap();
    (engine, address)
}

fn interruptions(execution: &Execution) -> usize {
    execution.history.iter().filter(|entry| entry.kind == "step_interrupted").count()
}

/// Runs the order; `chargeCard` waits for a permit of the gate, and says when it has begun.
struct Till {
    gate: Arc<Semaphore>,
    begun: Arc<Notify>,
    charged: Arc<AtomicUsize>,
}

impl Till {
    fn new() -> Till {
        Till { gate: Arc::new(Semaphore::new(0)), begun: Arc::new(Notify::new()), charged: Arc::new(AtomicUsize::new(0)) }
    }

    fn worker(&self, address: SocketAddr) -> WorkerBuilder {
        let (gate, begun, charged) = (self.gate.clone(), self.begun.clone(), self.charged.clone());
        Worker::builder(format!("http://{address}"))
            .action("validatePayment", async |order: Value, _| Ok(json!({ "total": 42, "order": order["orderId"] })))
            .action("reserveInventory", async |_: Value, _| Ok(()))
            .action("chargeCard", move |_: Value, context| {
                let (gate, begun, charged) = (gate.clone(), begun.clone(), charged.clone());
                async move {
                    begun.notify_one();
                    gate.acquire().await?.forget();
                    charged.fetch_add(1, Ordering::SeqCst);
                    Ok(json!({ "charged": context.output("validate")?["total"] }))
                }
            })
            .action("fulfillOrder", async |_: Value, _| Ok(json!({ "parcel": 1 })))
            .action("sendConfirmation", async |order: Value, _| Ok(format!("thank you for {}", order["orderId"])))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_processed_by_a_worker_over_the_network() {
    let (engine, address) = served(None, "127.0.0.1:0", Options::default()).await;
    engine.register(order()).await.unwrap();
    let till = Till::new();
    till.gate.add_permits(100);
    // Started before there is a worker: the steps wait for one.
    let first = engine.start("order-processing", json!({ "orderId": 0 })).await.unwrap();
    let worker = till.worker(address).name("till 1").connect().unwrap();
    assert!(patiently(worker.connected()).await);
    let mut ids = vec![first.id];
    for number in 1..100 {
        ids.push(engine.start("order-processing", json!({ "orderId": number })).await.unwrap().id);
    }
    for (number, id) in ids.into_iter().enumerate() {
        let execution = patiently(engine.wait(id)).await.unwrap();
        assert_eq!(execution.status, Status::Completed, "{execution:?}");
        assert_eq!(execution.output.unwrap().text(), format!("\"thank you for {number}\""));
    }
    patiently(worker.close()).await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_started_again_gets_what_was_finished_meanwhile_and_nothing_runs_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.db");
    let (engine, address) = served(Some(&file), "127.0.0.1:0", Options::default()).await;
    engine.register(order()).await.unwrap();
    let till = Till::new();
    let worker = till.worker(address).connect().unwrap();
    let id = engine.start("order-processing", json!({ "orderId": 7 })).await.unwrap().id;
    patiently(till.begun.notified()).await;
    patiently(engine.close()).await.unwrap();
    drop(engine);

    // It ends while there is no server.
    till.gate.add_permits(1);
    let mut states = worker.states();
    patiently(states.wait_for(|state| matches!(state, workflow_do::WorkerState::Reconnecting { .. }))).await.unwrap();
    let (engine, _) = served(Some(&file), &address.to_string(), Options::default()).await;
    let execution = patiently(engine.wait(id)).await.unwrap();
    assert_eq!(execution.status, Status::Completed);
    assert_eq!(till.charged.load(Ordering::SeqCst), 1);
    assert_eq!(interruptions(&execution), 0);
    patiently(worker.close()).await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_gone_is_waited_for_and_then_replaced() {
    let options = Options { worker_grace: Duration::from_millis(50), ..Options::default() };
    let (engine, address) = served(None, "127.0.0.1:0", options).await;
    engine.register(order()).await.unwrap();
    let lost = Till::new();
    let worker = lost.worker(address).connect().unwrap();
    let id = engine.start("order-processing", json!({ "orderId": 7 })).await.unwrap().id;
    patiently(lost.begun.notified()).await;
    drop(worker);
    let other = Till::new();
    other.gate.add_permits(1);
    let worker = other.worker(address).connect().unwrap();
    let execution = patiently(engine.wait(id)).await.unwrap();
    assert_eq!(execution.status, Status::Completed);
    assert_eq!((lost.charged.load(Ordering::SeqCst), other.charged.load(Ordering::SeqCst)), (0, 1));
    assert_eq!(interruptions(&execution), 1);
    patiently(worker.close()).await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_closed_gives_back_what_it_could_not_finish_at_once() {
    let options = Options { worker_grace: Duration::from_secs(3_600), ..Options::default() };
    let (engine, address) = served(None, "127.0.0.1:0", options).await;
    engine.register(order()).await.unwrap();
    let closed = Till::new();
    let worker = closed.worker(address).close_within(Duration::ZERO).connect().unwrap();
    let id = engine.start("order-processing", json!({ "orderId": 7 })).await.unwrap().id;
    patiently(closed.begun.notified()).await;
    assert_eq!(patiently(worker.close()).await.unwrap_err().code(), "undelivered");
    let other = Till::new();
    other.gate.add_permits(1);
    let worker = other.worker(address).connect().unwrap();
    assert_eq!(patiently(engine.wait(id)).await.unwrap().status, Status::Completed);
    drop(worker);
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_times_out_or_is_cancelled_is_aborted_at_the_worker() {
    let (engine, address) = served(None, "127.0.0.1:0", Options::default()).await;
    engine.register(Workflow::new("slow").step(Step::new("a", "slow").timeout("30ms"))).await.unwrap();
    engine.register(Workflow::new("endless").step(Step::new("a", "slow"))).await.unwrap();
    let (told, mut reasons) = tokio::sync::mpsc::unbounded_channel();
    let begun = Arc::new(Notify::new());
    let began = begun.clone();
    let worker = Worker::builder(format!("http://{address}"))
        .action("slow", move |_: Value, context| {
            let (told, began) = (told.clone(), began.clone());
            async move {
                began.notify_one();
                context.signal().aborted().await;
                told.send(context.signal().reason())?;
                Ok(())
            }
        })
        .connect()
        .unwrap();
    let id = engine.start("slow", json!({})).await.unwrap().id;
    let execution = patiently(engine.wait(id)).await.unwrap();
    assert_eq!(execution.error.as_deref(), Some("timed out after 30ms"));
    assert_eq!(patiently(reasons.recv()).await.unwrap(), Some(workflow_do::AbortReason::Timeout));
    patiently(begun.notified()).await;

    let id = engine.start("endless", json!({})).await.unwrap().id;
    patiently(begun.notified()).await;
    engine.cancel(id).await.unwrap();
    assert_eq!(patiently(reasons.recv()).await.unwrap(), Some(workflow_do::AbortReason::Cancelled));
    patiently(worker.close()).await.unwrap();
    engine.close().await.unwrap();
}

/// A large output comes as it is, and one that is too large is refused in the worker, in the words of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_of_a_mebibyte_pass_and_larger_ones_fail_for_good() {
    let (engine, address) = served(None, "127.0.0.1:0", Options::default()).await;
    let steps = Workflow::new("large").step(Step::new("a", "letters")).step(Step::new("b", "count").after("a"));
    engine.register(steps).await.unwrap();
    let worker = Worker::builder(format!("http://{address}"))
        .action(
            "letters",
            async |params: Value, _| Ok("x".repeat(usize::try_from(params["count"].as_u64().unwrap_or_default())?)),
        )
        .action("count", async |_: Value, context| Ok(context.output("a")?.as_str().map(str::len)))
        .connect()
        .unwrap();
    let fits = (1 << 20) - 2;
    let id = engine.start("large", json!({ "count": fits })).await.unwrap().id;
    let execution = patiently(engine.wait(id)).await.unwrap();
    assert_eq!(execution.output.unwrap().text(), fits.to_string());
    let id = engine.start("large", json!({ "count": fits + 1 })).await.unwrap().id;
    let execution = patiently(engine.wait(id)).await.unwrap();
    assert_eq!(execution.error.as_deref(), Some("output of `a` is 1 MiB, the limit is 1 MiB"));
    patiently(worker.close()).await.unwrap();
    engine.close().await.unwrap();
}
