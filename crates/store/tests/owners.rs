//! Several engines on one PostgreSQL: each owns ranges of the executions, commits only as long as it does, and hears of the others.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use workflow_core::id::{ExecutionId, Slot};
use workflow_core::json::Json;
use workflow_core::time::Timestamp;
use workflow_store::conformance::sample::{action, at, definition, finish, head, start, workflow};
use workflow_store::{
    Batch, Change, Fault, FaultKind, Head, HeadChange, Item, Notice, Postgres, PostgresOptions, Ranges, Store, Transition,
};

mod server;

use server::{Server, Stop};

/// So short that nobody waits for long, and yet no busy machine is taken for a dead engine.
const LEASE: Duration = Duration::from_secs(4);

struct Engine {
    store: Postgres,
    notices: Receiver<Notice>,
}

fn join(url: &str, name: &str) -> Engine {
    let options = PostgresOptions { lease: LEASE, name: name.to_owned(), ..PostgresOptions::default() };
    let store = Postgres::open(url, options).unwrap();
    let (sender, notices) = channel();
    store.attend(Box::new(move |notice| drop(sender.send(notice))));
    Engine { store, notices }
}

impl Engine {
    /// Waits for a notice of a kind.
    fn hear<T>(&self, wanted: impl Fn(Notice) -> Option<T>) -> T {
        std::iter::from_fn(|| Some(self.notices.recv_timeout(Duration::from_secs(60)).expect("a notice")))
            .find_map(wanted)
            .unwrap()
    }

    /// Waits until it owns so many ranges.
    fn owns(&self, count: usize) -> Ranges {
        self.hear(|notice| match notice {
            Notice::Owns(ranges) if ranges.len() == count => Some(ranges),
            _ => None,
        })
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), Fault> {
        let number = self.store.batch().unwrap() + 1;
        self.store.commit(&Batch { number, items: vec![Item { claim: None, changes }] }).map(drop)
    }
}

/// An execution of this range.
fn of_range(range: u32, n: u64) -> ExecutionId {
    let slot = Ranges::only(range).slot(n).unwrap();
    assert_eq!(Ranges::of(ExecutionId::from_parts(Timestamp::from_millis(1), 0, 0, slot)), range);
    ExecutionId::from_parts(at(i64::try_from(n).unwrap()), 0, n, slot)
}

fn started(id: ExecutionId) -> Vec<Change> {
    vec![start(head(id, &workflow("order")))].into_iter().map(|transition| Change::Transition(Box::new(transition))).collect()
}

/// At rest, and wanting an action.
fn parked(id: ExecutionId) -> Change {
    let before = head(id, &workflow("order"));
    let head = Head { wake_at: Some(at(50)), ..before.clone() };
    Change::Transition(Box::new(Transition {
        head: Some(HeadChange { head, status_before: Some(before.status) }),
        parked: Some(vec![action("charge")]),
        snapshot: None,
        events: Vec::new(),
        id,
    }))
}

#[test]
fn the_first_owns_everything_and_gives_the_second_its_share() {
    let server = Server::start();
    let url = server.database();
    let first = join(&url, "first");
    assert_eq!(first.store.owned(), Ranges::ALL);
    let second = join(&url, "second");
    assert_eq!(second.store.owned(), Ranges::NONE);
    let (count, to) = first.hear(|notice| if let Notice::Share { count, to } = notice { Some((count, to)) } else { None });
    assert_eq!(count, 32);
    let members = first.store.members().unwrap();
    assert_eq!(members.iter().filter(|member| member.is_self).map(|member| member.name.as_str()).collect::<Vec<_>>(), ["first"]);
    assert!(
        members.iter().any(|member| member.id == to && member.name == "second" && !member.lapsed && member.ranges.is_empty())
    );

    // Something in each half, waiting and wanting.
    let (low, high) = (of_range(0, 1), of_range(63, 2));
    first.commit([started(low), started(high), vec![parked(low), parked(high)]].concat()).unwrap();
    let upper: Ranges = (32..64).collect();
    first.commit(vec![Change::Give { ranges: upper, to: to.clone() }]).unwrap();
    assert_eq!(first.store.owned(), Ranges::ALL.without(upper));
    assert_eq!(second.owns(32), upper);
    for (engine, own) in [(&first, low), (&second, high)] {
        let due = engine.store.due(at(100), None, 10).unwrap();
        assert_eq!(due.iter().map(|cursor| cursor.id).collect::<Vec<_>>(), [own]);
        assert_eq!(engine.store.parked(&action("charge"), None, 10).unwrap(), [own]);
        assert_eq!(engine.store.next_wake(at(0)).unwrap(), Some(at(50)));
        // Anybody reads everything.
        assert_eq!(engine.store.load(&[low, high]).unwrap().iter().flatten().count(), 2);
    }

    // What was given goes on there, and nobody gives what is not theirs, or to nobody.
    second.commit(vec![Change::Transition(Box::new(finish(head(high, &workflow("order")))))]).unwrap();
    let refused = first.commit(vec![Change::Give { ranges: upper, to: to.clone() }]).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Unavailable, "{refused}");
    let refused = first.commit(vec![Change::Give { ranges: Ranges::only(3), to: "engine-gone".to_owned() }]).unwrap_err();
    assert!(refused.kind == FaultKind::Unavailable && refused.message.contains("is gone"), "{refused}");
    assert_eq!(first.store.owned(), Ranges::ALL.without(upper), "what was refused changes nothing");
    let counts = second.store.counts().unwrap();
    assert_eq!(counts.iter().map(|(_, _, count)| count).sum::<u64>(), 2, "{counts:?}");
}

