//! The engine's ring, its store, its clocks, and the outputs that it gives, each checked when it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use workflow_core::command::Outcome;
use workflow_core::definition::Definition;
use workflow_core::failure::Failure;
use workflow_core::id::{ActionName, SessionId};
use workflow_core::outstanding::outstanding;
use workflow_core::task::Task;
use workflow_core::time::Timestamp;
use workflow_engine::Options;
use workflow_engine::clock::{Clock, Mono, Now, SimulatedClock};
use workflow_engine::lines::Lines;
use workflow_engine::ring::catalog::Catalog;
use workflow_engine::ring::message::{AttemptKey, Input, Output};
use workflow_engine::ring::slots::{Provider, ProviderId, ProviderKind};
use workflow_engine::ring::{Opened, Ring};
use workflow_store::{Batch, Committed, Ranges, Store};

use crate::asks::Asks;
use crate::broken;
use crate::disk::{Commit, Disk, Pending};
use crate::model::Model;
use crate::plan::{Plan, Setting};
use crate::trace::Trace;
use crate::workers::{Seats, Worker};
use crate::workflows::{EITHER, HERE};

/// A read that failed is tried again after this.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);

pub struct World<'a> {
    pub plan: &'a Plan,
    pub model: Model<'a>,
    pub disk: Disk,
    pub clock: SimulatedClock,
    pub asks: Asks,
    pub trace: Trace,
    pub ring: Ring,
    pub seats: Seats,
    pub life: u64,
    lines: Lines,
    pub closed: bool,
    /// What this process provides, by action.
    pub here: BTreeMap<ProviderId, (&'static str, usize)>,
    pub running: BTreeMap<AttemptKey, ProviderId>,
    /// Attempts of this life whose result has come or that were told to stop.
    pub over: Vec<AttemptKey>,
    /// Results that the engine has, and has to record.
    pub delivered: BTreeSet<AttemptKey>,
    handed_out: BTreeSet<AttemptKey>,
    pub workers: Vec<Worker>,
    /// Sessions by the place that the engine has given them.
    sessions: BTreeMap<ProviderId, SessionId>,
    /// Connections that broke, and the engine does not know.
    pub broken_links: Vec<workflow_engine::ring::message::Connection>,
    /// Providers and connections have one count.
    pub numbers: u64,
    pub reads_again_at: Mono,
}

impl<'a> World<'a> {
    pub fn new(plan: &'a Plan, definitions: &'a [Definition], trace: Trace) -> World<'a> {
        let (clock, disk) = (SimulatedClock::default(), Disk::default());
        let setting = &plan.setting;
        let session = life_session(1);
        let seats = Seats::new(session.clone(), clock.now().mono, Duration::from_millis(setting.grace_ms));
        let mut world = World {
            plan,
            model: Model::new(definitions.iter().collect()),
            ring: open(&disk, setting, session, plan.seed, clock.now()),
            disk,
            clock,
            asks: Asks::default(),
            trace,
            seats,
            life: 1,
            lines: Lines::default(),
            closed: false,
            here: BTreeMap::new(),
            running: BTreeMap::new(),
            over: Vec::new(),
            delivered: BTreeSet::new(),
            handed_out: BTreeSet::new(),
            workers: Vec::new(),
            sessions: BTreeMap::new(),
            broken_links: Vec::new(),
            numbers: 0,
            reads_again_at: Mono::ZERO,
        };
        world.model.shown(world.clock.now());
        world.provide_here();
        world
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn provide_here(&mut self) {
        for action in [HERE, EITHER] {
            let slots = self.plan.setting.slots_here;
            self.provide(action, slots);
        }
    }

    pub fn provide(&mut self, action: &'static str, limit: usize) {
        let id = ProviderId(self.number());
        self.here.insert(id, (action, limit));
        let actions = vec![ActionName::new(action).expect("the plan names actions")];
        self.input(Input::Provide(Provider { id, kind: ProviderKind::InProcess, actions, limit }));
    }

