//! Starts, and the idempotency keys that they claim.

use std::sync::Arc;

use workflow_core::command::Start;
use workflow_core::id::ExecutionId;
use workflow_core::mutation::mutated;
use workflow_core::refusal::Refusal;
use workflow_store::{Change, Claim, ClaimKind};

use super::Ring;
use super::batch::{ClaimAnswer, Claimed, Waiter};
use super::catalog::Registration;
use super::message::{ClaimKey, Snapshot, StartAsk, Started, answer_start};
use crate::Error;
use crate::clock::Now;

impl Ring {
    pub(super) fn start(&mut self, ask: StartAsk, now: Now) {
        let scope = || ask.workflow.clone();
        let claimed = ask.key.as_ref().filter(|_| !mutated("claim-ignored"));
        let key = claimed.map(|key| ClaimKey { kind: ClaimKind::IdempotencyKey, scope: scope(), key: key.as_str().to_owned() });
        if let Some(waiters) = key.as_ref().and_then(|key| self.claims.get_mut(key)) {
            return waiters.push(Waiter::Start { reply: ask.reply, input: ask.input });
        }
        match (self.decide_start(&ask, now), key) {
            (Ok((id, changes)), None) => {
                let started = self.started(&ask, id, &changes);
                for change in changes {
                    self.open.push(change);
                }
                self.answer_after(self.deciding(), answer_start(ask.reply, Ok(started)));
            }
            (Ok((id, changes)), Some(key)) => {
                let started = self.started(&ask, id, &changes);
                let answer = ClaimAnswer::Start { reply: ask.reply, started };
                self.claim(key, vec![id], ask.input, changes, answer);
            }
            (Err(refusal), None) => self.answer_after(self.catalog_batch, answer_start(ask.reply, Err(refusal.into()))),
            // The key may be held by an execution that was started when things were otherwise.
            (Err(refusal), Some(key)) => {
                self.look_up(key, Waiter::Start { reply: ask.reply, input: ask.input }, Error::Refused(refusal));
            }
        }
    }

    fn decide_start(&mut self, ask: &StartAsk, now: Now) -> Result<(ExecutionId, Vec<Change>), Refusal> {
        let not_found = || Refusal::WorkflowNotFound { workflow: ask.workflow.clone() };
        let registration = self.catalog.newest(&ask.workflow).cloned().ok_or_else(not_found)?;
        self.require_actions(&registration)?;
        let start = Start {
            id: self.ids.next(now.wall, self.ownership.open()),
            workflow: registration.definition.id.clone(),
            version: registration.version,
            input: ask.input.clone(),
            triggered_by: ask.triggered_by.clone(),
            replay_of: ask.replay_of,
            parent: None,
            lineage: Vec::new(),
            key: ask.key.clone(),
            by: ask.by.clone(),
        };
        self.begin_execution(registration, start, now)
    }

    /// Of an engine in its user's process a missing action is a typing error: all of them are named.
    pub(super) fn require_actions(&self, registration: &Arc<Registration>) -> Result<(), Refusal> {
        if self.expecting_workers {
            return Ok(());
        }
        let missing = registration.actions.iter().filter(|action| !self.slots.is_provided(action));
        let missing: Vec<String> = missing.map(ToString::to_string).collect();
        if missing.is_empty() { Ok(()) } else { Err(Refusal::ActionsMissing { actions: missing }) }
    }

    fn started(&self, ask: &StartAsk, id: ExecutionId, changes: &[Change]) -> Started {
        match ask.reply.follow {
            Some(_) => Started::Followed(id),
            None => Started::New(Box::new(self.snapshot(id, changes))),
        }
    }

    /// The execution as it is now, for whoever started it.
    pub(super) fn snapshot(&self, id: ExecutionId, changes: &[Change]) -> Snapshot {
        let resident = self.residents.get(id).expect("it has just begun");
        let events = changes.iter().find_map(|change| match change {
            Change::Transition(transition) if transition.id == id => Some(transition.events.clone()),
            _ => None,
        });
        Snapshot {
            registration: resident.registration.clone(),
            execution: resident.execution.clone(),
            events: events.unwrap_or_default(),
        }
    }

    /// Puts what was decided under a claim: it is written together with it, or not at all. Nothing is decided on the executions
    /// that it starts before the store has said which.
    pub(super) fn claim(
        &mut self,
        key: ClaimKey,
        executions: Vec<ExecutionId>,
        data: workflow_core::json::Json,
        changes: Vec<Change>,
        answer: ClaimAnswer,
    ) {
        let created = transitions(&changes);
        for id in &created {
            if let Some(resident) = self.residents.get_mut(*id) {
                resident.unsettled = true;
            }
        }
        let (kind, scope) = (key.kind, key.scope.clone());
        let claim = Claim { kind, scope, key: key.key.clone(), executions: executions.clone(), data: data.clone() };
        let item = self.open.push_claimed(claim, changes);
        self.claims.insert(key.clone(), Vec::new());
        self.open.effects.claims.push(Claimed { item, key, executions, created, data, answer });
    }
}

/// The executions that changes are about.
fn transitions(changes: &[Change]) -> Vec<ExecutionId> {
    let ids = changes.iter().filter_map(|change| match change {
        Change::Transition(transition) => Some(transition.id),
        _ => None,
    });
    ids.collect()
}
