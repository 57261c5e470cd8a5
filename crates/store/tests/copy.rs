//! A store copied to another, and back: everything that both contracts say is the same, and what breaks off is no database.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use workflow_core::event::{Event, Recorded};
use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_store::conformance::copies_agree;
use workflow_store::conformance::sample::{
    action, append, at, begun, commit, commit_all, commit_changes, completed, definition, endpoint, finish, head, id, item, json,
    recorded, start, started, token, update, workflow,
};
use workflow_store::{
    Change, Claim, ClaimKind, Claimed, Copied, CopyError, Deletable, Deletion, Document, DocumentFilter, Erasure, Filter, Head,
    Inspection, Item, KeyRange, Keys, Memory, Options, Order, Postgres, PostgresOptions, Sqlite, Store, Taken, Texts, Transition,
    Whole, copy, unfinished,
};

#[allow(dead_code, reason = "this test does not do everything to its server")]
mod server;

use server::Server;

fn keys() -> Keys {
    Keys::parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

fn postgres(url: &str, keys: Keys) -> Postgres {
    Postgres::open(url, PostgresOptions { keys, ..PostgresOptions::default() }).unwrap()
}

fn sqlite(path: &std::path::Path) -> Sqlite {
    Sqlite::open(path, Options::default()).unwrap()
}

/// Of 600 KiB: seven of them are more than a page of a history, and than a batch.
fn long(text: &str) -> Json {
    json(&format!("\"{}\"", text.repeat(600 << 10)))
}

fn claimed(key: &str, kind: ClaimKind, data: Json, changes: Vec<Transition>) -> Item {
    let executions: Vec<ExecutionId> = changes.iter().map(|transition| transition.id).collect();
    let claim = Claim { kind, scope: "order\0\u{10fffe}".to_owned(), key: key.to_owned(), executions, data };
    Item { claim: Some(claim), ..item(changes) }
}

/// Everything that a database may hold, in every state that an execution may be in.
fn fill(store: &dyn Store) {
    fill_catalog(store);
    fill_states(store);
    fill_long_histories(store);
    fill_claims(store);
    fill_documents(store);
}

fn fill_catalog(store: &dyn Store) {
    let (order, other) = (workflow("order"), workflow("another"));
    let secret = workflow_store::Endpoint { secret: Some("whsec_1".to_owned()), ..endpoint("orders") };
    let listed = workflow_store::Endpoint { actions: Some(vec![action("charge"), action("Email.send")]), ..endpoint("mail") };
    commit_changes(
        store,
        vec![
            Change::Define(Box::new(definition(&order, 1))),
            Change::Define(Box::new(definition(&other, 1))),
            Change::Undefine { workflow: other.clone(), at: at(9) },
            Change::Define(Box::new(definition(&other, 2))),
            Change::Define(Box::new(definition(&order, 2))),
            Change::PutEndpoint(Box::new(secret)),
            Change::PutEndpoint(Box::new(listed)),
            Change::PutToken(Box::new(token(1, true))),
            Change::PutToken(Box::new(token(2, false))),
        ],
    );
}

fn fill_states(store: &dyn Store) {
    let (order, other) = (workflow("order"), workflow("another"));
    // Running, ended, asleep.
    let ended = Head {
        status: Status::Completed,
        wake_at: None,
        completed_at: Some(at(2_000)),
        steps_completed: Some(2),
        steps_skipped: Some(1),
        ..head(id(2), &other)
    };
    let asleep = Head { status: Status::Waiting, wake_at: Some(at(60_000)), ..head(id(3), &order) };
    commit_all(store, vec![start(head(id(1), &order)), start(head(id(2), &other)), start(head(id(3), &order))]);
    commit_all(store, vec![finish(ended), update(asleep, Status::Running)]);
    // Failed, tried again, parked.
    let failing = Head {
        status: Status::Failed,
        wake_at: None,
        completed_at: Some(at(7)),
        failed_step: Some("charge".to_owned()),
        error_code: Some("declined".to_owned()),
        error: Some("card \0 declined \u{10ffff}".to_owned()),
        error_fingerprint: Some("card declined".to_owned()),
        triggered_by: "replay".to_owned(),
        trigger_source: Some("a\0b".to_owned()),
        replay_of: Some(id(2)),
        parent: Some(id(1)),
        steps_failed: Some(1),
        ..head(id(4), &order)
    };
    let again =
        Head { id: id(5), status: Status::Running, completed_at: None, wake_at: Some(at(50)), retrying: true, ..failing.clone() };
    let parked = Head { wake_at: None, ..head(id(6), &other) };
    commit_all(store, vec![start(head(id(4), &order)), start(head(id(5), &order)), start(head(id(6), &other))]);
    let wanting = Transition { parked: Some(vec![action("charge"), action("ship")]), ..update(parked, Status::Running) };
    commit_all(store, vec![update(failing, Status::Running), update(again, Status::Running), wanting]);
}

/// Over several pages and batches, of one that runs and of one that sleeps.
fn fill_long_histories(store: &dyn Store) {
    let order = workflow("order");
    for (n, wake_at) in [(7, Timestamp::from_millis(0)), (8, at(90_000))] {
        let mut long_one = start(head(id(n), &order));
        long_one.events = recorded(1, at(0), vec![started(&order, &long("i")), begun(0)]);
        commit_all(store, vec![long_one]);
        for step in 1..=20_u64 {
            let events =
                recorded(2 * step + 1, at(step as i64), vec![completed(step as usize, &long("o")), begun(step as usize)]);
            commit_all(store, vec![append(id(n), events)]);
        }
        commit_all(store, vec![update(Head { wake_at: Some(wake_at), ..head(id(n), &order) }, Status::Running)]);
    }
}

/// What keys and events have started: one, several (another between them, and one that is deleted), nothing.
fn fill_claims(store: &dyn Store) {
    let order = workflow("order");
    let one = |n| start(head(id(n), &order));
    commit(store, vec![claimed("key 1", ClaimKind::IdempotencyKey, long("d"), vec![one(10)])]);
    commit_all(store, vec![one(12)]);
    commit(store, vec![claimed("event 1", ClaimKind::EventId, json("[1]"), vec![one(11), one(13), one(14)])]);
    let over = Head { status: Status::Completed, wake_at: None, completed_at: Some(at(80)), ..head(id(13), &order) };
    let resting = Head { wake_at: None, ..head(id(11), &order) };
    let resting = Transition { parked: Some(vec![action("ship")]), ..update(resting, Status::Running) };
    commit_all(store, vec![finish(over), resting]);
    commit(store, vec![claimed("event 2", ClaimKind::EventId, json("[]"), Vec::new())]);
    commit_changes(store, vec![Change::Delete(Deletion { id: id(14), which: Deletable::Anyhow, erasure: Erasure::WithOthers })]);
    // More than a page of head rows, some with keys.
    let many: Vec<Item> = (1_000..1_700)
        .map(|n| match n % 3 {
            0 => claimed(&format!("key {n}"), ClaimKind::IdempotencyKey, json("{}"), vec![one(n)]),
            _ => item(vec![one(n)]),
        })
        .collect();
    commit(store, many);
}

fn fill_documents(store: &dyn Store) {
    let document = |kind: &str, key: String| {
        let body = Json::from_serialize(&[kind, &key]).unwrap();
        Change::PutDocument(Box::new(Document { kind: kind.to_owned(), key, body }))
    };
    // Keys of which one begins with the other, at the ends of pages too.
    let mut documents: Vec<Change> = (0..100).map(|n| document("job", format!("job_{}", "a".repeat(n)))).collect();
    documents.push(document("statistics", "order\0/1".to_owned()));
    documents.push(document("statistics", "order/1".to_owned()));
    commit_changes(store, documents);
}

fn heads(store: &dyn Whole) -> Vec<Head> {
    store.executions(&Filter { limit: 10_000, ..Filter::default() }).unwrap().heads
}

fn events(store: &dyn Whole, id: ExecutionId) -> Vec<Recorded> {
    let mut events = Vec::new();
    loop {
        let page = store.history(id, events.len() as u64, 100, Texts::Read).unwrap().unwrap();
        events.extend(page.events);
        if !page.more {
            return events;
        }
    }
}

fn claims(store: &dyn Whole) -> BTreeMap<Claimed, Taken> {
    let (mut claims, mut after) = (BTreeMap::new(), None);
    loop {
        let page = store.claims_after(after.as_ref(), 100).unwrap();
        for claim in &page {
            claims.insert(claim.clone(), store.claim(claim.kind, &claim.scope, &claim.key).unwrap().unwrap());
        }
        match page.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return claims,
        }
    }
}

