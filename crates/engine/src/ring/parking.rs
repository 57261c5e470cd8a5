//! Slots go round over the executions that want one, in memory and at rest; ready executions leave memory when it is full.

use std::collections::VecDeque;

use workflow_core::id::{ActionName, ExecutionId};
use workflow_store::{Change, Fault, HeadChange, Transition};

use super::Ring;
use super::head;
use super::message::Read;
use super::resident::Written;
use crate::clock::Now;

/// Executions at rest that are looked up together.
const PAGE: usize = 64;
/// Executions that leave memory together.
const LEAVING_MAX: usize = 512;

/// What the ring knows of executions at rest that want an action.
#[derive(Debug, Clone)]
pub struct Parked {
    /// There may be some. Not known at open.
    maybe: bool,
    /// Some were parked since the search began.
    again: bool,
    after: Option<ExecutionId>,
    reading: bool,
}

impl Default for Parked {
    fn default() -> Parked {
        Parked { maybe: true, again: false, after: None, reading: false }
    }
}

impl Ring {
    /// Gives slots that have come free to those who want them, one each, in turn.
    pub(super) fn serve(&mut self, now: Now) {
        if self.closing.is_some() || !self.slots.has_freed() {
            return;
        }
        let mut turn: VecDeque<ActionName> = VecDeque::new();
        while let Some(action) = self.slots.next_freed() {
            turn.push_back(action);
        }
        while let Some(action) = turn.pop_front() {
            if self.open.is_full() {
                self.slots.mark_freed(action);
                continue;
            }
            if !self.slots.has_free(&action) {
                self.slots.mark_crowded(action);
                continue;
            }
            match self.slots.first(&action) {
                Some((want, id)) => {
                    self.slots.forget(&want);
                    self.serve_one(id, &action, now);
                    turn.push_back(action);
                }
                None => self.look_for_parked(&action),
            }
        }
    }

    fn serve_one(&mut self, id: ExecutionId, action: &ActionName, now: Now) {
        let Some(resident) = self.residents.get_mut(id) else { return };
        resident.wants.retain(|want| want.action != *action);
        // One that is blocked asks again as soon as it goes on.
        if resident.is_blocked() {
            return;
        }
        for change in self.carry_one(id, action, now) {
            self.open.push(change);
        }
    }

    fn look_for_parked(&mut self, action: &ActionName) {
        let limit = self.slots.free(action).clamp(1, PAGE);
        let has_room = self.has_room() && self.read_again_at.is_none();
        let parked = self.parked.entry(action.clone()).or_default();
        if !parked.maybe || parked.reading {
            return;
        }
        if !has_room {
            // Looked for when something leaves memory.
            self.slots.mark_starved(action.clone());
            return;
        }
        parked.reading = true;
        let after = parked.after;
        self.read(Read::Parked { action: action.clone(), after, limit });
    }

    pub(super) fn parked_found(&mut self, action: &ActionName, limit: usize, result: Result<Vec<ExecutionId>, Fault>, now: Now) {
        let parked = self.parked.entry(action.clone()).or_default();
        parked.reading = false;
        match result {
            Ok(ids) => {
                if ids.len() < limit {
                    parked.maybe = parked.again;
                    parked.again = false;
                    parked.after = None;
                } else {
                    parked.after = ids.last().copied();
                }
                for id in ids {
                    self.want_loaded(id);
                }
            }
            Err(fault) => {
                parked.maybe = true;
                self.read_again(&fault, now);
            }
        }
        self.slots.mark_freed(action.clone());
    }

    /// When memory is full, those who asked for a slot last leave it; rows in the store say what they want.
    pub(super) fn make_room(&mut self) {
        let max = self.options.resident_bytes_max;
        if self.residents.bytes <= max || self.parked_batch > self.durable {
            return;
        }
        let mut surplus = self.residents.bytes.saturating_sub(max / 8 * 7);
        for id in self.slots.newest(LEAVING_MAX) {
            if surplus == 0 || self.open.is_full() {
                return;
            }
            surplus = surplus.saturating_sub(self.park(id));
        }
    }

    /// Gives the bytes that will be free.
    fn park(&mut self, id: ExecutionId) -> usize {
        let number = self.deciding();
        let Some(resident) = self.residents.get_mut(id) else { return 0 };
        if resident.batch > self.durable || resident.is_blocked() || !resident.queue.is_empty() || resident.has_in_flight() {
            return 0;
        }
        let outstanding = resident.outstanding();
        let definition = &resident.registration.definition;
        let mut actions: Vec<ActionName> = outstanding.ready.iter().map(|&step| definition.step(step).action.clone()).collect();
        actions.sort();
        actions.dedup();
        if actions.is_empty() {
            return 0;
        }
        let (bytes, status) = (resident.bytes, resident.status());
        let wake_at = head::wake_at(&outstanding, true);
        if !resident.parked {
            resident.parked = true;
            let head = head::head(definition, &resident.execution, status, wake_at);
            let status_before = resident.written.map(|written| written.status);
            resident.written = Some(Written { status, wake_at, retried: head::retried(&resident.execution) });
            resident.batch = number;
            let head = Some(HeadChange { head, status_before });
            let transition = Transition { id, events: Vec::new(), head, parked: Some(actions.clone()), snapshot: None };
            self.open.push(Change::Transition(Box::new(transition)));
            self.parked_batch = number;
        }
        for want in std::mem::take(&mut resident.wants) {
            self.slots.forget(&want);
        }
        self.open.effects.touched.push(id);
        for action in actions {
            // It may be room in the process that it waited for, and nobody in memory says so any more.
            self.slots.mark_crowded(action.clone());
            let parked = self.parked.entry(action).or_default();
            parked.maybe = true;
            parked.again = true;
        }
        bytes
    }

    /// After a commit that failed nothing is known any more.
    pub(super) fn forget_parked(&mut self) {
        for parked in self.parked.values_mut() {
            parked.maybe = true;
            parked.again = true;
        }
    }
}
