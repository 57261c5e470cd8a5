//! Lists, counts, one execution, workers and actions as pages and the command line show them. Everything is read from the store's
//! indexes and counters, and from what the ring says of the moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use workflow_core::definition::closest;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ActionName, ExecutionId, Version, WorkflowId};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_core::trigger;
use workflow_store::{ClaimKind, Filter, Member, Store, this_process};

use super::{Engine, Shared};
use crate::changes::Watcher;
use crate::overview::{
    ActionView, Attention, AttentionCounts, Counts, DuplicateOf, EventDryRun, EventMatch, ExecutionFilter, HistoryRequest,
    HistorySlice, InspectRequest, Inspected, NodeView, QueueView, RatesView, SeriesView, SizedEntry, StoreView, Summary,
    SummaryPage, SummaryRequest, SystemView, UsedBy, VersionView, WorkerView,
};
use crate::reading::summaries::{self, Now, store_filter};
use crate::reading::{inspect, unread};
use crate::ring::Gauges;
use crate::ring::catalog::Registration;
use crate::ring::look::Look;
use crate::ring::message::{self, Input};
use crate::ring::pulse::{SLOT_MS, Slot};
use crate::ring::slots::{Provider, ProviderKind};
use crate::statistics::histogram::Histogram;
use crate::statistics::{self, ErrorDetail, ErrorFilter, ErrorsPage, Window, WorkflowStatistics};
use crate::{EndpointView, Error, EventRequest};

/// Head rows that are counted one by one where no counter tells; an index takes about 20 ms for so many.
const COUNTED_MAX: u64 = 200_000;

impl Engine {
    pub(crate) async fn look(&self, counts: message::Counts) -> Result<Look, Error> {
        self.ask(|reply| Input::Look { counts, reply }).await
    }

