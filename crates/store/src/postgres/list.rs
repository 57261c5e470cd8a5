//! Lists of executions, newest first, always from ranges of an index.
//!
//! The index is ordered by status, workflow and id. A filter that leaves status or workflow open is answered from one range for each
//! pair that occurs (the counters say which), merged by id. Failures of one kind, executions that are tried again and those that
//! want an action have indexes of their own. What a range holds besides is looked at and left out.

use std::collections::{BTreeSet, VecDeque};

use tokio_postgres::types::ToSql;
use uuid::Uuid;
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;

use super::error::Trouble;
use super::link::Link;
use super::read::{first_id_from, version_counts};
use super::row::{self, HEAD, head};
use super::writes::Ahead;
use crate::seal::Seals;
use crate::{Counted, Filter, Head, Heads, LISTED_LOOKED_AT_MAX, VersionCount};

/// Read at once, at least.
const CHUNK_MIN: usize = 16;
/// And at most.
const CHUNK_MAX: usize = 1_000;

pub(super) fn executions(link: &Link, seals: &Seals, filter: &Filter) -> Result<Heads, Trouble> {
    let Some(ids) = Ids::of(link, filter)? else { return Ok(Heads::default()) };
    let mut all = Candidates::new(link, seals, Range::of(link, filter)?, ids, filter.limit);
    let (mut found, mut in_vain) = (Heads::default(), 0);
    while found.heads.len() < filter.limit {
        let Some(head) = all.next()? else { break };
        if filter.matches(&head) {
            found.heads.push(head);
            in_vain = 0;
            continue;
        }
        in_vain += 1;
        if in_vain == LISTED_LOOKED_AT_MAX {
            found.stopped_at = Some(head.id);
            break;
        }
    }
    Ok(found)
}

/// How many there are. Where counters can tell, no head row is read.
pub(super) fn count(link: &Link, seals: &Seals, filter: &Filter, max: u64) -> Result<Counted, Trouble> {
    let filter = Filter { before: None, ..filter.clone() };
    let of_index = filter.failure.is_none() && !filter.retrying && filter.parked.is_empty() && filter.triggered_by.is_none();
    let mut counted = Counted::default();
    if of_index && filter.started_after.is_none() && filter.started_before.is_none() {
        for counter in counters(link, &filter)? {
            *counted.by_status.entry(counter.status).or_default() += counter.count;
        }
        return Ok(counted);
    }
    let Some(ids) = Ids::of(link, &filter)? else { return Ok(counted) };
    let mut all = Candidates::new(link, seals, Range::of(link, &filter)?, ids, CHUNK_MAX);
    let mut looked_at = 0;
    while let Some(head) = all.next()? {
        if looked_at == max {
            counted.incomplete = true;
            break;
        }
        looked_at += 1;
        if filter.matches(&head) {
            *counted.by_status.entry(head.status).or_default() += 1;
        }
    }
    Ok(counted)
}

/// The counters of what is asked for that are not zero.
fn counters(link: &Link, filter: &Filter) -> Result<Vec<VersionCount>, Trouble> {
    let mut counters = version_counts(link)?;
    counters.retain(|counter| {
        (filter.workflows.is_empty() || filter.workflows.iter().any(|id| id.as_str() == counter.workflow))
            && filter.version.is_none_or(|version| version == counter.version)
            && (filter.statuses.is_empty() || filter.statuses.contains(&counter.status))
    });
    Ok(counters)
}

/// Which ids can be meant, both ends included.
#[derive(Debug, Clone, Copy)]
struct Ids {
    from: Uuid,
    to: Uuid,
}

impl Ids {
    /// `None` when there can be none. The time in an id is that of the start but for what a clock was set back; it is known by how
    /// much at most.
    fn of(link: &Link, filter: &Filter) -> Result<Option<Ids>, Trouble> {
        let (mut from, mut to) = (Uuid::nil(), Uuid::max());
        if let Some(before) = filter.before {
            let Some(last) = before.to_u128().checked_sub(1) else { return Ok(None) };
            to = Uuid::from_u128(last);
        }
        if filter.started_after.is_some() || filter.started_before.is_some() {
            let ahead = Ahead::read(link)?;
            if let Some(after) = filter.started_after {
                from = first_id_from(after.millis().saturating_add(ahead.min));
            }
            if let Some(before) = filter.started_before {
                to = to.min(first_id_from(before.millis().saturating_add(ahead.max).saturating_add(1)));
            }
        }
        Ok(Some(Ids { from, to }))
    }
}

#[derive(Debug)]
enum Range {
    All,
    /// Statuses and workflows, pair by pair.
    Of(Vec<&'static str>, Vec<String>),
    Failure(i64),
    Retrying,
    Parked(Vec<String>),
}

impl Range {
    /// The range of an index that holds all that is asked for, and as little else as can be.
    fn of(link: &Link, filter: &Filter) -> Result<Range, Trouble> {
        if !filter.parked.is_empty() {
            let actions: BTreeSet<&str> = filter.parked.iter().map(|action| action.as_str()).collect();
            return Ok(Range::Parked(actions.into_iter().map(str::to_owned).collect()));
        }
        if let Some(failure) = filter.failure {
            return Ok(Range::Failure(failure.to_u64().cast_signed()));
        }
        if filter.retrying {
            return Ok(Range::Retrying);
        }
        if filter.workflows.is_empty() && filter.version.is_none() && filter.statuses.is_empty() {
            return Ok(Range::All);
        }
        let pairs: BTreeSet<(Status, String)> =
            counters(link, filter)?.into_iter().map(|counter| (counter.status, counter.workflow)).collect();
        Ok(Range::Of(pairs.iter().map(|(status, _)| status.as_str()).collect(), pairs.into_iter().map(|(_, id)| id).collect()))
    }

