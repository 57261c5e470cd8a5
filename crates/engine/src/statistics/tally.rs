//! The counting itself, within the ring.

use std::collections::BTreeMap;
use std::time::Duration;

use workflow_core::definition::{Definition, StepIndex};
use workflow_core::event::{AfterFailure, Event, Recorded};
use workflow_core::execution::{Execution, Phase};
use workflow_core::id::{Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::time::Timestamp;
use workflow_core::view::ready_since;
use workflow_store::{Change, Document, KeyRange};

use super::hour::{FAILURES, Failures, HOURS_KEPT, Hour, STATISTICS, hour_of, key, part, prefix};
use crate::clock::{Mono, Now};

/// Written this often while there is something to write.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);
/// More bytes than this in one second are written in ten: definitions with hundreds of steps.
const BYTES_A_SECOND: usize = 64 << 10;

/// Of the version of a workflow, in the present hour.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    pub hour: i64,
    pub counts: Hour,
    pub failures: Failures,
    changed: bool,
    failed: bool,
    /// A document of this hour was written.
    begun: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Tallies {
    /// Which life of the engine this is.
    life: String,
    of: BTreeMap<(WorkflowId, Version), Tally>,
    written_at: Mono,
    wait: Duration,
    changed: bool,
    /// Those of hours that have passed, still to be written.
    passed: Vec<(WorkflowId, Version, Tally)>,
}

impl Tallies {
    pub fn new(life: &str) -> Tallies {
        Tallies { life: life.to_owned(), ..Tallies::default() }
    }

    pub fn life(&self) -> &str {
        &self.life
    }

    /// As they are.
    pub fn all(&self) -> BTreeMap<(WorkflowId, Version), Tally> {
        self.of.clone()
    }

    /// Counts what happened to an execution, which is as it is now. `took` says how long the attempt with this number of a step ran.
    pub fn note(
        &mut self,
        definition: &Definition,
        execution: &Execution,
        events: &[Recorded],
        took: impl Fn(StepIndex, u32) -> Option<Duration>,
    ) {
        let Some(at) = events.first().map(|recorded| recorded.at) else { return };
        let of = (execution.workflow.clone(), execution.version);
        let tally = self.of.entry(of).or_insert_with(|| Tally { hour: hour_of(at), ..Tally::default() });
        if tally.hour != hour_of(at) {
            let passed = std::mem::replace(tally, Tally { hour: hour_of(at), ..Tally::default() });
            self.passed.push((execution.workflow.clone(), execution.version, passed));
        }
        self.changed = true;
        tally.changed = true;
        for recorded in events {
            tally.note(definition, execution, recorded, &took);
        }
    }

    /// What is to be written now. `last`: there will be no other time.
    pub fn due(&mut self, now: Now, last: bool) -> Vec<Change> {
        let Now { wall, mono: now } = now;
        if !self.changed || !last && now.since(self.written_at) < self.wait.max(WRITTEN_EVERY) {
            return Vec::new();
        }
        (self.changed, self.written_at) = (false, now);
        // Of an hour that has passed, and written the time before: whoever asks finds it in the store. So a version that nobody uses
        // any more takes no memory.
        let present = hour_of(wall);
        self.of.retain(|_, tally| tally.changed || tally.hour >= present);
        let mut changes = Vec::new();
        for (workflow, version, mut tally) in std::mem::take(&mut self.passed) {
            tally.write(&workflow, version, &self.life, &mut changes);
        }
        for ((workflow, version), tally) in &mut self.of {
            tally.write(workflow, *version, &self.life, &mut changes);
        }
        let bytes: usize =
            changes.iter().map(|change| if let Change::PutDocument(document) = change { document.body.len() } else { 0 }).sum();
        self.wait = if bytes > BYTES_A_SECOND { 10 * WRITTEN_EVERY } else { WRITTEN_EVERY };
        changes
    }
}

impl Tally {
    fn note(
        &mut self,
        definition: &Definition,
        execution: &Execution,
        recorded: &Recorded,
        took: &impl Fn(StepIndex, u32) -> Option<Duration>,
    ) {
        let at = recorded.at;
        match &recorded.event {
            Event::Started(_) => {
                self.counts.started += 1;
                self.counts.parts[part(at)].0 += 1;
            }
            Event::StepStarted { step, attempt, .. } => {
                let of = definition.step(*step);
                if *attempt == 1 && of.wait.is_none() && !of.action.is_noop() {
                    let ready = ready_since(definition, execution, of);
                    self.step(*step).queued.record(at.since(ready).get());
                }
            }
            Event::StepCompleted { step, attempt, .. } => {
                let took = took(*step, *attempt);
                let counts = self.step(*step);
                counts.completed += 1;
                if let Some(took) = took {
                    counts.took.record(millis(took));
                }
            }
            Event::StepFailed { step, attempt, failure, then } => {
                let took = attempt.and_then(|attempt| took(*step, attempt));
                let counts = self.step(*step);
                match then {
                    AfterFailure::Retry { .. } => counts.retried += 1,
                    _ => counts.failed += 1,
                }
                if let Some(took) = took {
                    counts.took.record(millis(took));
                }
                self.failed = true;
                self.failures.note(definition, execution.id, Some(*step), failure, at);
            }
            Event::StepSkipped { step, .. } => self.step(*step).skipped += 1,
            Event::Completed => {
                self.counts.completed += 1;
                self.ended(execution, at);
            }
            Event::Failed { failure } => {
                self.counts.failed += 1;
                self.counts.parts[part(at)].1 += 1;
                self.ended(execution, at);
                let of_step = matches!(&execution.phase, Phase::Failed { .. })
                    && crate::ring::head::failed_step(definition, execution).is_some();
                if !of_step {
                    self.failed = true;
                    self.failures.note(definition, execution.id, None, failure, at);
                }
            }
            Event::Cancelled { .. } => self.counts.cancelled += 1,
            Event::StepReady { .. }
            | Event::StepCancelled { .. }
            | Event::StepInterrupted { .. }
            | Event::WaitBegan { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::Retried { .. } => {}
        }
    }

    fn step(&mut self, step: StepIndex) -> &mut super::hour::StepHour {
        self.counts.steps.entry(step.get()).or_default()
    }

    fn ended(&mut self, execution: &Execution, at: Timestamp) {
        self.counts.took.record(at.since(execution.started_at).get());
    }

    fn write(&mut self, workflow: &WorkflowId, version: Version, life: &str, changes: &mut Vec<Change>) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        let put = |kind: &str, body: Json| {
            let document = Document { kind: kind.to_owned(), key: key(workflow, version, self.hour, life), body };
            Change::PutDocument(Box::new(document))
        };
        if !self.begun {
            // With the first of an hour those go that are old; of a workflow that is not used any more they stay.
            let (prefix, oldest) = (prefix(workflow, version), (self.hour - HOURS_KEPT).max(0));
            for kind in [STATISTICS, FAILURES] {
                let keys = KeyRange { from: prefix.clone(), to: format!("{prefix}{oldest:010}") };
                changes.push(Change::RemoveDocuments { kind: kind.to_owned(), keys });
            }
        }
        changes.push(put(STATISTICS, Json::from_serialize(&self.counts).expect("numbers are JSON")));
        if self.failed {
            changes.push(put(FAILURES, Json::from_serialize(&self.failures).expect("texts are JSON")));
        }
        (self.begun, self.failed) = (true, false);
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::hour::HOUR_MS;
    use super::*;

    fn at(ms: i64) -> Now {
        let mono = Mono::ZERO + Duration::from_millis(u64::try_from(ms).unwrap());
        Now { wall: Timestamp::from_millis(ms), mono }
    }

    /// As if something had happened to an execution of it.
    fn used(tallies: &mut Tallies, workflow: &str, version: u32, now: Now) {
        let of = (WorkflowId::new(workflow).unwrap(), Version(version));
        let hour = hour_of(now.wall);
        let tally = tallies.of.entry(of).or_insert_with(|| Tally { hour, ..Tally::default() });
        (tally.changed, tallies.changed) = (true, true);
    }

    fn written(changes: &[Change]) -> Vec<&str> {
        let documents = changes.iter().filter_map(|change| match change {
            Change::PutDocument(document) => Some(document),
            _ => None,
        });
        documents.map(|document| document.key.as_str()).collect()
    }

    /// What was counted of a version that was used once stayed in memory for as long as the engine lived.
    #[test]
    fn a_version_that_nobody_uses_any_more_leaves_memory_once_it_is_written() {
        let mut tallies = Tallies::new("life");
        for version in 1..=50 {
            used(&mut tallies, "order", version, at(HOUR_MS));
        }
        assert_eq!(written(&tallies.due(at(HOUR_MS + 1_000), false)).len(), 50);
        used(&mut tallies, "order", 50, at(HOUR_MS + 2_000));
        tallies.due(at(HOUR_MS + 3_000), false);
        assert_eq!(tallies.of.len(), 50, "this hour may go on");

        // One that was not written yet stays until it is.
        used(&mut tallies, "order", 7, at(2 * HOUR_MS - 1));
        used(&mut tallies, "other", 1, at(2 * HOUR_MS));
        let changes = tallies.due(at(2 * HOUR_MS + 1_000), false);
        assert_eq!(written(&changes), ["order/0000000007/0000000001/life", "other/0000000001/0000000002/life"]);
        used(&mut tallies, "other", 1, at(2 * HOUR_MS + 2_000));
        tallies.due(at(2 * HOUR_MS + 3_000), false);
        assert_eq!(tallies.of.keys().map(|(workflow, _)| workflow.as_str()).collect::<Vec<_>>(), ["other"]);
    }
}
