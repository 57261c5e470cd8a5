//! What a batch writes, as a handful of statements over arrays.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_postgres::types::ToSql;
use uuid::Uuid;
use workflow_core::codec;
use workflow_core::id::{ExecutionId, Version, WorkflowId};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::commit::Done;
use super::error::Trouble;
use super::link::Link;
use super::member::Member;
use super::read;
use super::row::{self, get, stored};
use crate::seal::{HIDDEN, HIDDEN_EVENTS, Seals, bound};
use crate::{
    Batch, Change, Claim, Committed, DefinitionRow, Deletion, Document, Endpoint, Erasure, Fault, FaultKind, Head, HeadChange,
    KeyRange, PAYLOAD_INLINE_BYTES_MAX, Ranges, Token, Transition,
};

pub(super) type Boxed<'a> = Vec<Box<dyn ToSql + Sync + 'a>>;

/// A statement that is to be sent.
pub(super) struct Planned<'a> {
    pub sql: &'static str,
    values: Boxed<'a>,
    pub refuses: Option<Refusal>,
}

/// What it means when a statement divides by zero, which is how it refuses the whole transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// This engine has lost its place.
    Fenced,
    /// Another engine has changed definitions, endpoints or tokens.
    Stale,
    /// The engine that was to own something is gone.
    NoTaker,
}

impl<'a> Planned<'a> {
    pub fn new(sql: &'static str, values: Boxed<'a>) -> Planned<'a> {
        Planned { sql, values, refuses: None }
    }

    pub fn refusing(sql: &'static str, values: Boxed<'a>, refusal: Refusal) -> Planned<'a> {
        Planned { sql, values, refuses: Some(refusal) }
    }

    pub fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// What is stored of an execution, as far as commits ask.
#[derive(Debug, Clone)]
pub(super) struct Known {
    workflow: WorkflowId,
    version: Version,
    status: Status,
    completed_at: Option<Timestamp>,
    failure: Option<i64>,
    retrying: bool,
    /// Of the newest event.
    seq: u64,
}

/// How far the time in an id lies before `started_at`, least and most.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Ahead {
    pub min: i64,
    pub max: i64,
}

impl Ahead {
    pub fn read(link: &Link) -> Result<Ahead, Trouble> {
        let sql = "SELECT (SELECT number FROM cluster WHERE name = 'ahead_min') AS least, \
            (SELECT number FROM cluster WHERE name = 'ahead_max') AS most";
        let row = link.query_one(sql, &[])?;
        Ok(Ahead { min: get(&row, "least")?, max: get(&row, "most")? })
    }
}

/// Counters that a batch moves.
type Counts = BTreeMap<(WorkflowId, Version, Status), i64>;
type FailureCounts = BTreeMap<(i64, WorkflowId, Version, bool), i64>;

/// The newest head row of an execution in a batch.
struct HeadWrite<'b> {
    head: &'b Head,
    is_new: bool,
    seq: u64,
    claim: Option<&'b Claim>,
}

/// Builds the statements of a batch.
pub(super) struct Writes<'b> {
    seals: Arc<Seals>,
    engine: String,
    seat: i32,
    known: HashMap<ExecutionId, Option<Known>>,
    ahead_before: Ahead,
    ahead: Ahead,
    heads: BTreeMap<ExecutionId, HeadWrite<'b>>,
    events: Events,
    payloads: Texts,
    snapshots: BTreeMap<ExecutionId, &'b crate::Snapshot>,
    parked: BTreeMap<ExecutionId, &'b [workflow_core::id::ActionName]>,
    counts: Counts,
    failures: FailureCounts,
    definitions: BTreeMap<WorkflowId, BTreeMap<Version, Defined>>,
    deleted: Deleted,
    /// Those that are few, in their order.
    singles: Vec<Planned<'b>>,
    /// The definitions, endpoints or tokens change.
    catalog: bool,
    /// The number of the catalog that this was decided by.
    decided_by: Option<i64>,
}

