//! What is on its way to JavaScript: collected until its thread comes for it, then taken as one text.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Status;
use napi::bindgen_prelude::{Function, Result};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use crate::message::Delivery;

/// A text that JavaScript parses at once. More than this goes into the next one, so that its thread gets to do other things.
const BATCH_BYTES: usize = 4 << 20;

/// Calls JavaScript on its own thread, with what is there when it gets to it.
type Wake = ThreadsafeFunction<(), (), String, Status, false>;

#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The beginning of an array, without its end.
    text: String,
    full: VecDeque<String>,
    /// JavaScript has been called and has not come yet.
    called: bool,
    wake: Option<Wake>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox")
    }
}

impl Outbox {
    /// `deliver` is called with the text of an array of messages. It keeps the process alive until [`Outbox::close`].
    pub fn new(deliver: &Function<'_, String, ()>) -> Result<Arc<Outbox>> {
        let outbox = Arc::new(Outbox::default());
        let taken = outbox.clone();
        let wake = deliver.build_threadsafe_function::<()>().build_callback(move |_| Ok(taken.take()))?;
        outbox.lock().wake = Some(wake);
        Ok(outbox)
    }

    /// What comes after [`Outbox::close`] is dropped.
    pub fn push(&self, delivery: &Delivery<'_>) {
        // Written before the lock is taken: threads wait for each other as little as possible.
        self.push_text(&serde_json::to_string(delivery).expect("a message is JSON"));
    }

    /// The same with the JSON text of a message.
    pub fn push_text(&self, text: &str) {
        let mut state = self.lock();
        if state.wake.is_none() {
            return;
        }
        if state.text.len() + text.len() > BATCH_BYTES && !state.text.is_empty() {
            let full = std::mem::take(&mut state.text);
            state.full.push_back(full);
        }
        let separator = if state.text.is_empty() { '[' } else { ',' };
        state.text.push(separator);
        state.text.push_str(text);
        state.call();
    }

    /// Nothing more is sent. What was pushed before still arrives.
    pub fn close(&self) {
        let wake = self.lock().wake.take();
        // Outside of the lock: the last one to let go of it may be told so at once.
        drop(wake);
    }

    fn take(&self) -> String {
        let mut state = self.lock();
        state.called = false;
        let text = state.full.pop_front().unwrap_or_else(|| std::mem::take(&mut state.text));
        if !state.full.is_empty() || !state.text.is_empty() {
            state.call();
        }
        drop(state);
        if text.is_empty() { "[]".to_owned() } else { text + "]" }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn call(&mut self) {
        if let Some(wake) = &self.wake
            && !self.called
        {
            // It fails only when JavaScript is gone, and then nobody waits for anything.
            self.called = wake.call((), ThreadsafeFunctionCallMode::NonBlocking) == Status::Ok;
        }
    }
}