#[test]
fn who_ends_or_dies_leaves_everything_to_the_others() {
    let server = Server::start();
    let url = server.database();
    let first = join(&url, "first");
    let second = join(&url, "second");
    let id = second.store.members().unwrap().into_iter().find(|member| member.is_self).unwrap().id;
    first.commit(vec![Change::Give { ranges: (0..32).collect(), to: id.clone() }]).unwrap();
    second.owns(32);
    // In order: at once.
    drop(first);
    assert_eq!(second.owns(64), Ranges::ALL);

    // It loses its place: a fourth one that has seen its lease run out would take its row away.
    let third = join(&url, "third");
    let its_id = third.store.members().unwrap().into_iter().find(|member| member.is_self).unwrap().id;
    second.commit(vec![Change::Give { ranges: (0..32).collect(), to: its_id.clone() }]).unwrap();
    third.owns(32);
    server.psql(&url, &format!("DELETE FROM workflow.engine WHERE id = '{its_id}'"));
    assert_eq!(second.owns(64), Ranges::ALL);
    // What it sends now comes too late, and it learns that.
    let refused = third.commit(started(of_range(0, 1))).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Unknown, "{refused}");
    assert_eq!(third.store.reopen().unwrap_err().kind, FaultKind::Fenced);
    assert!(
        third.hear(|notice| if let Notice::Lost(fault) = notice { Some(fault) } else { None }).message.contains("lost its place")
    );
    second.commit(started(of_range(0, 1))).unwrap();
    drop(third);
    // Who comes and finds nobody takes everything.
    drop(second);
    assert_eq!(join(&url, "fourth").store.owned(), Ranges::ALL);
}

/// To PostgreSQL, while it is open.
struct Way {
    address: SocketAddr,
    is_open: Arc<AtomicBool>,
}

