//! A commit from its sending to the news of it, and what is done when there is none.

use super::{Kind, Model, Steps, Violation, What};
use crate::mutation::Mutation;
use crate::state::{Engine, Message, Part, Phase, Place, RANGES, State, Talk, index};

impl Model {
    pub(super) fn commit(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        if let Some(message) = engine.message {
            self.under_way(state, at, message, false, steps);
        } else if engine.is_up() {
            self.send(state, at, steps);
        }
        if let Some(ghost) = engine.ghost {
            self.under_way(state, at, ghost, true, steps);
        }
        if engine.message.is_some_and(|message| message.place == Place::Unknown) {
            self.reopen(state, at, steps);
        }
        if engine.late_reopening && !state.is_locked(at) {
            let mut to = *state;
            to.engines[at].late_reopening = false;
            if let Some(row) = &mut to.engines[at].row {
                row.epoch += 1;
            }
            steps.progress(What::LateReopening, at, to);
        }
    }

    /// One message with all that is decided.
    fn send(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let base = engine.parts.map(|part| part.durable);
        let adds = engine.parts.map(|part| part.length - part.durable);
        if adds == [0; RANGES] && engine.gift.is_none() {
            return;
        }
        let busy = match engine.talk {
            Talk::Nothing => false,
            Talk::Asked { .. } | Talk::Renewed { .. } => !self.beats_while_giving,
            Talk::TakesOver | Talk::TookOver { .. } => true,
        };
        if engine.gift.is_some() && busy && !self.has(Mutation::BeatOutsideMutex) {
            return;
        }
        let sound = engine.parts.iter().all(|part| part.length == part.durable || part.true_to >= part.durable);
        let message =
            Message { place: Place::InTheNetwork, epoch: 0, number: 1, base, adds, sound, gift: engine.gift, in_doubt: false };
        let mut to = *state;
        (to.engines[at].message, to.engines[at].gift) = (Some(message), None);
        to.engines[at].deaf |= engine.gift.is_some() && engine.talk != Talk::Nothing && self.beats_while_giving;
        steps.progress(What::Sends, at, to);
    }

    /// What becomes of a message, be it awaited or a ghost.
    fn under_way(&self, state: &State, at: usize, message: Message, ghost: bool, steps: &mut Steps<'_>) {
        let mut to = *state;
        match message.place {
            Place::InTheNetwork if !state.is_locked(at) => self.fence(state, at, message, ghost, steps),
            Place::InTheNetwork => {}
            Place::Open => {
                let what = if ghost { What::LateCommitCommits } else { What::Commits };
                steps.add(Kind::Progress, what, at, None, self.committed(state, at, message, ghost));
                if ghost {
                    to.engines[at].ghost = None
                } else {
                    to.engines[at].settle_later()
                }
                steps.fault(What::ConnectionCut, at, to);
            }
            Place::Committed => steps.add(Kind::Progress, What::Hears, at, None, self.done(state, at, message)),
            Place::Unknown => {}
        }
        let mut to = *state;
        if !ghost && message.place != Place::Unknown {
            let engine = &mut to.engines[at];
            if message.place != Place::Committed {
                // One that was given up may still arrive; more than one would add nothing.
                if engine.ghost.is_some() {
                    return;
                }
                engine.ghost = Some(Message { in_doubt: true, ..message });
            }
            engine.settle_later();
            steps.fault(What::AnswerLost, at, to);
        }
    }

    /// The first statement, and whether there is somebody to give to: READ COMMITTED, what was committed until now.
    fn fence(&self, state: &State, at: usize, message: Message, ghost: bool, steps: &mut Steps<'_>) {
        let own = state.engines[at].row.is_some_and(|row| {
            message.number == row.batch + 1 && (message.epoch == row.epoch || self.has(Mutation::FenceWithoutEpoch))
        });
        let taker = message.gift.is_none_or(|gift| {
            let there = state.row(gift.to).is_some() || self.has(Mutation::ReceiverNotLookedFor);
            there && state.owner[usize::from(gift.range)] == Some(index(at))
        });
        let passes = (own || self.has(Mutation::NoFence)) && taker;
        if self.has(Mutation::RefusalIsLoss) && !ghost && !passes && taker && state.engines[at].row.is_some() {
            return steps.add(Kind::Progress, What::Closes, at, None, Err(Violation::ClosedInError));
        }
        let mut to = *state;
        let engine = &mut to.engines[at];
        let slot = if ghost { &mut engine.ghost } else { &mut engine.message };
        *slot = match (passes, ghost) {
            (true, _) => Some(Message { place: Place::Open, ..message }),
            (false, true) => None,
            (false, false) => Some(Message { place: Place::Unknown, ..message }),
        };
        let what = match (passes, ghost) {
            (true, true) => What::LateCommitPasses,
            (true, false) => What::PassesFence,
            (false, _) if own && !taker => What::GiftRefused,
            (false, _) => What::IsRefused,
        };
        steps.progress(what, at, to);
    }

