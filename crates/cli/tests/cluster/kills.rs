//! SIGKILL of one of the engines at random moments: the others take over what it owned, and a new one gets its share.

use std::time::Instant;

use crate::service::now_ms;
use crate::world::{Setup, World};
use crate::{GOES_ON_WITHIN, LEASE};

/// At least, however slow the machine is.
const KILLS_MIN: usize = 2;

#[test]
fn when_an_engine_is_killed_the_others_take_over_what_it_owned() {
    let mut world = World::new(&Setup::default());
    let (began, mut kills) = (Instant::now(), 0);
    while kills < KILLS_MIN || began.elapsed() < crate::time() {
        world.goes_on_for(500..3_000);
        let place = world.any();
        let mut engine = world.engines.take(place);
        engine.server.kill();
        let killed_at = now_ms();
        let alone = world.home.orphan(&engine.id, "kill");
        // Who comes before the lease of the dead one has run out takes part in taking over.
        let at_once = world.random.percent(50);
        if at_once {
            world.engines.add(&world.home);
        }
        let progress_ms = world.home.first_progress_of_orphans(killed_at, LEASE + GOES_ON_WITHIN);
        if !at_once {
            world.engines.add(&world.home);
        }
        kills += 1;
        println!("kill {kills}: {} and its {alone} executions: the first goes on after {progress_ms:?} ms", engine.id);
    }
    let (commits, engines) = world.verdict();
    assert_eq!(commits.engines, engines + kills);
}
