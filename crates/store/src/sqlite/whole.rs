//! What only a copy of everything asks for.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};
use workflow_core::id::{ActionName, ExecutionId};

use super::Sqlite;
use super::error::Trouble;
use super::row::{self, text};
use crate::{Claimed, Fault, Whole};

const CLAIM: &str = "SELECT kind, scope, key, executions FROM claim";

impl Whole for Sqlite {
    fn document_kind_after(&self, kind: &str) -> Result<Option<String>, Fault> {
        self.read("read the kinds of documents", |view| {
            let mut statement = view.prepare_cached("SELECT min(kind) FROM document WHERE kind > ?1")?;
            Ok(statement.query_row([kind], |row| row.get(0))?)
        })
    }

    fn wanted_by(&self, ids: &[ExecutionId]) -> Result<Vec<(ExecutionId, ActionName)>, Fault> {
        self.read("read what executions want", |view| {
            let sql = "SELECT p.action FROM execution e JOIN parked p ON p.execution = e.key WHERE e.id = ?1";
            let mut statement = view.prepare_cached(sql)?;
            let mut wanted = Vec::new();
            for id in ids {
                let mut rows = statement.query([id.to_bytes()])?;
                while let Some(row) = rows.next()? {
                    wanted.push((*id, text(row, 0, ActionName::new)?));
                }
            }
            Ok(wanted)
        })
    }

    fn claims_of(&self, ids: &[ExecutionId]) -> Result<Vec<Claimed>, Fault> {
        self.read("read the claims of executions", |view| {
            // As when one is deleted: those of one claim are neighbours by id.
            let mut of_text = view.prepare_cached(&format!("{CLAIM} WHERE executions < ?1 ORDER BY executions DESC LIMIT 1"))?;
            let mut there = view.prepare_cached("SELECT 1 FROM execution WHERE id = ?1")?;
            let mut claims = BTreeSet::new();
            for id in ids {
                let mut rows = of_text.query([format!("[\"{id}#")])?;
                let Some(claim) = rows.next()?.map(claimed).transpose()? else { continue };
                if claim.executions.contains(id) && there.query_row([id.to_bytes()], |_| Ok(())).optional()?.is_some() {
                    claims.insert(claim);
                }
            }
            Ok(claims.into_iter().collect())
        })
    }

    fn claims_after(&self, after: Option<&Claimed>, limit: usize) -> Result<Vec<Claimed>, Fault> {
        self.read("read claims", |view| {
            let sql = format!("{CLAIM} WHERE (kind, scope, key) > (?1, ?2, ?3) ORDER BY kind, scope, key LIMIT ?4");
            let mut statement = view.prepare_cached(&sql)?;
            let (kind, scope, key) =
                after.map_or(("", "", ""), |claim| (row::kind(claim.kind), claim.scope.as_str(), claim.key.as_str()));
            let mut rows = statement.query(params![kind, scope, key, row::rows(limit)])?;
            let mut claims = Vec::new();
            while let Some(row) = rows.next()? {
                claims.push(claimed(row)?);
            }
            Ok(claims)
        })
    }
}

/// A row of [`CLAIM`].
fn claimed(row: &Row<'_>) -> Result<Claimed, Trouble> {
    Ok(Claimed {
        kind: text(row, 0, row::kind_of)?,
        scope: row.get(1)?,
        key: row.get(2)?,
        executions: text(row, 3, |text| serde_json::from_str(text))?,
    })
}
