//! Events between their commit and `history`: nobody can tell where they lie.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OpenFlags};
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_store::conformance::sample::{
    append, at, begun, commit_all, completed, finish, head, id, json, recorded, start, workflow,
};
use workflow_store::{Batch, FaultKind, Head, Item, Options, Sqlite, Store, Texts, Transition};

fn rows(path: &Path, sql: &str) -> Vec<String> {
    let person = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = person.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

fn count(path: &Path, table: &str) -> u64 {
    rows(path, &format!("SELECT CAST(count(*) AS TEXT) FROM {table}"))[0].parse().unwrap()
}

/// What a person sees of a history.
fn entries(path: &Path, id: ExecutionId) -> Vec<String> {
    let sql = format!(
        "SELECT concat_ws(' ', seq, at, type, step, attempt, data) FROM history_entries WHERE execution = '{id}' ORDER BY seq"
    );
    rows(path, &sql)
}

fn step(n: u32, seq: u64, ms: i64) -> Transition {
    append(id(n), recorded(seq, at(ms), vec![completed(0, &json(&format!("[{seq}]"))), begun(1)]))
}

fn completed_head(n: u32) -> Head {
    Head { status: Status::Completed, wake_at: None, completed_at: Some(at(99)), ..head(id(n), &workflow("order")) }
}

fn seqs(store: &dyn Store, id: ExecutionId) -> Vec<u64> {
    store.history(id, 0, usize::MAX, Texts::Read).unwrap().unwrap().events.iter().map(|recorded| recorded.seq).collect()
}

#[test]
fn an_execution_that_has_ended_is_one_row_and_looks_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, Options::default()).unwrap();
    commit_all(&store, vec![start(head(id(1), &workflow("order")))]);
    commit_all(&store, vec![step(1, 3, 10)]);
    commit_all(&store, vec![step(1, 5, 10)]);
    commit_all(&store, vec![step(1, 7, 8)]);
    assert_eq!(count(&path, "history"), 0, "nothing has ended");
    let (under_way, events) = (entries(&path, id(1)), store.history(id(1), 0, 100, Texts::Read));
    assert_eq!(under_way.len(), 8);
    commit_all(&store, vec![Transition { events: recorded(9, at(20), vec![]), ..finish(completed_head(1)) }]);
    assert_eq!(count(&path, "history"), 1);
    assert_eq!(entries(&path, id(1)), under_way);
    assert_eq!(store.history(id(1), 0, 100, Texts::Read), events);
    store.rest().unwrap();
    assert_eq!((count(&path, "recent"), entries(&path, id(1))), (0, under_way));
}

#[test]
fn at_rest_everything_is_in_history() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, Options::default()).unwrap();
    for n in 1..=10 {
        commit_all(&store, vec![start(head(id(n), &workflow("order"))), step(n, 3, 5)]);
    }
    let before = entries(&path, id(7));
    store.rest().unwrap();
    assert_eq!((count(&path, "recent"), count(&path, "history")), (0, 10));
    assert_eq!(entries(&path, id(7)), before);
    assert_eq!(store.batch(), Ok(10));
    // Nothing to do the second time, and it goes on from there.
    store.rest().unwrap();
    commit_all(&store, vec![step(7, 5, 6)]);
    assert_eq!(seqs(&store, id(7)), (1..=6).collect::<Vec<_>>());
    drop(store);
    assert_eq!((count(&path, "recent"), count(&path, "history")), (0, 11), "a file that is closed in order is tidy");
}

