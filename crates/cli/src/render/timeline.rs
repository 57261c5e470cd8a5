//! `workflow history` on a terminal: a row a step, each attempt a bar; idle stretches are folded.

use anstyle::Style;

use super::look::{BLUE, CYAN, DIM, GREEN, MAGENTA, PLAIN, RED, YELLOW, look};
use super::scale::{Scale, Span, union};
use super::{Clock, columns, cut_columns, cut_styled, dim, one_line, painted, span, ticking};
use crate::client::model::{Definition, Execution, Reason};
use crate::course::{Attempt, Course, Outcome, StepCourse};

const NAME_COLUMNS_MAX: usize = 28;
/// Beside the bars: how long it took, how it ended.
const NOTE_COLUMNS: usize = 22;
const BARS_COLUMNS_MIN: usize = 20;
/// Between the labels of the axis.
const TICK_GAP: usize = 12;

/// Every step of the definition, those that did not run included; without one, those that did something.
pub fn timeline(
    course: &Course,
    execution: &Execution,
    definition: Option<&Definition>,
    clock: &Clock,
    width: usize,
) -> Vec<String> {
    let Some(from) = course.started else { return vec![dim("nothing has happened yet")] };
    let end = course.ended.as_ref().map(|end| end.at);
    let to = end.unwrap_or(clock.now).max(course.last_at);
    let ids = order(course, definition);
    let names = ids.iter().map(|id| columns(&one_line(id))).max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let label = names + 4;
    let bars = width.saturating_sub(label + NOTE_COLUMNS + 1).max(BARS_COLUMNS_MIN);
    let busy = course
        .steps
        .iter()
        .flat_map(|step| step.attempts.iter().map(|attempt| Span { from: attempt.from, to: attempt.to.unwrap_or(to) }));
    let busy = union(busy.chain([Span { from, to: from }, Span { from: to, to }]).collect());
    let scale = Scale::new(Span { from, to }, &busy, bars);
    let drawing = Drawing { course, execution, scale: &scale, from, to, has_ended: end.is_some(), bars, clock };
    let mut lines = vec![format!("{:label$}{}", "", drawing.axis())];
    lines.extend(drawing.events().into_iter().map(|(name, row)| format!("  {:names$}  {row}", name)));
    for id in &ids {
        let (glyph, row, note) = drawing.step(id);
        let name = cut_columns(&one_line(id), NAME_COLUMNS_MAX);
        let name = format!("{name}{}", " ".repeat(names.saturating_sub(columns(&name))));
        let name = if course.get(id).is_none() && execution.has_ended() { dim(&name) } else { name };
        lines.push(format!("{glyph} {name}  {row} {note}").trim_end().to_owned());
    }
    if scale.segments.iter().any(|segment| segment.is_fold) {
        lines.push(dim(&format!("{:label$}╱╱╱ nothing ran for this long", "")));
    }
    lines.into_iter().map(|line| cut_styled(&line, width + 1)).collect()
}

/// As they depend on each other would be another order; as defined is what people know.
fn order(course: &Course, definition: Option<&Definition>) -> Vec<String> {
    let mut ids: Vec<String> =
        definition.map(|definition| definition.steps.iter().map(|step| step.id.clone()).collect()).unwrap_or_default();
    for step in &course.steps {
        if !ids.contains(&step.id) {
            ids.push(step.id.clone());
        }
    }
    ids
}

struct Drawing<'a> {
    course: &'a Course,
    execution: &'a Execution,
    scale: &'a Scale,
    from: i64,
    to: i64,
    has_ended: bool,
    bars: usize,
    clock: &'a Clock,
}

/// Characters of one row, each with its style.
struct Row(Vec<(char, Style)>);

impl Row {
    fn new(width: usize) -> Row {
        Row(vec![(' ', PLAIN); width])
    }

    fn put(&mut self, at: usize, c: char, style: Style) {
        if let Some(cell) = self.0.get_mut(at) {
            *cell = (c, style);
        }
    }

    fn fill(&mut self, cells: std::ops::Range<usize>, c: char, style: Style) {
        cells.for_each(|at| self.put(at, c, style));
    }

    fn text(&mut self, at: usize, text: &str, style: Style) {
        text.chars().enumerate().for_each(|(index, c)| self.put(at + index, c, style));
    }

    fn painted(&self) -> String {
        let (mut out, mut run, mut style) = (String::new(), String::new(), PLAIN);
        for &(c, next) in &self.0 {
            if next != style {
                out += &painted(style, &run);
                run.clear();
                style = next;
            }
            run.push(c);
        }
        out + &painted(style, &run)
    }
}

