//! What the disk, SQLite and the store allow, in the same run as everything else: no engine can be faster than these.

mod disk;
mod orders;
mod skip;
mod sqlite;
mod store;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::folder;
use crate::process::{Processes, Used};
use crate::record::{Percentiles, Record};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How long each limit is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    seconds: f64,
    /// Some of them only
    #[arg(long, value_delimiter = ',', default_values_t = [What::Disk, What::Sqlite, What::Store])]
    what: Vec<What>,
    /// Executions at the same time, for the store alone
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [64, 256, 1_000])]
    in_flight: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Disk,
    Sqlite,
    /// Ours, and the reference that the goals name
    Store,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            What::Disk => "disk",
            What::Sqlite => "sqlite",
            What::Store => "store",
        })
    }
}

/// How often something was done, and how long each took.
#[derive(Debug)]
struct Measured {
    times: Vec<Duration>,
    used: Used,
}

impl Measured {
    fn record(&self, way: &str, each: f64) -> Record {
        let micros = self.times.iter().map(|time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX)).collect();
        Record {
            workload: Some("limits".to_owned()),
            way: Some(way.to_owned()),
            seconds: Some(self.used.seconds),
            completed: Some((self.times.len() as f64 * each) as u64),
            per_second: Some(self.times.len() as f64 * each / self.used.seconds),
            latency: Percentiles::of(micros),
            other_cores: Some(self.used.other_cores),
            ..Record::default()
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = folder::of_run("limits")?;
    let wanted = Duration::from_secs_f64(arguments.seconds);
    if arguments.what.contains(&What::Disk) {
        disk::measure(folder.path(), wanted)?;
    }
    if arguments.what.contains(&What::Sqlite) {
        sqlite::measure(folder.path(), wanted)?;
    }
    for in_flight in arguments.in_flight.iter().filter(|_| arguments.what.contains(&What::Store)) {
        store::measure(folder.path(), wanted, *in_flight)?;
        for page_bytes in [8 << 10, 16 << 10] {
            skip::measure(folder.path(), wanted, *in_flight, page_bytes)?;
        }
    }
    Ok(())
}

/// Does something for as long as is wanted, and times each.
fn repeat(wanted: Duration, mut once: impl FnMut() -> Result<()>) -> Result<Measured> {
    let (this, mut times) = (Processes::default(), Vec::new());
    let (before, began) = (this.sample()?, Instant::now());
    while began.elapsed() < wanted {
        let since = Instant::now();
        once()?;
        times.push(since.elapsed());
    }
    Ok(Measured { times, used: this.sample()?.since(&before) })
}

/// A fresh database file, removed afterwards.
fn with_database<T>(folder: &Path, measure: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let file = folder.join("limit.db");
    let measured = measure(&file);
    folder::remove(&file)?;
    measured
}
