//! One workload, one way, once.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::in_process::{self, Plan};
use crate::served::{self, Handler};
use crate::workload::Workload;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    workload: Workload,
    #[arg(long)]
    way: Way,
    /// Workflows at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    in_flight: usize,
    /// Before anything is counted
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    warm: f64,
    /// The window in which completions count
    #[arg(long, value_name = "SECONDS", default_value_t = 8.0)]
    seconds: f64,
    /// The `workflow` binary; the one beside this program, unless it is given
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// Who runs the engine, and who the actions. Node in process is `bench/node/run.mjs`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    RustInProcess,
    ServerRustWorker,
    ServerNodeWorker,
    ServerEndpoint,
}

/// A server, its worker, and the first order: how long it takes from nothing.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// The `workflow` binary; the one beside this program, unless it is given
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

pub fn start(arguments: Start) -> Result<()> {
    let binary = served::binary(arguments.server)?;
    for handler in [Handler::RustWorker, Handler::NodeWorker] {
        served::first(handler, &binary)?.print()?;
    }
    Ok(())
}

pub fn run(arguments: Arguments) -> Result<()> {
    let plan = Plan {
        in_flight: arguments.in_flight,
        warm: Duration::from_secs_f64(arguments.warm),
        window: Duration::from_secs_f64(arguments.seconds),
    };
    let handler = match arguments.way {
        Way::RustInProcess => return in_process::run(arguments.workload, plan)?.print(),
        Way::ServerRustWorker => Handler::RustWorker,
        Way::ServerNodeWorker => Handler::NodeWorker,
        Way::ServerEndpoint => Handler::Endpoint,
    };
    served::run(arguments.workload, handler, &served::binary(arguments.server)?, plan)?.print()
}
