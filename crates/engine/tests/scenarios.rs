//! Every file of `testdata/scenarios` through the ring, on simulated time, on all stores.
//!
//! What the core alone shows in `crates/core/tests/scenarios.rs` has to come out the same when an engine decides what is
//! committed together, when timers fire, who gets a slot and what is recovered. Nothing is told to an execution here that could
//! not be told to an engine: time passes, attempts give results, the process dies, slots come and go. Everything that is
//! compared is read from the store, but for the tasks, which are those that were dispatched. `reported` is not compared: an
//! engine logs it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;
#[path = "../../store/tests/server/mod.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod server;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rig::{Rig, id, key, on_both_stores};
use serde_json::Value;
use workflow_core::apply::fold;
use workflow_core::command::Outcome;
use workflow_core::definition::{Definition, StepIndex};
use workflow_core::event::{Recorded, TriggeredBy};
use workflow_core::execution::Execution;
use workflow_core::id::{ActionName, ExecutionId};
use workflow_core::json::Json;
use workflow_core::limits::Limits;
use workflow_core::outstanding::outstanding;
use workflow_core::refusal::Control;
use workflow_core::scenario::{Act, End, Names, Request, STARTS_AT, Scenario, Slots};
use workflow_core::scenario::{compact, differences, entry_differences, transition_differences};
use workflow_core::time::Timestamp;
use workflow_core::view;
use workflow_engine::ring::message::{AttemptKey, ControlAsk, Input, StartAsk, StartReply};
use workflow_engine::ring::slots::{Provider, ProviderId, ProviderKind};
use workflow_engine::{Error, Options};
use workflow_store::{Filter, Postgres, PostgresOptions, Texts};

/// What an engine cannot be told from outside.
const SKIPPED: &[(&str, &str)] =
    &[("pause-holds-everything", "it interrupts one of two attempts in flight; a process that dies loses both")];

/// Opens an empty store.
type Open = Box<dyn FnOnce(Options) -> Rig>;

#[test]
fn every_scenario_comes_out_as_it_says() {
    every_scenario(|test| on_both_stores(test));
}

/// In a schema of its own each, on one server.
#[test]
fn every_scenario_comes_out_as_it_says_on_postgresql() {
    let server = server::Server::start();
    let (database, number) = (server.database(), Cell::new(0));
    every_scenario(|test| {
        number.set(number.get() + 1);
        let url = format!("{database}?schema=scenario_{}", number.get());
        test(Box::new(move |options| Rig::with(Postgres::open(&url, PostgresOptions::default()).unwrap(), options)));
    });
}

fn every_scenario(on_stores: impl Fn(&dyn Fn(Open))) {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let (failed, mut run) = (RefCell::new(Vec::new()), 0);
    for path in files() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains(&only) {
            continue;
        }
        if let Some((name, why)) = SKIPPED.iter().find(|(skipped, _)| *skipped == name) {
            println!("skipped: {name}: {why}");
            continue;
        }
        run += 1;
        let scenario = Scenario::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        on_stores(&|open| {
            let differences = carry_out(&scenario, open);
            if !differences.is_empty() {
                failed.borrow_mut().push(format!("{name}:\n  {}\n", differences.join("\n  ")));
            }
        });
    }
    println!("{run} scenarios, {} skipped", SKIPPED.len());
    let failed = failed.into_inner();
    assert!(failed.is_empty(), "{} scenarios came out otherwise\n\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn what_is_skipped_is_there() {
    for (name, _) in SKIPPED {
        assert!(files().iter().any(|path| path.file_stem().is_some_and(|stem| stem == *name)), "`{name}` is no scenario");
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/scenarios");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_scenario = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "json") && path.file_stem().is_some_and(|stem| stem != "elsewhere")
    };
    let mut paths: Vec<PathBuf> = paths.filter(is_scenario).collect();
    paths.sort();
    paths
}

fn carry_out(scenario: &Scenario, open: Box<dyn FnOnce(Options) -> Rig>) -> Vec<String> {
    let rig = open(Options { limits: scenario.limits.clone(), ..Options::default() });
    rig.clock.set_wall(STARTS_AT);
    let mut home = Home { rig: Some(rig), slots: scenario.slots, definitions: Vec::new(), ids: Vec::new(), ends: Vec::new() };
    for source in scenario.definitions() {
        home.rig().define(source.text());
        home.definitions.push(Definition::check(source, &Limits::default()).unwrap().definition);
    }
    home.provide_all();
    for (index, act) in scenario.script.iter().enumerate() {
        let result = home.act(act).map_err(|problem| vec![problem]).and_then(|seen| home.expect(act, &seen));
        if let Err(differences) = result {
            // What follows would only confuse.
            return vec![format!("script/{index} {}", differences.join("\n    "))];
        }
    }
    let mut wrong = home.expect_end(&scenario.end, home.ids.first().copied(), "end");
    for (workflow, end) in &scenario.others {
        wrong.extend(home.expect_end(end, home.newest(workflow), &format!("others/{workflow}")));
    }
    wrong.extend(home.outlives_its_process());
    wrong
}

