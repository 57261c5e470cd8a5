//! `check` finds nothing in a file that an engine has written, whatever happened to it, and names each damage that is done to one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rig::{ORDER, ORDER_ACTIONS, Rig, completed, failed, id, key};
use rusqlite::Connection;
use workflow_core::command::Outcome;
use workflow_core::failure::Failure;
use workflow_core::id::{ExecutionId, TokenName};
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_engine::Options;
use workflow_engine::check::{Kind, Report, check};
use workflow_engine::ring::message::Input;
use workflow_engine::token::{self, TokenRequest};
use workflow_store::{Inspection, Keys, OpenError, Role, Sqlite};

const NAP: &str = r#"{"id":"nap","steps":[{"id":"nap","action":"noop","wait":"1h"}],
    "triggers":[{"event":"Customer.created"}]}"#;
const REPORT: &str = r#"{"id":"report","timeout":"1h","steps":[{"id":"write","action":"write","maxRetries":1},
    {"id":"file","action":"file","dependsOn":["write"]}]}"#;
const QUEUE: &str = r#"{"id":"queue","steps":[{"id":"wait","action":"nobody"}]}"#;
const FINDINGS_MAX: usize = 1_000;

/// One execution of each kind.
struct Kinds {
    completed: ExecutionId,
    failed: ExecutionId,
    cancelled: ExecutionId,
    paused: ExecutionId,
    sleeping: ExecutionId,
    running: ExecutionId,
    /// Its step has failed, and is tried again.
    retrying: ExecutionId,
    /// Its input and an output have rows of their own; the execution runs.
    long: ExecutionId,
    /// At rest, with a row that says what it wants.
    parked: ExecutionId,
    keyed: ExecutionId,
}

fn long_text() -> String {
    format!("\"{}\"", "long ".repeat(2_000))
}

/// An engine that has it all, and is in the middle of some.
fn everything(path: &Path) -> (Rig, Kinds) {
    let options = Options { resident_bytes_max: 60_000, ..Options::default() };
    let mut rig = Rig::with(Sqlite::open(path, workflow_store::Options::default()).unwrap(), options);
    for definition in [ORDER, NAP, REPORT, QUEUE] {
        rig.define(definition);
    }
    // A version that is not the newest.
    rig.define(&REPORT.replace("1h", "2h"));
    rig.provide_all(&ORDER_ACTIONS, 64);
    rig.provide_all(&["write", "file"], 64);
    let request = TokenRequest { name: TokenName::new("ops").unwrap(), role: Role::Admin, admin_elsewhere: false };
    let (token, _) = token::make(&request, Timestamp::from_millis(7)).unwrap();
    let mut made = rig.ask(|reply| Input::CreateToken { token: Box::new(token), admin_elsewhere: false, reply });
    rig.settle();
    made.now().unwrap();
    let completed_one = rig.start("order-processing", "{}");
    let failed_one = rig.start("order-processing", "{}");
    let refuse = Outcome::Failed { failure: Failure { retryable: false, ..Failure::new("card declined") }, retry_after: None };
    rig.run(|task| match (task.execution == failed_one, task.step_id.as_str()) {
        (true, "charge") => refuse.clone(),
        _ => completed(r#"{"ok":true}"#),
    });
    let cancelled = rig.start("order-processing", "{}");
    rig.control(cancelled, Control::Cancel).unwrap();
    let paused = rig.start("order-processing", "{}");
    rig.control(paused, Control::Pause).unwrap();
    rig.finish(paused, "validate", completed("1"));
    let sleeping = rig.start("nap", "{}");
    let retrying = rig.start("report", "{}");
    rig.finish(retrying, "write", failed("no paper"));
    let long = rig.start("report", &format!("{{\"text\":{}}}", long_text()));
    rig.finish(long, "write", completed(&long_text()));
    let mut keyed = rig.start_with("nap", "{}", key("once"));
    let mut event = rig.event("Customer.created", "{}", key("evt_1"));
    rig.settle();
    let (keyed, _) = (id(&keyed.now().unwrap()), event.now().unwrap());
    let queued: Vec<ExecutionId> = (0..200).map(|_| rig.start("queue", "{}")).collect();
    rig.settle();
    let parked = queued.into_iter().rev().find(|id| rig.wake_at(*id).is_none()).expect("memory was too small for all of them");
    let running = rig.start("order-processing", "{}");
    rig.finish(running, "validate", completed("1"));
    let statuses =
        [completed_one, failed_one, cancelled, paused, sleeping, running, retrying, long, parked].map(|id| rig.status(id));
    let expected = [
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
        Status::Paused,
        Status::Waiting,
        Status::Running,
        Status::Waiting,
        Status::Running,
        Status::Pending,
    ];
    assert_eq!(statuses, expected);
    let (completed, failed) = (completed_one, failed_one);
    (rig, Kinds { completed, failed, cancelled, paused, sleeping, running, retrying, long, parked, keyed })
}

/// The file as a crash leaves it: with its log, and with events that are not in `history` yet.
fn crashed(from: &Path, to: &Path) -> PathBuf {
    let path = to.join("workflow.db");
    fs::copy(from, &path).unwrap();
    fs::copy(from.with_extension("db-wal"), path.with_extension("db-wal")).unwrap();
    path
}

fn checked(path: &Path) -> Report {
    check(&Inspection::open(path, &Keys::default()).unwrap(), FINDINGS_MAX)
}

fn sound(path: &Path) -> Report {
    let report = checked(path);
    assert!(report.is_sound(), "{:#?}", report.findings);
    report
}

#[test]
fn a_file_of_every_kind_of_execution_is_sound_closed_and_after_a_crash() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("workflow.db");
    let (rig, _) = everything(&path);
    let after_crash = sound(&crashed(&path, other.path()));
    assert!(
        Connection::open(other.path().join("workflow.db"))
            .unwrap()
            .query_row("SELECT count(*) FROM recent", [], |row| row.get::<_, i64>(0))
            .unwrap()
            > 0
    );
    drop(rig);
    let closed = sound(&path);
    assert_eq!(closed.checked.executions, 210);
    assert_eq!((closed.checked.definitions, closed.checked.payloads, closed.checked.claims), (5, 2, 2));
    assert!(closed.checked.parked > 50, "{closed:?}");
    assert_eq!(after_crash.checked.events, closed.checked.events);
}

