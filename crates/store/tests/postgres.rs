//! The suite of `workflow_store::conformance` on PostgreSQL, and what only that store has.
//!
//! `DATABASE_URL` names a server whose user may create databases; without it a server of this test is started in a temporary folder.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::time::Duration;

use workflow_core::time::Timestamp;
use workflow_store::conformance::sample::{at, commit_changes, head, id, item, start, token, workflow};
use workflow_store::conformance::{agrees_with_memory, exercise, released};
use workflow_store::{Batch, Change, Fault, FaultKind, Keys, Notice, Postgres, PostgresError, PostgresOptions, Store, TokenRows};

mod server;

use server::Server;

fn open(url: &str) -> Postgres {
    Postgres::open(url, PostgresOptions::default()).unwrap()
}

fn keys() -> Keys {
    Keys::parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

#[test]
fn postgres_keeps_the_contract() {
    let server = Server::start();
    exercise(|| Box::new(open(&server.database())));
}

#[test]
fn postgres_with_a_key_keeps_the_contract() {
    let server = Server::start();
    exercise(|| {
        let options = PostgresOptions { keys: keys(), ..PostgresOptions::default() };
        Box::new(Postgres::open(&server.database(), options).unwrap())
    });
}

#[test]
fn postgres_answers_random_batches_as_memory_does_and_scans_no_table() {
    let server = Server::start();
    let url = std::cell::RefCell::new(server.database());
    // Making the tables scans them.
    drop(open(&url.borrow()));
    let made = scans(&server, &url.borrow());
    let empty = || -> Box<dyn Store> {
        assert_eq!(scans(&server, &url.borrow()), made);
        url.replace(server.database());
        Box::new(open(&url.borrow()))
    };
    // Another engine takes the place of one that has gone; and partitions are let go that hold what is gone.
    let after = |store: Box<dyn Store>| -> Box<dyn Store> {
        drop(store);
        let store = open(&url.borrow());
        store.tidy(Timestamp::from_millis(5_000_000_000_000)).unwrap();
        Box::new(store)
    };
    agrees_with_memory(12, empty, after);
}

/// How often each table that grows with what runs was read whole. Making a partition reads it and the one for what is kept, at each
/// opening; hundreds of questions are asked in between.
fn scans(server: &Server, url: &str) -> String {
    // What a connection has counted is certain to be there when it has ended.
    let left =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'workflow.do%'";
    while server.psql(url, left) != "0" {
        std::thread::sleep(Duration::from_millis(10));
    }
    let sql = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'workflow' AND (relname IN ('execution', \
        'snapshot', 'parked', 'claim', 'document') OR relname ~ '^(history|payload)_' AND seq_scan > 12) ORDER BY relname";
    server.psql(url, sql)
}

#[test]
fn an_engine_that_has_lost_its_place_commits_nothing() {
    let server = Server::start();
    let url = server.database();
    let brief = PostgresOptions { lease: Duration::from_millis(400), ..PostgresOptions::default() };
    // Its beats are cut off with its row's lease: as if it were stopped.
    let first = Postgres::open(&url, brief.clone()).unwrap();
    commit(&first, 1).unwrap();
    server.psql(&url, "UPDATE workflow.engine SET lease_until = '-infinity'");
    let second = Postgres::open(&url, brief).unwrap();
    let lost = commit(&first, 2).unwrap_err();
    assert_eq!(lost.kind, FaultKind::Unknown, "{lost}");
    assert!(lost.message.contains("nothing was written"), "{lost}");
    let lost = first.reopen().unwrap_err();
    assert!(lost.kind == FaultKind::Fenced && lost.message.contains("another engine has taken over"), "{lost}");
    assert_eq!(second.batch(), Ok(1));
    commit(&second, 2).unwrap();
    assert_eq!(second.load(&[id(1), id(2)]).unwrap().iter().flatten().count(), 2);
    drop(first);
    commit(&second, 3).unwrap();
}

#[test]
fn one_that_lives_is_named_and_waited_for() {
    let server = Server::start();
    let url = server.database();
    let first = Postgres::open(&url, PostgresOptions { name: "the first".to_owned(), ..PostgresOptions::default() }).unwrap();
    let at_once = || Postgres::open(&url, PostgresOptions { alone: true, wait: Duration::ZERO, ..PostgresOptions::default() });
    let refused = at_once().unwrap_err();
    assert!(matches!(&refused, PostgresError::InUse { .. }) && refused.to_string().contains("(the first)"), "{refused}");
    drop(first);
    at_once().unwrap();
}

#[test]
fn a_connection_that_is_gone_is_made_again() {
    let server = Server::start();
    let url = server.database();
    let store = open(&url);
    commit(&store, 1).unwrap();
    assert_eq!(store.load(&[id(1)]).unwrap().iter().flatten().count(), 1);
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'workflow.do%'";
    server.psql(&url, cut);
    let fault = commit(&store, 2).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    assert_eq!(commit(&store, 2).unwrap_err().kind, FaultKind::Unavailable, "until it is opened again");
    store.reopen().unwrap();
    assert_eq!(store.batch(), Ok(1), "it did not take place");
    commit(&store, 2).unwrap();
    assert_eq!(store.load(&[id(1), id(2)]).unwrap().iter().flatten().count(), 2);
}

/// Several servers in an address: one says nothing, as a machine that is gone, one refuses, one follows. The one that can be written is
/// found by every connection, and so is the one that takes its place; until then the store is away, and nothing else.
#[test]
#[cfg(target_os = "linux")]
fn of_several_servers_the_one_that_can_be_written_is_found_also_when_it_is_another_one() {
    use std::net::TcpListener;
    let mut primary = Server::with(&["fsync=off"]);
    let database = primary.database();
    let standby = primary.standby(None);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let refuses = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent_port = silent.local_addr().unwrap().port();
    let servers = [silent_port, refuses, standby.port(), primary.port()].map(|port| format!("127.0.0.1:{port}")).join(",");
    let url = database.replace(&format!("127.0.0.1:{}", primary.port()), &servers);
    assert_ne!(url, database);

    let of_standby = database.replace(&primary.port().to_string(), &standby.port().to_string());
    let refused = Postgres::open(&of_standby, PostgresOptions::default()).unwrap_err();
    let said = refused.to_string();
    assert!(
        matches!(refused, PostgresError::Unreachable { .. }) && said.contains("a standby that has not been promoted"),
        "{said}"
    );

    let opened = std::time::Instant::now();
    let store = open(&url);
    assert!(opened.elapsed() < Duration::from_secs(8), "a server that says nothing is waited for: {:?}", opened.elapsed());
    commit(&store, 1).unwrap();
    assert_eq!(store.load(&[id(1)]).unwrap().iter().flatten().count(), 1);

    // What is silent costs each question all of its time while nobody can be written.
    drop(silent);
    primary.kill();
    assert_eq!(commit(&store, 2).unwrap_err().kind, FaultKind::Unknown);
    for fault in [store.reopen().unwrap_err(), store.load(&[id(1)]).unwrap_err()] {
        assert_eq!(fault.kind, FaultKind::Unavailable, "{fault}");
        for expected in ["refused", "a standby that has not been promoted"] {
            assert!(fault.message.contains(expected), "{fault}");
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    store.attend(Box::new(move |notice| drop(sender.send(notice))));
    standby.promote();
    store.reopen().unwrap();
    assert_eq!(store.batch(), Ok(1));
    commit(&store, 2).unwrap();
    assert_eq!(store.load(&[id(1), id(2)]).unwrap().iter().flatten().count(), 2);
    // It beats there, and hears what is told there.
    let again = |notice: &Notice| matches!(notice, Notice::Answered);
    assert!(std::iter::from_fn(|| receiver.recv_timeout(Duration::from_secs(30)).ok()).any(|notice| again(&notice)));
    standby.psql(&of_standby, "NOTIFY \"workflow:workflow\", 'answered'");
    assert!(std::iter::from_fn(|| receiver.recv_timeout(Duration::from_secs(3)).ok()).any(|notice| again(&notice)));
}

#[test]
fn what_is_no_database_of_ours_stays_as_it_is() {
    let server = Server::start();
    let url = server.database();
    let refused = |url: &str| Postgres::open(url, PostgresOptions::default()).unwrap_err().to_string();
    let said = refused(&url.replace("workflow_test", "no_such"));
    assert!(said.contains("refuses the connection") && said.contains("does not exist"), "{said}");
    let said = refused("postgres://test@127.0.0.1:1/test");
    assert!(said.contains("cannot reach PostgreSQL at 127.0.0.1:1/test") && said.contains("refused"), "{said}");
    // Tables of others in the database are none of our business; in our schema they are.
    server.psql(&url, "CREATE TABLE public.execution (id int); CREATE SCHEMA mine; CREATE TABLE mine.orders (id int)");
    drop(open(&url));
    let said = refused(&format!("{url}?schema=mine"));
    assert!(said.contains("schema `mine`") && said.contains("a table `orders`"), "{said}");
    drop(open(&format!("{url}?schema=other")));
    server.psql(&url, "INSERT INTO workflow.workflow_schema VALUES (9999)");
    let said = refused(&url);
    assert!(said.contains("written by a newer version"), "{said}");
    let latin = server.psql(&url, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
    assert_eq!(latin, "");
    let said = refused(&format!("{}/latin", url.rsplit_once('/').unwrap().0));
    assert!(said.contains("has encoding LATIN1"), "{said}");
}

#[test]
fn keys_that_are_missing_are_noticed_at_open() {
    let server = Server::start();
    let url = server.database();
    let with = |keys: Keys| Postgres::open(&url, PostgresOptions { keys, ..PostgresOptions::default() });
    let store = with(keys()).unwrap();
    released::write(&store);
    drop(store);
    let said = with(Keys::default()).unwrap_err().to_string();
    assert!(said.contains("encryption key `test`, and no key was given"), "{said}");
    let other = Keys::parse("test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let said = with(other).unwrap_err().to_string();
    assert!(said.contains("not the one of that name"), "{said}");
    let plain = "SELECT DISTINCT events FROM workflow.history UNION SELECT DISTINCT error FROM workflow.execution WHERE error IS NOT NULL \
        ORDER BY 1";
    assert_eq!(server.psql(&url, plain), "[]\n[encrypted]");
    released::check(&with(keys()).unwrap());
}

#[test]
fn a_text_that_was_changed_is_not_taken_for_what_was_written() {
    let server = Server::start();
    let url = server.database();
    let store = open(&url);
    released::write(&store);
    server.psql(&url, "UPDATE workflow.history_dated SET events = replace(events, 'total', 'Total')");
    let fault = store.load(&[id(3)]).unwrap_err();
    assert!(fault.kind == FaultKind::Corrupt && fault.message.contains("checksum differs"), "{fault}");
}

#[test]
fn a_token_whose_row_was_changed_is_told_apart_from_the_others_until_it_is_written_again() {
    let server = Server::start();
    let url = server.database();
    let store = open(&url);
    let put = |token| Change::PutToken(Box::new(token));
    for (set, why) in [
        ("name = 'billinh'", "checksum differs"),
        ("role = 'admin'", "checksum differs"),
        ("role = 'wosker'", "`wosker` is no role"),
        ("sha256 = set_byte(sha256, 0, 2)", "checksum differs"),
        ("sha256 = '\\x02'", "column `sha256` has not 32 bytes"),
        ("created_at = created_at + 1", "checksum differs"),
        ("revoked_at = 7", "checksum differs"),
        ("seal = set_byte(seal, 4, 255 - get_byte(seal, 4))", "checksum differs"),
    ] {
        commit_changes(&store, vec![put(token(1, false)), put(token(2, true)), put(token(3, false))]);
        server.psql(&url, &format!("UPDATE workflow.token SET {set} WHERE id = '0000000000000003'"));
        let rows = store.tokens().unwrap();
        assert_eq!(rows.sound, [token(1, false), token(2, true)], "{set}");
        let [damaged] = &rows.damaged[..] else { panic!("{set}: {:?}", rows.damaged) };
        assert!(damaged.why.contains(why), "{set}: {}", damaged.why);
        let revoked = damaged.revoked(at(9)).unwrap();
        commit_changes(&store, vec![put(revoked.clone())]);
        assert_eq!(store.tokens().and_then(TokenRows::whole), Ok(vec![token(1, false), token(2, true), revoked]), "{set}");
    }
}

#[test]
fn a_person_can_look_while_the_engine_runs() {
    let server = Server::start();
    let url = server.database();
    let store = open(&url);
    released::write(&store);
    let sql = "SELECT workflow, version, status, started_at AT TIME ZONE 'UTC', failed_step, error_code, error FROM workflow.executions \
        WHERE status = 'failed'";
    assert_eq!(server.psql(&url, sql), "order|1|failed|2023-11-14 22:13:20.003|validate|declined|Card 4242 declined");
    assert_eq!(server.psql(&url, "SELECT id, newest_version FROM workflow.workflows ORDER BY id"), "gone|1\norder|2");
}

fn commit(store: &Postgres, n: u32) -> Result<(), Fault> {
    let items = vec![item(vec![start(head(id(n), &workflow("order")))])];
    store.commit(&Batch { number: u64::from(n), items }).map(drop)
}

/// Also when it has nothing to commit.
#[test]
fn an_engine_is_told_when_it_has_lost_its_place() {
    let server = Server::start();
    let url = server.database();
    let first = Postgres::open(&url, PostgresOptions { lease: Duration::from_secs(1), ..PostgresOptions::default() }).unwrap();
    assert!(!first.lease().lasts(), "a lease that is no longer than the margin is never certain");
    let (sender, receiver) = std::sync::mpsc::channel();
    first.attend(Box::new(move |notice| sender.send(notice).unwrap()));
    server.psql(&url, "DELETE FROM workflow.engine");
    let lost = std::iter::from_fn(|| receiver.recv_timeout(Duration::from_secs(60)).ok());
    let fault = lost.filter_map(|notice| if let Notice::Lost(fault) = notice { Some(fault) } else { None }).next().unwrap();
    assert!(fault.kind == FaultKind::Fenced && fault.message.contains("has lost its place"), "{fault}");
}
