//! PostgreSQL is restarted under load, as an administrator does it and as a crash does: the engine is not ready meanwhile, and comes
//! back by itself.

use std::time::{Duration, Instant};

use crate::GOES_ON_WITHIN;
use crate::home::Home;
use crate::postgres::Stop;
use crate::service::now_ms;
use crate::world::World;

/// At least: each kind once.
const RESTARTS_MIN: usize = 2;

#[test]
fn an_engine_survives_restarts_of_postgresql() {
    let seed = crate::seed();
    let home = Home::open(&["fsync=on"]);
    let url = home.url.clone();
    let mut world = World::new(seed, home, World::runtime(), &url);
    let (began, mut restarts) = (Instant::now(), 0);
    while restarts < RESTARTS_MIN || began.elapsed() < crate::time() {
        world.goes_on_for(500..3_000);
        let how = if restarts % 2 == 0 { Stop::Immediate } else { Stop::Fast };
        world.home.server.stop(how);
        let stopped_at = now_ms();
        until(&world, false);
        world.goes_on_for(0..2_000);
        world.home.server.start_again();
        let started = Instant::now();
        until(&world, true);
        let ready_ms = started.elapsed().as_millis();
        let progress_ms = world.home.first_progress(stopped_at, GOES_ON_WITHIN) - stopped_at;
        restarts += 1;
        println!("restart {restarts} ({how:?}): ready {ready_ms} ms after PostgreSQL, goes on {progress_ms} ms after its end");
    }
    let commits = world.verdict();
    assert_eq!(commits.engines, 1, "the engine has kept its place");
    assert!(commits.reopened >= restarts, "{commits:?}");
}

fn until(world: &World, ready: bool) {
    let deadline = Instant::now() + GOES_ON_WITHIN;
    while world.is_ready() != ready {
        assert!(Instant::now() < deadline, "readiness should be {ready}:\n{}", world.engines.owner.newest_log());
        std::thread::sleep(Duration::from_millis(20));
    }
}
