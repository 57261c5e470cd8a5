//! What lists, counts and the page about one execution are asked for and answered with.

use std::collections::BTreeMap;

use serde::Serialize;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ActionName, ExecutionId, StepId, Version, WorkflowId};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_core::trigger::Explained;
use workflow_core::view::{Reason, ReceiptView, StepCounts};
use workflow_store::Member;

use crate::ring::catalog::Registration;

use crate::{Diagnostic, ExecutionView, HistoryEntry};

/// Which executions. What is empty does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    pub workflows: Vec<WorkflowId>,
    pub version: Option<Version>,
    pub statuses: Vec<Status>,
    pub attention: Option<Attention>,
    pub failure: Option<Fingerprint>,
    pub triggered_by: Option<String>,
    /// Strictly.
    pub started_after: Option<Timestamp>,
    /// Strictly.
    pub started_before: Option<Timestamp>,
    /// In the input, or in the id.
    pub text: Option<String>,
}

/// Why somebody should look at an execution that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Attention {
    /// Nobody provides an action that it wants.
    NoWorker,
    /// Its timer fell due more than a minute ago.
    Overdue,
    /// A step has failed and is tried again.
    Retrying,
}

impl std::str::FromStr for Attention {
    type Err = String;

    fn from_str(text: &str) -> Result<Attention, String> {
        match text {
            "noWorker" => Ok(Attention::NoWorker),
            "overdue" => Ok(Attention::Overdue),
            "retrying" => Ok(Attention::Retrying),
            other => Err(format!("`{}` is none of `retrying`, `noWorker`, `overdue`", other.escape_debug())),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SummaryRequest {
    pub filter: ExecutionFilter,
    /// Older than this one.
    pub cursor: Option<ExecutionId>,
    /// 1 to 1,000; none is 50.
    pub limit: Option<usize>,
}

/// A page of summaries, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryPage {
    pub executions: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<ExecutionId>,
    /// False: the search took its time, and there may be more between here and `searched_to`.
    pub complete: bool,
    /// Everything that started later was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched_to: Option<Timestamp>,
}

/// What a list shows of an execution.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub id: ExecutionId,
    pub workflow_id: WorkflowId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_name: Option<String>,
    pub workflow_version: Version,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    pub started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Timestamp>,
    pub step_counts: StepCounts,
    /// The one that matters most.
    pub reasons: Vec<Reason>,
    pub reason_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_step_id: Option<String>,
    pub triggered_by: Triggered,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<ExecutionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExecutionId>,
    pub last_seq: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Triggered {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// How many executions there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub by_status: BTreeMap<&'static str, u64>,
    pub attention: AttentionCounts,
    /// False: there are more, and they were not counted.
    pub exact: bool,
    pub as_of: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttentionCounts {
    pub retrying: u64,
    pub no_worker: u64,
    pub overdue: u64,
}

/// How an execution is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InspectRequest {
    /// As it was after this entry.
    pub at: Option<u64>,
    /// The newest entries of its history that come with it.
    pub history: usize,
    /// Values that are longer are left out, and named.
    pub value_bytes_max: Option<usize>,
}

/// An execution, and what is told of it besides.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspected {
    #[serde(flatten)]
    pub execution: ExecutionView,
    pub reasons: Vec<Reason>,
    pub step_counts: StepCounts,
    pub last_seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_step_id: Option<StepId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of_seq: Option<u64>,
    pub server_time: Timestamp,
}

/// Which entries of a history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryRequest {
    /// With a higher `seq`.
    pub after: Option<u64>,
    /// With a lower `seq`.
    pub before: Option<u64>,
    pub order: HistoryOrder,
    /// 1 to 1,000; none is 1,000.
    pub limit: Option<usize>,
    /// Any of these; all when empty.
    pub types: Vec<String>,
    pub step: Option<String>,
    /// In what the entry says.
    pub text: Option<String>,
    pub payloads: Payloads,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryOrder {
    #[default]
    Ascending,
    Descending,
}

/// What of inputs, outputs and stacks comes with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Payloads {
    #[default]
    Inline,
    /// How long they are.
    None,
}

/// Entries of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistorySlice {
    pub entries: Vec<SizedEntry>,
    /// The `after`, or descending the `before`, of the next ones.
    pub next: Option<u64>,
    /// The `seq` of the newest entry, whatever was asked for.
    pub total: u64,
}

/// An entry, and how long its input or output is where that was left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizedEntry {
    #[serde(flatten)]
    pub entry: HistoryEntry,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
}

/// Whoever runs actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub actions: Vec<ActionName>,
    pub running: usize,
    pub slots: usize,
    /// Of a remote worker: when its newest connection began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<Timestamp>,
    /// Of a remote worker: when it last said anything, if only that it is there. Neither of one that was connected to a former life
    /// of the engine and has not come back yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// It has lost its connection and is expected back: what it runs goes on.
    #[serde(skip_serializing_if = "is_false")]
    pub away: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl WorkerView {
    pub(crate) fn new(id: String, kind: &'static str) -> WorkerView {
        WorkerView {
            name: id.clone(),
            id,
            kind,
            actions: Vec::new(),
            running: 0,
            slots: 0,
            connected_at: None,
            last_seen: None,
            away: false,
            unreachable: None,
        }
    }
}

