//! A copy of a database file, of one moment, also while an engine has it open.
//!
//! The pages are copied within one read transaction of this process: the engine goes on committing, and only cannot use its
//! write-ahead log again from the beginning until the copy is done. The copy comes under its name once all of it is on disk.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::backup::StepResult;
use rusqlite::{Connection, OpenFlags};

use super::error::{self, OpenError};
use super::inspect::{Still, existing};
use super::open::{self, Refused};

const CACHE_BYTES: u32 = 4 << 20;
/// Written between two syncs: what lies unwritten in the system's memory would hold up the commits of the engine all at once.
const STEP_BYTES: i64 = 8 << 20;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    pub bytes: u64,
    /// Whether an engine had the file open.
    pub online: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Source(#[from] OpenError),
    #[error("{path} is there already, and nothing is overwritten: choose another name, or move it away", path = path.display())]
    Exists { path: PathBuf },
    #[error("the backup cannot be written to {path}: {reason}", path = path.display())]
    Destination { path: PathBuf, reason: String },
    #[error("reading {path} broke off: {reason}", path = path.display())]
    Broken { path: PathBuf, reason: String },
}

/// Copies the database at `source` to `destination`, which must not be there.
///
/// Once it has returned `Ok`, everything that was durable when it was called is in the copy and on disk. After a crash in the middle
/// there is no file of that name; one whose name ends in `.partial` may be left, and can be deleted.
pub fn backup(source: impl AsRef<Path>, destination: impl AsRef<Path>) -> Result<Backup, BackupError> {
    let destination = absent(destination.as_ref())?;
    let source = existing(source.as_ref())?;
    let (offline, online);
    let (connection, is_online) = match Still::open(&source) {
        Ok(opened) => {
            offline = opened;
            (&offline.connection, false)
        }
        Err(OpenError::InUse { .. }) => {
            online = in_use(&source).map_err(|refused| refused.at(&source))?;
            (&online, true)
        }
        Err(error) => return Err(error.into()),
    };
    let partial = Partial::create(&source, &destination)?;
    let bytes = copy(connection, &source, &partial)?;
    partial.keep(&destination)?;
    Ok(Backup { bytes, online: is_online })
}

/// Reads beside the engine, and keeps to the moment at which it began.
fn in_use(path: &Path) -> Result<Connection, Refused> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    open::settle(&connection, CACHE_BYTES)?;
    // The first read of the transaction is that of the schema.
    connection.execute_batch("BEGIN")?;
    open::recognise(&connection)?;
    Ok(connection)
}

fn copy(source: &Connection, path: &Path, partial: &Partial) -> Result<u64, BackupError> {
    let refused = |error: rusqlite::Error| {
        let reason = error::message(&error);
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                BackupError::Broken { path: path.to_owned(), reason }
            }
            _ => BackupError::Destination { path: partial.path.clone(), reason },
        }
    };
    let page_bytes: i64 = source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(refused)?;
    let mut copy =
        Connection::open_with_flags(&partial.path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(refused)?;
    // Whatever goes wrong, the copy is thrown away; it is synced here.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(refused)?;
    let pages = {
        let backup = rusqlite::backup::Backup::new(source, &mut copy).map_err(refused)?;
        let step = i32::try_from(STEP_BYTES / page_bytes.max(512)).unwrap_or(i32::MAX);
        while backup.step(step).map_err(refused)? != StepResult::Done {
            partial.sync()?;
        }
        backup.progress().pagecount
    };
    copy.close().map_err(|(_, error)| refused(error))?;
    partial.sync()?;
    Ok((i64::from(pages) * page_bytes).unsigned_abs())
}

/// The destination from the root, where nothing is.
fn absent(path: &Path) -> Result<PathBuf, BackupError> {
    let refused = |reason: &str| BackupError::Destination { path: path.to_owned(), reason: reason.to_owned() };
    let path = match open::absolute(path) {
        Ok(path) => path,
        Err(OpenError::NoDirectory { directory, .. }) => {
            return Err(refused(&format!("there is no directory {}; create it, or choose another name", directory.display())));
        }
        Err(OpenError::IsDirectory { .. }) => return Err(refused("it is a directory; give the name of a file in it")),
        Err(error) => return Err(refused(&error.to_string())),
    };
    // A log of another file under this name would be read as if it were the copy's.
    for end in ["", "-wal"] {
        let path = open::beside(&path, end);
        if path.symlink_metadata().is_ok() {
            return Err(BackupError::Exists { path });
        }
    }
    Ok(path)
}

/// The file until all of it is there; deleted when that does not happen.
struct Partial {
    path: PathBuf,
    /// Closed after SQLite's own: it would let go of locks.
    file: File,
}

impl Partial {
    fn create(source: &Path, destination: &Path) -> Result<Partial, BackupError> {
        let path = open::beside(destination, &format!(".{}.partial", std::process::id()));
        let make = || {
            let file = File::options().write(true).create_new(true).open(&path)?;
            // Who may read the file may read its copy, and nobody else.
            file.set_permissions(fs::metadata(source)?.permissions())?;
            Ok(file)
        };
        match make() {
            Ok(file) => Ok(Partial { path, file }),
            Err(error) => Err(unwritten(&path, &error)),
        }
    }

    fn sync(&self) -> Result<(), BackupError> {
        self.file.sync_data().map_err(|error| unwritten(&self.path, &error))
    }

    /// Gives the file its name, unless something has come to be there meanwhile.
    fn keep(self, destination: &Path) -> Result<(), BackupError> {
        self.file.sync_all().map_err(|error| unwritten(&self.path, &error))?;
        match fs::hard_link(&self.path, destination) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists { path: destination.to_owned() });
            }
            // A file system without links.
            Err(_) => fs::rename(&self.path, destination).map_err(|error| unwritten(destination, &error))?,
        }
        let directory = destination.parent().unwrap_or(Path::new("."));
        // With the name that it had.
        drop(self);
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| unwritten(directory, &error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> BackupError {
    BackupError::Destination { path: path.to_owned(), reason: error.to_string() }
}
