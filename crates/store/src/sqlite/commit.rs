//! Writes a batch: one transaction, few pages.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, RwLock};

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use workflow_core::codec;
use workflow_core::id::{ExecutionId, Version, WorkflowId};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::checkpoint::Signal;
use super::error::{self, Trouble};
use super::range::{Ahead, Range};
use super::recent::{self, Chunk, Line, Packing, Recent};
use super::row::{self, FailureOf, SEQ_MAX, place};
use super::seal::{HIDDEN, HIDDEN_EVENTS, Seals, View, bound};
use super::{Broken, read, reading, writing};
use crate::{
    Batch, Change, Claim, Committed, DefinitionRow, Document, Endpoint, Fault, FaultKind, Head, HeadChange, Item,
    PAYLOAD_INLINE_BYTES_MAX, Token, Transition,
};

/// Executions under way whose place is remembered; beyond, the memory starts anew.
const KNOWN_MAX: usize = 1 << 18;

/// The one connection that writes, and what it need not read again. Only a commit changes either.
pub(super) struct Writer {
    connection: Connection,
    seals: Arc<Seals>,
    /// That this opening has; another one would have found a greater.
    epoch: i64,
    batch: u64,
    memory: Memory,
    recent: Arc<RwLock<Recent>>,
    /// Whether there may be anything to do at rest.
    restless: bool,
}

/// What is stored, as far as it is known; forgotten when a commit fails.
#[derive(Default)]
pub(super) struct Memory {
    next_key: i64,
    pub(super) executions: HashMap<ExecutionId, Known>,
    workflows: HashMap<WorkflowId, i64>,
    ahead: Ahead,
}

#[derive(Clone, Copy)]
pub(super) struct Known {
    key: i64,
    workflow: i64,
    version: Version,
    status: Status,
    /// As the columns say.
    failure: Option<i64>,
    retrying: bool,
    /// Of the newest event.
    seq: u64,
}

impl Known {
    fn counter(&self) -> (i64, Version, Status) {
        (self.workflow, self.version, self.status)
    }

