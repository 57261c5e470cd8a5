//! What a process uses, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Since the process began, its threads included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub cpu: Duration,
    /// Sent to the disk.
    pub written_bytes: u64,
}

impl Usage {
    pub fn of_self() -> Result<Usage> {
        Usage::at("self")
    }

    fn at(process: &str) -> Result<Usage> {
        // The 14th and 15th field are the ticks in user and kernel mode; the 2nd may hold spaces, in parentheses.
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).with_context(|| format!("no process {process}"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().context("no fields in stat")?.split_whitespace().collect();
        let ticks = fields.get(11..13).context("too few fields in stat")?;
        let ticks = ticks[0].parse::<u64>()? + ticks[1].parse::<u64>()?;
        let io = fs::read_to_string(format!("/proc/{process}/io"))?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("no write_bytes in io")?;
        // Linux gives user space ticks of 10 ms on every platform.
        Ok(Usage { cpu: Duration::from_millis(ticks * 10), written_bytes: written.parse()? })
    }
}

/// What of a process is in memory: its own pages, and those of the files that it has mapped.
pub fn resident_mib(pid: Option<u32>) -> Result<f64> {
    let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in status")?;
    Ok(kib.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

pub fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    model.trim_start_matches([' ', '\t', ':']).to_owned()
}
