//! SIGTERM, Ctrl-C and a terminal that is closed: the first stops in order and within a bound, the second at once.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinError;

use crate::error::Error;

/// Beyond what steps get: the last commits, and the database's close.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

const HANGUP: &str = "SIGHUP";

/// Comes once, and is remembered when it came before anybody waited.
#[derive(Debug)]
pub struct FirstSignal(oneshot::Receiver<()>);

impl FirstSignal {
    pub async fn wait(self) {
        self.0.await.ok();
    }
}

/// Runs `serve` to its end, or to the second signal: the first one is its own to obey. It runs as a task, so that nothing that
/// it may hang in keeps the second signal from being heard.
pub async fn until_second_signal<S>(serve: impl FnOnce(FirstSignal) -> S) -> Result<(), Error>
where
    S: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut signals = Signals::listen()?;
    let (sender, receiver) = oneshot::channel();
    let mut served = tokio::spawn(serve(FirstSignal(receiver)));
    tokio::select! {
        served = &mut served => return outcome(served),
        (name, _) = signals.next() => {
            tracing::info!(signal = name, "stopping; again to stop at once");
            sender.send(()).ok();
        }
    }
    loop {
        tokio::select! {
            served = &mut served => return outcome(served),
            (name, number) = signals.next() => {
                // A terminal that is closed says so more than once: the system and the shell both do.
                if name == HANGUP {
                    continue;
                }
                tracing::warn!(signal = name, "stopped at once; what ran is run again after the next start");
                return Err(Error::Signal { number });
            }
        }
    }
}

fn outcome(served: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    match served {
        Ok(served) => served,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// None where whoever started the process wants it to outlive the terminal.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Result<Signals, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(cannot_listen);
        let hangup = if ignores_hangup() { None } else { Some(listen(SignalKind::hangup())?) };
        Ok(Signals { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())?, hangup })
    }

    /// The next one's name and number.
    async fn next(&mut self) -> (&'static str, u8) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 15),
            _ = self.interrupt.recv() => ("SIGINT", 2),
            _ = hangup => (HANGUP, 1),
        }
    }
}

/// As under `nohup`. Where the system does not say, it is taken for granted that it does: SIGHUP does then what it does to any program.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let ignored = |status: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    let mask = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| ignored(&status));
    mask.is_none_or(|mask| mask & 1 == 1)
}

/// Windows has no SIGTERM; closing the console window comes nearest.
#[cfg(windows)]
#[derive(Debug)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> Result<Signals, Error> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Signals { interrupt: ctrl_c().map_err(cannot_listen)?, close: ctrl_close().map_err(cannot_listen)? })
    }

    /// The next one's name, and the number that it has elsewhere.
    async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", 2),
            _ = self.close.recv() => ("SIGTERM", 15),
        }
    }
}

fn cannot_listen(error: std::io::Error) -> Error {
    Error::failed("signals", format!("cannot wait for signals: {error}"))
}

/// Waits for the engine's end, but not for ever.
pub async fn within(grace: Duration, shutdown: impl Future<Output = Result<(), workflow_engine::Error>>) -> Result<(), Error> {
    let closed = tokio::time::timeout(grace + CLOSE_WITHIN, shutdown).await;
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
