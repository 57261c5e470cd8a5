//! The worker's life on its connections: it connects, works, and connects again. Which addresses it dials is in `roster.rs`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Upgraded;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use workflow_engine::{AbortReason, Signal, run_action};
use workflow_server::protocol::{self, Broken, Engines, Frame, FromServer, FromWorker, Heard, Hello, Link, Malformed, Welcome};

use super::ledger::LineNumber;
use super::roster::{Address, Loss};
use super::{ReceivedTask, Said, Shared, WorkerState};

/// A server says how often; less would be all that is done, and more is no heartbeat.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3_600);
/// Outputs that a task may refer to, of all connections together. A server has those kept that executions in its memory need.
const KEEPS_BYTES: usize = 64 << 20;
/// `refused.code`: another connection of the same session.
const REPLACED: &str = "replaced";

/// Why a connection has ended.
enum End {
    /// In order: the server has heard that this worker leaves.
    Left,
    Lost(Loss, String),
}

impl End {
    fn broken(why: String) -> End {
        End::Lost(Loss::Broken, why)
    }
}

/// Stays connected until the worker leaves.
pub async fn drive(shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let next = shared.roster().next(Instant::now());
        for address in next.dial {
            connections.spawn(stay_at(shared.clone(), address));
        }
        let again = async {
            match next.at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = connections.join_next() => passed_on(ended),
            () = shared.roster_changed.notified() => {}
            () = again => {}
            () = shared.leaving() => break,
        }
    }
    while let Some(ended) = connections.join_next().await {
        passed_on(ended);
    }
    shared.state.send_replace(WorkerState::Closed);
}

/// A bug of a connection is one of the worker.
fn passed_on(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// One connection, from its first word to its end.
async fn stay_at(shared: Arc<Shared>, address: Address) {
    let connected = tokio::select! {
        connected = connect(&shared, &address) => connected,
        () = shared.leaving() => return,
    };
    match connected {
        Ok((link, line)) => {
            let end = work(&shared, &address, &line, link).await;
            let is_superseded = shared.ledger().is_lost(line.number);
            shared.ledger().lose(line.number);
            match end {
                End::Left => {}
                End::Lost(_, _) if is_superseded => shared.roster().lost(&address, Loss::Replaced, Instant::now()),
                End::Lost(loss, why) => {
                    tracing::warn!(server = &*address, "{why}");
                    shared.roster().lost(&address, loss, Instant::now());
                    shared.set_lost(why);
                }
            }
        }
        Err(why) => {
            let why = format!("cannot reach {address}: {why}; still trying");
            let is_first = shared.roster().failed(&address, Instant::now());
            // The others go on: one that stays away is no news.
            if is_first || !shared.roster().is_connected() {
                tracing::warn!(server = &*address, "{why}");
            }
            shared.set_lost(why);
        }
    }
    shared.roster_changed.notify_one();
}

/// A connection on which the worker is welcome.
struct Line {
    number: LineNumber,
    wake: Arc<Notify>,
}

/// Says who this is, and is made welcome.
async fn connect(shared: &Shared, address: &Address) -> Result<(Link<Upgraded>, Line), String> {
    let mut greeted = Greeted { shared, number: None };
    let greeting = async {
        let dialer = shared.dialers.at(address).map_err(|error| error.to_string())?;
        let mut link = dialer.dial().await?;
        let (holding, keeps) = {
            let mut ledger = shared.ledger();
            let keeps = KEEPS_BYTES / (ledger.open_lines() + 1);
            let (number, holding) = ledger.greet();
            greeted.number = Some(number);
            (holding, Some(keeps))
        };
        let (session, name, version) = (shared.session.clone(), shared.name.clone(), Some(VERSION.to_owned()));
        let sent = link.send(Frame::of(&FromWorker::Hello(Hello { session, holding, name, version, keeps })));
        sent.map_err(|error| error.to_string())?;
        let welcome = welcome(&mut link).await?;
        Ok((link, welcome))
    };
    let no_answer = |_| Err(format!("no answer came within {} s", protocol::GREETING_WITHIN.as_secs()));
    let welcomed: Result<(Link<Upgraded>, Welcomed), String> =
        timeout(protocol::GREETING_WITHIN, greeting).await.unwrap_or_else(no_answer);
    let (mut link, Welcomed { welcome, engines }) = welcomed?;
    let number = greeted.number.take().expect("who was made welcome has said who they are");
    link.set_heartbeat(Duration::from_millis(welcome.heartbeat_ms).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX));
    let wake = shared.ledger().open(number);
    let superseded = shared.roster().connected(address, number, engines, Instant::now());
    shared.set_connected(address, welcome);
    shared.supersede(superseded);
    shared.roster_changed.notify_one();
    Ok((link, Line { number, wake }))
}

