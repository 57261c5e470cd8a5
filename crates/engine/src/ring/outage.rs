//! The store could not be written: what was decided is taken back, and nothing is decided before it is known what is there.

use std::collections::BTreeSet;
use std::time::Duration;

use workflow_core::mutation::mutated;
use workflow_store::{Fault, FaultKind};

use super::Ring;
use super::batch::{Effects, Sealed};
use super::message::{Output, Reopened};
use super::resident::{Origin, Queued};
use crate::Error;
use crate::clock::{Mono, Now};

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub enum StoreState {
    Up,
    Down { reason: String, step: Step, wait: Duration },
}

/// How the store comes back: fresh handles, then a commit that changes nothing shows that it can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Waiting { until: Mono },
    Reopening,
    Probing,
}

impl StoreState {
    pub fn is_up(&self) -> bool {
        matches!(self, StoreState::Up)
    }

    pub fn why_down(&self) -> Option<Error> {
        match self {
            StoreState::Up => None,
            StoreState::Down { reason, .. } => Some(Error::StoreUnavailable { reason: reason.clone() }),
        }
    }

    /// Why it cannot be written.
    pub fn why(&self) -> Option<String> {
        match self {
            StoreState::Up => None,
            StoreState::Down { reason, .. } => Some(reason.clone()),
        }
    }

    pub fn retry_at(&self) -> Option<Mono> {
        match self {
            StoreState::Down { step: Step::Waiting { until }, .. } => Some(*until),
            StoreState::Up | StoreState::Down { .. } => None,
        }
    }
}

impl Ring {
    pub(super) fn may_commit(&self) -> bool {
        match self.store {
            StoreState::Up => !self.open.is_empty(),
            StoreState::Down { step, .. } => step == Step::Probing,
        }
    }

    pub(super) fn commit_failed(&mut self, sealed: Sealed, fault: &Fault, now: Now) {
        if fault.kind == FaultKind::Stale {
            tracing::info!(%fault, batch = sealed.batch.number, "a commit is decided anew");
        } else {
            tracing::error!(%fault, batch = sealed.batch.number, "a commit failed");
            metrics::counter!("workflow_commit_faults_total").increment(1);
        }
        self.in_store = Some(sealed);
        match fault.kind {
            FaultKind::Unknown => {
                self.go_down(fault, now);
                self.reopen();
            }
            FaultKind::Stale => {
                self.fail_batches(&Error::CatalogChanged);
                self.catalog_is_stale();
            }
            FaultKind::Unavailable | FaultKind::Corrupt => {
                self.go_down(fault, now);
                self.fail_batches(&Error::StoreUnavailable { reason: fault.to_string() });
            }
            FaultKind::Fenced => self.give_up(&Error::StoreUnavailable { reason: fault.to_string() }),
        }
    }

    fn go_down(&mut self, fault: &Fault, now: Now) {
        let wait = match self.store {
            StoreState::Up => {
                self.outputs.push(Output::Ready(false));
                RETRY_MIN
            }
            StoreState::Down { wait, .. } => (wait * 2).min(RETRY_MAX),
        };
        let step = Step::Waiting { until: now.mono + wait };
        self.store = StoreState::Down { reason: fault.to_string(), step, wait };
    }

    pub(super) fn try_store_again(&mut self, now: Now) {
        if self.store.retry_at().is_some_and(|at| at <= now.mono) {
            self.reopen();
        }
    }

    fn reopen(&mut self) {
        if let StoreState::Down { step, .. } = &mut self.store {
            *step = Step::Reopening;
        }
        let (number, claims) = match &self.in_store {
            Some(sealed) => (sealed.batch.number, sealed.claims()),
            None => (self.durable, Vec::new()),
        };
        self.outputs.push(Output::Reopen { number, claims });
    }

    pub(super) fn reopened(&mut self, result: Result<Reopened, Fault>, now: Now) {
        let reopened = match result {
            Ok(reopened) => reopened,
            Err(fault) => {
                // Nobody is kept waiting for a store that may be gone for long. What else depends on the batch waits.
                self.answer_unknown(&fault);
                return match fault.kind {
                    FaultKind::Fenced => self.fenced(&fault),
                    FaultKind::Unavailable | FaultKind::Unknown | FaultKind::Stale | FaultKind::Corrupt => {
                        self.go_down(&fault, now);
                    }
                };
            }
        };
        match self.in_store.take() {
            Some(sealed) if reopened.batch == sealed.batch.number || mutated("unknown-taken-for-written") => {
                self.store_works();
                self.release(sealed, reopened.taken, now);
            }
            in_doubt if reopened.batch == self.durable => {
                self.in_store = in_doubt;
                self.fail_batches(&Error::StoreUnavailable { reason: "the commit did not take place".to_owned() });
                if let StoreState::Down { step, .. } = &mut self.store {
                    *step = Step::Probing;
                }
            }
            in_doubt => {
                self.in_store = in_doubt;
                let (found, expected) = (reopened.batch, self.durable);
                let reason = if found < expected {
                    format!(
                        "commits that were acknowledged are missing: the newest one of this engine is {found}, {expected} was \
                         expected; a standby has been promoted that had not got them, or an older state restored"
                    )
                } else {
                    format!("somebody else wrote batch {found}, this engine expected {expected}")
                };
                tracing::error!(reason, "the store is not as this engine left it; this one closes");
                self.give_up(&Error::StoreUnavailable { reason });
            }
        }
    }

