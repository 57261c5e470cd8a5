//! What is done to a store, by seed, and what it has to answer after each commit.

use std::collections::BTreeMap;

use workflow_core::codec;
use workflow_core::event::Event;
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_store::conformance::sample::{
    action, append, at, begun, completed, definition, endpoint, finish, head, id, json, recorded, start, token, workflow,
};
use workflow_store::{
    Batch, Change, Claim, ClaimKind, Committed, Cursor, DefinitionRow, Document, DocumentFilter, Endpoint, FailureCount, Fault,
    Filter, Head, HeadChange, Heads, History, Item, KeyRange, Memory, Order, Snapshot, Store, Stored, Taken, Texts, Token,
    TokenRows, Transition, VersionCount,
};

use super::seed::Random;

#[derive(Debug, Clone)]
pub enum Step {
    Commit(Box<Batch>),
    Rest,
    /// The file is closed in order and opened again.
    Close,
    /// Nobody gets to close anything: the process is killed, and another opens the file.
    Kill,
}

/// Steps, and what memory answers after each batch; before the first one at 0.
pub struct Script {
    pub steps: Vec<Step>,
    pub answers: Vec<Answers>,
    pub results: Vec<Committed>,
    pub ids: Vec<ExecutionId>,
}

const WORKFLOWS: [&str; 2] = ["order", "order.v2"];
const ACTIONS: [&str; 2] = ["charge", "ship"];

struct Now {
    head: Head,
    seq: u64,
}

struct Writing {
    random: Random,
    under_way: BTreeMap<ExecutionId, Now>,
    ids: Vec<ExecutionId>,
    versions: [u32; 2],
    /// The longest output.
    output_bytes_max: usize,
}

impl Script {
    pub fn new(seed: u64, commits: u64, output_bytes_max: usize) -> Script {
        let mut writing = Writing {
            random: Random::new(seed),
            under_way: BTreeMap::new(),
            ids: Vec::new(),
            versions: [0; 2],
            output_bytes_max,
        };
        let (memory, mut steps, mut results) = (Memory::new(), Vec::new(), vec![Committed::default()]);
        for number in 1..=commits {
            let batch = writing.batch(number);
            results.push(memory.commit(&batch).expect("the script follows itself"));
            steps.push(Step::Commit(Box::new(batch)));
            // Short scripts have one of each, longer ones more.
            match (number, writing.random.below(24)) {
                (3, _) | (_, 0 | 1) => steps.push(Step::Rest),
                (5, _) | (_, 2) => steps.push(Step::Kill),
                (6, _) | (_, 3) => steps.push(Step::Close),
                _ => {}
            }
        }
        let ids = writing.ids;
        let (memory, mut answers) = (Memory::new(), vec![Answers::of(&Memory::new(), &ids)]);
        for step in &steps {
            if let Step::Commit(batch) = step {
                memory.commit(batch).expect("it was just now");
                answers.push(Answers::of(&memory, &ids));
            }
        }
        Script { steps, answers, results, ids }
    }
}

impl Writing {
    fn batch(&mut self, number: u64) -> Batch {
        let mut items = Vec::new();
        for _ in 0..=self.random.below(3) {
            let which = self.random.below(100);
            let item = if self.under_way.is_empty() || which < 30 {
                self.start(number)
            } else if which < 95 {
                let picked = self.random.below(self.under_way.len());
                let id = *self.under_way.keys().nth(picked).unwrap();
                Item { claim: None, changes: vec![Change::Transition(Box::new(self.go(id)))] }
            } else {
                Item { claim: None, changes: vec![self.other(number)] }
            };
            items.push(item);
        }
        Batch { number, items }
    }

    fn start(&mut self, number: u64) -> Item {
        let n = u32::try_from(self.ids.len()).unwrap() + 1;
        // Ids are not committed in their order.
        let id = id(n ^ 3);
        self.ids.push(id);
        let order = workflow(WORKFLOWS[self.random.below(2)]);
        let head = head(id, &order);
        let claim = self.random.percent(30).then(|| Claim {
            kind: ClaimKind::IdempotencyKey,
            scope: "order".to_owned(),
            key: format!("key {}", self.random.below(6)),
            executions: vec![id],
            data: json(&number.to_string()),
        });
        // Whether it was left out is memory's to say, so what may have been is not built upon.
        if claim.is_none() {
            self.under_way.insert(id, Now { head: head.clone(), seq: 2 });
        }
        Item { claim, changes: vec![Change::Transition(Box::new(start(head)))] }
    }

