//! Where workflow.do keeps its events.
//!
//! A store is dumb (invariant I4): it makes no ids, reads no clock, knows no transitions and matches on no event. It appends
//! events, upserts head rows, settles claims and keeps indexes. [`Memory`] is the readable oracle, [`Sqlite`] the default.
//! Both pass the same suite (`conformance`, behind the feature of that name).

mod batch;
mod cluster;
#[cfg(feature = "conformance")]
pub mod conformance;
mod copy;
mod document;
mod fault;
mod keys;
mod lease;
mod location;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod seal;
mod sqlite;
mod token;

pub use batch::{Batch, Change, Claim, ClaimKind, Committed, Deletable, Deletion, Erasure, HeadChange, Item, Taken, Transition};
pub use cluster::{Asked, Member, Notice, Ranges, this_process};
pub use copy::{Claimed, Copied, CopyError, Whole, copy, unfinished};
pub use document::{Document, DocumentFilter, KeyRange, Order};
pub use fault::{Fault, FaultKind};
pub use keys::{KEYS_VARIABLE, Keys, KeysError};
pub use lease::Lease;
pub use location::{Location, LocationError};
pub use memory::Memory;
#[cfg(feature = "postgres")]
pub use postgres::{Postgres, PostgresError, PostgresOptions, Tidied};
pub use row::{
    Counted, Cursor, DefinitionRow, Ended, Endpoint, FailureCount, Filter, Head, Heads, Health, History, Snapshot, Stored,
};
pub use row::{Texts, VersionCount};
pub use sqlite::{Backup, BackupError, backup, health};
pub use sqlite::{ClaimRow, Examined, Inspection, Protection, Stray, Unreadable};
pub use sqlite::{Durability, Holder, OpenError, Options, Sqlite};
pub use sqlite::{Reencrypted, reencrypt};
pub use token::{DamagedToken, Role, Token, TokenRows, UnknownRole};

use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

/// A payload that is longer has a row of its own, and is fetched when it is needed.
pub const PAYLOAD_INLINE_BYTES_MAX: usize = 4 << 10;
/// A page of a history ends with the event that takes it over this.
pub const HISTORY_PAGE_BYTES_MAX: usize = 4 << 20;
/// A search for executions that ended long ago looks at so many head rows at once.
pub const ENDED_LOOKED_AT_MAX: usize = 1_000;
/// A list stops when it has looked at so many head rows in a row that are not meant.
pub const LISTED_LOOKED_AT_MAX: usize = 2_000;

