//! Rows as the engine sees them.

use std::collections::BTreeMap;

use workflow_core::codec;
use workflow_core::event::Recorded;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ActionName, EndpointName, ExecutionId, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

/// The head row of an execution: what lists and recovery need without reading a history. Written at start, at the end, when
/// `status` changes, and when `wake_at` must become earlier or the execution goes to rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    pub id: ExecutionId,
    pub workflow: WorkflowId,
    pub version: Version,
    pub status: Status,
    /// The earliest time at which the execution must be in memory: 0 while an attempt is in flight or it is ready in memory,
    /// the next durable timer while it waits, none when it has ended or only a person can move it.
    pub wake_at: Option<Timestamp>,
    pub started_at: Timestamp,
    pub completed_at: Option<Timestamp>,
    /// The step whose failure the execution failed with.
    pub failed_step: Option<String>,
    pub error_code: Option<String>,
    /// The message of the failure.
    pub error: Option<String>,
    /// The message with ids and numbers taken out, so that equal errors can be grouped.
    pub error_fingerprint: Option<String>,
    /// `manual`, `event`, `schedule`, `replay` or `error`, and its source.
    pub triggered_by: String,
    pub trigger_source: Option<String>,
    pub replay_of: Option<ExecutionId>,
    pub parent: Option<ExecutionId>,
    /// Steps that have completed, written at the end.
    pub steps_completed: Option<u32>,
    /// Those that have failed for good, and those that were skipped, written at the end.
    pub steps_failed: Option<u32>,
    pub steps_skipped: Option<u32>,
    /// A step has failed and is tried again. Then `failed_step` and the error are those of its newest failure.
    pub retrying: bool,
}

/// What is stored of one execution, to fold it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub head: Head,
    pub snapshot: Option<Snapshot>,
    /// Those after the snapshot, or all.
    pub events: Vec<Recorded>,
}

/// What is around a store: its file, its log, its disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    pub schema: Option<u32>,
    pub file_bytes: u64,
    pub log_bytes: u64,
    /// The log is used again from its beginning before it gets so long, unless somebody reads an old state.
    pub log_bytes_max: Option<u64>,
    pub disk_free_bytes: Option<u64>,
    /// Other processes that have the file open, as a person would name them; as far as they can be seen.
    pub others: Vec<String>,
}

/// A part of the executions that have ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    pub ids: Vec<ExecutionId>,
    /// After which to go on; none when there are no more to look at.
    pub next: Option<ExecutionId>,
}

/// A cache of the fold of a long history. It may be lost at any time; one of another codec version is ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Of the newest event in it.
    pub seq: u64,
    pub codec: u32,
    pub body: String,
}

/// A page of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub workflow: WorkflowId,
    pub version: Version,
    pub events: Vec<Recorded>,
    /// Whether there are events after these.
    pub more: bool,
    /// The `seq` of the newest event.
    pub last: u64,
}

/// What of long payloads is read with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// All of them.
    Read,
    /// Those over 4 KiB stay in the store.
    Left,
}

/// Which executions to list, newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// Any of these; all when empty.
    pub workflows: Vec<WorkflowId>,
    pub version: Option<Version>,
    /// Any of these; all when empty.
    pub statuses: Vec<Status>,
    /// Those of which a step has failed and is tried again.
    pub retrying: bool,
    /// Those that have failed so, or are tried again because of it.
    pub failure: Option<Fingerprint>,
    /// Those at rest that want any of these; all when empty.
    pub parked: Vec<ActionName>,
    pub triggered_by: Option<String>,
    /// Strictly.
    pub started_after: Option<Timestamp>,
    /// Strictly.
    pub started_before: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<ExecutionId>,
    pub limit: usize,
}

/// Head rows, newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heads {
    pub heads: Vec<Head>,
    /// The search has looked at many that are not meant, and stopped after this one. None when it has found as many as were
    /// asked for, or all there are.
    pub stopped_at: Option<ExecutionId>,
}

/// How many executions there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    pub by_status: BTreeMap<Status, u64>,
    /// There are more: so many were not counted.
    pub incomplete: bool,
}

/// How many executions of a version have a status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionCount {
    pub workflow: String,
    pub version: Version,
    pub status: Status,
    pub count: u64,
}

/// How many executions of a version have failed so, and how many are tried again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FailureCount {
    pub failure: Fingerprint,
    pub workflow: String,
    pub version: Version,
    pub failed: u64,
    pub retrying: u64,
}

/// A place in the order of `wake_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub wake_at: Timestamp,
    pub id: ExecutionId,
}

/// One version of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionRow {
    pub workflow: WorkflowId,
    pub version: Version,
    /// The stored form: `Definition::to_stored`.
    pub stored: Json,
    /// As it was registered, for people and for `getDefinition`.
    pub source: Json,
    pub created_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

/// Where the engine calls actions over HTTP.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    pub name: EndpointName,
    pub url: String,
    /// None: they are discovered.
    pub actions: Option<Vec<ActionName>>,
    pub secret: Option<String>,
    pub timeout: Millis,
    pub concurrency: u32,
}

/// Without the secret and the url, which may hold credentials: this ends up in logs.
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("actions", &self.actions)
            .field("timeout", &self.timeout)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Whether this version can read it.
    pub(crate) fn is_usable(&self) -> bool {
        self.codec == codec::VERSION
    }
}

impl Head {
    /// What its failure has in common with others; none when it has none that counts.
    pub fn failure(&self) -> Option<Fingerprint> {
        let counts = self.status == Status::Failed || self.retrying;
        self.error_fingerprint.as_deref().filter(|_| counts).map(Fingerprint::of)
    }
}

impl Filter {
    /// `parked` is for whoever knows what is parked.
    pub fn matches(&self, head: &Head) -> bool {
        (self.workflows.is_empty() || self.workflows.contains(&head.workflow))
            && self.version.is_none_or(|version| version == head.version)
            && (!self.retrying || head.retrying)
            && self.failure.is_none_or(|failure| head.failure() == Some(failure))
            && self.triggered_by.as_ref().is_none_or(|by| *by == head.triggered_by)
            && (self.statuses.is_empty() || self.statuses.contains(&head.status))
            && self.before.is_none_or(|before| head.id < before)
            && self.matches_start(head)
    }

    pub(crate) fn matches_start(&self, head: &Head) -> bool {
        self.started_after.is_none_or(|after| head.started_at > after)
            && self.started_before.is_none_or(|before| head.started_at < before)
    }
}

/// How many executions of each workflow have each status, all versions together.
pub(crate) fn by_status(counts: Vec<VersionCount>) -> Vec<(String, Status, u64)> {
    let mut sums = BTreeMap::new();
    for VersionCount { workflow, status, count, .. } in counts {
        *sums.entry((workflow, status)).or_default() += count;
    }
    sums.into_iter().map(|((workflow, status), count)| (workflow, status, count)).collect()
}

/// What an event counts for in a page.
pub(crate) fn written_bytes(recorded: &Recorded) -> usize {
    /// One that was left in the store is as short as any other event.
    const SHORT: usize = 200;
    match recorded.event.payload() {
        Some(payload) if payload.resident().is_none() => SHORT,
        _ => codec::encode(std::slice::from_ref(recorded), usize::MAX).text.len(),
    }
}
