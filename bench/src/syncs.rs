//! How often a workflow is synced, counted by strace: what says that the durability that is claimed is there.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::folder;
use crate::record::Record;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Workflows at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    in_flight: usize,
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    seconds: f64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = folder::of_run("syncs")?;
    let counts = folder.path().join("counts");
    let (in_flight, seconds) = (arguments.in_flight.to_string(), arguments.seconds.to_string());
    let output = Command::new("strace")
        .args(["-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range", "-o"])
        .arg(&counts)
        .arg(std::env::current_exe()?)
        .args(["run", "order-5", "--way", "rust-in-process", "--warm", "0"])
        .args(["--in-flight", &in_flight, "--seconds", &seconds])
        .output()
        .context("strace cannot be started: is it installed?")?;
    ensure!(output.status.success(), "the run under strace failed: {}", String::from_utf8_lossy(&output.stderr));
    let run: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let completed = run["completed"].as_u64().context("a record without `completed`")?;
    let syncs = syncs(&fs::read_to_string(counts)?);
    let record = Record {
        in_flight: Some(arguments.in_flight),
        completed: Some(completed),
        note: Some("counted by strace, which slows it down; opening and closing the file included".to_owned()),
        ..Record::ours("syncs", "rust-in-process")
    };
    record.with("syncs", syncs as f64 / completed as f64).print()
}

/// The fourth column of each row is how often it was called.
fn syncs(table: &str) -> u64 {
    let rows = table.lines().filter(|line| line.ends_with("sync") || line.ends_with("sync_file_range"));
    rows.filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn calls_are_read_from_the_table_of_strace() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.97    0.123456          12      6000           fdatasync
  0.03    0.000012           3         4         1 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.123468          12      6004         1 total";
        assert_eq!(super::syncs(table), 6_004);
    }
}