#[derive(Default)]
struct Events {
    executions: Vec<Uuid>,
    seqs: Vec<i64>,
    ats: Vec<i64>,
    forms: Vec<i64>,
    texts: Vec<String>,
    seals: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Texts {
    executions: Vec<Uuid>,
    seqs: Vec<i64>,
    texts: Vec<String>,
    seals: Vec<Vec<u8>>,
}

/// Executions that go: all of them, and those of which everything goes at once.
#[derive(Default)]
struct Deleted {
    all: Vec<Uuid>,
    erased: Vec<Uuid>,
}

struct Defined {
    row: DefinitionRow,
    is_new: bool,
    changed: bool,
}

impl<'b> Writes<'b> {
    /// All items but those whose claim is taken. What is not known of what they touch is read first.
    pub fn new(
        link: &Link,
        seals: Arc<Seals>,
        member: &Member,
        known: &HashMap<ExecutionId, Known>,
        ahead: Ahead,
        batch: &'b Batch,
        committed: &Committed,
    ) -> Result<Writes<'b>, Trouble> {
        let stays = |place: &usize| committed.taken.binary_search_by_key(place, |(taken, _)| *taken).is_err();
        let items: Vec<&crate::Item> = (0..batch.items.len()).filter(stays).map(|place| &batch.items[place]).collect();
        let mut writes = Writes {
            seals,
            engine: member.id.clone(),
            seat: member.seat,
            known: HashMap::new(),
            ahead_before: ahead,
            ahead,
            heads: BTreeMap::new(),
            events: Events::default(),
            payloads: Texts::default(),
            snapshots: BTreeMap::new(),
            parked: BTreeMap::new(),
            counts: Counts::new(),
            failures: FailureCounts::new(),
            definitions: BTreeMap::new(),
            deleted: Deleted::default(),
            singles: Vec::new(),
            catalog: false,
            decided_by: None,
        };
        writes.look_up(link, known, &items)?;
        for item in items {
            for change in &item.changes {
                writes.change(change, item.claim.as_ref())?;
            }
        }
        Ok(writes)
    }

    fn look_up(&mut self, link: &Link, known: &HashMap<ExecutionId, Known>, items: &[&crate::Item]) -> Result<(), Trouble> {
        let (mut unknown, mut workflows) = (Vec::new(), Vec::new());
        for change in items.iter().flat_map(|item| &item.changes) {
            let (id, is_new) = match change {
                Change::Transition(transition) => {
                    (transition.id, transition.head.as_ref().is_some_and(|change| change.status_before.is_none()))
                }
                Change::Delete(deletion) => (deletion.id, false),
                Change::Define(row) => {
                    workflows.push(&row.workflow);
                    continue;
                }
                Change::Undefine { workflow, .. } => {
                    workflows.push(workflow);
                    continue;
                }
                Change::PutEndpoint(_)
                | Change::RemoveEndpoint(_)
                | Change::PutToken(_)
                | Change::PutDocument(_)
                | Change::RemoveDocuments { .. }
                | Change::Require { .. }
                | Change::Give { .. }
                | Change::Answer { .. } => continue,
            };
            // An id that is new and there all the same is refused by its key.
            if let Some(known) = known.get(&id) {
                self.known.insert(id, Some(known.clone()));
            } else if !is_new && !self.known.contains_key(&id) {
                unknown.push(row::uuid(id));
                self.known.insert(id, None);
            }
        }
        if !unknown.is_empty() {
            // Partitions beyond those of the first and the last are not even opened.
            let sql = "SELECT e.id, e.workflow, e.version, e.status, e.completed_at, e.failure, e.retrying, \
                (SELECT max(h.seq) FROM history h WHERE h.execution = e.id AND h.execution >= $2 AND h.execution <= $3) AS seq \
                FROM execution e WHERE e.id = ANY($1)";
            let (first, last) = read::ends(&unknown);
            for found in link.query(sql, &[&unknown, &first, &last])? {
                let known = Known {
                    workflow: row::named(&found, "workflow", WorkflowId::new)?,
                    version: row::version(&found)?,
                    status: row::named(&found, "status", str::parse)?,
                    completed_at: row::optional_time(&found, "completed_at")?,
                    failure: get(&found, "failure")?,
                    retrying: get(&found, "retrying")?,
                    seq: get::<Option<i64>>(&found, "seq")?.unwrap_or_default().cast_unsigned(),
                };
                self.known.insert(row::id(get(&found, "id")?), Some(known));
            }
        }
        for workflow in workflows {
            if !self.definitions.contains_key(workflow) {
                let rows = read::definitions_of(link, &self.seals, workflow)?;
                let there = rows.into_iter().map(|row| (row.version, Defined { row, is_new: false, changed: false }));
                self.definitions.insert(workflow.clone(), there.collect());
            }
        }
        Ok(())
    }

