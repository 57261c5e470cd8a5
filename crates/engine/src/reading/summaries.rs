//! Lists as people want them: each row says what the execution does or waits for. Ended ones say it in their head row; the few of a page
//! that are under way are folded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use workflow_core::apply::fold;
use workflow_core::definition::StepIndex;
use workflow_core::execution::{Execution, StepState};
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ActionName, ExecutionId};
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_core::view::{self, Moment, StepCounts};
use workflow_store::{Cursor, Filter, Head, Heads, Store, Texts};

use super::{unless_deleted, unread};
use crate::Error;
use crate::engine::Shared;
use crate::overview::{Attention, ExecutionFilter, Summary, SummaryPage, SummaryRequest, Triggered};
use crate::ring::catalog::Registration;
use crate::ring::look::Look;
use crate::statistics;

const LIMIT: usize = 50;
const LIMIT_MAX: usize = 1_000;
/// A search that has to look into inputs, or at many rows in vain, answers with what it has after this.
const SEARCH_MAX: Duration = Duration::from_millis(300);
/// A timer that is late by more is overdue: the engine looks much more often.
pub const LATE: Millis = Millis::from_secs(60);
/// So many that are overdue are looked at: there should be none.
pub const OVERDUE_MAX: usize = 1_000;
/// Of an error a list shows so much.
const ERROR_CHARS_MAX: usize = 200;
/// Read together.
const PAGE: usize = 64;
/// Executions are registered with a definition, and started, by one clock; it may be set back in between.
const CLOCK_SLACK: Millis = Millis::from_secs(600);

/// What is known at this moment besides what is stored.
#[derive(Debug)]
pub struct Now<'a> {
    pub shared: &'a Shared,
    pub look: &'a Look,
    pub now: Timestamp,
}

impl std::ops::Deref for Now<'_> {
    type Target = Look;

    fn deref(&self) -> &Look {
        self.look
    }
}

/// The same for one definition.
struct Of<'a> {
    now: &'a Now<'a>,
    p95s: BTreeMap<StepIndex, Millis>,
}

impl Moment for Of<'_> {
    fn now(&self) -> Timestamp {
        self.now.now
    }

    fn is_provided(&self, action: &ActionName) -> bool {
        self.now.shared.slots_for(action) > 0
    }

    fn p95(&self, step: StepIndex) -> Option<Millis> {
        self.p95s.get(&step).copied()
    }
}

impl Now<'_> {
    /// Actions that some definition names, or somebody in memory wants, and that nobody provides.
    pub fn unprovided(&self) -> Vec<ActionName> {
        let catalog = self.shared.catalog();
        let named = catalog.every().flat_map(|registration| registration.actions.iter().cloned());
        let wanted = self.look.queues.iter().map(|queue| queue.action.clone());
        let all: BTreeSet<ActionName> = named.chain(wanted).collect();
        all.into_iter().filter(|action| self.shared.slots_for(action) == 0).collect()
    }

    /// How long is usual is only looked up where something runs.
    pub fn reasons(
        &self,
        store: &dyn Store,
        registration: &Registration,
        execution: &Execution,
    ) -> Result<Vec<view::Reason>, Error> {
        let runs = execution.steps.iter().any(|record| matches!(record.state, StepState::Running { .. }));
        let p95s = if runs { self.p95s(store, registration)? } else { BTreeMap::new() };
        Ok(view::reasons(&registration.definition, execution, &Of { now: self, p95s }))
    }

    fn p95s(&self, store: &dyn Store, registration: &Registration) -> Result<BTreeMap<StepIndex, Millis>, Error> {
        let (workflow, version) = (&registration.definition.id, registration.version);
        self.shared.p95s(workflow, version, || statistics::p95s(store, self, workflow, version))
    }
}

