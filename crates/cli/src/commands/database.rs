//! Databases that commands open themselves, without a server.

use std::path::Path;
use std::time::Duration;

use workflow_store::{Keys, Location, OpenError, Options, Postgres, PostgresError, PostgresOptions, Sqlite, Whole};

use crate::error::Error;
use crate::program;

/// A database that belongs to this process while it is open.
pub enum Database {
    File(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

/// Why it does not.
pub enum Refused {
    /// A server has it, or another command.
    InUse(String),
    Other(String),
}

impl Database {
    /// Opens it; a file that is not there is made. `:memory:` is none that a command could open.
    pub fn open(location: &Location, keys: Keys) -> Result<Database, Refused> {
        match location {
            Location::Memory => Err(Refused::Other("a database in memory is gone when the command ends".to_owned())),
            Location::File(path) => match Sqlite::open(path, Options { keys, ..Options::default() }) {
                Ok(store) => Ok(Database::File(Box::new(store))),
                Err(OpenError::InUse { holder, .. }) => {
                    let holder = holder.map_or("another process".to_owned(), |holder| holder.to_string());
                    Err(Refused::InUse(format!("{location} is in use by {holder}")))
                }
                Err(error) => Err(Refused::Other(error.to_string())),
            },
            Location::Postgres(url) => {
                // Whoever types a command wants to know at once that a server has it.
                let options = PostgresOptions { keys, alone: true, wait: Duration::ZERO, ..PostgresOptions::default() };
                match Postgres::open(url, options) {
                    Ok(store) => Ok(Database::Postgres(Box::new(store))),
                    Err(error @ PostgresError::InUse { .. }) => Err(Refused::InUse(error.to_string())),
                    Err(error) => Err(Refused::Other(error.to_string())),
                }
            }
        }
    }

    pub fn store(&self) -> &dyn Whole {
        match self {
            Database::File(store) => store.as_ref(),
            Database::Postgres(store) => store.as_ref(),
        }
    }

    /// What a person does so that nothing is in it any more.
    pub fn emptied(&self, location: &Location) -> String {
        match self {
            Database::File(_) => format!("delete it (`rm {location} {location}-wal {location}-shm`)"),
            Database::Postgres(store) => format!("empty it (`DROP SCHEMA \"{}\" CASCADE` in `psql`)", store.schema()),
        }
    }
}

/// That a command which works on the file itself was given a file; `instead` is what to do with PostgreSQL.
pub fn expect_file(path: &Path, command: &str, instead: &str) -> Result<(), Error> {
    match Location::parse(path) {
        location @ Location::Postgres(_) => {
            let command = program::command(command);
            Err(Error::usage(format!("`{command}` works on a SQLite file, and {location} is PostgreSQL: {instead}")))
        }
        Location::File(_) | Location::Memory => Ok(()),
    }
}
