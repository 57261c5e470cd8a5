//! Everything that is read but lists of executions.

use std::collections::BTreeMap;
use std::sync::RwLock;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use workflow_core::codec;
use workflow_core::event::Recorded;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ActionName, EndpointName, ExecutionId, TokenId, TokenName, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

use super::error::Trouble;
use super::reading;
use super::recent::{Chunk, Recent};
use super::row::{
    self, Counter, FailureOf, HeadRow, SEQ_MAX, head_by_id, id, optional_time, place, sealed_json, seq_of, text, time,
};
use super::seal::{View, bound};
use crate::row::written_bytes;
use crate::{
    ClaimKind, Cursor, DamagedToken, DefinitionRow, Document, DocumentFilter, ENDED_LOOKED_AT_MAX, Ended, Endpoint, FailureCount,
    Fault, HISTORY_PAGE_BYTES_MAX, Head, History, Order, Snapshot, Stored, Taken, Texts, Token, TokenRows, VersionCount,
};

pub(super) fn batch(connection: &Connection) -> Result<u64, Trouble> {
    let sql = "SELECT max(batch, ifnull((SELECT max(batch) FROM recent), 0)) FROM range";
    let batch: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(batch.cast_unsigned())
}

/// What is not in `history` yet of each of these, of the moment that the connection reads.
fn recently(connection: &Connection, recent: &RwLock<Recent>, ids: &[ExecutionId]) -> Result<Vec<Vec<Chunk>>, Trouble> {
    // Held until it is known which moment that is: what goes to `history` later stays here until then.
    let recent = reading(recent);
    let batch = batch(connection)?;
    Ok(ids.iter().map(|id| recent.of(*id, batch)).collect())
}

pub(super) fn stored(view: View<'_>, recent: &RwLock<Recent>, ids: &[ExecutionId]) -> Result<Vec<Option<Stored>>, Trouble> {
    let recently = recently(&view, recent, ids)?;
    ids.iter().zip(recently).map(|(id, recently)| stored_one(view, *id, recently)).collect()
}

fn stored_one(view: View<'_>, id: ExecutionId, recently: Vec<Chunk>) -> Result<Option<Stored>, Trouble> {
    let Some(HeadRow { key, head, last }) = head_by_id(view, id)? else { return Ok(None) };
    let snapshot = snapshot(view, id, key)?;
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
    let events = Transitions { view, id, key, after, recently }.all()?;
    expect_whole(id, events.last().map_or(after, |recorded| recorded.seq), last)?;
    Ok(Some(Stored { head, snapshot, events }))
}

/// A history that ends before event `last` has lost something.
fn expect_whole(id: ExecutionId, end: u64, last: Option<u64>) -> Result<(), Trouble> {
    match last {
        Some(last) if end < last => {
            Err(Trouble::corrupt(id, format!("its history ends with event {end}, expected {last} or more")))
        }
        _ => Ok(()),
    }
}

pub(super) fn snapshot(view: View<'_>, id: ExecutionId, key: i64) -> Result<Option<Snapshot>, Trouble> {
    let mut statement = view.prepare_cached("SELECT seq, codec, body, seal FROM snapshot WHERE execution = ?1")?;
    let mut rows = statement.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut snapshot = Snapshot { seq: row.get::<_, i64>(0)?.cast_unsigned(), codec: row.get(1)?, body: String::new() };
    let body = view.seals.open_column(&bound::snapshot(id, &snapshot), row, 2, 3);
    snapshot.body = body.map_err(|trouble| trouble.of(id))?.into_owned();
    Ok(Some(snapshot).filter(Snapshot::is_usable))
}

/// A history from its first event on, whatever snapshot there is, to event `last` or further.
pub(super) fn events(
    view: View<'_>,
    id: ExecutionId,
    key: i64,
    last: Option<u64>,
    recently: Vec<Chunk>,
) -> Result<Vec<Recorded>, Trouble> {
    let events = Transitions { view, id, key, after: 0, recently }.all()?;
    expect_whole(id, events.last().map_or(0, |recorded| recorded.seq), last)?;
    Ok(events)
}

/// Reads one history.
struct Transitions<'a> {
    view: View<'a>,
    id: ExecutionId,
    key: i64,
    /// Events up to here have been read, or are not wanted.
    after: u64,
    /// Those of `recent`; some may have come to `history`.
    recently: Vec<Chunk>,
}

