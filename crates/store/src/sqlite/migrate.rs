//! The schema, one numbered step after the other. A step that was released is never changed; the next one comes after it.

use rusqlite::Connection;

const STEPS: &[&str] = &[
    include_str!("schema/0001_initial.sql"),
    include_str!("schema/0002_recent.sql"),
    include_str!("schema/0003_claims_by_execution.sql"),
    include_str!("schema/0004_tokens.sql"),
    include_str!("schema/0005_seals.sql"),
];

/// The first schema with the table `token`.
pub(super) const TOKENS: u32 = 4;

/// The newest schema that this version knows; `PRAGMA user_version` says which one a file has.
pub(super) const NEWEST: u32 = STEPS.len() as u32;
/// `PRAGMA application_id` of our files: "wkfl".
pub(super) const APPLICATION_ID: i32 = 0x776b_666c;

/// Takes the schema from number `from` to [`NEWEST`], each step in a transaction of its own.
pub(super) fn migrate(connection: &Connection, from: u32) -> rusqlite::Result<()> {
    migrate_to(connection, from, NEWEST)
}

/// The same, to an older schema: what a file of an earlier version has to look like.
pub(super) fn migrate_to(connection: &Connection, from: u32, to: u32) -> rusqlite::Result<()> {
    for (number, step) in (1..=to).zip(STEPS).skip(from as usize) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}
