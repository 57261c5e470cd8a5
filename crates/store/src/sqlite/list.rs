//! Lists of executions, newest first, always from ranges of an index.
//!
//! The index is ordered by status, workflow and id. A filter that leaves status or workflow open is answered from one range
//! for each pair that occurs (the counters say which), merged by id.

use std::collections::{BinaryHeap, VecDeque};

use rusqlite::{Connection, params};
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::error::Trouble;
use super::row::{self, head_by_key, id, text};
use super::seal::View;
use crate::{Filter, Head};

/// Read at once from each range, at least.
const CHUNK_MIN: usize = 8;
/// And at most.
const CHUNK_MAX: usize = 1_000;

pub(super) fn executions(view: View<'_>, filter: &Filter) -> Result<Vec<Head>, Trouble> {
    let Some(ids) = Ids::of(&view, filter)? else { return Ok(Vec::new()) };
    let ranges = ranges(&view, filter)?;
    let chunk = (filter.limit.saturating_mul(2) / ranges.len().max(1)).clamp(CHUNK_MIN, filter.limit.clamp(CHUNK_MIN, CHUNK_MAX));
    let mut streams: Vec<Stream<'_>> =
        ranges.into_iter().map(|range| Stream { connection: &view, range, ids, chunk, read: VecDeque::new() }).collect();
    let mut newest = BinaryHeap::new();
    for (place, stream) in streams.iter_mut().enumerate() {
        newest.extend(stream.next()?.map(|(id, key)| (id, key, place)));
    }
    let mut heads = Vec::new();
    while heads.len() < filter.limit {
        let Some((id, key, place)) = newest.pop() else { break };
        newest.extend(streams[place].next()?.map(|(id, key)| (id, key, place)));
        let head = head_by_key(view, key)?;
        streams[place].range.expect(id, &head, filter)?;
        if filter.matches_start(&head) {
            heads.push(head);
        }
    }
    Ok(heads)
}

/// Which ids can be meant, both ends included.
#[derive(Debug, Clone, Copy)]
struct Ids {
    from: u128,
    to: u128,
}

impl Ids {
    /// `None` when there can be none. The time in an id is that of the start but for what the clock was set back; the range row
    /// knows by how much at most.
    fn of(connection: &Connection, filter: &Filter) -> Result<Option<Ids>, Trouble> {
        let (mut from, mut to) = (0, u128::MAX);
        if let Some(before) = filter.before {
            let Some(last) = before.to_u128().checked_sub(1) else { return Ok(None) };
            to = last;
        }
        if filter.started_after.is_some() || filter.started_before.is_some() {
            let ahead = super::range::Range::read(connection)?.ahead;
            let first_id = |at: Timestamp, ahead: i64| {
                let millis = u128::from(at.millis().saturating_add(ahead).max(0).cast_unsigned());
                // Beyond the 48 bits of an id: later than all of them.
                if millis >> 48 == 0 { millis << 80 } else { u128::MAX }
            };
            if let Some(after) = filter.started_after {
                from = first_id(after, ahead.min);
            }
            if let Some(before) = filter.started_before {
                to = to.min(first_id(before, ahead.max.saturating_add(1)));
            }
        }
        Ok(Some(Ids { from, to }))
    }
}

#[derive(Debug)]
enum Range {
    All,
    Of { status: Status, workflow: i64 },
}

impl Range {
    /// That an index has led to a row which belongs there.
    fn expect(&self, id: ExecutionId, head: &Head, filter: &Filter) -> Result<(), Trouble> {
        let is_meant = match self {
            Range::All => true,
            Range::Of { status, .. } => {
                head.status == *status && filter.workflow.as_ref().is_none_or(|workflow| *workflow == head.workflow)
            }
        };
        if head.id == id && is_meant {
            return Ok(());
        }
        Err(Trouble::corrupt(id, format!("an index leads to {}, {} of {}", head.id, head.status, head.workflow)))
    }
}

/// The ranges of the index that hold all that is asked for, and nothing else.
fn ranges(connection: &Connection, filter: &Filter) -> Result<Vec<Range>, Trouble> {
    if filter.workflow.is_none() && filter.statuses.is_empty() {
        return Ok(vec![Range::All]);
    }
    let workflow = match &filter.workflow {
        None => None,
        Some(workflow) => match row::workflow_key(connection, workflow)? {
            None => return Ok(Vec::new()),
            found => found,
        },
    };
    let sql = "SELECT workflow, status, count, seal FROM counter WHERE ?1 IS NULL OR workflow = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([workflow])?;
    let mut ranges = Vec::new();
    while let Some(row) = rows.next()? {
        let (workflow, status, count) = (row.get(0)?, text(row, 1, str::parse)?, row.get(2)?);
        row::expect_counter(workflow, status, count, row.get(3)?)?;
        if count <= 0 {
            continue;
        }
        if filter.statuses.is_empty() || filter.statuses.contains(&status) {
            ranges.push(Range::Of { status, workflow });
        }
    }
    Ok(ranges)
}

/// Ids and keys of one range, newest first.
struct Stream<'a> {
    connection: &'a Connection,
    range: Range,
    /// What has not been read yet.
    ids: Ids,
    chunk: usize,
    read: VecDeque<(ExecutionId, i64)>,
}

impl Stream<'_> {
    fn next(&mut self) -> Result<Option<(ExecutionId, i64)>, Trouble> {
        if self.read.is_empty() && self.ids.from <= self.ids.to {
            self.fill()?;
        }
        Ok(self.read.pop_front())
    }

    fn fill(&mut self) -> Result<(), Trouble> {
        let (from, to, chunk) = (self.ids.from.to_be_bytes(), self.ids.to.to_be_bytes(), row::rows(self.chunk));
        let read = |row: &rusqlite::Row<'_>| Ok((id(row, 0)?, row.get(1)?));
        self.read = match &self.range {
            Range::All => {
                let sql = "SELECT id, key FROM execution WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3";
                let mut statement = self.connection.prepare_cached(sql)?;
                let rows = statement.query_map(params![from, to, chunk], read)?;
                rows.collect::<rusqlite::Result<_>>()?
            }
            Range::Of { status, workflow } => {
                let sql = "SELECT id, key FROM execution INDEXED BY execution_list \
                    WHERE status = ?4 AND workflow = ?5 AND id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3";
                let mut statement = self.connection.prepare_cached(sql)?;
                let rows = statement.query_map(params![from, to, chunk, status.as_str(), workflow], read)?;
                rows.collect::<rusqlite::Result<_>>()?
            }
        };
        // Below the last one read; nothing when that was the last there is.
        let last = self.read.back().filter(|_| self.read.len() == self.chunk).map(|(id, _)| id.to_u128());
        match last.and_then(|last| last.checked_sub(1)) {
            Some(to) => self.ids.to = to,
            None => self.ids = Ids { from: 1, to: 0 },
        }
        Ok(())
    }
}
