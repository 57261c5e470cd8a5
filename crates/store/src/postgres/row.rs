//! Between columns and the types of the contract.

use std::borrow::Cow;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;
use workflow_core::id::{ExecutionId, TokenId, TokenName, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::error::Trouble;
use crate::seal::{Bound, Found, HIDDEN, HIDDEN_WORDS, Seal, Seals, bound};
use crate::{ClaimKind, DefinitionRow, Endpoint, Head, Ranges, Token};

/// What U+0000 begins with in a column: a character that no text of people has.
const ESCAPE: char = '\u{10fffe}';

/// A text as a column holds it.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => stored.extend([ESCAPE, '0']),
            ESCAPE => stored.extend([ESCAPE, '1']),
            other => stored.push(other),
        }
    }
    Cow::Owned(stored)
}

/// The text that a column holds.
pub(super) fn unstored(stored: String) -> String {
    if !stored.contains(ESCAPE) {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            ESCAPE if characters.next() == Some('0') => '\0',
            other => other,
        });
    }
    text
}

pub(super) fn uuid(id: ExecutionId) -> Uuid {
    Uuid::from_bytes(id.to_bytes())
}

/// Numbers of ranges, as `unnest` takes them.
pub(super) fn ranges(ranges: Ranges) -> Vec<i32> {
    ranges.iter().map(u32::cast_signed).collect()
}

pub(super) fn uuids(ids: &[ExecutionId]) -> Vec<Uuid> {
    ids.iter().map(|id| uuid(*id)).collect()
}

pub(super) fn id(uuid: Uuid) -> ExecutionId {
    ExecutionId::from_bytes(uuid.into_bytes())
}

/// A limit as SQL has it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, Trouble> {
    row.try_get(column).map_err(|error| Trouble::Corrupt(format!("column `{column}`: {error}")))
}

/// A column whose text has a rule.
pub(super) fn named<T, E: std::fmt::Display>(
    row: &Row,
    column: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Trouble> {
    read(get(row, column)?).map_err(|error| Trouble::Corrupt(format!("column `{column}`: {error}")))
}

/// A column that may hold any character.
pub(super) fn text(row: &Row, column: &str) -> Result<String, Trouble> {
    get(row, column).map(unstored)
}

pub(super) fn optional_text(row: &Row, column: &str) -> Result<Option<String>, Trouble> {
    Ok(get::<Option<String>>(row, column)?.map(unstored))
}

pub(super) fn time(row: &Row, column: &str) -> Result<Timestamp, Trouble> {
    get(row, column).map(Timestamp::from_millis)
}

pub(super) fn optional_time(row: &Row, column: &str) -> Result<Option<Timestamp>, Trouble> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_millis))
}

pub(super) fn number<T: TryFrom<i64>>(row: &Row, column: &str) -> Result<T, Trouble> {
    let number: i64 = get(row, column)?;
    T::try_from(number).map_err(|_| Trouble::Corrupt(format!("column `{column}`: {number} is out of range")))
}

fn optional_number<T: TryFrom<i64>>(row: &Row, column: &str) -> Result<Option<T>, Trouble> {
    match get::<Option<i64>>(row, column)? {
        Some(_) => number(row, column).map(Some),
        None => Ok(None),
    }
}

pub(super) fn seq(row: &Row, column: &str) -> Result<u64, Trouble> {
    get(row, column).map(i64::cast_unsigned)
}

pub(super) fn version(row: &Row) -> Result<Version, Trouble> {
    number(row, "version").map(Version)
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

/// What the column `seal` holds: a zero and a checksum, or what begins with the form of what is encrypted.
pub(super) fn seal_bytes(seal: Seal) -> Vec<u8> {
    match seal {
        Seal::Sum(sum) => [&[0][..], &sum.to_be_bytes()].concat(),
        Seal::Encrypted(bytes) => bytes,
    }
}

fn found(seal: &[u8]) -> Found<'_> {
    match seal.split_first() {
        Some((0, sum)) => Found::Sum(<[u8; 4]>::try_from(sum).map_or(i64::MAX, |sum| i32::from_be_bytes(sum).into())),
        _ => Found::Encrypted(seal),
    }
}

/// A text with a seal, as it was written.
pub(super) fn opened(seals: &Seals, bound: &Bound, row: &Row, column: &str) -> Result<String, Trouble> {
    let plain: &str = get(row, column)?;
    open(seals, bound, plain, get(row, "seal")?).map_err(|trouble| trouble.of(format_args!("column `{column}`")))
}

