//! A file that nobody has open: everything in it that has not ended is looked at.

use std::collections::BTreeMap;

use workflow_core::apply::fold;
use workflow_core::definition::Definition;
use workflow_core::id::{Version, WorkflowId};
use workflow_core::time::Timestamp;
use workflow_store::{Examined, Health, Inspection};

use super::finding::{Diagnosis, Finding, Severity};
use super::gather::Gather;
use super::machine;

type Definitions = BTreeMap<(WorkflowId, Version), Definition>;

/// How things stand in a file of which `health` says what is around it.
pub fn diagnose(file: &Inspection, health: &Health, now: Timestamp) -> Diagnosis {
    let mut findings = Vec::new();
    let unreadable = |what: String| {
        let advice = "`workflow check FILE` says what is wrong with it; restore a backup";
        Finding::new(Severity::Error, "file_damaged", what, advice)
    };
    let definitions: Definitions = match file.definitions() {
        Ok(rows) => {
            let rows = rows.into_iter().filter_map(Result::ok);
            rows.filter_map(|row| Some(((row.workflow, row.version), Definition::from_stored(&row.stored).ok()?))).collect()
        }
        Err(fault) => {
            findings.push(unreadable(format!("the definitions cannot be read: {}", fault.message)));
            BTreeMap::new()
        }
    };
    let (mut gather, mut newest) = (Gather::new(now), None);
    let walked = file.each_execution(|examined| {
        let Some(id) = examined.id else { return };
        newest = newest.max(examined.head.as_ref().ok().map(|head| head.started_at));
        if !take(&mut gather, &definitions, examined) {
            gather.corrupt.add(id, None);
        }
    });
    if let Err(fault) = walked {
        findings.push(unreadable(format!("the executions cannot be read: {}", fault.message)));
    }
    findings.extend(gather.findings());
    findings.extend(machine::findings(health, newest, now));
    let stopped = "it goes on when the file is served: `workflow serve --db FILE`".to_owned();
    if gather.overdue.count > 0 {
        let what = "their timers fell due while nobody served the file".to_owned();
        findings.push(gather.overdue.finding(Severity::Info, "timer_overdue", what, stopped.clone()));
    }
    for (action, group) in &gather.running {
        let what = format!("attempts of `{action}` were in flight when the file was served last");
        findings.push(group.finding(Severity::Info, "attempt_interrupted", what, stopped.clone()));
    }
    for (action, group) in &gather.ready {
        let what = format!("steps wait for somebody who runs `{action}`");
        findings.push(group.finding(Severity::Info, "action_wanted", what, stopped.clone()));
    }
    if let Some(schema) = health.schema.filter(|schema| *schema < Inspection::NEWEST_SCHEMA) {
        let what = format!("the file has schema {schema}, this version has {}", Inspection::NEWEST_SCHEMA);
        let advice =
            "it is taken to the newer one when it is served; after that an older version cannot open it: make a backup before";
        findings.push(Finding::new(Severity::Info, "schema_older", what, advice));
    }
    Diagnosis::new(now, findings, gather.looked_at, false)
}

/// Whether it makes sense. One that has ended is not looked into.
fn take(gather: &mut Gather, definitions: &Definitions, examined: Examined) -> bool {
    let (Some(id), Ok(head)) = (examined.id, examined.head) else { return false };
    if head.status.has_ended() {
        return true;
    }
    let Some(definition) = definitions.get(&(head.workflow, head.version)) else { return false };
    let Ok(events) = examined.events else { return false };
    match fold(id, definition.steps.len(), events) {
        Ok(execution) => {
            gather.take(definition, &execution);
            true
        }
        Err(_) => false,
    }
}
