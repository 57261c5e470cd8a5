//! Payloads that are too long to be handed to JavaScript before it looks at them: they stay here, and what nobody looks at is
//! neither copied nor parsed.
//!
//! JavaScript holds one as an external value beside the message that refers to it, and takes a text of it by its name. It lives
//! until the garbage collector finds that nobody holds it, which is told how much memory that is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use napi::bindgen_prelude::{External, Result};
use napi::{Env, JsString};
use napi_derive::napi;
use serde::Serialize;
use serde_json::value::RawValue;
use workflow_core::json::Json;
use workflow_core::view::ExecutionView;

/// What is longer waits here. Below it, an external value and an accessor cost more than the text.
pub const LONG_BYTES: usize = 16 << 10;

/// Texts with names.
#[derive(Debug)]
pub enum Long {
    /// Outputs in the state of a step.
    Outputs(Vec<(String, Json)>),
    /// An execution of the engine here: its fields.
    Execution(Box<ExecutionView>),
    /// The same of a server, as its text.
    Text(String),
}

impl Long {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Long::Outputs(outputs) => outputs.iter().find(|(of, _)| of == name).map(|(_, output)| Cow::Borrowed(output.text())),
            Long::Execution(execution) => field(execution, name).map(Cow::Owned),
            Long::Text(text) => {
                let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
                fields.get(name).map(|value| Cow::Borrowed(value.get()))
            }
        }
    }

    /// About what it keeps in memory.
    fn bytes(&self) -> usize {
        match self {
            Long::Outputs(outputs) => outputs.iter().map(|(_, output)| output.len()).sum(),
            Long::Execution(execution) => bytes(execution),
            Long::Text(text) => text.len(),
        }
    }

    pub fn external(self) -> External<Long> {
        let bytes = self.bytes();
        External::new_with_size_hint(self, bytes)
    }
}

/// One of the fields that `src/lazy.ts` asks for.
fn field(execution: &ExecutionView, name: &str) -> Option<String> {
    fn json<T: Serialize + ?Sized>(value: &T) -> Option<String> {
        serde_json::to_string(value).ok()
    }
    match name {
        "triggeredBy" => json(&execution.triggered_by),
        "input" => json(&execution.input),
        "state" => json(&execution.state),
        "output" => execution.output.as_ref().map(|output| output.text().to_owned()),
        "completedSteps" => json(&execution.completed_steps),
        "stepResults" => json(&execution.step_results),
        "history" => json(&execution.history),
        _ => None,
    }
}

/// What an execution's payloads take. Outputs are in its state and in its results, and are one text in memory.
fn bytes(execution: &ExecutionView) -> usize {
    execution.state.values().map(Json::len).sum::<usize>() + execution.output.as_ref().map_or(0, Json::len)
}

pub fn is_long(execution: &ExecutionView) -> bool {
    bytes(execution) > LONG_BYTES
}

/// The text of this name. None when there is none.
#[napi(catch_unwind)]
pub fn text_of<'a>(env: &'a Env, long: &External<Long>, name: String) -> Result<Option<JsString<'a>>> {
    // One that is ASCII is copied, any other decoded.
    let create =
        |text: Cow<'_, str>| if text.is_ascii() { env.create_string_latin1(text.as_bytes()) } else { env.create_string(text) };
    long.text(&name).map(create).transpose()
}