/// Executions that take long must not make the table grow, nor keep what came after them in it.
#[test]
fn the_table_stays_short() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let recent_bytes_max = 4_000;
    let store = Sqlite::open(&path, Options { recent_bytes_max, ..Options::default() }).unwrap();
    let order = workflow("order");
    commit_all(&store, vec![start(head(id(1), &order))]);
    for n in 2..=400 {
        commit_all(&store, vec![start(head(id(n), &order)), step(n, 3, 5)]);
        if n % 2 == 0 {
            commit_all(&store, vec![Transition { events: recorded(5, at(9), vec![begun(2)]), ..finish(completed_head(n)) }]);
        }
    }
    let bytes: u64 = rows(&path, "SELECT CAST(sum(length(entries)) AS TEXT) FROM recent")[0].parse().unwrap();
    // Rows are deleted some at a time.
    assert!((1..3 * recent_bytes_max).contains(&bytes), "{bytes}");
    assert!(count(&path, "recent") < 100, "{}", count(&path, "recent"));
    for n in 2..=400 {
        let expected: Vec<u64> = if n % 2 == 0 { (1..=5).collect() } else { (1..=4).collect() };
        assert_eq!(seqs(&store, id(n)), expected, "{n}");
    }
    assert_eq!(seqs(&store, id(1)), [1, 2]);
    commit_all(&store, vec![step(1, 3, 9)]);
    assert_eq!(seqs(&store, id(1)), [1, 2, 3, 4]);
}

/// The batch that does not fit is taken back as a whole: also what it had moved.
#[test]
fn what_a_refused_batch_had_moved_stays_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, Options { file_bytes_max: Some(1 << 20), ..Options::default() }).unwrap();
    let order = workflow("order");
    commit_all(&store, vec![start(head(id(1), &order)), start(head(id(2), &order)), step(1, 3, 5)]);
    let too_much = json(&format!("\"{}\"", "x".repeat(2 << 20)));
    let ended = Transition { events: recorded(5, at(9), vec![completed(1, &json("1"))]), ..finish(completed_head(1)) };
    let full = append(id(2), recorded(3, at(9), vec![completed(0, &too_much)]));
    let changes =
        vec![ended.clone(), full].into_iter().map(|transition| workflow_store::Change::Transition(Box::new(transition)));
    let batch = Batch { number: 2, items: vec![Item { claim: None, changes: changes.collect() }] };
    let fault = store.commit(&batch).expect_err("2 MiB do not fit into one");
    assert_eq!(fault.kind, FaultKind::Unavailable, "{fault}");
    assert_eq!((seqs(&store, id(1)), count(&path, "history")), (vec![1, 2, 3, 4], 0));
    commit_all(&store, vec![ended]);
    assert_eq!((seqs(&store, id(1)), seqs(&store, id(2)), count(&path, "history")), ((1..=5).collect(), vec![1, 2], 1));
}

/// Who reads sees everything that was durable when they began, without gaps, while it moves under their eyes.
#[test]
fn readers_miss_nothing_while_events_move() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { durability: workflow_store::Durability::UnsafeNormal, recent_bytes_max: 2_000, ..Options::default() };
    let store = Sqlite::open(directory.path().join("workflow.db"), options).unwrap();
    let order = workflow("order");
    commit_all(&store, (1..=4).map(|n| start(head(id(n), &order))).collect());
    let durable: Vec<AtomicU64> = (0..4).map(|_| AtomicU64::new(2)).collect();
    let end = 1_200;
    std::thread::scope(|scope| {
        for reader in 0..2 {
            let (store, durable) = (&store, &durable);
            scope.spawn(move || {
                let ids: Vec<ExecutionId> = (1..=4).map(id).collect();
                loop {
                    let at_least: Vec<u64> = durable.iter().map(|seq| seq.load(Ordering::Acquire)).collect();
                    let found: Vec<Vec<u64>> = if reader == 0 {
                        ids.iter().map(|id| seqs(store, *id)).collect()
                    } else {
                        let loaded = store.load(&ids).unwrap().into_iter();
                        loaded.map(|stored| stored.unwrap().events.iter().map(|recorded| recorded.seq).collect()).collect()
                    };
                    for (found, at_least) in found.iter().zip(&at_least) {
                        assert_eq!(*found, (1..=found.len() as u64).collect::<Vec<_>>());
                        assert!(found.len() as u64 >= *at_least, "{} of {at_least}", found.len());
                    }
                    if at_least.iter().all(|seq| *seq >= end) {
                        return;
                    }
                }
            });
        }
        for seq in (3..=end).step_by(2) {
            commit_all(&store, (1..=4).map(|n| step(n, seq, 5)).collect());
            for durable in &durable {
                durable.store(seq + 1, Ordering::Release);
            }
            if seq % 101 == 0 {
                store.rest().unwrap();
            }
        }
    });
}