    fn go(&mut self, id: ExecutionId) -> Transition {
        let which = self.random.below(100);
        let bytes = match self.random.below(10) {
            0 => self.output_bytes_max,
            1 => 5_000.min(self.output_bytes_max),
            n => 1 << n,
        };
        let output = json(&format!("\"{}\"", char::from(b'a' + u8::try_from(bytes % 26).unwrap()).to_string().repeat(bytes)));
        let now = self.under_way.get_mut(&id).expect("picked among them");
        let ms = now.seq.cast_signed() * 7;
        let status_before = now.head.status;
        let events = |seq: u64, events: Vec<Event>| recorded(seq + 1, at(ms), events);
        if which < 25 {
            let now = self.under_way.remove(&id).expect("picked among them");
            let status = [Status::Completed, Status::Failed][which % 2];
            let head = Head { status, wake_at: None, completed_at: Some(at(ms)), error: Some("é".repeat(which)), ..now.head };
            let events = events(now.seq, vec![completed(0, &output), Event::Completed]);
            let head = Some(HeadChange { head, status_before: Some(status_before) });
            return Transition { events, head, parked: Some(Vec::new()), ..finish(self::head(id, &workflow("order"))) };
        }
        let mut transition = append(id, events(now.seq, vec![completed(0, &output), begun(1)]));
        now.seq += 2;
        if which < 50 {
            // To rest, or under way again.
            now.head.wake_at = [Some(at(9_000)), None, Some(Timestamp::from_millis(0))][which % 3];
            now.head.status = [Status::Waiting, Status::Paused, Status::Running][which % 3];
            transition.head = Some(HeadChange { head: now.head.clone(), status_before: Some(status_before) });
            transition.parked = Some(if which % 3 == 1 { vec![action(ACTIONS[which % 2])] } else { Vec::new() });
        } else if which < 55 {
            transition.snapshot = Some(Snapshot { seq: now.seq, codec: codec::VERSION, body: format!("[{}]", now.seq) });
        }
        transition
    }

    fn other(&mut self, number: u64) -> Change {
        let which = self.random.below(2);
        let name = workflow(WORKFLOWS[which]);
        match self.random.below(5) {
            4 => Change::PutToken(Box::new(token(which as u8, number.is_multiple_of(2)))),
            0 => Change::PutEndpoint(Box::new(endpoint(["a", "b"][which]))),
            1 => Change::RemoveEndpoint(endpoint(["a", "b"][which]).name),
            2 => Change::Undefine { workflow: name, at: at(number.cast_signed()) },
            _ => {
                self.versions[which] += 1;
                Change::Define(Box::new(definition(&name, self.versions[which])))
            }
        }
    }
}

/// Everything that a store can be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    pub batch: Result<u64, Fault>,
    loaded: Vec<Result<Vec<Option<Stored>>, Fault>>,
    histories: Vec<Result<Option<History>, Fault>>,
    payloads: Vec<Result<Vec<workflow_core::json::Json>, Fault>>,
    lists: Vec<Result<Heads, Fault>>,
    version_counts: Result<Vec<VersionCount>, Fault>,
    failure_counts: Result<Vec<FailureCount>, Fault>,
    documents: Result<Vec<Document>, Fault>,
    due: Result<Vec<Cursor>, Fault>,
    next_wake: Result<Option<Timestamp>, Fault>,
    parked: Vec<Result<Vec<ExecutionId>, Fault>>,
    definitions: Result<Vec<DefinitionRow>, Fault>,
    endpoints: Result<Vec<Endpoint>, Fault>,
    sound_tokens: Result<Vec<Token>, Fault>,
    tokens: Result<Vec<Token>, Fault>,
    counts: Result<Vec<(String, Status, u64)>, Fault>,
    claims: Vec<Result<Option<Taken>, Fault>>,
}

impl Answers {
    pub fn of(store: &dyn Store, ids: &[ExecutionId]) -> Answers {
        let histories: Vec<_> = ids.iter().map(|id| store.history(*id, 0, usize::MAX, Texts::Read)).collect();
        let apart = |history: &History| {
            let long = |recorded: &&workflow_core::event::Recorded| {
                recorded.event.payload().is_some_and(|payload| payload.bytes() > workflow_store::PAYLOAD_INLINE_BYTES_MAX)
            };
            history.events.iter().filter(long).map(|recorded| recorded.seq).collect::<Vec<_>>()
        };
        // One answer for each execution, so that those of the others stay in their places when one cannot be read.
        let payloads = ids.iter().zip(&histories).map(|(id, history)| match history {
            Ok(Some(history)) => {
                let wanted: Vec<_> = apart(history).into_iter().map(|seq| (*id, seq)).collect();
                store.payloads(&wanted)
            }
            Ok(None) => Ok(Vec::new()),
            Err(fault) => Err(fault.clone()),
        });
        let payloads = payloads.collect();
        let all = Filter { limit: 1_000, ..Filter::default() };
        let mut filters: Vec<Filter> = Status::ALL.map(|status| Filter { statuses: vec![status], ..all.clone() }).into();
        filters.extend(WORKFLOWS.map(|name| Filter { workflows: vec![workflow(name)], ..all.clone() }));
        filters.push(Filter { started_after: Some(at(5)), ..all.clone() });
        filters.push(all);
        Answers {
            batch: store.batch(),
            loaded: ids.iter().map(|id| store.load(&[*id])).collect(),
            histories,
            payloads,
            lists: filters.iter().map(|filter| store.executions(filter)).collect(),
            version_counts: store.version_counts(),
            failure_counts: store.failure_counts(),
            documents: store.documents(&DocumentFilter {
                kind: "note".to_owned(),
                keys: KeyRange::beginning(""),
                order: Order::Ascending,
                limit: 1_000,
            }),
            due: store.due(at(1_000_000), None, 1_000),
            next_wake: store.next_wake(Timestamp::from_millis(0)),
            parked: ACTIONS.map(|name| store.parked(&action(name), None, 1_000)).into(),
            definitions: store.definitions(),
            endpoints: store.endpoints(),
            sound_tokens: store.tokens().map(|rows| rows.sound),
            tokens: store.tokens().and_then(TokenRows::whole),
            counts: store.counts(),
            claims: (0..6).map(|n| store.claim(ClaimKind::IdempotencyKey, "order", &format!("key {n}"))).collect(),
        }
    }

