//! What is legal and yet probably not meant: warnings and hints about a definition without errors.

use std::collections::BTreeSet;

use super::courses::Courses;
use crate::definition::diagnostic::Code;
use crate::definition::params::Lookup;
use crate::definition::reads::{self, What};
use crate::definition::report::{Finding, Pointer, Report};
use crate::definition::{Definition, ErrorBranch, OnError, StepIndex};
use crate::expression::Expression;
use crate::limits;

pub(super) fn give(definition: &Definition, report: &mut Report) {
    let steps = Pointer::default().key("steps");
    // Worked out for the first read that asks.
    let mut courses = None;
    for reader in definition.indices() {
        let at = steps.index(reader.get());
        warn_of_missing_outputs(definition, reader, &at, &mut courses, report);
        hint_at_skipped_step(definition, reader, &at, report);
        hint_at_handler(definition, reader, &at, report);
        hint_at_dashed_ids(definition, reader, &at, report);
    }
}

fn warn_of_missing_outputs<'d>(
    definition: &'d Definition,
    reader: StepIndex,
    at: &Pointer,
    courses: &mut Option<Courses<'d>>,
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
        let Some(why) = why_missing(definition, courses, reader, source) else { continue };
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

/// How it can be that `reader` runs and sees no output of `source`.
fn why_missing<'d>(
    definition: &'d Definition,
    courses: &mut Option<Courses<'d>>,
    reader: StepIndex,
    source: StepIndex,
) -> Option<String> {
    if definition.steps.len() > limits::COURSES_STEPS_MAX {
        return None;
    }
    let courses = courses.get_or_insert_with(|| Courses::new(definition));
    if courses.can_run_without(reader, source) {
        return Some(how_it_ends_without_output(definition, source));
    }
    let namer = other_branch(definition, reader, source)?;
    Some(format!("is out of sight when `{}` branches here", definition.step(namer).id))
}

/// A target sees, of the steps that name it, only the one that branched to it.
fn other_branch(definition: &Definition, reader: StepIndex, source: StepIndex) -> Option<StepIndex> {
    let reader = definition.step(reader);
    if reader.ancestors.contains(source) {
        return None;
    }
    let sees = |namer: StepIndex| namer == source || definition.step(namer).ancestors.contains(source);
    reader.named_by.iter().copied().find(|&namer| !sees(namer))
}

fn how_it_ends_without_output(definition: &Definition, source: StepIndex) -> String {
    let step = definition.step(source);
    match &step.on_error {
        OnError::Continue if step.condition.is_none() => "can fail (`onError: 'continue'`)".to_owned(),
        OnError::Branch(ErrorBranch::Step(target)) if step.condition.is_none() => {
            format!("can fail (and branch to `{}`)", definition.step(*target).id)
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

#[cfg(test)]
mod tests;
