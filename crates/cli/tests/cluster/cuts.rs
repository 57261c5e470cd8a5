//! A network that cuts connections of an engine at random moments, also when PostgreSQL has committed and the engine does not hear
//! it, and one that swallows everything for some seconds: less than the lease lasts, and more.

use std::time::{Duration, Instant};

use crate::network::{Direction, Harm};
use crate::service::now_ms;
use crate::world::{Setup, World};
use crate::{GOES_ON_WITHIN, LEASE};

/// At least, however slow the machine is.
const CUTS_MIN: usize = 10;
/// A cut in so many is when PostgreSQL has committed.
const COMMITTED_EVERY: usize = 3;

#[test]
fn engines_survive_connections_that_are_cut() {
    let mut world = World::new(&Setup { networks: true, ..Setup::default() });
    let (began, mut cuts, mut unheard) = (Instant::now(), 0, 0);
    while cuts < CUTS_MIN || began.elapsed() < crate::time() {
        let harm = match (cuts % COMMITTED_EVERY, world.random.within(0..3)) {
            (0, _) => Harm::Committed,
            (_, 0) => Harm::All,
            (_, 1) => Harm::After(Direction::ToPostgres, world.random.within(0..20_000) as usize),
            _ => Harm::After(Direction::ToEngine, world.random.within(0..10_000) as usize),
        };
        let place = world.any();
        let engine = &world.engines.all[place];
        engine.network().harm(harm);
        let deadline = Instant::now() + GOES_ON_WITHIN;
        while !engine.network().is_done() {
            assert!(Instant::now() < deadline, "{harm:?} befalls nobody:\n{}", engine.server.newest_log());
            std::thread::sleep(Duration::from_millis(5));
        }
        let line = world.home.newest_line();
        (cuts, unheard) = (cuts + 1, unheard + usize::from(harm == Harm::Committed));
        world.home.commits_after(line, &engine.id, GOES_ON_WITHIN);
        world.goes_on_for(0..500);
    }
    println!("{cuts} cuts, {unheard} of them of a commit that took place");
    let (commits, engines) = world.verdict();
    assert_eq!(commits.engines, engines, "each has kept its place");
    assert!(commits.reopened >= unheard, "{commits:?}");
}

/// What is swallowed, in milliseconds: an engine that has just renewed its lease survives the first, and none survives the second.
const SHORT_MS: std::ops::Range<u64> = 500..2_000;
const LONG_MS: std::ops::Range<u64> = 12_000..14_000;

#[test]
fn an_engine_whose_network_swallows_everything_survives_it_or_loses_its_place() {
    let mut world = World::new(&Setup { networks: true, swallows: true, ..Setup::default() });
    let (began, mut holes, mut lost) = (Instant::now(), 0, 0);
    while holes < 2 || began.elapsed() < crate::time() {
        world.goes_on_for(500..2_000);
        let is_long = holes % 2 == 1;
        let place = world.any();
        let id = world.engines.all[place].id.clone();
        let line = world.home.newest_line();
        world.engines.all[place].network().swallow(true);
        let began_ms = now_ms();
        if is_long {
            let alone = world.home.orphan(&id, "hole");
            let progress_ms = world.home.first_progress_of_orphans(began_ms, LEASE + GOES_ON_WITHIN);
            println!("hole: {id} and its {alone} executions: the first goes on after {progress_ms:?} ms");
            world.engines.is_missed(&world.home, &id);
        }
        let left = (if is_long { LONG_MS } else { SHORT_MS }).end.saturating_sub(now_ms() - began_ms);
        world.goes_on_for(left / 2..left + 1);
        world.engines.all[place].network().swallow(false);
        holes += 1;
        if is_long {
            let mut engine = world.engines.take(place);
            engine.has_lost_its_place();
            world.engines.add(&world.home);
            lost += 1;
        } else {
            // What was swallowed is never answered: the engine waits for as long as it waits for any answer, which may be longer
            // than its lease lasts.
            world.goes_on_for(0..1_000);
            lost += world.engines.replace_the_lost(&world.home);
            if let Some(engine) = world.engines.all.iter().find(|engine| engine.id == id) {
                world.home.commits_after(line, &engine.id, Duration::from_secs(60));
            }
        }
    }
    let (commits, engines) = world.verdict();
    assert_eq!(commits.engines, engines + lost);
}