/// An engine, its store, and what was seen of them.
struct Home {
    rig: Option<Rig>,
    slots: Slots,
    definitions: Vec<Definition>,
    /// All executions, in the order in which they were started.
    ids: Vec<ExecutionId>,
    /// The last `seq` of each transition, also of former lives.
    ends: Vec<(ExecutionId, u64)>,
}

/// An execution as it is stored.
struct Durable {
    definition: Arc<Definition>,
    execution: Execution,
    events: Vec<Recorded>,
}

/// What came of a command.
#[derive(Default)]
struct Seen {
    /// The execution that it was about.
    about: Option<ExecutionId>,
    events: Vec<Value>,
    /// Executions that were started, besides the one that `start` means.
    started: Vec<ExecutionId>,
    refused: Option<Error>,
}

impl Home {
    fn rig(&mut self) -> &mut Rig {
        self.rig.as_mut().expect("there is a rig between two lives as well")
    }

    fn view(&self) -> &Rig {
        self.rig.as_ref().expect("there is a rig between two lives as well")
    }

    // Slots.

    fn actions(&self) -> Vec<ActionName> {
        let steps = self.definitions.iter().flat_map(|definition| &definition.steps);
        let mut actions: Vec<ActionName> =
            steps.map(|step| step.action.clone()).filter(|action| action.as_str() != "noop").collect();
        actions.sort();
        actions.dedup();
        actions
    }

    /// A free worker for everything, or for nothing.
    fn provide_all(&mut self) {
        if self.slots == Slots::All {
            for action in self.actions() {
                self.provide(&action, 1_000);
            }
        }
        self.rig().settle();
    }

    fn provide(&mut self, action: &ActionName, limit: usize) {
        let place = self.actions().iter().position(|other| other == action).unwrap();
        let id = ProviderId(u64::try_from(place).unwrap());
        let actions = vec![action.clone()];
        self.rig().input(Input::Provide(Provider { id, kind: ProviderKind::InProcess, actions, limit }));
    }

    fn taken(&self, action: &ActionName) -> usize {
        self.view().running.values().filter(|task| task.action == *action).count()
    }

    /// One more slot for the action of a step, for as long as its attempt runs.
    fn begin(&mut self, id: ExecutionId, step: StepIndex) {
        if self.slots == Slots::All {
            // There has always been one: it has begun, or may not.
            return self.rig().settle();
        }
        let action = self.durable(id).definition.step(step).action.clone();
        if action.as_str() == "noop" {
            return self.rig().settle();
        }
        self.provide(&action, self.taken(&action) + 1);
        self.rig().settle();
        self.provide(&action, self.taken(&action));
        self.rig().settle();
    }

    fn finish(&mut self, attempt: AttemptKey, outcome: Outcome) {
        if self.slots == Slots::None
            && let Some(action) = self.view().running.get(&attempt).map(|task| task.action.clone())
        {
            self.provide(&action, self.taken(&action) - 1);
        }
        self.rig().finish_only(attempt, outcome);
        self.rig().settle();
    }

    // Commands.

