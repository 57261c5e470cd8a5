//! A few connections that only read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::error::Trouble;
use super::{Options, lock, open};

/// Opened when they are first needed, at most `Options::readers_max` of them.
pub(super) struct Readers {
    path: PathBuf,
    cache_bytes: u32,
    free: Mutex<Free>,
    returned: Condvar,
}

struct Free {
    connections: Vec<Connection>,
    /// How many may still be opened.
    unopened: usize,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Readers {
    pub fn new(path: &Path, options: &Options) -> Readers {
        let free = Free { connections: Vec::new(), unopened: options.readers_max.max(1) };
        let cache_bytes = options.reader_cache_bytes;
        Readers { path: path.to_owned(), cache_bytes, free: Mutex::new(free), returned: Condvar::new() }
    }

    /// Lends a connection, waiting for one to come back when all are in use.
    pub fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let loan = self.take()?;
        read(loan.connection.as_ref().expect("a loan has its connection until it is dropped"))
    }

    /// Gives back the pages that idle connections keep.
    pub fn rest(&self) -> rusqlite::Result<()> {
        lock(&self.free).connections.iter().try_for_each(Connection::release_memory)
    }

    fn take(&self) -> Result<Loan<'_>, Trouble> {
        let mut free = lock(&self.free);
        loop {
            if let Some(connection) = free.connections.pop() {
                return Ok(Loan { readers: self, connection: Some(connection) });
            }
            if free.unopened > 0 {
                free.unopened -= 1;
                drop(free);
                let mut loan = Loan { readers: self, connection: None };
                loan.connection = Some(self.open()?);
                return Ok(loan);
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        open::settle(&connection, self.cache_bytes)?;
        Ok(connection)
    }
}

/// Gives the connection back, also when the reading panics or fails.
struct Loan<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut free = lock(&self.readers.free);
        match self.connection.take() {
            Some(connection) => free.connections.push(connection),
            None => free.unopened += 1,
        }
        drop(free);
        self.readers.returned.notify_one();
    }
}
