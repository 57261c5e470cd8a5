//! Partitions of histories and payloads in PostgreSQL, over days that pass as fast as the store answers: it reads no clock but takes
//! the ids and times that it is given.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use workflow_core::id::{ExecutionId, Slot};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::conformance::sample::{
    action, append, begun, commit, commit_all, commit_changes, completed, finish, head, item, json, recorded, start, update,
    workflow,
};
use workflow_store::{
    Change, Deletable, Deletion, Erasure, Head, Memory, Postgres, PostgresOptions, Store, Texts, Tidied, Transition, copy,
};

mod cut;
mod server;

use server::Server;

const DAY: Millis = Millis::from_secs(24 * 3_600);

fn open(url: &str) -> Postgres {
    Postgres::open(url, PostgresOptions::default()).unwrap()
}

/// The beginning of the day that it is now: that on which a store that is opened begins.
fn today() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(since.as_millis()).unwrap();
    Timestamp::from_millis(now - now % i64::try_from(DAY.get()).unwrap())
}

fn days(days: u64) -> Millis {
    Millis::new(DAY.get() * days)
}

/// The `n`th execution of a day, of which there may be some thousands.
fn id(day: Timestamp, n: u32) -> ExecutionId {
    let at = day + Millis::from_secs(10 * u64::from(n));
    ExecutionId::from_parts(at, 0, u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15), Slot::new(n as u16))
}

/// One that is under way.
fn one(id: ExecutionId) -> Head {
    head(id, &workflow("order"))
}

/// The same once it has ended.
fn ended(id: ExecutionId, status: Status, at: Timestamp) -> Head {
    Head { status, wake_at: None, completed_at: Some(at), ..one(id) }
}

fn delete(id: ExecutionId, erasure: Erasure) -> Change {
    Change::Delete(Deletion { id, which: Deletable::EndedUntil(Timestamp::from_millis(i64::MAX)), erasure })
}

/// A text of so many bytes that does not compress.
fn noise(mut seed: u64, bytes: usize) -> Json {
    let mut text = String::from("\"");
    while text.len() < bytes {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", seed >> 32));
    }
    json(&format!("{text}\""))
}

/// Until nothing is in its way.
fn tidy(store: &Postgres, at: Timestamp) -> Tidied {
    let until = Instant::now() + Duration::from_secs(60);
    let mut all = Tidied::default();
    loop {
        let tidied = store.tidy(at).unwrap();
        all.made.extend(tidied.made);
        all.dropped.extend(tidied.dropped);
        all.moved += tidied.moved;
        if !tidied.unfinished {
            return all;
        }
        assert!(Instant::now() < until, "it does not come to an end");
    }
}

/// A store and the oracle beside it.
struct Both<'a> {
    store: &'a Postgres,
    memory: Memory,
}

impl Both<'_> {
    fn commit(&self, changes: Vec<Transition>) {
        commit_all(self.store, changes.clone());
        commit_all(&self.memory, changes);
    }

    fn change(&self, changes: Vec<Change>) {
        commit_changes(self.store, changes.clone());
        commit_changes(&self.memory, changes);
    }

    fn compare(&self, ids: &[ExecutionId]) {
        let (ours, theirs) = (self.store.load(ids).unwrap(), self.memory.load(ids).unwrap());
        for ((id, ours), theirs) in ids.iter().zip(ours).zip(theirs) {
            assert_eq!(ours, theirs, "{id}");
            let ours = self.store.history(*id, 0, usize::MAX, Texts::Read);
            assert_eq!(ours, self.memory.history(*id, 0, usize::MAX, Texts::Read), "{id}");
        }
        assert_eq!(self.store.counts(), self.memory.counts());
    }
}

fn partitions(server: &Server, url: &str, table: &str) -> Vec<String> {
    let sql = format!(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'workflow.{table}_dated'::regclass \
         ORDER BY pg_get_expr(c.relpartbound, c.oid) COLLATE \"C\""
    );
    server.psql(url, &sql).lines().map(ToOwned::to_owned).collect()
}

fn rows_of(server: &Server, url: &str, table: &str, id: ExecutionId) -> u32 {
    let id = id.to_string().replace("exec_", "");
    server.psql(url, &format!("SELECT count(*) FROM workflow.{table} WHERE execution = '{id}'")).parse().unwrap()
}

