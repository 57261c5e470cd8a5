//! Views made from what is stored. The store holds what is durable and nothing else, so a reader needs no word with the ring.

pub mod inspect;
pub mod summaries;

use workflow_core::apply::fold;
use workflow_core::definition::{Definition, Step};
use workflow_core::event::{Event, Payload, Recorded};
use workflow_core::execution::Execution;
use workflow_core::id::{ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::refusal::Refusal;
use workflow_core::status::Status;
use workflow_core::view::{self, ExecutionView, history_entry};
use workflow_store::{Fault, FaultKind, Filter, Store, Stored, Texts};

use crate::Error;
use crate::engine::Shared;
use crate::feed::{Finished, Seen};
use crate::request::{HistoryPage, Include, ListRequest, Listed, Page};
use crate::ring::catalog::Catalog;
use crate::ring::message::Snapshot;

/// Entries of a history that an execution is shown with.
pub const EMBEDDED_HISTORY_MAX: usize = 1_000;
const LIST_LIMIT: usize = 50;
const LIST_LIMIT_MAX: usize = 1_000;
/// A page of a list ends when it holds more than this.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// An execution as it is stored; none when there is none of that id.
pub fn execution(
    store: &dyn Store,
    shared: &Shared,
    id: ExecutionId,
    history_max: usize,
) -> Result<Option<ExecutionView>, Error> {
    let stored = store.load(&[id]).map_err(unread)?.pop().flatten();
    let Some(stored) = stored else { return Ok(None) };
    unless_deleted(store, id, view_stored(store, shared, stored, history_max)).map(|view| view.map(|(view, _)| view))
}

/// The workflow of an execution and the input that it was started with, as it was given: nothing of it is masked.
pub fn start_of(store: &dyn Store, id: ExecutionId) -> Result<Option<(WorkflowId, Json)>, Error> {
    let Some(stored) = store.load(&[id]).map_err(unread)?.pop().flatten() else { return Ok(None) };
    unless_deleted(store, id, input_of(store, &stored)).map(|input| input.map(|input| (stored.head.workflow, input)))
}

fn input_of(store: &dyn Store, stored: &Stored) -> Result<Json, Error> {
    let corrupt = || Error::Corrupt(format!("the history of {} does not begin with a start", stored.head.id));
    let first = stored.events.first().ok_or_else(corrupt)?;
    let Event::Started(started) = &first.event else { return Err(corrupt()) };
    if let Some(input) = started.input.resident() {
        return Ok(input.clone());
    }
    let texts = store.payloads(&[(stored.head.id, first.seq)]).map_err(unread)?;
    texts.into_iter().next().ok_or_else(corrupt)
}

/// What was read of an execution in several steps makes no sense when it was deleted meanwhile; then there is none.
fn unless_deleted<T>(store: &dyn Store, id: ExecutionId, read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Err(Error::Corrupt(why)) => match status(store, id) {
            Err(Error::Refused(Refusal::ExecutionNotFound { .. })) => Ok(None),
            _ => Err(Error::Corrupt(why)),
        },
        other => other.map(Some),
    }
}

/// The status of an execution, from its head row.
pub fn status(store: &dyn Store, id: ExecutionId) -> Result<Status, Error> {
    // The newest one that is older than the next id: one look into an index.
    let next = ExecutionId::from_bytes(id.to_u128().saturating_add(1).to_be_bytes());
    let filter = Filter { before: Some(next), limit: 1, ..Filter::default() };
    let head = store.executions(&filter).map_err(unread)?.heads.pop().filter(|head| head.id == id);
    let not_found = || Refusal::ExecutionNotFound { execution: id.to_string() };
    Ok(head.ok_or_else(not_found)?.status)
}

/// How far the history of an execution goes, and whether it has ended; none when it is not there.
pub fn newest(store: &dyn Store, id: ExecutionId) -> Result<Option<Seen>, Error> {
    let Some(history) = store.history(id, u64::MAX >> 1, 1, Texts::Left).map_err(unread)? else { return Ok(None) };
    let status = match status(store, id) {
        Err(Error::Refused(Refusal::ExecutionNotFound { .. })) => return Ok(None),
        status => status?,
    };
    Ok(Some(Seen { seq: history.last, ended: Some(status).filter(|status| status.has_ended()) }))
}

/// The view, and about how many bytes it takes.
fn view_stored(store: &dyn Store, shared: &Shared, stored: Stored, history_max: usize) -> Result<(ExecutionView, usize), Error> {
    let id = stored.head.id;
    let registration = shared.registration(store, stored.head.workflow.as_str(), stored.head.version)?;
    let definition = &registration.definition;
    let events = stored.events;
    let newest = events.len().saturating_sub(history_max);
    let tail: Vec<Recorded> = events[newest..].to_vec();
    let mut execution = fold(id, definition.steps.len(), events).map_err(|corrupt| Error::Corrupt(corrupt.to_string()))?;
    fetch_all(store, &mut execution)?;
    let view = with_history(shared, definition, &execution, &tail, newest > 0);
    let bytes = 2 * execution.bytes + 200 * tail.len() + 500;
    Ok((view, bytes))
}