    /// Reads with what is known of the moment.
    pub(crate) async fn read_now<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store, &Now<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read_looking(message::Counts::Left, read).await
    }

    /// The same with what was counted in the present hour.
    async fn read_counted<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store, &Now<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read_looking(message::Counts::Tallies, read).await
    }

    async fn read_looking<T: Send + 'static>(
        &self,
        counts: message::Counts,
        read: impl FnOnce(&dyn Store, &Now<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let look = self.look(counts).await?;
        let shared = self.shared().clone();
        let read = move |store: &dyn Store| {
            let now = shared.clock.now().wall;
            read(store, &Now { shared: &shared, look: &look, now })
        };
        self.shared().readers.run(read).await
    }

    /// Executions, newest first, with what each does or waits for.
    pub async fn summaries(&self, request: SummaryRequest) -> Result<SummaryPage, Error> {
        self.read_now(move |store, now| summaries::summaries(store, now, &request)).await
    }

    /// What these executions are like now, those that the filter means; and those that it does not mean, or that are gone.
    pub async fn changed(
        &self,
        filter: ExecutionFilter,
        ids: Vec<ExecutionId>,
    ) -> Result<(Vec<Summary>, Vec<ExecutionId>), Error> {
        self.read_now(move |store, now| summaries::changed(store, now, &filter, &ids)).await
    }

    /// Follows changes of all executions, from a place that was [seen](Watcher::seen) before or from now on.
    pub fn watch_all(&self, seen: Option<u64>) -> Watcher {
        self.shared().feed.changes.watch(seen)
    }

    /// How many executions there are, by status: from counters, or from an index where a window of time is asked for. The filter's
    /// `statuses` and `text` do not matter, and its `attention` only for `by_status`.
    pub async fn count(&self, filter: ExecutionFilter) -> Result<Counts, Error> {
        let plain = ExecutionFilter { statuses: Vec::new(), attention: None, text: None, ..filter.clone() };
        let base = store_filter(self.shared(), &plain);
        let counts = message::Counts::Waiting(Box::new(base.clone()));
        self.read_looking(counts, move |store, now| count(store, now, &filter, &plain, base)).await
    }

    /// An execution with all that its page shows.
    pub async fn inspect(&self, id: ExecutionId, request: InspectRequest) -> Result<Option<Inspected>, Error> {
        self.read_now(move |store, now| inspect::inspect(store, now, id, request)).await
    }

    /// Entries of a history, in either order.
    pub async fn history_slice(&self, id: ExecutionId, request: HistoryRequest) -> Result<HistorySlice, Error> {
        self.read_now(move |store, now| inspect::slice(store, now, id, &request)).await
    }

    /// One entry of a history, whole.
    pub async fn history_entry(&self, id: ExecutionId, seq: u64) -> Result<Option<SizedEntry>, Error> {
        self.read_now(move |store, now| inspect::entry(store, now, id, seq)).await
    }

    /// How a workflow has fared lately, over all versions or in one. None when there is no such workflow.
    pub async fn statistics(
        &self,
        workflow: &str,
        version: Option<Version>,
        window: Window,
    ) -> Result<Option<WorkflowStatistics>, Error> {
        let Ok(workflow) = WorkflowId::new(workflow) else { return Ok(None) };
        if !self.shared().catalog().workflows().any(|known| *known == workflow) {
            return Ok(None);
        }
        let read = move |store: &dyn Store, now: &Now<'_>| {
            let failures = store.failure_counts().map_err(unread)?;
            statistics::of_workflow(store, now, &failures, &workflow, version, window).map(Some)
        };
        self.read_counted(read).await
    }

    /// The same of every workflow, over all its versions.
    pub async fn statistics_of_all(&self, window: Window) -> Result<BTreeMap<WorkflowId, WorkflowStatistics>, Error> {
        let workflows: Vec<WorkflowId> = self.shared().catalog().workflows().cloned().collect();
        let read = move |store: &dyn Store, now: &Now<'_>| {
            let failures = store.failure_counts().map_err(unread)?;
            let of = |workflow: WorkflowId| {
                let statistics = statistics::of_workflow(store, now, &failures, &workflow, None, window)?;
                Ok((workflow, statistics))
            };
            workflows.into_iter().map(of).collect()
        };
        self.read_counted(read).await
    }

    /// Failures of late, by what they have in common.
    pub async fn errors(&self, filter: ErrorFilter) -> Result<ErrorsPage, Error> {
        self.read_counted(move |store, now| statistics::errors(store, now, &filter)).await
    }

    /// One kind of failure. None when there is nothing of it.
    pub async fn error(&self, filter: ErrorFilter, fingerprint: Fingerprint) -> Result<Option<ErrorDetail>, Error> {
        self.read_counted(move |store, now| statistics::error(store, now, &filter, fingerprint)).await
    }

    /// All versions of a workflow, the newest first, and how many executions each has. None when there is no such workflow.
    pub async fn versions(&self, workflow: &str) -> Result<Option<Vec<VersionView>>, Error> {
        let registered: Vec<_> = {
            let catalog = self.shared().catalog();
            catalog.every().filter(|registration| registration.definition.id.as_str() == workflow).cloned().collect()
        };
        if registered.is_empty() {
            return Ok(None);
        }
        let workflow = workflow.to_owned();
        self.shared()
            .readers
            .run(move |store| {
                let counts = store.version_counts().map_err(unread)?;
                let of = |version: Version| counts.iter().filter(move |count| count.version == version);
                let view = |registration: &Arc<Registration>| {
                    let counted = || of(registration.version).filter(|count| count.workflow == workflow);
                    VersionView {
                        version: registration.version,
                        created_at: registration.created_at,
                        hash: Fingerprint::of(registration.definition.source.text()).to_string(),
                        steps: registration.definition.steps.len(),
                        active: counted().filter(|count| !count.status.has_ended()).map(|count| count.count).sum(),
                        executions: counted().map(|count| count.count).sum(),
                    }
                };
                Ok(Some(registered.iter().rev().map(view).collect()))
            })
            .await
    }

    /// What an event would start, if it were sent now. Nothing is started.
    pub async fn event_dry_run(&self, request: EventRequest) -> Result<EventDryRun, Error> {
        let EventRequest { event, data, id, source } = request;
        let mut matches = Vec::new();
        let mut patterns = Vec::new();
        {
            let catalog = self.shared().catalog();
            for registration in catalog.all() {
                let definition = &registration.definition;
                patterns.extend(definition.triggers.iter().map(|trigger| trigger.event.as_str().to_owned()));
                for explained in trigger::explain(definition, &event, &data) {
                    matches.push(EventMatch::new(registration, explained, &self.missing_actions(registration)));
                }
            }
        }
        let suggestion = if matches.is_empty() {
            closest(event.as_str(), patterns.iter().map(String::as_str)).map(str::to_owned)
        } else {
            None
        };
        let claimed = match id {
            None => None,
            Some(id) => {
                let scope = source.unwrap_or_default();
                let held = move |store: &dyn Store| store.claim(ClaimKind::EventId, &scope, id.as_str()).map_err(unread);
                self.shared().readers.run(held).await?
            }
        };
        let duplicate_of = claimed.map(|taken| DuplicateOf { executions: taken.executions });
        Ok(EventDryRun { matches, duplicate_of, suggestion })
    }

    /// Actions of a workflow that nobody provides.
    fn missing_actions(&self, registration: &Registration) -> Vec<ActionName> {
        registration.actions.iter().filter(|action| self.shared().slots_for(action) == 0).cloned().collect()
    }

    /// How busy the engine is, and what its store holds.
    pub async fn system(&self) -> Result<SystemView, Error> {
        let started_at = self.shared().started_at;
        let (gauges, ready) = (self.gauges(), self.is_ready());
        self.read_looking(message::Counts::Pulse, move |store, now| system(store, now, gauges, ready, started_at)).await
    }

    /// The engines that share the work: [`Engine::members`], and where there is only ever one, this one with everything.
    pub async fn nodes(&self) -> Result<Vec<NodeView>, Error> {
        let mut members = self.members().await?;
        if members.is_empty() {
            let Shared { session, started_at, .. } = &**self.shared();
            members.push(Member {
                id: session.as_str().to_owned(),
                name: this_process(),
                url: None,
                joined_at: *started_at,
                ranges: self.shared().owned(),
                lapsed: false,
                is_self: true,
                batch: 0,
            });
        }
        Ok(members.into_iter().map(NodeView::from).collect())
    }

    /// What the engine's clock says.
    pub fn now(&self) -> Timestamp {
        self.shared().clock.now().wall
    }

    /// Whoever runs actions.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, Error> {
        let (look, endpoints) = (self.look(message::Counts::Sessions).await?, self.endpoints().await?);
        Ok(workers(self.shared(), &look, &endpoints))
    }

    /// Every action that somebody provides or a workflow names; first those that are wanted and that nobody provides.
    pub async fn actions(&self) -> Result<Vec<ActionView>, Error> {
        let endpoints = self.endpoints().await?;
        self.read_now(move |store, now| actions(store, now, &endpoints)).await
    }
}

