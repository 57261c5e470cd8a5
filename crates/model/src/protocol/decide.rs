//! What an engine decides, and what it hands out.

use super::{Model, Steps, Violation, What, With};
use crate::mutation::Mutation;
use crate::state::{ENGINES, Engine, Gift, Handing, Part, Place, RANGES, State, Talk, has, index};

impl Model {
    pub(super) fn decide(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        if engine.is_up() {
            for range in 0..RANGES {
                self.event(state, at, range, steps);
                self.ask(state, at, range, steps);
                self.give(state, at, range, steps);
                if has(engine.notes, range) && engine.talk == Talk::Nothing {
                    let mut to = *state;
                    to.engines[at].notes &= !(1 << range);
                    self.learn(&mut to, at, 1 << range);
                    steps.progress_with(What::NoteRead, at, With::Range(range), to);
                }
            }
        }
        self.hand_out(state, at, steps);
    }

    /// Of an execution with so many events an attempt is begun and has no result.
    pub(super) fn is_in_flight(&self, length: u8) -> bool {
        length % 2 == 1 && length < self.events
    }

    /// At most one event that is not sent, upon one that is not known to be durable.
    fn event(&self, state: &State, at: usize, range: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let part = engine.parts[range];
        let gives = engine.gives(range) && !self.has(Mutation::DecidesInDoubt);
        let sent = engine.message.map_or(part.durable, |message| (message.base[range] + message.adds[range]).max(part.durable));
        if !part.own || gives || engine.is_in_doubt() || part.length > sent || part.length >= self.events {
            return;
        }
        if self.is_in_flight(part.length) && !part.out {
            return;
        }
        let mut to = *state;
        to.engines[at].parts[range] = Part { length: part.length + 1, out: false, ..part };
        steps.progress_with(What::Decides, at, With::Range(range), to);
    }

    /// The batch that is being decided gives a range.
    fn give(&self, state: &State, at: usize, range: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let part = engine.parts[range];
        let (Some(gifts), None, false) = (state.gifts.checked_sub(1), engine.gift, engine.is_in_doubt()) else { return };
        let durable = part.length == part.durable || self.has(Mutation::DurabilityNotAwaited);
        let in_flight =
            self.is_in_flight(part.length) || engine.handing.is_some_and(|handing| usize::from(handing.range) == range);
        let awaited = !in_flight || self.has(Mutation::AttemptsNotAwaited);
        if !part.own || engine.gives(range) || !durable || !awaited {
            return;
        }
        for other in (0..ENGINES).filter(|other| *other != at && state.engines[*other].row.is_some()) {
            let mut to = State { gifts, ..*state };
            to.engines[at].gift = Some(Gift { range: index(range), to: index(other) });
            steps.choice(What::DecidesToGive, at, Some(With::RangeAndEngine(range, other)), to);
        }
    }

    /// Whether the lease lasts, just before an attempt is handed out.
    fn ask(&self, state: &State, at: usize, range: usize, steps: &mut Steps<'_>) {
        let engine = &state.engines[at];
        let part = engine.parts[range];
        let durable = part.length == part.durable || self.has(Mutation::HandedOutEarly);
        let gives = engine.gives(range) && !self.has(Mutation::DecidesInDoubt);
        let holds = engine.holds || self.has(Mutation::LeaseNotAsked);
        let waits = part.own && self.is_in_flight(part.length) && !part.out;
        if waits && durable && !gives && holds && engine.handing.is_none() {
            let mut to = *state;
            to.engines[at].handing = Some(Handing { range: index(range), length: part.length, slept: false });
            steps.progress_with(What::AsksLease, at, With::Range(range), to);
        }
    }

    fn hand_out(&self, state: &State, at: usize, steps: &mut Steps<'_>) {
        let Some(Handing { range, length, slept }) = state.engines[at].handing else { return };
        let range = usize::from(range);
        let mut to = *state;
        to.engines[at].handing = None;
        let part = &mut to.engines[at].parts[range];
        if part.own && part.length == length {
            part.out = true;
        }
        let (with, committed) = (Some(With::Range(range)), state.history[range]);
        if committed == length {
            steps.progress_with(What::HandsOut, at, With::Range(range), to);
        } else if slept {
            steps.progress_with(What::HandsOutLate, at, With::Range(range), to);
        } else {
            steps.add(super::Kind::Progress, What::HandsOut, at, with, Err(Violation::HandedOut));
        }
    }
}

impl Engine {
    /// A commit has to be settled before anything else is decided.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.message.is_some_and(|message| message.place == Place::Unknown)
    }
}
