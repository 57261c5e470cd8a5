//! A remote worker, for a server in another process.

use anyhow::{Result, ensure};
use workflow_do::Worker;

use super::server::READY;
use crate::workload;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The server
    #[arg(long)]
    url: String,
}

/// Tasks at the same time.
const CONCURRENCY: usize = 4_096;

/// Works until it is killed or told to end.
pub fn run(arguments: &Arguments) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut builder = Worker::builder(&arguments.url).concurrency(CONCURRENCY);
        for (name, action) in workload::actions() {
            builder = builder.action(name, action);
        }
        let mut ended = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let worker = builder.connect()?;
        ensure!(worker.connected().await, "the worker was closed");
        println!("{READY}");
        ended.recv().await;
        Ok(worker.close().await?)
    })
}
