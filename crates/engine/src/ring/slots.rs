//! Who runs which action, how much of it at the same time, and which executions want a slot.

use std::collections::{BTreeMap, BTreeSet};

use workflow_core::id::{ActionName, ExecutionId, SessionId};
use workflow_core::mutation::mutated;

use super::look::Queue;

/// Whoever runs actions: an action in this process, an endpoint, the session of a remote worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub u64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub id: ProviderId,
    pub kind: ProviderKind,
    pub actions: Vec<ActionName>,
    /// Attempts at the same time, of all its actions together.
    pub limit: usize,
}

/// In the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderKind {
    InProcess,
    Endpoint,
    /// Attempts that begin there belong to its session.
    Worker {
        session: SessionId,
    },
}

#[derive(Debug)]
struct Place {
    provider: Provider,
    used: usize,
    /// It gives no more slots; gone when the last is given back.
    withdrawn: bool,
}

/// The providers of one action: those in the process first, the others in turn.
#[derive(Debug, Default)]
struct Providers {
    in_process: Vec<ProviderId>,
    others: Vec<ProviderId>,
    next: usize,
}

#[derive(Debug)]
pub struct Slots {
    places: BTreeMap<ProviderId, Place>,
    actions: BTreeMap<ActionName, Providers>,
    in_process_used: usize,
    in_process_max: usize,
    /// Executions that want a slot of an action, in the order in which they asked: each gets one, then it is the next one's turn.
    queues: BTreeMap<ActionName, BTreeMap<u64, ExecutionId>>,
    next_ticket: u64,
    /// Actions of which a slot may have come free since they were last served.
    freed: BTreeSet<ActionName>,
    /// Actions with free slots that are wanted by executions at rest, for which memory has no room.
    starved: BTreeSet<ActionName>,
    /// Actions with free slots, of which none could be taken because too much runs in this process.
    crowded: BTreeSet<ActionName>,
    /// A queue has come or gone, or a provider.
    changed: bool,
}

/// A place in the queue of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub action: ActionName,
    pub ticket: u64,
}

impl Slots {
    pub fn new(in_process_max: usize) -> Slots {
        Slots {
            places: BTreeMap::new(),
            actions: BTreeMap::new(),
            in_process_used: 0,
            in_process_max,
            queues: BTreeMap::new(),
            next_ticket: 0,
            freed: BTreeSet::new(),
            starved: BTreeSet::new(),
            crowded: BTreeSet::new(),
            changed: false,
        }
    }

    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// So many attempts run in this process at the same time; those beyond it go on.
    pub fn limit_in_process(&mut self, max: usize) {
        if max > self.in_process_max {
            // Whoever waits for any action in this process may have waited for this.
            self.freed.extend(self.actions.keys().cloned());
        }
        self.in_process_max = max;
    }

    pub fn provide(&mut self, provider: Provider) {
        let used = self.places.get(&provider.id).map_or(0, |place| place.used);
        self.unlist(provider.id);
        for action in &provider.actions {
            let providers = self.actions.entry(action.clone()).or_default();
            match provider.kind {
                ProviderKind::InProcess => providers.in_process.push(provider.id),
                ProviderKind::Endpoint | ProviderKind::Worker { .. } => providers.others.push(provider.id),
            }
            self.freed.insert(action.clone());
        }
        self.places.insert(provider.id, Place { provider, used, withdrawn: false });
    }

    pub fn withdraw(&mut self, id: ProviderId) {
        self.unlist(id);
        match self.places.get_mut(&id) {
            Some(place) if place.used > 0 => place.withdrawn = true,
            _ => {
                self.places.remove(&id);
            }
        }
    }

    fn unlist(&mut self, id: ProviderId) {
        self.changed = true;
        let Some(place) = self.places.get(&id) else { return };
        for action in &place.provider.actions {
            if let Some(providers) = self.actions.get_mut(action) {
                providers.in_process.retain(|other| *other != id);
                providers.others.retain(|other| *other != id);
                if providers.in_process.is_empty() && providers.others.is_empty() {
                    self.actions.remove(action);
                }
            }
        }
    }

