//! Looks at every state, in the order of their distance from the first, so that a counterexample is as short as can be.
//!
//! States that differ in names only are one. Of a state only a fingerprint of 64 bits is kept: that two of ten million have the same one
//! and something is overlooked for it happens once in hundreds of thousands of runs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use crate::protocol::{Kind, Model, Next, Step, Violation, What};
use crate::state::State;

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    pub states: usize,
    pub transitions: usize,
    /// How many steps the farthest state is away.
    pub depth: usize,
    /// How often each step was taken.
    pub steps: BTreeMap<What, usize>,
    pub found: Option<Counterexample>,
}

/// How it comes to what must not be.
#[derive(Debug)]
pub struct Counterexample {
    pub wrong: Wrong,
    pub course: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Violated(Violation),
    /// From here, with no fault any more, it never gets well by itself.
    Stuck,
    /// More states than were asked for.
    TooMany,
}

/// Whether they stay within all that must hold, and whether they can always recover.
pub fn check(model: &Model, states_max: usize) -> Seen {
    let mut search = Search::new(model);
    while let Some((at, state)) = search.queue.pop_front() {
        for next in model.next(&state) {
            search.seen.transitions += 1;
            *search.seen.steps.entry(next.step.what).or_default() += 1;
            match next.to {
                Ok(to) => search.reach(at, &next, &state, to),
                Err(violation) => {
                    let course = search.course(at, Some(next.step.what));
                    return search.end(Wrong::Violated(violation), course);
                }
            }
        }
        if search.parents.len() > states_max {
            return search.end(Wrong::TooMany, Vec::new());
        }
    }
    match search.stuck() {
        Some(at) => {
            let course = search.course(at, None);
            search.end(Wrong::Stuck, course)
        }
        None => search.seen(),
    }
}

struct Search<'m> {
    model: &'m Model,
    numbers: HashMap<u64, u32, BuildHasherDefault<Fingerprinted>>,
    fingerprints: Vec<u64>,
    parents: Vec<u32>,
    depths: Vec<u16>,
    well: Vec<u32>,
    /// Steps that happen by themselves.
    edges: Vec<(u32, u32)>,
    queue: VecDeque<(u32, State)>,
    seen: Seen,
}

