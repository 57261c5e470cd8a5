//! Attempts of this engine, from the decision to begin one until its end is durable.
//!
//! They outlive the execution's stay in memory: after a failed commit an execution is loaded again, and what runs of it goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use workflow_core::command::{Command, Outcome};
use workflow_core::id::{ActionName, ExecutionId, WorkflowId};

use super::Ring;
use super::message::AttemptKey;
use super::resident::Queued;
use super::slots::ProviderId;
use crate::clock::{Mono, Now};

#[derive(Debug)]
pub struct Attempt {
    pub workflow: WorkflowId,
    pub action: ActionName,
    pub provider: ProviderId,
    /// It runs in the session of a worker, and may outlive this engine.
    pub remote: bool,
    /// Its dispatch has left the ring.
    pub sent: bool,
    pub since: Mono,
    /// How long it had run before, in a former life of the engine.
    pub earlier: Duration,
    pub deadline: Option<Mono>,
    /// It holds its slot: no result has come, and it was not told to stop.
    pub running: bool,
    /// Its end has been decided.
    pub ending: bool,
}

#[derive(Debug, Default)]
pub struct Attempts {
    map: BTreeMap<AttemptKey, Attempt>,
    deadlines: BTreeSet<(Mono, AttemptKey)>,
    /// Those in sessions of workers, by session.
    remote: BTreeSet<(ProviderId, AttemptKey)>,
    running: usize,
}

impl Attempts {
    pub fn insert(&mut self, key: AttemptKey, attempt: Attempt) {
        if let Some(deadline) = attempt.deadline {
            self.deadlines.insert((deadline, key));
        }
        if attempt.remote {
            self.remote.insert((attempt.provider, key));
        }
        self.running += 1;
        self.map.insert(key, attempt);
    }

    pub fn get(&self, key: &AttemptKey) -> Option<&Attempt> {
        self.map.get(key)
    }

    pub fn get_mut(&mut self, key: &AttemptKey) -> Option<&mut Attempt> {
        self.map.get_mut(key)
    }

    pub fn contains(&self, key: &AttemptKey) -> bool {
        self.map.contains_key(key)
    }

    pub fn remove(&mut self, key: &AttemptKey) -> Option<Attempt> {
        let attempt = self.map.remove(key)?;
        self.remote.remove(&(attempt.provider, *key));
        if let Some(deadline) = attempt.deadline {
            self.deadlines.remove(&(deadline, *key));
        }
        if attempt.running {
            self.running -= 1;
        }
        Some(attempt)
    }

    /// Its slot is free: a result has come. None when there is no such attempt, or not any more.
    pub fn stop(&mut self, key: &AttemptKey) -> Option<ProviderId> {
        let attempt = self.map.get_mut(key).filter(|attempt| attempt.running)?;
        attempt.running = false;
        self.running -= 1;
        if let Some(deadline) = attempt.deadline.take() {
            self.deadlines.remove(&(deadline, *key));
        }
        Some(attempt.provider)
    }

    pub fn of(&self, id: ExecutionId) -> impl Iterator<Item = (&AttemptKey, &Attempt)> {
        let first = AttemptKey::first(id);
        self.map.range(first..).take_while(move |(key, _)| key.id == id)
    }

    pub fn next_deadline(&self) -> Option<Mono> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The next attempt that has outlived its timeout; it has no deadline any more.
    pub fn pop_overdue(&mut self, now: Mono) -> Option<AttemptKey> {
        let (at, key) = *self.deadlines.first()?;
        if at > now {
            return None;
        }
        self.deadlines.pop_first();
        if let Some(attempt) = self.map.get_mut(&key) {
            attempt.deadline = None;
        }
        Some(key)
    }

    /// Those that run in a session, and were not given up.
    pub fn of_session(&self, provider: ProviderId) -> Vec<AttemptKey> {
        let first = (provider, AttemptKey::first(ExecutionId::from_bytes([0; 16])));
        let all = self.remote.range(first..).take_while(|(of, _)| *of == provider).map(|(_, key)| *key);
        all.filter(|key| self.map.get(key).is_some_and(|attempt| attempt.running)).collect()
    }

    pub fn is_of(&self, key: &AttemptKey, provider: ProviderId) -> bool {
        self.remote.contains(&(provider, *key))
    }

    pub fn is_sent(&self, key: &AttemptKey) -> bool {
        self.map.get(key).is_some_and(|attempt| attempt.sent)
    }

    /// Those that end with this engine.
    pub fn running_here(&self) -> Vec<AttemptKey> {
        self.map.iter().filter(|(_, attempt)| attempt.running && !attempt.remote).map(|(key, _)| *key).collect()
    }

    /// Whether nothing is left that ends with this engine.
    pub fn none_here(&self) -> bool {
        self.map.len() == self.remote.len()
    }

    pub fn keys(&self) -> impl Iterator<Item = &AttemptKey> {
        self.map.keys()
    }

    pub fn running(&self) -> usize {
        self.running
    }
}

impl Ring {
    /// What came of an attempt. Its slot is free at once; the result is recorded when its turn comes.
    pub(super) fn finished(&mut self, key: AttemptKey, outcome: Outcome, now: Now) {
        if !self.stopped(&key, &outcome, now) {
            return note_late(&key);
        }
        let command = Command::Finish { step: key.step, attempt: key.attempt, outcome };
        self.urgent.push_back((key.id, Queued::attempt(command)));
    }

    /// Gives back the slot of an attempt whose result has come; false when it had none any more.
    pub(super) fn stopped(&mut self, key: &AttemptKey, outcome: &Outcome, now: Now) -> bool {
        let Some(provider) = self.attempts.stop(key) else { return false };
        if let Some(attempt) = self.attempts.get_mut(key) {
            let took = attempt.earlier + now.mono.since(attempt.since);
            let step = self.meters.step(&attempt.workflow, &attempt.action, now.mono);
            let outcome = if matches!(outcome, Outcome::Completed(_)) { &step.completed } else { &step.failed };
            outcome.record(took.as_secs_f64());
        }
        self.slots.give_back(provider);
        true
    }

    /// The deadline of an attempt that begins now.
    pub(super) fn deadline(timeout: Option<workflow_core::time::Millis>, now: Now) -> Option<Mono> {
        timeout.map(|timeout| now.mono + Duration::from_millis(timeout.get()))
    }
}

pub fn note_late(key: &AttemptKey) {
    tracing::info!(execution = %key.id, step = key.step.get(), attempt = key.attempt, "a late result was dropped");
    metrics::counter!("workflow_late_results_total").increment(1);
}
