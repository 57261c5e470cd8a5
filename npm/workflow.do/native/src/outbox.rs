//! What is on its way to JavaScript: collected until its thread comes for it, then taken as one text.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Status;
use napi::bindgen_prelude::{Buffer, External, FnArgs, Function, Result};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use crate::long::Long;
use crate::message::Delivery;

/// What JavaScript takes at once. More than this goes into the next parcel, so that its thread gets to do other things, and the
/// engine to what came of the first messages while JavaScript is at the next ones.
const PARCEL_BYTES: usize = 32 << 10;

/// The text of an array of messages, and the bytes and long texts that they refer to, one after the other.
pub type Parcel = FnArgs<(String, Buffer, Vec<External<Long>>)>;

/// Calls JavaScript on its own thread, with what is there when it gets to it.
type Wake = ThreadsafeFunction<(), (), Parcel, Status, false>;

#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Messages,
    full: VecDeque<Messages>,
    /// JavaScript has been called and has not come yet.
    called: bool,
    wake: Option<Wake>,
}

#[derive(Default)]
struct Messages {
    /// The beginning of an array, without its end.
    text: String,
    bytes: Vec<u8>,
    long: Vec<Long>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox")
    }
}

impl Outbox {
    /// `deliver` is called with a parcel. It keeps the process alive until [`Outbox::close`].
    pub fn new(deliver: &Function<'_, Parcel, ()>) -> Result<Arc<Outbox>> {
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
        self.push_with(text, &[], None);
    }

    /// The same with a long text that the message refers to, if it does.
    pub fn push_long(&self, text: &str, long: Option<Long>) {
        self.push_with(text, &[], long);
    }

    /// The same with bytes that the message refers to.
    pub fn push_bytes(&self, text: &str, bytes: &[u8]) {
        self.push_with(text, bytes, None);
    }

    fn push_with(&self, text: &str, bytes: &[u8], long: Option<Long>) {
        let mut state = self.lock();
        if state.wake.is_none() {
            return;
        }
        let open = &mut state.open;
        if open.text.len() + open.bytes.len() + text.len() + bytes.len() > PARCEL_BYTES && !open.text.is_empty() {
            let full = std::mem::take(open);
            state.full.push_back(full);
        }
        let open = &mut state.open;
        open.text.push(if open.text.is_empty() { '[' } else { ',' });
        open.text.push_str(text);
        open.bytes.extend_from_slice(bytes);
        open.long.extend(long);
        state.call();
    }

    /// Nothing more is sent. What was pushed before still arrives.
    pub fn close(&self) {
        let wake = self.lock().wake.take();
        // Outside of the lock: the last one to let go of it may be told so at once.
        drop(wake);
    }

    fn take(&self) -> Parcel {
        let mut state = self.lock();
        state.called = false;
        let Messages { mut text, bytes, long } = state.full.pop_front().unwrap_or_else(|| std::mem::take(&mut state.open));
        if !state.full.is_empty() || !state.open.text.is_empty() {
            state.call();
        }
        drop(state);
        text.push_str(if text.is_empty() { "[]" } else { "]" });
        FnArgs::from((text, Buffer::from(bytes), long.into_iter().map(Long::external).collect()))
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
