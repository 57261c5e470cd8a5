//! What SQLite and the file system say, as a person can use it at two in the morning.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use workflow_core::id::ExecutionId;

use super::lock::Holder;
use crate::{Fault, FaultKind};

const DISK_FAILED: &str = "the disk failed to read or write: look at the system's log";

/// Why a file could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open {path}: there is no directory {directory}; create it, or choose another file", path = path.display(), directory = directory.display())]
    NoDirectory { path: PathBuf, directory: PathBuf },
    #[error("cannot open {path}: it is a directory; give the name of a file in it, such as {path}/workflow.db", path = path.display())]
    IsDirectory { path: PathBuf },
    #[error(
        "cannot open {path}: {file} cannot be written ({reason}); the engine writes the file and, beside it, -wal, -shm and .lock: \
         make file and directory writable for the user it runs as",
        path = path.display(), file = file.display()
    )]
    NotWritable { path: PathBuf, file: PathBuf, reason: String },
    #[error(
        "{path} is in use by {holder}; run `workflow serve` and connect with `url`, or give each process its own file",
        path = path.display(), holder = holder.as_ref().map_or_else(|| "another process".to_owned(), Holder::to_string)
    )]
    InUse { path: PathBuf, holder: Option<Holder> },
    #[error("{path} is not a workflow.do database ({found}); nothing was changed in it: choose another file", path = path.display())]
    NotOurs { path: PathBuf, found: String },
    #[error(
        "{path} was written by a newer version of workflow.do (its schema is {found}, this version knows up to {known}); \
         run that version, or a newer one: nothing was changed in the file",
        path = path.display()
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{path} is damaged ({reason}); copy it aside together with {path}-wal before anything else, then restore a backup, \
         or save what can be read with `sqlite3 {path} .recover`",
        path = path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "cannot open {path}: {reason}; give it as `name:base64` in WORKFLOW_ENCRYPTION_KEY, or in the file that \
         WORKFLOW_ENCRYPTION_KEY_FILE names: nothing was changed in the database",
        path = path.display()
    )]
    Key { path: PathBuf, reason: String },
    #[error("cannot open {path}: the disk is full ({reason}); make room and start again: nothing is lost", path = path.display())]
    Full { path: PathBuf, reason: String },
    #[error(
        "cannot open {path}: another program has it locked ({reason}); end the transaction in that program, \
         for instance a `sqlite3` shell or a backup",
        path = path.display()
    )]
    Busy { path: PathBuf, reason: String },
    #[error("cannot open {path}: {reason}", path = path.display())]
    Other { path: PathBuf, reason: String },
}

impl OpenError {
    /// What SQLite says about the file at `path`.
    pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> OpenError {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                OpenError::NotOurs { path, found: "it is no SQLite file, or an encrypted one".to_owned() }
            }
            Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, reason },
            Some(ErrorCode::DiskFull) => OpenError::Full { path, reason },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Busy { path, reason },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                OpenError::NotWritable { file: path.clone(), path, reason }
            }
            _ => OpenError::Other { path, reason: message(error) },
        }
    }
}

impl OpenError {
    /// What the system says about `file`, which belongs to the database at `path`.
    pub(super) fn from_io(path: &Path, file: &Path, error: &std::io::Error) -> OpenError {
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OpenError::Full { path, reason: error.to_string() },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                OpenError::NotWritable { path, file: file.to_owned(), reason: error.to_string() }
            }
            _ => OpenError::Other { path, reason: format!("{DISK_FAILED} ({}: {error})", file.display()) },
        }
    }
}

/// The fault of an opening that came after a fault.
impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Fault {
        let kind = match error {
            OpenError::Damaged { .. } | OpenError::NotOurs { .. } | OpenError::Newer { .. } => FaultKind::Corrupt,
            _ => FaultKind::Unavailable,
        };
        Fault::new(kind, "open again", error.to_string())
    }
}

/// What goes wrong inside, before it is known what was being done.
#[derive(Debug)]
pub(super) enum Trouble {
    Sqlite(rusqlite::Error),
    Fault(Fault),
    /// Something stored that nobody wrote.
    Corrupt(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        Trouble::Sqlite(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Fault(fault)
    }
}

impl Trouble {
    /// Stored data of one execution that makes no sense.
    pub fn corrupt(id: ExecutionId, what: impl std::fmt::Display) -> Trouble {
        Trouble::Corrupt(format!("{id}: {what}"))
    }

    /// The same, with what it is about.
    pub fn of(self, about: impl std::fmt::Display) -> Trouble {
        match self {
            Trouble::Corrupt(what) => Trouble::Corrupt(format!("{about}: {what}")),
            other => other,
        }
    }

    /// The fault, when nothing has been written.
    pub fn during(self, operation: &'static str) -> Fault {
        match self {
            Trouble::Fault(fault) => fault,
            Trouble::Corrupt(message) => Fault::new(FaultKind::Corrupt, operation, message),
            Trouble::Sqlite(error) => Fault::new(kind(&error), operation, message(&error)),
        }
    }

    /// Whether what the handles believe to be on disk may not be there, so that they must not be used again.
    pub fn breaks_handles(&self) -> bool {
        matches!(self, Trouble::Sqlite(error) if breaks_handles(error))
    }
}

pub(super) fn breaks_handles(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, DatabaseCorrupt, FileLockingProtocolFailed, NotADatabase, ReadOnly, SystemIoFailure};
    let code = error.sqlite_error_code();
    matches!(code, Some(SystemIoFailure | DatabaseCorrupt | NotADatabase | ReadOnly | CannotOpen | FileLockingProtocolFailed))
}

fn kind(error: &rusqlite::Error) -> FaultKind {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::SchemaChanged => FaultKind::Corrupt,
            _ => FaultKind::Unavailable,
        },
        // The rest are columns that hold what nobody writes there, or a statement that does not fit the schema.
        _ => FaultKind::Corrupt,
    }
}

/// What SQLite says, and what to do about it.
pub(super) fn message(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full: make room",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program has the database locked: end its transaction, for instance in a `sqlite3` shell or a backup"
        }
        Some(ErrorCode::SystemIoFailure) => DISK_FAILED,
        Some(ErrorCode::ReadOnly) => "the file or its file system has become read-only",
        Some(ErrorCode::CannotOpen) => "the file cannot be opened: is it still there, and are there file descriptors left?",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: stop, copy it aside together with its -wal, restore a backup or use `sqlite3 FILE .recover`"
        }
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}
