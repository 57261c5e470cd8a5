//! Statistics as they are asked for: of a workflow and its steps, and failures by what they have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::Serialize;
use workflow_core::definition::StepIndex;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ExecutionId, StepId, Version, WorkflowId};
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::{DocumentFilter, FailureCount, Filter, KeyRange, Order, Store};

use super::histogram::Histogram;
use super::hour::{
    FAILURES, FIVE_MINUTES_MS, FailureHour, Failures, HOUR_MS, HOURS_KEPT, Hour, MESSAGE_CHARS_MAX, STATISTICS, StepHour,
    hour_in, hour_of, key, prefix,
};
use super::tally::Tally;
use crate::Error;
use crate::reading::summaries::Now;
use crate::reading::unread;

/// Fewer say nothing about how long something usually takes.
const SAMPLES_MIN: u64 = 20;
/// Documents of one version that are read at once: more than there are hours, for lives of the engine.
const DOCUMENTS_MAX: usize = 10_000;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Hour,
    Day,
    Week,
    Month,
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Window, String> {
        match text {
            "1h" => Ok(Window::Hour),
            "24h" => Ok(Window::Day),
            "7d" => Ok(Window::Week),
            "30d" => Ok(Window::Month),
            other => Err(format!("`{}` is none of `1h`, `24h`, `7d`, `30d`", other.escape_debug())),
        }
    }
}

impl Window {
    pub fn as_str(self) -> &'static str {
        match self {
            Window::Hour => "1h",
            Window::Day => "24h",
            Window::Week => "7d",
            Window::Month => "30d",
        }
    }

    /// How many parts it is shown in, and how long each is.
    fn parts(self) -> (usize, i64) {
        match self {
            Window::Hour => (12, FIVE_MINUTES_MS),
            Window::Day => (24, HOUR_MS),
            Window::Week => (28, 6 * HOUR_MS),
            Window::Month => (30, 24 * HOUR_MS),
        }
    }

    /// When it begins: with a whole part.
    fn from(self, now: Timestamp) -> Timestamp {
        let (count, ms) = self.parts();
        let end = now.millis().div_euclid(ms) + 1;
        Timestamp::from_millis((end - i64::try_from(count).expect("it is small")) * ms)
    }
}

/// How a workflow, or one version of it, has fared lately.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowStatistics {
    pub by_status: BTreeMap<&'static str, u64>,
    pub retrying: u64,
    /// That have not ended.
    pub active: u64,
    pub started: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Of those that ended in the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    pub samples: u64,
    pub buckets: Vec<WorkflowPart>,
    pub bucket_ms: i64,
    pub window: &'static str,
    pub from: Timestamp,
    pub to: Timestamp,
    pub steps: Vec<StepStatistics>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WorkflowPart {
    pub at: Timestamp,
    pub started: u64,
    pub failed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepStatistics {
    pub step_id: StepId,
    /// Attempts that ended.
    pub runs: u64,
    pub completed: u64,
    pub failed: u64,
    pub retried: u64,
    pub skipped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_p95_ms: Option<u64>,
    pub samples: u64,
}

/// Documents of a version from an hour on, with what the ring has counted since it wrote the newest of them.
fn hours<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    now: &Now<'_>,
    kind: &str,
    (workflow, version): (&WorkflowId, Version),
    from: Timestamp,
    present: impl Fn(&Tally) -> Option<T>,
) -> Result<Vec<(i64, T)>, Error> {
    let prefix = prefix(workflow, version);
    let keys = KeyRange { from: format!("{prefix}{:010}", hour_of(from).max(0)), to: KeyRange::beginning(&prefix).to };
    let filter = DocumentFilter { kind: kind.to_owned(), keys, order: Order::Ascending, limit: DOCUMENTS_MAX };
    let tally = now.tallies.get(&(workflow.clone(), version));
    let own = tally.map(|tally| key(workflow, version, tally.hour, &now.life));
    let mut hours = Vec::new();
    for document in store.documents(&filter).map_err(unread)? {
        let Some(hour) = hour_in(&document.key).filter(|_| own.as_ref() != Some(&document.key)) else { continue };
        match document.body.to::<T>() {
            Ok(body) => hours.push((hour, body)),
            Err(error) => tracing::warn!(key = document.key, %error, "a document of statistics cannot be read; it is left out"),
        }
    }
    hours.extend(tally.filter(|tally| tally.hour >= hour_of(from)).and_then(|tally| Some((tally.hour, present(tally)?))));
    Ok(hours)
}