    fn change(&mut self, change: &'b Change, claim: Option<&'b Claim>) -> Result<(), Trouble> {
        match change {
            Change::Transition(transition) => self.transition(transition, claim)?,
            Change::Define(row) => self.define(row)?,
            Change::Undefine { workflow, at } => self.undefine(workflow, *at),
            Change::PutEndpoint(endpoint) => self.put_endpoint(endpoint),
            Change::RemoveEndpoint(name) => {
                self.catalog = true;
                self.singles.push(Planned::new("DELETE FROM endpoint WHERE name = $1", vec![Box::new(name.as_str())]));
            }
            Change::PutToken(token) => self.put_token(token),
            Change::Delete(deletion) => self.delete(deletion),
            Change::PutDocument(document) => self.put_document(document),
            Change::RemoveDocuments { kind, keys } => self.remove_documents(kind, keys),
            Change::Require { catalog } => self.decided_by = Some(catalog.cast_signed()),
            Change::Give { ranges, to } => self.give(*ranges, to),
            Change::Answer { seq, answer } => {
                let values: Boxed<'b> = vec![Box::new(seq.cast_signed()), Box::new(stored(answer.text()))];
                self.singles.push(Planned::new("UPDATE inbox SET answer = $2 WHERE seq = $1", values));
                self.singles.push(Planned::new(TELL_ANSWERED, Vec::new()));
            }
        }
        Ok(())
    }

    fn give(&mut self, ranges: Ranges, to: &'b str) {
        let slots: Vec<i32> = row::ranges(ranges).into_iter().map(|range| range * SLOTS).collect();
        let count = ranges.len() as i64;
        let values: Boxed<'b> = vec![Box::new(self.engine.clone()), Box::new(to), Box::new(slots), Box::new(count)];
        self.singles.push(Planned::refusing(GIVE, values, Refusal::NoTaker));
        self.singles.push(Planned::new(TELL_MEMBERS, Vec::new()));
    }

    fn transition(&mut self, transition: &'b Transition, claim: Option<&'b Claim>) -> Result<(), Trouble> {
        let id = transition.id;
        let before = self.known.get(&id).cloned().flatten();
        let (status, seq) = transition.follows(before.as_ref().map(|known| (known.status, known.seq)))?;
        let now = match (&transition.head, &before) {
            (Some(change), _) => self.head(change, before.is_none(), seq, claim),
            (None, Some(known)) => Known { seq, ..known.clone() },
            (None, None) => unreachable!("`follows` refuses a change without a head of what is not stored"),
        };
        debug_assert_eq!(now.status, status);
        self.count(before.as_ref(), Some(&now));
        self.known.insert(id, Some(now));
        self.events(transition);
        if let Some(actions) = &transition.parked {
            self.parked.insert(id, actions);
        }
        if let Some(snapshot) = &transition.snapshot {
            self.snapshots.insert(id, snapshot);
        }
        Ok(())
    }

    fn head(&mut self, change: &'b HeadChange, is_new: bool, seq: u64, claim: Option<&'b Claim>) -> Known {
        let head = &change.head;
        let earlier = self.heads.get(&head.id);
        let is_new = is_new || earlier.is_some_and(|earlier| earlier.is_new);
        let claim = match earlier {
            Some(earlier) => earlier.claim,
            None => claim.filter(|claim| claim.executions.contains(&head.id)),
        };
        self.heads.insert(head.id, HeadWrite { head, is_new, seq, claim });
        let ahead = head.id.at().millis().saturating_sub(head.started_at.millis());
        self.ahead = Ahead { min: self.ahead.min.min(ahead), max: self.ahead.max.max(ahead) };
        Known {
            workflow: head.workflow.clone(),
            version: head.version,
            status: head.status,
            completed_at: head.completed_at,
            failure: row::failure_of(head),
            retrying: head.retrying,
            seq,
        }
    }

    /// Moves an execution from one counter to another.
    fn count(&mut self, before: Option<&Known>, now: Option<&Known>) {
        let counter = |known: &Known| (known.workflow.clone(), known.version, known.status);
        let failures =
            |known: &Known| known.failure.map(|failure| (failure, known.workflow.clone(), known.version, known.retrying));
        for (known, change) in before.into_iter().map(|known| (known, -1)).chain(now.into_iter().map(|known| (known, 1))) {
            *self.counts.entry(counter(known)).or_default() += change;
            if let Some(failures) = failures(known) {
                *self.failures.entry(failures).or_default() += change;
            }
        }
    }

