//! All of it at once: engines are killed, stand still, come and go, their networks cut and swallow, and PostgreSQL is restarted, while
//! they still recover from what was before. Nobody knows here who keeps a place; what is promised is promised all the same.

use std::time::{Duration, Instant};

use crate::network::{Direction, Harm};
use crate::postgres::Stop;
use crate::server::signal;
use crate::world::{Setup, World};

/// At least, however slow the machine is.
const BLOWS_MIN: usize = 12;
const ENGINES: std::ops::RangeInclusive<usize> = 2..=4;
/// For so long an engine stands still, or hears nothing: less than a lease, or more.
const AWAY_MS: std::ops::Range<u64> = 500..14_000;

/// An engine that is away for a while.
struct Away {
    id: String,
    until: Instant,
    stands_still: bool,
}

#[test]
#[ignore = "takes minutes, most of them until workers hear of engines that are new: by name, and in soak.sh"]
fn nothing_is_lost_in_a_storm() {
    let mut world = World::new(&Setup { networks: true, swallows: true, settings: &["fsync=on"], ..Setup::default() });
    let (began, mut blows, mut away, mut died) = (Instant::now(), 0, Vec::new(), 0);
    while blows < BLOWS_MIN || began.elapsed() < crate::time() {
        world.goes_on_for(300..2_500);
        died += come_back(&mut world, &mut away, Instant::now());
        let is_away = |id: &str| away.iter().any(|away| away.id == id);
        let here: Vec<usize> = (0..world.engines.all.len()).filter(|place| !is_away(&world.engines.all[*place].id)).collect();
        let place = here[world.random.within(0..here.len() as u64) as usize];
        let engine = &world.engines.all[place];
        blows += 1;
        match world.random.within(0..8) {
            0 => {
                let mut engine = world.engines.take(place);
                engine.server.kill();
                world.engines.add(&world.home);
                died += 1;
            }
            1 | 2 if here.len() >= *ENGINES.start() => {
                let stands_still = world.random.percent(50);
                let until = Instant::now() + Duration::from_millis(world.random.within(AWAY_MS));
                away.push(Away { id: engine.id.clone(), until, stands_still });
                if stands_still {
                    signal(engine.pid(), "STOP");
                    world.engines.hide(place);
                } else {
                    engine.network().swallow(true);
                }
            }
            3 => engine.network().harm(Harm::Committed),
            4 => engine.network().harm(Harm::After(Direction::ToEngine, world.random.within(0..10_000) as usize)),
            5 => {
                let how = if world.random.percent(50) { Stop::Immediate } else { Stop::Fast };
                world.home.server.stop(how);
                world.goes_on_for(0..1_000);
                world.home.server.start_again();
            }
            6 if world.engines.all.len() < *ENGINES.end() => world.engines.add(&world.home),
            _ if here.len() > *ENGINES.start() => {
                let mut engine = world.engines.take(place);
                // One that has lost its place at this moment ends with that, and one that waits for an answer which was swallowed a while
                // ago ends without it, when its time is over.
                engine.server.stop();
                died += 1;
            }
            _ => engine.network().harm(Harm::All),
        }
    }
    died += come_back(&mut world, &mut away, Instant::now() + Duration::from_secs(3600));
    world.goes_on_for(2_000..3_000);
    died += world.engines.replace_the_lost(&world.home);
    println!("{blows} blows; {died} engines have ended");
    world.verdict();
}

/// Those whose time is over by `now`; those that have lost their place meanwhile are replaced. Gives how many.
fn come_back(world: &mut World, away: &mut Vec<Away>, now: Instant) -> usize {
    for back in away.extract_if(.., |away| away.until <= now) {
        let Some(place) = world.engines.all.iter().position(|engine| engine.id == back.id) else { continue };
        if back.stands_still {
            signal(world.engines.all[place].pid(), "CONT");
            world.engines.show(place);
        } else {
            world.engines.all[place].network().swallow(false);
        }
    }
    world.engines.replace_the_lost(&world.home)
}
