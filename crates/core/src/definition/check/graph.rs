//! Names of other steps become edges.

use std::collections::BTreeMap;

use super::step::{Draft, Policy};
use crate::definition::closest::did_you_mean;
use crate::definition::diagnostic::Code;
use crate::definition::edges::{Derived, Edges};
use crate::definition::report::{Finding, Pointer, Report};
use crate::definition::{ErrorBranch, OnError, Step, StepIndex, StepSet};
use crate::id::WorkflowId;

/// The edges that could be found.
pub(super) struct Graph<'n> {
    pub edges: Edges,
    pub derived: Derived,
    /// The first step of each id.
    pub index: BTreeMap<&'n str, StepIndex>,
    /// Steps of whose dependencies some are not known: what they can see is not known either.
    pub incomplete: StepSet,
    /// Error branches that name no step, by step.
    workflows: Vec<Option<WorkflowId>>,
}

pub(super) fn read<'n>(drafts: &[Draft<'n>], report: &mut Report) -> Graph<'n> {
    let index = read_index(drafts, report);
    let mut incomplete = StepSet::default();
    let mut edges = Edges { depends_on: Vec::new(), branches_to: Vec::new() };
    let mut workflows = Vec::new();
    for (step, draft) in drafts.iter().enumerate() {
        let step = StepIndex::new(step);
        let dependencies = read_dependencies(draft, step, &index, report);
        if dependencies.len() < draft.depends_on.len() || draft.called.is_none() {
            incomplete.insert(step);
        }
        let mut depends_on: Vec<StepIndex> = Vec::new();
        let mut seen = StepSet::default();
        for (at, dependency) in dependencies {
            if seen.contains(dependency) {
                let message = format!("`{}` is there twice", drafts[dependency.get()].called.unwrap_or_default());
                report.push(Finding::hint(at, Code::RepeatedDependency, message));
            } else {
                seen.insert(dependency);
                depends_on.push(dependency);
            }
        }
        edges.depends_on.push(depends_on);
        let (target, workflow) = read_error_branch(draft, &index, report);
        edges.branches_to.push(target);
        workflows.push(workflow);
    }
    report_cycles(drafts, &edges, report);
    let derived = edges.derive();
    Graph { edges, derived, index, incomplete, workflows }
}

fn read_index<'n>(drafts: &[Draft<'n>], report: &mut Report) -> BTreeMap<&'n str, StepIndex> {
    let mut index = BTreeMap::new();
    for (step, draft) in drafts.iter().enumerate() {
        let Some(id) = draft.called else { continue };
        if let Some(&first) = index.get(id) {
            let message = format!("step id `{}` is already taken by {}", id.escape_debug(), drafts[StepIndex::get(first)].at);
            report.push(Finding::error(&draft.at.key("id"), Code::DuplicateStep, message));
        } else {
            index.insert(id, StepIndex::new(step));
        }
    }
    index
}

/// Those that could be found, each with its pointer.
fn read_dependencies<'d>(
    draft: &'d Draft<'_>,
    step: StepIndex,
    index: &BTreeMap<&str, StepIndex>,
    report: &mut Report,
) -> Vec<(&'d Pointer, StepIndex)> {
    let mut dependencies = Vec::new();
    for (at, id) in &draft.depends_on {
        match index.get(id) {
            // A second step of the same id that depends on the first is a mistake of its own.
            Some(&dependency) if dependency == step => {
                report.push(Finding::error(at, Code::SelfDependency, format!("`{id}` depends on itself")));
            }
            Some(&dependency) => dependencies.push((at, dependency)),
            None => {
                let others = index.iter().filter(|&(_, &other)| other != step).map(|(&id, _)| id);
                let message = format!("there is no step `{}`", id.escape_debug());
                let help = if report.is_long() { None } else { did_you_mean(id, others) };
                report.push(Finding::error(at, Code::UnknownStep, message).help(help));
            }
        }
    }
    dependencies
}

fn read_error_branch(
    draft: &Draft<'_>,
    index: &BTreeMap<&str, StepIndex>,
    report: &mut Report,
) -> (Option<StepIndex>, Option<WorkflowId>) {
    let Some(name) = draft.error_branch else {
        return (None, None);
    };
    if let Some(&target) = index.get(name) {
        return (Some(target), None);
    }
    let at = draft.at.key("errorBranch");
    let meant = if report.is_long() { None } else { did_you_mean(name, index.keys().copied()) };
    match WorkflowId::new(name) {
        Ok(workflow) => {
            let step = draft.called.unwrap_or("the step");
            let message = format!("there is no step `{name}`: when `{step}` fails, a workflow with this id is started");
            let help = meant.or_else(|| Some(format!("add a step `{name}`, or see that a workflow `{name}` is registered")));
            report.push(Finding::warning(&at, Code::ErrorBranchIsNoStep, message).help(help));
            (None, Some(workflow))
        }
        Err(error) => {
            let message = format!("there is no step `{}`, and for a workflow: {error}", name.escape_debug());
            report.push(Finding::error(&at, Code::InvalidWorkflowId, message).help(meant));
            (None, None)
        }
    }
}

fn report_cycles(drafts: &[Draft<'_>], edges: &Edges, report: &mut Report) {
    for cycle in edges.cycles() {
        let names: Vec<&str> = cycle.iter().map(|step| drafts[step.get()].called.unwrap_or("?")).collect();
        let mut pairs = cycle.windows(2);
        let over_branches = pairs.any(|pair| !edges.depends_on[pair[1].get()].contains(&pair[0]));
        let help = over_branches.then(|| "an `errorBranch` counts too: its target runs after the step that names it".to_owned());
        let (last, first) = (&drafts[cycle[cycle.len() - 2].get()], &drafts[cycle[0].get()]);
        // The edge that closes the circle.
        let at = match first.depends_on.iter().find(|(_, id)| Some(*id) == last.called) {
            Some((at, _)) => at.clone(),
            None => last.at.key("errorBranch"),
        };
        let message = format!("steps that wait for each other never run: `{}`", names.join(" -> "));
        report.push(Finding::error(&at, Code::Cycle, message).help(help));
    }
}

/// Steps without what follows from their edges. `None` when a part of one is missing, which the report then says.
pub(super) fn into_steps(drafts: Vec<Draft<'_>>, graph: &Graph<'_>) -> Option<Vec<Step>> {
    let into_step = |(index, draft): (usize, Draft<'_>)| {
        let target = || graph.edges.branches_to[index].map(ErrorBranch::Step);
        let workflow = || graph.workflows[index].clone().map(ErrorBranch::Workflow);
        Some(Step {
            id: draft.id?,
            name: draft.name,
            action: draft.action?,
            params: draft.params,
            depends_on: graph.edges.depends_on[index].clone(),
            condition: draft.condition,
            wait: draft.wait,
            on_error: match draft.policy {
                Policy::Fail | Policy::Retry => OnError::Fail,
                Policy::Continue => OnError::Continue,
                Policy::Branch => OnError::Branch(target().or_else(workflow)?),
            },
            max_retries: draft.max_retries,
            backoff: draft.backoff,
            timeout: draft.timeout,
            sensitive: draft.sensitive,
            dependents: Vec::new(),
            ancestors: StepSet::default(),
            named_by: Vec::new(),
            visible: StepSet::default(),
            reads: StepSet::default(),
        })
    };
    drafts.into_iter().enumerate().map(into_step).collect()
}
