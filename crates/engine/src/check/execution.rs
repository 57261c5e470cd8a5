//! One execution: its history against its head row, its payloads and what it waits for.

use std::collections::BTreeMap;

use workflow_core::apply::fold;
use workflow_core::definition::Definition;
use workflow_core::event::Recorded;
use workflow_core::execution::Execution;
use workflow_core::id::ExecutionId;
use workflow_core::outstanding::{Outstanding, outstanding};
use workflow_core::time::Timestamp;
use workflow_store::{Examined, Head};

use super::{Finding, Kind};
use crate::ring::head;

/// A workflow and an idempotency key of it.
type Key = (String, String);

/// What is wrong with an execution; and the key that it was started with, when its history can be read. `definition` is none inside
/// when it cannot be read, which has been reported.
pub(super) fn check(examined: Examined, definition: Option<Result<&Option<Definition>, String>>) -> (Vec<Finding>, Option<Key>) {
    let Some(id) = examined.id else {
        let found = format!("execution number {}: its id is not 16 bytes", examined.key);
        return (vec![Finding::new(Kind::FileDamaged, found)], None);
    };
    let mut findings = Findings { id, all: Vec::new() };
    if let Some(snapshot) = &examined.snapshot {
        let found = format!("it has a snapshot up to event {}, in a form that no version writes", snapshot.seq);
        findings.add(Kind::SnapshotUnusable, found);
    }
    if let Err(why) = &examined.head {
        findings.add(Kind::HeadDiffers, format!("its head row cannot be read: {why}"));
    }
    if let Err(why) = &examined.events {
        findings.add(Kind::HistoryBroken, why.clone());
    } else {
        payloads(&mut findings, &examined);
    }
    let definition = match definition {
        Some(Ok(definition)) => definition.as_ref(),
        Some(Err(why)) => {
            findings.add(Kind::DefinitionMissing, why);
            None
        }
        None => None,
    };
    let key = match (definition, &examined.head, &examined.events) {
        (Some(definition), Ok(head), Ok(events)) => folded(&mut findings, definition, head, events.clone(), &examined),
        _ => None,
    };
    (findings.all, key)
}

struct Findings {
    id: ExecutionId,
    all: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, kind: Kind, found: String) {
        self.all.push(Finding::of(self.id, kind, found));
    }
}

/// Every payload that an event refers to is there, as long as it was; no other is.
fn payloads(findings: &mut Findings, examined: &Examined) {
    let mut rows: BTreeMap<u64, &Result<usize, String>> = examined.payloads.iter().map(|(seq, row)| (*seq, row)).collect();
    for Recorded { seq, event, .. } in examined.events.as_ref().into_iter().flatten() {
        let Some(payload) = event.payload().filter(|payload| payload.resident().is_none()) else { continue };
        match rows.remove(seq) {
            None => findings.add(Kind::PayloadBroken, format!("the payload of event {seq} is not there")),
            Some(Err(why)) => findings.add(Kind::PayloadBroken, format!("the payload of event {seq} cannot be read: {why}")),
            Some(Ok(bytes)) if *bytes != payload.bytes() => {
                let expected = payload.bytes();
                findings.add(Kind::PayloadBroken, format!("the payload of event {seq} has {bytes} bytes, expected {expected}"));
            }
            Some(Ok(_)) => {}
        }
    }
    for seq in rows.keys() {
        findings.add(Kind::PayloadBroken, format!("there is a payload of event {seq}, which has none"));
    }
}

fn folded(
    findings: &mut Findings,
    definition: &Definition,
    head: &Head,
    events: Vec<Recorded>,
    examined: &Examined,
) -> Option<Key> {
    let execution = match fold(head.id, definition.steps.len(), events) {
        Ok(execution) => execution,
        Err(corrupt) => {
            findings.add(Kind::HistoryBroken, format!("at entry {}: {}", corrupt.seq, corrupt.what));
            return None;
        }
    };
    let outstanding = outstanding(definition, &execution);
    compare(findings, head, &head::head(definition, &execution, outstanding.status(&execution), head.wake_at), &execution);
    wakes(findings, head, &outstanding);
    parked(findings, definition, head, &outstanding, examined);
    execution.key.map(|key| (execution.workflow.to_string(), key.as_str().to_owned()))
}

