//! The workload: the seed's order with handlers that only answer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use workflow_do::prelude::*;

pub const ACTIONS: [&str; 5] = ["validatePayment", "reserveInventory", "chargeCard", "fulfillOrder", "sendConfirmation"];

/// Whatever processes orders.
pub trait Orders: Clone + Send + Sync + 'static {
    /// Starts an order and waits until it has completed.
    fn one(&self, number: u64) -> impl Future<Output = Result<()>> + Send;
}

/// What one run of the closed loop gave.
#[derive(Debug)]
pub struct Run {
    pub completed: u64,
    pub completed_in_window: u64,
}

pub async fn engine(file: &Path) -> Result<Engine> {
    let mut builder = Engine::builder().store(file);
    for action in ACTIONS {
        builder = builder.action_with_limit(action, 4_096, async |_: Value, _| Ok(output()));
    }
    let engine = builder.open().await?;
    engine.register(workflow()).await?;
    Ok(engine)
}

pub fn workflow() -> Workflow {
    Workflow::new("order-processing")
        .step(Step::new("validate", "validatePayment"))
        .step(Step::new("reserve", "reserveInventory").after("validate"))
        .step(Step::new("charge", "chargeCard").after("reserve").max_retries(3))
        .step(Step::new("fulfill", "fulfillOrder").after("charge"))
        .step(Step::new("notify", "sendConfirmation").after("fulfill"))
}

/// About 100 bytes.
pub fn output() -> Value {
    json!({ "status": "ok", "reference": "ref_0123456789abcdef0123456789abcdef", "amount": 4200, "currency": "EUR" })
}

/// About 100 bytes.
pub fn input(number: u64) -> Value {
    json!({ "orderId": format!("ord_{number:08}"), "customerId": "cus_0123456789abcdef", "total": 4200, "currency": "EUR" })
}

impl Orders for Engine {
    async fn one(&self, number: u64) -> Result<()> {
        let (id, status) = self.run("order-processing", input(number)).await?;
        ensure!(status == Status::Completed, "order {id} ended as {status}");
        Ok(())
    }
}

/// Each order is started when the one before it has completed.
pub async fn one_at_a_time(orders: &impl Orders, samples: usize) -> Result<Vec<Duration>> {
    let warm_up = samples / 10;
    let mut times = Vec::with_capacity(samples);
    for number in 0..samples + warm_up {
        let started = Instant::now();
        orders.one(number as u64).await?;
        if number >= warm_up {
            times.push(started.elapsed());
        }
    }
    Ok(times)
}

/// `in_flight` clients, each of which starts its next order when the last one has completed.
pub async fn closed_loop(orders: &impl Orders, in_flight: usize, warm_up: Duration, window: Duration) -> Result<Run> {
    let completed = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..in_flight)
        .map(|client| {
            let (orders, completed, stop) = (orders.clone(), completed.clone(), stop.clone());
            tokio::spawn(async move {
                let mut number = client as u64 * 1_000_000;
                while !stop.load(Ordering::Relaxed) {
                    orders.one(number).await?;
                    completed.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    tokio::time::sleep(warm_up).await;
    let before = completed.load(Ordering::Relaxed);
    tokio::time::sleep(window).await;
    let completed_in_window = completed.load(Ordering::Relaxed) - before;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await??;
    }
    Ok(Run { completed: completed.load(Ordering::Relaxed), completed_in_window })
}