fn documents(store: &dyn Whole) -> Vec<Document> {
    let (mut documents, mut kind) = (Vec::new(), String::new());
    while let Some(next) = store.document_kind_after(&kind).unwrap() {
        let keys = KeyRange::beginning("");
        let filter = DocumentFilter { kind: next.clone(), keys, order: Order::Ascending, limit: 1_000 };
        documents.extend(store.documents(&filter).unwrap());
        kind = next;
    }
    // PostgreSQL keeps U+0000 as another character, which comes elsewhere in the order.
    documents.sort_by(|a, b| (&a.kind, &a.key).cmp(&(&b.kind, &b.key)));
    documents
}

fn wanted(store: &dyn Whole) -> Vec<(ExecutionId, workflow_core::id::ActionName)> {
    let ids: Vec<ExecutionId> = heads(store).iter().map(|head| head.id).collect();
    let mut wanted = store.wanted_by(&ids).unwrap();
    wanted.sort();
    wanted
}

fn assert_same(a: &dyn Whole, b: &dyn Whole) {
    assert_eq!(a.definitions(), b.definitions());
    assert_eq!(a.endpoints().unwrap(), b.endpoints().unwrap());
    let secrets =
        |store: &dyn Whole| store.endpoints().unwrap().into_iter().map(|found| (found.url, found.secret)).collect::<Vec<_>>();
    assert_eq!(secrets(a), secrets(b));
    assert_eq!(a.tokens(), b.tokens());
    assert_eq!(a.version_counts(), b.version_counts());
    assert_eq!(a.failure_counts(), b.failure_counts());
    assert_eq!(heads(a), heads(b));
    for head in heads(a) {
        assert_eq!(events(a, head.id), events(b, head.id), "{}", head.id);
    }
    assert_eq!(a.due(at(1 << 40), None, 10_000), b.due(at(1 << 40), None, 10_000));
    assert_eq!(wanted(a), wanted(b));
    assert_eq!(claims(a), claims(b));
    assert_eq!(documents(a), documents(b));
    assert_eq!((unfinished(a), unfinished(b)), (Ok(None), Ok(None)));
}