/// What whoever looks leaves beside the file, the engine may not be able to open; and a log that was copied into the file is no
/// evidence any more.
#[test]
fn nothing_is_written_to_a_file_that_a_crash_left_nor_beside_it() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("workflow.db");
    let (rig, _) = everything(&path);
    let crashed = crashed(&path, other.path());
    let files = || {
        let files = fs::read_dir(other.path()).unwrap().map(|file| file.unwrap().path());
        files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect::<BTreeSet<_>>()
    };
    let before = files();
    assert_eq!(before.len(), 2);
    sound(&crashed);
    assert!(files() == before, "{:?}", fs::read_dir(other.path()).unwrap().collect::<Vec<_>>());
    drop(rig);
    // One without a log: none is made.
    fs::remove_file(crashed.with_extension("db-wal")).unwrap();
    fs::copy(&path, &crashed).unwrap();
    let before = files();
    sound(&crashed);
    assert!(files() == before && before.len() == 1);
}

#[test]
fn a_file_that_an_engine_has_open_is_refused_and_an_engine_is_refused_while_it_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let (rig, _) = everything(&path);
    assert!(matches!(Inspection::open(&path, &Keys::default()), Err(OpenError::InUse { .. })));
    drop(rig);
    let inspection = Inspection::open(&path, &Keys::default()).unwrap();
    let at_once = workflow_store::Options { lock_wait: Duration::ZERO, ..workflow_store::Options::default() };
    let refused = Sqlite::open(&path, at_once.clone()).unwrap_err();
    assert!(matches!(&refused, OpenError::InUse { holder: Some(holder), .. } if holder.pid == std::process::id()), "{refused}");
    drop(inspection);
    Sqlite::open(&path, at_once).unwrap();
}

/// A damage: what is done, and what is found then, of which execution.
struct Damage {
    sql: String,
    of: Option<ExecutionId>,
    kinds: &'static [Kind],
    says: &'static str,
}

fn hex(id: ExecutionId) -> String {
    id.to_string().replace("exec_", "")
}

