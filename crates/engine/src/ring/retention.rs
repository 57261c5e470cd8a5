//! Executions that ended long ago are deleted: a few at a time, as part of ordinary batches, with pauses in between.
//!
//! Round after round, each status of each workflow is searched for what ended before its time. What is found may have been retried
//! since: the store looks again in the commit that deletes it ([`Deletable::EndedUntil`]), so nothing that lives is ever deleted.
//!
//! A wall clock that leaps ahead would make everything old at once. So nothing is deleted while the wall clock is more than a day
//! ahead of where the monotonic clock, and at open the newest execution in the store, let expect it; once it has stayed there for a
//! day it is believed.

use std::collections::VecDeque;
use std::time::Duration;

use workflow_core::id::{ExecutionId, WorkflowId};
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::{Deletable, Ended, Fault};

use super::Ring;
use super::message::Read;
use crate::Retention;
use crate::clock::{Mono, Now};

/// Executions that are deleted in one commit: some milliseconds of its time.
const PAGE: usize = 64;
/// Deleting takes at most one part in so many of the time of the store.
const SHARE: u32 = 5;
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// After something did not work.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(5);
/// A round begins again after a hundredth of the shortest time that anything is kept, within these.
const ROUND_MIN: Duration = Duration::from_secs(60);
const ROUND_MAX: Duration = Duration::from_secs(3_600);
/// A leap of the wall clock by more is not believed, for as long.
const LEAP: Millis = Millis::from_secs(24 * 3_600);

#[derive(Debug)]
pub struct Rounds {
    retention: Retention,
    state: State,
    /// What is left of the round: a status of a workflow, and after which execution to go on.
    left: VecDeque<(Status, WorkflowId, Option<ExecutionId>)>,
    clock: Trust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is kept for a time only.
    Off,
    Pausing {
        until: Mono,
    },
    Reading {
        before: Timestamp,
    },
    /// Until this batch is durable.
    Deleting {
        batch: u64,
        since: Mono,
    },
}

/// Whether the wall clock is believed.
#[derive(Debug, Clone, Copy)]
struct Trust {
    /// When it was right, on both clocks; none before anything is known.
    last: Option<Now>,
    /// It is believed again from here on.
    doubted_until: Option<Mono>,
}

impl Rounds {
    /// `newest`: when the newest execution in the store was started.
    pub fn new(retention: Retention, newest: Option<Timestamp>, at: Mono) -> Rounds {
        let state = if retention.is_for_ever() { State::Off } else { State::Pausing { until: at } };
        let last = newest.map(|wall| Now { wall, mono: at });
        Rounds { retention, state, left: VecDeque::new(), clock: Trust { last, doubted_until: None } }
    }

    pub fn next_at(&self) -> Option<Mono> {
        match self.state {
            State::Pausing { until } => Some(until),
            State::Off | State::Reading { .. } | State::Deleting { .. } => None,
        }
    }

    /// The batches that were under way are lost, or not known of.
    pub fn lost(&mut self) {
        if let State::Deleting { since, .. } = self.state {
            self.state = State::Pausing { until: since + PAUSE_AFTER_FAULT };
        }
    }

    /// A batch is durable.
    pub fn durable(&mut self, number: u64, now: Now) {
        if let State::Deleting { batch, since } = self.state
            && batch <= number
        {
            let pause = (now.mono.since(since) * (SHARE - 1)).max(PAUSE_MIN);
            self.state = State::Pausing { until: now.mono + pause };
        }
    }

    /// Whether the wall clock has leapt and is not believed.
    pub fn doubts_clock(&self) -> bool {
        self.clock.doubted_until.is_some()
    }

    fn between_rounds(&self) -> Duration {
        let shortest = Status::ALL.into_iter().filter_map(|status| self.retention.keep(status)).min();
        shortest.map_or(ROUND_MAX, |keep| (keep / 100).clamp(ROUND_MIN, ROUND_MAX))
    }