/// The versions of a workflow that a filter means.
fn versions(now: &Now<'_>, workflow: &WorkflowId, version: Option<Version>) -> Vec<Version> {
    let catalog = now.shared.catalog();
    let all =
        catalog.every().filter(|registration| registration.definition.id == *workflow).map(|registration| registration.version);
    all.filter(|each| version.is_none_or(|version| version == *each)).collect()
}

/// How a workflow has fared, with its steps by the newest of the versions that are meant.
pub fn of_workflow(
    store: &dyn Store,
    now: &Now<'_>,
    failures: &[FailureCount],
    workflow: &WorkflowId,
    version: Option<Version>,
    window: Window,
) -> Result<WorkflowStatistics, Error> {
    let (from, (count, ms)) = (window.from(now.now), window.parts());
    let at = |part: usize| Timestamp::from_millis(from.millis() + ms * i64::try_from(part).expect("it is small"));
    let mut buckets: Vec<WorkflowPart> = (0..count).map(|part| WorkflowPart { at: at(part), started: 0, failed: 0 }).collect();
    let mut total = Hour::default();
    let mut steps: BTreeMap<StepId, StepHour> = BTreeMap::new();
    for version in versions(now, workflow, version) {
        let Some(registration) = now.shared.catalog().version(workflow.as_str(), version).cloned() else { continue };
        for (hour, counts) in hours(store, now, STATISTICS, (workflow, version), from, |tally| Some(tally.counts.clone()))? {
            for (part, (started, failed)) in counts.parts.iter().enumerate() {
                let at = hour * HOUR_MS + FIVE_MINUTES_MS * i64::try_from(part).expect("it is below 12");
                let place = usize::try_from((at - from.millis()).div_euclid(ms)).ok();
                if let Some(bucket) = place.and_then(|place| buckets.get_mut(place)) {
                    bucket.started += started;
                    bucket.failed += failed;
                }
            }
            for (step, counts) in &counts.steps {
                if let Some(step) = registration.definition.steps.get(*step) {
                    steps.entry(step.id.clone()).or_default().add(counts);
                }
            }
            total.add(&Hour { steps: BTreeMap::new(), ..counts });
        }
    }
    let mut by_status: BTreeMap<&'static str, u64> = Status::ALL.iter().map(|status| (status.as_str(), 0)).collect();
    let of = Filter { workflows: vec![workflow.clone()], version, ..Filter::default() };
    for (status, count) in store.count(&of, 1).map_err(unread)?.by_status {
        by_status.insert(status.as_str(), count);
    }
    let is_meant =
        |workflow_id: &str, its: Version| workflow_id == workflow.as_str() && version.is_none_or(|version| version == its);
    let retrying = failures.iter().filter(|count| is_meant(&count.workflow, count.version)).map(|count| count.retrying).sum();
    let ended = total.completed + total.failed;
    let active = Status::ALL.iter().filter(|status| !status.has_ended()).map(|status| by_status[status.as_str()]).sum();
    Ok(WorkflowStatistics {
        by_status,
        retrying,
        active,
        started: total.started,
        completed: total.completed,
        failed: total.failed,
        cancelled: total.cancelled,
        failure_rate: (ended > 0).then(|| total.failed as f64 / ended as f64),
        p50_ms: total.took.percentile(50),
        p95_ms: total.took.percentile(95),
        samples: total.took.count(),
        buckets,
        bucket_ms: ms,
        window: window.as_str(),
        from,
        to: now.now,
        steps: steps.into_iter().map(step_statistics).collect(),
    })
}

