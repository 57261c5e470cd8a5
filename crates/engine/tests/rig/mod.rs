//! The real ring on simulated time, in one thread: the test decides when a commit happens, when a read is answered, and what
//! comes of each attempt.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod worker;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use workflow_core::apply::fold;
use workflow_core::command::Outcome;
use workflow_core::definition::Definition;
use workflow_core::event::TriggeredBy;
use workflow_core::failure::Failure;
use workflow_core::id::{ActionName, ExecutionId, IdempotencyKey, SessionId, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::limits::Limits;
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_core::task::Task;
use workflow_core::view::history_entry;
use workflow_engine::clock::{Clock, Now, SimulatedClock};
use workflow_engine::lines::Lines;
use workflow_engine::ring::catalog::Catalog;
use workflow_engine::ring::message::{
    self, AttemptKey, ControlAsk, DeleteAsk, EventAsk, EventStarted, Found, Input, Output, Read, Reply, StartAsk, Started,
};
use workflow_engine::ring::slots::{Provider, ProviderId, ProviderKind};
use workflow_engine::ring::{Opened, Ring};
use workflow_engine::token::Tokens;
use workflow_engine::{Error, Options};
use workflow_store::{Batch, Change, Claim, Committed, Fault, FaultKind, Filter, Ranges, Store, Texts};

pub const ORDER: &str = r#"{
    "id": "order-processing",
    "name": "Process Customer Order",
    "steps": [
        { "id": "validate", "action": "validatePayment" },
        { "id": "reserve", "action": "reserveInventory", "dependsOn": ["validate"] },
        { "id": "charge", "action": "chargeCard", "dependsOn": ["reserve"], "maxRetries": 3 },
        { "id": "fulfill", "action": "fulfillOrder", "dependsOn": ["charge"] },
        { "id": "notify", "action": "sendConfirmation", "dependsOn": ["fulfill"] }
    ]
}"#;

pub const ORDER_ACTIONS: [&str; 5] = ["validatePayment", "reserveInventory", "chargeCard", "fulfillOrder", "sendConfirmation"];

/// A rig that knows the order and has workers for all of it.
pub fn order(open: Box<dyn FnOnce(Options) -> Rig>) -> Rig {
    let mut rig = open(Options::default());
    rig.define(ORDER);
    rig.provide_all(&ORDER_ACTIONS, 64);
    rig
}

/// What the next commit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is written, and the store says so.
    Before,
    /// Nothing is written, and nobody knows.
    BeforeUnknown,
    /// Everything is written, and nobody knows.
    AfterUnknown,
}

pub struct Rig {
    pub store: Arc<dyn Store>,
    pub ring: Ring,
    pub clock: SimulatedClock,
    pub troubles: VecDeque<Trouble>,
    /// Executions whose stored data make no sense.
    pub corrupt: BTreeSet<ExecutionId>,
    /// Opening the store again fails this often.
    pub reopen_fails: usize,
    /// Opening the store again finds that another engine owns it.
    pub fenced: bool,
    /// This many reads of what executions at rest want fail.
    pub reads_fail: usize,
    commit: Option<Arc<Batch>>,
    reopen: Option<(u64, Vec<(usize, Claim)>)>,
    reads: VecDeque<Read>,
    /// What was dispatched to this process.
    pub running: BTreeMap<AttemptKey, Task>,
    /// Where workers are connected.
    lines: Lines,
    handed_out: BTreeSet<AttemptKey>,
    pub aborted: Vec<AttemptKey>,
    /// Transitions of each commit that changed anything, as `history` writes them.
    pub commits: Vec<Vec<String>>,
    /// The last `seq` of each transition that was committed.
    pub ends: Vec<(ExecutionId, u64)>,
    pub dispatched: usize,
    /// As callers find them.
    pub tokens: Arc<Tokens>,
    /// Executions whose end was told.
    pub over: Vec<ExecutionId>,
    pub closed: bool,
    outputs: Vec<Output>,
    /// Providers and connections have one count.
    pub providers: u64,
    life: u64,
    options: Options,
    definitions: RefCell<BTreeMap<(WorkflowId, Version), Arc<Definition>>>,
}

pub fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub fn action(name: &str) -> ActionName {
    ActionName::new(name).unwrap()
}

pub fn key(text: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey::new(text).unwrap())
}

pub fn completed(output: &str) -> Outcome {
    Outcome::Completed(Some(json(output)))
}