/// A greeting that comes to nothing is undone.
struct Greeted<'a> {
    shared: &'a Shared,
    number: Option<LineNumber>,
}

impl Drop for Greeted<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.ledger().lose(number);
        }
    }
}

const VERSION: &str = concat!("workflow-do/", env!("CARGO_PKG_VERSION"));

/// How a server answers.
struct Welcomed {
    welcome: Welcome,
    /// That it names.
    engines: Option<Engines>,
}

async fn welcome(link: &mut Link<Upgraded>) -> Result<Welcomed, String> {
    loop {
        let text = match link.next().await.map_err(|error| error.to_string())? {
            Heard::Frame(text) => text,
            Heard::Sent | Heard::Heartbeat => continue,
            Heard::Closed => return Err("the connection was closed before anything was said".to_owned()),
        };
        // Nothing comes before it, and nothing else in the same frame.
        let mut messages = FromServer::read(&text).map_err(|error| error.to_string())?.into_iter();
        match messages.next() {
            Some(FromServer::Welcome(welcome)) => {
                let engines = messages.find_map(|message| match message {
                    FromServer::Engines(engines) => Some(engines),
                    _ => None,
                });
                return Ok(Welcomed { welcome, engines });
            }
            Some(FromServer::Refused { message, .. }) => return Err(format!("it refused: {message}")),
            Some(FromServer::Closing) => return Err("it is being stopped".to_owned()),
            Some(_) => return Err("it did not begin with `welcome`".to_owned()),
            None => {}
        }
    }
}

/// Takes tasks and gives results for as long as the connection holds.
async fn work(shared: &Arc<Shared>, address: &Address, line: &Line, mut link: Link<Upgraded>) -> End {
    match exchange(shared, address, line, &mut link).await {
        Ok(end @ End::Left) => {
            link.close(None).await;
            end
        }
        Ok(end) => end,
        Err(broken) => End::broken(format!("the connection to {address} was lost: {broken}; connecting again")),
    }
}

async fn exchange(shared: &Arc<Shared>, address: &Address, line: &Line, link: &mut Link<Upgraded>) -> Result<End, Broken> {
    let mut is_last = false;
    loop {
        if link.is_idle() {
            if is_last {
                return Ok(End::Left);
            }
            let (outgoing, is_lost) = {
                let mut ledger = shared.ledger();
                (ledger.outgoing(line.number), ledger.is_lost(line.number))
            };
            if let Some(outgoing) = outgoing {
                is_last = outgoing.last;
                link.send(outgoing.frame)?;
            }
            if is_lost {
                return Ok(End::broken(format!("{address} leads to an engine that is connected already")));
            }
        }
        let is_idle = link.is_idle();
        tokio::select! {
            heard = link.next() => match heard? {
                Heard::Frame(text) => if let Err((loss, why)) = read(shared, address, line.number, &text) {
                    return Ok(End::Lost(loss, format!("{address} {why}; connecting again")));
                },
                Heard::Sent | Heard::Heartbeat => {}
                Heard::Closed => return Ok(End::broken(format!("{address} closed the connection; connecting again"))),
            },
            // Whatever else is about to be finished goes in the same frame.
            () = line.wake.notified(), if is_idle => tokio::task::yield_now().await,
        }
    }
}

/// Why the connection ends, as the rest of a sentence about the server.
fn read(shared: &Arc<Shared>, address: &Address, line: LineNumber, frame: &str) -> Result<(), (Loss, String)> {
    let not_understood = |error: &dyn std::fmt::Display| (Loss::Broken, format!("said what is not understood: {error}"));
    let messages = FromServer::read(frame).map_err(|error: Malformed| not_understood(&error))?;
    let (mut said, mut ended) = (Vec::with_capacity(messages.len()), Ok(()));
    for message in messages {
        said.push(match message {
            FromServer::Task(given) => Said::Task(given),
            FromServer::Recorded { task, keep } => Said::Recorded { task, keep },
            FromServer::Abort { task, reason } => Said::Abort(task, abort_reason(&reason)),
            FromServer::Forget { tasks } => Said::Forget(tasks),
            FromServer::Engines(engines) => {
                let superseded = shared.roster().hear(address, engines, Instant::now());
                shared.supersede(superseded);
                shared.roster_changed.notify_one();
                continue;
            }
            FromServer::Closing => {
                ended = Err((Loss::ComeBack, "is being stopped".to_owned()));
                break;
            }
            FromServer::Refused { code, message } => {
                let loss = if code == REPLACED { Loss::Replaced } else { Loss::Broken };
                ended = Err((loss, format!("refused: {message}")));
                break;
            }
            FromServer::Welcome(_) => continue,
        });
    }
    let (tasks, heard) = shared.hear(line, said);
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
