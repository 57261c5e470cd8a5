//! What is encrypted at rest: nobody reads it in the files, it comes back as it was, keys can be changed, and what was tampered with is
//! told of.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use workflow_core::codec;
use workflow_core::definition::StepIndex;
use workflow_core::event::{AfterFailure, Event};
use workflow_core::failure::Failure;
use workflow_core::status::Status;
use workflow_store::conformance::released;
use workflow_store::conformance::sample::{
    append, at, begun, commit, commit_changes, completed, definition, endpoint, head, id, item, json, recorded, started, update,
    workflow,
};
use workflow_store::{
    Change, Claim, ClaimKind, Document, DocumentFilter, FaultKind, Head, HeadChange, Inspection, Item, KeyRange, Keys, OpenError,
    Options, Order, Protection, Snapshot, Sqlite, Store, Texts, Transition, backup, reencrypt,
};

const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn keys(texts: &[&str]) -> Keys {
    if texts.is_empty() { Keys::default() } else { Keys::parse(&texts.join(",")).unwrap() }
}

fn options(texts: &[&str]) -> Options {
    Options { keys: keys(texts), lock_wait: Duration::ZERO, ..Options::default() }
}

fn open(path: &Path, texts: &[&str]) -> Sqlite {
    Sqlite::open(path, options(texts)).unwrap()
}

fn refused(path: &Path, texts: &[&str]) -> String {
    match Sqlite::open(path, options(texts)) {
        Err(error @ OpenError::Key { .. }) => error.to_string(),
        other => panic!("expected a refusal for the sake of a key, found {other:?}"),
    }
}

fn protection(path: &Path, texts: &[&str]) -> Protection {
    Inspection::open(path, &keys(texts)).unwrap().protection().unwrap()
}

/// Occurs in every text that is secret, and nowhere else.
const CANARY: &str = "canary-7fd1";
/// What is in the clear, so that the search is known to find what is there.
const CLEAR: &str = "clear-idempotency-key";

/// Something secret wherever something secret can be.
fn write_canaries(store: &dyn Store) {
    let order = workflow("order");
    let secret = json(&format!("{{\"card\":\"{CANARY}\"}}"));
    let long = json(&format!("\"{}\"", CANARY.repeat(1_000)));
    let mut hook = endpoint("billing");
    hook.secret = Some(format!("whsec_{CANARY}"));
    let mut defined = definition(&order, 1);
    defined.stored = json(&format!("{{\"form\":1,\"context\":\"{CANARY}\"}}"));
    defined.source = secret.clone();
    let noted = Document { kind: "note".to_owned(), key: "n/1".to_owned(), body: secret.clone() };
    let noted = Change::PutDocument(Box::new(noted));
    commit_changes(store, vec![Change::Define(Box::new(defined)), Change::PutEndpoint(Box::new(hook)), noted]);

    let failure = Failure { stack: Some(CANARY.to_owned()), ..Failure::with_code("declined", format!("{CANARY} was declined")) };
    let input = |n: u32, input: &workflow_core::json::Json| {
        let head = head(id(n), &order);
        let events = recorded(1, head.started_at, vec![started(&order, input), begun(0)]);
        Transition { head: Some(HeadChange { head: head.clone(), status_before: None }), ..append(id(n), events) }
    };
    let claim = Claim {
        kind: ClaimKind::IdempotencyKey,
        scope: "order".to_owned(),
        key: CLEAR.to_owned(),
        executions: vec![id(1)],
        data: secret.clone(),
    };
    commit(
        store,
        vec![Item { claim: Some(claim), ..item(vec![input(1, &secret)]) }, item(vec![input(2, &long), input(3, &secret)])],
    );
    let failed = Head {
        status: Status::Failed,
        wake_at: None,
        completed_at: Some(at(90)),
        failed_step: Some("validate".to_owned()),
        error_code: Some("declined".to_owned()),
        error: Some(failure.message.clone()),
        error_fingerprint: Some(format!("{CANARY} fingerprint")),
        ..head(id(3), &order)
    };
    let failing = vec![
        Event::StepFailed { step: StepIndex::new(0), attempt: Some(1), failure: failure.clone(), then: AfterFailure::Fail },
        Event::Failed { failure },
    ];
    let snapshot = Snapshot { seq: 3, codec: codec::VERSION, body: format!("[\"{CANARY}\"]") };
    commit(
        store,
        vec![item(vec![
            Transition { snapshot: Some(snapshot), ..append(id(1), recorded(3, at(10), vec![completed(0, &secret)])) },
            append(id(2), recorded(3, at(10), vec![completed(0, &long)])),
            Transition { events: recorded(3, at(90), failing), ..update(failed, Status::Running) },
        ])],
    );
}

/// How often a text is in any file of a directory, byte by byte.
fn occurrences(directory: &Path, text: &str) -> usize {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.map(|file| fs::read(file).unwrap().windows(text.len()).filter(|bytes| *bytes == text.as_bytes()).count()).sum()
}