/// `plain` is the filter without what does not matter here, and `base` what that means to the store.
fn count(
    store: &dyn Store,
    now: &Now<'_>,
    filter: &ExecutionFilter,
    plain: &ExecutionFilter,
    base: Filter,
) -> Result<Counts, Error> {
    let shown = match filter.attention {
        Some(Attention::Retrying) => Some(Filter { retrying: true, ..base.clone() }),
        _ => Some(base.clone()).filter(|_| filter.attention.is_none()),
    };
    let mut exact = true;
    let mut by_status: BTreeMap<&'static str, u64> = Status::ALL.iter().map(|status| (status.as_str(), 0)).collect();
    if let Some(shown) = shown {
        let counted = store.count(&without_narrowing(&shown, plain), COUNTED_MAX).map_err(unread)?;
        exact = !counted.incomplete;
        for (status, count) in counted.by_status {
            by_status.insert(status.as_str(), count);
        }
    }
    let retrying = store.count(&Filter { retrying: true, ..base.clone() }, COUNTED_MAX).map_err(unread)?;
    let unprovided = now.unprovided();
    let parked = match unprovided.as_slice() {
        [] => workflow_store::Counted::default(),
        actions => store.count(&Filter { parked: actions.to_vec(), ..base.clone() }, COUNTED_MAX).map_err(unread)?,
    };
    let attention = AttentionCounts {
        retrying: retrying.by_status.values().sum(),
        no_worker: parked.by_status.values().sum::<u64>() + now.waiting.count,
        overdue: summaries::overdue_of(store, now, &base)?,
    };
    exact &= !retrying.incomplete && !parked.incomplete && !now.waiting.incomplete;
    Ok(Counts { by_status, attention, exact, as_of: now.now })
}

