//! Copies the write-ahead log into the database file, off the commit path.
//!
//! A thread with a connection of its own is told by every commit how long the log is. It copies in the background while the
//! writer goes on; once the log is as long as it should get, it stops the writer for the rest, which is short, so that the
//! next commit uses the log again from its beginning.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::commit::Writer;
use super::error::{self, breaks_handles};
use super::{Broken, Options, lock};

/// The log is copied each time it has grown by this.
const STEP_BYTES: u64 = 16 << 20;
/// How long commits wait for readers to let go of a log that is too long.
const READERS_WAIT: Duration = Duration::from_millis(100);

/// How long the log is: from the writer to the checkpointer.
#[derive(Debug, Default)]
pub(super) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// In the log, since it was last used from its beginning.
    pages: u64,
    /// How many there were at the last checkpoint.
    pages_before: u64,
    /// By how many it has to grow.
    step: u64,
    /// The checkpointer needs the writer. A mutex alone would starve it: whoever commits in a loop has it again at once.
    wants_writer: bool,
    stop: bool,
}

impl State {
    fn has_grown(&self) -> bool {
        // Fewer than before: it was begun again.
        let grown = if self.pages < self.pages_before { self.pages } else { self.pages - self.pages_before };
        grown >= self.step
    }
}

impl Signal {
    /// A commit has left the log with this many pages.
    pub fn announce(&self, pages: u64) {
        let mut state = lock(&self.state);
        state.pages = pages;
        if state.has_grown() {
            self.changed.notify_all();
        }
    }

    /// Waits until the log, which had `pages_before`, has grown by `step`. Its length then, or none when it is time to stop.
    fn wait(&self, pages_before: u64, step: u64) -> Option<u64> {
        let mut state = lock(&self.state);
        (state.pages_before, state.step) = (pages_before, step);
        while !state.has_grown() && !state.stop {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop { None } else { Some(state.pages) }
    }

    /// Waits while the checkpointer needs the writer.
    fn give_way(&self) {
        let mut state = lock(&self.state);
        while state.wants_writer {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets no commit begin as long as the answer lives.
    fn hold_commits(&self) -> Hold<'_> {
        lock(&self.state).wants_writer = true;
        Hold { signal: self }
    }

    fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }
}

struct Hold<'a> {
    signal: &'a Signal,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        lock(&self.signal.state).wants_writer = false;
        self.signal.changed.notify_all();
    }
}

#[derive(Debug)]
pub(super) struct Checkpointer {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub fn spawn(
        path: &Path,
        connection: Connection,
        options: &Options,
        signal: Arc<Signal>,
        writer: Arc<Mutex<Writer>>,
        broken: Broken,
    ) -> Checkpointer {
        let work = Work {
            path: path.to_owned(),
            connection,
            log_bytes: options.log_bytes,
            log_bytes_max: options.log_bytes_max,
            writer,
            broken,
            warned_bytes: 0,
        };
        let own = Arc::clone(&signal);
        let thread = std::thread::Builder::new().name("workflow-checkpoint".to_owned()).spawn(move || work.run(&own));
        let thread = thread.inspect_err(|error| tracing::error!(%error, "no thread for checkpoints: the log will grow"));
        Checkpointer { signal, thread: thread.ok() }
    }
}

impl Checkpointer {
    /// Called before each commit.
    pub fn give_way(&self) {
        self.signal.give_way();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.signal.stop();
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed.
            let _ = thread.join();
        }
    }
}

struct Work {
    path: PathBuf,
    connection: Connection,
    log_bytes: u64,
    log_bytes_max: u64,
    writer: Arc<Mutex<Writer>>,
    broken: Broken,
    /// The length of the log at the last warning.
    warned_bytes: u64,
}

/// What a checkpoint found.
struct Outcome {
    /// Pages in the log.
    pages: u64,
    /// Of those, how many are in the file now.
    copied: u64,
    busy: bool,
}

impl Work {
    fn run(mut self, signal: &Signal) {
        let page_bytes = self.connection.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
        let page_bytes = page_bytes.map_or(16 << 10, i64::unsigned_abs);
        let step = (STEP_BYTES.min(self.log_bytes) / page_bytes).max(1);
        let mut pages_before = 0;
        while let Some(pages) = signal.wait(pages_before, step) {
            pages_before = match self.checkpoint(signal, pages * page_bytes, page_bytes) {
                // Nothing is known when another program holds the checkpoint: once the log has grown again.
                Ok(outcome) if outcome.pages == 0 => pages,
                Ok(outcome) => outcome.pages,
                Err(error) if breaks_handles(&error) => {
                    // What was copied may be lost, and the next checkpoint would not know.
                    self.broken.set(&error::message(&error));
                    return;
                }
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), error = error::message(&error), "checkpoint failed");
                    pages
                }
            };
        }
        if self.broken.why().is_none() {
            let emptied = self.connection.busy_timeout(READERS_WAIT).and_then(|()| empty_log(&self.connection));
            tracing::debug!(path = %self.path.display(), ?emptied, "closed");
        }
    }

    fn checkpoint(&mut self, signal: &Signal, bytes: u64, page_bytes: u64) -> rusqlite::Result<Outcome> {
        let outcome = checkpoint(&self.connection, "PASSIVE")?;
        if bytes < self.log_bytes {
            return Ok(outcome);
        }
        // The writer stops for what it has added meanwhile.
        let _hold = signal.hold_commits();
        let writer = Arc::clone(&self.writer);
        let _writer = lock(&writer);
        let mut outcome = checkpoint(&self.connection, "PASSIVE")?;
        if outcome.pages * page_bytes >= self.log_bytes_max {
            self.connection.busy_timeout(READERS_WAIT)?;
            outcome = checkpoint(&self.connection, "RESTART")?;
            if outcome.busy || outcome.copied < outcome.pages {
                self.warn(outcome.pages * page_bytes);
            }
        }
        Ok(outcome)
    }

    /// Once, and again each time the log has doubled.
    fn warn(&mut self, bytes: u64) {
        if bytes < self.warned_bytes * 2 {
            return;
        }
        self.warned_bytes = bytes;
        tracing::warn!(
            path = %self.path.display(),
            log_mib = bytes >> 20,
            "the write-ahead log cannot be used again and keeps growing: something reads an old state of the database, most \
             likely a `sqlite3` shell or a backup with an open transaction; close it"
        );
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Outcome> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (busy, pages, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Outcome { busy: busy != 0, pages: pages.max(0).unsigned_abs(), copied: copied.max(0).unsigned_abs() })
    })
}

/// Copies all of the log, syncs the file and leaves the log empty. False when a reader stands in the way.
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(!checkpoint(connection, "TRUNCATE")?.busy)
}
