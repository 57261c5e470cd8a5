//! Several engines on one store: who owns which executions, and what one engine asks of another.

use std::fmt;

use workflow_core::id::{ExecutionId, Slot};
use workflow_core::json::Json;
use workflow_core::time::Timestamp;

use crate::Fault;

/// Slots of one range: what changes hands together.
const SLOTS: u16 = Slot::COUNT / Ranges::COUNT as u16;

/// A set of ranges of slots. Range `n` has the 64 slots from `64 n` on; there are 64 of them, so at most as many engines own something.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Ranges(u64);

impl Ranges {
    pub const COUNT: u32 = u64::BITS;
    pub const NONE: Ranges = Ranges(0);
    pub const ALL: Ranges = Ranges(u64::MAX);

    /// The range of an execution.
    pub fn of(id: ExecutionId) -> u32 {
        u32::from(id.slot().number() / SLOTS)
    }

    /// The set of one range, modulo their number.
    pub fn only(range: u32) -> Ranges {
        Ranges(1 << (range % Ranges::COUNT))
    }

    pub fn contains(self, range: u32) -> bool {
        self.0 & Ranges::only(range).0 != 0
    }

    /// Whether the range of this execution is among them.
    pub fn hold(self, id: ExecutionId) -> bool {
        self.contains(Ranges::of(id))
    }

    #[must_use]
    pub fn with(self, others: Ranges) -> Ranges {
        Ranges(self.0 | others.0)
    }

    #[must_use]
    pub fn without(self, others: Ranges) -> Ranges {
        Ranges(self.0 & !others.0)
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, others: Ranges) -> Ranges {
        Ranges(self.0 & others.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// How many slots they have together, of the 4096 that there are.
    pub fn slots(self) -> usize {
        self.len() * usize::from(SLOTS)
    }

    /// Ascending.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..Ranges::COUNT).filter(move |range| self.contains(*range))
    }

    /// One slot of them, the same for the same number; none when there are none.
    pub fn slot(self, number: u64) -> Option<Slot> {
        let nth = usize::try_from(number % self.len().max(1) as u64).ok()?;
        let range = self.iter().nth(nth)?;
        let within = (number >> 32) as u16 % SLOTS;
        Some(Slot::new(range as u16 * SLOTS + within))
    }

    pub const fn to_bits(self) -> u64 {
        self.0
    }

    pub const fn from_bits(bits: u64) -> Ranges {
        Ranges(bits)
    }
}

impl FromIterator<u32> for Ranges {
    fn from_iter<T: IntoIterator<Item = u32>>(ranges: T) -> Ranges {
        ranges.into_iter().fold(Ranges::NONE, |all, range| all.with(Ranges::only(range)))
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// An engine that works on a store, as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Of this life of the engine.
    pub id: String,
    /// What a person looks for it by.
    pub name: String,
    /// Where workers and people reach it; none when it did not say.
    pub url: Option<String>,
    pub joined_at: Timestamp,
    pub ranges: Ranges,
    /// The number of its newest commit: it rises when anything that it owns changes.
    pub batch: u64,
    /// Its lease has run out; what it owns is taken by another one soon.
    pub lapsed: bool,
    /// It is the one that was asked.
    pub is_self: bool,
}

/// What an engine is called that was given no name: `process 4711 on db1`.
pub fn this_process() -> String {
    #[cfg(unix)]
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let host = std::env::var("COMPUTERNAME").unwrap_or_else(|_| "an unknown machine".to_owned());
    format!("process {} on {host}", std::process::id())
}

/// What an engine is told by its store, from any thread, whenever it likes.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Another engine has taken over what this one owned.
    Lost(Fault),
    /// This engine owns these ranges now, also if it owned some of them before; one that it gives away meanwhile may be among them.
    Owns(Ranges),
    /// This engine has more than its share: it is to give so many ranges to another one ([`Change::Give`](crate::Change::Give)).
    Share { count: usize, to: String },
    /// Other engines have come or gone.
    Members,
    /// Other engines may have asked something ([`Store::asked`](crate::Store::asked)).
    Asked,
    /// Something that was asked of others may have been answered ([`Store::take_answer`](crate::Store::take_answer)).
    Answered,
    /// Definitions, endpoints or tokens may have changed.
    Catalog,
}

/// What an engine asks of the one that owns an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Rises with time.
    pub seq: u64,
    pub execution: ExecutionId,
    /// What is to be done: words between engines, which no store knows.
    pub command: Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_ranges() {
        let ranges: Ranges = [0, 5, 63].into_iter().collect();
        assert_eq!((ranges.len(), ranges.iter().collect::<Vec<_>>()), (3, vec![0, 5, 63]));
        for number in (0..10_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            let slot = ranges.slot(number).unwrap();
            let id = ExecutionId::from_parts(Timestamp::from_millis(1), 0, number, slot);
            assert!(ranges.hold(id) && id.slot() == slot, "{slot:?}");
        }
        assert_eq!(Ranges::NONE.slot(7), None);
        assert_eq!([Ranges::NONE.slots(), ranges.slots(), Ranges::ALL.slots()], [0, 192, usize::from(Slot::COUNT)]);
        assert_eq!(Ranges::ALL.without(ranges).with(ranges), Ranges::ALL);
        assert_eq!(Ranges::from_bits(ranges.to_bits()), ranges);
    }
}
