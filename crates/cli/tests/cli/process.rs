//! Runs the binary.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// A command without anything of this machine in its environment: UTC, 100 columns, no colours, no settings.
pub fn workflow(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workflow"));
    command.args(arguments).env_clear().env("TZ", "UTC").env("COLUMNS", "100").stdin(Stdio::null());
    command
}

pub fn run(arguments: &[&str]) -> Ran {
    finished(workflow(arguments).output().unwrap())
}

pub fn run_in(directory: &Path, arguments: &[&str]) -> Ran {
    finished(workflow(arguments).current_dir(directory).output().unwrap())
}

pub fn run_with_input(arguments: &[&str], input: &str) -> Ran {
    let mut command = workflow(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that needs no input may be gone before it is written.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    finished(child.wait_with_output().unwrap())
}

pub fn finished(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("it was ended by no signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
