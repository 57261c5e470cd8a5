//! Every file of `testdata/scenarios`, carried out by the core alone, without an engine or a store.
//!
//! After each command, whatever it was: folding the history gives the live execution, what was written is read back the same,
//! the same command again adds nothing, and payloads that lie in the store are asked for before they are read.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files fails")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use workflow_core::apply::fold;
use workflow_core::codec;
use workflow_core::command::{Command, Outcome, Start};
use workflow_core::decide::{self, Handler, Surroundings};
use workflow_core::definition::{Definition, Diagnostic, StepIndex};
use workflow_core::event::{AfterFailure, Event, InterruptCause, Recorded, TriggeredBy};
use workflow_core::execution::Execution;
use workflow_core::id::{EventName, ExecutionId, IdempotencyKey, SessionId, Slot, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::limits::Limits;
use workflow_core::outstanding::{needs, outstanding};
use workflow_core::refusal::Refusal;
use workflow_core::scenario::{Act, End, Names, Request, STARTS_AT, Scenario, Slots};
use workflow_core::scenario::{compact, differences, entry_differences, transition_differences};
use workflow_core::task::task;
use workflow_core::time::Timestamp;
use workflow_core::{trigger, view};

#[test]
fn every_scenario_comes_out_as_it_says() {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut failed = Vec::new();
    for path in files() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains(&only) {
            continue;
        }
        if let Err(differences) = Scenario::parse(&fs::read_to_string(&path).unwrap()).and_then(|scenario| run(&scenario)) {
            failed.push(format!("{name}:\n{differences}"));
        }
    }
    assert!(failed.is_empty(), "{} scenarios came out otherwise\n\n{}", failed.len(), failed.join("\n"));
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

/// A process that holds executions in memory, and everything that it would have written.
struct Home {
    definitions: Vec<Definition>,
    executions: Vec<Live>,
    limits: Limits,
    slots: Slots,
    now: Timestamp,
}

#[derive(Clone)]
struct Live {
    definition: Definition,
    execution: Execution,
    events: Vec<Recorded>,
    /// Each transition, compactly.
    commits: Vec<String>,
}

/// What came of a command.
#[derive(Default)]
struct Seen {
    events: Vec<Value>,
    /// Executions that were started, besides the one that `start` means.
    started: Vec<usize>,
    refused: Option<Refusal>,
    reported: Vec<String>,
}

fn run(scenario: &Scenario) -> Result<Home, String> {
    let mut home = Home {
        definitions: Vec::new(),
        executions: Vec::new(),
        limits: scenario.limits.clone(),
        slots: scenario.slots,
        now: STARTS_AT,
    };
    let mut wrong = Vec::new();
    for (index, source) in scenario.definitions().enumerate() {
        let checked = Definition::check(source, &Limits::default()).map_err(|diagnostics| said(&diagnostics))?;
        home.definitions.push(checked.definition);
        if let (0, Some(expected)) = (index, &scenario.diagnostics) {
            let seen = serde_json::to_value(&checked.diagnostics).unwrap();
            wrong.extend(differences(&Value::Array(expected.clone()), Some(&seen), &Names::default()));
        }
    }
    for (index, act) in scenario.script.iter().enumerate() {
        let result = home.act(act).and_then(|(which, seen)| home.expect(act, which, &seen));
        if let Err(differences) = result {
            wrong.push(format!("script/{index} {}", differences.join("\n    ")));
            // What follows would only confuse.
            break;
        }
    }
    if wrong.is_empty() {
        wrong.extend(home.expect_end(&scenario.end, home.executions.first(), "end"));
        for (workflow, end) in &scenario.others {
            let live = home.newest(workflow).map(|index| &home.executions[index]);
            wrong.extend(home.expect_end(end, live, &format!("others/{workflow}")));
        }
    }
    if wrong.is_empty() { Ok(home) } else { Err(format!("  {}\n", wrong.join("\n  "))) }
}

/// The page folds histories too (`ui/src/run/fold.ts`), and compares with what this says of every prefix of every scenario's.
/// `WRITE_FOLDS=1` writes the file anew.
#[test]
fn what_the_page_has_to_fold_is_as_the_core_folds_it() {
    let mut lines = Vec::new();
    for path in files() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let home = Scenario::parse(&fs::read_to_string(&path).unwrap()).and_then(|scenario| run(&scenario)).unwrap();
        let folds = home.executions.iter().map(|live| live.folds(&name).to_string());
        lines.extend(folds);
    }
    let written = format!("[\n{}\n]\n", lines.join(",\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/folds/scenarios.json");
    if std::env::var_os("WRITE_FOLDS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &written).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == written, "{} is not what the core folds; `WRITE_FOLDS=1` writes it anew", path.display());
}

fn said(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| format!("  {diagnostic}\n")).collect()
}

impl Home {
    /// Carries out one command. Which execution it was about, and what came of it.
    fn act(&mut self, act: &Act) -> Result<(usize, Seen), Vec<String>> {
        let one = |problem: String| vec![problem];
        self.now = act.at(self.now).map_err(one)?;
        let mut seen = Seen::default();
        let key = |key: Option<String>| key.map(|key| IdempotencyKey::new(&key).unwrap());
        let which = match act.request().map_err(one)? {
            Request::Start { workflow, input, key: given } => {
                let definition = match workflow {
                    Some(id) => self.definitions.iter().position(|definition| definition.id.as_str() == id).ok_or(vec![id])?,
                    None => 0,
                };
                let start = Start { key: key(given), ..self.plain_start(definition, input, TriggeredBy::Manual) };
                self.start(start, &mut seen)
            }
            Request::Event { event, data } => return self.event(&event, &data).map(|seen| (0, seen)).map_err(one),
            Request::Replay { key: given } => {
                let replayed = &self.executions[self.which(act).map_err(one)?].execution;
                let (id, input) = (replayed.id, replayed.input.json().clone());
                let definition = self.definitions.iter().position(|definition| definition.id == replayed.workflow).unwrap();
                let start = self.plain_start(definition, input, TriggeredBy::Replay(id));
                self.start(Start { key: key(given), replay_of: Some(id), ..start }, &mut seen)
            }
            request => {
                let which = self.which(act).map_err(one)?;
                let command = self.executions[which].command(request).map_err(one)?;
                self.advance(which, command, &mut seen)?;
                which
            }
        };
        Ok((which, seen))
    }

    fn which(&self, act: &Act) -> Result<usize, String> {
        match &act.within {
            Some(workflow) => self.newest(workflow).ok_or_else(|| format!("`{workflow}` has not been started")),
            None => Some(0).filter(|_| !self.executions.is_empty()).ok_or_else(|| "nothing has been started".to_owned()),
        }
    }

    fn newest(&self, workflow: &str) -> Option<usize> {
        self.executions.iter().rposition(|live| live.execution.workflow.as_str() == workflow)
    }

    fn plain_start(&self, definition: usize, input: Json, triggered_by: TriggeredBy) -> Start {
        Start {
            id: self.next_id(),
            workflow: self.definitions[definition].id.clone(),
            version: Version(1),
            input,
            triggered_by,
            replay_of: None,
            parent: None,
            lineage: Vec::new(),
            key: None,
            by: None,
        }
    }

    fn next_id(&self) -> ExecutionId {
        ExecutionId::from_parts(STARTS_AT, u16::try_from(self.executions.len()).unwrap(), 0, Slot::new(0))
    }

    fn start(&mut self, start: Start, seen: &mut Seen) -> usize {
        let definition = self.definitions.iter().find(|definition| definition.id == start.workflow).unwrap().clone();
        let exists = |id: &WorkflowId| self.definitions.iter().any(|definition| definition.id == *id);
        let surroundings = Surroundings { limits: &self.limits, workflow_exists: &exists };
        match decide::start(&definition, start, self.now, &surroundings) {
            Err(refusal) => {
                seen.refused = Some(refusal);
                0
            }
            Ok((execution, events)) => {
                self.executions.push(Live { definition, execution, events, commits: Vec::new() });
                let which = self.executions.len() - 1;
                self.after(which, 0, seen).unwrap();
                which
            }
        }
    }

    fn event(&mut self, event: &str, data: &Json) -> Result<Seen, String> {
        let event = EventName::new(event).map_err(|error| error.to_string())?;
        let mut seen = Seen::default();
        for definition in 0..self.definitions.len() {
            let (matches, errors) = trigger::matches(&self.definitions[definition], &event, data);
            seen.reported.extend(errors.into_iter().map(|error| error.message));
            if matches {
                let start = self.plain_start(definition, trigger::input(data), TriggeredBy::Event(event.clone()));
                let started = self.start(start, &mut Seen::default());
                seen.started.push(started);
            }
        }
        Ok(seen)
    }

    fn advance(&mut self, which: usize, command: Command, seen: &mut Seen) -> Result<(), Vec<String>> {
        let before = self.executions[which].clone();
        let length = before.events.len();
        match self.decide(which, command.clone()) {
            Err(refusal) => {
                assert_eq!(self.executions[which].execution, before.execution, "a refused command changed the execution");
                seen.refused = Some(refusal);
                return Ok(());
            }
            Ok(events) => {
                check_fetched(&before, &command, self.now, &events, &self.definitions, &self.limits);
                self.executions[which].events.extend(events);
            }
        }
        self.after(which, length, seen).map_err(|problem| vec![problem])?;
        self.repeat(which, &command).map_err(|problem| vec![problem])
    }

    fn decide(&mut self, which: usize, command: Command) -> Result<Vec<Recorded>, Refusal> {
        let Home { definitions, executions, limits, now, .. } = self;
        let exists = |id: &WorkflowId| definitions.iter().any(|definition| definition.id == *id);
        let surroundings = Surroundings { limits, workflow_exists: &exists };
        let Live { definition, execution, .. } = &mut executions[which];
        decide::advance(definition, execution, command, *now, &surroundings)
    }

    /// What the engine does in the same transition: takes free slots for ready steps, and starts the workflows that handle
    /// failures. `length`: of the history before.
    fn after(&mut self, which: usize, length: usize, seen: &mut Seen) -> Result<(), String> {
        while self.slots == Slots::All {
            let live = &self.executions[which];
            let Some(&step) = outstanding(&live.definition, &live.execution).ready.first() else { break };
            let before = live.clone();
            let command = Command::Begin { step, session: Some(SessionId::new("session").unwrap()) };
            let events = self.decide(which, command.clone()).map_err(|refusal| refusal.to_string())?;
            check_fetched(&before, &command, self.now, &events, &self.definitions, &self.limits);
            if events.is_empty() {
                return Err("a step that is ready could not begin".to_owned());
            }
            self.executions[which].events.extend(events);
        }
        let live = &mut self.executions[which];
        let entries: Vec<Value> = live.entries(length).collect();
        if !entries.is_empty() {
            live.commits.push(entries.iter().map(compact).collect::<Vec<_>>().join(", "));
        }
        let failed: Vec<Event> = live.events[length..].iter().map(|recorded| recorded.event.clone()).collect();
        check_written(live, length);
        seen.events = entries;
        for event in failed {
            if let Event::StepFailed { step, then: AfterFailure::StartHandler { workflow }, .. } = event {
                let live = &self.executions[which];
                let handler = Handler { id: self.next_id(), workflow, version: Version(1) };
                let start = decide::handler_start(&live.execution, &live.definition, step, handler);
                let started = self.start(start, &mut Seen::default());
                seen.started.push(started);
            }
        }
        Ok(())
    }

    /// The same command again: the same cause twice adds nothing.
    fn repeat(&mut self, which: usize, command: &Command) -> Result<(), String> {
        let before = self.executions[which].execution.clone();
        let retried_and_failed =
            matches!(command, Command::Retry { key: None, .. }) && format!("{:?}", before.phase).starts_with("Failed");
        if retried_and_failed {
            return Ok(());
        }
        let again = self.decide(which, command.clone());
        if again.is_err() || again.as_ref().is_ok_and(Vec::is_empty) {
            assert_eq!(self.executions[which].execution, before);
            return Ok(());
        }
        Err(format!("the same command again adds {again:?}"))
    }

    fn expect(&self, act: &Act, which: usize, seen: &Seen) -> Result<(), Vec<String>> {
        let expect = &act.expect;
        let mut wrong = Vec::new();
        let names = self.names(which);
        let mut compare = |what: &str, expected: Option<&Value>, found: &dyn Fn() -> Value| {
            if let Some(expected) = expected {
                wrong.extend(
                    differences(expected, Some(&found()), &names).into_iter().map(|difference| format!("{what}{difference}")),
                );
            }
        };
        let refused =
            seen.refused.as_ref().map(|refusal| serde_json::json!({"code": refusal.code(), "message": refusal.to_string()}));
        compare("refused", expect.refused.as_ref(), &|| refused.clone().unwrap_or_default());
        let started = |index: &usize| serde_json::to_value(self.executions[*index].view()).unwrap();
        let list = |values: &Option<Vec<Value>>| values.clone().map(Value::Array);
        compare("started", list(&expect.started).as_ref(), &|| seen.started.iter().map(started).collect());
        compare("reported", list(&expect.reported).as_ref(), &|| serde_json::to_value(&seen.reported).unwrap());
        if let Some(live) = self.executions.get(which) {
            compare("status", expect.status.as_ref(), &|| serde_json::to_value(live.view().status).unwrap());
            compare("outstanding", expect.outstanding.as_ref(), &|| live.outstanding());
            compare("execution", expect.execution.as_ref(), &|| serde_json::to_value(live.view()).unwrap());
            for expected in expect.task.iter().flat_map(|task| task.as_array().map_or(std::slice::from_ref(task), Vec::as_slice))
            {
                compare("task", Some(expected), &|| live.task(expected["step"].as_str().unwrap()));
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
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn expect_end(&self, end: &End, live: Option<&Live>, at: &str) -> Vec<String> {
        let Some(live) = live else { return vec![format!("{at}: was not started")] };
        let names = Names { id: live.execution.id.to_string(), ..self.names(0) };
        let view = serde_json::to_value(live.view()).unwrap();
        let mut wrong = differences(&end.status, view.get("status"), &names);
        if let Some(expected) = &end.execution {
            wrong.extend(differences(expected, Some(&view), &names));
        }
        if let Some(transitions) = &end.transitions {
            wrong.extend(transition_differences(transitions, &live.commits));
        }
        if let Some(entries) = end.entries.filter(|&entries| entries != live.events.len()) {
            wrong.push(format!("expected {entries} entries, found {}", live.events.len()));
        }
        wrong.into_iter().map(|difference| format!("{at}: {difference}")).collect()
    }

    fn names(&self, which: usize) -> Names {
        let id = |live: &Live| live.execution.id.to_string();
        Names {
            id: self.executions.get(which).map(id).unwrap_or_default(),
            ids: self.executions.iter().map(|live| (live.execution.workflow.to_string(), id(live))).collect(),
        }
    }
}

/// Folding what was written gives the live execution, and the same outstanding work.
fn check_written(live: &Live, length: usize) {
    let (definition, execution) = (&live.definition, &live.execution);
    let folded = fold(execution.id, definition.steps.len(), live.events.iter().cloned()).expect("a history can be folded");
    assert_eq!(folded, *execution, "folding the history gives another execution");
    assert_eq!(outstanding(definition, &folded), outstanding(definition, execution));
    let Some(first) = live.events.get(length) else { return };
    let transition = &live.events[length..];
    for inline_bytes_max in [usize::MAX, 0] {
        let written = codec::encode(transition, inline_bytes_max);
        let mut read = codec::decode(codec::VERSION, &written.text, first.seq, first.at).expect("what was written can be read");
        for (seq, json) in written.payloads {
            let event = &mut read.iter_mut().find(|recorded| recorded.seq == seq).unwrap().event;
            event.payload_mut().unwrap().fetch(json);
        }
        assert_eq!(read, transition, "what was written is read otherwise");
    }
}

/// The same decision with every payload in the store but those that the command needs.
fn check_fetched(
    before: &Live,
    command: &Command,
    now: Timestamp,
    events: &[Recorded],
    definitions: &[Definition],
    limits: &Limits,
) {
    let mut execution = before.execution.clone();
    execution.release_payloads(0);
    for seq in needs(&before.definition, &execution, command) {
        let payload = before.events.iter().find(|recorded| recorded.seq == seq).and_then(|recorded| recorded.event.payload());
        execution.fetch_payload(seq, payload.expect("a payload that is needed was recorded").json().clone());
    }
    let exists = |id: &WorkflowId| definitions.iter().any(|definition| definition.id == *id);
    let surroundings = Surroundings { limits, workflow_exists: &exists };
    let again = decide::advance(&before.definition, &mut execution, command.clone(), now, &surroundings);
    assert_eq!(again.expect("it was not refused before"), events, "it was decided otherwise from the store");
}

impl Live {
    fn command(&self, request: Request) -> Result<Command, String> {
        let step = |id: &str| self.definition.index_of(id).ok_or_else(|| format!("there is no step `{id}`"));
        let attempt = |step: StepIndex, given: Option<u32>| given.unwrap_or(self.execution.step(step).attempts);
        let key = |key: Option<String>| key.map(|key| IdempotencyKey::new(&key).unwrap());
        Ok(match request {
            Request::Begin { step: id } => Command::Begin { step: step(&id)?, session: Some(SessionId::new("session").unwrap()) },
            Request::Finish { step: id, attempt: given, result, retry_after } => {
                let step = step(&id)?;
                let outcome = match result {
                    Ok(output) => Outcome::Completed(output),
                    Err(failure) => Outcome::Failed { failure, retry_after },
                };
                Command::Finish { step, attempt: attempt(step, given), outcome }
            }
            Request::Interrupt { step: id, attempt: given, shutdown } => {
                let step = step(&id)?;
                let cause = if shutdown { InterruptCause::Shutdown } else { InterruptCause::Lost };
                Command::Interrupt { step, attempt: attempt(step, given), cause }
            }
            Request::TimeOut { step: id, attempt: given } => {
                let step = step(&id)?;
                Command::TimeOut { step, attempt: attempt(step, given) }
            }
            Request::RunNow { step: id, key: given } => Command::RunNow { step: step(&id)?, key: key(given), by: None },
            Request::Wake => Command::Wake,
            Request::Pause { key: given } => Command::Pause { key: key(given), by: None },
            Request::Resume { key: given } => Command::Resume { key: key(given), by: None },
            Request::Cancel { key: given } => Command::Cancel { key: key(given), by: None },
            Request::Retry { key: given } => Command::Retry { key: key(given), by: None },
            Request::Start { .. } | Request::Event { .. } | Request::Replay { .. } => unreachable!("these start an execution"),
        })
    }

    /// The entries of the history after the first `length`.
    fn entries(&self, length: usize) -> impl Iterator<Item = Value> + '_ {
        self.events[length..]
            .iter()
            .map(|recorded| serde_json::to_value(view::history_entry(&self.definition, recorded)).unwrap())
    }

    fn view(&self) -> view::ExecutionView {
        view::execution(&self.definition, &self.execution, &|_| None)
    }

    /// Its entries without payloads, and after each of them the status and what there is to say of each step.
    fn folds(&self, scenario: &str) -> Value {
        let mut after = Vec::new();
        for length in 1..=self.events.len() {
            let events = self.events[..length].iter().cloned();
            let execution = fold(self.execution.id, self.definition.steps.len(), events).unwrap();
            let view = serde_json::to_value(view::execution(&self.definition, &execution, &|_| None)).unwrap();
            let step = |(id, result): (&String, &Value)| {
                let mut kept = result.clone();
                let fields = kept.as_object_mut().unwrap();
                fields.retain(|field, _| !matches!(field.as_str(), "stepId" | "output" | "stack"));
                if let Some(waiting_for) = fields.get_mut("waitingFor") {
                    waiting_for.as_object_mut().unwrap().remove("message");
                }
                (id.clone(), kept)
            };
            let steps: serde_json::Map<String, Value> = view["stepResults"].as_object().unwrap().iter().map(step).collect();
            after.push(serde_json::json!({
                "status": view["status"], "completedSteps": view["completedSteps"], "completedAt": view["completedAt"], "steps": steps,
            }));
        }
        let mut entries: Vec<Value> = self.entries(0).collect();
        for entry in &mut entries {
            if let Some(data) = entry.get_mut("data").and_then(Value::as_object_mut) {
                data.retain(|field, _| !matches!(field.as_str(), "input" | "output" | "outputBytes"));
            }
        }
        let source: Value = serde_json::from_str(self.definition.source.text()).unwrap();
        serde_json::json!({"scenario": scenario, "definition": source, "entries": entries, "after": after})
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

    /// What the attempt in flight of a step is given.
    fn task(&self, id: &str) -> Value {
        let step = self.definition.index_of(id).unwrap();
        let in_flight = outstanding(&self.definition, &self.execution).in_flight;
        let flight = in_flight.iter().find(|flight| flight.step == step).expect("the step has an attempt in flight");
        let task = task(&self.definition, &self.execution, step, flight.attempt);
        serde_json::json!({
            "step": id,
            "action": task.action,
            "params": task.params(),
            "state": task.state(),
            "context": task.context(),
            "timeout": task.timeout,
        })
    }
}