/// What a filter means to the store.
pub fn store_filter(shared: &Shared, filter: &ExecutionFilter) -> Filter {
    let mut stored = Filter {
        workflows: filter.workflows.clone(),
        version: filter.version,
        statuses: filter.statuses.clone(),
        retrying: filter.attention == Some(Attention::Retrying),
        failure: filter.failure,
        parked: Vec::new(),
        triggered_by: filter.triggered_by.clone(),
        started_after: filter.started_after,
        started_before: filter.started_before,
        before: None,
        limit: 0,
    };
    // Executions of a version were started while it was the newest.
    if let ([workflow], Some(version)) = (&filter.workflows[..], filter.version) {
        let catalog = shared.catalog();
        if let Some(registration) = catalog.version(workflow.as_str(), version) {
            let after = registration.created_at - CLOCK_SLACK;
            stored.started_after = Some(stored.started_after.map_or(after, |given| given.max(after)));
        }
        if let Some(next) = catalog.version(workflow.as_str(), workflow_core::id::Version(version.0 + 1)) {
            let before = next.created_at + CLOCK_SLACK;
            stored.started_before = Some(stored.started_before.map_or(before, |given| given.min(before)));
        }
    }
    stored
}

/// The beginning of an id, as hexadecimal digits; none when the text is none.
fn beginning_of_id(text: &str) -> Option<(ExecutionId, ExecutionId)> {
    let digits = text.strip_prefix("exec_").unwrap_or(text);
    let is_hex = (8..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return None;
    }
    let number = u128::from_str_radix(digits, 16).ok()?;
    let below = u32::try_from(4 * (32 - digits.len())).expect("it is at most 96");
    let first = number << below;
    let last = first | (1_u128 << below).wrapping_sub(1);
    let id = |number: u128| ExecutionId::from_bytes(number.to_be_bytes());
    Some((id(first), id(last)))
}

/// One page.
pub fn summaries(store: &dyn Store, now: &Now<'_>, request: &SummaryRequest) -> Result<SummaryPage, Error> {
    let limit = request.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Error::InvalidRequest(format!("limit is {limit}, expected 1 to {LIMIT_MAX}")));
    }
    let mut search = Search::new(now, request, limit);
    search.run(store)?;
    let Search { heads, stopped_at, more, .. } = search;
    let next_cursor = if more { stopped_at.or_else(|| heads.last().map(|head| head.id)) } else { None };
    let searched_to = stopped_at.filter(|_| more).map(|id| id.at());
    let executions = of_heads(store, now, heads)?;
    Ok(SummaryPage { executions, next_cursor, complete: searched_to.is_none(), searched_to })
}

/// Head rows of all that a filter means, the newest first, at most so many. It takes the time that it takes.
pub fn all(store: &dyn Store, now: &Now<'_>, filter: &ExecutionFilter, max: usize) -> Result<Vec<Head>, Error> {
    let request = SummaryRequest { filter: filter.clone(), cursor: None, limit: None };
    let mut search = Search::new(now, &request, max);
    search.until += Duration::from_secs(3_600);
    search.run(store)?;
    Ok(search.heads)
}

struct Search<'a> {
    now: &'a Now<'a>,
    filter: Filter,
    attention: Option<Attention>,
    /// In the input, lower case.
    text: Option<String>,
    /// Ids from here on.
    from: Option<ExecutionId>,
    limit: usize,
    until: Instant,
    heads: Vec<Head>,
    /// The search has ended there, and not because the page is full.
    stopped_at: Option<ExecutionId>,
    more: bool,
}

