//! How busy the engine is and has been for ten minutes: counted in slots of five seconds, in memory only.

use std::collections::VecDeque;
use std::time::Duration;

use workflow_core::event::Event;
use workflow_core::time::Timestamp;
use workflow_store::{Batch, Change};

use crate::clock::Now;
use crate::statistics::histogram::Histogram;

pub const SLOT_MS: i64 = 5_000;
const SLOTS_MAX: usize = 120;

/// What happened within five seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot {
    /// When it began, in slots.
    pub number: i64,
    pub starts: u64,
    pub ends: u64,
    /// Attempts that began.
    pub steps: u64,
    pub commits: u64,
    /// How long commits took, in microseconds.
    pub took: Histogram,
    /// Attempts in flight, at most.
    pub running: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pulse(VecDeque<Slot>);

impl Pulse {
    /// A batch has become durable.
    pub fn note(&mut self, batch: &Batch, took: Duration, running: usize, now: Now) {
        let slot = self.slot(now.wall);
        slot.commits += 1;
        slot.took.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        slot.running = slot.running.max(running);
        for change in batch.items.iter().flat_map(|item| &item.changes) {
            let Change::Transition(transition) = change else { continue };
            for recorded in &transition.events {
                match recorded.event {
                    Event::Started(_) => slot.starts += 1,
                    Event::StepStarted { .. } => slot.steps += 1,
                    Event::Completed | Event::Failed { .. } | Event::Cancelled { .. } => slot.ends += 1,
                    _ => {}
                }
            }
        }
    }

    fn slot(&mut self, at: Timestamp) -> &mut Slot {
        let number = at.millis().div_euclid(SLOT_MS);
        // A clock that was set back goes on in the slot that there is.
        if self.0.back().is_none_or(|slot| slot.number < number) {
            if self.0.len() == SLOTS_MAX {
                self.0.pop_front();
            }
            self.0.push_back(Slot { number, ..Slot::default() });
        }
        self.0.back_mut().expect("it was put there just now")
    }

    /// The slots of the last ten minutes, the oldest first; those in which nothing happened are empty.
    pub fn slots(&self, now: Timestamp) -> Vec<Slot> {
        let last = now.millis().div_euclid(SLOT_MS);
        let first = last + 1 - i64::try_from(SLOTS_MAX).expect("it is small");
        let of = |number: i64| {
            let found = self.0.iter().find(|slot| slot.number == number);
            found.cloned().unwrap_or(Slot { number, ..Slot::default() })
        };
        (first..=last).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Mono;

    fn at(ms: i64) -> Now {
        Now { wall: Timestamp::from_millis(ms), mono: Mono::default() }
    }

    #[test]
    fn commits_are_counted_in_their_five_seconds_and_forgotten_after_ten_minutes() {
        let batch = Batch { number: 1, items: Vec::new() };
        let mut pulse = Pulse::default();
        for ms in [0, 4_999, 5_000] {
            pulse.note(&batch, Duration::from_millis(2), 3, at(ms));
        }
        let slots = pulse.slots(Timestamp::from_millis(9_999));
        assert_eq!(slots.len(), 120);
        assert_eq!(slots[118..].iter().map(|slot| (slot.commits, slot.running)).collect::<Vec<_>>(), [(2, 3), (1, 3)]);
        assert!(slots[..118].iter().all(|slot| slot.commits == 0));
        assert_eq!(slots[119].took.percentile(99).map(|us| us / 100), Some(20));
        for slot in 2..200 {
            pulse.note(&batch, Duration::ZERO, 0, at(slot * SLOT_MS));
        }
        assert_eq!(pulse.0.len(), SLOTS_MAX);
    }
}
