//! A running engine: what its store says of the executions that are under way, and what the ring knows besides.

use std::collections::BTreeSet;

use workflow_core::apply::fold;
use workflow_core::id::{ActionName, ExecutionId};
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_store::{FaultKind, Filter, Store, Stored};

use super::finding::{Diagnosis, Finding, Severity};
use super::gather::{Gather, Group};
use super::machine;
use crate::engine::Shared;
use crate::reading::unread;
use crate::ring::look::Look;
use crate::ring::message::Counts;
use crate::{EndpointView, Engine, Error};

/// Executions that are looked at; what is stuck is found among fewer.
const LOOKED_AT_MAX: usize = 2_000;
/// Of them, those at rest that want one action, and those that are paused.
const OF_A_KIND_MAX: usize = 250;
/// Read together.
const PAGE: usize = 64;
/// Who waits for a retry that comes sooner is looked at.
const SOON: Millis = Millis::from_secs(3_600);
/// A ready step that begins within this waits for nothing.
const SHORT_WAIT: Millis = Millis::from_secs(60);
/// Connections of workers that were lost within some minutes.
const MANY_LOST: usize = 10;

impl Engine {
    /// What is stuck, and why. Reads, and changes nothing; it answers also while the store cannot be written.
    pub async fn diagnose(&self) -> Result<Diagnosis, Error> {
        let look: Look = self.look(Counts::Left).await?;
        let endpoints = self.endpoints().await?;
        let shared = self.shared().clone();
        self.shared().readers.run(move |store| diagnose(store, &shared, &look, &endpoints)).await
    }
}

fn diagnose(store: &dyn Store, shared: &Shared, look: &Look, endpoints: &[EndpointView]) -> Result<Diagnosis, Error> {
    let now = shared.clock.now().wall;
    let mut gather = Gather::new(now);
    let mut findings = Vec::new();
    let ids = wanted(store, shared, now);
    let (ids, unread) = match ids {
        Ok(ids) => (ids, None),
        Err(error) => (BTreeSet::new(), Some(error)),
    };
    let incomplete = ids.len() >= LOOKED_AT_MAX;
    let ids: Vec<ExecutionId> = ids.into_iter().collect();
    for page in ids.chunks(PAGE) {
        look_at(store, shared, page, &mut gather)?;
    }
    for id in &look.corrupt {
        if !gather.corrupt.examples.contains(id) {
            gather.corrupt.add(*id, None);
        }
    }
    findings.extend(gather.findings());
    findings.extend(gather.long_attempts());
    findings.extend(store_down(look.store_down.clone().or_else(|| unread.map(|error| error.to_string()))));
    findings.extend(actions(shared, &gather, now));
    findings.extend(overdue(&gather));
    findings.extend(endpoints.iter().filter_map(|endpoint| unreachable(endpoint, shared)));
    findings.extend(workers(look));
    let newest = store.executions(&Filter { limit: 1, ..Filter::default() }).unwrap_or_default().heads;
    findings.extend(machine::findings(&store.health(), newest.first().map(|head| head.started_at), now));
    findings.extend(clock(look));
    Ok(Diagnosis::new(now, findings, gather.looked_at, incomplete))
}

/// Those that are under way, wait for a retry, are paused, or lie at rest and want an action.
fn wanted(store: &dyn Store, shared: &Shared, now: Timestamp) -> Result<BTreeSet<ExecutionId>, Error> {
    let mut ids = BTreeSet::new();
    let paused = Filter { statuses: vec![Status::Paused], limit: OF_A_KIND_MAX, ..Filter::default() };
    ids.extend(store.executions(&paused).map_err(unread)?.heads.into_iter().map(|head| head.id));
    let actions: BTreeSet<ActionName> = shared.catalog().every().flat_map(|registration| registration.actions.clone()).collect();
    for action in actions {
        if ids.len() >= LOOKED_AT_MAX {
            break;
        }
        ids.extend(store.parked(&action, None, OF_A_KIND_MAX).map_err(unread)?);
    }
    let left = LOOKED_AT_MAX.saturating_sub(ids.len());
    ids.extend(store.due(now + SOON, None, left).map_err(unread)?.into_iter().map(|cursor| cursor.id));
    Ok(ids)
}

fn look_at(store: &dyn Store, shared: &Shared, ids: &[ExecutionId], gather: &mut Gather) -> Result<(), Error> {
    let stored = match store.load(ids) {
        Ok(stored) => stored,
        Err(fault) if fault.kind == FaultKind::Corrupt && ids.len() > 1 => {
            // One of them: each by itself.
            return ids.iter().try_for_each(|id| look_at(store, shared, &[*id], gather));
        }
        Err(fault) if fault.kind == FaultKind::Corrupt => {
            ids.iter().for_each(|id| gather.corrupt.add(*id, None));
            return Ok(());
        }
        Err(fault) => return Err(unread(fault)),
    };
    for Stored { head, events, .. } in stored.into_iter().flatten() {
        let registration = shared.registration(store, head.workflow.as_str(), head.version).ok();
        let folded = registration.and_then(|registration| {
            let execution = fold(head.id, registration.definition.steps.len(), events).ok()?;
            Some((registration, execution))
        });
        match folded {
            Some((_, execution)) if execution.has_ended() => {}
            Some((registration, execution)) => gather.take(&registration.definition, &execution),
            None => gather.corrupt.add(head.id, None),
        }
    }
    Ok(())
}

