//! Lists of executions, newest first, always from ranges of an index.
//!
//! The index is ordered by status, workflow and id. A filter that leaves status or workflow open is answered from one range
//! for each pair that occurs (the counters say which), merged by id. Failures of one kind, executions that are tried again and
//! those that want an action have indexes of their own. What a range holds besides is looked at and left out.

use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use rusqlite::{Connection, params};
use workflow_core::id::{ActionName, ExecutionId};
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

use super::error::Trouble;
use super::row::{self, Counter, head_by_key, id};
use super::seal::View;
use crate::{Counted, Filter, Head, Heads, LISTED_LOOKED_AT_MAX};

/// Read at once from each range, at least.
const CHUNK_MIN: usize = 8;
/// And at most.
const CHUNK_MAX: usize = 1_000;

pub(super) fn executions(view: View<'_>, filter: &Filter) -> Result<Heads, Trouble> {
    let Some(ids) = Ids::of(&view, filter)? else { return Ok(Heads::default()) };
    let mut merged = Merged::new(&view, ranges(&view, filter)?, ids, filter.limit)?;
    let (mut found, mut in_vain) = (Heads::default(), 0);
    while found.heads.len() < filter.limit {
        let Some((id, key, place)) = merged.next()? else { break };
        let head = head_by_key(view, key)?;
        merged.range(place).expect(id, &head, filter)?;
        if filter.matches(&head) {
            found.heads.push(head);
            in_vain = 0;
            continue;
        }
        in_vain += 1;
        if in_vain == LISTED_LOOKED_AT_MAX {
            found.stopped_at = Some(id);
            break;
        }
    }
    Ok(found)
}

/// How many there are. Where counters or an index alone can tell, no head row is read.
pub(super) fn count(view: View<'_>, filter: &Filter, max: u64) -> Result<Counted, Trouble> {
    let filter = Filter { before: None, ..filter.clone() };
    let of_index = filter.failure.is_none() && !filter.retrying && filter.parked.is_empty() && filter.triggered_by.is_none();
    let of_window = filter.started_after.is_some() || filter.started_before.is_some();
    if of_index && !of_window {
        return count_by_counters(&view, &filter);
    }
    let Some(ids) = Ids::of(&view, &filter)? else { return Ok(Counted::default()) };
    let ranges = ranges(&view, &Filter { statuses: statuses(&filter), ..filter.clone() })?;
    let ids_tell = super::range::Range::read(&view)?.ahead == super::range::Ahead::default();
    if of_index && filter.version.is_none() && ids_tell {
        return count_by_index(&view, ranges, Ids::exactly(&filter), max);
    }
    let (mut merged, mut counted) = (Merged::new(&view, ranges, ids, CHUNK_MAX)?, Counted::default());
    let mut looked_at = 0;
    while let Some((_, key, _)) = merged.next()? {
        if looked_at == max {
            counted.incomplete = true;
            break;
        }
        looked_at += 1;
        let head = head_by_key(view, key)?;
        if filter.matches(&head) {
            *counted.by_status.entry(head.status).or_default() += 1;
        }
    }
    Ok(counted)
}

/// Those that are meant, by name: so that each has a range of its own.
fn statuses(filter: &Filter) -> Vec<Status> {
    if filter.statuses.is_empty() { Status::ALL.to_vec() } else { filter.statuses.clone() }
}

fn count_by_counters(connection: &Connection, filter: &Filter) -> Result<Counted, Trouble> {
    let mut counted = Counted::default();
    for Counter { status, count, .. } in counters(connection, filter)? {
        *counted.by_status.entry(status).or_default() += count.cast_unsigned();
    }
    Ok(counted)
}

fn count_by_index(connection: &Connection, ranges: Vec<Range>, ids: Ids, max: u64) -> Result<Counted, Trouble> {
    let (mut counted, mut left) = (Counted::default(), max);
    let sql = "SELECT count(*) FROM (SELECT 1 FROM execution INDEXED BY execution_list \
        WHERE status = ?1 AND workflow = ?2 AND id BETWEEN ?3 AND ?4 LIMIT ?5)";
    let mut statement = connection.prepare_cached(sql)?;
    for range in ranges {
        let Range::Of { status, workflow } = range else { unreachable!("all statuses were named") };
        let limit = i64::try_from(left.saturating_add(1)).unwrap_or(i64::MAX);
        let values = params![status.as_str(), workflow, ids.from.to_be_bytes(), ids.to.to_be_bytes(), limit];
        let found: i64 = statement.query_row(values, |row| row.get(0))?;
        let taken = found.cast_unsigned().min(left);
        counted.incomplete |= found.cast_unsigned() > left;
        left -= taken;
        if taken > 0 {
            *counted.by_status.entry(status).or_default() += taken;
        }
    }
    Ok(counted)
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

    /// The ids of the times between, where the time in an id is that of the start.
    fn exactly(filter: &Filter) -> Ids {
        let first_id = |at: Timestamp| {
            let millis = u128::from(at.millis().max(0).cast_unsigned());
            if millis >> 48 == 0 { millis << 80 } else { u128::MAX }
        };
        let from = filter.started_after.map_or(0, |after| first_id(after + Millis::new(1)));
        let to = filter.started_before.map_or(Some(u128::MAX), |before| first_id(before).checked_sub(1));
        to.map_or(Ids { from: 1, to: 0 }, |to| Ids { from, to })
    }
}

