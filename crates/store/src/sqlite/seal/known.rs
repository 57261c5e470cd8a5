//! Which keys a file has been written with: the table `encryption_key`.
//!
//! Each has a proof there, an empty text that it encrypts, so that a key that is missing, or is another one of the same name, is
//! noticed when the file is opened and not when somebody reads an execution.

use rusqlite::{Connection, params};

use super::{Bound, Seals};
use crate::sqlite::error::Trouble;
use crate::sqlite::open::Refused;

/// Since when there is such a table.
pub(in crate::sqlite) const SINCE_SCHEMA: u32 = 5;

/// Expects every key that the file was written with to be given.
pub(in crate::sqlite) fn expect_given(connection: &Connection, seals: &Seals) -> Result<(), Refused> {
    for (id, proof) in written_with(connection)? {
        if seals.keys().cipher(&id).is_none() {
            return Err(Refused::Key(not_given(&id, seals)));
        }
        if seals.decrypted(&of(&id), &proof).is_err() {
            return Err(Refused::Key(format!(
                "the key that was given as `{id}` is not the one of that name that the file was written with"
            )));
        }
    }
    Ok(())
}

/// The same, and the file remembers the key that is written with from now on.
pub(in crate::sqlite) fn admit(connection: &Connection, seals: &Seals) -> Result<(), Refused> {
    expect_given(connection, seals)?;
    let Some((id, _)) = seals.keys().first() else { return Ok(()) };
    let proof = seals.encrypted(&of(id), "").expect("there is a key");
    connection.execute("INSERT INTO encryption_key (id, proof) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![id, proof])?;
    Ok(())
}

/// Only the key that is written with is left.
pub(in crate::sqlite) fn forget_others(connection: &Connection, seals: &Seals) -> Result<(), Trouble> {
    let (id, _) = seals.keys().first().expect("there is a key");
    connection.execute("DELETE FROM encryption_key WHERE id <> ?1", [id])?;
    Ok(())
}

fn written_with(connection: &Connection) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let mut statement = connection.prepare("SELECT id, proof FROM encryption_key ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn of(id: &str) -> Bound {
    Bound::to("encryption_key").text(id)
}

fn not_given(id: &str, seals: &Seals) -> String {
    let given: Vec<&str> = seals.keys().ids().collect();
    let found = match given.as_slice() {
        [] => "no key was given".to_owned(),
        given => format!("the keys that were given are `{}`", given.join("`, `")),
    };
    format!("it was written with the encryption key `{id}`, and {found}")
}
