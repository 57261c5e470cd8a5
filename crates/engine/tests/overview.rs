//! What pages are made of outlives the engine that counted it: statistics, failures by kind, jobs that were broken off.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use workflow_core::id::{ActionName, ExecutionId, IdempotencyKey, SessionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_engine::check::check;
use workflow_engine::clock::SimulatedClock;
use workflow_engine::jobs::{Job, JobAction, JobRequest, JobStatus, Which};
use workflow_engine::statistics::{ErrorFilter, Window};
use workflow_engine::{
    ActionError, Attention, Engine, ExecutionFilter, Handler, Join, Options, Session, StartRequest, SummaryRequest, Task,
    WorkerView,
};
use workflow_store::{DocumentFilter, Inspection, KeyRange, Keys, Memory, Order, Sqlite, Store};

async fn opened(path: &Path) -> Engine {
    let store = Sqlite::open(path, workflow_store::Options::default()).unwrap();
    let engine = Engine::open(store, Options::default()).await.unwrap();
    engine.expect_workers();
    engine
}

fn provide(engine: &Engine, action: &str, handler: Handler) {
    engine.provide(ActionName::new(action).unwrap(), 64, handler);
}

fn echo() -> Handler {
    Handler::new(|_, _| async { Ok(None) })
}

/// Fails at its first attempt.
fn declines() -> Handler {
    let handler = |task: Task, _| async move {
        if task.attempt > 1 { Ok(None) } else { Err(ActionError::permanent("Card 4711 declined")) }
    };
    Handler::new(handler)
}

async fn define(engine: &Engine, text: &str) {
    engine.register(Json::parse(text).unwrap()).await.unwrap();
}

async fn started(engine: &Engine, workflow: &str) -> ExecutionId {
    engine.start(StartRequest { workflow: workflow.to_owned(), input: None, key: None }).await.unwrap().execution.id
}

async fn run(engine: &Engine, workflow: &str) -> (ExecutionId, Status) {
    engine.run(StartRequest { workflow: workflow.to_owned(), input: None, key: None }).await.unwrap()
}

fn week() -> ErrorFilter {
    ErrorFilter { workflows: Vec::new(), version: None, window: Window::Week }
}

