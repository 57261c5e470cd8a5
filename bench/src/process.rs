//! What this process uses, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

#[derive(Debug)]
pub struct Usage {
    pub cpu: Duration,
    pub written_bytes: u64,
}

pub fn usage() -> Result<Usage> {
    // The 14th and 15th field are the ticks in user and kernel mode; the 2nd may hold spaces, in parentheses.
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("no fields in /proc/self/stat")?.split_whitespace().collect();
    let ticks: u64 =
        fields.get(11..13).context("too few fields in /proc/self/stat")?.iter().map(|field| field.parse().unwrap_or(0)).sum();
    let written = fs::read_to_string("/proc/self/io")?;
    let written =
        written.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("no write_bytes in /proc/self/io")?;
    // Linux gives user space ticks of 10 ms on every platform.
    Ok(Usage { cpu: Duration::from_millis(ticks * 10), written_bytes: written.parse()? })
}

pub fn resident_mib() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc/self/status")?;
    Ok(kib.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

pub fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    model.trim_start_matches([' ', '\t', ':']).to_owned()
}
