//! Everything that is read but lists of executions.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::Row;
use uuid::Uuid;
use workflow_core::codec;
use workflow_core::event::Recorded;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ActionName, EndpointName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

use super::error::Trouble;
use super::link::Link;
use super::row::{self, HEAD, get, head, opened, opened_json, seq, stored};
use crate::row::written_bytes;
use crate::seal::{Seals, bound};
use crate::{
    ClaimKind, Cursor, DamagedToken, DefinitionRow, Document, DocumentFilter, ENDED_LOOKED_AT_MAX, Ended, Endpoint, FailureCount,
    Fault, HISTORY_PAGE_BYTES_MAX, History, KeyRange, Order, Ranges, Snapshot, Stored, Taken, Texts, TokenRows, VersionCount,
};

/// Rows of a history that are read at once.
const HISTORY_ROWS: i64 = 256;
/// Payloads of a history that are read at once: each may have a megabyte.
const PAYLOADS_AT_ONCE: usize = 8;

pub(super) fn stored_executions(link: &Link, seals: &Seals, ids: &[ExecutionId]) -> Result<Vec<Option<Stored>>, Trouble> {
    let uuids = row::uuids(ids);
    let mut found: HashMap<ExecutionId, (Stored, u64)> = HashMap::new();
    for row in link.query(&format!("SELECT {HEAD} FROM execution e WHERE e.id = ANY($1)"), &[&uuids])? {
        let row = head(seals, &row)?;
        found.insert(row.head.id, (Stored { head: row.head, snapshot: None, events: Vec::new() }, row.last));
    }
    let sql = "SELECT execution, seq, codec, body, seal FROM snapshot WHERE execution = ANY($1)";
    for row in link.query(sql, &[&uuids])? {
        let id = row::id(get(&row, "execution")?);
        if let Some((stored, _)) = found.get_mut(&id) {
            stored.snapshot = snapshot(seals, id, &row).map_err(|trouble| trouble.of(id))?;
        }
    }
    let after = |id| match found.get(&id) {
        Some((Stored { snapshot: Some(snapshot), .. }, _)) => snapshot.seq.cast_signed(),
        _ => 0,
    };
    let afters: Vec<i64> = ids.iter().map(|id| after(*id)).collect();
    // Partitions beyond those of the first and the last are not even opened. `OFFSET 0` keeps that from being a way to the rows.
    let sql = "SELECT h.execution, h.seq, h.at, h.form, h.events, h.seal \
        FROM unnest($1::uuid[], $2::int8[]) AS w(execution, after) \
        CROSS JOIN LATERAL (SELECT * FROM history h WHERE h.execution = w.execution AND h.seq > w.after \
            AND h.execution >= $3 AND h.execution <= $4 OFFSET 0) h \
        ORDER BY h.execution, h.seq";
    let (first, last) = ends(&uuids);
    for row in link.query(sql, &[&uuids, &afters, &first, &last])? {
        let id = row::id(get(&row, "execution")?);
        if let Some((stored, _)) = found.get_mut(&id) {
            let read =
                stored.events.last().map_or_else(|| stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq), |e| e.seq);
            stored.events.extend(events(seals, id, read, &row)?);
        }
    }
    for (id, (stored, last)) in &found {
        let end = stored.events.last().map_or_else(|| stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq), |e| e.seq);
        expect_whole(*id, end, *last)?;
    }
    Ok(ids.iter().map(|id| found.get(id).map(|(stored, _)| stored.clone())).collect())
}

/// The least and the greatest.
pub(super) fn ends(ids: &[Uuid]) -> (Uuid, Uuid) {
    let least = ids.iter().min().copied().unwrap_or(Uuid::nil());
    (least, ids.iter().max().copied().unwrap_or(least))
}

/// A history that ends before event `last` has lost something.
fn expect_whole(id: ExecutionId, end: u64, last: u64) -> Result<(), Trouble> {
    if end < last {
        return Err(Trouble::corrupt(id, format!("its history ends with event {end}, expected {last} or more")));
    }
    Ok(())
}

fn snapshot(seals: &Seals, id: ExecutionId, row: &Row) -> Result<Option<Snapshot>, Trouble> {
    let mut snapshot = Snapshot { seq: seq(row, "seq")?, codec: row::number(row, "codec")?, body: String::new() };
    snapshot.body = row::opened_text(seals, &bound::snapshot(id, &snapshot), row, "body")?;
    Ok(Some(snapshot).filter(Snapshot::is_usable))
}