#[test]
fn partitions_are_there_before_anything_is_started_in_them() {
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let at_open = partitions(&server, &url, "history");
    // The one for all other ids, the one for all times before, and at least three days.
    assert!(at_open.len() >= 5, "{at_open:?}");
    assert_eq!(at_open.len(), partitions(&server, &url, "payload").len());
    let both = Both { store: &store, memory: Memory::new() };
    let ids: Vec<ExecutionId> = (0..3).map(|day| id(today + days(day), 7)).collect();
    both.commit(ids.iter().map(|id| start(one(*id))).collect());
    // Events of a month later are where the execution is.
    let later = |id: &ExecutionId| {
        append(*id, recorded(3, id.at() + days(30), vec![completed(0, &noise(id.at().millis() as u64, 6_000))]))
    };
    both.commit(ids.iter().map(later).collect());
    for table in ["history", "payload"] {
        let per_partition = server.psql(&url, &format!("SELECT count(*) FROM workflow.{table}_dated GROUP BY tableoid"));
        assert_eq!(per_partition, if table == "history" { "2\n2\n2" } else { "1\n1\n1" });
        assert_eq!(server.psql(&url, &format!("SELECT count(*) FROM workflow.{table}_undated")), "0");
    }
    both.compare(&ids);
    // As time passes there are more, each once; what is under way stays where it is.
    let tidied = tidy(&store, today + days(5));
    assert!(tidied.made.len() >= 6 && tidied.made.iter().filter(|name| name.starts_with("history_")).count() >= 3, "{tidied:?}");
    assert_eq!(tidied.moved, 0);
    assert_eq!(tidy(&store, today + days(5)), Tidied::default());
    both.compare(&ids);
    drop(store);
    let before = partitions(&server, &url, "history");
    drop(open(&url));
    assert_eq!(partitions(&server, &url, "history"), before);
}

#[test]
fn what_has_no_partition_is_kept_apart_and_loses_nothing() {
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let both = Both { store: &store, memory: Memory::new() };
    // The engine was there, and the partitions were not made for a month.
    let ids: Vec<ExecutionId> = (20..30).map(|day| id(today + days(day), 1)).collect();
    both.commit(ids.iter().map(|id| start(one(*id))).collect());
    both.commit(vec![finish(ended(ids[0], Status::Completed, ids[0].at()))]);
    both.change(vec![delete(ids[0], Erasure::WithOthers)]);
    assert_eq!(server.psql(&url, "SELECT count(*) FROM workflow.history_undated"), "11");
    let tidied = tidy(&store, today + days(29));
    assert_eq!(tidied.moved, 9);
    assert!(tidied.made.len() >= 6, "{tidied:?}");
    assert_eq!(server.psql(&url, "SELECT count(*) FROM workflow.history_undated"), "0");
    both.compare(&ids);
    both.commit(ids[1..].iter().map(|id| append(*id, recorded(3, id.at(), vec![begun(1)]))).collect());
    both.compare(&ids);
}

/// A partition cannot be made for ids that lie elsewhere already; the next one can.
#[test]
fn a_day_that_has_begun_without_its_partition_goes_on_without() {
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    for name in partitions(&server, &url, "history").iter().filter(|name| !name.ends_with("_undated")) {
        server.psql(&url, &format!("DROP TABLE workflow.{name}"));
    }
    let both = Both { store: &store, memory: Memory::new() };
    let ids = [id(today, 1), id(today + days(1), 1)];
    both.commit(vec![start(one(ids[0]))]);
    let memory = both.memory;
    drop(store);
    let store = open(&url);
    let there = partitions(&server, &url, "history");
    let of = |day: Timestamp| {
        let date = format!("SELECT to_char(to_timestamp({}) AT TIME ZONE 'UTC', 'YYYYMMDD')", day.millis() / 1_000);
        format!("history_{}_", server.psql(&url, &date))
    };
    let has = |day| there.iter().any(|name| name.starts_with(&of(day)));
    assert_eq!((has(today), has(today + days(1))), (false, true), "{there:?}");
    let both = Both { store: &store, memory };
    both.commit(vec![start(one(ids[1])), append(ids[0], recorded(3, today, vec![begun(1)]))]);
    tidy(&store, today);
    both.commit(vec![append(ids[0], recorded(4, today, vec![begun(2)]))]);
    both.compare(&ids);
}

