//! Executions that wait: a million for an hour, and then, in a file of their own, many that fall due in the same second.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use workflow_do::{Engine, ListRequest, Step, Workflow};

use crate::folder;
use crate::process::{self, Processes};
use crate::record::Record;
use crate::workload;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Executions that wait an hour
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    count: u64,
    /// Executions that fall due in the same second
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    due: u64,
    /// When they do, counted from the first start: they must all have been started by then
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    after: u64,
}

/// Starts at the same time.
const STARTERS: u64 = 1_000;
/// What was begun before it (a checkpoint, the free memory that store and allocator give back) is over then.
pub const SETTLE: Duration = Duration::from_secs(5);
/// Nothing is left waiting so long after it was due.
const DRAIN_MAX: Duration = Duration::from_secs(120);

pub fn run(arguments: &Arguments) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        if arguments.count > 0 {
            asleep(arguments.count).await?.print()?;
        }
        if arguments.due > 0 {
            due(arguments).await?.print()?;
        }
        Ok(())
    })
}

/// One step, which waits before it runs.
pub fn workflow(id: &str, wait: &str) -> Workflow {
    Workflow::new(id).step(Step::new("sleep", workload::ACTIONS[0]).wait(wait))
}

async fn asleep(count: u64) -> Result<Record> {
    let folder = folder::of_run("sleepers")?;
    let file = folder.path().join("workflow.db");
    let engine = engine(&file).await?;
    engine.register(workflow("sleeper", "1h")).await?;
    // What an engine needs to start anything at all is not what a sleeper costs.
    start(&engine, STARTERS, |_| "sleeper".to_owned()).await?;
    tokio::time::sleep(SETTLE).await;
    let (before_mib, this) = (process::resident_mib("self")?, Processes::default());
    let before = this.sample()?;
    start(&engine, count, |_| "sleeper".to_owned()).await?;
    let used = this.sample()?.since(&before);
    let busy_mib = process::resident_mib("self")?;
    // Holding them is what is looked at, not starting them.
    tokio::time::sleep(SETTLE).await;
    let after_mib = process::resident_mib("self")?;
    let parts = process::resident_parts("self")?;
    engine.close().await?;
    drop(engine);
    let disk_bytes = folder::bytes(&file)? as f64 / (count + STARTERS) as f64;
    let began = Instant::now();
    let engine = self::engine(&file).await?;
    let open_ms = began.elapsed().as_secs_f64() * 1e3;
    engine.close().await?;
    let mut record = Record::ours("sleepers", "rust-in-process");
    used.put(&mut record, count);
    let record = Record {
        in_flight: Some(STARTERS as usize),
        seconds: Some(used.seconds),
        completed: Some(count),
        per_second: Some(count as f64 / used.seconds),
        rss_mib: Some(after_mib),
        rss_parts: parts,
        disk_bytes: Some(disk_bytes),
        note: Some("executions that wait an hour: the time to start them".to_owned()),
        ..record
    };
    Ok(record
        .with("rss_growth_mib", after_mib - before_mib)
        .with("rss_bytes_each", (after_mib - before_mib) * f64::from(1 << 20) / count as f64)
        .with("rss_busy_mib", busy_mib)
        .with("open_ms", open_ms))
}

/// There is a workflow for each second until then, so that whoever starts in it waits for the same second.
async fn due(arguments: &Arguments) -> Result<Record> {
    let folder = folder::of_run("sleepers")?;
    let engine = engine(&folder.path().join("workflow.db")).await?;
    for seconds in 1..=arguments.after {
        engine.register(workflow(&format!("rest-{seconds}"), &format!("{seconds}s"))).await?;
    }
    let this = Processes::default();
    let before = this.sample()?;
    let began = Instant::now();
    let after = arguments.after;
    start(&engine, arguments.due, move |_| format!("rest-{}", after.saturating_sub(began.elapsed().as_secs()).max(1))).await?;
    let started = began.elapsed();
    ensure!(started.as_secs() + 2 < after, "starting took {started:?}: give more than `--after {after}`");
    // The last of them falls due at the end of that second.
    let end = began + Duration::from_secs(after + 1);
    loop {
        let counts = engine.inner().counts().await?;
        let completed: u64 =
            counts.iter().filter(|count| count.status == workflow_do::Status::Completed).map(|count| count.count).sum();
        if completed == arguments.due {
            break;
        }
        ensure!(
            Instant::now() < end + DRAIN_MAX,
            "{completed} of {} had completed {DRAIN_MAX:?} after they were due",
            arguments.due
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let drained_at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let used = this.sample()?.since(&before);
    let rss_mib = process::resident_mib("self")?;
    let lateness = Lateness::of(&engine).await?;
    engine.close().await?;
    let seconds = (drained_at - lateness.first_due_ms) as f64 / 1e3;
    let mut record = Record::ours("sleepers", "rust-in-process");
    used.put(&mut record, arguments.due);
    let record = Record {
        seconds: Some(seconds),
        completed: Some(arguments.due),
        per_second: Some(arguments.due as f64 / seconds),
        rss_mib: Some(rss_mib),
        note: Some("executions that fall due within one second: from the first due time until all had completed".to_owned()),
        ..record
    };
    let due_within = (lateness.last_due_ms - lateness.first_due_ms) as f64;
    Ok(record.with("due_within_ms", due_within).with("last_late_ms", lateness.last_ms).with("median_late_ms", lateness.median_ms))
}

/// How long after it was due an execution had completed, by their own times.
struct Lateness {
    first_due_ms: i64,
    last_due_ms: i64,
    median_ms: f64,
    last_ms: f64,
}

impl Lateness {
    async fn of(engine: &Engine) -> Result<Lateness> {
        let (mut late, mut due, mut cursor) = (Vec::new(), Vec::new(), None);
        loop {
            let page = engine.list(ListRequest { cursor, limit: Some(1_000), ..ListRequest::default() }).await?;
            for listed in page.executions {
                let head = listed.head;
                let seconds: i64 = head.workflow.as_str().trim_start_matches("rest-").parse()?;
                let completed_at = head.completed_at.context("it has completed")?;
                let due_at = head.started_at.millis() + seconds * 1_000;
                due.push(due_at);
                late.push(completed_at.millis() - due_at);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        late.sort_unstable();
        ensure!(late.first().is_some_and(|least| *least >= 0), "a timer fired early");
        Ok(Lateness {
            first_due_ms: due.iter().copied().min().context("some were due")?,
            last_due_ms: due.iter().copied().max().context("some were due")?,
            median_ms: late[late.len() / 2] as f64,
            last_ms: late[late.len() - 1] as f64,
        })
    }
}

async fn engine(file: &Path) -> Result<Engine> {
    let mut builder = Engine::builder().store(file);
    for (name, action) in workload::actions() {
        builder = builder.action_with_limit(name, 4_096, action);
    }
    Ok(builder.open().await?)
}

/// Starts so many executions, many at a time.
async fn start(engine: &Engine, count: u64, workflow: impl Fn(u64) -> String + Clone + Send + Sync + 'static) -> Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let starters: Vec<_> = (0..STARTERS)
        .map(|_| {
            let (engine, next, workflow) = (engine.clone(), next.clone(), workflow.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return anyhow::Ok(());
                    }
                    engine.start(&workflow(number), workload::input(number)).await?;
                }
            })
        })
        .collect();
    for starter in starters {
        starter.await??;
    }
    Ok(())
}
