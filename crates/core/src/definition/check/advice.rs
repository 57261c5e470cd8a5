//! What is legal and yet probably not meant: warnings and hints about a definition without errors.

use std::collections::BTreeSet;

use crate::definition::diagnostic::Code;
use crate::definition::params::Lookup;
use crate::definition::reads::{self, What};
use crate::definition::report::{Finding, Pointer, Report};
use crate::definition::{Definition, ErrorBranch, OnError, Step, StepIndex, StepSet};
use crate::expression::Expression;

pub(super) fn give(definition: &Definition, report: &mut Report) {
    let steps = Pointer::default().key("steps");
    let mut outcomes = Outcomes::new(definition);
    for reader in definition.indices() {
        let at = steps.index(reader.get());
        warn_of_missing_outputs(definition, reader, &at, &mut outcomes, report);
        hint_at_skipped_step(definition, reader, &at, report);
        hint_at_handler(definition, reader, &at, report);
        hint_at_dashed_ids(definition, reader, &at, report);
    }
}

fn warn_of_missing_outputs(
    definition: &Definition,
    reader: StepIndex,
    at: &Pointer,
    outcomes: &mut Outcomes<'_>,
    report: &mut Report,
) {
    let step = definition.step(reader);
    let mut warned = BTreeSet::new();
    for read in reads::of(at, step.condition.as_ref(), step.params.as_ref()) {
        let (What::Name(name) | What::Step(name)) = &read.what else { continue };
        let Some(source) = definition.index_of(name).filter(|_| !read.guarded) else { continue };
        if !step.visible.contains(source) {
            continue;
        }
        let Some(why) = outcomes.why_missing(reader, source) else { continue };
        // `gift.size > 1 && gift.size < 9` is one mistake.
        if !warned.insert((read.pointer.to_string(), source)) {
            continue;
        }
        let message = format!("`{}` reads `{name}`, which {why} while `{}` still runs", read.shown, step.id);
        let help = format!("write {}", read.if_missing);
        report.push(Finding::warning(&read.pointer, Code::ReadCanBeMissing, message).help(help).column(read.column));
    }
}

/// "Only dependency" of a step that is no target: rule 1 of SPEC §3 does not apply to those.
fn hint_at_skipped_step(definition: &Definition, step: StepIndex, at: &Pointer, report: &mut Report) {
    let step = definition.step(step);
    let &[dependency] = step.depends_on.as_slice() else { return };
    let dependency = definition.step(dependency);
    if dependency.condition.is_none() || step.condition.is_some() || step.is_target() {
        return;
    }
    let message = format!("`{}` depends only on `{}`, which can be skipped: it is skipped too then", step.id, dependency.id);
    let help = "add an unconditional dependency if it should run anyway".to_owned();
    let at = at.key("dependsOn").index(0);
    report.push(Finding::hint(&at, Code::SkippedWithDependency, message).help(help));
}

fn hint_at_handler(definition: &Definition, step: StepIndex, at: &Pointer, report: &mut Report) {
    let Some(before) = step.get().checked_sub(1).map(|before| &definition.steps[before]) else { return };
    let step = definition.step(step);
    if !step.depends_on.is_empty() || !matches!(step.on_error, OnError::Branch(_)) || step.is_target() {
        return;
    }
    let message = format!("`{}` runs at the start of every execution", step.id);
    let help = format!("to run it only when `{0}` fails, give `{0}` `onError: 'branch', errorBranch: '{1}'`", before.id, step.id);
    report.push(Finding::hint(at, Code::HandlerRunsAtStart, message).help(help));
}

/// `fraud-check.risk` is a subtraction to JavaScript.
fn hint_at_dashed_ids(definition: &Definition, step: StepIndex, at: &Pointer, report: &mut Report) {
    let step = definition.step(step);
    let mut hint = |at: &Pointer, id: &str, column: Option<usize>| {
        if definition.index_of(id).is_some() {
            let message = format!("`{id}` is a subtraction here, not the step of that id");
            let help = format!("write `state[\"{id}\"]`");
            report.push(Finding::hint(at, Code::DashedStepId, message).help(help).column(column));
        }
    };
    for (id, column) in step.condition.iter().flat_map(Expression::dashed_names) {
        hint(&at.key("condition"), &id, Some(column));
    }
    for (at, lookup) in step.params.iter().flat_map(|params| params.lookups(&at.key("params"))) {
        if let Lookup::Expression(expression) = lookup {
            expression.dashed_names().iter().for_each(|(id, _)| hint(&at, id, None));
        }
    }
}

/// Which steps can end without output, and which can run all the same.
///
/// A dependency *counts as run* for the steps after it when it completed or failed under `continue`, and as skipped when it was
/// skipped or failed under `branch` (SPEC §3, §4).
struct Outcomes<'d> {
    definition: &'d Definition,
    /// Steps so that each comes after those that it depends on and those that name it.
    order: Vec<StepIndex>,
    can_be_skipped: StepSet,
    /// By step, once asked: those that can run while it has no output.
    runs_without: Vec<Option<StepSet>>,
}

