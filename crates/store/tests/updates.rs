//! Rows that PostgreSQL replaces in their place. An update that changes no column of an index, and finds room on its page, leaves all
//! indexes as they are (it is "HOT"), and what it replaces goes without a vacuum. The others write an entry into each index of the
//! table.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::time::Duration;

use workflow_core::id::WorkflowId;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::conformance::sample::{
    append, begun, commit_all, commit_changes, completed, finish, head, id, json, recorded, start, update, workflow,
};
use workflow_store::{Change, Document, Head, Postgres, PostgresOptions, Snapshot, Store, Transition};

mod server;

use server::Server;

/// Of a hundred that can be replaced in their place, so many are.
const PERCENT_MIN: u64 = 90;
const EXECUTIONS: u32 = 4_000;
/// One in so many has a step that fails.
const ONE_IN: usize = 8;
const UNDER_WAY: usize = 1_000;
/// Committed together.
const TOGETHER: usize = 50;

fn open(url: &str) -> Postgres {
    Postgres::open(url, PostgresOptions::default()).unwrap()
}

/// Rows of a table that were updated, and those of them that were replaced in their place, since the database was made.
fn updated(server: &Server, url: &str, table: &str) -> (u64, u64) {
    // What a connection has counted is certain to be there when it has ended.
    let left =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'workflow.do%'";
    while server.psql(url, left) != "0" {
        std::thread::sleep(Duration::from_millis(10));
    }
    let sql =
        format!("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = 'workflow' AND relname = '{table}'");
    let counted = server.psql(url, &sql);
    let (all, in_place) = counted.split_once('|').unwrap();
    (all.parse().unwrap(), in_place.parse().unwrap())
}

/// What `work` updates of a table.
fn updates(server: &Server, url: &str, table: &str, work: impl FnOnce(&Postgres)) -> (u64, u64) {
    let before = updated(server, url, table);
    work(&open(url));
    let after = updated(server, url, table);
    (after.0 - before.0, after.1 - before.1)
}

fn expect_in_place(what: &str, (all, in_place): (u64, u64)) {
    println!("{what}: {in_place} of {all} in their place");
    assert!(all > 0, "{what}: nothing was updated");
    assert!(in_place * 100 >= all * PERCENT_MIN, "{what}: {in_place} of {all} updates left the indexes as they are");
}

fn of(n: u32) -> WorkflowId {
    workflow(["order", "refund", "invoice"][n as usize % 3])
}

fn running(n: u32) -> Head {
    head(id(n), &of(n))
}

/// As when a step has failed and is tried again while others are under way.
fn retrying(n: u32, message: &str) -> Head {
    let fingerprint = Some("card # declined".to_owned());
    Head { retrying: true, error: Some(message.to_owned()), error_fingerprint: fingerprint, ..running(n) }
}

fn asleep(n: u32) -> Head {
    Head { status: Status::Waiting, wake_at: Some(id(n).at() + Millis::from_secs(60)), ..running(n) }
}

fn ended(n: u32) -> Head {
    Head { status: Status::Completed, wake_at: None, completed_at: Some(id(n).at() + Millis::from_secs(90)), ..running(n) }
}

/// A thousand are under way at a time, and those of one commit are any of them.
fn each(store: &Postgres, transition: impl Fn(u32) -> Transition) {
    some(store, 1, transition);
}

/// Of one in so many.
fn some(store: &Postgres, one_in: usize, transition: impl Fn(u32) -> Transition) {
    for begin in (0..EXECUTIONS).step_by(UNDER_WAY) {
        for first in 0..UNDER_WAY / TOGETHER {
            let of_one = (0..TOGETHER).map(|place| begin as usize + first + place * (UNDER_WAY / TOGETHER));
            let changes: Vec<Transition> = of_one.filter(|n| n % one_in == 0).map(|n| transition(n as u32)).collect();
            if !changes.is_empty() {
                commit_all(store, changes);
            }
        }
    }
}

