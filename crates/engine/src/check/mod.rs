//! Whether what a database file holds makes sense: `workflow check`.
//!
//! Everything that the file says twice is compared, and the second saying is derived by the functions that the engine itself works
//! with: a history is folded by the core's `apply`, a head row and its `wake_at` are made by the ring's `head`. Executions are
//! taken one at a time, so that their number costs no memory. Nothing is written or mended.

mod execution;
mod finding;

use std::collections::BTreeMap;

use workflow_core::definition::Definition;
use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ExecutionId, Version};
use workflow_core::status::Status;
use workflow_store::{ClaimKind, Examined, Fault, Inspection, Protection};

pub use finding::{Finding, Kind};

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    pub checked: Checked,
    /// What protects the texts of the file.
    pub protection: Protection,
    /// The first ones.
    pub findings: Vec<Finding>,
    /// How many there are besides.
    pub more: u64,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    pub bytes: u64,
    pub schema: u32,
    pub definitions: u64,
    pub executions: u64,
    pub events: u64,
    /// Those that have a row of their own.
    pub payloads: u64,
    pub parked: u64,
    pub snapshots: u64,
    pub claims: u64,
    pub endpoints: u64,
}

/// Checks a file, and reports at most `findings_max` of what is wrong with it.
pub fn check(file: &Inspection, findings_max: usize) -> Report {
    let (definitions, counts, failures) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut check = Check { file, findings_max, report: Report::default(), definitions, counts, failures };
    check.file();
    check.definitions();
    check.executions();
    check.claims();
    check.counters();
    check.failure_counters();
    check.strays();
    check.report
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// All that was found, also what is not listed.
    pub fn found(&self) -> u64 {
        self.findings.len() as u64 + self.more
    }
}

struct Check<'a> {
    file: &'a Inspection,
    findings_max: usize,
    report: Report,
    /// None for one that is there and cannot be read.
    definitions: BTreeMap<(String, Version), Option<Definition>>,
    /// Head rows by workflow and status, as they were met.
    counts: BTreeMap<(String, Status), u64>,
    /// And by what they failed with: failed, tried again.
    failures: BTreeMap<(Fingerprint, String, Version), (u64, u64)>,
}

