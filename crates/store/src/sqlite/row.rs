//! Between columns and the types of the contract.

use rusqlite::{Connection, OptionalExtension, Row};
use workflow_core::id::{ExecutionId, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::error::Trouble;
use super::seal::{Bound, HIDDEN, HIDDEN_WORDS, Seal, Seals, View, bound};
use crate::{ClaimKind, DefinitionRow, Endpoint, Head};

/// `history.place` and `payload.place`: the execution's key and 24 bits of `seq`.
pub(super) const SEQ_BITS: u32 = 24;
pub(super) const SEQ_MAX: u64 = (1 << SEQ_BITS) - 1;

pub(super) fn place(key: i64, seq: u64) -> i64 {
    key << SEQ_BITS | seq.min(SEQ_MAX).cast_signed()
}

pub(super) fn seq_of(place: i64) -> u64 {
    place.cast_unsigned() & SEQ_MAX
}

/// Ids from a time up to `until` are below this.
pub(super) fn first_id_after(until: Timestamp) -> [u8; 16] {
    let millis = u128::from(until.millis().saturating_add(1).max(0).cast_unsigned());
    // Beyond the 48 bits of an id: later than all of them.
    let id = if millis >> 48 == 0 { millis << 80 } else { u128::MAX };
    id.to_be_bytes()
}

/// A limit as SQL has it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<ExecutionId> {
    Ok(ExecutionId::from_bytes(row.get(column)?))
}

pub(super) fn optional_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ExecutionId>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(ExecutionId::from_bytes))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

pub(super) fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// A column whose text has a rule.
pub(super) fn text<T, E: std::fmt::Display>(
    row: &Row<'_>,
    column: usize,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Trouble> {
    let corrupt = |error: &dyn std::fmt::Display| Trouble::Corrupt(format!("column `{}`: {error}", column_name(row, column)));
    let text = row.get_ref(column)?.as_str().map_err(|error| corrupt(&error))?;
    read(text).map_err(|error| corrupt(&error))
}

/// A text with a seal, that is JSON.
pub(super) fn sealed_json(view: View<'_>, bound: &Bound, row: &Row<'_>, column: usize, seal: usize) -> Result<Json, Trouble> {
    let text = view.seals.open_column(bound, row, column, seal)?;
    Json::parse(text).map_err(|error| Trouble::Corrupt(format!("column `{}`: {error}", column_name(row, column))))
}

fn column_name<'a>(row: &'a Row<'_>, column: usize) -> &'a str {
    row.as_ref().column_name(column).unwrap_or("?")
}

pub(super) fn kind(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::IdempotencyKey => "idempotency_key",
        ClaimKind::EventId => "event_id",
    }
}

/// The kind that a column names.
pub(super) fn kind_of(text: &str) -> Result<ClaimKind, String> {
    [ClaimKind::IdempotencyKey, ClaimKind::EventId]
        .into_iter()
        .find(|of| kind(*of) == text)
        .ok_or_else(|| format!("`{text}` is no kind of claims"))
}

const HEAD: &str = "SELECT e.key, e.id, w.id AS workflow, e.version, e.status, e.wake_at, e.started_at, e.completed_at, \
    e.steps_completed, e.failed_step, e.error_code, e.error, e.error_fingerprint, e.triggered_by, e.trigger_source, \
    e.replay_of, e.parent, e.last, e.seal, e.steps_failed, e.steps_skipped, e.retrying, e.failure \
    FROM execution e JOIN workflow w ON w.key = e.workflow WHERE ";

/// The head row of an execution, and what the contract does not show of it.
pub(super) struct HeadRow {
    pub key: i64,
    pub head: Head,
    /// The `seq` of the newest event when it was written; none in rows of earlier versions.
    pub last: Option<u64>,
}

