//! Against several servers: those that follow a script, and real ones.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use workflow_core::json::Json;
use workflow_core::time::Timestamp;
use workflow_do::WorkerState;
use workflow_engine::{Engine, StartRequest};
use workflow_store::{Member, Ranges};

use crate::scripted::{worker, worker_at};
use crate::several::{Members, Several};
use crate::stage::{Line, Stage, engines, patiently, task};

/// Two engines, `a` and `b`.
struct Two {
    a: Stage,
    b: Stage,
}

impl Two {
    async fn new() -> Two {
        Two { a: Stage::new().await, b: Stage::new().await }
    }

    fn named_by(&self, own: &str) -> Value {
        engines(own, &[("a", Some(&self.a)), ("b", Some(&self.b))])
    }

    /// Connections to both, of a worker that was told of `a` alone, and what it said first to each.
    async fn welcomed(&self) -> ((Line, Value), (Line, Value)) {
        let a = self.a.welcomed_to(&self.named_by("a")).await;
        let b = self.b.welcomed_to(&self.named_by("b")).await;
        (a, b)
    }
}

/// The slots of the next offer.
async fn offered(line: &mut Line) -> Value {
    line.hear("offer").await["slots"].clone()
}

fn held_by(hello: &Value) -> Vec<&str> {
    hello["holding"].as_array().unwrap().iter().map(|task| task.as_str().unwrap()).collect()
}

#[tokio::test]
async fn engines_that_are_named_are_connected_and_slots_are_divided_until_one_goes() {
    let two = Two::new().await;
    let (builder, _) = worker(&two.a);
    let worker = builder.concurrency(7).connect().unwrap();
    // It is alone at first, and hears of the other one later.
    let (mut a, hello_to_a) = two.a.welcomed_to(&engines("a", &[("a", Some(&two.a))])).await;
    assert_eq!(offered(&mut a).await, 7);
    a.say(&two.named_by("a")).await;
    let (mut b, hello_to_b) = two.b.welcomed_to(&two.named_by("b")).await;
    assert_eq!(hello_to_a["session"], hello_to_b["session"]);
    assert_eq!((offered(&mut a).await, offered(&mut b).await), (json!(4), json!(3)));
    for (line, id) in [(&mut a, "t1"), (&mut b, "t2")] {
        line.say(&task(id, "echo", &json!(id))).await;
        assert_eq!(line.hear("completed").await["output"], id);
        line.say(&json!({ "type": "recorded", "task": id })).await;
    }

    // An engine that has ended is not looked for any more.
    a.say(&engines("a", &[("a", Some(&two.a))])).await;
    a.say(&task("t3", "echo", &json!({}))).await;
    a.hear("completed").await;
    drop(b);
    assert_eq!(offered(&mut a).await, 7);
    assert_eq!(worker.state(), WorkerState::Connected { server_version: "9.9.9".to_owned() });
    drop(a);
    let (mut a, _) = two.a.welcomed_to(&engines("a", &[("a", Some(&two.a))])).await;
    assert_eq!(offered(&mut a).await, 7);
    assert!(!two.b.is_dialled().await);
}

#[tokio::test]
async fn a_result_goes_to_its_giver_and_to_the_others_when_that_is_gone() {
    let two = Two::new().await;
    let (builder, gate) = worker(&two.a);
    let _worker = builder.connect().unwrap();
    let ((mut a, _), (mut b, _)) = two.welcomed().await;
    assert_eq!((offered(&mut a).await, offered(&mut a).await, offered(&mut b).await), (json!(256), json!(128), json!(128)));
    b.say(&task("sent", "echo", &json!(1))).await;
    b.hear("completed").await;
    b.say(&task("running", "held", &json!({}))).await;
    b.say(&task("late", "echo", &json!(2))).await;
    assert_eq!(b.hear("completed").await["task"], "late");
    // Nothing of that was for the other one.
    a.say(&task("of-a", "echo", &json!({}))).await;
    assert_eq!(a.hear("completed").await["task"], "of-a");

    drop((b, two.b));
    // One still runs there and is nobody's, so that it has the slot.
    let mut results = Vec::new();
    for _ in 0..3 {
        let said = a.next().await.unwrap();
        match said["type"].as_str().unwrap() {
            "offer" => assert_eq!(said["slots"], 255),
            _ => results.push(said["task"].as_str().unwrap().to_owned()),
        }
    }
    results.sort_unstable();
    assert_eq!(results, ["late", "sent"]);
    gate.add_permits(1);
    let mut said = [a.next().await.unwrap(), a.next().await.unwrap()];
    said.sort_by_key(|said| said["type"].as_str().unwrap().to_owned());
    assert_eq!((&said[0]["task"], &said[1]["slots"]), (&json!("running"), &json!(256)));
    for task in ["sent", "late", "running"] {
        a.say(&json!({ "type": "recorded", "task": task })).await;
    }
    a.say(&task("next", "echo", &json!({}))).await;
    assert_eq!(a.hear("completed").await["task"], "next");
    drop(a);
    let (_, hello) = two.a.welcomed().await;
    assert_eq!(held_by(&hello), ["next", "of-a"]);
}

