//! Who owns the file: a lock on `FILE.lock`, which also says who holds it.
//!
//! Never on the database file itself: POSIX drops all of a process's locks on a file when it closes any descriptor of it, and
//! SQLite's own locks lie there. The lock goes with the process, however it ends; the file stays, and means nothing by itself.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::OpenError;
use super::open;

const POLL: Duration = Duration::from_millis(20);

/// The ownership of a database file, for as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Who has a file open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    /// As text: `2026-01-31T12:00:00Z`.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = if self.pid == std::process::id() { " (this one)" } else { "" };
        write!(f, "process {}{own} since {}", self.pid, self.since)
    }
}

impl Holder {
    fn read(path: &Path) -> Option<Holder> {
        let text = std::fs::read_to_string(path).ok()?;
        let (pid, since) = text.trim().strip_prefix("pid ")?.split_once(" since ")?;
        Some(Holder { pid: pid.parse().ok()?, since: since.to_owned() })
    }

    fn this_process() -> Holder {
        // SQLite knows the calendar.
        let now = |connection: rusqlite::Connection| {
            connection.query_row("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')", [], |row| row.get(0))
        };
        let since = rusqlite::Connection::open_in_memory().and_then(now);
        Holder { pid: std::process::id(), since: since.unwrap_or_else(|_| "an unknown time".to_owned()) }
    }

    fn write(&self, file: &mut File) -> std::io::Result<()> {
        let text = format!("pid {} since {}\n", self.pid, self.since);
        file.set_len(0)?;
        file.write_all(text.as_bytes())
    }
}

impl Lock {
    /// Takes the lock of the database at `database`, waiting at most `wait` for whoever holds it.
    pub fn take(database: &Path, wait: Duration) -> Result<Lock, OpenError> {
        let path = path_of(database);
        let not_writable = |error: std::io::Error| OpenError::NotWritable {
            path: database.to_owned(),
            file: path.clone(),
            reason: error.to_string(),
        };
        // Not truncated here: until the lock is taken, what is in it belongs to its holder.
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(not_writable)?;
        let until = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::InUse { path: database.to_owned(), holder: Holder::read(&path) });
                }
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => {
                    let reason = format!("its lock file {} cannot be locked: {error}", path.display());
                    return Err(OpenError::Other { path: database.to_owned(), reason });
                }
            }
        }
        Holder::this_process().write(&mut file).map_err(not_writable)?;
        Ok(Lock { _file: file })
    }

    /// Takes the lock for somebody who only reads: at once or not at all, and without making the file. None where there is none:
    /// then no engine has ever had the database here.
    pub fn take_existing(database: &Path) -> Result<Option<Lock>, OpenError> {
        let path = path_of(database);
        let other = |reason: std::io::Error| OpenError::Other {
            path: database.to_owned(),
            reason: format!("its lock file {} cannot be locked: {reason}", path.display()),
        };
        // Who may not write it can lock it all the same.
        let writable = OpenOptions::new().read(true).write(true).open(&path);
        let (mut file, is_writable) = match writable {
            Ok(file) => (file, true),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(_) => (File::open(&path).map_err(other)?, false),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { path: database.to_owned(), holder: Holder::read(&path) });
            }
            Err(TryLockError::Error(error)) => return Err(other(error)),
        }
        if is_writable {
            Holder::this_process().write(&mut file).map_err(other)?;
        }
        Ok(Some(Lock { _file: file }))
    }
}

fn path_of(database: &Path) -> PathBuf {
    open::beside(database, ".lock")
}