    fn events(&mut self, transition: &Transition) {
        let id = transition.id;
        for events in transition.events.chunk_by(|a, b| a.at == b.at) {
            let (last, at) = (events[events.len() - 1].seq, events[0].at);
            let encoded = codec::encode(events, PAYLOAD_INLINE_BYTES_MAX);
            for (seq, json) in &encoded.payloads {
                let sealed = self.seals.seal(&bound::payload(id, *seq), json.text(), HIDDEN);
                self.payloads.executions.push(row::uuid(id));
                self.payloads.seqs.push(seq.cast_signed());
                self.payloads.texts.push(sealed.text.to_owned());
                self.payloads.seals.push(row::seal_bytes(sealed.seal));
            }
            let sealed = self.seals.seal(&bound::events(id, last, at, codec::VERSION), &encoded.text, HIDDEN_EVENTS);
            let (is_hidden, seal) = (sealed.text != encoded.text, row::seal_bytes(sealed.seal));
            self.events.executions.push(row::uuid(id));
            self.events.seqs.push(last.cast_signed());
            self.events.ats.push(at.millis());
            self.events.forms.push(codec::VERSION.into());
            self.events.texts.push(if is_hidden { HIDDEN_EVENTS.to_owned() } else { encoded.text });
            self.events.seals.push(seal);
        }
    }

    fn define(&mut self, row: &DefinitionRow) -> Result<(), Trouble> {
        self.catalog = true;
        let versions = self.definitions.entry(row.workflow.clone()).or_default();
        if versions.contains_key(&row.version) {
            // Another engine was faster, if this one has said what it knows.
            let twice = if self.decided_by.is_some() { stale() } else { Fault::version_twice(row) };
            return Err(twice.into());
        }
        versions.insert(row.version, Defined { row: row.clone(), is_new: true, changed: true });
        Ok(())
    }

    fn undefine(&mut self, workflow: &WorkflowId, at: Timestamp) {
        self.catalog = true;
        let versions = self.definitions.entry(workflow.clone()).or_default();
        for defined in versions.values_mut().filter(|defined| defined.row.deleted_at.is_none()) {
            defined.row.deleted_at = Some(at);
            defined.changed = true;
        }
    }

    fn put_endpoint(&mut self, endpoint: &'b Endpoint) {
        self.catalog = true;
        let sql = "INSERT INTO endpoint (name, url, actions, secret, timeout_ms, concurrency, seal) \
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET url = excluded.url, actions = excluded.actions, \
            secret = excluded.secret, timeout_ms = excluded.timeout_ms, concurrency = excluded.concurrency, seal = excluded.seal";
        let actions = endpoint.actions.as_ref().map(|actions| serde_json::to_string(actions).expect("names are JSON"));
        let timeout_ms = i64::try_from(endpoint.timeout.get()).unwrap_or(i64::MAX);
        let (secret, seal) = row::sealed_secret(&self.seals, endpoint, actions.as_deref());
        self.singles.push(Planned::new(
            sql,
            vec![
                Box::new(endpoint.name.as_str()),
                Box::new(stored(&endpoint.url)),
                Box::new(actions),
                Box::new(secret),
                Box::new(timeout_ms),
                Box::new(i64::from(endpoint.concurrency)),
                Box::new(seal),
            ],
        ));
    }

    fn put_token(&mut self, token: &'b Token) {
        self.catalog = true;
        let sql = "INSERT INTO token (id, name, role, sha256, created_at, revoked_at, seal) VALUES ($1, $2, $3, $4, $5, $6, $7) \
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role, sha256 = excluded.sha256, \
            created_at = excluded.created_at, revoked_at = excluded.revoked_at, seal = excluded.seal";
        self.singles.push(Planned::new(
            sql,
            vec![
                Box::new(token.id.as_str()),
                Box::new(token.name.as_str()),
                Box::new(token.role.as_str()),
                Box::new(&token.sha256[..]),
                Box::new(token.created_at.millis()),
                Box::new(token.revoked_at.map(Timestamp::millis)),
                Box::new(row::sealed_token(token)),
            ],
        ));
    }

    fn put_document(&mut self, document: &'b Document) {
        let sql = "INSERT INTO document (kind, key, body, seal) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body, seal = excluded.seal";
        let body = self.seals.seal(&bound::document(&document.kind, &document.key), document.body.text(), HIDDEN);
        let (text, seal) = (body.text, row::seal_bytes(body.seal));
        self.singles.push(Planned::new(
            sql,
            vec![Box::new(stored(&document.kind)), Box::new(stored(&document.key)), Box::new(text), Box::new(seal)],
        ));
    }