/// Everything that the engine asks of a database. Calls block; the engine makes them from threads of its own.
///
/// One engine owns a store (of SQLite: the file) for as long as it is open, or its ranges of it; the constructor of a store takes the
/// ownership.
pub trait Store: Send + Sync + 'static {
    /// Commits all of a batch in one transaction, but for the items whose claim is taken.
    ///
    /// Once it has returned `Ok`, everything in it survives a crash of the process and of the machine. After a crash in the
    /// middle, or on a fault, either all of it is there or nothing; [`Store::batch`] tells which.
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault>;

    /// The number of the newest batch that is durable; 0 before the first.
    fn batch(&self) -> Result<u64, Fault>;

    /// How long this engine owns what it has opened.
    fn lease(&self) -> Lease {
        Lease::for_ever()
    }

    /// Calls `hear` with whatever this engine has to know of others, from any thread; at once with what it should know already.
    fn attend(&self, hear: Box<dyn Fn(Notice) + Send + Sync>) {
        drop(hear);
    }

    /// Whose executions this engine decides about: what is due, parked or ended is found among those only.
    fn owned(&self) -> Ranges {
        Ranges::ALL
    }

    /// The engines that work on it, in the order of their ids; none where there is only ever one.
    fn members(&self) -> Result<Vec<Member>, Fault> {
        Ok(Vec::new())
    }

    /// A number that rises with each change of definitions, endpoints and tokens, to be read before them; none where nobody else
    /// changes them.
    fn catalog(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }

    /// Asks something of the engine that owns an execution, whichever that is. Gives what the answer is taken with.
    fn ask(&self, execution: ExecutionId, command: &Json) -> Result<u64, Fault> {
        let _ = (execution, command);
        Err(Fault::new(FaultKind::Corrupt, "ask", "no other engine can be asked on this store"))
    }

    /// What other engines ask of this one and is not answered ([`Change::Answer`]), by `seq` ascending, those after `after`.
    fn asked(&self, after: u64, limit: usize) -> Result<Vec<Asked>, Fault> {
        let _ = (after, limit);
        Ok(Vec::new())
    }

    /// The answer to what was asked, once, when it is there.
    fn take_answer(&self, seq: u64) -> Result<Option<Json>, Fault> {
        let _ = seq;
        Ok(None)
    }

    /// Opens the store again after a fault, on fresh handles: what was synced is what counts. Does nothing when all is well.
    fn reopen(&self) -> Result<(), Fault>;

    /// Nothing has been committed for a while (a second, say): the store may tidy up what it had put off, and gives memory back
    /// that only helps to go fast. Never needed for anything to be durable.
    fn rest(&self) -> Result<(), Fault>;

    /// What is needed to fold each execution: the newest usable snapshot and the events after it. Payloads over 4 KiB come
    /// without their text. `None` for an unknown id.
    fn load(&self, ids: &[ExecutionId]) -> Result<Vec<Option<Stored>>, Fault>;

    /// The texts of payloads that were left in the store, by execution and `seq` of their event. One that is missing is a
    /// fault of kind [`FaultKind::Corrupt`].
    fn payloads(&self, wanted: &[(ExecutionId, u64)]) -> Result<Vec<Json>, Fault>;

    /// One page of a history: events with `seq` above `after`, ascending, at most `limit`, payload texts included, fewer when
    /// the page passes 4 MiB. `None` for an unknown id.
    fn history(&self, id: ExecutionId, after: u64, limit: usize, texts: Texts) -> Result<Option<History>, Fault>;

    /// Head rows, newest first, from ranges of indexes. Where no index tells what is meant (`version`, `triggered_by`, several
    /// filters at once) rows are looked at, at most [`LISTED_LOOKED_AT_MAX`] in vain one after the other.
    fn executions(&self, filter: &Filter) -> Result<Heads, Fault>;

    /// How many executions a filter means, by status, from indexes; its `before` and `limit` do not matter. At most `max` rows are
    /// counted.
    fn count(&self, filter: &Filter, max: u64) -> Result<Counted, Fault>;

    /// Executions with `wake_at` not after `until`, ordered by (`wake_at`, id), those after `cursor`, at most `limit`.
    fn due(&self, until: Timestamp, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Cursor>, Fault>;

    /// The earliest `wake_at` after `after`, to arm the timer.
    fn next_wake(&self, after: Timestamp) -> Result<Option<Timestamp>, Fault>;

    /// Executions at rest that want this action, by id ascending, those after `after`.
    fn parked(&self, action: &ActionName, after: Option<ExecutionId>, limit: usize) -> Result<Vec<ExecutionId>, Fault>;

    /// Executions of a workflow that have ended with this status, no later than `until`: by id ascending, those after `after`, at most
    /// `limit`. One whose id is from a later time than `until` is not looked at; that is so when the clock was set back since.
    fn ended(
        &self,
        workflow: &WorkflowId,
        status: Status,
        until: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, Fault>;

    /// Every version of every definition, deleted ones included.
    fn definitions(&self) -> Result<Vec<DefinitionRow>, Fault>;

    fn endpoints(&self) -> Result<Vec<Endpoint>, Fault>;

    /// All tokens by id, those that were revoked included. One whose row is damaged is no fault:
    /// the others are read.
    fn tokens(&self) -> Result<TokenRows, Fault>;

    /// How many executions of each workflow have each status; zero rows are left out.
    fn counts(&self) -> Result<Vec<(String, Status, u64)>, Fault> {
        self.version_counts().map(row::by_status)
    }

    /// The same by version, ascending.
    fn version_counts(&self) -> Result<Vec<VersionCount>, Fault>;

    /// How many executions have failed, and how many are tried again, by what their failures have in common; ascending, zero rows
    /// are left out.
    fn failure_counts(&self) -> Result<Vec<FailureCount>, Fault>;

    /// Documents of one kind, in the order of their keys.
    fn documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Fault>;

    /// What is around the store, for a person who asks why it is slow or full. Nothing is known unless a store says something.
    fn health(&self) -> Health {
        Health::default()
    }

    /// Who holds a claim.
    fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault>;
}
