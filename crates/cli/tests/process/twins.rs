//! Two servers on one file: the second waits a moment for the first to go, and is then told who has it. That it is told is in
//! `bad_input`.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use crate::server::{READY_WITHIN, Server, signal};
use crate::site::{Site, refused};
use crate::stage::{Stage, serve};

/// Until it has the file of the lock open, which it does to ask for the lock again and again.
fn until_waiting(server: &Server, database: &Path) {
    let lock = database.with_file_name("workflow.db.lock");
    let deadline = Instant::now() + READY_WITHIN;
    let descriptors = format!("/proc/{}/fd", server.pid());
    let is_open = || {
        let links = std::fs::read_dir(&descriptors).unwrap().filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        links.into_iter().any(|path| path == lock)
    };
    while !is_open() {
        assert!(Instant::now() < deadline, "the second server does not ask for the file:\n{}", server.newest_log());
        std::thread::yield_now();
    }
}

/// The one that waits (for at most 5 s) has the file when the first has been killed, with all that was acknowledged, and goes on with
/// what ran.
#[test]
fn the_second_takes_over_when_the_first_is_killed() {
    let mut stage = Stage::open(&[]);
    let mut held = stage.endpoint();
    stage.site.register("called", json!([{ "id": "only", "action": "held" }]));
    let mut all = Vec::new();
    for life in 0..3 {
        all.push(stage.start("called"));
        stage.called(&mut held);
        let directory = stage.directory.path();
        let mut second = Server::spawn(serve(directory, &["--log", "debug"]), &directory.join("second"));
        until_waiting(&second, &stage.database());
        stage.site.server.kill();
        let url = second.ready();
        stage.site = Site::of(second, url);
        for _ in 0..all.len() {
            stage.called(&mut held);
        }
        println!("life {life}: {} executions were taken over", all.len());
    }
    held.gate.add_permits(100);
    for (life, id) in all.iter().enumerate() {
        stage.completes(id);
        assert_eq!(stage.count(id, "step_interrupted"), 3 - life);
    }
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}

/// One that stands still has not gone: whoever comes is told of it, however long it has been still, and nothing is written by both.
#[test]
fn a_server_that_stands_still_keeps_its_file() {
    let mut stage = Stage::open(&[]);
    stage.site.register("nothing", json!([{ "id": "only", "action": "noop" }]));
    let id = stage.start("nothing");
    let pid = stage.site.server.pid();
    signal(pid, "STOP");
    let (code, told) = refused(serve(stage.directory.path(), &[]));
    signal(pid, "CONT");
    assert_eq!(code, 1, "{told}");
    assert!(told.contains(&format!("is in use by process {pid} since 20")), "{told}");
    stage.completes(&id);
    stage.completes(&stage.start("nothing"));
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}
