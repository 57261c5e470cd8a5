//! What workflow.do costs, by workload: each subcommand measures one thing and prints records (`record`), one a line.
//!
//! Not a test: it asserts no times. Quote ratios within one run, and medians; `bench/run.mjs` makes runs, and `bench/report.mjs`
//! makes tables and charts of them.

mod folder;
mod growth;
mod host;
mod idle;
mod in_process;
mod interrupt;
mod limits;
mod load;
mod process;
mod record;
mod recovery;
mod run;
mod served;
mod sleepers;
mod syncs;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// As in the `workflow` binary and the Node addon, and as the README advises whoever embeds the engine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(name = "workflow-bench", about, version)]
enum Command {
    /// Drive anything that completes a workflow for each HTTP request
    Load(load::Arguments),
    /// One workload, one way, once
    Run(run::Arguments),
    /// A million executions that wait; many that fall due in the same second
    Sleepers(sleepers::Arguments),
    /// The engine with its load, told over standard input what to run: for `bench/postgres` and its driver
    Host(host::Arguments),
    /// Orders on a file that holds millions that have ended
    Growth(growth::Arguments),
    /// Executions in the middle of a step when their process is killed
    Recovery(recovery::Arguments),
    /// A server that has nothing to do but to hold executions that wait
    Idle(idle::Arguments),
    /// What the disk, SQLite and the store alone allow
    Limits(limits::Arguments),
    /// How long a server, a worker and the first order take from nothing
    Start(run::Start),
    /// How often a workflow is synced, by strace
    Syncs(syncs::Arguments),
    /// A remote worker: runs the actions of all workloads until it is told to end
    Worker(served::worker::Arguments),
    /// The same actions over HTTP
    Endpoint,
}

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures mean nothing");
    }
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    // These are ended by whoever started them, in their own way.
    if !matches!(command, Command::Host(_) | Command::Worker(_) | Command::Endpoint) {
        interrupt::clean_up_when_told_to_end()?;
    }
    match command {
        Command::Load(arguments) => load::run(&arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Sleepers(arguments) => sleepers::run(&arguments),
        Command::Host(arguments) => host::run(&arguments),
        Command::Growth(arguments) => growth::run(&arguments),
        Command::Recovery(arguments) => recovery::run(&arguments),
        Command::Idle(arguments) => idle::run(&arguments),
        Command::Limits(arguments) => limits::run(&arguments),
        Command::Start(arguments) => run::start(arguments),
        Command::Syncs(arguments) => syncs::run(&arguments),
        Command::Worker(arguments) => served::worker::run(&arguments),
        Command::Endpoint => served::endpoint::run(),
    }
}