/// Days on each of which three of four executions have ended and were deleted; the others, which are under way.
fn mostly_deleted(store: &Postgres, today: Timestamp, count: u64) -> Vec<ExecutionId> {
    let of_day = |day: u64| -> Vec<ExecutionId> { (0..40).map(|n| id(today + days(day), n)).collect() };
    for day in 0..count {
        tidy(store, today + days(day));
        commit_all(store, of_day(day).into_iter().map(|id| start(one(id))).collect());
    }
    let mut open_ones = Vec::new();
    for day in 0..count {
        let all = of_day(day);
        let (gone, rest) = all.split_at(30);
        // Long ones, so that it is they that most rows are of, also when the others have gone on for a while.
        let long = |id: &ExecutionId| {
            let events = (3..20).flat_map(|seq| recorded(seq, id.at() + Millis::new(seq), vec![begun(1)]));
            append(*id, events.collect())
        };
        commit_all(store, gone.iter().map(long).collect());
        commit_all(store, gone.iter().map(|id| update(ended(*id, Status::Completed, id.at()), Status::Running)).collect());
        commit_changes(store, gone.iter().map(|id| delete(*id, Erasure::WithOthers)).collect());
        open_ones.extend_from_slice(rest);
    }
    open_ones
}

/// A history that is read while it is being moved, or whose partition goes while it is appended to, would lose or double events: one
/// that was read as of a moment before it was moved, once its old place was gone, was empty.
#[test]
fn appends_reads_and_deletions_go_on_while_partitions_go() {
    const DAYS: u64 = 20;
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let open_ones = mostly_deleted(&store, today, DAYS);
    // Of each day some end and are deleted meanwhile, at once.
    let (ends, stays): (Vec<ExecutionId>, Vec<ExecutionId>) = open_ones.iter().partition(|id| id.slot().number() % 2 == 0);
    let done = AtomicBool::new(false);
    let (appended, dropped) = std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            let (mut ends, mut seq) = (ends.iter(), 2);
            while !done.load(Ordering::Relaxed) || seq < 20 {
                seq += 1;
                let output = noise(seq, 5_000);
                let event = |id: &ExecutionId| append(*id, recorded(seq, id.at() + days(50), vec![completed(0, &output)]));
                for some in stays.chunks(20) {
                    commit_all(&store, some.iter().map(event).collect());
                }
                for id in ends.by_ref().take(5) {
                    commit_all(&store, vec![finish(ended(*id, Status::Cancelled, today))]);
                    commit_changes(&store, vec![delete(*id, Erasure::AtOnce)]);
                }
            }
            for id in ends {
                commit_all(&store, vec![finish(ended(*id, Status::Cancelled, today))]);
                commit_changes(&store, vec![delete(*id, Erasure::AtOnce)]);
            }
            seq
        });
        let reads = scope.spawn(|| {
            let mut seen: BTreeMap<ExecutionId, u64> = BTreeMap::new();
            while !done.load(Ordering::Relaxed) {
                for id in stays.iter().step_by(3) {
                    let history = store.history(*id, 0, usize::MAX, Texts::Read).unwrap().unwrap();
                    let seqs: Vec<u64> = history.events.iter().map(|event| event.seq).collect();
                    assert_eq!(seqs, (1..=history.last).collect::<Vec<_>>(), "{id}");
                    let before = seen.insert(*id, history.last);
                    assert!(before <= Some(history.last), "{id} has lost what was read of it");
                }
                for stored in store.load(&stays).unwrap() {
                    let events = stored.unwrap().events;
                    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64));
                }
            }
        });
        // Two engines come by at once: one of them does it.
        let round = || tidy(&store, today + days(DAYS + 5)).dropped;
        let other = scope.spawn(round);
        let dropped = [round(), other.join().unwrap()].concat();
        done.store(true, Ordering::Relaxed);
        reads.join().unwrap();
        (writes.join().unwrap(), dropped)
    });
    // Those whose turn comes late may hold more by then of what stays than of what is gone.
    assert!(dropped.iter().filter(|name| name.starts_with("history_")).count() >= DAYS as usize / 2, "{dropped:?}");
    for id in &stays {
        let history = store.history(*id, 0, usize::MAX, Texts::Read).unwrap().unwrap();
        assert!(history.events.iter().map(|event| event.seq).eq(1..=appended), "{id}");
        assert_eq!(rows_of(&server, &url, "payload", *id), u32::try_from(appended).unwrap() - 2);
    }
    for id in &ends {
        assert_eq!((rows_of(&server, &url, "history", *id), rows_of(&server, &url, "payload", *id)), (0, 0), "{id}");
    }
    let strays =
        "SELECT count(*) FROM workflow.history h WHERE NOT EXISTS (SELECT 1 FROM workflow.execution e WHERE e.id = h.execution)";
    assert_eq!(server.psql(&url, strays), "0");
}

