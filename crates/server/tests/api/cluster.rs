//! What workers are told of the engines that work on the same store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use workflow_core::time::Timestamp;
use workflow_engine::Engine;
use workflow_server::Options;
use workflow_store::{Member, Ranges};

use crate::several::{Members, Several};
use crate::socket::Server;
use crate::worker::Client;

/// A server of an engine on a store with these, which asks as often as this.
async fn served(members: &Arc<Members>, every: Duration) -> Server {
    let engine = Engine::open(Several::new(members.clone()), workflow_engine::Options::default()).await.unwrap();
    Server::over(engine, Options { engines_asked_every: every, ..Options::default() }).await
}

fn member(id: &str, url: Option<&str>, ranges: Ranges) -> Member {
    Member {
        id: id.to_owned(),
        name: format!("the engine {id}"),
        url: url.map(str::to_owned),
        joined_at: Timestamp::from_millis(1),
        batch: 0,
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
    let server = served(&members, SOON).await;
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
    let server = served(&members, Duration::ZERO).await;
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
    let server = served(&members, LATE).await;
    // It cannot be asked: nobody waits for it.
    let mut first = welcomed(&server, &format!("{ALICE}0")).await;
    assert_eq!(first.longest, 1);
    let mut second = welcomed(&server, BOB).await;
    assert_eq!((second.longest, members.asked()), (1, 1));
    says_nothing_else(&mut first).await;
    says_nothing_else(&mut second).await;

    let members = Arc::new(Members::default());
    let server = served(&members, SOON).await;
    let mut first = welcomed(&server, &format!("{ALICE}0")).await;
    members.set(Some(vec![member("a", None, Ranges::ALL)]));
    let expected: Value = json!({ "type": "engines", "engine": "a", "engines": [{ "id": "a" }] });
    assert_eq!(first.hear("engines").await, expected);
}

#[tokio::test]
async fn nobody_asks_once_no_worker_is_there() {
    let members = Arc::new(Members::default());
    members.set(Some(vec![member("a", None, Ranges::ALL)]));
    let server = served(&members, SOON).await;
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