const ORDER: &str =
    r#"{ "id": "order", "steps": [{ "id": "a", "action": "echo" }, { "id": "b", "action": "declines", "dependsOn": ["a"] }] }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_and_failures_are_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    for life in 1..=2_u64 {
        let engine = opened(&path).await;
        provide(&engine, "echo", echo());
        provide(&engine, "declines", declines());
        define(&engine, ORDER).await;
        for _ in 0..3 {
            assert_eq!(run(&engine, "order").await.1, Status::Failed);
        }
        let statistics = engine.statistics("order", None, Window::Day).await.unwrap().unwrap();
        assert_eq!(
            (statistics.started, statistics.failed, statistics.samples),
            (3 * life, 3 * life, 3 * life),
            "those of earlier lives count"
        );
        let step = |id: &str| statistics.steps.iter().find(|step| step.step_id.as_str() == id).unwrap().completed;
        assert_eq!(step("a"), 3 * life);
        let errors = engine.errors(week()).await.unwrap();
        let kind = &errors.errors[0];
        assert_eq!((kind.template.as_str(), kind.total, kind.failed_now), ("Card <n> declined", 3 * life, 3 * life));
        engine.shutdown(Duration::from_secs(10)).await.unwrap();
    }
    let report = check(&Inspection::open(&path, &Keys::default()).unwrap(), 10);
    assert!(report.is_sound(), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tried_again_is_known_until_it_has_gone_well() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let retrying = || SummaryRequest {
        filter: ExecutionFilter { attention: Some(Attention::Retrying), ..ExecutionFilter::default() },
        ..SummaryRequest::default()
    };
    let engine = opened(&path).await;
    provide(
        &engine,
        "flaky",
        Handler::new(|task: Task, _| async move {
            if task.attempt > 1 { Ok(None) } else { Err(ActionError::new("timeout after 30 s")) }
        }),
    );
    define(
        &engine,
        r#"{ "id": "sync", "steps": [{ "id": "pull", "action": "flaky", "onError": "retry", "retryDelay": "1h" }] }"#,
    )
    .await;
    let id = started(&engine, "sync").await;
    let mut watch = engine.watch(id, 0).await.unwrap();
    while watch.next().await.unwrap().unwrap().kind != "step_fail" {}
    let listed = engine.summaries(retrying()).await.unwrap().executions;
    assert_eq!((listed.len(), listed[0].id, listed[0].error.as_deref()), (1, id, Some("timeout after 30 s")));
    let errors = engine.errors(week()).await.unwrap();
    assert_eq!((errors.retrying_now, errors.failed_now, errors.errors[0].template.as_str()), (1, 0, "timeout after <n> s"));
    engine.shutdown(Duration::from_secs(10)).await.unwrap();

    let engine = opened(&path).await;
    provide(&engine, "flaky", echo());
    assert_eq!(engine.summaries(retrying()).await.unwrap().executions.len(), 1, "after a restart too");
    engine.run_now(id, "pull", None).await.unwrap();
    assert_eq!(engine.ended(id).await.unwrap(), Status::Completed);
    assert_eq!(engine.summaries(retrying()).await.unwrap().executions, []);
    let errors = engine.errors(week()).await.unwrap();
    assert_eq!((errors.retrying_now, errors.errors[0].total), (0, 1), "it went well, and it happened");
    engine.shutdown(Duration::from_secs(10)).await.unwrap();
    let report = check(&Inspection::open(&path, &Keys::default()).unwrap(), 10);
    assert!(report.is_sound(), "{:?}", report.findings);
}

fn replay_all() -> JobRequest {
    let which = Which::Filter(Box::default());
    JobRequest { action: JobAction::Replay, which, as_of: None, canary: false, key: None, shown: None }
}

async fn with_echo(path: &Path) -> Engine {
    let engine = opened(path).await;
    provide(&engine, "echo", echo());
    engine
}

/// With so many that have completed.
async fn with_orders(path: &Path, count: usize) -> Engine {
    let engine = with_echo(path).await;
    define(&engine, r#"{ "id": "order", "steps": [{ "id": "a", "action": "echo" }] }"#).await;
    for _ in 0..count {
        run(&engine, "order").await;
    }
    engine
}

async fn over(engine: &Engine, id: &str) -> Job {
    if let Some(mut watched) = engine.watch_job(id).await.unwrap() {
        // It ends with the engine.
        drop(watched.wait_for(|job| job.status.is_over()).await);
    }
    engine.job(id).await.unwrap().unwrap()
}

/// A job is broken off in the middle, and the engine is gone without a word: the next one goes on with it and does nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_on_after_a_crash_and_does_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let engine = with_orders(&path, 450).await;
    // From here on every execution stands still, and so does the job once it has made as many calls as it makes at a time.
    let gate = Arc::new(Semaphore::new(0));
    let its_gate = gate.clone();
    let stands = move |_: Task, _| {
        let gate = its_gate.clone();
        async move {
            drop(gate.acquire().await);
            Ok(None)
        }
    };
    provide(&engine, "echo", Handler::new(stands));
    let job = engine.start_job(replay_all()).await.unwrap().job;
    assert_eq!(job.matched, 450);
    let mut watched = engine.watch_job(&job.id).await.unwrap().unwrap();
    watched.wait_for(|job| job.done >= 200).await.unwrap();
    engine.abandon().await;
    drop((engine, watched));

    let engine = with_echo(&path).await;
    let over = over(&engine, &job.id).await;
    assert_eq!((over.status, over.done, over.failed, over.skipped), (JobStatus::Completed, 450, 0, 0));
    let filter = ExecutionFilter { triggered_by: Some("replay".to_owned()), ..ExecutionFilter::default() };
    let request = SummaryRequest { filter, cursor: None, limit: Some(1_000) };
    assert_eq!(engine.summaries(request).await.unwrap().executions.len(), 450, "each was replayed once");
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = engine.job_items(&job.id, None, cursor, Some(100)).await.unwrap().unwrap();
        items.extend(page.items);
        let Some(next) = page.next_cursor else { break };
        cursor = Some(next.parse().unwrap());
    }
    let mut ids: Vec<ExecutionId> = items.iter().map(|item| item.execution_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 450);
    engine.shutdown(Duration::from_secs(10)).await.unwrap();
}

