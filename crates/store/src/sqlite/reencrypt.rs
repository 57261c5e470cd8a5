//! Everything in a file is encrypted with the first key: what is plain text, and what was encrypted with another.
//!
//! Rows are rewritten in small transactions, so that it can break off anywhere and be run again: what is done is known by its seal.
//! In the end the file is written anew, since pages that are free may hold what was on them.

use std::path::Path;

use rusqlite::{OptionalExtension, Row, params};
use workflow_core::id::ExecutionId;

use super::error::{OpenError, Trouble};
use super::open::Refused;
use super::row::{self, HeadRow, SEQ_BITS, seq_of, time};
use super::seal::{HIDDEN, HIDDEN_EVENTS, Seals, View, beginning, bound, known};
use super::{Options, Sqlite, checkpoint, lock, read, usable, writing};
use crate::{Fault, FaultKind, Snapshot};

/// What a row counts for besides its text: it touches a page.
const ROW_BYTES: usize = 1 << 10;
/// Written in one transaction, about.
const COMMIT_BYTES: usize = 8 << 20;

/// What became of the texts of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reencrypted {
    /// Rows that were rewritten.
    pub rewritten: u64,
    /// Rows that cannot be read, and stay as they are, with what is wrong with the first ones.
    pub unreadable: u64,
    pub reasons: Vec<String>,
}

/// How many of the reasons are kept.
const REASONS_MAX: usize = 20;

/// Encrypts everything in the file at `path` with the first of the keys; the others are read with.
///
/// Nobody may have the file open. A crash in the middle leaves a file that opens with the same keys, and the rest is done by calling
/// it again. Once it has returned, and nothing was unreadable, the other keys are not needed any more. It needs as much room beside
/// the file as the file has.
pub fn reencrypt(path: impl AsRef<Path>, options: Options) -> Result<Reencrypted, OpenError> {
    let path = super::inspect::existing(path.as_ref())?;
    if options.keys.is_empty() {
        return Err(Refused::Key("a key to encrypt with was expected, and none was given".to_owned()).at(&path));
    }
    // It takes an older schema to the newest, and `recent` is empty then.
    let store = Sqlite::open(&path, options)?;
    if let Some(handles) = writing(&store.handles).as_mut() {
        // It waits for the writer now and then, who is kept here: the log is emptied by whoever fills it.
        handles.checkpointer = None;
    }
    let handles = store.handles();
    let failed = |fault: Fault| match fault.kind {
        FaultKind::Corrupt => OpenError::Damaged { path: path.clone(), reason: fault.message },
        _ => OpenError::Other { path: path.clone(), reason: fault.message },
    };
    let handles = usable(handles.as_ref(), "encrypt").map_err(failed)?;
    let writer = lock(&handles.writer);
    let view = writer.view();
    let mut rewriting = Rewriting { view, done: Reencrypted::default(), written: 0 };
    rewriting.everything().and_then(|()| finish(view, &rewriting.done)).map_err(|trouble| failed(trouble.during("encrypt")))?;
    Ok(rewriting.done)
}

/// The file anew, without what was on pages that are free, and its log empty.
fn finish(view: View<'_>, done: &Reencrypted) -> Result<(), Trouble> {
    // Beside the file and not in memory: it is as large.
    view.execute_batch("PRAGMA temp_store = file; VACUUM; PRAGMA temp_store = memory")?;
    if !checkpoint::empty_log(&view)? {
        return Err(
            Fault::new(FaultKind::Unavailable, "encrypt", "another program reads the file: end it, and run this again").into()
        );
    }
    if done.unreadable == 0 {
        known::forget_others(&view, view.seals)?;
        checkpoint::empty_log(&view)?;
    }
    Ok(())
}

struct Rewriting<'a> {
    view: View<'a>,
    done: Reencrypted,
    /// Bytes since the last commit.
    written: usize,
}

impl<'a> Rewriting<'a> {
    fn everything(&mut self) -> Result<(), Trouble> {
        self.by_number("history", "place", "h.place, e.id, h.at, h.form, h.events, h.seal", SEQ_BITS, Rewriting::events)?;
        self.by_number("payload", "place", "h.place, e.id, h.json, h.seal", SEQ_BITS, Rewriting::payload)?;
        self.by_number("snapshot", "execution", "h.execution, e.id, h.seq, h.codec, h.body, h.seal", 0, Rewriting::snapshot)?;
        self.heads()?;
        self.claims()?;
        self.documents()?;
        self.definitions_and_endpoints()
    }