/// A version alone is in the counters: the time that it was the newest does not matter.
fn without_narrowing(filter: &Filter, asked: &ExecutionFilter) -> Filter {
    Filter { started_after: asked.started_after, started_before: asked.started_before, ..filter.clone() }
}

fn system(store: &dyn Store, now: &Now<'_>, gauges: Gauges, ready: bool, started_at: Timestamp) -> Result<SystemView, Error> {
    let health = store.health();
    let executions = store.counts().map_err(unread)?.iter().map(|(_, _, count)| count).sum();
    let waiting: usize = now.queues.iter().map(|queue| queue.count).sum();
    let oldest = now.queues.iter().flat_map(|queue| queue.executions.first()).min();
    let slots = now.pulse.slots(now.now);
    let lately = &slots[slots.len().saturating_sub(3)..slots.len().saturating_sub(1)];
    let per_second = |count: fn(&Slot) -> u64| {
        let seconds = lately.len() as f64 * (SLOT_MS as f64 / 1_000.0);
        lately.iter().map(count).sum::<u64>() as f64 / seconds.max(1.0)
    };
    let mut took = Histogram::default();
    slots.iter().for_each(|slot| took.add(&slot.took));
    let p99 = |took: &Histogram| took.percentile(99).map(|us| us as f64 / 1_000.0);
    Ok(SystemView {
        started_at,
        server_time: now.now,
        uptime_ms: now.now.since(started_at).get(),
        ready,
        store: StoreView {
            bytes: health.file_bytes,
            log_bytes: health.log_bytes,
            disk_free_bytes: health.disk_free_bytes,
            schema: health.schema,
            executions,
        },
        queue: QueueView {
            ready: waiting,
            running: gauges.attempts_in_flight,
            queued: gauges.queued_commands,
            resident: gauges.resident_executions,
            resident_bytes: gauges.resident_bytes,
            oldest_ms: oldest.map(|id| now.now.since(id.at()).get()),
        },
        rates: RatesView {
            starts: per_second(|slot| slot.starts),
            ends: per_second(|slot| slot.ends),
            steps: per_second(|slot| slot.steps),
            commits: per_second(|slot| slot.commits),
        },
        commit_p99_ms: p99(&took),
        series: SeriesView {
            every_ms: SLOT_MS,
            from: Timestamp::from_millis(slots.first().map_or(0, |slot| slot.number * SLOT_MS)),
            starts: slots.iter().map(|slot| slot.starts).collect(),
            ends: slots.iter().map(|slot| slot.ends).collect(),
            steps: slots.iter().map(|slot| slot.steps).collect(),
            running: slots.iter().map(|slot| slot.running).collect(),
            commit_p99_ms: slots.iter().map(|slot| p99(&slot.took).unwrap_or_default()).collect(),
        },
    })
}

/// How a provider is called.
fn named(provider: &Provider, endpoints: &[EndpointView]) -> (String, &'static str) {
    match &provider.kind {
        ProviderKind::InProcess => ("in-process".to_owned(), "inProcess"),
        ProviderKind::Worker { session } => (session.to_string(), "worker"),
        ProviderKind::Endpoint => {
            let of = endpoints.iter().find(|endpoint| endpoint.provider == provider.id);
            (of.map_or_else(|| "endpoint".to_owned(), |endpoint| endpoint.name.to_string()), "endpoint")
        }
    }
}