#[test]
fn what_changes_no_index_is_replaced_in_its_place() {
    let server = Server::with(&["fsync=off", "autovacuum=off"]);
    let url = server.database();
    drop(open(&url));
    let of_heads = |work: &dyn Fn(&Postgres)| updates(&server, &url, "execution", work);

    // Events are appended; no head row is touched by them.
    let appended = of_heads(&|store| {
        each(store, |n| start(running(n)));
        each(store, |n| append(id(n), recorded(3, id(n).at(), vec![begun(1)])));
    });
    assert_eq!(appended, (0, 0));
    // These have to be found where they were not before: by status, by time, by failure. No more can be asked of them.
    let moved = EXECUTIONS.into();
    let first = of_heads(&|store| some(store, ONE_IN, |n| update(retrying(n, "card 1 declined"), Status::Running)));
    assert_eq!(first, (moved / ONE_IN as u64, 0));
    // The same failure once more, with another message.
    for again in ["card 2 declined", "card 3 declined"] {
        let written = of_heads(&|store| some(store, ONE_IN, |n| update(retrying(n, again), Status::Running)));
        expect_in_place("a failure like the one before", written);
    }
    assert_eq!(of_heads(&|store| each(store, |n| update(asleep(n), Status::Running))), (moved, 0));
    assert_eq!(of_heads(&|store| each(store, |n| update(running(n), Status::Waiting))), (moved, 0));
    let ends = |n: u32| {
        let events = recorded(4, id(n).at(), vec![completed(0, &json("{}"))]);
        Transition { events, ..update(ended(n), Status::Running) }
    };
    assert_eq!(of_heads(&|store| each(store, ends)), (moved, 0));
}

#[test]
fn whoever_runs_many_executions_grows_no_index_of_the_small_tables() {
    let server = Server::with(&["fsync=off", "autovacuum=off"]);
    let url = server.database();
    let document = |n: u32, round: u32| {
        let body = json(&format!(r#"{{"started":{round},"durations":"{}"}}"#, "x".repeat(200 + (n + round) as usize % 50)));
        Change::PutDocument(Box::new(Document { kind: "hour".to_owned(), key: format!("{n:04}"), body }))
    };
    let snapshot = |n: u32, seq: u64| {
        let body = format!("{seq} {}", "state ".repeat(80));
        let snapshot = Snapshot { seq, codec: workflow_core::codec::VERSION, body };
        Transition { snapshot: Some(snapshot), ..append(id(n), recorded(seq, id(n).at(), vec![begun(1)])) }
    };
    let (store, other) = (open(&url), open(&url));
    each(&store, |n| start(running(n)));
    for round in 3..13 {
        for some in (0..1_000).collect::<Vec<_>>().chunks(TOGETHER) {
            commit_all(&store, some.iter().map(|n| snapshot(*n, round.into())).collect());
            commit_changes(&store, some.iter().map(|n| document(*n, round)).collect());
        }
    }
    for n in 0..200 {
        let failed =
            Head { status: Status::Failed, wake_at: None, completed_at: Some(Timestamp::from_millis(1)), ..retrying(n, "no") };
        commit_all(&store, vec![Transition { events: Vec::new(), ..update(failed, Status::Running) }]);
    }
    each(&store, |n| {
        if n < 200 {
            append(id(n), Vec::new())
        } else if n < 1_000 {
            update(ended(n), Status::Running)
        } else {
            finish(ended(n))
        }
    });
    for n in 0..300 {
        let seq = other.ask(id(n), &json(r#"{"cancel":true}"#)).unwrap();
        commit_changes(&store, vec![Change::Answer { seq, answer: json("{}") }]);
        assert!(other.take_answer(seq).unwrap().is_some());
    }
    drop((store, other));
    for table in ["engine", "counter", "failure_counter", "inbox", "document", "snapshot"] {
        expect_in_place(table, updated(&server, &url, table));
    }
}