/// The same, of a text that may hold any character.
pub(super) fn opened_text(seals: &Seals, bound: &Bound, row: &Row, column: &str) -> Result<String, Trouble> {
    let plain = text(row, column)?;
    open(seals, bound, &plain, get(row, "seal")?).map_err(|trouble| trouble.of(format_args!("column `{column}`")))
}

fn open(seals: &Seals, bound: &Bound, plain: &str, seal: &[u8]) -> Result<String, Trouble> {
    seals.opened(bound, plain, found(seal)).map(Cow::into_owned).map_err(Trouble::Corrupt)
}

/// The same, of a text that is JSON.
pub(super) fn opened_json(seals: &Seals, bound: &Bound, row: &Row, column: &str) -> Result<Json, Trouble> {
    let text = opened(seals, bound, row, column)?;
    Json::parse(text).map_err(|error| Trouble::Corrupt(format!("column `{column}`: {error}")))
}

/// The columns of a head row, of `execution AS e`.
pub(super) const HEAD: &str = "e.id, e.workflow, e.version, e.status, e.wake_at, e.started_at, e.completed_at, e.steps_completed, \
    e.steps_failed, e.steps_skipped, e.failed_step, e.error_code, e.error, e.error_fingerprint, e.failure, e.retrying, \
    e.triggered_by, e.trigger_source, e.replay_of, e.parent, e.last, e.seal";

/// The head row of an execution, and what the contract does not show of it.
pub(super) struct HeadRow {
    pub head: Head,
    /// The `seq` of the newest event when it was written.
    pub last: u64,
}

pub(super) fn head(seals: &Seals, row: &Row) -> Result<HeadRow, Trouble> {
    let id = id(get(row, "id")?);
    let read = || {
        let mut head = Head {
            id,
            workflow: named(row, "workflow", WorkflowId::new)?,
            version: version(row)?,
            status: named(row, "status", str::parse::<Status>)?,
            wake_at: optional_time(row, "wake_at")?,
            started_at: time(row, "started_at")?,
            completed_at: optional_time(row, "completed_at")?,
            steps_completed: optional_number(row, "steps_completed")?,
            steps_failed: optional_number(row, "steps_failed")?,
            steps_skipped: optional_number(row, "steps_skipped")?,
            failed_step: optional_text(row, "failed_step")?,
            error_code: optional_text(row, "error_code")?,
            error: optional_text(row, "error")?,
            error_fingerprint: optional_text(row, "error_fingerprint")?,
            triggered_by: text(row, "triggered_by")?,
            trigger_source: optional_text(row, "trigger_source")?,
            replay_of: get::<Option<Uuid>>(row, "replay_of")?.map(self::id),
            parent: get::<Option<Uuid>>(row, "parent")?.map(self::id),
            retrying: get(row, "retrying")?,
        };
        let last = seq(row, "last")?;
        let bound = bound::head(0, &head, last);
        let seal: &[u8] = get(row, "seal")?;
        let failure = open(seals, &bound, &failure_text(&head), seal)?;
        if matches!(found(seal), Found::Encrypted(_)) {
            let failure = serde_json::from_str(&failure).map_err(|error| Trouble::Corrupt(format!("its failure: {error}")))?;
            (head.error, head.error_fingerprint) = failure;
        }
        if get::<Option<i64>>(row, "failure")? != failure_of(&head) {
            return Err(Trouble::Corrupt("the index of failures does not lead to it by what it failed with".to_owned()));
        }
        Ok(HeadRow { head, last })
    };
    read().map_err(|trouble: Trouble| trouble.of(format_args!("{id}: its head row")))
}

/// What `execution.failure` holds.
pub(super) fn failure_of(head: &Head) -> Option<i64> {
    head.failure().map(|failure| failure.to_u64().cast_signed())
}

/// The columns of a head row that come from people's actions, as one text; empty when nothing has failed.
fn failure_text(head: &Head) -> String {
    match (&head.error, &head.error_fingerprint) {
        (None, None) => String::new(),
        failure => serde_json::to_string(&failure).expect("texts are JSON"),
    }
}

/// The failure of a head row as its columns and its seal show it.
pub(super) struct SealedHead {
    pub error: Option<String>,
    pub fingerprint: Option<String>,
    pub seal: Vec<u8>,
}

