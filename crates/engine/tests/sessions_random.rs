//! Whatever happens to workers, connections, the store and the engine, in any order: nothing is said before it is durable, no
//! worker gets more than it offers, and in the end every execution has ended and every slot is free.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod random;
mod rig;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use random::Random;
use rig::worker::Worker;
use rig::{Rig, Trouble, completed, failed, id, on_both_stores};
use workflow_core::apply::fold;
use workflow_core::command::Outcome;
use workflow_core::event::Event;
use workflow_core::execution::StepState;
use workflow_core::id::ExecutionId;
use workflow_core::refusal::Control;
use workflow_engine::ring::message::{AttemptKey, Input};
use workflow_engine::{Options, SessionEvent};

const WORKFLOW: &str = r#"{"id":"w","steps":[
    {"id":"first","action":"act","maxRetries":2,"retryDelay":"100ms"},
    {"id":"left","action":"act","dependsOn":["first"],"timeout":"12s","onError":"continue"},
    {"id":"right","action":"act","dependsOn":["first"]},
    {"id":"here","action":"local","dependsOn":["first"]},
    {"id":"last","action":"act","dependsOn":["left","right","here"]}
]}"#;
const STEPS: usize = 300;
const SEEDS: u64 = 150;

/// Names the seed of a test that fails; `SESSIONS_SEED` runs that one alone.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the seed is {}", self.0);
        }
    }
}

fn outcome(random: &mut Random) -> Outcome {
    if random.below(8) == 0 { failed("no luck") } else { completed("1") }
}

/// A worker process, and what it remembers.
struct Agent {
    session: String,
    slots: usize,
    connection: Option<Worker>,
    /// What it was given, and the result once it has one that was not recorded.
    holding: BTreeMap<AttemptKey, Option<Outcome>>,
    given: BTreeSet<AttemptKey>,
}

struct World {
    rig: Option<Rig>,
    random: Random,
    agents: Vec<Agent>,
    lives: usize,
    ids: Vec<ExecutionId>,
}

impl World {
    fn rig(&mut self) -> &mut Rig {
        self.rig.as_mut().expect("it is only taken to be opened again")
    }

    /// What a worker was told, each thing compared with what is durable at that moment.
    fn listen(&mut self, agent: usize) {
        let rig = self.rig.as_ref().expect("it is only taken to be opened again");
        let agent = &mut self.agents[agent];
        while let Some(worker) = &mut agent.connection {
            match worker.events.try_recv() {
                Ok(SessionEvent::Task { id, .. }) => {
                    let attempt = AttemptKey::from(id);
                    assert!(begun_in(rig, attempt, &agent.session), "{attempt:?} is durable before it is handed out");
                    assert!(agent.given.insert(attempt), "{attempt:?} is handed out once");
                    agent.holding.insert(attempt, None);
                    let running = agent.holding.values().filter(|result| result.is_none()).count();
                    assert!(running <= agent.slots, "{} has {running} tasks and offers {} slots", agent.session, agent.slots);
                }
                Ok(SessionEvent::Abort { id, .. }) => {
                    agent.holding.remove(&AttemptKey::from(id));
                }
                Ok(SessionEvent::Recorded { id }) => {
                    let attempt = AttemptKey::from(id);
                    assert!(!in_flight(rig, attempt), "the end of {attempt:?} is durable before it is reported");
                    assert_ne!(agent.holding.remove(&attempt), Some(None), "it has a result");
                }
                Ok(SessionEvent::Closing) => {}
                Ok(SessionEvent::Replaced) => panic!("it closes its connections before it makes another"),
                Err(tokio::sync::mpsc::error::TryRecvError::Empty) => return,
                Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => agent.connection = None,
            }
        }
    }

    fn connect(&mut self, agent: usize) {
        if self.agents[agent].connection.is_some() {
            return;
        }
        let holding: Vec<AttemptKey> = self.agents[agent].holding.keys().copied().collect();
        let (session, slots) = (self.agents[agent].session.clone(), self.agents[agent].slots);
        let rig = self.rig();
        let (worker, mut answer) = rig.join_only(&session, &holding);
        rig.turn();
        if answer.try_recv().unwrap().is_ok() {
            let (connection, actions) = (worker.connection.clone(), vec![rig::action("act")]);
            rig.input(Input::Offer { connection, actions, slots });
            self.agents[agent].connection = Some(worker);
        }
    }