impl Check<'_> {
    fn found(&mut self, finding: Finding) {
        if self.report.findings.len() < self.findings_max {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }

    /// What can be read, else a finding that it cannot.
    fn read<T>(&mut self, what: &str, read: Result<T, Fault>) -> Option<T> {
        read.map_err(|fault| self.found(Finding::new(Kind::FileDamaged, format!("{what} cannot be read: {}", fault.message))))
            .ok()
    }

    fn file(&mut self) {
        self.report.checked.schema = self.file.schema();
        self.report.checked.bytes = self.read("its size", self.file.bytes()).unwrap_or_default();
        for damage in self.file.damages(self.findings_max.saturating_add(1)) {
            self.found(Finding::new(Kind::FileDamaged, damage));
        }
        for difference in self.read("the schema", self.file.differences()).unwrap_or_default() {
            self.found(Finding::new(Kind::SchemaDiffers, difference));
        }
        if let Some(from) = self.read("whether it was moved whole", self.file.unfinished()).flatten() {
            self.found(Finding::new(Kind::UnfinishedMove, format!("the file holds an unfinished move from {from}")));
        }
        self.report.checked.endpoints = self.read("the endpoints", self.file.endpoints()).unwrap_or_default() as u64;
        for damaged in self.read("the tokens", self.file.tokens()).unwrap_or_default().damaged {
            self.found(Finding::new(Kind::TokenDamaged, damaged.to_string()));
        }
        self.report.protection = self.read("the seals", self.file.protection()).unwrap_or_default();
    }

    fn definitions(&mut self) {
        for row in self.read("the definitions", self.file.definitions()).unwrap_or_default() {
            self.report.checked.definitions += 1;
            let (workflow, version, definition) = match row {
                Ok(row) => {
                    let definition = Definition::from_stored(&row.stored).map_err(|error| error.to_string());
                    let definition = definition.and_then(|definition| {
                        let is_its_own = definition.id == row.workflow;
                        is_its_own.then_some(()).ok_or_else(|| format!("it is that of `{}`", definition.id)).map(|()| definition)
                    });
                    (row.workflow.to_string(), row.version, definition)
                }
                Err(unreadable) => (unreadable.workflow, unreadable.version, Err(unreadable.why)),
            };
            if let Err(why) = &definition {
                self.found(Finding::new(
                    Kind::DefinitionUnreadable,
                    format!("version {version} of workflow `{workflow}`: {why}"),
                ));
            }
            self.definitions.insert((workflow, version), definition.ok());
        }
    }

    fn executions(&mut self) {
        let file = self.file;
        let walked = file.each_execution(|examined| self.execution(examined));
        self.read("the executions", walked);
    }

    fn execution(&mut self, examined: Examined) {
        let checked = &mut self.report.checked;
        checked.executions += 1;
        checked.payloads += examined.payloads.len() as u64;
        checked.parked += examined.parked.len() as u64;
        checked.snapshots += u64::from(examined.snapshot.is_some());
        checked.events += examined.events.as_ref().map_or(0, Vec::len) as u64;
        if let Ok(head) = &examined.head {
            *self.counts.entry((head.workflow.to_string(), head.status)).or_default() += 1;
            if let Some(failure) = head.failure().filter(|_| self.file.counts_failures()) {
                let (failed, retrying) = self.failures.entry((failure, head.workflow.to_string(), head.version)).or_default();
                *(if head.retrying { retrying } else { failed }) += 1;
            }
        }
        let definition = examined.head.as_ref().ok().map(|head| {
            let pinned = (head.workflow.to_string(), head.version);
            self.definitions.get(&pinned).ok_or_else(|| {
                format!("version {} of workflow `{}`, to which it is pinned, is not there", head.version, head.workflow)
            })
        });
        let id = examined.id;
        let (findings, key) = execution::check(examined, definition);
        for finding in findings {
            self.found(finding);
        }
        let (Some(id), Some((workflow, key))) = (id, key) else { return };
        let claim = self.file.claim(ClaimKind::IdempotencyKey, &workflow, &key);
        let Some(claim) = self.read("a claim", claim) else { return };
        if !claim.is_some_and(|taken| taken.executions.contains(&id)) {
            let found = format!("it was started with the idempotency key `{key}`, which does not lead to it");
            self.found(Finding::of(id, Kind::ClaimBroken, found));
        }
    }

    fn claims(&mut self) {
        let file = self.file;
        let walked = file.each_claim(|claim| {
            self.report.checked.claims += 1;
            let name = format!("{} `{}` of `{}`", claim.kind.replace('_', " "), claim.key, claim.scope);
            match claim.executions {
                // Of the executions that an event started, some may have been deleted; with the last of them it goes itself.
                Ok(executions) => {
                    let is_missing = |id: &&ExecutionId| matches!(file.is_there(**id), Ok(false));
                    let missing: Vec<&ExecutionId> = executions.iter().filter(is_missing).collect();
                    if missing.len() == executions.len() {
                        for id in missing {
                            self.found(Finding::of(*id, Kind::ClaimBroken, format!("{name} leads to it, and it is not there")));
                        }
                    }
                }
                Err(why) => self.found(Finding::new(Kind::ClaimBroken, format!("{name}: {why}"))),
            }
        });
        self.read("the claims", walked);
    }

    fn counters(&mut self) {
        let Some(stored) = self.read("the counters", self.file.counts()) else { return };
        let mut counted = std::mem::take(&mut self.counts);
        let mut differ = |workflow: &str, status: Status, stored: u64, counted: u64| {
            if stored != counted {
                let found = format!("workflow `{workflow}`: its counter says {stored} {status}, there are {counted}");
                self.found(Finding::new(Kind::CounterDiffers, found));
            }
        };
        for (workflow, status, count) in stored {
            let there = counted.remove(&(workflow.clone(), status)).unwrap_or_default();
            differ(&workflow, status, count, there);
        }
        for ((workflow, status), there) in counted {
            differ(&workflow, status, 0, there);
        }
    }

    /// Those of failures; and that documents can be read.
    fn failure_counters(&mut self) {
        let Some(stored) = self.read("the counters of failures", self.file.failure_counts()) else { return };
        let mut counted = std::mem::take(&mut self.failures);
        let there = stored.into_iter().map(|row| ((row.failure, row.workflow, row.version), (row.failed, row.retrying)));
        let there: BTreeMap<_, _> = there.collect();
        for (of, says) in &there {
            let found = counted.remove(of).unwrap_or_default();
            if *says != found {
                self.failures_differ(of, *says, found);
            }
        }
        for (of, found) in &counted {
            self.failures_differ(of, (0, 0), *found);
        }
        let (_, unreadable) = self.read("the documents", self.file.documents()).unwrap_or_default();
        for why in unreadable {
            self.found(Finding::new(Kind::FileDamaged, why));
        }
    }

    fn failures_differ(
        &mut self,
        (failure, workflow, version): &(Fingerprint, String, Version),
        says: (u64, u64),
        found: (u64, u64),
    ) {
        let what = format!(
            "workflow `{workflow}`, version {version}: its counter of failures {failure} says {} failed and {} tried again",
            says.0, says.1
        );
        self.found(Finding::new(Kind::CounterDiffers, format!("{what}, there are {} and {}", found.0, found.1)));
    }

    fn strays(&mut self) {
        for stray in self.read("rows without an execution", self.file.strays(self.findings_max + 1)).unwrap_or_default() {
            let rows = if stray.rows == 1 { "row" } else { "rows" };
            let found =
                format!("`{}` has {} {rows} of execution number {}, which is not there", stray.table, stray.rows, stray.key);
            self.found(Finding::new(Kind::ExecutionMissing, found));
        }
    }
}
