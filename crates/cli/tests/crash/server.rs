//! The real binary as a child of the test: started, heard, killed. It never outlives the test.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Far above what a start takes on the slowest machine: only a hang gets here.
pub const READY_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
    first_line: mpsc::Receiver<String>,
}

/// `workflow serve` on this file and a free port, with nothing taken from the environment of the test.
pub fn serve(db: &Path) -> Command {
    serve_in(db.parent().expect("the file is in a directory"), db.as_os_str())
}

/// The same on a database of any kind, from this directory.
pub fn serve_in(directory: &Path, db: &OsStr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workflow"));
    command.args(["--json", "serve", "--listen", "127.0.0.1:0", "--db"]).arg(db);
    in_its_own_world(&mut command, directory);
    command
}

/// Without the `WORKFLOW_...` variables and the `workflow.toml` of whoever runs the test.
pub fn in_its_own_world(command: &mut Command, directory: &Path) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WORKFLOW_")) {
        command.env_remove(name);
    }
    let directory = directory.ancestors().find(|directory| directory.is_dir()).expect("the root is there");
    command.env("NO_COLOR", "1").current_dir(directory).stdin(Stdio::null());
}

/// Sends a signal, by its name without `SIG`.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

impl Server {
    /// Logs are appended to `log`, so that those of all lives of a server lie in one file.
    pub fn spawn(mut command: Command, log: &Path) -> Server {
        let file: File = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, first_line) = mpsc::channel();
        std::thread::spawn(move || {
            if let Some(Ok(line)) = lines.next() {
                sender.send(line).ok();
            }
        });
        Server { child, log: log.to_owned(), first_line }
    }

    /// Its url, once everything can be asked.
    pub fn ready(&mut self) -> String {
        self.ready_within(READY_WITHIN)
            .unwrap_or_else(|| panic!("the server did not become ready ({:?}):\n{}", self.child.try_wait(), self.newest_log()))
    }

    /// Its url, when it is ready in this time.
    pub fn ready_within(&mut self, time: Duration) -> Option<String> {
        let line = self.first_line.recv_timeout(time).ok()?;
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Some(ready["url"].as_str().unwrap().to_owned())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has had at most.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        assert!(self.is_alive(), "the server died by itself:\n{}", self.newest_log());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and its end.
    pub fn stop(&mut self) -> ExitStatus {
        signal(self.pid(), "TERM");
        self.child.wait().unwrap()
    }

    /// Its end, which comes by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + READY_WITHIN;
        while self.is_alive() {
            assert!(Instant::now() < deadline, "the server does not end:\n{}", self.newest_log());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.wait().unwrap()
    }

    pub fn newest_log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