    /// The process is gone, and another one opens what is durable.
    pub fn reopen(&mut self) {
        self.life += 1;
        self.disk.forget();
        self.asks.forget();
        self.lines = Lines::default();
        self.here.clear();
        self.running.clear();
        self.over.clear();
        self.delivered.clear();
        self.sessions.clear();
        self.broken_links.clear();
        self.closed = false;
        self.reads_again_at = Mono::ZERO;
        let (session, setting) = (life_session(self.life), &self.plan.setting);
        let now = self.now();
        self.model.opened_at = now.mono;
        self.seats = Seats::new(session.clone(), now.mono, Duration::from_millis(setting.grace_ms));
        self.ring = open(&self.disk, setting, session, self.plan.seed.wrapping_add(self.life << 32), now);
        self.trace.say(|| format!("the engine opens, life {}", self.life));
        self.provide_here();
    }

    pub fn input(&mut self, input: Input) {
        let now = self.now();
        self.seats.told(&input, now);
        match &input {
            Input::Finished { attempt, outcome } => {
                self.model.results.entry(*attempt).or_default().push(outcome.clone());
            }
            Input::Delivered { connection, attempt, outcome } => {
                self.model.results.entry(*attempt).or_default().push(outcome.clone());
                if self.seats.is_current(connection) {
                    self.delivered.insert(*attempt);
                }
            }
            _ => {}
        }
        self.ring.handle(input, now);
    }

    /// One turn of the ring, with all that it wants done.
    pub fn turn(&mut self) {
        if self.closed {
            return;
        }
        let now = self.now();
        self.seats.before_turn(now);
        let mut outputs = Vec::new();
        self.ring.turn(now, &mut outputs);
        for output in outputs {
            self.carry_out(output);
        }
        self.lines.flush();
        for text in self.asks.hear(&mut self.model) {
            self.trace.say(|| text);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Commit(batch) => {
                if self.disk.commit.is_some() || self.disk.reopening.is_some() {
                    broken("one batch is in the store at a time", format!("{}", batch.number));
                }
                self.disk.commit = Some(Commit { batch, answer: None });
            }
            Output::Reopen { number, claims } => self.disk.reopening = Some((number, claims)),
            Output::Read(read) => self.disk.reads.push_back(Pending::Asked(read)),
            Output::Answer(answer) => answer.send(),
            Output::Dispatch { attempt, provider, task } => self.dispatch(attempt, provider, task),
            Output::Abort { attempt, provider, reason } => {
                self.trace.say(|| format!("abort {} {}", self.model.name_of(attempt), reason.as_str()));
                if self.running.remove(&attempt).is_none() {
                    self.lines.abort(attempt, provider, reason);
                } else {
                    self.over.push(attempt);
                    self.must_have_ended(attempt, "an attempt is aborted when its end is durable");
                }
            }
            Output::Attach { provider, line } => {
                if let Some(session) = self.sessions.get(&provider) {
                    self.seats.attached(session);
                }
                self.lines.attach(provider, line);
            }
            Output::Detach { provider } => self.lines.detach(provider),
            Output::Provided(provider) => {
                if let ProviderKind::Worker { session } = provider.kind {
                    self.sessions.insert(provider.id, session);
                }
            }
            Output::Recorded { attempt, provider } => {
                self.must_have_ended(attempt, "a result is reported when it is durable");
                self.lines.recorded(attempt, provider);
            }
            Output::Closing => self.lines.closing(),
            Output::Rejoin { .. } | Output::Changed(_) | Output::Given(_) => {
                broken("an engine that is alone has no others", format!("{output:?}"));
            }
            Output::Durable { batch, .. } => self.must_be_written(batch.number),
            Output::Over(over) => {
                for (id, finished) in over {
                    let history = self.model.history(id);
                    let ended = history.execution.has_ended();
                    if !ended && finished.is_some() {
                        broken("an end is told when it is durable", format!("#{}", history.name));
                    }
                }
            }
            Output::Defined(registration) => {
                let pin = (registration.definition.id.clone(), registration.version);
                if !self.model.registered.contains_key(&pin) {
                    broken("what is shown is durable", format!("{pin:?}"));
                }
            }
            Output::Undefined { .. } | Output::EndpointPut(_) | Output::EndpointRemoved(_) | Output::Tokens(_) => {}
            Output::Ready(ready) => self.trace.say(|| format!("ready: {ready}")),
            Output::Closed => {
                self.trace.say(|| "closed".to_owned());
                self.closed = true;
            }
        }
    }

    fn must_be_written(&self, number: u64) {
        if number > self.model.batch {
            broken("what is shown is durable", format!("batch {number}, {} is durable", self.model.batch));
        }
    }