pub fn failed(message: &str) -> Outcome {
    Outcome::Failed { failure: Failure::new(message), retry_after: None }
}

/// An answer that has come, or not yet.
pub struct Pending<T>(oneshot::Receiver<Result<T, Error>>);

impl<T> Pending<T> {
    pub fn get(&mut self) -> Option<Result<T, Error>> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(Error::Closed)),
        }
    }

    pub fn now(&mut self) -> Result<T, Error> {
        self.get().expect("an answer has come")
    }
}

pub fn control_ask(id: ExecutionId, control: Control, reply: Reply<()>) -> ControlAsk {
    ControlAsk { id, control, step: None, key: None, by: None, reply: reply.into() }
}

/// The id of an execution that was started.
pub fn id(started: &Started) -> ExecutionId {
    match started {
        Started::New(snapshot) => snapshot.execution.id,
        Started::Existing(id) | Started::Followed(id) => *id,
    }
}

impl Rig {
    pub fn new(store: impl Store) -> Rig {
        Rig::with(store, Options::default())
    }

    pub fn with(store: impl Store, options: Options) -> Rig {
        Rig::life(Arc::new(store), options, SimulatedClock::default(), 1, Ranges::ALL)
    }

    fn life(store: Arc<dyn Store>, options: Options, clock: SimulatedClock, life: u64, owned: Ranges) -> Rig {
        let newest =
            store.executions(&Filter { limit: 1, ..Filter::default() }).unwrap().heads.first().map(|head| head.started_at);
        let tokens = Arc::new(Tokens::from_rows(store.tokens().unwrap()));
        let opened = Opened {
            newest,
            catalog: Catalog::from_rows(store.definitions().unwrap()),
            tokens: tokens.clone(),
            batch: store.batch().unwrap(),
            session: SessionId::new(&format!("engine-{life}")).unwrap(),
            seed: life,
            owned,
            catalog_number: store.catalog().unwrap(),
            at: clock.now().mono,
        };
        Rig {
            store,
            ring: Ring::new(options.clone(), opened),
            clock,
            troubles: VecDeque::new(),
            corrupt: BTreeSet::new(),
            reopen_fails: 0,
            fenced: false,
            reads_fail: 0,
            commit: None,
            reopen: None,
            reads: VecDeque::new(),
            running: BTreeMap::new(),
            lines: Lines::default(),
            handed_out: BTreeSet::new(),
            aborted: Vec::new(),
            commits: Vec::new(),
            ends: Vec::new(),
            dispatched: 0,
            tokens,
            over: Vec::new(),
            closed: false,
            outputs: Vec::new(),
            providers: 0,
            life,
            options,
            definitions: RefCell::default(),
        }
    }

    /// With the seed's order registered and all of its actions provided.
    pub fn with_order(store: impl Store) -> Rig {
        let mut rig = Rig::new(store);
        rig.define(ORDER);
        rig.provide_all(&ORDER_ACTIONS, 64);
        rig
    }

    /// The process is gone and another one opens the store: what was not committed is lost.
    pub fn crash(self) -> Rig {
        self.crash_owning(Ranges::ALL)
    }

    /// The next engine owns only these.
    pub fn crash_owning(self, owned: Ranges) -> Rig {
        Rig::life(self.store, self.options, self.clock, self.life + 1, owned)
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    pub fn input(&mut self, input: Input) {
        let now = self.now();
        self.ring.handle(input, now);
    }

    /// One turn of the ring. What it wants done is noted, and what needs no store is done.
    pub fn turn(&mut self) {
        let now = self.now();
        let mut outputs = std::mem::take(&mut self.outputs);
        self.ring.turn(now, &mut outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Commit(batch) => assert!(self.commit.replace(batch).is_none(), "one batch at a time"),
                Output::Reopen { number, claims } => self.reopen = Some((number, claims)),
                Output::Read(read) => self.reads.push_back(read),
                Output::Answer(answer) => answer.send(),
                Output::Dispatch { attempt, provider, task } => {
                    self.dispatched += 1;
                    assert!(self.handed_out.insert(attempt), "an attempt is dispatched once");
                    if let Some(task) = self.lines.dispatch(attempt, provider, task) {
                        self.running.insert(attempt, *task);
                    }
                }
                Output::Abort { attempt, provider, reason } => {
                    if self.running.remove(&attempt).is_none() {
                        self.lines.abort(attempt, provider, reason);
                    }
                    self.aborted.push(attempt);
                }
                Output::Attach { provider, line } => self.lines.attach(provider, line),
                Output::Detach { provider } => self.lines.detach(provider),
                Output::Recorded { attempt, provider } => self.lines.recorded(attempt, provider),
                Output::Closing => self.lines.closing(),
                Output::Rejoin { provider } => self.lines.rejoin(provider),
                Output::Changed(changed) => self.tokens = changed.tokens,
                Output::Closed => {
                    self.closed = true;
                    self.lines = Lines::default();
                }
                Output::Over(over) => self.over.extend(over.into_iter().map(|(id, _)| id)),
                Output::Tokens(tokens) => self.tokens = tokens,
                Output::Durable { .. }
                | Output::Defined(_)
                | Output::Undefined { .. }
                | Output::EndpointPut(_)
                | Output::EndpointRemoved(_)
                | Output::Provided(_)
                | Output::Given(_)
                | Output::Ready(_) => {}
            }
        }
        self.lines.flush();
        self.outputs = outputs;
    }