    fn remove_documents(&mut self, kind: &'b str, keys: &'b KeyRange) {
        let (from, to, only) = read::bounds(keys);
        let sql = if only {
            "DELETE FROM document WHERE kind = $1 AND key = $2 AND $3::text IS NOT NULL"
        } else {
            "DELETE FROM document WHERE kind = $1 AND key >= $2 AND key < $3"
        };
        self.singles.push(Planned::new(sql, vec![Box::new(stored(kind)), Box::new(from), Box::new(to)]));
    }

    fn delete(&mut self, deletion: &Deletion) {
        let Some(Some(known)) = self.known.get(&deletion.id).cloned() else { return };
        if deletion.which.means(known.status, known.completed_at) {
            self.count(Some(&known), None);
            self.known.insert(deletion.id, None);
            self.deleted.all.push(row::uuid(deletion.id));
            if deletion.erasure == Erasure::AtOnce {
                self.deleted.erased.push(row::uuid(deletion.id));
            }
        }
    }

    /// The statements, and what is known once they are committed. An execution that ends, or that need not be in memory now, is looked
    /// up when it goes on: there may be millions that sleep.
    pub fn finish(self) -> (Done, Vec<Planned<'b>>) {
        let Writes {
            seals,
            seat,
            mut known,
            ahead_before,
            ahead,
            heads,
            events,
            payloads,
            snapshots,
            parked,
            counts,
            failures,
            definitions,
            deleted,
            singles,
            catalog,
            decided_by,
            engine: _,
        } = self;
        for (id, write) in &heads {
            if write.head.status.has_ended() || write.head.wake_at.is_none_or(|at| at.millis() > 0) {
                known.insert(*id, None);
            }
        }
        let mut planned = plan_catalog(catalog, decided_by);
        planned.extend(singles);
        planned.extend(plan_definitions(&seals, definitions));
        let (new, changed): (Vec<_>, Vec<_>) = heads.into_values().partition(|write| write.is_new);
        planned.extend(plan_heads(INSERT_HEADS, &seals, new, true));
        planned.extend(plan_heads(UPDATE_HEADS, &seals, changed, false));
        planned.extend(plan_events(events));
        planned.extend(plan_payloads(payloads));
        planned.extend(plan_snapshots(&seals, snapshots));
        planned.extend(plan_parked(parked));
        planned.extend(plan_counts(seat, counts));
        planned.extend(plan_failures(seat, failures));
        planned.extend(plan_deletions(deleted));
        if ahead != ahead_before {
            planned.push(Planned::new(WIDEN, vec![Box::new(ahead.min), Box::new(ahead.max)]));
        }
        (Done { known, ahead }, planned)
    }
}

pub(super) fn stale() -> Fault {
    let message = "another engine has changed definitions, endpoints or tokens since; nothing was written";
    Fault::new(FaultKind::Stale, "commit", message)
}

/// A plain look does for who only reads the catalog: what was asked after a change had been acknowledged is decided by it, or refused
/// here. Who changes it waits for others who do, and is refused by what they did.
fn plan_catalog<'b>(changes: bool, decided_by: Option<i64>) -> Vec<Planned<'b>> {
    match (changes, decided_by) {
        (false, None) => Vec::new(),
        (false, Some(number)) => vec![Planned::refusing(IS_NEWEST, vec![Box::new(number)], Refusal::Stale)],
        (true, number) => {
            vec![Planned::refusing(RAISE, vec![Box::new(number)], Refusal::Stale), Planned::new(TELL_CATALOG, Vec::new())]
        }
    }
}

const IS_NEWEST: &str = "SELECT 1 / (number = $1)::int4 FROM cluster WHERE name = 'catalog'";
const RAISE: &str = "WITH raised AS (UPDATE cluster SET number = number + 1 WHERE name = 'catalog' AND ($1::int8 IS NULL OR number = $1) \
    RETURNING 1) SELECT 1 / (SELECT count(*)::int4 FROM raised)";
const GIVE: &str = "WITH given AS (UPDATE range SET owner = $2, epoch = epoch + 1 WHERE owner = $1 AND slot_from = ANY($3::int4[]) \
    AND EXISTS (SELECT 1 FROM engine WHERE id = $2) RETURNING 1) \
    SELECT 1 / (count(*) = $4::int8)::int4 FROM given";
/// Slots of one range.
pub(super) const SLOTS: i32 = 64;

