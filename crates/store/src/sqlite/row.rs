//! Between columns and the types of the contract.

use rusqlite::{Connection, OptionalExtension, Row};
use workflow_core::id::{ExecutionId, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::error::Trouble;
use crate::{ClaimKind, Head};

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
    let name = || row.as_ref().column_name(column).unwrap_or("?").to_owned();
    let text = row.get_ref(column)?.as_str().map_err(|error| Trouble::Corrupt(format!("column `{}`: {error}", name())))?;
    read(text).map_err(|error| Trouble::Corrupt(format!("column `{}`: {error}", name())))
}

pub(super) fn json(row: &Row<'_>, column: usize) -> Result<Json, Trouble> {
    text(row, column, |text| Json::parse(text))
}

pub(super) fn kind(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::IdempotencyKey => "idempotency_key",
        ClaimKind::EventId => "event_id",
    }
}

const HEAD: &str = "SELECT e.key, e.id, w.id AS workflow, e.version, e.status, e.wake_at, e.started_at, e.completed_at, \
    e.steps_completed, e.failed_step, e.error_code, e.error, e.error_fingerprint, e.triggered_by, e.trigger_source, \
    e.replay_of, e.parent \
    FROM execution e JOIN workflow w ON w.key = e.workflow WHERE ";

/// The key and the head row of an execution.
pub(super) fn head_by_id(connection: &Connection, id: ExecutionId) -> Result<Option<(i64, Head)>, Trouble> {
    let mut statement = connection.prepare_cached(&format!("{HEAD} e.id = ?1"))?;
    let mut rows = statement.query([id.to_bytes()])?;
    rows.next()?.map(head).transpose()
}

pub(super) fn head_by_key(connection: &Connection, key: i64) -> Result<Head, Trouble> {
    let mut statement = connection.prepare_cached(&format!("{HEAD} e.key = ?1"))?;
    let mut rows = statement.query([key])?;
    let row = rows.next()?.ok_or_else(|| Trouble::Corrupt(format!("an index names execution {key}, which is not there")))?;
    Ok(head(row)?.1)
}

/// A row of [`HEAD`].
fn head(row: &Row<'_>) -> Result<(i64, Head), Trouble> {
    let id = id(row, 1)?;
    let read = || {
        Ok::<_, Trouble>(Head {
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
        })
    };
    let head = read().map_err(|trouble| match trouble {
        Trouble::Corrupt(what) => Trouble::corrupt(id, what),
        other => other,
    })?;
    Ok((row.get(0)?, head))
}

/// The integer that stands for a workflow.
pub(super) fn workflow_key(connection: &Connection, workflow: &WorkflowId) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT key FROM workflow WHERE id = ?1")?;
    statement.query_row([workflow.as_str()], |row| row.get(0)).optional()
}