    /// The store takes the batch it was given, or has its trouble.
    pub fn commit(&mut self) {
        let Some(batch) = self.commit.take() else { return };
        let unknown = || Fault { operation: "commit", kind: FaultKind::Unknown, message: "connection lost".to_owned() };
        let full = || Fault { operation: "commit", kind: FaultKind::Unavailable, message: "disk full".to_owned() };
        let result: Result<Committed, Fault> = match self.troubles.pop_front() {
            None => self.store.commit(&batch),
            Some(Trouble::Before) => Err(full()),
            Some(Trouble::BeforeUnknown) => Err(unknown()),
            Some(Trouble::AfterUnknown) => self.store.commit(&batch).and(Err(unknown())),
        };
        if let Ok(committed) = &result {
            self.note(&batch, committed);
        }
        self.input(Input::Committed { number: batch.number, result });
        self.turn();
    }

    fn note(&mut self, batch: &Batch, committed: &Committed) {
        let mut transitions = Vec::new();
        let is_taken = |place: usize| committed.taken.iter().any(|(taken, _)| *taken == place);
        let items = batch.items.iter().enumerate().filter(|(place, _)| !is_taken(*place));
        for change in items.flat_map(|(_, item)| &item.changes) {
            if let Change::Transition(transition) = change
                && let Some(last) = transition.events.last()
            {
                self.ends.push((transition.id, last.seq));
                let definition = self.definition_of(transition.id);
                let entries = transition.events.iter().map(|recorded| {
                    let entry = history_entry(&definition, recorded);
                    entry.step_id.map_or(entry.kind.to_owned(), |step| format!("{} {step}", entry.kind))
                });
                transitions.push(entries.collect::<Vec<_>>().join(", "));
            }
        }
        if !transitions.is_empty() {
            self.commits.push(transitions);
        }
    }

    pub fn is_committing(&self) -> bool {
        self.commit.is_some()
    }

    pub fn reads_pending(&self) -> usize {
        self.reads.len()
    }

    /// The oldest question to the store is answered, and the ring does not turn: other inputs may come with the answer.
    pub fn answer_read_only(&mut self) {
        if let Some(read) = self.reads.pop_front() {
            let found = match read {
                Read::Load(ids) if ids.iter().any(|id| self.corrupt.contains(id)) => {
                    let message = "no such event".to_owned();
                    Found::Loaded { ids, result: Err(Fault { operation: "load", kind: FaultKind::Corrupt, message }) }
                }
                Read::Parked { action, limit, .. } if self.reads_fail > 0 => {
                    self.reads_fail -= 1;
                    let message = "input/output error".to_owned();
                    let fault = Fault { operation: "parked", kind: FaultKind::Unavailable, message };
                    Found::Parked { action, limit, result: Err(fault) }
                }
                read => read.run(self.store.as_ref()),
            };
            self.input(Input::Found(found));
        }
    }

    /// Everything but attempts and time goes on until nothing is left to do.
    pub fn settle(&mut self) {
        self.turn();
        loop {
            if !self.reads.is_empty() {
                self.answer_read_only();
                self.turn();
            } else if let Some((number, claims)) = self.reopen.take() {
                let result = if self.fenced {
                    Err(Fault { operation: "reopen", kind: FaultKind::Fenced, message: "it is another engine's".to_owned() })
                } else if self.reopen_fails > 0 {
                    self.reopen_fails -= 1;
                    Err(Fault { operation: "reopen", kind: FaultKind::Unavailable, message: "no such disk".to_owned() })
                } else {
                    message::reopen(self.store.as_ref(), number, &claims)
                };
                self.input(Input::Reopened(result));
                self.turn();
            } else if self.commit.is_some() {
                self.commit();
            } else {
                return;
            }
        }
    }

