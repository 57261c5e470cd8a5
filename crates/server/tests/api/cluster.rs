//! What workers are told of the engines that work on the same store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_engine::Engine;
use workflow_server::Options;
use workflow_store::{
    Batch, ClaimKind, Committed, Counted, Cursor, DefinitionRow, Document, DocumentFilter, Ended, Endpoint, FailureCount, Fault,
    FaultKind, Filter, Heads, History, Member, Memory, Ranges, Store, Stored, Taken, Texts, Token, VersionCount,
};

use crate::socket::Server;
use crate::worker::Client;

/// What a store says of its engines.
#[derive(Default)]
struct Members {
    /// None: it cannot say.
    now: Mutex<Option<Vec<Member>>>,
    asked: AtomicUsize,
}

impl Members {
    fn set(&self, members: Option<Vec<Member>>) {
        *self.now.lock().unwrap() = members;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Ends when what has been set has been read.
    async fn are_asked_again(&self) {
        let asked = self.asked();
        while self.asked() < asked + 2 {
            tokio::task::yield_now().await;
        }
    }

    /// A server of an engine on a store with these, which asks as often as this.
    async fn served(self: &Arc<Members>, every: Duration) -> Server {
        let store = Several { store: Memory::new(), members: self.clone() };
        let engine = Engine::open(store, workflow_engine::Options::default()).await.unwrap();
        Server::over(engine, Options { engines_asked_every: every, ..Options::default() }).await
    }
}

fn member(id: &str, url: Option<&str>, ranges: Ranges) -> Member {
    Member {
        id: id.to_owned(),
        name: format!("the engine {id}"),
        url: url.map(str::to_owned),
        joined_at: Timestamp::from_millis(1),
        ranges,
        lapsed: false,
        is_self: id == "a",
    }
}

/// A worker that is welcome.
async fn welcomed(server: &Server, session: &str) -> Client {
    let mut client = Client::new(server).await;
    client.greet(session).await;
    client
}

/// An answer comes to whoever is connected, whatever was said before.
async fn says_nothing_else(client: &mut Client) {
    client.say(&json!({ "type": "hello", "session": "x", "holding": [] })).await;
    client.last_word().await;
}

const ALICE: &str = "0123456789alice";
const BOB: &str = "0123456789abbob0";
const SOON: Duration = Duration::from_millis(20);
const LATE: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_worker_is_told_which_engines_there_are_and_again_when_that_changes() {
    let members = Arc::new(Members::default());
    let b = || member("b", Some("http://10.0.0.8:4747"), Ranges::only(1));
    let lapsed = Member { lapsed: true, ..member("c", Some("http://10.0.0.9:4747"), Ranges::only(2)) };
    members.set(Some(vec![member("a", Some("http://10.0.0.7:4747"), Ranges::only(0)), b(), lapsed]));
    let server = members.served(SOON).await;
    let mut worker = welcomed(&server, &format!("{ALICE}0")).await;
    let both = json!([{ "id": "a", "url": "http://10.0.0.7:4747" }, { "id": "b", "url": "http://10.0.0.8:4747" }]);
    assert_eq!(worker.hear("engines").await, json!({ "type": "engines", "engine": "a", "engines": both }));
    assert_eq!(worker.longest, 2, "in the frame of the welcome");

    // What they own is no news, nor that it cannot be asked for a while.
    members.set(Some(vec![member("a", Some("http://10.0.0.7:4747"), Ranges::ALL), b()]));
    members.are_asked_again().await;
    members.set(None);
    members.are_asked_again().await;
    members.set(Some(vec![member("a", None, Ranges::ALL)]));
    let told = worker.hear("engines").await;
    assert_eq!(told, json!({ "type": "engines", "engine": "a", "engines": [{ "id": "a" }] }));
    // One that has lost its place says nothing of others.
    members.set(Some(vec![b()]));
    members.are_asked_again().await;
    says_nothing_else(&mut worker).await;
}

#[tokio::test]
async fn a_store_that_has_one_engine_only_is_asked_once() {
    let members = Arc::new(Members::default());
    members.set(Some(Vec::new()));
    let server = members.served(Duration::ZERO).await;
    for session in [format!("{ALICE}0"), BOB.to_owned(), format!("{ALICE}1")] {
        let mut worker = welcomed(&server, &session).await;
        assert_eq!(worker.longest, 1);
        says_nothing_else(&mut worker).await;
    }
    assert_eq!(members.asked(), 1);
}

#[tokio::test]
async fn workers_that_come_together_are_told_the_same_and_one_that_comes_first_hears_it_later() {
    let members = Arc::new(Members::default());
    let server = members.served(LATE).await;
    // It cannot be asked: nobody waits for it.
    let mut first = welcomed(&server, &format!("{ALICE}0")).await;
    assert_eq!(first.longest, 1);
    let mut second = welcomed(&server, BOB).await;
    assert_eq!((second.longest, members.asked()), (1, 1));
    says_nothing_else(&mut first).await;
    says_nothing_else(&mut second).await;

    let members = Arc::new(Members::default());
    let server = members.served(SOON).await;
    let mut first = welcomed(&server, &format!("{ALICE}0")).await;
    members.set(Some(vec![member("a", None, Ranges::ALL)]));
    let expected: Value = json!({ "type": "engines", "engine": "a", "engines": [{ "id": "a" }] });
    assert_eq!(first.hear("engines").await, expected);
}

#[tokio::test]
async fn nobody_asks_once_no_worker_is_there() {
    let members = Arc::new(Members::default());
    members.set(Some(vec![member("a", None, Ranges::ALL)]));
    let server = members.served(SOON).await;
    let weak = Arc::downgrade(&members);
    drop(members);
    let mut worker = welcomed(&server, &format!("{ALICE}0")).await;
    worker.hear("engines").await;
    worker.say(&json!({ "type": "leave" })).await;
    assert_eq!(worker.next().await, None);
    // Whoever asked would keep the engine, and that its store.
    let Server { engine, shutdown, ended, .. } = server;
    shutdown.send(()).unwrap();
    ended.await.unwrap().unwrap();
    engine.shutdown(Duration::ZERO).await.unwrap();
    drop(engine);
    while weak.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

/// A store in memory, with engines that the test names.
struct Several {
    store: Memory,
    members: Arc<Members>,
}

impl Store for Several {
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
    fn tokens(&self) -> Result<Vec<Token>, Fault> {
        self.store.tokens()
    }
    fn counts(&self) -> Result<Vec<(String, Status, u64)>, Fault> {
        self.store.counts()
    }
    fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault> {
        self.store.claim(kind, scope, key)
    }
}