/// Who listens is told when the transaction has been committed.
const TELL_CATALOG: &str = "SELECT pg_notify('workflow:' || current_schema(), 'catalog')";
const TELL_ANSWERED: &str = "SELECT pg_notify('workflow:' || current_schema(), 'answered')";
const TELL_MEMBERS: &str = "SELECT pg_notify('workflow:' || current_schema(), 'members')";

const WIDEN: &str = "UPDATE cluster SET number = CASE name WHEN 'ahead_min' THEN least(number, $1) ELSE greatest(number, $2) END \
    WHERE name IN ('ahead_min', 'ahead_max')";

const INSERT_HEADS: &str = "INSERT INTO execution (id, version, status, wake_at, started_at, completed_at, steps_completed, \
    steps_failed, steps_skipped, failed_step, error_code, error, error_fingerprint, failure, retrying, triggered_by, trigger_source, \
    replay_of, parent, last, seal, slot, workflow, claim_kind, claim_scope, claim_key) \
    SELECT * FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], \
    $10::text[], $11::text[], $12::text[], $13::text[], $14::int8[], $15::bool[], $16::text[], $17::text[], $18::uuid[], \
    $19::uuid[], $20::int8[], $21::bytea[], $22::int4[], $23::text[], $24::text[], $25::text[], $26::text[])";

const UPDATE_HEADS: &str = "UPDATE execution AS e SET version = u.version, status = u.status, wake_at = u.wake_at, \
    started_at = u.started_at, completed_at = u.completed_at, steps_completed = u.steps_completed, steps_failed = u.steps_failed, \
    steps_skipped = u.steps_skipped, failed_step = u.failed_step, error_code = u.error_code, error = u.error, \
    error_fingerprint = u.error_fingerprint, failure = u.failure, retrying = u.retrying, triggered_by = u.triggered_by, \
    trigger_source = u.trigger_source, replay_of = u.replay_of, parent = u.parent, last = u.last, seal = u.seal \
    FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], \
    $10::text[], $11::text[], $12::text[], $13::text[], $14::int8[], $15::bool[], $16::text[], $17::text[], $18::uuid[], \
    $19::uuid[], $20::int8[], $21::bytea[]) AS u(id, version, status, wake_at, started_at, completed_at, steps_completed, \
    steps_failed, steps_skipped, failed_step, error_code, error, error_fingerprint, failure, retrying, triggered_by, trigger_source, \
    replay_of, parent, last, seal) WHERE e.id = u.id";

fn plan_heads<'b>(sql: &'static str, seals: &Seals, writes: Vec<HeadWrite<'b>>, is_new: bool) -> Option<Planned<'b>> {
    if writes.is_empty() {
        return None;
    }
    let sealed: Vec<_> = writes.iter().map(|write| row::sealed_head(seals, write.head, write.seq)).collect();
    macro_rules! column {
        (|$write:ident| $value:expr) => {
            Box::new(writes.iter().map(|$write| $value).collect::<Vec<_>>())
        };
    }
    let number = |number: Option<u32>| number.map(i64::from);
    let (mut errors, mut fingerprints, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for sealed in sealed {
        errors.push(sealed.error);
        fingerprints.push(sealed.fingerprint);
        bytes.push(sealed.seal);
    }
    let mut values: Boxed<'b> = vec![
        column!(|write| row::uuid(write.head.id)),
        column!(|write| i64::from(write.head.version.0)),
        column!(|write| write.head.status.as_str()),
        column!(|write| write.head.wake_at.map(Timestamp::millis)),
        column!(|write| write.head.started_at.millis()),
        column!(|write| write.head.completed_at.map(Timestamp::millis)),
        column!(|write| number(write.head.steps_completed)),
        column!(|write| number(write.head.steps_failed)),
        column!(|write| number(write.head.steps_skipped)),
        column!(|write| write.head.failed_step.as_deref().map(stored)),
        column!(|write| write.head.error_code.as_deref().map(stored)),
        Box::new(errors),
        Box::new(fingerprints),
        column!(|write| row::failure_of(write.head)),
        column!(|write| write.head.retrying),
        column!(|write| stored(&write.head.triggered_by)),
        column!(|write| write.head.trigger_source.as_deref().map(stored)),
        column!(|write| write.head.replay_of.map(row::uuid)),
        column!(|write| write.head.parent.map(row::uuid)),
        column!(|write| write.seq.cast_signed()),
        Box::new(bytes),
    ];
    if is_new {
        values.push(column!(|write| i32::from(write.head.id.slot().number())));
        values.push(column!(|write| write.head.workflow.as_str()));
        values.push(column!(|write| write.claim.map(|claim| row::kind(claim.kind))));
        values.push(column!(|write| write.claim.map(|claim| stored(&claim.scope))));
        values.push(column!(|write| write.claim.map(|claim| stored(&claim.key))));
    }
    Some(Planned::new(sql, values))
}