fn row(id: ExecutionId) -> String {
    format!("id = x'{}'", hex(id))
}

fn number(id: ExecutionId) -> String {
    format!("(SELECT key FROM execution WHERE {})", row(id))
}

fn history(id: ExecutionId) -> String {
    format!("place >> 24 = {}", number(id))
}

fn other(of: Option<ExecutionId>, sql: String, kinds: &'static [Kind], says: &'static str) -> Damage {
    Damage { sql, of, kinds, says }
}

fn head(id: ExecutionId, set: &str, kinds: &'static [Kind], says: &'static str) -> Damage {
    other(Some(id), format!("UPDATE execution SET {set} WHERE {}", row(id)), kinds, says)
}

fn events(id: ExecutionId, set: &str, says: &'static str) -> Damage {
    other(Some(id), format!("UPDATE history SET {set} WHERE {}", history(id)), &[Kind::HistoryBroken], says)
}

const HEAD: &[Kind] = &[Kind::HeadDiffers];
const LATE: &[Kind] = &[Kind::WakesTooLate];
const PAYLOAD: &[Kind] = &[Kind::PayloadBroken];
const CLAIM: &[Kind] = &[Kind::ClaimBroken];
const PARKED: &[Kind] = &[Kind::ParkedDiffers];

fn damages(kinds: &Kinds) -> Vec<Damage> {
    [of_histories(kinds), of_heads(kinds), of_payloads_and_what_is_wanted(kinds), of_the_rest(kinds)]
        .into_iter()
        .flatten()
        .collect()
}

fn of_histories(kinds: &Kinds) -> Vec<Damage> {
    vec![
        events(kinds.completed, "events = json_remove(events, '$[2]')", "event 1 is missing"),
        events(kinds.completed, "events = replace(events, '[\"begin\",1,1', '[\"begin\",1,2')", "cannot happen in Active"),
        events(kinds.completed, "events = replace(events, '\"start\"', '\"strat\"')", "strat"),
        events(kinds.completed, "events = substr(events, 1, 40)", "history up to event"),
        events(kinds.completed, "form = 9", "form 9 is not known to this version"),
        other(
            Some(kinds.cancelled),
            format!("DELETE FROM history WHERE {}", history(kinds.cancelled)),
            &[Kind::HistoryBroken],
            "it is empty",
        ),
    ]
}

fn of_heads(kinds: &Kinds) -> Vec<Damage> {
    vec![
        head(kinds.running, "status = 'completed'", &[Kind::HeadDiffers, Kind::CounterDiffers], "gives \"running\""),
        head(kinds.completed, "status = 'failed'", &[Kind::HeadDiffers, Kind::CounterDiffers], "gives \"completed\""),
        head(kinds.completed, "completed_at = completed_at + 1", HEAD, "completed_at"),
        head(kinds.running, "completed_at = 7", HEAD, "completed_at 7, its history gives null"),
        head(kinds.completed, "steps_completed = 4", HEAD, "steps_completed 4, its history gives 5"),
        head(kinds.failed, "failed_step = 'validate'", HEAD, "failed_step \"validate\", its history gives \"charge\""),
        head(kinds.failed, "error = NULL", HEAD, "error null, its history gives \"card declined\""),
        head(kinds.sleeping, "started_at = started_at + 1", HEAD, "started_at"),
        head(kinds.sleeping, "triggered_by = 'event'", HEAD, "triggered_by \"event\", its history gives \"manual\""),
        head(kinds.retrying, "version = 1", &[Kind::HeadDiffers, Kind::CounterDiffers], "version 1, its history gives 2"),
        head(kinds.retrying, "version = 3", &[Kind::DefinitionMissing, Kind::CounterDiffers], "version 3 of workflow `report`"),
        head(
            kinds.retrying,
            "retrying = NULL",
            &[Kind::HeadDiffers, Kind::CounterDiffers],
            "the index of failures does not lead to it",
        ),
        head(kinds.sleeping, "retrying = 1", HEAD, "retrying true, its history gives false"),
        head(kinds.failed, "steps_failed = 2", HEAD, "steps_failed 2, its history gives 1"),
        head(kinds.sleeping, "wake_at = NULL", LATE, "it would be looked at never"),
        head(kinds.sleeping, "wake_at = wake_at + 1", LATE, "expected at"),
        head(kinds.retrying, "wake_at = wake_at + 1", LATE, "expected at"),
        head(kinds.running, "wake_at = 9999999999999", LATE, "it would be looked at at 9999999999999, expected at 0"),
    ]
}

