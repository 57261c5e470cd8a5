//! Executions sorted by what they wait for. A pure function of what is stored and of the time.

use std::collections::BTreeMap;

use workflow_core::definition::Definition;
use workflow_core::execution::{Execution, StepState};
use workflow_core::fingerprint::template;
use workflow_core::id::{ActionName, ExecutionId, StepId, WorkflowId};
use workflow_core::outstanding::outstanding;
use workflow_core::time::{Millis, Timestamp};

use super::finding::{EXAMPLES_MAX, Finding, Severity};

/// An attempt without a timeout that has run for longer is one that somebody should look at.
const LONG_ATTEMPT: Millis = Millis::from_secs(3_600);
/// A step that has failed so often in a row is in a loop of retries.
const LOOP_FAILURES: u32 = 3;
/// A timer that is late by more is overdue: the engine looks much more often.
const LATE: Millis = Millis::from_secs(60);
const LONG_PAUSE: Millis = Millis::from_secs(24 * 3_600);

/// Executions that have something in common.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Group {
    pub count: u64,
    /// The earliest.
    pub since: Option<Timestamp>,
    pub examples: Vec<ExecutionId>,
}

/// A step that fails again and again, in the same words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Retrying {
    workflow: WorkflowId,
    step: StepId,
    fingerprint: String,
}

/// The worst of a group of such.
#[derive(Debug, Clone)]
struct Loop {
    group: Group,
    failures: u32,
    of: u32,
    message: String,
}

#[derive(Debug)]
pub struct Gather {
    now: Timestamp,
    pub looked_at: u64,
    pub corrupt: Group,
    /// Steps that only lack a worker, by action.
    pub ready: BTreeMap<ActionName, Group>,
    /// Attempts in flight, by action.
    pub running: BTreeMap<ActionName, Group>,
    long: BTreeMap<ActionName, Group>,
    retrying: BTreeMap<Retrying, Loop>,
    pub overdue: Group,
    paused: Group,
}

impl Group {
    pub fn add(&mut self, id: ExecutionId, since: Option<Timestamp>) {
        self.count += 1;
        self.since = match (self.since, since) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(&id) {
            self.examples.push(id);
        }
    }

    /// With a finding's words.
    pub fn finding(&self, severity: Severity, code: &'static str, what: String, advice: String) -> Finding {
        Finding { severity, code, what, since: self.since, count: self.count, executions: self.examples.clone(), advice }
    }

    fn first(&self) -> String {
        self.examples.first().map(ToString::to_string).unwrap_or_default()
    }
}

impl Gather {
    pub fn new(now: Timestamp) -> Gather {
        Gather {
            now,
            looked_at: 0,
            corrupt: Group::default(),
            ready: BTreeMap::new(),
            running: BTreeMap::new(),
            long: BTreeMap::new(),
            retrying: BTreeMap::new(),
            overdue: Group::default(),
            paused: Group::default(),
        }
    }

    /// Takes an execution that has not ended.
    pub fn take(&mut self, definition: &Definition, execution: &Execution) {
        self.looked_at += 1;
        let id = execution.id;
        if execution.is_paused() {
            if self.now.since(execution.updated_at) >= LONG_PAUSE {
                self.paused.add(id, Some(execution.updated_at));
            }
            return;
        }
        let outstanding = outstanding(definition, execution);
        for attempt in &outstanding.in_flight {
            let step = definition.step(attempt.step);
            self.running.entry(step.action.clone()).or_default().add(id, Some(attempt.since));
            if step.timeout.is_none() && self.now.since(attempt.since) >= LONG_ATTEMPT {
                self.long.entry(step.action.clone()).or_default().add(id, Some(attempt.since));
            }
        }
        for step in &outstanding.ready {
            let action = definition.step(*step).action.clone();
            self.ready.entry(action).or_default().add(id, Some(execution.updated_at));
        }
        if let Some(at) = outstanding.wake_at.filter(|at| self.now.since(*at) > LATE) {
            self.overdue.add(id, Some(at));
        }
        for (record, step) in execution.steps.iter().zip(&definition.steps) {
            let goes_on = matches!(record.state, StepState::RetryDelay { .. } | StepState::Running { .. } | StepState::Ready);
            let Some(failure) = record.failure.as_ref().filter(|_| goes_on && record.failed_attempts >= LOOP_FAILURES) else {
                continue;
            };
            let key =
                Retrying { workflow: definition.id.clone(), step: step.id.clone(), fingerprint: template(&failure.message) };
            let of = step.max_retries.saturating_add(1);
            let entry = self.retrying.entry(key).or_insert_with(|| {
                let message = failure.message.chars().take(200).collect();
                Loop { group: Group::default(), failures: 0, of, message }
            });
            entry.failures = entry.failures.max(record.failed_attempts);
            entry.group.add(id, record.started_at);
        }
    }

    /// Of attempts that run now: in a file that nobody serves none does.
    pub fn long_attempts(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (action, group) in &self.long {
            let what = format!("attempts of `{action}` have been running for an hour and longer, and have no timeout");
            let advice = format!(
                "look at what runs it; a `timeout` of the step would end such attempts; to give one up: `workflow cancel {}`",
                group.first()
            );
            findings.push(group.finding(Severity::Warning, "attempt_long", what, advice));
        }
        findings
    }

    /// What needs no knowledge of the engine.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.corrupt.count > 0 {
            let what = "what is stored of them makes no sense: the engine leaves them alone and answers `corrupt`".to_owned();
            let advice = format!(
                "`workflow backup FILE COPY` and `workflow check COPY` say what is wrong; restore a backup, or give them up: \
                 `workflow delete-execution {}`",
                self.corrupt.first()
            );
            findings.push(self.corrupt.finding(Severity::Error, "execution_corrupt", what, advice));
        }
        for (key, found) in &self.retrying {
            let what = format!(
                "step `{}` of `{}` fails again and again, attempt {} of {}: {}",
                key.step, key.workflow, found.failures, found.of, found.message
            );
            let advice = format!(
                "mend what its action needs: it is tried again by itself; `workflow history {}` shows every attempt",
                found.group.first()
            );
            findings.push(found.group.finding(Severity::Warning, "step_retrying", what, advice));
        }
        if self.paused.count > 0 {
            let what = "they have been paused for a day and longer".to_owned();
            let advice = format!("let them go on: `workflow resume {}`, or end them with `workflow cancel`", self.paused.first());
            findings.push(self.paused.finding(Severity::Warning, "execution_paused", what, advice));
        }
        findings
    }
}

#[cfg(test)]
mod tests;
