//! What can happen together in the course of one execution: whether a step can run while another one has no output.
//!
//! For each way in which a step can end, it is worked out how every step must have ended then (a set of ways for each). From
//! what a missing output means for every step it follows, in the order of the edges, which steps can still run. This may call
//! possible what is not, when the reason lies in many ends together; it never calls impossible what is possible.

use crate::definition::{Definition, ErrorBranch, OnError, Step, StepIndex};

/// Never considered: all dependencies were skipped, or no step branched to it.
const NOT_CONSIDERED: u8 = 1;
const CONDITION_FALSE: u8 = 2;
/// Under `continue` or `branch`; under `fail` the execution ends.
const FAILED: u8 = 4;
const COMPLETED: u8 = 8;
const ENDS: [u8; 4] = [NOT_CONSIDERED, CONDITION_FALSE, FAILED, COMPLETED];
const ANY: u8 = NOT_CONSIDERED | CONDITION_FALSE | FAILED | COMPLETED;

const RAN: u8 = CONDITION_FALSE | FAILED | COMPLETED;

/// The ends that are possible for each step, given something; never empty for any.
type Given = Vec<u8>;

pub(super) struct Courses<'d> {
    definition: &'d Definition,
    order: Vec<StepIndex>,
    /// By step and end, in the order of [`ENDS`]; `None`: it cannot end so.
    given: Vec<[Option<Given>; 4]>,
    /// By step, once asked: how the others can end for each way in which it ends without output.
    without: Vec<Option<Vec<Given>>>,
}

impl<'d> Courses<'d> {
    pub fn new(definition: &'d Definition) -> Courses<'d> {
        let count = definition.steps.len();
        let order = order(definition);
        let mut courses =
            Courses { definition, order: Vec::new(), given: vec![[const { None }; 4]; count], without: vec![None; count] };
        for &index in &order {
            let step = definition.step(index);
            let considered = courses.considered(step);
            let not_considered = courses.not_considered(step);
            courses.given[index.get()] = ENDS.map(|end| {
                let possible = match end {
                    NOT_CONSIDERED => not_considered.clone(),
                    end => considered.clone().filter(|_| once_considered(step) & end != 0),
                };
                possible.map(|mut given| {
                    given[index.get()] = end;
                    given
                })
            });
        }
        Courses { order, ..courses }
    }

    /// Whether `reader` can be considered, and not skipped for its dependencies, while `source` has ended without output.
    pub fn can_run_without(&mut self, reader: StepIndex, source: StepIndex) -> bool {
        if self.without[source.get()].is_none() {
            self.without[source.get()] = Some(self.courses_without(source));
        }
        let ran: Vec<&Given> = self.given_ends(reader, RAN).collect();
        let together = |a: &Given, b: &Given| a.iter().zip(b).all(|(a, b)| a & b != 0);
        let courses = self.without[source.get()].iter().flatten();
        courses.into_iter().any(|course| course[reader.get()] & RAN != 0 && ran.iter().any(|ran| together(ran, course)))
    }

    fn courses_without(&self, source: StepIndex) -> Vec<Given> {
        self.given_ends(source, ANY & !COMPLETED).filter_map(|given| self.narrowed(given)).collect()
    }

    /// How every step can end when each ends in one of the given ways; `None` when they cannot.
    fn narrowed(&self, given: &Given) -> Option<Given> {
        let mut ends = given.clone();
        for &index in &self.order {
            let step = self.definition.step(index);
            let can = |of: &StepIndex, wanted: u8| ends[of.get()] & wanted != 0;
            let skipped = |of: &StepIndex| counts_as_skipped(self.definition.step(*of));
            let (considered, not_considered) = if step.is_target() {
                let branches = step.named_by.iter().any(|namer| can(namer, FAILED));
                (branches, step.named_by.iter().all(|namer| can(namer, ANY & !FAILED)))
            } else if step.depends_on.is_empty() {
                (true, false)
            } else {
                let runs = step.depends_on.iter().any(|of| can(of, ANY & !skipped(of)));
                (runs, step.depends_on.iter().all(|of| can(of, skipped(of))))
            };
            let possible = if considered { once_considered(step) } else { 0 } | if not_considered { NOT_CONSIDERED } else { 0 };
            ends[index.get()] &= possible;
            if ends[index.get()] == 0 {
                return None;
            }
        }
        Some(ends)
    }

    fn given_ends(&self, step: StepIndex, ends: u8) -> impl Iterator<Item = &Given> {
        let given = ENDS.iter().zip(&self.given[step.get()]);
        given.filter(move |&(end, _)| end & ends != 0).filter_map(|(_, given)| given.as_ref())
    }

    fn considered(&self, step: &Step) -> Option<Given> {
        if step.is_target() {
            return self.one_of(step.named_by.iter().map(|&namer| (namer, FAILED)));
        }
        if step.depends_on.is_empty() {
            return Some(vec![ANY; self.given.len()]);
        }
        self.one_of(step.depends_on.iter().map(|&of| (of, ANY & !counts_as_skipped(self.definition.step(of)))))
    }

    fn not_considered(&self, step: &Step) -> Option<Given> {
        if step.is_target() {
            return self.all_of(step.named_by.iter().map(|&namer| (namer, ANY & !FAILED)));
        }
        if step.depends_on.is_empty() {
            return None;
        }
        self.all_of(step.depends_on.iter().map(|&of| (of, counts_as_skipped(self.definition.step(of)))))
    }

    /// Given that one of these steps ended in one of its ways.
    fn one_of(&self, steps: impl Iterator<Item = (StepIndex, u8)>) -> Option<Given> {
        let mut union: Option<Given> = None;
        for (step, ends) in steps {
            for given in self.given_ends(step, ends) {
                match &mut union {
                    None => union = Some(given.clone()),
                    Some(union) => union.iter_mut().zip(given).for_each(|(all, more)| *all |= more),
                }
            }
        }
        union
    }

    /// Given that each of these steps ended in one of its ways.
    fn all_of(&self, steps: impl Iterator<Item = (StepIndex, u8)>) -> Option<Given> {
        let mut intersection = vec![ANY; self.given.len()];
        for step in steps {
            let given = self.one_of(std::iter::once(step))?;
            intersection.iter_mut().zip(&given).for_each(|(all, more)| *all &= more);
        }
        intersection.iter().all(|&ends| ends != 0).then_some(intersection)
    }
}

/// The ends that a step can come to when it is considered.
fn once_considered(step: &Step) -> u8 {
    let condition = if step.condition.is_some() { CONDITION_FALSE } else { 0 };
    let failed = if step.on_error == OnError::Fail { 0 } else { FAILED };
    COMPLETED | condition | failed
}

/// The ends with which a step counts as skipped for those after it (SPEC §3, §4).
fn counts_as_skipped(step: &Step) -> u8 {
    match step.on_error {
        OnError::Branch(_) => NOT_CONSIDERED | CONDITION_FALSE | FAILED,
        OnError::Fail | OnError::Continue => NOT_CONSIDERED | CONDITION_FALSE,
    }
}

/// Each step after those that it depends on and those that name it.
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
