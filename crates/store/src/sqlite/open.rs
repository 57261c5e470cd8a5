//! From a path to a store that may be used: who owns it, whether it is ours, its schema, its connections.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::checkpoint::{Checkpointer, Signal};
use super::commit::Writer;
use super::error::{OpenError, Trouble};
use super::left;
use super::lock::Lock;
use super::migrate::{self, APPLICATION_ID};
use super::readers::Readers;
use super::seal::{Seals, known};
use super::{Broken, Durability, Handles, Options, Sqlite};

/// Of new files. Half as many bytes are written as with 16 KiB; with 4 KiB long outputs are slow (decision 0012).
const PAGE_BYTES: u32 = 8 << 10;
/// How long a statement waits for a lock that another program holds.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Every statement of this module fits.
const STATEMENTS_CACHED: usize = 64;

impl Sqlite {
    /// Opens the file at `path`, or makes it, and takes the ownership of it; `:memory:` is a database that is gone with the
    /// store. Once this has returned, everything that can be read from it is on disk.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Sqlite, OpenError> {
        let path = path.as_ref();
        if path.as_os_str() == ":memory:" {
            return Sqlite::in_memory(options);
        }
        let path = absolute(path)?;
        let lock = Lock::take(&path, options.lock_wait)?;
        left::make_sure(&path, &options)?;
        let handles = open_handles(&path, &options).map_err(|error| error.at(&path))?;
        Ok(Sqlite { path: Some(path), options, handles: RwLock::new(Some(handles)), _lock: Some(lock) })
    }

    fn in_memory(options: Options) -> Result<Sqlite, OpenError> {
        let path = Path::new(":memory:");
        let open = || {
            let connection = Connection::open_in_memory()?;
            settle(&connection, options.writer_cache_bytes)?;
            let seals = Arc::new(Seals::new(&options.keys).map_err(Refused::Other)?);
            migrate::migrate(seals.view(&connection), 0)?;
            known::admit(&connection, &seals)?;
            let writer = Writer::new(connection, Arc::clone(&seals), options.recent_bytes_max)?;
            let (recent, writer) = (Arc::clone(writer.recent()), Arc::new(Mutex::new(writer)));
            Ok(Handles {
                checkpointer: None,
                readers: Readers::new(path, &options),
                writer,
                recent,
                seals,
                broken: Broken::default(),
            })
        };
        let handles = open().map_err(|error: Refused| error.at(path))?;
        Ok(Sqlite { path: None, options, handles: RwLock::new(Some(handles)), _lock: None })
    }
}

/// Opens again after a fault, on fresh handles, the lock still held.
pub(super) fn reopen(path: &Path, options: &Options) -> Result<Handles, OpenError> {
    left::make_sure(path, options)?;
    let handles = open_handles(path, options).map_err(|error| error.at(path))?;
    // What a failed sync has left of the file itself may be readable and yet not on disk: it is copied from the log once more.
    let writer = super::lock(&handles.writer);
    let emptied = super::checkpoint::empty_log(writer.connection()).map_err(|error| OpenError::from_sqlite(path, &error))?;
    drop(writer);
    if emptied { Ok(handles) } else { Err(OpenError::Busy { path: path.to_owned(), reason: "it reads an old state".to_owned() }) }
}

/// What is between a path and its handles.
pub(super) enum Refused {
    Sqlite(rusqlite::Error),
    NotOurs(String),
    Newer(u32),
    ReadOnly,
    NoLog(String),
    Damaged(String),
    /// Of encryption: it is missing, or another one.
    Key(String),
    Other(String),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Refused {
        Refused::Sqlite(error)
    }
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Refused {
        match trouble {
            Trouble::Sqlite(error) => Refused::Sqlite(error),
            Trouble::Corrupt(reason) => Refused::Damaged(reason),
            Trouble::Fault(fault) => Refused::Other(fault.message),
        }
    }
}

impl Refused {
    pub fn at(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Refused::Sqlite(error) => OpenError::from_sqlite(&path, &error),
            Refused::NotOurs(found) => OpenError::NotOurs { path, found },
            Refused::Newer(found) => OpenError::Newer { path, found, known: migrate::NEWEST },
            Refused::ReadOnly => OpenError::NotWritable { file: path.clone(), path, reason: "it is read-only".to_owned() },
            Refused::Damaged(reason) => OpenError::Damaged { path, reason },
            Refused::Key(reason) => OpenError::Key { path, reason },
            Refused::Other(reason) => OpenError::Other { path, reason },
            Refused::NoLog(mode) => OpenError::Other {
                path,
                reason: format!(
                    "expected a write-ahead log, found journal mode `{mode}`; is it on a network file system? use a local disk"
                ),
            },
        }
    }
}