    /// Since when an execution with this status must have ended to be deleted now.
    fn before(&self, status: Status, now: Now) -> Timestamp {
        let keep = self.retention.keep(status).map_or(u64::MAX, |keep| u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
        now.wall - Millis::new(keep)
    }
}

impl Trust {
    fn believes(&mut self, now: Now) -> bool {
        let last = *self.last.get_or_insert(now);
        let passed = Millis::new(u64::try_from(now.mono.since(last.mono).as_millis()).unwrap_or(u64::MAX));
        let leap = now.wall.since(last.wall + passed);
        let is_over = self.doubted_until.is_some_and(|until| until <= now.mono);
        if leap <= LEAP || is_over {
            if self.doubted_until.take().is_some() {
                tracing::info!("the wall clock is believed again: what ended long ago is deleted as before");
            }
            self.last = Some(now);
            return true;
        }
        if self.doubted_until.is_none() {
            self.doubted_until = Some(now.mono + LEAP.to_std());
            tracing::warn!(
                ahead = %leap,
                "the wall clock is further ahead than expected; until it has stayed there for a day nothing is deleted for its age"
            );
        }
        false
    }
}

impl Ring {
    /// Goes on with the search for what is too old.
    pub(super) fn retain(&mut self, now: Now) {
        let State::Pausing { until } = self.rounds.state else { return };
        if until > now.mono || self.closing.is_some() {
            return;
        }
        if !self.rounds.clock.believes(now) {
            self.rounds.left.clear();
            self.rounds.state = State::Pausing { until: now.mono + self.rounds.between_rounds() };
            return;
        }
        if self.rounds.left.is_empty() {
            let kept_for_a_time = |status: &Status| self.rounds.retention.keep(*status).is_some();
            let statuses: Vec<Status> = Status::ALL.into_iter().filter(kept_for_a_time).collect();
            let workflows = self.catalog.workflows().cloned();
            self.rounds.left =
                workflows.flat_map(|workflow| statuses.iter().map(move |status| (*status, workflow.clone(), None))).collect();
        }
        self.look_for_old(now);
    }

    fn look_for_old(&mut self, now: Now) {
        let Some((status, workflow, after)) = self.rounds.left.front().cloned() else {
            self.rounds.state = State::Pausing { until: now.mono + self.rounds.between_rounds() };
            return;
        };
        let before = self.rounds.before(status, now);
        self.rounds.state = State::Reading { before };
        self.read(Read::Ended { workflow, status, until: before, after, limit: PAGE });
    }

    pub(super) fn ended_found(&mut self, result: Result<Ended, Fault>, now: Now) {
        let State::Reading { before } = self.rounds.state else { return };
        let found = match result {
            Ok(found) if self.store.is_up() => found,
            Ok(_) => {
                self.rounds.state = State::Pausing { until: now.mono + PAUSE_AFTER_FAULT };
                return;
            }
            Err(fault) => {
                tracing::warn!(%fault, "what ended long ago could not be looked for; it is tried again");
                self.rounds.state = State::Pausing { until: now.mono + PAUSE_AFTER_FAULT };
                return;
            }
        };
        match (self.rounds.left.front_mut(), found.next) {
            (Some((_, _, after)), Some(next)) => *after = Some(next),
            _ => drop(self.rounds.left.pop_front()),
        }
        let mut any = false;
        for id in found.ids {
            any |= self.delete_unless_wanted(id, Deletable::EndedUntil(before));
        }
        if any {
            self.rounds.state = State::Deleting { batch: self.deciding(), since: now.mono };
        } else {
            self.look_for_old(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3_600;

    fn at(mono_secs: u64, wall_secs: u64) -> Now {
        Now { wall: Timestamp::from_millis((wall_secs * 1_000) as i64), mono: Mono::ZERO + Duration::from_secs(mono_secs) }
    }

    #[test]
    fn a_clock_that_leaps_ahead_is_believed_after_a_day() {
        let mut trust = Trust { last: None, doubted_until: None };
        assert!(trust.believes(at(0, 1_000)));
        assert!(trust.believes(at(3_600, 4_600)), "it goes on as the other clock does");
        assert!(trust.believes(at(3_601, 4_601 + DAY / 2)), "a suspended machine, or summer time done wrong");
        let leapt = 4_601 + 40 * DAY;
        assert!(!trust.believes(at(3_602, leapt)));
        assert!(!trust.believes(at(3_602 + DAY - 1, leapt + DAY - 1)));
        assert!(trust.believes(at(3_602 + DAY, leapt + DAY)), "it has stayed there");
        assert!(trust.believes(at(3_700 + DAY, leapt + DAY + 98)));
    }

    #[test]
    fn a_clock_that_was_wrong_for_a_minute_deletes_nothing() {
        let mut trust = Trust { last: None, doubted_until: None };
        assert!(trust.believes(at(0, 1_000)));
        assert!(!trust.believes(at(30, 1_030 + 70 * 365 * DAY)));
        assert!(trust.believes(at(60, 1_060)), "it is right again, and believed at once");
        assert!(!trust.believes(at(90, 1_090 + 70 * 365 * DAY)), "and not the next time either");
        assert!(trust.believes(at(120, 900)), "one that goes back makes nothing old");
    }

    #[test]
    fn a_file_that_lay_for_long_is_not_emptied_at_once() {
        let opened = |newest: u64| Trust { last: Some(at(0, newest)), doubted_until: None };
        assert!(opened(1_000).believes(at(0, 1_000 + DAY)));
        assert!(!opened(1_000).believes(at(0, 1_001 + DAY)), "the clock, or the machine was off: nobody knows");
    }
}