impl<'d> Outcomes<'d> {
    fn new(definition: &'d Definition) -> Outcomes<'d> {
        let order = order(definition);
        let mut can_be_skipped = StepSet::default();
        for &index in &order {
            let step = definition.step(index);
            let with_dependencies = !step.depends_on.is_empty() && step.depends_on.iter().all(|&of| can_be_skipped.contains(of));
            if skips_itself(step) || with_dependencies {
                can_be_skipped.insert(index);
            }
        }
        Outcomes { definition, order, can_be_skipped, runs_without: vec![None; definition.steps.len()] }
    }

    /// How it can be that `reader` runs and sees no output of `source`.
    fn why_missing(&mut self, reader: StepIndex, source: StepIndex) -> Option<String> {
        let of = self.definition.step(source);
        let can_be_skipped = self.can_be_skipped.contains(source);
        if can_be_skipped || of.on_error == OnError::Continue {
            if self.runs_without[source.get()].is_none() {
                self.runs_without[source.get()] = Some(self.find_runs_without(source));
            }
            if self.runs_without[source.get()].as_ref().is_some_and(|runs| runs.contains(reader)) {
                return Some(self.how_it_ends_without_output(source));
            }
        }
        self.other_branch(reader, source).map(|namer| {
            let namer = &self.definition.step(namer).id;
            format!("is out of sight when `{namer}` branches here")
        })
    }

    /// A target sees, of the steps that name it, only the one that branched to it.
    fn other_branch(&self, reader: StepIndex, source: StepIndex) -> Option<StepIndex> {
        let reader = self.definition.step(reader);
        if reader.ancestors.contains(source) {
            return None;
        }
        let sees = |namer: StepIndex| namer == source || self.definition.step(namer).ancestors.contains(source);
        reader.named_by.iter().copied().find(|&namer| !sees(namer))
    }

    /// The steps that can run when `source` ended without output. What must have been skipped for that is skipped; everything
    /// else may go either way.
    fn find_runs_without(&self, source: StepIndex) -> StepSet {
        let continues = self.definition.step(source).on_error == OnError::Continue;
        let skipped = if continues { StepSet::default() } else { self.skipped_with(source) };
        let (mut runs, mut counts_as_run) = (StepSet::default(), StepSet::default());
        for &index in &self.order {
            let step = self.definition.step(index);
            // What counts as skipped because it failed under `branch` has run, and branched.
            let branched_to = step.named_by.iter().any(|&namer| runs.contains(namer));
            let can_run = if step.is_target() {
                branched_to
            } else {
                step.depends_on.is_empty() || step.depends_on.iter().any(|&of| counts_as_run.contains(of))
            };
            if can_run {
                runs.insert(index);
                if !skipped.contains(index) {
                    counts_as_run.insert(index);
                }
            }
        }
        runs
    }

    /// `source`, and when nothing of its own makes it be skipped, what has to be skipped before it is.
    fn skipped_with(&self, source: StepIndex) -> StepSet {
        let mut skipped = StepSet::default();
        let mut to_explain = vec![source];
        while let Some(index) = to_explain.pop() {
            if skipped.contains(index) {
                continue;
            }
            skipped.insert(index);
            let step = self.definition.step(index);
            if !skips_itself(step) {
                to_explain.extend(&step.depends_on);
            }
        }
        skipped
    }

    fn how_it_ends_without_output(&self, source: StepIndex) -> String {
        let step = self.definition.step(source);
        match &step.on_error {
            OnError::Continue if step.condition.is_none() => "can fail (`onError: 'continue'`)".to_owned(),
            OnError::Branch(ErrorBranch::Step(target)) if step.condition.is_none() => {
                format!("can fail (and branch to `{}`)", self.definition.step(*target).id)
            }
            OnError::Branch(ErrorBranch::Workflow(workflow)) if step.condition.is_none() => {
                format!("can fail (and start `{workflow}`)")
            }
            OnError::Fail | OnError::Continue | OnError::Branch(_) if step.is_target() => {
                "runs only when a step branches to it, and can be skipped".to_owned()
            }
            OnError::Fail | OnError::Continue | OnError::Branch(_) => "can be skipped".to_owned(),
        }
    }
}

/// Whether something of its own can make it count as skipped.
fn skips_itself(step: &Step) -> bool {
    step.condition.is_some() || step.is_target() || matches!(step.on_error, OnError::Branch(_))
}

fn order(definition: &Definition) -> Vec<StepIndex> {
    let mut missing: Vec<usize> = definition.steps.iter().map(|step| step.depends_on.len() + step.named_by.len()).collect();
    let mut order: Vec<StepIndex> = definition.indices().filter(|index| missing[index.get()] == 0).collect();
    let mut next = 0;
    while let Some(&index) = order.get(next) {
        next += 1;
        let step = definition.step(index);
        let target = match step.on_error {
            OnError::Branch(ErrorBranch::Step(target)) => Some(target),
            OnError::Branch(ErrorBranch::Workflow(_)) | OnError::Fail | OnError::Continue => None,
        };
        for &after in step.dependents.iter().chain(&target) {
            missing[after.get()] -= 1;
            if missing[after.get()] == 0 {
                order.push(after);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests;