fn open_handles(path: &Path, options: &Options) -> Result<Handles, Refused> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection, options.writer_cache_bytes)?;
    let schema = recognise(&connection)?;
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        return Err(Refused::ReadOnly);
    }
    let seals = Arc::new(Seals::new(&options.keys).map_err(Refused::Other)?);
    if schema >= known::SINCE_SCHEMA {
        // Before anything is changed.
        known::expect_given(&connection, &seals)?;
    }
    let log_bytes = i64::try_from(options.log_bytes).unwrap_or(i64::MAX);
    // Of a new file the first write fixes the page size.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    if schema == 0 {
        // Before there is a log: from then on the file itself says whose it is.
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    let mode = use_log(&connection)?;
    if mode != "wal" {
        return Err(Refused::NoLog(mode));
    }
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::UnsafeNormal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Checkpoints are the other thread's; a log that had to grow is cut when it is next used from its beginning.
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))?;
    connection.query_row(&format!("PRAGMA journal_size_limit = {log_bytes}"), [], |_| Ok(()))?;
    migrate::migrate(seals.view(&connection), schema)?;
    // Again, now that the page size of a new file is fixed: SQLite keeps the number of pages that it was before.
    bound_cache(&connection, options.writer_cache_bytes)?;
    if let Some(bytes) = options.file_bytes_max {
        let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = bytes / page_bytes.max(1).unsigned_abs();
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    let broken = Broken::default();
    let signal = Arc::new(Signal::default());
    known::admit(&connection, &seals)?;
    let mut writer = Writer::new(connection, Arc::clone(&seals), options.recent_bytes_max)?;
    writer.announce_log(&signal)?;
    let (recent, writer) = (Arc::clone(writer.recent()), Arc::new(Mutex::new(writer)));
    let own = Connection::open_with_flags(path, flags)?;
    settle(&own, options.reader_cache_bytes)?;
    let checkpointer = Checkpointer::spawn(path, own, options, signal, Arc::clone(&writer), broken.clone());
    Ok(Handles { checkpointer: Some(checkpointer), readers: Readers::new(path, options), writer, recent, seals, broken })
}

/// Which way of writing the connection has then.
fn use_log(connection: &Connection) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("PRAGMA journal_mode = wal")?;
    let mut rows = statement.query([])?;
    let mode = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?.get(0)?;
    // To the end: the row comes before the switch is committed, and says what was asked for.
    while rows.next()?.is_some() {}
    Ok(mode)
}

/// What every connection needs.
pub(super) fn settle(connection: &Connection, cache_bytes: u32) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Closing after a fault must not touch the disk; an orderly end empties the log itself.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Plans do not depend on the values that are bound. Without this most statements are planned again for every call.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    bound_cache(connection, cache_bytes)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(())
}

fn bound_cache(connection: &Connection, bytes: u32) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -i64::from(bytes >> 10))
}

/// The number of the schema of a file that is ours or empty. Nothing has been written yet.
pub(super) fn recognise(connection: &Connection) -> Result<u32, Refused> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, schema) = (number("application_id")?, number("user_version")?);
    if application == i64::from(APPLICATION_ID) {
        let schema = u32::try_from(schema).unwrap_or(u32::MAX);
        return if schema > migrate::NEWEST { Err(Refused::Newer(schema)) } else { Ok(schema) };
    }
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == 0 && schema == 0 && tables == 0 {
        return Ok(0);
    }
    Err(Refused::NotOurs(format!(
        "a SQLite file of another program: application id {application:#x}, {tables} tables and indexes"
    )))
}

/// The path from the root, once its directory is there: SQLite and the lock must mean the same file whatever becomes of the
/// current directory.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    let other = |error: std::io::Error| OpenError::Other { path: path.to_owned(), reason: error.to_string() };
    if path.is_dir() {
        return Err(OpenError::IsDirectory { path: path.to_owned() });
    }
    // A link is followed, so that two names of one file have one lock.
    let path = match path.canonicalize() {
        Ok(path) => return Ok(path),
        Err(error) if error.kind() == ErrorKind::NotFound => std::path::absolute(path).map_err(other)?,
        Err(error) => return Err(other(error)),
    };
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(OpenError::IsDirectory { path });
    };
    match directory.canonicalize() {
        Ok(directory) => Ok(directory.join(name)),
        Err(_) => Err(OpenError::NoDirectory { directory: directory.to_owned(), path }),
    }
}

/// The file beside a database whose name goes on with `end`.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// The write-ahead log of a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// Reading an execution spent most of its time in the parser of SQL: each value that was bound was a reason for another plan.
    #[test]
    fn a_statement_is_planned_once() {
        let connection = Connection::open_in_memory().unwrap();
        settle(&connection, 1 << 20).unwrap();
        let seals = Seals::new(&crate::Keys::default()).unwrap_or_else(|_| panic!("no keys need no random numbers"));
        migrate::migrate(seals.view(&connection), 0).unwrap_or_else(|_| panic!("an empty file can be migrated"));
        let sql = "SELECT w.id FROM execution e JOIN workflow w ON w.key = e.workflow WHERE e.key = ?1";
        let mut statement = connection.prepare(sql).unwrap();
        for key in 1..=3 {
            assert!(!statement.exists([key]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
