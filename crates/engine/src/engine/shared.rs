//! What the callers' side and the driver share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use workflow_core::definition::StepIndex;
use workflow_core::id::{ActionName, EndpointName, SessionId, Version, WorkflowId};
use workflow_core::time::{Millis, Timestamp};
use workflow_store::{Lease, Notice, Ranges, Store};

use super::READERS;
use super::endpoints::EndpointState;
use crate::clock::{Clock, Mono};
use crate::dispatch::Handlers;
use crate::endpoint::Allowed;
use crate::feed::Feed;
use crate::inbox::Inbox;
use crate::readers::Readers;
use crate::reading;
use crate::ring::catalog::{Catalog, Registration};
use crate::ring::message::{Changed, Input};
use crate::ring::slots::{Provider, ProviderId};
use crate::ring::{Gauges, Ring};
use crate::token::Tokens;
use crate::{Error, Jobs, Options};

#[derive(Debug)]
pub struct Shared {
    pub inbox: Arc<Inbox>,
    pub clock: Arc<dyn Clock>,
    pub readers: Readers,
    pub feed: Arc<Feed>,
    pub handlers: Arc<Handlers>,
    pub lease: Lease,
    pub limits: workflow_core::limits::Limits,
    pub worker_grace: Duration,
    pub endpoint_hosts: Allowed,
    client: OnceLock<reqwest::Client>,
    catalog: RwLock<Catalog>,
    providers: Mutex<Providers>,
    pub(super) endpoints: Mutex<BTreeMap<EndpointName, EndpointState>>,
    /// Those that are durable.
    pub tokens: watch::Sender<Arc<Tokens>>,
    ready: AtomicBool,
    gauges: Mutex<Gauges>,
    closed: watch::Sender<bool>,
    quiet: Mutex<Vec<oneshot::Sender<()>>>,
    next_provider: AtomicU64,
    /// This life of the engine.
    pub session: SessionId,
    pub started_at: Timestamp,
    pub jobs: Jobs,
    /// Whose executions this engine decides about, as far as the callers' side knows.
    owned: AtomicU64,
    /// How often other engines have come or gone.
    pub members: watch::Sender<u64>,
    /// Something that was asked of other engines may have been answered.
    pub answered: tokio::sync::Notify,
    usual: Mutex<BTreeMap<(WorkflowId, Version), Usual>>,
}

/// How long the steps of a version usually take.
#[derive(Debug)]
struct Usual {
    at: Mono,
    p95s: BTreeMap<StepIndex, Millis>,
}

/// What is usual does not change in this time.
const USUAL_KEPT: Duration = Duration::from_secs(30);

/// Who provides what: for people, and to name a provider again.
#[derive(Debug, Default)]
struct Providers {
    all: BTreeMap<ProviderId, Provider>,
    /// Of all of them together.
    slots: BTreeMap<ActionName, usize>,
    in_process: BTreeMap<ActionName, ProviderId>,
    unprovided: Vec<ActionName>,
}

impl Providers {
    fn insert(&mut self, provider: Provider) {
        self.remove(provider.id);
        for action in provider.actions.iter().collect::<BTreeSet<_>>() {
            *self.slots.entry(action.clone()).or_default() += provider.limit;
        }
        self.all.insert(provider.id, provider);
    }

    fn remove(&mut self, id: ProviderId) {
        let Some(provider) = self.all.remove(&id) else { return };
        for action in provider.actions.iter().collect::<BTreeSet<_>>() {
            if let Some(slots) = self.slots.get_mut(action) {
                *slots -= provider.limit;
                if *slots == 0 {
                    self.slots.remove(action);
                }
            }
        }
    }
}

