//! Processes that belong to a run: each says in one line on its stdout when it is ready, and ends with the run, whatever happens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt;

/// A process that says where it listens, or that it is connected.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    pid: Pid,
    /// The URL in the line that says that it is ready; empty when there is none in it.
    pub ready: String,
    /// Open for as long as it runs: it may write more.
    _stdout: BufReader<ChildStdout>,
}

/// An orderly end empties the write-ahead log.
const STOP_WITHIN: Duration = Duration::from_secs(120);

/// `workflow serve` on a port of its own.
pub fn serve(binary: &Path, file: &Path) -> Result<Child> {
    let file = file.to_str().context("the path of the database is no text")?;
    Child::spawn(binary, &["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--db", file])
}

impl Child {
    pub fn of_this_program(arguments: &[&str]) -> Result<Child> {
        Child::spawn(&std::env::current_exe()?, arguments)
    }

    pub fn spawn(program: &Path, arguments: &[&str]) -> Result<Child> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw).context("it has an id")?;
        interrupt::kill(pid);
        let stdout = BufReader::new(process.stdout.take().context("it was piped")?);
        let mut child = Child { process, pid, ready: String::new(), _stdout: stdout };
        loop {
            let mut line = String::new();
            if child._stdout.read_line(&mut line)? == 0 {
                bail!("{} {} ended before it was ready", program.display(), arguments.join(" "));
            }
            if let Some(at) = line.find("http://") {
                child.ready = line[at..].split_whitespace().next().unwrap_or_default().to_owned();
                return Ok(child);
            }
            if line.trim() == READY {
                return Ok(child);
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// In order, so that the file is whole when its size is looked at.
    pub fn stop(mut self) -> Result<()> {
        kill_process(self.pid, Signal::TERM)?;
        let since = Instant::now();
        while self.process.try_wait()?.is_none() {
            if since.elapsed() > STOP_WITHIN {
                bail!("process {:?} did not end within {STOP_WITHIN:?}", self.pid);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// As a crash would.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

/// What one says that listens nowhere.
pub const READY: &str = "ready";

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended; nothing else can be done here.
        let _ = self.process.kill();
        let _ = self.process.wait();
        interrupt::forget(self.pid);
    }
}
