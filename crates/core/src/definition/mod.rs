//! A definition that has passed its check: the DAG of a workflow, with everything that can be known before it runs.
//!
//! [`Definition`] can only be made by `check` (a new one, all problems at once) or `from_stored` (one that was registered before,
//! which is never refused). Nobody checks again afterwards.

mod check;
mod closest;
mod diagnostic;
mod edges;
mod event_pattern;
mod link;
mod params;
mod reads;
mod report;
pub(crate) mod sensitive;
mod steps;
mod stored;
#[cfg(test)]
mod tests;
pub(crate) mod tree;

pub use check::Checked;
pub use closest::closest;
pub use diagnostic::{Code, Diagnostic, Severity};
pub use event_pattern::{EventPattern, EventPatternError};
pub use params::{Params, ParamsError};
pub use sensitive::Sensitive;
pub use steps::{StepIndex, StepSet};
pub use stored::CorruptDefinition;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expression::Expression;
use crate::id::{ActionName, StepId, WorkflowId};
use crate::json::Json;
use crate::time::Millis;

/// A checked workflow definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub id: WorkflowId,
    pub name: Option<String>,
    pub description: Option<String>,
    pub steps: Vec<Step>,
    pub triggers: Vec<Trigger>,
    /// The initial state: an object.
    pub context: Json,
    /// Of a whole execution, on the wall clock.
    pub timeout: Option<Millis>,
    /// What must not be shown of an input.
    pub sensitive: Option<Sensitive>,
    /// As it was registered, without the fields that the engine adds.
    pub source: Json,
    /// By id. Private, so that a definition is made only where it is checked or loaded; shared with the tasks of its attempts.
    index: StepsById,
}

/// The places of steps.
pub(crate) type StepsById = Arc<BTreeMap<StepId, StepIndex>>;

/// A node of the DAG, with the edges in both directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: StepId,
    pub name: Option<String>,
    pub action: ActionName,
    pub params: Option<Params>,
    pub depends_on: Vec<StepIndex>,
    pub condition: Option<Expression>,
    pub wait: Option<Millis>,
    pub on_error: OnError,
    /// Further attempts after the first.
    pub max_retries: u32,
    pub backoff: Backoff,
    /// Of one attempt.
    pub timeout: Option<Millis>,
    /// What must not be shown of an output.
    pub sensitive: Option<Sensitive>,
    /// Steps that list this one in `dependsOn`.
    pub dependents: Vec<StepIndex>,
    /// Every step before this one over `dependsOn`, itself excluded.
    pub ancestors: StepSet,
    /// Steps whose `errorBranch` names this one; a step with any is an error-branch target.
    pub named_by: Vec<StepIndex>,
    /// Steps whose outputs it can see: its ancestors, and of a target also the steps that name it with theirs (of those, at run
    /// time, only the one that branched to it and its ancestors).
    pub visible: StepSet,
    /// Those of them that its condition and params can reach: what has to be in memory before they are evaluated.
    pub reads: StepSet,
}

/// What happens when a step has failed for good. `retry` is `Fail` with other defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnError {
    Fail,
    Continue,
    Branch(ErrorBranch),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorBranch {
    Step(StepIndex),
    /// Names no step: looked up as a workflow when it is needed.
    Workflow(WorkflowId),
}

/// How long to wait before the n-th retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    Fixed { delay: Millis },
    Exponential { delay: Millis, delay_max: Millis },
}

/// Starts an execution for an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub event: EventPattern,
    pub condition: Option<Expression>,
}

impl Definition {
    pub fn step(&self, index: StepIndex) -> &Step {
        &self.steps[index.get()]
    }

    /// Every index of its steps, in the order of the definition.
    pub fn indices(&self) -> impl Iterator<Item = StepIndex> + use<> {
        (0..self.steps.len()).map(StepIndex::new)
    }

    pub fn index_of(&self, id: &str) -> Option<StepIndex> {
        self.index.get(id).copied()
    }

    /// Steps by id.
    pub(crate) fn steps_by_id(&self) -> &StepsById {
        &self.index
    }

    /// The leaves: steps on which none depends and which are no error-branch targets.
    pub fn leaves(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.indices().filter(|&index| self.step(index).dependents.is_empty() && !self.step(index).is_target())
    }
}

impl Step {
    /// Whether a failing step branches to it.
    pub fn is_target(&self) -> bool {
        !self.named_by.is_empty()
    }
}
