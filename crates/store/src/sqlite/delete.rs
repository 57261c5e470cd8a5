//! Deletes an execution, with every row that is its own.
//!
//! What was free before is used again by what is written next: the file does not shrink, it stops growing. An execution's key may be
//! given again once the file was opened anew, so nothing of it may stay but entries of `recent`, which name it by its key: whoever
//! reads that table leaves out those of keys that are not there, and keys are counted on from those too.

use rusqlite::OptionalExtension;
use workflow_core::id::{ExecutionId, Version};
use workflow_core::status::Status;

use super::commit::Commit;
use super::error::Trouble;
use super::row::{self, FailureOf, SEQ_MAX, place};
use super::writing;
use crate::{Deletable, Deletion};

/// Rows in these tables are those whose `place` is the execution's.
const BY_PLACE: [&str; 2] =
    ["DELETE FROM history WHERE place BETWEEN ?1 AND ?2", "DELETE FROM payload WHERE place BETWEEN ?1 AND ?2"];
/// And in these, those that have its key.
const BY_KEY: [&str; 3] = [
    "DELETE FROM snapshot WHERE execution = ?1",
    "DELETE FROM parked WHERE execution = ?1",
    "DELETE FROM execution WHERE key = ?1",
];

impl Commit<'_> {
    pub(super) fn delete(&mut self, deletion: &Deletion) -> Result<(), Trouble> {
        let id = deletion.id;
        let sql = "SELECT key, workflow, status, completed_at, version, failure, retrying FROM execution WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([id.to_bytes()])?;
        let Some(found) = rows.next()? else { return Ok(()) };
        let (key, workflow): (i64, i64) = (found.get(0)?, found.get(1)?);
        // One that cannot be read is damaged: it is meant by whoever wants it gone anyhow, and is in no counter.
        let status: Option<Status> = row::text(found, 2, str::parse).ok();
        let completed_at = row::optional_time(found, 3).unwrap_or_default();
        let (version, failure) = (Version(found.get(4)?), found.get::<_, Option<i64>>(5)?);
        let retrying = found.get::<_, Option<bool>>(6)?.unwrap_or_default();
        drop(rows);
        let is_meant = match (deletion.which, status) {
            (which, Some(status)) => which.means(status, completed_at),
            (Deletable::Anyhow, None) => true,
            (Deletable::EndedUntil(_), None) => false,
        };
        if !is_meant {
            return Ok(());
        }
        for sql in BY_PLACE {
            self.connection.prepare_cached(sql)?.execute([place(key, 0), place(key, SEQ_MAX)])?;
        }
        for sql in BY_KEY {
            self.connection.prepare_cached(sql)?.execute([key])?;
        }
        if let Some(status) = status {
            *self.counts.entry((workflow, version, status)).or_default() -= 1;
        }
        if let Some(failure) = failure {
            *self.failures.entry(FailureOf { failure, workflow, version, retrying }).or_default() -= 1;
        }
        self.memory.executions.remove(&id);
        writing(self.recent).remove(id);
        self.release_claim(id)
    }

    /// The claim that started this one, when it has started no other that is there. Those of one claim are neighbours by id, so it is
    /// the last in the order of its texts that is not beyond this one.
    fn release_claim(&self, id: ExecutionId) -> Result<(), Trouble> {
        let sql = "SELECT kind, scope, key, executions FROM claim WHERE executions < ?1 ORDER BY executions DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        // Such a text is `["exec_...",...]`, and `#` comes after `"`.
        let mut rows = statement.query([format!("[\"{id}#")])?;
        let Some(claim) = rows.next()? else { return Ok(()) };
        let started: Vec<ExecutionId> = row::text(claim, 3, |text| serde_json::from_str(text))?;
        if !started.contains(&id) {
            return Ok(());
        }
        for other in started {
            if self.is_there(other)? {
                return Ok(());
            }
        }
        let names: [String; 3] = [claim.get(0)?, claim.get(1)?, claim.get(2)?];
        drop(rows);
        self.connection.prepare_cached("DELETE FROM claim WHERE kind = ?1 AND scope = ?2 AND key = ?3")?.execute(names)?;
        Ok(())
    }

    fn is_there(&self, id: ExecutionId) -> Result<bool, Trouble> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM execution WHERE id = ?1")?;
        Ok(statement.query_row([id.to_bytes()], |_| Ok(())).optional()?.is_some())
    }
}
