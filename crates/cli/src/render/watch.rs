//! `workflow watch` on a terminal: the answer, the graph, how far it is and what happened last.

use super::execution::{status_look, status_word};
use super::{
    Clock, answer, bold, clean, cut_styled, dim, facts, history, one_line, progress, span, spinner, ticking, wrap_styled,
};
use crate::client::model::{Definition, Entry, Execution};
use crate::course::Course;
use crate::graph::{Size, draw, graph, legend};
use crate::render::Day;

/// What is seen of one execution.
#[derive(Debug)]
pub struct Watched {
    pub execution: Execution,
    pub definition: Option<Definition>,
    pub course: Course,
    /// The newest entries of its history.
    pub newest: Vec<Entry>,
    /// The connection is lost, or another thing that a person has to know.
    pub notice: Option<String>,
}

/// Entries that stay in sight.
pub const NEWEST_MAX: usize = 4;
const ANSWER_LINES_MAX: usize = 3;
const BAR_COLUMNS: usize = 24;

/// Lines of at most `width` columns, fewer than `height`: a view that scrolls cannot be drawn in place.
pub fn watch(watched: &Watched, clock: &Clock, width: usize, height: usize, tick: usize) -> Vec<String> {
    let Watched { execution, definition, course, newest, notice } = watched;
    let mut lines = vec![heading(execution, clock, tick)];
    let answer = answer(&facts(execution, definition.as_ref(), course), clock);
    let sentences = wrap_styled(&answer.line(), width.saturating_sub(3));
    lines.extend(sentences.into_iter().take(ANSWER_LINES_MAX).map(|line| format!("  {line}")));
    lines.push(String::new());
    let mut below = vec![String::new(), bar(execution, definition.as_ref())];
    if execution.has_ended() {
        below.truncate(2);
    }
    let mut day = Day::said();
    let shown = if height < 20 { 1 } else { NEWEST_MAX };
    let entries = &newest[newest.len().saturating_sub(shown)..];
    below.extend(history(entries, &mut day, clock, Some(width.saturating_sub(2))).lines().map(|line| format!("  {line}")));
    below.extend(notice.clone());
    if let Some(definition) = definition {
        let graph = graph(definition, Some(execution), course, clock);
        let room = height.saturating_sub(lines.len() + below.len() + 2).max(3);
        let size = Size { width: width.saturating_sub(3), height: Some(room), unfolded: false };
        lines.extend(draw(&graph, size).into_iter().map(|line| format!("  {line}")));
        let legend = legend(&graph);
        if !legend.is_empty() && lines.len() + below.len() + 1 < height {
            lines.push(format!("  {}", dim(&legend)));
        }
    }
    lines.append(&mut below);
    lines.truncate(height.saturating_sub(1).max(1));
    lines.into_iter().map(|line| cut_styled(&line, width)).collect()
}

fn heading(execution: &Execution, clock: &Clock, tick: usize) -> String {
    let status = status_word(execution);
    let glyph = if status == "running" { spinner(tick) } else { status_look(execution).painted_glyph() };
    let took = match execution.completed_at {
        Some(end) => span((end - execution.started_at).max(0).unsigned_abs()),
        None => ticking((clock.now - execution.started_at).max(0).unsigned_abs()),
    };
    let version = dim(&format!("v{}", execution.workflow_version));
    let name = bold(&one_line(&execution.workflow_id));
    format!("{glyph} {name} {version}  {}  {}", dim(&clean(&execution.id)), dim(&format!("{}, {took}", one_line(status))))
}

fn bar(execution: &Execution, definition: Option<&Definition>) -> String {
    let has_ended = |status: &str| !matches!(status, "running" | "waiting" | "pending");
    let done = execution.step_results.0.iter().filter(|step| has_ended(&step.status)).count();
    let all = definition.map_or(execution.step_results.0.len(), |definition| definition.steps.len());
    format!("  {} {}", progress(done, all, BAR_COLUMNS), dim(&format!("{done} of {all} steps")))
}
