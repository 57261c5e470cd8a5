//! Two processes and one file; processes that die; a disk that fails.
//!
//! Each test is both sides: it runs itself again, with `STORE_TEST_PATH` set, as the other process.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use workflow_store::conformance::sample::{append, at, commit_all, completed, head, id, item, json, recorded, start, workflow};
use workflow_store::{Batch, Durability, FaultKind, Filter, OpenError, Options, Sqlite, Store};

/// The file, in the process that a test has started.
fn other_side() -> Option<PathBuf> {
    std::env::var_os("STORE_TEST_PATH").map(PathBuf::from)
}

fn other_process(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env("STORE_TEST_PATH", path).stdout(Stdio::piped());
    command
}

/// Says something to the process that started this one.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("said: {what}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// What it says, line by line; ends with the process.
fn heard(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| Some(line.split_once("said: ")?.1.to_owned()))
}

fn at_once() -> Options {
    Options { lock_wait: Duration::ZERO, ..Options::default() }
}

#[test]
fn a_second_process_is_told_who_has_the_file() {
    if let Some(path) = other_side() {
        let error = Sqlite::open(path, at_once()).expect_err("another process has the file");
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        say(&error.to_string());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, at_once()).unwrap();
    let mut child = other_process("a_second_process_is_told_who_has_the_file", &path).spawn().unwrap();
    let message = heard(&mut child).last().expect("the other process has been refused");
    assert!(child.wait().unwrap().success());
    let holder = format!("workflow.db is in use by process {} since 20", std::process::id());
    assert!(message.contains(&holder), "{message}");
    assert!(message.contains("run `workflow serve` and connect with `url`, or give each process its own file"), "{message}");
    // The one that was refused has taken nothing away.
    commit_all(&store, vec![start(head(id(1), &workflow("order")))]);
    let error = Sqlite::open(&path, at_once()).expect_err("this process has the file").to_string();
    assert!(error.contains(&format!("process {} (this one) since", std::process::id())), "{error}");
}

#[test]
fn a_reloaded_process_waits_for_its_predecessor() {
    if let Some(path) = other_side() {
        assert!(matches!(Sqlite::open(&path, at_once()), Err(OpenError::InUse { .. })));
        say("waiting");
        let options = Options { lock_wait: Duration::from_secs(60), ..Options::default() };
        let store = Sqlite::open(&path, options).unwrap();
        assert_eq!(store.batch(), Ok(1));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, at_once()).unwrap();
    commit_all(&store, vec![start(head(id(1), &workflow("order")))]);
    let mut child = other_process("a_reloaded_process_waits_for_its_predecessor", &path).spawn().unwrap();
    let mut said = heard(&mut child);
    assert_eq!(said.next().as_deref(), Some("waiting"));
    drop(store);
    assert!(child.wait().unwrap().success());
}

/// Every batch starts an execution and moves the one before.
fn commit_numbered(store: &dyn Store, number: u64) -> Result<(), workflow_store::Fault> {
    let n = u32::try_from(number).unwrap();
    let mut changes = vec![start(head(id(n), &workflow("order")))];
    if n > 1 {
        let output = json(&format!("\"{}\"", "x".repeat(8_000)));
        changes.push(append(id(n - 1), recorded(3, at(1), vec![completed(0, &output)])));
    }
    store.commit(&Batch { number, items: vec![item(changes)] }).map(drop)
}