    fn must_have_ended(&self, attempt: AttemptKey, rule: &str) {
        if self.model.is_in_flight(attempt) {
            broken(rule, self.model.name_of(attempt));
        }
    }

    /// An attempt leaves the engine: it has begun, durably, and nobody has had it before.
    fn dispatch(&mut self, key: AttemptKey, provider: ProviderId, task: Box<Task>) {
        self.trace.say(|| format!("dispatch {}", self.model.name_of(key)));
        if !self.handed_out.insert(key) {
            broken("an attempt is dispatched once", self.model.name_of(key));
        }
        let durable = self.model.histories.get(&key.id).and_then(|history| history.attempts.get(&(key.step, key.attempt)));
        let Some(durable) = durable else {
            broken("nothing is dispatched before it is durable", self.model.name_of(key));
        };
        let session = self.sessions.get(&provider).cloned().unwrap_or_else(|| life_session(self.life));
        if durable.session.as_ref() != Some(&session) {
            let name = self.model.name_of(key);
            broken("an attempt runs in the session that is recorded", format!("{name}: {session}, {:?}", durable.session));
        }
        if durable.ended_in.is_some_and(|batch| batch != durable.began_in) {
            broken("nothing is dispatched after its end", self.model.name_of(key));
        }
        let same = |expected: &Task| {
            task.params().text() == expected.params().text()
                && task.state().text() == expected.state().text()
                && task.context() == expected.context()
        };
        if !durable.task.as_ref().is_some_and(same) {
            broken("a task is what the durable history gives", format!("{task:?}, {:?}", durable.task));
        }
        match self.here.get(&provider) {
            Some(&(action, limit)) => {
                self.running.insert(key, provider);
                let used = self.running.values().filter(|of| **of == provider).count();
                if used > limit || self.running.len() > self.plan.setting.in_process_max {
                    broken("no more runs than there are slots", format!("{action}: {used} of {limit}"));
                }
            }
            None if !self.sessions.contains_key(&provider) => {
                // It was withdrawn after the attempt had begun.
                let failure = Failure::new("whoever provided it is gone");
                self.input(Input::Finished { attempt: key, outcome: Outcome::Failed { failure, retry_after: None } });
            }
            None => {
                self.seats.handed_out(&session, key);
                // Nobody else takes it: it goes to a line, or is lost on the way.
                drop(self.lines.dispatch(key, provider, task));
            }
        }
    }

    /// A batch is durable now.
    fn written(&mut self, batch: &Batch, committed: &Committed) {
        let taken: Vec<usize> = committed.taken.iter().map(|(place, _)| *place).collect();
        let told = self.model.take_batch(batch, &taken, &self.seats);
        self.trace.say(|| format!("batch {} is durable: {}", batch.number, told.join("; ")));
    }

    pub fn run_commit(&mut self) {
        if let Some((batch, committed)) = self.disk.run_commit() {
            self.written(&batch, &committed);
        } else if let Some(Commit { batch, answer: Some(Err(fault)) }) = &self.disk.commit {
            self.trace.say(|| format!("batch {} fails: {fault}", batch.number));
        }
    }

    /// A batch of a former life arrives; if it is written although others were, the model says so.
    pub fn run_zombie(&mut self) {
        if let Some((batch, committed)) = self.disk.run_zombie() {
            self.written(&batch, &committed);
        }
    }

    pub fn answer_commit(&mut self) {
        if let Some(Commit { batch, answer: Some(result) }) = self.disk.commit.take_if(|commit| commit.answer.is_some()) {
            if let Err(fault) = &result
                && fault.kind == workflow_store::FaultKind::Corrupt
            {
                broken("a batch follows what is stored", fault.to_string());
            }
            self.input(Input::Committed { number: batch.number, result });
        }
    }

    pub fn run_read(&mut self, at: usize) {
        if self.disk.reads_fail > 0 {
            self.reads_again_at = self.now().mono + READ_AGAIN_AFTER;
        }
        self.disk.run_read(at);
    }

    pub fn answer_read(&mut self, at: usize) {
        if self.reads_again_at > Mono::ZERO {
            // The answer may be the one that failed.
            self.reads_again_at = self.now().mono + READ_AGAIN_AFTER;
        }
        if let Some(found) = self.disk.answer_read(at) {
            self.input(Input::Found(found));
        }
    }

