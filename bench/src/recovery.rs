//! Executions in the middle of a step when their process is killed: how long until all of them move again.
//!
//! A child process starts them; their third step never ends. Once each has an attempt of it in flight, the child is killed. Then
//! the file is opened here, with an action that answers at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::sync::Notify;
use workflow_do::{Context, Engine, Options, Status};

use crate::folder;
use crate::process::{self, Processes};
use crate::record::Record;
use crate::served::{Child, READY};
use crate::workload::{self, Workload};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Executions with an attempt in flight
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    count: u64,
    /// The child's part: start them in this file, and wait to be killed
    #[arg(long, value_name = "FILE", hide = true)]
    begin_in: Option<PathBuf>,
}

/// The step in which they are when the process dies.
const HELD: &str = "chargeCard";
/// Nothing takes longer, unless it is stuck.
const RECOVERED_WITHIN: Duration = Duration::from_secs(120);

pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(file) = &arguments.begin_in {
        return tokio::runtime::Runtime::new()?.block_on(begin(file, arguments.count));
    }
    let folder = folder::of_run("recovery")?;
    let file = folder.path().join("workflow.db");
    let path = file.to_string_lossy();
    let child = Child::of_this_program(&["recovery", "--count", &arguments.count.to_string(), "--begin-in", &path])?;
    let rss_before_mib = process::resident_mib(&child.pid().to_string())?;
    child.kill()?;
    tokio::runtime::Runtime::new()?.block_on(recover(&file, arguments.count))?.with("rss_before_kill_mib", rss_before_mib).print()
}

/// Counts the attempts of the held step.
#[derive(Debug)]
struct Counter {
    wanted: u64,
    begun: AtomicU64,
    all: Notify,
}

impl Counter {
    fn new(wanted: u64) -> Arc<Counter> {
        Arc::new(Counter { wanted, begun: AtomicU64::new(0), all: Notify::new() })
    }

    fn count(&self) {
        if self.begun.fetch_add(1, Ordering::Relaxed) + 1 == self.wanted {
            self.all.notify_one();
        }
    }
}

/// With room for an attempt of each: by default an engine runs 4,096 actions at the same time.
async fn engine(file: &Path, counter: &Arc<Counter>, answers: Answers) -> Result<Engine> {
    let slots = counter.wanted as usize;
    let options = Options { in_process_max: slots, require_actions: true, ..Options::default() };
    let mut builder = Engine::builder().store(file).options(options);
    for (name, action) in workload::actions().filter(|(name, _)| *name != HELD) {
        builder = builder.action_with_limit(name, slots, action);
    }
    let counter = counter.clone();
    builder = builder.action_with_limit(HELD, slots, move |_: Value, _: Context| {
        counter.count();
        async move {
            if answers == Answers::Never {
                std::future::pending::<()>().await;
            }
            Ok(workload::output(HELD))
        }
    });
    Ok(builder.open().await?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    AtOnce,
    Never,
}

async fn begin(file: &Path, count: u64) -> Result<()> {
    let counter = Counter::new(count);
    let engine = engine(file, &counter, Answers::Never).await?;
    engine.register(Workload::Order.definition()).await?;
    let next = Arc::new(AtomicU64::new(0));
    for _ in 0..1_000 {
        let (engine, next) = (engine.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                engine.start(Workload::Order.workflow(), workload::input(number)).await?;
            }
        });
    }
    // An attempt begins once what begins it is on disk.
    counter.all.notified().await;
    println!("{READY}");
    std::future::pending().await
}

async fn recover(file: &Path, count: u64) -> Result<Record> {
    let counter = Counter::new(count);
    let this = Processes::default();
    let before = this.sample()?;
    let began = Instant::now();
    let engine = engine(file, &counter, Answers::AtOnce).await?;
    let opened = began.elapsed();
    let all = tokio::time::timeout(RECOVERED_WITHIN, counter.all.notified()).await;
    let moving = began.elapsed();
    ensure!(all.is_ok(), "{} of {count} moved within {RECOVERED_WITHIN:?}", counter.begun.load(Ordering::Relaxed));
    loop {
        let counts = engine.inner().counts().await?;
        let completed = counts.iter().find(|counted| counted.status == Status::Completed).map_or(0, |counted| counted.count);
        if completed == count {
            break;
        }
        ensure!(began.elapsed() < RECOVERED_WITHIN, "{completed} of {count} completed within {RECOVERED_WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let used = this.sample()?.since(&before);
    let rss_mib = process::resident_mib("self")?;
    let again = counter.begun.load(Ordering::Relaxed);
    ensure!(again == count, "{again} attempts were made for {count} that were interrupted");
    engine.close().await?;
    let mut record = Record::ours("recovery", "rust-in-process");
    used.put(&mut record, count);
    let record = Record {
        in_flight: Some(count as usize),
        seconds: Some(moving.as_secs_f64()),
        completed: Some(count),
        per_second: Some(count as f64 / moving.as_secs_f64()),
        rss_mib: Some(rss_mib),
        note: Some("attempts in flight when the process was killed: from opening the file until each has begun again".to_owned()),
        ..record
    };
    Ok(record.with("open_seconds", opened.as_secs_f64()).with("completed_seconds", used.seconds))
}