impl Way {
    fn to(port: u16) -> Way {
        let (listener, is_open) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(AtomicBool::new(true)));
        let way = Way { address: listener.local_addr().unwrap(), is_open: Arc::clone(&is_open) };
        std::thread::spawn(move || {
            for near in listener.incoming().map(Result::unwrap) {
                if !is_open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                    std::thread::spawn(move || {
                        // With either end both ways end.
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        way
    }
}

/// PostgreSQL was away for longer than a lease lasts: each of them is as late as the others, and the first that is back takes nothing
/// from those that are not.
#[test]
fn when_nobody_could_renew_its_lease_all_keep_their_places() {
    let mut server = Server::with(&["fsync=off"]);
    let url = server.database();
    let way = Way::to(server.port());
    let late = join(&url.replace(&format!("127.0.0.1:{}", server.port()), &way.address.to_string()), "first");
    let engines = [late, join(&url, "second"), join(&url, "third")];
    assert_eq!(engines[0].store.owned(), Ranges::ALL);
    way.is_open.store(false, Ordering::SeqCst);
    server.stop(Stop::Immediate);
    std::thread::sleep(LEASE + Duration::from_millis(500));
    server.start_again();
    // The others are back, and see that its lease has run out.
    std::thread::sleep(Duration::from_millis(800));
    way.is_open.store(true, Ordering::SeqCst);
    std::thread::sleep(LEASE);
    for engine in &engines {
        let lost = |notice| matches!(notice, Notice::Lost(_));
        assert!(!engine.notices.try_iter().any(lost) && engine.store.lease().lasts(), "{}", engine.store.shown());
        assert_eq!(engine.store.members().unwrap().len(), 3);
    }
    assert_eq!(engines[0].store.owned(), Ranges::ALL);
    // Whoever does not come back is missed all the same.
    server.psql(&url, "DELETE FROM workflow.engine WHERE name = 'first'");
    let until = Instant::now() + Duration::from_secs(60);
    while engines[1..].iter().map(|engine| engine.store.owned().len()).sum::<usize>() < 64 {
        assert!(Instant::now() < until, "nobody takes over");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Of one engine whose lease has run out it is likely that it has died; of several, that they could not renew them.
#[test]
fn who_comes_first_after_the_database_was_away_takes_nothing_from_the_others() {
    let mut server = Server::with(&["fsync=off"]);
    let url = server.database();
    let way = Way::to(server.port());
    let through = url.replace(&format!("127.0.0.1:{}", server.port()), &way.address.to_string());
    let engines = [join(&through, "first"), join(&through, "second")];
    way.is_open.store(false, Ordering::SeqCst);
    server.stop(Stop::Immediate);
    std::thread::sleep(LEASE + Duration::from_millis(500));
    server.start_again();
    let third = join(&url, "third");
    assert_eq!(third.store.owned(), Ranges::NONE);
    way.is_open.store(true, Ordering::SeqCst);
    std::thread::sleep(LEASE);
    for engine in &engines {
        let lost = |notice| matches!(notice, Notice::Lost(_));
        assert!(!engine.notices.try_iter().any(lost) && engine.store.lease().lasts(), "{}", engine.store.shown());
    }
    assert_eq!((engines[0].store.owned(), third.store.owned()), (Ranges::ALL, Ranges::NONE));
}

#[test]
fn the_place_of_one_that_is_gone_is_taken_at_once_those_of_several_after_a_while() {
    let server = Server::start();
    for gone in [1, 2] {
        let url = server.database();
        drop(join(&url, "maker"));
        server.psql(
            &url,
            &format!(
                "INSERT INTO workflow.engine SELECT 'gone-' || n, n, 'gone', NULL, false, now(), now() - INTERVAL '1 hour', 1, 1 \
                 FROM generate_series(1, {gone}) n; UPDATE workflow.range SET owner = 'gone-' || 1 + slot_from / 64 % {gone}"
            ),
        );
        let heir = join(&url, "heir");
        if gone > 1 {
            assert_eq!(heir.store.owned(), Ranges::NONE);
            heir.owns(64);
        }
        assert_eq!(heir.store.owned(), Ranges::ALL);
    }
}

#[test]
fn what_was_decided_by_old_definitions_is_not_written() {
    let server = Server::start();
    let url = server.database();
    let (first, second) = (join(&url, "first"), join(&url, "second"));
    let known = |engine: &Engine| engine.store.catalog().unwrap().unwrap();
    let (before, order) = (known(&first), workflow("order"));
    let define = |version| Change::Define(Box::new(definition(&order, version)));
    while second.notices.try_recv().is_ok() {}
    first.commit(vec![Change::Require { catalog: before }, define(1)]).unwrap();
    assert_eq!(known(&second), before + 1);
    second.hear(|notice| (notice == Notice::Catalog).then_some(()));
    let id = of_range(5, 1);
    let stale = first.commit([vec![Change::Require { catalog: before }], started(id)].concat()).unwrap_err();
    assert_eq!(stale.kind, FaultKind::Stale, "{stale}");
    // Two change it at the same time: the second one has to look again, and is told so before its version clashes.
    let stale = second.commit(vec![Change::Require { catalog: before }, define(1)]).unwrap_err();
    assert_eq!(stale.kind, FaultKind::Stale, "{stale}");
    second.commit(vec![Change::Require { catalog: before + 1 }, define(2)]).unwrap();
    first.commit([vec![Change::Require { catalog: before + 2 }], started(id)].concat()).unwrap();
    assert_eq!(first.store.load(&[id]).unwrap().iter().flatten().count(), 1);
}

#[test]
fn a_question_is_answered_by_who_owns_the_execution() {
    let server = Server::start();
    let url = server.database();
    let (first, second) = (join(&url, "first"), join(&url, "second"));
    let command = Json::parse(r#"{"command":"pause"}"#).unwrap();
    while first.notices.try_recv().is_ok() {}
    let id = of_range(7, 1);
    let seq = second.store.ask(id, &command).unwrap();
    first.hear(|notice| (notice == Notice::Asked).then_some(()));
    let asked = first.store.asked(0, 10).unwrap();
    assert_eq!(asked.iter().map(|asked| (asked.seq, asked.execution, &asked.command)).collect::<Vec<_>>(), [(seq, id, &command)]);
    assert_eq!(first.store.asked(seq, 10).unwrap(), []);
    assert_eq!(second.store.asked(0, 10).unwrap(), [], "it owns nothing");
    assert_eq!(second.store.take_answer(seq).unwrap(), None);
    let answer = Json::parse(r#"{"outcome":"done"}"#).unwrap();
    first.commit(vec![Change::Answer { seq, answer: answer.clone() }]).unwrap();
    second.hear(|notice| (notice == Notice::Answered).then_some(()));
    assert_eq!(first.store.asked(0, 10).unwrap(), [], "it is answered");
    assert_eq!(second.store.take_answer(seq).unwrap(), Some(answer));
    assert_eq!(second.store.take_answer(seq).unwrap(), None, "once");
}

#[test]
fn who_shares_with_nobody_waits_for_everybody_and_everybody_for_it() {
    let server = Server::start();
    let url = server.database();
    let open = |alone| Postgres::open(&url, PostgresOptions { alone, wait: Duration::ZERO, ..PostgresOptions::default() });
    let shared = open(false).unwrap();
    drop(open(false).unwrap());
    let refused = open(true).unwrap_err().to_string();
    assert!(refused.contains("is owned by engine-"), "{refused}");
    drop(shared);
    let alone = open(true).unwrap();
    assert_eq!(alone.owned(), Ranges::ALL);
    assert!(open(false).is_err() && open(true).is_err());
    drop(alone);
    open(false).unwrap();
    assert_eq!(Slot::COUNT, 64 * 64, "the schema has as many slots");
}
