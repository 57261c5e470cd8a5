//! `workflow status`, `history` and `list`.

use serde_json::value::RawValue;

use super::Context;
use super::definitions::{array, read_all};
use crate::args::{History, List};
use crate::client::model::{Definition, Entry, Execution, ExecutionsPage, HistoryPage};
use crate::course::Course;
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::{self, Clock, Counts, Day, clean, dim};

/// Executions a page: the server ends a page at 1,000, and rows appear sooner with fewer.
const LIST_PAGE_MAX: u32 = 200;
const HISTORY_PAGE_MAX: u32 = 500;

pub async fn status(context: &Context, id: &str) -> Result<(), Error> {
    let request = context.client.get(&["executions", id]);
    // What it waits for is for people; JSON stays as it was.
    let answer = if context.json { request } else { request.query("include", "reasons") }.send().await?;
    if context.json {
        return output::json(&answer.text);
    }
    let execution: Execution = answer.read()?;
    let definition = definition_of(context, &execution).await;
    output::print(&render::execution(&execution, definition.as_ref(), &Clock::here(), output::width()))
}

/// The version that an execution runs; none when it cannot be had, which only makes the picture smaller.
pub async fn definition_of(context: &Context, execution: &Execution) -> Option<Definition> {
    let path = ["workflows", execution.workflow_id.as_str()];
    let request = context.client.get(&path).query("version", execution.workflow_version.to_string());
    request.send().await.ok()?.read().ok()
}

/// Drawn for people, every entry where something else reads it.
pub async fn history(context: &Context, history: &History) -> Result<(), Error> {
    let drawn = history.timeline || (output::is_terminal() && !history.list);
    if drawn && !context.json { timeline(context, &history.id).await } else { entries(context, &history.id).await }
}

/// A row a step, and where to find the rest.
async fn timeline(context: &Context, id: &str) -> Result<(), Error> {
    let request = context.client.get(&["executions", id]).query("include", "reasons").query("history", "0");
    let execution: Execution = request.send().await?.read()?;
    let definition = definition_of(context, &execution).await;
    let entries = history_after(context, id, 0).await?;
    let (course, clock) = (Course::of(&entries), Clock::here());
    let width = output::width().unwrap_or(100);
    let answer = render::answer(&render::facts(&execution, definition.as_ref(), &course), &clock);
    let mut text = render::heading(&execution, definition.as_ref());
    for line in render::wrap_styled(&answer.line(), width.saturating_sub(3)) {
        text += &format!("  {line}\n");
    }
    text +=
        &format!("  {}\n\n", dim(&format!("{}, {}", clock.exact(execution.started_at), clock.relative(execution.started_at))));
    for line in render::timeline(&course, &execution, definition.as_ref(), &clock, width.saturating_sub(2)) {
        text += format!("  {line}").trim_end();
        text.push('\n');
    }
    let command = program::command(format_args!("history --list {}", clean(id)));
    let hint = format!("all {} entries of its history: {command}", entries.len());
    output::print(&format!("{text}\n  {}\n", dim(&hint)))
}

/// The entries after one, without payloads.
pub async fn history_after(context: &Context, id: &str, after: u64) -> Result<Vec<Entry>, Error> {
    const PAGE_MAX: usize = 1_000;
    let (mut after, mut all) = (after, Vec::new());
    loop {
        let request = context.client.get(&["executions", id, "history"]).query("payloads", "none");
        let request = request.query("limit", PAGE_MAX.to_string()).query("after", after.to_string());
        let page: HistoryPage = request.send().await?.read()?;
        let entries = read_all::<Entry>(page.entries.iter().map(|entry| entry.get()))?;
        let last = entries.last().map(|entry| entry.seq);
        all.extend(entries);
        match last {
            // A server that answers the same place again would be asked for ever.
            Some(last) if page.next_cursor.is_some_and(|cursor| !cursor.is_null()) && last > after => after = last,
            _ => return Ok(all),
        }
    }
}

/// The whole history, page by page; pages are printed as they come.
async fn entries(context: &Context, id: &str) -> Result<(), Error> {
    let (mut cursor, mut day, mut all) = (None, Day::default(), Vec::<String>::new());
    loop {
        let request = context.client.get(&["executions", id, "history"]).query("limit", HISTORY_PAGE_MAX.to_string());
        let page: HistoryPage = request.query_maybe("after", cursor.as_ref()).send().await?.read()?;
        if context.json {
            all.extend(page.entries.iter().map(|entry| entry.get().to_owned()));
        } else {
            let entries = read_all::<Entry>(page.entries.iter().map(|entry| entry.get()))?;
            output::print(&render::history(&entries, &mut day, &Clock::here(), output::width()))?;
        }
        let next = page.next_cursor.and_then(|cursor| match cursor {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        // A server that answers the same place again would be asked for ever.
        if next.is_none() || next == cursor || page.entries.is_empty() {
            break;
        }
        cursor = next;
    }
    if context.json { output::json(&array(all.iter().map(String::as_str))) } else { Ok(()) }
}

pub async fn list(context: &Context, list: &List) -> Result<(), Error> {
    let clock = Clock::here();
    let mut left = if list.all { u32::MAX } else { list.limit };
    let (mut cursor, mut rows) = (None, Vec::<Box<RawValue>>::new());
    loop {
        let page = page(context, list, &clock, left.min(LIST_PAGE_MAX), cursor.as_deref()).await?;
        left = left.saturating_sub(u32::try_from(page.executions.len()).unwrap_or(u32::MAX));
        let is_empty = page.executions.is_empty();
        rows.extend(page.executions);
        let next = page.next_cursor.filter(|next| cursor.as_ref() != Some(next) && !is_empty);
        cursor = next;
        if cursor.is_none() || left == 0 {
            break;
        }
    }
    let texts = || rows.iter().map(|row| row.get());
    if context.json {
        return output::json(&array(texts()));
    }
    let executions = read_all::<Execution>(texts())?;
    let mut counts = Counts::default();
    executions.iter().for_each(|execution| counts.add(execution));
    if !executions.is_empty() {
        output::print(&render::list(&executions, &clock, output::width()))?;
        output::line("")?;
    }
    output::line(&dim(&counts.line(cursor.is_some())))
}

async fn page(context: &Context, list: &List, clock: &Clock, limit: u32, cursor: Option<&str>) -> Result<ExecutionsPage, Error> {
    let mut request = context.client.get(&["executions"]).query("limit", limit.to_string());
    for status in &list.status {
        request = request.query("status", status);
    }
    request
        .query_maybe("workflowId", list.workflow.as_deref())
        .query_maybe("startedAfter", list.since.map(|since| since.millis(clock).to_string()))
        .query_maybe("startedBefore", list.until.map(|until| until.millis(clock).to_string()))
        .query_maybe("cursor", cursor)
        .send()
        .await?
        .read()
}
