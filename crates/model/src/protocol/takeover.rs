//! Joining, and taking over from whom is gone: one transaction, one at a time.

use super::{Model, Steps, What, With};
use crate::mutation::Mutation;
use crate::state::{ENGINES, Engine, Phase, Ranges, Row, State, Takeover, Talk, has, index};

impl Model {
    pub(super) fn takeover(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        match engine.talk {
            Talk::TookOver { taken } => {
                steps.progress(What::TakeoverHeard, at, self.heard_of_takeover(*state, at, taken));
                let mut to = *state;
                // One that joins does not know whether it has: it tries again, with a new id.
                if engine.phase == Phase::Joining {
                    to.engines[at].end()
                } else {
                    to.engines[at].talk = Talk::Nothing
                }
                if engine.is_up() || state.can_do_without(at) {
                    steps.choice(What::TakeoverUnheard, at, None, to);
                }
            }
            Talk::Nothing if state.takeover.is_none() => self.begin(state, at, steps),
            _ => {}
        }
        if let Some(takeover) = state.takeover
            && usize::from(takeover.by) == at
        {
            self.statements(state, takeover, steps);
        }
    }

    fn heard_of_takeover(&self, mut state: State, at: usize, taken: Ranges) -> State {
        let engine = &mut state.engines[at];
        if engine.phase == Phase::Joining {
            engine.holds = !engine.ripe || self.has(Mutation::LeaseFromAnswer);
        }
        (engine.phase, engine.talk) = (Phase::Up, Talk::Nothing);
        self.learn(&mut state, at, taken);
        state
    }

    /// A takeover and a gift that is not settled exclude each other.
    fn may_take_over(&self, engine: &Engine) -> bool {
        self.has(Mutation::BeatOutsideMutex) || !engine.has_sent_gift()
    }

    fn begin(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let itself = if self.takeover_spares_itself { 1 << at } else { 0 };
        let found = state.rows(|row| row.lapsed) & !itself;
        let begun = |joins| {
            let mut to = *state;
            to.takeover = Some(Takeover { by: index(at), joins, found, deleted: 0, taken: None });
            to.engines[at].talk = Talk::TakesOver;
            if joins {
                to.engines[at].phase = Phase::Joining;
            }
            to
        };
        if engine.phase == Phase::Off {
            steps.choice(What::JoinBegins, at, None, begun(true));
        }
        let orphans = state.orphans(state.rows(|_| true)) != 0 && !self.has(Mutation::OrphansIgnored);
        let others = found & !(1 << at) != 0;
        if engine.is_up() && self.may_take_over(engine) && (others || orphans) {
            steps.progress(What::TakeoverBegins, at, begun(false));
        }
    }

    fn statements(&self, state: &State, takeover: Takeover, steps: &mut Steps<'_>) {
        let by = usize::from(takeover.by);
        for dead in (0..ENGINES).filter(|dead| has(takeover.found, *dead) && !state.is_locked(*dead)) {
            let lapsed = state.engines[dead].row.is_some_and(|row| row.lapsed);
            let mut next = Takeover { found: takeover.found & !(1 << dead), ..takeover };
            // The newest version of the row, now that it can be had.
            let deletes = lapsed || self.has(Mutation::RenewedLeaseIgnored);
            if deletes {
                next.deleted |= 1 << dead;
            }
            let what = if deletes { What::TakeoverDeletes } else { What::TakeoverSpares };
            steps.progress_with(what, by, With::Engine(dead), State { takeover: Some(next), ..*state });
        }
        let mut back = *state;
        Model::roll_back_takeover(&mut back);
        if state.engines[by].phase == Phase::Gone {
            steps.progress(What::TakeoverRollsBack, by, back);
        } else {
            steps.fault(What::TakeoverRollsBack, by, back);
        }
        match takeover.taken {
            None if takeover.found == 0 => {
                let rows = state.rows(|_| true) & !takeover.deleted | u8::from(takeover.joins) << by;
                let taken = state.orphans(rows);
                let moved = |taken| State { takeover: Some(Takeover { taken: Some(taken), ..takeover }), ..*state };
                steps.progress(What::TakeoverMoves, by, moved(taken));
                // One that joins may leave everything to others, who will find it.
                if takeover.joins && taken != 0 && !self.has(Mutation::OrphansIgnored) {
                    steps.choice(What::TakeoverMoves, by, None, moved(0));
                }
            }
            None => {}
            Some(taken) => {
                let to = self.taken_over(state, takeover, taken);
                if to.engines[by].talk == (Talk::TookOver { taken }) {
                    steps.progress(What::TakeoverCommits, by, self.heard_of_takeover(to, by, taken));
                    steps.fault(What::TakeoverAnswerDelayed, by, to);
                } else {
                    steps.progress(What::TakeoverCommits, by, to);
                }
            }
        }
    }

    fn taken_over(&self, state: &State, takeover: Takeover, taken: u8) -> State {
        let mut to = *state;
        to.takeover = None;
        for (at, engine) in to.engines.iter_mut().enumerate() {
            if has(takeover.deleted, at) && !self.has(Mutation::RowStays) {
                engine.row = None;
            }
        }
        for (range, owner) in to.owner.iter_mut().enumerate() {
            if has(taken, range) {
                *owner = Some(takeover.by);
            }
        }
        let by = &mut to.engines[usize::from(takeover.by)];
        if takeover.joins {
            (by.row, by.ripe) = (Some(Row::default()), false);
        }
        if by.phase != Phase::Gone {
            by.talk = Talk::TookOver { taken };
            if self.has(Mutation::TakeoverOutsideMutex) && !takeover.joins {
                by.talk = Talk::Nothing;
                by.notes |= taken;
            }
        }
        to
    }

    pub(super) fn roll_back_takeover(state: &mut State) {
        if let Some(takeover) = state.takeover.take() {
            let by = &mut state.engines[usize::from(takeover.by)];
            match by.phase {
                Phase::Joining => *by = Engine::default(),
                Phase::Up => by.talk = Talk::Nothing,
                Phase::Off | Phase::Gone => {}
            }
        }
    }
}
