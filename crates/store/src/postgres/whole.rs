//! What only a copy of everything asks for.

use tokio_postgres::Row;
use uuid::Uuid;
use workflow_core::id::{ActionName, ExecutionId};

use super::Postgres;
use super::error::Trouble;
use super::link::Link;
use super::row::{self, get, stored};
use crate::{Claimed, Fault, Whole};

impl Whole for Postgres {
    fn document_kind_after(&self, kind: &str) -> Result<Option<String>, Fault> {
        self.read("read the kinds of documents", |link| {
            let row = link.query_one("SELECT min(kind) AS kind FROM document WHERE kind > $1", &[&stored(kind)])?;
            row::optional_text(&row, "kind")
        })
    }

    fn wanted_by(&self, ids: &[ExecutionId]) -> Result<Vec<(ExecutionId, ActionName)>, Fault> {
        self.read("read what executions want", |link| {
            let rows = link.query("SELECT execution, action FROM parked WHERE execution = ANY($1)", &[&row::uuids(ids)])?;
            rows.iter().map(|row| Ok((row::id(get(row, "execution")?), row::named(row, "action", ActionName::new)?))).collect()
        })
    }

    fn claims_of(&self, ids: &[ExecutionId]) -> Result<Vec<Claimed>, Fault> {
        self.read("read the claims of executions", |link| claims_of(link, ids))
    }

    fn claims_after(&self, after: Option<&Claimed>, limit: usize) -> Result<Vec<Claimed>, Fault> {
        self.read("read claims", |link| {
            let sql = "SELECT kind, scope, key, executions FROM claim WHERE (kind, scope, key) > ($1, $2, $3) \
                ORDER BY kind, scope, key LIMIT $4";
            let (kind, scope, key) =
                after.map_or(("", "", ""), |claim| (row::kind(claim.kind), claim.scope.as_str(), claim.key.as_str()));
            let rows = link.query(sql, &[&kind, &stored(scope), &stored(key), &row::rows(limit)])?;
            rows.iter().map(claimed).collect()
        })
    }
}

fn claims_of(link: &Link, ids: &[ExecutionId]) -> Result<Vec<Claimed>, Trouble> {
    let sql = "SELECT c.kind, c.scope, c.key, c.executions FROM execution e \
        JOIN claim c ON c.kind = e.claim_kind AND c.scope = e.claim_scope AND c.key = e.claim_key \
        WHERE e.id = ANY($1)";
    let rows = link.query(sql, &[&row::uuids(ids)])?;
    let mut claims = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
    claims.sort();
    claims.dedup();
    Ok(claims)
}

fn claimed(row: &Row) -> Result<Claimed, Trouble> {
    Ok(Claimed {
        kind: row::named(row, "kind", row::kind_of)?,
        scope: row::text(row, "scope")?,
        key: row::text(row, "key")?,
        executions: get::<Vec<Uuid>>(row, "executions")?.into_iter().map(row::id).collect(),
    })
}
