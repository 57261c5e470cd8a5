//! How fast SQLite commits, as our store opens it: one row a commit, and rows in large transactions.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use rusqlite::{Connection, params};

use super::{repeat, with_database};

/// As in `crates/store/src/sqlite/open.rs`.
const PAGE_BYTES: u32 = 16 << 10;
const CACHE_BYTES: u32 = 64 << 20;
const LOG_BYTES: u32 = 64 << 20;
/// Of a large transaction.
const ROWS: usize = 5_000;
/// A transition of an order takes about so much.
const ROW: [u8; 150] = [b'x'; 150];

pub fn measure(folder: &Path, wanted: Duration) -> Result<()> {
    for rows in [1, ROWS] {
        with_database(folder, |file| {
            let connection = open(file, PAGE_BYTES)?;
            connection.execute_batch("CREATE TABLE history (place INTEGER PRIMARY KEY, events BLOB NOT NULL)")?;
            let mut insert = connection.prepare("INSERT INTO history (events) VALUES (?1)")?;
            let measured = repeat(wanted, || {
                connection.execute_batch("BEGIN IMMEDIATE")?;
                for _ in 0..rows {
                    insert.execute(params![ROW])?;
                }
                Ok(connection.execute_batch("COMMIT")?)
            })?;
            let mut record = measured.record("sqlite", rows as f64);
            record.version = Some(format!("SQLite {}", rusqlite::version()));
            record.durability = Some("WAL, synchronous=FULL".to_owned());
            record.note = Some(if rows == 1 { "commits of one row".to_owned() } else { format!("rows, {rows} a transaction") });
            record.with("rows_a_commit", rows as f64).print()
        })?;
    }
    Ok(())
}

/// With the settings of our store, but that a checkpoint is made by who commits.
pub fn open(file: &Path, page_bytes: u32) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "page_size", page_bytes)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    ensure!(mode == "wal", "expected a write-ahead log, found journal mode `{mode}`");
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -i64::from(CACHE_BYTES >> 10))?;
    connection.query_row(&format!("PRAGMA wal_autocheckpoint = {}", LOG_BYTES / page_bytes), [], |_| Ok(()))?;
    Ok(connection)
}