pub(super) fn head_by_id(view: View<'_>, id: ExecutionId) -> Result<Option<HeadRow>, Trouble> {
    let mut statement = view.prepare_cached(&format!("{HEAD} e.id = ?1"))?;
    let mut rows = statement.query([id.to_bytes()])?;
    let Some(row) = rows.next()?.map(|row| head(view, row)).transpose()? else {
        // From the index alone: it may lead to a row that is lost.
        let mut indexed = view.prepare_cached("SELECT 1 FROM execution WHERE id = ?1")?;
        return match indexed.exists([id.to_bytes()])? {
            true => Err(Trouble::corrupt(id, "its head row, or its workflow, is not there")),
            false => Ok(None),
        };
    };
    if row.head.id != id {
        return Err(Trouble::corrupt(id, format!("the index of ids leads to {}", row.head.id)));
    }
    Ok(Some(row))
}

pub(super) fn head_by_key(view: View<'_>, key: i64) -> Result<Head, Trouble> {
    head_row_by_key(view, key).map(|row| row.head)
}

pub(super) fn head_row_by_key(view: View<'_>, key: i64) -> Result<HeadRow, Trouble> {
    let mut statement = view.prepare_cached(&format!("{HEAD} e.key = ?1"))?;
    let mut rows = statement.query([key])?;
    let row = rows.next()?.ok_or_else(|| Trouble::Corrupt(format!("an index names execution {key}, which is not there")))?;
    head(view, row)
}

/// A row of [`HEAD`].
fn head(view: View<'_>, row: &Row<'_>) -> Result<HeadRow, Trouble> {
    let id = id(row, 1)?;
    let read = || {
        let mut head = Head {
            id,
            workflow: text(row, 2, WorkflowId::new)?,
            version: Version(row.get(3)?),
            status: text(row, 4, str::parse::<Status>)?,
            wake_at: optional_time(row, 5)?,
            started_at: time(row, 6)?,
            completed_at: optional_time(row, 7)?,
            steps_completed: row.get(8)?,
            failed_step: row.get(9)?,
            error_code: row.get(10)?,
            error: row.get(11)?,
            error_fingerprint: row.get(12)?,
            triggered_by: row.get(13)?,
            trigger_source: row.get(14)?,
            replay_of: optional_id(row, 15)?,
            parent: optional_id(row, 16)?,
            steps_failed: row.get(19)?,
            steps_skipped: row.get(20)?,
            retrying: row.get::<_, Option<bool>>(21)?.unwrap_or_default(),
        };
        let (key, last): (i64, Option<i64>) = (row.get(0)?, row.get(17)?);
        let last = last.map(i64::cast_unsigned);
        let bound = bound::head(key, &head, last.unwrap_or_default());
        let (seal, plain) = (row.get_ref(18)?, failure_text(&head));
        let failure = view.seals.open(&bound, &plain, seal)?;
        if matches!(seal, rusqlite::types::ValueRef::Blob(_)) {
            let failure = serde_json::from_str(&failure).map_err(|error| Trouble::Corrupt(format!("its failure: {error}")))?;
            (head.error, head.error_fingerprint) = failure;
        }
        let indexed: Option<i64> = row.get(22)?;
        // Of an earlier schema there is none.
        if indexed.is_some() && indexed != failure_of(&head) {
            return Err(Trouble::Corrupt("the index of failures does not lead to it by what it failed with".to_owned()));
        }
        Ok(HeadRow { key, head, last })
    };
    read().map_err(|trouble: Trouble| trouble.of(format_args!("{id}: its head row")))
}

/// What `execution.failure` holds.
pub(super) fn failure_of(head: &Head) -> Option<i64> {
    head.failure().map(|failure| failure.to_u64().cast_signed())
}

/// Whose counter it is: executions of a version that have failed in one way, or are tried again because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FailureOf {
    pub failure: i64,
    pub workflow: i64,
    pub version: Version,
    pub retrying: bool,
}

/// The columns of a head row that come from people's actions, as one text; empty when nothing has failed.
pub(super) fn failure_text(head: &Head) -> String {
    match (&head.error, &head.error_fingerprint) {
        (None, None) => String::new(),
        failure => serde_json::to_string(&failure).expect("texts are JSON"),
    }
}

/// The failure of a head row as its columns and its seal show it.
pub(super) struct SealedHead<'a> {
    pub error: Option<&'a str>,
    pub fingerprint: Option<&'a str>,
    pub seal: Seal,
}

