//! A worker: runs actions in this process for a server elsewhere, over connections that it keeps up by itself: one to each engine of
//! a cluster.
//!
//! The protocol is in `docs/worker-protocol.md`. What this process holds is in `ledger.rs`, where it connects to in `roster.rs`, how it
//! talks in `connection.rs`.

mod connection;
mod dial;
mod ledger;
mod received;
mod roster;

pub use received::{ReceivedState, ReceivedTask};

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use workflow_core::failure::{Failure, code};
use workflow_core::id::ActionName;
use workflow_core::limits::{Limits, size};
use workflow_engine::{AbortReason, ActionResult, Signal};
use workflow_server::protocol::{Given, Welcome};

use crate::action::{self, ActionError, Context, Pending};
use crate::{Error, Options};
use dial::Dialers;
use ledger::{Ledger, LineNumber};
use received::NotATask;
use roster::{Address, Roster};

/// Tasks that a worker takes at the same time, unless told otherwise.
const CONCURRENCY: usize = 256;
/// What runs gets this long to end, and to be delivered, when a worker is closed.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);
/// A farewell is short.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Runs actions for a server. Cloning it is cheap, and all clones are the same worker; with the last one it stops at once, as if
/// the process had ended ([`Worker::close`] is the orderly way).
///
/// It stays connected by itself, in a cluster to every engine. While it is not, what runs goes on, and results are kept until the server has recorded them, so
/// that neither a broken connection nor a server that is started again runs an action twice.
///
/// ```no_run
/// use workflow_do::prelude::*;
///
/// # async fn example() -> Result<(), Error> {
/// Worker::builder("http://127.0.0.1:4747")
///     .action("chargeCard", async |order: serde_json::Value, context| {
///         Ok(json!({ "charged": order["total"], "key": context.idempotency_key() }))
///     })
///     .run_until(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
///     .await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Worker {
    life: Arc<Life>,
}

/// How a worker stands to its server; in a cluster it is connected when it is to one of the engines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerState {
    /// It has never been connected; why the last try failed, once one did.
    Connecting {
        error: Option<String>,
    },
    Connected {
        server_version: String,
    },
    /// What runs goes on. Why there is no connection now.
    Reconnecting {
        error: String,
    },
    Closed,
}

/// What a worker is made of.
#[must_use]
pub struct WorkerBuilder {
    url: String,
    token: Option<String>,
    ca_file: Option<PathBuf>,
    name: Option<String>,
    concurrency: usize,
    abort_grace: Duration,
    close_within: Duration,
    offered: Vec<String>,
    actions: Actions,
}

impl Worker {
    /// For the server at this address: `http://127.0.0.1:4747`. Of a cluster one address is enough to find the others; several, with
    /// commas between them, help when that one is away just then.
    pub fn builder(url: impl Into<String>) -> WorkerBuilder {
        WorkerBuilder {
            url: url.into(),
            token: None,
            ca_file: None,
            name: None,
            concurrency: CONCURRENCY,
            abort_grace: Options::default().abort_grace,
            close_within: CLOSE_WITHIN,
            offered: Vec::new(),
            actions: Actions::default(),
        }
    }

    /// From now on these actions are offered, and no others. What runs goes on.
    pub fn offer<N: Into<String>>(&self, actions: impl IntoIterator<Item = N>) -> Result<(), Error> {
        let actions = checked(actions)?;
        let shared = &self.life.shared;
        shared.ledger().offer(actions);
        Ok(())
    }

    pub fn state(&self) -> WorkerState {
        self.life.shared.state.borrow().clone()
    }

    /// The state as it changes.
    pub fn states(&self) -> watch::Receiver<WorkerState> {
        self.life.shared.state.subscribe()
    }

    /// Ends with the first connection, and never while there is none; false when the worker was closed before.
    pub async fn connected(&self) -> bool {
        let mut states = self.states();
        let settled = |state: &WorkerState| matches!(state, WorkerState::Connected { .. } | WorkerState::Closed);
        states.wait_for(settled).await.is_ok_and(|state| *state != WorkerState::Closed)
    }

    /// Takes nothing any more, gives what runs ten seconds (see [`WorkerBuilder::close_within`]) to end and to be recorded, and
    /// leaves. What has not ended by then is told to stop, and runs again elsewhere.
    pub async fn close(&self) -> Result<(), Error> {
        let shared = &self.life.shared;
        shared.ledger().drain();
        // Without a connection nothing can be delivered, but one may come back in this time.
        let _ = timeout(self.life.close_within, shared.until_nothing_is_held()).await;
        let left = {
            let mut ledger = shared.ledger();
            ledger.leave();
            ledger.held()
        };
        let why = match &*shared.state.borrow() {
            WorkerState::Connecting { error: Some(error) } | WorkerState::Reconnecting { error } => error.clone(),
            _ => "they did not end in time".to_owned(),
        };
        shared.leave.notify_waiters();
        let mut states = self.states();
        let _ = timeout(LEAVE_WITHIN, states.wait_for(|state| *state == WorkerState::Closed)).await;
        self.life.stop();
        if left == 0 { Ok(()) } else { Err(Error::Undelivered { count: left, why }) }
    }
}

