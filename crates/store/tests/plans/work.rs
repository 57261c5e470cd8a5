//! What a store is asked to do: first so much that its tables have a size, then each thing that it can do.

use std::time::{Duration, Instant};

use workflow_core::event::Event;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{EndpointName, ExecutionId, Slot, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::conformance::sample::{
    action, append, at, claimed, commit, commit_all, commit_changes, completed, definition, endpoint, head, item, json, recorded,
    start, token, update, workflow,
};
use workflow_store::{
    Batch, Change, ClaimKind, Cursor, Deletable, Deletion, Document, DocumentFilter, Erasure, FaultKind, Filter, Head, Item,
    KeyRange, Keys, Order, Postgres, PostgresOptions, Ranges, Snapshot, Store, Texts, Transition, Whole,
};

use crate::server::Server;

const DAY: Millis = Millis::from_secs(24 * 3_600);
/// Executions that there are.
pub const EXECUTIONS: u32 = 6_000;
/// Days that they are from: one long ago, then today and those after it.
const DAYS: u32 = 5;
const WORKFLOWS: [&str; 5] = ["order", "refund", "invoice", "parcel", "report"];

pub fn open(url: &str) -> Postgres {
    let keys = Keys::parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    Postgres::open(url, PostgresOptions { keys, ..PostgresOptions::default() }).unwrap()
}

/// The beginning of a day, counted from that on which the test is run: a store makes partitions by the clock of its database.
pub fn day(days: u64) -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(since.as_millis()).unwrap();
    Timestamp::from_millis(now - now % i64::try_from(DAY.get()).unwrap()) + Millis::new(DAY.get() * days)
}

/// The `n`th execution of the database.
fn id(today: Timestamp, n: u32) -> ExecutionId {
    let of_day = match n % DAYS {
        0 => Timestamp::from_millis(today.millis() - 40 * i64::try_from(DAY.get()).unwrap()),
        later => today + Millis::new(DAY.get() * u64::from(later - 1)),
    };
    one(of_day + Millis::from_secs(u64::from(n / DAYS)), n)
}

fn one(at: Timestamp, n: u32) -> ExecutionId {
    ExecutionId::from_parts(
        at,
        0,
        u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        Slot::new((n.wrapping_mul(613) % 4_096) as u16),
    )
}

fn of(n: u32) -> WorkflowId {
    workflow(WORKFLOWS[(n / DAYS) as usize % WORKFLOWS.len()])
}

/// Nine of ten have ended, most of them well.
fn row(today: Timestamp, n: u32) -> Head {
    let id = id(today, n);
    let running = head(id, &of(n));
    let ended = |status| Head { status, wake_at: None, completed_at: Some(id.at() + Millis::from_secs(60)), ..running.clone() };
    match n / (DAYS * 5) % 20 {
        0 => running,
        1 => Head { status: Status::Waiting, wake_at: Some(id.at() + DAY), ..running },
        2 => Head { status: Status::Waiting, wake_at: None, ..running },
        3 => Head { retrying: true, ..failed(running, n) },
        4 | 5 => failed(ended(Status::Failed), n),
        6 => ended(Status::Cancelled),
        _ => ended(Status::Completed),
    }
}

fn failed(head: Head, n: u32) -> Head {
    let error = format!("card {} declined", n % 7);
    Head {
        failed_step: Some("charge".to_owned()),
        error_code: Some("declined".to_owned()),
        error_fingerprint: Some(error.clone()),
        error: Some(error),
        ..head
    }
}

fn long() -> Json {
    json(&format!("\"{}\"", "long ".repeat(1_000)))
}

fn snapshot(seq: u64) -> Snapshot {
    Snapshot { seq, codec: workflow_core::codec::VERSION, body: "a snapshot ".repeat(20) }
}

fn key(n: u32) -> String {
    format!("key-{n:05}")
}

