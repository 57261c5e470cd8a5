//! The reference that the goals name: the simplest schema that keeps everything, a head row at the start and the end of an
//! execution and one history row a transition, by hand-written statements.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rusqlite::{Connection, params};
use workflow_core::codec;
use workflow_store::{Batch, Change, PAYLOAD_INLINE_BYTES_MAX};

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
        let mut skip = Skip { connection: &connection, keys: std::collections::HashMap::new(), next_key: 1 };
        let committed = store::commits(wanted, in_flight, |batch| skip.commit(batch))?;
        drop(connection);
        committed.print(
            "store-skip",
            &format!("a head row at start and end, a row a transition, {} KiB pages", page_bytes >> 10),
            in_flight,
            file,
        )
    })
}

struct Skip<'a> {
    connection: &'a Connection,
    /// Of executions that have not ended.
    keys: std::collections::HashMap<workflow_core::id::ExecutionId, i64>,
    next_key: i64,
}

impl Skip<'_> {
    fn commit(&mut self, batch: &Batch) -> Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        {
            let mut start = self.connection.prepare_cached(
                "INSERT INTO execution (key, id, workflow, version, status, wake_at, started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let mut end = self
                .connection
                .prepare_cached("UPDATE execution SET status = ?2, wake_at = NULL, completed_at = ?3 WHERE key = ?1")?;
            let mut append =
                self.connection.prepare_cached("INSERT INTO history (execution, seq, at, events) VALUES (?1, ?2, ?3, ?4)")?;
            for change in batch.items.iter().flat_map(|item| &item.changes) {
                let Change::Transition(transition) = change else { continue };
                let (Some(last), id) = (transition.events.last(), transition.id) else { continue };
                let events = codec::encode(&transition.events, PAYLOAD_INLINE_BYTES_MAX).text;
                let head = transition.head.as_ref().map(|change| &change.head);
                let key = match self.keys.get(&id) {
                    Some(key) => *key,
                    None => {
                        let (key, head) = (self.next_key, head.ok_or_else(|| anyhow::anyhow!("a start without a head row"))?);
                        self.next_key += 1;
                        let wake_at = head.wake_at.map(|at| at.millis());
                        let (status, started_at) = (head.status.as_str(), head.started_at.millis());
                        start.execute(params![
                            key,
                            id.to_bytes(),
                            head.workflow.as_str(),
                            head.version.0,
                            status,
                            wake_at,
                            started_at
                        ])?;
                        self.keys.insert(id, key);
                        key
                    }
                };
                append.execute(params![key, last.seq.cast_signed(), last.at.millis(), events])?;
                if let Some(head) = head
                    && head.status.has_ended()
                {
                    end.execute(params![key, head.status.as_str(), head.completed_at.map(|at| at.millis())])?;
                    self.keys.remove(&id);
                }
            }
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}