/// Column by column. `wake_at` has a rule of its own, and the fingerprint is for grouping: a later version may make it otherwise.
fn compare(findings: &mut Findings, stored: &Head, derived: &Head, execution: &Execution) {
    fn shown(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).expect("texts, numbers and ids are JSON")
    }
    let of = |head: &Head| {
        [
            ("workflow", shown(&head.workflow)),
            ("version", shown(&head.version)),
            ("status", shown(&head.status)),
            ("started_at", shown(&head.started_at)),
            ("completed_at", shown(&head.completed_at)),
            ("steps_completed", shown(&head.steps_completed)),
            ("triggered_by", shown(&head.triggered_by)),
            ("trigger_source", shown(&head.trigger_source)),
            ("replay_of", shown(&head.replay_of)),
            ("parent", shown(&head.parent)),
        ]
    };
    let failure = |head: &Head| {
        [("failed_step", shown(&head.failed_step)), ("error_code", shown(&head.error_code)), ("error", shown(&head.error))]
    };
    // Rows of earlier schemas do not say these.
    let later = |head: &Head| {
        [
            ("steps_failed", shown(&head.steps_failed), stored.steps_failed.is_some()),
            ("steps_skipped", shown(&head.steps_skipped), stored.steps_skipped.is_some()),
            ("retrying", shown(&head.retrying), stored.retrying),
        ]
    };
    for ((column, found, _), (_, expected, _)) in later(stored).into_iter().zip(later(derived)).filter(|((.., said), _)| *said) {
        if found != expected {
            findings.add(Kind::HeadDiffers, format!("its head row says {column} {found}, its history gives {expected}"));
        }
    }
    let pairs = of(stored).into_iter().zip(of(derived));
    // While it is failing the row is written when the status changes, not when the failure comes.
    let may_lag = !execution.has_ended() && stored.error.is_none();
    let failures = failure(stored).into_iter().zip(failure(derived)).filter(|_| !may_lag);
    for ((column, found), (_, expected)) in pairs.chain(failures) {
        if found != expected {
            findings.add(Kind::HeadDiffers, format!("its head row says {column} {found}, its history gives {expected}"));
        }
    }
}

/// Too early costs a look, too late is a bug.
fn wakes(findings: &mut Findings, stored: &Head, outstanding: &Outstanding) {
    // With rows in `parked` it need not be in memory to be found.
    let at_rest = stored.wake_at != Some(head::AT_ONCE);
    let needed = head::wake_at(outstanding, at_rest);
    if head::is_earlier(needed, stored.wake_at) {
        let shown = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| format!("at {}", at.millis()));
        let found = format!("it would be looked at {}, expected {}", shown(stored.wake_at), shown(needed));
        findings.add(Kind::WakesTooLate, found);
    }
}

/// An execution at rest that is ready has a row for each action that it wants, and no other execution has any.
fn parked(findings: &mut Findings, definition: &Definition, stored: &Head, outstanding: &Outstanding, examined: &Examined) {
    let at_rest = stored.wake_at != Some(head::AT_ONCE) && outstanding.in_flight.is_empty();
    let mut wanted: Vec<&str> = match at_rest {
        true => outstanding.ready.iter().map(|&step| definition.step(step).action.as_str()).collect(),
        false => Vec::new(),
    };
    wanted.sort_unstable();
    wanted.dedup();
    for action in &wanted {
        if !examined.parked.iter().any(|(id, parked)| parked == action && *id == Some(stored.id)) {
            findings.add(Kind::ParkedDiffers, format!("it is at rest and wants `{action}`, and no row of `parked` says so"));
        }
    }
    for (id, action) in &examined.parked {
        if *id != Some(stored.id) || !wanted.contains(&action.as_str()) {
            findings.add(Kind::ParkedDiffers, format!("a row of `parked` says that it wants `{action}`, which it does not"));
        }
    }
}
