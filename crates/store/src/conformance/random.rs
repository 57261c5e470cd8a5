//! Random batches on a store and on memory, with every read compared.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use workflow_core::codec;
use workflow_core::event::Event;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ActionName, ExecutionId, WorkflowId};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::sample::{
    action, append, at, begun, completed, definition, endpoint, head, id, json, recorded, started, token, workflow,
};
use crate::{
    Batch, Change, Claim, ClaimKind, CopyError, Cursor, Deletable, Deletion, Document, DocumentFilter, Erasure, Fault, Filter,
    Head, HeadChange, Item, KeyRange, Memory, Order, Snapshot, Store, Texts, Transition, Whole, copy,
};

/// What to do, without knowing what is there; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Start {
        workflow: u8,
        started_ms: i64,
        claim: Option<u8>,
        wake_at: Option<i64>,
    },
    Go {
        which: u8,
        events: u8,
        output_bytes: usize,
        head: Option<(u8, Option<i64>)>,
        parked: Option<Vec<u8>>,
        snapshot: bool,
    },
    Define {
        workflow: u8,
    },
    Undefine {
        workflow: u8,
    },
    Endpoint {
        which: u8,
        put: bool,
    },
    Delete {
        which: u8,
        /// None: whatever it is.
        ended_until: Option<i64>,
        at_once: bool,
    },
    Token {
        which: u8,
        revoked: bool,
    },
    Document {
        which: u8,
        put: bool,
    },
    /// A batch that must be refused, unless the item is left out.
    Gap {
        which: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let wake_at = || proptest::option::of(0..6i64);
    let start = (0..3u8, -2_000..2_000i64, proptest::option::of(0..6u8), wake_at());
    let go = (
        any::<u8>(),
        0..4u8,
        prop_oneof![4 => 2..40usize, 1 => 4_000..6_000usize],
        proptest::option::of((0..7u8, wake_at())),
        proptest::option::of(vec(0..3u8, 0..3)),
        prop::bool::weighted(0.1),
    );
    prop_oneof![
        6 => start.prop_map(|(workflow, started_ms, claim, wake_at)| Step::Start { workflow, started_ms, claim, wake_at }),
        12 => go.prop_map(|(which, events, output_bytes, head, parked, snapshot)| {
            Step::Go { which, events, output_bytes, head, parked, snapshot }
        }),
        1 => (0..3u8).prop_map(|workflow| Step::Define { workflow }),
        1 => (0..3u8).prop_map(|workflow| Step::Undefine { workflow }),
        1 => (0..3u8, any::<bool>()).prop_map(|(which, put)| Step::Endpoint { which, put }),
        2 => (any::<u8>(), proptest::option::weighted(0.8, 0..8i64), any::<bool>()).prop_map(|(which, ended_until, at_once)| {
            Step::Delete { which, ended_until, at_once }
        }),
        1 => (0..6u8, any::<bool>()).prop_map(|(which, revoked)| Step::Token { which, revoked }),
        1 => (0..9u8, any::<bool>()).prop_map(|(which, put)| Step::Document { which, put }),
        1 => any::<u8>().prop_map(|which| Step::Gap { which }),
    ]
}

/// What happens to the store after a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
enum After {
    Nothing,
    Rest,
    /// The process is killed, and another opens the store.
    Crash,
}