    /// Another engine owns the store. A batch that is on its way may have been written just before.
    pub(super) fn fenced(&mut self, fault: &Fault) {
        tracing::error!(%fault, "the store belongs to another engine now; this one closes");
        if self.in_store.is_some() {
            self.answer_unknown(fault);
        }
        self.give_up(&Error::StoreUnavailable { reason: fault.to_string() });
    }

    /// Whoever waits for a batch is told that nobody knows what became of it.
    fn answer_unknown(&mut self, fault: &Fault) {
        let error = Error::OutcomeUnknown { reason: fault.to_string() };
        if let Some(sealed) = &mut self.in_store {
            sealed.effects.fail_answers_only(&error, &mut self.outputs);
        }
        self.open.effects.fail_answers_only(&error, &mut self.outputs);
        let waiters: Vec<_> = self.claims.values_mut().flat_map(std::mem::take).collect();
        for waiter in waiters {
            self.fail_waiter(waiter, &error);
        }
    }

    pub(super) fn store_works(&mut self) {
        if !self.store.is_up() {
            self.store = StoreState::Up;
            self.outputs.push(Output::Ready(self.is_ready()));
        }
    }

    /// Takes back both the batch in the store and the one that was decided on top of it.
    pub(super) fn fail_batches(&mut self, error: &Error) {
        self.deleting.clear();
        self.rounds.lost();
        let sealed = self.in_store.take().map(|sealed| sealed.effects);
        let open = std::mem::take(&mut self.open).effects;
        let lost: Vec<Effects> = sealed.into_iter().chain([open]).collect();
        for waiter in std::mem::take(&mut self.claims).into_values().flatten() {
            self.answer_waiter(waiter, error.clone());
        }
        let (mut again, mut never_begun) = (Vec::new(), BTreeSet::new());
        for mut effects in lost.into_iter().rev() {
            effects.fail_answers(error, &mut self.outputs);
            for before in effects.undo.drain(..).rev().filter(|_| !mutated("catalog-not-taken-back")) {
                self.catalog.restore(before);
            }
            if let Some(before) = effects.tokens_before.take() {
                self.tokens = before;
            }
            for key in &effects.begun {
                if let Some(attempt) = self.attempts.remove(key).filter(|attempt| attempt.running) {
                    self.slots.give_back(attempt.provider);
                }
            }
            never_begun.extend(effects.begun);
            for (key, _) in &effects.ended {
                if let Some(attempt) = self.attempts.get_mut(key) {
                    attempt.ending = false;
                }
            }
            for id in effects.touched {
                self.take_back(id, error);
            }
            if !mutated("result-forgotten-with-its-batch") {
                again.splice(0..0, effects.again);
            }
        }
        for (id, queued) in again.into_iter().rev() {
            self.urgent.push_front((id, queued));
        }
        // Their timeouts are not those of the attempts that get their numbers now.
        self.urgent.retain(|(id, queued)| {
            queued.ends(*id).is_none_or(|key| !never_begun.contains(&key) || mutated("timeout-of-a-lost-attempt"))
        });
        self.catalog_batch = self.catalog_batch.min(self.durable);
        self.tokens_batch = self.tokens_batch.min(self.durable);
        self.parked_batch = self.parked_batch.min(self.durable);
        self.not_given();
        self.forget_parked();
        self.scan.restart();
    }

    /// An execution is not what memory says: it is loaded again. What came of its attempts is not lost.
    fn take_back(&mut self, id: workflow_core::id::ExecutionId, error: &Error) {
        if mutated("lost-batch-kept-in-memory") {
            return;
        }
        let Some(resident) = self.drop_from_memory(id) else { return };
        for queued in resident.queue {
            match queued.origin {
                Origin::Ring => {}
                Origin::Attempt | Origin::Session(_) => self.urgent.push_back((id, queued)),
                Origin::Caller => {
                    if let Some(reply) = Queued::into_reply(queued) {
                        self.reply_now(reply, Err(error.clone()));
                    }
                }
            }
        }
    }
}