impl fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder").field("url", &self.url).field("actions", &self.offered).finish_non_exhaustive()
    }
}

impl WorkerBuilder {
    /// An async closure or function of its params (input and the step's own params together) and its [`Context`], as in
    /// [`Builder::action`](crate::Builder::action).
    pub fn action<P, R, F, A>(mut self, name: impl Into<String>, action: A) -> WorkerBuilder
    where
        P: DeserializeOwned + Send + 'static,
        R: Serialize + 'static,
        F: Future<Output = Result<R, ActionError>> + Send + 'static,
        A: Fn(P, Context) -> F + Send + Sync + 'static,
    {
        let name = name.into();
        let action = action::typed(action);
        let run: Run = Box::new(move |task, signal| action(Context::received(task, signal)));
        self.offered.push(name.clone());
        self.actions.named.insert(name, run);
        self
    }

    /// What runs every action that has none of its own, on raw JSON. For bridges to other languages; which actions it is offered
    /// as is [`WorkerBuilder::offer`].
    pub fn handler<F, A>(mut self, handler: A) -> WorkerBuilder
    where
        F: Future<Output = ActionResult> + Send + 'static,
        A: Fn(ReceivedTask, Signal) -> F + Send + Sync + 'static,
    {
        self.actions.rest = Some(Box::new(move |task, signal| Box::pin(handler(task, signal))));
        self
    }

    /// A PEM file with roots to trust besides the system's, for a server with `https://` and a certificate of one's own.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> WorkerBuilder {
        self.ca_file = Some(path.into());
        self
    }

    /// Actions of the [`handler`](WorkerBuilder::handler). [`Worker::offer`] changes them.
    pub fn offer<N: Into<String>>(mut self, actions: impl IntoIterator<Item = N>) -> WorkerBuilder {
        self.offered.extend(actions.into_iter().map(Into::into));
        self
    }

    /// Tasks that run at the same time, of all actions together; 256 unless told otherwise. Engines of a cluster share them, with one
    /// each at least.
    pub fn concurrency(mut self, tasks: usize) -> WorkerBuilder {
        self.concurrency = tasks.max(1);
        self
    }

    /// Where the server asks for one: a token with the role `worker`, or `admin`.
    pub fn token(mut self, token: impl Into<String>) -> WorkerBuilder {
        self.token = Some(token.into());
        self
    }

    /// For people: who this is, in the server's log.
    pub fn name(mut self, name: impl Into<String>) -> WorkerBuilder {
        self.name = Some(name.into());
        self
    }

    /// What an aborted action gets to clean up before it is dropped; five seconds unless told otherwise.
    pub fn abort_grace(mut self, grace: Duration) -> WorkerBuilder {
        self.abort_grace = grace;
        self
    }

    /// What runs gets this long when the worker is closed; ten seconds unless told otherwise.
    pub fn close_within(mut self, within: Duration) -> WorkerBuilder {
        self.close_within = within;
        self
    }

    /// Begins to work, and to connect for as long as it takes; [`Worker::connected`] waits for it. Must be called on a tokio
    /// runtime.
    pub fn connect(self) -> Result<Worker, Error> {
        let (dialers, given) = Dialers::new(&self.url, self.token, self.ca_file)?;
        let offered = checked(self.offered)?;
        let shared = Arc::new(Shared {
            dialers,
            session: uuid::Uuid::new_v4().simple().to_string(),
            name: self.name,
            actions: self.actions,
            abort_grace: self.abort_grace,
            payload_bytes_max: AtomicUsize::new(Limits::default().payload_bytes_max),
            ledger: Mutex::new(Ledger::new(offered, self.concurrency)),
            roster: Mutex::new(Roster::new(given, Instant::now())),
            state: watch::Sender::new(WorkerState::Connecting { error: None }),
            roster_changed: Notify::new(),
            leave: Notify::new(),
            emptied: Notify::new(),
        });
        let driver = tokio::spawn(connection::drive(shared.clone())).abort_handle();
        Ok(Worker { life: Arc::new(Life { shared, driver, close_within: self.close_within }) })
    }

    /// Works until the process ends.
    pub async fn run(self) -> Result<(), Error> {
        self.run_until(std::future::pending()).await
    }

    /// Works until `shutdown` ends, and then closes in order.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let worker = self.connect()?;
        shutdown.await;
        worker.close().await
    }
}

fn checked<N: Into<String>>(actions: impl IntoIterator<Item = N>) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for action in actions {
        let name = action.into();
        let checked = ActionName::new(&name).map_err(|error| Error::Invalid(error.to_string()))?;
        if checked.is_noop() {
            return Err(Error::Invalid("`noop` is built in and cannot be provided".to_owned()));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

type Run = Box<dyn Fn(ReceivedTask, Signal) -> Pending + Send + Sync>;

/// Who runs what.
#[derive(Default)]
struct Actions {
    named: HashMap<String, Run>,
    rest: Option<Run>,
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.named.keys()).finish()
    }
}

