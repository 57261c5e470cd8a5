//! The store as the contract reads: maps, no persistence, no index. What it answers is what every other store has to answer;
//! it is the oracle of their tests, and the store of tests and of simulations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use workflow_core::event::Recorded;
use workflow_core::id::{ActionName, EndpointName, ExecutionId, TokenId, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::mutation::mutated;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use crate::row::written_bytes;
use crate::{
    Batch, Change, ClaimKind, Claimed, Committed, Counted, Cursor, DefinitionRow, Deletion, Document, DocumentFilter,
    ENDED_LOOKED_AT_MAX, Ended, Endpoint, FailureCount, Fault, Filter, HISTORY_PAGE_BYTES_MAX, Head, Heads, History, Item, Order,
    PAYLOAD_INLINE_BYTES_MAX, Snapshot, Store, Stored, Taken, Texts, Token, TokenRows, Transition, VersionCount, Whole,
};

/// Keeps everything in memory, for as long as it lives.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    batch: u64,
    executions: BTreeMap<ExecutionId, Kept>,
    definitions: BTreeMap<(WorkflowId, Version), DefinitionRow>,
    endpoints: BTreeMap<EndpointName, Endpoint>,
    tokens: BTreeMap<TokenId, Token>,
    claims: BTreeMap<(ClaimKind, String, String), Taken>,
    documents: BTreeMap<(String, String), Json>,
}

/// What a change to an execution has to follow.
#[derive(Debug, Clone, Copy)]
struct Seen {
    status: Status,
    seq: u64,
    completed_at: Option<Timestamp>,
}

/// One execution.
#[derive(Debug)]
struct Kept {
    head: Head,
    events: Vec<Recorded>,
    parked: BTreeSet<ActionName>,
    snapshot: Option<Snapshot>,
}

