//! The engine's threads take turns at the ring: whatever holds one of them up (a disk that hangs, an action that blocks), another
//! one attends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod store;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store::Hooked;
use workflow_core::id::ActionName;
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_engine::clock::SimulatedClock;
use workflow_engine::{Engine, Handler, Options, StartRequest, Task};
use workflow_store::{Memory, Sqlite, Store};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn action(name: &str) -> ActionName {
    ActionName::new(name).unwrap()
}

fn start(workflow: &str) -> StartRequest {
    StartRequest { workflow: workflow.to_owned(), input: Some(json("{}")), key: None }
}

/// A workflow whose steps run the action of its name, one after the other.
fn steps(id: &str, count: usize) -> Json {
    let after = |step: usize| if step == 0 { String::new() } else { format!(r#","dependsOn":["s{}"]"#, step - 1) };
    let steps: Vec<String> = (0..count).map(|step| format!(r#"{{"id":"s{step}","action":"{id}"{}}}"#, after(step))).collect();
    json(&format!(r#"{{"id":"{id}","steps":[{}]}}"#, steps.join(",")))
}

fn echo() -> Handler {
    Handler::new(|task: Task, _| async move { Ok(Some(task.params())) })
}

/// Says that it has been reached, and holds whoever comes until it is opened. Opened, it lets everybody through.
struct Gate {
    reached: Mutex<Sender<()>>,
    opened: Mutex<Receiver<()>>,
}

/// The other side of a [`Gate`]; it opens when this is dropped.
struct Keeper {
    reached: Receiver<()>,
    _opens: Sender<()>,
}

fn gate() -> (Arc<Gate>, Keeper) {
    let ((reached, told), (opens, opened)) = (channel(), channel());
    let gate = Gate { reached: Mutex::new(reached), opened: Mutex::new(opened) };
    (Arc::new(gate), Keeper { reached: told, _opens: opens })
}

impl Gate {
    fn pass(&self) {
        let _ = self.reached.lock().unwrap().send(());
        let _ = self.opened.lock().unwrap().recv();
    }

    /// An action that blocks its thread there.
    fn handler(self: &Arc<Gate>) -> Handler {
        let gate = self.clone();
        Handler::new(move |_, _| {
            let gate = gate.clone();
            async move {
                gate.pass();
                Ok(None)
            }
        })
    }
}

impl Keeper {
    async fn reached(self) -> Keeper {
        tokio::task::spawn_blocking(move || {
            self.reached.recv().unwrap();
            self
        })
        .await
        .unwrap()
    }
}

/// A store in memory whose commits stop at a gate once it is told so.
fn hangs(hangs: Arc<AtomicBool>, gate: Arc<Gate>) -> impl Store {
    let before_commit = move || {
        if hangs.load(Ordering::SeqCst) {
            gate.pass();
        }
    };
    Hooked { store: Memory::new(), before_commit, rest: || Ok(()), uncertain: Arc::default() }
}

/// What comes in while a disk hangs is answered as ever: too slow is refused, and what is asked of the ring alone is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_holds_up_no_answer_that_needs_no_store() {
    let (gate, keeper) = gate();
    let hangs = Arc::new(AtomicBool::new(false));
    let store = self::hangs(hangs.clone(), gate);
    let clock = SimulatedClock::default();
    let engine = Engine::open_with(store, Options::default(), Arc::new(clock.clone())).await.unwrap();
    engine.register(steps("act", 2)).await.unwrap();
    engine.provide(action("act"), 4, echo());
    hangs.store(true, Ordering::SeqCst);
    let started = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(start("act")).await }
    });
    let keeper = keeper.reached().await;
    clock.advance(Duration::from_secs(2));
    for _ in 0..3 {
        assert_eq!(engine.start(start("act")).await.unwrap_err().code(), "overloaded");
    }
    let session = workflow_core::id::SessionId::new("worker-1").unwrap();
    let session = engine.join(workflow_engine::Join { session, holding: Vec::new(), name: None }).await.unwrap();
    session.leave().await;
    assert!(!started.is_finished());
    drop(keeper);
    assert_eq!(started.await.unwrap().unwrap().1, Status::Completed);
    assert_eq!(engine.run(start("act")).await.unwrap().1, Status::Completed);
}

/// The first look at an attempt that is alone is on the engine's own thread. One that never comes back takes it away for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_that_blocks_while_the_store_hangs_leaves_one_thread_to_answer() {
    let ((hanging, store_keeper), (blocking, action_keeper)) = (gate(), gate());
    let hangs = Arc::new(AtomicBool::new(false));
    let store = self::hangs(hangs.clone(), hanging);
    let clock = SimulatedClock::default();
    let engine = Engine::open_with(store, Options::default(), Arc::new(clock.clone())).await.unwrap();
    engine.register(steps("blocks", 1)).await.unwrap();
    engine.register(steps("act", 5)).await.unwrap();
    engine.provide(action("blocks"), 4, blocking.handler());
    engine.provide(action("act"), 4, echo());
    let blocks = engine.start(start("blocks")).await.unwrap().execution.id;
    let action_keeper = action_keeper.reached().await;
    assert_eq!(engine.run(start("act")).await.unwrap().1, Status::Completed);
    hangs.store(true, Ordering::SeqCst);
    let started = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(start("act")).await }
    });
    let store_keeper = store_keeper.reached().await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(engine.start(start("act")).await.unwrap_err().code(), "overloaded");
    drop(store_keeper);
    assert_eq!(started.await.unwrap().unwrap().1, Status::Completed);
    // It blocks on, and the engine is closed all the same: the store has been let go.
    assert!(!engine.status(blocks).await.unwrap().unwrap().status.has_ended());
    engine.shutdown(Duration::ZERO).await.unwrap();
    drop(action_keeper);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_blocks_its_thread_is_timed_out_nevertheless() {
    let (blocking, keeper) = gate();
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    engine.register(json(r#"{"id":"w","steps":[{"id":"only","action":"act","timeout":"10ms"}]}"#)).await.unwrap();
    engine.provide(action("act"), 4, blocking.handler());
    let (_, status) = engine.run(start("w")).await.unwrap();
    assert_eq!(status, Status::Failed);
    drop(keeper.reached().await);
}

/// Where the actions of five steps in a row were looked at.
async fn threads_of_an_order(engine: &Engine) -> BTreeSet<String> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let notes = seen.clone();
    let look = move |_, _| {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        notes.lock().unwrap().insert(name.trim_end_matches(|end: char| end.is_ascii_digit()).to_owned());
        // As a timer or a socket would, it wants the runtime around it.
        let timer = tokio::time::sleep(Duration::ZERO);
        async move {
            timer.await;
            Ok(None)
        }
    };
    engine.provide(action("act"), 4, Handler::new(look));
    engine.register(steps("act", 5)).await.unwrap();
    assert_eq!(engine.run(start("act")).await.unwrap().1, Status::Completed);
    seen.lock().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_alone_is_looked_at_by_the_thread_that_committed_it() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    // Not all five, on a machine that is busy: one is not alone while anything else comes in.
    let threads = threads_of_an_order(&engine).await;
    assert!(threads.contains("workflow-ring-"), "{threads:?}");
}

#[tokio::test]
async fn whoever_has_chosen_a_runtime_of_one_thread_has_every_action_run_on_it() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let own = std::thread::current().name().unwrap().to_owned();
    assert_eq!(threads_of_an_order(&engine).await, BTreeSet::from([own]));
}