    pub fn advance(&mut self, span: Duration) {
        self.clock.advance(span);
        self.settle();
    }

    /// Time goes on to the next thing that the ring waits for.
    pub fn advance_to_next(&mut self) -> bool {
        match self.ring.idle_for(self.now()) {
            Some(wait) => {
                self.advance(wait);
                true
            }
            None => false,
        }
    }

    pub fn define(&mut self, source: &str) {
        let checked = Definition::check(&json(source), &Limits::default()).unwrap();
        let (reply, answer) = oneshot::channel();
        let (stored, definition) = (checked.definition.to_stored(), Box::new(checked.definition));
        self.input(Input::Define { definition, stored, reply });
        self.settle();
        Pending(answer).now().unwrap();
    }

    pub fn delete(&mut self, workflow: &str) -> bool {
        let mut answer = self.ask(|reply| Input::Undefine { workflow: workflow.to_owned(), reply });
        self.settle();
        answer.now().unwrap()
    }

    pub fn provide(&mut self, name: &str, limit: usize) -> ProviderId {
        self.providers += 1;
        let id = ProviderId(self.providers);
        let actions = vec![action(name)];
        self.input(Input::Provide(Provider { id, kind: ProviderKind::InProcess, actions, limit }));
        id
    }

    pub fn provide_all(&mut self, names: &[&str], limit: usize) {
        for name in names {
            self.provide(name, limit);
        }
        self.settle();
    }

    pub fn ask<T>(&mut self, input: impl FnOnce(Reply<T>) -> Input) -> Pending<T> {
        let (reply, answer) = oneshot::channel();
        self.input(input(reply));
        Pending(answer)
    }

    /// Asks for a start and does not wait.
    pub fn start_with(&mut self, workflow: &str, input: &str, key: Option<IdempotencyKey>) -> Pending<Started> {
        let (workflow, input) = (workflow.to_owned(), json(input));
        let ask = |reply| {
            let reply = message::StartReply { reply, follow: None };
            Input::Start(Box::new(StartAsk {
                workflow,
                input,
                key,
                by: None,
                triggered_by: TriggeredBy::Manual,
                replay_of: None,
                reply,
            }))
        };
        self.ask(ask)
    }

    pub fn start(&mut self, workflow: &str, input: &str) -> ExecutionId {
        let mut answer = self.start_with(workflow, input, None);
        self.settle();
        id(&answer.now().unwrap())
    }

    pub fn control(&mut self, id: ExecutionId, control: Control) -> Result<(), Error> {
        let mut answer = self.ask(|reply| {
            Input::Control(Box::new(ControlAsk { id, control, step: None, key: None, by: None, reply: reply.into() }))
        });
        self.settle();
        answer.now()
    }

    /// Asks that an execution is deleted, and does not wait.
    pub fn delete_execution_with(&mut self, id: ExecutionId) -> Pending<()> {
        self.ask(|reply| Input::Delete(DeleteAsk { id, reply: reply.into() }))
    }

    pub fn delete_execution(&mut self, id: ExecutionId) -> Result<(), Error> {
        let mut answer = self.delete_execution_with(id);
        self.settle();
        answer.now()
    }

    pub fn is_stored(&self, id: ExecutionId) -> bool {
        self.store.load(&[id]).unwrap()[0].is_some()
    }

    pub fn run_now(&mut self, id: ExecutionId, step: &str) -> Result<(), Error> {
        let (control, step) = (Control::RunNow, Some(step.to_owned()));
        let mut answer = self
            .ask(|reply| Input::Control(Box::new(ControlAsk { id, control, step, key: None, by: None, reply: reply.into() })));
        self.settle();
        answer.now()
    }

    pub fn event(&mut self, event: &str, data: &str, id: Option<IdempotencyKey>) -> Pending<EventStarted> {
        let event = workflow_core::id::EventName::new(event).unwrap();
        let data = json(data);
        self.ask(|reply| Input::Event(Box::new(EventAsk { event, data, id, source: None, by: None, reply })))
    }

