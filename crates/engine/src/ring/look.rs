//! What the ring knows and nobody else, for a person who asks what is stuck.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use workflow_core::id::{ActionName, ExecutionId, SessionId, Version, WorkflowId};
use workflow_core::time::Timestamp;
use workflow_store::Filter;

use super::Ring;
use super::head;
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
    /// Workers that are connected or expected back, where they are asked for.
    pub sessions: BTreeMap<ProviderId, SessionLook>,
    /// Where they are asked for.
    pub waiting: Waiting,
    /// Actions that executions in memory want, and which.
    pub queues: Vec<Queue>,
    /// Slots that are taken, by provider.
    pub used: BTreeMap<ProviderId, usize>,
    /// What was counted in the present hour, and the life of the engine that counted it.
    pub tallies: BTreeMap<(WorkflowId, Version), Tally>,
    pub life: String,
    pub pulse: Pulse,
}

/// Executions in memory that want an action that nobody provides, and of which no row in the store says so: each counts once,
/// however many such actions it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    pub count: u64,
    /// There are more: looking at them would hold the others up for too long.
    pub incomplete: bool,
}

/// A worker, as the ring knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLook {
    pub session: SessionId,
    /// It has no connection, and is expected back.
    pub away: bool,
    /// What it calls itself.
    pub name: Option<String>,
    /// When its newest connection began; none when it has not come in this life of the engine, as below.
    pub connected_at: Option<Timestamp>,
    /// When it last said anything, if only that it is there.
    pub last_seen: Option<Timestamp>,
}

/// Who in memory wants a slot of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub action: ActionName,
    /// The oldest of them.
    pub executions: Vec<ExecutionId>,
    pub count: usize,
}

/// A place in a queue that is looked at is an effort of one, about 0.1 µs; so this is 10 ms of the ring's time.
const EFFORT_MAX: usize = 100_000;
/// Holding an execution against a filter takes about so many times as long.
const EFFORT_OF_HEAD: usize = 10;
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
            sessions: if counts == Counts::Sessions { self.sessions.look() } else { BTreeMap::new() },
            waiting: match &counts {
                Counts::Waiting(filter) => self.waiting(filter),
                _ => Waiting::default(),
            },
            queues: self.slots.queues(QUEUED_NAMED_MAX),
            used: self.slots.used(),
            tallies: if counts == Counts::Tallies { self.tallies.all() } else { BTreeMap::new() },
            life: self.tallies.life().to_owned(),
            pulse: if counts == Counts::Pulse { self.pulse.clone() } else { Pulse::default() },
        };
        self.outputs.push(Output::Answer(answer(reply, Ok(look))));
    }

    fn waiting(&self, filter: &Filter) -> Waiting {
        let (mut waiting, mut effort) = (Waiting::default(), 0);
        let is_any = *filter == Filter::default();
        for (action, queue) in self.slots.unprovided_queues() {
            for id in queue {
                let Some(resident) = self.residents.get(id) else { continue };
                effort += if is_any { 1 } else { EFFORT_OF_HEAD };
                if effort > EFFORT_MAX {
                    return Waiting { incomplete: true, ..waiting };
                }
                // One that stands in several of these queues counts in the first; and what has rows in the store is counted there.
                let is_first = resident.wants.len() == 1
                    || resident.wants.iter().map(|want| &want.action).filter(|action| !self.slots.has_any(action)).min()
                        == Some(action);
                if !is_first || resident.parked {
                    continue;
                }
                let is_meant = is_any || {
                    let definition = &resident.registration.definition;
                    filter.matches(&head::head(definition, &resident.execution, resident.status(), None))
                };
                waiting.count += u64::from(is_meant);
            }
        }
        waiting
    }
}
