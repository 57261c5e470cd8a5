//! Ids of executions: text order is start order, also when the wall clock goes back.

use workflow_core::id::{ExecutionId, Slot};
use workflow_core::time::Timestamp;
use workflow_store::Ranges;

#[derive(Debug)]
pub struct Ids {
    millis: i64,
    sequence: u16,
    random: u64,
}

/// The sequence within a millisecond has 12 bits.
const SEQUENCE_MAX: u16 = 0xfff;

impl Ids {
    pub fn new(seed: u64) -> Ids {
        Ids { millis: 0, sequence: 0, random: seed }
    }

    /// In one of `ranges`, of which there are some.
    pub fn next(&mut self, now: Timestamp, ranges: Ranges) -> ExecutionId {
        if now.millis() > self.millis {
            self.millis = now.millis();
            self.sequence = 0;
        } else if self.sequence < SEQUENCE_MAX {
            self.sequence += 1;
        } else {
            // More than the clock has room for: a little ahead of it.
            self.millis += 1;
            self.sequence = 0;
        }
        let random = self.random();
        // Other bits than those that become part of the id; of no ranges nothing is started.
        let slot = ranges.slot(random >> 16).unwrap_or(Slot::new(0));
        ExecutionId::from_parts(Timestamp::from_millis(self.millis), self.sequence, random, slot)
    }

    /// SplitMix64: not a secret, only spread.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_in_one_millisecond_and_when_the_clock_goes_back() {
        let mut ids = Ids::new(7);
        let mut last = ids.next(Timestamp::from_millis(1_000), Ranges::ALL);
        for _ in 0..10_000 {
            let id = ids.next(Timestamp::from_millis(1_000), Ranges::ALL);
            assert!(id > last);
            last = id;
        }
        assert!(ids.next(Timestamp::from_millis(5), Ranges::ALL) > last);
    }
}