    fn act(&mut self, act: &Act) -> Result<Seen, String> {
        let (before, known) = (self.lengths(), self.ids.len());
        self.pass(act.at(self.view().now().wall)?);
        let mut seen = Seen::default();
        let result = match act.request()? {
            Request::Start { workflow, input, key: given } => {
                let workflow = workflow.unwrap_or_else(|| self.definitions[0].id.to_string());
                self.start(workflow, input, given, None)
            }
            Request::Replay { key: given } => {
                let id = self.which(act)?;
                let replayed = self.durable(id).execution;
                self.start(replayed.workflow.to_string(), replayed.input.json().clone(), given, Some(id))
            }
            Request::Event { event, data } => {
                let mut answer = self.rig().event(&event, data.text(), None);
                self.rig().settle();
                seen.started = match answer.now() {
                    Ok(answer) => answer.started.iter().map(id).collect(),
                    Err(error) => return Err(error.to_string()),
                };
                Ok(None)
            }
            request => {
                let id = self.which(act)?;
                self.advance(id, request)?.map(|()| Some(id))
            }
        };
        self.note_started();
        // An event starts them in the order of their workflows' ids; scenarios name them in the order of their registration.
        let place = |id: &ExecutionId| {
            let workflow = self.durable(*id).execution.workflow;
            self.definitions.iter().position(|definition| definition.id == workflow)
        };
        seen.started.sort_by_key(place);
        if !seen.started.is_empty() {
            self.ids.truncate(known);
            self.ids.extend(&seen.started);
        }
        let (about, refused) = match result {
            Ok(about) => (about, None),
            Err(error) => (self.which(act).ok(), Some(error)),
        };
        if let Some(id) = about {
            let length = before.get(&id).copied().unwrap_or_default();
            seen.events = self.durable(id).entries().skip(length).collect();
        }
        if seen.started.is_empty() {
            seen.started = self.ids[known..].iter().copied().filter(|id| Some(*id) != about).collect();
        }
        Ok(Seen { about, refused, ..seen })
    }

    /// The clock goes on, or somebody sets it back. What falls due does so when the ring looks at the clock.
    fn pass(&mut self, now: Timestamp) {
        let before = self.view().now().wall;
        if now >= before {
            self.rig().clock.advance(Duration::from_millis(now.since(before).get()));
        } else {
            self.rig().clock.set_wall(now);
        }
    }

    fn start(
        &mut self,
        workflow: String,
        input: Json,
        given: Option<String>,
        replay_of: Option<ExecutionId>,
    ) -> Result<Option<ExecutionId>, Error> {
        let key = given.as_deref().and_then(key);
        let triggered_by = replay_of.map_or(TriggeredBy::Manual, TriggeredBy::Replay);
        let ask = |reply| {
            let reply = StartReply { reply, follow: None };
            Input::Start(Box::new(StartAsk { workflow, input, key, by: None, triggered_by, replay_of, reply }))
        };
        let mut answer = self.rig().ask(ask);
        self.rig().settle();
        answer.now().map(|started| Some(id(&started)))
    }

    /// `Err` is about the scenario, the inner one is the engine's.
    fn advance(&mut self, id: ExecutionId, request: Request) -> Result<Result<(), Error>, String> {
        let definition = self.durable(id).definition;
        let step = |id: &str| definition.index_of(id).ok_or_else(|| format!("there is no step `{id}`"));
        let control = match request {
            Request::Pause { key } => (Control::Pause, None, key),
            Request::Resume { key } => (Control::Resume, None, key),
            Request::Cancel { key } => (Control::Cancel, None, key),
            Request::Retry { key } => (Control::Retry, None, key),
            Request::RunNow { step, key } => (Control::RunNow, Some(step), key),
            Request::Begin { step: name } => {
                self.begin(id, step(&name)?);
                return Ok(Ok(()));
            }
            Request::Finish { step: name, attempt, result, retry_after } => {
                let attempt = self.attempt(id, step(&name)?, attempt);
                let outcome = match result {
                    Ok(output) => Outcome::Completed(output),
                    Err(failure) => Outcome::Failed { failure, retry_after },
                };
                self.finish(attempt, outcome);
                return Ok(Ok(()));
            }
            Request::Interrupt { step: name, attempt, shutdown } => {
                let attempt = self.attempt(id, step(&name)?, attempt);
                self.interrupt(attempt, shutdown)?;
                return Ok(Ok(()));
            }
            // The ring times out attempts by itself.
            Request::TimeOut { .. } | Request::Wake => {
                self.rig().settle();
                return Ok(Ok(()));
            }
            Request::Start { .. } | Request::Event { .. } | Request::Replay { .. } => unreachable!("these start an execution"),
        };
        let (control, step, given) = control;
        let key = given.as_deref().and_then(key);
        let mut answer = self
            .rig()
            .ask(|reply| Input::Control(Box::new(ControlAsk { id, control, step, key, by: None, reply: reply.into() })));
        self.rig().settle();
        Ok(answer.now())
    }

    fn attempt(&self, id: ExecutionId, step: StepIndex, given: Option<u32>) -> AttemptKey {
        AttemptKey { id, step, attempt: given.unwrap_or_else(|| self.durable(id).execution.step(step).attempts) }
    }