    pub fn is_provided(&self, action: &ActionName) -> bool {
        self.actions.contains_key(action)
    }

    /// Whether a slot is free and nobody asked for it before.
    pub fn is_open(&self, action: &ActionName) -> bool {
        !self.queues.contains_key(action)
    }

    /// Takes a slot.
    pub fn take(&mut self, action: &ActionName) -> Option<ProviderId> {
        let id = self.find(action)?;
        let place = self.places.get_mut(&id).expect("a listed provider has a place");
        place.used += 1;
        if place.provider.kind == ProviderKind::InProcess {
            self.in_process_used += 1;
        }
        Some(id)
    }

    /// One that has gone and is expected back has a place for what it may hold, also when it had nothing before it went.
    pub fn await_provider(&mut self, id: ProviderId, session: &SessionId) {
        let awaited = || {
            let kind = ProviderKind::Worker { session: session.clone() };
            Place { provider: Provider { id, kind, actions: Vec::new(), limit: 0 }, used: 0, withdrawn: true }
        };
        self.places.entry(id).or_insert_with(awaited);
    }

    /// Takes a slot for an attempt that has one already, also when that is more than the limit.
    pub fn occupy(&mut self, id: ProviderId) {
        if let Some(place) = self.places.get_mut(&id) {
            place.used += 1;
        }
    }

    /// Whose attempts begin in the slots of a provider; none when they are the engine's own.
    pub fn session(&self, id: ProviderId) -> Option<&SessionId> {
        match &self.places.get(&id)?.provider.kind {
            ProviderKind::Worker { session } => Some(session),
            ProviderKind::InProcess | ProviderKind::Endpoint => None,
        }
    }

    fn find(&mut self, action: &ActionName) -> Option<ProviderId> {
        let providers = self.actions.get_mut(action)?;
        let places = &self.places;
        let free = |id: &ProviderId| places.get(id).is_some_and(|place| place.used < place.provider.limit);
        if self.in_process_used < self.in_process_max
            && let Some(id) = providers.in_process.iter().find(|id| free(id))
        {
            return Some(*id);
        }
        let count = providers.others.len();
        for turn in 0..count {
            let index = (providers.next + turn) % count;
            if free(&providers.others[index]) {
                providers.next = (index + 1) % count;
                return Some(providers.others[index]);
            }
        }
        None
    }

    pub fn give_back(&mut self, id: ProviderId) {
        let Some(place) = self.places.get_mut(&id) else { return };
        place.used -= 1;
        let in_process = place.provider.kind == ProviderKind::InProcess;
        if in_process {
            let was_full = self.in_process_used >= self.in_process_max;
            self.in_process_used -= 1;
            if was_full {
                // Whoever waits for any action in this process may have waited for this, in memory or at rest.
                self.freed.extend(self.queues.keys().cloned());
                if !mutated("crowded-forgotten") {
                    self.freed.append(&mut self.crowded);
                }
            }
        }
        if place.withdrawn {
            if place.used == 0 {
                self.places.remove(&id);
            }
            return;
        }
        for action in &place.provider.actions {
            self.freed.insert(action.clone());
        }
    }

    /// Puts an execution at the end of the queue of an action.
    pub fn want(&mut self, action: &ActionName, id: ExecutionId) -> Want {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let queue = self.queues.entry(action.clone()).or_default();
        self.changed |= queue.is_empty();
        queue.insert(ticket, id);
        Want { action: action.clone(), ticket }
    }

    pub fn forget(&mut self, want: &Want) {
        if let Some(queue) = self.queues.get_mut(&want.action) {
            queue.remove(&want.ticket);
            if queue.is_empty() {
                self.changed = true;
                self.queues.remove(&want.action);
            }
        }
    }

    /// The next action that may have a slot for somebody; it is not named again before another comes free.
    pub fn next_freed(&mut self) -> Option<ActionName> {
        self.freed.pop_first()
    }

    /// Looks at an action once more.
    pub fn mark_freed(&mut self, action: ActionName) {
        self.freed.insert(action);
    }

