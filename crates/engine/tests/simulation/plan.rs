//! What happens in one simulation: drawn from a seed before it runs, so that a failure can be told with less of it.

use crate::random::Random;
use crate::workflows::Workflow;

/// Moves of one simulation.
const MOVES: usize = 160;
/// Workflows, and versions of each.
const WORKFLOWS: [&str; 3] = ["w0", "w1", "w2"];
const VERSIONS: usize = 2;

#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub setting: Setting,
    /// Versions of workflows, to be registered by moves.
    pub workflows: Vec<Workflow>,
    pub moves: Vec<Move>,
}

#[derive(Debug, Clone)]
pub struct Setting {
    /// Executions that wait for a worker leave memory.
    pub small_memory: bool,
    pub in_process_max: usize,
    /// Slots of the actions in this process.
    pub slots_here: usize,
    /// Remote workers.
    pub workers: usize,
    pub grace_ms: u64,
}

/// Every choice in a move comes from its own number, so that leaving out others changes as little as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub kind: Kind,
    pub number: u64,
}

impl Move {
    pub fn random(&self) -> Random {
        Random::new(self.number)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    // The engine and its store.
    Turn,
    CommitRuns,
    CommitAnswers,
    ReadRuns,
    ReadAnswers,
    Settle,
    // People.
    Start,
    Event,
    Control,
    Deploy,
    Delete,
    // Actions in this process.
    FinishHere,
    FinishHereTwice,
    ProvideHere,
    // Remote workers.
    Connect,
    Hear,
    Say,
    FinishThere,
    FinishThereTwice,
    ConnectionBreaks,
    BreakIsNoticed,
    WorkerDies,
    WorkerLeaves,
    Offer,
    // Time.
    TimePasses,
    NextThing,
    ClockIsSet,
    // What goes wrong.
    CommitFails,
    ReadFails,
    ReopenFails,
    Crash,
    Zombie,
    Shutdown,
}

use Kind::{
    BreakIsNoticed, ClockIsSet, CommitAnswers, CommitFails, CommitRuns, Connect, ConnectionBreaks, Control, Crash, Delete,
    Deploy, Event, FinishHere, FinishHereTwice, FinishThere, FinishThereTwice, Hear, NextThing, Offer, ProvideHere, ReadAnswers,
    ReadFails, ReadRuns, ReopenFails, Say, Settle, Shutdown, Start, TimePasses, Turn, WorkerDies, WorkerLeaves, Zombie,
};

/// How often each kind is drawn. Those marked are left out of some seeds, so that others have room to add up.
const WEIGHTS: [(Kind, usize, bool); 33] = [
    (Turn, 90, false),
    (CommitRuns, 60, false),
    (CommitAnswers, 60, false),
    (ReadRuns, 50, false),
    (ReadAnswers, 50, false),
    (Settle, 50, true),
    (Start, 45, false),
    (Event, 12, true),
    (Control, 45, true),
    (Deploy, 25, true),
    (Delete, 5, true),
    (FinishHere, 70, false),
    (FinishHereTwice, 8, true),
    (ProvideHere, 6, true),
    (Connect, 30, false),
    (Hear, 60, false),
    (Say, 60, false),
    (FinishThere, 55, false),
    (FinishThereTwice, 10, true),
    (ConnectionBreaks, 14, true),
    (BreakIsNoticed, 14, true),
    (WorkerDies, 7, true),
    (WorkerLeaves, 4, true),
    (Offer, 6, true),
    (TimePasses, 40, true),
    (NextThing, 20, true),
    (ClockIsSet, 8, true),
    (CommitFails, 14, true),
    (ReadFails, 8, true),
    (ReopenFails, 6, true),
    (Crash, 12, true),
    (Zombie, 3, true),
    (Shutdown, 4, true),
];

impl Plan {
    pub fn of_seed(seed: u64) -> Plan {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x51);
        let setting = Setting {
            small_memory: random.percent(30),
            in_process_max: random.pick(&[4_096, 4_096, 2, 1]),
            slots_here: 1 + random.below(3),
            workers: 1 + random.below(2),
            grace_ms: random.pick(&[10_000, 10_000, 1_500]),
        };
        let mut workflows = Vec::new();
        for id in WORKFLOWS {
            for _ in 0..VERSIONS {
                workflows.push(Workflow::random(id, &mut random));
            }
        }
        let weights: Vec<(Kind, usize)> = WEIGHTS
            .iter()
            .map(|&(kind, weight, optional)| (kind, if optional && random.percent(25) { 0 } else { weight }))
            .collect();
        let total: usize = weights.iter().map(|(_, weight)| weight).sum();
        let mut moves = vec![Move { kind: Deploy, number: random.next() }, Move { kind: Deploy, number: random.next() }];
        while moves.len() < MOVES {
            let mut drawn = random.below(total);
            let kind = weights.iter().find(|(_, weight)| {
                let found = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                found
            });
            let kind = kind.expect("the weights add up to the total").0;
            moves.push(Move { kind, number: random.next() });
        }
        Plan { seed, setting, workflows, moves }
    }

    /// Less of everything, as long as `fails` says that it fails in the same way.
    pub fn shrunk(self, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
        let mut plan = self;
        loop {
            let before = plan.weight();
            plan = plan.with_fewer_moves(&mut fails);
            plan = plan.with_simpler_workflows(&mut fails);
            if plan.weight() == before {
                return plan;
            }
        }
    }

    fn weight(&self) -> usize {
        self.moves.len() + self.workflows.iter().map(|workflow| workflow.json().len()).sum::<usize>()
    }

    fn with_fewer_moves(mut self, fails: &mut impl FnMut(&Plan) -> bool) -> Plan {
        let mut span = (self.moves.len() / 2).max(1);
        loop {
            let mut at = 0;
            while at < self.moves.len() {
                let mut fewer = self.clone();
                fewer.moves.drain(at..(at + span).min(self.moves.len()));
                if fails(&fewer) {
                    self = fewer;
                } else {
                    at += span;
                }
            }
            if span == 1 {
                return self;
            }
            span /= 2;
        }
    }

    fn with_simpler_workflows(mut self, fails: &mut impl FnMut(&Plan) -> bool) -> Plan {
        for workflow in 0..self.workflows.len() {
            let mut candidates = Vec::new();
            let whole = &self.workflows[workflow];
            // The last step of one that has several: nothing depends on it, and what branches to it is simplified first.
            if whole.steps.len() > 1 {
                let mut shorter = whole.clone();
                shorter.steps.pop();
                candidates.push(shorter);
            }
            candidates.push(Workflow { timeout_ms: None, ..whole.clone() });
            candidates.push(Workflow { trigger: None, ..whole.clone() });
            candidates.push(Workflow { backwards: false, ..whole.clone() });
            for (at, step) in whole.steps.iter().enumerate() {
                for simpler in step.simpler() {
                    let mut changed = whole.clone();
                    changed.steps[at] = simpler;
                    candidates.push(changed);
                }
            }
            for candidate in candidates {
                if candidate.json() == self.workflows[workflow].json() || candidate.branches_nowhere() {
                    continue;
                }
                let mut simpler = self.clone();
                simpler.workflows[workflow] = candidate;
                if fails(&simpler) {
                    self = simpler;
                    break;
                }
            }
        }
        self
    }
}

impl Workflow {
    fn branches_nowhere(&self) -> bool {
        let targets = self.steps.iter().filter_map(|step| match step.on_error {
            crate::workflows::OnError::Step(target) => Some(target),
            _ => None,
        });
        targets.max().is_some_and(|target| target >= self.steps.len())
    }
}
