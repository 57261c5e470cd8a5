//! A batch is durable: everything that waited for it leaves the ring.

use workflow_core::id::ExecutionId;
use workflow_core::mutation::mutated;
use workflow_store::{Committed, Fault, Taken};

use super::Ring;
use super::batch::{Effect, Sealed};
use super::message::{AbortReason, AttemptKey, Output};
use super::resident::Resident;
use crate::clock::Now;
use crate::feed::{Finished, Over};

impl Ring {
    pub(super) fn committed(&mut self, number: u64, result: Result<Committed, Fault>, now: Now) {
        let Some(sealed) = self.in_store.take_if(|sealed| sealed.batch.number == number) else {
            tracing::error!(number, "the store answered for a batch that it was not given");
            return;
        };
        metrics::histogram!("workflow_commit_duration_seconds").record(now.mono.since(sealed.since).as_secs_f64());
        match result {
            Ok(committed) => {
                self.store_works();
                let took = now.mono.since(sealed.since);
                self.pulse.note(&sealed.batch, took, self.attempts.running(), now);
                self.release(sealed, committed.taken, now);
            }
            Err(fault) => self.commit_failed(sealed, &fault, now),
        }
    }

    pub(super) fn release(&mut self, sealed: Sealed, taken: Vec<(usize, Taken)>, now: Now) {
        let Sealed { batch, effects, .. } = sealed;
        self.durable = batch.number;
        self.given(batch.number);
        if self.ownership.is_shared() {
            self.of_others_is_durable(&batch);
        }
        self.deleted(batch.number);
        self.rounds.durable(batch.number, now);
        let transitions: usize = batch.items.iter().map(|item| item.changes.len()).sum();
        metrics::histogram!("workflow_batch_transitions").record(transitions as f64);

        let (mut dispatches, mut holders) = (Vec::new(), taken.into_iter().peekable());
        for effect in effects.outputs {
            match effect {
                Effect::Dispatch { attempt, provider, task } => dispatches.push((attempt, provider, task)),
                Effect::Defined(registration) => self.outputs.push(Output::Defined(registration)),
                Effect::Undefined { workflow } => self.outputs.push(Output::Undefined { workflow }),
                Effect::EndpointPut(endpoint) => self.outputs.push(Output::EndpointPut(endpoint)),
                Effect::EndpointRemoved(name) => self.outputs.push(Output::EndpointRemoved(name)),
                Effect::Tokens(tokens) => self.outputs.push(Output::Tokens(tokens)),
            }
        }
        let (mut lost, mut never_written) = (Vec::new(), Vec::new());
        for claimed in effects.claims {
            let holder = holders.next_if(|(place, _)| *place == claimed.place()).map(|(place, holder)| {
                lost.push(place);
                never_written.extend_from_slice(&claimed.created);
                holder
            });
            self.settle(claimed, holder, now);
        }
        self.outputs.push(Output::Durable { batch, taken: lost });
        // Before the tasks that take their places.
        for (session, attempt) in effects.recorded {
            self.recorded(&session, attempt);
        }
        for (attempt, provider, task) in dispatches {
            self.dispatch(attempt, provider, task);
        }
        for (key, reason) in effects.ended {
            self.end_attempt(&key, reason);
        }
        let mut over = Vec::with_capacity(effects.over.len());
        for (id, workflow, status) in effects.over {
            if never_written.contains(&id) {
                continue;
            }
            over.push(id);
            self.meters.ended(&workflow, status, now.mono).increment(1);
        }
        for id in effects.started {
            if let Some(resident) = self.residents.get(id) {
                self.meters.started(&resident.registration.definition.id, now.mono).increment(1);
            }
        }
        self.outputs.extend(effects.answers.into_iter().map(Output::Answer));
        let over: Vec<Over> = over.into_iter().map(|id| (id, self.leave_finished(id, now))).collect();
        if !over.is_empty() {
            self.outputs.push(Output::Over(over));
        }
        for id in effects.touched {
            self.cache(id);
            self.leave_if_at_rest(id, now);
        }
        if self.has_room() {
            self.slots.feed_starved();
        }
    }

    /// Of an execution whose end is durable nothing is kept, unless somebody has retried it already.
    fn leave_finished(&mut self, id: ExecutionId, now: Now) -> Option<Box<Finished>> {
        let left = self.leave_if_at_rest(id, now).filter(|left| left.execution.has_ended() && !left.absent);
        left.map(|left| {
            let Resident { registration, execution, .. } = *left;
            Box::new(Finished { registration, execution })
        })
    }

    /// The end of an attempt is durable. One that still runs is told that nobody wants its result.
    pub(super) fn end_attempt(&mut self, key: &AttemptKey, reason: AbortReason) {
        let Some(attempt) = self.attempts.remove(key) else { return };
        if attempt.running {
            if !mutated("slot-kept-by-an-aborted-attempt") {
                self.slots.give_back(attempt.provider);
            }
            self.outputs.push(Output::Abort { attempt: *key, provider: attempt.provider, reason });
        }
    }
}