impl Drawing<'_> {
    /// The cells of a span: at least one.
    fn cells(&self, from: i64, to: i64) -> std::ops::Range<usize> {
        let last = self.bars.saturating_sub(1);
        // Columns are few and not negative.
        let start = (self.scale.x(from).floor() as usize).min(last);
        let end = (self.scale.x(to).ceil() as usize).clamp(start + 1, self.bars);
        start..end
    }

    fn axis(&self) -> String {
        let mut row = Row::new(self.bars + NOTE_COLUMNS);
        let mut free = 0;
        let folds: Vec<_> = self.scale.segments.iter().filter(|segment| segment.is_fold).collect();
        for fold in &folds {
            let text = span((fold.span.to - fold.span.from).unsigned_abs());
            let at = (fold.x0.floor() as usize).max(free);
            row.text(at, &format!("╱{text}╱"), CYAN);
            free = at + text.chars().count() + 3;
        }
        let is_free = |row: &Row, at: usize, length: usize| {
            row.0.iter().skip(at.saturating_sub(1)).take(length + 2).all(|cell| cell.0 == ' ')
                && at + length <= self.bars + NOTE_COLUMNS
        };
        for tick in self.scale.ticks(self.from, TICK_GAP) {
            let offset = (tick - self.from).unsigned_abs();
            let text = if offset == 0 { "0".to_owned() } else { format!("+{}", span(offset)) };
            let at = self.scale.x(tick).floor() as usize;
            if is_free(&row, at, text.chars().count()) {
                row.text(at, &text, DIM);
            }
        }
        row.painted().trim_end().to_owned()
    }

    /// Rows of the whole execution: pauses, retries by hand.
    fn events(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if !self.course.pauses.is_empty() {
            let mut row = Row::new(self.bars);
            for pause in &self.course.pauses {
                row.fill(self.cells(pause.from, pause.to.unwrap_or(self.to)), '‖', MAGENTA);
            }
            rows.push(("paused", row.painted()));
        }
        if !self.course.retries.is_empty() {
            let mut row = Row::new(self.bars);
            self.course.retries.iter().for_each(|&at| row.put(self.cells(at, at).start, '↻', PLAIN));
            rows.push(("retried", row.painted()));
        }
        rows
    }

    /// Its mark, its bars and what is said beside them.
    fn step(&self, id: &str) -> (String, String, String) {
        let mut row = Row::new(self.bars);
        let Some(step) = self.course.get(id) else {
            let waits =
                |reason: &&Reason| reason.step_id.as_deref() == Some(id) && matches!(reason.kind.as_str(), "worker" | "limit");
            let (word, note) = match self.execution.reasons.iter().find(waits) {
                Some(reason) if reason.kind == "worker" => ("noWorker", painted(YELLOW, "no worker")),
                Some(_) => ("waiting", "all workers busy".to_owned()),
                None => ("", dim(if self.has_ended { "did not run" } else { "not yet" })),
            };
            return (look(word).painted_glyph(), row.painted(), note);
        };
        for wait in &step.waits {
            let cells = self.cells(wait.from, wait.to.unwrap_or(self.to));
            row.fill(cells.clone(), '═', CYAN);
            row.put(cells.start, '╞', CYAN);
            if wait.to.is_some() {
                row.put(cells.end - 1, '╡', CYAN);
            }
        }
        for (index, attempt) in step.attempts.iter().enumerate() {
            let next = step.attempts.get(index + 1).map(|next| next.from);
            self.attempt(&mut row, attempt, next);
        }
        if let Some(skip) = &step.skipped {
            row.put(self.cells(skip.at, skip.at).start, '–', DIM);
        }
        let (word, note) = self.note(step);
        (look(word).painted_glyph(), row.painted(), note)
    }

    fn attempt(&self, row: &mut Row, attempt: &Attempt, next: Option<i64>) {
        let cells = self.cells(attempt.from, attempt.to.unwrap_or(self.to));
        let (c, style, mark) = match attempt.outcome {
            Outcome::Running => ('█', BLUE, None),
            Outcome::Completed => ('█', GREEN, None),
            Outcome::Failed if attempt.retry_at.is_some() => ('▒', YELLOW, Some('✕')),
            Outcome::Failed => ('▒', RED, Some('✕')),
            Outcome::Interrupted => ('░', YELLOW, Some('!')),
            Outcome::Cancelled => ('░', MAGENTA, Some('⊘')),
        };
        if let (Some(to), Some(due)) = (attempt.to, next.or(attempt.retry_at)) {
            row.fill(self.cells(to, due.min(self.to)), '╌', DIM);
        }
        row.fill(cells.clone(), c, style);
        if let Some(mark) = mark {
            row.put(cells.end - 1, mark, style);
        }
    }

    /// The word whose look it has, and how it went.
    fn note(&self, step: &StepCourse) -> (&'static str, String) {
        let ran: i64 = step.attempts.iter().map(|attempt| attempt.to.unwrap_or(self.to) - attempt.from).sum();
        let ran = ran.max(0).unsigned_abs();
        let tried = step.attempts.len();
        let after = if tried > 1 { format!("{tried} attempts, ") } else { String::new() };
        let is_waiting = step.waits.last().is_some_and(|wait| wait.to.is_none());
        match step.attempts.last() {
            _ if is_waiting && !self.has_ended => {
                let left = step.waits.last().and_then(|wait| wait.until).map(|until| self.clock.left(until)).unwrap_or_default();
                ("waiting", left)
            }
            None => match &step.skipped {
                Some(_) => ("skipped", dim("skipped")),
                None if self.has_ended => ("cancelled", dim("did not run")),
                None => ("waiting", dim("ready")),
            },
            Some(last) => match last.outcome {
                Outcome::Running => ("running", painted(BLUE, &format!("{after}{}", ticking(ran)))),
                Outcome::Completed => ("completed", format!("{after}{}", span(ran))),
                Outcome::Failed if last.retry_at.is_some() && !self.has_ended => {
                    let left = last.retry_at.map(|at| self.clock.left(at)).unwrap_or_default();
                    ("retrying", painted(YELLOW, &format!("{after}again {left}")))
                }
                Outcome::Failed => ("failed", painted(RED, &format!("{after}{}", span(ran)))),
                Outcome::Interrupted => ("running", painted(YELLOW, &format!("{after}worker lost"))),
                Outcome::Cancelled => ("cancelled", dim(&format!("{after}cancelled"))),
            },
        }
    }
}