impl Shared {
    pub fn new(clock: Arc<dyn Clock>, options: &Options, store: &Arc<dyn Store>, session: SessionId) -> Result<Shared, Error> {
        let started_at = clock.now().wall;
        Ok(Shared {
            inbox: Arc::new(Inbox::default()),
            clock,
            readers: Readers::new("workflow-reader", READERS, store)?,
            feed: Arc::new(Feed::default()),
            handlers: Arc::new(Handlers::default()),
            lease: store.lease(),
            limits: options.limits.clone(),
            worker_grace: options.worker_grace,
            endpoint_hosts: Allowed::new(&options.endpoint_hosts)?,
            client: OnceLock::new(),
            catalog: RwLock::new(Catalog::default()),
            providers: Mutex::new(Providers::default()),
            endpoints: Mutex::new(BTreeMap::new()),
            tokens: watch::Sender::default(),
            ready: AtomicBool::new(true),
            gauges: Mutex::new(Gauges::default()),
            closed: watch::Sender::new(false),
            quiet: Mutex::default(),
            next_provider: AtomicU64::new(1),
            usual: Mutex::default(),
            session,
            started_at,
            jobs: Jobs::default(),
            owned: AtomicU64::new(store.owned().to_bits()),
            members: watch::Sender::new(0),
            answered: tokio::sync::Notify::new(),
        })
    }

    pub fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn catalog_mut(&self) -> RwLockWriteGuard<'_, Catalog> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version that an execution is pinned to.
    pub fn registration(&self, store: &dyn Store, workflow: &str, version: Version) -> Result<Arc<Registration>, Error> {
        if let Some(registration) = self.catalog().version(workflow, version) {
            return Ok(registration.clone());
        }
        // It may have become durable a moment ago.
        let stored = reading::catalog(store)?;
        stored.version(workflow, version).cloned().ok_or_else(|| reading::missing_definition(workflow, version))
    }

    /// The client that calls endpoints.
    pub fn client(&self) -> Result<reqwest::Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = crate::endpoint::client(&self.endpoint_hosts)?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    pub fn new_provider_id(&self) -> ProviderId {
        ProviderId(self.next_provider.fetch_add(1, Ordering::Relaxed))
    }

    /// The id of the provider of an action in this process: always the same, so that a new handler replaces the old one.
    pub fn in_process_id(&self, action: &ActionName) -> ProviderId {
        let mut providers = self.providers();
        if let Some(id) = providers.in_process.get(action) {
            return *id;
        }
        let id = self.new_provider_id();
        providers.in_process.insert(action.clone(), id);
        id
    }

    pub fn provide(&self, provider: Provider) {
        self.list(provider.clone());
        self.inbox.push(Input::Provide(provider));
    }

    /// Notes who provides what, for people who ask.
    pub fn list(&self, provider: Provider) {
        self.providers().insert(provider);
    }

    pub fn unlist(&self, id: ProviderId) {
        self.providers().remove(id);
    }

    pub fn withdraw(&self, id: ProviderId) {
        self.unlist(id);
        self.handlers.remove(id);
        self.inbox.push(Input::Withdraw(id));
    }

    fn providers(&self) -> MutexGuard<'_, Providers> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long 95 of 100 attempts of each step take, where enough of them are known; read again after a while.
    pub fn p95s(
        &self,
        workflow: &WorkflowId,
        version: Version,
        read: impl FnOnce() -> Result<BTreeMap<StepIndex, Millis>, Error>,
    ) -> Result<BTreeMap<StepIndex, Millis>, Error> {
        let (of, now) = ((workflow.clone(), version), self.clock.now().mono);
        let known = |known: &Usual| now.since(known.at) < USUAL_KEPT;
        if let Some(usual) = self.usual().get(&of).filter(|usual| known(usual)) {
            return Ok(usual.p95s.clone());
        }
        let p95s = read()?;
        let mut kept = self.usual();
        kept.retain(|_, usual| known(usual));
        kept.insert(of, Usual { at: now, p95s: p95s.clone() });
        Ok(p95s)
    }

