//! The engine as its callers see it.

mod control;
mod define;
mod elsewhere;
mod endpoints;
mod overview;
mod read;
mod run;
mod session;
mod shared;
mod start;
mod tokens;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use workflow_core::id::{ActionName, Caller, SessionId};
use workflow_core::limits::Limits;
use workflow_store::{Filter, Member, Ranges, Store};

use crate::clock::{Clock, SystemClock};
use crate::dispatch::Dispatcher;
use crate::driver::Driver;
use crate::ring::message::{Changed, Input, Reply};
use crate::ring::sessions::ENGINE_PREFIX;
use crate::ring::slots::{Provider, ProviderKind};
use crate::ring::{Gauges, Opened, Ring};
use crate::{ActionResult, Error, Handler, Options};

pub use session::{Join, Session, SessionEvent, TaskId};
pub(crate) use shared::Shared;
pub use watch::Watch;

/// Threads that answer who wants to read.
const READERS: usize = 2;

/// A running engine. Cloning it is cheap, and all clones are the same engine; with the last one it stops at once, as if the
/// process had ended ([`Engine::shutdown`] is the orderly way).
///
/// Every call answers when what it did is durable, and not before.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) life: Arc<Life>,
    /// Who calls through this handle.
    pub(crate) by: Option<Caller>,
}

#[derive(Debug)]
pub(crate) struct Life {
    shared: Arc<Shared>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.shared.inbox.halt();
    }
}

impl Engine {
    /// Opens the engine on a store: what was in flight in its former process is interrupted and runs again, what remote workers run
    /// goes on if they come back (see [`Options::worker_grace`]), what fell due fires. Must be called on a
    /// tokio runtime: in-process actions and calls to endpoints run on it. When one is alone, and the runtime has several threads,
    /// its future is polled for the first time on a thread of the engine, inside the runtime's context.
    pub async fn open(store: impl Store, options: Options) -> Result<Engine, Error> {
        Engine::open_with(store, options, Arc::new(SystemClock::default())).await
    }

    /// The same on another clock, for tests.
    pub async fn open_with(store: impl Store, options: Options, clock: Arc<dyn Clock>) -> Result<Engine, Error> {
        Engine::open_on(Arc::new(store), options, clock).await
    }

    /// The same on a store of which only the address says what it is. It is let go when the engine is closed.
    pub async fn open_on(store: Arc<dyn Store>, options: Options, clock: Arc<dyn Clock>) -> Result<Engine, Error> {
        let random = uuid::Uuid::now_v7().as_u128() as u64;
        let session =
            SessionId::new(&format!("{ENGINE_PREFIX}{:012x}", random & 0xffff_ffff_ffff)).expect("hex digits are a valid id");
        let shared = Arc::new(Shared::new(clock, &options, &store, session.clone())?);
        let (changed, batch, newest) = shared
            .readers
            .run(|store| {
                if let Some(from) = workflow_store::unfinished(store).map_err(crate::reading::unread)? {
                    return Err(Error::UnfinishedMove { from });
                }
                let newest = Filter { limit: 1, ..Filter::default() };
                let read = || Ok((Changed::read(store)?, store.batch()?, store.executions(&newest)?.heads));
                read().map_err(crate::reading::unread)
            })
            .await?;
        let Changed { number: catalog_number, catalog, endpoints, tokens } = changed;
        *shared.catalog_mut() = catalog.clone();
        let newest = newest.first().map(|head| head.started_at);
        shared.tokens.send_replace(tokens.clone());
        let (at, owned) = (shared.clock.now().mono, store.owned());
        let opened = Opened { catalog, tokens, batch, session, seed: random, at, newest, owned, catalog_number };
        let handlers = shared.handlers.clone();
        let dispatcher =
            Dispatcher::new(Handle::current(), handlers, shared.inbox.clone(), shared.lease.clone(), options.abort_grace);
        Driver::start(Ring::new(options, opened), shared.clone(), dispatcher, &store)?;
        shared.set_ready(!owned.is_empty());
        let heard = Arc::downgrade(&shared);
        store.attend(Box::new(move |notice| {
            if let Some(shared) = heard.upgrade() {
                shared.hear(notice);
            }
        }));
        let inbox = Arc::downgrade(&shared.inbox);
        shared.clock.subscribe(Box::new(move || {
            if let Some(inbox) = inbox.upgrade() {
                inbox.poke();
            }
        }));
        let engine = Engine { life: Arc::new(Life { shared }), by: None };
        engine.open_endpoints(endpoints);
        // Of a store that only ever has one engine nothing is elsewhere, and nobody wakes up to look for it.
        if catalog_number.is_some() || owned != Ranges::ALL {
            engine.watch_elsewhere(owned);
        }
        engine.resume_jobs(owned).await?;
        Ok(engine)
    }

    /// The same engine, for calls that somebody made: what they start or move has `by` in its entry of the history. A repetition,
    /// whoever makes it, leaves the entry as it is.
    #[must_use]
    pub fn by(&self, caller: Caller) -> Engine {
        Engine { life: self.life.clone(), by: Some(caller) }
    }

