//! SIGTERM and Ctrl-C: the first stops in order and within a bound, the second at once.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::error::Error;

/// Beyond what steps get: the last commits, and the database's close.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// What a shell reports of a program that a signal ended.
const ENDED_BY_SIGNAL: i32 = 128;

#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// The signals after the first are watched as long as this lives.
#[derive(Debug)]
pub struct Stopping(JoinHandle<()>);

impl Signals {
    pub fn listen() -> Result<Signals, Error> {
        let listen = |kind| signal(kind).map_err(|error| Error::failed("signals", format!("cannot wait for signals: {error}")));
        Ok(Signals { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// A future that ends with the first signal. From then on another one ends the process.
    pub fn first(mut self) -> (Stopping, impl Future<Output = ()> + Send) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let name = self.next().await.0;
            tracing::info!(signal = name, "stopping; again to stop at once");
            sender.send(()).ok();
            let (name, number) = self.next().await;
            tracing::warn!(signal = name, "stopped at once; what ran is run again after the next start");
            std::process::exit(ENDED_BY_SIGNAL + number);
        });
        (Stopping(task), async {
            receiver.await.ok();
        })
    }

    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        }
    }
}

/// Waits for the engine's end, but not for ever.
pub async fn within(
    grace: Duration,
    shutdown: impl Future<Output = Result<(), workflow_engine::Error>>,
    stopping: Stopping,
) -> Result<(), Error> {
    let closed = tokio::time::timeout(grace + CLOSE_WITHIN, shutdown).await;
    stopping.0.abort();
    match closed {
        Ok(Ok(())) => {
            tracing::info!("stopped");
            Ok(())
        }
        Ok(Err(error)) => Err(Error::failed(error.code(), format!("the engine did not stop in order: {error}"))),
        Err(_) => {
            let bound = (grace + CLOSE_WITHIN).as_secs();
            Err(Error::failed("stop", format!("the engine did not stop within {bound} s; nothing that was acknowledged is lost")))
        }
    }
}
