//! Histories and payloads in partitions by the id of their execution, which is by when it was started, so that what retention has
//! deleted goes by dropping a table.
//!
//! Where a row lies decides nothing. `history` and `payload` are views over the dated partitions and a table of what is kept; what is
//! written goes to the partition of its id, or to the one for all other ids. So nothing here depends on a clock that is right: a
//! partition that was not made in time, a late row of a day that is gone, an engine that dies in the middle, all cost work and lose
//! nothing. The one rule: a table is dropped only when no row can come to it any more and no row in it has a head row.
//!
//! A round makes partitions ahead ([`ahead`]), empties the one for ids without a partition, and lets go of those that are over
//! ([`release`]); it is done once an hour ([`rounds`]), by one engine at a time. Decision 0022.

mod ahead;
mod release;
mod rounds;

use tokio_postgres::error::SqlState;
use uuid::Uuid;
use workflow_core::time::Timestamp;

use super::error::Trouble;
use super::link::Link;
use super::row::get;
pub(super) use rounds::Rounds;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// Of the advisory lock that whoever changes partitions holds, beside a hash of the schema.
const TIDYING: i32 = 0x776b_7064;

/// Whoever waits for a lock on a table keeps everybody behind it waiting: not longer than a commit takes on a bad day.
const LOCK_WITHIN: &str = "SET LOCAL lock_timeout = '200ms'";

/// What a round has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Partitions that were made ahead, by name.
    pub made: Vec<String>,
    /// Partitions that were dropped.
    pub dropped: Vec<String>,
    /// Rows that were moved to where they are kept.
    pub moved: u64,
    /// Something was in use, or another engine is at it: there is more to do.
    pub unfinished: bool,
}

/// What is partitioned: `NAME_dated` has the partitions, `NAME_undated` among them, beside it lies `NAME_kept`.
#[derive(Debug, Clone, Copy)]
struct Table {
    name: &'static str,
    columns: &'static str,
}

const TABLES: [Table; 2] = [
    Table { name: "history", columns: "execution, seq, at, form, events, seal" },
    Table { name: "payload", columns: "execution, seq, json, seal" },
];

/// A partition with a range of ids.
#[derive(Debug, Clone, PartialEq)]
struct Partition {
    /// As SQL has it.
    name: String,
    /// None: ids of any time before its end.
    from: Option<Timestamp>,
    to: Timestamp,
}

impl Partition {
    fn is_over(&self, now: Timestamp) -> bool {
        self.to <= now
    }
}

/// Those of a table, the oldest first.
fn partitions(link: &Link, table: Table) -> Result<Vec<Partition>, Trouble> {
    let sql = format!(
        "SELECT quote_ident(name) AS name, substring(bound FROM 'FROM \\(''([0-9a-f-]+)''\\)')::uuid AS above, \
         substring(bound FROM 'TO \\(''([0-9a-f-]+)''\\)')::uuid AS below \
         FROM (SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i \
             JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '{}_dated'::regclass) p",
        table.name
    );
    let mut found = Vec::new();
    for row in link.query(&sql, &[])? {
        let (from, to) = (get::<Option<Uuid>>(&row, "above")?, get::<Option<Uuid>>(&row, "below")?);
        // The one for all other ids has neither.
        if let Some(to) = to {
            found.push(Partition { name: get(&row, "name")?, from: from.map(time_of), to: time_of(to) });
        }
    }
    found.sort_by_key(|partition| partition.to);
    Ok(found)
}

/// When the first execution was started that has this id or a later one.
fn time_of(id: Uuid) -> Timestamp {
    Timestamp::from_millis((id.as_u128() >> 80) as i64)
}

/// What the database's clock says.
fn now(link: &Link) -> Result<Timestamp, Trouble> {
    let row = link.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now", &[])?;
    Ok(Timestamp::from_millis(get(&row, "now")?))
}

/// Does something that only one engine at a time does; not if another one is at it.
fn alone<T>(link: &Link, work: impl FnOnce() -> Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    let sql = format!("SELECT pg_try_advisory_lock({TIDYING}, hashtext(current_schema())) AS alone");
    if !get::<bool>(&link.query_one(&sql, &[])?, "alone")? {
        return Ok(None);
    }
    let done = work();
    // With the connection it goes by itself.
    if !link.is_closed() {
        link.query(&format!("SELECT pg_advisory_unlock({TIDYING}, hashtext(current_schema()))"), &[])?;
    }
    done.map(Some)
}

/// All that `work` does, or nothing of it.
fn transaction<T>(link: &Link, work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    link.script(&format!("BEGIN ISOLATION LEVEL READ COMMITTED; {LOCK_WITHIN}"))?;
    let done = work().and_then(|done| link.script("COMMIT").map(|()| done));
    if let Err(trouble) = &done
        && !trouble.breaks_connection()
    {
        link.script("ROLLBACK")?;
    }
    done
}

/// Whether somebody else uses what was to be changed.
fn is_busy(trouble: &Trouble) -> bool {
    [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED].iter().any(|state| trouble.is(state))
}

/// What a database needs before an engine works on it: partitions for what will be started. That they cannot be made stops nobody.
pub(super) fn prepare(link: &Link) {
    let prepared = alone(link, || {
        forget_without_heads(link)?;
        let now = now(link)?;
        TABLES.iter().try_for_each(|table| ahead::make(link, *table, now, &mut Tidied::default()))
    });
    if let Err(trouble) = prepared {
        let fault = trouble.during("make partitions");
        tracing::warn!(%fault, "partitions are made later; what is started until then goes to the one for all other ids");
    }
}

/// Where there is no execution at all, ids may be given again that were given before, as by a move to where they came from. So nothing
/// of those that were deleted may be left.
fn forget_without_heads(link: &Link) -> Result<(), Trouble> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM execution) AND (EXISTS (SELECT 1 FROM history) OR EXISTS (SELECT 1 FROM payload)) AS left";
    if !get::<bool>(&link.query_one(sql, &[])?, "left")? {
        return Ok(());
    }
    transaction(link, || {
        // Nobody starts one meanwhile.
        link.script("LOCK TABLE execution IN SHARE MODE")?;
        if get::<bool>(&link.query_one(sql, &[])?, "left")? {
            link.script("TRUNCATE history_dated, history_kept, payload_dated, payload_kept")?;
        }
        Ok(())
    })
}

/// One round, as at this time. Between any two of its steps it may be broken off: the next one goes on. `goes_on` is asked before each
/// step that takes long.
fn tidy(link: &Link, now: Timestamp, goes_on: &dyn Fn() -> bool) -> Result<Tidied, Trouble> {
    let round = || {
        let mut tidied = Tidied::default();
        for table in TABLES {
            let mut steps = || {
                release::empty_undated(link, table, &mut tidied, goes_on)?;
                ahead::make(link, table, now, &mut tidied)?;
                release::let_go(link, table, now, &mut tidied, goes_on)
            };
            match steps() {
                Err(trouble) if is_busy(&trouble) => tidied.unfinished = true,
                done => done?,
            }
        }
        tidied.unfinished |= !goes_on();
        Ok(tidied)
    };
    Ok(alone(link, round)?.unwrap_or(Tidied { unfinished: true, ..Tidied::default() }))
}