    fn disconnect(&mut self, agent: usize) {
        if let Some(worker) = self.agents[agent].connection.take() {
            self.rig().input(Input::Lost(worker.connection));
        }
    }

    /// A new process instead of this one.
    fn replace(&mut self, agent: usize, in_order: bool) {
        if let Some(worker) = self.agents[agent].connection.take() {
            let (reply, _) = tokio::sync::oneshot::channel();
            let connection = worker.connection;
            self.rig().input(if in_order { Input::Leave { connection, reply } } else { Input::Lost(connection) });
        }
        self.lives += 1;
        let session = format!("worker-{}", self.lives);
        let slots = 1 + self.random.below(3);
        self.agents[agent] = Agent { session, slots, connection: None, holding: BTreeMap::new(), given: BTreeSet::new() };
    }

    /// Finishes something that it has, or delivers what it finished while nobody listened, or delivers it twice.
    fn work(&mut self, agent: usize) {
        let count = self.agents[agent].holding.len();
        if count == 0 {
            return;
        }
        let chosen = self.random.below(count);
        let result = outcome(&mut self.random);
        let (attempt, held) = self.agents[agent].holding.iter_mut().nth(chosen).unwrap();
        let (attempt, outcome) = (*attempt, held.get_or_insert(result).clone());
        if let Some(worker) = &self.agents[agent].connection {
            let connection = worker.connection.clone();
            self.rig().input(Input::Delivered { connection, attempt, outcome });
        }
    }

    fn work_here(&mut self) {
        let outcome = outcome(&mut self.random);
        if let Some(attempt) = self.rig().running.first_key_value().map(|(attempt, _)| *attempt) {
            self.rig().finish_only(attempt, outcome);
        }
    }

    fn reopen(&mut self) {
        let mut rig = self.rig.take().expect("it is only taken to be opened again").crash();
        rig.provide("local", 2);
        self.rig = Some(rig);
        for agent in 0..self.agents.len() {
            self.listen(agent);
            assert!(self.agents[agent].connection.is_none(), "with the engine its connections are gone");
        }
    }

    fn shut_down(&mut self) {
        let until = self.rig().now().mono + Duration::from_secs(3);
        self.rig().input(Input::Shutdown { until });
        self.rig().settle();
        for _ in 0..self.random.below(4) {
            let agent = self.random.below(self.agents.len());
            self.listen(agent);
            self.work(agent);
        }
        self.rig().advance(Duration::from_secs(3));
        assert!(self.rig().closed, "workers do not keep an engine from closing");
    }

    fn step(&mut self) {
        let agent = self.random.below(self.agents.len());
        self.listen(agent);
        match self.random.below(100) {
            0..15 => self.rig().turn(),
            15..25 => self.rig().commit(),
            25..30 => self.rig().answer_read_only(),
            30..40 => self.rig().settle(),
            40..55 => self.work(agent),
            55..65 => self.work_here(),
            65..75 => self.connect(agent),
            75..80 => self.disconnect(agent),
            80..82 => {
                let in_order = self.random.below(2) == 0;
                self.replace(agent, in_order);
            }
            82..88 => {
                if self.ids.len() < 12 && self.rig().ring.is_ready() {
                    let mut started = self.rig().start_with("w", "{}", None);
                    self.rig().settle();
                    self.ids.extend(started.get().and_then(Result::ok).map(|started| id(&started)));
                }
            }
            88..90 => {
                let trouble = [Trouble::Before, Trouble::BeforeUnknown, Trouble::AfterUnknown][self.random.below(3)];
                self.rig().troubles.push_back(trouble);
                self.rig().reopen_fails = self.random.below(3);
            }
            90..96 => {
                let span = [50, 500, 4_000, 11_000][self.random.below(4)];
                self.rig().clock.advance(Duration::from_millis(span));
                self.rig().turn();
            }
            96 => self.control(),
            97..99 => self.reopen(),
            _ => {
                self.shut_down();
                self.reopen();
            }
        }
    }

    fn control(&mut self) {
        let control = [Control::Pause, Control::Resume, Control::Resume, Control::Cancel, Control::Retry][self.random.below(5)];
        if !self.ids.is_empty() {
            let id = self.ids[self.random.below(self.ids.len())];
            let mut answer = self.rig().ask(|reply| Input::Control(Box::new(rig::control_ask(id, control, reply))));
            self.rig().settle();
            let _ = answer.get();
        }
    }

