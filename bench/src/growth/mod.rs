//! Orders on a file that already holds millions that have ended, beside orders on an empty file, in turn.

mod fill;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use workflow_do::{Engine, ListRequest, Status};

use crate::folder;
use crate::in_process::{self, Plan};
use crate::record::{Percentiles, Record};
use crate::workload::Workload;
use fill::Filler;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Executions that have ended, ascending
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    finished: Vec<u64>,
    /// How often each file is measured, in turn with an empty one
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    #[arg(long, value_name = "N", default_value_t = 256)]
    in_flight: usize,
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    warm: f64,
    #[arg(long, value_name = "SECONDS", default_value_t = 8.0)]
    seconds: f64,
}

/// More than an order takes, and what is written while it is measured.
const BYTES_EACH: u64 = 2_500;
const BYTES_BESIDE: u64 = 4 << 30;
/// Failed executions are listed so often.
const LISTS: usize = 300;

pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = folder::of_run("growth")?;
    let plan = Plan {
        in_flight: arguments.in_flight,
        warm: Duration::from_secs_f64(arguments.warm),
        window: Duration::from_secs_f64(arguments.seconds),
    };
    ensure!(arguments.finished.is_sorted(), "expected `--finished` in ascending order");
    let grown = folder.path().join("grown.db");
    let mut filled = None;
    for finished in &arguments.finished {
        let (needed, free) = (finished * BYTES_EACH + BYTES_BESIDE, folder::free_bytes(folder.path())? + folder::bytes(&grown)?);
        if needed > free {
            left_out(*finished, needed, free).print()?;
            continue;
        }
        if filled.is_none() {
            filled = Some(Filler::new(&grown)?);
        }
        if let Some(filler) = &mut filled {
            filler.fill(&grown, *finished)?;
        }
        for _ in 0..arguments.rounds {
            let empty = folder.path().join("empty.db");
            orders(&empty, plan, 0)?.print()?;
            folder::remove(&empty)?;
            let bytes_each = folder::bytes(&grown)? as f64 / *finished as f64;
            Record { disk_bytes: Some(bytes_each), ..orders(&grown, plan, *finished)? }.print()?;
        }
    }
    Ok(())
}

fn left_out(finished: u64, needed: u64, free: u64) -> Record {
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let note = format!("left out: it needs {:.0} GiB of disk, and {:.0} GiB are free", gib(needed), gib(free));
    Record { note: Some(note), ..Record::ours("growth", "rust-in-process") }.with("finished", finished as f64)
}

fn orders(file: &Path, plan: Plan, finished: u64) -> Result<Record> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let began = Instant::now();
        let engine = in_process::engine(file, Workload::Order).await?;
        let open_ms = began.elapsed().as_secs_f64() * 1e3;
        let lists = if finished > 0 { lists(&engine, finished).await? } else { None };
        let run = in_process::closed_loop(&engine, Workload::Order, plan).await?;
        engine.close().await?;
        let mut record = in_process::record(Workload::Order, plan, run);
        record.workload = Some("growth".to_owned());
        record = record.with("finished", finished as f64).with("open_ms", open_ms);
        if let Some(Percentiles { p50_ms, p99_ms, .. }) = lists {
            record = record.with("list_failed_p50_ms", p50_ms).with("list_failed_p99_ms", p99_ms);
        }
        Ok(record)
    })
}

/// The newest 50 that have failed, again and again.
async fn lists(engine: &Engine, finished: u64) -> Result<Option<Percentiles>> {
    let mut micros = Vec::new();
    for _ in 0..LISTS {
        let request = ListRequest { statuses: vec![Status::Failed], limit: Some(50), ..ListRequest::default() };
        let since = Instant::now();
        let page = engine.list(request).await?;
        micros.push(u32::try_from(since.elapsed().as_micros())?);
        let wanted = fill::failed(finished).min(50);
        ensure!(page.executions.len() as u64 == wanted, "expected {wanted} failed executions, found {}", page.executions.len());
    }
    Ok(Percentiles::of(micros))
}