#[test]
fn everything_goes_from_sqlite_to_postgres_and_back() {
    let (server, directory) = (Server::start(), tempfile::tempdir().unwrap());
    let from = sqlite(&directory.path().join("from.db"));
    fill(&from);
    let there = postgres(&server.database(), keys());
    let mut told = Vec::new();
    let copied = copy(&from, &there, "from.db", &mut |copied| told.push(copied.executions)).unwrap();
    assert_same(&from, &there);
    assert_eq!((copied.definitions, copied.endpoints, copied.tokens, copied.documents), (4, 2, 2, 102));
    assert_eq!((copied.executions, copied.claims), (712, 236));
    assert_eq!(copied.events, heads(&from).iter().map(|head| events(&from, head.id).len() as u64).sum::<u64>());
    assert_eq!(copied.miscounted, Vec::<String>::new());
    assert!(told.len() > 6 && told.is_sorted(), "it is told of each commit: {told:?}");

    let path = directory.path().join("back.db");
    let back = sqlite(&path);
    copy(&there, &back, "postgres", &mut |_| {}).unwrap();
    assert_same(&from, &back);

    // They are more than read: what a claim has started takes it along when it goes, an execution goes on, a key is held.
    for store in [&there as &dyn Whole, &back] {
        let key = |key: &str, kind| store.claim(kind, "order\0\u{10fffe}", key).unwrap();
        commit_changes(
            store,
            vec![Change::Delete(Deletion { id: id(11), which: Deletable::Anyhow, erasure: Erasure::WithOthers })],
        );
        assert!(key("event 1", ClaimKind::EventId).is_some());
        commit_changes(
            store,
            vec![Change::Delete(Deletion { id: id(13), which: Deletable::Anyhow, erasure: Erasure::WithOthers })],
        );
        assert!(key("event 1", ClaimKind::EventId).is_none());
        commit_changes(
            store,
            vec![Change::Delete(Deletion { id: id(10), which: Deletable::Anyhow, erasure: Erasure::WithOthers })],
        );
        assert!(key("key 1", ClaimKind::IdempotencyKey).is_none());
        let taken = commit(
            store,
            vec![claimed("event 2", ClaimKind::EventId, json("[]"), vec![start(head(id(20), &workflow("order")))])],
        );
        assert_eq!(taken.taken.len(), 1);
        let ended =
            Head { status: Status::Completed, wake_at: None, completed_at: Some(at(5)), ..head(id(7), &workflow("order")) };
        let end = Transition { events: recorded(43, at(5), vec![Event::Completed]), ..update(ended, Status::Running) };
        commit_all(store, vec![end]);
        assert_eq!(events(store, id(7)).len(), 43);
        commit_all(store, vec![append(id(8), recorded(43, at(6), vec![begun(20)]))]);
    }
    drop(back);
    let file = Inspection::open(&path, &Keys::default()).unwrap();
    assert_eq!((file.damages(10), file.strays(10).unwrap().len()), (Vec::new(), 0));
}

#[test]
fn connections_that_are_cut_are_made_again() {
    let server = Server::start();
    let url = server.database();
    let cut = || {
        let others = "datname = current_database() AND pid <> pg_backend_pid()";
        let cut = server.psql(&url, &format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}"));
        assert_ne!(cut, "0");
    };
    let (from, back) = (Memory::new(), Memory::new());
    fill(&from);
    let there = postgres(&url, Keys::default());
    for (from, to) in [(&from as &dyn Whole, &there as &dyn Whole), (&there, &back)] {
        let mut commits = 0;
        let mut at_third = |_: &Copied| {
            commits += 1;
            if commits == 3 {
                cut();
            }
        };
        copy(from, to, "from", &mut at_third).unwrap();
    }
    assert_same(&from, &there);
    assert_same(&from, &back);
}

