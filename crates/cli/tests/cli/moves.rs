//! `workflow move`: a database is taken to PostgreSQL and back, and served on from where it was; and what else is asked of PostgreSQL.

use std::path::Path;

use serde_json::Value;
use workflow_core::json::Json;
use workflow_store::{Batch, Change, Document, Item, Options, Sqlite, Store};

use crate::fake::Fake;
use crate::postgres::Server;
use crate::process::{Ran, finished, run_in, workflow};
use crate::served::{Served, directory};

const ORDER_2: &str = r#"{"id": "order", "steps": [{"id": "charge", "action": "chargeCard"},
    {"id": "ship", "action": "noop", "dependsOn": ["charge"]}]}"#;
const NAP: &str = "id: nap\nsteps: [{ id: nap, action: noop, wait: 2s }]\n";
const LONG: &str = "id: long\nsteps: [{ id: nap, action: noop, wait: 30d }]\n";
const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

/// Everything that the server says of its executions, newest first.
fn executions(served: &Served) -> Vec<Value> {
    let listed = served.run(&["list", "--all", "--json"]).json();
    listed.as_array().unwrap().iter().map(|listed| served.run(&["status", &id(listed), "--json"]).json()).collect()
}

/// Executions under way that hold still while a database is moved, one that has ended, and one that is due meanwhile.
fn begin(path: &Path, served: &Served) -> [String; 5] {
    let register = |name: &str, text: &str| {
        std::fs::write(path.join(name), text).unwrap();
        assert_eq!(served.run(&["register", path.join(name).to_str().unwrap()]).code, 0);
    };
    for name in ["onboarding.yaml", "order.json"] {
        assert_eq!(served.run(&["register", path.join(name).to_str().unwrap()]).code, 0);
    }
    let done = served.run(&["start", "onboarding", "--wait", "--json", "-k", "once", "-i", r#"{"customerId": "cus_1"}"#]);
    let first = served.run(&["start", "order", "--json"]);
    register("order2.json", ORDER_2);
    let second = served.run(&["start", "order", "--json"]);
    register("nap.yaml", NAP);
    register("long.yaml", LONG);
    let long = served.run(&["start", "long", "--json"]);
    assert_eq!(served.run(&["event", "Customer.created", "--id", "evt_1"]).code, 0);
    let nap = served.run(&["start", "nap", "--json"]);
    [done, first, second, long, nap].map(|ran| id(&ran.json()))
}

#[test]
fn a_database_goes_to_postgres_and_back_and_is_served_on() {
    let (directory, server) = (directory(), Server::start());
    let (path, url) = (directory.path(), server.database());
    let with_key = |arguments: &[&str]| -> Ran {
        finished(workflow(arguments).env("WORKFLOW_ENCRYPTION_KEY", KEY).current_dir(path).output().unwrap())
    };
    let served = Served::start(path, &["--db", "orders.db"]);
    let [done, first, second, long, nap] = begin(path, &served);
    let told = [&done, &first, &second, &long].map(|id| served.run(&["history", id, "--json"]).json());
    assert_eq!(served.stop().0, Some(0));

    let moved = with_key(&["--json", "move", "orders.db", &url]);
    assert_eq!(moved.code, 0, "{moved:?}");
    let moved = moved.json();
    assert_eq!((&moved["executions"], &moved["definitions"]), (&6.into(), &5.into()), "{moved}");
    assert_eq!((&moved["claims"], &moved["miscounted"]), (&2.into(), &Value::Array(Vec::new())), "{moved}");
    assert!(!moved["to"].as_str().unwrap().contains("test@"), "no credentials are shown: {moved}");
    let unencrypted = server.psql(&url, "SELECT count(*) FROM workflow.history WHERE events <> '[]'");
    assert_eq!(unencrypted, "0", "it is written with the key");

    let served = Served::start_with(path, &["--db", &url], &[("WORKFLOW_ENCRYPTION_KEY", KEY)]);
    assert_eq!([&done, &first, &second, &long].map(|id| served.run(&["history", id, "--json"]).json()), told);
    let again = served.run(&["start", "onboarding", "-k", "once", "--json", "-i", r#"{"customerId": "cus_1"}"#]).json();
    assert_eq!(id(&again), done);
    let repeated = served.run(&["event", "Customer.created", "--id", "evt_1"]);
    assert!(repeated.code == 0 && executions(&served).len() == 6, "{repeated:?}");
    assert_eq!(served.run(&["watch", &nap]).code, 0, "a timer that the one has set runs out on the other");
    let endpoint = Fake::new().answers("POST /chargeCard", 200, "{}");
    assert_eq!(served.run(&["endpoint", "add", "orders", &endpoint.url(), "--action", "chargeCard"]).code, 0);
    assert_eq!([&first, &second].map(|id| served.run(&["watch", id]).code), [0, 0], "what was parked is run");
    let versions = [&first, &second].map(|id| served.run(&["status", id, "--json"]).json()["workflowVersion"].clone());
    assert_eq!(versions, [1, 2].map(Value::from), "each on its version");
    let before = executions(&served);

    let in_use = with_key(&["move", &url, "back.db"]);
    assert!(in_use.code == 1 && in_use.stderr.contains("is owned by engine-"), "{in_use:?}");
    assert_eq!(served.stop().0, Some(0));
    let back = with_key(&["move", &url, "back.db"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert!(back.stdout.contains("6 executions") && back.stdout.contains("never serve both"), "{}", back.stdout);
    let checked = with_key(&["check", "back.db"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let served = Served::start_with(path, &["--db", "back.db"], &[("WORKFLOW_ENCRYPTION_KEY", KEY)]);
    assert_eq!(executions(&served), before);
    let again = served.run(&["start", "onboarding", "-k", "once", "--json", "-i", r#"{"customerId": "cus_1"}"#]).json();
    assert_eq!(id(&again), done);
    assert_eq!(served.run(&["cancel", &long]).code, 0);
}

#[test]
fn what_cannot_be_moved_is_said_and_left() {
    let directory = directory();
    let path = directory.path();
    let served = Served::start(path, &["--db", "orders.db"]);
    served.run(&["register", path.join("order.json").to_str().unwrap()]);
    served.run(&["start", "order"]);
    let refused = |arguments: &[&str], code: i32, says: &str| {
        let ran = run_in(path, arguments);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stderr.contains(says), "expected {says}: {ran:?}");
    };
    refused(&["move", "orders.db", "to.db"], 1, "stop it first, so that nothing is written meanwhile");
    assert!(!path.join("to.db").exists());
    served.stop();
    refused(&["move", "no.db", "to.db"], 1, "cannot open no.db: there is no such file");
    refused(&["move", "orders.db", "./orders.db"], 2, "FROM and TO are the same database");
    refused(&["move", "orders.db", ":memory:"], 2, "TO must be a file or postgres://");
    refused(&["move", "orders.db", "order.json"], 1, "is not a workflow.do database");
    assert_eq!(run_in(path, &["move", "orders.db", "to.db"]).code, 0);
    refused(&["move", "orders.db", "to.db"], 1, "to.db is not empty: it holds 1 execution, 1 version of a definition");

    // As a move leaves it that was killed.
    let half = Sqlite::open(path.join("half.db"), Options::default()).unwrap();
    let body = Json::parse(r#"{"from": "orders.db"}"#).unwrap();
    let mark = Document { kind: "move".to_owned(), key: "unfinished".to_owned(), body };
    let item = Item { claim: None, changes: vec![Change::PutDocument(Box::new(mark))] };
    half.commit(&Batch { number: 1, items: vec![item] }).unwrap();
    drop(half);
    let unfinished = "half.db holds an unfinished move from orders.db";
    refused(&["move", "orders.db", "half.db"], 1, unfinished);
    refused(
        &["move", "orders.db", "half.db"],
        1,
        "delete it (`rm half.db half.db-wal half.db-shm`), then `workflow move orders.db half.db`",
    );
    refused(&["move", "half.db", "to2.db"], 1, unfinished);
    refused(&["token", "create", "ops", "--role", "admin", "--db", "half.db"], 1, unfinished);
    refused(
        &["serve", "--db", "half.db", "--listen", "127.0.0.1:0"],
        1,
        "error: the database holds an unfinished move from orders.db",
    );
    let checked = run_in(path, &["check", "half.db"]);
    assert!(checked.code == 1 && checked.stdout.contains("[unfinished_move]"), "{checked:?}");
}

#[test]
fn commands_that_take_a_file_say_what_to_do_with_postgres_instead() {
    let directory = directory();
    let url = "postgres://user:s3cret@127.0.0.1:1/workflow";
    for (arguments, says) in [
        (&["backup", url, "copy.db"][..], "pg_dump"),
        (&["backup", "orders.db", url], "pg_dump"),
        (&["check", url], "move postgres://127.0.0.1:1/workflow COPY.db"),
        (&["reencrypt", url], "move it to an empty database"),
        (&["doctor", "--db", url], "start the server and ask it"),
    ] {
        let refused = run_in(directory.path(), arguments);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(says) && !refused.stderr.contains("s3cret"), "{refused:?}");
    }
}

#[test]
fn the_first_token_is_made_in_postgres_as_in_a_file() {
    let (directory, server) = (directory(), Server::start());
    let url = server.database();
    let made = run_in(directory.path(), &["--json", "token", "create", "ops", "--role", "admin", "--db", &url]);
    assert_eq!(made.code, 0, "{made:?}");
    let served = Served::start(directory.path(), &["--db", &url]);
    assert_eq!(served.run(&["list"]).code, 1, "every request needs one");
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(served.run(&["--token", &token, "list"]).code, 0);
    let in_use = run_in(directory.path(), &["token", "create", "more", "--role", "admin", "--db", &url]);
    assert!(in_use.code == 1 && in_use.stderr.contains("ask that server for the token"), "{in_use:?}");
}
