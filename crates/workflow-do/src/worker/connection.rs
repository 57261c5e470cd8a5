//! The worker's life on its connections: it connects, works, and connects again.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Upgraded;
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use workflow_engine::{AbortReason, Signal, run_action};
use workflow_server::protocol::{self, Broken, Frame, FromServer, FromWorker, Heard, Hello, Link, Malformed, Welcome};

use super::{ReceivedTask, Said, Shared, WorkerState};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A server says how often; less would be all that is done, and more is no heartbeat.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3_600);
/// Outputs that a task may refer to. A server has those kept that executions in its memory need.
const KEEPS_BYTES: usize = 64 << 20;

/// Why a connection has ended.
enum End {
    /// In order: the server has heard that this worker leaves.
    Left,
    Lost(String),
}

/// Stays connected until the worker leaves.
pub async fn drive(shared: Arc<Shared>) {
    let mut backoff = BACKOFF_MIN;
    loop {
        let end = tokio::select! {
            connected = connect(&shared) => match connected {
                Ok(link) => {
                    backoff = BACKOFF_MIN;
                    work(&shared, link).await
                }
                Err(why) => End::Lost(format!("cannot reach {}: {why}; still trying", shared.dialer.base)),
            },
            () = shared.leaving() => End::Left,
        };
        let End::Lost(why) = end else { break };
        tracing::warn!(server = shared.dialer.base, "{why}");
        shared.set_lost(why);
        tokio::select! {
            () = sleep(jittered(backoff)) => {}
            () = shared.leaving() => break,
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
    shared.state.send_replace(WorkerState::Closed);
}

/// Between half and all of it, so that a thousand workers do not come back at the same moment.
fn jittered(delay: Duration) -> Duration {
    let random = f64::from(Uuid::new_v4().as_u128() as u16) / f64::from(u16::MAX);
    delay.mul_f64(0.5 + random / 2.0)
}

/// Says who this is, and is made welcome.
async fn connect(shared: &Shared) -> Result<Link<Upgraded>, String> {
    let greeted = timeout(protocol::GREETING_WITHIN, async {
        let mut link = shared.dialer.dial().await?;
        let holding = shared.ledger().greet();
        let (session, name, version) = (shared.session.clone(), shared.name.clone(), Some(VERSION.to_owned()));
        let keeps = Some(KEEPS_BYTES);
        let sent = link.send(Frame::of(&FromWorker::Hello(Hello { session, holding, name, version, keeps })));
        sent.map_err(|error| error.to_string())?;
        let welcome = welcome(&mut link).await?;
        Ok((link, welcome))
    });
    let no_answer = |_| Err(format!("no answer came within {} s", protocol::GREETING_WITHIN.as_secs()));
    let (mut link, welcome): (Link<Upgraded>, Welcome) = greeted.await.unwrap_or_else(no_answer)?;
    link.set_heartbeat(Duration::from_millis(welcome.heartbeat_ms).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX));
    shared.set_connected(welcome);
    Ok(link)
}

const VERSION: &str = concat!("workflow-do/", env!("CARGO_PKG_VERSION"));

async fn welcome(link: &mut Link<Upgraded>) -> Result<Welcome, String> {
    loop {
        let text = match link.next().await.map_err(|error| error.to_string())? {
            Heard::Frame(text) => text,
            Heard::Sent | Heard::Heartbeat => continue,
            Heard::Closed => return Err("the connection was closed before anything was said".to_owned()),
        };
        // Nothing comes before it, and nothing in the same frame.
        match FromServer::read(&text).map_err(|error| error.to_string())?.into_iter().next() {
            Some(FromServer::Welcome(welcome)) => return Ok(welcome),
            Some(FromServer::Refused { message, .. }) => return Err(format!("it refused: {message}")),
            Some(FromServer::Closing) => return Err("it is being stopped".to_owned()),
            Some(_) => return Err("it did not begin with `welcome`".to_owned()),
            None => {}
        }
    }
}

/// Takes tasks and gives results for as long as the connection holds.
async fn work(shared: &Arc<Shared>, mut link: Link<Upgraded>) -> End {
    match exchange(shared, &mut link).await {
        Ok(end @ End::Left) => {
            link.close(None).await;
            end
        }
        Ok(end) => end,
        Err(broken) => End::Lost(format!("the connection to {} was lost: {broken}; connecting again", shared.dialer.base)),
    }
}

async fn exchange(shared: &Arc<Shared>, link: &mut Link<Upgraded>) -> Result<End, Broken> {
    let mut is_last = false;
    loop {
        if link.is_idle() {
            if is_last {
                return Ok(End::Left);
            }
            let outgoing = shared.ledger().outgoing();
            if let Some(outgoing) = outgoing {
                is_last = outgoing.last;
                link.send(outgoing.frame)?;
            }
        }
        let is_idle = link.is_idle();
        tokio::select! {
            heard = link.next() => match heard? {
                Heard::Frame(text) => if let Err(why) = read(shared, &text) {
                    return Ok(End::Lost(format!("{} {why}; connecting again", shared.dialer.base)));
                },
                Heard::Sent | Heard::Heartbeat => {}
                Heard::Closed => return Ok(End::Lost(format!("{} closed the connection; connecting again", shared.dialer.base))),
            },
            // Whatever else is about to be finished goes in the same frame.
            () = shared.to_send.notified(), if is_idle => tokio::task::yield_now().await,
        }
    }
}

/// Why the connection ends, as the rest of a sentence about the server.
fn read(shared: &Arc<Shared>, frame: &str) -> Result<(), String> {
    let not_understood = |error: &dyn std::fmt::Display| format!("said what is not understood: {error}");
    let messages = FromServer::read(frame).map_err(|error: Malformed| not_understood(&error))?;
    let (mut said, mut ended) = (Vec::with_capacity(messages.len()), Ok(()));
    for message in messages {
        said.push(match message {
            FromServer::Task(given) => Said::Task(given),
            FromServer::Recorded { task, keep } => Said::Recorded { task, keep },
            FromServer::Abort { task, reason } => Said::Abort(task, abort_reason(&reason)),
            FromServer::Forget { tasks } => Said::Forget(tasks),
            FromServer::Closing => {
                ended = Err("is being stopped".to_owned());
                break;
            }
            FromServer::Refused { message, .. } => {
                ended = Err(format!("refused: {message}"));
                break;
            }
            FromServer::Welcome(_) => continue,
        });
    }
    let (tasks, heard) = shared.hear(said);
    for (task, signal) in tasks {
        run(shared, task, signal);
    }
    heard.map_err(|error| not_understood(&error)).and(ended)
}

/// Whatever else a newer server says, the result is not wanted.
fn abort_reason(text: &str) -> AbortReason {
    match text {
        "timeout" => AbortReason::Timeout,
        "cancelled" => AbortReason::Cancelled,
        _ => AbortReason::Lost,
    }
}

fn run(shared: &Arc<Shared>, task: ReceivedTask, signal: Signal) {
    let shared = shared.clone();
    tokio::spawn(async move {
        let (id, step) = (task.id.clone(), task.about.step_id.clone());
        let running = {
            let (shared, signal) = (shared.clone(), signal.clone());
            async move { shared.actions.call(task, signal).await }
        };
        if let Some(result) = run_action(running, &signal, shared.abort_grace).await {
            shared.finished(&id, step.as_str(), result);
        }
    });
}