    /// The rows of a table that belong to executions and are not encrypted with the first key, by their number.
    fn by_number(
        &mut self,
        table: &str,
        number: &str,
        columns: &str,
        bits: u32,
        rewrite: fn(&mut Rewriting<'a>, i64, ExecutionId, &Row<'_>) -> Result<usize, Trouble>,
    ) -> Result<(), Trouble> {
        let connection = self.view.connection;
        let sql = format!(
            "SELECT {columns} FROM {table} h LEFT JOIN execution e ON e.key = h.{number} >> {bits} \
             WHERE h.{number} > ?1 AND {} ORDER BY h.{number} LIMIT 1",
            not_current("h.seal")
        );
        let current = current(self.view.seals);
        let mut after = i64::MIN;
        loop {
            self.begin()?;
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![after, current.len() as i64, current])?;
            let Some(row) = rows.next()? else { break };
            after = row.get(0)?;
            let rewritten = match row::optional_id(row, 1)? {
                Some(id) => rewrite(self, after, id, row),
                None => Err(Trouble::Corrupt(format!("row {after} of `{table}` belongs to no execution"))),
            };
            drop(rows);
            self.count(rewritten)?;
        }
        self.commit()
    }

    fn events(&mut self, place: i64, id: ExecutionId, row: &Row<'_>) -> Result<usize, Trouble> {
        let (last, at, form) = (seq_of(place), time(row, 2)?, row.get(3)?);
        let bound = bound::events(id, last, at, form);
        let about = format_args!("{id}: history up to event {last}");
        let text = self.view.seals.open_column(&bound, row, 4, 5).map_err(|trouble| trouble.of(about))?;
        let sealed = self.view.seals.seal(&bound, &text, HIDDEN_EVENTS);
        let sql = "UPDATE history SET events = ?2, seal = ?3 WHERE place = ?1";
        self.view.prepare_cached(sql)?.execute(params![place, sealed.text, sealed.seal])?;
        Ok(text.len())
    }

    fn payload(&mut self, place: i64, id: ExecutionId, row: &Row<'_>) -> Result<usize, Trouble> {
        let bound = bound::payload(id, seq_of(place));
        let about = format_args!("{id}: the payload of event {}", seq_of(place));
        let text = self.view.seals.open_column(&bound, row, 2, 3).map_err(|trouble| trouble.of(about))?;
        let sealed = self.view.seals.seal(&bound, &text, HIDDEN);
        let sql = "UPDATE payload SET json = ?2, seal = ?3 WHERE place = ?1";
        self.view.prepare_cached(sql)?.execute(params![place, sealed.text, sealed.seal])?;
        Ok(text.len())
    }

    fn snapshot(&mut self, key: i64, id: ExecutionId, row: &Row<'_>) -> Result<usize, Trouble> {
        let seq: i64 = row.get(2)?;
        let snapshot = Snapshot { seq: seq.cast_unsigned(), codec: row.get(3)?, body: String::new() };
        let bound = bound::snapshot(id, &snapshot);
        let about = format_args!("{id}: its snapshot");
        let body = self.view.seals.open_column(&bound, row, 4, 5).map_err(|trouble| trouble.of(about))?;
        let sealed = self.view.seals.seal(&bound, &body, HIDDEN);
        let sql = "UPDATE snapshot SET body = ?2, seal = ?3 WHERE execution = ?1";
        self.view.prepare_cached(sql)?.execute(params![key, sealed.text, sealed.seal])?;
        Ok(body.len())
    }

    /// Those that hold a failure.
    fn heads(&mut self) -> Result<(), Trouble> {
        let View { connection, seals } = self.view;
        let sql = format!(
            "SELECT key FROM execution WHERE key > ?1 AND (error IS NOT NULL OR error_fingerprint IS NOT NULL) AND {} \
             ORDER BY key LIMIT 1",
            not_current("seal")
        );
        let (current, mut after) = (current(seals), i64::MIN);
        loop {
            self.begin()?;
            let mut statement = connection.prepare_cached(&sql)?;
            let key: Option<i64> =
                statement.query_row(params![after, current.len() as i64, current], |row| row.get(0)).optional()?;
            let Some(key) = key else { break };
            after = key;
            let rewritten = row::head_row_by_key(self.view, key).and_then(|HeadRow { head, last, .. }| {
                // A row of an earlier version does not know up to where its history went; it may only be said to know less.
                let last = last.unwrap_or_default();
                let sealed = row::sealed_head(seals, key, &head, last);
                let sql = "UPDATE execution SET error = ?2, error_fingerprint = ?3, last = ?4, seal = ?5 WHERE key = ?1";
                let values = params![key, sealed.error, sealed.fingerprint, last.cast_signed(), sealed.seal];
                connection.prepare_cached(sql)?.execute(values)?;
                Ok(head.error.map_or(0, |error| error.len()))
            });
            self.count(rewritten)?;
        }
        self.commit()
    }

    fn claims(&mut self) -> Result<(), Trouble> {
        let View { connection, seals } = self.view;
        let sql = format!(
            "SELECT kind, scope, key, executions, data, seal FROM claim WHERE (kind, scope, key) > (?4, ?5, ?6) AND {} \
             ORDER BY kind, scope, key LIMIT 1",
            not_current("seal")
        );
        let current = current(seals);
        let mut after = (String::new(), String::new(), String::new());
        loop {
            self.begin()?;
            let mut statement = connection.prepare_cached(&sql)?;
            let (kind, scope, key) = &after;
            let mut rows = statement.query(params![rusqlite::types::Null, current.len() as i64, current, kind, scope, key])?;
            let Some(row) = rows.next()? else { break };
            let (kind, scope, key) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let rewritten = claim(self.view, row);
            drop(rows);
            after = (kind, scope, key);
            self.count(rewritten)?;
        }
        self.commit()
    }

    /// Few: all of them.
    fn documents(&mut self) -> Result<(), Trouble> {
        let View { connection, seals } = self.view;
        let sql = format!(
            "SELECT kind, key, body, seal FROM document WHERE (kind, key) > (?4, ?5) AND {} ORDER BY kind, key LIMIT 1",
            not_current("seal")
        );
        let (current, mut after) = (current(seals), (String::new(), String::new()));
        loop {
            self.begin()?;
            let mut statement = connection.prepare_cached(&sql)?;
            let values = params![rusqlite::types::Null, current.len() as i64, current, after.0, after.1];
            let mut rows = statement.query(values)?;
            let Some(row) = rows.next()? else { break };
            after = (row.get(0)?, row.get(1)?);
            let rewritten = document(self.view, row);
            drop(rows);
            self.count(rewritten)?;
        }
        self.commit()
    }

    fn definitions_and_endpoints(&mut self) -> Result<(), Trouble> {
        let View { connection, seals } = self.view;
        self.begin()?;
        let (definitions, endpoints) = (read::definitions(self.view)?, read::endpoints(self.view)?);
        for definition in &definitions {
            let (stored, source, seal) = row::sealed_definition(seals, definition);
            let sql = "UPDATE definition SET stored = ?3, source = ?4, seal = ?5 \
                WHERE version = ?2 AND workflow = (SELECT key FROM workflow WHERE id = ?1)";
            let values = params![definition.workflow.as_str(), definition.version.0, stored, source, seal];
            connection.prepare_cached(sql)?.execute(values)?;
        }
        for endpoint in &endpoints {
            let actions: Option<String> = connection
                .prepare_cached("SELECT actions FROM endpoint WHERE name = ?1")?
                .query_row([endpoint.name.as_str()], |row| row.get(0))?;
            let (secret, seal) = row::sealed_secret(seals, endpoint, actions.as_deref());
            let sql = "UPDATE endpoint SET secret = ?2, seal = ?3 WHERE name = ?1";
            connection.prepare_cached(sql)?.execute(params![endpoint.name.as_str(), secret, seal])?;
        }
        self.done.rewritten += (definitions.len() + endpoints.len()) as u64;
        self.commit()
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        if self.view.is_autocommit() {
            self.view.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        self.written = 0;
        self.view.prepare_cached("COMMIT")?.execute([])?;
        // When somebody reads the file the log grows, and is emptied the next time.
        checkpoint::empty_log(&self.view)?;
        Ok(())
    }

    fn count(&mut self, rewritten: Result<usize, Trouble>) -> Result<(), Trouble> {
        match rewritten {
            Ok(bytes) => {
                self.done.rewritten += 1;
                self.written += bytes + ROW_BYTES;
                if self.written >= COMMIT_BYTES {
                    self.commit()?;
                }
                Ok(())
            }
            Err(Trouble::Corrupt(why)) => {
                self.done.unreadable += 1;
                if self.done.reasons.len() < REASONS_MAX {
                    self.done.reasons.push(why);
                }
                Ok(())
            }
            Err(other) => Err(other),
        }
    }
}

