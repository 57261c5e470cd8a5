//! Control calls for many executions: what would be done, how far it is, what came of it.

use anstyle::Style;

use super::look::{RED, YELLOW};
use super::{Clock, bold, clean, counted, cut_styled, dim, first_line, look, one_line, painted, progress, sentence, span};
use crate::client::model::{DryRun, Job, JobItem};

/// What is done, in the words of a sentence: `retried`.
pub fn done_word(action: &str) -> &'static str {
    match action {
        "retry" => "retried",
        "replay" => "replayed",
        "cancel" => "cancelled",
        "pause" => "paused",
        "resume" => "resumed",
        _ => "done",
    }
}

/// What it is done to.
fn what(action: &str, count: u64) -> String {
    let kind = match action {
        "retry" => "failed execution",
        "replay" => "execution that has ended",
        "resume" => "paused execution",
        _ => "execution that has not ended",
    };
    match (count, kind.split_once(' ')) {
        (1, _) => format!("1 {kind}"),
        (count, Some(("execution", "that has ended"))) => format!("{count} executions that have ended"),
        (count, Some(("execution", _))) => format!("{count} executions that have not ended"),
        (count, _) => format!("{count} {kind}s"),
    }
}

/// `341 failed executions of order-processing that started in the last 24 h`, and some of them.
pub fn preview(action: &str, filter: &str, found: &DryRun, clock: &Clock, width: Option<usize>) -> String {
    let DryRun { matched, sample } = found;
    let mut text = format!("{}{}\n", bold(&what(action, *matched)), clean(filter));
    for row in sample {
        let status = look(row.attention.as_deref().unwrap_or(&row.status)).painted_glyph();
        let why = row.error.as_deref().map(first_line).or_else(|| row.reasons.first().map(|reason| sentence(reason, clock)));
        let started = dim(&clock.relative(row.started_at));
        let line =
            format!("  {status} {}  {}  {started}  {}", clean(&row.id), one_line(&row.workflow_id), why.unwrap_or_default());
        text += &width.map_or(line.clone(), |width| cut_styled(&line, width));
        text.push('\n');
    }
    let more = matched.saturating_sub(sample.len() as u64);
    if more > 0 && !sample.is_empty() {
        text += &format!("  {}\n", dim(&format!("and {more} more")));
    }
    text
}

/// How far a job is.
#[derive(Debug)]
pub struct Bar {
    pub columns: usize,
}

impl Bar {
    pub fn line(&self, job: &Job) -> String {
        let made = usize::try_from(job.made()).unwrap_or(usize::MAX);
        let all = usize::try_from(job.matched).unwrap_or(usize::MAX);
        let rate = job.rate.filter(|rate| *rate >= 0.1);
        let left = rate.map(|rate| (job.matched.saturating_sub(job.made()) as f64 / rate * 1_000.0) as u64);
        let speed = match (rate, left) {
            (Some(rate), Some(left)) if !job.has_ended() => dim(&format!("  {rate:.0} a second, {} left", span(left.max(1_000)))),
            _ => String::new(),
        };
        let count = |count: u64, word: &str, style: Style| {
            if count > 0 { painted(style, &format!("  {count} {word}")) } else { String::new() }
        };
        let failed = count(job.failed, "failed", RED);
        let skipped = count(job.skipped, "not possible any more", YELLOW);
        let words = done_word(&job.action);
        format!("{} {made} of {all}  {} {words}{failed}{skipped}{speed}", progress(made, all, self.columns), job.done)
    }
}

/// What came of it, in a line.
pub fn finished(job: &Job) -> String {
    let word = done_word(&job.action);
    let left = job.matched.saturating_sub(job.made());
    let mut parts = vec![format!("{} {word}", job.done)];
    if job.failed > 0 {
        parts.push(painted(RED, &format!("{} failed", job.failed)));
    }
    if job.skipped > 0 {
        parts.push(format!("{} not: no longer in a state for it", job.skipped));
    }
    if left > 0 {
        parts.push(format!("{left} left as they were"));
    }
    let glyph = if job.failed > 0 {
        look("failed")
    } else if job.status == "stopped" {
        look("cancelled")
    } else {
        look("completed")
    };
    format!("{} {} {}", glyph.painted_glyph(), parts.join(", "), dim(&format!("({})", clean(&job.id))))
}

/// Those that were not done, each with its reason.
pub fn failures(items: &[JobItem], more: u64) -> String {
    let mut text = String::new();
    for item in items {
        let code = item.code.as_deref().map(|code| dim(&format!("[{}]", one_line(code)))).unwrap_or_default();
        let detail = item.detail.as_deref().map(first_line).unwrap_or_default();
        let glyph = if item.outcome == "failed" { look("failed") } else { look("skipped") };
        text += &format!("  {} {}  {detail} {code}\n", glyph.painted_glyph(), clean(&item.execution_id));
    }
    if more > 0 {
        text +=
            &format!("  {}\n", dim(&format!("and {} more", counted(usize::try_from(more).unwrap_or(usize::MAX), "execution"))));
    }
    text
}