#[test]
fn no_text_of_anybody_is_in_the_files_in_plain() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copies) = (directory.path().join("workflow.db"), tempfile::tempdir().unwrap());
    let store = open(&path, &[OLD]);
    let expect_hidden = |when: &str, directory: &Path| {
        assert_eq!(occurrences(directory, CANARY), 0, "{when}");
        assert!(occurrences(directory, CLEAR) > 0, "the search finds what is there: {when}");
    };
    write_canaries(&store);
    expect_hidden("while it is open, with its log", directory.path());
    backup(&path, copies.path().join("online.db")).unwrap();
    store.rest().unwrap();
    expect_hidden("at rest", directory.path());
    drop(store);
    expect_hidden("closed", directory.path());
    backup(&path, copies.path().join("offline.db")).unwrap();
    expect_hidden("backups", copies.path());
    for copy in ["online.db", "offline.db"] {
        let store = open(&copies.path().join(copy), &[OLD]);
        let history = store.history(id(1), 0, 100, Texts::Read).unwrap().unwrap();
        let keys = KeyRange::beginning("n/");
        let notes = store.documents(&DocumentFilter { kind: "note".to_owned(), keys, order: Order::Ascending, limit: 10 });
        assert!(notes.is_ok_and(|notes| notes.len() == 1 && notes[0].body.text().contains(CANARY)));
        assert!(format!("{history:?}").contains(CANARY));
    }
    // The same without a key: that what is searched for would be found.
    let plain = tempfile::tempdir().unwrap();
    let store = open(&plain.path().join("workflow.db"), &[]);
    write_canaries(&store);
    drop(store);
    assert!(occurrences(plain.path(), CANARY) > 1_000);
}

#[test]
fn a_file_is_refused_without_its_key_and_nothing_is_changed_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    released::write(&open(&path, &[OLD]));
    let before = fs::read(&path).unwrap();
    let said = refused(&path, &[]);
    assert!(said.contains("it was written with the encryption key `old`, and no key was given"), "{said}");
    assert!(said.contains("WORKFLOW_ENCRYPTION_KEY_FILE"), "{said}");
    let said = refused(&path, &[NEW]);
    assert!(said.contains("the encryption key `old`, and the keys that were given are `new`"), "{said}");
    let said = refused(&path, &[&NEW.replace("new:", "old:")]);
    assert!(
        said.contains("the key that was given as `old` is not the one of that name that the file was written with"),
        "{said}"
    );
    for said in [refused(&path, &[NEW]), refused(&path, &[&NEW.replace("new:", "old:")])] {
        assert!(!said.contains(&NEW[4..]), "no key is told: {said}");
    }
    assert!(matches!(Inspection::open(&path, &Keys::default()), Err(OpenError::Key { .. })));
    assert!(fs::read(&path).unwrap() == before);
    released::check(&open(&path, &[OLD]));
}

#[test]
fn a_plain_file_goes_on_encrypted_and_reencrypt_does_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    released::write(&open(&path, &[]));
    assert!(protection(&path, &[]).encrypted.is_empty());
    // Both kinds of row, and everything is read.
    let store = open(&path, &[OLD]);
    released::check(&store);
    let secret = json(&format!("\"{CANARY}\""));
    commit(&store, vec![item(vec![append(id(5), recorded(5, at(99), vec![completed(1, &secret)]))])]);
    drop(store);
    let both = protection(&path, &[OLD]);
    assert!(both.plain > 0 && both.encrypted["old"] > 0, "{both:?}");
    refused(&path, &[]);
    let done = reencrypt(&path, options(&[OLD])).unwrap();
    assert!(done.rewritten > 0 && done.unreadable == 0, "{done:?}");
    let after = protection(&path, &[OLD]);
    assert_eq!((after.plain, after.encrypted.len()), (0, 1), "{after:?}");
    assert_eq!(occurrences(directory.path(), "Card 4242"), 0, "also not where it was before");
    assert_eq!(occurrences(directory.path(), "long long long"), 0);
    let store = open(&path, &[OLD]);
    assert!(store.history(id(3), 0, 10, Texts::Read).is_ok_and(|history| format!("{history:?}").contains("Card 4242 declined")));
}

#[test]
fn a_key_is_changed_by_putting_another_in_front() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    released::write(&open(&path, &[OLD]));
    released::check(&open(&path, &[NEW, OLD]));
    let before = protection(&path, &[NEW, OLD]);
    assert!(before.encrypted["old"] > 10 && !before.encrypted.contains_key("new"), "{before:?}");
    refused(&path, &[NEW]);
    refused(&path, &[OLD]);
    let done = reencrypt(&path, options(&[NEW, OLD])).unwrap();
    assert_eq!((done.unreadable, done.rewritten >= before.encrypted["old"]), (0, true), "{done:?}");
    released::check(&open(&path, &[NEW]));
    assert_eq!(protection(&path, &[NEW]).encrypted.keys().collect::<Vec<_>>(), ["new"]);
    let said = refused(&path, &[OLD]);
    assert!(said.contains("the encryption key `new`"), "{said}");
    // Nothing is left to do.
    let again = reencrypt(&path, options(&[NEW])).unwrap();
    assert!(again.rewritten < done.rewritten, "{again:?}");
}

