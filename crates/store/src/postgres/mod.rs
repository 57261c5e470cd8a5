//! The store on PostgreSQL, for more than one machine.
//!
//! Engines are rows with a lease. Each commit begins with the row of its engine, compares the epoch and leaves its number there; who
//! takes over from an engine takes its row away in the same transaction, so that what an engine sends after it has lost its place is
//! refused whole, whatever its clock says. A group of transitions is one message that ends in COMMIT, and a handful of statements
//! over arrays.

mod address;
mod beat;
mod commit;
mod error;
mod inbox;
mod known;
mod link;
mod list;
mod member;
mod migrate;
mod partitions;
mod read;
mod row;
mod whole;
mod writes;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use crate::seal::Seals;
use crate::{
    Asked, Batch, ClaimKind, Committed, Counted, Cursor, DefinitionRow, Document, DocumentFilter, Ended, Endpoint, FailureCount,
    Fault, Filter, Heads, Health, History, Keys, Lease, Notice, Ranges, Store, Stored, Taken, Texts, TokenRows, VersionCount,
};
use address::Address;
use beat::Beat;
use commit::Writer;
pub use error::PostgresError;
use error::Trouble;
use link::{Link, Pool};
use member::{Member, Ownership};
use partitions::Rounds;
pub use partitions::Tidied;

/// How a database is opened. The default is right for nearly everyone.
#[derive(Debug, Clone, PartialEq)]
pub struct PostgresOptions {
    /// An engine that has not been heard of for so long has lost what it owns.
    pub lease: Duration,
    /// Nobody else may work on the database meanwhile.
    pub alone: bool,
    /// How long to wait for who is in the way, because one of the two shares with nobody.
    pub wait: Duration,
    /// What a person looks for this engine by.
    pub name: String,
    /// Where workers reach this engine.
    pub url: Option<String>,
    /// Reads that go on at the same time; more wait.
    pub readers_max: usize,
    /// What payloads are encrypted with; none: they are stored as they are.
    pub keys: Keys,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        let lease = Duration::from_secs(10);
        PostgresOptions {
            lease,
            alone: false,
            url: None,
            wait: lease + Duration::from_secs(5),
            name: crate::this_process(),
            readers_max: 8,
            keys: Keys::default(),
        }
    }
}

/// A store in one PostgreSQL database.
#[derive(Debug)]
pub struct Postgres {
    address: Address,
    seals: Arc<Seals>,
    id: String,
    ownership: Arc<Ownership>,
    writer: Mutex<Writer>,
    readers: Pool,
    beat: Beat,
    rounds: Rounds,
}

impl Postgres {
    /// Opens the database at a URL such as `postgres://USER:PASSWORD@HOST:5432/DATABASE`, makes our tables where there are none, and
    /// joins the engines that work on it. What nobody owns is its own at once; others give it its share.
    pub fn open(url: &str, options: PostgresOptions) -> Result<Postgres, PostgresError> {
        let address = Address::parse(url)?;
        let (ownership, seals, writer, beat) = open(&address, &options).map_err(|trouble| match trouble {
            Trouble::Connect(error) => error,
            other => PostgresError::Other { at: address.shown().to_owned(), reason: other.during("open").message },
        })?;
        let readers = Pool::new(address.clone(), options.readers_max);
        let rounds = Rounds::start(&address)?;
        Ok(Postgres { address, seals, id: writer.id().to_owned(), ownership, writer: Mutex::new(writer), readers, beat, rounds })
    }

    /// Host, port and database, for people.
    pub fn shown(&self) -> &str {
        self.address.shown()
    }

    /// The schema that holds the tables.
    pub fn schema(&self) -> &str {
        self.address.schema()
    }

    /// What the store does by itself once an hour, done now and as at the time `at`: makes partitions ahead, and drops those of which
    /// nothing has to stay once that has been moved. Nobody who reads or commits notices. Broken off at any moment, it loses nothing and is
    /// gone on with the next time.
    pub fn tidy(&self, at: Timestamp) -> Result<Tidied, Fault> {
        Rounds::once(&self.address, at).map_err(|trouble| trouble.during("put partitions in order"))
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        // What a panic has left is undone by opening again.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, operation: &'static str, read: impl Fn(&Link) -> Result<T, Trouble>) -> Result<T, Fault> {
        self.readers.with(read).map_err(|trouble| trouble.during(operation))
    }
}

type Parts = (Arc<Ownership>, Arc<Seals>, Writer, Beat);

fn open(address: &Address, options: &PostgresOptions) -> Result<Parts, Trouble> {
    let at = address.shown();
    let link = Link::for_commits(address, options.lease)?;
    migrate::migrate(&link, address)?;
    let other = |reason: String| PostgresError::Other { at: at.to_owned(), reason };
    let seals = Arc::new(Seals::new(&options.keys).map_err(other)?);
    known::admit(&link, &seals, at)?;
    let member = Member::join(&link, at, options)?;
    let ownership = Arc::new(Ownership::new(member.owned));
    let beat = Beat::start(address, &member, &ownership, options.lease)?;
    partitions::prepare(&link);
    let writer = Writer::new(link, Arc::clone(&seals), member, options.lease, Arc::clone(&ownership))?;
    Ok((ownership, seals, writer, beat))
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.rounds.stop();
        self.beat.stop();
        // Who comes next need not wait for the lease.
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(trouble) = writer.let_go() {
            let fault = trouble.during("close");
            tracing::warn!(%fault, "the database could not be told that this engine ends; its lease runs out by itself");
        }
    }
}