    /// The process dies, or ends in order, and another one opens the store.
    fn interrupt(&mut self, attempt: AttemptKey, shutdown: bool) -> Result<(), String> {
        self.rig().settle();
        let running = &self.view().running;
        if !running.contains_key(&attempt) {
            // Nobody can lose what nobody runs.
            return Ok(());
        }
        if running.len() > 1 {
            return Err("a process that dies loses all attempts in flight, not one of them".to_owned());
        }
        if shutdown {
            let until = self.view().now().mono;
            self.rig().input(Input::Shutdown { until });
            self.rig().settle();
            assert!(self.rig().closed, "nothing is left to write");
        }
        self.next_life();
        Ok(())
    }

    fn next_life(&mut self) {
        self.note_ends();
        self.rig = self.rig.take().map(Rig::crash);
        self.provide_all();
    }

    /// A process that dies when all has ended leaves nothing that changes when another one opens the store.
    fn outlives_its_process(&mut self) -> Vec<String> {
        if !self.view().running.is_empty() {
            return Vec::new();
        }
        let before = self.lengths();
        self.next_life();
        if self.lengths() == before { Vec::new() } else { vec!["opening the store again changed something".to_owned()] }
    }

    // What is durable.

    fn note_ends(&mut self) {
        let ends = std::mem::take(&mut self.rig().ends);
        self.ends.extend(ends);
    }

