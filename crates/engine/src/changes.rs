//! Tells those who watch all executions which of them have changed. What they are like now, they read from the store, like everybody
//! else: so whoever is slow holds nothing up, and whoever was away too long is told to read everything again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use workflow_core::id::ExecutionId;
use workflow_store::{Batch, Change};

/// Changes that are remembered for those who watch: a second of a busy engine.
const REMEMBERED_MAX: usize = 65_536;

#[derive(Debug)]
pub struct Changes {
    /// Nothing is remembered while nobody watches.
    watchers: AtomicUsize,
    recent: Mutex<Recent>,
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Recent {
    /// The number of the oldest that is remembered. It begins anywhere, so that nobody goes on from a place of a former life of the
    /// engine.
    first: u64,
    ids: VecDeque<ExecutionId>,
}

impl Recent {
    fn end(&self) -> u64 {
        self.first + self.ids.len() as u64
    }
}

/// What has changed since somebody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    These(BTreeSet<ExecutionId>),
    /// More than is remembered.
    TooMany,
}

/// Somebody who watches all executions.
#[derive(Debug)]
pub struct Watcher {
    changes: Arc<Changes>,
    newest: watch::Receiver<u64>,
    seen: u64,
    /// It does not know what was before.
    has_gap: bool,
}

impl Default for Changes {
    fn default() -> Changes {
        // Less than 2^53, for those who read it as JavaScript's numbers.
        let first = u64::try_from(uuid::Uuid::now_v7().as_u128() & ((1 << 52) - 1)).expect("it has 52 bits");
        let recent = Recent { first, ids: VecDeque::new() };
        Changes { watchers: AtomicUsize::new(0), recent: Mutex::new(recent), newest: watch::Sender::new(first) }
    }
}

impl Changes {
    /// From the place that was seen last, where that is known; else from now on.
    pub fn watch(self: &Arc<Changes>, seen: Option<u64>) -> Watcher {
        let recent = self.recent();
        self.watchers.fetch_add(1, Ordering::SeqCst);
        let known = seen.is_none_or(|seen| (recent.first..=recent.end()).contains(&seen));
        let seen = seen.filter(|_| known).unwrap_or_else(|| recent.end());
        Watcher { changes: self.clone(), newest: self.newest.subscribe(), seen, has_gap: !known }
    }

    /// A batch is durable, but for the items that were left out.
    pub fn publish(&self, batch: &Batch, left_out: &[usize]) {
        if self.watchers.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut recent = self.recent();
        let items = batch.items.iter().enumerate().filter(|(place, _)| !left_out.contains(place));
        let changed = items.flat_map(|(_, item)| &item.changes).filter_map(|change| match change {
            Change::Transition(transition) => Some(transition.id),
            Change::Delete(deletion) => Some(deletion.id),
            _ => None,
        });
        recent.ids.extend(changed);
        let beyond = recent.ids.len().saturating_sub(REMEMBERED_MAX);
        recent.ids.drain(..beyond);
        recent.first += beyond as u64;
        let end = recent.end();
        drop(recent);
        self.newest.send_replace(end);
    }

    pub fn are_watched(&self) -> bool {
        self.watchers.load(Ordering::SeqCst) > 0
    }

    /// Something has changed, and it is not known what: everything is to be read again.
    pub fn missed(&self) {
        let mut recent = self.recent();
        recent.first = recent.end() + 1;
        recent.ids = VecDeque::new();
        let end = recent.end();
        drop(recent);
        self.newest.send_replace(end);
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Waits until something has changed that was not taken yet. False when the engine is gone.
    pub async fn changed(&mut self) -> bool {
        if self.has_gap {
            return true;
        }
        let seen = self.seen;
        self.newest.wait_for(|newest| *newest > seen).await.is_ok()
    }

    /// What has changed since the last time, each once.
    pub fn take(&mut self) -> Changed {
        let recent = self.changes.recent();
        let from = self.seen;
        self.seen = recent.end();
        if std::mem::take(&mut self.has_gap) {
            return Changed::TooMany;
        }
        match from.checked_sub(recent.first) {
            Some(skipped) => {
                Changed::These(recent.ids.range(usize::try_from(skipped).unwrap_or(usize::MAX)..).copied().collect())
            }
            None => Changed::TooMany,
        }
    }

    /// The place up to which everything was taken: where another can go on.
    pub fn seen(&self) -> u64 {
        self.seen
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut recent = self.changes.recent();
        if self.changes.watchers.fetch_sub(1, Ordering::SeqCst) == 1 {
            // From here on nothing is remembered: nobody goes on from what was.
            recent.first = recent.end() + 1;
            recent.ids = VecDeque::new();
        }
    }
}
