//! The store is told to rest when nothing has been committed for a second, once, and commits go on afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod store;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use store::Hooked;
use workflow_core::id::ActionName;
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_engine::clock::SimulatedClock;
use workflow_engine::{Engine, Handler, Options, StartRequest};
use workflow_store::{Fault, FaultKind, Memory, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Commit,
    Rest,
}

/// Says in which order it was told what. Of a faulty one every rest ends with a fault.
fn watched(faulty: bool) -> (impl Store, Receiver<Told>) {
    let (sender, told) = channel();
    let tell = move |what| {
        // A test that has seen enough has dropped its end.
        let _ = sender.send(what);
    };
    let before_commit = {
        let tell = tell.clone();
        move || tell(Told::Commit)
    };
    let rest = move || {
        tell(Told::Rest);
        let fault = Fault { operation: "rest", kind: FaultKind::Unavailable, message: "no such disk".to_owned() };
        if faulty { Err(fault) } else { Ok(()) }
    };
    (Hooked { store: Memory::new(), before_commit, rest, uncertain: Arc::default() }, told)
}

async fn engine(store: impl Store, clock: &SimulatedClock) -> Engine {
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
    let (store, told) = watched(false);
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
    let (store, told) = watched(true);
    let clock = SimulatedClock::default();
    let engine = engine(store, &clock).await;
    run_one(&engine).await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(until(&told, Told::Rest).last(), Some(&Told::Rest));
    assert!(engine.is_ready());
    run_one(&engine).await;
    engine.shutdown(Duration::ZERO).await.unwrap();
}
