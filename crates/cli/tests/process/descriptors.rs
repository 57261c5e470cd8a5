//! A process that may open few files, and more clients than that.

use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::server;
use crate::stage::{Stage, serve};
use crate::wire::Wire;

/// Under `ulimit -n 128`, as some systems still begin.
const DESCRIPTORS: &str = "--nofile=128:128";
/// More than it may serve, and fewer than find a place in the queue of the system.
const CLIENTS: usize = 150;
const CALLS: usize = 40;

/// It used to accept connections until nothing could be opened any more: calls of endpoints failed, which counted as failures of their
/// actions, and orders failed although every service was well.
#[test]
fn connections_leave_descriptors_for_what_has_to_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let serve = serve(directory.path(), &[]);
    let mut limited = Command::new("prlimit");
    limited.arg(DESCRIPTORS).arg(serve.get_program()).args(serve.get_args());
    server::in_its_own_world(&mut limited, directory.path());
    let mut stage = Stage::run(directory, limited);
    let mut held = stage.endpoint();
    let step = |id: &str, after: &[&str]| json!({ "id": id, "action": "quick", "dependsOn": after });
    stage.site.register("called", json!([{ "id": "held", "action": "held" }, step("a", &["held"]), step("b", &["a"])]));
    // A client that opened a second connection now would wait with them.
    let address = stage.site.url.trim_start_matches("http://").to_owned();
    let mut wire = stage.runtime.block_on(Wire::open(&address)).unwrap();
    let mut ask = |method: &str, path: &str| {
        let answer = stage.runtime.block_on(wire.ask(method, path, None, b"")).unwrap();
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        serde_json::from_slice::<Value>(&answer.body).unwrap()
    };
    ask("GET", "/readyz");
    // Those that find no place wait in the queue of the system; whoever is connected is served.
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| TcpStream::connect(&address).unwrap()).collect();
    // Calls at the same time, each on a connection of its own.
    let mut start = |_| ask("POST", "/api/v1/workflows/called/executions")["id"].as_str().unwrap().to_owned();
    let ids: Vec<String> = (0..CALLS).map(&mut start).collect();
    for _ in &ids {
        stage.called(&mut held);
    }
    held.gate.add_permits(ids.len());
    for id in &ids {
        let view = ask("GET", &format!("/api/v1/executions/{id}?wait=60s"));
        assert_eq!((&view["status"], &view["completedSteps"]), (&json!("completed"), &json!(["held", "a", "b"])), "{view:#}");
    }
    let open = std::fs::read_dir(format!("/proc/{}/fd", stage.site.server.pid())).unwrap().count();
    println!("{open} files are open, with {CLIENTS} clients");
    assert!(open < 128, "{open} files are open");
    let log = stage.site.server.newest_log();
    assert!(log.contains("this process may open 128 files only"), "{log}");
    assert!(!log.contains("could not be accepted"), "{log}");

    // Once they have gone there is room for others.
    drop(clients);
    let mut other = stage.runtime.block_on(Wire::open(&address)).unwrap();
    assert_eq!(stage.runtime.block_on(other.ask("GET", "/readyz", None, b"")).unwrap().status, 200);
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}
