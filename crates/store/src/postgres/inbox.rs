//! What engines ask of each other, and who they are.

use super::error::Trouble;
use super::link::Link;
use super::member::of_slots;
use super::row::{self, get, stored};
use crate::{Asked, Member, Ranges};
use workflow_core::id::ExecutionId;
use workflow_core::json::Json;

/// Answers that nobody has taken for so long belong to a question whose asker has died. Looked for whenever something is asked.
const ASK: &str = "WITH old AS (DELETE FROM inbox WHERE seq = ANY(ARRAY(SELECT seq FROM inbox ORDER BY seq LIMIT 16)) AND answer IS NOT NULL \
    AND asked_at < clock_timestamp() - INTERVAL '10 minutes'), \
    told AS (SELECT pg_notify('workflow:' || current_schema(), 'asked')) \
    INSERT INTO inbox (execution, slot, command, asked_at) SELECT $1, $2, $3, clock_timestamp() FROM told RETURNING seq";

pub(super) fn ask(link: &Link, execution: ExecutionId, command: &Json) -> Result<u64, Trouble> {
    let slot = i32::from(execution.slot().number());
    let row = link.query_one(ASK, &[&row::uuid(execution), &slot, &stored(command.text())])?;
    Ok(get::<i64>(&row, "seq")?.cast_unsigned())
}

pub(super) fn asked(link: &Link, owned: Ranges, after: u64, limit: usize) -> Result<Vec<Asked>, Trouble> {
    let sql = "SELECT seq, execution, command FROM inbox WHERE seq > $1 AND answer IS NULL AND (slot >> 6) = ANY($2::int4[]) \
        ORDER BY seq LIMIT $3";
    let rows = link.query(sql, &[&after.cast_signed(), &row::ranges(owned), &row::rows(limit)])?;
    let asked = |row: &tokio_postgres::Row| {
        let seq = get::<i64>(row, "seq")?.cast_unsigned();
        Ok(Asked { seq, execution: row::id(get(row, "execution")?), command: json(row, "command")? })
    };
    rows.iter().map(asked).collect()
}

pub(super) fn take_answer(link: &Link, seq: u64) -> Result<Option<Json>, Trouble> {
    let sql = "DELETE FROM inbox WHERE seq = $1 AND answer IS NOT NULL RETURNING answer";
    link.query(sql, &[&seq.cast_signed()])?.first().map(|row| json(row, "answer")).transpose()
}

fn json(row: &tokio_postgres::Row, column: &str) -> Result<Json, Trouble> {
    let text = row::text(row, column)?;
    Json::parse(&text).map_err(|error| Trouble::Corrupt(format!("column `{column}`: {error}")))
}

pub(super) fn members(link: &Link, own: &str) -> Result<Vec<Member>, Trouble> {
    let sql = "SELECT e.id, e.name, e.url, e.batch, (extract(epoch FROM e.joined_at) * 1000)::int8 AS joined_at, \
        e.lease_until <= clock_timestamp() AS lapsed, ARRAY(SELECT slot_from FROM range r WHERE r.owner = e.id) AS slots \
        FROM engine e ORDER BY e.id";
    let member = |row: &tokio_postgres::Row| {
        let id: String = get(row, "id")?;
        Ok(Member {
            is_self: id == own,
            name: get(row, "name")?,
            url: get(row, "url")?,
            joined_at: row::time(row, "joined_at")?,
            ranges: of_slots(get(row, "slots")?),
            batch: get::<i64>(row, "batch")?.cast_unsigned(),
            lapsed: get(row, "lapsed")?,
            id,
        })
    };
    link.query(sql, &[])?.iter().map(member).collect()
}

pub(super) fn catalog(link: &Link) -> Result<u64, Trouble> {
    let row = link.query_one("SELECT number FROM cluster WHERE name = 'catalog'", &[])?;
    Ok(get::<i64>(&row, "number")?.cast_unsigned())
}