#[test]
fn random_stores_are_copied_to_sqlite_and_back() {
    copies_agree(60, || Box::new(Sqlite::open(":memory:", Options::default()).unwrap()));
}

#[test]
fn random_stores_are_copied_to_postgres_and_back() {
    let server = Server::start();
    copies_agree(8, || Box::new(postgres(&server.database(), Keys::default())));
}

#[test]
fn what_broke_off_is_marked_and_neither_copied_nor_written_to() {
    let (from, empty) = (Memory::new(), Memory::new());
    fill(&from);
    let all = {
        let (mut commits, whole) = (0, Memory::new());
        copy(&from, &whole, "from", &mut |_| commits += 1).unwrap();
        assert_same(&from, &whole);
        commits
    };
    assert!(all > 5, "{all}");
    // After each commit but the last one.
    for commits in 1..all {
        let to = Memory::new();
        let mut left = commits;
        let broken = catch_unwind(AssertUnwindSafe(|| {
            copy(&from, &to, "orders.db", &mut |_| {
                left -= 1;
                if left == 0 {
                    // The process ends here.
                    resume_unwind(Box::new(()));
                }
            })
        }));
        assert!(broken.is_err());
        assert_eq!(unfinished(&to), Ok(Some("orders.db".to_owned())), "after {commits} of {all}");
        let again = copy(&from, &to, "orders.db", &mut |_| panic!("nothing is written"));
        assert_eq!(again, Err(CopyError::TargetUnfinished { from: "orders.db".to_owned() }));
        let onwards = copy(&to, &empty, "half", &mut |_| panic!("nothing is written"));
        assert_eq!(onwards, Err(CopyError::SourceUnfinished { from: "orders.db".to_owned() }));
    }
}

/// Neither left out nor taken along as it is found.
#[test]
fn a_damaged_token_is_named_and_nothing_is_copied_until_it_is_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("from.db");
    let put = |token| Change::PutToken(Box::new(token));
    commit_changes(&sqlite(&path), vec![put(token(1, false)), put(token(2, false))]);
    let person = rusqlite::Connection::open(&path).unwrap();
    person.execute("UPDATE token SET role = 'admin' WHERE id = '0000000000000001'", []).unwrap();
    drop(person);
    let from = sqlite(&path);
    let Err(CopyError::Source(fault)) = copy(&from, &sqlite(&directory.path().join("first.db")), "from.db", &mut |_| ()) else {
        panic!("a damaged token is not copied")
    };
    assert!(fault.message.contains("token `deploy` with the id `0000000000000001` is damaged"), "{fault}");
    let revoked = from.tokens().unwrap().damaged[0].revoked(at(9)).unwrap();
    commit_changes(&from, vec![put(revoked)]);
    let to = sqlite(&directory.path().join("second.db"));
    assert_eq!(copy(&from, &to, "from.db", &mut |_| ()).unwrap().tokens, 2);
    assert_eq!(to.tokens(), from.tokens());
}

#[test]
fn a_target_that_holds_anything_is_refused_and_left() {
    let from = Memory::new();
    fill(&from);
    let refused = copy(&Memory::new(), &from, "empty", &mut |_| panic!("nothing is written")).unwrap_err();
    let says = "the target is not empty: it holds 712 executions, 4 versions of definitions, 2 endpoints, 2 tokens, idempotency keys or \
        event ids, documents of kind `job`, documents of kind `statistics`";
    assert_eq!(refused.to_string(), says);
    let only_claim = Memory::new();
    commit(&only_claim, vec![claimed("event 2", ClaimKind::EventId, json("[]"), Vec::new())]);
    let refused = copy(&from, &only_claim, "from", &mut |_| panic!("nothing is written")).unwrap_err();
    assert_eq!(refused.to_string(), "the target is not empty: it holds idempotency keys or event ids");
}

#[test]
fn a_full_disk_leaves_the_mark() {
    let (from, directory) = (Memory::new(), tempfile::tempdir().unwrap());
    let to =
        Sqlite::open(directory.path().join("to.db"), Options { file_bytes_max: Some(8 << 20), ..Options::default() }).unwrap();
    fill(&from);
    let error = copy(&from, &to, "from", &mut |_| {}).unwrap_err();
    assert!(matches!(&error, CopyError::Target(fault) if fault.is_retryable()), "{error}");
    assert_eq!(unfinished(&to), Ok(Some("from".to_owned())));
}
