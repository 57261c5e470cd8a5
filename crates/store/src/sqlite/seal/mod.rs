//! Seals in the columns of SQLite; what a seal is stands in [`crate::seal`].

pub(super) mod bound;
pub(super) mod known;

use std::borrow::Cow;
use std::ops::Deref;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row};

use super::error::Trouble;
use crate::seal::Found;
pub(super) use crate::seal::{Bound, HIDDEN, HIDDEN_EVENTS, HIDDEN_WORDS, Seal, Seals, beginning, key_and_rest};

/// A connection, with what opens the seals that are read through it.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub connection: &'a Connection,
    pub seals: &'a Seals,
}

impl Deref for View<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl ToSql for Seal {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Seal::Sum(sum) => ToSqlOutput::Owned(Value::Integer((*sum).into())),
            Seal::Encrypted(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

impl Seals {
    pub(super) fn view<'a>(&'a self, connection: &'a Connection) -> View<'a> {
        View { connection, seals: self }
    }

    /// The text as it was written.
    pub(super) fn open<'a>(&self, bound: &Bound, text: &'a str, seal: ValueRef<'_>) -> Result<Cow<'a, str>, Trouble> {
        let found = match seal {
            ValueRef::Null => Found::None,
            ValueRef::Integer(sum) => Found::Sum(sum),
            ValueRef::Blob(seal) => Found::Encrypted(seal),
            ValueRef::Text(_) | ValueRef::Real(_) => {
                return Err(Trouble::Corrupt("its seal is neither a number nor bytes".to_owned()));
            }
        };
        self.opened(bound, text, found).map_err(Trouble::Corrupt)
    }

    /// The same, of a row.
    pub(super) fn open_column<'a>(
        &self,
        bound: &Bound,
        row: &'a Row<'_>,
        text: usize,
        seal: usize,
    ) -> Result<Cow<'a, str>, Trouble> {
        let name = |error: &dyn std::fmt::Display| {
            Trouble::Corrupt(format!("column `{}`: {error}", row.as_ref().column_name(text).unwrap_or("?")))
        };
        let plain = row.get_ref(text)?.as_str().map_err(|error| name(&error))?;
        self.open(bound, plain, row.get_ref(seal)?).map_err(|trouble| match trouble {
            Trouble::Corrupt(what) => name(&what),
            other => other,
        })
    }
}
