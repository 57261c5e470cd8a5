//! What workflow.do costs, by workload: each subcommand measures one thing and prints records (`record`), one a line.
//!
//! Not a test: it asserts no times. Quote ratios within one run, and medians; `bench/run.mjs` makes runs, and `bench/report.mjs`
//! makes tables and charts of them.

mod disk;
mod load;
mod order;
mod process;
mod record;
mod remote;
mod summary;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "workflow-bench", about, version)]
enum Command {
    /// Drive anything that completes a workflow for each HTTP request
    Load(load::Arguments),
    /// The order, in process and with a server and a worker, as a text
    Summary(summary::Arguments),
}

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures mean nothing");
    }
    let outcome = match Command::parse() {
        Command::Load(arguments) => load::run(&arguments),
        Command::Summary(arguments) => summary::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