pub(super) fn sealed_head(seals: &Seals, head: &Head, last: u64) -> SealedHead {
    let (bound, failure) = (bound::head(0, head, last), failure_text(head));
    let encrypted = if failure.is_empty() { None } else { seals.encrypted(&bound, &failure) };
    let owned = |text: &Option<String>| text.as_deref().map(|text| stored(text).into_owned());
    match encrypted {
        Some(seal) => SealedHead { error: head.error.as_ref().map(|_| HIDDEN_WORDS.to_owned()), fingerprint: None, seal },
        None => SealedHead {
            error: owned(&head.error),
            fingerprint: owned(&head.error_fingerprint),
            seal: seal_bytes(Seal::Sum(bound.sum(&failure))),
        },
    }
}

/// What to store of a definition: its columns `stored`, `source` and `seal`.
pub(super) fn sealed_definition<'a>(seals: &Seals, row: &'a DefinitionRow) -> (&'a str, &'a str, Vec<u8>) {
    let bound = bound::definition(&row.workflow, row.version, row.created_at, row.deleted_at);
    let both = definition_text(row.stored.text(), row.source.text());
    match seals.encrypted(&bound, &both) {
        Some(seal) => (HIDDEN, HIDDEN, seal),
        None => (row.stored.text(), row.source.text(), seal_bytes(Seal::Sum(bound.sum(&both)))),
    }
}

/// Both texts of a definition are sealed as one.
fn definition_text(stored: &str, source: &str) -> String {
    format!("[{stored},{source}]")
}

pub(super) fn definition(seals: &Seals, row: &Row) -> Result<DefinitionRow, Trouble> {
    let (workflow, version) = (named(row, "workflow", WorkflowId::new)?, version(row)?);
    let (created_at, deleted_at) = (time(row, "created_at")?, optional_time(row, "deleted_at")?);
    let read = || {
        let bound = bound::definition(&workflow, version, created_at, deleted_at);
        let plain = definition_text(get(row, "stored")?, get(row, "source")?);
        let both = open(seals, &bound, &plain, get(row, "seal")?)?;
        serde_json::from_str::<[Json; 2]>(&both).map_err(|error| Trouble::Corrupt(error.to_string()))
    };
    let about = |trouble: Trouble| trouble.of(format_args!("version {version} of workflow {workflow}"));
    let [stored, source] = read().map_err(about)?;
    Ok(DefinitionRow { workflow, version, stored, source, created_at, deleted_at })
}

/// What to store of the secret of an endpoint: its columns `secret` and `seal`. `actions` as the column has them.
pub(super) fn sealed_secret(seals: &Seals, endpoint: &Endpoint, actions: Option<&str>) -> (Option<String>, Vec<u8>) {
    let bound = bound::endpoint(endpoint, actions);
    match &endpoint.secret {
        Some(secret) => {
            let sealed = seals.seal(&bound, secret, HIDDEN_WORDS);
            (Some(stored(sealed.text).into_owned()), seal_bytes(sealed.seal))
        }
        None => (None, seal_bytes(Seal::Sum(bound.sum("")))),
    }
}

/// The secret of an endpoint whose columns these are.
pub(super) fn opened_secret(seals: &Seals, endpoint: &Endpoint, actions: Option<&str>, seal: &[u8]) -> Result<String, Trouble> {
    let plain = endpoint.secret.clone().unwrap_or_default();
    open(seals, &bound::endpoint(endpoint, actions), &plain, seal)
}

/// The column `seal` of a token.
pub(super) fn sealed_token(token: &Token) -> Vec<u8> {
    seal_bytes(Seal::Sum(bound::token(token).sum("")))
}

pub(super) fn token(seals: &Seals, row: &Row) -> Result<Token, Trouble> {
    let sha256: &[u8] = get(row, "sha256")?;
    let token = Token {
        id: named(row, "id", TokenId::new)?,
        name: named(row, "name", TokenName::new)?,
        role: named(row, "role", str::parse)?,
        sha256: sha256.try_into().map_err(|_| Trouble::Corrupt("column `sha256` has not 32 bytes".to_owned()))?,
        created_at: time(row, "created_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    };
    open(seals, &bound::token(&token), "", get(row, "seal")?)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_survives() {
        for text in ["", "plain", "a\0b", "\u{10fffe}", "\u{10fffe}0", "\0\u{10fffe}1\0"] {
            let column = stored(text).into_owned();
            assert!(!column.contains('\0'));
            assert_eq!(unstored(column), text);
        }
    }
}
