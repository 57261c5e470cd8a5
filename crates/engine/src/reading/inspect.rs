//! One execution with everything that its page shows, also as it was after any entry of its history; and its history in slices.

use std::time::{Duration, Instant};

use workflow_core::apply::fold;
use workflow_core::definition::Definition;
use workflow_core::event::Recorded;
use workflow_core::execution::{Execution, StepState};
use workflow_core::fingerprint::{Fingerprint, template};
use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_core::refusal::Refusal;
use workflow_core::view::{self, ExecutionView, history_entry};
use workflow_store::{Store, Stored, Texts};

use super::summaries::Now;
use super::{fetch_all, unless_deleted, unread, with_history};
use crate::overview::{HistoryOrder, HistoryRequest, HistorySlice, InspectRequest, Inspected, Payloads, SizedEntry};
use crate::{Error, ring};

const LIMIT_MAX: usize = 1_000;
/// Read at once where entries are looked through.
const PAGE: u64 = 500;
/// A search in a history answers with what it has after this.
const SEARCH_MAX: Duration = Duration::from_millis(300);

/// An execution; none when there is none of that id.
pub fn inspect(store: &dyn Store, now: &Now<'_>, id: ExecutionId, request: InspectRequest) -> Result<Option<Inspected>, Error> {
    let Some(stored) = store.load(&[id]).map_err(unread)?.pop().flatten() else { return Ok(None) };
    unless_deleted(store, id, inspect_stored(store, now, stored, request))
}

fn inspect_stored(store: &dyn Store, now: &Now<'_>, stored: Stored, request: InspectRequest) -> Result<Inspected, Error> {
    let Stored { head, mut events, .. } = stored;
    let registration = now.shared.registration(store, head.workflow.as_str(), head.version)?;
    let definition = &registration.definition;
    let last_seq = events.last().map_or(0, |recorded| recorded.seq);
    if let Some(at) = request.at {
        if !(1..=last_seq).contains(&at) {
            return Err(Error::InvalidRequest(format!("at is {at}, expected an entry from 1 to {last_seq}")));
        }
        events.retain(|recorded| recorded.seq <= at);
    }
    let newest = events.len().saturating_sub(request.history);
    let tail: Vec<Recorded> = events[newest..].to_vec();
    let mut execution = fold(head.id, definition.steps.len(), events).map_err(|corrupt| Error::Corrupt(corrupt.to_string()))?;
    fetch_all(store, &mut execution)?;
    let mut shown = with_history(now.shared, definition, &execution, &tail, newest > 0);
    if let Some(bytes_max) = request.value_bytes_max {
        leave_out_long(definition, &execution, &mut shown, bytes_max);
    }
    let retried = view::retried(&execution);
    let message = match retried {
        Some(step) => execution.step(step).failure.as_ref().map(|failure| failure.message.as_str()),
        None => execution.failure().map(|failure| failure.message.as_str()),
    };
    let failed_step = match retried {
        Some(step) => Some(definition.step(step).id.clone()),
        None => execution.failure().and_then(|_| ring::head::failed_step(definition, &execution)),
    };
    let outstanding = workflow_core::outstanding::outstanding(definition, &execution);
    Ok(Inspected {
        reasons: if request.at.is_some() { Vec::new() } else { now.reasons(store, &registration, &execution)? },
        step_counts: view::step_counts(definition, &execution),
        last_seq,
        error_fingerprint: message.map(|message| Fingerprint::of(&template(message)).to_string()),
        error_step_id: failed_step,
        wake_at: outstanding.wake_at,
        as_of_seq: request.at,
        server_time: now.now,
        execution: shown,
    })
}

