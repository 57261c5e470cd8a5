//! A process that may open few files, and more clients than that.

use std::net::TcpStream;
use std::process::Command;

use serde_json::json;

use crate::server;
use crate::stage::{Stage, serve};

/// Under `ulimit -n 128`, as some systems still begin.
const DESCRIPTORS: &str = "--nofile=128:128";
/// More than it may serve, and fewer than find a place in the queue of the system.
const CLIENTS: usize = 150;

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
    // Forty calls at the same time, which have no connections yet.
    let ids: Vec<String> = (0..40).map(|_| stage.start("called")).collect();
    for _ in &ids {
        stage.called(&mut held);
    }

    // Those that find no place wait in the queue of the system; whoever is connected is served.
    let address = stage.site.url.trim_start_matches("http://").to_owned();
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| TcpStream::connect(&address).unwrap()).collect();
    held.gate.add_permits(ids.len());
    for id in &ids {
        let view = stage.completes(id);
        assert_eq!(view["completedSteps"], json!(["held", "a", "b"]));
    }
    let open = std::fs::read_dir(format!("/proc/{}/fd", stage.site.server.pid())).unwrap().count();
    println!("{open} files are open, with {CLIENTS} clients");
    assert!(open < 128, "{open} files are open");
    let log = stage.site.server.newest_log();
    assert!(log.contains("this process may open 128 files only"), "{log}");
    assert!(!log.contains("could not be accepted"), "{log}");

    // Once they have gone there is room for others.
    drop(clients);
    let other = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = stage.runtime.block_on(other.get(format!("{}/readyz", stage.site.url)).send()).unwrap();
    assert_eq!(answer.status(), 200);
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}
