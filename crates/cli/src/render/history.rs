//! `workflow history`: one line an entry.

use crate::client::model::{Entry, EntryData};

use super::look::{Look, PLAIN, YELLOW, look};
use super::{Clock, clean, code, cut, dim, first_line, one_line, painted};

/// What was said about the day before; entries of one day share a heading.
#[derive(Debug, Default)]
pub struct Day {
    said: Option<String>,
    is_told: bool,
}

impl Day {
    /// For entries whose day needs no heading.
    pub fn said() -> Day {
        Day { said: None, is_told: true }
    }
}

/// Lines for some more entries of a history; `day` goes from one page to the next.
pub fn history(entries: &[Entry], day: &mut Day, clock: &Clock, width: Option<usize>) -> String {
    let mut text = String::new();
    for entry in entries {
        let today = clock.day(entry.timestamp);
        if !day.is_told && day.said.as_ref() != Some(&today) {
            let gap = if day.said.is_some() { "\n" } else { "" };
            text += &format!("{gap}{}\n", dim(&today));
            day.said = Some(today);
        }
        text += &line(entry, clock, width);
        text.push('\n');
    }
    text
}

fn line(entry: &Entry, clock: &Clock, width: Option<usize>) -> String {
    let (look, what) = sentence(entry, clock);
    let step = entry.step_id.as_deref().map(|step| format!("{} ", code(&one_line(step)))).unwrap_or_default();
    let head =
        format!("{} {}  {} ", dim(&format!("{:>5}", entry.seq)), dim(&clock.time_of_day(entry.timestamp)), look.painted_glyph());
    let by = entry.by.as_deref().map(|by| format!(" {}", dim(&format!("by {}", clean(by))))).unwrap_or_default();
    let mut line = format!("{head}{step}{what}{by}");
    if let Some(value) = value(&entry.data) {
        let used = anstream::adapter::strip_str(&line).to_string().chars().count();
        let left = width.map_or(usize::MAX, |width| width.saturating_sub(used + 2));
        if left > 8 {
            line += &format!("  {}", dim(&cut(&clean(&value), left)));
        }
    }
    line
}

/// The JSON that belongs to an entry, on one line.
fn value(data: &EntryData) -> Option<String> {
    let json = data.output.as_deref().or(data.input.as_deref()).map(|json| json.get().replace('\n', " "));
    json.or_else(|| data.output_bytes.map(|bytes| format!("({bytes} bytes)")))
}

/// What happened. The step's name stands before it.
fn sentence(entry: &Entry, clock: &Clock) -> (Look, String) {
    let data = &entry.data;
    let number =
        |what: &str| entry.attempt.filter(|attempt| *attempt > 1).map_or(what.to_owned(), |n| format!("{what} (attempt {n})"));
    let mark = |glyph, style| Look { glyph, style };
    match entry.kind.as_str() {
        "start" => (mark("▷", PLAIN), start(data)),
        "step_ready" => (mark("○", PLAIN), ready(data)),
        "step_start" => (look("running"), number("starts")),
        "step_complete" => (look("completed"), number("completed")),
        "step_fail" => failed(entry, clock),
        "step_skip" => (look("skipped"), format!("skipped: {}", skip_reason(entry))),
        "step_cancel" => (look("cancelled"), "cancelled".to_owned()),
        "step_interrupted" => {
            let message = entry.message.as_deref().map_or("it runs again".to_owned(), clean);
            (mark("⚡", YELLOW), format!("{}: {message}", number("interrupted")))
        }
        "wait" => {
            let until = data.until.map(|at| format!(" until {}", clock.exact(at))).unwrap_or_default();
            (look("waiting"), format!("waits{until}{}", receipt(data)))
        }
        "pause" => (look("paused"), "paused".to_owned()),
        "resume" => (mark("▷", PLAIN), "resumed".to_owned()),
        "retry" => {
            let steps = data.reset.as_deref().unwrap_or_default().join(", ");
            (mark("↻", PLAIN), format!("retried from {}", clean(&steps)))
        }
        "complete" => (look("completed"), "execution completed".to_owned()),
        "fail" => (look("failed"), format!("execution failed: {}", message(entry))),
        "cancel" => (look("cancelled"), "execution cancelled".to_owned()),
        other => (mark("·", PLAIN), format!("{} {}", clean(other), message(entry)).trim_end().to_owned()),
    }
}

fn start(data: &EntryData) -> String {
    let version = data.workflow_version.map(|version| format!(" v{version}")).unwrap_or_default();
    let by = match &data.triggered_by {
        Some(by) if by.kind == "manual" => String::new(),
        Some(by) => format!(", by {} {}", clean(&by.kind), clean(by.source.as_deref().unwrap_or(""))),
        None => String::new(),
    };
    format!("execution starts{version}{}", by.trim_end())
}

fn ready(data: &EntryData) -> String {
    match data.cause.as_deref() {
        Some("timer") => "ready: its wait is over".to_owned(),
        Some("retry") => "ready for its next attempt".to_owned(),
        Some("runNow") => "ready: someone asked to run it now".to_owned(),
        Some("condition") => format!("ready{}", receipt(data)),
        _ => "ready".to_owned(),
    }
}

/// The condition that decided, with the values it read.
fn receipt(data: &EntryData) -> String {
    let Some(receipt) = &data.receipt else { return String::new() };
    let value = |(name, value): (&String, &Option<Box<serde_json::value::RawValue>>)| {
        format!("{} = {}", clean(name), value.as_deref().map_or("undefined".to_owned(), |value| clean(value.get())))
    };
    let values: Vec<String> = receipt.values.iter().map(value).collect();
    let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    format!(": {}{values}", clean(&receipt.expression))
}

fn skip_reason(entry: &Entry) -> String {
    match &entry.data.receipt {
        Some(_) => format!("its condition was false{}", receipt(&entry.data)),
        None => message(entry),
    }
}

fn failed(entry: &Entry, clock: &Clock) -> (Look, String) {
    let data = &entry.data;
    let error = message(entry);
    let what = match entry.attempt {
        Some(attempt) => format!("attempt {attempt} failed: {error}"),
        None => format!("failed without an attempt: {error}"),
    };
    if let Some(at) = data.retry_at {
        let delay = super::span(at.saturating_sub(entry.timestamp).max(0).unsigned_abs());
        let again = dim(&format!("again in {delay}, {}", clock.time_of_day(at)));
        return (look("retrying"), format!("{}  {again}", painted(YELLOW, &what)));
    }
    let then = match (data.then.as_deref(), data.handler.as_deref()) {
        (Some("continue"), _) => "; the workflow goes on",
        (Some("branch"), _) => "; its error branch is taken",
        (Some("startHandler"), Some(handler)) => {
            return (look("failed"), format!("{what}; {} is started", code(&clean(handler))));
        }
        _ => "",
    };
    (look("failed"), format!("{}{then}", painted(look("failed").style, &what)))
}

fn message(entry: &Entry) -> String {
    let error = entry.data.error.as_ref();
    let message = error.map(|error| error.message.as_str()).or(entry.message.as_deref()).unwrap_or("");
    match error.and_then(|error| error.code.as_deref()) {
        Some(code) => format!("{} {}", first_line(message), dim(&format!("[{}]", clean(code)))),
        None => first_line(message),
    }
}
