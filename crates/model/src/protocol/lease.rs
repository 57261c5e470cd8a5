//! Beats, and how long a lease lasts for whom.
//!
//! Time is in order only: a lease that is over for the database was asked for at least a lease ago, and whoever counts from before it
//! asked has seen it end before that. How far the margin reaches is one rule: a process that goes on gets from the question for its
//! lease to the socket before the lease lapses; one that stands still between them may not (a fault).

use super::{Model, Steps, What};
use crate::mutation::Mutation;
use crate::state::{Engine, Handing, Part, Phase, RANGES, Ranges, Row, State, Talk, bits, has, index};

impl Model {
    pub(super) fn lease(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        if engine.is_up() {
            self.beat(state, at, steps);
            self.stop(state, at, steps);
        }
        self.pass(state, at, steps);
    }

    /// A question and its answer at once, or with anything between. That does not overlap with what else the engine does takes no step
    /// of its own: it is as if it had been asked later.
    fn beat(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let mut lost = *state;
        (lost.engines[at].talk, lost.engines[at].deaf) = (Talk::Nothing, false);
        match engine.talk {
            Talk::Nothing if self.may_talk(engine) => {
                let mut asked = *state;
                asked.engines[at].talk = Talk::Asked { old: false };
                asked.engines[at].deaf = engine.has_sent_gift() && self.beats_while_giving;
                steps.fault(What::BeatDelayed, at, asked);
                if state.is_locked(at) {
                    return;
                }
                let (own, to) = self.renewed(state, at, false);
                let mut delayed = to;
                delayed.engines[at].talk = Talk::Renewed { own };
                delayed.engines[at].deaf = engine.has_sent_gift() && self.beats_while_giving;
                if engine.row.is_some() {
                    steps.fault(What::BeatAnswerDelayed, at, delayed);
                }
                self.heard(What::Beats, at, own, to, steps);
            }
            Talk::Asked { old } => {
                if !state.is_locked(at) {
                    let (own, to) = self.renewed(state, at, old);
                    self.heard(What::BeatArrives, at, own, to, steps);
                }
                steps.choice(What::BeatLost, at, None, lost);
            }
            Talk::Renewed { own } => {
                self.heard(What::BeatHeard, at, own, *state, steps);
                steps.choice(What::BeatUnheard, at, None, lost);
            }
            Talk::Nothing | Talk::TakesOver | Talk::TookOver { .. } => {}
        }
    }

    /// The statement: it renews the lease, and reads which ranges the engine owns.
    fn renewed(&self, state: &State, at: usize, old: bool) -> (Ranges, State) {
        let mut to = *state;
        if let Some(row) = &mut to.engines[at].row {
            row.lapsed = false;
            to.engines[at].ripe = old;
        }
        (bits(state.owner.iter().map(|owner| *owner == Some(index(at)))), to)
    }

    fn heard(&self, what: What, at: usize, own: Ranges, mut to: State, steps: &mut Steps<'_>) {
        let written = what == What::BeatHeard;
        let engine = &mut to.engines[at];
        engine.talk = Talk::Nothing;
        let deaf = std::mem::take(&mut engine.deaf) || (engine.has_sent_gift() && self.beats_while_giving);
        if engine.row.is_none() && !written {
            engine.end();
            return steps.progress(What::Closes, at, to);
        }
        engine.holds = !engine.ripe || self.has(Mutation::LeaseFromAnswer);
        if !deaf {
            self.learn(&mut to, at, own);
        }
        steps.progress(what, at, to);
    }

    /// These are its own from here on, and it reads what is committed of them before it decides anything about them. To read later would
    /// be to see more: nothing goes wrong by it that does not go wrong so.
    pub(super) fn learn(&self, state: &mut State, at: usize, own: Ranges) {
        for range in (0..RANGES).filter(|range| has(own, *range)) {
            let part = &mut state.engines[at].parts[range];
            if part.own {
                continue;
            }
            if self.has(Mutation::Remembered) && part.length > 0 {
                part.own = true;
            } else {
                *part = self.loaded(state.history[range]);
            }
        }
    }

    /// What is known of an execution of which so many events are committed.
    pub(super) fn loaded(&self, length: u8) -> Part {
        // Whoever had begun the attempt may have handed it out: it is claimed by a worker, or interrupted.
        Part { own: true, length, durable: length, true_to: length, out: self.is_in_flight(length) }
    }

    /// Whether a beat may be asked now.
    fn may_talk(&self, engine: &Engine) -> bool {
        self.beats_while_giving || self.has(Mutation::BeatOutsideMutex) || !engine.has_sent_gift()
    }

    /// Time goes by.
    fn pass(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        if !engine.ripe && engine.lives() && (engine.row.is_some() || engine.is_up()) {
            let mut to = *state;
            (to.engines[at].ripe, to.engines[at].holds) = (true, false);
            // An engine that beats in time has a lease that lasts.
            match engine.talk {
                Talk::Asked { .. } | Talk::Renewed { .. } => steps.choice(What::LeaseRipens, at, None, to),
                _ => steps.fault(What::LeaseRipens, at, to),
            }
        }
        if engine.ripe && engine.holds && self.has(Mutation::LeaseFromAnswer) {
            let mut to = *state;
            to.engines[at].holds = false;
            steps.progress(What::LeaseForgotten, at, to);
        }
        if engine.ripe && engine.talk == (Talk::Asked { old: false }) {
            let mut to = *state;
            to.engines[at].talk = Talk::Asked { old: true };
            steps.choice(What::BeatGrowsOld, at, None, to);
        }
        if let Some(row) = engine.row
            && (engine.ripe || engine.phase == Phase::Gone)
            && !row.lapsed
        {
            let mut to = *state;
            to.engines[at].row = Some(Row { lapsed: true, ..row });
            match engine.handing {
                Some(handing) if !handing.slept => {
                    to.engines[at].handing = Some(Handing { slept: true, ..handing });
                    steps.fault(What::LapsesWhileHanding, at, to);
                }
                _ => steps.progress(What::LeaseLapses, at, to),
            }
        }
    }

    /// With the last commit durable, nothing on its way to a worker, and the lease let go.
    fn stop(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let done = engine.message.is_none()
            && engine.gift.is_none()
            && engine.talk == Talk::Nothing
            && engine.parts.iter().all(|part| part.length == part.durable);
        let early = self.has(Mutation::StopsTooEarly);
        if !done || !state.can_do_without(at) || state.is_locked(at) || (engine.handing.is_some() && !early) {
            return;
        }
        let mut to = *state;
        to.engines[at].end();
        if early {
            // What is between question and socket goes out after the lease was let go.
            (to.engines[at].phase, to.engines[at].handing) = (Phase::Gone, engine.handing);
        }
        if let Some(row) = &mut to.engines[at].row {
            row.lapsed = true;
            to.engines[at].ripe = true;
        }
        steps.fault(What::Stops, at, to);
    }
}
