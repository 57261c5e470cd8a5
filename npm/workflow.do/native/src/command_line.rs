//! The command line of `workflow-cli` in this process: `npx workflow.do` is the `workflow` binary without a binary.

use std::ffi::OsString;
use std::thread;

use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;

/// As much as a main thread has, which is where the command line runs elsewhere.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// What a Rust program ends with after a panic, whose message is on standard error by then.
const PANICKED: u8 = 101;

/// Runs one command line to its end, which for `serve` is a signal, and answers its exit code. The first argument is the
/// program's name for its help. Blocks the calling thread: there is nothing else in a process that does this.
#[napi]
pub fn run_command_line(arguments: Vec<String>) -> Result<u8> {
    let arguments: Vec<OsString> = arguments.into_iter().map(OsString::from).collect();
    let thread = thread::Builder::new().name("workflow".to_owned()).stack_size(STACK_BYTES);
    let running = thread.spawn(move || workflow_cli::main_with(arguments));
    let running = running.map_err(|error| Error::from_reason(format!("no thread could be started: {error}")))?;
    Ok(running.join().unwrap_or(PANICKED))
}