    /// The attempt of a step that runs now.
    pub fn attempt(&self, id: ExecutionId, step: &str) -> AttemptKey {
        let found = self.running.iter().find(|(key, task)| key.id == id && task.step_id.as_str() == step);
        *found.unwrap_or_else(|| panic!("`{step}` is running: {:?}", self.running.keys())).0
    }

    /// An attempt gives this, and nothing else happens.
    pub fn finish_only(&mut self, attempt: AttemptKey, outcome: Outcome) {
        self.running.remove(&attempt);
        self.input(Input::Finished { attempt, outcome });
    }

    pub fn finish(&mut self, id: ExecutionId, step: &str, outcome: Outcome) {
        self.finish_only(self.attempt(id, step), outcome);
        self.settle();
    }

    /// Every attempt that runs, and every one that begins then, gives what `run` says.
    pub fn run(&mut self, mut run: impl FnMut(&Task) -> Outcome) {
        self.settle();
        while let Some((attempt, task)) = self.running.pop_first() {
            let outcome = run(&task);
            self.input(Input::Finished { attempt, outcome });
            self.settle();
        }
    }

    pub fn definition_of(&self, id: ExecutionId) -> Arc<Definition> {
        let head = self.store.load(&[id]).unwrap().pop().flatten().unwrap().head;
        let pin = (head.workflow, head.version);
        let mut definitions = self.definitions.borrow_mut();
        if !definitions.contains_key(&pin) {
            for row in self.store.definitions().unwrap() {
                let definition = Definition::from_stored(&row.stored).unwrap();
                definitions.insert((row.workflow, row.version), Arc::new(definition));
            }
        }
        definitions[&pin].clone()
    }

    pub fn status(&self, id: ExecutionId) -> Status {
        let stored = self.store.load(&[id]).unwrap().pop().flatten().unwrap();
        let definition = self.definition_of(id);
        let execution = fold(id, definition.steps.len(), stored.events).unwrap();
        let status = workflow_core::outstanding::status(&definition, &execution);
        assert_eq!(stored.head.status, status, "the head row says what the history gives");
        status
    }

    pub fn wake_at(&self, id: ExecutionId) -> Option<i64> {
        self.store.load(&[id]).unwrap().pop().flatten().unwrap().head.wake_at.map(|at| at.millis())
    }

    /// `start, step_start validate, ...`
    pub fn history(&self, id: ExecutionId) -> Vec<String> {
        let definition = self.definition_of(id);
        let events = self.store.history(id, 0, 100_000, Texts::Read).unwrap().unwrap().events;
        let entries = events.iter().map(|recorded| {
            let entry = history_entry(&definition, recorded);
            let step = entry.step_id.map_or(String::new(), |step| format!(" {step}"));
            let attempt = entry.attempt.map_or(String::new(), |attempt| format!(" {attempt}"));
            format!("{}{step}{attempt}", entry.kind)
        });
        entries.collect()
    }

    pub fn is_resident(&self, count: usize) -> bool {
        self.ring.gauges().resident_executions == count
    }

    /// Nothing is held that nobody will ever give back.
    pub fn assert_at_rest(&self) {
        let gauges = self.ring.gauges();
        assert_eq!((gauges.attempts_in_flight, gauges.queued_commands, gauges.queued_bytes), (0, 0, 0));
        assert_eq!(gauges.resident_executions, 0, "nothing stays in memory that has nothing to do");
        assert_eq!(gauges.resident_bytes, 0);
    }
}

/// Runs a test on both stores. The file that it leaves has to be sound.
pub fn on_both_stores(test: impl Fn(Box<dyn FnOnce(Options) -> Rig>)) {
    test(Box::new(|options| Rig::with(workflow_store::Memory::new(), options)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.db");
    let file = path.clone();
    test(Box::new(move |options| Rig::with(sqlite(&file), options)));
    let report =
        workflow_engine::check::check(&workflow_store::Inspection::open(&path, &workflow_store::Keys::default()).unwrap(), 10);
    assert!(report.is_sound(), "{report:#?}");
}

/// Counts what a test's actions did.
pub type Calls = Arc<Mutex<Vec<String>>>;

/// Without a sync at each commit: a simulated crash takes the process, never the machine.
fn sqlite(path: &std::path::Path) -> workflow_store::Sqlite {
    let durability = workflow_store::Durability::UnsafeNormal;
    workflow_store::Sqlite::open(path, workflow_store::Options { durability, ..workflow_store::Options::default() }).unwrap()
}