impl<'a> Search<'a> {
    fn new(now: &'a Now<'a>, request: &SummaryRequest, limit: usize) -> Search<'a> {
        let mut filter = store_filter(now.shared, &request.filter);
        filter.before = request.cursor;
        let text = request.filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let range = text.and_then(beginning_of_id);
        if let Some((_, last)) = range {
            let beyond = ExecutionId::from_bytes(last.to_u128().saturating_add(1).to_be_bytes());
            filter.before = Some(filter.before.map_or(beyond, |before| before.min(beyond)));
        }
        Search {
            now,
            filter,
            attention: request.filter.attention,
            text: text.filter(|_| range.is_none()).map(str::to_lowercase),
            from: range.map(|(first, _)| first),
            limit,
            until: Instant::now() + SEARCH_MAX,
            heads: Vec::new(),
            stopped_at: None,
            more: false,
        }
    }

    fn run(&mut self, store: &dyn Store) -> Result<(), Error> {
        match self.attention {
            Some(Attention::NoWorker) => return self.without_worker(store),
            Some(Attention::Overdue) => return self.take_these(store, overdue(store, self.now.now)?),
            Some(Attention::Retrying) | None => {}
        }
        loop {
            // One more says whether there is another page.
            self.filter.limit = if self.text.is_some() { PAGE } else { (self.limit - self.heads.len() + 1).min(LIMIT_MAX + 1) };
            let Heads { heads, stopped_at } = store.executions(&self.filter).map_err(unread)?;
            let found = heads.len();
            for head in heads {
                if self.from.is_some_and(|from| head.id < from) {
                    return Ok(());
                }
                self.filter.before = Some(head.id);
                if self.has_text(store, &head)? {
                    if self.heads.len() == self.limit {
                        self.more = true;
                        return Ok(());
                    }
                    self.heads.push(head);
                }
                if Instant::now() >= self.until && self.text.is_some() {
                    return self.stop();
                }
            }
            match stopped_at {
                Some(id) => self.filter.before = Some(id),
                None if found < self.filter.limit => return Ok(()),
                None => {}
            }
            if Instant::now() >= self.until {
                return self.stop();
            }
        }
    }

    fn stop(&mut self) -> Result<(), Error> {
        (self.stopped_at, self.more) = (self.filter.before, true);
        Ok(())
    }

    fn has_text(&self, store: &dyn Store, head: &Head) -> Result<bool, Error> {
        let Some(text) = &self.text else { return Ok(true) };
        if head.id.to_string().contains(text) {
            return Ok(true);
        }
        let Some(history) = store.history(head.id, 0, 1, Texts::Read).map_err(unread)? else { return Ok(false) };
        let input = history.events.first().and_then(|recorded| recorded.event.payload()).and_then(|input| input.resident());
        let Some(input) = input else { return Ok(false) };
        // As it may be shown: a search that finds what is masked would tell it letter by letter.
        let registration = self.now.shared.registration(store, head.workflow.as_str(), head.version)?;
        Ok(contains(view::shown_input(&registration.definition, input).text(), text))
    }

    /// Those at rest by their rows, those in memory by the queues that they stand in.
    fn without_worker(&mut self, store: &dyn Store) -> Result<(), Error> {
        let unprovided = self.now.unprovided();
        let queued = self.now.look.queues.iter().filter(|queue| unprovided.contains(&queue.action));
        let mut ids: BTreeSet<ExecutionId> = queued.flat_map(|queue| queue.executions.iter().copied()).collect();
        if !unprovided.is_empty() {
            let parked = Filter { parked: unprovided, limit: self.limit + 1, ..self.filter.clone() };
            ids.extend(store.executions(&parked).map_err(unread)?.heads.into_iter().map(|head| head.id));
        }
        self.take_these(store, ids)
    }

    fn take_these(&mut self, store: &dyn Store, ids: BTreeSet<ExecutionId>) -> Result<(), Error> {
        let ids: Vec<ExecutionId> =
            ids.into_iter().rev().filter(|id| self.filter.before.is_none_or(|before| *id < before)).collect();
        for page in ids.chunks(PAGE) {
            for stored in store.load(page).map_err(unread)?.into_iter().flatten() {
                if self.heads.len() == self.limit {
                    self.more = true;
                    return Ok(());
                }
                if self.filter.matches(&stored.head) && self.has_text(store, &stored.head)? {
                    self.heads.push(stored.head);
                }
            }
        }
        Ok(())
    }
}

