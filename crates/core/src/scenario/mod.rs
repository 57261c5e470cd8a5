//! Scenarios: a definition, a script of commands with the clock, and what has to come of it. The files lie in
//! `testdata/scenarios`; their format is described in the README there.
//!
//! This reads a file and compares what was seen with what was expected. It runs nothing: every home (the core alone, the engine
//! on each store, Node, WASM) carries out the script in its own way. Everything that was seen comes in as JSON, as people and
//! programs see it, so that one comparison serves them all. For tests only, behind the feature `scenario`.

mod compare;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use compare::{Names, compact, differences, entry_differences, transition_differences};

use crate::failure::Failure;
use crate::json::Json;
use crate::limits::Limits;
use crate::time::{Millis, Timestamp};

/// When the clock of a scenario stands at its start: 2023-11-14T22:13:20Z.
pub const STARTS_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// What it is about, in a sentence.
    pub about: String,
    /// The rules of `docs/semantics.md` that it shows.
    pub shows: Vec<String>,
    #[serde(default)]
    pub definition: Option<Json>,
    /// Of several, the first is the one that `start` means.
    #[serde(default)]
    pub definitions: Vec<Json>,
    /// What registering the first definition says: a subset of each diagnostic, all of them, in order.
    #[serde(default)]
    pub diagnostics: Option<Vec<Value>>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub slots: Slots,
    pub script: Vec<Act>,
    /// How the execution that was started first has to end up.
    pub end: End,
    /// How others have to end up, by their workflow.
    #[serde(default)]
    pub others: BTreeMap<String, End>,
}

/// Who takes up ready steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Slots {
    /// There is always a free worker: an attempt begins in the transition in which its step becomes ready.
    #[default]
    All,
    /// Attempts begin only where the script says so.
    None,
}

/// One command of a script, with the time at which it is given and what has to come of it. Exactly one of the fields that are
/// commands is there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Act {
    /// Milliseconds since the start, or a span since the command before (`"+5s"`, `"-1h"` when the clock goes back).
    #[serde(default)]
    at: Option<Value>,
    /// Which execution: the newest of this workflow. Without it the one that was started first.
    #[serde(default, rename = "in")]
    pub within: Option<String>,
    #[serde(default)]
    pub note: Option<String>,

    // Commands.
    #[serde(default)]
    start: Option<Start>,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    begin: Option<String>,
    #[serde(default)]
    finish: Option<String>,
    #[serde(default)]
    interrupt: Option<String>,
    #[serde(default)]
    time_out: Option<String>,
    #[serde(default)]
    wake: bool,
    #[serde(default)]
    pause: bool,
    #[serde(default)]
    resume: bool,
    #[serde(default)]
    cancel: bool,
    #[serde(default)]
    retry: bool,
    #[serde(default)]
    replay: bool,
    #[serde(default)]
    run_now: Option<String>,

    // What belongs to some of them.
    /// Which attempt; without it the one in flight.
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    output: Option<Json>,
    #[serde(default)]
    error: Option<Failure>,
    /// `Retry-After`.
    #[serde(default)]
    retry_after: Option<String>,
    /// An interruption by an orderly shutdown.
    #[serde(default)]
    shutdown: bool,
    /// An idempotency key.
    #[serde(default)]
    key: Option<String>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Json>,

    // Expectations.
    #[serde(flatten)]
    pub expect: Expect,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    #[serde(default)]
    workflow: Option<String>,
    #[serde(default)]
    input: Option<Json>,
}

/// What has to come of a command. What is not given is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expect {
    /// All entries that it adds to the history.
    pub events: Option<Vec<Value>>,
    pub outstanding: Option<Value>,
    pub status: Option<Value>,
    /// `code` and `message` of a refusal. Without it, being refused is a failure.
    pub refused: Option<Value>,
    /// A subset of the execution.
    pub execution: Option<Value>,
    /// What the attempt in flight of a step is given: `{step, params, state, context, timeout}`; several in an array.
    pub task: Option<Value>,
    /// Subsets of the executions that it starts besides, in order.
    pub started: Option<Vec<Value>>,
    /// What conditions of triggers threw.
    pub reported: Option<Vec<Value>>,
}