/// The view of an execution that has just begun.
pub fn snapshot(shared: &Shared, snapshot: &Snapshot) -> ExecutionView {
    with_history(shared, &snapshot.registration.definition, &snapshot.execution, &snapshot.events, false)
}

/// The view of one that has ended, without its history.
pub fn finished(shared: &Shared, finished: &Finished) -> ExecutionView {
    with_history(shared, &finished.registration.definition, &finished.execution, &[], true)
}

fn with_history(
    shared: &Shared,
    definition: &Definition,
    execution: &Execution,
    tail: &[Recorded],
    truncated: bool,
) -> ExecutionView {
    let no_worker = |step: &Step| shared.why_no_slot(&step.action);
    let mut view = view::execution(definition, execution, &no_worker);
    view.history = tail.iter().map(|recorded| history_entry(definition, recorded)).collect();
    view.history_truncated = truncated;
    view
}

/// Fetches the texts of all payloads that were left in the store.
fn fetch_all(store: &dyn Store, execution: &mut Execution) -> Result<(), Error> {
    use workflow_core::execution::StepState;
    let is_absent = |payload: &Payload| payload.resident().is_none();
    let mut wanted = Vec::new();
    if is_absent(&execution.input) {
        wanted.push((execution.id, 1));
    }
    for record in &execution.steps {
        if let StepState::Completed { output: Some(output), seq } = &record.state
            && is_absent(output)
        {
            wanted.push((execution.id, *seq));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let texts = store.payloads(&wanted).map_err(unread)?;
    for ((_, seq), text) in wanted.into_iter().zip(texts) {
        execution.fetch_payload(seq, text);
    }
    Ok(())
}

/// A page of a history, with the events it was made of: a watcher wants to know whether the last one is an end.
pub fn history(
    store: &dyn Store,
    shared: &Shared,
    id: ExecutionId,
    after: u64,
    limit: usize,
) -> Result<Option<(HistoryPage, bool)>, Error> {
    let Some(history) = store.history(id, after, limit, Texts::Read).map_err(unread)? else { return Ok(None) };
    let registration = shared.registration(store, history.workflow.as_str(), history.version)?;
    let entries = history.events.iter().map(|recorded| history_entry(&registration.definition, recorded)).collect();
    let next = history.events.last().filter(|_| history.more).map(|last| last.seq);
    let ended = !history.more && history.events.last().is_some_and(|last| crate::feed::end(&last.event).is_some());
    Ok(Some((HistoryPage { entries, next, last: history.last }, ended)))
}

pub fn list(store: &dyn Store, shared: &Shared, request: ListRequest) -> Result<Page, Error> {
    let limit = request.limit.unwrap_or(LIST_LIMIT);
    if !(1..=LIST_LIMIT_MAX).contains(&limit) {
        return Err(Error::InvalidRequest(format!("limit is {limit}, expected 1 to {LIST_LIMIT_MAX}")));
    }
    let filter = Filter {
        workflows: request.workflow.into_iter().collect(),
        statuses: request.statuses,
        started_after: request.started_after,
        started_before: request.started_before,
        before: request.cursor,
        limit: limit + 1,
        ..Filter::default()
    };
    let heads = store.executions(&filter).map_err(unread)?.heads;
    let total = heads.len();
    let mut page = Page { executions: Vec::with_capacity(total.min(limit)), next: None };
    let mut bytes = 0;
    for head in heads.into_iter().take(limit) {
        if bytes > PAGE_BYTES_MAX {
            break;
        }
        let execution = match request.include {
            Include::Rows => None,
            Include::Executions { history } => {
                // One that was deleted meanwhile is left out.
                let Some(stored) = store.load(&[head.id]).map_err(unread)?.pop().flatten() else { continue };
                let viewed = view_stored(store, shared, stored, history);
                let Some((view, more)) = unless_deleted(store, head.id, viewed)? else { continue };
                bytes += more;
                Some(view)
            }
        };
        page.executions.push(Listed { head, execution });
    }
    if page.executions.len() < total {
        page.next = page.executions.last().map(|listed| listed.head.id);
    }
    Ok(page)
}

/// Everything that is stored of definitions, again: one that became durable a moment ago may not have been told yet.
pub fn catalog(store: &dyn Store) -> Result<Catalog, Error> {
    Ok(Catalog::from_rows(store.definitions().map_err(unread)?))
}

pub fn missing_definition(workflow: &str, version: workflow_core::id::Version) -> Error {
    Error::Corrupt(format!("version {version} of workflow `{workflow}` is not there or cannot be read"))
}

/// What a fault means to somebody who wanted to read.
pub fn unread(fault: Fault) -> Error {
    match fault.kind {
        FaultKind::Corrupt => Error::Corrupt(fault.to_string()),
        FaultKind::Unavailable | FaultKind::Unknown | FaultKind::Stale | FaultKind::Fenced => {
            Error::StoreUnavailable { reason: fault.to_string() }
        }
    }
}