pub(super) fn sealed_head<'a>(seals: &Seals, key: i64, head: &'a Head, last: u64) -> SealedHead<'a> {
    let (bound, text) = (bound::head(key, head, last), failure_text(head));
    let encrypted = if text.is_empty() { None } else { seals.encrypted(&bound, &text) };
    match encrypted {
        Some(encrypted) => {
            let error = head.error.as_ref().map(|_| HIDDEN_WORDS);
            SealedHead { error, fingerprint: None, seal: Seal::Encrypted(encrypted) }
        }
        None => SealedHead {
            error: head.error.as_deref(),
            fingerprint: head.error_fingerprint.as_deref(),
            seal: Seal::Sum(bound.sum(&text)),
        },
    }
}

/// What to store of a definition: its columns `stored`, `source` and `seal`.
pub(super) fn sealed_definition<'a>(seals: &Seals, row: &'a DefinitionRow) -> (&'a str, &'a str, Seal) {
    let bound = bound::definition(&row.workflow, row.version, row.created_at, row.deleted_at);
    let text = definition_text(row.stored.text(), row.source.text());
    match seals.encrypted(&bound, &text) {
        Some(encrypted) => (HIDDEN, HIDDEN, Seal::Encrypted(encrypted)),
        None => (row.stored.text(), row.source.text(), Seal::Sum(bound.sum(&text))),
    }
}

/// Both texts of a definition are sealed as one.
pub(super) fn definition_text(stored: &str, source: &str) -> String {
    format!("[{stored},{source}]")
}

/// What to store of the secret of an endpoint: its columns `secret` and `seal`. `actions` as the column has them.
pub(super) fn sealed_secret<'a>(seals: &Seals, endpoint: &'a Endpoint, actions: Option<&str>) -> (Option<&'a str>, Seal) {
    let bound = bound::endpoint(endpoint, actions);
    match &endpoint.secret {
        Some(secret) => {
            let sealed = seals.seal(&bound, secret, HIDDEN_WORDS);
            (Some(sealed.text), sealed.seal)
        }
        None => (None, Seal::Sum(bound.sum(""))),
    }
}

/// The integer that stands for a workflow.
pub(super) fn workflow_key(connection: &Connection, workflow: &WorkflowId) -> Result<Option<i64>, Trouble> {
    let mut statement = connection.prepare_cached("SELECT key, seal FROM workflow WHERE id = ?1")?;
    let found = statement.query_row([workflow.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((key, seal)) = found else { return Ok(None) };
    expect_workflow(key, workflow.as_str(), seal)?;
    Ok(Some(key))
}

pub(super) fn expect_workflow(key: i64, id: &str, seal: Option<i32>) -> Result<(), Trouble> {
    match seal {
        Some(seal) if seal != bound::workflow(key).sum(id) => {
            Err(Trouble::Corrupt(format!("workflow `{id}` is not what was written: its checksum differs")))
        }
        _ => Ok(()),
    }
}

/// What a counter and its seal together always are.
pub(super) fn sum_of_counter(workflow: i64, version: Version, status: Status) -> i64 {
    bound::counter(workflow, version, status).sum("").into()
}

/// The same of a counter of failures.
pub(super) fn sum_of_failures(of: &FailureOf) -> i64 {
    bound::failure_counter(of).sum("").into()
}

/// A counter as it is stored.
pub(super) struct Counter {
    pub workflow: i64,
    pub version: Version,
    pub status: Status,
    pub count: i64,
}

impl Counter {
    /// From columns that follow one another: workflow, version, status, count, seal.
    pub fn read(row: &Row<'_>, first: usize) -> Result<Counter, Trouble> {
        let (workflow, version) = (row.get(first)?, Version(row.get(first + 1)?));
        let (status, count) = (text(row, first + 2, str::parse)?, row.get(first + 3)?);
        let counter = Counter { workflow, version, status, count };
        match row.get::<_, Option<i64>>(first + 4)? {
            Some(seal) if seal.wrapping_add(count) != sum_of_counter(workflow, version, status) => {
                let what = format!("the counter of {status} executions of version {version} of workflow {workflow}");
                Err(Trouble::Corrupt(format!("{what} is not what was written")))
            }
            _ => Ok(counter),
        }
    }
}