    /// The first answer that is not the one that is expected, each of the two shortened.
    pub fn difference(&self, expected: &Answers) -> Option<Difference> {
        let mut worst: Option<Difference> = None;
        macro_rules! look {
            ($($field:ident $(, $is_part:expr)?);*) => {$(
                let is_part = [$($is_part,)? |_: &_, _: &_| false][0];
                self.$field.compare(&expected.$field, stringify!($field), is_part, &mut worst);
            )*};
        }
        look!(
            batch;
            loaded, is_part_of_loaded;
            histories, is_part_of_history;
            payloads;
            lists;
            version_counts;
            failure_counts;
            documents;
            due;
            next_wake;
            parked;
            definitions;
            endpoints;
            tokens;
            counts;
            claims
        );
        // Which others are damaged is told; these are said to be as they were written.
        if worst.as_ref().is_none_or(|worst| worst.lie < Lie::Silent)
            && let (Ok(found), Ok(expected)) = (&self.sound_tokens, &expected.sound_tokens)
            && let Some(token) = found.iter().find(|token| !expected.contains(token))
        {
            worst = Some(Difference { what: format!("tokens: {token:?} is said to be sound"), lie: Lie::Silent });
        }
        worst
    }
}

/// Where a store says something else than memory.
#[derive(Debug)]
pub struct Difference {
    /// The first of the worst ones.
    pub what: String,
    pub lie: Lie,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// There were only faults that say that what is stored is corrupt.
    Told,
    /// The rows that end a history, or a snapshot, are not found: what is answered is right, and not all.
    Missed,
    /// Something else was answered.
    Silent,
}

/// Whether nothing is wrong with what was found but that rows are missing which nobody misses.
type IsPart<T> = fn(&T, &T) -> bool;

#[expect(clippy::ptr_arg, reason = "the type of the answer, as `IsPart` has it")]
fn is_part_of_loaded(found: &Vec<Option<Stored>>, expected: &Vec<Option<Stored>>) -> bool {
    let [Some(found)] = &found[..] else { return false };
    let [Some(expected)] = &expected[..] else { return false };
    let of_events = match (&found.snapshot, &expected.snapshot) {
        // The events that it stood for are read instead.
        (None, Some(_)) => found.events.ends_with(&expected.events),
        (found_snapshot, snapshot) => found_snapshot == snapshot && expected.events.starts_with(&found.events),
    };
    found.head == expected.head && of_events
}

fn is_part_of_history(found: &Option<History>, expected: &Option<History>) -> bool {
    let (Some(found), Some(expected)) = (found, expected) else { return false };
    let is_shorter = found.last < expected.last && expected.events.starts_with(&found.events);
    is_shorter && *found == History { events: found.events.clone(), last: found.last, ..expected.clone() }
}

trait Compare {
    type Answer;
    fn compare(&self, expected: &Self, name: &str, is_part: IsPart<Self::Answer>, worst: &mut Option<Difference>);
}

impl<T: PartialEq + std::fmt::Debug> Compare for Result<T, Fault> {
    type Answer = T;

    fn compare(&self, expected: &Self, name: &str, is_part: IsPart<T>, worst: &mut Option<Difference>) {
        let lie = match (self, expected) {
            _ if self == expected => return,
            (Err(fault), _) if fault.kind == workflow_store::FaultKind::Corrupt => Lie::Told,
            (Ok(found), Ok(expected)) if is_part(found, expected) => Lie::Missed,
            _ => Lie::Silent,
        };
        if worst.as_ref().is_none_or(|worst| worst.lie < lie) {
            let [found, expected] = [self, expected].map(|answer| format!("{answer:?}").chars().collect::<Vec<_>>());
            let same = found.iter().zip(&expected).take_while(|(found, expected)| found == expected).count();
            let short = |answer: &[char]| answer.iter().skip(same.saturating_sub(60)).take(300).collect::<String>();
            *worst =
                Some(Difference { what: format!("{name}: found ..{}\n    expected ..{}", short(&found), short(&expected)), lie });
        }
    }
}

impl<T: PartialEq + std::fmt::Debug> Compare for Vec<Result<T, Fault>> {
    type Answer = T;

    fn compare(&self, expected: &Self, name: &str, is_part: IsPart<T>, worst: &mut Option<Difference>) {
        for (number, (found, expected)) in self.iter().zip(expected).enumerate() {
            found.compare(expected, &format!("{name}[{number}]"), is_part, worst);
        }
    }
}