    fn committed(&self, state: &State, at: usize, message: Message, ghost: bool) -> Result<State, Violation> {
        let mut to = *state;
        let engine = &mut to.engines[at];
        let adds = (0..RANGES).filter(|range| message.adds[*range] > 0);
        if self.history_has_key && adds.clone().any(|range| message.base[range] < state.history[range]) {
            if ghost {
                engine.ghost = None
            } else {
                engine.settle_later()
            }
            return Ok(to);
        }
        for range in adds {
            if !message.sound || message.base[range] != state.history[range] {
                return Err(Violation::Fork);
            }
            to.history[range] = message.base[range] + message.adds[range];
            if !ghost || message.in_doubt {
                engine.parts[range].true_to = to.history[range];
            }
        }
        if let Some(gift) = message.gift {
            to.owner[usize::from(gift.range)] = Some(gift.to);
        }
        if let Some(row) = &mut engine.row {
            row.batch = message.number;
        }
        if ghost {
            engine.ghost = None
        } else {
            engine.message = Some(Message { place: Place::Committed, ..message })
        }
        if let Some(gift) = message.gift
            && self.has(Mutation::NotificationBelieved)
            && to.engines[usize::from(gift.to)].phase == Phase::Up
        {
            to.engines[usize::from(gift.to)].notes |= 1 << gift.range;
        }
        Ok(to)
    }

    /// The engine knows that it took place: callers are answered.
    fn done(&self, state: &State, at: usize, message: Message) -> Result<State, Violation> {
        let mut to = *state;
        let engine = &mut to.engines[at];
        for range in (0..RANGES).filter(|range| message.adds[*range] > 0) {
            let part = &mut engine.parts[range];
            part.durable = message.base[range] + message.adds[range];
            // Only of a range that was given away and has come back meanwhile, when it should not have.
            part.length = part.length.max(part.durable);
            if part.true_to < part.durable {
                return Err(Violation::Lost);
            }
        }
        if let Some(gift) = message.gift {
            let part = &mut engine.parts[usize::from(gift.range)];
            // What was decided upon the gift is in the next batch.
            let keeps = self.has(Mutation::Remembered) || part.length > part.durable;
            *part = if keeps { Part { own: false, ..*part } } else { Part::default() };
        }
        engine.settled();
        engine.count_from(0, 1);
        Ok(to)
    }

    /// The engine knows that it came to nothing: what was decided in it or upon it is dropped, and loaded again.
    fn undone(&self, state: &State, at: usize, message: Message) -> State {
        let mut to = *state;
        let engine = &mut to.engines[at];
        for (range, part) in engine.parts.iter_mut().enumerate() {
            if message.adds[range] > 0 || part.length > part.durable {
                *part = if part.own { self.loaded(state.history[range]) } else { Part::default() };
            }
        }
        engine.gift = None;
        engine.settled();
        to
    }

    fn reopen(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let Some(message) = engine.message else { return };
        let waits = !self.has(Mutation::BatchNumberAlone) && !self.has(Mutation::NotReopened);
        if waits && state.is_locked(at) {
            return;
        }
        let mut to = *state;
        if self.has(Mutation::NotReopened) {
            return steps.progress(What::ReopensUndone, at, self.undone(state, at, message));
        }
        let Some(row) = &mut to.engines[at].row else {
            to.engines[at].end();
            return steps.progress(What::Closes, at, to);
        };
        if waits && !self.has(Mutation::EpochNotRaised) {
            row.epoch += 1;
        }
        let (epoch, took_place) = (row.epoch, row.batch >= message.number);
        let settled = if took_place { self.done(&to, at, message) } else { Ok(self.undone(&to, at, message)) };
        let settled = settled.map(|mut settled| {
            settled.engines[at].count_from(epoch, 0);
            settled
        });
        let what = if took_place { What::ReopensDone } else { What::ReopensUndone };
        steps.add(Kind::Progress, what, at, None, settled);
        if waits && !engine.late_reopening {
            let mut to = *state;
            to.engines[at].late_reopening = true;
            steps.fault(What::ReopeningLost, at, to);
        }
    }
}

impl Engine {
    /// A commit that gives a range is not settled.
    pub(super) fn has_sent_gift(&self) -> bool {
        self.message.is_some_and(|message| message.gift.is_some())
    }

    /// The answer is not awaited any more.
    fn settle_later(&mut self) {
        if let Some(message) = &mut self.message {
            message.place = Place::Unknown;
        }
    }

    fn settled(&mut self) {
        self.message = None;
        if let Some(ghost) = &mut self.ghost {
            ghost.in_doubt = false;
        }
    }

    /// With the database, or its connection.
    pub(super) fn roll_back(&mut self) {
        if self.ghost.is_some_and(|ghost| ghost.place == Place::Open) {
            self.ghost = None;
        }
        if self.message.is_some_and(|message| message.place == Place::Open) {
            self.settle_later();
        }
    }
}
