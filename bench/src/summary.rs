//! The order workload: executions a second, latency, memory and disk, beside what the disk itself allows; in process, and with a
//! server and a worker (when it is told where the `workflow` binary is).
//!
//! Not a test: it asserts no times. Quote ratios within one run, and medians; `--quick` is for trying it out.

use std::time::Duration;

use crate::remote::Remote;
use crate::{disk, order, process};
use anyhow::Result;

/// Orders at the same time.
const IN_FLIGHT: [usize; 3] = [64, 256, 1_000];

/// How long and how often everything is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    rounds: usize,
    warm_up: Duration,
    window: Duration,
    latency_samples: usize,
    idle: Duration,
}

impl Plan {
    const FULL: Plan = Plan {
        rounds: 3,
        warm_up: Duration::from_secs(1),
        window: Duration::from_secs(5),
        latency_samples: 3_000,
        idle: Duration::from_secs(10),
    };
    const QUICK: Plan = Plan {
        rounds: 1,
        warm_up: Duration::from_millis(300),
        window: Duration::from_secs(1),
        latency_samples: 300,
        idle: Duration::from_secs(2),
    };
}

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// For trying it out: short windows, one round
    #[arg(long)]
    quick: bool,
    /// The `workflow` binary, to measure a server and a worker too
    #[arg(long, value_name = "PATH")]
    server: Option<std::path::PathBuf>,
}

#[tokio::main]
pub async fn run(arguments: Arguments) -> Result<()> {
    let plan = if arguments.quick { Plan::QUICK } else { Plan::FULL };
    // On the disk that the project lies on: a temporary folder may be in memory.
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(std::env::current_dir()?)?;
    println!("order-5 in process: five steps in a row, about 100 bytes in and out of each, every event synced before it counts");
    println!("{} cores, {}, {} rounds of {:?} each\n", cores(), process::cpu_model(), plan.rounds, plan.window);

    let floor = disk::append_and_sync(folder.path(), 3_000)?;
    println!(
        "disk: append 4 KiB + fdatasync: {:.0}/s, p50 {:.0} us, p99 {:.0} us\n",
        floor.per_second, floor.p50_us, floor.p99_us
    );

    idle(folder.path(), plan).await?;
    latency(folder.path(), plan, floor.p50_us).await?;
    throughput(folder.path(), plan).await?;
    match arguments.server {
        Some(binary) => served(folder.path(), plan, &binary).await?,
        None => println!("server and worker: left out, `--server PATH_OF_THE_WORKFLOW_BINARY` was not given\n"),
    }
    println!("the store's own ceiling in the same run: `cargo bench -p workflow-store --bench commit` (`make bench` runs both)");
    Ok(())
}

async fn idle(folder: &std::path::Path, plan: Plan) -> Result<()> {
    let engine = order::engine(&folder.join("idle.db")).await?;
    let before = process::Usage::of_self()?;
    tokio::time::sleep(plan.idle).await;
    let after = process::Usage::of_self()?;
    println!(
        "idle: {:.1} MiB resident, {:.3} % of a core, {} bytes written in {:?}",
        process::resident_mib(None)?,
        (after.cpu - before.cpu).as_secs_f64() / plan.idle.as_secs_f64() * 100.0,
        after.written_bytes - before.written_bytes,
        plan.idle
    );
    engine.close().await?;
    Ok(())
}

async fn latency(folder: &std::path::Path, plan: Plan, sync_us: f64) -> Result<()> {
    let engine = order::engine(&folder.join("latency.db")).await?;
    let samples = order::one_at_a_time(&engine, plan.latency_samples).await?;
    engine.close().await?;
    println!("one at a time: {} (six syncs: {:.2} ms)\n", percentiles(samples), 6.0 * sync_us / 1_000.0);
    Ok(())
}

async fn served(folder: &std::path::Path, plan: Plan, binary: &std::path::Path) -> Result<()> {
    println!("server + Rust worker: `workflow serve`, a worker over a WebSocket, clients over HTTP (two requests an order)");
    let remote = Remote::start(binary, &folder.join("served.db")).await?;
    let samples = order::one_at_a_time(&remote.client, plan.latency_samples).await?;
    remote.stop().await?;
    println!("one at a time: {}\n", percentiles(samples));
    println!("{:>9}  {:>12}  {:>20}", "in flight", "executions/s", "rounds");
    for in_flight in IN_FLIGHT {
        let mut rates = Vec::new();
        for round in 0..plan.rounds {
            let file = folder.join(format!("served-{in_flight}-{round}.db"));
            let remote = Remote::start(binary, &file).await?;
            let run = order::closed_loop(&remote.client, in_flight, plan.warm_up, plan.window).await?;
            rates.push(run.completed_in_window as f64 / plan.window.as_secs_f64());
            remote.stop().await?;
            disk::remove(&file)?;
        }
        let (median, rounds) = median(rates);
        println!("{in_flight:>9}  {median:>12.0}  {rounds:>20}");
    }
    println!();
    Ok(())
}

async fn throughput(folder: &std::path::Path, plan: Plan) -> Result<()> {
    println!("{:>9}  {:>12}  {:>20}  {:>12}  {:>12}", "in flight", "executions/s", "rounds", "resident MiB", "bytes/order");
    for in_flight in IN_FLIGHT {
        let mut rates = Vec::new();
        let (mut resident, mut bytes) = (0.0, 0.0);
        for round in 0..plan.rounds {
            let file = folder.join(format!("order-{in_flight}-{round}.db"));
            let engine = order::engine(&file).await?;
            let run = order::closed_loop(&engine, in_flight, plan.warm_up, plan.window).await?;
            rates.push(run.completed_in_window as f64 / plan.window.as_secs_f64());
            resident = process::resident_mib(None)?;
            engine.close().await?;
            bytes = disk::size_of(&file)? as f64 / run.completed as f64;
            disk::remove(&file)?;
        }
        let (median, rounds) = median(rates);
        println!("{in_flight:>9}  {median:>12.0}  {rounds:>20}  {resident:>12.1}  {bytes:>12.0}");
    }
    println!();
    Ok(())
}

/// The median, and all of them as a text.
fn median(mut rates: Vec<f64>) -> (f64, String) {
    rates.sort_unstable_by(f64::total_cmp);
    let rounds: Vec<String> = rates.iter().map(|rate| format!("{rate:.0}")).collect();
    (rates[rates.len() / 2], rounds.join(" "))
}

fn percentiles(mut samples: Vec<Duration>) -> String {
    samples.sort_unstable();
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| percentile(&samples, share));
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms")
}

fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let at = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(at).map_or(f64::NAN, |sample| sample.as_secs_f64() * 1_000.0)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