/// What is kept: completed ones for a week, cancelled ones for a month, failed ones for ever.
#[test]
fn one_that_is_open_for_ten_retention_periods_goes_on_while_the_space_of_the_others_is_free() {
    const WEEK: u64 = 7;
    const A_DAY: u32 = 60;
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let both = Both { store: &store, memory: Memory::new() };
    let held = id(today, 5_000);
    both.commit(vec![start(one(held))]);
    let size = || -> u64 {
        let sql = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'workflow'::regnamespace \
            AND (relname LIKE 'history%' OR relname LIKE 'payload%')";
        server.psql(&url, sql).parse().unwrap()
    };
    let (mut all, mut sizes, mut most, mut dropped) = (vec![held], Vec::new(), 0, 0);
    for day in 0..10 * WEEK + 3 {
        let now = today + days(day);
        let started: Vec<ExecutionId> = (0..A_DAY).map(|n| id(now, n)).collect();
        all.extend_from_slice(&started);
        both.commit(started.iter().map(|id| start(one(*id))).collect());
        let end = |(n, id): (usize, &ExecutionId)| {
            let status = match n {
                0 => Status::Failed,
                1 | 2 => Status::Cancelled,
                _ => Status::Completed,
            };
            let end = finish(ended(*id, status, id.at() + Millis::from_secs(60)));
            let output = completed(0, &noise(id.at().millis() as u64, 6_000));
            Transition { events: recorded(3, id.at(), vec![output, workflow_core::event::Event::Completed]), ..end }
        };
        both.commit(started.iter().enumerate().map(end).collect());
        both.commit(vec![append(held, recorded(day + 3, now, vec![begun(usize::try_from(day).unwrap())]))]);
        // As the engine does it: what it finds to have ended long ago.
        for (status, kept) in [(Status::Completed, WEEK), (Status::Cancelled, 30)] {
            let Some(until) = day.checked_sub(kept).map(|day| today + days(day) + days(1)) else { continue };
            let found = store.ended(&workflow("order"), status, until, None, 1_000).unwrap().ids;
            both.change(found.into_iter().map(|id| delete(id, Erasure::WithOthers)).collect());
        }
        let tidied = tidy(&store, now + days(1));
        dropped += tidied.dropped.len();
        most = most.max(partitions(&server, &url, "history").len());
        sizes.push(size());
        if day % 10 == 0 {
            both.compare(&[held, id(now, 0), id(now, 1), id(now, 5)]);
        }
    }
    both.compare(&all);
    let history = store.history(held, 0, usize::MAX, Texts::Read).unwrap().unwrap();
    assert!(history.events.iter().map(|event| event.seq).eq(1..=10 * WEEK + 5), "it is whole, from its first day on");
    println!("{dropped} dropped, at most {most} partitions, bytes by day {sizes:?}");
    assert!(most <= 7 + 8, "{most} partitions");
    assert!(dropped >= 2 * 60, "{dropped}");
    // Of 73 days with a constant load only the last ones take room, and the little that is kept.
    let (settled, last) = (sizes[10], sizes[sizes.len() - 1]);
    assert!(last < settled * 2, "{sizes:?}");
    // What is done by day alone: one day of all of that.
    let kept: u64 = server.psql(&url, "SELECT count(*) FROM workflow.history_kept").parse().unwrap();
    assert!(kept > 60, "{kept} rows");
}

