//! Which executions: the query parameters that lists, counts and the stream of all executions share.

use std::str::FromStr;

use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{Version, WorkflowId};
use workflow_core::time::Timestamp;
use workflow_engine::{Attention, ExecutionFilter};

use crate::limits;
use crate::parameters::{Pairs, invalid};
use crate::problem::Problem;

/// A search is for words that a person types.
const TEXT_CHARS_MAX: usize = 200;
const TRIGGERS: [&str; 5] = ["manual", "event", "schedule", "replay", "error"];

/// A workflow's id in a query.
pub(crate) struct Named(pub WorkflowId);

impl FromStr for Named {
    type Err = workflow_core::id::InvalidName;

    fn from_str(text: &str) -> Result<Named, Self::Err> {
        WorkflowId::new(text).map(Named)
    }
}

pub(crate) fn instant(pairs: &Pairs, name: &str) -> Result<Option<Timestamp>, Problem> {
    let ms = pairs.number(name, 0, i64::MAX.unsigned_abs())?;
    Ok(ms.map(|ms| Timestamp::from_millis(i64::try_from(ms).expect("it was bounded"))))
}

pub(crate) fn version(pairs: &Pairs) -> Result<Option<Version>, Problem> {
    let number = pairs.number("version", 1, limits::INT32_MAX)?;
    Ok(number.map(|number| Version(u32::try_from(number).expect("it was bounded"))))
}

/// That it is the kind of a trigger.
pub(crate) fn trigger(kind: Option<&str>) -> Result<(), String> {
    match kind.filter(|kind| !TRIGGERS.contains(kind)) {
        None => Ok(()),
        Some(other) => Err(format!("`triggeredBy` is `{}`, one of {} was expected", other.escape_debug(), TRIGGERS.join(", "))),
    }
}

/// That a version comes with the one workflow that it is of.
pub(crate) fn of_one_workflow(version: Option<Version>, workflows: &[WorkflowId]) -> Result<(), String> {
    match version {
        Some(_) if workflows.len() != 1 => {
            Err(format!("`version` is that of one workflow: one `workflowId` was expected, {} found", workflows.len()))
        }
        _ => Ok(()),
    }
}

pub(crate) fn page_limit(pairs: &Pairs) -> Result<Option<usize>, Problem> {
    let limit = pairs.number("limit", 1, limits::PAGE_MAX as u64)?;
    Ok(limit.map(|limit| usize::try_from(limit).expect("it was bounded")))
}

/// `workflowId`, `version`, `status`, `attention`, `errorFingerprint`, `triggeredBy`, `startedAfter`, `startedBefore`, `q`.
pub(crate) fn read(pairs: &Pairs) -> Result<ExecutionFilter, Problem> {
    let workflows: Vec<WorkflowId> = pairs.each::<Named>("workflowId")?.into_iter().map(|Named(id)| id).collect();
    let version = version(pairs)?;
    of_one_workflow(version, &workflows).map_err(invalid)?;
    let triggered_by = pairs.one("triggeredBy")?;
    trigger(triggered_by).map_err(invalid)?;
    let text = pairs.one("q")?;
    if text.is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
        return Err(invalid(format!("`q` has more than {TEXT_CHARS_MAX} characters")));
    }
    Ok(ExecutionFilter {
        workflows,
        version,
        statuses: pairs.each("status")?,
        attention: pairs.one_of::<Attention>("attention")?,
        failure: pairs.one_of::<Fingerprint>("errorFingerprint")?,
        triggered_by: triggered_by.map(str::to_owned),
        started_after: instant(pairs, "startedAfter")?,
        started_before: instant(pairs, "startedBefore")?,
        text: text.map(str::to_owned),
    })
}