fn of_payloads_and_what_is_wanted(kinds: &Kinds) -> Vec<Damage> {
    vec![
        other(
            Some(kinds.long),
            format!("DELETE FROM payload WHERE {}", history(kinds.long)),
            PAYLOAD,
            "the payload of event 1 is not there",
        ),
        other(
            Some(kinds.long),
            format!("UPDATE payload SET json = '\"short\"' WHERE {}", history(kinds.long)),
            PAYLOAD,
            "has 7 bytes, expected",
        ),
        other(
            Some(kinds.long),
            format!("UPDATE payload SET json = replace(json, '\"', '''') WHERE {}", history(kinds.long)),
            PAYLOAD,
            "cannot be read",
        ),
        other(
            Some(kinds.paused),
            format!("INSERT INTO payload (place, json) VALUES ({} << 24 | 2, '1')", number(kinds.paused)),
            PAYLOAD,
            "there is a payload of event 2, which has none",
        ),
        other(
            Some(kinds.long),
            format!("INSERT INTO snapshot (execution, seq, codec, body) VALUES ({}, 3, 1, '{{}}')", number(kinds.long)),
            &[Kind::SnapshotUnusable],
            "a snapshot up to event 3",
        ),
        other(
            Some(kinds.parked),
            format!("DELETE FROM parked WHERE {}", row(kinds.parked)),
            PARKED,
            "wants `nobody`, and no row of `parked` says so",
        ),
        other(
            Some(kinds.completed),
            format!("INSERT INTO parked VALUES ('write', x'{}', {})", hex(kinds.completed), number(kinds.completed)),
            PARKED,
            "says that it wants `write`, which it does not",
        ),
    ]
}

fn of_the_rest(kinds: &Kinds) -> Vec<Damage> {
    vec![
        other(None, "INSERT INTO parked VALUES ('write', x'00', 99999)".to_owned(), &[Kind::ExecutionMissing], "`parked`"),
        other(Some(kinds.keyed), "DELETE FROM claim WHERE key = 'once'".to_owned(), CLAIM, "the idempotency key `once`"),
        other(
            Some(kinds.keyed),
            format!("UPDATE claim SET executions = '[\"{}\"]' WHERE key = 'once'", kinds.failed),
            CLAIM,
            "which does not lead to it",
        ),
        other(
            Some(ExecutionId::from_bytes([7; 16])),
            format!("UPDATE claim SET executions = '[\"{}\"]' WHERE key = 'evt_1'", ExecutionId::from_bytes([7; 16])),
            CLAIM,
            "event id `evt_1` of `` leads to it, and it is not there",
        ),
        other(None, "UPDATE claim SET executions = '[7]' WHERE key = 'evt_1'".to_owned(), CLAIM, "event id `evt_1`"),
        other(
            None,
            "UPDATE counter SET count = count + 1 WHERE status = 'paused'".to_owned(),
            &[Kind::CounterDiffers],
            "its counter says 2 paused, there are 1",
        ),
        other(
            None,
            "DELETE FROM counter WHERE status = 'failed'".to_owned(),
            &[Kind::CounterDiffers],
            "its counter says 0 failed, there are 1",
        ),
        other(
            None,
            "UPDATE failure_counter SET count = count + 1 WHERE retrying = 0".to_owned(),
            &[Kind::CounterDiffers],
            "says 2 failed and 0 tried again, there are 1 and 0",
        ),
        other(
            None,
            "INSERT INTO document VALUES ('statistics', 'report/x', '{', NULL)".to_owned(),
            &[Kind::FileDamaged],
            "document `report/x` of kind `statistics`",
        ),
        other(
            None,
            format!("DELETE FROM execution WHERE {}", row(kinds.cancelled)),
            &[Kind::ExecutionMissing, Kind::CounterDiffers],
            "`history` has 1 row of execution number",
        ),
        other(
            None,
            "UPDATE definition SET stored = '{}' WHERE workflow = (SELECT key FROM workflow WHERE id = 'nap')".to_owned(),
            &[Kind::DefinitionUnreadable],
            "version 1 of workflow `nap`",
        ),
        other(
            None,
            "UPDATE token SET role = 'admyn' WHERE name = 'ops'".to_owned(),
            &[Kind::TokenDamaged],
            "is damaged: column `role`: `admyn` is no role",
        ),
        other(None, "DROP INDEX execution_wake".to_owned(), &[Kind::SchemaDiffers], "the index `execution_wake` is missing"),
        other(
            None,
            "CREATE TABLE other (x); PRAGMA writable_schema = 1; \
             UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'claim') WHERE name = 'other'"
                .to_owned(),
            &[Kind::FileDamaged],
            "",
        ),
    ]
}