    fn failures(&self) -> Option<FailureOf> {
        let Known { workflow, version, retrying, .. } = *self;
        self.failure.map(|failure| FailureOf { failure, workflow, version, retrying })
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("epoch", &self.epoch).field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl Writer {
    /// Takes the ownership of the range.
    pub fn new(connection: Connection, seals: Arc<Seals>, recent_bytes_max: u64) -> Result<Writer, Trouble> {
        let range = Range::read(&connection)?;
        let range = Range { owner: format!("process {}", std::process::id()), epoch: range.epoch + 1, ..range };
        range.write(&connection)?;
        let (epoch, batch) = (range.epoch, read::batch(&connection)?);
        let recent = Recent::read(seals.view(&connection), recent_bytes_max)?;
        let memory = Memory::read(&connection, &recent)?;
        let is_empty = recent.is_empty();
        let recent = Arc::new(RwLock::new(recent));
        let mut writer = Writer { connection, seals, epoch, batch, memory, recent, restless: false };
        if !is_empty {
            let ((), moved) = writer.empty_recent()?;
            writer.finish()?;
            writing(&writer.recent).forget(&moved);
        }
        Ok(writer)
    }

    /// Events that are not in `history` yet, for those who read.
    pub fn recent(&self) -> &Arc<RwLock<Recent>> {
        &self.recent
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    pub fn view(&self) -> View<'_> {
        self.seals.view(&self.connection)
    }

    /// Tells the checkpointer how long the write-ahead log is, from now on.
    pub fn announce_log(&mut self, signal: &Arc<Signal>) -> rusqlite::Result<()> {
        let signal = Arc::clone(signal);
        self.connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
            signal.announce(u64::from(pages.max(0).unsigned_abs()));
            Ok(())
        }))
    }

    pub fn commit(&mut self, batch: &Batch, broken: &Broken) -> Result<Committed, Fault> {
        self.transact("commit", batch.number, broken, |writer| writer.write(batch))
    }

    /// Moves everything into `history`, and gives back what is kept in memory only to be quick.
    pub fn rest(&mut self, broken: &Broken) -> Result<(), Fault> {
        if self.restless {
            self.transact("rest", self.batch, broken, Writer::empty_recent)?;
            self.restless = false;
        }
        self.memory.executions = HashMap::new();
        self.connection.release_memory().map_err(|error| Trouble::from(error).during("rest"))
    }

    /// One transaction, which `work` begins; `batch` is the newest once it is done.
    fn transact<T>(
        &mut self,
        operation: &'static str,
        batch: u64,
        broken: &Broken,
        work: impl FnOnce(&mut Writer) -> Result<(T, Vec<ExecutionId>), Trouble>,
    ) -> Result<T, Fault> {
        let trouble = match work(self) {
            Ok((done, moved)) => match self.finish() {
                Ok(()) => {
                    self.batch = batch;
                    self.restless = true;
                    self.memory.tidy();
                    writing(&self.recent).forget(&moved);
                    return Ok(done);
                }
                Err(fault) => {
                    if fault.kind == FaultKind::Unknown {
                        broken.set(&fault.message);
                    }
                    Trouble::Fault(fault)
                }
            },
            Err(trouble) => {
                if trouble.breaks_handles() {
                    broken.set("a write failed");
                }
                trouble
            }
        };
        if broken.why().is_none() {
            self.undo(broken);
        }
        Err(trouble.during(operation))
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        if !self.connection.is_autocommit() {
            // Left by a panic.
            self.connection.execute_batch("ROLLBACK")?;
            self.recall()?;
        }
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    }

    /// Refuses to write `number` when another has written since, or has taken the file over.
    fn fence(&self, number: u64) -> Result<(), Trouble> {
        let sql = "SELECT epoch FROM range";
        let epoch: i64 = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        let batch = read::batch(&self.connection)?;
        if (epoch, batch.checked_add(1)) == (self.epoch, Some(number)) {
            return Ok(());
        }
        Err(Fault::fenced("commit", number, batch).into())
    }

    /// What is known of what is stored, read anew.
    fn recall(&mut self) -> Result<(), Trouble> {
        let bytes_max = reading(&self.recent).bytes_max();
        let recent = Recent::read(self.view(), bytes_max)?;
        self.memory = Memory::read(&self.connection, &recent)?;
        *writing(&self.recent) = recent;
        Ok(())
    }

    /// Everything of a batch, up to its commit; and of which executions everything is in `history` then.
    fn write(&mut self, batch: &Batch) -> Result<(Committed, Vec<ExecutionId>), Trouble> {
        self.begin()?;
        self.fence(batch.number)?;
        let ahead = self.memory.ahead;
        let view = self.seals.view(&self.connection);
        let mut commit = Commit::new(view, &mut self.memory, &self.recent, batch.number)?;
        let mut committed = Committed::default();
        for (place, item) in batch.items.iter().enumerate() {
            if let Some(claim) = &item.claim
                && !commit.claim(claim)?
            {
                let holder = read::claim(view, claim.kind, &claim.scope, &claim.key)?;
                let holder = holder.ok_or_else(|| Trouble::Corrupt("a claim is taken and not there".to_owned()))?;
                committed.taken.push((place, holder));
                continue;
            }
            commit.item(item)?;
        }
        commit.counters()?;
        let moved = commit.recent()?;
        if self.memory.ahead != ahead {
            Range { ahead: self.memory.ahead, ..Range::read(&self.connection)? }.write(&self.connection)?;
        }
        Ok((committed, moved))
    }

    /// Moves everything into `history`.
    fn empty_recent(&mut self) -> Result<((), Vec<ExecutionId>), Trouble> {
        self.begin()?;
        self.fence(self.batch + 1)?;
        let view = self.seals.view(&self.connection);
        let mut commit = Commit::new(view, &mut self.memory, &self.recent, self.batch)?;
        while let Some(id) = commit.oldest() {
            commit.settle(id)?;
        }
        let moved = commit.moved;
        Range { batch: self.batch.cast_signed(), ..Range::read(&self.connection)? }.write(&self.connection)?;
        self.connection.execute("DELETE FROM recent", [])?;
        writing(&self.recent).emptied(self.batch);
        Ok(((), moved))
    }

    fn finish(&self) -> Result<(), Fault> {
        let end = self.connection.prepare_cached("COMMIT").and_then(|mut statement| statement.execute([]));
        end.map(|_| ()).map_err(|error| {
            // A full disk can fail the sync after everything has been written; only of a lock it is certain that it came before.
            let busy = matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
            let kind = if busy { FaultKind::Unavailable } else { FaultKind::Unknown };
            Fault::new(kind, "commit", error::message(&error))
        })
    }

    fn undo(&mut self, broken: &Broken) {
        let rolled_back = if self.connection.is_autocommit() { Ok(()) } else { self.connection.execute_batch("ROLLBACK") };
        if let Err(trouble) = rolled_back.map_err(Trouble::from).and_then(|()| self.recall()) {
            broken.set(&trouble.during("roll back").message);
        }
    }
}

