//! Histories that earlier rules recorded (`testdata/histories`): each folds, and goes on under the rules of today.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files fails")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use workflow_core::apply::{apply, fold};
use workflow_core::codec;
use workflow_core::command::{Command, Outcome};
use workflow_core::decide::{self, Surroundings};
use workflow_core::definition::{Definition, StepIndex};
use workflow_core::event::Recorded;
use workflow_core::execution::Execution;
use workflow_core::id::{ExecutionId, Slot};
use workflow_core::json::Json;
use workflow_core::limits::Limits;
use workflow_core::outstanding::{outstanding, status};
use workflow_core::scenario::compact;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_core::view::history_entry;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Past {
    #[serde(rename = "about")]
    _about: String,
    definition: Value,
    history: Vec<Written>,
    in_flight: Vec<String>,
    ready: Vec<String>,
    then: Vec<String>,
}

#[derive(Deserialize)]
struct Written {
    at: i64,
    events: Value,
}

#[test]
fn what_earlier_rules_recorded_stays_and_goes_on() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/histories");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let past: Past = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        goes_on(&past, &path.file_stem().unwrap().to_string_lossy());
    }
}

fn goes_on(past: &Past, name: &str) {
    let checked = Definition::check(&Json::parse(past.definition.to_string()).unwrap(), &Limits::default());
    let definition = checked.unwrap_or_else(|diagnostics| panic!("{name}: {diagnostics:?}")).definition;
    let mut events: Vec<Recorded> = Vec::new();
    for written in &past.history {
        let (seq, at) = (events.len() as u64 + 1, Timestamp::from_millis(written.at));
        let read = codec::decode(1, &written.events.to_string(), seq, at);
        events.extend(read.unwrap_or_else(|error| panic!("{name}: {error}")));
    }
    let mut now = events.last().unwrap().at;
    let id = ExecutionId::from_parts(Timestamp::from_millis(0), 0, 0, Slot::new(0));
    let mut execution = fold(id, definition.steps.len(), events).unwrap_or_else(|corrupt| panic!("{name}: {corrupt}"));

    let next = outstanding(&definition, &execution);
    let names = |steps: &[StepIndex]| steps.iter().map(|&step| definition.step(step).id.to_string()).collect::<Vec<_>>();
    let in_flight: Vec<StepIndex> = next.in_flight.iter().map(|flight| flight.step).collect();
    assert_eq!((names(&in_flight), names(&next.ready)), (past.in_flight.clone(), past.ready.clone()), "{name}");

    let mut then = Vec::new();
    while let Some(command) = next_command(&definition, &execution) {
        now = Timestamp::from_millis(now.millis() + 1);
        let before = execution.clone();
        let surroundings = Surroundings { limits: &Limits::default(), workflow_exists: &|_| false };
        let decided = decide::advance(&definition, &mut execution, command.clone(), now, &surroundings);
        let decided = decided.unwrap_or_else(|refusal| panic!("{name}: {command:?}: {refusal}"));
        assert!(!decided.is_empty(), "{name}: {command:?} gives nothing");
        let mut folded = before;
        for recorded in &decided {
            apply(&mut folded, recorded).unwrap_or_else(|corrupt| panic!("{name}: {corrupt}"));
            then.push(entry(&definition, recorded));
        }
        assert_eq!(folded, execution, "{name}");
    }
    assert_eq!(then, past.then, "{name}");
    assert_eq!(status(&definition, &execution), Status::Completed, "{name}");
}

/// What is ready begins, what is in flight completes, what has failed is retried.
fn next_command(definition: &Definition, execution: &Execution) -> Option<Command> {
    if status(definition, execution) == Status::Failed {
        return Some(Command::Retry { key: None, by: None });
    }
    let next = outstanding(definition, execution);
    if let Some(&step) = next.ready.first() {
        return Some(Command::Begin { step, session: None });
    }
    let flight = next.in_flight.first()?;
    Some(Command::Finish { step: flight.step, attempt: flight.attempt, outcome: Outcome::Completed(None) })
}

fn entry(definition: &Definition, recorded: &Recorded) -> String {
    let entry = serde_json::to_value(history_entry(definition, recorded)).unwrap();
    compact(&json!({ "type": entry["type"], "stepId": entry["stepId"] }))
}