impl Actions {
    async fn call(&self, task: ReceivedTask, signal: Signal) -> ActionResult {
        match self.named.get(&task.action).or(self.rest.as_ref()) {
            Some(run) => run(task, signal).await,
            None => Err(Failure::new(format!("this worker has no action `{}`", task.action)).into()),
        }
    }
}

/// Ends the worker with its last owner.
#[derive(Debug)]
struct Life {
    shared: Arc<Shared>,
    driver: AbortHandle,
    close_within: Duration,
}

impl Life {
    fn stop(&self) {
        self.driver.abort();
        self.shared.ledger().forget_all();
        self.shared.state.send_replace(WorkerState::Closed);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a server says of tasks.
enum Said<'a> {
    Task(Given<'a>),
    Recorded {
        task: Cow<'a, str>,
        keep: bool,
    },
    Abort(Cow<'a, str>, AbortReason),
    /// What these gave is not kept any longer.
    Forget(Vec<Cow<'a, str>>),
}

/// What the worker's owner, its connections and its tasks share.
#[derive(Debug)]
struct Shared {
    dialers: Dialers,
    session: String,
    name: Option<String>,
    actions: Actions,
    abort_grace: Duration,
    /// Of one output, as the server said last.
    payload_bytes_max: AtomicUsize,
    ledger: Mutex<Ledger>,
    roster: Mutex<Roster>,
    state: watch::Sender<WorkerState>,
    /// Other addresses may have to be dialled.
    roster_changed: Notify,
    leave: Notify,
    /// Nothing is held any more, while the worker is being closed.
    emptied: Notify,
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self, task: &Arc<str>, step: &str, result: ActionResult) {
        let result = self.deliverable(step, result);
        self.ledger().finish(task, result);
    }

    /// What the server would not take is a failure, in the words that it would use itself.
    fn deliverable(&self, step: &str, result: ActionResult) -> ActionResult {
        let limit = self.payload_bytes_max.load(Ordering::Relaxed);
        match result {
            Ok(Some(output)) if output.len() > limit => {
                let message = format!("output of `{step}` is {}, the limit is {}", size(output.len()), size(limit));
                Err(Failure::with_code(code::PAYLOAD_TOO_LARGE, message).permanent().into())
            }
            Ok(output) => Ok(output),
            Err(mut error) => {
                error.failure = error.failure.bounded();
                Err(error)
            }
        }
    }

    /// Notes what a frame said, in its order, and gives what is to be run: what is held already is not. Ends with the first that
    /// makes no sense.
    fn hear(&self, line: LineNumber, said: Vec<Said<'_>>) -> (Vec<(ReceivedTask, Signal)>, Result<(), NotATask>) {
        let (mut tasks, mut heard) = (Vec::new(), Ok(()));
        let mut ledger = self.ledger();
        for said in said {
            match said {
                Said::Task(given) => match ReceivedTask::new(given, |task| ledger.kept(line, task)) {
                    Ok(task) => tasks.extend(ledger.take(line, &task.id).map(|signal| (task, signal))),
                    Err(error) => {
                        heard = Err(error);
                        break;
                    }
                },
                Said::Recorded { task, keep } => ledger.record(line, &task, keep),
                Said::Abort(task, why) => ledger.abort(&task, why),
                Said::Forget(tasks) => ledger.forget(line, &tasks),
            }
        }
        if ledger.is_draining() && ledger.held() == 0 {
            self.emptied.notify_waiters();
        }
        (tasks, heard)
    }

    async fn until_nothing_is_held(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.ledger().held() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Ends when the worker leaves.
    async fn leaving(&self) {
        let leave = self.leave.notified();
        if !self.ledger().is_leaving() {
            leave.await;
        }
    }

    fn set_connected(&self, address: &Address, welcome: Welcome) {
        self.payload_bytes_max.store(welcome.payload_bytes_max, Ordering::Relaxed);
        tracing::info!(server = &**address, version = welcome.server.version, "connected");
        self.state.send_replace(WorkerState::Connected { server_version: welcome.server.version });
    }

    /// Ends a connection that another one to the same engine has taken the place of.
    fn supersede(&self, line: Option<LineNumber>) {
        if let Some(line) = line {
            self.ledger().lose(line);
        }
    }

    /// That one server is not reached: the worker is away only when none is.
    fn set_lost(&self, error: String) {
        if self.roster().is_connected() {
            return;
        }
        self.state.send_modify(|state| {
            *state = match state {
                WorkerState::Connecting { .. } => WorkerState::Connecting { error: Some(error) },
                WorkerState::Connected { .. } | WorkerState::Reconnecting { .. } => WorkerState::Reconnecting { error },
                WorkerState::Closed => WorkerState::Closed,
            }
        });
    }
}
