//! SIGKILL of the engine that owns the database, at random moments: the one that stands by goes on.

use std::time::Instant;

use crate::home::Home;
use crate::service::now_ms;
use crate::world::World;
use crate::{GOES_ON_WITHIN, LEASE};

/// At least, however slow the machine is.
const KILLS_MIN: usize = 2;

#[test]
fn when_the_owner_is_killed_the_one_that_stands_by_goes_on() {
    let seed = crate::seed();
    let home = Home::open(&["fsync=off"]);
    let url = home.url.clone();
    let mut world = World::new(seed, home, World::runtime(), &url);
    let (began, mut kills) = (Instant::now(), 0);
    while kills < KILLS_MIN || began.elapsed() < crate::time() {
        world.engines.stand_by();
        world.goes_on_for(500..3_000);
        let before = world.home.owner();
        world.engines.owner.kill();
        let killed_at = now_ms();
        drop(world.engines.succeed());
        let progress_ms = world.home.first_progress(killed_at, GOES_ON_WITHIN) - killed_at;
        kills += 1;
        println!("kill {kills}: what {before} had under way goes on after {progress_ms} ms");
        assert!(u128::from(progress_ms) < (LEASE + GOES_ON_WITHIN).as_millis(), "{progress_ms} ms");
    }
    let commits = world.verdict();
    assert_eq!(commits.engines, kills + 1);
}
