//! What is shown of the server's answers. Unknown fields are ignored, and so is what may be missing, so that an older command line
//! reads a newer server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    pub id: String,
    pub workflow_id: String,
    #[serde(default)]
    pub workflow_version: u64,
    pub status: String,
    pub started_at: i64,
    pub completed_at: Option<i64>,
    pub error: Option<String>,
    pub error_code: Option<String>,
    pub output: Option<Box<RawValue>>,
    pub input: Option<Box<RawValue>>,
    pub triggered_by: Option<TriggeredBy>,
    pub replay_of: Option<String>,
    /// In the order of the definition.
    #[serde(default)]
    pub step_results: Steps,
    #[serde(default)]
    pub history: Vec<Entry>,
    #[serde(default)]
    pub history_truncated: bool,
    /// With `include=reasons`.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    pub error_step_id: Option<String>,
}

/// What an execution or one of its steps does or waits for, in the server's order: what matters most first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    pub kind: String,
    pub step_id: Option<String>,
    #[serde(default)]
    pub since: i64,
    pub until: Option<i64>,
    pub attempt: Option<u64>,
    pub max_attempts: Option<u64>,
    pub failed_attempts: Option<u64>,
    pub action: Option<String>,
    pub by: Option<String>,
    pub error: Option<String>,
    pub p95_ms: Option<u64>,
    #[serde(default)]
    pub slow: bool,
    /// Its last attempt was lost with its worker: the server does not say so, the history does.
    #[serde(default)]
    pub interrupted: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct TriggeredBy {
    #[serde(rename = "type")]
    pub kind: String,
    pub source: Option<String>,
}