impl Transitions<'_> {
    fn all(self) -> Result<Vec<Recorded>, Trouble> {
        let mut all = Vec::new();
        self.each(|events| {
            all.extend(events);
            Ok(Wanted::More)
        })?;
        Ok(all)
    }

    /// Hands over the events after `after`, a row at a time, until told to stop.
    fn each(mut self, mut take: impl FnMut(Vec<Recorded>) -> Result<Wanted, Trouble>) -> Result<(), Trouble> {
        let sql = "SELECT place, at, form, events, seal FROM history WHERE place > ?1 AND place <= ?2 ORDER BY place";
        let View { connection, seals } = self.view;
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([place(self.key, self.after), place(self.key, SEQ_MAX)])?;
        while let Some(row) = rows.next()? {
            let (last, at, form) = (seq_of(row.get(0)?), time(row, 1)?, row.get(2)?);
            let text = seals.open_column(&bound::events(self.id, last, at, form), row, 3, 4);
            let text = text.map_err(|trouble| trouble.of(format_args!("{}: history up to event {last}", self.id)))?;
            let events = self.decode(last, at, form, &text)?;
            if let Wanted::Enough = take(events)? {
                return Ok(());
            }
        }
        for chunk in std::mem::take(&mut self.recently) {
            if chunk.last > self.after {
                let events = self.decode(chunk.last, chunk.at, codec::VERSION, &chunk.text)?;
                if let Wanted::Enough = take(events)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The events of a row that come after those already read.
    fn decode(&mut self, last: u64, at: Timestamp, form: u32, text: &str) -> Result<Vec<Recorded>, Trouble> {
        let corrupt = |what: &dyn std::fmt::Display| Trouble::corrupt(self.id, format!("history up to event {last}: {what}"));
        // The row is known by its last event, so that "those after" is a range; the first follows from how many there are.
        let mut events = codec::decode(form, text, 1, at).map_err(|error| corrupt(&error))?;
        let first = (last + 1).checked_sub(events.len() as u64).filter(|first| *first <= self.after + 1);
        let Some(first) = first else { return Err(corrupt(&format_args!("event {} is missing", self.after + 1))) };
        for recorded in &mut events {
            recorded.seq += first - 1;
        }
        events.retain(|recorded| recorded.seq > self.after);
        self.after = last;
        Ok(events)
    }
}

enum Wanted {
    More,
    Enough,
}

pub(super) fn payload(view: View<'_>, id: ExecutionId, seq: u64) -> Result<Json, Trouble> {
    let sql = "SELECT p.json, p.seal FROM execution e JOIN payload p ON p.place = (e.key << 24 | ?2) WHERE e.id = ?1";
    let mut statement = view.prepare_cached(sql)?;
    let mut rows = statement.query(params![id.to_bytes(), seq.min(SEQ_MAX).cast_signed()])?;
    match rows.next()? {
        Some(row) => sealed_json(view, &bound::payload(id, seq), row, 0, 1)
            .map_err(|trouble| trouble.of(format_args!("{id}: the payload of event {seq}"))),
        None => Err(Fault::payload_missing(id, seq).into()),
    }
}

pub(super) fn history(
    view: View<'_>,
    recent: &RwLock<Recent>,
    id: ExecutionId,
    after: u64,
    limit: usize,
    texts: Texts,
) -> Result<Option<History>, Trouble> {
    let recently = recently(&view, recent, &[id])?.remove(0);
    let Some(HeadRow { key, head, last }) = head_by_id(view, id)? else { return Ok(None) };
    let Head { workflow, version, .. } = head;
    let (mut events, mut bytes, mut more) = (Vec::<Recorded>::new(), 0, false);
    let newest = recently.last().map(|chunk| chunk.last);
    Transitions { view, id, key, after, recently }.each(|transition| {
        for mut recorded in transition {
            if events.len() >= limit || bytes >= HISTORY_PAGE_BYTES_MAX {
                more = true;
                return Ok(Wanted::Enough);
            }
            let seq = recorded.seq;
            if let Some(apart) =
                recorded.event.payload_mut().filter(|payload| texts == Texts::Read && payload.resident().is_none())
            {
                let json = payload(view, id, seq)?;
                if json.len() != apart.bytes() {
                    return Err(Trouble::corrupt(id, format!("the payload of event {seq} is not the one that was written")));
                }
                apart.fetch(json);
            }
            bytes += written_bytes(&recorded);
            events.push(recorded);
        }
        Ok(Wanted::More)
    })?;
    if !more {
        expect_whole(id, events.last().map_or(after, |recorded| recorded.seq), last)?;
    }
    let end = match newest {
        Some(newest) => newest,
        None => super::recent::history_end(&view, key)?,
    };
    // The end is looked up by a way of its own, which may be the one that is damaged.
    expect_whole(id, end, last.max(events.last().map(|recorded| recorded.seq)))?;
    Ok(Some(History { workflow, version, events, more, last: end }))
}

pub(super) fn due(
    connection: &Connection,
    until: Timestamp,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Cursor>, Trouble> {
    let sql = "SELECT wake_at, id FROM execution WHERE wake_at IS NOT NULL AND wake_at <= ?1 AND (wake_at, id) > (?2, ?3) \
        ORDER BY wake_at, id LIMIT ?4";
    let mut statement = connection.prepare_cached(sql)?;
    let wake_at = cursor.map_or(i64::MIN, |cursor| cursor.wake_at.millis());
    let after = cursor.map(|cursor| cursor.id.to_bytes());
    let after = after.as_ref().map_or(&[][..], |id| &id[..]);
    let rows = statement.query_map(params![until.millis(), wake_at, after, row::rows(limit)], |row| {
        Ok(Cursor { wake_at: time(row, 0)?, id: id(row, 1)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn next_wake(connection: &Connection, after: Timestamp) -> Result<Option<Timestamp>, Trouble> {
    let sql = "SELECT min(wake_at) FROM execution WHERE wake_at IS NOT NULL AND wake_at > ?1";
    Ok(connection.prepare_cached(sql)?.query_row([after.millis()], |row| optional_time(row, 0))?)
}

pub(super) fn parked(
    connection: &Connection,
    action: &ActionName,
    after: Option<ExecutionId>,
    limit: usize,
) -> Result<Vec<ExecutionId>, Trouble> {
    let sql = "SELECT p.id, e.id FROM parked p LEFT JOIN execution e ON e.key = p.execution \
        WHERE p.action = ?1 AND p.id > ?2 ORDER BY p.id LIMIT ?3";
    let after = after.map(ExecutionId::to_bytes);
    let after = after.as_ref().map_or(&[][..], |id| &id[..]);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![action.as_str(), after, row::rows(limit)])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, of) = (id(row, 0)?, row::optional_id(row, 1)?);
        if of != Some(id) {
            return Err(Trouble::corrupt(id, format!("a row of `parked` is of another execution: {of:?}")));
        }
        ids.push(id);
    }
    Ok(ids)
}

pub(super) fn ended(
    view: View<'_>,
    workflow: &WorkflowId,
    status: Status,
    until: Timestamp,
    after: Option<ExecutionId>,
    limit: usize,
) -> Result<Ended, Trouble> {
    let mut ended = Ended::default();
    let Some(workflow) = row::workflow_key(&view, workflow)? else { return Ok(ended) };
    let after = after.map(ExecutionId::to_bytes);
    let after = after.as_ref().map_or(&[][..], |id| &id[..]);
    // A range of the index of lists; only the head rows in it are looked up.
    let sql = "SELECT id, completed_at FROM execution WHERE status = ?1 AND workflow = ?2 AND id > ?3 AND id < ?4 ORDER BY id";
    let mut statement = view.prepare_cached(sql)?;
    let mut rows = statement.query(params![status.as_str(), workflow, after, row::first_id_after(until)])?;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if looked_at == ENDED_LOOKED_AT_MAX || ended.ids.len() == limit {
            return Ok(ended);
        }
        looked_at += 1;
        let found = id(row, 0)?;
        ended.next = Some(found);
        // One that is damaged may not have ended when it says so: it stays.
        if optional_time(row, 1)?.is_some_and(|at| at <= until) && head_by_id(view, found).is_ok() {
            ended.ids.push(found);
        }
    }
    Ok(Ended { next: None, ..ended })
}

pub(super) fn definitions(view: View<'_>) -> Result<Vec<DefinitionRow>, Trouble> {
    let sql = "SELECT w.id AS workflow, d.version, d.stored, d.source, d.created_at, d.deleted_at, d.seal \
        FROM definition d JOIN workflow w ON w.key = d.workflow ORDER BY w.id, d.version";
    let mut statement = view.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut definitions = Vec::new();
    while let Some(row) = rows.next()? {
        definitions.push(definition(view, row)?);
    }
    Ok(definitions)
}

/// Every version of one definition.
pub(super) fn definitions_of(view: View<'_>, workflow: &WorkflowId) -> Result<Vec<DefinitionRow>, Trouble> {
    let sql = "SELECT w.id AS workflow, d.version, d.stored, d.source, d.created_at, d.deleted_at, d.seal \
        FROM definition d JOIN workflow w ON w.key = d.workflow WHERE w.id = ?1 ORDER BY d.version";
    let mut statement = view.prepare_cached(sql)?;
    let mut rows = statement.query([workflow.as_str()])?;
    let mut definitions = Vec::new();
    while let Some(row) = rows.next()? {
        definitions.push(definition(view, row)?);
    }
    Ok(definitions)
}

/// One row of [`definitions`].
pub(super) fn definition(view: View<'_>, row: &Row<'_>) -> Result<DefinitionRow, Trouble> {
    let (workflow, version) = (text(row, 0, WorkflowId::new)?, Version(row.get(1)?));
    let (created_at, deleted_at) = (time(row, 4)?, optional_time(row, 5)?);
    let bound = bound::definition(&workflow, version, created_at, deleted_at);
    let read = || {
        let plain = row::definition_text(row.get_ref(2)?.as_str().map_err(corrupt)?, row.get_ref(3)?.as_str().map_err(corrupt)?);
        let both = view.seals.open(&bound, &plain, row.get_ref(6)?)?;
        serde_json::from_str::<[Json; 2]>(&both).map_err(corrupt)
    };
    let about = |trouble: Trouble| trouble.of(format_args!("version {version} of workflow {workflow}"));
    let [stored, source] = read().map_err(about)?;
    Ok(DefinitionRow { workflow, version, stored, source, created_at, deleted_at })
}

fn corrupt(error: impl std::fmt::Display) -> Trouble {
    Trouble::Corrupt(error.to_string())
}

pub(super) fn endpoints(view: View<'_>) -> Result<Vec<Endpoint>, Trouble> {
    let sql = "SELECT name, url, actions, secret, timeout_ms, concurrency, seal FROM endpoint ORDER BY name";
    let mut statement = view.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut endpoints = Vec::new();
    while let Some(row) = rows.next()? {
        let discovered = row.get_ref(2)? == ValueRef::Null;
        let mut endpoint = Endpoint {
            name: text(row, 0, EndpointName::new)?,
            url: row.get(1)?,
            actions: if discovered { None } else { Some(text(row, 2, |text| serde_json::from_str(text))?) },
            secret: row.get(3)?,
            timeout: Millis::new(row.get::<_, i64>(4)?.cast_unsigned()),
            concurrency: row.get(5)?,
        };
        let bound = bound::endpoint(&endpoint, row.get_ref(2)?.as_str_or_null().map_err(corrupt)?);
        let secret = endpoint.secret.clone().unwrap_or_default();
        let opened = view.seals.open(&bound, &secret, row.get_ref(6)?);
        let opened = opened.map_err(|trouble| trouble.of(format_args!("endpoint `{}`", endpoint.name)))?;
        endpoint.secret = endpoint.secret.map(|_| opened.into_owned());
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

pub(super) fn tokens(view: View<'_>) -> Result<TokenRows, Trouble> {
    let sql = "SELECT id, name, role, sha256, created_at, revoked_at, seal FROM token ORDER BY id";
    let mut statement = view.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut tokens = TokenRows::default();
    while let Some(row) = rows.next()? {
        match token(view, row) {
            Ok(token) => tokens.sound.push(token),
            Err(trouble) => tokens.damaged.push(DamagedToken {
                id: as_found(row, 0),
                name: as_found(row, 1),
                role: text(row, 2, str::parse).ok(),
                created_at: time(row, 4).ok(),
                why: trouble.during("read tokens").message,
            }),
        }
    }
    Ok(tokens)
}

/// What is wrong with the pages of the tokens, if anything is. One bit of a page can hide all of its rows: then there would seem to be no
/// token, and everybody would be let in.
pub(super) fn what_hides_tokens(connection: &Connection) -> Result<Option<String>, Trouble> {
    let said: String = connection.query_row("PRAGMA main.quick_check(token)", [], |row| row.get(0))?;
    Ok(Some(said).filter(|said| said != "ok"))
}

/// One row of [`tokens`].
fn token(view: View<'_>, row: &Row<'_>) -> Result<Token, Trouble> {
    let token = Token {
        id: text(row, 0, TokenId::new)?,
        name: text(row, 1, TokenName::new)?,
        role: text(row, 2, str::parse)?,
        sha256: row.get(3)?,
        created_at: time(row, 4)?,
        revoked_at: optional_time(row, 5)?,
    };
    view.seals.open(&bound::token(&token), "", row.get_ref(6)?)?;
    Ok(token)
}

/// A column of a damaged row, for a person.
fn as_found(row: &Row<'_>, column: usize) -> String {
    match row.get_ref(column) {
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => "?".to_owned(),
    }
}

pub(super) fn version_counts(connection: &Connection) -> Result<Vec<VersionCount>, Trouble> {
    let sql = "SELECT c.workflow, c.version, c.status, c.count, c.seal, w.id AS workflow_id, w.seal \
        FROM counter c JOIN workflow w ON w.key = c.workflow";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let counter = Counter::read(row, 0)?;
        let workflow: String = row.get(5)?;
        row::expect_workflow(counter.workflow, &workflow, row.get(6)?)?;
        if counter.count > 0 {
            let Counter { version, status, count, .. } = counter;
            counts.push(VersionCount { workflow, version, status, count: count.cast_unsigned() });
        }
    }
    counts.sort();
    Ok(counts)
}

pub(super) fn failure_counts(connection: &Connection) -> Result<Vec<FailureCount>, Trouble> {
    let sql = "SELECT c.failure, c.workflow, c.version, c.retrying, c.count, c.seal, w.id AS workflow_id, w.seal \
        FROM failure_counter c JOIN workflow w ON w.key = c.workflow";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut counts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (failure, key, version, retrying) = (row.get(0)?, row.get(1)?, Version(row.get(2)?), row.get(3)?);
        let (of, count): (_, i64) = (FailureOf { failure, workflow: key, version, retrying }, row.get(4)?);
        let seal: Option<i64> = row.get(5)?;
        if seal.is_some_and(|seal| seal.wrapping_add(count) != row::sum_of_failures(&of)) {
            return Err(Trouble::Corrupt(format!("a counter of failures of workflow {key} is not what was written")));
        }
        let workflow: String = row.get(6)?;
        row::expect_workflow(key, &workflow, row.get(7)?)?;
        let (failed, tried_again) = counts.entry((failure.cast_unsigned(), workflow, version)).or_insert((0, 0));
        *(if retrying { tried_again } else { failed }) += count.max(0).cast_unsigned();
    }
    let there = counts.into_iter().filter(|(_, counts)| *counts != (0, 0));
    let count = |((failure, workflow, version), (failed, retrying))| FailureCount {
        failure: Fingerprint::from_u64(failure),
        workflow,
        version,
        failed,
        retrying,
    };
    Ok(there.map(count).collect())
}

pub(super) fn documents(view: View<'_>, filter: &DocumentFilter) -> Result<Vec<Document>, Trouble> {
    let DocumentFilter { kind, keys, order, limit } = filter;
    let order = match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    let sql =
        format!("SELECT key, body, seal FROM document WHERE kind = ?1 AND key >= ?2 AND key < ?3 ORDER BY key {order} LIMIT ?4");
    let mut statement = view.prepare_cached(&sql)?;
    let mut rows = statement.query(params![kind, keys.from, keys.to, row::rows(*limit)])?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        let body = sealed_json(view, &bound::document(kind, &key), row, 1, 2);
        let body = body.map_err(|trouble| trouble.of(format_args!("document `{key}` of kind `{kind}`")))?;
        documents.push(Document { kind: kind.clone(), key, body });
    }
    Ok(documents)
}

pub(super) fn claim(view: View<'_>, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Trouble> {
    let sql = "SELECT executions, data, seal FROM claim WHERE kind = ?1 AND scope = ?2 AND key = ?3";
    let mut statement = view.prepare_cached(sql)?;
    let kind = row::kind(kind);
    let mut rows = statement.query([kind, scope, key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let read = || {
        let bound = bound::claim(kind, scope, key, row.get_ref(0)?.as_str().map_err(corrupt)?);
        let data = sealed_json(view, &bound, row, 1, 2)?;
        Ok(Taken { executions: text(row, 0, |text| serde_json::from_str(text))?, data })
    };
    read().map(Some).map_err(|trouble: Trouble| trouble.of(format_args!("{kind} `{key}` of `{scope}`")))
}
