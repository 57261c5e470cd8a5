//! Everything that one store holds, written into another: what `workflow move` does.
//!
//! Only what both contracts say is read and written, so any store can be copied to any other. Left behind are snapshots, which are a
//! cache, and counters, which follow from what is committed. Executions go over one after the other, newest first, in batches of
//! bounded length; what is held in memory does not grow with their number.
//!
//! A mark ([`unfinished`]) is the first thing that is committed and its removal the last, so that what a copy has left that broke off
//! is never taken for a database: an engine does not open one that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use workflow_core::event::Recorded;
use workflow_core::id::{ActionName, ExecutionId, Version};
use workflow_core::json::Json;
use workflow_core::status::Status;

use crate::row::written_bytes;
use crate::{
    Batch, Change, Claim, ClaimKind, Document, DocumentFilter, Fault, Filter, Head, HeadChange, Item, KeyRange, Order, Store,
    Texts, TokenRows, Transition, VersionCount,
};

/// A batch is committed once it has so many bytes; its last item may take it beyond by a page of a history.
const BATCH_BYTES: usize = 4 << 20;
/// Or once it has so many items.
const BATCH_ITEMS: usize = 2_000;
/// Head rows, and claims, that are read at once.
const ROWS: usize = 500;
/// Events of a history that are read at once, unless they are too long.
const EVENTS: usize = 2_000;
/// Documents that are read at once: one may have some hundred kilobytes.
const DOCUMENTS: usize = 32;
/// What a row counts for besides its texts.
const ROW_BYTES: usize = 300;
/// A commit that the world has kept from being made is tried so often, with pauses.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// The kind of the document that marks a copy under way.
const MARK: &str = "move";

/// What only a copy of everything asks a store for.
pub trait Whole: Store {
    /// The first kind of documents in the order of their names, after this one.
    fn document_kind_after(&self, kind: &str) -> Result<Option<String>, Fault>;

    /// The actions that these executions, at rest, want.
    fn wanted_by(&self, ids: &[ExecutionId]) -> Result<Vec<(ExecutionId, ActionName)>, Fault>;

    /// The claims that have started any of these executions and are held by them, each once. Ids of executions that are not there
    /// lead to none.
    fn claims_of(&self, ids: &[ExecutionId]) -> Result<Vec<Claimed>, Fault>;

    /// Claims in an order of the store's own, those after this one.
    fn claims_after(&self, after: Option<&Claimed>, limit: usize) -> Result<Vec<Claimed>, Fault>;
}

/// A claim without its data, which [`Store::claim`] tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimed {
    pub kind: ClaimKind,
    pub scope: String,
    pub key: String,
    pub executions: Vec<ExecutionId>,
}

/// How much has been copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Versions of definitions.
    pub definitions: u64,
    pub endpoints: u64,
    pub tokens: u64,
    pub documents: u64,
    pub executions: u64,
    pub events: u64,
    /// Idempotency keys and event ids.
    pub claims: u64,
    /// Where the source counts other executions than were found in it: a counter is wrong there, or an index has lost some.
    pub miscounted: Vec<String>,
}

/// Why a store was not copied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// Nothing was written.
    #[error("the target is not empty: it holds {}", .holds.join(", "))]
    NotEmpty { holds: Vec<String> },
    /// Nothing was written.
    #[error("the source holds an unfinished move from {from}")]
    SourceUnfinished { from: String },
    /// Nothing was written.
    #[error("the target holds an unfinished move from {from}")]
    TargetUnfinished { from: String },
    /// The target keeps its mark.
    #[error("the source: {0}")]
    Source(Fault),
    /// The target keeps its mark.
    #[error("the target: {0}")]
    Target(Fault),
    /// The target keeps its mark.
    #[error("{0}")]
    Differs(String),
}

/// The body of the mark.
#[derive(Serialize, Deserialize)]
struct Mark {
    from: String,
}

/// Where the copy comes from that a store has not been given whole; `None` for every other store.
pub fn unfinished(store: &dyn Store) -> Result<Option<String>, Fault> {
    Ok(source_of(&store.documents(&marks())?))
}

/// The mark is among these.
pub(crate) fn marks() -> DocumentFilter {
    DocumentFilter { kind: MARK.to_owned(), keys: KeyRange::beginning(""), order: Order::Ascending, limit: 1 }
}

pub(crate) fn source_of(marks: &[Document]) -> Option<String> {
    let mark = marks.first()?;
    Some(mark.body.to::<Mark>().map_or_else(|_| "another database".to_owned(), |mark| mark.from))
}

