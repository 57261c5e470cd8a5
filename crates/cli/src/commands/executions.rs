//! `workflow status`, `history` and `list`.

use serde_json::value::RawValue;

use super::Context;
use super::definitions::{array, read_all};
use crate::args::List;
use crate::client::model::{Definition, Entry, Execution, ExecutionsPage, HistoryPage};
use crate::error::Error;
use crate::output;
use crate::render::{self, Clock, Counts, Day, dim};

/// Executions a page: the server ends a page at 1,000, and rows appear sooner with fewer.
const LIST_PAGE_MAX: u32 = 200;
const HISTORY_PAGE_MAX: u32 = 500;

pub async fn status(context: &Context, id: &str) -> Result<(), Error> {
    let answer = context.client.get(&["executions", id]).send().await?;
    if context.json {
        return output::line(&answer.text);
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

/// The whole history, page by page; pages are printed as they come.
pub async fn history(context: &Context, id: &str) -> Result<(), Error> {
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
    if context.json { output::line(&array(all.iter().map(String::as_str))) } else { Ok(()) }
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
        return output::line(&array(texts()));
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