fn document(n: u32) -> Change {
    let body = json(r#"{"runs":17,"failures":0}"#);
    Change::PutDocument(Box::new(Document { kind: "hour".to_owned(), key: format!("{n:05}"), body }))
}

/// As many rows as a plan is made for.
pub fn fill(store: &dyn Store) {
    let today = day(0);
    let whole = |n: u32| {
        let head = row(today, n);
        let (id, at, begins) = (head.id, head.started_at, Transition { parked: parked(&head, n), ..start(head) });
        let output = if n.is_multiple_of(8) { long() } else { json("{}") };
        let goes_on = append(id, recorded(3, at + Millis::new(5), vec![completed(0, &output)]));
        let ends = append(id, recorded(4, at + Millis::new(9), vec![Event::Completed]));
        let ends = Transition { snapshot: n.is_multiple_of(16).then(|| snapshot(4)), ..ends };
        let changes = vec![begins, goes_on, ends];
        if n.is_multiple_of(4) { claimed(&key(n), vec![id], changes) } else { item(changes) }
    };
    commit_changes(store, WORKFLOWS.iter().map(|name| Change::Define(Box::new(definition(&workflow(name), 1)))).collect());
    for some in (0..EXECUTIONS).collect::<Vec<_>>().chunks(500) {
        assert_eq!(commit(store, some.iter().map(|n| whole(*n)).collect()).taken, []);
    }
    commit_changes(store, (0..2_000).map(document).collect());
}

/// As many again that are all alike, in whatever there is an index for.
pub fn fill_alike(store: &dyn Store) {
    let long_ago = Timestamp::from_millis(day(0).millis() - 365 * i64::try_from(DAY.get()).unwrap());
    let whole = |n: u32| {
        let at = long_ago + Millis::from_secs(n.into());
        let id = ExecutionId::from_parts(at, 0, n.into(), Slot::new((n % 64) as u16));
        let alike = Head { retrying: true, ..failed(head(id, &of(0)), 0) };
        item(vec![Transition { parked: Some(vec![action("mail")]), ..start(alike) }])
    };
    for some in (0..EXECUTIONS).collect::<Vec<_>>().chunks(500) {
        assert_eq!(commit(store, some.iter().map(|n| whole(*n)).collect()).taken, []);
    }
}

fn parked(head: &Head, n: u32) -> Option<Vec<workflow_core::id::ActionName>> {
    let rests = head.status == Status::Waiting && head.wake_at.is_none();
    rests.then(|| vec![action(if n.is_multiple_of(2) { "charge" } else { "ship" }), action("mail")])
}

/// All that a store does while engines work on it, once at least.
pub fn do_everything(server: &Server, url: &str) {
    let today = day(0);
    let store = open(url);
    let second = open(url);
    commits(&store, today);
    catalog(&store);
    deletions(&store, today);
    reads(&store, today);
    lists(&store, today);
    copies(&store, today);
    cluster(server, url, &store, second);
    partitions(&store, today);
    store.rest().unwrap();
}

/// New ones, those that are known since, and those that have to be looked up.
fn commits(store: &Postgres, today: Timestamp) {
    let new: Vec<ExecutionId> = (0..40).map(|n| one(today + Millis::from_secs(50_000 + u64::from(n)), n)).collect();
    let items = |prefix: &str, ids: &[ExecutionId]| -> Vec<Item> {
        let item = |id: &ExecutionId| {
            claimed(&format!("{prefix}-{id}"), vec![*id], vec![start(head(*id, &of(id.slot().number().into())))])
        };
        ids.iter().map(item).collect()
    };
    assert_eq!(commit(store, items("new", &new[..8])).taken, []);
    // One whose claim is taken, one that repeats another, one that is free.
    let mut again = items("new", &new[..1]);
    again.push(claimed(&key(4), vec![new[8]], vec![start(head(new[8], &of(0)))]));
    again.extend(items("other", &new[9..10]));
    assert_eq!(commit(store, again).taken.len(), 2);
    let ahead = one(today + Millis::from_secs(60_000), 7);
    commit_all(store, vec![start(Head { started_at: today + Millis::from_secs(59_000), ..head(ahead, &of(0)) })]);
    let of_known = |id: ExecutionId| {
        let events = recorded(3, id.at() + Millis::new(4), vec![completed(0, &long())]);
        Transition { snapshot: Some(snapshot(3)), parked: Some(vec![action("charge")]), ..append(id, events) }
    };
    commit_all(store, new[..8].iter().map(|id| of_known(*id)).collect());
    let tried_again = |id: ExecutionId| Head { retrying: true, ..failed(head(id, &of(id.slot().number().into())), 3) };
    commit_all(store, new[..4].iter().map(|id| update(tried_again(*id), Status::Running)).collect());
    let ended = |id: ExecutionId| Head { status: Status::Completed, wake_at: None, ..head(id, &of(id.slot().number().into())) };
    commit_all(store, new[..4].iter().map(|id| update(ended(*id), Status::Running)).collect());
    // Known only to the database.
    let stored: Vec<Head> = (0..EXECUTIONS).step_by(601).map(|n| row(today, n)).collect();
    let goes_on = |head: &Head| append(head.id, recorded(5, head.started_at + DAY, vec![completed(0, &json("{}"))]));
    commit_all(store, stored.iter().map(goes_on).collect());
    commit_all(store, stored.iter().map(|head| update(Head { wake_at: None, ..head.clone() }, head.status)).collect());
}

fn catalog(store: &Postgres) {
    let known = store.catalog().unwrap().unwrap();
    commit_changes(store, vec![Change::Require { catalog: known }]);
    let row = |version| Box::new(definition(&workflow("order"), version));
    commit_changes(store, vec![Change::Require { catalog: known }, Change::Define(row(2))]);
    commit_changes(store, vec![Change::Undefine { workflow: workflow("parcel"), at: at(9) }]);
    commit_changes(store, vec![Change::PutEndpoint(Box::new(endpoint("billing"))), Change::PutToken(Box::new(token(1, false)))]);
    commit_changes(store, vec![Change::RemoveEndpoint(EndpointName::new("billing").unwrap())]);
    commit_changes(store, vec![document(2_001)]);
    let remove = |keys| Change::RemoveDocuments { kind: "hour".to_owned(), keys };
    commit_changes(store, vec![remove(KeyRange::one("02001")), remove(KeyRange::beginning("0199"))]);
    assert_eq!(store.definitions().unwrap().len(), 6);
    assert_eq!(store.endpoints().unwrap(), []);
    assert_eq!(store.tokens().unwrap().sound.len(), 1);
}

fn deletions(store: &Postgres, today: Timestamp) {
    let delete = |n: u32, erasure| Change::Delete(Deletion { id: id(today, n), which: Deletable::Anyhow, erasure });
    commit_changes(store, (0..16).map(|n| delete(n * 125, Erasure::AtOnce)).collect());
    assert_eq!(store.load(&[id(today, 0)]).unwrap(), [None]);
}

fn reads(store: &Postgres, today: Timestamp) {
    let ids: Vec<ExecutionId> = (1..EXECUTIONS).step_by(997).map(|n| id(today, n)).collect();
    assert!(store.load(&ids).unwrap().iter().all(Option::is_some));
    let long: Vec<(ExecutionId, u64)> = (0..3).map(|n| (id(today, 8 + 8 * n), 3)).collect();
    assert_eq!(store.payloads(&long).unwrap().len(), 3);
    let history = store.history(long[0].0, 0, 100, Texts::Read).unwrap().unwrap();
    assert_eq!(history.events.len(), 4);
    let beyond = today + Millis::new(DAY.get() * 9);
    let due = store.due(beyond, None, 20).unwrap();
    assert_eq!(due.len(), 20);
    let last: &Cursor = due.last().unwrap();
    assert!(store.due(beyond, Some(*last), 20).unwrap()[0] > *last);
    assert!(store.next_wake(today).unwrap().is_some());
    let charge = action("charge");
    let first = store.parked(&charge, None, 10).unwrap();
    assert!(store.parked(&charge, first.last().copied(), 10).unwrap()[0] > first[9]);
    assert_eq!(store.ended(&of(0), Status::Completed, beyond, None, 10).unwrap().ids.len(), 10);
    assert!(store.claim(ClaimKind::IdempotencyKey, "order", &key(4)).unwrap().is_some());
    for order in [Order::Ascending, Order::Descending] {
        for (keys, limit) in [(KeyRange::beginning("01"), 10), (KeyRange::one("00017"), 1)] {
            let filter = DocumentFilter { kind: "hour".to_owned(), keys, order, limit };
            assert_eq!(store.documents(&filter).unwrap().len(), limit);
        }
    }
    assert!(store.health().file_bytes > 0);
    assert!(store.failure_counts().unwrap().len() > 7);
}

fn lists(store: &Postgres, today: Timestamp) {
    let all = Filter { limit: 20, ..Filter::default() };
    let filters = [
        all.clone(),
        Filter { before: Some(id(today, 3_000)), ..all.clone() },
        Filter { workflows: vec![of(0)], ..all.clone() },
        Filter { workflows: vec![of(0), of(5)], statuses: vec![Status::Failed, Status::Completed], ..all.clone() },
        Filter { statuses: vec![Status::Waiting], ..all.clone() },
        Filter { version: Some(Version(1)), ..all.clone() },
        Filter { retrying: true, ..all.clone() },
        Filter { failure: Some(Fingerprint::of("card 3 declined")), ..all.clone() },
        Filter { parked: vec![action("charge"), action("ship")], ..all.clone() },
        Filter { triggered_by: Some("manual".to_owned()), ..all.clone() },
        Filter { started_after: Some(today), started_before: Some(today + DAY), ..all },
    ];
    for filter in filters {
        assert_eq!(store.executions(&filter).unwrap().heads.len(), 20, "{filter:?}");
        assert!(!store.count(&filter, 5_000).unwrap().by_status.is_empty(), "{filter:?}");
    }
}

fn copies(store: &Postgres, today: Timestamp) {
    let ids: Vec<ExecutionId> = (1..EXECUTIONS).step_by(203).map(|n| id(today, n)).collect();
    assert_eq!(store.document_kind_after("").unwrap().as_deref(), Some("hour"));
    store.wanted_by(&ids).unwrap();
    assert!(!store.claims_of(&ids).unwrap().is_empty());
    let first = store.claims_after(None, 10).unwrap();
    assert_eq!(store.claims_after(first.last(), 10).unwrap().len(), 10);
}

/// Two engines: one is asked, given to, and takes its leave.
fn cluster(server: &Server, url: &str, store: &Postgres, second: Postgres) {
    let members = store.members().unwrap();
    let other = members.into_iter().find(|member| !member.is_self).unwrap().id;
    let give = |range: u32| Change::Give { ranges: Ranges::only(range), to: other.clone() };
    commit_changes(store, vec![give(0), give(1)]);
    assert_eq!(store.owned(), Ranges::ALL.without(Ranges::only(0)).without(Ranges::only(1)));
    let asked = second.ask(id(day(0), 17), &json(r#"{"cancel":true}"#)).unwrap();
    assert_eq!(store.asked(0, 10).unwrap().len(), 1);
    commit_changes(store, vec![Change::Answer { seq: asked, answer: json("{}") }]);
    assert!(second.take_answer(asked).unwrap().is_some());
    // Whether something was given is not known when the connection is cut.
    server.psql(
        url,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
        AND application_name LIKE '% commits'",
    );
    let number = store.batch().unwrap() + 1;
    let fault = store.commit(&Batch { number, items: vec![Item { claim: None, changes: vec![give(2)] }] }).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    store.reopen().unwrap();
    // What it owned is taken over at the next beat of the other. It notices only now that it was cut off too.
    while second.reopen().is_err() {}
    drop(second);
    let until = Instant::now() + Duration::from_secs(60);
    while store.owned() != Ranges::ALL {
        assert!(Instant::now() < until, "it takes over");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The day that it was is over, and most of it was deleted; and something lies where there is no partition.
fn partitions(store: &Postgres, today: Timestamp) {
    let of_today: Vec<u32> = (1..EXECUTIONS).step_by(DAYS as usize).collect();
    let delete = |n: &u32| Change::Delete(Deletion { id: id(today, *n), which: Deletable::Anyhow, erasure: Erasure::WithOthers });
    // Some stay.
    let gone: Vec<Change> = of_today.iter().filter(|n| *n % 31 != 0).map(delete).collect();
    gone.chunks(100).for_each(|some| commit_changes(store, some.to_vec()));
    let far = one(today + Millis::new(DAY.get() * 30), 1);
    let begins = start(head(far, &of(0)));
    commit_all(store, vec![begins, append(far, recorded(3, far.at(), vec![completed(0, &long())]))]);
    let tidied = store.tidy(today + Millis::new(DAY.get() * 2)).unwrap();
    assert!(!tidied.unfinished && tidied.moved > 60, "{tidied:?}");
    assert!(tidied.dropped.len() >= 2 && tidied.made.len() >= 2, "{tidied:?}");
    // What was moved is found where it is kept.
    let kept: Vec<ExecutionId> = of_today.iter().filter(|n| *n % 31 == 0).map(|n| id(today, *n)).collect();
    assert!(store.load(&kept).unwrap().iter().all(Option::is_some));
}

/// What is asked of a database that holds no execution any more.
pub fn do_what_an_empty_one_needs(url: &str) {
    let store = open(url);
    let one = one(day(0), 1);
    commit_all(&store, vec![start(head(one, &of(0)))]);
    commit_changes(&store, vec![Change::Delete(Deletion { id: one, which: Deletable::Anyhow, erasure: Erasure::WithOthers })]);
    drop(store);
    drop(open(url));
}