/// A job that was to try one first forgot so when the engine was gone before that one was through: the next engine did all of them,
/// which nobody had said yes to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_tries_one_first_although_the_engine_was_gone_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let engine = with_orders(&path, 3).await;
    let job = engine.start_job(JobRequest { canary: true, ..replay_all() }).await.unwrap().job;
    engine.abandon().await;
    drop(engine);

    let engine = with_echo(&path).await;
    let mut watched = engine.watch_job(&job.id).await.unwrap().unwrap();
    let waiting = watched.wait_for(|job| job.status == JobStatus::Waiting).await.unwrap().clone();
    assert_eq!((waiting.matched, waiting.done, waiting.canary.is_some()), (3, 1, true));
    engine.abandon().await;
    drop((engine, watched));

    // It still waits, and is told to go on now.
    let engine = with_echo(&path).await;
    let mut watched = engine.watch_job(&job.id).await.unwrap().unwrap();
    watched.wait_for(|job| job.status == JobStatus::Waiting).await.unwrap();
    drop(watched);
    engine.continue_job(&job.id).await.unwrap();
    let over = over(&engine, &job.id).await;
    assert_eq!((over.status, over.done, over.canary_first), (JobStatus::Completed, 3, false));
    engine.shutdown(Duration::from_secs(10)).await.unwrap();
}

/// How many documents of a kind a file holds that no engine has open.
fn documents(path: &Path, kind: &str) -> usize {
    let store = Sqlite::open(path, workflow_store::Options::default()).unwrap();
    let all = DocumentFilter { kind: kind.to_owned(), keys: KeyRange::beginning(""), order: Order::Ascending, limit: 100 };
    store.documents(&all).unwrap().len()
}

/// The keys that jobs were made with stayed in the store for ever, long after the jobs had gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_job_goes_when_the_job_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let clock = SimulatedClock::default();
    let store = Sqlite::open(&path, workflow_store::Options::default()).unwrap();
    let engine = Engine::open_with(store, Options::default(), Arc::new(clock.clone())).await.unwrap();
    let make = async |key: Option<&str>| {
        let key = key.map(|key| IdempotencyKey::new(key).unwrap());
        let made = engine.start_job(JobRequest { key, ..replay_all() }).await.unwrap();
        over(&engine, &made.job.id).await;
        (made.job.id, made.existed)
    };
    let (old, _) = make(Some("monday")).await;
    assert_eq!(make(Some("monday")).await, (old.clone(), true));
    clock.advance(Duration::from_secs(20 * 24 * 3_600));
    let (young, _) = make(Some("tuesday")).await;
    clock.advance(Duration::from_secs(11 * 24 * 3_600));
    let (newest, _) = make(None).await;
    assert_eq!(engine.job(&old).await.unwrap(), None, "it is older than 30 days");
    assert_eq!(make(Some("tuesday")).await, (young, true), "a job that is there has its key");
    let (again, existed) = make(Some("monday")).await;
    assert!(!existed && ![&old, &newest].contains(&&again), "the key is free again");
    engine.shutdown(Duration::from_secs(10)).await.unwrap();
    drop(engine);
    assert_eq!((documents(&path, "job"), documents(&path, "job_key"), documents(&path, "job_key_of")), (3, 2, 2));
}

