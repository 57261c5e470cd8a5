//! PostgreSQL is restarted under load, as an administrator does it and as a crash does: no engine is ready meanwhile, and all come
//! back by themselves.

use std::time::Instant;

use crate::GOES_ON_WITHIN;
use crate::postgres::Stop;
use crate::service::now_ms;
use crate::world::{Setup, World};

/// At least: each kind once.
const RESTARTS_MIN: usize = 2;

#[test]
fn engines_survive_restarts_of_postgresql() {
    let mut world = World::new(&Setup { settings: &["fsync=on"], ..Setup::default() });
    let (began, mut restarts) = (Instant::now(), 0);
    while restarts < RESTARTS_MIN || began.elapsed() < crate::time() {
        world.goes_on_for(500..3_000);
        let how = if restarts % 2 == 0 { Stop::Immediate } else { Stop::Fast };
        let line = world.home.newest_line();
        world.home.server.stop(how);
        let stopped_at = now_ms();
        world.all_ready(false);
        world.goes_on_for(0..1_000);
        world.home.server.start_again();
        let started = Instant::now();
        world.all_ready(true);
        let ready_ms = started.elapsed().as_millis();
        let progress_ms = world.home.first_progress(stopped_at, GOES_ON_WITHIN) - stopped_at;
        for engine in &world.engines.all {
            world.home.commits_after(line, &engine.id, GOES_ON_WITHIN);
        }
        restarts += 1;
        println!(
            "restart {restarts} ({how:?}): all ready {ready_ms} ms after PostgreSQL, goes on {progress_ms} ms after its end"
        );
    }
    let (commits, engines) = world.verdict();
    assert_eq!(commits.engines, engines, "each has kept its place");
    assert!(commits.reopened >= restarts * engines, "{commits:?}");
}
