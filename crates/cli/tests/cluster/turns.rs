//! Engines come and go in order, as when a cluster is made larger, smaller, or is updated.

use std::time::Instant;

use crate::GOES_ON_WITHIN;
use crate::service::now_ms;
use crate::world::{Setup, World};

/// At least, however slow the machine is.
const TURNS_MIN: usize = 6;
const ENGINES: std::ops::RangeInclusive<usize> = 2..=4;

#[test]
fn engines_come_and_go_in_order() {
    let mut world = World::new(&Setup::default());
    let (began, mut came, mut went) = (Instant::now(), 0, 0);
    while came + went < TURNS_MIN || began.elapsed() < crate::time() {
        world.goes_on_for(300..2_000);
        let count = world.engines.all.len();
        if count == *ENGINES.start() || (count < *ENGINES.end() && world.random.percent(50)) {
            world.engines.add(&world.home);
            came += 1;
            if world.random.percent(50) {
                let shared = world.engines.each_has_its_share(&world.home);
                println!("{} engines: each has its share after {} ms", count + 1, shared.as_millis());
            }
        } else {
            let place = world.any();
            let mut engine = world.engines.take(place);
            let alone = world.home.orphan(&engine.id, "end in order");
            let began = Instant::now();
            assert!(engine.server.stop().success(), "{}", engine.server.newest_log());
            let (ended_at, took) = (now_ms(), began.elapsed());
            went += 1;
            let progress_ms = world.home.first_progress_of_orphans(ended_at, GOES_ON_WITHIN);
            println!(
                "{} with {alone} executions ends within {} ms; the first goes on {progress_ms:?} ms later",
                engine.id,
                took.as_millis()
            );
        }
    }
    let (commits, engines) = world.verdict();
    assert_eq!(commits.engines, engines + went);
    assert!(came > 0 && went > 0);
}
