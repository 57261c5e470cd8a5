//! A store in memory that does something before it commits, and in place of resting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_store::{
    Batch, ClaimKind, Committed, Counted, Cursor, DefinitionRow, Document, DocumentFilter, Ended, Endpoint, FailureCount, Fault,
    Filter, Heads, History, Lease, Memory, Store, Stored, Taken, Texts, TokenRows, VersionCount,
};

pub struct Hooked<C, R> {
    pub store: Memory,
    pub before_commit: C,
    pub rest: R,
    /// Another engine may have taken over.
    pub uncertain: Arc<AtomicBool>,
}

impl<C, R> Store for Hooked<C, R>
where
    C: Fn() + Send + Sync + 'static,
    R: Fn() -> Result<(), Fault> + Send + Sync + 'static,
{
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault> {
        (self.before_commit)();
        self.store.commit(batch)
    }
    fn rest(&self) -> Result<(), Fault> {
        (self.rest)()
    }
    fn batch(&self) -> Result<u64, Fault> {
        self.store.batch()
    }
    fn lease(&self) -> Lease {
        let uncertain = self.uncertain.clone();
        Lease::new(move || !uncertain.load(Ordering::SeqCst))
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