#[test]
fn a_file_without_room_is_left_in_the_middle_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    let store = open(&path, &[]);
    let output = json(&format!("\"{}\"", "x".repeat(100_000)));
    for n in 1..=60 {
        let next = append(id(n), recorded(3, at(1), vec![completed(0, &output)]));
        commit(&store, vec![item(vec![workflow_store::conformance::sample::start(head(id(n), &workflow("order"))), next])]);
    }
    drop(store);
    let bytes = fs::metadata(&path).unwrap().len();
    // Plain texts do not shrink when they are encrypted.
    let full = Options { file_bytes_max: Some(bytes), ..options(&[OLD]) };
    let failed = reencrypt(&path, full).unwrap_err();
    assert!(failed.to_string().contains("full"), "{failed}");
    let between = protection(&path, &[OLD]);
    assert!(between.plain > 0, "{between:?}");
    let read = |store: &dyn Store| (1..=60).all(|n| store.payloads(&[(id(n), 3)]).unwrap() == [output.clone()]);
    assert!(read(&open(&path, &[OLD])));
    reencrypt(&path, options(&[OLD])).unwrap();
    assert_eq!(protection(&path, &[OLD]).plain, 0);
    assert!(read(&open(&path, &[OLD])));
}

/// Bytes of a seal that are not what was written, and rows that are where others were.
#[test]
fn what_was_tampered_with_is_told_of_and_the_rest_lives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    released::write(&open(&path, &[OLD]));
    let of = |n: u32, table: &str| {
        let id: String = id(n).to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{table}.place >> 24 = (SELECT key FROM execution WHERE id = x'{id}')")
    };
    let flipped = "substr(seal, 1, length(seal) - 1) || x'00'";
    let exchange = "CREATE TEMP TABLE copy AS SELECT place, events, seal FROM history";
    for (name, sql) in [
        ("a byte of the tag", format!("UPDATE history SET seal = CAST({flipped} AS BLOB) WHERE {}", of(3, "history"))),
        (
            "the row of another execution",
            format!(
                "{exchange}; UPDATE history SET seal = (SELECT seal FROM copy WHERE {}) WHERE {}",
                of(4, "copy"),
                of(3, "history")
            ),
        ),
        ("when it was", format!("UPDATE history SET at = at + 1 WHERE {}", of(3, "history"))),
        (
            "a key that nobody has",
            format!("UPDATE history SET seal = x'01036e6577' || substr(seal, 6) WHERE {}", of(3, "history")),
        ),
        ("no seal of any form", format!("UPDATE history SET seal = x'09' WHERE {}", of(3, "history"))),
    ] {
        let copy: PathBuf = directory.path().join("copy.db");
        fs::copy(&path, &copy).unwrap();
        let person = Connection::open(&copy).unwrap();
        person.execute_batch(&sql).unwrap();
        drop(person);
        let store = open(&copy, &[OLD]);
        let fault = store.load(&[id(3)]).expect_err(name);
        assert_eq!(fault.kind, FaultKind::Corrupt, "{name}: {fault}");
        assert!(fault.message.contains(&id(3).to_string()), "{name}: {fault}");
        assert!(store.load(&[id(1), id(4), id(5)]).is_ok(), "{name}");
        drop(store);
        for file in ["copy.db", "copy.db-wal", "copy.db-shm"] {
            fs::remove_file(directory.path().join(file)).ok();
        }
    }
}

/// Two rows of one execution, and a failure of another.
#[test]
fn a_text_belongs_to_its_event_and_a_failure_to_its_execution() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("workflow.db");
    for given in [&[][..], &[OLD][..]] {
        let store = open(&path, given);
        write_canaries(&store);
        drop(store);
        let person = Connection::open(&path).unwrap();
        let swapped = "CREATE TEMP TABLE copy AS SELECT place, json, seal FROM payload; \
            UPDATE payload SET (json, seal) = (SELECT json, seal FROM copy WHERE copy.place <> payload.place)";
        person.execute_batch(swapped).unwrap();
        person.execute("UPDATE execution SET completed_at = completed_at + 1 WHERE status = 'failed'", []).unwrap();
        drop(person);
        let store = open(&path, given);
        let is_corrupt = |fault: workflow_store::Fault| fault.kind == FaultKind::Corrupt;
        assert!(store.payloads(&[(id(2), 1)]).is_err_and(is_corrupt));
        assert!(store.payloads(&[(id(2), 3)]).is_err_and(is_corrupt));
        assert!(store.load(&[id(3)]).is_err_and(is_corrupt));
        assert!(store.load(&[id(1)]).is_ok());
        drop(store);
        fs::remove_file(&path).unwrap();
    }
}
