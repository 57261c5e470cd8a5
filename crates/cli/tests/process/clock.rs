//! The wall clock is set: back by a day, and forward by two, with libfaketime under the real binary. That no timer fires early or is
//! lost, whatever the clocks do, is for the simulation to show (`crates/engine/tests/simulation`), which has no need of a library.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server;
use crate::stage::{Stage, serve};

const LIBRARIES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/local/lib/faketime/libfaketime.so.1",
];

/// The wall clock of a process; the monotonic one is left alone, as the system does when the clock is set.
struct Clock {
    offset: PathBuf,
}

impl Clock {
    fn set(&self, offset: &str) {
        let new = self.offset.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(new, &self.offset).unwrap();
    }

    fn under(&self, library: &Path, directory: &Path) -> Command {
        let mut serve = serve(directory, &[]);
        serve.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.offset);
        serve.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        server::in_its_own_world(&mut serve, directory);
        serve
    }
}

fn started_at(stage: &Stage, id: &str) -> i64 {
    stage.site.get(&format!("/api/v1/executions/{id}")).ok()["startedAt"].as_i64().unwrap()
}

/// One that started within these times: a thread that reads the clock while another one does may see it as it was once more.
fn starts_at(stage: &Stage, times: std::ops::Range<i64>) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let id = stage.start("quick");
        stage.completes(&id);
        let at = started_at(stage, &id);
        if times.contains(&at) {
            return id;
        }
        assert!(Instant::now() < deadline, "the server's clock is at {at}, and was set to within {times:?}");
    }
}

#[test]
fn a_clock_that_is_set_back_and_forward_loses_no_timer_and_no_order() {
    let Some(library) = LIBRARIES.iter().map(Path::new).find(|library| library.exists()) else {
        println!("LEFT OUT: libfaketime is not installed; try 'apt-get install faketime'");
        return;
    };
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock { offset: directory.path().join("offset") };
    clock.set("+0");
    let command = clock.under(library, directory.path());
    let mut stage = Stage::run(directory, command);
    let mut held = stage.endpoint();
    stage.site.register("quick", json!([{ "id": "a", "action": "quick" }, { "id": "b", "action": "quick", "dependsOn": ["a"] }]));
    stage.site.register("short", json!([{ "id": "a", "action": "noop", "wait": "30m" }]));
    stage.site.register("long", json!([{ "id": "a", "action": "noop", "wait": "30h" }]));
    stage.site.register("late", json!([{ "id": "a", "action": "held", "timeout": "300ms" }]));
    let (short, long, before) = (stage.start("short"), stage.start("long"), stage.start("quick"));
    stage.completes(&before);
    let at = started_at(&stage, &before);

    clock.set("-1d");
    let back = starts_at(&stage, at - DAY_MS..at - DAY_MS / 2);
    assert!(back > before, "ids go on rising, so that lists stay in order");
    let list = stage.site.get("/api/v1/executions?limit=1").ok();
    assert_eq!(list["executions"][0]["id"], back.as_str());
    // What runs is timed by the clock that is never set.
    let late = stage.start("late");
    stage.called(&mut held);
    assert_eq!(stage.ended(&late)["error"], "timed out after 300ms");
    for (kind, id) in [("short", &short), ("long", &long)] {
        assert_eq!(stage.site.get(&format!("/api/v1/executions/{id}")).ok()["status"], "waiting", "{kind} is not due");
    }
    let view = stage.completes(&back);
    assert!(view["stepResults"].as_object().unwrap().values().all(|step| step["duration"].as_i64().unwrap() >= 0), "{view:#}");

    // Also a server that is started while the clock is wrong.
    stage.site.server.kill();
    let command = clock.under(library, stage.directory.path());
    stage.reopen_with(command);
    stage.completes(&stage.start("quick"));

    clock.set("+1d");
    // A timer that was due long ago fires when the server looks at the clock: each minute, and when anything happens.
    stage.completes(&stage.start("quick"));
    stage.completes(&short);
    assert_eq!(stage.site.get(&format!("/api/v1/executions/{long}")).ok()["status"], "waiting");
    clock.set("+2d");
    stage.completes(&stage.start("quick"));
    stage.completes(&long);
    clock.set("+0");
    stage.completes(&stage.start("quick"));
    assert!(stage.site.server.stop().success());
    stage.is_sound();
}
