//! A store in memory that says of several engines that they work on it.

#[path = "../../../store/tests/delegate/mod.rs"]
mod delegate;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use delegate::delegate_to;
use workflow_store::{Batch, Committed, Fault, FaultKind, Member, Memory, Notice, Ranges, Store};

/// What a store says of its engines.
#[derive(Default)]
pub struct Members {
    /// None: it cannot say.
    now: Mutex<Option<Vec<Member>>>,
    asked: AtomicUsize,
}

impl Members {
    pub fn set(&self, members: Option<Vec<Member>>) {
        *self.now.lock().unwrap() = members;
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Ends when what has been set has been read.
    pub async fn are_asked_again(&self) {
        let asked = self.asked();
        while self.asked() < asked + 2 {
            tokio::task::yield_now().await;
        }
    }
}

/// What an engine is told by its store with.
pub type Hear = Box<dyn Fn(Notice) + Send + Sync>;

/// A store in memory, with engines that the test names.
pub struct Several {
    store: Memory,
    members: Arc<Members>,
    owned: Ranges,
    hear: Arc<Mutex<Option<Hear>>>,
}

impl Several {
    pub fn new(members: Arc<Members>) -> Several {
        Several { store: Memory::new(), members, owned: Ranges::ALL, hear: Arc::default() }
    }

    /// Of an engine that owns nothing until it is told otherwise.
    pub fn newcomer(members: Arc<Members>, hear: Arc<Mutex<Option<Hear>>>) -> Several {
        Several { owned: Ranges::NONE, hear, ..Several::new(members) }
    }
}

impl Store for Several {
    fn owned(&self) -> Ranges {
        self.owned
    }
    fn attend(&self, hear: Hear) {
        *self.hear.lock().unwrap() = Some(hear);
    }
    fn members(&self) -> Result<Vec<Member>, Fault> {
        self.members.asked.fetch_add(1, Ordering::SeqCst);
        self.members.now.lock().unwrap().clone().ok_or_else(|| Fault::new(FaultKind::Unavailable, "members", "away"))
    }
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault> {
        self.store.commit(batch)
    }
    fn rest(&self) -> Result<(), Fault> {
        self.store.rest()
    }
    delegate_to!(store);
}
