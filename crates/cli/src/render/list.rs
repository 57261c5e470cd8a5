//! `workflow list`.

use std::collections::BTreeMap;

use crate::client::model::Execution;

use super::execution::{status_look, status_word};
use super::look::RED;
use super::table::{Overflow, table};
use super::{Clock, counted, dim, first_line, one_line, painted, span};

/// How many there are of each status.
#[derive(Debug, Default)]
pub struct Counts {
    by_status: BTreeMap<String, usize>,
    total: usize,
}

impl Counts {
    pub fn add(&mut self, execution: &Execution) {
        *self.by_status.entry(execution.status.clone()).or_default() += 1;
        self.total += 1;
    }

    /// `12 executions: 10 completed, 2 failed`; `more` are not shown.
    pub fn line(&self, more: bool) -> String {
        let parts: Vec<String> = self.by_status.iter().map(|(status, count)| format!("{count} {}", one_line(status))).collect();
        let all = counted(self.total, "execution");
        let more = if more { "; there are more, see --limit and --all" } else { "" };
        match parts.len() {
            0 => "no execution matches".to_owned(),
            _ => format!("{all}: {}{more}", parts.join(", ")),
        }
    }
}

/// A table, newest first.
pub fn list(executions: &[Execution], clock: &Clock, width: Option<usize>) -> String {
    let rows = executions.iter().map(|execution| row(execution, clock)).collect();
    table(&["STATUS", "WORKFLOW", "EXECUTION", "STARTED", "TOOK", ""], rows, &[4], Overflow::Cut, width)
}

fn row(execution: &Execution, clock: &Clock) -> Vec<String> {
    let took = match execution.completed_at {
        Some(end) => span((end - execution.started_at).max(0).unsigned_abs()),
        None => dim(&span((clock.now - execution.started_at).max(0).unsigned_abs())),
    };
    let version = match execution.workflow_version {
        0 => String::new(),
        version => dim(&format!(" v{version}")),
    };
    vec![
        status_look(execution).with(&one_line(status_word(execution))),
        format!("{}{version}", one_line(&execution.workflow_id)),
        one_line(&execution.id),
        clock.relative(execution.started_at),
        took,
        execution.error.as_deref().map(|error| painted(RED, &first_line(error))).unwrap_or_default(),
    ]
}
