//! A thread that comes by once an hour, on a connection of its own that is there only meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use workflow_core::time::Timestamp;

use super::{Tidied, now, tidy};
use crate::postgres::address::Address;
use crate::postgres::error::{PostgresError, Trouble};
use crate::postgres::link::Link;

/// An engine that has just begun has better things to do.
const FIRST_AFTER: Duration = Duration::from_secs(10 * 60);
const EVERY: Duration = Duration::from_secs(3_600);
/// Where something was in use, or the database away.
const AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// One execution's payloads may be a gigabyte.
const ANSWER_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Comes by until it is stopped.
#[derive(Debug)]
pub(in crate::postgres) struct Rounds {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    sleep: Mutex<()>,
    stop: Condvar,
}

impl Rounds {
    pub fn start(address: &Address) -> Result<Rounds, PostgresError> {
        let shared = Arc::new(Shared::default());
        let (address, of_thread) = (address.clone(), Arc::clone(&shared));
        let at = address.shown().to_owned();
        let thread = std::thread::Builder::new().name("workflow-tidy".to_owned()).spawn(move || of_thread.run(&address));
        let thread = thread.map_err(|error| PostgresError::Other { at, reason: error.to_string() })?;
        Ok(Rounds { shared, thread: Some(thread) })
    }

    /// One round now, as at this time.
    pub fn once(address: &Address, at: Timestamp) -> Result<Tidied, Trouble> {
        round(address, Some(at), &|| true)
    }

    pub fn stop(&mut self) {
        {
            let _sleep = self.shared.sleep.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.stopped.store(true, Ordering::Relaxed);
        }
        self.shared.stop.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it was told of already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    fn run(&self, address: &Address) {
        let mut pause = FIRST_AFTER;
        while self.sleep(pause) {
            pause = match round(address, None, &|| self.goes_on()) {
                Ok(tidied) => {
                    if tidied != Tidied::default() {
                        tracing::info!(
                            made = tidied.made.len(),
                            dropped = tidied.dropped.join(", "),
                            moved = tidied.moved,
                            unfinished = tidied.unfinished,
                            "partitions were put in order"
                        );
                    }
                    if tidied.unfinished { AGAIN_AFTER } else { EVERY }
                }
                Err(trouble) => {
                    let fault = trouble.during("put partitions in order");
                    tracing::warn!(%fault, "partitions could not be put in order; it is tried again");
                    AGAIN_AFTER
                }
            };
        }
    }

    /// False when it is time to stop.
    fn sleep(&self, pause: Duration) -> bool {
        let sleep = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.stop.wait_timeout_while(sleep, pause, |()| self.goes_on()));
        self.goes_on()
    }
}

fn round(address: &Address, at: Option<Timestamp>, goes_on: &dyn Fn() -> bool) -> Result<Tidied, Trouble> {
    let link = Link::connect_within(address, "partitions", CONNECT_WITHIN, ANSWER_WITHIN)?;
    // What a crash takes back of a move is where it was before; and a drop waits for the disk whatever is set.
    link.script("SET synchronous_commit = off")?;
    let at = at.map_or_else(|| now(&link), Ok)?;
    tidy(&link, at, goes_on)
}