/// An execution that wants two actions that nobody provides was counted twice, and so was one of another workflow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_several_actions_that_nobody_provides_is_counted_once() {
    const TWO: &str = r#"{ "id": "two", "steps": [{ "id": "a", "action": "packs" }, { "id": "b", "action": "ships" }] }"#;
    const ONE: &str = r#"{ "id": "one", "steps": [{ "id": "a", "action": "packs" }] }"#;
    // In memory; and where it is so small that most of them leave it, and rows in the store say what they want.
    for resident_bytes_max in [Options::default().resident_bytes_max, 16 << 10] {
        let options = Options { resident_bytes_max, ..Options::default() };
        let engine = Engine::open(Memory::new(), options).await.unwrap();
        define(&engine, TWO).await;
        define(&engine, ONE).await;
        for number in 0..60 {
            started(&engine, if number % 3 == 0 { "one" } else { "two" }).await;
        }
        engine.quiet().await.unwrap();
        let gauges = engine.gauges();
        assert_eq!(gauges.resident_executions == 60, resident_bytes_max > 1 << 20, "{gauges:?}");
        let of = async |workflow: &str| {
            let workflows =
                Some(workflow).filter(|id| !id.is_empty()).map(|id| WorkflowId::new(id).unwrap()).into_iter().collect();
            let counts = engine.count(ExecutionFilter { workflows, ..ExecutionFilter::default() }).await.unwrap();
            (counts.attention.no_worker, counts.exact)
        };
        assert_eq!((of("").await, of("one").await, of("two").await), ((60, true), (20, true), (40, true)));
        // Of those that want two one is enough.
        provide(&engine, "packs", Handler::new(|_, _| std::future::pending()));
        engine.quiet().await.unwrap();
        assert_eq!((of("").await, of("one").await, of("two").await), ((40, true), (0, true), (40, true)));
    }
}

/// A worker's line in the list, but for what it runs.
async fn worker(engine: &Engine) -> Option<WorkerView> {
    let workers = engine.workers().await.unwrap();
    workers.into_iter().find(|worker| worker.kind == "worker")
}

async fn joined(engine: &Engine, name: &str) -> Session {
    let session = SessionId::new("0123456789abcdef").unwrap();
    engine.join(Join { session, holding: Vec::new(), name: Some(name.to_owned()) }).await.unwrap()
}

#[tokio::test]
async fn a_worker_was_seen_when_it_last_said_anything() {
    let clock = SimulatedClock::default();
    let engine = Engine::open_with(Memory::new(), Options::default(), Arc::new(clock.clone())).await.unwrap();
    let connected = engine.now();
    let session = joined(&engine, &"x".repeat(100)).await;
    session.offer(vec![ActionName::new("packs").unwrap()], 3);
    let seen = worker(&engine).await.unwrap();
    assert_eq!((seen.id.as_str(), seen.name.len(), seen.slots, seen.away), ("0123456789abcdef", 64, 3, false));
    assert_eq!((seen.connected_at, seen.last_seen), (Some(connected), Some(connected)));

    clock.advance(Duration::from_secs(5));
    let at = engine.now();
    assert_eq!(worker(&engine).await.unwrap().last_seen, Some(connected), "it has said nothing since");
    session.heard();
    clock.advance(Duration::from_secs(5));
    let seen = worker(&engine).await.unwrap();
    assert_eq!((seen.connected_at, seen.last_seen), (Some(connected), Some(at)));

    // It has lost its connection: it is still there, and what it runs too.
    drop(session);
    let away = worker(&engine).await.unwrap();
    assert_eq!((away.away, away.slots, away.last_seen), (true, 0, Some(at)));
    let again = joined(&engine, "packer").await;
    let back = worker(&engine).await.unwrap();
    let now = Some(engine.now());
    assert_eq!((back.away, back.name.as_str(), back.connected_at, back.last_seen), (false, "packer", now, now));
    again.leave().await;
    assert_eq!(worker(&engine).await, None);
}
