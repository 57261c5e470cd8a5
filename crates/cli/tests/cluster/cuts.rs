//! A network that cuts connections at random moments, also when PostgreSQL has committed and the engine does not hear it, and one
//! that swallows everything for some seconds.

use std::time::{Duration, Instant};

use crate::GOES_ON_WITHIN;
use crate::home::Home;
use crate::network::{Direction, Harm, Network};
use crate::service::now_ms;
use crate::world::World;

/// At least, however slow the machine is.
const CUTS_MIN: usize = 10;
/// A cut in so many is when PostgreSQL has committed.
const COMMITTED_EVERY: usize = 3;

fn opened() -> (World, Network) {
    let seed = crate::seed();
    let home = Home::open(&["fsync=off"]);
    let runtime = World::runtime();
    let network = runtime.block_on(Network::start(home.server.port()));
    let url = home.url.replace(&format!("127.0.0.1:{}", home.server.port()), &network.address.to_string());
    assert_ne!(url, home.url);
    (World::new(seed, home, runtime, &url), network)
}

#[test]
fn an_engine_survives_connections_that_are_cut() {
    let (mut world, network) = opened();
    let (began, mut cuts, mut unheard) = (Instant::now(), 0, 0);
    while cuts < CUTS_MIN || began.elapsed() < crate::time() {
        let harm = match (cuts % COMMITTED_EVERY, world.random.within(0..3)) {
            (0, _) => Harm::Committed,
            (_, 0) => Harm::All,
            (_, 1) => Harm::After(Direction::ToPostgres, world.random.within(0..40_000) as usize),
            _ => Harm::After(Direction::ToEngine, world.random.within(0..20_000) as usize),
        };
        network.harm(harm);
        let deadline = Instant::now() + GOES_ON_WITHIN;
        while !network.is_done() {
            assert!(Instant::now() < deadline, "{harm:?} befalls nobody:\n{}", world.engines.owner.newest_log());
            std::thread::sleep(Duration::from_millis(5));
        }
        let cut_at = now_ms();
        (cuts, unheard) = (cuts + 1, unheard + usize::from(harm == Harm::Committed));
        world.home.first_progress(cut_at, GOES_ON_WITHIN);
        world.goes_on_for(0..500);
    }
    println!("{cuts} cuts, {unheard} of them of a commit that took place");
    let commits = world.verdict();
    assert_eq!(commits.engines, 1, "the engine has kept its place");
    assert!(commits.reopened >= unheard, "{commits:?}");
}

#[test]
fn an_engine_survives_a_network_that_swallows_everything_for_a_while() {
    let (mut world, network) = opened();
    let (began, mut holes) = (Instant::now(), 0);
    while holes == 0 || began.elapsed() < crate::time() {
        world.goes_on_for(500..2_000);
        let began_ms = now_ms();
        network.swallow(true);
        world.goes_on_for(2_000..5_000);
        network.swallow(false);
        let hole_ms = now_ms() - began_ms;
        // What was swallowed is never answered: the engine waits for as long as it waits for any answer.
        let progress_ms = world.home.first_progress(began_ms + hole_ms, Duration::from_secs(60)) - began_ms;
        holes += 1;
        println!("hole {holes}: everything was swallowed for {hole_ms} ms; goes on {progress_ms} ms after its beginning");
    }
    let commits = world.verdict();
    assert_eq!(commits.engines, 1, "the engine has kept its place");
}
