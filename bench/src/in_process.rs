//! The engine in this process, driven by a closed loop in it: what a Rust program that embeds it gets.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use workflow_do::{Engine, Status};

use crate::folder;
use crate::process::{self, Processes, Used};
use crate::record::{Percentiles, Record};
use crate::workload::{self, Workload};

/// How long, and how many at a time.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub in_flight: usize,
    pub warm: Duration,
    pub window: Duration,
}

/// What one run gave.
#[derive(Debug)]
pub struct Run {
    /// From its start to its end, of those that ended within the window.
    pub micros: Vec<u32>,
    /// Before the window, in it, and after it.
    pub completed: u64,
    pub used: Used,
}

/// Attempts of an action at the same time.
const SLOTS: usize = 4_096;

/// With every action; its workflow is registered.
pub async fn engine(file: &Path, workload: Workload) -> Result<Engine> {
    let mut builder = Engine::builder().store(file);
    for (name, action) in workload::actions() {
        builder = builder.action_with_limit(name, SLOTS, action);
    }
    let engine = builder.open().await?;
    engine.register(workload.definition()).await?;
    Ok(engine)
}

pub fn run(workload: Workload, plan: Plan) -> Result<Record> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let folder = folder::of_run("in-process")?;
        let file = folder.path().join("workflow.db");
        let engine = engine(&file, workload).await?;
        let run = closed_loop(&engine, workload, plan).await?;
        let rss_mib = process::resident_mib("self")?;
        engine.close().await?;
        let disk_bytes = folder::bytes(&file)? as f64 / run.completed as f64;
        Ok(Record { rss_mib: Some(rss_mib), disk_bytes: Some(disk_bytes), ..record(workload, plan, run) })
    })
}

pub fn record(workload: Workload, plan: Plan, run: Run) -> Record {
    let mut record = Record::ours(workload.name(), "rust-in-process");
    let completed = run.micros.len() as u64;
    run.used.put(&mut record, completed.max(1));
    Record {
        in_flight: Some(plan.in_flight),
        seconds: Some(run.used.seconds),
        completed: Some(completed),
        per_second: Some(completed as f64 / run.used.seconds),
        latency: Percentiles::of(run.micros),
        ..record
    }
}

/// So many clients, each of which starts its next workflow when the last one has completed.
pub async fn closed_loop(engine: &Engine, workload: Workload, plan: Plan) -> Result<Run> {
    let stop = Arc::new(AtomicBool::new(false));
    let begin = Instant::now() + plan.warm;
    let end = begin + plan.window;
    let clients: Vec<_> = (0..plan.in_flight)
        .map(|client| {
            let (engine, stop) = (engine.clone(), stop.clone());
            tokio::spawn(async move {
                let (mut micros, mut completed) = (Vec::new(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let since = Instant::now();
                    let input = workload::input(client as u64 * 1_000_000 + completed);
                    let (id, status) = engine.run(workload.workflow(), input).await?;
                    ensure!(status == Status::Completed, "execution {id} ended as {status}");
                    completed += 1;
                    let now = Instant::now();
                    if now >= begin && now <= end {
                        micros.push(u32::try_from((now - since).as_micros()).unwrap_or(u32::MAX));
                    }
                }
                anyhow::Ok((micros, completed))
            })
        })
        .collect();
    let this = Processes::default();
    tokio::time::sleep_until(begin.into()).await;
    let before = this.sample()?;
    tokio::time::sleep_until(end.into()).await;
    let used = this.sample()?.since(&before);
    stop.store(true, Ordering::Relaxed);
    let (mut all, mut completed) = (Vec::new(), 0);
    for client in clients {
        let (micros, of_client) = client.await??;
        all.extend(micros);
        completed += of_client;
    }
    ensure!(!all.is_empty(), "nothing completed within the window");
    Ok(Run { micros: all, completed, used })
}
