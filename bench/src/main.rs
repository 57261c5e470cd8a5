//! The order workload in process: executions a second, latency, memory and disk, beside what the disk itself allows.
//!
//! Not a test: it asserts no times. Quote ratios within one run, and medians; `--quick` is for trying it out.

mod disk;
mod order;
mod process;

use std::time::Duration;

use anyhow::{Result, bail};

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

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plan = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Plan::FULL,
        ["--quick"] => Plan::QUICK,
        _ => bail!("unknown arguments {arguments:?}: none or `--quick` was expected"),
    };
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures mean nothing; run `make bench`");
    }
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
    println!("the store's own ceiling in the same run: `cargo bench -p workflow-store --bench commit` (`make bench` runs both)");
    Ok(())
}

async fn idle(folder: &std::path::Path, plan: Plan) -> Result<()> {
    let engine = order::engine(&folder.join("idle.db")).await?;
    let before = process::usage()?;
    tokio::time::sleep(plan.idle).await;
    let after = process::usage()?;
    println!(
        "idle: {:.1} MiB resident, {:.3} % of a core, {} bytes written in {:?}",
        process::resident_mib()?,
        (after.cpu - before.cpu).as_secs_f64() / plan.idle.as_secs_f64() * 100.0,
        after.written_bytes - before.written_bytes,
        plan.idle
    );
    engine.close().await?;
    Ok(())
}

async fn latency(folder: &std::path::Path, plan: Plan, sync_us: f64) -> Result<()> {
    let engine = order::engine(&folder.join("latency.db")).await?;
    let mut samples = order::one_at_a_time(&engine, plan.latency_samples).await?;
    engine.close().await?;
    samples.sort_unstable();
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| percentile(&samples, share));
    println!(
        "one at a time: p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms (six syncs: {:.2} ms)\n",
        6.0 * sync_us / 1_000.0
    );
    Ok(())
}

async fn throughput(folder: &std::path::Path, plan: Plan) -> Result<()> {
    println!("{:>9}  {:>12}  {:>20}  {:>12}  {:>12}", "in flight", "executions/s", "rounds", "resident MiB", "bytes/order");
    for in_flight in [64, 256, 1_000] {
        let mut rates = Vec::new();
        let (mut resident, mut bytes) = (0.0, 0.0);
        for round in 0..plan.rounds {
            let file = folder.join(format!("order-{in_flight}-{round}.db"));
            let engine = order::engine(&file).await?;
            let run = order::closed_loop(&engine, in_flight, plan.warm_up, plan.window).await?;
            rates.push(run.completed_in_window as f64 / plan.window.as_secs_f64());
            resident = process::resident_mib()?;
            engine.close().await?;
            bytes = disk::size_of(&file)? as f64 / run.completed as f64;
            disk::remove(&file)?;
        }
        rates.sort_unstable_by(f64::total_cmp);
        let rounds: Vec<String> = rates.iter().map(|rate| format!("{rate:.0}")).collect();
        let median = rates[rates.len() / 2];
        println!("{in_flight:>9}  {median:>12.0}  {:>20}  {resident:>12.1}  {bytes:>12.0}", rounds.join(" "));
    }
    println!();
    Ok(())
}

fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let at = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(at).map_or(f64::NAN, |sample| sample.as_secs_f64() * 1_000.0)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
