//! Which keys a database has been written with, as for a file of SQLite: a key that is missing, or is another one of the same name,
//! is noticed when the database is opened and not when somebody reads an execution.

use super::error::{PostgresError, Trouble};
use super::link::Link;
use super::row::get;
use crate::seal::{Bound, Seals};

/// Expects every key that the database was written with to be given, and remembers the one that is written with from now on.
pub(super) fn admit(link: &Link, seals: &Seals, at: &str) -> Result<(), Trouble> {
    let refused = |reason: String| Trouble::from(PostgresError::Key { at: at.to_owned(), reason });
    for row in link.query("SELECT id, proof FROM encryption_key ORDER BY id", &[])? {
        let (id, proof): (String, Vec<u8>) = (get(&row, "id")?, get(&row, "proof")?);
        if seals.keys().cipher(&id).is_none() {
            let given: Vec<&str> = seals.keys().ids().collect();
            let given = match given.as_slice() {
                [] => "no key was given".to_owned(),
                given => format!("the keys that were given are `{}`", given.join("`, `")),
            };
            return Err(refused(format!("it was written with the encryption key `{id}`, and {given}")));
        }
        if seals.decrypted(&of(&id), &proof).is_err() {
            let what = "is not the one of that name that the database was written with";
            return Err(refused(format!("the key that was given as `{id}` {what}")));
        }
    }
    let Some((id, _)) = seals.keys().first() else { return Ok(()) };
    let proof = seals.encrypted(&of(id), "").expect("there is a key");
    link.query("INSERT INTO encryption_key (id, proof) VALUES ($1, $2) ON CONFLICT DO NOTHING", &[&id, &proof])?;
    Ok(())
}

fn of(id: &str) -> Bound {
    Bound::to("encryption_key").text(id)
}
