//! Time has passed: attempts are overdue, timers in memory fall due, and so do executions that lie in the store.

use workflow_core::command::Command;
use workflow_core::id::ExecutionId;
use workflow_core::mutation::mutated;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::{Cursor, Fault};

use super::Ring;
use super::head::{AT_ONCE, is_earlier};
use super::message::Read;
use super::resident::{Queued, Resident};
use crate::clock::Now;

/// Executions that are looked up together.
const PAGE: usize = 256;
/// An execution whose timer falls due within this stays in memory while there is room.
const NEAR: Millis = Millis::from_secs(1);

/// The search for executions in the store that have fallen due.
#[derive(Debug)]
pub struct Scan {
    /// The earliest `wake_at` in the store that has not been looked at.
    wake: Option<Timestamp>,
    state: State,
    /// Also those that should be in memory already: at open, and after a commit that failed.
    everything: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Reading,
    /// Memory was full; goes on here.
    Paused {
        until: Timestamp,
        after: Cursor,
    },
    /// Asking when the next one falls due.
    Arming,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan { wake: Some(AT_ONCE), state: State::Idle, everything: true }
    }
}

impl Scan {
    /// An execution has left memory and must be back at this time.
    pub fn expect(&mut self, at: Timestamp) {
        if is_earlier(Some(at), self.wake) {
            self.wake = Some(at);
        }
    }

    /// Looks at everything again.
    pub fn restart(&mut self) {
        self.everything = true;
        self.wake = Some(AT_ONCE);
    }
}

impl Ring {
    pub(super) fn fire(&mut self, now: Now) {
        while let Some(key) = self.attempts.pop_overdue(now.mono) {
            let command = Command::TimeOut { step: key.step, attempt: key.attempt };
            self.urgent.push_back((key.id, Queued::attempt(command)));
        }
        self.fire_sessions(now);
        while let Some(id) = self.residents.pop_due(now.wall) {
            self.urgent.push_back((id, Queued::ring(Command::Wake)));
        }
        if self.read_again_at.is_some_and(|at| at <= now.mono) {
            self.read_again_at = None;
            // Whoever looked for executions at rest meanwhile was put off.
            self.slots.feed_starved();
            self.read_of_others_again();
        }
        self.try_store_again(now);
        if self.store.is_up() && self.read_again_at.is_none() {
            self.scan(now);
        }
    }

    fn scan(&mut self, now: Now) {
        match self.scan.state {
            State::Idle if self.scan.wake.is_some_and(|wake| wake <= now.wall) => {
                // Those that must be here at once are, unless they were dropped.
                let here = Cursor { wake_at: AT_ONCE, id: ExecutionId::from_bytes([0xff; 16]) };
                let after = if self.scan.everything { None } else { Some(here) };
                self.scan.everything = false;
                self.scan.wake = None;
                self.scan.state = State::Reading;
                self.read(Read::Due { until: now.wall, after, limit: PAGE });
            }
            State::Paused { until, after } if self.may_come() => {
                self.scan.state = State::Reading;
                self.read(Read::Due { until, after: Some(after), limit: PAGE });
            }
            State::Idle | State::Reading | State::Paused { .. } | State::Arming => {}
        }
    }

    pub(super) fn due_found(&mut self, until: Timestamp, limit: usize, result: Result<Vec<Cursor>, Fault>, now: Now) {
        match result {
            Ok(due) => {
                for cursor in &due {
                    self.want_loaded(cursor.id);
                }
                match due.last() {
                    Some(&after) if due.len() >= limit => self.scan.state = State::Paused { until, after },
                    _ => {
                        self.scan.state = State::Arming;
                        self.read(Read::NextWake { after: until });
                    }
                }
            }
            Err(fault) => self.scan_failed(&fault, now),
        }
    }

    pub(super) fn next_wake_found(&mut self, result: Result<Option<Timestamp>, Fault>, now: Now) {
        match result {
            Ok(wake) => {
                self.scan.state = State::Idle;
                if let Some(at) = wake.filter(|_| !mutated("timer-lost-at-recovery")) {
                    self.scan.expect(at);
                }
            }
            Err(fault) => self.scan_failed(&fault, now),
        }
    }

    fn scan_failed(&mut self, fault: &Fault, now: Now) {
        self.scan.state = State::Idle;
        self.scan.restart();
        self.read_again(fault, now);
    }

    /// The next time on the wall clock at which something falls due.
    pub(super) fn next_wall_timer(&self) -> Option<Timestamp> {
        let stored = if self.scan.state == State::Idle && self.read_again_at.is_none() { self.scan.wake } else { None };
        [self.residents.next_timer(), stored].into_iter().flatten().min()
    }

    /// One that only waits leaves memory once what it waits for is durable.
    pub(super) fn leave_if_at_rest(&mut self, id: ExecutionId, now: Now) -> Option<Box<Resident>> {
        let resident = self.residents.get(id)?;
        if resident.batch > self.durable || resident.is_blocked() || !resident.queue.is_empty() || resident.has_in_flight() {
            return None;
        }
        let outstanding = resident.outstanding();
        let parked = resident.parked && resident.wants.is_empty();
        if !outstanding.ready.is_empty() && !parked {
            return None;
        }
        if let Some(at) = outstanding.wake_at {
            if at <= now.wall + NEAR && !parked && self.has_room() {
                return None;
            }
            self.scan.expect(at);
        }
        self.drop_from_memory(id)
    }
}
