//! Files that cannot be opened, and what a person is told.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use workflow_core::status::Status;
use workflow_store::conformance::sample::{
    append, at, claimed, commit, commit_all, commit_changes, completed, finish, head, id, json, recorded, start, workflow,
};
use workflow_store::{
    Change, ClaimKind, Deletable, Deletion, Erasure, Filter, Head, Inspection, Keys, Memory, OpenError, Options, Sqlite, Store,
    Texts,
};

/// Options that do not wait for a predecessor.
fn at_once() -> Options {
    Options { lock_wait: Duration::ZERO, ..Options::default() }
}

fn refused(path: &Path) -> OpenError {
    Sqlite::open(path, at_once()).expect_err("the file cannot be opened")
}

/// A database with some executions, closed.
fn database(directory: &Path) -> PathBuf {
    let path = directory.join("workflow.db");
    let store = Sqlite::open(&path, at_once()).unwrap();
    let order = workflow("order");
    for n in 1..=200 {
        let output = json(&format!("\"{}\"", "z".repeat(3_000)));
        let next = append(id(n), recorded(3, at(1), vec![completed(0, &output)]));
        commit_all(&store, vec![start(head(id(n), &order)), next]);
    }
    path
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no/such/workflow.db");
    let error = refused(&path);
    assert!(matches!(error, OpenError::NoDirectory { .. }), "{error}");
    assert!(error.to_string().contains("no/such; create it, or choose another file"), "{error}");
}

#[test]
fn a_directory_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::IsDirectory { .. }), "{error}");
    assert!(error.to_string().contains("give the name of a file in it"), "{error}");
}

