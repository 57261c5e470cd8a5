//! Executions come into memory: for a command, a timer, or a slot that came free. Recovery at open is nothing else.

use workflow_core::apply::fold;
use workflow_core::command::Command;
use workflow_core::event::InterruptCause;
use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_core::mutation::mutated;
use workflow_core::refusal::Refusal;
use workflow_store::{Fault, FaultKind, Stored};

use super::Ring;
use super::head::AT_ONCE;
use super::message::{AbortReason, AttemptKey, ClaimKey, Found, Read};
use super::resident::{Queued, Resident, Written};
use crate::Error;
use crate::clock::Now;

/// Executions that are asked for together.
const PAGE: usize = 64;
/// Executions on their way into memory: two pages for each thread that loads, and as many that were found meanwhile.
const LOADING_MAX: usize = 8 * PAGE;
/// A read that failed is tried again after this.
const READ_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(500);

impl Ring {
    pub(super) fn want_loaded(&mut self, id: ExecutionId) {
        if !self.owns(id) {
            return;
        }
        let is_known = self.residents.contains(id) || self.corrupt.contains(&id) || self.deleting.contains_key(&id);
        if !is_known && !self.loading.contains_key(&id) {
            self.loading.insert(id, Vec::new());
            self.to_load.push(id);
        }
    }

    pub(super) fn ask_for_loads(&mut self) {
        if self.to_load.is_empty() || self.read_again_at.is_some() {
            return;
        }
        for page in std::mem::take(&mut self.to_load).chunks(PAGE) {
            self.read(Read::Load(page.to_vec()));
        }
    }

    /// Whether memory has room for executions that need not be here at once.
    pub(super) fn has_room(&self) -> bool {
        self.residents.bytes < self.options.resident_bytes_max / 8 * 7 && self.loading.len() < LOADING_MAX
    }

    /// Whether executions that have fallen due have to wait for memory. What runs is not bounded by memory but by slots, at a start as
    /// well as here: when nobody waits for a slot they come also when it is full, or those that were in flight when the process died
    /// would have to wait for each other.
    pub(super) fn is_short_of_memory(&self) -> bool {
        self.residents.bytes >= self.options.resident_bytes_max / 8 * 7 && self.slots.wanted().next().is_some()
    }

    pub(super) fn may_come(&self) -> bool {
        !self.is_short_of_memory() && self.loading.len() < LOADING_MAX
    }

    pub(super) fn read_again(&mut self, fault: &Fault, now: Now) {
        tracing::warn!(%fault, "a read failed; it is tried again");
        self.read_again_at = Some(now.mono + READ_AGAIN_AFTER);
    }

    pub(super) fn found(&mut self, found: Found, now: Now) {
        match found {
            Found::Loaded { ids, result } => self.loaded(ids, result, now),
            Found::Payloads { id, seqs, result } => self.payloads_found(id, &seqs, result, now),
            Found::Due { until, limit, result } => self.due_found(until, limit, result, now),
            Found::NextWake { result, .. } => self.next_wake_found(result, now),
            Found::Parked { action, limit, result } => self.parked_found(&action, limit, result, now),
            Found::Claim { kind, scope, key, result } => self.claim_found(&ClaimKey { kind, scope, key }, result),
            Found::Ended { result } => self.ended_found(result, now),
            Found::Asked { limit, result } => self.asked_found(limit, result, now),
            Found::Catalog { result } => self.catalog_found(result, now),
        }
    }

    fn loaded(&mut self, ids: Vec<ExecutionId>, result: Result<Vec<Option<Stored>>, Fault>, now: Now) {
        if !self.store.is_up() {
            // What was read may not be what counts; nothing is decided before that is known.
            return self.to_load.extend(ids);
        }
        match result {
            Ok(stored) => {
                for (id, stored) in ids.into_iter().zip(stored) {
                    self.take_in(id, stored, now);
                }
            }
            Err(fault) if fault.kind == FaultKind::Corrupt && ids.len() > 1 => {
                // One of them: each by itself, so that the others live.
                for id in ids {
                    self.read(Read::Load(vec![id]));
                }
            }
            Err(fault) if fault.kind == FaultKind::Corrupt => {
                for id in ids {
                    self.leave_alone(id, &fault.to_string());
                }
            }
            Err(fault) => {
                self.to_load.extend(ids.iter().copied());
                self.read_again(&fault, now);
                self.fail_loading(&ids, &Error::StoreUnavailable { reason: fault.to_string() });
            }
        }
    }

    /// Callers are not kept waiting for a store that does not answer; results are.
    fn fail_loading(&mut self, ids: &[ExecutionId], error: &Error) {
        for id in ids {
            let Some(queued) = self.loading.get_mut(id) else { continue };
            let (callers, kept) = std::mem::take(queued).into_iter().partition(Queued::is_call);
            *queued = kept;
            let callers: Vec<Queued> = callers;
            for caller in callers {
                self.answer_queued(*id, caller, Err(error.clone()));
            }
        }
    }

