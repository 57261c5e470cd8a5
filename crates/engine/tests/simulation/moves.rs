//! What each move of a plan does.

use std::time::Duration;

use tokio::sync::oneshot;
use workflow_core::command::Outcome;
use workflow_core::definition::Definition;
use workflow_core::event::TriggeredBy;
use workflow_core::failure::Failure;
use workflow_core::id::{EventName, ExecutionId, IdempotencyKey};
use workflow_core::json::Json;
use workflow_core::limits::Limits;
use workflow_core::refusal::Control;
use workflow_core::time::{Millis, Timestamp};
use workflow_engine::ring::message::{ControlAsk, EventAsk, Input, StartAsk, StartReply};

use crate::asks::Ask;
use crate::disk::FAULTS;
use crate::plan::{Kind, Move};
use crate::random::Random;
use crate::workers::Worker;
use crate::workflows::{EITHER, EVENTS, HERE, THERE};
use crate::world::World;

/// Executions that people start in one simulation; handlers and replays come on top.
const EXECUTIONS_MAX: usize = 14;

impl World<'_> {
    pub fn take(&mut self, next: Move) {
        let random = &mut next.random();
        self.trace.say(|| format!("{:?} {:x}", next.kind, next.number));
        match next.kind {
            Kind::Turn => self.turn(),
            Kind::CommitRuns => self.run_commit(),
            Kind::CommitAnswers => self.answer_commit(),
            Kind::ReadRuns => self.run_read(random.below(self.disk.reads.len().max(1))),
            Kind::ReadAnswers => self.answer_read(random.below(self.disk.reads.len().max(1))),
            Kind::Settle => self.settle(),
            Kind::Start => self.start(random),
            Kind::Event => self.event(random),
            Kind::Control => self.control(random),
            Kind::Deploy => self.deploy(random),
            Kind::Delete => self.delete(random),
            Kind::FinishHere => self.finish_here(random),
            Kind::FinishHereTwice => self.finish_here_twice(random),
            Kind::ProvideHere => self.provide_otherwise(random),
            Kind::Connect => self.connect(random),
            Kind::Hear => self.hear(random),
            Kind::Say => self.say(random),
            Kind::FinishThere | Kind::FinishThereTwice => self.finish_there(next.kind, random),
            Kind::ConnectionBreaks => self.break_connection(random),
            Kind::BreakIsNoticed => self.notice_break(random),
            Kind::WorkerDies => self.worker_ends(random, false),
            Kind::WorkerLeaves => self.worker_ends(random, true),
            Kind::Offer => self.offer(random),
            Kind::TimePasses => self.pass(Duration::from_millis(random.pick(&[1, 40, 100, 900, 1_500, 6_000, 11_000, 400_000]))),
            Kind::NextThing => {
                self.next_thing();
            }
            Kind::ClockIsSet => self.set_clock(random),
            Kind::CommitFails => self.disk.fates.push_back(random.pick(&FAULTS)),
            Kind::ReadFails => self.disk.reads_fail = 1 + random.below(2),
            Kind::ReopenFails => self.disk.reopen_fails = 1 + random.below(3),
            Kind::Crash => self.crash(random),
            Kind::Zombie => self.run_zombie(),
            Kind::Shutdown => {
                let until = self.now().mono + Duration::from_millis(random.pick(&[0, 1_000, 20_000]));
                self.input(Input::Shutdown { until });
            }
        }
        if self.closed {
            self.reopen();
        }
    }

    /// Time goes on to what the ring waits for. Whether it waits for anything.
    pub fn next_thing(&mut self) -> bool {
        let wait = self.ring.idle_for(self.now());
        if let Some(wait) = wait {
            self.pass(wait);
        }
        wait.is_some()
    }

    fn set_clock(&mut self, random: &mut Random) {
        let by = random.pick(&[-86_400_000, -7_200_003, -1_501, -17, 13, 1_009, 3_600_001, 90_000_007]);
        self.set_wall(Timestamp::from_millis(self.now().wall.millis() + by));
    }

    /// The process dies. The batch in the store is lost, or written, or on its way for a long time.
    fn crash(&mut self, random: &mut Random) {
        let in_the_middle = self.disk.commit.as_ref().filter(|commit| commit.answer.is_none()).map(|commit| commit.batch.clone());
        if let Some(batch) = in_the_middle {
            match random.below(5) {
                0 | 1 => self.run_commit(),
                2 => self.disk.zombie = Some(batch),
                _ => {}
            }
        }
        self.reopen();
    }

    // People.

    fn workflow(random: &mut Random) -> String {
        random.pick(&["w0", "w1", "w2"]).to_owned()
    }

    /// One that nobody else uses, or one of a few.
    fn key(random: &mut Random) -> (IdempotencyKey, bool) {
        let alone = random.percent(60);
        let text = if alone { format!("key-{:x}", random.next()) } else { format!("any-{}", random.below(3)) };
        (IdempotencyKey::new(&text).expect("it is short"), alone)
    }

    fn start(&mut self, random: &mut Random) {
        if self.model.histories.len() + self.asks.waiting() >= EXECUTIONS_MAX {
            return;
        }
        let long = if random.percent(6) { "y".repeat(5_000) } else { String::new() };
        let input = format!(r#"{{"x":{},"long":"{long}"}}"#, 1 + random.below(2));
        let (key, alone) = Self::key(random);
        let key = random.percent(80).then_some(key);
        let newest: Vec<ExecutionId> = self.model.histories.keys().copied().collect();
        let replayed = (!newest.is_empty() && random.percent(10)).then(|| random.pick(&newest));
        let (workflow, input, triggered_by) = match replayed {
            Some(id) => {
                let execution = &self.model.histories[&id].execution;
                (execution.workflow.to_string(), execution.input.json().clone(), TriggeredBy::Replay(id))
            }
            None => (Self::workflow(random), parse(&input), TriggeredBy::Manual),
        };
        self.start_with(workflow, input, key.map(|key| (key, alone)), triggered_by);
    }

    pub fn start_one(&mut self, workflow: &str, input: Json) {
        self.start_with(workflow.to_owned(), input, None, TriggeredBy::Manual);
    }

    fn start_with(&mut self, workflow: String, input: Json, key: Option<(IdempotencyKey, bool)>, triggered_by: TriggeredBy) {
        let (reply, answer) = oneshot::channel();
        let newest = self.asks.newest(&workflow);
        let alone = key.as_ref().is_some_and(|(_, alone)| *alone);
        let key = key.map(|(key, _)| key);
        let ask = Ask::Start { workflow: workflow.clone(), input: input.clone(), key: key.clone(), alone, newest, answer };
        self.asks.push(ask);
        let replay_of = if let TriggeredBy::Replay(id) = triggered_by { Some(id) } else { None };
        let reply = StartReply { reply, follow: None };
        self.input(Input::Start(Box::new(StartAsk { workflow, input, key, by: None, triggered_by, replay_of, reply })));
    }

    fn event(&mut self, random: &mut Random) {
        if self.model.histories.len() + self.asks.waiting() >= EXECUTIONS_MAX {
            return;
        }
        // Those without an id may come twice, and are then two events.
        let (id, alone) = match random.below(3) {
            0 => (None, false),
            1 => (Some(format!("event-{:x}", random.next())), true),
            _ => (Some(format!("event-{}", random.below(2))), false),
        };
        let marker = id.clone().unwrap_or_else(|| format!("any-{:x}", random.next()));
        let id = id.map(|id| IdempotencyKey::new(&id).expect("it is short"));
        let data = parse(&format!(r#"{{"x":{},"event":"{marker}"}}"#, random.pick(&[1, 2, 7])));
        let event = EventName::new(random.pick(&EVENTS)).expect("the plan names events");
        let (reply, answer) = oneshot::channel();
        self.asks.push(Ask::Event { id: id.clone(), marker, alone, answer });
        self.input(Input::Event(Box::new(EventAsk { event, data, id, source: None, by: None, reply })));
    }

    fn control(&mut self, random: &mut Random) {
        let active: Vec<ExecutionId> = self.model.active().map(|(id, _)| id).collect();
        let all: Vec<ExecutionId> = self.model.histories.keys().copied().collect();
        let of = if active.is_empty() || random.percent(30) { &all } else { &active };
        if of.is_empty() {
            return;
        }
        let id = random.pick(of);
        let paused = self.model.histories[&id].execution.is_paused();
        let control = match random.below(11) {
            _ if paused && random.percent(60) => Control::Resume,
            0..=3 => Control::Pause,
            4 => Control::Resume,
            5 => Control::Cancel,
            6..=8 => Control::Retry,
            _ => Control::RunNow,
        };
        let obeyed = self.model.histories[&id].obeyed();
        if !obeyed.is_empty() && random.percent(25) {
            // Somebody who did not hear the answer asks again.
            let (key, control) = obeyed[random.below(obeyed.len())].clone();
            return self.control_with(id, control, key, false, random);
        }
        let (key, alone) = Self::key(random);
        self.control_with(id, control, key, alone, random);
    }

    pub fn control_with(&mut self, id: ExecutionId, control: Control, key: IdempotencyKey, alone: bool, random: &mut Random) {
        let history = &self.model.histories[&id];
        let step = history.definition.steps[random.below(history.definition.steps.len())].id.to_string();
        let repeated = history.has_obeyed(control, &key);
        let (reply, answer) = oneshot::channel();
        self.asks.push(Ask::Control { id, control, key: key.clone(), alone, repeated, answer });
        let step = (control == Control::RunNow).then_some(step);
        self.input(Input::Control(Box::new(ControlAsk { id, control, step, key: Some(key), by: None, reply: reply.into() })));
    }

    fn deploy(&mut self, random: &mut Random) {
        let chosen = &self.plan.workflows[random.below(self.plan.workflows.len())];
        self.register(&chosen.json());
    }

    pub fn register(&mut self, source: &str) {
        let checked = Definition::check(&parse(source), &Limits::default()).expect("the plan was checked before");
        let (stored, definition) = (checked.definition.to_stored(), Box::new(checked.definition));
        let (reply, answer) = oneshot::channel();
        self.asks.push(Ask::Define { source: definition.source.clone(), answer });
        self.input(Input::Define { definition, stored, reply });
    }

    fn delete(&mut self, random: &mut Random) {
        let (reply, answer) = oneshot::channel();
        self.asks.push(Ask::Delete { answer });
        self.input(Input::Undefine { workflow: Self::workflow(random), reply });
    }

    // Actions in this process.

    pub fn outcome(random: &mut Random) -> Outcome {
        let failed = |failure, retry_after| Outcome::Failed { failure, retry_after };
        match random.below(100) {
            0..60 => Outcome::Completed(Some(parse(&format!(r#"{{"n":{}}}"#, random.below(100))))),
            60..65 => Outcome::Completed(None),
            65..71 => Outcome::Completed(Some(parse(&format!(r#"{{"n":1,"long":"{}"}}"#, "z".repeat(4_200))))),
            71..90 => failed(Failure::new(format!("no luck {}", random.below(1_000))), None),
            90..94 => failed(Failure::new("not so fast"), Some(Millis::new(random.pick(&[50, 2_000, 90_000_000])))),
            _ => failed(Failure::with_code("no", "never").permanent(), None),
        }
    }

    fn finish_here(&mut self, random: &mut Random) {
        let running: Vec<_> = self.running.keys().copied().collect();
        if running.is_empty() {
            return;
        }
        let attempt = random.pick(&running);
        self.finish_attempt(attempt, Self::outcome(random));
    }

    pub fn finish_attempt(&mut self, attempt: workflow_engine::ring::message::AttemptKey, outcome: Outcome) {
        self.trace.say(|| format!("{} gives {outcome:?}", self.model.name_of(attempt)));
        self.running.remove(&attempt);
        self.over.push(attempt);
        self.delivered.insert(attempt);
        self.input(Input::Finished { attempt, outcome });
    }

    /// A result that nobody asked for (any more).
    fn finish_here_twice(&mut self, random: &mut Random) {
        if !self.over.is_empty() {
            let (attempt, outcome) = (random.pick(&self.over), Self::outcome(random));
            self.trace.say(|| format!("{} gives once more {outcome:?}", self.model.name_of(attempt)));
            self.input(Input::Finished { attempt, outcome });
        }
    }

    fn provide_otherwise(&mut self, random: &mut Random) {
        let all: Vec<_> = self.here.keys().copied().collect();
        let idle = |id: &&workflow_engine::ring::slots::ProviderId| !self.running.values().any(|of| of == *id);
        let idle: Vec<_> = all.iter().filter(idle).copied().collect();
        match random.below(3) {
            0 if !idle.is_empty() => {
                let id = random.pick(&idle);
                self.here.remove(&id);
                self.input(Input::Withdraw(id));
            }
            _ if self.here.len() < 4 => self.provide(random.pick(&[HERE, EITHER]), 1 + random.below(2)),
            _ => {}
        }
    }

    // Remote workers.

    fn worker(&mut self, random: &mut Random) -> usize {
        while self.workers.len() < self.plan.setting.workers {
            self.hire(random);
        }
        random.below(self.workers.len())
    }

    pub fn hire(&mut self, random: &mut Random) {
        let worker = self.new_worker(random);
        self.workers.push(worker);
    }

    fn new_worker(&mut self, random: &mut Random) -> Worker {
        let actions: &[&str] = if random.percent(70) { &[THERE, EITHER] } else { &[THERE] };
        let name = format!("worker-{}", self.number());
        Worker::new(&name, 1 + random.below(3), actions)
    }

    fn connect(&mut self, random: &mut Random) {
        let worker = self.worker(random);
        if self.workers[worker].link.is_none() {
            self.connect_worker(worker);
        }
    }

    pub fn connect_worker(&mut self, worker: usize) {
        let number = self.number();
        self.workers[worker].connect(number);
        self.trace
            .say(|| format!("{} connects as {number}, has {}", self.workers[worker].session, self.workers[worker].holding.len()));
    }

    fn hear(&mut self, random: &mut Random) {
        let worker = self.worker(random);
        self.hear_worker(worker, 1 + random.below(4));
    }

    pub fn hear_worker(&mut self, worker: usize, count: usize) -> bool {
        let heard = self.workers[worker].hear(count);
        if !heard.is_empty() {
            self.trace.say(|| format!("{} hears {heard:?}", self.workers[worker].session));
        }
        !heard.is_empty()
    }

    fn say(&mut self, random: &mut Random) {
        let worker = self.worker(random);
        self.say_worker(worker, 1 + random.below(3));
    }

    /// What a worker said arrives.
    pub fn say_worker(&mut self, worker: usize, count: usize) -> bool {
        let mut said = false;
        for _ in 0..count {
            let Some(input) = self.workers[worker].link.as_mut().and_then(|link| link.said.pop_front()) else { return said };
            said = true;
            self.trace.say(|| match &input {
                Input::Join(joining) => format!("{} joins, naming {:?}", joining.connection.session, joining.holding.len()),
                Input::Delivered { attempt, outcome, .. } => format!("{} gives {outcome:?}", self.model.name_of(*attempt)),
                Input::Offer { connection, slots, .. } => format!("{} offers {slots}", connection.session),
                other => format!("{other:?}"),
            });
            self.input(input);
        }
        said
    }

    fn finish_there(&mut self, kind: Kind, random: &mut Random) {
        let worker = self.worker(random);
        let is_over = kind == Kind::FinishThereTwice;
        let holding = self.workers[worker].holding.iter().filter(|(_, result)| result.is_some() == is_over);
        let holding: Vec<_> = holding.map(|(attempt, _)| *attempt).collect();
        if !holding.is_empty() {
            let (attempt, outcome) = (random.pick(&holding), Self::outcome(random));
            self.workers[worker].finish(attempt, outcome);
        }
    }

    /// What is on the way is lost. The engine notices at once or later; the worker connects again before or after that.
    fn break_connection(&mut self, random: &mut Random) {
        let worker = self.worker(random);
        let Some(link) = self.workers[worker].link.take() else { return };
        if random.percent(50) {
            self.input(Input::Lost(link.connection));
        } else {
            self.broken_links.push(link.connection);
        }
    }

    fn notice_break(&mut self, random: &mut Random) {
        if !self.broken_links.is_empty() {
            let connection = self.broken_links.remove(random.below(self.broken_links.len()));
            self.input(Input::Lost(connection));
        }
    }

    /// A new process instead of this one.
    fn worker_ends(&mut self, random: &mut Random, in_order: bool) {
        let worker = self.worker(random);
        if let Some(link) = self.workers[worker].link.take() {
            if in_order && link.said.is_empty() {
                let (reply, _) = oneshot::channel();
                self.input(Input::Leave { connection: link.connection, reply });
            } else {
                self.broken_links.push(link.connection);
            }
        }
        self.workers[worker] = self.new_worker(random);
    }

    fn offer(&mut self, random: &mut Random) {
        let worker = self.worker(random);
        self.workers[worker].offer(random.below(4));
    }
}

pub fn parse(text: &str) -> Json {
    Json::parse(text.to_owned()).expect("it is written here")
}
