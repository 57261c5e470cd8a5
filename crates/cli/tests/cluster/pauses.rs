//! SIGSTOP of the engine that owns the database for longer than its lease: when it goes on, another one has its place.

use std::time::Instant;

use crate::GOES_ON_WITHIN;
use crate::engines::Engines;
use crate::home::Home;
use crate::server::signal;
use crate::service::now_ms;
use crate::world::World;

/// Nothing is committed that would tell it.
#[test]
fn an_engine_with_nothing_to_do_that_stood_still_ends_as_well() {
    let home = Home::open(&["fsync=off"]);
    let directory = tempfile::tempdir().unwrap();
    let mut engines = Engines::open(directory.path(), &home.url);
    engines.stand_by();
    let before = home.owner();
    signal(engines.owner.pid(), "STOP");
    let mut zombie = engines.succeed();
    signal(zombie.pid(), "CONT");
    let woken = Instant::now();
    let ended = zombie.ended();
    println!("woken, it ends with {ended} after {} ms", woken.elapsed().as_millis());
    assert!(!ended.success(), "{ended}");
    let told = engines.log();
    assert!(told.lines().any(|line| line.contains(&before) && line.contains("has taken over")), "{told}");
    engines.stop();
}

/// From when the successor goes on until the other one may: the judge tells a call that was late from one that must not be.
const APART_MS: std::ops::Range<u64> = 3_000..4_000;

#[test]
fn an_engine_that_stood_still_for_longer_than_its_lease_commits_nothing_and_hands_out_nothing() {
    let seed = crate::seed();
    let home = Home::open(&["fsync=off"]);
    let url = home.url.clone();
    let mut world = World::new(seed, home, World::runtime(), &url);
    let (began, mut pauses) = (Instant::now(), 0);
    while pauses == 0 || began.elapsed() < crate::time() {
        world.engines.stand_by();
        world.goes_on_for(500..3_000);
        let before = world.home.owner();
        signal(world.engines.owner.pid(), "STOP");
        let stopped_at = now_ms();
        let mut zombie = world.engines.succeed();
        let progress_ms = world.home.first_progress(stopped_at, GOES_ON_WITHIN) - stopped_at;
        world.goes_on_for(APART_MS);
        signal(zombie.pid(), "CONT");
        let woken = Instant::now();
        let ended = zombie.ended();
        pauses += 1;
        println!(
            "pause {pauses}: what {before} had under way goes on after {progress_ms} ms; woken, it ends with {ended} after {} ms",
            woken.elapsed().as_millis()
        );
        assert!(!ended.success(), "{ended}");
        let told = world.engines.log();
        assert!(told.lines().any(|line| line.contains(&before) && line.contains("has taken over")), "{told}");
    }
    let commits = world.verdict();
    assert_eq!(commits.engines, pauses + 1);
}