#[tokio::test]
async fn who_asks_to_come_back_is_told_of_all_tasks_whoever_gave_them() {
    let two = Two::new().await;
    let (builder, gate) = worker(&two.a);
    let _worker = builder.concurrency(2).connect().unwrap();
    let ((mut a, _), (mut b, _)) = two.welcomed().await;
    assert_eq!((offered(&mut a).await, offered(&mut a).await, offered(&mut b).await), (json!(2), json!(1), json!(1)));
    a.say(&task("of-a", "held", &json!({}))).await;
    a.say(&task("given-up", "held", &json!({}))).await;
    b.say(&task("of-b", "held", &json!({}))).await;
    a.say(&task("done", "echo", &json!({}))).await;
    assert_eq!(a.hear("completed").await["task"], "done");
    b.say(&json!({ "type": "closing" })).await;
    assert_eq!(b.next().await, None);

    let (mut b, hello) = two.b.welcomed_to(&two.named_by("b")).await;
    assert_eq!(held_by(&hello), ["done", "given-up", "of-a", "of-b"]);
    // It owns what `a` has given, and says so of each: of one that it is not wanted, of the others that they are recorded.
    b.say(&json!({ "type": "abort", "task": "given-up", "reason": "lost" })).await;
    b.say(&task("sync", "echo", &json!({}))).await;
    let mut told = Vec::new();
    while told.last() != Some(&json!("sync")) {
        told.push(b.next().await.unwrap()["task"].clone());
    }
    assert!(told.contains(&json!("done")), "{told:?}");
    gate.add_permits(2);
    let mut of_a = Vec::new();
    while of_a.last() != Some(&json!("of-a")) {
        of_a.push(a.next().await.unwrap()["task"].clone());
    }
    assert!(!of_a.contains(&json!("given-up")), "{of_a:?}");
    let mut of_b: Vec<Value> = Vec::new();
    while of_b.iter().filter(|task| !task.is_null()).count() < 2 {
        of_b.push(b.next().await.unwrap()["task"].clone());
    }
    assert!(
        of_b.contains(&json!("of-a")) && of_b.contains(&json!("of-b")),
        "the giver of the first does not own it any more: {of_b:?}"
    );
}

#[tokio::test]
async fn closing_is_said_to_all_and_waits_for_all() {
    let two = Two::new().await;
    let (builder, gate) = worker(&two.a);
    let worker = builder.concurrency(2).connect().unwrap();
    let ((mut a, _), (mut b, _)) = two.welcomed().await;
    assert_eq!((offered(&mut a).await, offered(&mut a).await, offered(&mut b).await), (json!(2), json!(1), json!(1)));
    b.say(&task("t1", "held", &json!({}))).await;
    b.say(&task("t2", "echo", &json!({}))).await;
    b.hear("completed").await;
    let closing = tokio::spawn({
        let worker = worker.clone();
        async move { worker.close().await }
    });
    assert_eq!((offered(&mut a).await, offered(&mut b).await), (json!(0), json!(0)));
    gate.add_permits(1);
    assert_eq!(b.hear("completed").await["task"], "t1");
    for task in ["t1", "t2"] {
        b.say(&json!({ "type": "recorded", "task": task })).await;
    }
    for line in [&mut a, &mut b] {
        line.hear("leave").await;
        assert_eq!(line.next().await, None);
    }
    patiently(closing).await.unwrap().unwrap();
    assert_eq!(worker.state(), WorkerState::Closed);
}

#[tokio::test]
async fn as_long_as_nobody_is_connected_all_addresses_are_dialled_in_turn() {
    let (gone, two) = (Stage::new().await, Two::new().await);
    let (builder, _) = worker_at(&format!("{}, {}/", gone.url(), two.a.url()));
    drop(gone);
    let worker = builder.connect().unwrap();
    let ((mut a, _), (mut b, _)) = two.welcomed().await;
    assert_eq!((offered(&mut a).await, offered(&mut a).await, offered(&mut b).await), (json!(256), json!(128), json!(128)));
    // Of those that its user gave none is there any more.
    drop((a, two.a));
    assert_eq!(offered(&mut b).await, 256);
    drop(b);
    let (mut b, _) = two.b.welcomed_to(&engines("b", &[("b", Some(&two.b))])).await;
    assert_eq!(offered(&mut b).await, 256);
    assert!(matches!(worker.state(), WorkerState::Connected { .. }));
}

