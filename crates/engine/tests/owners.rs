//! Several engines on one PostgreSQL, each the engine of its own executions and a way to those of the others.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../store/tests/server/mod.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod server;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use workflow_core::id::{ActionName, ExecutionId, IdempotencyKey};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_engine::{Engine, EventRequest, Handler, Options, StartRequest, Task};
use workflow_store::{Postgres, PostgresOptions, Ranges};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn start(workflow: &str, key: Option<&str>) -> StartRequest {
    StartRequest { workflow: workflow.to_owned(), input: None, key: key.map(|key| IdempotencyKey::new(key).unwrap()) }
}

/// One step of action `act`, then one that waits for so long.
fn definition(id: &str, wait: &str) -> Json {
    let step = r#"{"id":"only","action":"act"}"#;
    json(&format!(r#"{{"id":"{id}","steps":[{step},{{"id":"later","action":"noop","wait":"{wait}","dependsOn":["only"]}}]}}"#))
}

async fn open(url: &str, name: &str) -> Engine {
    let (url, name) = (url.to_owned(), name.to_owned());
    let store = tokio::task::spawn_blocking(move || {
        Postgres::open(&url, PostgresOptions { name, lease: Duration::from_secs(6), ..PostgresOptions::default() }).unwrap()
    });
    let engine = Engine::open(store.await.unwrap(), Options { require_actions: false, ..Options::default() }).await.unwrap();
    engine.provide(ActionName::new("act").unwrap(), 64, Handler::new(|task: Task, _| async move { Ok(Some(task.params())) }));
    engine
}

/// What this engine owns, by name.
async fn ranges(engine: &Engine, name: &str) -> Ranges {
    let members = engine.members().await.unwrap();
    members.iter().find(|member| member.name == name).map_or(Ranges::NONE, |member| member.ranges)
}

/// Waits until each of them owns its share, and knows it.
async fn shared(engines: &[&Engine]) {
    let (engine, fair) = (engines[0], Ranges::COUNT as usize / engines.len());
    let is_shared = async {
        loop {
            let members = engine.members().await.unwrap();
            let each_has =
                members.len() == engines.len() && members.iter().all(|member| member.ranges.len() >= fair && !member.lapsed);
            if each_has && engines.iter().all(|engine| engine.is_ready()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), is_shared).await.is_err() {
        panic!("{:#?}", engine.members().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_engine_starts_moves_and_shows_any_execution() {
    let server = server::Server::start();
    let url = server.database();
    let (first, second) = (open(&url, "first").await, open(&url, "second").await);
    shared(&[&first, &second]).await;

    // Registered through one, started through the other, in the same moment.
    for round in 0..10 {
        let id = format!("w{round}");
        first.register(definition(&id, "1h")).await.unwrap();
        let started = second.start(start(&id, None)).await.unwrap().execution;
        assert_eq!(started.workflow_version.0, 1);
        let registered = first.register(definition(&id, "2h")).await.unwrap();
        assert_eq!(registered.definition.version.0, 2);
        assert_eq!(second.start(start(&id, None)).await.unwrap().execution.workflow_version.0, 2);
    }
    let of_second = ranges(&first, "second").await;
    let id = second.start(start("w1", Some("once"))).await.unwrap().execution.id;
    assert!(of_second.hold(id), "an engine starts what it owns");
    // A key holds wherever it is used.
    let again = first.start(start("w1", Some("once"))).await.unwrap();
    assert!(again.existed && again.execution.id == id);

    // The first one moves what the second one owns, and is refused as the second one would refuse.
    let waits = async |id: ExecutionId| {
        while first.status(id).await.unwrap().unwrap().status != Status::Waiting {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    waits(id).await;
    assert_eq!(first.pause(id, None).await.unwrap().status, Status::Paused);
    assert_eq!(second.status(id).await.unwrap().unwrap().status, Status::Paused);
    let refused = first.pause(id, None).await.unwrap_err();
    assert_eq!(refused.to_string(), second.pause(id, None).await.unwrap_err().to_string());
    assert_eq!(refused.code(), "invalid_state");
    first.resume(id, None).await.unwrap();
    // One key, one effect, through whichever engine.
    let key = || Some(IdempotencyKey::new("pause once").unwrap());
    first.pause(id, key()).await.unwrap();
    second.resume(id, None).await.unwrap();
    first.pause(id, key()).await.unwrap();
    assert_eq!(second.status(id).await.unwrap().unwrap().status, Status::Waiting, "that was done before");

    // Who waits there hears of its end here.
    let waiting = tokio::spawn({
        let first = first.clone();
        async move { first.wait(id, None).await.unwrap().status }
    });
    let mut watch = first.watch(id, 0).await.unwrap();
    let watching = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(entry) = watch.next().await {
            seen.push(entry.unwrap().seq);
        }
        seen
    });
    first.cancel(id, None).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Status::Cancelled);
    let seen = watching.await.unwrap();
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>(), "without a gap");
    assert_eq!(first.delete_execution(id).await, Ok(()));
    assert_eq!(second.status(id).await.unwrap().map(|_| ()), None);
    assert_eq!(first.delete_execution(id).await.unwrap_err().code(), "execution_not_found");
    for engine in [first, second] {
        engine.shutdown(Duration::from_secs(5)).await.unwrap();
    }
    assert_eq!(server.psql(&url, "SELECT count(*) FROM workflow.inbox"), "0", "every answer was taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_starts_what_was_registered_elsewhere_just_before() {
    let server = server::Server::start();
    let url = server.database();
    let (first, second) = (open(&url, "first").await, open(&url, "second").await);
    shared(&[&first, &second]).await;
    let event = |id: &str| EventRequest {
        event: workflow_core::id::EventName::new("Order.placed").unwrap(),
        data: json("{}"),
        id: Some(IdempotencyKey::new(id).unwrap()),
        source: None,
    };
    for round in 0..5 {
        let triggered =
            format!(r#"{{"id":"on{round}","triggers":[{{"event":"Order.placed"}}],"steps":[{{"id":"only","action":"act"}}]}}"#);
        first.register(json(&triggered)).await.unwrap();
        let started = second.event(event(&format!("e{round}"))).await.unwrap();
        assert_eq!(started.executions.len(), round + 1);
        // The same event again, there and here.
        let ids = |executions: &[workflow_engine::ExecutionView]| executions.iter().map(|one| one.id).collect::<BTreeSet<_>>();
        for engine in [&first, &second] {
            let again = engine.event(event(&format!("e{round}"))).await.unwrap();
            assert_eq!(ids(&again.executions), ids(&started.executions));
        }
    }
    for engine in [first, second] {
        engine.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}

/// Everything ends once, each attempt whose result was recorded ran once, whoever comes and goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_change_hands_while_they_run() {
    const EXECUTIONS: usize = 300;
    let server = server::Server::start();
    let url = server.database();
    let runs = Arc::new(AtomicUsize::new(0));
    let act = |engine: &Engine| {
        let runs = runs.clone();
        let handler = Handler::new(move |_, _| {
            runs.fetch_add(1, Ordering::SeqCst);
            async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(None)
            }
        });
        engine.provide(ActionName::new("act").unwrap(), 8, handler);
    };
    let first = open(&url, "first").await;
    act(&first);
    let steps: Vec<String> = (0..5)
        .map(|n| {
            let after = if n == 0 { String::new() } else { format!(r#","dependsOn":["s{}"]"#, n - 1) };
            format!(r#"{{"id":"s{n}","action":"act"{after}}}"#)
        })
        .collect();
    first.register(json(&format!(r#"{{"id":"five","steps":[{}]}}"#, steps.join(",")))).await.unwrap();
    let mut started = Vec::new();
    for _ in 0..EXECUTIONS {
        started.push(first.start(start("five", None)).await.unwrap().execution.id);
    }
    // One comes, another one comes, and the first one ends in order, while all of that is under way.
    let second = open(&url, "second").await;
    act(&second);
    shared(&[&second, &first]).await;
    let third = open(&url, "third").await;
    act(&third);
    shared(&[&third, &first, &second]).await;
    first.shutdown(Duration::from_secs(5)).await.unwrap();
    let ended = async {
        for id in &started {
            assert_eq!(third.wait(*id, None).await.unwrap().status, Status::Completed);
        }
    };
    if tokio::time::timeout(Duration::from_secs(120), ended).await.is_err() {
        let stuck = server.psql(&url, "SELECT status, wake_at, slot / 64, count(*) FROM workflow.execution GROUP BY 1, 2, 3");
        panic!("{stuck}\n{:#?}", third.members().await.unwrap());
    }
    let mut begun = 0;
    for id in &started {
        let entries = second.history(*id, 0, None).await.unwrap().entries;
        begun += entries.iter().filter(|entry| entry.kind == "step_start").count();
    }
    assert_eq!(begun, 5 * EXECUTIONS, "no step began twice");
    assert_eq!(runs.load(Ordering::SeqCst), 5 * EXECUTIONS, "nor ran twice");
    for engine in [second, third] {
        engine.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}

/// Who watches everything here is told to look again when something has changed there; a job made here can be stopped there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_elsewhere_is_seen_here() {
    let server = server::Server::start();
    let url = server.database();
    let (first, second) = (open(&url, "first").await, open(&url, "second").await);
    shared(&[&first, &second]).await;
    first.register(definition("w", "1h")).await.unwrap();
    let mut watcher = first.watch_all(None);
    second.start(start("w", None)).await.unwrap();
    let seen = async { while watcher.changed().await && watcher.take() != workflow_engine::Changed::TooMany {} };
    tokio::time::timeout(Duration::from_secs(30), seen).await.expect("it is told that something has changed");

    // It waits after its first execution, in the second engine, and is stopped through the first one.
    let mut ids = BTreeSet::new();
    for engine in [&first, &second] {
        for _ in 0..3 {
            ids.insert(engine.start(start("w", None)).await.unwrap().execution.id);
        }
    }
    let request = workflow_engine::jobs::JobRequest {
        action: workflow_engine::jobs::JobAction::Cancel,
        which: workflow_engine::jobs::Which::These(ids.iter().copied().collect()),
        as_of: None,
        canary: true,
        key: None,
        shown: None,
    };
    let job = second.start_job(request).await.unwrap().job;
    let mut followed = first.watch_job(&job.id).await.unwrap().expect("it runs");
    followed.wait_for(|job| job.status == workflow_engine::jobs::JobStatus::Waiting).await.unwrap();
    let stopped = first.stop_job(&job.id).await.unwrap().expect("it is there");
    assert_eq!((stopped.status, stopped.done), (workflow_engine::jobs::JobStatus::Stopped, 1), "{stopped:?}");
    for engine in [first, second] {
        engine.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}

/// What was acknowledged was on a primary that is gone, and not on the standby that was promoted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_whose_commits_are_missing_says_so_and_closes() {
    let server = server::Server::start();
    let url = server.database();
    let engine = open(&url, "only").await;
    engine.register(definition("w", "1h")).await.unwrap();
    engine.start(start("w", None)).await.unwrap();
    server.psql(&url, "UPDATE workflow.engine SET batch = 1");
    let refused = engine.start(start("w", None)).await.unwrap_err().to_string();
    assert!(refused.contains("commits that were acknowledged are missing") && refused.contains("is 1,"), "{refused}");
    tokio::time::timeout(Duration::from_secs(30), engine.closed()).await.unwrap();
}