/// How an execution has to end up.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct End {
    pub status: Value,
    /// The whole history, compactly, one string for each commit.
    #[serde(default)]
    pub transitions: Option<Vec<String>>,
    /// How many entries the history has.
    #[serde(default)]
    pub entries: Option<usize>,
    /// A subset of the execution.
    #[serde(default)]
    pub execution: Option<Value>,
}

/// What an [`Act`] asks for. Steps are named by their ids.
#[derive(Debug, Clone)]
pub enum Request {
    Start { workflow: Option<String>, input: Json, key: Option<String> },
    Event { event: String, data: Json },
    Replay { key: Option<String> },
    Begin { step: String },
    Finish { step: String, attempt: Option<u32>, result: Result<Option<Json>, Failure>, retry_after: Option<Millis> },
    Interrupt { step: String, attempt: Option<u32>, shutdown: bool },
    TimeOut { step: String, attempt: Option<u32> },
    Wake,
    Pause { key: Option<String> },
    Resume { key: Option<String> },
    Cancel { key: Option<String> },
    Retry { key: Option<String> },
    RunNow { step: String, key: Option<String> },
}

impl Scenario {
    pub fn parse(text: &str) -> Result<Scenario, String> {
        let scenario: Scenario = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if scenario.about.is_empty() || scenario.shows.is_empty() {
            return Err("it says what it is about and names at least one rule that it shows".to_owned());
        }
        if scenario.definition.is_some() != scenario.definitions.is_empty() {
            return Err("it has either `definition` or `definitions`".to_owned());
        }
        Ok(scenario)
    }

    pub fn definitions(&self) -> impl Iterator<Item = &Json> {
        self.definition.iter().chain(&self.definitions)
    }
}

impl Act {
    /// When it happens, the one before it having happened at `before`.
    pub fn at(&self, before: Timestamp) -> Result<Timestamp, String> {
        match &self.at {
            None => Ok(before),
            Some(Value::Number(ms)) => Ok(STARTS_AT + Millis::new(ms.as_u64().ok_or("`at` is not negative")?)),
            Some(Value::String(text)) => match (text.strip_prefix('+'), text.strip_prefix('-')) {
                (Some(span), _) => Ok(before + duration(span)?),
                (_, Some(span)) => Ok(before - duration(span)?),
                (None, None) => Err(format!("`at` is a number, \"+5s\" or \"-5s\", not {text:?}")),
            },
            Some(other) => Err(format!("`at` is a number, \"+5s\" or \"-5s\", not {other}")),
        }
    }

    pub fn request(&self) -> Result<Request, String> {
        let mut requests = Vec::new();
        let (attempt, key) = (self.attempt, || self.key.clone());
        if let Some(start) = &self.start {
            let input = start.input.clone().unwrap_or_else(Json::empty_object);
            requests.push(Request::Start { workflow: start.workflow.clone(), input, key: key() });
        }
        if let Some(event) = &self.event {
            requests.push(Request::Event { event: event.clone(), data: self.data.clone().unwrap_or_else(Json::null) });
        }
        if let Some(step) = self.begin.clone() {
            requests.push(Request::Begin { step });
        }
        if let Some(step) = self.finish.clone() {
            let result = self.error.clone().map_or_else(|| Ok(self.output.clone()), Err);
            let retry_after = self.retry_after.as_deref().map(duration).transpose()?;
            requests.push(Request::Finish { step, attempt, result, retry_after });
        }
        if let Some(step) = self.interrupt.clone() {
            requests.push(Request::Interrupt { step, attempt, shutdown: self.shutdown });
        }
        if let Some(step) = self.time_out.clone() {
            requests.push(Request::TimeOut { step, attempt });
        }
        if let Some(step) = self.run_now.clone() {
            requests.push(Request::RunNow { step, key: key() });
        }
        let plain = [
            (self.wake, Request::Wake),
            (self.pause, Request::Pause { key: key() }),
            (self.resume, Request::Resume { key: key() }),
            (self.cancel, Request::Cancel { key: key() }),
            (self.retry, Request::Retry { key: key() }),
            (self.replay, Request::Replay { key: key() }),
        ];
        requests.extend(plain.into_iter().filter(|(there, _)| *there).map(|(_, request)| request));
        match requests.len() {
            1 => Ok(requests.remove(0)),
            n => Err(format!("each part of a script is one command, this one has {n}")),
        }
    }
}

fn duration(text: &str) -> Result<Millis, String> {
    crate::duration::parse(text).map_err(|error| error.to_string())
}

/// A field that is `null` is there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}
