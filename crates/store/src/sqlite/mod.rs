//! The default store: one SQLite file, owned by one process, open to anyone's `sqlite3 -readonly` while it runs.
//!
//! One connection writes, a few read, one copies the write-ahead log into the file behind the writer's back (`checkpoint`).
//! After a fault that leaves it open what is on disk, all of them are closed and nothing is written until
//! [`reopen`](crate::Store::reopen): a sync that has failed is never tried again on the same handle, because the kernel may
//! have dropped what it could not write.

mod backup;
mod checkpoint;
mod commit;
mod delete;
mod error;
mod health;
mod inspect;
mod left;
mod list;
mod lock;
mod log;
mod migrate;
mod open;
mod range;
mod read;
mod readers;
mod recent;
mod reencrypt;
mod room;
mod row;
mod seal;
mod trim;
mod whole;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use rusqlite::Connection;
use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use crate::{
    Batch, ClaimKind, Committed, Counted, Cursor, DefinitionRow, Document, DocumentFilter, Ended, Endpoint, FailureCount, Fault,
    FaultKind, Filter, Heads, Health, History, Keys, Store, Stored, Taken, Texts, TokenRows, VersionCount,
};
pub use backup::{Backup, BackupError, backup};
use checkpoint::Checkpointer;
use commit::Writer;
pub use error::OpenError;
use error::Trouble;
pub use health::health;
pub use inspect::{ClaimRow, Examined, Inspection, Protection, Stray, Unreadable};
pub use lock::Holder;
use lock::Lock;
use readers::Readers;
use recent::Recent;
pub use reencrypt::{Reencrypted, reencrypt};
use seal::{Seals, View};

/// How a file is opened. The default is right for nearly everyone.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub durability: Durability,
    /// How long to wait for a predecessor to let go of the file: a server that is reloaded.
    pub lock_wait: Duration,
    /// Pages that the writer keeps in memory.
    pub writer_cache_bytes: u32,
    /// Pages that each reader keeps in memory.
    pub reader_cache_bytes: u32,
    /// Reads that go on at the same time; more wait.
    pub readers_max: usize,
    /// The write-ahead log is used again from its beginning once it has this length: growing a file is dearer than overwriting it.
    pub log_bytes: u64,
    /// Above this commits wait while the log is emptied, and a warning names what keeps it from being used again.
    pub log_bytes_max: u64,
    /// Events of executions under way that lie together, as they were committed, and in memory as well; beyond, the oldest are
    /// sorted into their histories before their execution ends or rests.
    pub recent_bytes_max: u64,
    /// The database file refuses to grow beyond this, like a full disk. None: as the disk allows.
    pub file_bytes_max: Option<u64>,
    /// What payloads are encrypted with; none: they are stored as they are.
    pub keys: Keys,
}

/// What a crash can take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing that was committed: every commit is synced.
    #[default]
    Full,
    /// Commits of the last seconds, when the machine goes down. Only there so that a test can show that it would notice.
    UnsafeNormal,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            durability: Durability::Full,
            lock_wait: Duration::from_secs(5),
            writer_cache_bytes: 64 << 20,
            reader_cache_bytes: 4 << 20,
            readers_max: 4,
            log_bytes: 64 << 20,
            log_bytes_max: 256 << 20,
            recent_bytes_max: 8 << 20,
            file_bytes_max: None,
            keys: Keys::default(),
        }
    }
}

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    /// None: the database is in memory and gone with this.
    path: Option<PathBuf>,
    options: Options,
    /// None after a reopening that failed.
    handles: RwLock<Option<Handles>>,
    /// The last field, so that the file is let go of when it is closed.
    _lock: Option<Lock>,
}

/// Everything that has the file open.
#[derive(Debug)]
struct Handles {
    // Dropped in this order: the checkpointer has its own hold on the writer.
    checkpointer: Option<Checkpointer>,
    readers: Readers,
    writer: Arc<Mutex<Writer>>,
    recent: Arc<RwLock<Recent>>,
    seals: Arc<Seals>,
    broken: Broken,
}

/// Why nothing may be written on these handles any more, once there is a reason.
#[derive(Debug, Clone, Default)]
struct Broken(Arc<OnceLock<String>>);

impl Broken {
    fn set(&self, why: &str) {
        if self.0.set(why.to_owned()).is_ok() {
            tracing::error!(why, "the database is closed until it can be opened afresh");
        }
    }