    /// Nothing fails any more, and everybody works.
    fn come_to_rest(&mut self) {
        self.rig().troubles.clear();
        self.rig().reopen_fails = 0;
        self.rig().settle();
        // Also those whose start nobody could confirm.
        let all = workflow_store::Filter { limit: 1_000, ..workflow_store::Filter::default() };
        for round in 0.. {
            assert!(round < 500, "nothing comes to its end");
            self.rig().settle();
            self.ids = self.rig().store.executions(&all).unwrap().heads.into_iter().map(|head| head.id).collect();
            for agent in 0..self.agents.len() {
                self.listen(agent);
                self.connect(agent);
                self.rig().settle();
                self.listen(agent);
                for _ in 0..self.agents[agent].holding.len() {
                    self.work(agent);
                }
            }
            self.work_here();
            self.rig().settle();
            if !self.rig().ring.is_ready() {
                self.rig().advance_to_next();
                continue;
            }
            for id in self.ids.clone() {
                let _ = self.rig().control(id, Control::Resume);
            }
            let ids = &self.ids;
            let rig = self.rig.as_ref().expect("it is only taken to be opened again");
            if ids.iter().all(|id| rig.status(*id).has_ended()) && self.agents.iter().all(|agent| agent.holding.is_empty()) {
                break;
            }
            self.rig().advance(Duration::from_millis(100));
        }
        self.rig().assert_at_rest();
    }

    /// Each worker gets as much as it offers, and no more.
    fn all_slots_are_free(&mut self) {
        let offered: usize = self.agents.iter().map(|agent| agent.slots).sum();
        for _ in 0..offered + 2 {
            self.rig().start("w", "{}");
        }
        for agent in 0..self.agents.len() {
            self.listen(agent);
            let agent = &self.agents[agent];
            assert_eq!(agent.holding.len(), agent.slots, "{} gets what it offers", agent.session);
        }
    }
}

fn begun_in(rig: &Rig, attempt: AttemptKey, worker: &str) -> bool {
    let events = rig.store.history(attempt.id, 0, 100_000, workflow_store::Texts::Read).unwrap().unwrap().events;
    events.iter().any(|recorded| match &recorded.event {
        Event::StepStarted { step, attempt: number, session } => {
            (*step, *number) == (attempt.step, attempt.attempt) && session.as_ref().is_some_and(|of| of.as_str() == worker)
        }
        _ => false,
    })
}

fn in_flight(rig: &Rig, attempt: AttemptKey) -> bool {
    let stored = rig.store.load(&[attempt.id]).unwrap().pop().flatten().unwrap();
    let execution = fold(attempt.id, rig.definition_of(attempt.id).steps.len(), stored.events).unwrap();
    let state = &execution.step(attempt.step).state;
    !execution.has_ended() && matches!(state, StepState::Running { attempt: number, .. } if *number == attempt.attempt)
}

fn whatever_happens(seed: u64, open: Box<dyn FnOnce(Options) -> Rig>) {
    let _seed = Seed(seed);
    let mut rig = open(Options::default());
    rig.define(WORKFLOW);
    rig.provide("local", 2);
    let mut world = World { rig: Some(rig), random: Random::new(seed), agents: Vec::new(), lives: 0, ids: Vec::new() };
    for agent in 0..3 {
        let nobody =
            Agent { session: String::new(), slots: 0, connection: None, holding: BTreeMap::new(), given: BTreeSet::new() };
        world.agents.push(nobody);
        world.replace(agent, true);
    }
    for _ in 0..STEPS {
        world.step();
    }
    world.come_to_rest();
    world.all_slots_are_free();
}

#[test]
fn whatever_happens_to_workers_nothing_is_lost() {
    if let Ok(seed) = std::env::var("SESSIONS_SEED") {
        return whatever_happens(seed.parse().unwrap(), Box::new(|options| Rig::with(workflow_store::Memory::new(), options)));
    }
    for seed in 0..SEEDS {
        whatever_happens(seed, Box::new(|options| Rig::with(workflow_store::Memory::new(), options)));
    }
    on_both_stores(|open| whatever_happens(SEEDS, open));
}
