//! Metrics that are counted for every attempt and every execution: looked up by their labels once, not each time.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};
use workflow_core::id::{ActionName, WorkflowId};
use workflow_core::status::Status;

use crate::clock::Mono;

/// Looked up again so often, for a recorder that was installed after the engine had been opened.
const KEPT_FOR: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Meters {
    since: Mono,
    steps: BTreeMap<(WorkflowId, ActionName), StepMeters>,
    started: BTreeMap<WorkflowId, Counter>,
    ended: BTreeMap<(WorkflowId, Status), Counter>,
}

/// How long the attempts of one action took.
pub struct StepMeters {
    pub completed: Histogram,
    pub failed: Histogram,
}

impl Meters {
    pub fn step(&mut self, workflow: &WorkflowId, action: &ActionName, now: Mono) -> &StepMeters {
        self.renew(now);
        self.steps.entry((workflow.clone(), action.clone())).or_insert_with(|| {
            let of = |outcome: &'static str| {
                let labels =
                    [("workflow", workflow.to_string()), ("action", action.to_string()), ("outcome", outcome.to_owned())];
                histogram!("workflow_step_duration_seconds", &labels)
            };
            StepMeters { completed: of("completed"), failed: of("failed") }
        })
    }

    pub fn started(&mut self, workflow: &WorkflowId, now: Mono) -> &Counter {
        self.renew(now);
        let new = || counter!("workflow_executions_started_total", "workflow" => workflow.to_string());
        self.started.entry(workflow.clone()).or_insert_with(new)
    }

    pub fn ended(&mut self, workflow: &WorkflowId, status: Status, now: Mono) -> &Counter {
        self.renew(now);
        self.ended.entry((workflow.clone(), status)).or_insert_with(|| {
            let labels = [("workflow", workflow.to_string()), ("status", status.to_string())];
            counter!("workflow_executions_ended_total", &labels)
        })
    }

    fn renew(&mut self, now: Mono) {
        if now.since(self.since) >= KEPT_FOR {
            *self = Meters { since: now, ..Meters::default() };
        }
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").field("since", &self.since).finish_non_exhaustive()
    }
}
