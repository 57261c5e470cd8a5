//! A store in memory that says of several engines that they work on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_store::{
    Batch, ClaimKind, Committed, Counted, Cursor, DefinitionRow, Document, DocumentFilter, Ended, Endpoint, FailureCount, Fault,
    FaultKind, Filter, Heads, History, Member, Memory, Notice, Ranges, Store, Stored, Taken, Texts, TokenRows, VersionCount,
};

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
    fn batch(&self) -> Result<u64, Fault> {
        self.store.batch()
    }
    fn reopen(&self) -> Result<(), Fault> {
        self.store.reopen()
    }
    fn load(&self, ids: &[ExecutionId]) -> Result<Vec<Option<Stored>>, Fault> {
        self.store.load(ids)
    }
    fn payloads(&self, wanted: &[(ExecutionId, u64)]) -> Result<Vec<Json>, Fault> {
        self.store.payloads(wanted)
    }
    fn history(&self, id: ExecutionId, after: u64, limit: usize, texts: Texts) -> Result<Option<History>, Fault> {
        self.store.history(id, after, limit, texts)
    }
    fn executions(&self, filter: &Filter) -> Result<Heads, Fault> {
        self.store.executions(filter)
    }
    fn count(&self, filter: &Filter, max: u64) -> Result<Counted, Fault> {
        self.store.count(filter, max)
    }
    fn version_counts(&self) -> Result<Vec<VersionCount>, Fault> {
        self.store.version_counts()
    }
    fn failure_counts(&self) -> Result<Vec<FailureCount>, Fault> {
        self.store.failure_counts()
    }
    fn documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Fault> {
        self.store.documents(filter)
    }
    fn due(&self, until: Timestamp, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Cursor>, Fault> {
        self.store.due(until, cursor, limit)
    }
    fn next_wake(&self, after: Timestamp) -> Result<Option<Timestamp>, Fault> {
        self.store.next_wake(after)
    }
    fn parked(&self, action: &ActionName, after: Option<ExecutionId>, limit: usize) -> Result<Vec<ExecutionId>, Fault> {
        self.store.parked(action, after, limit)
    }
    fn ended(
        &self,
        workflow: &WorkflowId,
        status: Status,
        until: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, Fault> {
        self.store.ended(workflow, status, until, after, limit)
    }
    fn definitions(&self) -> Result<Vec<DefinitionRow>, Fault> {
        self.store.definitions()
    }
    fn endpoints(&self) -> Result<Vec<Endpoint>, Fault> {
        self.store.endpoints()
    }
    fn tokens(&self) -> Result<TokenRows, Fault> {
        self.store.tokens()
    }
    fn counts(&self) -> Result<Vec<(String, Status, u64)>, Fault> {
        self.store.counts()
    }
    fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault> {
        self.store.claim(kind, scope, key)
    }
}