/// Writes everything of `from` to `to`, which must be empty. `named` is what a person knows `from` by: whoever finds what a copy that
/// broke off has left is told. `progress` hears after each commit how far it is.
///
/// Nobody else may write to either of them meanwhile. Once it has returned `Ok`, everything is in `to`, as durable as what any commit
/// writes; after a crash or an error in the middle `to` has its mark, and is of no use but to be emptied.
pub fn copy(from: &dyn Whole, to: &dyn Whole, named: &str, progress: &mut dyn FnMut(&Copied)) -> Result<Copied, CopyError> {
    if let Some(from) = unfinished(from).map_err(CopyError::Source)? {
        return Err(CopyError::SourceUnfinished { from });
    }
    if let Some(from) = unfinished(to).map_err(CopyError::Target)? {
        return Err(CopyError::TargetUnfinished { from });
    }
    let holds = contents(to).map_err(CopyError::Target)?;
    if !holds.is_empty() {
        return Err(CopyError::NotEmpty { holds });
    }
    let mut copying = Copying {
        from,
        to,
        progress,
        items: Vec::new(),
        bytes: 0,
        copied: Copied::default(),
        begun: BTreeSet::new(),
        counts: BTreeMap::new(),
    };
    copying.mark(named)?;
    copying.catalog()?;
    copying.documents()?;
    copying.executions()?;
    copying.claims()?;
    copying.flush()?;
    copying.compare()?;
    copying.unmark()?;
    Ok(copying.copied)
}