/// Exactly the first `batches` of those are there.
fn check_numbered(store: &dyn Store, batches: u64) {
    assert_eq!(store.batch(), Ok(batches));
    let ids: Vec<_> = (1..=u32::try_from(batches).unwrap() + 1).map(id).collect();
    let loaded = store.load(&ids).unwrap();
    let events: Vec<_> = loaded.iter().map(|stored| stored.as_ref().map_or(0, |stored| stored.events.len())).collect();
    let expected: Vec<_> = (1..=batches + 1)
        .map(|n| {
            if n > batches {
                0
            } else if n == batches {
                2
            } else {
                3
            }
        })
        .collect();
    assert_eq!(events, expected);
    assert_eq!(store.counts().unwrap().iter().map(|(_, _, count)| count).sum::<u64>(), batches);
    let listed = store.executions(&Filter { limit: usize::MAX, ..Filter::default() }).unwrap().heads;
    assert_eq!(listed.len() as u64, batches);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Some(path) = other_side() {
        // A short log, so that the kill may hit a checkpoint.
        let store = Sqlite::open(path, Options { log_bytes: 1 << 20, ..Options::default() }).unwrap();
        for number in store.batch().unwrap() + 1.. {
            commit_numbered(&store, number).unwrap();
            say(&number.to_string());
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let mut before = 0;
    for lines in [1, 40, 300] {
        let mut child = other_process("what_was_acknowledged_survives_a_kill", &path).spawn().unwrap();
        let mut said = heard(&mut child);
        let mut last = said.by_ref().take(lines).last().expect("batches are committed");
        child.kill().unwrap();
        child.wait().unwrap();
        last = said.last().unwrap_or(last);
        let acknowledged: u64 = last.parse().unwrap();
        assert!(acknowledged >= before + lines as u64);
        let store = Sqlite::open(&path, at_once()).unwrap();
        let there = store.batch().unwrap();
        // The one that was being committed may be there too.
        assert!(there == acknowledged || there == acknowledged + 1, "{acknowledged} were acknowledged, {there} are there");
        check_numbered(&store, there);
        before = there;
    }
}

/// What a crash at this moment would leave.
fn crash_image(path: &Path, copy: &Path) {
    for end in ["", "-wal"] {
        let with_end = |path: &Path| {
            let mut path = path.as_os_str().to_owned();
            path.push(end);
            PathBuf::from(path)
        };
        std::fs::copy(with_end(path), with_end(copy)).unwrap();
    }
}

#[test]
fn a_crash_between_any_two_commits_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = Sqlite::open(&path, at_once()).unwrap();
    for number in 1..=30 {
        commit_numbered(&store, number).unwrap();
        if number % 5 == 0 {
            let copy = directory.path().join(format!("crashed-{number}.db"));
            crash_image(&path, &copy);
            let crashed = Sqlite::open(&copy, at_once()).unwrap();
            check_numbered(&crashed, number);
            commit_numbered(&crashed, number + 1).unwrap();
            check_numbered(&crashed, number + 1);
        }
    }
}

/// Sets the size that this process may let a file grow to.
fn limit_files(bytes: &str) {
    let limit = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &format!("--fsize={bytes}:")]).status();
    assert!(limit.expect("prlimit (util-linux) is installed").success());
}

