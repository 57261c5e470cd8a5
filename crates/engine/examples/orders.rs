//! How many orders an engine in this process takes: `cargo run --release --example orders -- [IN_FLIGHT] [ORDERS]`.
//!
//! The seed's five steps with actions that return at once, full durability, a file in the folder for temporary files
//! (`ORDERS_DB` names another).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use workflow_core::id::ActionName;
use workflow_core::json::Json;
use workflow_engine::{Engine, Error, Handler, Options, StartRequest};
use workflow_store::Sqlite;

const ORDER: &str = r#"{"id":"order-processing","steps":[
    { "id": "validate", "action": "validatePayment" },
    { "id": "reserve", "action": "reserveInventory", "dependsOn": ["validate"] },
    { "id": "charge", "action": "chargeCard", "dependsOn": ["reserve"], "maxRetries": 3 },
    { "id": "fulfill", "action": "fulfillOrder", "dependsOn": ["charge"] },
    { "id": "notify", "action": "sendConfirmation", "dependsOn": ["fulfill"] }]}"#;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let in_flight = arguments.next().transpose()?.unwrap_or(1_000);
    let orders = arguments.next().transpose()?.unwrap_or(50_000);
    let path = std::env::var("ORDERS_DB").map_or_else(
        |_| std::env::temp_dir().join(format!("workflow-orders-{}.db", std::process::id())),
        std::path::PathBuf::from,
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let result = runtime.block_on(run(&path, in_flight, orders));
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    result
}

async fn run(path: &std::path::Path, in_flight: usize, orders: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let store = Sqlite::open(path, workflow_store::Options::default())?;
    let engine = Engine::open(store, Options::default()).await?;
    for action in ["validatePayment", "reserveInventory", "chargeCard", "fulfillOrder", "sendConfirmation"] {
        let output = Json::parse(r#"{"ok":true,"reference":"ref_0123456789"}"#)?;
        let handler = Handler::new(move |_, _| {
            let output = output.clone();
            async move { Ok(Some(output)) }
        });
        engine.provide(ActionName::new(action)?, 4_096, handler);
    }
    engine.register(Json::parse(ORDER)?).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let clients: Vec<_> = (0..in_flight).map(|_| tokio::spawn(client(engine.clone(), next.clone(), orders))).collect();
    let mut latencies = Vec::with_capacity(orders);
    for client in clients {
        latencies.extend(client.await??);
    }
    let took = begun.elapsed();
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    println!(
        "{orders} orders, {in_flight} in flight: {:.0} orders/s, latency p50 {:?} p99 {:?}",
        orders as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99)
    );
    engine.shutdown(Duration::from_secs(1)).await?;
    Ok(())
}

async fn client(engine: Engine, next: Arc<AtomicUsize>, orders: usize) -> Result<Vec<Duration>, Error> {
    let mut latencies = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= orders {
            return Ok(latencies);
        }
        let input = Json::parse(format!(r#"{{"orderId":"ord_{number}","customerId":"cus_{}","total":4200}}"#, number % 997));
        let request =
            StartRequest { workflow: "order-processing".to_owned(), input: Some(input.expect("it is JSON")), key: None };
        let begun = Instant::now();
        engine.run(request).await?;
        latencies.push(begun.elapsed());
    }
}