/// An action that somebody provides, or that a workflow names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionView {
    pub action: ActionName,
    /// Ids of workers.
    pub providers: Vec<String>,
    pub slots: usize,
    /// Workflows that name it in their newest version.
    pub used_by: Vec<UsedBy>,
    /// Executions that want it and have no slot.
    pub waiting: u64,
    pub waiting_exact: bool,
    /// When the first of those that wait was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsedBy {
    pub workflow_id: WorkflowId,
    pub version: Version,
    pub step_ids: Vec<StepId>,
}

/// A version of a definition, and who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    pub version: Version,
    pub created_at: Timestamp,
    /// The same where the definitions are the same text.
    pub hash: String,
    pub steps: usize,
    /// Executions that have not ended.
    pub active: u64,
    pub executions: u64,
}

/// What an event would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventDryRun {
    /// Every trigger whose pattern matches.
    pub matches: Vec<EventMatch>,
    /// An event with this id has come before: it would start nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<DuplicateOf>,
    /// The pattern that was meant, perhaps, where none matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DuplicateOf {
    pub executions: Vec<ExecutionId>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventMatch {
    pub workflow_id: WorkflowId,
    pub version: Version,
    pub pattern: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionView>,
    pub would_start: bool,
    /// In words.
    pub why: String,
}

/// What a condition read and gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionView {
    #[serde(flatten)]
    pub receipt: ReceiptView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl EventMatch {
    pub(crate) fn new(registration: &Registration, explained: Explained, missing: &[ActionName]) -> EventMatch {
        let Explained { pattern, condition, matches } = explained;
        let why = match (&condition, matches) {
            (Some(condition), false) => match &condition.error {
                Some(error) => format!("the pattern matches, and the condition threw: {error}"),
                None => "the pattern matches, and the condition is false".to_owned(),
            },
            (Some(_), true) => "the pattern matches, and the condition is true".to_owned(),
            (None, _) => "the pattern matches".to_owned(),
        };
        let nobody = missing.iter().map(|action| format!("`{action}`")).collect::<Vec<_>>().join(", ");
        let why = if nobody.is_empty() { why } else { format!("{why}; nobody provides {nobody} now") };
        let condition = condition
            .map(|condition| ConditionView { receipt: ReceiptView::of_caller(&condition.receipt), error: condition.error });
        let (workflow_id, version) = (registration.definition.id.clone(), registration.version);
        EventMatch { workflow_id, version, pattern, condition, would_start: matches, why }
    }
}

/// An engine that works on the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Of this life of it.
    pub id: String,
    /// What a person looks for it by.
    pub name: String,
    /// Where workers and people reach it, when it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub joined_at: Timestamp,
    /// Its share of the executions, of 4096 slots.
    pub slots: usize,
    /// `live`, or `lapsed`: it has not renewed its lease, and others take over what it owns.
    pub status: &'static str,
    /// It is the one that answers.
    #[serde(rename = "self")]
    pub is_self: bool,
}

impl From<Member> for NodeView {
    fn from(member: Member) -> NodeView {
        let Member { id, name, url, joined_at, ranges, lapsed, is_self, .. } = member;
        NodeView { id, name, url, joined_at, slots: ranges.slots(), status: if lapsed { "lapsed" } else { "live" }, is_self }
    }
}

/// How the engine is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemView {
    pub started_at: Timestamp,
    pub server_time: Timestamp,
    pub uptime_ms: u64,
    /// It takes work.
    pub ready: bool,
    pub store: StoreView,
    pub queue: QueueView,
    /// A second, over the last ten.
    pub rates: RatesView,
    /// Of ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_p99_ms: Option<f64>,
    pub series: SeriesView,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreView {
    pub bytes: u64,
    pub log_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    pub executions: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueView {
    /// Executions in memory that want a slot.
    pub ready: usize,
    /// Attempts in flight.
    pub running: usize,
    /// Commands that wait for the ring.
    pub queued: usize,
    /// Executions in memory.
    pub resident: usize,
    pub resident_bytes: usize,
    /// How long ago the one was started that has waited for a slot for longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RatesView {
    pub starts: f64,
    pub ends: f64,
    pub steps: f64,
    pub commits: f64,
}

/// Ten minutes, the oldest first; the last slot is not over.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeriesView {
    pub every_ms: i64,
    pub from: Timestamp,
    pub starts: Vec<u64>,
    pub ends: Vec<u64>,
    pub steps: Vec<u64>,
    pub running: Vec<usize>,
    pub commit_p99_ms: Vec<f64>,
}

/// What registering a definition would give.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validated {
    pub valid: bool,
    pub diagnostics: Vec<Diagnostic>,
    /// The number that it would get; of one that equals the newest version, that of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// It equals the newest version.
    pub unchanged: bool,
}
