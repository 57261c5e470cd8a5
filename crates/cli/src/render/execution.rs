//! `workflow status`: the answer, the steps, and the command that helps.

use crate::client::model::{Definition, DefinitionStep, Execution, StepResult};
use crate::course::Course;
use crate::program;

use super::answer::answer;
use super::look::{CYAN, DIM, Look, RED, YELLOW};
use super::table::{Overflow, table};
use super::{Clock, bold, clean, cut, dim, first_line, look, one_line, painted, pretty, span};

/// Columns before the value of a fact.
const FACT_INDENT: usize = 14;

/// One execution with its steps. Without the definition (it was deleted) the steps that were never considered are not shown.
pub fn execution(execution: &Execution, definition: Option<&Definition>, clock: &Clock, width: Option<usize>) -> String {
    let mut text = heading(execution, definition);
    let course = Course::of(&execution.history);
    let answer = answer(&super::facts(execution, definition, &course), clock);
    text += &format!("  {}\n\n", answer.line());
    text += &details(execution, clock, width);
    let rows = rows(execution, definition, clock);
    if !rows.is_empty() {
        text.push('\n');
        let steps = table(
            &["STEP", "STATUS", "ATTEMPTS", "TOOK", ""],
            rows,
            &[2, 3],
            Overflow::Wrap,
            width.map(|width| width - width.min(2)),
        );
        for line in steps.lines() {
            text += format!("  {line}").trim_end();
            text.push('\n');
        }
    }
    if let Some(output) = execution.output.as_deref().filter(|_| execution.status == "completed") {
        text += &format!("\n  {}\n", dim("output"));
        for line in clean(&pretty(output.get(), width.unwrap_or(100).saturating_sub(2))).lines() {
            text += &format!("  {line}\n");
        }
    }
    text + &outcome_hint(execution)
}

/// What it is, and how it stands.
pub fn heading(execution: &Execution, definition: Option<&Definition>) -> String {
    let name = definition.and_then(|definition| definition.name.as_deref()).map(|name| format!("  {}", dim(&clean(name))));
    let status = status_look(execution).with(&bold(&one_line(status_word(execution))));
    format!(
        "{status}  {} {}{}\n",
        bold(&one_line(&execution.workflow_id)),
        dim(&format!("v{}", execution.workflow_version)),
        name.unwrap_or_default()
    )
}

/// `retrying` for one that waits only because of failures.
pub fn status_word(execution: &Execution) -> &str {
    let retries = |step: &StepResult| step.waiting_for.as_ref().is_some_and(|waiting| waiting.kind == "retry");
    match execution.status.as_str() {
        "waiting" if execution.step_results.0.iter().any(retries) => "retrying",
        status => status,
    }
}

pub fn status_look(execution: &Execution) -> Look {
    look(status_word(execution))
}

fn details(execution: &Execution, clock: &Clock, width: Option<usize>) -> String {
    let mut facts = vec![("execution", one_line(&execution.id))];
    let started = clock.exact(execution.started_at);
    facts.push(("started", format!("{started} {}", dim(&format!("({})", clock.relative(execution.started_at))))));
    if let Some(end) = execution.completed_at {
        let took = span(end.saturating_sub(execution.started_at).max(0).unsigned_abs());
        facts.push(("ended", format!("{} {}", clock.exact(end), dim(&format!("(after {took})")))));
    }
    if let Some(by) = execution.triggered_by.as_ref().filter(|by| by.kind != "manual") {
        let source = by.source.as_deref().map(|source| format!(" {}", one_line(source))).unwrap_or_default();
        facts.push(("started by", format!("{}{source}", one_line(&by.kind))));
    }
    if let Some(of) = &execution.replay_of {
        facts.push(("replay of", one_line(of)));
    }
    if let Some(code) = &execution.error_code {
        facts.push(("error code", one_line(code)));
    }
    if let Some(input) = execution.input.as_deref().filter(|input| input.get() != "{}") {
        let left = width.map_or(usize::MAX, |width| width.saturating_sub(FACT_INDENT));
        facts.push(("input", cut(&clean(&input.get().replace('\n', " ")), left)));
    }
    facts.iter().map(|(name, value)| format!("  {} {value}\n", dim(&format!("{name:<11}")))).collect()
}

fn rows(execution: &Execution, definition: Option<&Definition>, clock: &Clock) -> Vec<Vec<String>> {
    let result = |id: &str| execution.step_results.0.iter().find(|step| step.step_id == id);
    match definition {
        None => execution.step_results.0.iter().map(|step| row(execution, step, None, clock)).collect(),
        Some(definition) => {
            let row = |step: &DefinitionStep| match result(&step.id) {
                Some(result) => row(execution, result, Some(step), clock),
                None => not_considered(execution, step),
            };
            definition.steps.iter().map(row).collect()
        }
    }
}

