//! Where a database is, as people write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Keys, Memory, OpenError, Options, Sqlite, Store};

/// One of the stores, named by a file, an address of PostgreSQL, or `:memory:`.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// Forgotten at the end.
    Memory,
    /// SQLite.
    File(PathBuf),
    /// A URL that begins with `postgres://` or `postgresql://`.
    Postgres(String),
}

/// Why what a location names could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    #[error(transparent)]
    File(#[from] OpenError),
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] crate::PostgresError),
    /// The program can open files only.
    #[error("{location} is in PostgreSQL, and this program was built without it: build it with the feature `postgres`")]
    NotBuilt { location: Location },
}

impl Location {
    /// Opens it as it is right for nearly everyone; this may wait for a predecessor to let go. `keys` encrypt what a file or a database
    /// holds.
    pub fn open(&self, keys: Keys) -> Result<Arc<dyn Store>, LocationError> {
        Ok(match self {
            Location::Memory => Arc::new(Memory::new()),
            Location::File(path) => Arc::new(Sqlite::open(path, Options { keys, ..Options::default() })?),
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                let options = crate::PostgresOptions { keys, ..crate::PostgresOptions::default() };
                Arc::new(crate::Postgres::open(url, options)?)
            }
            #[cfg(not(feature = "postgres"))]
            Location::Postgres(_) => return Err(LocationError::NotBuilt { location: self.clone() }),
        })
    }

    pub fn parse(written: impl AsRef<Path>) -> Location {
        let written = written.as_ref();
        match written.to_str() {
            Some(":memory:") => Location::Memory,
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Location::Postgres(url.to_owned()),
            _ => Location::File(written.to_owned()),
        }
    }
}

/// Without user and password: this ends up in logs.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Memory => f.write_str(":memory:"),
            Location::File(path) => path.display().fmt(f),
            Location::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
                write!(f, "postgres://{}", rest.rsplit_once('@').map_or(rest, |(_, rest)| rest))
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_says_which_store() {
        assert_eq!(Location::parse(":memory:"), Location::Memory);
        assert_eq!(Location::parse("postgres.db"), Location::File("postgres.db".into()));
        let url = "postgresql://shop:p@ss@db.example:6432/orders?sslmode=require";
        assert_eq!(Location::parse(url), Location::Postgres(url.to_owned()));
        assert_eq!(Location::parse(url).to_string(), "postgres://db.example:6432/orders");
        assert!(!format!("{:?}", Location::parse(url)).contains("p@ss"));
    }
}