/// As earlier versions wrote them: what is found then is found by what the rows say.
const WITHOUT_SEALS: &str = "UPDATE execution SET seal = NULL, last = NULL; UPDATE history SET seal = NULL; \
    UPDATE payload SET seal = NULL; UPDATE definition SET seal = NULL; UPDATE claim SET seal = NULL; \
    UPDATE counter SET seal = NULL; UPDATE failure_counter SET seal = NULL; UPDATE document SET seal = NULL; \
    UPDATE workflow SET seal = NULL; UPDATE token SET seal = NULL";

/// The same damages to rows with seals.
#[test]
fn no_damage_passes_a_seal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let (rig, kinds) = everything(&path);
    drop(rig);
    for Damage { sql, .. } in damages(&kinds) {
        let other = tempfile::tempdir().unwrap();
        let damaged = other.path().join("workflow.db");
        fs::copy(&path, &damaged).unwrap();
        let person = Connection::open(&damaged).unwrap();
        person.execute_batch(&sql).unwrap();
        drop(person);
        assert!(!checked(&damaged).is_sound(), "{sql}");
    }
}

/// What the seals alone can show: the rows make as much sense as before.
#[test]
fn a_value_that_could_have_been_written_and_was_not_is_found_by_its_seal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let (rig, kinds) = everything(&path);
    drop(rig);
    let long = history(kinds.long);
    let cases = [
        (
            kinds.completed,
            format!("UPDATE history SET events = replace(events, 'true', 'null') WHERE {}", history(kinds.completed)),
            Kind::HistoryBroken,
        ),
        (kinds.completed, format!("UPDATE history SET at = at + 1 WHERE {}", history(kinds.completed)), Kind::HistoryBroken),
        (
            kinds.failed,
            format!("UPDATE execution SET error_fingerprint = 'card stolen' WHERE {}", row(kinds.failed)),
            Kind::HeadDiffers,
        ),
        (kinds.sleeping, format!("UPDATE execution SET wake_at = wake_at - 1 WHERE {}", row(kinds.sleeping)), Kind::HeadDiffers),
        (kinds.long, format!("UPDATE payload SET json = replace(json, 'long ', 'lang ') WHERE {long}"), Kind::PayloadBroken),
        // The payloads of two events, each where the other was.
        (
            kinds.long,
            format!(
                "CREATE TEMP TABLE copy AS SELECT row_number() OVER (ORDER BY place DESC) AS n, json, seal FROM payload WHERE {long}; \
                 UPDATE payload SET (json, seal) = (SELECT json, seal FROM copy WHERE n = \
                 (SELECT count(*) FROM payload p WHERE p.place <= payload.place AND p.place >> 24 = payload.place >> 24)) WHERE {long}"
            ),
            Kind::PayloadBroken,
        ),
    ];
    for (id, sql, kind) in cases {
        let other = tempfile::tempdir().unwrap();
        let damaged = other.path().join("workflow.db");
        fs::copy(&path, &damaged).unwrap();
        let person = Connection::open(&damaged).unwrap();
        person.execute_batch(&sql).unwrap();
        drop(person);
        let found = checked(&damaged).findings;
        assert!(found.iter().any(|finding| finding.kind == kind && finding.execution == Some(id)), "{sql}: {found:#?}");
    }
}