#[test]
fn a_partition_is_let_go_when_deletion_has_come_to_its_end() {
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let both = Both { store: &store, memory: Memory::new() };
    let all: Vec<ExecutionId> = (0..500).map(|n| id(today, n)).collect();
    both.commit(all.iter().map(|id| start(one(*id))).collect());
    let end = |ids: &[ExecutionId]| {
        both.commit(ids.iter().map(|id| update(ended(*id, Status::Completed, today), Status::Running)).collect());
        both.change(ids.iter().map(|id| delete(*id, Erasure::WithOthers)).collect());
    };
    let let_go = || {
        let tidied = tidy(&store, today + days(1));
        both.compare(&all);
        let dropped: Vec<String> = tidied.dropped.into_iter().filter(|name| name.starts_with("history_")).collect();
        (dropped, tidied.moved)
    };
    // Most are gone, from the oldest on: the others are about to.
    end(&all[..300]);
    assert_eq!(let_go(), (Vec::new(), 0));
    // The newest are gone, too, but for a few that have to stay.
    let (some, others): (Vec<ExecutionId>, Vec<ExecutionId>) = all[300..].iter().partition(|id| id.slot().number() % 8 != 0);
    end(&some);
    let (dropped, moved) = let_go();
    assert_eq!((dropped.len(), moved), (1, others.len() as u64), "{dropped:?}");
    end(&others);
    assert_eq!(server.psql(&url, "SELECT count(*) FROM workflow.history"), "0");
}

#[test]
fn a_partition_of_which_more_stays_than_goes_is_left() {
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let both = Both { store: &store, memory: Memory::new() };
    let all: Vec<ExecutionId> = (0..900).map(|n| id(today, n)).collect();
    both.commit(all.iter().map(|id| start(one(*id))).collect());
    // The newest third is gone, whyever.
    both.commit(all[600..].iter().map(|id| update(ended(*id, Status::Completed, today), Status::Running)).collect());
    both.change(all[600..].iter().map(|id| delete(*id, Erasure::WithOthers)).collect());
    let tidied = tidy(&store, today + days(1));
    assert_eq!((tidied.dropped.iter().filter(|name| name.starts_with("history_")).count(), tidied.moved), (0, 0), "{tidied:?}");
    both.compare(&all);
}

