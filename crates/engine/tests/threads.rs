//! The engine as its users have it: threads, a file, callers at the same time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use workflow_core::id::{ActionName, IdempotencyKey, SessionId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_engine::clock::SimulatedClock;
use workflow_engine::{
    AbortReason, ActionError, Engine, EventRequest, Handler, Include, Join, ListRequest, Options, Runner, Session, SessionEvent,
    StartRequest, Task, TaskId,
};
use workflow_store::{Memory, Sqlite};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn action(name: &str) -> ActionName {
    ActionName::new(name).unwrap()
}

fn start(workflow: &str, input: &str) -> StartRequest {
    StartRequest { workflow: workflow.to_owned(), input: Some(json(input)), key: None }
}

fn one_step(id: &str) -> Json {
    json(&format!(r#"{{"id":"{id}","steps":[{{"id":"only","action":"act"}}]}}"#))
}

fn echo() -> Handler {
    Handler::new(|task: Task, _| async move { Ok(Some(task.params())) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_opened_again_and_everything_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let open = || Sqlite::open(&path, workflow_store::Options::default()).unwrap();
    let engine = Engine::open(open(), Options::default()).await.unwrap();
    let begun = Arc::new(Notify::new());
    let hang = begun.clone();
    engine.provide(
        action("act"),
        100,
        Handler::new(move |_, _| {
            hang.notify_one();
            std::future::pending()
        }),
    );
    engine.register(one_step("w")).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(engine.start(start("w", "{}")).await.unwrap().execution.id);
    }
    begun.notified().await;
    // As if the process had died: nothing is interrupted, nothing is said.
    drop(engine);

    let engine = Engine::open(open(), Options::default()).await.unwrap();
    engine.provide(action("act"), 4, echo());
    for id in ids {
        let ended = engine.wait(id, None).await.unwrap();
        assert_eq!(ended.status, Status::Completed);
        let kinds: Vec<&str> = ended.history.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, ["start", "step_start", "step_interrupted", "step_start", "step_complete", "complete"]);
    }
    engine.shutdown(Duration::from_secs(1)).await.unwrap();
    let at_once = workflow_store::Options { lock_wait: Duration::ZERO, ..workflow_store::Options::default() };
    drop(Sqlite::open(&path, at_once).expect("the file was let go"));
    assert_eq!(engine.start(start("w", "{}")).await.unwrap_err().code(), "closed");
    assert_eq!(engine.status(workflow_core::id::ExecutionId::from_bytes([0; 16])).await.unwrap_err().code(), "closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_with_one_key_start_one_execution() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    engine.provide(
        action("act"),
        100,
        Handler::new(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(None) }
        }),
    );
    engine.register(one_step("w")).await.unwrap();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let engine = engine.clone();
            let request = StartRequest { key: Some(IdempotencyKey::new("k").unwrap()), ..start("w", "{}") };
            tokio::spawn(async move { engine.start(request).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.execution.id == answers[0].execution.id));
    assert_eq!(answers.iter().filter(|answer| !answer.existed).count(), 1);
    engine.wait(answers[0].execution.id, None).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// An action that computes, or blocks its thread, holds up nothing but what comes after it on that thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_that_blocks_its_thread_holds_up_no_other() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    engine.provide(
        action("block"),
        1,
        Handler::new(move |_, _| {
            let blocked = blocked.clone();
            async move {
                blocked.lock().unwrap().recv().unwrap();
                Ok(None)
            }
        }),
    );
    engine.provide(action("act"), 100, echo());
    engine.register(json(r#"{"id":"blocks","steps":[{"id":"only","action":"block"}]}"#)).await.unwrap();
    engine.register(one_step("w")).await.unwrap();
    let blocks = engine.start(start("blocks", "{}")).await.unwrap().execution.id;
    for _ in 0..100 {
        let quick = engine.start(start("w", "{}")).await.unwrap().execution.id;
        assert_eq!(engine.wait(quick, None).await.unwrap().status, Status::Completed);
    }
    assert!(!engine.status(blocks).await.unwrap().unwrap().status.has_ended());
    release.send(()).unwrap();
    assert_eq!(engine.wait(blocks, None).await.unwrap().status, Status::Completed);
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_nothing_else() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    engine.provide(action("act"), 1, Handler::new(|_, _| async { panic!("boom {}", 7) }));
    engine.register(one_step("w")).await.unwrap();
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    let ended = engine.wait(id, None).await.unwrap();
    assert_eq!(ended.error.as_deref(), Some("the action panicked: boom 7"));
    engine.provide(action("act"), 1, Handler::new(|_, _| async { Err(ActionError::permanent("still no")) }));
    engine.retry(id, None).await.unwrap();
    assert_eq!(engine.wait(id, None).await.unwrap().error.as_deref(), Some("still no"));
    engine.provide(action("act"), 1, echo());
    engine.retry(id, None).await.unwrap();
    assert_eq!(engine.wait(id, None).await.unwrap().status, Status::Completed);
}

#[tokio::test]
async fn a_watcher_sees_every_entry_once_and_then_the_end() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let (go, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let waits = gate.clone();
    engine.provide(
        action("act"),
        1,
        Handler::new(move |_, _| {
            let gate = waits.clone();
            async move {
                gate.notified().await;
                Ok(None)
            }
        }),
    );
    engine
        .register(json(r#"{"id":"w","steps":[{"id":"a","action":"act"},{"id":"b","action":"act","dependsOn":["a"]}]}"#))
        .await
        .unwrap();
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    let mut watch = engine.watch(id, 0).await.unwrap();
    let following = {
        let go = go.clone();
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            while let Some(entry) = watch.next().await {
                let entry = entry.unwrap();
                seqs.push(entry.seq);
                if entry.kind == "step_start" {
                    go.notify_one();
                }
            }
            seqs
        })
    };
    for _ in 0..2 {
        go.notified().await;
        gate.notify_one();
    }
    assert_eq!(following.await.unwrap(), [1, 2, 3, 4, 5, 6]);
    // Somebody who comes back with the last one that they saw.
    let mut rest = engine.watch(id, 4).await.unwrap();
    assert_eq!(rest.next().await.unwrap().unwrap().seq, 5);
    assert_eq!(rest.next().await.unwrap().unwrap().seq, 6);
    assert!(rest.next().await.is_none());
    let mut over = engine.watch(id, 6).await.unwrap();
    assert!(over.next().await.is_none(), "there is nothing to wait for");
}

#[tokio::test]
async fn an_engine_on_a_clock_that_is_set_by_hand() {
    let clock = SimulatedClock::default();
    let engine = Engine::open_with(Memory::new(), Options::default(), Arc::new(clock.clone())).await.unwrap();
    engine.provide(action("act"), 1, echo());
    let source =
        r#"{"id":"w","steps":[{"id":"wait","action":"noop","wait":"3d"},{"id":"a","action":"act","dependsOn":["wait"]}]}"#;
    engine.register(json(source)).await.unwrap();
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    assert_eq!(engine.wait(id, Some(Duration::ZERO)).await.unwrap().status, Status::Waiting);
    clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    let ended = engine.wait(id, None).await.unwrap();
    assert_eq!(ended.status, Status::Completed);
    assert_eq!(ended.completed_at.unwrap().since(ended.started_at).get(), 3 * 24 * 60 * 60 * 1_000);
}

#[tokio::test]
async fn once_it_is_quiet_everything_that_fell_due_has_been_done() {
    let clock = SimulatedClock::default();
    let engine = Engine::open_with(Memory::new(), Options::default(), Arc::new(clock.clone())).await.unwrap();
    let source =
        r#"{"id":"w","steps":[{"id":"wait","action":"noop","wait":"3d"},{"id":"a","action":"act","dependsOn":["wait"]}]}"#;
    engine.register(json(source)).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..600 {
        ids.push(engine.start(start("w", "{}")).await.unwrap().execution.id);
    }
    clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    engine.quiet().await.unwrap();
    for id in ids {
        // Nobody provides the action, so that is all that can be done.
        assert_eq!(engine.status(id).await.unwrap().unwrap().completed_steps.len(), 1);
    }
    engine.shutdown(Duration::ZERO).await.unwrap();
    assert_eq!(engine.quiet().await.unwrap_err().code(), "closed");
}

#[tokio::test(start_paused = true)]
async fn on_a_clock_that_is_set_by_hand_a_shutdown_still_ends() {
    let engine = Engine::open_with(Memory::new(), Options::default(), Arc::new(SimulatedClock::default())).await.unwrap();
    let begun = Arc::new(Notify::new());
    let hang = begun.clone();
    engine.provide(
        action("act"),
        1,
        Handler::new(move |_, _| {
            hang.notify_one();
            std::future::pending()
        }),
    );
    engine.register(one_step("w")).await.unwrap();
    engine.start(start("w", "{}")).await.unwrap();
    begun.notified().await;
    engine.shutdown(Duration::from_secs(10)).await.unwrap();
    assert_eq!(engine.start(start("w", "{}")).await.unwrap_err().code(), "closed");
}

#[tokio::test]
async fn lists_counts_replays_events_and_definitions() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    engine.provide(action("act"), 8, echo());
    let source =
        json(r#"{"id":"w","triggers":[{"event":"Order.*","condition":"total > 10"}],"steps":[{"id":"only","action":"act"}]}"#);
    let first = engine.register(source.clone()).await.unwrap();
    assert!(first.created && first.definition.version.0 == 1);
    let again = engine.register(first.definition.json.clone()).await.unwrap();
    assert!(!again.created, "what was read can be registered again");
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(engine.start(start("w", &format!(r#"{{"n":{number}}}"#))).await.unwrap().execution.id);
    }
    let event = |data: &str| EventRequest {
        event: workflow_core::id::EventName::new("Order.paid").unwrap(),
        data: json(data),
        id: None,
        source: None,
    };
    assert_eq!(engine.event(event(r#"{"total":11}"#)).await.unwrap().executions.len(), 1);
    assert_eq!(engine.event(event(r#"{"total":9}"#)).await.unwrap().executions.len(), 0);
    let replayed = engine.replay(ids[3], None, None).await.unwrap().execution;
    assert_eq!((replayed.input.text(), replayed.replay_of), (r#"{"n":3}"#, Some(ids[3])));
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let request =
            ListRequest { cursor, limit: Some(3), include: Include::Executions { history: 1 }, ..ListRequest::default() };
        let page = engine.list(request).await.unwrap();
        seen.extend(page.executions.iter().map(|listed| listed.head.id));
        assert!(page.executions.iter().all(|listed| listed.execution.as_ref().unwrap().history.len() == 1));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort_by_key(|id| std::cmp::Reverse(*id));
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (7, &sorted), "newest first, each once");
    for id in &seen {
        engine.wait(*id, None).await.unwrap();
    }
    let counts: BTreeMap<Status, u64> = engine.counts().await.unwrap().into_iter().map(|row| (row.status, row.count)).collect();
    assert_eq!(counts, BTreeMap::from([(Status::Completed, 7)]));
    let page = engine.history(ids[0], 2, Some(1)).await.unwrap();
    assert_eq!((page.entries[0].seq, page.next), (3, Some(3)));
    assert!(engine.delete_definition("w").await.unwrap());
    assert!(!engine.delete_definition("w").await.unwrap());
    assert!(engine.definition("w", None).await.unwrap().is_none());
    assert!(engine.definition("w", Some(first.definition.version)).await.unwrap().is_some());
    assert_eq!(engine.replay(ids[0], None, None).await.unwrap_err().code(), "workflow_not_found");
    assert_eq!(engine.register(source).await.unwrap().definition.version.0, 2, "numbers are never used twice");
    assert!(matches!(engine.register(json("{}")).await.unwrap_err(), workflow_engine::Error::InvalidDefinition(_)));
}

#[tokio::test]
async fn an_aborted_action_is_told_and_then_dropped() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let options = Options { abort_grace: Duration::ZERO, ..Options::default() };
    let engine = Engine::open(Memory::new(), options).await.unwrap();
    let (begun, told, dropped) = (Arc::new(Notify::new()), Arc::new(Mutex::new(false)), Arc::new(Notify::new()));
    let (b, t, d) = (begun.clone(), told.clone(), dropped.clone());
    engine.provide(
        action("act"),
        1,
        Handler::new(move |_, signal| {
            let (begun, told, guard) = (b.clone(), t.clone(), Dropped(d.clone()));
            async move {
                let _guard = guard;
                begun.notify_one();
                signal.aborted().await;
                *told.lock().unwrap() = true;
                std::future::pending().await
            }
        }),
    );
    engine.register(one_step("w")).await.unwrap();
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    begun.notified().await;
    assert_eq!(engine.cancel(id, None).await.unwrap().status, Status::Cancelled);
    dropped.notified().await;
    assert!(*told.lock().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_the_end_gets_what_a_reader_would() {
    let options = Options { cached_bytes_max: 0, ..Options::default() };
    let engine = Engine::open(Memory::new(), options).await.unwrap();
    engine.provide(action("act"), 4, echo());
    engine.register(one_step("w")).await.unwrap();
    engine.register(json(r#"{"id":"noop","steps":[{"id":"only","action":"noop"}]}"#)).await.unwrap();
    // The long one is not in memory when it ends.
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    for (workflow, input) in [("w", r#"{"a":1}"#), ("w", long.as_str()), ("noop", "{}")] {
        for history in [0, 1, 1_000] {
            let answer = engine.start_and_wait(start(workflow, input), history, std::future::pending()).await.unwrap();
            let mut read = engine.status(answer.execution.id).await.unwrap().unwrap();
            read.history_truncated = read.history.len() > history;
            read.history.drain(..read.history.len().saturating_sub(history));
            assert_eq!((answer.existed, answer.execution), (false, read));
        }
    }
}

/// Keeps what it is given, and does nothing.
#[derive(Default)]
struct Loop {
    given: Mutex<Vec<(TaskId, String)>>,
    aborted: Mutex<Vec<(TaskId, AbortReason)>>,
    changed: Notify,
}

impl Runner for Loop {
    fn run(&self, id: TaskId, task: &Task) {
        self.given.lock().unwrap().push((id, task.step_id.to_string()));
        self.changed.notify_one();
    }

    fn abort(&self, id: TaskId, reason: AbortReason) {
        self.aborted.lock().unwrap().push((id, reason));
        self.changed.notify_one();
    }
}

impl Loop {
    async fn given(&self, count: usize) -> Vec<(TaskId, String)> {
        while self.given.lock().unwrap().len() < count {
            self.changed.notified().await;
        }
        std::mem::take(&mut self.given.lock().unwrap())
    }

    async fn aborted(&self, count: usize) -> Vec<(TaskId, AbortReason)> {
        while self.aborted.lock().unwrap().len() < count {
            self.changed.notified().await;
        }
        std::mem::take(&mut self.aborted.lock().unwrap())
    }
}

#[tokio::test]
async fn somebody_with_a_loop_of_his_own_runs_attempts_and_says_what_came_of_them() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let runner = Arc::new(Loop::default());
    engine.provide(action("act"), 4, Handler::runner(runner.clone()));
    let steps = r#"[{"id":"a","action":"act"},{"id":"b","action":"act","dependsOn":["a"],"maxRetries":1,"retryDelay":"0s"}]"#;
    engine.register(json(&format!(r#"{{"id":"w","steps":{steps}}}"#))).await.unwrap();
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    let first = runner.given(1).await;
    assert_eq!(first[0].1, "a");
    engine.finished([(first[0].0, Ok(Some(json("1"))))]);
    let second = runner.given(1).await;
    // The same result again is nobody's.
    engine.finished([(first[0].0, Ok(Some(json("2")))), (second[0].0, Err(ActionError::new("no")))]);
    let third = runner.given(1).await;
    assert_eq!((&*second[0].1, &*third[0].1), ("b", "b"));
    engine.finished([(third[0].0, Ok(None))]);
    let ended = engine.wait(id, None).await.unwrap();
    assert_eq!((ended.status, ended.step_results["a"].output.as_ref()), (Status::Completed, Some(&json("1"))));
    assert_eq!(ended.history.iter().filter(|entry| entry.kind == "step_fail").count(), 1);
    assert!(runner.aborted.lock().unwrap().is_empty());

    let cancelled = engine.start(start("w", "{}")).await.unwrap().execution.id;
    let task = runner.given(1).await[0].0;
    engine.cancel(cancelled, None).await.unwrap();
    assert_eq!(runner.aborted(1).await, [(task, AbortReason::Cancelled)]);
    engine.finished([(task, Ok(None))]);

    engine.start(start("w", "{}")).await.unwrap();
    let task = runner.given(1).await[0].0;
    engine.shutdown(Duration::ZERO).await.unwrap();
    assert_eq!(runner.aborted(1).await, [(task, AbortReason::Lost)]);
    // Nobody takes it any more.
    engine.finished([(task, Ok(None))]);
}

async fn join(engine: &Engine, session: &str, holding: Vec<TaskId>) -> Session {
    engine.join(Join { session: SessionId::new(session).unwrap(), holding, name: None }).await.unwrap()
}

async fn next_task(session: &mut Session) -> (TaskId, Box<Task>) {
    match session.next().await {
        Some(SessionEvent::Task { id, task }) => (id, task),
        other => panic!("a task comes next, not {other:?}"),
    }
}

/// The whole life of a remote worker: it works, loses its connection, finishes while the engine is away, and is not asked twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_worker_outlives_its_connection_and_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let open = || Sqlite::open(&path, workflow_store::Options::default()).unwrap();
    let engine = Engine::open(open(), Options::default()).await.unwrap();
    let source = r#"{"id":"w","steps":[{"id":"a","action":"act"},{"id":"b","action":"act","dependsOn":["a"]}]}"#;
    engine.register(json(source)).await.unwrap();
    let refused = engine.join(Join { session: SessionId::new("engine-1").unwrap(), holding: Vec::new(), name: None }).await;
    assert_eq!(refused.unwrap_err().code(), "invalid_request");

    let mut session = join(&engine, "worker-1", Vec::new()).await;
    session.offer(vec![action("act")], 4);
    let id = engine.start(start("w", r#"{"n":1}"#)).await.unwrap().execution.id;
    let (first, task) = next_task(&mut session).await;
    assert_eq!((task.action.as_str(), task.params().text()), ("act", r#"{"n":1}"#));
    session.finished(first, Ok(Some(json("1"))));
    assert!(matches!(session.next().await, Some(SessionEvent::Recorded { id }) if id == first));
    let (second, _) = next_task(&mut session).await;
    assert!(session.try_next().is_none());
    drop(session);
    let mut session = join(&engine, "worker-1", vec![second]).await;
    engine.shutdown(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(session.next().await, Some(SessionEvent::Closing)));
    assert!(session.next().await.is_none());

    let engine = Engine::open(open(), Options::default()).await.unwrap();
    let mut session = join(&engine, "worker-1", vec![second]).await;
    session.finished(second, Ok(Some(json("2"))));
    assert!(matches!(session.next().await, Some(SessionEvent::Recorded { id }) if id == second));
    let ended = engine.wait(id, None).await.unwrap();
    assert_eq!(ended.status, Status::Completed);
    let entries: Vec<_> = ended.history.iter().map(|entry| entry.kind).collect();
    assert_eq!(entries, ["start", "step_start", "step_complete", "step_start", "step_complete", "complete"]);
    session.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_attempt_begins_in_the_process_before_it_is_allowed_to() {
    let clock = SimulatedClock::default();
    let options = Options { in_process_max: 0, require_actions: true, ..Options::default() };
    let engine = Engine::open_with(Memory::new(), options, Arc::new(clock)).await.unwrap();
    engine.provide(action("act"), 4, echo());
    engine.register(one_step("w")).await.unwrap();
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    engine.quiet().await.unwrap();
    let waiting = engine.status(id).await.unwrap().unwrap();
    assert_eq!(waiting.history.len(), 1, "it has started, and no attempt of it");
    engine.limit_in_process(1);
    assert_eq!(engine.wait(id, None).await.unwrap().status, Status::Completed);
}

/// An attempt that had been dispatched could still be on its way to its handler. Later: three threads that had each looked at an
/// attempt, and had let go of the engine meanwhile, left nobody who held it open, and it closed in the middle of this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_it_is_quiet_the_actions_of_what_fell_due_have_begun() {
    let engine = Engine::open_with(Memory::new(), Options::default(), Arc::new(SimulatedClock::default())).await.unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = begun.clone();
    let hang = Handler::new(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending()
    });
    engine.provide(action("act"), 10_000, hang);
    engine.register(one_step("w")).await.unwrap();
    for round in 1..=500 {
        engine.start(start("w", "{}")).await.unwrap();
        engine.quiet().await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), round);
    }
    engine.shutdown(Duration::ZERO).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_is_told_why_its_result_is_not_wanted() {
    let clock = SimulatedClock::default();
    let engine = Engine::open_with(Memory::new(), Options::default(), Arc::new(clock.clone())).await.unwrap();
    let (told, mut reasons) = tokio::sync::mpsc::unbounded_channel();
    let hang = Handler::new(move |_, signal| {
        let told = told.clone();
        async move {
            signal.aborted().await;
            told.send(signal.reason()).unwrap();
            Ok(None)
        }
    });
    engine.provide(action("act"), 4, hang);
    engine.register(json(r#"{"id":"w","steps":[{"id":"only","action":"act","timeout":"1s"}]}"#)).await.unwrap();
    engine.start(start("w", "{}")).await.unwrap();
    engine.quiet().await.unwrap();
    clock.advance(Duration::from_secs(1));
    assert_eq!(reasons.recv().await.unwrap(), Some(AbortReason::Timeout));
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    engine.cancel(id, None).await.unwrap();
    assert_eq!(reasons.recv().await.unwrap(), Some(AbortReason::Cancelled));
    engine.start(start("w", "{}")).await.unwrap();
    engine.quiet().await.unwrap();
    engine.shutdown(Duration::ZERO).await.unwrap();
    assert_eq!(reasons.recv().await.unwrap(), Some(AbortReason::Lost));
}

/// Why the only step of an execution waits.
async fn waits_for(engine: &Engine, id: workflow_core::id::ExecutionId) -> String {
    engine.quiet().await.unwrap();
    let execution = engine.status(id).await.unwrap().unwrap();
    execution.step_results.values().find_map(|step| step.waiting_for.clone()).unwrap().message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_why_a_step_waits_is_told_what_workers_offer_now() {
    let engine = Engine::open(Memory::new(), Options { require_actions: true, ..Options::default() }).await.unwrap();
    engine.register(one_step("w")).await.unwrap();
    assert_eq!(engine.start(start("w", "{}")).await.unwrap_err().code(), "action_missing");
    let mut session = join(&engine, "worker-1", Vec::new()).await;
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    assert_eq!(waits_for(&engine, id).await, "no worker provides `act`");
    session.offer(vec![action("act")], 1);
    let (first, _) = next_task(&mut session).await;
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    assert_eq!(waits_for(&engine, id).await, "the one slot for `act` is taken");
    let mut other = join(&engine, "worker-2", Vec::new()).await;
    other.offer(vec![action("act")], 1);
    next_task(&mut other).await;
    let id = engine.start(start("w", "{}")).await.unwrap().execution.id;
    assert_eq!(waits_for(&engine, id).await, "all 2 slots for `act` are taken");
    session.offer(Vec::new(), 0);
    assert_eq!(waits_for(&engine, id).await, "the one slot for `act` is taken");
    drop(other);
    assert_eq!(waits_for(&engine, id).await, "no worker provides `act`");
    // Replaced: what the first had offered is gone, and it is told so.
    let mut again = join(&engine, "worker-1", vec![first]).await;
    assert!(matches!(session.next().await, Some(SessionEvent::Replaced)));
    assert!(session.next().await.is_none());
    again.offer(vec![action("act")], 2);
    assert_eq!(next_task(&mut again).await.0.execution(), id);
    assert_eq!(engine.actions_named().into_iter().collect::<Vec<_>>(), [action("act")]);
}

/// As a server that stops has it: the future that joins is dropped with its request.
#[tokio::test]
async fn a_join_that_nobody_waits_for_is_a_lost_connection() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    {
        let session = SessionId::new("worker-1").unwrap();
        let mut joining = std::pin::pin!(engine.join(Join { session, holding: Vec::new(), name: None }));
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(joining.as_mut().poll(context)));
        drop(polled.await);
    }
    engine.quiet().await.unwrap();
    assert_eq!(engine.gauges().sessions, 0);
}

#[tokio::test]
async fn whoever_starts_and_waits_gets_the_execution_as_it_ended() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    engine.provide(action("act"), 1, echo());
    engine.register(one_step("w")).await.unwrap();
    engine.register(json(r#"{"id":"at-once","steps":[{"id":"only","action":"noop"}]}"#)).await.unwrap();
    let never = std::future::pending::<()>;

    let answer = engine.start_and_wait(start("w", r#"{"n":1}"#), 0, never()).await.unwrap();
    let mut read = engine.status(answer.execution.id).await.unwrap().unwrap();
    assert_eq!((answer.existed, answer.execution.status, read.history.len()), (false, Status::Completed, 4));
    read.history.clear();
    read.history_truncated = true;
    assert_eq!(answer.execution, read);
    let answer = engine.start_and_wait(start("w", "{}"), 2, never()).await.unwrap();
    assert_eq!(answer.execution.history.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 4]);

    // It ends with the commit that starts it.
    let answer = engine.start_and_wait(start("at-once", "{}"), 0, never()).await.unwrap();
    assert_eq!(answer.execution.status, Status::Completed);
    assert_eq!(engine.run(start("at-once", "{}")).await.unwrap().1, Status::Completed);

    let request = || StartRequest { key: Some(IdempotencyKey::new("k").unwrap()), ..start("w", "{}") };
    let first = engine.start_and_wait(request(), 0, never()).await.unwrap();
    let again = engine.start_and_wait(request(), 0, never()).await.unwrap();
    assert_eq!((first.existed, again.existed), (false, true));
    assert_eq!((again.execution.id, again.execution.status), (first.execution.id, Status::Completed));
    let other = StartRequest { input: Some(json(r#"{"n":2}"#)), ..request() };
    assert_eq!(engine.start_and_wait(other, 0, never()).await.unwrap_err().code(), "idempotency_key_reused");
    assert_eq!(engine.start_and_wait(start("nope", "{}"), 0, never()).await.unwrap_err().code(), "workflow_not_found");
}

#[tokio::test]
async fn whoever_has_waited_long_enough_gets_the_execution_as_it_is() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let begun = Arc::new(Notify::new());
    let begins = begun.clone();
    let hang = move |_, _| {
        begins.notify_one();
        std::future::pending()
    };
    engine.provide(action("act"), 2, Handler::new(hang));
    engine.register(one_step("w")).await.unwrap();
    let request = || StartRequest { key: Some(IdempotencyKey::new("k").unwrap()), ..start("w", "{}") };
    let early = engine.start_and_wait(request(), 0, async {}).await.unwrap();
    assert_eq!((early.existed, early.execution.status), (false, Status::Running));
    let again = engine.start_and_wait(request(), 0, async {}).await.unwrap();
    assert_eq!((again.existed, again.execution.id), (true, early.execution.id));

    // One that is told that the engine is closed cannot know what became of the execution: it may go on with the next engine.
    begun.notified().await;
    let mut waits = Box::pin(engine.start_and_wait(start("w", "{}"), 0, std::future::pending()));
    tokio::select! {
        ended = &mut waits => panic!("{ended:?}"),
        () = begun.notified() => {}
    }
    engine.abandon().await;
    assert_eq!(waits.await.unwrap_err().code(), "outcome_unknown");
}
