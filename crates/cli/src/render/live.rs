//! `start --wait`: an execution while it runs.

use crate::client::model::{Definition, Execution};

use super::execution::{note, status_look, status_word, step_word};
use super::look::{DIM, look};
use super::{Clock, bold, clean, cut_styled, dim, one_line, painted, span};

/// Fewer lines than a small terminal has: a view that scrolls cannot be drawn in place.
const STEPS_MAX: usize = 18;

/// The whole view, one line a step; every line is cut to `width`. `tick` turns the mark of what runs.
pub fn live(execution: &Execution, definition: Option<&Definition>, clock: &Clock, width: usize, tick: usize) -> Vec<String> {
    let took = span((execution.completed_at.unwrap_or(clock.now) - execution.started_at).max(0).unsigned_abs());
    let status = status_word(execution);
    let glyph = if status == "running" { spinner(tick) } else { status_look(execution).painted_glyph() };
    let head = format!(
        "{glyph} {} {}",
        bold(&clean(&execution.workflow_id)),
        dim(&format!("{}  {status}, {took}", clean(&execution.id)))
    );
    let mut lines = vec![head];
    let names: Vec<&str> = match definition {
        Some(definition) => definition.steps.iter().map(|step| step.id.as_str()).collect(),
        None => execution.step_results.0.iter().map(|step| step.step_id.as_str()).collect(),
    };
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(32);
    let (shown, hidden) = window(execution, &names);
    lines.extend(shown.iter().map(|name| step(execution, name, name_width, clock, tick)));
    if hidden > 0 {
        lines.push(dim(&format!("    and {hidden} more")));
    }
    lines.into_iter().map(|line| cut_styled(&line, width)).collect()
}

/// The steps around the first that has not ended.
fn window<'a, 'n>(execution: &Execution, names: &'n [&'a str]) -> (&'n [&'a str], usize) {
    let has_ended = |name: &&str| {
        let result = execution.step_results.0.iter().find(|step| step.step_id == *name);
        result.is_some_and(|step| !matches!(step.status.as_str(), "running" | "waiting"))
    };
    let active = names.iter().position(|name| !has_ended(name)).unwrap_or(names.len());
    let start = active.saturating_sub(STEPS_MAX / 2).min(names.len().saturating_sub(STEPS_MAX));
    let end = (start + STEPS_MAX).min(names.len());
    (&names[start..end], names.len() - (end - start))
}

fn step(execution: &Execution, name: &str, name_width: usize, clock: &Clock, tick: usize) -> String {
    let padded = format!("{:<name_width$}", one_line(name));
    let Some(result) = execution.step_results.0.iter().find(|step| step.step_id == name) else {
        return format!("  {} {}", painted(DIM, "·"), dim(&padded));
    };
    let word = &one_line(step_word(result));
    let glyph = if word == "running" { spinner(tick) } else { look(word).painted_glyph() };
    let took = match (result.duration, result.started_at) {
        (Some(ms), _) if word == "completed" || word == "failed" => span(ms),
        (_, Some(at)) if word == "running" => span((clock.now - at).max(0).unsigned_abs()),
        _ => word.clone(),
    };
    let note = note(execution, result, clock);
    format!("  {glyph} {padded}  {}  {note}", dim(&format!("{took:>9}")))
}

pub fn spinner(tick: usize) -> String {
    const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
    painted(look("running").style, FRAMES[tick % FRAMES.len()])
}

/// What has changed since the last look, a line a step, for a log.
pub fn lines_of_change(before: Option<&Execution>, now: &Execution, clock: &Clock) -> Vec<String> {
    let before_of = |id: &str| before.and_then(|before| before.step_results.0.iter().find(|step| step.step_id == id));
    let mut lines = Vec::new();
    for step in &now.step_results.0 {
        let word = &one_line(step_word(step));
        let is_news = before_of(&step.step_id).is_none_or(|old| step_word(old) != step_word(step) || old.retries != step.retries);
        if !is_news {
            continue;
        }
        let took =
            step.duration.filter(|_| matches!(word.as_str(), "completed" | "failed")).map(|ms| format!(" in {}", span(ms)));
        let note = match note(now, step, clock) {
            note if note.is_empty() => note,
            note => format!(": {note}"),
        };
        lines.push(format!(
            "{}{}{note}",
            look(word).with(&format!("{} {word}", one_line(&step.step_id))),
            took.unwrap_or_default()
        ));
    }
    lines
}

/// A bar of so many columns.
pub fn progress(done: usize, all: usize, columns: usize) -> String {
    let filled = (done.min(all) * columns).checked_div(all).unwrap_or(columns);
    format!("▕{}{}▏", painted(look("completed").style, &"█".repeat(filled)), dim(&"░".repeat(columns - filled)))
}
