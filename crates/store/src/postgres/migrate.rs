//! The schema, one numbered step after the other, with the numbers of SQLite's. A step that was released is never changed; the next
//! one comes after it.

use super::address::Address;
use super::error::{PostgresError, Trouble};
use super::link::Link;
use super::row::get;

/// What the steps make of an empty schema; the first one makes what SQLite has with that number, and the seals
/// of tokens, which came there with the next.
const STEPS: &[(u32, &str)] = &[(6, include_str!("schema/0006_initial.sql"))];

/// The newest schema that this version knows.
pub(super) const NEWEST: u32 = STEPS[STEPS.len() - 1].0;

/// The oldest PostgreSQL that has all that is used here.
const SERVER_MIN: i32 = 140_000;

/// A lock of the database that nobody else takes: engines that start together migrate one after the other.
const MIGRATING: i64 = 0x776b_666c;

/// Takes the schema to [`NEWEST`], all steps in one transaction: whatever happens, it is there whole or not at all.
pub(super) fn migrate(link: &Link, address: &Address) -> Result<(), Trouble> {
    let at = address.shown();
    expect_server(link, at)?;
    if schema(link, address)? == i64::from(NEWEST) {
        return Ok(());
    }
    link.script(&format!("BEGIN; SELECT pg_advisory_xact_lock({MIGRATING})"))?;
    let migrated = steps(link, address);
    link.script(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    migrated
}

fn steps(link: &Link, address: &Address) -> Result<(), Trouble> {
    // Another one may have been faster.
    let found = schema(link, address)?;
    for (number, step) in STEPS.iter().filter(|(number, _)| i64::from(*number) > found) {
        if found == 0 && *number == STEPS[0].0 {
            // Whoever may not create one may have been given one.
            if link.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&address.schema()])?.is_empty() {
                link.script(&format!("CREATE SCHEMA {}", address.schema()))?;
            }
            link.script("CREATE TABLE workflow_schema (number BIGINT NOT NULL, PRIMARY KEY (number))")?;
        }
        link.script(step)?;
        link.script(&format!("INSERT INTO workflow_schema VALUES ({number})"))?;
    }
    Ok(())
}

/// The number of the schema that is ours, or 0 of one that is empty.
fn schema(link: &Link, address: &Address) -> Result<i64, Trouble> {
    let (at, schema) = (address.shown().to_owned(), address.schema());
    let sql = "SELECT coalesce(bool_or(tablename = 'workflow_schema'), false) AS ours, min(tablename::text) AS other FROM pg_tables \
        WHERE schemaname = $1";
    let row = link.query_one(sql, &[&schema])?;
    let (ours, other): (bool, Option<String>) = (get(&row, "ours")?, get(&row, "other")?);
    if !ours {
        return match other {
            None => Ok(0),
            Some(table) => Err(PostgresError::NotOurs { at, schema: schema.to_owned(), table }.into()),
        };
    }
    let row = link.query_one("SELECT max(number) AS number FROM workflow_schema", &[])?;
    let found = get::<Option<i64>>(&row, "number")?.unwrap_or_default();
    if found > i64::from(NEWEST) {
        return Err(PostgresError::Newer { at, found, known: NEWEST }.into());
    }
    Ok(found)
}

fn expect_server(link: &Link, at: &str) -> Result<(), Trouble> {
    let sql = "SELECT current_setting('server_version_num')::int4 AS number, current_setting('server_version') AS version, \
        current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync";
    let row = link.query_one(sql, &[])?;
    let text = |column| get::<String>(&row, column);
    if get::<i32>(&row, "number")? < SERVER_MIN {
        return Err(PostgresError::TooOld { at: at.to_owned(), found: text("version")? }.into());
    }
    if text("encoding")? != "UTF8" {
        return Err(PostgresError::Encoding { at: at.to_owned(), found: text("encoding")? }.into());
    }
    if text("fsync")? == "off" {
        tracing::warn!(at, "PostgreSQL runs with `fsync = off`: when its machine goes down, what was acknowledged may be lost");
    }
    Ok(())
}