impl<'m> Search<'m> {
    fn new(model: &'m Model) -> Search<'m> {
        let seen = Seen { states: 0, transitions: 0, depth: 0, steps: BTreeMap::new(), found: None };
        let mut search = Search {
            model,
            numbers: HashMap::default(),
            fingerprints: Vec::new(),
            parents: Vec::new(),
            depths: Vec::new(),
            well: Vec::new(),
            edges: Vec::new(),
            queue: VecDeque::new(),
            seen,
        };
        search.number(0, model.first());
        search
    }

    /// The number of a state, new or not.
    fn number(&mut self, parent: u32, state: State) -> u32 {
        let state = state.renamed();
        let fingerprint = fingerprint(&state);
        let new = u32::try_from(self.parents.len()).expect("memory ends before");
        let number = *self.numbers.entry(fingerprint).or_insert(new);
        if number == new {
            let depth = self.depths.get(parent as usize).map_or(0, |depth| depth + 1);
            self.fingerprints.push(fingerprint);
            self.parents.push(parent);
            self.depths.push(depth);
            self.seen.depth = self.seen.depth.max(usize::from(depth));
            if self.model.is_well(&state) {
                self.well.push(number);
            }
            self.queue.push_back((number, state));
        }
        number
    }

    fn reach(&mut self, from: u32, next: &Next, state: &State, to: State) {
        let to = self.number(from, to);
        let by_itself = next.kind == Kind::Progress || (next.step.what == What::JoinBegins && Model::is_deserted(state));
        if by_itself && from != to {
            self.edges.push((from, to));
        }
    }

    /// The nearest state from which none that is well is reached by steps that happen by themselves.
    fn stuck(&mut self) -> Option<u32> {
        let count = self.parents.len();
        let mut starts = vec![0u32; count + 1];
        for (_, to) in &self.edges {
            starts[*to as usize + 1] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let (mut sources, mut filled) = (vec![0u32; self.edges.len()], starts.clone());
        for (from, to) in &self.edges {
            sources[filled[*to as usize] as usize] = *from;
            filled[*to as usize] += 1;
        }
        let mut recovers = vec![false; count];
        let mut queue = self.well.clone();
        while let Some(at) = queue.pop() {
            if !std::mem::replace(&mut recovers[at as usize], true) {
                queue.extend(&sources[starts[at as usize] as usize..starts[at as usize + 1] as usize]);
            }
        }
        recovers.iter().position(|recovers| !recovers).and_then(|at| u32::try_from(at).ok())
    }

    /// The steps to a state, and a last one that leads nowhere, with the names of one course.
    fn course(&self, at: u32, last: Option<What>) -> Vec<Step> {
        let mut path = Vec::new();
        let mut number = at;
        while number != 0 {
            path.push(self.fingerprints[number as usize]);
            number = self.parents[number as usize];
        }
        let (mut state, mut course) = (self.model.first(), Vec::new());
        for wanted in path.into_iter().rev() {
            let all = self.model.next(&state);
            let found = all.into_iter().find_map(|next| {
                let to = next.to.ok()?;
                (fingerprint(&to.renamed()) == wanted).then_some((next.step, to))
            });
            let (step, to) = found.expect("it was reached so before");
            course.push(step);
            state = to;
        }
        if let Some(last) = last {
            course.extend(
                self.model.next(&state).iter().find(|next| next.to.is_err() && next.step.what == last).map(|next| next.step),
            );
        }
        course
    }

    fn end(self, wrong: Wrong, course: Vec<Step>) -> Seen {
        Seen { found: Some(Counterexample { wrong, course }), ..self.seen() }
    }

    fn seen(self) -> Seen {
        Seen { states: self.parents.len(), ..self.seen }
    }
}

fn fingerprint(state: &State) -> u64 {
    BuildHasherDefault::<Folded>::default().hash_one(state)
}

/// A state is a hundred small numbers, for which SipHash takes longer than everything else together: each is multiplied in, and the
/// halves of the product are folded into one.
#[derive(Debug)]
struct Folded(u64);

impl Default for Folded {
    fn default() -> Folded {
        Folded(0x243f_6a88_85a3_08d3)
    }
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(8) {
            self.write_u64(bytes.iter().fold(1, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        let (high, low) = ((product >> 64) as u64, product as u64);
        self.0 = (high ^ low).wrapping_add(0xd1b5_4a32_d192_ed03);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, discriminant: isize) {
        self.write_u64(discriminant.cast_unsigned() as u64);
    }
}

/// Fingerprints need no other.
#[derive(Debug, Default)]
struct Fingerprinted(u64);

impl Hasher for Fingerprinted {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a fingerprint is one number");
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wrong {
            Wrong::Violated(violation) => write!(f, "{violation}, after {} steps:", self.course.len())?,
            Wrong::Stuck => write!(f, "it never gets well by itself, after {} steps:", self.course.len())?,
            Wrong::TooMany => f.write_str("there are more states than were to be looked at")?,
        }
        for (place, step) in self.course.iter().enumerate() {
            write!(f, "\n  {:>3}. {step}", place + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Search, fingerprint};
    use crate::protocol::Model;
    use crate::state::{ORDERS, State};

    /// Were two states that differ in more than names taken for one, something would be overlooked.
    #[test]
    fn a_state_with_other_names_goes_on_in_the_same_ways() {
        let model = Model::within(2, 1, 3);
        let mut search = Search::new(&model);
        let followers = |state: &State| -> BTreeSet<State> {
            model.next(state).into_iter().filter_map(|next| Some(next.to.ok()?.renamed())).collect()
        };
        let mut looked_at = 0;
        while let Some((at, state)) = search.queue.pop_front().filter(|_| search.parents.len() < 40_000) {
            for next in model.next(&state) {
                if let Ok(to) = next.to {
                    search.number(at, to);
                }
            }
            if at % 7 != 0 {
                continue;
            }
            looked_at += 1;
            for engines in ORDERS {
                for ranges in [[0, 1], [1, 0]] {
                    let other = state.rename(engines, ranges);
                    assert_eq!(other.renamed(), state.renamed(), "one for all names");
                    assert_eq!(fingerprint(&other.renamed()), fingerprint(&state), "of {state:?}");
                    assert_eq!(followers(&other), followers(&state), "of {state:?}");
                }
            }
        }
        assert!(looked_at > 1000, "{looked_at} states");
    }
}
