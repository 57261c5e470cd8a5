//! What processes use, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::record::Record;

/// The processes that are the system: their names and ids. Empty: this one, which then is load and system in one.
#[derive(Debug, Clone, Default)]
pub struct Processes(pub Vec<(&'static str, u32)>);

/// All of them at one moment.
#[derive(Debug, Clone)]
pub struct Sample {
    at: Instant,
    /// Everything that runs on this machine.
    machine: Duration,
    /// What the disk was sent; none where the files of this harness lie on no block device.
    disk_bytes: Option<u64>,
    load: Usage,
    system: Vec<(&'static str, Usage)>,
}

/// Since a process began, its threads included.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    cpu: Duration,
    /// What it wrote to files, as the kernel counts it by process: whole folios, on ext4 up to 2 MiB for 8 KiB. So it says for sure
    /// only that nothing was written.
    written_bytes: u64,
}

/// What was used between two samples.
#[derive(Debug)]
pub struct Used {
    pub seconds: f64,
    pub load_cpu: Duration,
    pub system_cpu: Duration,
    /// By the processes of the system; see [`Usage::written_bytes`].
    pub written_bytes: u64,
    /// By everything on the machine, to the disk itself.
    pub disk_bytes: Option<u64>,
    pub parts: Vec<(&'static str, Duration)>,
    /// Cores that were busy with something else.
    pub other_cores: f64,
}

impl Processes {
    pub fn sample(&self) -> Result<Sample> {
        let system = self.0.iter().map(|(name, pid)| Ok((*name, Usage::of(&pid.to_string())?)));
        Ok(Sample {
            at: Instant::now(),
            machine: machine()?,
            disk_bytes: disk_bytes()?,
            load: Usage::of("self")?,
            system: system.collect::<Result<_>>()?,
        })
    }

    /// What of each is in memory: its own pages, and those of the files that it has mapped.
    pub fn resident_mib(&self) -> Result<Vec<(&'static str, f64)>> {
        self.0.iter().map(|(name, pid)| Ok((*name, resident_mib(&pid.to_string())?))).collect()
    }
}

impl Sample {
    pub fn since(&self, before: &Sample) -> Used {
        let seconds = (self.at - before.at).as_secs_f64();
        let load = self.load.since(before.load);
        let parts: Vec<_> = self.system.iter().zip(&before.system).map(|(now, then)| (now.0, now.1.since(then.1))).collect();
        let mut system = Usage::default();
        for (_, usage) in &parts {
            system = Usage { cpu: system.cpu + usage.cpu, written_bytes: system.written_bytes + usage.written_bytes };
        }
        let machine = self.machine.saturating_sub(before.machine);
        let other = machine.saturating_sub(load.cpu + system.cpu);
        let (load_cpu, system) = if parts.is_empty() { (Duration::ZERO, load) } else { (load.cpu, system) };
        Used {
            seconds,
            load_cpu,
            system_cpu: system.cpu,
            written_bytes: system.written_bytes,
            disk_bytes: self.disk_bytes.zip(before.disk_bytes).map(|(now, then)| now - then),
            parts: parts.into_iter().map(|(name, usage)| (name, usage.cpu)).collect(),
            other_cores: other.as_secs_f64() / seconds,
        }
    }
}

impl Used {
    /// Fills in what it cost a workflow.
    pub fn put(&self, record: &mut Record, completed: u64) {
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / completed as f64;
        record.cpu_us = Some(each(self.system_cpu));
        record.written_bytes = self.disk_bytes.map(|bytes| bytes as f64 / completed as f64);
        record.other_cores = Some(self.other_cores);
        if !self.parts.is_empty() {
            record.cpu_parts = self.parts.iter().map(|(name, cpu)| ((*name).to_owned(), each(*cpu).round())).collect();
            record.load_cpu_us = Some(each(self.load_cpu));
            record.measures.insert("load_cores".to_owned(), (self.load_cpu.as_secs_f64() / self.seconds * 100.0).round() / 100.0);
        }
    }
}

impl Usage {
    fn of(process: &str) -> Result<Usage> {
        // The 14th and 15th field are the ticks in user and kernel mode; the 2nd may hold spaces, in parentheses.
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).with_context(|| format!("no process {process}"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().context("no fields in stat")?.split_whitespace().collect();
        let times = fields.get(11..13).context("too few fields in stat")?;
        let io = fs::read_to_string(format!("/proc/{process}/io"))?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("no write_bytes in io")?;
        Ok(Usage { cpu: ticks(times)?, written_bytes: written.parse()? })
    }

    fn since(self, before: Usage) -> Usage {
        Usage { cpu: self.cpu.saturating_sub(before.cpu), written_bytes: self.written_bytes.saturating_sub(before.written_bytes) }
    }
}

/// Linux gives user space ticks of 10 ms on every platform.
fn ticks(fields: &[&str]) -> Result<Duration> {
    let ticks = fields.iter().map(|field| Ok(field.parse::<u64>()?)).sum::<Result<u64>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// What all processes, and the kernel for them, have used.
fn machine() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let fields: Vec<&str> = stat.lines().next().context("/proc/stat is empty")?.split_whitespace().collect();
    // user, nice, system; then idle and waiting for disks, which are not use; then interrupts.
    Ok(ticks(fields.get(1..4).context("too few fields")?)? + ticks(fields.get(6..8).context("too few fields")?)?)
}

/// Sent to the disk on which the files of this harness lie, since the machine started.
fn disk_bytes() -> Result<Option<u64>> {
    const SECTOR_BYTES: u64 = 512;
    let device = fs::metadata(".")?.dev();
    let (major, minor) = (rustix::fs::major(device).to_string(), rustix::fs::minor(device).to_string());
    let disks = fs::read_to_string("/proc/diskstats")?;
    for line in disks.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.len() > 9 && fields[0] == major && fields[1] == minor {
            return Ok(Some(fields[9].parse::<u64>()? * SECTOR_BYTES));
        }
    }
    Ok(None)
}

/// Of a process, by its id or `self`.
pub fn resident_mib(process: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in status")?;
    Ok(kib.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

/// The same by where the pages come from: its own (`anonymous`), mapped files (`file`), shared memory.
pub fn resident_parts(process: &str) -> Result<BTreeMap<String, f64>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let part = |name: &str| {
        let kib = status.lines().find_map(|line| line.strip_prefix(name))?;
        kib.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| (kib / 102.4).round() / 10.0)
    };
    let parts = [("anonymous", "RssAnon:"), ("file", "RssFile:"), ("shared", "RssShmem:")];
    Ok(parts.into_iter().filter_map(|(name, field)| Some((name.to_owned(), part(field)?))).collect())
}