    fn usual(&self) -> MutexGuard<'_, BTreeMap<(WorkflowId, Version), Usual>> {
        self.usual.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody who provides anything.
    pub fn all_providers(&self) -> Vec<Provider> {
        self.providers().all.values().cloned().collect()
    }

    /// How many slots there are for an action, taken or not.
    pub fn slots_for(&self, action: &ActionName) -> usize {
        self.providers().slots.get(action).copied().unwrap_or(0)
    }

    /// Why a ready step has not begun, as far as it is known now.
    pub fn why_no_slot(&self, action: &ActionName) -> Option<String> {
        let slots = self.providers().slots.get(action).copied();
        Some(match slots.unwrap_or(0) {
            0 => format!("no worker provides `{action}`"),
            1 => format!("the one slot for `{action}` is taken"),
            slots => format!("all {slots} slots for `{action}` are taken"),
        })
    }

    /// Actions that a ready step wants and that nobody provides.
    pub fn unprovided(&self) -> Vec<ActionName> {
        self.providers().unprovided.clone()
    }

    /// What the store says of other engines.
    pub fn hear(&self, notice: Notice) {
        let input = match notice {
            Notice::Lost(fault) => Input::Fenced(fault),
            Notice::Owns(ranges) => {
                self.owned.fetch_or(ranges.to_bits(), Ordering::SeqCst);
                Input::Owns(ranges)
            }
            Notice::Share { count, to } => Input::Share { count, to },
            Notice::Asked => Input::Asked,
            Notice::Catalog => Input::CatalogChanged { reply: None },
            Notice::Answered => return self.answered.notify_waiters(),
            Notice::Members => return self.members.send_modify(|changes| *changes += 1),
        };
        self.inbox.push(input);
    }

    /// What it watched here becomes durable elsewhere from now on.
    pub fn given(&self, ranges: Ranges) {
        self.owned.fetch_and(!ranges.to_bits(), Ordering::SeqCst);
        self.feed.let_go(ranges);
        self.jobs.let_go(ranges);
    }

    pub fn owned(&self) -> Ranges {
        Ranges::from_bits(self.owned.load(Ordering::SeqCst))
    }

    /// What other engines have changed.
    pub fn changed(&self, changed: Changed) {
        let Changed { catalog, endpoints, tokens, .. } = changed;
        *self.catalog_mut() = catalog;
        drop(self.tokens.send_replace(tokens));
        self.endpoints_are(endpoints);
    }

    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::SeqCst);
    }

    pub fn gauges(&self) -> Gauges {
        *self.gauges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the ring is like after a turn.
    pub fn look_at(&self, ring: &mut Ring) {
        *self.gauges.lock().unwrap_or_else(PoisonError::into_inner) = ring.gauges();
        if ring.wants_change() {
            self.providers().unprovided = ring.unprovided();
        }
    }

    /// Nothing is done any more: callers are answered, and the store is let go.
    pub fn closed(&self) {
        self.set_ready(false);
        self.inbox.halt();
        self.readers.close();
        self.feed.close();
        self.closed.send_replace(true);
    }

    /// Told once the ring has nothing left to do. The ring looks at what has come in before it says so.
    pub fn when_quiet(&self) -> oneshot::Receiver<()> {
        let (quiet, told) = oneshot::channel();
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner).push(quiet);
        self.inbox.poke();
        told
    }

    /// Nothing is left to do of what had come in by now.
    pub fn tell_quiet(&self) {
        let mut waiting = std::mem::take(&mut *self.quiet.lock().unwrap_or_else(PoisonError::into_inner));
        // Whoever began to wait while the ring was at work may have asked for something just before. Not looked at first: it could come
        // in between.
        if !self.inbox.is_empty() {
            return self.quiet.lock().unwrap_or_else(PoisonError::into_inner).append(&mut waiting);
        }
        for waiter in waiting {
            // One who has gone away does not want to know.
            let _ = waiter.send(());
        }
    }

    pub fn when_closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }
}