impl Memory {
    fn read(connection: &Connection, recent: &Recent) -> Result<Memory, Trouble> {
        let newest: i64 = connection.query_row("SELECT ifnull(max(key), 0) FROM execution", [], |row| row.get(0))?;
        let next_key = newest.max(recent.newest_key()) + 1;
        Ok(Memory { next_key, ahead: Range::read(connection)?.ahead, ..Memory::default() })
    }

    fn tidy(&mut self) {
        if self.executions.len() > KNOWN_MAX {
            self.executions.clear();
        }
    }

    fn execution(&self, connection: &Connection, recent: &RwLock<Recent>, id: ExecutionId) -> Result<Option<Known>, Trouble> {
        if let Some(known) = self.executions.get(&id) {
            return Ok(Some(*known));
        }
        let sql = "SELECT key, workflow, status, version, failure, retrying FROM execution WHERE id = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([id.to_bytes()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (key, workflow, status) = (row.get(0)?, row.get(1)?, row::text(row, 2, str::parse)?);
        let (version, failure) = (Version(row.get(3)?), row.get(4)?);
        let retrying = row.get::<_, Option<bool>>(5)?.unwrap_or_default();
        let seq = match reading(recent).last(id) {
            Some(last) => last,
            None => recent::history_end(connection, key)?,
        };
        Ok(Some(Known { key, workflow, version, status, failure, retrying, seq }))
    }

    fn workflow(&mut self, connection: &Connection, workflow: &WorkflowId) -> Result<i64, Trouble> {
        if let Some(key) = self.workflows.get(workflow) {
            return Ok(*key);
        }
        let key = match row::workflow_key(connection, workflow)? {
            Some(key) => key,
            None => {
                let key: i64 = connection.query_row("SELECT ifnull(max(key), 0) + 1 FROM workflow", [], |row| row.get(0))?;
                let seal = bound::workflow(key).sum(workflow.as_str());
                let sql = "INSERT INTO workflow (key, id, seal) VALUES (?1, ?2, ?3)";
                connection.execute(sql, params![key, workflow.as_str(), seal])?;
                key
            }
        };
        self.workflows.insert(workflow.clone(), key);
        Ok(key)
    }
}

/// One commit under way. Statements that nearly every batch needs are looked up once.
pub(super) struct Commit<'a> {
    pub(super) connection: &'a Connection,
    seals: &'a Seals,
    pub(super) memory: &'a mut Memory,
    pub(super) recent: &'a RwLock<Recent>,
    number: u64,
    /// What goes into `recent`.
    line: Line,
    /// Executions of which everything so far goes to `history`.
    moved: Vec<ExecutionId>,
    append: CachedStatement<'a>,
    start: CachedStatement<'a>,
    update: CachedStatement<'a>,
    /// Leaves out `status`, which would be taken out of its index and put back.
    update_quietly: CachedStatement<'a>,
    pub(super) counts: BTreeMap<(i64, Version, Status), i64>,
    pub(super) failures: BTreeMap<FailureOf, i64>,
}

/// In the order of [`bind_head`], which every statement shares.
const HEAD_COLUMNS: &str = "version = ?2, wake_at = ?3, started_at = ?4, completed_at = ?5, steps_completed = ?6, \
    failed_step = ?7, error_code = ?8, error = ?9, error_fingerprint = ?10, triggered_by = ?11, trigger_source = ?12, \
    replay_of = ?13, parent = ?14, last = ?15, seal = ?16, steps_failed = ?17, steps_skipped = ?18";

