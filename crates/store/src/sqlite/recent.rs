//! Events that are in the table `recent` and not in `history` yet.
//!
//! A commit puts all of its events into one row of `recent`: one page is written instead of one for each history that it touches.
//! When an execution ends or comes to rest its events go into `history`, as one row, and a row of `recent` of which everything
//! has gone there is deleted. So the table is short, and all of it is kept in memory as well: who reads a history takes the
//! newest events from there, since in the file they lie between those of others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use workflow_core::codec::{self, Packed};
use workflow_core::id::ExecutionId;
use workflow_core::time::Timestamp;

use super::error::Trouble;
use super::row::{SEQ_MAX, place, seq_of};
use super::seal::{View, bound};

/// Rows are deleted when at least this many can be: a deletion touches pages of its own.
const ROWS_DELETED: u64 = 32;

/// The events of one transition.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// The batch that wrote it.
    pub batch: u64,
    /// The `seq` of its last event.
    pub last: u64,
    pub at: Timestamp,
    pub text: Arc<str>,
}

#[derive(Debug, Default)]
pub(super) struct Recent {
    executions: HashMap<ExecutionId, Entry>,
    /// Whose events each row holds, oldest first; without rows of which everything has gone to `history`.
    rows: VecDeque<Row>,
    bytes: u64,
    /// When there is more, the oldest goes to `history` although its execution is under way.
    bytes_max: u64,
    /// Rows below this number have been deleted.
    deleted: u64,
    /// The greatest key in the table as it was read: of an execution that was deleted, maybe.
    newest_key: i64,
}

#[derive(Debug)]
struct Entry {
    key: i64,
    /// Events up to this one are in `history`.
    moved: u64,
    chunks: Vec<Chunk>,
}

/// A row for `history`.
pub(super) struct Packing {
    pub key: i64,
    /// The `seq` of the last event.
    pub last: u64,
    pub packed: Packed,
}

#[derive(Debug)]
struct Row {
    batch: u64,
    bytes: u64,
    executions: Vec<ExecutionId>,
}

/// An entry of a row: the key of the execution, the `seq` of the last event, their time, the events.
#[derive(Deserialize)]
struct Written<'a>(i64, u64, i64, #[serde(borrow)] &'a serde_json::value::RawValue);

/// Puts a row together.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: String,
    executions: Vec<ExecutionId>,
}

impl Line {
    pub fn push(&mut self, id: ExecutionId, key: i64, last: u64, at: Timestamp, events: &str) {
        use std::fmt::Write;
        let before = if self.text.is_empty() { '[' } else { ',' };
        write!(self.text, "{before}[{key},{last},{},{events}]", at.millis()).expect("a string takes everything");
        self.executions.push(id);
    }

    /// The text of the row, and whose events are in it.
    pub fn end(mut self) -> (String, Vec<ExecutionId>) {
        self.text.push_str(if self.text.is_empty() { "[]" } else { "]" });
        (self.text, self.executions)
    }
}

impl Entry {
    /// The oldest that is not in `history`.
    fn first(&self) -> Option<&Chunk> {
        self.chunks.iter().find(|chunk| chunk.last > self.moved)
    }
}