/// Each statement of a round may be its last; the next round goes on.
#[test]
fn a_round_that_is_cut_off_at_any_statement_loses_nothing() {
    let server = Server::start();
    let direct = server.database();
    let cut = cut::Cut::before(&direct);
    let (store, today) = (open(&cut.url), today());
    let both = Both { store: &store, memory: Memory::new() };
    let (mut all, mut day, mut cuts) = (Vec::new(), 0, 0);
    loop {
        let at = today + days(day);
        let started: Vec<ExecutionId> = (0..12).map(|n| id(at, n)).collect();
        both.commit(started.iter().map(|id| start(one(*id))).collect());
        let output = |id: &ExecutionId| append(*id, recorded(3, id.at(), vec![completed(0, &noise(1, 5_000))]));
        both.commit(started.iter().map(output).collect());
        // One without a partition, as if it were from long ago.
        let undated = id(today - days(day + 1_000), 1);
        both.commit(vec![start(one(undated))]);
        let gone = &started[3..];
        let ends = gone.iter().map(|id| update(ended(*id, Status::Completed, at), Status::Running));
        both.commit(ends.collect());
        both.change(gone.iter().map(|id| delete(*id, Erasure::WithOthers)).collect());
        all.extend_from_slice(&started);
        all.push(undated);
        day += 1;
        cuts += 1;
        let was_cut = cut.after(cuts, || store.tidy(today + days(day)));
        both.compare(&all[all.len().saturating_sub(40)..]);
        both.commit(started[..3].iter().map(|id| append(*id, recorded(4, at, vec![begun(1)]))).collect());
        let tidied = tidy(&store, today + days(day));
        both.compare(&all[all.len().saturating_sub(40)..]);
        if !was_cut {
            break;
        }
        assert!(cuts < 1_000, "{tidied:?}");
    }
    both.compare(&all);
    println!("cut after each of {} statements", cuts - 1);
    assert!(cuts > 40, "{cuts}");
    assert_eq!(server.psql(&direct, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'workflow.history_kept'::regclass"), "0");
}

#[test]
fn what_a_person_deletes_is_gone_at_once_and_what_was_kept_for_its_time_is_found_by_nobody() {
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let ids: Vec<ExecutionId> = (0..3).map(|n| id(today, n)).collect();
    let begin = |id: &ExecutionId| {
        let events = vec![completed(0, &noise(3, 5_000))];
        vec![start(one(*id)), append(*id, recorded(3, today, events))]
    };
    commit_all(&store, ids.iter().flat_map(begin).collect());
    commit_all(&store, ids[..2].iter().map(|id| update(ended(*id, Status::Completed, today), Status::Running)).collect());
    commit_changes(&store, vec![delete(ids[0], Erasure::AtOnce), delete(ids[1], Erasure::WithOthers)]);
    let rows = |id| (rows_of(&server, &url, "history", id), rows_of(&server, &url, "payload", id));
    assert_eq!([rows(ids[0]), rows(ids[1]), rows(ids[2])], [(0, 0), (2, 1), (2, 1)]);
    for id in &ids[..2] {
        assert_eq!(store.load(&[*id]), Ok(vec![None]));
        assert_eq!(store.history(*id, 0, 10, Texts::Read), Ok(None));
        store.payloads(&[(*id, 3)]).unwrap_err();
    }
    let there = Memory::new();
    let copied = copy(&store, &there, "here", &mut |_| {}).unwrap();
    assert_eq!((copied.executions, copied.events), (1, 3));
    // With nothing in it, a database may get back what it had.
    commit_all(&store, vec![update(ended(ids[2], Status::Completed, today), Status::Running)]);
    commit_changes(&store, vec![delete(ids[2], Erasure::WithOthers)]);
    drop(store);
    let store = open(&url);
    assert_eq!([rows(ids[1]), rows(ids[2])], [(0, 0), (0, 0)]);
    let both = Both { store: &store, memory: there };
    both.store.commit(&workflow_store::Batch { number: store.batch().unwrap() + 1, items: Vec::new() }).unwrap();
    commit(&store, vec![item(vec![start(one(ids[1]))])]);
    assert_eq!(store.load(&[ids[1]]).unwrap()[0].as_ref().unwrap().events.len(), 2);
}

/// What changes often is written beside itself in its page, and no index is touched (`pg_stat_user_tables`).
#[test]
fn rows_that_change_often_touch_no_index() {
    const ROUNDS: u64 = 400;
    let server = Server::start();
    let url = server.database();
    let (store, today) = (open(&url), today());
    let ids: Vec<ExecutionId> = (0..50).map(|n| id(today, n)).collect();
    commit_all(&store, ids.iter().map(|id| start(one(*id))).collect());
    for seq in 3..ROUNDS + 3 {
        // The error of an attempt that is tried again, and the place where its history ends.
        let id = ids[usize::try_from(seq).unwrap() % ids.len()];
        let message = Some(format!("attempt {seq} was declined"));
        let change = update(Head { error: message, ..one(id) }, Status::Running);
        commit_all(
            &store,
            vec![Transition { parked: Some(vec![action("charge")]), ..change }, start(one(self::id(today, seq as u32 + 100)))],
        );
    }
    drop(store);
    let until = Instant::now() + Duration::from_secs(60);
    let figures = |table: &str| -> (u64, u64) {
        let sql = format!(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = 'workflow' AND relname = '{table}'"
        );
        let said = server.psql(&url, &sql);
        let (updated, hot) = said.split_once('|').unwrap();
        (updated.parse().unwrap(), hot.parse().unwrap())
    };
    // They are told when the connection has ended.
    while figures("engine").0 < ROUNDS {
        assert!(Instant::now() < until, "the figures are not told");
    }
    for table in ["engine", "counter", "execution"] {
        let (updated, hot) = figures(table);
        println!("{table}: {updated} updates, {hot} of them in their page");
        assert!(updated >= ROUNDS && hot * 100 >= updated * 95, "{table}: {updated} updates, {hot} of them in their page");
    }
}
