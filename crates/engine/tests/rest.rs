//! The store is told to rest when nothing has been committed for a second, once, and commits go on afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use workflow_core::id::{ActionName, ExecutionId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_engine::clock::SimulatedClock;
use workflow_engine::{Engine, Handler, Options, StartRequest};
use workflow_store::{
    Batch, ClaimKind, Committed, Cursor, DefinitionRow, Endpoint, Fault, FaultKind, Filter, Head, History, Memory, Store, Stored,
    Taken,
};

/// Says in which order it was told what.
struct Watched {
    store: Memory,
    told: Mutex<Sender<Told>>,
    /// Every rest ends with a fault.
    faulty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Commit,
    Rest,
}

impl Watched {
    fn new(faulty: bool) -> (Watched, Receiver<Told>) {
        let (sender, told) = channel();
        (Watched { store: Memory::new(), told: Mutex::new(sender), faulty }, told)
    }

    fn tell(&self, what: Told) {
        // A test that has seen enough has dropped its end.
        let _ = self.told.lock().unwrap().send(what);
    }
}

impl Store for Watched {
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault> {
        self.tell(Told::Commit);
        self.store.commit(batch)
    }
    fn rest(&self) -> Result<(), Fault> {
        self.tell(Told::Rest);
        let fault = Fault { operation: "rest", kind: FaultKind::Unavailable, message: "no such disk".to_owned() };
        if self.faulty { Err(fault) } else { self.store.rest() }
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
    fn history(&self, id: ExecutionId, after: u64, limit: usize) -> Result<Option<History>, Fault> {
        self.store.history(id, after, limit)
    }
    fn executions(&self, filter: &Filter) -> Result<Vec<Head>, Fault> {
        self.store.executions(filter)
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
    fn definitions(&self) -> Result<Vec<DefinitionRow>, Fault> {
        self.store.definitions()
    }
    fn endpoints(&self) -> Result<Vec<Endpoint>, Fault> {
        self.store.endpoints()
    }
    fn counts(&self) -> Result<Vec<(String, Status, u64)>, Fault> {
        self.store.counts()
    }
    fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault> {
        self.store.claim(kind, scope, key)
    }
}

async fn engine(store: Watched, clock: &SimulatedClock) -> Engine {
    let engine = Engine::open_with(store, Options::default(), Arc::new(clock.clone())).await.unwrap();
    let echo = Handler::new(|task: workflow_engine::Task, _| async move { Ok(Some(task.params())) });
    engine.provide(ActionName::new("act").unwrap(), 1, echo);
    let definition = Json::parse(r#"{"id":"w","steps":[{"id":"only","action":"act"}]}"#).unwrap();
    engine.register(definition).await.unwrap();
    engine
}

async fn run_one(engine: &Engine) {
    let request = StartRequest { workflow: "w".to_owned(), input: None, key: None };
    let started = engine.start(request).await.unwrap().execution.id;
    assert_eq!(engine.wait(started, None).await.unwrap().status, Status::Completed);
    engine.quiet().await.unwrap();
}

/// Everything that the store was told once it has been told this.
fn until(told: &Receiver<Told>, last: Told) -> Vec<Told> {
    let mut all = Vec::new();
    while all.last() != Some(&last) {
        all.push(told.recv().unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_rests_once_after_a_second_without_a_commit() {
    let (store, told) = Watched::new(false);
    let clock = SimulatedClock::default();
    let engine = engine(store, &clock).await;
    run_one(&engine).await;
    clock.advance(Duration::from_millis(999));
    engine.quiet().await.unwrap();
    assert!(told.try_iter().all(|told| told == Told::Commit), "it is too early to rest");
    clock.advance(Duration::from_millis(1));
    assert_eq!(until(&told, Told::Rest), [Told::Rest]);
    clock.advance(Duration::from_secs(60));
    engine.quiet().await.unwrap();
    run_one(&engine).await;
    assert!(told.try_iter().all(|told| told == Told::Commit), "nothing was there to tidy up");
    clock.advance(Duration::from_secs(1));
    assert_eq!(until(&told, Told::Rest), [Told::Rest]);
    engine.shutdown(Duration::ZERO).await.unwrap();
}

/// The next commit shows whether anything is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_rest_goes_on() {
    let (store, told) = Watched::new(true);
    let clock = SimulatedClock::default();
    let engine = engine(store, &clock).await;
    run_one(&engine).await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(until(&told, Told::Rest).last(), Some(&Told::Rest));
    assert!(engine.is_ready());
    run_one(&engine).await;
    engine.shutdown(Duration::ZERO).await.unwrap();
}