impl<'a> Commit<'a> {
    fn new(view: View<'a>, memory: &'a mut Memory, recent: &'a RwLock<Recent>, number: u64) -> rusqlite::Result<Commit<'a>> {
        let View { connection, seals } = view;
        let start = "INSERT INTO execution (key, version, wake_at, started_at, completed_at, steps_completed, failed_step, \
            error_code, error, error_fingerprint, triggered_by, trigger_source, replay_of, parent, last, seal, steps_failed, \
            steps_skipped, status, id, workflow, retrying, failure) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
        Ok(Commit {
            connection,
            seals,
            memory,
            recent,
            number,
            line: Line::default(),
            moved: Vec::new(),
            append: connection
                .prepare_cached("INSERT INTO history (place, at, form, events, seal) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            start: connection.prepare_cached(start)?,
            update: connection.prepare_cached(&format!("UPDATE execution SET {HEAD_COLUMNS}, status = ?19 WHERE key = ?1"))?,
            update_quietly: connection.prepare_cached(&format!("UPDATE execution SET {HEAD_COLUMNS} WHERE key = ?1"))?,
            counts: BTreeMap::new(),
            failures: BTreeMap::new(),
        })
    }

    /// Whether the claim was free.
    fn claim(&mut self, claim: &Claim) -> Result<bool, Trouble> {
        let sql = "INSERT INTO claim (kind, scope, key, executions, data, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
            ON CONFLICT DO NOTHING";
        let executions = serde_json::to_string(&claim.executions).expect("ids are JSON");
        let kind = row::kind(claim.kind);
        let bound = bound::claim(kind, &claim.scope, &claim.key, &executions);
        let data = self.seals.seal(&bound, claim.data.text(), HIDDEN);
        let values = params![kind, claim.scope, claim.key, executions, data.text, data.seal];
        Ok(self.connection.prepare_cached(sql)?.execute(values)? == 1)
    }

    fn item(&mut self, item: &Item) -> Result<(), Trouble> {
        for change in &item.changes {
            match change {
                Change::Transition(transition) => self.transition(transition)?,
                Change::Define(row) => self.define(row)?,
                Change::Undefine { workflow, at } => self.undefine(workflow, *at)?,
                Change::PutEndpoint(endpoint) => self.put_endpoint(endpoint)?,
                Change::RemoveEndpoint(name) => {
                    self.connection.prepare_cached("DELETE FROM endpoint WHERE name = ?1")?.execute([name.as_str()])?;
                }
                Change::Delete(deletion) => self.delete(deletion)?,
                Change::PutToken(token) => self.put_token(token)?,
                Change::PutDocument(document) => self.put_document(document)?,
                Change::RemoveDocuments { kind, keys } => {
                    let sql = "DELETE FROM document WHERE kind = ?1 AND key >= ?2 AND key < ?3";
                    self.connection.prepare_cached(sql)?.execute([kind, &keys.from, &keys.to])?;
                }
                Change::Require { .. } | Change::Give { .. } | Change::Answer { .. } => {
                    return Err(change.refused_alone().into());
                }
            }
        }
        Ok(())
    }

    fn transition(&mut self, transition: &Transition) -> Result<(), Trouble> {
        let before = match &transition.head {
            // An id that is there all the same is refused by its index.
            Some(change) if change.status_before.is_none() => self.memory.executions.get(&transition.id).copied(),
            _ => self.memory.execution(self.connection, self.recent, transition.id)?,
        };
        let (status, seq) = transition.follows(before.map(|known| (known.status, known.seq)))?;
        let now = match (&transition.head, before) {
            (Some(change), before) => self.head(change, before, seq)?,
            (None, Some(before)) => Known { seq, ..before },
            (None, None) => unreachable!("`follows` refuses a change without a head of what is not stored"),
        };
        // One that need not be in memory now is looked up when it goes on: there may be millions that sleep.
        let at_rest = transition.head.as_ref().is_some_and(|change| change.head.wake_at.is_none_or(|at| at.millis() > 0));
        let settled = status.has_ended() || at_rest;
        let key = now.key;
        self.events(key, transition, settled)?;
        if let Some(actions) = &transition.parked {
            self.connection.prepare_cached("DELETE FROM parked WHERE execution = ?1")?.execute([key])?;
            let sql = "INSERT INTO parked (action, id, execution) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            for action in actions {
                let values = params![action.as_str(), transition.id.to_bytes(), key];
                self.connection.prepare_cached(sql)?.execute(values)?;
            }
        }
        if let Some(snapshot) = &transition.snapshot {
            let sql = "INSERT OR REPLACE INTO snapshot (execution, seq, codec, body, seal) VALUES (?1, ?2, ?3, ?4, ?5)";
            let body = self.seals.seal(&bound::snapshot(transition.id, snapshot), &snapshot.body, HIDDEN);
            let values = params![key, snapshot.seq.cast_signed(), snapshot.codec, body.text, body.seal];
            self.connection.prepare_cached(sql)?.execute(values)?;
        }
        if settled {
            self.memory.executions.remove(&transition.id);
        } else {
            self.memory.executions.insert(transition.id, now);
        }
        Ok(())
    }

    /// Writes the head row, after event `seq`; what is known then.
    fn head(&mut self, change: &HeadChange, before: Option<Known>, seq: u64) -> Result<Known, Trouble> {
        let head = &change.head;
        let (version, status, failure, retrying) = (head.version, head.status, row::failure_of(head), head.retrying);
        let (key, workflow) = match before {
            Some(known) => {
                let statement = if known.status == head.status { &mut self.update_quietly } else { &mut self.update };
                bind_head(statement, self.seals, known.key, head, seq)?;
                if known.status != head.status {
                    statement.raw_bind_parameter(19, head.status.as_str())?;
                }
                statement.raw_execute()?;
                if (known.failure, known.retrying) != (failure, retrying) {
                    // By itself: most never fail, and are spared the look at two indexes.
                    let sql = "UPDATE execution SET failure = ?2, retrying = ?3 WHERE key = ?1";
                    self.connection.prepare_cached(sql)?.execute(params![known.key, failure, retrying.then_some(1)])?;
                }
                (known.key, known.workflow)
            }
            None => {
                let workflow = self.memory.workflow(self.connection, &head.workflow)?;
                let key = self.memory.next_key;
                self.memory.next_key += 1;
                bind_head(&mut self.start, self.seals, key, head, seq)?;
                self.start.raw_bind_parameter(19, head.status.as_str())?;
                self.start.raw_bind_parameter(20, head.id.to_bytes())?;
                self.start.raw_bind_parameter(21, workflow)?;
                self.start.raw_bind_parameter(22, retrying.then_some(1))?;
                self.start.raw_bind_parameter(23, failure)?;
                self.start.raw_execute()?;
                (key, workflow)
            }
        };
        let now = Known { key, workflow, version, status, failure, retrying, seq };
        self.count(before.as_ref(), Some(&now));
        let ahead = head.id.at().millis().saturating_sub(head.started_at.millis());
        self.memory.ahead = Ahead { min: self.memory.ahead.min.min(ahead), max: self.memory.ahead.max.max(ahead) };
        Ok(now)
    }

    /// Moves an execution from one counter to another.
    fn count(&mut self, before: Option<&Known>, now: Option<&Known>) {
        let (from, to) = (before.map(Known::counter), now.map(Known::counter));
        if from != to {
            for (counter, change) in from.into_iter().map(|from| (from, -1)).chain(to.into_iter().map(|to| (to, 1))) {
                *self.counts.entry(counter).or_default() += change;
            }
        }
        let (from, to) = (before.and_then(Known::failures), now.and_then(Known::failures));
        if from != to {
            for (counter, change) in from.into_iter().map(|from| (from, -1)).chain(to.into_iter().map(|to| (to, 1))) {
                *self.failures.entry(counter).or_default() += change;
            }
        }
    }

    /// The events go into `recent`; when the execution is not under way any more, with what lies there into `history`.
    fn events(&mut self, key: i64, transition: &Transition, settled: bool) -> Result<(), Trouble> {
        let id = transition.id;
        for events in transition.events.chunk_by(|a, b| a.at == b.at) {
            let (last, at) = (events[events.len() - 1].seq, events[0].at);
            if last > SEQ_MAX {
                return Err(Trouble::corrupt(id, format!("a history has at most {SEQ_MAX} events")));
            }
            let encoded = codec::encode(events, PAYLOAD_INLINE_BYTES_MAX);
            for (seq, json) in &encoded.payloads {
                let sql = "INSERT INTO payload (place, json, seal) VALUES (?1, ?2, ?3)";
                let json = self.seals.seal(&bound::payload(id, *seq), json.text(), HIDDEN);
                self.connection.prepare_cached(sql)?.execute(params![place(key, *seq), json.text, json.seal])?;
            }
            if !settled {
                self.line.push(id, key, last, at, &encoded.text);
            }
            writing(self.recent).push(id, key, Chunk { batch: self.number, last, at, text: encoded.text.into() });
        }
        if settled { self.settle(id) } else { Ok(()) }
    }

    /// Everything of an execution that is not in `history` yet goes there, as one row.
    fn settle(&mut self, id: ExecutionId) -> Result<(), Trouble> {
        let Some(Packing { key, last, packed }) = writing(self.recent).take(id) else { return Ok(()) };
        let (at, form) = (packed.at(), packed.form());
        let events = self.seals.seal(&bound::events(id, last, at, form), packed.text(), HIDDEN_EVENTS);
        self.append.execute(params![place(key, last), at.millis(), form, events.text, events.seal])?;
        self.moved.push(id);
        Ok(())
    }

    fn oldest(&mut self) -> Option<ExecutionId> {
        writing(self.recent).oldest()
    }

    /// The row of this batch, also when it is empty: the newest row is the number of the newest batch. Executions of which
    /// everything is in `history` now.
    fn recent(mut self) -> Result<Vec<ExecutionId>, Trouble> {
        let sql = "INSERT INTO recent (batch, form, entries, seal) VALUES (?1, ?2, ?3, ?4)";
        let (text, executions) = std::mem::take(&mut self.line).end();
        let entries = self.seals.seal(&bound::recent(self.number, codec::VERSION), &text, HIDDEN_EVENTS);
        let values = params![self.number.cast_signed(), codec::VERSION, entries.text, entries.seal];
        self.connection.prepare_cached(sql)?.execute(values)?;
        writing(self.recent).add_row(self.number, text.len(), executions);
        while let Some(id) = { writing(self.recent).overdue() } {
            self.settle(id)?;
        }
        if let Some(from) = { writing(self.recent).deletable() } {
            self.connection.prepare_cached("DELETE FROM recent WHERE batch < ?1")?.execute([from.cast_signed()])?;
        }
        Ok(self.moved)
    }

    fn define(&mut self, row: &DefinitionRow) -> Result<(), Trouble> {
        let workflow = self.memory.workflow(self.connection, &row.workflow)?;
        let sql = "SELECT 1 FROM definition WHERE workflow = ?1 AND version = ?2";
        let mut there = self.connection.prepare_cached(sql)?;
        if there.query_row(params![workflow, row.version.0], |_| Ok(())).optional()?.is_some() {
            return Err(Fault::version_twice(row).into());
        }
        let sql = "INSERT INTO definition (workflow, version, stored, source, created_at, deleted_at, seal) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let deleted_at = row.deleted_at.map(|at| at.millis());
        let (stored, source, seal) = row::sealed_definition(self.seals, row);
        let values = params![workflow, row.version.0, stored, source, row.created_at.millis(), deleted_at, seal];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn undefine(&mut self, workflow: &WorkflowId, at: Timestamp) -> Result<(), Trouble> {
        let key = self.memory.workflow(self.connection, workflow)?;
        let view = self.seals.view(self.connection);
        for mut row in read::definitions_of(view, workflow)?.into_iter().filter(|row| row.deleted_at.is_none()) {
            row.deleted_at = Some(at);
            let (_, _, seal) = row::sealed_definition(self.seals, &row);
            let sql = "UPDATE definition SET deleted_at = ?3, seal = ?4 WHERE workflow = ?1 AND version = ?2";
            self.connection.prepare_cached(sql)?.execute(params![key, row.version.0, at.millis(), seal])?;
        }
        Ok(())
    }

    fn put_endpoint(&mut self, endpoint: &Endpoint) -> Result<(), Trouble> {
        let sql = "INSERT OR REPLACE INTO endpoint (name, url, actions, secret, timeout_ms, concurrency, seal) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let actions = endpoint.actions.as_ref().map(|actions| serde_json::to_string(actions).expect("names are JSON"));
        let timeout_ms = i64::try_from(endpoint.timeout.get()).unwrap_or(i64::MAX);
        let (secret, seal) = row::sealed_secret(self.seals, endpoint, actions.as_deref());
        let values = params![endpoint.name.as_str(), endpoint.url, actions, secret, timeout_ms, endpoint.concurrency, seal];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn put_token(&mut self, token: &Token) -> Result<(), Trouble> {
        let sql = "INSERT OR REPLACE INTO token (id, name, role, sha256, created_at, revoked_at, seal) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (created_at, revoked_at) = (token.created_at.millis(), token.revoked_at.map(|at| at.millis()));
        let (id, name, role) = (token.id.as_str(), token.name.as_str(), token.role.as_str());
        let values = params![id, name, role, token.sha256, created_at, revoked_at, bound::token(token).sum("")];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn put_document(&mut self, document: &Document) -> Result<(), Trouble> {
        let sql = "INSERT OR REPLACE INTO document (kind, key, body, seal) VALUES (?1, ?2, ?3, ?4)";
        let body = self.seals.seal(&bound::document(&document.kind, &document.key), document.body.text(), HIDDEN);
        self.connection.prepare_cached(sql)?.execute(params![document.kind, document.key, body.text, body.seal])?;
        Ok(())
    }

    /// The counters, once a batch for each that moved.
    fn counters(&mut self) -> Result<(), Trouble> {
        let sql = "INSERT INTO counter (workflow, version, status, count, seal) VALUES (?1, ?2, ?3, ?4, ?5 - ?4) \
            ON CONFLICT DO UPDATE SET count = count + excluded.count, seal = seal - excluded.count";
        let mut statement = self.connection.prepare_cached(sql)?;
        for ((workflow, version, status), count) in std::mem::take(&mut self.counts) {
            if count != 0 {
                let sum = row::sum_of_counter(workflow, version, status);
                statement.execute(params![workflow, version.0, status.as_str(), count, sum])?;
            }
        }
        for (of, count) in std::mem::take(&mut self.failures) {
            if count != 0 {
                self.count_failures(&of, count)?;
            }
        }
        Ok(())
    }

    /// A counter of failures. At zero its row goes: there are as many as there are kinds of failures.
    fn count_failures(&self, of: &FailureOf, count: i64) -> Result<(), Trouble> {
        let FailureOf { failure, workflow, version, retrying } = *of;
        let sql = "INSERT INTO failure_counter (failure, workflow, version, retrying, count, seal) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6 - ?5) \
            ON CONFLICT DO UPDATE SET count = count + excluded.count, seal = seal - excluded.count";
        let values = params![failure, workflow, version.0, retrying, count, row::sum_of_failures(of)];
        self.connection.prepare_cached(sql)?.execute(values)?;
        let sql = "DELETE FROM failure_counter \
            WHERE failure = ?1 AND workflow = ?2 AND version = ?3 AND retrying = ?4 AND count = 0";
        if count < 0 {
            self.connection.prepare_cached(sql)?.execute(params![failure, workflow, version.0, retrying])?;
        }
        Ok(())
    }
}

fn bind_head(statement: &mut CachedStatement<'_>, seals: &Seals, key: i64, head: &Head, seq: u64) -> rusqlite::Result<()> {
    let sealed = row::sealed_head(seals, key, head, seq);
    statement.raw_bind_parameter(1, key)?;
    statement.raw_bind_parameter(2, head.version.0)?;
    statement.raw_bind_parameter(3, head.wake_at.map(|at| at.millis()))?;
    statement.raw_bind_parameter(4, head.started_at.millis())?;
    statement.raw_bind_parameter(5, head.completed_at.map(|at| at.millis()))?;
    statement.raw_bind_parameter(6, head.steps_completed)?;
    statement.raw_bind_parameter(7, head.failed_step.as_deref())?;
    statement.raw_bind_parameter(8, head.error_code.as_deref())?;
    statement.raw_bind_parameter(9, sealed.error)?;
    statement.raw_bind_parameter(10, sealed.fingerprint)?;
    statement.raw_bind_parameter(11, head.triggered_by.as_str())?;
    statement.raw_bind_parameter(12, head.trigger_source.as_deref())?;
    statement.raw_bind_parameter(13, head.replay_of.map(ExecutionId::to_bytes))?;
    statement.raw_bind_parameter(14, head.parent.map(ExecutionId::to_bytes))?;
    statement.raw_bind_parameter(15, seq.cast_signed())?;
    statement.raw_bind_parameter(16, sealed.seal)?;
    statement.raw_bind_parameter(17, head.steps_failed)?;
    statement.raw_bind_parameter(18, head.steps_skipped)?;
    Ok(())
}
