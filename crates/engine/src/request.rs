//! What callers ask, and what they are answered.

use serde::Serialize;
use workflow_core::id::{ActionName, EndpointName, EventName, ExecutionId, IdempotencyKey, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

use crate::ring::slots::ProviderId;
use crate::{Diagnostic, ExecutionView, HistoryEntry};

#[derive(Debug, Clone)]
pub struct StartRequest {
    /// As the caller wrote it: one that is no valid id is not found.
    pub workflow: String,
    /// An object; none is `{}`.
    pub input: Option<Json>,
    pub key: Option<IdempotencyKey>,
}

#[derive(Debug, Clone)]
pub struct StartAnswer {
    pub execution: ExecutionView,
    /// The idempotency key had been used: this is the execution that it started then.
    pub existed: bool,
}

#[derive(Debug, Clone)]
pub struct EventRequest {
    pub event: EventName,
    pub data: Json,
    /// The same id of the same source gives the same answer and starts nothing.
    pub id: Option<IdempotencyKey>,
    /// The scope of `id`: the `source` of a CloudEvent.
    pub source: Option<String>,
}

#[derive(Debug, Clone)]
pub struct EventAnswer {
    pub executions: Vec<ExecutionView>,
    pub refused: Vec<RefusedStart>,
}

/// A workflow whose trigger matched and that could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedStart {
    pub workflow_id: WorkflowId,
    pub code: String,
    pub message: String,
}

/// A definition that is registered.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionView {
    pub id: WorkflowId,
    pub version: Version,
    pub name: Option<String>,
    pub steps: usize,
    pub created_at: Timestamp,
    /// When its newest version was registered.
    pub updated_at: Timestamp,
    /// As it was registered, with `version`, `createdAt` and `updatedAt` added.
    pub json: Json,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    pub definition: DefinitionView,
    /// False when the newest version was the same.
    pub created: bool,
    /// Warnings and hints.
    pub diagnostics: Vec<Diagnostic>,
}

/// Which executions to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRequest {
    pub workflow: Option<WorkflowId>,
    /// Any of these; all when empty.
    pub statuses: Vec<Status>,
    pub started_after: Option<Timestamp>,
    pub started_before: Option<Timestamp>,
    /// Older than this one: the `next` of the page before.
    pub cursor: Option<ExecutionId>,
    /// 1 to 1,000; none is 50.
    pub limit: Option<usize>,
    pub include: Include,
}

/// What a list holds besides the head rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Include {
    #[default]
    Rows,
    /// Whole executions, with at most this many of the newest entries of each history.
    Executions { history: usize },
}

/// A page of a list. It ends at the limit or at 4 MiB.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub executions: Vec<Listed>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<ExecutionId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub head: workflow_store::Head,
    /// When it was asked for.
    pub execution: Option<ExecutionView>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPage {
    pub entries: Vec<HistoryEntry>,
    /// The `after` of the next page; none when this is the last.
    pub next: Option<u64>,
    /// The `seq` of the newest entry, whatever was asked for.
    pub last: u64,
}

/// How many executions of a workflow have a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    pub workflow_id: String,
    pub status: Status,
    pub count: u64,
}

#[derive(Clone)]
pub struct EndpointRequest {
    pub name: EndpointName,
    pub url: String,
    /// None: they are discovered with `GET url`.
    pub actions: Option<Vec<ActionName>>,
    pub secret: Option<String>,
    /// Of a call whose step has no timeout; none is 5 minutes.
    pub timeout: Option<Millis>,
    /// Calls at the same time; none is 64.
    pub concurrency: Option<u32>,
}

/// Without the secret and the url, which may hold credentials: this ends up in logs.
impl std::fmt::Debug for EndpointRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    pub name: EndpointName,
    #[serde(skip)]
    #[doc(hidden)]
    pub provider: ProviderId,
    /// As it was given; `***` stands for credentials in it.
    pub url: String,
    /// Given or discovered.
    pub actions: Vec<ActionName>,
    /// The actions are asked of the endpoint itself.
    pub discovered: bool,
    pub timeout: Millis,
    pub concurrency: u32,
    pub has_secret: bool,
    /// Why the last discovery failed; none when it answered or was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
}