impl Store for Postgres {
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault> {
        self.writer().commit(batch)
    }

    fn batch(&self) -> Result<u64, Fault> {
        Ok(self.writer().batch())
    }

    fn lease(&self) -> Lease {
        self.beat.lease()
    }

    fn attend(&self, hear: Box<dyn Fn(Notice) + Send + Sync>) {
        self.beat.attend(hear);
    }

    fn owned(&self) -> Ranges {
        self.ownership.ranges()
    }

    fn members(&self) -> Result<Vec<crate::Member>, Fault> {
        self.read("read who works on it", |link| inbox::members(link, &self.id))
    }

    fn catalog(&self) -> Result<Option<u64>, Fault> {
        self.read("read the number of the catalog", inbox::catalog).map(Some)
    }

    fn ask(&self, execution: ExecutionId, command: &Json) -> Result<u64, Fault> {
        self.read("ask another engine", |link| inbox::ask(link, execution, command))
    }

    fn asked(&self, after: u64, limit: usize) -> Result<Vec<Asked>, Fault> {
        self.read("read what others ask", |link| inbox::asked(link, self.owned(), after, limit))
    }

    fn take_answer(&self, seq: u64) -> Result<Option<Json>, Fault> {
        self.read("take an answer", |link| inbox::take_answer(link, seq))
    }

    fn reopen(&self) -> Result<(), Fault> {
        // They may lead to a machine that is gone, which each would learn by waiting.
        self.readers.rest();
        self.writer().reopen(&self.address).map_err(|trouble| trouble.during("open again"))
    }

    fn rest(&self) -> Result<(), Fault> {
        self.readers.rest();
        self.writer().rest();
        Ok(())
    }

    fn load(&self, ids: &[ExecutionId]) -> Result<Vec<Option<Stored>>, Fault> {
        self.read("load executions", |link| link.of_one_moment(|link| read::stored_executions(link, &self.seals, ids)))
    }

    fn payloads(&self, wanted: &[(ExecutionId, u64)]) -> Result<Vec<Json>, Fault> {
        self.read("read payloads", |link| read::payloads(link, &self.seals, wanted))
    }

    fn history(&self, id: ExecutionId, after: u64, limit: usize, texts: Texts) -> Result<Option<History>, Fault> {
        self.read("read a history", |link| link.of_one_moment(|link| read::history(link, &self.seals, id, after, limit, texts)))
    }

    fn executions(&self, filter: &Filter) -> Result<Heads, Fault> {
        self.read("list executions", |link| list::executions(link, &self.seals, filter))
    }

    fn count(&self, filter: &Filter, max: u64) -> Result<Counted, Fault> {
        self.read("count executions", |link| list::count(link, &self.seals, filter, max))
    }

    fn due(&self, until: Timestamp, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Cursor>, Fault> {
        self.read("find what is due", |link| read::due(link, self.owned(), until, cursor, limit))
    }

    fn next_wake(&self, after: Timestamp) -> Result<Option<Timestamp>, Fault> {
        self.read("find the next timer", |link| read::next_wake(link, self.owned(), after))
    }

    fn parked(&self, action: &ActionName, after: Option<ExecutionId>, limit: usize) -> Result<Vec<ExecutionId>, Fault> {
        self.read("find what wants an action", |link| read::parked(link, self.owned(), action, after, limit))
    }

    fn ended(
        &self,
        workflow: &WorkflowId,
        status: Status,
        until: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, Fault> {
        self.read("find what ended long ago", |link| {
            read::ended(link, &self.seals, self.owned(), (workflow, status), until, after, limit)
        })
    }

    fn definitions(&self) -> Result<Vec<DefinitionRow>, Fault> {
        self.read("read definitions", |link| read::definitions(link, &self.seals))
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, Fault> {
        self.read("read endpoints", |link| read::endpoints(link, &self.seals))
    }

    fn tokens(&self) -> Result<TokenRows, Fault> {
        self.read("read tokens", |link| read::tokens(link, &self.seals))
    }

    fn version_counts(&self) -> Result<Vec<VersionCount>, Fault> {
        self.read("count executions", read::version_counts)
    }

    fn failure_counts(&self) -> Result<Vec<FailureCount>, Fault> {
        self.read("count failures", read::failure_counts)
    }

    fn documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Fault> {
        self.read("read documents", |link| read::documents(link, &self.seals, filter))
    }

    fn health(&self) -> Health {
        let bytes = self.read("ask how large it is", read::database_bytes).unwrap_or_default();
        Health { schema: Some(migrate::NEWEST), file_bytes: bytes, ..Health::default() }
    }

    fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault> {
        self.read("look up a claim", |link| read::claim(link, &self.seals, kind, scope, key))
    }
}
