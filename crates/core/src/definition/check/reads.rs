//! Conditions and params read only what is there: the outputs of steps that have ended by then.

use std::collections::BTreeSet;

use super::graph::Graph;
use super::step::Draft;
use crate::definition::StepIndex;
use crate::definition::closest::did_you_mean;
use crate::definition::diagnostic::Code;
use crate::definition::reads::{self, Read, What};
use crate::definition::report::{Finding, Report};

pub(super) fn check(drafts: &[Draft<'_>], graph: &Graph<'_>, report: &mut Report) {
    for (reader, draft) in drafts.iter().enumerate() {
        let reader = StepIndex::new(reader);
        let mut reported = Reported::new();
        for read in reads::of(&draft.at, draft.condition.as_ref(), draft.params.as_ref()) {
            match &read.what {
                What::Everything => {}
                What::Name(name) => {
                    if let Some(&step) = graph.index.get(name.as_str()) {
                        check_read(drafts, graph, reader, step, &read, &mut reported, report);
                    }
                }
                What::Step(name) => match graph.index.get(name.as_str()) {
                    Some(&step) => check_read(drafts, graph, reader, step, &read, &mut reported, report),
                    None => {
                        let message = format!("`{}` reads step `{}`, but there is no such step", read.shown, name.escape_debug());
                        let help = if report.is_long() { None } else { did_you_mean(name, graph.index.keys().copied()) };
                        report.push(at(&read, Code::UnknownStep, message).help(help));
                    }
                },
            }
        }
    }
}

/// Pointers of what has been reported of one step, each with the step that is read there: `a.x > 1 && a.x < 9` is one mistake.
type Reported = BTreeSet<(String, StepIndex)>;

/// Reports a read of what `reader` cannot see.
fn check_read(
    drafts: &[Draft<'_>],
    graph: &Graph<'_>,
    reader: StepIndex,
    step: StepIndex,
    read: &Read,
    reported: &mut Reported,
    report: &mut Report,
) {
    let visible = &graph.derived.visible[reader.get()];
    if visible.contains(step) {
        return;
    }
    let incomplete = |step| graph.incomplete.contains(step);
    if incomplete(reader) || visible.iter().any(incomplete) {
        return;
    }
    if !reported.insert((read.pointer.to_string(), step)) {
        return;
    }
    let name = |step: StepIndex| drafts[step.get()].called.unwrap_or("?");
    let (message, help) = if step == reader {
        (format!("`{}` reads the output of its own step, which has none yet", read.shown), None)
    } else if graph.derived.visible[step.get()].contains(reader) {
        (format!("`{}` reads the output of `{}`, which runs after `{}`", read.shown, name(step), name(reader)), None)
    } else {
        (
            format!(
                "`{}` reads the output of `{}`, which is no ancestor of `{}`: whether it has run by then is a race",
                read.shown,
                name(step),
                name(reader)
            ),
            Some(format!("add `{0}` to the `dependsOn` of `{1}`", name(step), name(reader))),
        )
    };
    report.push(at(read, Code::ReadIsRace, message).help(help));
}

fn at(read: &Read, code: Code, message: String) -> Finding {
    Finding::error(&read.pointer, code, message).column(read.column)
}