    fn why(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every user of a connection begins by rolling back what a panic may have left.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reading<T>(locked: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    locked.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(locked: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    locked.write().unwrap_or_else(PoisonError::into_inner)
}

impl Sqlite {
    fn handles(&self) -> RwLockReadGuard<'_, Option<Handles>> {
        reading(&self.handles)
    }

    /// Reads in one transaction, so that all of it is of one moment.
    fn read<T>(&self, operation: &'static str, read: impl FnOnce(View<'_>) -> Result<T, Trouble>) -> Result<T, Fault> {
        self.read_histories(operation, |view, _| read(view))
    }

    /// The same, for histories: their newest events may not be in `history` yet.
    fn read_histories<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(View<'_>, &RwLock<Recent>) -> Result<T, Trouble>,
    ) -> Result<T, Fault> {
        let handles = self.handles();
        let handles = usable(handles.as_ref(), operation)?;
        let read = |connection: &Connection| {
            let transaction = connection.unchecked_transaction()?;
            let answer = read(handles.seals.view(&transaction), &handles.recent)?;
            transaction.finish()?;
            Ok(answer)
        };
        let answer = match self.path {
            Some(_) => handles.readers.with(read),
            None => read(lock(&handles.writer).connection()),
        };
        answer.map_err(|trouble: Trouble| trouble.during(operation))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let handles = self.handles.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Ok(handles) = usable(handles.as_ref(), "close") else { return };
        // Who opens the file next finds it tidy; else it does it then.
        if let Err(fault) = lock(&handles.writer).rest(&handles.broken) {
            tracing::warn!(%fault, "not everything was put in order before the file was closed; nothing is lost");
        }
    }
}

fn usable<'a>(handles: Option<&'a Handles>, operation: &'static str) -> Result<&'a Handles, Fault> {
    let why = match handles {
        Some(handles) => match handles.broken.why() {
            None => return Ok(handles),
            Some(why) => why,
        },
        None => "it could not be opened again",
    };
    Err(Fault::new(FaultKind::Unavailable, operation, format!("the database was closed after a fault ({why})")))
}

impl Store for Sqlite {
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault> {
        let handles = self.handles();
        let handles = usable(handles.as_ref(), "commit")?;
        if let Some(checkpointer) = &handles.checkpointer {
            checkpointer.give_way();
        }
        let mut writer = lock(&handles.writer);
        // Looked at again: the checkpointer holds the writer while it finds out.
        usable(Some(handles), "commit")?;
        if let Some(path) = &self.path {
            room::for_batch(path, batch)?;
        }
        writer.commit(batch, &handles.broken)
    }

    fn batch(&self) -> Result<u64, Fault> {
        self.read("read the batch number", |view| read::batch(&view))
    }

    fn reopen(&self) -> Result<(), Fault> {
        let mut handles = writing(&self.handles);
        if handles.as_ref().is_some_and(|handles| handles.broken.why().is_none()) {
            // Nothing is wrong with them, and what is on disk is known; but there may have been no room.
            return self.path.as_deref().map_or(Ok(()), |path| room::for_any(path, "open again"));
        }
        let Some(path) = &self.path else {
            return Err(Fault::new(FaultKind::Corrupt, "open again", "the database was in memory, and what it held is lost"));
        };
        *handles = None;
        *handles = Some(open::reopen(path, &self.options)?);
        tracing::info!(path = %path.display(), "the database is open again");
        Ok(())
    }

    fn rest(&self) -> Result<(), Fault> {
        let handles = self.handles();
        let handles = usable(handles.as_ref(), "rest")?;
        if let Some(path) = &self.path {
            room::for_any(path, "rest")?;
        }
        lock(&handles.writer).rest(&handles.broken)?;
        let rested = handles.readers.rest();
        trim::give_back();
        rested.map_err(|error| Trouble::from(error).during("rest"))
    }

    fn load(&self, ids: &[ExecutionId]) -> Result<Vec<Option<Stored>>, Fault> {
        self.read_histories("load executions", |view, recent| read::stored(view, recent, ids))
    }

    fn payloads(&self, wanted: &[(ExecutionId, u64)]) -> Result<Vec<Json>, Fault> {
        self.read("read payloads", |view| wanted.iter().map(|&(id, seq)| read::payload(view, id, seq)).collect())
    }

    fn history(&self, id: ExecutionId, after: u64, limit: usize, texts: Texts) -> Result<Option<History>, Fault> {
        self.read_histories("read a history", |view, recent| read::history(view, recent, id, after, limit, texts))
    }

    fn executions(&self, filter: &Filter) -> Result<Heads, Fault> {
        self.read("list executions", |view| list::executions(view, filter))
    }

    fn count(&self, filter: &Filter, max: u64) -> Result<Counted, Fault> {
        self.read("count executions", |view| list::count(view, filter, max))
    }

    fn due(&self, until: Timestamp, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Cursor>, Fault> {
        self.read("find what is due", |view| read::due(&view, until, cursor, limit))
    }

    fn next_wake(&self, after: Timestamp) -> Result<Option<Timestamp>, Fault> {
        self.read("find the next timer", |view| read::next_wake(&view, after))
    }

    fn parked(&self, action: &ActionName, after: Option<ExecutionId>, limit: usize) -> Result<Vec<ExecutionId>, Fault> {
        self.read("find what wants an action", |view| read::parked(&view, action, after, limit))
    }

    fn ended(
        &self,
        workflow: &WorkflowId,
        status: Status,
        until: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, Fault> {
        self.read("find what ended long ago", |view| read::ended(view, workflow, status, until, after, limit))
    }

    fn definitions(&self) -> Result<Vec<DefinitionRow>, Fault> {
        self.read("read definitions", read::definitions)
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, Fault> {
        self.read("read endpoints", read::endpoints)
    }

    fn tokens(&self) -> Result<TokenRows, Fault> {
        self.read("read tokens", |view| {
            let lost = read::what_hides_tokens(&view)?;
            Ok(TokenRows { lost, ..read::tokens(view)? })
        })
    }

    fn version_counts(&self) -> Result<Vec<VersionCount>, Fault> {
        self.read("count executions", |view| read::version_counts(&view))
    }

    fn failure_counts(&self) -> Result<Vec<FailureCount>, Fault> {
        self.read("count failures", |view| read::failure_counts(&view))
    }

    fn documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Fault> {
        self.read("read documents", |view| read::documents(view, filter))
    }

    fn health(&self) -> Health {
        health::of_open(self.path.as_ref(), self.options.log_bytes_max)
    }

    fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault> {
        self.read("look up a claim", |view| read::claim(view, kind, scope, key))
    }
}