/// The events of a row of `history` that come after event `after`.
fn events(seals: &Seals, id: ExecutionId, after: u64, row: &Row) -> Result<Vec<Recorded>, Trouble> {
    let (last, at, form) = (seq(row, "seq")?, row::time(row, "at")?, row::number(row, "form")?);
    let about = |trouble: Trouble| trouble.of(format_args!("{id}: history up to event {last}"));
    let text = opened(seals, &bound::events(id, last, at, form), row, "events").map_err(about)?;
    let decoded = codec::decode(form, &text, 1, at).map_err(|error| about(Trouble::Corrupt(error.to_string())))?;
    // The row is known by its last event, so that "those after" is a range; the first follows from how many there are.
    let first = (last + 1).checked_sub(decoded.len() as u64).filter(|first| *first <= after + 1);
    let Some(first) = first else { return Err(about(Trouble::Corrupt(format!("event {} is missing", after + 1)))) };
    let renumbered = decoded.into_iter().map(|mut recorded| {
        recorded.seq += first - 1;
        recorded
    });
    Ok(renumbered.filter(|recorded| recorded.seq > after).collect())
}

pub(super) fn payloads(link: &Link, seals: &Seals, wanted: &[(ExecutionId, u64)]) -> Result<Vec<Json>, Trouble> {
    let ids: Vec<Uuid> = wanted.iter().map(|(id, _)| row::uuid(*id)).collect();
    let seqs: Vec<i64> = wanted.iter().map(|(_, seq)| seq.cast_signed()).collect();
    // One whose head row is gone may lie there until its partition goes.
    let sql = "SELECT p.execution, p.seq, p.json, p.seal FROM unnest($1::uuid[], $2::int8[]) AS w(execution, seq) \
        JOIN execution e ON e.id = w.execution \
        CROSS JOIN LATERAL (SELECT * FROM payload p WHERE p.execution = w.execution AND p.seq = w.seq \
            AND p.execution >= $3 AND p.execution <= $4 OFFSET 0) p";
    let (first, last) = ends(&ids);
    let mut found = HashMap::new();
    for row in link.query(sql, &[&ids, &seqs, &first, &last])? {
        let (id, seq) = (row::id(get(&row, "execution")?), seq(&row, "seq")?);
        let json = opened_json(seals, &bound::payload(id, seq), &row, "json");
        let json = json.map_err(|trouble| trouble.of(format_args!("{id}: the payload of event {seq}")))?;
        found.insert((id, seq), json);
    }
    let payload =
        |wanted: &(ExecutionId, u64)| found.get(wanted).cloned().ok_or_else(|| Fault::payload_missing(wanted.0, wanted.1));
    Ok(wanted.iter().map(payload).collect::<Result<_, _>>()?)
}

pub(super) fn history(
    link: &Link,
    seals: &Seals,
    id: ExecutionId,
    after: u64,
    limit: usize,
    texts: Texts,
) -> Result<Option<History>, Trouble> {
    let sql = "SELECT e.workflow, e.version, e.last, (SELECT max(h.seq) FROM history h WHERE h.execution = $1) AS newest \
        FROM execution e WHERE e.id = $1";
    let rows = link.query(sql, &[&row::uuid(id)])?;
    let Some(found) = rows.first() else { return Ok(None) };
    let (workflow, version) = (row::named(found, "workflow", WorkflowId::new)?, row::version(found)?);
    let newest = get::<Option<i64>>(found, "newest")?.unwrap_or_default().cast_unsigned();
    expect_whole(id, newest, seq(found, "last")?)?;
    let mut page = Page { link, seals, id, limit, texts, events: Vec::new(), bytes: 0, more: false };
    page.fill(after)?;
    Ok(Some(History { workflow, version, events: page.events, more: page.more, last: newest }))
}

/// A page of a history that is being read.
struct Page<'a> {
    link: &'a Link,
    seals: &'a Seals,
    id: ExecutionId,
    limit: usize,
    texts: Texts,
    events: Vec<Recorded>,
    bytes: usize,
    more: bool,
}