fn plan_definitions<'b>(
    seals: &Seals,
    definitions: BTreeMap<WorkflowId, BTreeMap<Version, Defined>>,
) -> impl Iterator<Item = Planned<'b>> {
    let changed = definitions.into_values().flat_map(BTreeMap::into_values).filter(|defined| defined.changed);
    changed
        .map(|Defined { row, is_new, .. }| {
            let (stored, source, seal) = row::sealed_definition(seals, &row);
            let mut values: Boxed<'b> = vec![
                Box::new(row.workflow.to_string()),
                Box::new(i64::from(row.version.0)),
                Box::new(row.deleted_at.map(Timestamp::millis)),
                Box::new(seal),
            ];
            if !is_new {
                let sql = "UPDATE definition SET deleted_at = $3, seal = $4 WHERE workflow = $1 AND version = $2";
                return Planned::new(sql, values);
            }
            values.push(Box::new(stored.to_owned()));
            values.push(Box::new(source.to_owned()));
            values.push(Box::new(row.created_at.millis()));
            let sql = "INSERT INTO definition (workflow, version, deleted_at, seal, stored, source, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
            Planned::new(sql, values)
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn plan_events<'b>(events: Events) -> Option<Planned<'b>> {
    let Events { executions, seqs, ats, forms, texts, seals } = events;
    let sql = "INSERT INTO history_dated (execution, seq, at, form, events, seal) \
        SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::text[], $6::bytea[])";
    let is_empty = executions.is_empty();
    let values: Boxed<'b> =
        vec![Box::new(executions), Box::new(seqs), Box::new(ats), Box::new(forms), Box::new(texts), Box::new(seals)];
    (!is_empty).then(|| Planned::new(sql, values))
}

fn plan_payloads<'b>(payloads: Texts) -> Option<Planned<'b>> {
    let Texts { executions, seqs, texts, seals } = payloads;
    let sql = "INSERT INTO payload_dated (execution, seq, json, seal) \
        SELECT * FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::bytea[])";
    let is_empty = executions.is_empty();
    let values: Boxed<'b> = vec![Box::new(executions), Box::new(seqs), Box::new(texts), Box::new(seals)];
    (!is_empty).then(|| Planned::new(sql, values))
}

fn plan_snapshots<'b>(seals: &Seals, snapshots: BTreeMap<ExecutionId, &'b crate::Snapshot>) -> Vec<Planned<'b>> {
    let sql = "INSERT INTO snapshot (execution, seq, codec, body, seal) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (execution) DO UPDATE SET seq = excluded.seq, codec = excluded.codec, body = excluded.body, seal = excluded.seal";
    let plan = |(id, snapshot): (ExecutionId, &'b crate::Snapshot)| {
        let body = seals.seal(&bound::snapshot(id, snapshot), &snapshot.body, HIDDEN);
        let (text, seal) = (stored(body.text), row::seal_bytes(body.seal));
        Planned::new(
            sql,
            vec![
                Box::new(row::uuid(id)),
                Box::new(snapshot.seq.cast_signed()),
                Box::new(i64::from(snapshot.codec)),
                Box::new(text),
                Box::new(seal),
            ],
        )
    };
    snapshots.into_iter().map(plan).collect()
}

fn plan_parked<'b>(parked: BTreeMap<ExecutionId, &'b [workflow_core::id::ActionName]>) -> Vec<Planned<'b>> {
    if parked.is_empty() {
        return Vec::new();
    }
    let all: Vec<Uuid> = parked.keys().map(|id| row::uuid(*id)).collect();
    let mut planned = vec![Planned::new("DELETE FROM parked WHERE execution = ANY($1)", vec![Box::new(all)])];
    let (mut actions, mut executions, mut slots) = (Vec::new(), Vec::new(), Vec::new());
    for (id, wanted) in parked {
        for action in wanted {
            actions.push(action.as_str());
            executions.push(row::uuid(id));
            slots.push(i32::from(id.slot().number()));
        }
    }
    if !actions.is_empty() {
        let sql = "INSERT INTO parked (action, execution, slot) SELECT * FROM unnest($1::text[], $2::uuid[], $3::int4[]) \
            ON CONFLICT DO NOTHING";
        planned.push(Planned::new(sql, vec![Box::new(actions), Box::new(executions), Box::new(slots)]));
    }
    planned
}

