//! The reference that the goals name: the simplest schema that keeps everything, a head row at the start and the end of an
//! execution and one history row a transition, by hand-written statements.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{CachedStatement, Connection, params};
use workflow_core::codec;
use workflow_core::id::ExecutionId;
use workflow_store::{Batch, Change, Head, PAYLOAD_INLINE_BYTES_MAX, Transition};

use super::{sqlite, store, with_database};

const SCHEMA: &str = "
    CREATE TABLE execution (
        key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, workflow TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL,
        wake_at INTEGER, started_at INTEGER NOT NULL, completed_at INTEGER
    ) STRICT;
    CREATE INDEX execution_wake ON execution (wake_at) WHERE wake_at IS NOT NULL;
    CREATE TABLE history (
        execution INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, events TEXT NOT NULL, PRIMARY KEY (execution, seq)
    ) STRICT, WITHOUT ROWID";

pub fn measure(folder: &Path, wanted: Duration, in_flight: usize, page_bytes: u32) -> Result<()> {
    with_database(folder, |file| {
        let connection = sqlite::open(file, page_bytes)?;
        connection.execute_batch(SCHEMA)?;
        let mut skip = Skip { connection: &connection, keys: HashMap::new(), next_key: 1 };
        let committed = store::commits(wanted, in_flight, |batch| skip.commit(batch))?;
        drop(connection);
        let note = format!("a head row at start and end, a row a transition, {} KiB pages", page_bytes >> 10);
        committed.print("store-skip", &note, in_flight, file)
    })
}

struct Skip<'a> {
    connection: &'a Connection,
    /// Of executions that have not ended.
    keys: HashMap<ExecutionId, i64>,
    next_key: i64,
}

/// Looked up once a batch.
struct Statements<'a> {
    start: CachedStatement<'a>,
    end: CachedStatement<'a>,
    append: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn of(connection: &'a Connection) -> rusqlite::Result<Statements<'a>> {
        let start =
            "INSERT INTO execution (key, id, workflow, version, status, wake_at, started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let end = "UPDATE execution SET status = ?2, wake_at = NULL, completed_at = ?3 WHERE key = ?1";
        let append = "INSERT INTO history (execution, seq, at, events) VALUES (?1, ?2, ?3, ?4)";
        Ok(Statements {
            start: connection.prepare_cached(start)?,
            end: connection.prepare_cached(end)?,
            append: connection.prepare_cached(append)?,
        })
    }
}

impl Skip<'_> {
    fn commit(&mut self, batch: &Batch) -> Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut statements = Statements::of(self.connection)?;
        for change in batch.items.iter().flat_map(|item| &item.changes) {
            if let Change::Transition(transition) = change {
                self.transition(transition, &mut statements)?;
            }
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn transition(&mut self, transition: &Transition, statements: &mut Statements<'_>) -> Result<()> {
        let head = transition.head.as_ref().map(|change| &change.head);
        let key = match (self.keys.get(&transition.id), head) {
            (Some(key), _) => *key,
            (None, Some(head)) => self.start(head, &mut statements.start)?,
            (None, None) => bail!("a transition of what was not started"),
        };
        let last = transition.events.last().context("a transition has events")?;
        let events = codec::encode(&transition.events, PAYLOAD_INLINE_BYTES_MAX).text;
        statements.append.execute(params![key, last.seq.cast_signed(), last.at.millis(), events])?;
        if let Some(head) = head
            && head.status.has_ended()
        {
            statements.end.execute(params![key, head.status.as_str(), head.completed_at.map(|at| at.millis())])?;
            self.keys.remove(&transition.id);
        }
        Ok(())
    }

    fn start(&mut self, head: &Head, statement: &mut CachedStatement<'_>) -> Result<i64> {
        let key = self.next_key;
        let (id, workflow, status) = (head.id.to_bytes(), head.workflow.as_str(), head.status.as_str());
        let wake_at = head.wake_at.map(|at| at.millis());
        statement.execute(params![key, id, workflow, head.version.0, status, wake_at, head.started_at.millis()])?;
        self.keys.insert(head.id, key);
        self.next_key += 1;
        Ok(key)
    }
}
