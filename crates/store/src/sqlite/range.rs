//! The one row of `range`: who writes, and up to where everything lies in `history`.

use rusqlite::{Connection, params};

use super::error::Trouble;
use super::seal::Bound;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub owner: String,
    /// One more with every opening.
    pub epoch: i64,
    /// The newest batch when `recent` was last emptied.
    pub batch: i64,
    pub ahead: Ahead,
}

/// How far the time in an id lies before `started_at`, least and most.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Ahead {
    pub min: i64,
    pub max: i64,
}

impl Range {
    pub fn read(connection: &Connection) -> Result<Range, Trouble> {
        let sql = "SELECT owner, epoch, batch, ahead_min, ahead_max, seal FROM range";
        let (range, seal): (Range, Option<i32>) = connection.prepare_cached(sql)?.query_row([], |row| {
            let ahead = Ahead { min: row.get(3)?, max: row.get(4)? };
            Ok((Range { owner: row.get(0)?, epoch: row.get(1)?, batch: row.get(2)?, ahead }, row.get(5)?))
        })?;
        match seal {
            Some(seal) if seal != range.sum() => {
                Err(Trouble::Corrupt("the row of `range` is not what was written: its checksum differs".to_owned()))
            }
            _ => Ok(range),
        }
    }

    /// One statement, so that a crash leaves the row as it was or as it is to be.
    pub fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE range SET owner = ?1, epoch = ?2, batch = ?3, ahead_min = ?4, ahead_max = ?5, seal = ?6";
        let values = params![self.owner, self.epoch, self.batch, self.ahead.min, self.ahead.max, self.sum()];
        connection.prepare_cached(sql)?.execute(values).map(drop)
    }

    fn sum(&self) -> i32 {
        let bound = Bound::to("range").number(self.epoch).number(self.batch).number(self.ahead.min).number(self.ahead.max);
        bound.sum(&self.owner)
    }
}
