//! Tells those who watch an execution that something of it has become durable. What, they read from the store: so a slow reader
//! holds nothing up and misses nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use workflow_core::event::Event;
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_store::{Batch, Change, Transition};

/// The newest that is known of an execution since somebody watches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    pub seq: u64,
    /// How it ended, for as long as it has.
    pub ended: Option<Status>,
}

#[derive(Debug, Default)]
pub struct Feed {
    watched: Mutex<BTreeMap<ExecutionId, Arc<watch::Sender<Seen>>>>,
    /// Nobody looks anything up while nobody watches.
    count: AtomicUsize,
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

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Arc<watch::Sender<Seen>>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
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