fn step_statistics((step_id, counts): (StepId, StepHour)) -> StepStatistics {
    StepStatistics {
        step_id,
        runs: counts.completed + counts.failed + counts.retried,
        completed: counts.completed,
        failed: counts.failed,
        retried: counts.retried,
        skipped: counts.skipped,
        p50_ms: counts.took.percentile(50),
        p95_ms: counts.took.percentile(95),
        queue_p95_ms: counts.queued.percentile(95),
        samples: counts.took.count(),
    }
}

/// How long 95 of 100 attempts of each step of a version took in the last day, where there were enough.
pub fn p95s(
    store: &dyn Store,
    now: &Now<'_>,
    workflow: &WorkflowId,
    version: Version,
) -> Result<BTreeMap<StepIndex, Millis>, Error> {
    let from = Window::Day.from(now.now);
    let mut took: BTreeMap<usize, Histogram> = BTreeMap::new();
    for (_, counts) in hours(store, now, STATISTICS, (workflow, version), from, |tally| Some(tally.counts.clone()))? {
        for (step, counts) in &counts.steps {
            took.entry(*step).or_default().add(&counts.took);
        }
    }
    let known = took.into_iter().filter(|(_, took)| took.count() >= SAMPLES_MIN);
    Ok(known.filter_map(|(step, took)| Some((StepIndex::new(step), Millis::new(took.percentile(95)?)))).collect())
}

/// Which failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorFilter {
    /// Any of these; all when empty.
    pub workflows: Vec<WorkflowId>,
    pub version: Option<Version>,
    pub window: Window,
}