impl Recent {
    /// Reads the table: at the beginning, and after a commit that did not take place.
    pub fn read(view: View<'_>, bytes_max: u64) -> Result<Recent, Trouble> {
        let mut recent = Recent { bytes_max, ..Recent::default() };
        let mut statement = view.prepare("SELECT batch, form, entries, seal FROM recent ORDER BY batch")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let batch = row.get::<_, i64>(0)?.cast_unsigned();
            let corrupt = |what: &dyn std::fmt::Display| Trouble::Corrupt(format!("row {batch} of `recent`: {what}"));
            let form: u32 = row.get(1)?;
            let text = view.seals.open_column(&bound::recent(batch, form), row, 2, 3);
            let text = text.map_err(|trouble| trouble.of(format_args!("row {batch} of `recent`")))?;
            let written: Vec<Written<'_>> = serde_json::from_str(&text).map_err(|error| corrupt(&error))?;
            if form != codec::VERSION {
                return Err(corrupt(&format!("form {form} is not known to this version")));
            }
            match recent.rows.back() {
                None => recent.deleted = batch,
                Some(before) if before.batch + 1 != batch => {
                    return Err(corrupt(&format_args!("expected row {} before it", before.batch + 1)));
                }
                Some(_) => {}
            }
            let mut executions = Vec::with_capacity(written.len());
            for Written(key, last, at, events) in written {
                recent.newest_key = recent.newest_key.max(key);
                // It was deleted.
                let Some((id, moved)) = whereabouts(&view, key)? else { continue };
                if last > moved {
                    let (at, text) = (Timestamp::from_millis(at), events.get().into());
                    recent.push(id, key, Chunk { batch, last, at, text });
                    executions.push(id);
                }
            }
            recent.add_row(batch, text.len(), executions);
        }
        Ok(recent)
    }

    /// Up to which key executions are named in the table.
    pub fn newest_key(&self) -> i64 {
        self.newest_key
    }

    /// The execution was deleted.
    pub fn remove(&mut self, id: ExecutionId) {
        self.executions.remove(&id);
    }

    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Whether no row is known.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn push(&mut self, id: ExecutionId, key: i64, chunk: Chunk) {
        let entry = self.executions.entry(id).or_insert_with(|| Entry { key, moved: 0, chunks: Vec::new() });
        entry.chunks.push(chunk);
    }

    /// A row that is written with the batch; its chunks are here.
    pub fn add_row(&mut self, batch: u64, bytes: usize, executions: Vec<ExecutionId>) {
        let bytes = bytes as u64;
        self.bytes += bytes;
        self.rows.push_back(Row { batch, bytes, executions });
    }

    /// What there was of an execution when `batch` was the newest, oldest first; some of it may be in `history` already.
    pub fn of(&self, id: ExecutionId, batch: u64) -> Vec<Chunk> {
        let chunks = self.executions.get(&id).map_or(&[][..], |entry| &entry.chunks);
        chunks.iter().take_while(|chunk| chunk.batch <= batch).cloned().collect()
    }

    /// The newest event of an execution that has any here.
    pub fn last(&self, id: ExecutionId) -> Option<u64> {
        self.executions.get(&id)?.chunks.last().map(|chunk| chunk.last)
    }

    /// Takes all that has to go to `history` of an execution. Who reads an older state still finds it here, until
    /// [`Recent::forget`].
    pub fn take(&mut self, id: ExecutionId) -> Option<Packing> {
        let entry = self.executions.get_mut(&id)?;
        let moved = entry.moved;
        let mut chunks = entry.chunks.iter().filter(|chunk| chunk.last > moved);
        let first = chunks.next()?;
        let (mut packed, mut last) = (Packed::new(first.text.to_string(), first.at), first.last);
        for chunk in chunks {
            packed.push(&chunk.text, chunk.at);
            last = chunk.last;
        }
        entry.moved = last;
        Some(Packing { key: entry.key, last, packed })
    }

    /// The execution to take next when there is too much.
    pub fn overdue(&mut self) -> Option<ExecutionId> {
        self.settle_rows();
        if self.bytes > self.bytes_max { self.oldest() } else { None }
    }

    /// The execution with the oldest events here.
    pub fn oldest(&mut self) -> Option<ExecutionId> {
        self.settle_rows();
        self.rows.front().and_then(|row| row.executions.last().copied())
    }

    /// Rows below the answer hold nothing that is not in `history`; none while they are few.
    pub fn deletable(&mut self) -> Option<u64> {
        self.settle_rows();
        let from = self.rows.front()?.batch;
        if from < self.deleted + ROWS_DELETED {
            return None;
        }
        self.deleted = from;
        Some(from)
    }

    /// All rows have been deleted, and everything is in `history`.
    pub fn emptied(&mut self, batch: u64) {
        self.rows = VecDeque::new();
        self.bytes = 0;
        self.deleted = batch;
    }

    /// Lets go of what has gone to `history` for good.
    pub fn forget(&mut self, moved: &[ExecutionId]) {
        for id in moved {
            let Some(entry) = self.executions.get_mut(id) else { continue };
            let moved = entry.moved;
            entry.chunks.retain(|chunk| chunk.last > moved);
            if entry.chunks.is_empty() {
                self.executions.remove(id);
            }
        }
    }

    /// Rows of which everything is in `history` are done with; the newest stays, it holds the number of the batch.
    fn settle_rows(&mut self) {
        while let Some(row) = self.rows.front_mut() {
            while let Some(id) = row.executions.last() {
                // Everything of the rows before is in `history`.
                if self.executions.get(id).and_then(Entry::first).is_some_and(|chunk| chunk.batch <= row.batch) {
                    return;
                }
                row.executions.pop();
            }
            if self.rows.len() == 1 {
                return;
            }
            self.bytes -= self.rows.pop_front().expect("it was there just now").bytes;
        }
    }
}

/// The id of an execution, and up to which event its history goes.
fn whereabouts(connection: &Connection, key: i64) -> rusqlite::Result<Option<(ExecutionId, u64)>> {
    let mut statement = connection.prepare_cached("SELECT id FROM execution WHERE key = ?1")?;
    let id = statement.query_row([key], |row| row.get(0)).optional()?;
    let Some(id) = id.map(ExecutionId::from_bytes) else { return Ok(None) };
    Ok(Some((id, history_end(connection, key)?)))
}

/// The `seq` of the last event in `history`; 0 when there is none.
pub(super) fn history_end(connection: &Connection, key: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT max(place) FROM history WHERE place BETWEEN ?1 AND ?2";
    let last: Option<i64> = connection.prepare_cached(sql)?.query_row([place(key, 0), place(key, SEQ_MAX)], |row| row.get(0))?;
    Ok(last.map_or(0, seq_of))
}