/// Plays `cases` random runs on stores that `empty` makes. `crashed` gives the store as another process finds it when the one
/// that has this open is killed; or gives it back, when a crash takes everything.
///
/// # Panics
/// At the first answer that differs from memory's, with the shortest run that shows it.
pub fn agrees_with_memory(cases: u32, empty: impl Fn() -> Box<dyn Store>, crashed: impl Fn(Box<dyn Store>) -> Box<dyn Store>) {
    // Seeded afresh each time: the shortest run is printed, and is a regression test to be written down.
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let after = prop_oneof![6 => Just(After::Nothing), 1 => Just(After::Rest), 1 => Just(After::Crash)];
    let runs = vec((vec(vec(step(), 1..3), 0..6), after), 1..16);
    let outcome = TestRunner::new(config).run(&runs, |batches| {
        let (mut store, memory) = (empty(), Memory::new());
        let mut run = Run::default();
        for (items, after) in &batches {
            run.play(&*store, &memory, items)?;
            match after {
                After::Nothing => continue,
                After::Rest => store.rest().map_err(failed)?,
                After::Crash => store = crashed(store),
            }
            run.compare(&*store, &memory)?;
        }
        run.compare(&*store, &memory)
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Plays `cases` random runs on memory, copies what has come of each to a store that `empty` makes, and from there to memory again.
/// Both copies must answer as the original does.
///
/// # Panics
/// At the first answer that differs, with the shortest run that shows it.
pub fn copies_agree(cases: u32, empty: impl Fn() -> Box<dyn Whole>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let runs = vec(vec(vec(step(), 1..4), 0..8), 1..24);
    let outcome = TestRunner::new(config).run(&runs, |batches| {
        let (original, twin) = (Memory::new(), Memory::new());
        let mut run = Run::default();
        for items in &batches {
            run.play(&twin, &original, items)?;
        }
        let (there, back) = (empty(), Memory::new());
        let copied = |error: CopyError| TestCaseError::fail(error.to_string());
        copy(&original, &*there, "the original", &mut |_| {}).map_err(copied)?;
        run.compare_contents(&*there, &original)?;
        copy(&*there, &back, "the copy", &mut |_| {}).map_err(copied)?;
        run.compare_contents(&back, &original)
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[derive(Default)]
struct Run {
    next_id: u32,
    next_version: [u32; 3],
    /// Every execution that was ever started, those left out included.
    ids: Vec<ExecutionId>,
}

/// What is stored of an execution, or will be once the batch is in.
#[derive(Clone)]
struct Now {
    head: Head,
    seq: u64,
}

const WORKFLOWS: [&str; 3] = ["order", "another", "order.v2"];
const ACTIONS: [&str; 3] = ["charge", "ship", "Email.send"];

impl Run {
    fn play(&mut self, store: &dyn Store, memory: &Memory, items: &[Vec<Step>]) -> Result<(), TestCaseError> {
        let mut now: BTreeMap<ExecutionId, Now> = BTreeMap::new();
        for id in &self.ids {
            if let Some(stored) = memory.load(&[*id]).map_err(failed)?.remove(0) {
                let seq = memory
                    .history(*id, 0, usize::MAX, Texts::Read)
                    .map_err(failed)?
                    .map_or(0, |history| history.events.len() as u64);
                now.insert(*id, Now { head: stored.head, seq });
            }
        }
        let mut batch = Batch { number: memory.batch().map_err(failed)? + 1, items: Vec::new() };
        for steps in items {
            let mut item = Item::default();
            for step in steps {
                self.add(step, &mut item, &mut now);
            }
            batch.items.push(item);
        }
        // Later items may build on one that is left out: then the batch is refused by both.
        let (ours, theirs) = (store.commit(&batch), memory.commit(&batch));
        let kinds = |outcome: Result<crate::Committed, Fault>| outcome.map_err(|fault| fault.kind);
        prop_assert_eq!(kinds(ours), kinds(theirs));
        self.compare(store, memory)
    }

    fn add(&mut self, step: &Step, item: &mut Item, now: &mut BTreeMap<ExecutionId, Now>) {
        let pick = |which: u8| now.keys().nth(usize::from(which) % now.len().max(1)).copied();
        let change = match step {
            Step::Start { workflow, started_ms, claim, wake_at } => {
                Some(self.start(usize::from(*workflow), *started_ms, *claim, *wake_at, item, now))
            }
            Step::Go { which, .. } => {
                let id = pick(*which);
                id.and_then(|id| now.get_mut(&id)).map(|now| Change::Transition(Box::new(go(step, now))))
            }
            Step::Define { workflow: n } => {
                self.next_version[usize::from(*n)] += 1;
                let row = definition(&workflow(WORKFLOWS[usize::from(*n)]), self.next_version[usize::from(*n)]);
                Some(Change::Define(Box::new(row)))
            }
            Step::Undefine { workflow: n } => {
                Some(Change::Undefine { workflow: workflow(WORKFLOWS[usize::from(*n)]), at: at(self.next_id.into()) })
            }
            Step::Endpoint { which, put } => {
                let endpoint = endpoint(["a", "b", "c"][usize::from(*which)]);
                Some(if *put { Change::PutEndpoint(Box::new(endpoint)) } else { Change::RemoveEndpoint(endpoint.name) })
            }
            Step::Delete { which, ended_until, at_once } => pick(*which).map(|id| {
                let which = ended_until.map_or(Deletable::Anyhow, |ms| Deletable::EndedUntil(at(ms)));
                if now.get(&id).is_some_and(|now| which.means(now.head.status, now.head.completed_at)) {
                    now.remove(&id);
                }
                let erasure = if *at_once { Erasure::AtOnce } else { Erasure::WithOthers };
                Change::Delete(Deletion { id, which, erasure })
            }),
            Step::Document { which, put } => {
                let (kind, key) = ("note".to_owned(), format!("{}/{}", which / 3, which % 3));
                Some(if *put {
                    Change::PutDocument(Box::new(Document { kind, key, body: json(&format!("[{}]", self.next_id)) }))
                } else {
                    Change::RemoveDocuments { kind, keys: KeyRange::beginning(&format!("{}/", which / 3)) }
                })
            }
            Step::Token { which, revoked } => Some(Change::PutToken(Box::new(token(*which, *revoked)))),
            Step::Gap { which } => {
                let id = pick(*which);
                id.and_then(|id| now.get(&id)).map(|now| {
                    let events = recorded(now.seq + 2, at(0), vec![begun(0)]);
                    Change::Transition(Box::new(append(now.head.id, events)))
                })
            }
        };
        item.changes.extend(change);
    }

    fn start(
        &mut self,
        workflow_number: usize,
        started_ms: i64,
        claim: Option<u8>,
        wake_at: Option<i64>,
        item: &mut Item,
        now: &mut BTreeMap<ExecutionId, Now>,
    ) -> Change {
        self.next_id += 1;
        // Ids are not committed in their order.
        let id = id(self.next_id ^ 5);
        self.ids.push(id);
        let workflow: WorkflowId = workflow(WORKFLOWS[workflow_number]);
        let wake_at = wake_at.map(Timestamp::from_millis);
        let head = Head { started_at: at(i64::from(self.next_id) + started_ms), wake_at, ..head(id, &workflow) };
        if let Some(claim) = claim.filter(|_| item.claim.is_none()) {
            let kind = [ClaimKind::IdempotencyKey, ClaimKind::EventId][usize::from(claim) % 2];
            let data = json(&format!("[{}]", self.next_id));
            let (scope, key) = (workflow.to_string(), format!("key {}", claim / 2));
            item.claim = Some(Claim { kind, scope, key, executions: vec![id], data });
        }
        let events = recorded(1, head.started_at, vec![started(&workflow, &json("{}"))]);
        now.insert(id, Now { head: head.clone(), seq: 1 });
        let head = Some(HeadChange { head, status_before: None });
        Change::Transition(Box::new(Transition { head, ..append(id, events) }))
    }

    fn compare(&self, store: &dyn Store, memory: &Memory) -> Result<(), TestCaseError> {
        prop_assert_eq!(store.batch(), memory.batch());
        prop_assert_eq!(store.load(&self.ids), memory.load(&self.ids));
        self.compare_contents(store, memory)
    }

    /// All but the number of the newest batch, and caches.
    fn compare_contents(&self, store: &dyn Store, memory: &Memory) -> Result<(), TestCaseError> {
        prop_assert_eq!(store.definitions(), memory.definitions());
        prop_assert_eq!(store.endpoints(), memory.endpoints());
        prop_assert_eq!(store.tokens(), memory.tokens());
        prop_assert_eq!(store.counts(), memory.counts());
        prop_assert_eq!(store.version_counts(), memory.version_counts());
        prop_assert_eq!(store.failure_counts(), memory.failure_counts());
        self.compare_documents(store, memory)?;
        self.compare_histories(store, memory)?;
        self.compare_lists(store, memory)?;
        for until in 0..6 {
            let until = Timestamp::from_millis(until);
            prop_assert_eq!(store.next_wake(until), memory.next_wake(until));
            let cursor = self.ids.first().map(|id| Cursor { wake_at: Timestamp::from_millis(1), id: *id });
            for cursor in [None, cursor] {
                prop_assert_eq!(store.due(until, cursor, 3), memory.due(until, cursor, 3));
            }
        }
        for (name, status) in WORKFLOWS.iter().flat_map(|name| [Status::Completed, Status::Failed].map(|status| (*name, status)))
        {
            let (name, after) = (workflow(name), self.ids.get(1).copied());
            for (until, limit) in [(3, 2), (100_000, 100)] {
                prop_assert_eq!(
                    store.ended(&name, status, at(until), after, limit),
                    memory.ended(&name, status, at(until), after, limit)
                );
            }
        }
        for action in ACTIONS.map(action) {
            let after = self.ids.get(1).copied();
            prop_assert_eq!(store.parked(&action, None, 3), memory.parked(&action, None, 3));
            prop_assert_eq!(store.parked(&action, after, 100), memory.parked(&action, after, 100));
        }
        for (workflow, key) in WORKFLOWS.iter().flat_map(|workflow| (0..3).map(move |key| (workflow, format!("key {key}")))) {
            for kind in [ClaimKind::IdempotencyKey, ClaimKind::EventId] {
                prop_assert_eq!(store.claim(kind, workflow, &key), memory.claim(kind, workflow, &key));
            }
        }
        Ok(())
    }

    fn compare_histories(&self, store: &dyn Store, memory: &Memory) -> Result<(), TestCaseError> {
        for id in &self.ids {
            let history = memory.history(*id, 0, usize::MAX, Texts::Read);
            prop_assert_eq!(&store.history(*id, 0, usize::MAX, Texts::Read), &history);
            prop_assert_eq!(store.history(*id, 2, 2, Texts::Read), memory.history(*id, 2, 2, Texts::Read));
            let events = history.map_err(failed)?.map_or(Vec::new(), |history| history.events);
            for seq in events.iter().map(|recorded| recorded.seq) {
                let (ours, theirs) = (store.payloads(&[(*id, seq)]), memory.payloads(&[(*id, seq)]));
                prop_assert_eq!(ours, theirs);
            }
        }
        Ok(())
    }

    fn compare_documents(&self, store: &dyn Store, memory: &Memory) -> Result<(), TestCaseError> {
        for (keys, order, limit) in [
            (KeyRange::beginning(""), Order::Ascending, 100),
            (KeyRange::beginning("1/"), Order::Descending, 2),
            (KeyRange::one("2/0"), Order::Ascending, 1),
        ] {
            let filter = DocumentFilter { kind: "note".to_owned(), keys, order, limit };
            prop_assert_eq!(store.documents(&filter), memory.documents(&filter));
        }
        Ok(())
    }

    fn compare_lists(&self, store: &dyn Store, memory: &Memory) -> Result<(), TestCaseError> {
        let all = Filter { limit: 100, ..Filter::default() };
        let mut filters = vec![all.clone(), Filter { limit: 2, ..all.clone() }];
        for name in WORKFLOWS {
            let of = Filter { workflows: vec![workflow(name)], ..all.clone() };
            filters.push(Filter { statuses: vec![Status::Running, Status::Failed], limit: 3, ..of.clone() });
            filters.push(of);
        }
        for status in Status::ALL {
            filters.push(Filter { statuses: vec![status], before: self.ids.last().copied(), ..all.clone() });
        }
        for ms in [-1_000, 0, 10, 1_000] {
            filters.push(Filter { started_after: Some(at(ms)), ..all.clone() });
            filters.push(Filter { started_before: Some(at(ms)), statuses: vec![Status::Running], limit: 2, ..all.clone() });
        }
        for number in 0..2 {
            let failure = Some(Fingerprint::of(&format!("error {number}")));
            filters.push(Filter { failure, ..all.clone() });
            filters.push(Filter { failure, retrying: true, statuses: vec![Status::Waiting], ..all.clone() });
        }
        filters.push(Filter { retrying: true, before: self.ids.last().copied(), ..all.clone() });
        filters.push(Filter { parked: ACTIONS.map(action).into(), limit: 3, ..all.clone() });
        for filter in filters {
            prop_assert_eq!(store.executions(&filter), memory.executions(&filter), "{:?}", filter);
            prop_assert_eq!(store.count(&filter, 10_000), memory.count(&filter, 10_000), "{:?}", filter);
        }
        Ok(())
    }
}

/// The next transition of an execution.
fn go(step: &Step, now: &mut Now) -> Transition {
    let Step::Go { events, output_bytes, head, parked, snapshot, .. } = step else { unreachable!("only called for `Go`") };
    let output = json(&format!("\"{}\"", "y".repeat(*output_bytes)));
    let events: Vec<Event> =
        (0..*events).map(|n| if n % 2 == 0 { completed(n.into(), &output) } else { begun(n.into()) }).collect();
    let events = recorded(now.seq + 1, at(now.seq as i64), events);
    now.seq += events.len() as u64;
    let head = head.map(|(status, wake_at)| {
        let status_before = Some(now.head.status);
        now.head.status = Status::ALL[usize::from(status)];
        now.head.wake_at = wake_at.map(Timestamp::from_millis);
        now.head.completed_at = now.head.status.has_ended().then(|| at(now.seq as i64));
        now.head.error = now.head.status.has_ended().then(|| format!("error at {}", now.seq));
        now.head.retrying = !now.head.status.has_ended() && now.seq.is_multiple_of(3);
        now.head.error_fingerprint = (now.head.status.has_ended() || now.head.retrying).then(|| format!("error {}", now.seq % 2));
        now.head.steps_failed = now.head.status.has_ended().then_some(1);
        HeadChange { head: now.head.clone(), status_before }
    });
    let parked: Option<Vec<ActionName>> =
        parked.as_ref().map(|actions| actions.iter().map(|n| action(ACTIONS[usize::from(*n)])).collect());
    let snapshot = snapshot.then(|| Snapshot { seq: now.seq, codec: codec::VERSION, body: format!("{{\"seq\":{}}}", now.seq) });
    Transition { id: now.head.id, events, head, parked, snapshot }
}

fn failed(fault: Fault) -> TestCaseError {
    TestCaseError::fail(fault.to_string())
}