/// Says how long values over `bytes_max` are, and where they can be read, in their place.
fn leave_out_long(definition: &Definition, execution: &Execution, shown: &mut ExecutionView, bytes_max: usize) {
    let id = execution.id;
    let left_out = |value: &Json, seq: u64| {
        let text = format!(r#"{{"$truncated":{},"href":"/api/v1/executions/{id}/history/{seq}"}}"#, value.len());
        Json::parse(text).expect("it is JSON")
    };
    let seq_of = |step: &str| match definition.index_of(step).map(|step| &execution.step(step).state) {
        Some(StepState::Completed { seq, .. }) => *seq,
        _ => 1,
    };
    let long = |value: &Json| value.len() > bytes_max;
    if long(&shown.input) {
        shown.input = left_out(&shown.input, 1);
    }
    for (name, value) in shown.state.iter_mut().filter(|(_, value)| long(value)) {
        *value = left_out(value, seq_of(name));
    }
    if let Some(output) = shown.output.as_ref().filter(|output| long(output)) {
        let is_all = |result: &&view::StepResult| result.output.as_ref() == Some(output);
        shown.output = match shown.step_results.values().rev().find(is_all) {
            Some(result) => Some(left_out(output, seq_of(result.step_id.as_str()))),
            // The outputs of several steps.
            None => {
                let mut outputs = output.fields().unwrap_or_default();
                for (step, value) in outputs.iter_mut().filter(|(_, value)| long(value)) {
                    *value = left_out(value, seq_of(step));
                }
                Json::from_serialize(&outputs).ok()
            }
        };
    }
    for (step, result) in &mut shown.step_results {
        if let Some(output) = result.output.as_mut().filter(|output| long(output)) {
            *output = left_out(output, seq_of(step.as_str()));
        }
    }
    for entry in &mut shown.history {
        leave_out_payload(entry, bytes_max);
    }
}

/// How long the payload of an entry is.
fn payload_bytes(recorded: &Recorded) -> Option<usize> {
    recorded.event.payload().map(workflow_core::event::Payload::bytes)
}

fn leave_out_payload(entry: &mut view::HistoryEntry, bytes_max: usize) {
    let Some(data) = &mut entry.data else { return };
    if let Some(output) = data.output.take_if(|output| output.len() > bytes_max) {
        data.output_bytes = Some(output.len());
    }
    if let Some(start) = &mut data.start {
        start.input.take_if(|input| input.len() > bytes_max);
    }
}

/// One entry, whole.
pub fn entry(store: &dyn Store, now: &Now<'_>, id: ExecutionId, seq: u64) -> Result<Option<SizedEntry>, Error> {
    let history = store.history(id, seq.saturating_sub(1), 1, Texts::Read).map_err(unread)?;
    let Some(history) = history else { return Err(not_found(id)) };
    let registration = now.shared.registration(store, history.workflow.as_str(), history.version)?;
    let found = history.events.first().filter(|recorded| recorded.seq == seq);
    Ok(found.map(|recorded| sized(&registration.definition, recorded, Payloads::Inline)))
}

/// Leaves the input, the output and the stacks of an entry out.
pub fn leave_out_payloads(entry: &mut view::HistoryEntry) {
    leave_out_payload(entry, 0);
    if let Some(error) = entry.data.as_mut().and_then(|data| data.error.as_mut()) {
        leave_out_stacks(error);
    }
}

fn sized(definition: &Definition, recorded: &Recorded, payloads: Payloads) -> SizedEntry {
    let mut entry = history_entry(definition, recorded);
    let left_out = payloads == Payloads::None;
    if left_out {
        leave_out_payloads(&mut entry);
    }
    SizedEntry { entry, bytes: payload_bytes(recorded).filter(|_| left_out) }
}

fn leave_out_stacks(failure: &mut workflow_core::failure::Failure) {
    failure.stack = None;
    if let Some(cause) = &mut failure.cause {
        leave_out_stacks(cause);
    }
}

fn not_found(id: ExecutionId) -> Error {
    Refusal::ExecutionNotFound { execution: id.to_string() }.into()
}

/// Entries of a history that are asked for.
pub fn slice(store: &dyn Store, now: &Now<'_>, id: ExecutionId, request: &HistoryRequest) -> Result<HistorySlice, Error> {
    let limit = request.limit.unwrap_or(LIMIT_MAX);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Error::InvalidRequest(format!("limit is {limit}, expected 1 to {LIMIT_MAX}")));
    }
    let ends = store.history(id, u64::MAX >> 1, 1, Texts::Left).map_err(unread)?;
    let Some(ends) = ends else { return Err(not_found(id)) };
    let registration = now.shared.registration(store, ends.workflow.as_str(), ends.version)?;
    let (first, last) =
        (request.after.unwrap_or(0), request.before.map_or(ends.last, |before| before.saturating_sub(1).min(ends.last)));
    let mut slice = HistorySlice { entries: Vec::new(), next: None, total: ends.last };
    let mut slicing =
        Slicing { store, id, definition: &registration.definition, request, limit, until: Instant::now() + SEARCH_MAX };
    slicing.fill(first, last, &mut slice)?;
    Ok(slice)
}

