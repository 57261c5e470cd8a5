//! What only SQLite has: a bounded file, a log that is used again, views for people.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use workflow_core::status::Status;
use workflow_store::conformance::released;
use workflow_store::conformance::sample::{
    append, at, commit_all, commit_changes, completed, finish, head, id, item, json, recorded, start, token, workflow,
};
use workflow_store::{Batch, Change, FaultKind, Filter, Head, Inspection, Keys, Options, Role, Sqlite, Store, Token, TokenRows};

fn person(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).map_or(0, |file| file.len())
}

/// A commit of some 100 KiB.
fn commit_much(store: &dyn Store, n: u32) -> Result<(), workflow_store::Fault> {
    let output = json(&format!("\"{}\"", "x".repeat(100_000)));
    let next = append(id(n), recorded(3, at(1), vec![completed(0, &output)]));
    let items = vec![item(vec![start(head(id(n), &workflow("order"))), next])];
    store.commit(&Batch { number: u64::from(n), items }).map(drop)
}

#[test]
fn a_full_disk_refuses_and_keeps_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, Options { file_bytes_max: Some(1 << 20), ..Options::default() }).unwrap();
    let (n, fault) = (1..).find_map(|n| commit_much(&store, n).err().map(|fault| (n, fault))).unwrap();
    assert!((5..12).contains(&n), "{n}");
    assert_eq!(fault.kind, FaultKind::Unavailable, "{fault}");
    assert!(fault.is_retryable());
    assert!(fault.message.contains("the disk is full: make room"), "{fault}");
    let committed = u64::from(n) - 1;
    let check = |store: &dyn Store| {
        assert_eq!(store.batch(), Ok(committed));
        assert_eq!(store.load(&[id(n)]), Ok(vec![None]));
        assert_eq!(store.counts(), Ok(vec![("order".to_owned(), Status::Running, committed)]));
    };
    check(&store);
    // The same handles go on: what is small still fits.
    store.reopen().unwrap();
    assert_eq!(commit_much(&store, n).map_err(|fault| fault.kind), Err(FaultKind::Unavailable));
    check(&store);
    drop(store);
    let store = Sqlite::open(&path, Options::default()).unwrap();
    check(&store);
    commit_much(&store, n).unwrap();
}

#[test]
fn the_log_is_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let limit = 1 << 20;
    let store = Sqlite::open(&path, Options { log_bytes: limit, log_bytes_max: 4 * limit, ..Options::default() }).unwrap();
    for n in 1..=200 {
        commit_much(&store, n).unwrap();
    }
    // 200 commits are 20 MiB and more.
    assert!(log_bytes(&path) < 4 * limit, "{}", log_bytes(&path));

    // Someone reads and stays: what they see must be kept, so the log grows.
    let shell = person(&path);
    shell.execute_batch("BEGIN; SELECT count(*) FROM execution").unwrap();
    for n in 201..=300 {
        commit_much(&store, n).unwrap();
    }
    assert!(log_bytes(&path) > 8 * limit, "{}", log_bytes(&path));
    let seen: i64 = shell.query_row("SELECT count(*) FROM executions", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 200);
    // Once they are gone it is used again, and cut.
    shell.execute_batch("ROLLBACK").unwrap();
    let cut = (301..=2_000).find(|n| {
        commit_much(&store, *n).unwrap();
        log_bytes(&path) <= 4 * limit
    });
    assert!(cut.is_some(), "{}", log_bytes(&path));
    drop(store);
    assert_eq!(log_bytes(&path), 0, "an orderly end leaves one file");
}

#[test]
fn a_process_that_ends_in_order_leaves_all_in_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("workflow.db"), directory.path().join("copy.db"));
    let store = Sqlite::open(&path, Options::default()).unwrap();
    released::write(&store);
    drop(store);
    std::fs::copy(&path, &copy).unwrap();
    released::check(&Sqlite::open(&copy, Options::default()).unwrap());
}

fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>| {
        let column = |n| {
            Ok(match row.get_ref(n)? {
                rusqlite::types::ValueRef::Null => "-".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            })
        };
        Ok((0..columns).map(column).collect::<rusqlite::Result<Vec<_>>>()?.join(" | "))
    };
    statement.query_map([], text).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn a_person_can_look_while_the_engine_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, Options::default()).unwrap();
    released::write(&store);
    let shell = person(&path);
    let failed = "SELECT id, workflow, version, status, started_at, completed_at, failed_step, error_code, error, wakes_at \
        FROM executions WHERE status = 'failed'";
    let expected = "order | 1 | failed | 2023-11-14T22:13:20.003Z | 2023-11-14T22:13:20.090Z | validate | declined | \
        Card 4242 declined | -";
    assert_eq!(rows(&shell, failed), [format!("{} | {expected}", id(3))]);
    let others = "SELECT status, wakes_at, parent FROM executions WHERE status <> 'failed' ORDER BY id";
    let waiting = format!("waiting | 2023-11-14T23:13:20.000Z | {}", id(1));
    assert_eq!(rows(&shell, others), ["completed | - | -", &waiting, "running | now | -"]);
    let history = format!("SELECT seq, at, type, step, attempt, data FROM history_entries WHERE execution = '{}'", id(3));
    assert_eq!(
        rows(&shell, &history),
        [
            "1 | 2023-11-14T22:13:20.003Z | start | - | - | {\"total\":12345678901234567890}",
            "2 | 2023-11-14T22:13:20.003Z | step_start | validate | 1 | -",
            "3 | 2023-11-14T22:13:20.090Z | step_fail | validate | 1 | {\"code\":\"declined\",\"message\":\"Card 4242 declined\",\"stack\":\"at charge\"}",
            "4 | 2023-11-14T22:13:20.090Z | fail | - | - | {\"code\":\"declined\",\"message\":\"Card 4242 declined\",\"stack\":\"at charge\"}",
        ]
    );
    // A long payload is shown where it belongs.
    let long = format!("SELECT data ->> 'text' FROM history_entries WHERE execution = '{}' AND seq = 3", id(5));
    assert_eq!(rows(&shell, &long), ["long ".repeat(1_500)]);
    let workflows = "SELECT id, newest_version, deleted_at, executions FROM workflows ORDER BY id";
    assert_eq!(
        rows(&shell, workflows),
        [
            "gone | 1 | 2023-11-14T22:13:20.005Z | {}",
            "order | 2 | - | {\"completed\":1,\"failed\":1,\"running\":1,\"waiting\":1}"
        ]
    );
}

/// The plan of every list is a range of an index: no table is scanned, nothing is sorted.
#[test]
fn lists_and_timers_are_ranges_of_indexes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let _store = Sqlite::open(&path, Options::default()).unwrap();
    let shell = person(&path);
    for sql in [
        "SELECT id, key FROM execution WHERE id BETWEEN x'00' AND x'ff' ORDER BY id DESC LIMIT 50",
        "SELECT id, key FROM execution WHERE status = 'failed' AND workflow = 1 AND id BETWEEN x'00' AND x'ff' ORDER BY id DESC",
        "SELECT wake_at, id FROM execution WHERE wake_at IS NOT NULL AND wake_at <= 9 AND (wake_at, id) > (0, x'00') \
            ORDER BY wake_at, id LIMIT 100",
        "SELECT min(wake_at) FROM execution WHERE wake_at IS NOT NULL AND wake_at > 5",
        "SELECT id FROM parked WHERE action = 'a' AND id > x'00' ORDER BY id LIMIT 10",
    ] {
        let plan = rows(&shell, &format!("EXPLAIN QUERY PLAN {sql}")).join("\n");
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("B-TREE"), "{sql}\n{plan}");
    }
    let person = rows(&shell, "EXPLAIN QUERY PLAN SELECT * FROM executions WHERE status = 'failed'").join("\n");
    assert!(person.contains("USING INDEX execution_list (status=?)"), "{person}");
    let history = "EXPLAIN QUERY PLAN SELECT * FROM history_entries WHERE execution = 'exec_1' ORDER BY seq";
    let history = rows(&shell, history).join("\n");
    assert!(history.contains("SEARCH h USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"), "{history}");
}

#[test]
fn the_newest_failed_are_found_among_many() {
    let store = Sqlite::open(":memory:", Options::default()).unwrap();
    let workflows: Vec<_> = (0..40).map(|n| workflow(&format!("w{n}"))).collect();
    let of = |n: u32| head(id(n), &workflows[n as usize % 40]);
    commit_all(&store, (1..=4_000).map(|n| start(of(n))).collect());
    let end = |n: u32| {
        let status = if n.is_multiple_of(10) || n == 17 { Status::Failed } else { Status::Completed };
        finish(Head { status, wake_at: None, completed_at: Some(at(5_000)), ..of(n) })
    };
    commit_all(&store, (1..=4_000).map(end).collect());
    let failed = |before, limit| {
        let filter = Filter { statuses: vec![Status::Failed], before, limit, ..Filter::default() };
        store.executions(&filter).unwrap().heads.into_iter().map(|head| head.id).collect::<Vec<_>>()
    };
    assert_eq!(failed(None, 50), (0..50).map(|n| id(4_000 - n * 10)).collect::<Vec<_>>());
    assert_eq!(failed(Some(id(20)), 50), [id(17), id(10)]);
    assert_eq!(failed(None, 1_000).len(), 401);
}

