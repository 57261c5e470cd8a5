//! What is shown of how a server is: the parts of `workflow top`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::Summary;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct System {
    pub version: String,
    pub uptime_ms: u64,
    pub store: Store,
    pub queue: Queue,
    pub rates: Rates,
    pub commit_p99_ms: Option<f64>,
    pub series: Series,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Store {
    pub bytes: u64,
    pub log_bytes: u64,
    pub disk_free_bytes: Option<u64>,
    pub executions: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Queue {
    pub ready: u64,
    pub running: u64,
    pub oldest_ms: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Rates {
    pub starts: f64,
    pub ends: f64,
    pub steps: f64,
    pub commits: f64,
}

/// Of the last ten minutes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Series {
    pub starts: Vec<f64>,
    pub steps: Vec<f64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    pub by_status: BTreeMap<String, u64>,
    pub attention: AttentionCounts,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttentionCounts {
    pub retrying: u64,
    pub no_worker: u64,
    pub overdue: u64,
}

impl AttentionCounts {
    pub fn of(&self, why: &str) -> u64 {
        match why {
            "retrying" => self.retrying,
            "noWorker" => self.no_worker,
            "overdue" => self.overdue,
            _ => 0,
        }
    }
}

#[derive(Debug, Deserialize)]
pub struct Summaries {
    pub executions: Vec<Summary>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Errors {
    pub errors: Vec<ErrorKind>,
    pub failed_now: u64,
    pub retrying_now: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorKind {
    pub fingerprint: String,
    pub template: String,
    pub code: Option<String>,
    pub sample: ErrorSample,
    pub steps: Vec<ErrorStep>,
    pub failed_now: u64,
    pub retrying_now: u64,
    pub total: u64,
    pub first_seen: i64,
    pub last_seen: i64,
    pub buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorSample {
    pub message: String,
    pub execution_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorStep {
    pub workflow_id: String,
    pub step_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Bucket {
    pub count: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Workers {
    pub workers: Vec<Worker>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Worker {
    pub name: String,
    pub kind: String,
    pub actions: Vec<String>,
    pub running: u64,
    pub slots: u64,
    pub unreachable: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Actions {
    pub actions: Vec<Action>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Action {
    pub action: String,
    pub providers: Vec<String>,
    pub waiting: u64,
    pub oldest_since: Option<i64>,
}