fn workers(shared: &Shared, look: &Look, endpoints: &[EndpointView]) -> Vec<WorkerView> {
    let mut workers: BTreeMap<(&'static str, String), WorkerView> = BTreeMap::new();
    for provider in shared.all_providers() {
        let (id, kind) = named(&provider, endpoints);
        let worker = workers.entry((kind, id.clone())).or_insert_with(|| WorkerView::new(id, kind));
        worker.actions.extend(provider.actions.iter().cloned());
        worker.running += look.used.get(&provider.id).copied().unwrap_or_default();
        worker.slots += provider.limit;
    }
    for (provider, session) in &look.sessions {
        let id = session.session.to_string();
        let new = || WorkerView {
            running: look.used.get(provider).copied().unwrap_or_default(),
            ..WorkerView::new(id.clone(), "worker")
        };
        let worker = workers.entry(("worker", id.clone())).or_insert_with(new);
        if let Some(name) = &session.name {
            worker.name.clone_from(name);
        }
        (worker.connected_at, worker.last_seen, worker.away) = (session.connected_at, session.last_seen, session.away);
    }
    for endpoint in endpoints {
        let name = endpoint.name.to_string();
        let new = || WorkerView { actions: endpoint.actions.clone(), ..WorkerView::new(name.clone(), "endpoint") };
        let worker = workers.entry(("endpoint", name.clone())).or_insert_with(new);
        worker.unreachable.clone_from(&endpoint.unreachable);
    }
    let mut workers: Vec<WorkerView> = workers.into_values().collect();
    workers.iter_mut().for_each(|worker| worker.actions.sort());
    workers
}

fn actions(store: &dyn Store, now: &Now<'_>, endpoints: &[EndpointView]) -> Result<Vec<ActionView>, Error> {
    let new = |action: &ActionName| ActionView {
        action: action.clone(),
        providers: Vec::new(),
        slots: 0,
        used_by: Vec::new(),
        waiting: 0,
        waiting_exact: true,
        oldest_since: None,
    };
    let mut actions: BTreeMap<ActionName, ActionView> = BTreeMap::new();
    for provider in now.shared.all_providers() {
        let (id, _) = named(&provider, endpoints);
        for action in &provider.actions {
            let view = actions.entry(action.clone()).or_insert_with(|| new(action));
            view.slots += provider.limit;
            view.providers.push(id.clone());
        }
    }
    for registration in now.shared.catalog().all() {
        for action in &registration.actions {
            let steps = registration.definition.steps.iter().filter(|step| step.action == *action);
            let (workflow_id, version) = (registration.definition.id.clone(), registration.version);
            let used = UsedBy { workflow_id, version, step_ids: steps.map(|step| step.id.clone()).collect() };
            actions.entry(action.clone()).or_insert_with(|| new(action)).used_by.push(used);
        }
    }
    for queue in &now.look.queues {
        let view = actions.entry(queue.action.clone()).or_insert_with(|| new(&queue.action));
        view.waiting += queue.count as u64;
        view.oldest_since = earliest(view.oldest_since, queue.executions.iter().min().map(|id| id.at()));
    }
    for (action, view) in &mut actions {
        let filter = Filter { parked: vec![action.clone()], ..Filter::default() };
        let parked = store.count(&filter, 10_000).map_err(unread)?;
        view.waiting += parked.by_status.values().sum::<u64>();
        view.waiting_exact = !parked.incomplete;
        let oldest = store.parked(action, None, 1).map_err(unread)?;
        view.oldest_since = earliest(view.oldest_since, oldest.first().map(|id| id.at()));
    }
    let mut actions: Vec<ActionView> = actions.into_values().collect();
    actions.sort_by_key(|view| (view.slots > 0 || view.waiting == 0, view.slots > 0, view.action.clone()));
    Ok(actions)
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}
