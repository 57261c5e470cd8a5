//! Numbers that a seed gives: the same ones everywhere and for ever.

use std::time::{Duration, Instant, SystemTime};

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// True so many times of 100.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// The seeds of a test: so many that never change, then so many fresh ones. `WORKFLOW_DISK_SECONDS` is how long each test goes on
/// with fresh ones (`make soak`), `WORKFLOW_DISK_SEED` the one seed to play again.
pub fn seeds(fixed: u64, fresh: u64) -> impl Iterator<Item = u64> {
    let only = variable("WORKFLOW_DISK_SEED");
    let until = variable("WORKFLOW_DISK_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let first_fresh = u64::try_from(now).unwrap() << 8;
    let mut given = 0;
    std::iter::from_fn(move || {
        given += 1;
        match (only, until) {
            (Some(seed), _) => (given == 1).then_some(seed),
            _ if given <= fixed => Some(given),
            (None, Some(until)) => (Instant::now() < until).then_some(first_fresh + given),
            (None, None) => (given <= fixed + fresh).then_some(first_fresh + given),
        }
    })
}

/// Whether there is time for everything.
pub fn is_soak() -> bool {
    variable("WORKFLOW_DISK_SECONDS").is_some()
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("expected {name} to be a number, found {text}")))
}
