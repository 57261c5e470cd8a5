//! Where everything that the ring takes in waits until it is taken, all at once; and which of the engine's few threads takes it.
//!
//! They take turns at the ring, one at a time. Who has to do something that may take long (ask the store, look at an action)
//! leaves the ring to the others for as long, but wakes none of them unless there is something to do: what comes in does. Who is
//! back and finds nobody there stays. So an order that is alone is decided, committed and begun by one thread that nobody has to
//! wake, and while a slow disk holds up one thread another one attends.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ring::message::Input;

/// One at the ring while another one waits for the store, and a third for an action that computes.
pub const THREADS: usize = 3;

#[derive(Debug)]
pub struct Inbox {
    state: Mutex<State>,
    /// Wakes each of the threads.
    calls: [Condvar; THREADS],
}

#[derive(Debug)]
struct State {
    inputs: Vec<Input>,
    /// The ring has to be looked after although nothing has come in.
    poked: bool,
    halted: bool,
    /// A thread is at the ring. It looks here again before it goes.
    attended: bool,
    /// When the ring has to be looked after at the latest.
    due: Option<Instant>,
    /// Threads that wait, and until when. The last one has come last and is woken first: what it needs is still near.
    waiting: Vec<(usize, Option<Instant>)>,
    /// A thread that was woken and is on its way.
    called: Option<usize>,
}

impl Default for Inbox {
    fn default() -> Inbox {
        let state = State {
            inputs: Vec::new(),
            poked: true,
            halted: false,
            attended: false,
            due: None,
            waiting: Vec::with_capacity(THREADS),
            called: None,
        };
        Inbox { state: Mutex::new(state), calls: Default::default() }
    }
}

impl State {
    fn is_due(&self) -> bool {
        self.poked || !self.inputs.is_empty() || self.due.is_some_and(|due| due <= Instant::now())
    }

    /// A thread has to come: because of what there is to do, or only to wait for what falls due earlier than others wait for.
    fn needs_somebody(&self) -> bool {
        let awaited = || self.waiting.iter().filter_map(|(_, until)| *until).min();
        self.poked || !self.inputs.is_empty() || self.due.is_some_and(|due| awaited().is_none_or(|awaited| due < awaited))
    }
}

/// What comes in.
impl Inbox {
    /// What is pushed after [`Inbox::halt`] is dropped, and with it the reply that somebody waits for.
    pub fn push(&self, input: Input) {
        let mut state = self.lock();
        if state.halted {
            return;
        }
        state.inputs.push(input);
        self.call(state);
    }

    /// All of them at once: the ring does not take the first before the last is there.
    pub fn push_all(&self, inputs: impl IntoIterator<Item = Input>) {
        let mut state = self.lock();
        if state.halted {
            return;
        }
        state.inputs.extend(inputs);
        self.call(state);
    }

    /// Has the ring look at the clock.
    pub fn poke(&self) {
        let mut state = self.lock();
        state.poked = true;
        self.call(state);
    }

    /// Nothing is taken in any more.
    pub fn halt(&self) {
        let mut state = self.lock();
        state.halted = true;
        state.inputs.clear();
        drop(state);
        self.calls.iter().for_each(Condvar::notify_one);
    }

    pub fn is_empty(&self) -> bool {
        self.lock().inputs.is_empty()
    }

    /// Wakes a thread when one is needed, and none is there or on its way.
    fn call(&self, mut state: MutexGuard<'_, State>) {
        if state.attended || state.called.is_some() || !state.needs_somebody() {
            return;
        }
        if let Some((thread, _)) = state.waiting.pop() {
            state.called = Some(thread);
            drop(state);
            self.calls[thread].notify_one();
        }
    }
}

/// Who takes it. Each answers whether `thread` is at the ring now, with what has come in: if not, it was halted.
impl Inbox {
    /// `thread` begins.
    pub fn begin(&self, thread: usize, inputs: &mut Vec<Input>) -> bool {
        self.attend(self.lock(), thread, inputs)
    }

    /// `thread` has seen to the ring, which has nothing to do before `wait` has passed.
    pub fn next(&self, thread: usize, wait: Option<Duration>, inputs: &mut Vec<Input>) -> bool {
        let mut state = self.lock();
        state.attended = false;
        state.due = due(wait);
        self.attend(state, thread, inputs)
    }