#[test]
fn every_damage_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let (rig, kinds) = everything(&path);
    drop(rig);
    let damages = damages(&kinds);
    for Damage { sql, of, kinds, says } in &damages {
        let other = tempfile::tempdir().unwrap();
        let damaged = other.path().join("workflow.db");
        fs::copy(&path, &damaged).unwrap();
        let person = Connection::open(&damaged).unwrap();
        person.execute_batch(WITHOUT_SEALS).unwrap();
        let before = person.total_changes();
        person.execute_batch(sql).unwrap();
        assert!(person.total_changes() > before || sql.starts_with("DROP"), "it does something: {sql}");
        drop(person);
        let report = checked(&damaged);
        let found: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
        for kind in found.iter().chain(*kinds) {
            assert!(kinds.contains(kind) && found.contains(kind), "{sql}: expected {kinds:?}, found {:#?}", report.findings);
        }
        let names = |finding: &workflow_engine::check::Finding| {
            finding.kind == kinds[0] && finding.execution == *of && finding.found.contains(says)
        };
        assert!(report.findings.iter().any(names), "{sql}: expected `{says}` of {of:?}, found {:#?}", report.findings);
    }
    println!("{} damages", damages.len());
}

/// Those that no SQL can do.
#[test]
fn damaged_pages_and_a_damaged_newest_commit_are_found() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("workflow.db");
    let (rig, _) = everything(&path);
    let crashed = crashed(&path, other.path());
    let person = Connection::open(&crashed).unwrap();
    person.execute("UPDATE recent SET entries = '[[1,' WHERE batch = (SELECT max(batch) FROM recent)", []).unwrap();
    drop(person);
    let report = checked(&crashed);
    assert!(report.findings[0].kind == Kind::FileDamaged && report.findings[0].found.contains("of `recent`"), "{report:#?}");
    drop(rig);
    // What is on a page that is not used does not matter.
    let person = Connection::open(&path).unwrap();
    person.execute_batch("VACUUM").unwrap();
    let page_bytes = usize::try_from(person.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0)).unwrap()).unwrap();
    drop(person);
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / page_bytes;
    for page in 3..pages {
        let mut damaged = bytes.clone();
        damaged[page * page_bytes..][..8].fill(0xa5);
        fs::write(&path, damaged).unwrap();
        let found = match Inspection::open(&path, &Keys::default()) {
            Ok(file) => check(&file, FINDINGS_MAX).findings,
            // The schema itself is on it.
            Err(OpenError::Damaged { .. }) => continue,
            Err(error) => panic!("page {page} of {pages}: {error}"),
        };
        assert!(found.iter().any(|finding| finding.kind == Kind::FileDamaged), "page {page} of {pages}: {found:#?}");
    }
    // Cut short.
    bytes.truncate(bytes.len() / 2);
    fs::write(&path, bytes).unwrap();
    match Inspection::open(&path, &Keys::default()) {
        Ok(file) => assert!(!check(&file, FINDINGS_MAX).is_sound()),
        Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "{error}"),
    }
}

#[test]
fn findings_beyond_the_limit_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    drop(everything(&path));
    let person = Connection::open(&path).unwrap();
    person.execute_batch(WITHOUT_SEALS).unwrap();
    person.execute("UPDATE execution SET steps_completed = 9", []).unwrap();
    drop(person);
    let report = check(&Inspection::open(&path, &Keys::default()).unwrap(), 3);
    assert_eq!((report.findings.len(), report.more, report.found()), (3, 207, 210));
}

#[test]
fn files_of_all_releases_can_be_checked() {
    let released = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/databases");
    for file in fs::read_dir(released).unwrap() {
        let file = file.unwrap().path();
        let inspection = Inspection::open(&file, &Keys::default()).unwrap();
        let report = check(&inspection, FINDINGS_MAX);
        // Their histories were made up by hand to hold every event, so that they do not fold; all else is as it was written.
        let unexpected = report.findings.iter().filter(|finding| matches!(finding.kind, Kind::FileDamaged | Kind::SchemaDiffers));
        assert_eq!(unexpected.count(), 0, "{}: {:#?}", file.display(), report.findings);
        assert!(report.checked.executions > 0);
    }
}