    /// Everything is looked at anew.
    pub fn free_all(&mut self) {
        self.freed.extend(self.actions.keys().cloned());
    }

    pub fn mark_starved(&mut self, action: ActionName) {
        self.starved.insert(action);
    }

    /// No slot of an action could be taken; it is looked at again when one may be.
    pub fn mark_crowded(&mut self, action: ActionName) {
        if self.in_process_used >= self.in_process_max {
            self.crowded.insert(action);
        }
    }

    /// Memory has room again.
    pub fn feed_starved(&mut self) {
        self.freed.append(&mut self.starved);
    }

    pub fn has_freed(&self) -> bool {
        !self.freed.is_empty()
    }

    /// Whether there is a slot to take, without taking it.
    pub fn has_free(&self, action: &ActionName) -> bool {
        let Some(providers) = self.actions.get(action) else { return false };
        let is_free = |id: &ProviderId| self.places.get(id).is_some_and(|place| place.used < place.provider.limit);
        let has_room = self.in_process_used < self.in_process_max;
        has_room && providers.in_process.iter().any(is_free) || providers.others.iter().any(is_free)
    }

    /// How many slots of an action could be taken now.
    pub fn free(&self, action: &ActionName) -> usize {
        let Some(providers) = self.actions.get(action) else { return 0 };
        let free = |id: &ProviderId| self.places.get(id).map_or(0, |place| place.provider.limit.saturating_sub(place.used));
        let in_process: usize = providers.in_process.iter().map(free).sum();
        let others: usize = providers.others.iter().map(free).sum();
        in_process.min(self.in_process_max - self.in_process_used.min(self.in_process_max)) + others
    }

    /// Who asked first.
    pub fn first(&self, action: &ActionName) -> Option<(Want, ExecutionId)> {
        let (ticket, id) = self.queues.get(action)?.first_key_value()?;
        Some((Want { action: action.clone(), ticket: *ticket }, *id))
    }

    /// Those who asked last, of all actions, the newest first.
    pub fn newest(&self, limit: usize) -> Vec<ExecutionId> {
        let mut all: Vec<(u64, ExecutionId)> = Vec::new();
        for queue in self.queues.values() {
            all.extend(queue.iter().rev().take(limit).map(|(ticket, id)| (*ticket, *id)));
        }
        all.sort_unstable_by_key(|(ticket, _)| std::cmp::Reverse(*ticket));
        all.truncate(limit);
        all.into_iter().map(|(_, id)| id).collect()
    }

    /// Every queue, with at most so many of those who stand in it.
    pub fn queues(&self, named_max: usize) -> Vec<Queue> {
        let queue = |(action, queue): (&ActionName, &BTreeMap<u64, ExecutionId>)| Queue {
            action: action.clone(),
            executions: queue.values().take(named_max).copied().collect(),
            count: queue.len(),
        };
        self.queues.iter().map(queue).collect()
    }

    /// Queues for actions that nobody provides.
    pub fn unprovided_queues(&self) -> impl Iterator<Item = (&ActionName, impl Iterator<Item = ExecutionId>)> {
        let queues = self.queues.iter().filter(|(action, _)| !self.has_any(action));
        queues.map(|(action, queue)| (action, queue.values().copied()))
    }

    /// Whether there are slots of an action, taken or not. Who provides it and offers none, as a worker that drains, is nobody here.
    pub fn has_any(&self, action: &ActionName) -> bool {
        let Some(providers) = self.actions.get(action) else { return false };
        let offers = |id: &ProviderId| self.places.get(id).is_some_and(|place| place.provider.limit > 0);
        providers.in_process.iter().chain(&providers.others).any(offers)
    }

    /// How many slots of each provider are taken.
    pub fn used(&self) -> BTreeMap<ProviderId, usize> {
        self.places.iter().map(|(id, place)| (*id, place.used)).collect()
    }

    /// Actions that somebody in memory wants.
    pub fn wanted(&self) -> impl Iterator<Item = &ActionName> {
        self.queues.keys()
    }
}
