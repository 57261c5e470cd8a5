//! SIGSTOP of an engine for longer than its lease: when it goes on, others have what it owned.

use std::time::Instant;

use crate::engines::Engines;
use crate::home::Home;
use crate::server::signal;
use crate::service::now_ms;
use crate::world::{Setup, World};
use crate::{GOES_ON_WITHIN, LEASE};

/// Nothing is committed that would tell it.
#[test]
fn an_engine_with_nothing_to_do_that_stood_still_ends_as_well() {
    let home = Home::open(&["fsync=off"]);
    let directory = tempfile::tempdir().unwrap();
    let mut engines = Engines::open(directory.path(), &home, 2, None);
    let mut zombie = engines.take(0);
    signal(zombie.pid(), "STOP");
    engines.is_missed(&home, &zombie.id);
    signal(zombie.pid(), "CONT");
    let woken = Instant::now();
    zombie.has_lost_its_place();
    println!("woken, it ends after {} ms", woken.elapsed().as_millis());
    engines.each_has_its_share(&home);
    engines.stop();
}

/// From when others go on until the one that stood still may: the judge tells a call that was late from one that must not be.
const APART_MS: std::ops::Range<u64> = 3_000..4_000;
/// Far from what a lease takes.
const SHORT_MS: std::ops::Range<u64> = 200..2_000;

#[test]
fn an_engine_that_stood_still_for_longer_than_its_lease_commits_nothing_and_hands_out_nothing() {
    let mut world = World::new(&Setup::default());
    let (began, mut pauses) = (Instant::now(), 0);
    while pauses == 0 || began.elapsed() < crate::time() {
        world.goes_on_for(500..2_000);
        let place = world.any();
        // Whoever stands still for a short time loses nothing.
        let line = world.home.newest_line();
        signal(world.engines.all[place].pid(), "STOP");
        world.goes_on_for(SHORT_MS);
        signal(world.engines.all[place].pid(), "CONT");
        world.home.commits_after(line, &world.engines.all[place].id, GOES_ON_WITHIN);

        world.goes_on_for(500..2_000);
        let place = world.any();
        let mut zombie = world.engines.take(place);
        signal(zombie.pid(), "STOP");
        let stopped_at = now_ms();
        let alone = world.home.orphan(&zombie.id, "pause");
        let progress_ms = world.home.first_progress_of_orphans(stopped_at, LEASE + GOES_ON_WITHIN);
        world.engines.is_missed(&world.home, &zombie.id);
        world.goes_on_for(APART_MS);
        signal(zombie.pid(), "CONT");
        let woken = Instant::now();
        zombie.has_lost_its_place();
        pauses += 1;
        println!(
            "pause {pauses}: {} and its {alone} executions: the first goes on after {progress_ms:?} ms; woken, it ends after {} ms",
            zombie.id,
            woken.elapsed().as_millis()
        );
        world.engines.add(&world.home);
    }
    let (commits, engines) = world.verdict();
    assert_eq!(commits.engines, engines + pauses);
}