struct Slicing<'a> {
    store: &'a dyn Store,
    id: ExecutionId,
    definition: &'a Definition,
    request: &'a HistoryRequest,
    limit: usize,
    until: Instant,
}

impl Slicing<'_> {
    /// From the entries above `first` up to `last`.
    fn fill(&mut self, mut first: u64, mut last: u64, slice: &mut HistorySlice) -> Result<(), Error> {
        let descending = self.request.order == HistoryOrder::Descending;
        let page = if self.filters() { PAGE } else { self.limit as u64 };
        while first < last {
            let (from, to) =
                if descending { (first.max(last.saturating_sub(page)), last) } else { (first, last.min(first + page)) };
            let mut events = self.read(from, to)?;
            if descending {
                events.reverse();
            }
            for recorded in &events {
                if slice.entries.len() == self.limit {
                    slice.next = slice.entries.last().map(|last| last.entry.seq);
                    return Ok(());
                }
                let entry = sized(self.definition, recorded, self.request.payloads);
                if self.is_meant(&entry) {
                    slice.entries.push(entry);
                }
            }
            if descending {
                last = from;
            } else {
                first = events.last().map_or(to, |recorded| recorded.seq);
            }
            let more = first < last;
            if more && (Instant::now() >= self.until || slice.entries.len() == self.limit) {
                slice.next = Some(if descending { last + 1 } else { first });
                return Ok(());
            }
        }
        Ok(())
    }

    /// Entries above `from` up to `to`. Ascending it may be fewer, where they are long.
    fn read(&self, from: u64, to: u64) -> Result<Vec<Recorded>, Error> {
        let texts = if self.request.payloads == Payloads::None { Texts::Left } else { Texts::Read };
        let (mut all, mut after) = (Vec::new(), from);
        while after < to {
            let wanted = usize::try_from(to - after).unwrap_or(usize::MAX);
            let Some(history) = self.store.history(self.id, after, wanted, texts).map_err(unread)? else {
                return Err(not_found(self.id));
            };
            let Some(newest) = history.events.last().map(|recorded| recorded.seq) else { break };
            all.extend(history.events);
            after = newest;
            if self.request.order == HistoryOrder::Ascending {
                break;
            }
        }
        Ok(all)
    }

    fn filters(&self) -> bool {
        !self.request.types.is_empty() || self.request.step.is_some() || self.request.text.is_some()
    }

    fn is_meant(&self, entry: &SizedEntry) -> bool {
        let HistoryRequest { types, step, text, .. } = self.request;
        let it = &entry.entry;
        (types.is_empty() || types.iter().any(|kind| kind == it.kind))
            && step.as_ref().is_none_or(|step| it.step_id.as_ref().is_some_and(|id| id.as_str() == step))
            && text.as_ref().is_none_or(|text| {
                let written = serde_json::to_string(it).expect("an entry is JSON");
                written.to_lowercase().contains(&text.to_lowercase())
            })
    }
}