#[test]
fn a_disk_that_fails_and_comes_back_loses_nothing() {
    if let Some(path) = other_side() {
        let log_bytes = std::env::var("STORE_TEST_LOG_BYTES").unwrap().parse().unwrap();
        let filled = 400;
        let store = Sqlite::open(&path, Options { durability: Durability::UnsafeNormal, ..at_once() }).unwrap();
        (1..=filled).for_each(|number| commit_numbered(&store, number).unwrap());
        drop(store);
        let store = Sqlite::open(&path, Options { log_bytes, ..at_once() }).unwrap();
        // Some pages more, in the file as in the log, and then no more.
        limit_files(&(std::fs::metadata(&path).unwrap().len() + 40_000).to_string());
        let fault = (filled + 1..).find_map(|number| commit_numbered(&store, number).err()).unwrap();
        assert!(matches!(fault.kind, FaultKind::Unavailable | FaultKind::Unknown), "{fault}");
        assert!(fault.is_retryable());
        assert!(fault.message.contains("the disk failed to read or write"), "{fault}");
        // Closed until it is opened afresh, and that fails as long as the disk does.
        assert_eq!(fault.message.contains("closed after a fault"), log_bytes == 65_536, "{fault}");
        let refused = commit_numbered(&store, 1).expect_err("the handles are closed");
        assert_eq!(refused.kind, FaultKind::Unavailable);
        assert!(refused.message.contains("the database was closed after a fault"), "{refused}");
        assert_eq!(store.batch().map_err(|fault| fault.kind), Err(FaultKind::Unavailable));
        limit_files("4096");
        assert_eq!(store.reopen().map_err(|fault| fault.kind), Err(FaultKind::Unavailable));
        limit_files("unlimited");
        store.reopen().unwrap();
        let there = store.batch().unwrap();
        check_numbered(&store, there);
        commit_numbered(&store, there + 1).unwrap();
        check_numbered(&store, there + 1);
        say(&there.to_string());
        return;
    }
    // A long log, whose writing fails in a commit; a short one, whose copying fails between commits.
    for log_bytes in ["67108864", "65536"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("workflow.db");
        // A process is killed for writing beyond the limit, unless it ignores the signal, as a child of this shell does.
        let inner = other_process("a_disk_that_fails_and_comes_back_loses_nothing", &path);
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
        shell.env("STORE_TEST_PATH", &path).env("STORE_TEST_LOG_BYTES", log_bytes).stdout(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        let there: u64 = heard(&mut child).last().expect("the other process has come to its end").parse().unwrap();
        assert!(child.wait().unwrap().success());
        assert!(there > 400);
        check_numbered(&Sqlite::open(&path, at_once()).unwrap(), there + 1);
    }
}

/// How often something was synced before each of 20 commits was acknowledged.
fn syncs_before_answers(durability: Durability) -> Vec<usize> {
    let directory = tempfile::tempdir().unwrap();
    let (path, trace) = (directory.path().join("workflow.db"), directory.path().join("trace"));
    let inner = other_process("every_commit_is_synced_before_it_is_acknowledged", &path);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=fsync,fdatasync,write", "-o"]).arg(&trace);
    strace.arg(inner.get_program()).args(inner.get_args()).env("STORE_TEST_PATH", &path);
    strace.env("STORE_TEST_DURABILITY", format!("{durability:?}")).stdout(Stdio::null());
    assert!(strace.status().unwrap().success());
    let (mut syncs, mut all) = (0, Vec::new());
    for line in std::fs::read_to_string(trace).unwrap().lines() {
        if line.contains("sync(") && line.ends_with("= 0") {
            syncs += 1;
        } else if line.contains("\"said: ") {
            all.push(std::mem::take(&mut syncs));
        }
    }
    // The first one says that the file is open.
    all.split_off(1)
}

#[test]
fn every_commit_is_synced_before_it_is_acknowledged() {
    if let Some(path) = other_side() {
        let normal = std::env::var("STORE_TEST_DURABILITY").unwrap() == "UnsafeNormal";
        let durability = if normal { Durability::UnsafeNormal } else { Durability::Full };
        let store = Sqlite::open(path, Options { durability, ..at_once() }).unwrap();
        say("open");
        for number in 1..=20 {
            commit_numbered(&store, number).unwrap();
            say(&number.to_string());
        }
        return;
    }
    if let Err(error) = Command::new("strace").arg("-V").output() {
        assert!(std::env::var_os("CI").is_none(), "strace is needed: {error}");
        eprintln!("left out: strace cannot be run ({error}); try 'apt-get install strace'");
        return;
    }
    let synced = syncs_before_answers(Durability::Full);
    assert_eq!(synced.len(), 20);
    assert!(synced.iter().all(|syncs| *syncs >= 1), "{synced:?}");
    // And this test would notice.
    let unsynced = syncs_before_answers(Durability::UnsafeNormal);
    assert_eq!(unsynced.len(), 20);
    assert!(unsynced[2..].iter().all(|syncs| *syncs == 0), "{unsynced:?}");
}
