//! What may be stuck, and what a person can do about it: in words for somebody who was woken for it.

use serde::Serialize;
use workflow_core::id::ExecutionId;
use workflow_core::time::Timestamp;

/// Executions that are named; the others are counted.
pub const EXAMPLES_MAX: usize = 5;

/// How things stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    pub at: Timestamp,
    /// Of whoever made it.
    pub version: &'static str,
    /// The worst first.
    pub findings: Vec<Finding>,
    /// Executions that were looked at: those that are under way, overdue, paused, or want an action.
    pub executions_looked_at: u64,
    /// There were more than are looked at: counts are lower bounds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub severity: Severity,
    /// For programs; never given another meaning.
    pub code: &'static str,
    /// What is so.
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How many executions it is about; 0 when it is about none in particular.
    pub count: u64,
    /// Some of them.
    pub executions: Vec<ExecutionId>,
    /// What to do.
    pub advice: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something stands still, and will until somebody does something.
    Error,
    /// It goes on, or will by itself; somebody should look.
    Warning,
    /// Good to know.
    Info,
}

impl Finding {
    /// About no execution in particular.
    pub fn new(severity: Severity, code: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
        let (what, advice) = (what.into(), advice.into());
        Finding { severity, code, what, since: None, count: 0, executions: Vec::new(), advice }
    }
}

impl Diagnosis {
    pub fn new(at: Timestamp, mut findings: Vec<Finding>, executions_looked_at: u64, incomplete: bool) -> Diagnosis {
        findings.sort_by(|a, b| (a.severity, a.code, b.count, &a.what).cmp(&(b.severity, b.code, a.count, &b.what)));
        Diagnosis { at, version: env!("CARGO_PKG_VERSION"), findings, executions_looked_at, incomplete }
    }

    /// Whether something stands still.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}
