//! What a running engine, and a file that nobody has open, are found to be stuck with.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rig::{Rig, Trouble};

use workflow_core::id::ActionName;
use workflow_core::json::Json;
use workflow_core::time::Timestamp;
use workflow_engine::clock::{Clock, SimulatedClock};
use workflow_engine::diagnosis::{Diagnosis, Finding, Severity, diagnose};
use workflow_engine::ring::look::Look;
use workflow_engine::ring::message::{Counts, Input};
use workflow_engine::{ActionResult, EndpointRequest, Engine, Handler, Options, StartRequest, Task};
use workflow_store::{Health, Inspection, Keys, Memory, Sqlite};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn workflow(id: &str, action: &str, more: &str) -> Json {
    json(&format!(r#"{{"id": "{id}", "steps": [{{"id": "a", "action": "{action}"{more}}}]}}"#))
}

async fn opened(clock: &SimulatedClock) -> Engine {
    Engine::open_with(Memory::new(), Options::default(), Arc::new(clock.clone())).await.unwrap()
}

async fn started(engine: &Engine, workflow: &str) -> workflow_core::id::ExecutionId {
    let request = StartRequest { workflow: workflow.to_owned(), input: None, key: None };
    engine.start(request).await.unwrap().execution.id
}

fn only(diagnosis: &Diagnosis) -> &Finding {
    match diagnosis.findings.as_slice() {
        [one] => one,
        other => panic!("{other:#?}"),
    }
}

#[tokio::test]
async fn an_engine_with_nothing_to_say_says_nothing() {
    let clock = SimulatedClock::default();
    let engine = opened(&clock).await;
    let diagnosis = engine.diagnose().await.unwrap();
    assert_eq!((diagnosis.findings.len(), diagnosis.executions_looked_at, diagnosis.incomplete), (0, 0, false));
    assert_eq!(diagnosis.at, clock.now().wall);
}

#[tokio::test]
async fn an_action_that_nobody_provides_is_an_error_and_who_waits_is_named() {
    let clock = SimulatedClock::default();
    let engine = opened(&clock).await;
    engine.register(workflow("order", "chargeCard", "")).await.unwrap();
    let since = clock.now().wall;
    let ids = [started(&engine, "order").await, started(&engine, "order").await];
    clock.advance(Duration::from_secs(3_600));
    engine.quiet().await.unwrap();
    let diagnosis = engine.diagnose().await.unwrap();
    let found = only(&diagnosis);
    assert_eq!((found.severity, found.code, found.count, found.since), (Severity::Error, "action_missing", 2, Some(since)));
    assert_eq!(found.executions, ids);
    assert_eq!(found.what, "steps are ready and nobody provides `chargeCard`");
    assert!(found.advice.contains("workflow endpoint add NAME URL --action chargeCard"), "{}", found.advice);
    assert!(diagnosis.has_errors());
}

#[tokio::test]
async fn slots_that_are_taken_name_who_has_them() {
    let clock = SimulatedClock::default();
    let engine = opened(&clock).await;
    let never = Handler::new(|_: Task, _| std::future::pending::<ActionResult>());
    engine.provide(ActionName::new("ship").unwrap(), 1, never);
    engine.register(workflow("order", "ship", "")).await.unwrap();
    let first = started(&engine, "order").await;
    let second = started(&engine, "order").await;
    engine.quiet().await.unwrap();
    assert_eq!(engine.diagnose().await.unwrap().findings, [], "a moment is no finding");
    clock.advance(Duration::from_secs(600));
    engine.quiet().await.unwrap();
    let diagnosis = engine.diagnose().await.unwrap();
    let found = only(&diagnosis);
    assert_eq!((found.severity, found.code, &found.executions), (Severity::Warning, "slots_taken", &vec![second]));
    assert_eq!(found.what, "steps wait for a slot: the one of `ship` is taken, the longest for 10m");
    assert!(found.advice.ends_with(&format!("they are taken by {first}")), "{}", found.advice);
    assert!(!diagnosis.has_errors());
    clock.advance(Duration::from_secs(3_600));
    engine.quiet().await.unwrap();
    let codes: Vec<_> = engine.diagnose().await.unwrap().findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["attempt_long", "slots_taken"]);
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_an_error_when_it_is_wanted() {
    let clock = SimulatedClock::default();
    let engine = opened(&clock).await;
    // Nobody listens there: it is only reserved for a moment.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let name = workflow_core::id::EndpointName::new("orders").unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let request = EndpointRequest { name, url: url.clone(), actions: None, secret: None, timeout: None, concurrency: None };
    engine.put_endpoint(request).await.unwrap();
    let alone = engine.diagnose().await.unwrap();
    assert_eq!((only(&alone).severity, only(&alone).code), (Severity::Warning, "endpoint_unreachable"));
    assert!(only(&alone).what.starts_with(&format!("endpoint `orders` at {url} does not answer: ")), "{}", only(&alone).what);
    engine.register(workflow("order", "chargeCard", "")).await.unwrap();
    started(&engine, "order").await;
    engine.quiet().await.unwrap();
    let wanted = engine.diagnose().await.unwrap();
    let seen: Vec<_> = wanted.findings.iter().map(|finding| (finding.severity, finding.code)).collect();
    assert_eq!(seen, [(Severity::Error, "action_missing"), (Severity::Error, "endpoint_unreachable")]);
}

/// Nobody else can be asked while the store cannot be written.
#[test]
fn the_ring_says_at_once_why_the_store_is_down_and_what_it_leaves_alone() {
    let mut rig = Rig::with_order(Memory::new());
    let looked = |rig: &mut Rig| {
        let mut look = rig.ask(|reply| Input::Look { counts: Counts::Left, reply });
        rig.turn();
        // Who provides what is looked at elsewhere.
        Look { used: BTreeMap::new(), life: String::new(), ..look.now().unwrap() }
    };
    assert_eq!(looked(&mut rig), Look::default());
    let broken = rig.start("order-processing", "{}");
    rig.troubles.push_back(Trouble::Before);
    let _lost = rig.start_with("order-processing", "{}", None);
    rig.turn();
    rig.commit();
    assert_eq!(looked(&mut rig).store_down.as_deref(), Some("commit: disk full"));
    while rig.advance_to_next() {}
    assert_eq!(looked(&mut rig), Look::default(), "it is well again");
    let mut rig = rig.crash();
    rig.corrupt.insert(broken);
    rig.settle();
    assert_eq!(looked(&mut rig).corrupt, [broken]);
}

#[tokio::test]
async fn a_clock_that_went_back_is_told() {
    let clock = SimulatedClock::default();
    let engine = opened(&clock).await;
    engine.register(workflow("order", "chargeCard", "")).await.unwrap();
    let id = started(&engine, "order").await;
    engine.cancel(id, None).await.unwrap();
    clock.set_wall(Timestamp::from_millis(clock.now().wall.millis() - 7_200_000));
    let diagnosis = engine.diagnose().await.unwrap();
    assert_eq!((only(&diagnosis).severity, only(&diagnosis).code), (Severity::Warning, "clock_behind"));
    assert_eq!(only(&diagnosis).what, "the clock is 2h behind the start of the newest execution");
}

#[tokio::test]
async fn a_file_that_nobody_serves_says_what_waits_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let clock = SimulatedClock::default();
    let engine = Engine::open_with(
        Sqlite::open(&path, workflow_store::Options::default()).unwrap(),
        Options::default(),
        Arc::new(clock.clone()),
    );
    let engine = engine.await.unwrap();
    engine.register(workflow("order", "chargeCard", "")).await.unwrap();
    engine.register(workflow("sleeper", "chargeCard", r#", "wait": "1h""#)).await.unwrap();
    let wants = started(&engine, "order").await;
    let sleeps = started(&engine, "sleeper").await;
    let broken = started(&engine, "order").await;
    let never = Handler::new(|_: Task, _| std::future::pending::<ActionResult>());
    engine.provide(ActionName::new("ship").unwrap(), 1, never);
    engine.register(workflow("shipped", "ship", "")).await.unwrap();
    let flies = started(&engine, "shipped").await;
    // As if the process had been killed.
    engine.abandon().await;
    drop(engine);
    let file = without_its_beginning(&path, broken);
    let now = Timestamp::from_millis(clock.now().wall.millis() + 7_200_000);
    let health = Health { schema: Some(file.schema() - 1), disk_free_bytes: Some(1 << 20), ..Health::default() };
    let diagnosis = diagnose(&file, &health, now);
    let seen: Vec<_> =
        diagnosis.findings.iter().map(|finding| (finding.severity, finding.code, finding.executions.clone())).collect();
    assert_eq!(
        seen,
        [
            (Severity::Error, "disk_full", vec![]),
            (Severity::Error, "execution_corrupt", vec![broken]),
            (Severity::Info, "action_wanted", vec![wants]),
            (Severity::Info, "attempt_interrupted", vec![flies]),
            (Severity::Info, "schema_older", vec![]),
            (Severity::Info, "timer_overdue", vec![sleeps]),
        ]
    );
    drop(file);
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE definition").unwrap();
    let damaged = diagnose(&Inspection::open(&path, &Keys::default()).unwrap(), &Health::default(), now);
    assert!(damaged.findings.iter().any(|finding| finding.code == "file_damaged"), "{damaged:#?}");
}

/// The history of an execution loses its beginning.
fn without_its_beginning(path: &std::path::Path, broken: workflow_core::id::ExecutionId) -> Inspection {
    let file = rusqlite::Connection::open(path).unwrap();
    let sql = "UPDATE history SET events = '[]' WHERE place >> 24 = (SELECT key FROM execution WHERE id = ?1)";
    assert_eq!(file.execute(sql, [broken.to_bytes()]).unwrap(), 1);
    drop(file);
    Inspection::open(path, &Keys::default()).unwrap()
}