/// Steps that only lack a worker.
fn actions(shared: &Shared, gather: &Gather, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (action, group) in &gather.ready {
        let slots = shared.slots_for(action);
        if slots == 0 {
            let what = format!("steps are ready and nobody provides `{action}`");
            let advice = format!(
                "start a worker that has `{action}`, or `workflow endpoint add NAME URL --action {action}`; a typing error in the \
                 definition needs a new version and `workflow replay`"
            );
            findings.push(group.finding(Severity::Error, "action_missing", what, advice));
            continue;
        }
        if group.since.is_none_or(|since| now.since(since) < SHORT_WAIT) {
            continue;
        }
        let none = Group::default();
        let running = gather.running.get(action).unwrap_or(&none);
        let longest = running.since.map(|since| format!(", the longest for {}", whole_seconds(now.since(since))));
        let what = format!(
            "steps wait for a slot: {} of `{action}` {} taken{}",
            if slots == 1 { "the one".to_owned() } else { format!("all {slots}") },
            if slots == 1 { "is" } else { "are" },
            longest.unwrap_or_default()
        );
        let who: Vec<String> = running.examples.iter().map(ToString::to_string).collect();
        let taken = if who.is_empty() { String::new() } else { format!("; they are taken by {}", who.join(", ")) };
        let advice = format!("more workers, or a higher limit where `{action}` is provided{taken}");
        findings.push(group.finding(Severity::Warning, "slots_taken", what, advice));
    }
    findings
}

fn overdue(gather: &Gather) -> Option<Finding> {
    let what = "their timers fell due more than a minute ago and have not fired".to_owned();
    let advice = "look at the server's log and its load: timers fire as soon as it can commit; `pause` and `resume` make it look at one again";
    let found = gather.overdue.count > 0;
    found.then(|| gather.overdue.finding(Severity::Error, "timer_overdue", what, advice.to_owned()))
}

fn unreachable(endpoint: &EndpointView, shared: &Shared) -> Option<Finding> {
    let reason = endpoint.unreachable.as_ref()?;
    let is_wanted = !shared.unprovided().is_empty();
    let severity = if is_wanted { Severity::Error } else { Severity::Warning };
    let what = format!("endpoint `{}` at {} does not answer: {reason}", endpoint.name, endpoint.url);
    let advice = format!(
        "start it, or correct its address: `workflow endpoint add {} URL`; while an action is wanted that nobody provides it is asked \
         again every 30 s",
        endpoint.name
    );
    Some(Finding::new(severity, "endpoint_unreachable", what, advice))
}

fn store_down(reason: Option<String>) -> Option<Finding> {
    let what = format!("the store cannot be used: {}", reason?);
    let advice = "mend the disk; the server tries again by itself every few seconds and needs no restart; results wait in memory and \
        at the workers";
    Some(Finding::new(Severity::Error, "store_unavailable", what, advice))
}

fn clock(look: &Look) -> Option<Finding> {
    let what = "the clock is more than a day ahead of what was expected: nothing is deleted for its age until it has stayed there \
        for a day";
    let advice = "if the clock is right there is nothing to do; else set it";
    look.doubts_clock.then(|| Finding::new(Severity::Warning, "clock_leapt", what, advice))
}

fn workers(look: &Look) -> Option<Finding> {
    if look.connections_lost < MANY_LOST {
        return None;
    }
    let what = format!(
        "workers come and go: {} connections were lost within ten minutes, {} of the workers are away now",
        look.connections_lost, look.sessions_away
    );
    let advice =
        "look at the logs of the workers and at what lies between (a proxy that ends idle connections, memory that runs out)";
    Some(Finding::new(Severity::Warning, "workers_unstable", what, advice))
}

fn whole_seconds(span: Millis) -> Millis {
    Millis::from_secs(span.get() / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_ring_knows_is_said() {
        assert_eq!((store_down(None), clock(&Look::default()), workers(&Look::default())), (None, None, None));
        let down = store_down(Some("commit: disk full".to_owned())).unwrap();
        assert_eq!(
            (down.severity, down.code, down.what.as_str()),
            (Severity::Error, "store_unavailable", "the store cannot be used: commit: disk full")
        );
        let leapt = clock(&Look { doubts_clock: true, ..Look::default() }).unwrap();
        assert_eq!((leapt.severity, leapt.code), (Severity::Warning, "clock_leapt"));
        assert_eq!(workers(&Look { connections_lost: MANY_LOST - 1, ..Look::default() }), None);
        let unstable = workers(&Look { connections_lost: MANY_LOST, sessions_away: 2, ..Look::default() }).unwrap();
        assert_eq!((unstable.severity, unstable.code), (Severity::Warning, "workers_unstable"));
        assert!(
            unstable.what.contains("10 connections were lost within ten minutes, 2 of the workers are away"),
            "{}",
            unstable.what
        );
    }
}