/// Failures by what they have in common; those that still happen first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorsPage {
    pub errors: Vec<ErrorKind>,
    pub failed_now: u64,
    pub retrying_now: u64,
    pub as_of: Timestamp,
    /// There are more kinds than are listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorKind {
    pub fingerprint: String,
    pub template: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub sample: ErrorSample,
    pub steps: Vec<ErrorStep>,
    pub workflows: Vec<String>,
    pub versions: Vec<ErrorVersion>,
    /// Executions.
    pub failed_now: u64,
    pub retrying_now: u64,
    /// Failures of attempts, and of executions themselves, in the window.
    pub total: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub buckets: Vec<ErrorPart>,
    pub bucket_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorSample {
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    pub execution_id: ExecutionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorStep {
    pub workflow_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorVersion {
    pub workflow_id: String,
    pub version: Version,
    pub count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ErrorPart {
    pub at: Timestamp,
    pub count: u64,
}

/// One kind, with further messages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorDetail {
    #[serde(flatten)]
    pub kind: ErrorKind,
    pub examples: Vec<ErrorExample>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorExample {
    pub message: String,
    pub execution_id: ExecutionId,
    pub at: Timestamp,
}

/// Kinds that are listed.
const KINDS_MAX: usize = 200;
/// Messages that are given with one kind, and hours that are looked at for them.
const EXAMPLES_MAX: usize = 5;
/// Executions of a kind whose messages are looked at.
const LOOKED_AT_FOR_EXAMPLES: usize = 50;

/// What is put together of one kind.
#[derive(Default)]
struct Gathered {
    newest: Option<FailureHour>,
    total: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    steps: BTreeMap<(String, String), u64>,
    versions: BTreeMap<(String, Version), u64>,
    parts: Vec<u64>,
    failed: u64,
    retrying: u64,
    messages: BTreeMap<String, ErrorExample>,
}

/// Gathers failures of 30 days, so that it is known when each kind was first seen; only those of the window count.
fn gather(
    store: &dyn Store,
    now: &Now<'_>,
    filter: &ErrorFilter,
    only: Option<Fingerprint>,
) -> Result<BTreeMap<Fingerprint, Gathered>, Error> {
    let (from, (count, ms)) = (filter.window.from(now.now), filter.window.parts());
    let oldest = Timestamp::from_millis(now.now.millis() - HOURS_KEPT * HOUR_MS);
    let is_meant = |workflow: &WorkflowId, version: Version| {
        (filter.workflows.is_empty() || filter.workflows.contains(workflow)) && filter.version.is_none_or(|only| only == version)
    };
    let registered: Vec<(WorkflowId, Version)> =
        now.shared.catalog().every().map(|registration| (registration.definition.id.clone(), registration.version)).collect();
    let mut gathered: BTreeMap<Fingerprint, Gathered> = BTreeMap::new();
    for (workflow, version) in registered.iter().filter(|(workflow, version)| is_meant(workflow, *version)) {
        for (hour, Failures(failures)) in
            hours(store, now, FAILURES, (workflow, *version), oldest, |tally| Some(tally.failures.clone()))?
        {
            for (fingerprint, failure) in failures {
                let Ok(fingerprint) = fingerprint.parse::<Fingerprint>() else { continue };
                if only.is_some_and(|only| only != fingerprint) {
                    continue;
                }
                let of = gathered.entry(fingerprint).or_insert_with(|| Gathered { parts: vec![0; count], ..Gathered::default() });
                of.take(workflow, *version, hour, failure, from, ms);
            }
        }
    }
    for counted in store.failure_counts().map_err(unread)? {
        let Ok(workflow) = WorkflowId::new(&counted.workflow) else { continue };
        if !is_meant(&workflow, counted.version) || only.is_some_and(|only| only != counted.failure) {
            continue;
        }
        let of = gathered.entry(counted.failure).or_insert_with(|| Gathered { parts: vec![0; count], ..Gathered::default() });
        of.failed += counted.failed;
        of.retrying += counted.retrying;
        *of.versions.entry((counted.workflow, counted.version)).or_default() += 0;
    }
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, workflow: &WorkflowId, version: Version, hour: i64, failure: FailureHour, from: Timestamp, ms: i64) {
        self.first = Some(self.first.map_or(failure.first, |first| first.min(failure.first)));
        self.last = Some(self.last.map_or(failure.last, |last| last.max(failure.last)));
        let mut counted = 0;
        for (part, count) in failure.parts.iter().enumerate() {
            let at = hour * HOUR_MS + FIVE_MINUTES_MS * i64::try_from(part).expect("it is below 12");
            let place = usize::try_from((at - from.millis()).div_euclid(ms)).ok();
            if let Some(bucket) = place.and_then(|place| self.parts.get_mut(place)) {
                *bucket += count;
                counted += count;
            }
        }
        if counted > 0 {
            self.total += counted;
            *self.versions.entry((workflow.to_string(), version)).or_default() += counted;
            for (step, count) in &failure.steps {
                *self.steps.entry((workflow.to_string(), step.clone())).or_default() += count;
            }
        }
        let example = ErrorExample { message: failure.message.clone(), execution_id: failure.execution, at: failure.last };
        self.messages.entry(failure.message.clone()).or_insert(example);
        if self.newest.as_ref().is_none_or(|newest| newest.last <= failure.last) {
            self.newest = Some(failure);
        }
    }

    /// How the messages differ: those of the newest executions that failed so, since an hour keeps one message of a kind.
    fn take_messages(&mut self, store: &dyn Store, filter: &ErrorFilter, fingerprint: Fingerprint) -> Result<(), Error> {
        let of = Filter {
            failure: Some(fingerprint),
            workflows: filter.workflows.clone(),
            version: filter.version,
            limit: LOOKED_AT_FOR_EXAMPLES,
            ..Filter::default()
        };
        for head in store.executions(&of).map_err(unread)?.heads {
            let Some(message) = head.error else { continue };
            let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
            let at = head.completed_at.unwrap_or(head.started_at);
            let example = ErrorExample { message: message.clone(), execution_id: head.id, at };
            self.messages.entry(message).or_insert(example);
        }
        Ok(())
    }

    /// With what the newest execution says where nothing was counted: it failed before there were statistics.
    fn kind(
        self,
        store: &dyn Store,
        filter: &ErrorFilter,
        fingerprint: Fingerprint,
        from: Timestamp,
    ) -> Result<Option<(ErrorKind, Vec<ErrorExample>)>, Error> {
        let (_, ms) = filter.window.parts();
        let newest = match self.newest {
            Some(newest) => newest,
            None => {
                let of = Filter { failure: Some(fingerprint), limit: 1, ..Filter::default() };
                let Some(head) = store.executions(&of).map_err(unread)?.heads.pop() else { return Ok(None) };
                let at = head.completed_at.unwrap_or(head.started_at);
                FailureHour {
                    template: head.error_fingerprint.unwrap_or_default(),
                    code: head.error_code,
                    message: head.error.unwrap_or_default(),
                    stack: None,
                    execution: head.id,
                    first: at,
                    last: at,
                    count: 0,
                    parts: [0; 12],
                    steps: BTreeMap::new(),
                }
            }
        };
        let last_seen = self.last.unwrap_or(newest.last);
        let at = |place: usize| Timestamp::from_millis(from.millis() + ms * i64::try_from(place).expect("it is small"));
        let workflows: BTreeSet<String> = self.versions.keys().map(|(workflow, _)| workflow.clone()).collect();
        let step = |((workflow_id, step), count): ((String, String), u64)| ErrorStep {
            workflow_id,
            step_id: Some(step).filter(|step| !step.is_empty()),
            count,
        };
        let version = |((workflow_id, version), count)| ErrorVersion { workflow_id, version, count };
        let kind = ErrorKind {
            fingerprint: fingerprint.to_string(),
            template: newest.template,
            code: newest.code.clone(),
            sample: ErrorSample {
                message: newest.message,
                stack: newest.stack,
                execution_id: newest.execution,
                code: newest.code,
            },
            steps: self.steps.into_iter().map(step).collect(),
            workflows: workflows.into_iter().collect(),
            versions: self.versions.into_iter().map(version).collect(),
            failed_now: self.failed,
            retrying_now: self.retrying,
            total: self.total,
            first_seen: self.first.unwrap_or(newest.first),
            last_seen,
            buckets: self.parts.into_iter().enumerate().map(|(place, count)| ErrorPart { at: at(place), count }).collect(),
            bucket_ms: ms,
        };
        let mut examples: Vec<ErrorExample> = self.messages.into_values().collect();
        examples.sort_by_key(|example| std::cmp::Reverse(example.at));
        examples.truncate(EXAMPLES_MAX);
        Ok(Some((kind, examples)))
    }
}

pub fn errors(store: &dyn Store, now: &Now<'_>, filter: &ErrorFilter) -> Result<ErrorsPage, Error> {
    let from = filter.window.from(now.now);
    let gathered = gather(store, now, filter, None)?;
    let (failed_now, retrying_now) = (gathered.values().map(|of| of.failed).sum(), gathered.values().map(|of| of.retrying).sum());
    let mut errors = Vec::new();
    for (fingerprint, of) in gathered {
        errors.extend(of.kind(store, filter, fingerprint, from)?.map(|(kind, _)| kind).filter(|kind| kind.last_seen >= from));
    }
    let still = Timestamp::from_millis(now.now.millis() - (now.now.millis() - from.millis()) / 10);
    errors.sort_by_key(|kind| {
        let happens = kind.last_seen >= still && kind.failed_now + kind.retrying_now > 0;
        (!happens, std::cmp::Reverse((kind.total, kind.failed_now, kind.last_seen)))
    });
    let truncated = errors.len() > KINDS_MAX;
    errors.truncate(KINDS_MAX);
    Ok(ErrorsPage { errors, failed_now, retrying_now, as_of: now.now, truncated })
}

pub fn error(
    store: &dyn Store,
    now: &Now<'_>,
    filter: &ErrorFilter,
    fingerprint: Fingerprint,
) -> Result<Option<ErrorDetail>, Error> {
    let Some(mut of) = gather(store, now, filter, Some(fingerprint))?.remove(&fingerprint) else { return Ok(None) };
    of.take_messages(store, filter, fingerprint)?;
    // Whoever has its address wants it although it is older than the window.
    let kind = of.kind(store, filter, fingerprint, filter.window.from(now.now))?;
    Ok(kind.map(|(kind, examples)| ErrorDetail { kind, examples }))
}