/// What there is, for a person; empty when there is nothing.
fn contents(store: &dyn Whole) -> Result<Vec<String>, Fault> {
    let executions: u64 = store.counts()?.into_iter().map(|(_, _, count)| count).sum();
    let mut holds = Vec::new();
    for (count, [one, many]) in [
        (executions, ["execution", "executions"]),
        (store.definitions()?.len() as u64, ["version of a definition", "versions of definitions"]),
        (store.endpoints()?.len() as u64, ["endpoint", "endpoints"]),
        (store.tokens()?.count() as u64, ["token", "tokens"]),
    ] {
        if count > 0 {
            holds.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    // Counters may be wrong; that there is any is certain.
    if executions == 0 && !store.executions(&Filter { limit: 1, ..Filter::default() })?.heads.is_empty() {
        holds.push("executions".to_owned());
    }
    if !store.claims_after(None, 1)?.is_empty() {
        holds.push("idempotency keys or event ids".to_owned());
    }
    let mut kind = String::new();
    while let Some(next) = store.document_kind_after(&kind)? {
        holds.push(format!("documents of kind `{next}`"));
        kind = next;
    }
    Ok(holds)
}

/// A copy under way.
struct Copying<'a> {
    from: &'a dyn Whole,
    to: &'a dyn Whole,
    progress: &'a mut dyn FnMut(&Copied),
    /// What is committed next.
    items: Vec<Item>,
    bytes: usize,
    copied: Copied,
    /// Executions whose head row went with that of another one which the same claim has started; those of one claim are neighbours,
    /// so there are few.
    begun: BTreeSet<ExecutionId>,
    counts: BTreeMap<(String, Version, Status), u64>,
}

impl Copying<'_> {
    fn mark(&mut self, named: &str) -> Result<(), CopyError> {
        let body = Json::from_serialize(&Mark { from: named.to_owned() }).expect("a text is JSON");
        let document = Document { kind: MARK.to_owned(), key: "unfinished".to_owned(), body };
        self.add(ROW_BYTES, vec![Change::PutDocument(Box::new(document))])?;
        self.flush()
    }

    fn unmark(&mut self) -> Result<(), CopyError> {
        self.add(ROW_BYTES, vec![Change::RemoveDocuments { kind: MARK.to_owned(), keys: KeyRange::beginning("") }])?;
        self.flush()
    }

    fn catalog(&mut self) -> Result<(), CopyError> {
        for row in self.from.definitions().map_err(CopyError::Source)? {
            self.copied.definitions += 1;
            self.add(ROW_BYTES + row.stored.len() + row.source.len(), vec![Change::Define(Box::new(row))])?;
        }
        for endpoint in self.from.endpoints().map_err(CopyError::Source)? {
            self.copied.endpoints += 1;
            self.add(ROW_BYTES, vec![Change::PutEndpoint(Box::new(endpoint))])?;
        }
        for token in self.from.tokens().and_then(TokenRows::whole).map_err(CopyError::Source)? {
            self.copied.tokens += 1;
            self.add(ROW_BYTES, vec![Change::PutToken(Box::new(token))])?;
        }
        Ok(())
    }

    fn documents(&mut self) -> Result<(), CopyError> {
        let mut after = String::new();
        while let Some(kind) = self.from.document_kind_after(&after).map_err(CopyError::Source)? {
            // Downwards: what lies below a key is a range, whatever characters a store can keep.
            let mut filter =
                DocumentFilter { kind: kind.clone(), keys: KeyRange::beginning(""), order: Order::Descending, limit: DOCUMENTS };
            loop {
                let page = self.from.documents(&filter).map_err(CopyError::Source)?;
                let Some(last) = page.last() else { break };
                filter.keys.to.clone_from(&last.key);
                for document in page {
                    self.copied.documents += 1;
                    self.add(ROW_BYTES + document.body.len(), vec![Change::PutDocument(Box::new(document))])?;
                }
            }
            after = kind;
        }
        Ok(())
    }

    fn executions(&mut self) -> Result<(), CopyError> {
        let mut filter = Filter { limit: ROWS, ..Filter::default() };
        loop {
            let heads = self.from.executions(&filter).map_err(CopyError::Source)?.heads;
            let Some(last) = heads.last() else { return Ok(()) };
            filter.before = Some(last.id);
            let ids: Vec<ExecutionId> = heads.iter().map(|head| head.id).collect();
            let mut wanted: BTreeMap<ExecutionId, Vec<ActionName>> = BTreeMap::new();
            for (id, action) in self.from.wanted_by(&ids).map_err(CopyError::Source)? {
                wanted.entry(id).or_default().push(action);
            }
            let mut claims: BTreeMap<ExecutionId, Claimed> = BTreeMap::new();
            for claim in self.from.claims_of(&ids).map_err(CopyError::Source)? {
                claims.extend(claim.executions.iter().map(|id| (*id, claim.clone())));
            }
            for head in heads {
                let begun = self.begun.remove(&head.id);
                let claim = claims.remove(&head.id).filter(|_| !begun);
                self.execution(&head, begun, claim.as_ref(), wanted.remove(&head.id))?;
            }
        }
    }

    /// A claim is committed with the head rows of all that it has started: stores may know from those what is deleted with them.
    fn execution(
        &mut self,
        head: &Head,
        mut begun: bool,
        claim: Option<&Claimed>,
        wanted: Option<Vec<ActionName>>,
    ) -> Result<(), CopyError> {
        *self.counts.entry((head.workflow.to_string(), head.version, head.status)).or_default() += 1;
        self.copied.executions += 1;
        let mut claim = match claim {
            Some(claimed) if claimed.executions.len() > 1 => {
                let mut changes = vec![beginning(head)];
                for other in claimed.executions.iter().filter(|id| **id != head.id) {
                    if let Some(other) = self.head(*other)? {
                        changes.push(beginning(&other));
                        self.begun.insert(other.id);
                    }
                }
                let claim = self.claim(claimed)?;
                let bytes = claim.data.len() + changes.len() * ROW_BYTES;
                self.add_item(bytes, Item { claim: Some(claim), changes })?;
                begun = true;
                None
            }
            Some(claimed) => Some(self.claim(claimed)?),
            None => None,
        };
        let (mut after, mut wanted) = (0, wanted);
        loop {
            let page = self.from.history(head.id, after, EVENTS, Texts::Read).map_err(CopyError::Source)?;
            let page = page.ok_or_else(|| CopyError::Differs(format!("{} is listed in the source, and not there", head.id)))?;
            let data = claim.as_ref().map_or(0, |claim: &Claim| claim.data.len());
            let bytes = data + ROW_BYTES + page.events.iter().map(written_bytes).sum::<usize>();
            self.copied.events += page.events.len() as u64;
            after = page.events.last().map_or(after, |recorded| recorded.seq);
            // The last part has the head row again: with it goes where the history ends.
            let is_last = !page.more;
            let status_before = begun.then_some(head.status);
            let change = Change::Transition(Box::new(Transition {
                id: head.id,
                events: page.events,
                head: (is_last || !begun).then(|| HeadChange { head: head.clone(), status_before }),
                parked: if is_last { wanted.take() } else { None },
                snapshot: None,
            }));
            begun = true;
            self.add_item(bytes, Item { claim: claim.take(), changes: vec![change] })?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// The head row of one execution.
    fn head(&self, id: ExecutionId) -> Result<Option<Head>, CopyError> {
        let above = id.to_u128().checked_add(1).map(|above| ExecutionId::from_bytes(above.to_be_bytes()));
        let filter = Filter { before: above, limit: 1, ..Filter::default() };
        let heads = self.from.executions(&filter).map_err(CopyError::Source)?.heads;
        Ok(heads.into_iter().next().filter(|head| head.id == id))
    }

    fn claim(&mut self, claimed: &Claimed) -> Result<Claim, CopyError> {
        let Claimed { kind, scope, key, executions } = claimed.clone();
        let held = self.from.claim(kind, &scope, &key).map_err(CopyError::Source)?;
        let held =
            held.ok_or_else(|| CopyError::Differs(format!("`{key}` of `{scope}` is listed in the source, and not there")))?;
        self.copied.claims += 1;
        Ok(Claim { kind, scope, key, executions, data: held.data })
    }

    /// Claims that no execution leads to: events that have started nothing.
    fn claims(&mut self) -> Result<(), CopyError> {
        let mut after = None;
        loop {
            let page = self.from.claims_after(after.as_ref(), ROWS).map_err(CopyError::Source)?;
            if page.is_empty() {
                return Ok(());
            }
            let ids: Vec<ExecutionId> = page.iter().flat_map(|claim| claim.executions.iter().copied()).collect();
            let done: BTreeSet<Claimed> = self.from.claims_of(&ids).map_err(CopyError::Source)?.into_iter().collect();
            for claimed in page.iter().filter(|claimed| !done.contains(claimed)) {
                let claim = self.claim(claimed)?;
                self.add_item(ROW_BYTES + claim.data.len(), Item { claim: Some(claim), changes: Vec::new() })?;
            }
            after = page.into_iter().next_back();
        }
    }

    fn add(&mut self, bytes: usize, changes: Vec<Change>) -> Result<(), CopyError> {
        self.add_item(bytes, Item { claim: None, changes })
    }

    fn add_item(&mut self, bytes: usize, item: Item) -> Result<(), CopyError> {
        self.items.push(item);
        self.bytes += bytes;
        if self.bytes >= BATCH_BYTES || self.items.len() >= BATCH_ITEMS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), CopyError> {
        if self.items.is_empty() {
            return Ok(());
        }
        let number = self.to.batch().map_err(CopyError::Target)? + 1;
        let batch = Batch { number, items: std::mem::take(&mut self.items) };
        self.bytes = 0;
        let taken = self.commit(&batch)?;
        if let Some(claim) = taken.and_then(|place| batch.items[place].claim.as_ref()) {
            return Err(CopyError::Differs(format!("`{}` of `{}` is claimed twice in the source", claim.key, claim.scope)));
        }
        (self.progress)(&self.copied);
        Ok(())
    }

    /// The place of the first item whose claim is taken.
    fn commit(&self, batch: &Batch) -> Result<Option<usize>, CopyError> {
        let mut tries = 1;
        loop {
            let fault = match self.to.commit(batch) {
                Ok(committed) => return Ok(committed.taken.first().map(|(place, _)| *place)),
                Err(fault) => fault,
            };
            if !fault.is_retryable() || tries == TRIES {
                return Err(CopyError::Target(fault));
            }
            tracing::warn!(%fault, "a commit is tried again");
            std::thread::sleep(PAUSE * tries);
            tries += 1;
            // What is not to be reached yet may be the next time.
            if self.to.reopen().is_ok() && self.to.batch().map_err(CopyError::Target)? == batch.number {
                return Ok(None);
            }
        }
    }

    /// What was met in the source, against what both count.
    fn compare(&mut self) -> Result<(), CopyError> {
        if !self.from.lease().lasts() {
            // Only commits are refused to who has lost a database; this one was only read.
            let lost = "another engine may have written to the source meanwhile: its lease could not be renewed in time";
            return Err(CopyError::Differs(lost.to_owned()));
        }
        let target = self.miscounted(&self.to.version_counts().map_err(CopyError::Target)?);
        if let Some(differs) = target.into_iter().next() {
            return Err(CopyError::Differs(format!("of what was written to the target {differs}")));
        }
        self.copied.miscounted = self.miscounted(&self.from.version_counts().map_err(CopyError::Source)?);
        Ok(())
    }

    fn miscounted(&self, counts: &[VersionCount]) -> Vec<String> {
        let of = |found: &VersionCount| (found.workflow.clone(), found.version, found.status);
        let counted: BTreeMap<(String, Version, Status), u64> = counts.iter().map(|found| (of(found), found.count)).collect();
        let all: BTreeSet<_> = self.counts.keys().chain(counted.keys()).collect();
        let differ = all.into_iter().filter(|of| self.counts.get(of) != counted.get(of));
        let told = |of: &(String, Version, Status)| {
            let [counted, found] = [&counted, &self.counts].map(|counts| counts.get(of).copied().unwrap_or_default());
            let (workflow, version, status) = of;
            format!("{counted} executions of `{workflow}` v{version} are counted as {status}, and {found} were found")
        };
        differ.map(told).collect()
    }
}

/// A new execution that has only a head row yet.
fn beginning(head: &Head) -> Change {
    Change::Transition(Box::new(Transition {
        id: head.id,
        events: Vec::<Recorded>::new(),
        head: Some(HeadChange { head: head.clone(), status_before: None }),
        parked: None,
        snapshot: None,
    }))
}
