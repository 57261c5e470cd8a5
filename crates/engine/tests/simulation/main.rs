//! Simulation by seed: the real ring, its scheduler, recovery and the sessions of remote workers, in one thread, on simulated time,
//! with a simulated store and network. `docs/reliability.md` says what is simulated and what is checked.
//!
//! A seed gives a [`plan`]: definitions, and a few hundred moves of the store, people, workers, clocks and faults in an order in
//! which no test by hand would put them. The [`world`] carries them out and checks what leaves the ring; the [`model`] checks what
//! becomes durable; in the end nothing fails any more and everything has to come to its [`rest`].
//!
//! `SIMULATION_SEED=7` runs one seed and prints its trace, `SIMULATION_SEEDS=100000` that many, `SIMULATION_MINUTES=60` new ones
//! for that long. What is *not* here: threads, the driver, SQLite; those have tests of their own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asks;
mod disk;
#[path = "../../../core/tests/legality/mod.rs"]
mod legality;
mod model;
mod moves;
#[cfg(feature = "mutation")]
mod mutations;
mod plan;
#[path = "../random/mod.rs"]
mod random;
mod rest;
mod run;
mod trace;
mod workers;
mod workflows;
mod world;

use run::{Verdict, run, run_all, tell};
use trace::Mode;

/// Seeds of `make test`.
const SEEDS: u64 = 3_000;

/// A rule does not hold: what it says, and what was found.
#[track_caller]
fn broken(rule: &str, found: impl Into<String>) -> ! {
    std::panic::panic_any(run::Broken { rule: rule.to_owned(), found: found.into() })
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("expected a number in {name}, found `{value}`")))
}

#[test]
fn whatever_happens_no_state_is_lost() {
    if let Some(seed) = setting("SIMULATION_SEED") {
        return tell(seed);
    }
    let seeds = setting("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (first, until) = match setting("SIMULATION_MINUTES") {
        Some(minutes) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            (now << 20, Some(std::time::Instant::now() + std::time::Duration::from_secs(60 * minutes)))
        }
        None => (0, None),
    };
    let ran = run_all(first, if until.is_some() { u64::MAX - first } else { seeds }, until);
    println!("{ran}");
}

/// Nothing in a simulation depends on the machine, the time of day, or the order of a hash.
#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..100 {
        let plan = plan::Plan::of_seed(seed);
        let (Verdict::Held(first), Verdict::Held(second)) = (run(&plan, Mode::Hash), run(&plan, Mode::Hash)) else {
            return tell(seed);
        };
        assert_eq!(first.hash, second.hash, "seed {seed} gives two traces");
        assert!(first.batches > 0, "seed {seed} does something");
    }
}
