//! The messages. Payloads stay the JSON text that they are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use workflow_core::failure::Failure;
use workflow_core::json::Json;

/// A worker says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FromWorker<'a> {
    /// The first message.
    Hello(Hello),
    /// What it provides, and how many tasks it takes at the same time.
    Offer { actions: Vec<Cow<'a, str>>, slots: usize },
    Completed {
        task: Cow<'a, str>,
        /// None: the action returned nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<Json>,
    },
    Failed {
        task: Cow<'a, str>,
        error: Failure,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// It ends, and will not come back.
    Leave,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// One life of a worker's process.
    pub session: String,
    /// Every task that it has received and whose result is not recorded, as far as it knows.
    pub holding: Vec<String>,
    /// For people: who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people: what it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Bytes of outputs that it keeps when it is told to, so that a task may refer to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<usize>,
}

/// A server says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FromServer<'a> {
    Welcome(Welcome),
    Task(Given<'a>),
    /// The result of a task is not wanted any more; the worker forgets it.
    Abort {
        task: Cow<'a, str>,
        reason: Cow<'a, str>,
    },
    /// The result of a task is durable, or was dropped for good; the worker forgets it.
    Recorded {
        task: Cow<'a, str>,
        /// All but its output, which it keeps until it is told to forget it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep: bool,
    },
    /// No task will refer to the outputs of these any more.
    Forget {
        tasks: Vec<Cow<'a, str>>,
    },
    /// Which engines there are, where there may be several: a worker connects to each. With the welcome, and whenever it changes.
    Engines(Engines),
    /// The server stops, or wants to hear what the worker holds; the worker goes on and connects again.
    Closing,
    /// Said before the connection is closed.
    Refused {
        code: Cow<'a, str>,
        message: Cow<'a, str>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    pub server: Server,
    /// Both sides send something at least this often.
    pub heartbeat_ms: u64,
    /// How long the server waits for a worker that it has lost.
    pub grace_ms: u64,
    /// Of one output.
    pub payload_bytes_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub version: String,
}

/// The engines that work on one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engines {
    /// The id of the one that says so.
    pub engine: String,
    /// All of them, this one too.
    pub engines: Vec<EngineAt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineAt {
    /// Of one life of the engine.
    pub id: String,
    /// Where its server is, as in `http://10.0.0.7:4747`; none when it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One attempt of a step, for a worker to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Given<'a> {
    pub task: Cow<'a, str>,
    pub action: Cow<'a, str>,
    pub params: Json,
    pub state: Json,
    pub context: Json,
    /// Fields of the state that are `null` there: each is the output of this task, which the worker keeps.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// The server keeps time; this is for the worker's information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}