#[derive(Debug)]
enum Range {
    All,
    Of { status: Status, workflow: i64 },
    Failure(i64),
    Retrying,
    Parked(ActionName),
}

impl Range {
    /// That an index has led to a row which belongs there.
    fn expect(&self, id: ExecutionId, head: &Head, filter: &Filter) -> Result<(), Trouble> {
        let is_meant = match self {
            Range::All | Range::Parked(_) => true,
            Range::Of { status, .. } => {
                head.status == *status && (filter.workflows.is_empty() || filter.workflows.contains(&head.workflow))
            }
            Range::Failure(failure) => row::failure_of(head) == Some(*failure),
            Range::Retrying => head.retrying,
        };
        if head.id == id && is_meant {
            return Ok(());
        }
        Err(Trouble::corrupt(id, format!("an index leads to {}, {} of {}", head.id, head.status, head.workflow)))
    }
}

/// The ranges of an index that hold all that is asked for, and as little else as can be.
fn ranges(connection: &Connection, filter: &Filter) -> Result<Vec<Range>, Trouble> {
    if !filter.parked.is_empty() {
        let actions: BTreeSet<&ActionName> = filter.parked.iter().collect();
        return Ok(actions.into_iter().cloned().map(Range::Parked).collect());
    }
    if let Some(failure) = filter.failure {
        return Ok(vec![Range::Failure(failure.to_u64().cast_signed())]);
    }
    if filter.retrying {
        return Ok(vec![Range::Retrying]);
    }
    if filter.workflows.is_empty() && filter.version.is_none() && filter.statuses.is_empty() {
        return Ok(vec![Range::All]);
    }
    let pairs: BTreeSet<(Status, i64)> =
        counters(connection, filter)?.into_iter().map(|counter| (counter.status, counter.workflow)).collect();
    Ok(pairs.into_iter().map(|(status, workflow)| Range::Of { status, workflow }).collect())
}

/// The counters of what is asked for that are not zero.
fn counters(connection: &Connection, filter: &Filter) -> Result<Vec<Counter>, Trouble> {
    let mut workflows = Vec::new();
    for workflow in &filter.workflows {
        workflows.extend(row::workflow_key(connection, workflow)?);
    }
    let mut statement = connection.prepare_cached("SELECT workflow, version, status, count, seal FROM counter")?;
    let mut rows = statement.query([])?;
    let mut counters = Vec::new();
    while let Some(row) = rows.next()? {
        let counter = Counter::read(row, 0)?;
        let is_meant = counter.count > 0
            && (filter.workflows.is_empty() || workflows.contains(&counter.workflow))
            && filter.version.is_none_or(|version| version == counter.version)
            && (filter.statuses.is_empty() || filter.statuses.contains(&counter.status));
        if is_meant {
            counters.push(counter);
        }
    }
    Ok(counters)
}

/// Several ranges as one, newest first, each execution once.
struct Merged<'a> {
    streams: Vec<Stream<'a>>,
    newest: BinaryHeap<(ExecutionId, i64, usize)>,
    last: Option<ExecutionId>,
}

impl<'a> Merged<'a> {
    fn new(connection: &'a Connection, ranges: Vec<Range>, ids: Ids, limit: usize) -> Result<Merged<'a>, Trouble> {
        let chunk = (limit.saturating_mul(2) / ranges.len().max(1)).clamp(CHUNK_MIN, limit.clamp(CHUNK_MIN, CHUNK_MAX));
        let mut streams: Vec<Stream<'_>> =
            ranges.into_iter().map(|range| Stream { connection, range, ids, chunk, read: VecDeque::new() }).collect();
        let mut newest = BinaryHeap::new();
        for (place, stream) in streams.iter_mut().enumerate() {
            newest.extend(stream.next()?.map(|(id, key)| (id, key, place)));
        }
        Ok(Merged { streams, newest, last: None })
    }

    /// The id, the key, and the range that they are from.
    fn next(&mut self) -> Result<Option<(ExecutionId, i64, usize)>, Trouble> {
        while let Some((id, key, place)) = self.newest.pop() {
            self.newest.extend(self.streams[place].next()?.map(|(id, key)| (id, key, place)));
            if self.last.replace(id) != Some(id) {
                return Ok(Some((id, key, place)));
            }
        }
        Ok(None)
    }

    fn range(&self, place: usize) -> &Range {
        &self.streams[place].range
    }
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
            Range::Failure(failure) => {
                let sql = "SELECT id, key FROM execution INDEXED BY execution_failure \
                    WHERE failure = ?4 AND failure IS NOT NULL AND id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3";
                let mut statement = self.connection.prepare_cached(sql)?;
                let rows = statement.query_map(params![from, to, chunk, failure], read)?;
                rows.collect::<rusqlite::Result<_>>()?
            }
            Range::Retrying => {
                let sql = "SELECT id, key FROM execution INDEXED BY execution_retrying \
                    WHERE retrying IS NOT NULL AND id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3";
                let mut statement = self.connection.prepare_cached(sql)?;
                let rows = statement.query_map(params![from, to, chunk], read)?;
                rows.collect::<rusqlite::Result<_>>()?
            }
            Range::Parked(action) => {
                let sql = "SELECT id, execution FROM parked \
                    WHERE action = ?4 AND id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3";
                let mut statement = self.connection.prepare_cached(sql)?;
                let rows = statement.query_map(params![from, to, chunk, action.as_str()], read)?;
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