    /// The thread at the ring leaves, and comes [back](Inbox::back). The ring has nothing to do before `wait` has passed.
    pub fn leave(&self, wait: Option<Duration>) {
        let mut state = self.lock();
        state.attended = false;
        state.due = due(wait);
        self.call(state);
    }

    /// `thread` is back with what has come of it.
    pub fn back(&self, thread: usize, came: Option<Input>, inputs: &mut Vec<Input>) -> bool {
        let mut state = self.lock();
        if !state.halted {
            state.inputs.extend(came);
        }
        self.attend(state, thread, inputs)
    }

    /// Waits until the ring needs somebody and nobody is there.
    fn attend(&self, mut state: MutexGuard<'_, State>, thread: usize, inputs: &mut Vec<Input>) -> bool {
        while !state.halted && (state.attended || !state.is_due()) {
            // Whoever attends makes sure before it goes that somebody waits for what falls due.
            let until = if state.attended { None } else { state.due };
            state.waiting.push((thread, until));
            let call = &self.calls[thread];
            state = match until {
                None => call.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let wait = until.saturating_duration_since(Instant::now());
                    call.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.waiting.retain(|(waiting, _)| *waiting != thread);
            if state.called == Some(thread) {
                state.called = None;
            }
        }
        if state.halted {
            return false;
        }
        (state.attended, state.poked) = (true, false);
        std::mem::swap(inputs, &mut state.inputs);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn due(wait: Option<Duration>) -> Option<Instant> {
    wait.map(|wait| Instant::now() + wait)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const PUSHERS: usize = 3;
    const PUSHES: usize = 20_000;

    /// A wake-up that was lost would leave this waiting for ever.
    #[test]
    fn whatever_comes_in_is_taken_once_by_one_thread_at_a_time() {
        let (inbox, at_the_ring, taken) = (Inbox::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        let attend = |thread: usize| {
            let mut inputs = Vec::new();
            let mut there = inbox.begin(thread, &mut inputs);
            for round in 0.. {
                if !there {
                    return;
                }
                assert_eq!(at_the_ring.fetch_add(1, Ordering::SeqCst), 0);
                let new = inputs.drain(..).count();
                if taken.fetch_add(new, Ordering::SeqCst) + new == PUSHERS * PUSHES {
                    return inbox.halt();
                }
                at_the_ring.fetch_sub(1, Ordering::SeqCst);
                there = if round % 2 == 0 {
                    inbox.leave(None);
                    thread::yield_now();
                    inbox.back(thread, None, &mut inputs)
                } else {
                    inbox.next(thread, None, &mut inputs)
                };
            }
        };
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let attend = &attend;
                scope.spawn(move || attend(thread));
            }
            for pusher in 0..PUSHERS {
                let inbox = &inbox;
                scope.spawn(move || {
                    for push in 0..PUSHES {
                        inbox.push(Input::ExpectWorkers);
                        if (push + pusher) % 3 == 0 {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
        assert_eq!(taken.load(Ordering::SeqCst), PUSHERS * PUSHES);
    }

    /// The thread that would have waited for it has left for something that takes long.
    #[test]
    fn what_falls_due_while_a_thread_is_away_has_another_one_come() {
        let inbox = Inbox::default();
        let mut inputs = Vec::new();
        assert!(inbox.begin(0, &mut inputs));
        thread::scope(|scope| {
            let other = scope.spawn(|| inbox.begin(1, &mut Vec::new()));
            while inbox.lock().waiting.is_empty() {
                thread::yield_now();
            }
            inbox.leave(Some(Duration::from_millis(1)));
            assert!(other.join().expect("it does not panic"));
        });
    }

    #[test]
    fn who_returns_and_finds_nobody_stays_and_wakes_nobody() {
        let inbox = Inbox::default();
        let mut inputs = Vec::new();
        assert!(inbox.begin(0, &mut inputs));
        thread::scope(|scope| {
            scope.spawn(|| assert!(!inbox.begin(1, &mut Vec::new()), "it is never needed"));
            while inbox.lock().waiting.is_empty() {
                thread::yield_now();
            }
            inbox.leave(None);
            assert!(inbox.back(0, Some(Input::ExpectWorkers), &mut inputs));
            assert_eq!((inputs.len(), inbox.lock().waiting.len()), (1, 1));
            inbox.halt();
        });
    }
}