    /// Selects head rows from `$1` down to `$2`, the newest `$3`.
    ///
    /// What is equal for all of them is said as both ends of a range, and ordered by: so an index is the only way to them. Were it said
    /// as an equation, PostgreSQL would think of reading all ids and leaving out what is not meant, which is as good as long as nearly
    /// all are meant, and goes on being done when that has changed.
    fn sql(&self) -> String {
        let between = "e.id BETWEEN $2 AND $1 ORDER BY e.id DESC LIMIT $3";
        match self {
            Range::All => format!("SELECT {HEAD} FROM execution e WHERE {between}"),
            Range::Of(..) => format!(
                "SELECT {HEAD} FROM unnest($4::text[], $5::text[]) AS p(status, workflow) CROSS JOIN LATERAL \
                 (SELECT * FROM execution e WHERE (e.status, e.workflow, e.id) >= (p.status, p.workflow, $2) \
                 AND (e.status, e.workflow, e.id) <= (p.status, p.workflow, $1) \
                 ORDER BY e.status DESC, e.workflow DESC, e.id DESC LIMIT $3) e ORDER BY e.id DESC LIMIT $3"
            ),
            Range::Failure(_) => format!(
                "SELECT {HEAD} FROM execution e WHERE e.failure IS NOT NULL AND (e.failure, e.id) >= ($4, $2) \
                 AND (e.failure, e.id) <= ($4, $1) ORDER BY e.failure DESC, e.id DESC LIMIT $3"
            ),
            Range::Retrying => format!("SELECT {HEAD} FROM execution e WHERE e.retrying AND {between}"),
            Range::Parked(_) => format!(
                "SELECT {HEAD} FROM (SELECT DISTINCT p.execution FROM unnest($4::text[]) AS a(action) CROSS JOIN LATERAL \
                 (SELECT execution FROM parked p WHERE (p.action, p.execution) >= (a.action, $2) \
                 AND (p.action, p.execution) <= (a.action, $1) ORDER BY p.action DESC, p.execution DESC LIMIT $3) p \
                 ORDER BY p.execution DESC LIMIT $3) p JOIN execution e ON e.id = p.execution ORDER BY e.id DESC"
            ),
        }
    }

    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        match self {
            Range::All | Range::Retrying => Vec::new(),
            Range::Of(statuses, workflows) => vec![statuses, workflows],
            Range::Failure(failure) => vec![failure],
            Range::Parked(actions) => vec![actions],
        }
    }
}

/// Head rows of a range, newest first, read in chunks.
struct Candidates<'a> {
    link: &'a Link,
    seals: &'a Seals,
    range: Range,
    /// What has not been read yet; none when all has.
    ids: Option<Ids>,
    chunk: usize,
    read: VecDeque<Head>,
}

impl<'a> Candidates<'a> {
    fn new(link: &'a Link, seals: &'a Seals, range: Range, ids: Ids, limit: usize) -> Candidates<'a> {
        Candidates { link, seals, range, ids: Some(ids), chunk: limit.clamp(CHUNK_MIN, CHUNK_MAX), read: VecDeque::new() }
    }

    fn next(&mut self) -> Result<Option<Head>, Trouble> {
        if self.read.is_empty() {
            self.fill()?;
        }
        Ok(self.read.pop_front())
    }

    fn fill(&mut self) -> Result<(), Trouble> {
        let Some(Ids { from, to }) = self.ids.take().filter(|ids| ids.from <= ids.to) else { return Ok(()) };
        let limit = row::rows(self.chunk);
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&to, &from, &limit];
        values.extend(self.range.values());
        let rows = self.link.query(&self.range.sql(), &values)?;
        for found in &rows {
            let head = head(self.seals, found)?.head;
            self.expect(&head)?;
            self.read.push_back(head);
        }
        // Below the last one read; nothing when that was the last there is.
        let last = self.read.back().filter(|_| rows.len() == self.chunk).map(|head| head.id.to_u128());
        self.ids = last.and_then(|last| last.checked_sub(1)).map(|to| Ids { from, to: Uuid::from_u128(to) });
        // What is in vain is looked at in larger chunks.
        self.chunk = (self.chunk * 4).min(CHUNK_MAX);
        Ok(())
    }

    /// That an index has led to a row which belongs there.
    fn expect(&self, head: &Head) -> Result<(), Trouble> {
        let is_meant = match &self.range {
            Range::All | Range::Parked(_) => true,
            Range::Of(statuses, workflows) => {
                statuses.contains(&head.status.as_str()) && workflows.iter().any(|id| *id == head.workflow.as_str())
            }
            Range::Failure(failure) => row::failure_of(head) == Some(*failure),
            Range::Retrying => head.retrying,
        };
        if is_meant {
            return Ok(());
        }
        let id: ExecutionId = head.id;
        Err(Trouble::corrupt(id, format!("an index leads to it, {} of {}", head.status, head.workflow)))
    }
}
