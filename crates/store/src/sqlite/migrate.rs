//! The schema, one numbered step after the other. A step that was released is never changed; the next one comes after it.

use rusqlite::params;

use super::error::Trouble;
use super::row::{self, FailureOf, HeadRow};
use super::seal::View;

const STEPS: &[&str] = &[
    include_str!("schema/0001_initial.sql"),
    include_str!("schema/0002_recent.sql"),
    include_str!("schema/0003_claims_by_execution.sql"),
    include_str!("schema/0004_tokens.sql"),
    include_str!("schema/0005_seals.sql"),
    include_str!("schema/0006_attention.sql"),
    include_str!("schema/0007_token_seals.sql"),
];

/// The first schema with an index of failures.
pub(super) const FAILURES: u32 = 6;

/// The first schema with the table `token`.
pub(super) const TOKENS: u32 = 4;

/// The first schema whose tokens have seals.
pub(super) const TOKEN_SEALS: u32 = 7;

/// The newest schema that this version knows; `PRAGMA user_version` says which one a file has.
pub(super) const NEWEST: u32 = STEPS.len() as u32;
/// `PRAGMA application_id` of our files: "wkfl".
pub(super) const APPLICATION_ID: i32 = 0x776b_666c;

/// Takes the schema from number `from` to [`NEWEST`], each step in a transaction of its own.
pub(super) fn migrate(view: View<'_>, from: u32) -> Result<(), Trouble> {
    migrate_to(view, from, NEWEST)
}

/// The same, to an older schema: what a file of an earlier version has to look like.
pub(super) fn migrate_to(connection: View<'_>, from: u32, to: u32) -> Result<(), Trouble> {
    for (number, step) in (1..=to).zip(STEPS).skip(from as usize) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        if number == FAILURES {
            index_failures(connection)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Failures that were written before there was an index of them, and may be encrypted. One that cannot be read is left out of it;
/// whoever reads its execution is told.
fn index_failures(view: View<'_>) -> Result<(), Trouble> {
    let mut keys = view.prepare("SELECT key, workflow FROM execution WHERE status = 'failed' AND error IS NOT NULL")?;
    let mut rows = keys.query([])?;
    while let Some(found) = rows.next()? {
        let (key, workflow): (i64, i64) = (found.get(0)?, found.get(1)?);
        let Ok(HeadRow { head, .. }) = row::head_row_by_key(view, key) else { continue };
        let Some(failure) = row::failure_of(&head) else { continue };
        view.prepare_cached("UPDATE execution SET failure = ?2 WHERE key = ?1")?.execute([key, failure])?;
        let of = FailureOf { failure, workflow, version: head.version, retrying: false };
        let sql = "INSERT INTO failure_counter (failure, workflow, version, retrying, count, seal) \
            VALUES (?1, ?2, ?3, 0, 1, ?4 - 1) ON CONFLICT DO UPDATE SET count = count + 1, seal = seal - 1";
        view.prepare_cached(sql)?.execute(params![failure, workflow, head.version.0, row::sum_of_failures(&of)])?;
    }
    Ok(())
}