fn plan_counts<'b>(seat: i32, counts: Counts) -> Option<Planned<'b>> {
    let (mut workflows, mut versions, mut statuses, mut changes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((workflow, version, status), change) in counts.into_iter().filter(|(_, change)| *change != 0) {
        workflows.push(workflow.to_string());
        versions.push(i64::from(version.0));
        statuses.push(status.as_str());
        changes.push(change);
    }
    let sql = "INSERT INTO counter (seat, workflow, version, status, count) \
        SELECT $1::int4, * FROM unnest($2::text[], $3::int8[], $4::text[], $5::int8[]) \
        ON CONFLICT (seat, workflow, version, status) DO UPDATE SET count = counter.count + excluded.count";
    let is_empty = workflows.is_empty();
    let values: Boxed<'b> = vec![Box::new(seat), Box::new(workflows), Box::new(versions), Box::new(statuses), Box::new(changes)];
    (!is_empty).then(|| Planned::new(sql, values))
}

/// At zero a row goes: there are as many as there are kinds of failures.
fn plan_failures<'b>(seat: i32, failures: FailureCounts) -> Vec<Planned<'b>> {
    let sql = "INSERT INTO failure_counter (seat, failure, workflow, version, retrying, count) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (seat, failure, workflow, version, retrying) \
        DO UPDATE SET count = failure_counter.count + excluded.count";
    let tidy = "DELETE FROM failure_counter WHERE seat = $1 AND failure = $2 AND workflow = $3 AND version = $4 AND retrying = $5 \
        AND count = 0";
    let mut planned = Vec::new();
    for ((failure, workflow, version, retrying), change) in failures.into_iter().filter(|(_, change)| *change != 0) {
        let of = || -> Boxed<'b> {
            let version = i64::from(version.0);
            vec![Box::new(seat), Box::new(failure), Box::new(workflow.to_string()), Box::new(version), Box::new(retrying)]
        };
        let mut values = of();
        values.push(Box::new(change));
        planned.push(Planned::new(sql, values));
        planned.push(Planned::new(tidy, of()));
    }
    planned
}

/// The claim that started one goes with the last of those that it started. The head row goes before the rest: whoever moves what is
/// stored of an execution holds it, so that none is on its way from the first of the tables to the second.
fn plan_deletions<'b>(deleted: Deleted) -> Vec<Planned<'b>> {
    const HEADS: [&str; 4] = [
        "DELETE FROM claim c USING execution e WHERE e.id = ANY($1) AND (c.kind, c.scope, c.key) = (e.claim_kind, e.claim_scope, \
            e.claim_key) AND NOT EXISTS (SELECT 1 FROM execution o WHERE o.id = ANY(c.executions) AND o.id <> ALL($1))",
        "DELETE FROM execution WHERE id = ANY($1)",
        "DELETE FROM snapshot WHERE execution = ANY($1)",
        "DELETE FROM parked WHERE execution = ANY($1)",
    ];
    // Partitions beyond those of the first and the last are not even opened.
    const DATED: [&str; 2] = [
        "DELETE FROM history_dated WHERE execution = ANY($1) AND execution >= $2 AND execution <= $3",
        "DELETE FROM payload_dated WHERE execution = ANY($1) AND execution >= $2 AND execution <= $3",
    ];
    // Nobody drops these.
    const KEPT: [&str; 2] =
        ["DELETE FROM history_kept WHERE execution = ANY($1)", "DELETE FROM payload_kept WHERE execution = ANY($1)"];
    let Deleted { all, erased } = deleted;
    let plan = |statements: &[&'static str], ids: &[Uuid]| -> Vec<Planned<'b>> {
        let meant = if ids.is_empty() { &[] } else { statements };
        meant.iter().map(|sql| Planned::new(sql, vec![Box::new(ids.to_vec())])).collect()
    };
    let mut planned = plan(&HEADS, &all);
    if !erased.is_empty() {
        let (first, last) = read::ends(&erased);
        let of = || -> Boxed<'b> { vec![Box::new(erased.clone()), Box::new(first), Box::new(last)] };
        planned.extend(DATED.iter().map(|sql| Planned::new(sql, of())));
    }
    planned.extend(plan(&KEPT, &all));
    planned
}