fn row(execution: &Execution, step: &StepResult, definition: Option<&DefinitionStep>, clock: &Clock) -> Vec<String> {
    let word = &one_line(step_word(step));
    let attempts = match (attempts(execution, step), definition.map(DefinitionStep::attempts_max)) {
        (0, _) => String::new(),
        (attempts, Some(max)) if max > 1 && attempts <= max => format!("{attempts} of {max}"),
        (attempts, _) => attempts.to_string(),
    };
    let took = match (step.duration, step.started_at) {
        (Some(ms), _) if step.status != "skipped" => span(ms),
        (None, Some(at)) if step.status == "running" => span((clock.now - at).max(0).unsigned_abs()),
        _ => String::new(),
    };
    let mut cells = vec![look(word).with(&one_line(&step.step_id)), word.clone(), attempts, took, note(execution, step, clock)];
    if matches!(step.status.as_str(), "skipped") {
        cells[1] = dim(&cells[1]);
    }
    cells
}

pub fn step_word(step: &StepResult) -> &str {
    match &step.waiting_for {
        Some(waiting) if waiting.kind == "retry" => "retrying",
        _ => &step.status,
    }
}

/// Why it is as it is.
pub fn note(execution: &Execution, step: &StepResult, clock: &Clock) -> String {
    let until = |at: Option<i64>| at.map(|at| clock.until(at)).unwrap_or_default();
    match (&step.waiting_for, step.status.as_str()) {
        (Some(waiting), _) if waiting.kind == "retry" => {
            let error = last_error(execution, step).map(|error| format!(": {}", painted(YELLOW, &error))).unwrap_or_default();
            format!("{} {}{error}", clean(&waiting.message), until(waiting.until))
        }
        (Some(waiting), _) if waiting.kind == "timer" => format!("{} ends {}", clean(&waiting.message), until(waiting.until)),
        (Some(waiting), _) => clean(&waiting.message),
        (None, "failed") => painted(RED, &step.error.as_deref().map(first_line).unwrap_or_default()),
        (None, "skipped" | "cancelled") => dim(&reason(execution, step)),
        (None, _) => String::new(),
    }
}

fn reason(execution: &Execution, step: &StepResult) -> String {
    let entries = execution.history.iter().rev().filter(|entry| entry.step_id.as_deref() == Some(&step.step_id));
    let mut entries = entries.filter(|entry| matches!(entry.kind.as_str(), "step_skip" | "step_cancel"));
    let Some(entry) = entries.next() else { return String::new() };
    match (&entry.data.receipt, &entry.message) {
        (Some(receipt), _) => format!("{} was false", clean(&receipt.expression)),
        (None, Some(message)) => clean(message),
        (None, None) => String::new(),
    }
}

fn not_considered(execution: &Execution, step: &DefinitionStep) -> Vec<String> {
    let why = match step.depends_on.as_slice() {
        _ if execution.has_ended() => "did not run".to_owned(),
        [] => String::new(),
        dependencies => format!("after {}", one_line(&dependencies.join(", "))),
    };
    let name = format!("{} {}", painted(DIM, "·"), dim(&one_line(&step.id)));
    vec![name, String::new(), String::new(), String::new(), dim(&why)]
}

/// How many attempts have begun, as the history numbers them.
fn attempts(execution: &Execution, step: &StepResult) -> u64 {
    let numbered = execution.history.iter().filter(|entry| entry.step_id.as_deref() == Some(&step.step_id));
    let newest = numbered.filter_map(|entry| entry.attempt).max().unwrap_or(0);
    let counted = if step.started_at.is_some() { step.retries + 1 } else { 0 };
    // Only a part of a long history comes with an execution.
    newest.max(if execution.history.is_empty() || execution.history_truncated { counted } else { 0 })
}

/// The message of a step's newest failure, also while it is tried again.
fn last_error(execution: &Execution, step: &StepResult) -> Option<String> {
    let of_history = || {
        let failures = execution.history.iter().rev().filter(|entry| entry.kind == "step_fail");
        failures.filter(|entry| entry.step_id.as_deref() == Some(&step.step_id)).find_map(|entry| entry.message.clone())
    };
    step.error.clone().or_else(of_history).map(|error| first_line(&error))
}

/// The commands that help now.
pub fn outcome_hint(execution: &Execution) -> String {
    let helps: &[(&str, &str)] = match execution.status.as_str() {
        "failed" => &[("retry", "go on from the step that failed"), ("history", "see every attempt")],
        "paused" => &[("resume", "go on")],
        _ => return String::new(),
    };
    let id = clean(&execution.id);
    let width = helps.iter().map(|(command, _)| command.len()).max().unwrap_or(0) + id.len() + program::name().len() + 2;
    let line = |(command, what): &(&str, &str)| {
        let command = format!("{:<width$}", program::command(format_args!("{command} {id}")));
        format!("  {}  {}\n", painted(CYAN, &command), dim(what))
    };
    format!("\n{}", helps.iter().map(line).collect::<String>())
}
