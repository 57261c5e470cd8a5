//! What one of several engines says of all of them, and of its share. That they really share is tested in
//! `crates/engine/tests/owners.rs`.

use std::sync::{Arc, Mutex};

use serde_json::json;
use workflow_core::time::Timestamp;
use workflow_engine::{Engine, Options};
use workflow_store::{Member, Notice, Ranges};

use crate::several::{Members, Several};
use crate::support::Api;

fn ranges(from: u32, to: u32) -> Ranges {
    (from..to).collect()
}

fn member(name: &str, ranges: Ranges) -> Member {
    Member {
        id: format!("engine-{name}"),
        name: name.to_owned(),
        url: Some(format!("http://{name}:4747")),
        joined_at: Timestamp::from_millis(1_795_364_000_000),
        ranges,
        lapsed: false,
        is_self: false,
        batch: 0,
    }
}

#[tokio::test]
async fn an_engine_names_the_others_and_is_ready_when_it_has_its_share() {
    let hear = Arc::new(Mutex::new(None));
    let members = Arc::new(Members::default());
    let lapsed = Member { lapsed: true, ..member("b", ranges(43, 64)) };
    let itself = Member { is_self: true, url: None, ..member("c", Ranges::NONE) };
    members.set(Some(vec![member("a", ranges(0, 43)), lapsed, itself]));
    let store = Several::newcomer(members, hear.clone());
    let api = Api::over(Engine::open(store, Options::default()).await.unwrap()).await;
    let node = |name: &str, slots: u32, status: &str, is_self: bool| {
        json!({ "id": format!("engine-{name}"), "name": name, "url": format!("http://{name}:4747"), "joinedAt": 1_795_364_000_000_u64,
            "slots": slots, "status": status, "self": is_self })
    };
    let mut itself = node("c", 0, "live", true);
    itself.as_object_mut().unwrap().remove("url");
    let nodes = [node("a", 2752, "live", false), node("b", 1344, "lapsed", false), itself];
    assert_eq!(api.get("/api/v1/nodes").await.json(), json!({ "nodes": nodes }));

    let why = "the engine takes no work now: the other engines have not given this one its share yet";
    assert_eq!(api.get("/readyz").await.problem(503, "store_unavailable"), why);
    assert_eq!(api.get("/healthz").await.json()["status"], "ok");

    let hear = hear.lock().unwrap().take().expect("it attends");
    hear(Notice::Owns(ranges(43, 64)));
    api.engine.quiet().await.unwrap();
    assert_eq!(api.get("/readyz").await.json()["status"], "ready");
    let gauges = api.engine.gauges();
    assert_eq!(gauges.owned_slots, 21 * 64);
    // The recorder is the process's: other tests may be asked for it too, and none of them has engines that gain anything.
    let metrics = api.get("/metrics").await.text;
    assert!(metrics.contains("workflow_ranges_gained_total 21"), "{metrics}");

    api.engine.shutdown(std::time::Duration::ZERO).await.unwrap();
    let why = api.get("/readyz").await.problem(503, "store_unavailable");
    assert!(why.ends_with("or it is shutting down"), "{why}");
}