fn put(token: Token) -> Change {
    Change::PutToken(Box::new(token))
}

fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// A bit in the row of a token was answered as if it had been written: a reader could have become an admin.
#[test]
fn a_token_whose_row_was_changed_is_told_apart_from_the_others_until_it_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let third = "WHERE id = '0000000000000003'";
    for (set, why) in [
        ("name = 'billinh'", "checksum differs"),
        ("name = 'wf_x'", "column `name`: `wf_x` is not a valid token name"),
        ("role = 'admin'", "checksum differs"),
        ("role = 'wosker'", "column `role`: `wosker` is no role"),
        ("sha256 = CAST(x'02' || substr(sha256, 2) AS BLOB)", "checksum differs"),
        ("sha256 = x'02'", "32"),
        ("created_at = created_at + 1", "checksum differs"),
        ("revoked_at = 7", "checksum differs"),
        ("seal = seal + 1", "checksum differs"),
        ("id = '0000000000000013'", "checksum differs"),
        ("id = '000000000000000X'", "column `id`: `000000000000000X` is not a token's id"),
    ] {
        for file in std::fs::read_dir(directory.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        let store = Sqlite::open(&path, Options::default()).unwrap();
        commit_changes(&store, vec![put(token(1, false)), put(token(2, true)), put(token(3, false))]);
        assert_eq!(store.tokens().and_then(TokenRows::whole).unwrap().len(), 3);
        drop(store);
        change(&path, &format!("UPDATE token SET {set} {third}"));

        let inspected = Inspection::open(&path, &Keys::default()).unwrap().tokens().unwrap();
        let store = Sqlite::open(&path, Options::default()).unwrap();
        let rows = store.tokens().unwrap();
        assert_eq!(inspected, rows, "{set}");
        assert_eq!(rows.sound, [token(1, false), token(2, true)], "{set}");
        let [damaged] = &rows.damaged[..] else { panic!("{set}: {:?}", rows.damaged) };
        assert!(damaged.why.contains(why), "{set}: {}", damaged.why);
        let fault = rows.clone().whole().unwrap_err();
        assert_eq!(fault.kind, FaultKind::Corrupt, "{set}");
        assert!(fault.message.contains("make its holder another one"), "{fault}");

        let Some(revoked) = damaged.revoked(at(9)) else {
            assert!(damaged.id.ends_with('X') && fault.message.contains("delete its row"), "{set}: {fault}");
            continue;
        };
        assert!(!revoked.is_live() && revoked.sha256 != token(3, false).sha256, "{set}");
        commit_changes(&store, vec![put(revoked.clone())]);
        assert_eq!(store.tokens().and_then(TokenRows::whole), Ok(vec![token(1, false), token(2, true), revoked]), "{set}");
    }
}

/// Rows of schemas without seals of tokens are read as they are, and have one once they are written again.
#[test]
fn a_token_of_an_earlier_version_is_read_as_it_is_until_it_is_written_again() {
    for schema in 4..=6 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("workflow.db");
        let released = format!("../../testdata/databases/schema-{schema:04}.sqlite");
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(released), &path).unwrap();
        change(
            &path,
            "INSERT INTO token VALUES ('0000000000000001', 'deploy', 'operator', zeroblob(32), 1, NULL), \
             ('0000000000000002', 'ops', 'admin', zeroblob(32), 2, NULL)",
        );
        let file = Inspection::open(&path, &Keys::default()).unwrap();
        assert_eq!((file.schema(), file.tokens().unwrap().sound.len()), (schema, 2));
        drop(file);
        let store = Sqlite::open(&path, Options::default()).unwrap();
        let tokens = store.tokens().and_then(TokenRows::whole).unwrap();
        assert_eq!(tokens.iter().map(|token| token.role).collect::<Vec<_>>(), [Role::Operator, Role::Admin]);
        commit_changes(&store, vec![put(Token { revoked_at: Some(at(5)), ..tokens[0].clone() })]);
        drop(store);
        let file = Inspection::open(&path, &Keys::default()).unwrap();
        let unsealed = file.protection().unwrap().unsealed;
        drop(file);
        change(&path, "UPDATE token SET created_at = created_at + 1");
        let file = Inspection::open(&path, &Keys::default()).unwrap();
        let rows = file.tokens().unwrap();
        assert_eq!((rows.sound.len(), rows.damaged[0].name.as_str()), (1, "deploy"), "the other has no seal yet");
        assert_eq!(file.protection().unwrap().unsealed, unsealed);
        drop(file);
        change(&path, "DELETE FROM token WHERE name = 'ops'");
        assert_eq!(Inspection::open(&path, &Keys::default()).unwrap().protection().unwrap().unsealed, unsealed - 1);
    }
}