    /// Runs an action in this process, at most `limit` at the same time. An action that was given before is replaced.
    pub fn provide(&self, action: ActionName, limit: usize, handler: Handler) {
        let shared = self.shared();
        if action.is_noop() {
            return tracing::warn!("`noop` is built in and cannot be provided");
        }
        let id = shared.in_process_id(&action);
        shared.handlers.insert(id, handler);
        let provider = Provider { id, kind: ProviderKind::InProcess, actions: vec![action], limit: limit.max(1) };
        shared.provide(provider);
    }

    /// What came of attempts that a [`Runner`](crate::Runner) was given.
    pub fn finished(&self, results: impl IntoIterator<Item = (TaskId, ActionResult)>) {
        let finished = |(id, result): (TaskId, ActionResult)| Input::Finished {
            attempt: id.into(),
            outcome: crate::dispatch::outcome(result),
        };
        // Made before the inbox is locked.
        let finished: Vec<Input> = results.into_iter().map(finished).collect();
        self.shared().inbox.push_all(finished);
    }

    /// At most so many attempts run in this process at the same time, all actions together: [`Options::in_process_max`], changed
    /// while it runs. With 0 none begins, so that actions can be provided before they are able to work.
    pub fn limit_in_process(&self, max: usize) {
        self.shared().inbox.push(Input::LimitInProcess(max));
    }

    /// Workers may come from outside: a missing action is no error any more (see [`Options::require_actions`]).
    pub fn expect_workers(&self) {
        self.shared().inbox.push(Input::ExpectWorkers);
    }

    /// The actions that any version of any definition names: what somebody may be asked to run. `noop` is not among them.
    pub fn actions_named(&self) -> BTreeSet<ActionName> {
        self.shared().catalog().every().flat_map(|registration| registration.actions.iter().cloned()).collect()
    }

    /// The engines that work on the same store, this one among them; none where there is only ever one.
    pub async fn members(&self) -> Result<Vec<Member>, Error> {
        self.shared().readers.run(|store| store.members().map_err(crate::reading::unread)).await
    }

    /// Whether the store can be written, the engine is not shutting down, and it has a share of the executions: `/readyz`.
    pub fn is_ready(&self) -> bool {
        self.shared().is_ready()
    }

    /// Whether nothing is started here because other engines own everything so far.
    pub fn has_no_share(&self) -> bool {
        // With nothing to do it closes in a moment, so that who closes is not asked for.
        self.shared().owned().is_empty() && !*self.shared().when_closed().borrow()
    }

    /// Changes whenever another engine has come or gone.
    pub fn members_changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.shared().members.subscribe()
    }

    pub fn limits(&self) -> &Limits {
        &self.shared().limits
    }

    /// See [`Options::worker_grace`].
    pub fn worker_grace(&self) -> Duration {
        self.shared().worker_grace
    }

    pub fn gauges(&self) -> Gauges {
        self.shared().gauges()
    }

    /// Waits until nothing is left to do before time passes, an attempt ends or a call comes in. For tests: on a
    /// [`SimulatedClock`](crate::clock::SimulatedClock) everything that had fallen due has been done then, and its actions have begun.
    pub async fn quiet(&self) -> Result<(), Error> {
        let mut closed = self.shared().when_closed();
        tokio::select! {
            told = self.when_handed_out() => told,
            _ = closed.wait_for(|closed| *closed) => Err(Error::Closed),
        }
    }

    async fn when_handed_out(&self) -> Result<(), Error> {
        self.shared().when_quiet().await.map_err(|_| Error::Closed)?;
        self.shared().handlers.all_begun().await;
        Ok(())
    }

    /// Starts nothing any more, waits for what runs for at most `grace`, interrupts the rest, commits, and closes the store.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), Error> {
        let shared = self.shared();
        let until = shared.clock.now().mono + grace;
        let mut closed = shared.when_closed();
        shared.inbox.push(Input::Shutdown { until });
        // The sender lives in what this engine shares.
        let ended = closed.wait_for(|closed| *closed);
        if shared.clock.passes() {
            let _ = ended.await;
        } else if tokio::time::timeout(grace, ended).await.is_err() {
            // On a clock that is set by hand the grace would last until somebody sets it.
            shared.inbox.push(Input::Shutdown { until: shared.clock.now().mono });
            let _ = shared.when_closed().wait_for(|closed| *closed).await;
        }
        Ok(())
    }

    /// Waits until the engine is closed, by whomever: also when another one has taken over what it owned.
    pub async fn closed(&self) {
        let _ = self.shared().when_closed().wait_for(|closed| *closed).await;
    }

    /// Stops at once, as if the process had ended: nothing is interrupted, nobody is answered, and what is durable is there for
    /// the next engine. Answers when the store has been let go.
    pub async fn abandon(&self) {
        self.shared().inbox.halt();
        let _ = self.shared().when_closed().wait_for(|closed| *closed).await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.life.shared
    }

    /// Puts something to the ring and waits for its answer.
    pub(crate) async fn ask<T>(&self, input: impl FnOnce(Reply<T>) -> Input) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.shared().inbox.push(input(reply));
        answer.await.unwrap_or(Err(Error::Closed))
    }
}
