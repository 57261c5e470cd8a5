//! What a server costs that has nothing to do but to hold executions that wait: memory, CPU, writes; beside one that holds none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::folder;
use crate::load;
use crate::process::{self, Processes, Used};
use crate::record::Record;
use crate::served::{self, Child, put, serve};
use crate::sleepers::{self, SETTLE};
use crate::workload;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Executions that wait
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    count: u64,
    /// How long the server is looked at
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    seconds: f64,
    /// The `workflow` binary; the one beside this program, unless it is given
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// Longer than any run: none may fall due meanwhile.
const WAIT: &str = "24h";
/// Starts at the same time.
const STARTERS: usize = 256;
const STARTED_WITHIN: f64 = 900.0;

pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = folder::of_run("idle")?;
    let file = folder.path().join("workflow.db");
    let binary = served::binary(arguments.server.clone())?;
    let server = serve(&binary, &file)?;
    look(&server, &file, arguments.seconds, 0, "a server with no executions")?;
    let definition = serde_json::to_string(&sleepers::workflow("sleeper", WAIT))?;
    put(&format!("{}/api/v1/workflows/sleeper", server.ready), &definition)?;
    let plan = load::Plan {
        url: format!("{}/api/v1/workflows/sleeper/executions", server.ready),
        body: format!(r#"{{"input":{}}}"#, workload::input_text()),
        in_flight: STARTERS,
        warm: 0.0,
        seconds: STARTED_WITHIN,
        count: Some(arguments.count),
        expect: None,
    };
    load::drive(&plan, &Processes::default())?;
    look(&server, &file, arguments.seconds, arguments.count, "the server that has started them")?;
    server.stop()?;
    let server = serve(&binary, &file)?;
    look(&server, &file, arguments.seconds, arguments.count, "a server that has opened their file")?;
    server.stop()
}

fn look(server: &Child, file: &Path, seconds: f64, sleepers: u64, note: &str) -> Result<()> {
    std::thread::sleep(SETTLE);
    let processes = Processes(vec![("server", server.pid())]);
    let before = processes.sample()?;
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let Used { system_cpu, written_bytes, other_cores, seconds, .. } = processes.sample()?.since(&before);
    let process = server.pid().to_string();
    let mut record = Record::ours("idle", "server");
    record.seconds = Some(seconds);
    record.rss_mib = Some(process::resident_mib(&process)?);
    record.rss_parts = process::resident_parts(&process)?;
    record.other_cores = Some(other_cores);
    record.note = Some(note.to_owned());
    // Once the write-ahead log is in it.
    if sleepers > 0 && !folder::has_log(file) {
        record.disk_bytes = Some(folder::bytes(file)? as f64 / sleepers as f64);
    }
    let record = record
        .with("sleepers", sleepers as f64)
        .with("cpu_percent", system_cpu.as_secs_f64() / seconds * 100.0)
        .with("written_bytes_all", written_bytes as f64);
    match folder::cached_mib(file) {
        Some(mib) => record.with("file_cache_mib", mib).print(),
        None => record.print(),
    }
}