impl Page<'_> {
    fn fill(&mut self, after: u64) -> Result<(), Trouble> {
        let sql = "SELECT seq, at, form, events, seal FROM history WHERE execution = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let mut read = after.min(i64::MAX.unsigned_abs());
        loop {
            let rows = self.link.query(sql, &[&row::uuid(self.id), &read.cast_signed(), &HISTORY_ROWS])?;
            for found in &rows {
                let events = events(self.seals, self.id, read, found)?;
                read = seq(found, "seq")?;
                for some in events.chunks(PAYLOADS_AT_ONCE) {
                    self.add(some.to_vec())?;
                    if self.more {
                        return Ok(());
                    }
                }
            }
            if rows.len() < usize::try_from(HISTORY_ROWS).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    fn is_full(&self) -> bool {
        self.events.len() >= self.limit || self.bytes >= HISTORY_PAGE_BYTES_MAX
    }

    fn add(&mut self, mut events: Vec<Recorded>) -> Result<(), Trouble> {
        if self.is_full() {
            self.more = true;
            return Ok(());
        }
        if self.texts == Texts::Read {
            self.fetch(&mut events)?;
        }
        for recorded in events {
            if self.is_full() {
                self.more = true;
                return Ok(());
            }
            self.bytes += written_bytes(&recorded);
            self.events.push(recorded);
        }
        Ok(())
    }

    fn fetch(&self, events: &mut [Recorded]) -> Result<(), Trouble> {
        let is_apart = |recorded: &Recorded| recorded.event.payload().is_some_and(|payload| payload.resident().is_none());
        let wanted: Vec<_> =
            events.iter().filter(|recorded| is_apart(recorded)).map(|recorded| (self.id, recorded.seq)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut texts = payloads(self.link, self.seals, &wanted)?.into_iter();
        for recorded in events {
            let seq = recorded.seq;
            let Some(apart) = recorded.event.payload_mut().filter(|payload| payload.resident().is_none()) else { continue };
            let json = texts.next().expect("one was read for each");
            if json.len() != apart.bytes() {
                let what = format!("the payload of event {seq} is not the one that was written");
                return Err(Trouble::corrupt(self.id, what));
            }
            apart.fetch(json);
        }
        Ok(())
    }
}

/// Of each range by itself, so that no row of another engine is looked at.
pub(super) fn due(
    link: &Link,
    owned: Ranges,
    until: Timestamp,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Cursor>, Trouble> {
    let sql = "SELECT d.wake_at, d.id FROM unnest($1::int4[]) AS r(range) CROSS JOIN LATERAL \
        (SELECT e.wake_at, e.id FROM execution e WHERE (e.slot >> 6) = r.range AND e.wake_at IS NOT NULL AND e.wake_at <= $2 \
        AND (e.wake_at, e.id) > ($3, $4) ORDER BY e.wake_at, e.id LIMIT $5) d ORDER BY d.wake_at, d.id LIMIT $5";
    let (wake_at, id) = cursor.map_or((i64::MIN, Uuid::nil()), |cursor| (cursor.wake_at.millis(), row::uuid(cursor.id)));
    let rows = link.query(sql, &[&row::ranges(owned), &until.millis(), &wake_at, &id, &row::rows(limit)])?;
    rows.iter().map(|row| Ok(Cursor { wake_at: row::time(row, "wake_at")?, id: row::id(get(row, "id")?) })).collect()
}

pub(super) fn next_wake(link: &Link, owned: Ranges, after: Timestamp) -> Result<Option<Timestamp>, Trouble> {
    let sql = "SELECT min(d.wake_at) AS wake_at FROM unnest($1::int4[]) AS r(range) CROSS JOIN LATERAL \
        (SELECT e.wake_at FROM execution e WHERE (e.slot >> 6) = r.range AND e.wake_at IS NOT NULL AND e.wake_at > $2 \
        ORDER BY e.wake_at LIMIT 1) d";
    row::optional_time(&link.query_one(sql, &[&row::ranges(owned), &after.millis()])?, "wake_at")
}

pub(super) fn parked(
    link: &Link,
    owned: Ranges,
    action: &ActionName,
    after: Option<ExecutionId>,
    limit: usize,
) -> Result<Vec<ExecutionId>, Trouble> {
    let sql = "SELECT d.execution FROM unnest($1::int4[]) AS r(range) CROSS JOIN LATERAL \
        (SELECT p.execution FROM parked p WHERE (p.action, p.slot >> 6, p.execution) > ($2, r.range, $3) \
        AND (p.action, p.slot >> 6, p.execution) <= ($2, r.range, $5) ORDER BY p.action, p.slot >> 6, p.execution LIMIT $4) d \
        ORDER BY d.execution LIMIT $4";
    let after = after.map_or(Uuid::nil(), row::uuid);
    let rows = link.query(sql, &[&row::ranges(owned), &action.as_str(), &after, &row::rows(limit), &Uuid::max()])?;
    rows.iter().map(|row| Ok(row::id(get(row, "execution")?))).collect()
}

pub(super) fn ended(
    link: &Link,
    seals: &Seals,
    owned: Ranges,
    (workflow, status): (&WorkflowId, Status),
    until: Timestamp,
    after: Option<ExecutionId>,
    limit: usize,
) -> Result<Ended, Trouble> {
    // A range of the index of lists, with its head rows; said so that there is no other way to them.
    let sql = format!(
        "SELECT {HEAD} FROM execution e WHERE (e.status, e.workflow, e.id) > ($1, $2, $3) AND (e.status, e.workflow, e.id) < ($1, $2, $4) \
         ORDER BY e.status, e.workflow, e.id LIMIT $5"
    );
    let after = after.map_or(Uuid::nil(), row::uuid);
    let beyond = first_id_from(until.millis().saturating_add(1));
    let looked_at = row::rows(ENDED_LOOKED_AT_MAX + 1);
    let rows = link.query(&sql, &[&status.as_str(), &workflow.as_str(), &after, &beyond, &looked_at])?;
    let mut ended = Ended::default();
    for (looked_at, found) in rows.iter().enumerate() {
        if looked_at == ENDED_LOOKED_AT_MAX || ended.ids.len() == limit {
            return Ok(ended);
        }
        let id = row::id(get(found, "id")?);
        ended.next = Some(id);
        // One that is damaged may not have ended when it says so: it stays. One of another engine is for that to find.
        if owned.hold(id)
            && row::optional_time(found, "completed_at")?.is_some_and(|at| at <= until)
            && head(seals, found).is_ok()
        {
            ended.ids.push(id);
        }
    }
    Ok(Ended { next: None, ..ended })
}

/// Ids from this time on are not below this.
pub(super) fn first_id_from(millis: i64) -> Uuid {
    let millis = u128::from(millis.max(0).cast_unsigned());
    // Beyond the 48 bits of an id: later than all of them.
    Uuid::from_u128(if millis >> 48 == 0 { millis << 80 } else { u128::MAX })
}

const DEFINITION: &str = "SELECT workflow, version, stored, source, created_at, deleted_at, seal FROM definition";

pub(super) fn definitions(link: &Link, seals: &Seals) -> Result<Vec<DefinitionRow>, Trouble> {
    let rows = link.query(DEFINITION, &[])?;
    let mut definitions = rows.iter().map(|found| row::definition(seals, found)).collect::<Result<Vec<_>, _>>()?;
    definitions.sort_by(|a, b| (&a.workflow, a.version).cmp(&(&b.workflow, b.version)));
    Ok(definitions)
}

/// Every version of one definition.
pub(super) fn definitions_of(link: &Link, seals: &Seals, workflow: &WorkflowId) -> Result<Vec<DefinitionRow>, Trouble> {
    let rows = link.query(&format!("{DEFINITION} WHERE workflow = $1"), &[&workflow.as_str()])?;
    rows.iter().map(|found| row::definition(seals, found)).collect()
}

pub(super) fn endpoints(link: &Link, seals: &Seals) -> Result<Vec<Endpoint>, Trouble> {
    let sql = "SELECT name, url, actions, secret, timeout_ms, concurrency, seal FROM endpoint";
    let mut endpoints = Vec::new();
    for found in link.query(sql, &[])? {
        let actions: Option<String> = get(&found, "actions")?;
        let read =
            |text: &str| serde_json::from_str(text).map_err(|error| Trouble::Corrupt(format!("column `actions`: {error}")));
        let mut endpoint = Endpoint {
            name: row::named(&found, "name", EndpointName::new)?,
            url: row::text(&found, "url")?,
            actions: actions.as_deref().map(read).transpose()?,
            secret: row::optional_text(&found, "secret")?,
            timeout: Millis::new(get::<i64>(&found, "timeout_ms")?.cast_unsigned()),
            concurrency: row::number(&found, "concurrency")?,
        };
        let secret = row::opened_secret(seals, &endpoint, actions.as_deref(), get(&found, "seal")?);
        let secret = secret.map_err(|trouble| trouble.of(format_args!("endpoint `{}`", endpoint.name)))?;
        endpoint.secret = endpoint.secret.map(|_| secret);
        endpoints.push(endpoint);
    }
    endpoints.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(endpoints)
}

pub(super) fn tokens(link: &Link, seals: &Seals) -> Result<TokenRows, Trouble> {
    let mut tokens = TokenRows::default();
    for found in link.query("SELECT id, name, role, sha256, created_at, revoked_at, seal FROM token", &[])? {
        match row::token(seals, &found) {
            Ok(token) => tokens.sound.push(token),
            Err(trouble) => tokens.damaged.push(DamagedToken {
                id: get(&found, "id")?,
                name: get(&found, "name")?,
                role: row::named(&found, "role", str::parse).ok(),
                created_at: row::time(&found, "created_at").ok(),
                why: trouble.during("read tokens").message,
            }),
        }
    }
    tokens.sound.sort_by(|a, b| a.id.cmp(&b.id));
    tokens.damaged.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(tokens)
}

pub(super) fn version_counts(link: &Link) -> Result<Vec<VersionCount>, Trouble> {
    let sql = "SELECT workflow, version, status, sum(count)::int8 AS count FROM counter GROUP BY workflow, version, status";
    let mut counts = Vec::new();
    for found in link.query(sql, &[])? {
        let count: i64 = get(&found, "count")?;
        if count > 0 {
            counts.push(VersionCount {
                workflow: get(&found, "workflow")?,
                version: row::version(&found)?,
                status: row::named(&found, "status", str::parse)?,
                count: count.cast_unsigned(),
            });
        }
    }
    counts.sort();
    Ok(counts)
}

pub(super) fn failure_counts(link: &Link) -> Result<Vec<FailureCount>, Trouble> {
    let sql = "SELECT failure, workflow, version, retrying, sum(count)::int8 AS count FROM failure_counter \
        GROUP BY failure, workflow, version, retrying";
    let mut counts = BTreeMap::new();
    for found in link.query(sql, &[])? {
        let of = (get::<i64>(&found, "failure")?.cast_unsigned(), get::<String>(&found, "workflow")?, row::version(&found)?);
        let (failed, tried_again) = counts.entry(of).or_insert((0, 0));
        let count = get::<i64>(&found, "count")?.max(0).cast_unsigned();
        *(if get(&found, "retrying")? { tried_again } else { failed }) += count;
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

/// The ends of a range of keys as columns have them; whether it is one key. `\0` is the smallest character, and what it is stored as
/// is the greatest: a range that ends with it is one key.
pub(super) fn bounds(keys: &KeyRange) -> (String, String, bool) {
    let only = keys.to.strip_suffix('\0') == Some(keys.from.as_str());
    (stored(&keys.from).into_owned(), stored(&keys.to).into_owned(), only)
}

pub(super) fn documents(link: &Link, seals: &Seals, filter: &DocumentFilter) -> Result<Vec<Document>, Trouble> {
    let DocumentFilter { kind, keys, order, limit } = filter;
    let order = match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    let (from, to, only) = bounds(keys);
    let meant = if only { "key = $2 AND $3::text IS NOT NULL" } else { "key >= $2 AND key < $3" };
    let sql = format!("SELECT key, body, seal FROM document WHERE kind = $1 AND {meant} ORDER BY key {order} LIMIT $4");
    let mut documents = Vec::new();
    for found in link.query(&sql, &[&stored(kind), &from, &to, &row::rows(*limit)])? {
        let key = row::text(&found, "key")?;
        let body = opened_json(seals, &bound::document(kind, &key), &found, "body");
        let body = body.map_err(|trouble| trouble.of(format_args!("document `{key}` of kind `{kind}`")))?;
        documents.push(Document { kind: kind.clone(), key, body });
    }
    Ok(documents)
}

/// The executions of a claim as its seal knows them.
pub(super) fn names(executions: &[ExecutionId]) -> String {
    serde_json::to_string(executions).expect("ids are JSON")
}

pub(super) fn claim(link: &Link, seals: &Seals, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Trouble> {
    let sql = "SELECT executions, data, seal FROM claim WHERE kind = $1 AND scope = $2 AND key = $3";
    let kind = row::kind(kind);
    let rows = link.query(sql, &[&kind, &stored(scope), &stored(key)])?;
    let Some(found) = rows.first() else { return Ok(None) };
    let read = || {
        let executions: Vec<ExecutionId> = get::<Vec<Uuid>>(found, "executions")?.into_iter().map(row::id).collect();
        let data = opened_json(seals, &bound::claim(kind, scope, key, &names(&executions)), found, "data")?;
        Ok(Taken { executions, data })
    };
    read().map(Some).map_err(|trouble: Trouble| trouble.of(format_args!("{kind} `{key}` of `{scope}`")))
}

pub(super) fn database_bytes(link: &Link) -> Result<u64, Trouble> {
    let row = link.query_one("SELECT pg_database_size(current_database()) AS bytes", &[])?;
    Ok(get::<i64>(&row, "bytes")?.cast_unsigned())
}