fn claim(view: View<'_>, row: &Row<'_>) -> Result<usize, Trouble> {
    let [kind, scope, key, executions]: [String; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
    let bound = bound::claim(&kind, &scope, &key, &executions);
    let about = format_args!("{kind} `{key}` of `{scope}`");
    let data = view.seals.open_column(&bound, row, 4, 5).map_err(|trouble| trouble.of(about))?;
    let sealed = view.seals.seal(&bound, &data, HIDDEN);
    let sql = "UPDATE claim SET data = ?4, seal = ?5 WHERE kind = ?1 AND scope = ?2 AND key = ?3";
    view.prepare_cached(sql)?.execute(params![kind, scope, key, sealed.text, sealed.seal])?;
    Ok(data.len())
}

fn document(view: View<'_>, row: &Row<'_>) -> Result<usize, Trouble> {
    let (kind, key): (String, String) = (row.get(0)?, row.get(1)?);
    let bound = bound::document(&kind, &key);
    let about = format_args!("document `{key}` of kind `{kind}`");
    let body = view.seals.open_column(&bound, row, 2, 3).map_err(|trouble| trouble.of(about))?;
    let sealed = view.seals.seal(&bound, &body, HIDDEN);
    let sql = "UPDATE document SET body = ?3, seal = ?4 WHERE kind = ?1 AND key = ?2";
    view.prepare_cached(sql)?.execute(params![kind, key, sealed.text, sealed.seal])?;
    Ok(body.len())
}

/// That a seal was not made with the key that is written with: `?2` bytes of it are not `?3`.
fn not_current(seal: &str) -> String {
    format!("({seal} IS NULL OR typeof({seal}) <> 'blob' OR substr({seal}, 1, ?2) <> ?3)")
}

/// How seals begin that were made with the key that is written with.
fn current(seals: &Seals) -> Vec<u8> {
    let (id, _) = seals.keys().first().expect("there is a key");
    beginning(id)
}