/// What an action cannot do because its runtime is being shut down is not its failure: the attempt is one that was interrupted.
#[test]
fn an_action_that_fails_because_its_runtime_is_gone_has_not_failed() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(folder.path().join("workflow.db"), workflow_store::Options::default()).unwrap();
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (blocking, keeper) = gate();
    let first = runtime();
    let (engine, id) = first.block_on(async {
        let engine = Engine::open(open(), Options::default()).await.unwrap();
        engine.register(steps("act", 1)).await.unwrap();
        let sleeps = move |_, _| {
            let gate = blocking.clone();
            async move {
                gate.pass();
                tokio::time::sleep(Duration::ZERO).await;
                Ok(None)
            }
        };
        engine.provide(action("act"), 4, Handler::new(sleeps));
        let id = engine.start(start("act")).await.unwrap().execution.id;
        (engine, id)
    });
    keeper.reached.recv().unwrap();
    drop(first);
    drop(keeper);
    runtime().block_on(async {
        // The second time it was looked at after the thread had come back.
        engine.quiet().await.unwrap();
        engine.quiet().await.unwrap();
        engine.abandon().await;
        let engine = Engine::open(open(), Options::default()).await.unwrap();
        engine.provide(action("act"), 4, echo());
        let ended = engine.wait(id, None).await.unwrap();
        let kinds: Vec<&str> = ended.history.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, ["start", "step_start", "step_interrupted", "step_start", "step_complete", "complete"]);
    });
}

/// Another engine that has taken over would run it too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_handed_out_while_another_engine_may_own_it() {
    let uncertain = Arc::new(AtomicBool::new(true));
    let store = Hooked { store: Memory::new(), before_commit: || {}, rest: || Ok(()), uncertain: uncertain.clone() };
    let engine = Engine::open(store, Options::default()).await.unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let called = calls.clone();
    let act = move |task: Task, _| {
        called.lock().unwrap().push(task.execution.to_string());
        async { Ok(None) }
    };
    engine.provide(action("act"), 4, Handler::new(act));
    engine.register(steps("act", 1)).await.unwrap();
    let held = engine.start(start("act")).await.unwrap().execution.id;
    let cancelled = engine.start(start("act")).await.unwrap().execution.id;
    engine.cancel(cancelled, None).await.unwrap();
    assert_eq!(calls.lock().unwrap().len(), 0);
    uncertain.store(false, Ordering::SeqCst);
    assert_eq!(engine.wait(held, None).await.unwrap().status, Status::Completed);
    assert_eq!(*calls.lock().unwrap(), [held.to_string()], "what was cancelled meanwhile never begins");
}