    fn take_in(&mut self, id: ExecutionId, stored: Option<Stored>, now: Now) {
        debug_assert!(self.owns(id), "nothing is given away while it is loaded");
        let Some(stored) = stored else {
            let error = Error::Refused(Refusal::ExecutionNotFound { execution: id.to_string() });
            for queued in self.loading.remove(&id).unwrap_or_default() {
                self.answer_queued(id, queued, Err(error.clone()));
            }
            return;
        };
        let resident = match self.revive(stored) {
            Ok(resident) => resident,
            Err(why) => return self.leave_alone(id, &why),
        };
        let queued = self.loading.remove(&id).unwrap_or_default();
        let outstanding = resident.outstanding();
        self.residents.insert(resident);
        // Whether it has been carried on since.
        let mut carried = false;
        for attempt in &outstanding.in_flight {
            let key = AttemptKey { id, step: attempt.step, attempt: attempt.attempt };
            // Those of this engine are known one by one; a former life of it took its attempts with it, but not those in sessions
            // of workers.
            if !mutated("lost-attempt-not-interrupted")
                && !self.attempts.contains(&key)
                && !self.goes_on(key, attempt.session.as_ref(), now)
            {
                let (step, attempt) = (key.step, key.attempt);
                let command = Command::Interrupt { step, attempt, cause: InterruptCause::Lost };
                self.command(id, Queued::ring(command), now);
                carried = true;
            }
        }
        if outstanding.wake_at.is_some_and(|at| at <= now.wall) {
            self.command(id, Queued::ring(Command::Wake), now);
            carried = true;
        }
        for queued in queued {
            match self.residents.get(id) {
                // It stays until it has been carried on: there may be a slot that it was loaded for.
                Some(resident) if !resident.is_blocked() => self.decide(id, queued, now),
                Some(_) | None => self.command(id, queued, now),
            }
        }
        if self.residents.get(id).is_some_and(|resident| !resident.is_blocked()) {
            if carried {
                self.leave_if_at_rest(id, now);
            } else {
                self.go_on(id, now);
            }
        }
    }

    fn revive(&self, stored: Stored) -> Result<Resident, String> {
        let head = stored.head;
        let newest = self.catalog.newest(head.workflow.as_str()).filter(|_| mutated("newest-version-after-a-restart"));
        let registration = newest.or_else(|| self.catalog.version(head.workflow.as_str(), head.version)).cloned();
        let registration =
            registration.ok_or_else(|| format!("version {} of workflow `{}` is not there", head.version, head.workflow))?;
        // The store gives all events as long as it was given no snapshot; one would be the beginning of this fold.
        let execution =
            fold(head.id, registration.definition.steps.len(), stored.events).map_err(|corrupt| corrupt.to_string())?;
        // One of an earlier schema does not say it, and is written again.
        let retried = super::head::retried(&execution).filter(|_| head.retrying);
        let written = Written { status: head.status, wake_at: head.wake_at, retried };
        let mut resident = Resident::new(execution, registration, Some(written));
        // Ready, and yet not to be in memory at once: its rows say what it wants.
        resident.parked = head.wake_at != Some(AT_ONCE) && !resident.outstanding().ready.is_empty();
        Ok(resident)
    }

    fn leave_alone(&mut self, id: ExecutionId, why: &str) {
        tracing::error!(execution = %id, why, "what is stored of an execution makes no sense; it is left alone");
        metrics::counter!("workflow_corrupt_executions_total").increment(1);
        self.corrupt.insert(id);
        let running: Vec<AttemptKey> = self.attempts.of(id).map(|(key, _)| *key).collect();
        for key in running {
            self.end_attempt(&key, AbortReason::Lost);
        }
        for queued in self.loading.remove(&id).unwrap_or_default() {
            self.answer_queued(
                id,
                queued,
                Err(Error::Corrupt(format!("what is stored of execution {id} makes no sense: {why}"))),
            );
        }
    }

    fn payloads_found(&mut self, id: ExecutionId, seqs: &[u64], result: Result<Vec<Json>, Fault>, now: Now) {
        let Some(resident) = self.residents.get_mut(id) else { return };
        match result {
            Ok(texts) => {
                for (seq, text) in seqs.iter().zip(texts) {
                    resident.execution.fetch_payload(*seq, text);
                }
                resident.fetching = false;
                resident.pinned = true;
                self.residents.remeasure(id);
                self.cache(id);
                if self.store.is_up() {
                    self.unblock(id, now);
                } else {
                    self.urgent.push_back((id, Queued::ring(Command::Wake)));
                    self.unqueue(id);
                }
            }
            Err(fault) if fault.kind == FaultKind::Corrupt => {
                let queue = self.residents.get_mut(id).map(|resident| std::mem::take(&mut resident.queue)).unwrap_or_default();
                self.loading.insert(id, queue.into());
                self.drop_from_memory(id);
                self.leave_alone(id, &fault.to_string());
            }
            Err(fault) => {
                self.read_again(&fault, now);
                // Asked again by whatever comes next.
                resident_unblocked(self.residents.get_mut(id));
                self.unqueue(id);
                self.urgent.push_back((id, Queued::ring(Command::Wake)));
            }
        }
    }

    /// Commands that waited for an execution take their turn again.
    fn unqueue(&mut self, id: ExecutionId) {
        let Some(resident) = self.residents.get_mut(id) else { return };
        for queued in std::mem::take(&mut resident.queue) {
            self.urgent.push_back((id, queued));
        }
    }

    pub(super) fn cache(&mut self, id: ExecutionId) {
        self.residents.cache(id, super::LONG_PAYLOAD_BYTES, self.options.cached_bytes_max, self.durable);
    }

    /// Leaves memory, with its places in queues; what runs of it goes on.
    pub(super) fn drop_from_memory(&mut self, id: ExecutionId) -> Option<Box<Resident>> {
        let resident = self.residents.remove(id)?;
        for want in &resident.wants {
            self.slots.forget(want);
        }
        Some(resident)
    }
}

fn resident_unblocked(resident: Option<&mut Resident>) {
    if let Some(resident) = resident {
        resident.fetching = false;
    }
}