impl Memory {
    pub fn new() -> Memory {
        Memory::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn commit(&self, batch: &Batch) -> Result<Committed, Fault> {
        let mut state = self.state();
        if batch.number != state.batch + 1 && !mutated("fence-forgotten") {
            return Err(Fault::fenced("commit", batch.number, state.batch));
        }
        let committed = state.settle(batch);
        let stays = |place: &usize| committed.taken.binary_search_by_key(place, |(taken, _)| *taken).is_err();
        let items: Vec<&Item> = (0..batch.items.len()).filter(stays).map(|place| &batch.items[place]).collect();
        state.check(&items)?;
        for item in items {
            state.apply(item);
        }
        state.batch = batch.number;
        Ok(committed)
    }

    fn batch(&self) -> Result<u64, Fault> {
        Ok(self.state().batch)
    }

    fn reopen(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn rest(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn load(&self, ids: &[ExecutionId]) -> Result<Vec<Option<Stored>>, Fault> {
        let state = self.state();
        Ok(ids.iter().map(|id| state.executions.get(id).map(Kept::stored)).collect())
    }

    fn payloads(&self, wanted: &[(ExecutionId, u64)]) -> Result<Vec<Json>, Fault> {
        let state = self.state();
        let payload = |&(id, seq): &(ExecutionId, u64)| {
            let event = state.executions.get(&id).and_then(|kept| kept.events.iter().find(|recorded| recorded.seq == seq));
            let payload = event.and_then(|recorded| recorded.event.payload());
            let apart = payload.filter(|payload| payload.bytes() > PAYLOAD_INLINE_BYTES_MAX);
            apart.map(|payload| payload.json().clone()).ok_or_else(|| Fault::payload_missing(id, seq))
        };
        wanted.iter().map(payload).collect()
    }

    fn history(&self, id: ExecutionId, after: u64, limit: usize, texts: Texts) -> Result<Option<History>, Fault> {
        let state = self.state();
        let Some(kept) = state.executions.get(&id) else { return Ok(None) };
        let mut rest = kept.events.iter().filter(|recorded| recorded.seq > after).peekable();
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < limit && bytes < HISTORY_PAGE_BYTES_MAX {
            let Some(recorded) = rest.next() else { break };
            let mut recorded = recorded.clone();
            if texts == Texts::Left {
                leave_long(&mut recorded);
            }
            bytes += written_bytes(&recorded);
            events.push(recorded);
        }
        let (workflow, version, last) = (kept.head.workflow.clone(), kept.head.version, kept.events.len() as u64);
        Ok(Some(History { workflow, version, events, more: rest.peek().is_some(), last }))
    }

    fn executions(&self, filter: &Filter) -> Result<Heads, Fault> {
        let state = self.state();
        let heads = state.executions.values().rev().filter(|kept| kept.matches(filter)).take(filter.limit);
        Ok(Heads { heads: heads.map(|kept| kept.head.clone()).collect(), stopped_at: None })
    }

    fn count(&self, filter: &Filter, max: u64) -> Result<Counted, Fault> {
        let filter = Filter { before: None, ..filter.clone() };
        let (state, mut counted) = (self.state(), Counted::default());
        for (number, kept) in state.executions.values().filter(|kept| kept.matches(&filter)).enumerate() {
            if number as u64 == max {
                counted.incomplete = true;
                break;
            }
            *counted.by_status.entry(kept.head.status).or_default() += 1;
        }
        Ok(counted)
    }

    fn due(&self, until: Timestamp, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Cursor>, Fault> {
        let state = self.state();
        let all = state.executions.values().filter_map(|kept| Some(Cursor { wake_at: kept.head.wake_at?, id: kept.head.id }));
        let due: BTreeSet<Cursor> = all.filter(|at| at.wake_at <= until && Some(*at) > cursor).collect();
        Ok(due.into_iter().take(limit).collect())
    }

    fn next_wake(&self, after: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let state = self.state();
        Ok(state.executions.values().filter_map(|kept| kept.head.wake_at).filter(|wake_at| *wake_at > after).min())
    }

    fn parked(&self, action: &ActionName, after: Option<ExecutionId>, limit: usize) -> Result<Vec<ExecutionId>, Fault> {
        let state = self.state();
        let wanting = state.executions.iter().filter(|(id, kept)| Some(**id) > after && kept.parked.contains(action));
        Ok(wanting.map(|(id, _)| *id).take(limit).collect())
    }

    fn ended(
        &self,
        workflow: &WorkflowId,
        status: Status,
        until: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, Fault> {
        let state = self.state();
        let of = |kept: &&Kept| kept.head.workflow == *workflow && kept.head.status == status;
        let to_look_at =
            state.executions.values().filter(of).filter(|kept| Some(kept.head.id) > after && kept.head.id.at() <= until);
        let mut ended = Ended::default();
        for (looked_at, kept) in to_look_at.enumerate() {
            if looked_at == ENDED_LOOKED_AT_MAX || ended.ids.len() == limit {
                return Ok(ended);
            }
            ended.next = Some(kept.head.id);
            if kept.head.completed_at.is_some_and(|at| at <= until) {
                ended.ids.push(kept.head.id);
            }
        }
        Ok(Ended { next: None, ..ended })
    }

    fn definitions(&self) -> Result<Vec<DefinitionRow>, Fault> {
        Ok(self.state().definitions.values().cloned().collect())
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, Fault> {
        Ok(self.state().endpoints.values().cloned().collect())
    }

    fn tokens(&self) -> Result<TokenRows, Fault> {
        Ok(TokenRows { sound: self.state().tokens.values().cloned().collect(), ..TokenRows::default() })
    }

    fn counts(&self) -> Result<Vec<(String, Status, u64)>, Fault> {
        let state = self.state();
        let mut counts = BTreeMap::new();
        for kept in state.executions.values() {
            *counts.entry((kept.head.workflow.to_string(), kept.head.status)).or_insert(0) += 1;
        }
        Ok(counts.into_iter().map(|((workflow, status), count)| (workflow, status, count)).collect())
    }

    fn version_counts(&self) -> Result<Vec<VersionCount>, Fault> {
        let (state, mut counts) = (self.state(), BTreeMap::new());
        for Kept { head, .. } in state.executions.values() {
            *counts.entry((head.workflow.to_string(), head.version, head.status)).or_insert(0) += 1;
        }
        let count = |((workflow, version, status), count)| VersionCount { workflow, version, status, count };
        Ok(counts.into_iter().map(count).collect())
    }

    fn failure_counts(&self) -> Result<Vec<FailureCount>, Fault> {
        let (state, mut counts) = (self.state(), BTreeMap::new());
        for Kept { head, .. } in state.executions.values() {
            let Some(failure) = head.failure() else { continue };
            let (failed, retrying) = counts.entry((failure, head.workflow.to_string(), head.version)).or_insert((0, 0));
            *(if head.retrying { retrying } else { failed }) += 1;
        }
        let count =
            |((failure, workflow, version), (failed, retrying))| FailureCount { failure, workflow, version, failed, retrying };
        Ok(counts.into_iter().map(count).collect())
    }

    fn documents(&self, filter: &DocumentFilter) -> Result<Vec<Document>, Fault> {
        let state = self.state();
        let meant = state.documents.iter().filter(|((kind, key), _)| *kind == filter.kind && filter.keys.contains(key));
        let document = |((kind, key), body): (&(String, String), &Json)| Document {
            kind: kind.clone(),
            key: key.clone(),
            body: body.clone(),
        };
        Ok(match filter.order {
            Order::Ascending => meant.take(filter.limit).map(document).collect(),
            Order::Descending => meant.rev().take(filter.limit).map(document).collect(),
        })
    }

    fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault> {
        Ok(self.state().claims.get(&(kind, scope.to_owned(), key.to_owned())).cloned())
    }
}

impl Whole for Memory {
    fn document_kind_after(&self, kind: &str) -> Result<Option<String>, Fault> {
        let state = self.state();
        Ok(state.documents.keys().map(|(its_kind, _)| its_kind).find(|its_kind| its_kind.as_str() > kind).cloned())
    }

    fn wanted_by(&self, ids: &[ExecutionId]) -> Result<Vec<(ExecutionId, ActionName)>, Fault> {
        let state = self.state();
        let there = ids.iter().filter_map(|id| state.executions.get(id));
        Ok(there.flat_map(|kept| kept.parked.iter().map(|action| (kept.head.id, action.clone()))).collect())
    }

    fn claims_of(&self, ids: &[ExecutionId]) -> Result<Vec<Claimed>, Fault> {
        let state = self.state();
        let leads = |taken: &Taken| ids.iter().any(|id| taken.executions.contains(id) && state.executions.contains_key(id));
        Ok(state.claims.iter().filter(|(_, taken)| leads(taken)).map(claimed).collect())
    }

    fn claims_after(&self, after: Option<&Claimed>, limit: usize) -> Result<Vec<Claimed>, Fault> {
        let state = self.state();
        let after = after.map(|claim| (claim.kind, claim.scope.clone(), claim.key.clone()));
        Ok(state.claims.iter().filter(|(of, _)| Some(*of) > after.as_ref()).take(limit).map(claimed).collect())
    }
}

fn claimed(((kind, scope, key), taken): (&(ClaimKind, String, String), &Taken)) -> Claimed {
    Claimed { kind: *kind, scope: scope.clone(), key: key.clone(), executions: taken.executions.clone() }
}

impl State {
    /// Which items find their claim taken, by an earlier batch or by an earlier item of this one.
    fn settle(&self, batch: &Batch) -> Committed {
        let mut fresh: BTreeMap<(ClaimKind, String, String), Taken> = BTreeMap::new();
        let mut taken = Vec::new();
        for (place, item) in batch.items.iter().enumerate() {
            let Some(claim) = &item.claim else { continue };
            let key = (claim.kind, claim.scope.clone(), claim.key.clone());
            match self.claims.get(&key).or_else(|| fresh.get(&key)) {
                Some(holder) => taken.push((place, holder.clone())),
                None => drop(fresh.insert(key, Taken { executions: claim.executions.clone(), data: claim.data.clone() })),
            }
        }
        Committed { taken }
    }

    /// Whether the changes follow what is stored; so a batch that does not is refused before anything of it is applied.
    fn check(&self, items: &[&Item]) -> Result<(), Fault> {
        // What is there after the changes so far, where they touch it.
        let mut seen: BTreeMap<ExecutionId, Option<Seen>> = BTreeMap::new();
        let mut versions = BTreeSet::new();
        for change in items.iter().flat_map(|item| &item.changes) {
            match change {
                Change::Transition(transition) => {
                    let before = *seen.entry(transition.id).or_insert_with(|| self.seen(transition.id));
                    let (status, seq) = transition.follows(before.map(|seen| (seen.status, seen.seq)))?;
                    let completed_at = match &transition.head {
                        Some(change) => change.head.completed_at,
                        None => before.and_then(|seen| seen.completed_at),
                    };
                    seen.insert(transition.id, Some(Seen { status, seq, completed_at }));
                }
                Change::Delete(deletion) => {
                    let there = seen.entry(deletion.id).or_insert_with(|| self.seen(deletion.id));
                    *there = there.filter(|seen| !deletion.which.means(seen.status, seen.completed_at));
                }
                Change::Define(row) => {
                    let key = (row.workflow.clone(), row.version);
                    if self.definitions.contains_key(&key) || !versions.insert(key) {
                        return Err(Fault::version_twice(row));
                    }
                }
                Change::Undefine { .. }
                | Change::PutEndpoint(_)
                | Change::RemoveEndpoint(_)
                | Change::PutToken(_)
                | Change::PutDocument(_)
                | Change::RemoveDocuments { .. } => {}
                Change::Require { .. } | Change::Give { .. } | Change::Answer { .. } => return Err(change.refused_alone()),
            }
        }
        Ok(())
    }

    fn seen(&self, id: ExecutionId) -> Option<Seen> {
        let kept = self.executions.get(&id)?;
        let Head { status, completed_at, .. } = kept.head;
        Some(Seen { status, seq: kept.events.len() as u64, completed_at })
    }

    fn apply(&mut self, item: &Item) {
        if let Some(claim) = &item.claim {
            let key = (claim.kind, claim.scope.clone(), claim.key.clone());
            self.claims.insert(key, Taken { executions: claim.executions.clone(), data: claim.data.clone() });
        }
        for change in &item.changes {
            match change {
                Change::Transition(transition) => self.transition(transition),
                Change::Define(row) => {
                    self.definitions.insert((row.workflow.clone(), row.version), (**row).clone());
                }
                Change::Undefine { workflow, at } => {
                    for row in self.definitions.values_mut().filter(|row| row.workflow == *workflow) {
                        row.deleted_at.get_or_insert(*at);
                    }
                }
                Change::PutEndpoint(endpoint) => {
                    self.endpoints.insert(endpoint.name.clone(), (**endpoint).clone());
                }
                Change::RemoveEndpoint(name) => {
                    self.endpoints.remove(name);
                }
                Change::Delete(deletion) => self.delete(deletion),
                Change::PutToken(token) => {
                    self.tokens.insert(token.id.clone(), (**token).clone());
                }
                Change::PutDocument(document) => {
                    let Document { kind, key, body } = (**document).clone();
                    self.documents.insert((kind, key), body);
                }
                Change::RemoveDocuments { kind, keys } => {
                    self.documents.retain(|(its_kind, key), _| its_kind != kind || !keys.contains(key));
                }
                Change::Require { .. } | Change::Give { .. } | Change::Answer { .. } => unreachable!("they are refused first"),
            }
        }
    }

    fn delete(&mut self, deletion: &Deletion) {
        let Some(Seen { status, completed_at, .. }) = self.seen(deletion.id) else { return };
        if !deletion.which.means(status, completed_at) {
            return;
        }
        self.executions.remove(&deletion.id);
        let executions = &self.executions;
        let is_kept = |taken: &Taken| taken.executions.iter().any(|id| executions.contains_key(id));
        self.claims.retain(|_, taken| !taken.executions.contains(&deletion.id) || is_kept(taken));
    }

    fn transition(&mut self, transition: &Transition) {
        if let Some(change) = transition.head.as_ref().filter(|change| change.status_before.is_none()) {
            let (head, events) = (change.head.clone(), Vec::new());
            self.executions.insert(transition.id, Kept { head, events, parked: BTreeSet::new(), snapshot: None });
        }
        let kept = self.executions.get_mut(&transition.id).expect("`check` has seen that it is there, or new");
        kept.events.extend(transition.events.iter().cloned());
        if let Some(change) = &transition.head {
            kept.head = change.head.clone();
        }
        if let Some(actions) = &transition.parked {
            kept.parked = actions.iter().cloned().collect();
        }
        if let Some(snapshot) = &transition.snapshot {
            kept.snapshot = Some(snapshot.clone());
        }
    }
}

impl Kept {
    fn stored(&self) -> Stored {
        let snapshot = self.snapshot.clone().filter(Snapshot::is_usable);
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        let mut events: Vec<Recorded> = self.events.iter().filter(|recorded| recorded.seq > after).cloned().collect();
        events.iter_mut().for_each(leave_long);
        Stored { head: self.head.clone(), snapshot, events }
    }

    fn matches(&self, filter: &Filter) -> bool {
        filter.matches(&self.head)
            && (filter.parked.is_empty() || filter.parked.iter().any(|action| self.parked.contains(action)))
    }
}

/// Leaves the text of a long payload in the store.
fn leave_long(recorded: &mut Recorded) {
    if let Some(payload) = recorded.event.payload_mut().filter(|payload| payload.bytes() > PAYLOAD_INLINE_BYTES_MAX) {
        payload.release();
    }
}
