//! A read is warned of exactly when some course of events makes it fail: compared with all courses of small workflows.

use std::collections::BTreeSet;

use crate::definition::{Code, Definition, ErrorBranch, OnError, StepIndex};
use crate::json::Json;
use crate::limits::Limits;

/// Who reads whose output.
type Reads = BTreeSet<(usize, usize)>;

/// A step without its id: what it depends on (a bit for each earlier step), whether it has a condition, and its `onError`.
#[derive(Debug, Clone, Copy)]
struct Shape {
    depends_on: usize,
    condition: bool,
    policy: Policy,
}

#[derive(Debug, Clone, Copy)]
enum Policy {
    Fail,
    Continue,
    BranchToWorkflow,
    BranchToStep(usize),
}

/// Every step reads the output of every step that it can see; and which of these reads are warned of.
fn definition(shapes: &[Shape]) -> (Definition, Reads) {
    let steps: Vec<String> = (0..shapes.len()).map(|index| step(shapes, index)).collect();
    let source = Json::parse(format!(r#"{{"id":"w","steps":[{}]}}"#, steps.join(","))).unwrap();
    let checked = Definition::check(&source, &Limits::default()).unwrap();
    let warnings = checked.diagnostics.iter().filter(|diagnostic| diagnostic.code == Code::ReadCanBeMissing);
    let warned = warnings.map(|diagnostic| {
        let parts: Vec<&str> = diagnostic.pointer.split('/').collect();
        (parts[2].parse().unwrap(), parts[4].trim_start_matches('s').parse().unwrap())
    });
    let warned = warned.collect();
    (checked.definition, warned)
}

fn step(shapes: &[Shape], index: usize) -> String {
    let Shape { depends_on, condition, policy } = shapes[index];
    let named = |bits: usize, name: &dyn Fn(usize) -> String| {
        let names: Vec<String> = (0..index).filter(|bit| bits & 1 << bit != 0).map(name).collect();
        names.join(",")
    };
    let namers = (0..index).filter(|&namer| matches!(shapes[namer].policy, Policy::BranchToStep(target) if target == index));
    let visible = namers.fold(ancestors(shapes, index), |visible, namer| visible | 1 << namer | ancestors(shapes, namer));
    let condition = if condition { r#","condition":"input.x""# } else { "" };
    let policy = match policy {
        Policy::Fail => String::new(),
        Policy::Continue => r#","onError":"continue""#.to_owned(),
        Policy::BranchToWorkflow => r#","onError":"branch","errorBranch":"w""#.to_owned(),
        Policy::BranchToStep(target) => format!(r#","onError":"branch","errorBranch":"s{target}""#),
    };
    let depends_on = named(depends_on, &|of| format!("\"s{of}\""));
    let params = named(visible, &|of| format!(r#""s{of}":"$.s{of}.x""#));
    format!(r#"{{"id":"s{index}","action":"a","dependsOn":[{depends_on}],"params":{{{params}}}{condition}{policy}}}"#)
}

/// A bit for each.
fn ancestors(shapes: &[Shape], index: usize) -> usize {
    let direct = shapes[index].depends_on;
    (0..index).filter(|of| direct & 1 << of != 0).fold(direct, |all, of| all | ancestors(shapes, of))
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Skipped,
    Completed,
    Failed,
}

/// Reads that fail in one course of events: bit `2 * step` says that its condition holds, the next one that it succeeds.
fn missing_in_course(definition: &Definition, course: usize, missing: &mut Reads) {
    let mut ends: Vec<End> = Vec::new();
    for (index, step) in definition.steps.iter().enumerate() {
        let end = |of: &StepIndex| ends[of.get()];
        let counts_as_run = |of: &StepIndex| {
            end(of) == End::Completed || end(of) == End::Failed && definition.step(*of).on_error == OnError::Continue
        };
        let branched: Vec<StepIndex> = step.named_by.iter().copied().filter(|of| end(of) == End::Failed).collect();
        let considered = if step.is_target() {
            !branched.is_empty()
        } else {
            step.depends_on.is_empty() || step.depends_on.iter().any(counts_as_run)
        };
        if !considered || step.condition.is_some() && course & 1 << (2 * index) == 0 {
            ends.push(End::Skipped);
            continue;
        }
        for source in step.visible.iter() {
            let sees = |namer: &StepIndex| *namer == source || definition.step(*namer).ancestors.contains(source);
            // Whichever of them failed first.
            let out_of_sight = !step.ancestors.contains(source) && branched.iter().any(|namer| !sees(namer));
            if end(&source) != End::Completed || out_of_sight {
                missing.insert((index, source.get()));
            }
        }
        let succeeds = step.on_error == OnError::Fail || course & 1 << (2 * index + 1) != 0;
        ends.push(if succeeds { End::Completed } else { End::Failed });
    }
}

/// Reads that are warned of, and reads that can fail.
fn warned_and_missing(shapes: &[Shape]) -> (Reads, Reads) {
    let (definition, warned) = definition(shapes);
    let mut missing = BTreeSet::new();
    for course in 0..1 << (2 * shapes.len()) {
        missing_in_course(&definition, course, &mut missing);
    }
    (warned, missing)
}

fn compare(shapes: &[Shape]) {
    let (warned, missing) = warned_and_missing(shapes);
    assert_eq!(warned, missing, "{shapes:?}");
}

/// The shapes that a step at `index` of `count` can have.
fn shapes(index: usize, count: usize) -> Vec<Shape> {
    let policies = [Policy::Fail, Policy::Continue, Policy::BranchToWorkflow]
        .into_iter()
        .chain((index + 1..count).map(Policy::BranchToStep));
    policies
        .flat_map(|policy| [false, true].map(|condition| (policy, condition)))
        .flat_map(|(policy, condition)| (0..1 << index).map(move |depends_on| Shape { depends_on, condition, policy }))
        .collect()
}

#[test]
fn all_workflows_of_up_to_three_steps() {
    for first in shapes(0, 1) {
        compare(&[first]);
    }
    for first in shapes(0, 3) {
        for second in shapes(1, 3) {
            for third in shapes(2, 3) {
                compare(&[first, second, third]);
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn a_sample_of_those_with_five(places in proptest::array::uniform5(proptest::prelude::any::<proptest::sample::Index>())) {
        let of: Vec<Shape> = places.iter().enumerate().map(|(index, place)| *place.get(&shapes(index, 5))).collect();
        let (warned, missing) = warned_and_missing(&of);
        // In larger ones a warning may be one too many, never one too few (`courses`).
        proptest::prop_assert!(warned.is_superset(&missing), "{of:?}: {warned:?} {missing:?}");
    }
}

/// Ends that hang together made for warnings that were wrong, or for none.
#[test]
fn reasons_that_hang_together() {
    let step = |depends_on, condition, policy| Shape { depends_on, condition, policy };
    let plain = |depends_on| step(depends_on, false, Policy::Fail);
    let risky = step(0, false, Policy::BranchToStep(1));
    // A join after a step and its rescue always runs, so what follows it may read it.
    compare(&[risky, plain(0), plain(0b11), plain(0b100)]);
    compare(&[risky, step(0, false, Policy::Continue), plain(0), plain(0b11), plain(0b1100)]);
    // What is skipped because it failed has branched, and what follows the rescue runs without what was skipped with it.
    compare(&[risky, plain(0), plain(0b1), plain(0), plain(0b110)]);
    // Without the join both of its branches were skipped, and then so is what depends on one of them.
    compare(&[step(0, true, Policy::Fail), step(0, true, Policy::Continue), plain(0b11), plain(0b101)]);
    // Two steps name one target: it sees only what came before the one that branched to it.
    compare(&[plain(0), step(1, false, Policy::BranchToStep(3)), step(0, false, Policy::BranchToStep(3)), plain(0)]);
}

#[test]
fn an_error_branch_that_names_a_workflow_is_no_target() {
    let (definition, _) = definition(&[Shape { depends_on: 0, condition: false, policy: Policy::BranchToWorkflow }]);
    assert!(matches!(definition.steps[0].on_error, OnError::Branch(ErrorBranch::Workflow(_))));
}
