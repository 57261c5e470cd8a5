//! What the ring knows and nobody else, for a person who asks what is stuck.

use std::collections::VecDeque;
use std::time::Duration;

use workflow_core::id::ExecutionId;

use super::Ring;
use super::message::Reply;
use super::message::{Output, answer};
use crate::clock::{Mono, Now};

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
}

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
    pub(super) fn look(&mut self, reply: Reply<Look>, now: Now) {
        let look = Look {
            corrupt: self.corrupt.iter().copied().collect(),
            store_down: self.store.why(),
            doubts_clock: self.rounds.doubts_clock(),
            connections_lost: self.losses.count(now.mono),
            sessions_away: self.sessions.away(),
        };
        self.outputs.push(Output::Answer(answer(reply, Ok(look))));
    }
}
