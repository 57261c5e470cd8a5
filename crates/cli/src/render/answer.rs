//! The answer to "what is going on with it?" in one or two sentences: what happened, what it waits for, what is next.

use crate::client::model::{Definition, Execution, StepResult};

use super::{Clock, clean, code, counted, first_line, listed, span};

/// What a person who asked for the status wants to know first.
pub fn answer(execution: &Execution, definition: Option<&Definition>, clock: &Clock) -> String {
    match execution.status.as_str() {
        "completed" => completed(execution),
        "failed" => failed(execution, definition),
        "cancelled" => ended_at(execution, "cancelled", clock),
        "paused" => paused(execution, clock),
        _ => match active(execution, definition, clock) {
            text if text.is_empty() => "accepted; nothing has begun yet".to_owned(),
            text => text,
        },
    }
}

fn completed(execution: &Execution) -> String {
    let took = execution.completed_at.map_or(0, |end| end.saturating_sub(execution.started_at).max(0).unsigned_abs());
    let took = span(took);
    let names =
        |status: &'static str| -> Vec<&str> { with_status(execution, status).map(|step| step.step_id.as_str()).collect() };
    let (failed, skipped, ran) = (names("failed"), names("skipped"), names("completed").len());
    let mut parts = vec![format!("completed in {took}")];
    if failed.is_empty() && skipped.is_empty() {
        parts.push(if ran == 1 { "its one step ran".to_owned() } else { format!("all {} ran", counted(ran, "step")) });
    } else {
        parts.push(format!("{} ran", counted(ran, "step")));
    }
    if !failed.is_empty() {
        parts.push(format!("{} failed and that was handled", listed(&failed)));
    }
    if !skipped.is_empty() {
        parts.push(format!("{} {} skipped", listed(&skipped), if skipped.len() == 1 { "was" } else { "were" }));
    }
    parts.join("; ")
}

fn failed(execution: &Execution, definition: Option<&Definition>) -> String {
    let error = execution.error.as_deref().map_or_else(String::new, first_line);
    let culprit = with_status(execution, "failed").find(|step| step.error == execution.error);
    let what = match culprit {
        Some(step) => format!("{} failed{}: {error}", code(&step.step_id), after_attempts(execution, step)),
        None => format!("failed: {error}"),
    };
    match not_run(execution, definition) {
        names if names.is_empty() => what,
        names => format!("{what}; {} did not run", listed(&names)),
    }
}

fn after_attempts(execution: &Execution, step: &StepResult) -> String {
    match attempts(execution, step) {
        0 | 1 => String::new(),
        attempts => format!(" after {attempts} attempts"),
    }
}

/// How many attempts have begun, as the history numbers them.
pub fn attempts(execution: &Execution, step: &StepResult) -> u64 {
    let numbered = execution.history.iter().filter(|entry| entry.step_id.as_deref() == Some(&step.step_id));
    let newest = numbered.filter_map(|entry| entry.attempt).max().unwrap_or(0);
    let counted = if step.started_at.is_some() { step.retries + 1 } else { 0 };
    // Only a part of a long history comes with an execution.
    newest.max(if execution.history.is_empty() || execution.history_truncated { counted } else { 0 })
}

/// Steps of the definition that were never considered.
fn not_run<'a>(execution: &Execution, definition: Option<&'a Definition>) -> Vec<&'a str> {
    let has_result = |id: &str| execution.step_results.0.iter().any(|step| step.step_id == id);
    let steps = definition.map(|definition| definition.steps.as_slice()).unwrap_or_default();
    steps.iter().map(|step| step.id.as_str()).filter(|id| !has_result(id)).collect()
}

fn ended_at(execution: &Execution, what: &str, clock: &Clock) -> String {
    match execution.completed_at {
        Some(at) => format!("{what} {}", clock.relative(at)),
        None => what.to_owned(),
    }
}

fn paused(execution: &Execution, clock: &Clock) -> String {
    let since = execution.history.iter().rev().find(|entry| entry.kind == "pause");
    let since = since.map_or_else(String::new, |entry| format!(" {}", clock.relative(entry.timestamp)));
    let running: Vec<&str> = with_status(execution, "running").map(|step| step.step_id.as_str()).collect();
    match running.as_slice() {
        [] => format!("paused{since}; nothing runs, timers keep their due time"),
        running => {
            let verb = if running.len() == 1 { "is" } else { "are" };
            format!("paused{since}; {} {verb} still running and allowed to finish", listed(running))
        }
    }
}

/// Running or waiting: the reason that most needs a person comes first.
fn active(execution: &Execution, definition: Option<&Definition>, clock: &Clock) -> String {
    let waits = |kind: &'static str| {
        execution.step_results.0.iter().filter(move |step| step.waiting_for.as_ref().is_some_and(|waiting| waiting.kind == kind))
    };
    if let Some(error) = execution.error.as_deref() {
        let running: Vec<&str> = with_status(execution, "running").map(|step| step.step_id.as_str()).collect();
        return format!("failing: {}; {} may still finish", first_line(error), listed(&running));
    }
    let mut reasons: Vec<String> = waits("worker").filter_map(|step| sentence(execution, step, clock)).collect();
    reasons.extend(waits("retry").filter_map(|step| sentence(execution, step, clock)));
    let running: Vec<&str> = with_status(execution, "running").map(|step| step.step_id.as_str()).collect();
    if !running.is_empty() {
        reasons.push(format!("{} {} running", listed(&running), if running.len() == 1 { "is" } else { "are" }));
    }
    reasons.extend(waits("timer").filter_map(|step| sentence(execution, step, clock)));
    let mut text = reasons.iter().take(2).cloned().collect::<Vec<_>>().join("; ");
    if reasons.len() > 2 {
        text += &format!("; and {} more", reasons.len() - 2);
    }
    match not_run(execution, definition) {
        names if names.is_empty() || text.is_empty() => text,
        names => format!("{text}; then {}", listed(&names)),
    }
}

/// Why one step waits, as a sentence; none when it does not.
pub fn sentence(execution: &Execution, step: &StepResult, clock: &Clock) -> Option<String> {
    let waiting = step.waiting_for.as_ref()?;
    let name = code(&step.step_id);
    let until = waiting.until.map(|at| clock.until(at)).unwrap_or_default();
    Some(match waiting.kind.as_str() {
        "retry" => {
            let error = last_error(execution, step).map(|error| format!(" ({error})")).unwrap_or_default();
            format!("{name} failed{error} and is tried again {until}, {}", clean(&waiting.message))
        }
        "timer" => format!("{name} waits; {} ends {until}", clean(&waiting.message)),
        _ => format!("{name} waits: {}", clean(&waiting.message)),
    })
}

/// The message of a step's newest failure, also while it is tried again.
pub fn last_error(execution: &Execution, step: &StepResult) -> Option<String> {
    let of_history = || {
        let failures = execution.history.iter().rev().filter(|entry| entry.kind == "step_fail");
        failures.filter(|entry| entry.step_id.as_deref() == Some(&step.step_id)).find_map(|entry| entry.message.clone())
    };
    step.error.clone().or_else(of_history).map(|error| first_line(&error))
}

fn with_status<'a>(execution: &'a Execution, status: &'a str) -> impl Iterator<Item = &'a StepResult> {
    execution.step_results.0.iter().filter(move |step| step.status == status)
}
