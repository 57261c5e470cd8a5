//! One worker and several engines that share a database of PostgreSQL, each behind a server of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_do::Worker;
use workflow_engine::{Engine, StartRequest};
use workflow_store::{Postgres, PostgresOptions};

#[path = "../../store/tests/server/mod.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod server;

/// Nothing here takes this long: it turns a test that would hang into one that fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// So short that nobody waits for long.
const LEASE: Duration = Duration::from_secs(4);
const EXECUTIONS: usize = 40;

struct Served {
    engine: Engine,
    url: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Served {
    async fn new(database: &str, name: &str) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let options = PostgresOptions { lease: LEASE, name: name.to_owned(), url: Some(url.clone()), ..Default::default() };
        let database = database.to_owned();
        let store = tokio::task::spawn_blocking(move || Postgres::open(&database, options).unwrap()).await.unwrap();
        let engine = Engine::open(store, workflow_engine::Options::default()).await.unwrap();
        engine.expect_workers();
        let options = workflow_server::Options { engines_asked_every: Duration::from_millis(100), ..Default::default() };
        let (stop, stopped) = oneshot::channel::<()>();
        let served = engine.clone();
        let ended = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            workflow_server::serve(served, listener, options, stopped).await.unwrap();
        });
        Served { engine, url, stop, ended }
    }

    /// In order, as a process that is told to stop.
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap();
        patiently(self.engine.shutdown(Duration::from_secs(1))).await.unwrap();
    }

    async fn start(&self, count: usize) -> Vec<ExecutionId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let request = || StartRequest { workflow: "order".to_owned(), input: Json::parse("{}").ok(), key: None };
            // Until it has heard of its share it refuses.
            until("it has its share", async || match self.engine.start(request()).await {
                Ok(started) => {
                    ids.push(started.execution.id);
                    true
                }
                Err(error) => {
                    assert_eq!(error.code(), "store_unavailable");
                    false
                }
            })
            .await;
        }
        ids
    }
}

async fn patiently<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes far too long")
}

/// Asks until it is so: another process may do something about it.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what}"));
}

/// What the worker's only action does: it says that it has begun, and waits for a permit.
#[derive(Clone)]
struct Till {
    gate: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Till {
    /// With a worker that was told of this server.
    async fn new(url: &str) -> (Till, Worker) {
        let till = Till { gate: Arc::new(Semaphore::new(0)), begun: Arc::default(), ended: Arc::default() };
        let charge = till.clone();
        let builder = Worker::builder(url).action("charge", move |_: Value, _| {
            let till = charge.clone();
            async move {
                till.begun.fetch_add(1, Ordering::SeqCst);
                till.gate.acquire().await?.forget();
                till.ended.fetch_add(1, Ordering::SeqCst);
                Ok(json!({ "charged": true }))
            }
        });
        let worker = builder.connect().unwrap();
        assert!(patiently(worker.connected()).await);
        (till, worker)
    }

    fn counts(&self) -> (usize, usize) {
        (self.begun.load(Ordering::SeqCst), self.ended.load(Ordering::SeqCst))
    }

    /// Lets so many end.
    async fn release(&self, count: usize) {
        let (_, before) = self.counts();
        self.gate.add_permits(count);
        until("they end", async || self.counts().1 == before + count).await;
    }
}

const ORDER: &str = r#"{"id":"order","steps":[{"id":"a","action":"charge"}]}"#;

async fn complete(engine: &Engine, ids: Vec<ExecutionId>) {
    for id in ids {
        let ended = async || {
            let read = engine.status(id).await.unwrap();
            read.is_some_and(|execution| execution.status == Status::Completed)
        };
        until("they complete", ended).await;
    }
}

async fn shared_by_two(served: &Served) {
    until("each has its half", async || {
        let members = served.engine.members().await.unwrap();
        members.len() == 2 && members.iter().all(|member| member.ranges.len() == 32)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_stops_leaves_its_executions_to_another_and_the_worker_runs_nothing_twice() {
    let postgres = server::Server::start();
    let database = postgres.database();
    let first = Served::new(&database, "the first").await;
    first.engine.register(Json::parse(ORDER).unwrap()).await.unwrap();
    let (till, worker) = Till::new(&first.url).await;
    let second = Served::new(&database, "the second").await;
    shared_by_two(&second).await;
    let mut ids = first.start(EXECUTIONS / 2).await;
    ids.extend(second.start(EXECUTIONS / 2).await);
    until("all run at the worker", async || till.counts().0 == EXECUTIONS).await;

    // Half of what it runs is of one that stops.
    till.release(EXECUTIONS / 4).await;
    second.stop().await;
    till.release(EXECUTIONS * 3 / 4).await;
    complete(&first.engine, ids).await;
    assert_eq!(till.counts(), (EXECUTIONS, EXECUTIONS));
    patiently(worker.close()).await.unwrap();
    first.stop().await;
}

/// The one that gave the tasks is still connected, and does not own them any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_comes_takes_its_half_of_what_a_worker_runs_and_has_the_results() {
    let postgres = server::Server::start();
    let database = postgres.database();
    let first = Served::new(&database, "the first").await;
    first.engine.register(Json::parse(ORDER).unwrap()).await.unwrap();
    let (till, worker) = Till::new(&first.url).await;
    let ids = first.start(EXECUTIONS).await;
    until("all run at the worker", async || till.counts().0 == EXECUTIONS).await;

    let second = Served::new(&database, "the second").await;
    till.release(EXECUTIONS / 4).await;
    shared_by_two(&second).await;
    till.release(EXECUTIONS * 3 / 4).await;
    complete(&second.engine, ids).await;
    assert_eq!(till.counts(), (EXECUTIONS, EXECUTIONS));
    patiently(worker.close()).await.unwrap();
    second.stop().await;
    first.stop().await;
}