    /// The store does all that it was asked, and the ring all that follows.
    pub fn settle(&mut self) {
        for _ in 0..2_000 {
            self.turn();
            if self.closed {
                return;
            }
            if let Some(result) = self.disk.run_reopen() {
                self.input(Input::Reopened(result));
            } else if !self.disk.reads.is_empty() {
                self.run_read(0);
                self.answer_read(0);
            } else if self.disk.commit.is_some() {
                self.run_commit();
                self.answer_commit();
            } else {
                // What was handed out may have been answered at once.
                self.turn();
                if self.disk.is_quiet() {
                    return self.must_be_quiet();
                }
            }
        }
        broken("an engine that is left alone comes to rest", format!("{:?}", self.ring.gauges()));
    }

    /// Nothing is left undone: every timer that fell due has fired, and every slot that is free is wanted by nobody.
    fn must_be_quiet(&mut self) {
        let (now, gauges) = (self.now(), self.ring.gauges());
        if !self.ring.is_ready() || self.seats.is_closing() || now.mono < self.reads_again_at {
            return;
        }
        self.reads_again_at = Mono::ZERO;
        self.seats.all_decided();
        if gauges.queued_commands > 0 {
            broken("nothing stays queued", format!("{gauges:?}"));
        }
        if let Some(attempt) = self.delivered.iter().find(|attempt| self.model.is_in_flight(**attempt)) {
            broken("a result is recorded", self.model.name_of(*attempt));
        }
        if let Some(attempt) = self.running.keys().find(|attempt| !self.model.is_in_flight(**attempt)) {
            broken("who runs an attempt that has ended is told", self.model.name_of(*attempt));
        }
        let full = gauges.resident_bytes >= options(&self.plan.setting).resident_bytes_max / 8 * 7;
        for (_, history) in self.model.active() {
            let work = outstanding(history.definition, &history.execution);
            if work.wake_at.is_some_and(|at| at <= now.wall) && !full {
                broken("a timer that is due has fired", format!("#{} {:?}", history.name, work.wake_at));
            }
            for flight in &work.in_flight {
                let timeout = history.definition.step(flight.step).timeout;
                let since = now.mono.since(self.model.began(flight.since));
                if timeout.is_some_and(|timeout| since > timeout.to_std()) && self.runs_here(flight.session.as_ref()) {
                    broken("an attempt ends with its timeout", format!("#{} step {}", history.name, flight.step.get()));
                }
            }
            for step in work.ready {
                let action = &history.definition.step(step).action;
                if !full && self.has_slot_here(action.as_str()) {
                    broken("a free slot is taken by who wants it", format!("#{} step {} {action}", history.name, step.get()));
                }
            }
        }
    }

    fn runs_here(&self, session: Option<&SessionId>) -> bool {
        session.is_some_and(|session| session.as_str() == format!("engine-{}", self.life))
    }

    fn has_slot_here(&self, action: &str) -> bool {
        let is_free =
            |(id, (_, limit)): (&ProviderId, &(&str, usize))| self.running.values().filter(|of| *of == id).count() < *limit;
        let mut providers = self.here.iter().filter(|(_, (of, _))| *of == action);
        self.running.len() < self.plan.setting.in_process_max && providers.any(is_free)
    }

    pub fn pass(&mut self, span: Duration) {
        self.clock.advance(span);
        self.model.shown(self.now());
    }

    pub fn set_wall(&mut self, wall: Timestamp) {
        self.clock.set_wall(wall);
        self.model.shown(self.now());
    }
}

fn life_session(life: u64) -> SessionId {
    SessionId::new(&format!("engine-{life}")).expect("it is short")
}

pub fn options(setting: &Setting) -> Options {
    let small = Options { resident_bytes_max: 9 << 10, cached_bytes_max: 5 << 10, ..Options::default() };
    let options = if setting.small_memory { small } else { Options::default() };
    Options { worker_grace: Duration::from_millis(setting.grace_ms), in_process_max: setting.in_process_max, ..options }
}

fn open(disk: &Disk, setting: &Setting, session: SessionId, seed: u64, now: Now) -> Ring {
    let definitions = disk.memory.definitions().expect("this store can always be read");
    let batch = disk.memory.batch().expect("this store can always be read");
    let (catalog, tokens) = (Catalog::from_rows(definitions), Default::default());
    let opened =
        Opened { catalog, tokens, batch, session, seed, at: now.mono, newest: None, owned: Ranges::ALL, catalog_number: None };
    Ring::new(options(setting), opened)
}
