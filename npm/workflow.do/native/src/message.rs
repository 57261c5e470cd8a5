//! What travels between JavaScript and Rust: each message an object with one field, whose name says what it is.
//!
//! Payloads are spliced in as the JSON text that they are, and parsed only by who reads them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use workflow_core::failure::Failure;
use workflow_core::json::Json;
use workflow_core::task::Task;

use crate::long::{LONG_BYTES, Long};

/// Names a request until it is answered. JavaScript counts them.
pub type RequestId = u64;
/// Names an attempt that runs in JavaScript. Rust counts them.
pub type TaskId = u64;

/// From JavaScript.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Message<'a> {
    /// A request of the HTTP API.
    #[serde(borrow)]
    Request(Request<'a>),
    /// The answer is not wanted any more.
    Cancel(RequestId),
    /// Room for one more chunk of a streamed answer.
    More(RequestId),
    /// Actions that JavaScript provides from now on, besides those that it provides already.
    Provide(Vec<String>),
    /// From now on attempts begin.
    Work {},
    #[serde(borrow)]
    Completed(Completed<'a>),
    #[serde(borrow)]
    Failed(Failed<'a>),
    Serve(Serve),
    /// Stops the server on that port.
    StopServing {
        id: RequestId,
        port: u16,
    },
    /// Answered once everything that had fallen due has been done.
    Quiet(RequestId),
    /// What runs gets so many milliseconds to end.
    Close {
        grace: u64,
    },
    /// As if the process had ended, for tests of what the next one does.
    Abandon {},
}

#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    pub id: RequestId,
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(borrow, default)]
    pub body: Option<&'a RawValue>,
    /// The body of the answer comes in chunks.
    #[serde(default)]
    pub stream: bool,
    /// The body of the answer is an execution.
    #[serde(default)]
    pub execution: bool,
}

impl Request<'_> {
    /// The only header there is, if it is this one.
    pub fn key(&self) -> Result<Option<&str>, ()> {
        match self.headers.iter().next() {
            None => Ok(None),
            Some((name, key)) if self.headers.len() == 1 && name == "idempotency-key" => Ok(Some(key)),
            Some(_) => Err(()),
        }
    }

    /// All headers: a body is JSON unless it says that it is something else.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_json = self.body.is_some() && !self.headers.contains_key("content-type");
        let given = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        given.chain(is_json.then_some(("content-type", "application/json")))
    }
}

#[derive(Debug, Deserialize)]
pub struct Completed<'a> {
    pub task: TaskId,
    /// None: it returned nothing, which is not `null`.
    #[serde(borrow, default, deserialize_with = "present")]
    pub output: Option<&'a RawValue>,
    /// A long output travels beside the messages: its place there.
    #[serde(default)]
    pub beside: Option<usize>,
}

/// A field that is there, also when it is `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed<'a> {
    pub task: TaskId,
    pub error: Failure,
    /// Milliseconds, or a text such as `30s`. Whatever else an error has there is nobody's mistake of ours.
    #[serde(borrow, default)]
    pub retry_after: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Serve {
    pub id: RequestId,
    pub host: String,
    pub port: u16,
    #[serde(default)]
    pub admin_token: Option<String>,
    #[serde(default)]
    pub insecure: bool,
}

/// Without the token.
impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve").field("id", &self.id).field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// To JavaScript.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery<'a> {
    /// The engine runs. Names the actions with a dot in them that stored definitions want.
    Opened {
        actions: Vec<String>,
    },
    /// It could not be opened.
    Broken {
        code: &'a str,
        message: String,
    },
    /// As a server sent it: its action, what it is told of itself, params, state, and the names of the outputs that the state
    /// has no text of, but [`Long`] has. That of an engine here is [`task`].
    Task(TaskId, &'a str, Json, Json, Json, #[serde(skip_serializing_if = "<[_]>::is_empty")] &'a [&'a str]),
    Abort {
        task: TaskId,
        reason: &'a str,
    },
    /// A piece of a streamed answer's body.
    Chunk {
        id: RequestId,
        text: &'a str,
    },
    /// The streamed body is over, or broke off.
    End {
        id: RequestId,
    },
    /// For people: something is not as it should be, and is tried again.
    Warning {
        message: String,
    },
    /// The last one.
    Closed {},
}

/// The message of an attempt of an engine here. What it is told of itself is said without names, in the order of `TaskPlace` in
/// `src/bridge.ts`: it is said for every attempt. Long outputs of other steps go beside it.
pub fn task(number: TaskId, task: &Task) -> (String, Option<Long>) {
    let Task { action, execution, workflow, version, step_id, attempt, retry_count, .. } = task;
    // Names have no characters that JSON would escape.
    let mut text =
        format!(r#"{{"task":[{number},"{action}",["{execution}","{workflow}",{version},"{step_id}",{attempt},{retry_count}],"#);
    text.push_str(task.params().text());
    text.push(',');
    let is_long = |output: &Json| output.len() > LONG_BYTES;
    let state = task.as_state_without(&|_, output| is_long(output));
    text.push_str(&serde_json::to_string(&state).expect("an object of JSON values is JSON"));
    let long = task.outputs().iter().filter(|(_, output)| is_long(output));
    let long: Vec<(String, Json)> = long.map(|(step, output)| (step.to_string(), output.clone())).collect();
    if !long.is_empty() {
        let names: Vec<&String> = long.iter().map(|(name, _)| name).collect();
        text.push(',');
        text.push_str(&serde_json::to_string(&names).expect("an array of texts is JSON"));
    }
    text.push_str("]}");
    (text, (!long.is_empty()).then_some(Long::Outputs(long)))
}