/// Behind an address that leads now to the one and now to the other, or under two names.
#[tokio::test]
async fn an_engine_that_is_connected_already_is_so_once() {
    let (front, a) = (Stage::new().await, Stage::new().await);
    let (builder, _) = worker_at(&format!("{},{}", front.url(), a.url()));
    let _worker = builder.connect().unwrap();
    // The other engine has not said where it is, so what the user gave is tried; and it is the same.
    let named = engines("a", &[("a", Some(&a)), ("b", None)]);
    let (mut first, _) = front.welcomed_to(&named).await;
    assert_eq!(offered(&mut first).await, 256);
    let (mut second, _) = a.welcomed_to(&named).await;
    assert_eq!(first.next().await, None);
    assert_eq!(offered(&mut second).await, 256);
    second.say(&task("t1", "echo", &json!({}))).await;
    assert_eq!(second.hear("completed").await["task"], "t1");
    assert!(!front.is_dialled().await);
}

#[tokio::test]
async fn addresses_are_those_of_servers_each_of_them() {
    let wrong = |urls: &str| worker_at(urls).0.connect().unwrap_err().to_string();
    assert!(wrong("http://127.0.0.1:1,").contains("`` is no URL"), "{}", wrong("http://127.0.0.1:1,"));
    assert!(wrong("http://127.0.0.1:1,ws://127.0.0.1:2").contains("`ws://127.0.0.1:2` begins neither with"));
}

/// Two real servers, each with an engine on a store of its own, which say of each other that they share one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_runs_what_all_engines_have() {
    let mut listeners = Vec::new();
    for _ in 0..2 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let urls: Vec<String> = listeners.iter().map(|listener| format!("http://{}", listener.local_addr().unwrap())).collect();
    let (mut engines, mut members) = (Vec::new(), Vec::new());
    for (own, listener) in listeners.into_iter().enumerate() {
        let of: Arc<Members> = Arc::default();
        of.set(Some((0..2).map(|number| named(&urls, number, own)).collect()));
        let engine = Engine::open(Several::new(of.clone()), workflow_engine::Options::default()).await.unwrap();
        engine.register(Json::parse(r#"{"id":"echo","steps":[{"id":"a","action":"echo"}]}"#).unwrap()).await.unwrap();
        let options = workflow_server::Options { engines_asked_every: Duration::from_millis(20), ..Default::default() };
        let served = engine.clone();
        let server = tokio::spawn(async move { workflow_server::serve(served, listener, options, std::future::pending()).await });
        engines.push((engine, server));
        members.push(of);
    }
    let (builder, _) = worker_at(&urls[0]);
    let worker = builder.concurrency(4).connect().unwrap();
    for number in 0..20 {
        for (engine, _) in &engines {
            completes(engine, number).await;
        }
    }

    // The one that the worker was told of ends; the other one goes on.
    members[1].set(Some(vec![named(&urls, 1, 1)]));
    let (engine, server) = engines.swap_remove(0);
    engine.shutdown(Duration::ZERO).await.unwrap();
    server.abort();
    completes(&engines[0].0, 20).await;
    assert!(matches!(worker.state(), WorkerState::Connected { .. }));
    patiently(worker.close()).await.unwrap();
    engines[0].0.shutdown(Duration::ZERO).await.unwrap();
}

fn named(urls: &[String], number: usize, own: usize) -> Member {
    Member {
        id: format!("engine-{number}"),
        name: "an engine".to_owned(),
        url: Some(urls[number].clone()),
        joined_at: Timestamp::from_millis(1),
        batch: 0,
        ranges: Ranges::NONE,
        lapsed: false,
        is_self: number == own,
    }
}

async fn completes(engine: &Engine, number: usize) {
    let input = Json::parse(format!(r#"{{"number":{number}}}"#)).unwrap();
    let request = StartRequest { workflow: "echo".to_owned(), input: Some(input.clone()), key: None };
    let id = engine.start(request).await.unwrap().execution.id;
    let execution = patiently(engine.wait(id, None)).await.unwrap();
    assert_eq!(execution.output, Some(input), "{execution:?}");
}