/// Whether a text is in JSON, whatever the case; `text` is lower case.
fn contains(json: &str, text: &str) -> bool {
    let first = text.as_bytes()[0];
    if text.is_ascii() {
        let (text, bytes) = (text.as_bytes(), json.as_bytes());
        let starts = bytes.iter().enumerate().filter(|(_, byte)| byte.to_ascii_lowercase() == first);
        return starts
            .map(|(at, _)| &bytes[at..])
            .any(|rest| rest.len() >= text.len() && rest[..text.len()].eq_ignore_ascii_case(text));
    }
    json.to_lowercase().contains(text)
}

/// Those whose timer fell due a minute ago and more.
pub fn overdue(store: &dyn Store, now: Timestamp) -> Result<BTreeSet<ExecutionId>, Error> {
    // After those that have to be in memory at once.
    let at_once = Cursor { wake_at: Timestamp::from_millis(0), id: ExecutionId::from_bytes([0xff; 16]) };
    let due = store.due(now - LATE, Some(at_once), OVERDUE_MAX).map_err(unread)?;
    Ok(due.into_iter().map(|cursor| cursor.id).collect())
}

/// How many of them a filter means.
pub fn overdue_of(store: &dyn Store, now: &Now<'_>, filter: &Filter) -> Result<u64, Error> {
    let ids: Vec<ExecutionId> = overdue(store, now.now)?.into_iter().collect();
    if *filter == Filter::default() {
        return Ok(ids.len() as u64);
    }
    let mut count = 0;
    for page in ids.chunks(PAGE) {
        let there = store.load(page).map_err(unread)?.into_iter().flatten();
        count += there.filter(|stored| filter.matches(&stored.head)).count() as u64;
    }
    Ok(count)
}

/// Summaries of these, in their order; one that was deleted meanwhile is left out.
pub fn of_heads(store: &dyn Store, now: &Now<'_>, heads: Vec<Head>) -> Result<Vec<Summary>, Error> {
    let mut summaries = Vec::with_capacity(heads.len());
    for page in heads.chunks(PAGE) {
        for head in page {
            summaries.extend(of_head(store, now, head)?);
        }
    }
    Ok(summaries)
}

fn of_head(store: &dyn Store, now: &Now<'_>, head: &Head) -> Result<Option<Summary>, Error> {
    let Ok(registration) = now.shared.registration(store, head.workflow.as_str(), head.version) else {
        return Ok(Some(bare(head, StepCounts::default(), None)));
    };
    if let Some(counts) = ended_counts(head, registration.definition.steps.len()) {
        let last = store.history(head.id, u64::MAX >> 1, 1, Texts::Left).map_err(unread)?.map_or(0, |history| history.last);
        let name = registration.definition.name.clone();
        return Ok(Some(Summary { last_seq: last, ..bare(head, counts, name) }));
    }
    let Some(stored) = store.load(&[head.id]).map_err(unread)?.pop().flatten() else { return Ok(None) };
    let steps = registration.definition.steps.len();
    let folded = fold(head.id, steps, stored.events).map_err(|corrupt| Error::Corrupt(corrupt.to_string()));
    match unless_deleted(store, head.id, folded) {
        Ok(Some(execution)) => of_execution(store, now, &registration, &stored.head, &execution).map(Some),
        Ok(None) => Ok(None),
        // A list is read although one in it is damaged.
        Err(Error::Corrupt(_)) => Ok(Some(bare(head, StepCounts::default(), registration.definition.name.clone()))),
        Err(error) => Err(error),
    }
}

/// What the head row of one that has ended says.
fn ended_counts(head: &Head, steps: usize) -> Option<StepCounts> {
    let (completed, failed, skipped) = (head.steps_completed?, head.steps_failed?, head.steps_skipped?);
    let total = u32::try_from(steps).unwrap_or(u32::MAX);
    head.status.has_ended().then_some(StepCounts { total, completed, failed, skipped, running: 0, waiting: 0 })
}