#[test]
fn what_is_no_database_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    let text = "not a database, but long enough to be looked at as one\n".repeat(40);
    fs::write(&path, &text).unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    assert!(error.to_string().contains("is not a workflow.do database (it is no SQLite file"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_database_of_another_program_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("places.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE bookmark (url TEXT); PRAGMA user_version = 7").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    assert!(error.to_string().contains("a SQLite file of another program"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_a_newer_version_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = database(directory.path());
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 42; PRAGMA journal_mode = DELETE").unwrap();
    drop(newer);
    let before = fs::read(&path).unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Newer { found: 42, known: Inspection::NEWEST_SCHEMA, .. }), "{error}");
    assert!(error.to_string().contains("run that version, or a newer one"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_cut_short_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = database(directory.path());
    let bytes = fs::metadata(&path).unwrap().len();
    fs::File::options().write(true).open(&path).unwrap().set_len(bytes / 2).unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("copy it aside together with"), "{error}");
}

#[test]
fn damage_found_later_is_a_fault_that_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = database(directory.path());
    // All but the first page, which the opening reads.
    let mut bytes = fs::read(&path).unwrap();
    bytes[8_192..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let message = match Sqlite::open(&path, at_once()) {
        Err(error @ OpenError::Damaged { .. }) => error.to_string(),
        Err(error) => panic!("damage is reported as such: {error}"),
        Ok(store) => {
            let fault = store.load(&[id(1)]).expect_err("nothing can be read");
            assert_eq!(fault.kind, workflow_store::FaultKind::Corrupt, "{fault}");
            fault.to_string()
        }
    };
    assert!(message.contains("aside") && message.contains(".recover"), "{message}");
}

/// Runs this test again as a user who is not root: root may write everywhere.
fn as_another_user(test: &str, path: &Path) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env("STORE_TEST_PATH", path);
    // A build directory below a private home cannot be run by others; then the permissions are tried by its owner.
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().expect("the test can be run by another user");
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

#[test]
fn a_file_that_may_only_be_read_is_named() {
    if let Some(path) = std::env::var_os("STORE_TEST_PATH") {
        let error = refused(Path::new(&path));
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
        assert!(error.to_string().contains("make file and directory writable for the user it runs as"), "{error}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = database(directory.path());
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    // The file: SQLite would open it quietly, and fail at the first write.
    mode(directory.path(), 0o777);
    mode(&directory.path().join("workflow.db.lock"), 0o666);
    mode(&path, 0o444);
    as_another_user("a_file_that_may_only_be_read_is_named", &path);
    // The directory.
    fs::remove_file(directory.path().join("workflow.db.lock")).unwrap();
    mode(&path, 0o666);
    mode(directory.path(), 0o555);
    as_another_user("a_file_that_may_only_be_read_is_named", &path);
    mode(directory.path(), 0o777);
}

#[test]
fn a_link_has_the_lock_of_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = database(directory.path());
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let _store = Sqlite::open(&path, at_once()).unwrap();
    assert!(matches!(refused(&link), OpenError::InUse { .. }));
}

fn released(schema: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../testdata/databases/schema-{schema:04}.sqlite"))
}

/// One of each schema, the newest too. From the second on they are copies of a file in use, so that a crash had left them.
#[test]
fn files_of_all_releases_open_and_go_on() {
    let directory = tempfile::tempdir().unwrap();
    if std::env::var_os("UPDATE_TESTDATA").is_some() {
        let (path, copy) = (directory.path().join("released.db"), directory.path().join("copy.db"));
        let store = Sqlite::open(&path, at_once()).unwrap();
        workflow_store::conformance::released::write(&store);
        let file = rusqlite::Connection::open(&path).unwrap();
        file.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        // 40 pages of 8 KiB, nearly empty, would be much for a repository.
        let file = rusqlite::Connection::open(&copy).unwrap();
        file.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM; PRAGMA journal_mode = WAL").unwrap();
        drop(file);
        fs::copy(copy, released(Inspection::NEWEST_SCHEMA)).unwrap();
    }
    for schema in 1..=Inspection::NEWEST_SCHEMA {
        // A copy: opening a file writes to it.
        let path = directory.path().join("workflow.db");
        fs::copy(released(schema), &path)
            .unwrap_or_else(|error| panic!("a file of schema {schema}, made with UPDATE_TESTDATA=1 before the release: {error}"));
        assert_eq!(Inspection::open(&path, &Keys::default()).unwrap().schema(), schema);
        let memory = Memory::new();
        workflow_store::conformance::released::write(&memory);
        let store = Sqlite::open(&path, at_once()).unwrap();
        workflow_store::conformance::released::check(&store);
        go_on(&store);
        go_on(&memory);
        assert_same(&store, &memory);
        drop(store);
        assert_same(&Sqlite::open(&path, at_once()).unwrap(), &memory);
        let file = Inspection::open(&path, &Keys::default()).unwrap();
        assert_eq!((file.schema(), file.damages(10)), (Inspection::NEWEST_SCHEMA, Vec::new()), "from schema {schema}");
        assert_eq!(file.differences(), Ok(Vec::new()), "from schema {schema}: it is as a new file of this version would be");
        assert_eq!(file.strays(10).unwrap().len(), 0);
    }
}

/// What was there goes on and ends, something new begins, and what has ended is deleted, with its key.
fn go_on(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, vec![start(head(id(40), &order)), start(head(id(41), &order))]);
    let done = Head { status: Status::Completed, wake_at: None, completed_at: Some(at(95)), ..head(id(40), &order) };
    commit_all(store, vec![finish(done)]);
    let again = claimed("first", vec![id(42)], vec![start(head(id(42), &order))]);
    assert_eq!(commit(store, vec![again]).taken.len(), 1, "the key is held by what the earlier version started");
    let which = Deletable::EndedUntil(at(1_000));
    let delete = |n| Change::Delete(Deletion { id: id(n), which, erasure: Erasure::AtOnce });
    commit_changes(store, vec![delete(1), delete(3), delete(40), delete(41)]);
    let again = claimed("first", vec![id(43)], vec![start(head(id(43), &order))]);
    assert_eq!(commit(store, vec![again]).taken, [], "with that its key is free");
}

fn assert_same(store: &dyn Store, memory: &Memory) {
    let ids: Vec<_> = (1..=45).map(id).collect();
    assert_eq!(store.batch(), memory.batch());
    assert_eq!(store.load(&ids), memory.load(&ids));
    for id in &ids {
        assert_eq!(store.history(*id, 0, 100, Texts::Read), memory.history(*id, 0, 100, Texts::Read));
    }
    let all = Filter { limit: 100, ..Filter::default() };
    assert_eq!(store.executions(&all), memory.executions(&all));
    assert_eq!(store.counts(), memory.counts());
    assert_eq!(store.definitions(), memory.definitions());
    assert_eq!(store.endpoints(), memory.endpoints());
    let claim = |store: &dyn Store| store.claim(ClaimKind::IdempotencyKey, "order", "first");
    assert_eq!(claim(store), claim(memory));
}

/// The file that is opened holds events that had not come into `history` when the process was killed.
#[test]
fn the_newest_released_file_is_one_that_a_crash_left() {
    let file = released(Inspection::NEWEST_SCHEMA);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    fs::copy(file, &path).unwrap();
    let person = rusqlite::Connection::open(&path).unwrap();
    let count =
        |table: &str| -> i64 { person.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap() };
    let before = count("history");
    assert!(count("recent") > 0);
    drop(Sqlite::open(&path, at_once()).unwrap());
    assert_eq!(count("recent"), 0);
    assert!(count("history") > before);
}
