//! A disk without room: nothing is half-written, nothing acknowledged is lost, and once there is room the server goes on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use crate::server::{self, serve};
use crate::site::{Site, database};

/// A disk that can be filled.
trait Disk {
    fn fill(&self, site: &Site);
    fn make_room(&self, site: &Site);
}

/// A file system of a few MiB.
struct Small {
    directory: PathBuf,
}

impl Small {
    /// None, said loudly, where this user cannot mount one. That is no failure anywhere: full disks of every kind are shown by the
    /// store's own tests on a file system of theirs.
    fn mount(directory: &Path) -> Option<Small> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "workflow-test"]).arg(directory).output();
        match mount {
            Ok(output) if output.status.success() => Some(Small { directory: directory.to_owned() }),
            other => {
                println!("LEFT OUT: a small file system cannot be mounted: {other:?}; try as root");
                None
            }
        }
    }
}

impl Disk for Small {
    fn fill(&self, _: &Site) {
        let mut filler = std::fs::File::create(self.directory.join("filler")).unwrap();
        let piece = [0; 4_096];
        while filler.write_all(&piece).is_ok() {}
    }

    fn make_room(&self, _: &Site) {
        std::fs::remove_file(self.directory.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.directory).status().ok();
    }
}

/// The size that the server may let a file grow to: for everyone, but another error than that of a full disk.
struct Limited;

fn limit(site: &Site, bytes: &str) {
    let limit = Command::new("prlimit").args(["--pid", &site.server.pid().to_string(), &format!("--fsize={bytes}:")]).status();
    assert!(limit.expect("prlimit (util-linux) is installed").success());
}

impl Disk for Limited {
    fn fill(&self, site: &Site) {
        limit(site, "8192");
    }

    fn make_room(&self, site: &Site) {
        limit(site, "unlimited");
    }
}

/// An action that says when it is called, and ends when it is let go. Counts its calls in what it says.
fn service(site: &Site) -> (String, mpsc::UnboundedReceiver<()>, Arc<Semaphore>) {
    let (called, calls) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let hold = move || async move {
        called.send(()).ok();
        open.acquire().await.unwrap().forget();
        axum::Json(json!({ "held": true }))
    };
    let url = site.runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/hold", post(hold))).await });
        url
    });
    (url, calls, gate)
}

/// While the disk is full a refusal says what this `advice` says. `readable`: what is there can be read meanwhile.
fn outlives(disk: &dyn Disk, mut site: Site, advice: &[&str], readable: bool) {
    const START: &str = "/api/v1/workflows/held/executions";
    let (url, mut calls, gate) = service(&site);
    site.json("PUT", "/api/v1/endpoints/one", &[], &json!({ "url": url, "actions": ["hold"] })).ok();
    site.register("held", json!([{ "id": "only", "action": "hold" }]));
    let acknowledged: Vec<String> = (0..20)
        .map(|number| {
            let key = format!("before-{number}");
            let execution =
                site.json("POST", START, &[("idempotency-key", &key)], &json!({ "input": { "number": number } })).ok();
            site.runtime.block_on(calls.recv()).unwrap();
            execution["id"].as_str().unwrap().to_owned()
        })
        .collect();

    disk.fill(&site);
    let late = json!({ "input": { "text": "x".repeat(300_000) } });
    let refusals = ["late-1", "late-2", "late-3"].map(|key| site.json("POST", START, &[("idempotency-key", key)], &late));
    for (number, refusal) in refusals.iter().enumerate() {
        assert_eq!((refusal.status, refusal.retry_after.is_some()), (503, true), "{refusal:?}");
        let code = refusal.body["code"].as_str().unwrap();
        // Of the first it may not be known; after that the server knows that it cannot write.
        assert!(code == "store_unavailable" || number == 0 && !readable && code == "outcome_unknown", "{refusal:?}");
        let detail = refusal.body["detail"].as_str().unwrap();
        assert!(advice.iter().all(|part| detail.contains(part)), "{detail}");
    }
    site.until("/readyz", 503).problem(503, "store_unavailable");
    // The steps end meanwhile, and what was acknowledged can be read and listed.
    gate.add_permits(acknowledged.len());
    site.is_alive();
    if readable {
        for id in &acknowledged {
            assert_eq!(site.get(&format!("/api/v1/executions/{id}")).ok()["status"], "running");
            assert!(site.get(&format!("/api/v1/executions/{id}/history")).ok()["entries"].is_array());
        }
        let running = site.get("/api/v1/executions?status=running").ok();
        assert_eq!(running["executions"].as_array().unwrap().len(), acknowledged.len());
    }

    disk.make_room(&site);
    site.until("/readyz", 200);
    for id in &acknowledged {
        let execution = site.get(&format!("/api/v1/executions/{id}?wait=30s")).ok();
        assert_eq!(execution["status"], "completed", "{execution}");
    }
    assert!(calls.try_recv().is_err(), "an action that had ended was called again because the disk was full");
    // Whoever repeats the call gets one execution, whatever became of the first.
    let again = site.json("POST", START, &[("idempotency-key", "late-1")], &late).ok();
    assert_eq!(again["id"], site.json("POST", START, &[("idempotency-key", "late-1")], &late).ok()["id"]);
    gate.add_permits(1);
    let id = again["id"].as_str().unwrap();
    assert_eq!(site.get(&format!("/api/v1/executions/{id}?wait=30s")).ok()["status"], "completed");
    let counts = site.get("/api/v1/executions/counts").ok();
    assert_eq!(counts["byStatus"]["completed"], acknowledged.len() + 1, "{counts}");
    site.is_alive();
    site.stop();
}

/// Whoever started with an idempotency key used to wait as long as the disk was full: the key was not settled. And nothing could be read
/// either: the commit that ran out of room had everything closed, and opening it again needed room.
#[test]
fn a_full_disk_refuses_starts_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let small = directory.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let Some(disk) = Small::mount(&small) else { return };
    let site = Site::run(serve(&database(&small)), directory.path());
    outlives(&disk, site, &["the disk is full", "make room"], true);
}

#[test]
fn a_disk_that_fails_refuses_starts_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    // A process is killed for writing beyond the limit, unless it ignores the signal, as a child of this shell does. Its log
    // goes through a pipe: it has no size.
    let serve = serve(&database(directory.path()));
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\" 2>/dev/null"]).arg(serve.get_program()).args(serve.get_args());
    server::in_its_own_world(&mut shell, directory.path());
    shell.stdin(Stdio::null());
    let advice = ["the disk failed to read or write: look at the system's log"];
    outlives(&Limited, Site::run(shell, directory.path()), &advice, false);
}
