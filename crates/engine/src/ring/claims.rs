//! Claims settled: by a commit, or by asking who holds one.

use workflow_core::id::{ExecutionId, IdempotencyKey};
use workflow_core::json::Json;
use workflow_core::refusal::Refusal;
use workflow_store::{Fault, Taken};

use super::Ring;
use super::batch::{ClaimAnswer, Claimed, Waiter};
use super::message::{ClaimKey, EventStarted, Output, Read, Started, answer, answer_start};
use crate::Error;
use crate::clock::Now;
use crate::request::RefusedStart;

impl Ring {
    /// What the commit said about a claim.
    pub(super) fn settle(&mut self, claimed: Claimed, holder: Option<Taken>, now: Now) {
        let waiters = self.claims.remove(&claimed.key).unwrap_or_default();
        let waiters = waiters.into_iter();
        match holder {
            None => {
                for id in &claimed.created {
                    if let Some(resident) = self.residents.get_mut(*id) {
                        resident.unsettled = false;
                    }
                }
                let ours = Taken { executions: claimed.executions, data: claimed.data };
                let told = match claimed.answer {
                    ClaimAnswer::Start { reply, started } => answer_start(reply, Ok(started)),
                    ClaimAnswer::Event { reply, started } => answer(reply, Ok(started)),
                };
                self.outputs.push(Output::Answer(told));
                for waiter in waiters {
                    self.tell(waiter, &claimed.key, &ours);
                }
                for id in claimed.created {
                    self.unblock(id, now);
                }
            }
            Some(holder) => {
                for id in &claimed.created {
                    self.forget(*id);
                }
                let first = match claimed.answer {
                    ClaimAnswer::Start { reply, .. } => Waiter::Start { reply, input: claimed.data },
                    ClaimAnswer::Event { reply, .. } => Waiter::Event { reply },
                };
                for waiter in std::iter::once(first).chain(waiters) {
                    self.tell(waiter, &claimed.key, &holder);
                }
            }
        }
    }

    /// Asks who holds the key of a call that is refused otherwise.
    pub(super) fn look_up(&mut self, key: ClaimKey, waiter: Waiter, refused: Error) {
        let waiting = self.lookups.entry(key.clone()).or_default();
        waiting.push((waiter, refused));
        if waiting.len() == 1 {
            self.read(Read::Claim { kind: key.kind, scope: key.scope, key: key.key });
        }
    }

    pub(super) fn claim_found(&mut self, key: &ClaimKey, result: Result<Option<Taken>, Fault>) {
        for (waiter, refused) in self.lookups.remove(key).unwrap_or_default() {
            match &result {
                Ok(Some(holder)) => self.tell(waiter, key, holder),
                Ok(None) => self.answer_waiter(waiter, refused),
                Err(fault) => self.answer_waiter(waiter, Error::StoreUnavailable { reason: fault.to_string() }),
            }
        }
    }

    pub(super) fn answer_waiter(&mut self, waiter: Waiter, error: Error) {
        let told = match waiter {
            Waiter::Start { reply, .. } => answer_start(reply, Err(error)),
            Waiter::Event { reply } => answer(reply, Err(error)),
        };
        self.answer_after(self.catalog_batch, told);
    }

    /// Whoever waits for a claim is told at once that it cannot be settled now.
    pub(super) fn fail_waiter(&mut self, waiter: Waiter, error: &Error) {
        self.outputs.push(Output::Answer(match waiter {
            Waiter::Start { reply, .. } => answer_start(reply, Err(error.clone())),
            Waiter::Event { reply } => answer(reply, Err(error.clone())),
        }));
    }

    /// Answers whoever claims what `holder` holds; that is durable.
    fn tell(&mut self, waiter: Waiter, key: &ClaimKey, holder: &Taken) {
        let told = match waiter {
            Waiter::Start { reply, input } => answer_start(reply, same_start(key, &input, holder)),
            Waiter::Event { reply } => {
                let started = holder.executions.iter().map(|id| Started::Existing(*id)).collect();
                let refused: Vec<RefusedStart> = holder.data.to().unwrap_or_default();
                answer(reply, Ok(EventStarted { started, refused }))
            }
        };
        self.outputs.push(Output::Answer(told));
    }

    /// An execution that was never written leaves memory with all that was done for it.
    pub(super) fn forget(&mut self, id: ExecutionId) {
        let running: Vec<_> = self.attempts.of(id).map(|(key, _)| *key).collect();
        for key in running {
            if let Some(attempt) = self.attempts.remove(&key).filter(|attempt| attempt.running) {
                self.slots.give_back(attempt.provider);
            }
        }
        if let Some(resident) = self.residents.remove(id) {
            for want in &resident.wants {
                self.slots.forget(want);
            }
        }
    }
}

fn same_start(key: &ClaimKey, input: &Json, holder: &Taken) -> Result<Started, Error> {
    let Some(execution) = holder.executions.first().copied() else {
        return Err(Error::Corrupt(format!("idempotency key `{}` is held by no execution", key.key)));
    };
    if holder.data.same_value(input) {
        return Ok(Started::Existing(execution));
    }
    match IdempotencyKey::new(&key.key) {
        Ok(key) => Err(Refusal::IdempotencyKeyReused { key, execution }.into()),
        Err(invalid) => Err(Error::InvalidRequest(invalid.to_string())),
    }
}
