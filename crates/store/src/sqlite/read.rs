//! Everything that is read but lists of executions.

use std::sync::RwLock;

use rusqlite::{Connection, OptionalExtension, Row, params};
use workflow_core::codec;
use workflow_core::event::Recorded;
use workflow_core::id::{ActionName, EndpointName, ExecutionId, TokenId, TokenName, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

use super::error::Trouble;
use super::reading;
use super::recent::{Chunk, Recent};
use super::row::{self, SEQ_MAX, head_by_id, id, json, optional_time, place, seq_of, text, time};
use crate::row::written_bytes;
use crate::{
    ClaimKind, Cursor, DefinitionRow, ENDED_LOOKED_AT_MAX, Ended, Endpoint, Fault, HISTORY_PAGE_BYTES_MAX, Head, History,
    Snapshot, Stored, Taken, Token,
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

pub(super) fn stored(
    connection: &Connection,
    recent: &RwLock<Recent>,
    ids: &[ExecutionId],
) -> Result<Vec<Option<Stored>>, Trouble> {
    let recently = recently(connection, recent, ids)?;
    ids.iter().zip(recently).map(|(id, recently)| stored_one(connection, *id, recently)).collect()
}

fn stored_one(connection: &Connection, id: ExecutionId, recently: Vec<Chunk>) -> Result<Option<Stored>, Trouble> {
    let Some((key, head)) = head_by_id(connection, id)? else { return Ok(None) };
    let snapshot = snapshot(connection, key)?;
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
    let events = Transitions { connection, id, key, after, recently }.all()?;
    Ok(Some(Stored { head, snapshot, events }))
}

pub(super) fn snapshot(connection: &Connection, key: i64) -> Result<Option<Snapshot>, Trouble> {
    let mut statement = connection.prepare_cached("SELECT seq, codec, body FROM snapshot WHERE execution = ?1")?;
    let snapshot = statement.query_row([key], |row| {
        Ok(Snapshot { seq: row.get::<_, i64>(0)?.cast_unsigned(), codec: row.get(1)?, body: row.get(2)? })
    });
    Ok(snapshot.optional()?.filter(Snapshot::is_usable))
}

/// A history from its first event on, whatever snapshot there is.
pub(super) fn events(connection: &Connection, id: ExecutionId, key: i64, recently: Vec<Chunk>) -> Result<Vec<Recorded>, Trouble> {
    Transitions { connection, id, key, after: 0, recently }.all()
}

/// Reads one history.
struct Transitions<'a> {
    connection: &'a Connection,
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
        let sql = "SELECT place, at, form, events FROM history WHERE place > ?1 AND place <= ?2 ORDER BY place";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([place(self.key, self.after), place(self.key, SEQ_MAX)])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(3)?.as_str().map_err(|error| Trouble::corrupt(self.id, error))?;
            let events = self.decode(seq_of(row.get(0)?), time(row, 1)?, row.get(2)?, text)?;
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

pub(super) fn payload(connection: &Connection, id: ExecutionId, seq: u64) -> Result<Json, Trouble> {
    let sql = "SELECT p.json FROM execution e JOIN payload p ON p.place = (e.key << 24 | ?2) WHERE e.id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![id.to_bytes(), seq.min(SEQ_MAX).cast_signed()])?;
    match rows.next()? {
        Some(row) => json(row, 0),
        None => Err(Fault::payload_missing(id, seq).into()),
    }
}

pub(super) fn history(
    connection: &Connection,
    recent: &RwLock<Recent>,
    id: ExecutionId,
    after: u64,
    limit: usize,
) -> Result<Option<History>, Trouble> {
    let recently = recently(connection, recent, &[id])?.remove(0);
    let Some((key, Head { workflow, version, .. })) = head_by_id(connection, id)? else { return Ok(None) };
    let (mut events, mut bytes, mut more) = (Vec::new(), 0, false);
    Transitions { connection, id, key, after, recently }.each(|transition| {
        for mut recorded in transition {
            if events.len() >= limit || bytes >= HISTORY_PAGE_BYTES_MAX {
                more = true;
                return Ok(Wanted::Enough);
            }
            let seq = recorded.seq;
            if let Some(apart) = recorded.event.payload_mut().filter(|payload| payload.resident().is_none()) {
                let json = payload(connection, id, seq)?;
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
    Ok(Some(History { workflow, version, events, more }))
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
    let sql = "SELECT id FROM parked WHERE action = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let after = after.map(ExecutionId::to_bytes);
    let after = after.as_ref().map_or(&[][..], |id| &id[..]);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![action.as_str(), after, row::rows(limit)], |row| id(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn ended(
    connection: &Connection,
    workflow: &WorkflowId,
    status: Status,
    until: Timestamp,
    after: Option<ExecutionId>,
    limit: usize,
) -> Result<Ended, Trouble> {
    let mut ended = Ended::default();
    let Some(workflow) = row::workflow_key(connection, workflow)? else { return Ok(ended) };
    let after = after.map(ExecutionId::to_bytes);
    let after = after.as_ref().map_or(&[][..], |id| &id[..]);
    // A range of the index of lists; only the head rows in it are looked up.
    let sql = "SELECT id, completed_at FROM execution WHERE status = ?1 AND workflow = ?2 AND id > ?3 AND id < ?4 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![status.as_str(), workflow, after, row::first_id_after(until)])?;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if looked_at == ENDED_LOOKED_AT_MAX || ended.ids.len() == limit {
            return Ok(ended);
        }
        looked_at += 1;
        let found = id(row, 0)?;
        ended.next = Some(found);
        if optional_time(row, 1)?.is_some_and(|at| at <= until) {
            ended.ids.push(found);
        }
    }
    Ok(Ended { next: None, ..ended })
}

pub(super) fn definitions(connection: &Connection) -> Result<Vec<DefinitionRow>, Trouble> {
    let sql = "SELECT w.id AS workflow, d.version, d.stored, d.source, d.created_at, d.deleted_at \
        FROM definition d JOIN workflow w ON w.key = d.workflow ORDER BY w.id, d.version";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut definitions = Vec::new();
    while let Some(row) = rows.next()? {
        definitions.push(definition(row)?);
    }
    Ok(definitions)
}

/// One row of [`definitions`].
pub(super) fn definition(row: &Row<'_>) -> Result<DefinitionRow, Trouble> {
    Ok(DefinitionRow {
        workflow: text(row, 0, WorkflowId::new)?,
        version: Version(row.get(1)?),
        stored: json(row, 2)?,
        source: json(row, 3)?,
        created_at: time(row, 4)?,
        deleted_at: optional_time(row, 5)?,
    })
}

pub(super) fn endpoints(connection: &Connection) -> Result<Vec<Endpoint>, Trouble> {
    let sql = "SELECT name, url, actions, secret, timeout_ms, concurrency FROM endpoint ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut endpoints = Vec::new();
    while let Some(row) = rows.next()? {
        let discovered = row.get_ref(2)? == rusqlite::types::ValueRef::Null;
        endpoints.push(Endpoint {
            name: text(row, 0, EndpointName::new)?,
            url: row.get(1)?,
            actions: if discovered { None } else { Some(text(row, 2, |text| serde_json::from_str(text))?) },
            secret: row.get(3)?,
            timeout: Millis::new(row.get::<_, i64>(4)?.cast_unsigned()),
            concurrency: row.get(5)?,
        });
    }
    Ok(endpoints)
}

pub(super) fn tokens(connection: &Connection) -> Result<Vec<Token>, Trouble> {
    let sql = "SELECT id, name, role, sha256, created_at, revoked_at FROM token ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(Token {
            id: text(row, 0, TokenId::new)?,
            name: text(row, 1, TokenName::new)?,
            role: text(row, 2, str::parse)?,
            sha256: row.get(3)?,
            created_at: time(row, 4)?,
            revoked_at: optional_time(row, 5)?,
        });
    }
    Ok(tokens)
}

pub(super) fn counts(connection: &Connection) -> Result<Vec<(String, Status, u64)>, Trouble> {
    let sql = "SELECT w.id AS workflow, c.status, c.count FROM counter c JOIN workflow w ON w.key = c.workflow WHERE c.count > 0";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push((row.get(0)?, text(row, 1, str::parse)?, row.get::<_, i64>(2)?.cast_unsigned()));
    }
    counts.sort();
    Ok(counts)
}

pub(super) fn claim(connection: &Connection, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Trouble> {
    let sql = "SELECT executions, data FROM claim WHERE kind = ?1 AND scope = ?2 AND key = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([row::kind(kind), scope, key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Taken { executions: text(row, 0, |text| serde_json::from_str(text))?, data: json(row, 1)? }))
}
