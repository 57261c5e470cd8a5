//! What the ring knows and nobody else, for a person who asks what is stuck.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use workflow_core::id::{ActionName, ExecutionId, Version, WorkflowId};

use super::Ring;
use super::message::{Counts, Output, Reply, answer};
use super::pulse::Pulse;
use super::slots::ProviderId;
use crate::clock::{Mono, Now};
use crate::statistics::Tally;

/// Lost connections are remembered for so long, and no more of them.
const REMEMBERED: Duration = Duration::from_secs(600);
const REMEMBERED_MAX: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    /// Executions that are left alone.
    pub corrupt: Vec<ExecutionId>,
    /// Why the store cannot be written.
    pub store_down: Option<String>,
    /// The wall clock has leapt, and nothing is deleted for its age.
    pub doubts_clock: bool,
    /// Connections of workers that were lost within the last ten minutes.
    pub connections_lost: usize,
    /// Workers that are expected back.
    pub sessions_away: usize,
    /// Actions that executions in memory want, and which.
    pub queues: Vec<Queue>,
    /// Slots that are taken, by provider.
    pub used: BTreeMap<ProviderId, usize>,
    /// What was counted in the present hour, and the life of the engine that counted it.
    pub tallies: BTreeMap<(WorkflowId, Version), Tally>,
    pub life: String,
    pub pulse: Pulse,
}

/// Who in memory wants a slot of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub action: ActionName,
    /// The oldest of them.
    pub executions: Vec<ExecutionId>,
    pub count: usize,
}

/// Of each queue so many are named.
const QUEUED_NAMED_MAX: usize = 1_000;

/// When connections of workers were lost, the oldest first.
#[derive(Debug, Default)]
pub struct Losses(VecDeque<Mono>);

impl Losses {
    pub fn note(&mut self, now: Mono) {
        self.count(now);
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Those within the last ten minutes; the others are forgotten.
    pub fn count(&mut self, now: Mono) -> usize {
        while self.0.front().is_some_and(|at| now.since(*at) > REMEMBERED) {
            self.0.pop_front();
        }
        self.0.len()
    }
}

impl Ring {
    /// Answers at once: it is of the moment, durable or not.
    pub(super) fn look(&mut self, counts: Counts, reply: Reply<Look>, now: Now) {
        let look = Look {
            corrupt: self.corrupt.iter().copied().collect(),
            store_down: self.store.why(),
            doubts_clock: self.rounds.doubts_clock(),
            connections_lost: self.losses.count(now.mono),
            sessions_away: self.sessions.away(),
            queues: self.slots.queues(QUEUED_NAMED_MAX),
            used: self.slots.used(),
            tallies: if counts == Counts::Tallies { self.tallies.all() } else { BTreeMap::new() },
            life: self.tallies.life().to_owned(),
            pulse: if counts == Counts::Pulse { self.pulse.clone() } else { Pulse::default() },
        };
        self.outputs.push(Output::Answer(answer(reply, Ok(look))));
    }
}
