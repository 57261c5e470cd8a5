//! What the answer is made of, from an execution, its definition and its history.

use crate::client::model::{Definition, DefinitionStep, Execution, Reason, StepResult};
use crate::course::{Course, StepCourse};

/// See `testdata/answers`. Steps are in the order of the definition.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub status: String,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    pub reasons: Vec<Reason>,
    pub total: usize,
    pub completed: Vec<String>,
    pub skipped: Vec<Skipped>,
    /// Steps that ended without having run because the execution did.
    pub cancelled: Vec<String>,
    /// Failures that the definition handles.
    pub handled: Vec<Handled>,
    /// The failure that it ended with or is going to end with.
    pub failure: Option<Failure>,
    pub not_yet: Vec<String>,
    /// Of those, the ones that come after the step of the first reason.
    pub waiting_for_first: Vec<String>,
    /// Steps that would begin next.
    pub next: Vec<String>,
    pub cancelled_by: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Skipped {
    pub step_id: String,
    pub cause: String,
    pub expression: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Handled {
    pub step_id: String,
    pub error: String,
    /// The step that was branched to, once it has run.
    pub target: Option<String>,
    /// The workflow that was started instead.
    pub workflow: Option<String>,
    pub continued: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Failure {
    pub step_id: Option<String>,
    pub error: String,
    pub attempts: u64,
}

/// Without a definition (it was deleted) only the steps that did something are known.
pub fn facts(execution: &Execution, definition: Option<&Definition>, course: &Course) -> Facts {
    let steps = Steps { execution, definition, course };
    let with = |status: &str| steps.ids(|step| step.is_some_and(|step| step.status == status));
    let mut reasons = execution.reasons.clone();
    for reason in &mut reasons {
        let lost = |id: &String| course.get(id).is_some_and(StepCourse::is_interrupted);
        reason.interrupted = reason.kind == "running" && reason.step_id.as_ref().is_some_and(lost);
    }
    let first = reasons.iter().find(|reason| reason.kind != "paused").and_then(|reason| reason.step_id.clone());
    let not_yet = steps.ids(|step| step.is_none());
    let after = first.map(|first| steps.after(&first)).unwrap_or_default();
    Facts {
        status: execution.status.clone(),
        started_at: execution.started_at,
        ended_at: execution.completed_at,
        total: definition.map_or(execution.step_results.0.len(), |definition| definition.steps.len()),
        completed: with("completed"),
        skipped: with("skipped").into_iter().map(|id| steps.skipped(id)).collect(),
        cancelled: with("cancelled"),
        handled: with("failed").into_iter().filter_map(|id| steps.handled(id)).collect(),
        failure: steps.failure(),
        waiting_for_first: not_yet.iter().filter(|id| after.contains(id)).cloned().collect(),
        next: if execution.status == "paused" { steps.next() } else { Vec::new() },
        cancelled_by: course.ended.as_ref().filter(|end| end.kind == "cancel").and_then(|end| end.by.clone()),
        not_yet,
        reasons,
    }
}

struct Steps<'a> {
    execution: &'a Execution,
    definition: Option<&'a Definition>,
    course: &'a Course,
}

impl<'a> Steps<'a> {
    fn result(&self, id: &str) -> Option<&'a StepResult> {
        self.execution.step_results.0.iter().find(|step| step.step_id == id)
    }

    fn defined(&self, id: &str) -> Option<&'a DefinitionStep> {
        self.definition?.steps.iter().find(|step| step.id == id)
    }

    fn ids(&self, wanted: impl Fn(Option<&StepResult>) -> bool) -> Vec<String> {
        let all: Vec<&str> = match self.definition {
            Some(definition) => definition.steps.iter().map(|step| step.id.as_str()).collect(),
            None => self.execution.step_results.0.iter().map(|step| step.step_id.as_str()).collect(),
        };
        all.into_iter().filter(|id| wanted(self.result(id))).map(str::to_owned).collect()
    }

    /// Every step that depends on one, directly or not.
    fn after(&self, first: &str) -> Vec<String> {
        let Some(definition) = self.definition else { return Vec::new() };
        let mut found: Vec<String> = vec![first.to_owned()];
        let mut next = 0;
        while next < found.len() {
            let id = found[next].clone();
            next += 1;
            for step in definition.steps.iter().filter(|step| step.depends_on.contains(&id)) {
                if !found.contains(&step.id) {
                    found.push(step.id.clone());
                }
            }
        }
        found.split_off(1)
    }

    fn skipped(&self, step_id: String) -> Skipped {
        let skip = self.course.get(&step_id).and_then(|step| step.skipped.as_ref());
        let (cause, expression) = skip.map_or((String::new(), None), |skip| (skip.cause.clone(), skip.expression.clone()));
        Skipped { step_id, cause, expression }
    }

    fn handled(&self, step_id: String) -> Option<Handled> {
        let course = self.course.get(&step_id);
        let error = self.result(&step_id).and_then(|step| step.error.clone()).unwrap_or_default();
        let named = self.defined(&step_id).and_then(|step| step.error_branch.clone());
        match course?.handling.as_deref()? {
            "continue" => Some(Handled { step_id, error, continued: true, ..Handled::default() }),
            "branch" => {
                let ran = |id: &String| self.result(id).is_some_and(|step| step.started_at.is_some());
                Some(Handled { step_id, error, target: named.filter(ran), ..Handled::default() })
            }
            _ => {
                let workflow = course.and_then(|course| course.handler.clone()).or(named);
                Some(Handled { step_id, error, workflow, ..Handled::default() })
            }
        }
    }

    fn failure(&self) -> Option<Failure> {
        let error = self.execution.error.clone().filter(|_| self.execution.status != "completed")?;
        let with_that = |step: &&StepResult| step.status == "failed" && step.error.as_ref() == Some(&error);
        let of_result = || self.execution.step_results.0.iter().find(with_that).map(|step| step.step_id.clone());
        let step_id = self.execution.error_step_id.clone().or_else(of_result);
        let result = step_id.as_deref().and_then(|id| self.result(id));
        // Only a part of a long history comes with an execution.
        let counted = result.map_or(0, |step| if step.started_at.is_some() { step.retries + 1 } else { 0 });
        let seen = step_id.as_deref().and_then(|id| self.course.get(id)).map_or(0, StepCourse::failed);
        Some(Failure { step_id, error, attempts: seen.max(counted) })
    }

    /// Steps whose dependencies have ended and that nothing else holds.
    fn next(&self) -> Vec<String> {
        let Some(definition) = self.definition else { return Vec::new() };
        let has_ended = |id: &String| {
            let result = self.result(id);
            result.is_some_and(|step| matches!(step.status.as_str(), "completed" | "skipped" | "failed"))
        };
        let is_target = |id: &str| definition.steps.iter().any(|step| step.error_branch.as_deref() == Some(id));
        let is_next = |step: &&DefinitionStep| {
            let is_free = match self.result(&step.id) {
                None => !is_target(&step.id),
                Some(result) => result.waiting_for.as_ref().is_some_and(|waiting| waiting.kind == "worker"),
            };
            is_free && step.depends_on.iter().all(has_ended)
        };
        definition.steps.iter().filter(is_next).map(|step| step.id.clone()).collect()
    }
}