    /// Ids rise, so the order of the ids is the order of the starts.
    fn note_started(&mut self) {
        self.note_ends();
        let mut started: Vec<ExecutionId> = Vec::new();
        for (id, _) in &self.ends {
            if !self.ids.contains(id) && !started.contains(id) {
                started.push(*id);
            }
        }
        started.sort();
        self.ids.extend(started);
        let filter = Filter { limit: 1_000, ..Filter::default() };
        let listed: Vec<ExecutionId> =
            self.view().store.executions(&filter).unwrap().heads.into_iter().map(|head| head.id).collect();
        assert!(listed.is_sorted_by(|a, b| a > b), "the list is newest first");
        let known: BTreeSet<ExecutionId> = self.ids.iter().copied().collect();
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), known, "what is committed is listed");
    }

    fn lengths(&self) -> BTreeMap<ExecutionId, usize> {
        self.ids.iter().map(|&id| (id, self.durable(id).events.len())).collect()
    }

    fn durable(&self, id: ExecutionId) -> Durable {
        let rig = self.view();
        let definition = rig.definition_of(id);
        let mut events = Vec::new();
        loop {
            let page = rig.store.history(id, events.len() as u64, 1_000, Texts::Read).unwrap().unwrap();
            events.extend(page.events);
            if !page.more {
                break;
            }
        }
        let execution = fold(id, definition.steps.len(), events.iter().cloned()).unwrap();
        Durable { definition, execution, events }
    }

    fn which(&self, act: &Act) -> Result<ExecutionId, String> {
        match &act.within {
            Some(workflow) => self.newest(workflow).ok_or_else(|| format!("`{workflow}` has not been started")),
            None => self.ids.first().copied().ok_or_else(|| "nothing has been started".to_owned()),
        }
    }

    fn newest(&self, workflow: &str) -> Option<ExecutionId> {
        self.ids.iter().rev().copied().find(|&id| self.durable(id).execution.workflow.as_str() == workflow)
    }

    fn names(&self, id: Option<ExecutionId>) -> Names {
        Names {
            id: id.map(|id| id.to_string()).unwrap_or_default(),
            ids: self.ids.iter().map(|id| (self.durable(*id).execution.workflow.to_string(), id.to_string())).collect(),
        }
    }

    // Expectations.

    fn expect(&self, act: &Act, seen: &Seen) -> Result<(), Vec<String>> {
        let expect = &act.expect;
        let mut wrong = Vec::new();
        // Of an event there is no execution that it is about; then it is the first one.
        let about = seen.about.or_else(|| self.ids.first().copied());
        let names = self.names(about);
        let mut compare = |what: &str, expected: Option<&Value>, found: &dyn Fn() -> Value| {
            if let Some(expected) = expected {
                wrong.extend(
                    differences(expected, Some(&found()), &names).into_iter().map(|difference| format!("{what}{difference}")),
                );
            }
        };
        let refused = seen.refused.as_ref().map(|error| serde_json::json!({"code": error.code(), "message": error.to_string()}));
        compare("refused", expect.refused.as_ref(), &|| refused.clone().unwrap_or_default());
        let started = expect.started.clone().map(Value::Array);
        compare("started", started.as_ref(), &|| seen.started.iter().map(|&id| self.durable(id).view()).collect());
        if let Some(id) = about {
            let durable = self.durable(id);
            compare("status", expect.status.as_ref(), &|| durable.view()["status"].clone());
            compare("outstanding", expect.outstanding.as_ref(), &|| durable.outstanding());
            compare("execution", expect.execution.as_ref(), &|| durable.view());
            for expected in expect.task.iter().flat_map(|task| task.as_array().map_or(std::slice::from_ref(task), Vec::as_slice))
            {
                compare("task", Some(expected), &|| self.task(id, expected["step"].as_str().unwrap()));
            }
        }
        if let Some(expected) = &expect.events {
            wrong.extend(
                entry_differences(expected, &seen.events, &names).into_iter().map(|difference| format!("events{difference}")),
            );
        }
        if let (None, Some(refused)) = (&expect.refused, &seen.refused) {
            wrong.push(format!("refused: {refused}"));
        }
        wrong.extend(self.disagreements());
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// What runs is what the histories say, and so are the head rows.
    fn disagreements(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for &id in &self.ids {
            // Compares the head row with the fold.
            self.view().status(id);
            let durable = self.durable(id);
            let in_flight = outstanding(&durable.definition, &durable.execution).in_flight;
            let mut recorded: Vec<_> = in_flight.iter().map(|flight| (flight.step, flight.attempt)).collect();
            recorded.sort();
            let running = self.view().running.keys().filter(|key| key.id == id);
            let running: Vec<_> = running.map(|key| (key.step, key.attempt)).collect();
            if running != recorded {
                wrong.push(format!("{running:?} run of {id}, recorded are {recorded:?}"));
            }
        }
        wrong
    }

    fn expect_end(&self, end: &End, id: Option<ExecutionId>, at: &str) -> Vec<String> {
        let Some(id) = id else { return vec![format!("{at}: was not started")] };
        let durable = self.durable(id);
        let (names, view) = (self.names(Some(id)), durable.view());
        let mut wrong = differences(&end.status, view.get("status"), &names);
        if let Some(expected) = &end.execution {
            wrong.extend(differences(expected, Some(&view), &names));
        }
        if let Some(transitions) = &end.transitions {
            wrong.extend(transition_differences(transitions, &self.transitions(id)));
        }
        if let Some(entries) = end.entries.filter(|&entries| entries != durable.events.len()) {
            wrong.push(format!("expected {entries} entries, found {}", durable.events.len()));
        }
        wrong.into_iter().map(|difference| format!("{at}: {difference}")).collect()
    }

    /// The history, compactly, one string for each commit.
    fn transitions(&self, id: ExecutionId) -> Vec<String> {
        let entries: Vec<String> = self.durable(id).entries().map(|entry| compact(&entry)).collect();
        let mut from = 0;
        let ends = self.ends.iter().filter(|(other, _)| *other == id);
        let transitions = ends.map(|&(_, last)| {
            let to = usize::try_from(last).unwrap();
            entries[std::mem::replace(&mut from, to)..to].join(", ")
        });
        transitions.collect()
    }

    /// What was given to whoever runs the attempt of a step.
    fn task(&self, id: ExecutionId, step: &str) -> Value {
        let running = &self.view().running;
        let task = running.iter().find(|(key, task)| key.id == id && task.step_id.as_str() == step);
        let Some((_, task)) = task else { return Value::String(format!("`{step}` does not run")) };
        serde_json::json!({
            "step": step,
            "action": task.action,
            "params": task.params(),
            "state": task.state(),
            "context": task.context(),
            "timeout": task.timeout,
        })
    }
}

impl Durable {
    fn entries(&self) -> impl Iterator<Item = Value> + '_ {
        self.events.iter().map(|recorded| serde_json::to_value(view::history_entry(&self.definition, recorded)).unwrap())
    }

    fn view(&self) -> Value {
        serde_json::to_value(view::execution(&self.definition, &self.execution, &|_| None)).unwrap()
    }

    fn outstanding(&self) -> Value {
        let outstanding = outstanding(&self.definition, &self.execution);
        let id = |step: StepIndex| self.definition.step(step).id.to_string();
        serde_json::json!({
            "ready": outstanding.ready.iter().map(|&step| id(step)).collect::<Vec<_>>(),
            "inFlight": outstanding.in_flight.iter().map(|flight| format!("{} ({})", id(flight.step), flight.attempt)).collect::<Vec<_>>(),
            "wakeAt": outstanding.wake_at,
        })
    }
}
