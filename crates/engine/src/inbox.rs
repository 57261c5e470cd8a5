//! Where everything that the ring takes in waits until the ring takes it, all at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ring::message::Input;

#[derive(Debug, Default)]
pub struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    inputs: Vec<Input>,
    /// The ring waits, and has to be woken.
    waiting: bool,
    poked: bool,
    halted: bool,
}

impl Inbox {
    /// What is pushed after [`Inbox::halt`] is dropped, and with it the reply that somebody waits for.
    pub fn push(&self, input: Input) {
        let mut state = self.lock();
        if state.halted {
            return;
        }
        state.inputs.push(input);
        self.wake(state);
    }

    /// All of them at once: the ring does not take the first before the last is there.
    pub fn push_all(&self, inputs: impl IntoIterator<Item = Input>) {
        let mut state = self.lock();
        if state.halted {
            return;
        }
        state.inputs.extend(inputs);
        if !state.inputs.is_empty() {
            self.wake(state);
        }
    }

    /// Has the ring look at the clock.
    pub fn poke(&self) {
        let mut state = self.lock();
        state.poked = true;
        self.wake(state);
    }

    /// Nothing is taken in any more.
    pub fn halt(&self) {
        let mut state = self.lock();
        state.halted = true;
        state.inputs.clear();
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if std::mem::take(&mut state.waiting) {
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// Moves everything that has arrived to `inputs`; waits when there is nothing, at most for `wait`. False once it was halted.
    pub fn take(&self, inputs: &mut Vec<Input>, wait: Option<Duration>) -> bool {
        let mut state = self.lock();
        if state.inputs.is_empty() && !state.halted && !state.poked && wait != Some(Duration::ZERO) {
            state.waiting = true;
            let still = |state: &mut State| state.inputs.is_empty() && !state.halted && !state.poked;
            state = match wait {
                Some(wait) => self.arrived.wait_timeout_while(state, wait, still).unwrap_or_else(PoisonError::into_inner).0,
                None => self.arrived.wait_while(state, still).unwrap_or_else(PoisonError::into_inner),
            };
            state.waiting = false;
        }
        state.poked = false;
        std::mem::swap(inputs, &mut state.inputs);
        !state.halted
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
