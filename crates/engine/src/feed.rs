//! Tells those who watch an execution that something of it has become durable. What, they read from the store: so a slow reader
//! holds nothing up and misses nothing. Who has started one and only wants its end is handed the execution itself.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};
use workflow_core::event::Event;
use workflow_core::execution::Execution;
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_store::{Batch, Change, Ranges, Transition};

use crate::changes::Changes;
use crate::ring::catalog::Registration;

/// The newest that is known of an execution since somebody watches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    pub seq: u64,
    /// How it ended, for as long as it has.
    pub ended: Option<Status>,
}

/// An execution as it was when it had ended, out of the ring's memory.
#[derive(Debug)]
pub struct Finished {
    pub registration: Arc<Registration>,
    pub execution: Execution,
}

/// Leads to who follows an execution from its start. Dropped, when what it was like at its end has to be read from the store.
pub type Follower = oneshot::Sender<Box<Finished>>;

/// An execution that has ended; none when it had to stay in memory, or is not there as a whole.
pub type Over = (ExecutionId, Option<Box<Finished>>);

#[derive(Debug, Default)]
pub struct Feed {
    followed: Mutex<BTreeMap<ExecutionId, Follower>>,
    watched: Mutex<BTreeMap<ExecutionId, Arc<watch::Sender<Seen>>>>,
    /// Nobody looks anything up while nobody watches.
    count: AtomicUsize,
    /// For those who watch all of them.
    pub changes: Arc<Changes>,
}

#[derive(Debug)]
pub struct Subscription {
    feed: Arc<Feed>,
    id: ExecutionId,
    receiver: watch::Receiver<Seen>,
}

impl Feed {
    /// Whatever becomes durable after this call is told.
    pub fn subscribe(self: &Arc<Feed>, id: ExecutionId) -> Subscription {
        let mut watched = self.lock();
        let receiver = watched.entry(id).or_insert_with(|| Arc::new(watch::Sender::new(Seen::default()))).subscribe();
        self.count.store(watched.len(), Ordering::SeqCst);
        drop(watched);
        Subscription { feed: self.clone(), id, receiver }
    }

    /// A batch is durable, but for the items that were left out.
    pub fn publish(&self, batch: &Batch, left_out: &[usize]) {
        self.changes.publish(batch, left_out);
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let watched = self.lock();
        let items = batch.items.iter().enumerate().filter(|(place, _)| !left_out.contains(place));
        for change in items.flat_map(|(_, item)| &item.changes) {
            if let Change::Transition(transition) = change
                && let Some(sender) = watched.get(&transition.id)
                && let Some(seen) = seen(transition)
            {
                sender.send_replace(seen);
            }
        }
    }

    /// Another engine decides about these from now on: who waits for the end of one reads it, once it is there.
    pub fn let_go(&self, ranges: Ranges) {
        self.followers().retain(|id, _| !ranges.hold(*id));
    }

    /// Those that somebody watches and this engine does not decide about, with what is known of them; from `after` on, at most `limit`.
    pub fn watched_elsewhere(&self, owned: Ranges, after: Option<ExecutionId>, limit: usize) -> Vec<(ExecutionId, u64)> {
        if self.count.load(Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let watched = self.lock();
        let elsewhere = watched.range((from, Bound::Unbounded)).filter(|(id, _)| !owned.hold(**id));
        elsewhere.map(|(id, sender)| (*id, sender.borrow().seq)).take(limit).collect()
    }

    /// What another engine has made durable.
    pub fn tell(&self, id: ExecutionId, seen: Seen) {
        if let Some(sender) = self.lock().get(&id) {
            sender.send_replace(seen);
        }
    }

    /// Before the end of the execution can be durable.
    pub fn follow(&self, id: ExecutionId, follower: Follower) {
        self.followers().insert(id, follower);
    }

    pub fn unfollow(&self, id: ExecutionId) {
        self.followers().remove(&id);
    }

    /// The ends of these executions are durable. Gives who is to be told; without an execution they have been.
    pub fn finish(&self, over: impl IntoIterator<Item = Over>) -> Vec<(Follower, Box<Finished>)> {
        let mut followers = self.followers();
        let over = over.into_iter().filter_map(|(id, finished)| Some((followers.remove(&id)?, finished?)));
        over.collect()
    }

    /// Nothing ends any more.
    pub fn close(&self) {
        self.followers().clear();
    }

    fn followers(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Follower>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Arc<watch::Sender<Seen>>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Finished {
    pub fn status(&self) -> Status {
        workflow_core::outstanding::status(&self.registration.definition, &self.execution)
    }
}

fn seen(transition: &Transition) -> Option<Seen> {
    let last = transition.events.last()?;
    Some(Seen { seq: last.seq, ended: end(&last.event) })
}

/// How an execution has ended with this event, for as long as it is the last.
pub fn end(event: &Event) -> Option<Status> {
    match event {
        Event::Completed => Some(Status::Completed),
        Event::Failed { .. } => Some(Status::Failed),
        Event::Cancelled { .. } => Some(Status::Cancelled),
        _ => None,
    }
}

impl Subscription {
    /// Waits until more of it is durable. False when the engine is gone.
    pub async fn changed(&mut self) -> bool {
        self.receiver.changed().await.is_ok()
    }

    pub fn seen(&mut self) -> Seen {
        *self.receiver.borrow_and_update()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut watched = self.feed.lock();
        // This receiver is still there.
        if watched.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            watched.remove(&self.id);
            self.feed.count.store(watched.len(), Ordering::SeqCst);
        }
    }
}
