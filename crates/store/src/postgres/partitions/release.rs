//! Partitions that are over are let go: out of the dated ones in a moment, then what has to stay is moved, unhurried, and the rest is
//! dropped with its table.
//!
//! A partition that was let go is a child (as of inheritance) of the table of what is kept: all that is in it is read as before, and
//! nothing is written to it any more. What is appended to its executions goes to where ids without a partition go. Whoever moves holds
//! the head rows, as does whoever deletes: so nothing is moved behind the back of a deletion.

use uuid::Uuid;
use workflow_core::time::Timestamp;

use super::{Partition, Table, Tidied, partitions, transaction};
use crate::postgres::error::Trouble;
use crate::postgres::link::Link;
use crate::postgres::row::get;

/// Executions whose rows are moved in one transaction. A deletion may have to wait for it.
const PORTION: i64 = 32;
/// Rows without a partition that are looked at together.
const UNDATED_ROWS: i64 = 256;
/// Pages that are looked at to tell how much of a partition has to stay.
const PAGES_LOOKED_AT: i64 = 16;
/// And rows.
const ROWS_LOOKED_AT: i64 = 256;
const PAGE_BYTES: i64 = 8_192;

/// Lets go of the partitions that are over and of which most has been deleted, and clears what was let go, now or earlier.
pub(super) fn let_go(
    link: &Link,
    table: Table,
    now: Timestamp,
    tidied: &mut Tidied,
    goes_on: &dyn Fn() -> bool,
) -> Result<(), Trouble> {
    clear_all(link, table, tidied, goes_on)?;
    for partition in partitions(link, table)?.into_iter().filter(|partition| partition.is_over(now)) {
        if goes_on() && is_mostly_deleted(link, &partition)? {
            detach(link, table, &partition)?;
            clear_all(link, table, tidied, goes_on)?;
        }
    }
    Ok(())
}

/// Whether most of it was deleted, as far as its newest rows and some of its pages tell, and what is left is not about to be. What has
/// to stay is written once more, never again after that, and is no more than half: letting go costs less than what it frees.
fn is_mostly_deleted(link: &Link, partition: &Partition) -> Result<bool, Trouble> {
    let name = &partition.name;
    // What is kept for a time goes from the oldest on: where the newest rows are there, the others are about to go by themselves.
    let newest = format!(
        "SELECT count(*) AS looked_at, count(e.id) AS stay FROM (SELECT execution FROM {name} ORDER BY execution DESC LIMIT {ROWS_LOOKED_AT}) h \
         LEFT JOIN execution e ON e.id = h.execution"
    );
    let is_mostly = |sql: &str| -> Result<Option<bool>, Trouble> {
        let row = link.query_one(sql, &[])?;
        let (looked_at, stay): (i64, i64) = (get(&row, "looked_at")?, get(&row, "stay")?);
        Ok((looked_at > 0).then_some(stay * 2 <= looked_at))
    };
    match is_mostly(&newest)? {
        Some(false) => return Ok(false),
        Some(true) => {}
        // An empty one goes; but the one for whatever was started long ago waits for what a move may bring.
        None => return Ok(partition.from.is_some()),
    }
    let row = link.query_one(&format!("SELECT pg_relation_size('{name}') AS bytes"), &[])?;
    let pages = (get::<i64>(&row, "bytes")? / PAGE_BYTES).max(1);
    let percent = (PAGES_LOOKED_AT as f64 / pages as f64 * 100.0).min(100.0);
    let some = format!(
        "SELECT count(*) AS looked_at, count(e.id) AS stay FROM {name} h TABLESAMPLE SYSTEM ({percent}) \
         LEFT JOIN execution e ON e.id = h.execution"
    );
    Ok(is_mostly(&some)?.unwrap_or(false))
}

/// From here on nothing is written to it. Waits for commits that are under way, and they for it: for a moment, whatever is in it.
fn detach(link: &Link, table: Table, partition: &Partition) -> Result<(), Trouble> {
    let (from, name) = (table.name, &partition.name);
    transaction(link, || {
        link.script(&format!("ALTER TABLE {from}_dated DETACH PARTITION {name}"))?;
        link.script(&format!("ALTER TABLE {name} INHERIT {from}_kept"))
    })
}

/// Moves what has to stay out of each table that was let go, and drops it.
fn clear_all(link: &Link, table: Table, tidied: &mut Tidied, goes_on: &dyn Fn() -> bool) -> Result<(), Trouble> {
    let sql = format!(
        "SELECT quote_ident(c.relname) AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = '{}_kept'::regclass ORDER BY c.relname",
        table.name
    );
    for found in link.query(&sql, &[])? {
        let name: String = get(&found, "name")?;
        if clear(link, table, &name, tidied, goes_on)? {
            drop_cleared(link, &name)?;
            tidied.dropped.push(name);
        }
    }
    Ok(())
}