/// Kept in the order of the server's object.
#[derive(Debug, Clone, Default)]
pub struct Steps(pub Vec<StepResult>);

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    pub step_id: String,
    pub status: String,
    pub error: Option<String>,
    pub started_at: Option<i64>,
    pub duration: Option<u64>,
    #[serde(default)]
    pub retries: u64,
    pub waiting_for: Option<WaitingFor>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct WaitingFor {
    #[serde(rename = "type")]
    pub kind: String,
    pub until: Option<i64>,
    #[serde(default)]
    pub message: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub seq: u64,
    pub timestamp: i64,
    #[serde(rename = "type")]
    pub kind: String,
    pub by: Option<String>,
    pub step_id: Option<String>,
    pub attempt: Option<u64>,
    #[serde(default)]
    pub data: EntryData,
    pub message: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryData {
    pub workflow_version: Option<u64>,
    pub triggered_by: Option<TriggeredBy>,
    pub input: Option<Box<RawValue>>,
    pub output: Option<Box<RawValue>>,
    pub output_bytes: Option<u64>,
    pub error: Option<Failure>,
    pub cause: Option<String>,
    pub then: Option<String>,
    pub handler: Option<String>,
    pub retry_at: Option<i64>,
    pub until: Option<i64>,
    pub receipt: Option<Receipt>,
    pub reset: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Failure {
    pub code: Option<String>,
    #[serde(default)]
    pub message: String,
}

/// Why a condition was what it was.
#[derive(Debug, Clone, Deserialize)]
pub struct Receipt {
    pub expression: String,
    #[serde(default)]
    pub values: BTreeMap<String, Option<Box<RawValue>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    pub id: String,
    pub name: Option<String>,
    #[serde(default)]
    pub version: u64,
    pub updated_at: Option<i64>,
    #[serde(default)]
    pub steps: Vec<DefinitionStep>,
    #[serde(default)]
    pub triggers: Vec<DefinitionTrigger>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionStep {
    pub id: String,
    #[serde(default)]
    pub depends_on: Vec<String>,
    pub condition: Option<String>,
    pub wait: Option<String>,
    pub max_retries: Option<u64>,
    pub on_error: Option<String>,
    /// A step, or else a workflow.
    pub error_branch: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct DefinitionTrigger {
    pub event: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    pub name: String,
    pub url: String,
    #[serde(default)]
    pub actions: Vec<String>,
    /// As it can be given: `5m`.
    pub timeout: Option<String>,
    pub concurrency: Option<u64>,
    #[serde(default)]
    pub has_secret: bool,
    pub unreachable: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionsPage {
    pub executions: Vec<Box<RawValue>>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    pub entries: Vec<Box<RawValue>>,
    /// A number, or a text that holds one.
    pub next_cursor: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub struct Workflows {
    pub workflows: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub struct Endpoints {
    pub endpoints: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub struct Tokens {
    pub tokens: Vec<Box<RawValue>>,
    #[serde(default)]
    pub damaged: Vec<DamagedToken>,
}

/// Nobody is let in with it.
#[derive(Debug, Deserialize)]
pub struct DamagedToken {
    pub id: String,
    pub name: String,
    pub why: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    pub id: String,
    pub name: String,
    pub role: String,
    pub created_at: i64,
    pub revoked_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct Nodes {
    pub nodes: Vec<Box<RawValue>>,
}

/// An engine.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub name: String,
    pub url: Option<String>,
    pub joined_at: i64,
    /// Of 4096.
    pub slots: u32,
    pub status: String,
    #[serde(rename = "self", default)]
    pub is_self: bool,
}

/// With its secret.
#[derive(Deserialize)]
pub struct NewToken {
    pub name: String,
    pub role: String,
    pub token: String,
}

#[derive(Debug, Deserialize)]
pub struct EventAnswer {
    pub executions: Vec<Execution>,
    #[serde(default)]
    pub refused: Vec<RefusedStart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedStart {
    pub workflow_id: String,
    pub code: String,
    pub message: String,
}

impl Execution {
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }
}

impl DefinitionStep {
    /// Attempts that it may have.
    pub fn attempts_max(&self) -> u64 {
        1 + self.max_retries.unwrap_or(if self.on_error.as_deref() == Some("retry") { 3 } else { 0 })
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Steps, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Steps;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of step results")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Steps, A::Error> {
                let mut steps = Vec::new();
                while let Some((_, step)) = map.next_entry::<serde::de::IgnoredAny, StepResult>()? {
                    steps.push(step);
                }
                Ok(Steps(steps))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// What a server or a file is found to be like.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    pub at: i64,
    pub version: String,
    pub findings: Vec<Finding>,
    pub executions_looked_at: u64,
    #[serde(default)]
    pub incomplete: bool,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Finding {
    /// `error`, `warning`, `info`.
    pub severity: String,
    pub code: String,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    pub count: u64,
    pub executions: Vec<String>,
    pub advice: String,
}

impl Finding {
    /// About no execution in particular.
    pub fn new(severity: &str, code: &str, what: String, advice: String) -> Finding {
        let (severity, code) = (severity.to_owned(), code.to_owned());
        Finding { severity, code, what, since: None, count: 0, executions: Vec::new(), advice }
    }
}

/// Many control calls, made by the server one after the other.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub id: String,
    pub action: String,
    /// `running`, `waiting` (its first call is made: continue or stop), `stopped`, `completed`.
    pub status: String,
    #[serde(default)]
    pub matched: u64,
    #[serde(default)]
    pub done: u64,
    #[serde(default)]
    pub failed: u64,
    #[serde(default)]
    pub skipped: u64,
    /// Calls a second, while it runs.
    pub rate: Option<f64>,
    pub canary: Option<JobItem>,
}

/// What came of one call.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobItem {
    pub execution_id: String,
    /// `done`, `failed`, `skipped`.
    pub outcome: String,
    pub code: Option<String>,
    pub detail: Option<String>,
    pub new_execution_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobItems {
    pub items: Vec<JobItem>,
}

#[derive(Debug, Deserialize)]
pub struct DryRun {
    pub matched: u64,
    /// The newest of them.
    #[serde(default)]
    pub sample: Vec<Summary>,
}

/// A row of a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub id: String,
    pub workflow_id: String,
    #[serde(default)]
    pub workflow_version: u64,
    pub status: String,
    pub attention: Option<String>,
    pub started_at: i64,
    pub completed_at: Option<i64>,
    #[serde(default)]
    pub step_counts: StepCounts,
    /// The first of them.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    #[serde(default)]
    pub reason_count: u64,
    pub error: Option<String>,
    pub error_step_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct StepCounts {
    #[serde(default)]
    pub total: u64,
    #[serde(default)]
    pub completed: u64,
}

impl Job {
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "stopped")
    }

    /// Calls that have been made.
    pub fn made(&self) -> u64 {
        self.done + self.failed + self.skipped
    }
}
