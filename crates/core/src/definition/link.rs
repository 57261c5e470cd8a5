//! What follows from the edges of steps is put into them: found again at every load, never stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::edges::Edges;
use super::reads::{self, What};
use super::report::Pointer;
use super::{ErrorBranch, OnError, Step, StepIndex, StepSet, StepsById};
use crate::id::StepId;

/// Fills in each step, and gives their places by id.
pub(super) fn link(steps: &mut [Step]) -> StepsById {
    let edges = Edges {
        depends_on: steps.iter().map(|step| step.depends_on.clone()).collect(),
        branches_to: steps
            .iter()
            .map(|step| match step.on_error {
                OnError::Branch(ErrorBranch::Step(target)) => Some(target),
                OnError::Branch(ErrorBranch::Workflow(_)) | OnError::Fail | OnError::Continue => None,
            })
            .collect(),
    };
    let derived = edges.derive();
    let index: BTreeMap<StepId, StepIndex> =
        steps.iter().enumerate().map(|(step, of)| (of.id.clone(), StepIndex::new(step))).collect();
    let derived = derived.dependents.into_iter().zip(derived.named_by).zip(derived.ancestors).zip(derived.visible);
    for (step, (((dependents, named_by), ancestors), visible)) in steps.iter_mut().zip(derived) {
        step.reads = reads_of(step, &visible, &index);
        (step.dependents, step.named_by, step.ancestors, step.visible) = (dependents, named_by, ancestors, visible);
    }
    Arc::new(index)
}

fn reads_of(step: &Step, visible: &StepSet, index: &BTreeMap<StepId, StepIndex>) -> StepSet {
    let mut reads = StepSet::default();
    for read in reads::of(&Pointer::default(), step.condition.as_ref(), step.params.as_ref()) {
        match &read.what {
            What::Everything => reads.extend(visible),
            What::Name(name) | What::Step(name) => {
                if let Some(&read) = index.get(name.as_str()).filter(|&&read| visible.contains(read)) {
                    reads.insert(read);
                }
            }
        }
    }
    reads
}
