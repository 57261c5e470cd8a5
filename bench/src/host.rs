//! The engine in this process, and its load, for `bench/peers/driver`: on a database server that it has measured beside the engine,
//! in the same words and by the same program as the peers. What is said over standard input and output is in `driver/host.mjs`.

use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};
use workflow_do::{Engine, Status};

use crate::in_process::{self, Plan};
use crate::workload::{self, Workload};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A file, or an address such as `postgres://USER@HOST:PORT/DATABASE`
    #[arg(long)]
    store: PathBuf,
}

/// What the driver says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Load(Load),
    Owned {
        #[serde(rename = "owned")]
        _owned: bool,
    },
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    workload: String,
    in_flight: usize,
    #[serde(default)]
    warm: f64,
    seconds: Option<f64>,
    /// Exactly so many, all of them counted.
    count: Option<u64>,
}

/// A window when nobody says how long, as in `driver/closed-loop.mjs`.
const SECONDS: f64 = 120.0;
/// An input of so many that no closed loop comes to it: each order has its own.
const COUNTED: u64 = 1 << 60;

/// Serves until standard input ends.
pub fn run(arguments: &Arguments) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let engine = in_process::engine(&arguments.store, Workload::Order).await?;
        engine.register(Workload::FanOut.definition()).await?;
        println!("{}", json!({ "ready": true }));
        for line in std::io::stdin().lock().lines() {
            let answer = match serde_json::from_str(&line?)? {
                Line::Load(load) => load.run(&engine).await,
                // As the engine knows it, which is somewhat later than the database does.
                Line::Owned { .. } => Ok(json!({ "slots": engine.inner().gauges().owned_slots })),
            };
            println!("{}", answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") })));
        }
        Ok(engine.close().await?)
    })
}

impl Load {
    async fn run(&self, engine: &Engine) -> Result<Value> {
        let unknown = |_| anyhow::anyhow!("expected a workload, found {:?}", self.workload);
        let workload = Workload::from_str(&self.workload, false).map_err(unknown)?;
        if let Some(count) = self.count {
            return self.exactly(count, engine, workload).await;
        }
        let plan = Plan {
            in_flight: self.in_flight,
            warm: Duration::from_secs_f64(self.warm),
            window: Duration::from_secs_f64(self.seconds.unwrap_or(SECONDS)),
        };
        let run = in_process::closed_loop(engine, workload, plan).await?;
        Ok(json!({ "answered": run.completed, "seconds": run.used.seconds, "micros": run.micros }))
    }

    async fn exactly(&self, count: u64, engine: &Engine, workload: Workload) -> Result<Value> {
        let since = Instant::now();
        let sent = Arc::new(AtomicU64::new(0));
        let clients: Vec<_> = (0..self.in_flight)
            .map(|_| {
                let (engine, sent) = (engine.clone(), sent.clone());
                tokio::spawn(async move {
                    let mut micros = Vec::new();
                    loop {
                        let number = sent.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return anyhow::Ok(micros);
                        }
                        let since = Instant::now();
                        let (id, status) = engine.run(workload.workflow(), workload::input(COUNTED + number)).await?;
                        ensure!(status == Status::Completed, "execution {id} ended as {status}");
                        micros.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX));
                    }
                })
            })
            .collect();
        let mut micros = Vec::new();
        for client in clients {
            micros.extend(client.await.context("a client has panicked")??);
        }
        Ok(json!({ "answered": count, "seconds": since.elapsed().as_secs_f64(), "micros": micros }))
    }
}