fn of_execution(
    store: &dyn Store,
    now: &Now<'_>,
    registration: &Registration,
    head: &Head,
    execution: &Execution,
) -> Result<Summary, Error> {
    let definition = &registration.definition;
    let mut reasons = now.reasons(store, registration, execution)?;
    let reason_count = reasons.len();
    let attention = attention(now, head, &reasons);
    reasons.truncate(1);
    let counts = view::step_counts(definition, execution);
    let bare = bare(head, counts, definition.name.clone());
    Ok(Summary { attention, reasons, reason_count, last_seq: execution.seq, ..bare })
}

/// The worst of what somebody should look at.
fn attention(now: &Now<'_>, head: &Head, reasons: &[view::Reason]) -> Option<Attention> {
    if head.status.has_ended() || head.status == Status::Paused {
        return None;
    }
    if reasons.iter().any(|reason| reason.kind == view::ReasonKind::Worker) {
        return Some(Attention::NoWorker);
    }
    let is_late = |at: &Timestamp| at.millis() > 0 && now.now.since(*at) > LATE;
    if head.wake_at.as_ref().is_some_and(is_late) {
        return Some(Attention::Overdue);
    }
    head.retrying.then_some(Attention::Retrying)
}

fn bare(head: &Head, step_counts: StepCounts, workflow_name: Option<String>) -> Summary {
    Summary {
        id: head.id,
        workflow_id: head.workflow.clone(),
        workflow_name,
        workflow_version: head.version,
        status: head.status,
        attention: None,
        started_at: head.started_at,
        completed_at: head.completed_at,
        wake_at: head.wake_at.filter(|at| at.millis() > 0),
        step_counts,
        reasons: Vec::new(),
        reason_count: 0,
        error: head.error.as_deref().map(|error| error.chars().take(ERROR_CHARS_MAX).collect()),
        error_code: head.error_code.clone(),
        error_fingerprint: head.error_fingerprint.as_deref().map(|template| Fingerprint::of(template).to_string()),
        error_step_id: head.failed_step.clone(),
        triggered_by: Triggered { kind: head.triggered_by.clone(), source: head.trigger_source.clone() },
        replay_of: head.replay_of,
        parent: head.parent,
        last_seq: 0,
    }
}

/// What these executions are like now, those that a filter means; and which of them it does not mean, or are not there.
pub fn changed(
    store: &dyn Store,
    now: &Now<'_>,
    filter: &ExecutionFilter,
    ids: &[ExecutionId],
) -> Result<(Vec<Summary>, Vec<ExecutionId>), Error> {
    let stored_filter = store_filter(now.shared, filter);
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for page in ids.chunks(PAGE) {
        for (id, stored) in page.iter().zip(store.load(page).map_err(unread)?) {
            let Some(stored) = stored.filter(|stored| stored_filter.matches(&stored.head)) else {
                gone.push(*id);
                continue;
            };
            match of_head(store, now, &stored.head)? {
                Some(summary) if filter.attention.is_none_or(|wanted| summary.attention == Some(wanted)) => there.push(summary),
                _ => gone.push(*id),
            }
        }
    }
    Ok((there, gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_a_range_of_ids() {
        let (first, last) = beginning_of_id("exec_0198c5a8").unwrap();
        assert_eq!(first.to_string(), "exec_0198c5a8000000000000000000000000");
        assert_eq!(last.to_string(), "exec_0198c5a8ffffffffffffffffffffffff");
        let whole = "0198c5a81f0b7c3e9d2a4b6c8e0f1a2b";
        let (first, last) = beginning_of_id(whole).unwrap();
        assert_eq!((first, first.to_string()), (last, format!("exec_{whole}")));
        for text in ["exec_", "exec_0198c5a", "ord_12345678", "", "0198c5a8g", &"0".repeat(33)] {
            assert_eq!(beginning_of_id(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_is_found_whatever_its_case() {
        let json = r#"{"city":"Zürich","id":"Ord_123"}"#;
        for text in ["ord_123", "zürich", "city", "}"] {
            assert!(contains(json, text), "{text}");
        }
        assert!(!contains(json, "ord_1234") && !contains("", "a"));
    }
}