/// Moves what has to stay; false where it is broken off.
fn clear(link: &Link, table: Table, name: &str, tidied: &mut Tidied, goes_on: &dyn Fn() -> bool) -> Result<bool, Trouble> {
    let Some((first, last)) = ends(link, name)? else { return Ok(true) };
    let heads = "SELECT id FROM execution WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3 FOR KEY SHARE";
    let mut after = Uuid::from_u128(first.as_u128().saturating_sub(1));
    while goes_on() {
        let moved = transaction(link, || {
            let heads = ids(&link.query(heads, &[&after, &last, &PORTION])?, "id")?;
            let rows = transfer(link, table, name, &heads, &heads)?;
            Ok(heads.last().copied().map(|last| (last, rows)))
        })?;
        let Some((last, rows)) = moved else { return Ok(true) };
        after = last;
        tidied.moved += rows;
    }
    Ok(false)
}

/// The least and the greatest id in it.
fn ends(link: &Link, name: &str) -> Result<Option<(Uuid, Uuid)>, Trouble> {
    let end = |order: &str| -> Result<Option<Uuid>, Trouble> {
        let rows = link.query(&format!("SELECT execution FROM ONLY {name} ORDER BY execution {order} LIMIT 1"), &[])?;
        rows.first().map(|row| get(row, "execution")).transpose()
    };
    Ok(end("ASC")?.zip(end("DESC")?))
}

fn ids(rows: &[tokio_postgres::Row], column: &str) -> Result<Vec<Uuid>, Trouble> {
    rows.iter().map(|row| get(row, column)).collect()
}

/// Takes the rows of executions out of a table, and keeps those of some of them; how many.
fn transfer(link: &Link, table: Table, name: &str, out: &[Uuid], kept: &[Uuid]) -> Result<u64, Trouble> {
    if out.is_empty() {
        return Ok(0);
    }
    let Table { name: to, columns } = table;
    let sql = format!(
        "WITH taken AS (DELETE FROM ONLY {name} WHERE execution = ANY($1) RETURNING {columns}), \
         kept AS (INSERT INTO {to}_kept ({columns}) SELECT {columns} FROM taken WHERE execution = ANY($2) RETURNING 1) \
         SELECT count(*) AS rows FROM kept"
    );
    Ok(get::<i64>(&link.query_one(&sql, &[&out, &kept])?, "rows")?.unsigned_abs())
}

/// Nothing can have come to it since it was let go, so what is not found now is not there.
fn drop_cleared(link: &Link, name: &str) -> Result<(), Trouble> {
    if let Some((first, last)) = ends(link, name)? {
        let sql = format!(
            "SELECT id FROM execution e WHERE id >= $1 AND id <= $2 AND EXISTS (SELECT 1 FROM ONLY {name} h WHERE h.execution = e.id) \
             LIMIT 1"
        );
        if let Some(id) = ids(&link.query(&sql, &[&first, &last])?, "id")?.first() {
            return Err(Trouble::Corrupt(format!("`{name}` is to be dropped and still holds rows of {id}: it stays")));
        }
    }
    // Whoever reads as of a moment before the last of it was moved holds this lock, and would find it in neither place.
    transaction(link, || link.script(&format!("LOCK TABLE ONLY history_kept IN ACCESS EXCLUSIVE MODE; DROP TABLE {name}")))
}

/// What lies where ids without a partition go is kept, or, where its execution was deleted, is gone: so that place stays small, and
/// new partitions need not look at much.
pub(super) fn empty_undated(link: &Link, table: Table, tidied: &mut Tidied, goes_on: &dyn Fn() -> bool) -> Result<(), Trouble> {
    let name = format!("{}_undated", table.name);
    let found = format!("SELECT execution FROM ONLY {name} WHERE execution > $1 ORDER BY execution LIMIT $2");
    let heads = "SELECT id FROM execution WHERE id = ANY($1) ORDER BY id FOR KEY SHARE";
    let mut after = Uuid::nil();
    while goes_on() {
        let mut out = ids(&link.query(&found, &[&after, &UNDATED_ROWS])?, "execution")?;
        let Some(last) = out.last() else { return Ok(()) };
        after = *last;
        out.dedup();
        // One that is started now is not among them yet: its head row is committed with its history.
        tidied.moved += transaction(link, || {
            let heads = ids(&link.query(heads, &[&out])?, "id")?;
            transfer(link, table, &name, &out, &heads)
        })?;
    }
    Ok(())
}
