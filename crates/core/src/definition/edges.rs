//! The edges between steps, and what follows from them.
//!
//! A step comes after those in its `dependsOn`, and a target after the steps whose `errorBranch` names it. Nothing here assumes
//! that there is no cycle: `check` has to describe those that there are.

use std::collections::VecDeque;

use super::steps::{StepIndex, StepSet};

/// By step, in the order of the definition.
#[derive(Debug)]
pub(crate) struct Edges {
    pub depends_on: Vec<Vec<StepIndex>>,
    pub branches_to: Vec<Option<StepIndex>>,
}

/// What follows from the edges, by step.
#[derive(Debug)]
pub(crate) struct Derived {
    pub dependents: Vec<Vec<StepIndex>>,
    pub named_by: Vec<Vec<StepIndex>>,
    pub ancestors: Vec<StepSet>,
    pub visible: Vec<StepSet>,
}

impl Edges {
    pub fn derive(&self) -> Derived {
        let mut dependents = vec![Vec::new(); self.depends_on.len()];
        for step in self.steps() {
            for dependency in &self.depends_on[step.get()] {
                dependents[dependency.get()].push(step);
            }
        }
        let named_by = self.named_by();
        let ancestors = self.ancestors();
        let visible = self
            .steps()
            .map(|step| {
                let mut visible = ancestors[step.get()].clone();
                for &namer in &named_by[step.get()] {
                    visible.insert(namer);
                    visible.extend(&ancestors[namer.get()]);
                }
                visible
            })
            .collect();
        Derived { dependents, named_by, ancestors, visible }
    }

    /// For each group of steps that come after each other, its shortest cycle through the first of them, as it would run:
    /// `[a, b, a]`.
    pub fn cycles(&self) -> Vec<Vec<StepIndex>> {
        let before = self.before();
        let in_circle = |group: &Vec<StepIndex>| group.len() > 1 || before[group[0].get()].contains(&group[0]);
        let mut cycles: Vec<Vec<StepIndex>> =
            self.groups().iter().filter(|group| in_circle(group)).map(|group| cycle(&before, group)).collect();
        cycles.sort();
        cycles
    }

    fn steps(&self) -> impl Iterator<Item = StepIndex> + use<> {
        (0..self.depends_on.len()).map(StepIndex::new)
    }

    fn named_by(&self) -> Vec<Vec<StepIndex>> {
        let mut named_by = vec![Vec::new(); self.depends_on.len()];
        for step in self.steps() {
            if let Some(target) = self.branches_to[step.get()] {
                named_by[target.get()].push(step);
            }
        }
        named_by
    }

    /// Every step that each one comes directly after.
    fn before(&self) -> Vec<Vec<StepIndex>> {
        let mut before = self.named_by();
        for (before, depends_on) in before.iter_mut().zip(&self.depends_on) {
            before.extend(depends_on);
        }
        before
    }

    /// Over `dependsOn` alone. Steps of one cycle are all before each other.
    fn ancestors(&self) -> Vec<StepSet> {
        let mut ancestors = vec![StepSet::default(); self.depends_on.len()];
        for group in self.groups() {
            let mut of_group = StepSet::default();
            for &step in &group {
                for &dependency in &self.depends_on[step.get()] {
                    of_group.insert(dependency);
                    of_group.extend(&ancestors[dependency.get()]);
                }
            }
            for step in group {
                ancestors[step.get()] = of_group.clone();
            }
        }
        ancestors
    }

    /// The strongly connected groups of steps, each after those that it comes after (Tarjan, without recursion: a chain may be as
    /// long as the definition). Without a cycle every step is a group of its own.
    fn groups(&self) -> Vec<Vec<StepIndex>> {
        const UNSEEN: usize = usize::MAX;
        let before = self.before();
        let steps = before.len();
        let (mut number, mut low, mut on_stack) = (vec![UNSEEN; steps], vec![UNSEEN; steps], vec![false; steps]);
        let (mut stack, mut groups, mut count) = (Vec::new(), Vec::new(), 0);
        for root in 0..steps {
            if number[root] != UNSEEN {
                continue;
            }
            let mut path = vec![(root, 0)];
            while let Some((step, edge)) = path.pop() {
                if edge == 0 {
                    (number[step], low[step]) = (count, count);
                    count += 1;
                    stack.push(step);
                    on_stack[step] = true;
                }
                if let Some(next) = before[step].get(edge).map(|next| next.get()) {
                    path.push((step, edge + 1));
                    if number[next] == UNSEEN {
                        path.push((next, 0));
                    } else if on_stack[next] {
                        low[step] = low[step].min(number[next]);
                    }
                    continue;
                }
                if let Some(&(parent, _)) = path.last() {
                    low[parent] = low[parent].min(low[step]);
                }
                if low[step] == number[step] {
                    let start =
                        stack.iter().rposition(|&other| other == step).expect("a step is on the stack until its group is");
                    let mut group: Vec<StepIndex> = stack.drain(start..).map(StepIndex::new).collect();
                    group.iter().for_each(|member| on_stack[member.get()] = false);
                    group.sort();
                    groups.push(group);
                }
            }
        }
        groups
    }
}

fn cycle(before: &[Vec<StepIndex>], group: &[StepIndex]) -> Vec<StepIndex> {
    let first = group[0];
    // The step that each one was reached from, walking against the edges.
    let mut after: Vec<Option<StepIndex>> = vec![None; before.len()];
    let mut queue = VecDeque::from([first]);
    while let Some(step) = queue.pop_front() {
        for &earlier in &before[step.get()] {
            if earlier == first {
                let mut cycle = vec![first];
                let mut at = step;
                while at != first {
                    cycle.push(at);
                    at = after[at.get()].expect("every step but the first was reached from one");
                }
                cycle.push(first);
                return cycle;
            }
            if after[earlier.get()].is_none() && group.binary_search(&earlier).is_ok() {
                after[earlier.get()] = Some(step);
                queue.push_back(earlier);
            }
        }
    }
    vec![first, first]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(depends_on: &[&[usize]], branches: &[(usize, usize)]) -> Edges {
        let mut branches_to = vec![None; depends_on.len()];
        for &(from, to) in branches {
            branches_to[from] = Some(StepIndex::new(to));
        }
        Edges {
            depends_on: depends_on.iter().map(|of| of.iter().map(|&step| StepIndex::new(step)).collect()).collect(),
            branches_to,
        }
    }

    fn numbers(steps: impl IntoIterator<Item = StepIndex>) -> Vec<usize> {
        steps.into_iter().map(StepIndex::get).collect()
    }

    #[test]
    fn ancestors_whatever_the_order_of_the_definition() {
        let derived = edges(&[&[2], &[0], &[], &[1, 2]], &[]).derive();
        assert_eq!(numbers(derived.ancestors[3].iter()), [0, 1, 2]);
        assert_eq!(numbers(derived.ancestors[0].iter()), [2]);
        assert_eq!(numbers(derived.ancestors[2].iter()), [0; 0]);
        assert_eq!(numbers(derived.dependents[2].clone()), [0, 3]);
    }

    #[test]
    fn a_target_sees_the_steps_that_name_it_and_their_ancestors() {
        // 0 -> 1 -> 2; 1 and 3 branch to 4, after which comes 5.
        let derived = edges(&[&[], &[0], &[1], &[], &[], &[4]], &[(1, 4), (3, 4)]).derive();
        assert_eq!(numbers(derived.visible[4].iter()), [0, 1, 3]);
        assert_eq!(numbers(derived.ancestors[4].iter()), [0; 0]);
        assert_eq!(numbers(derived.visible[5].iter()), [4]);
        assert_eq!(numbers(derived.named_by[4].clone()), [1, 3]);
    }

    #[test]
    fn cycles_read_as_they_would_run() {
        let cycles = |edges: Edges| edges.cycles().into_iter().map(numbers).collect::<Vec<_>>();
        assert_eq!(cycles(edges(&[&[], &[0], &[1]], &[(0, 1)])), [[0; 0]; 0]);
        assert_eq!(cycles(edges(&[&[1], &[0]], &[])), [[0, 1, 0]]);
        assert_eq!(cycles(edges(&[&[2], &[0], &[1]], &[])), [[0, 1, 2, 0]]);
        assert_eq!(cycles(edges(&[&[], &[0]], &[(1, 0)])), [[0, 1, 0]]);
        assert_eq!(cycles(edges(&[&[]], &[(0, 0)])), [[0, 0]]);
        // Two groups, one after the other: each once.
        assert_eq!(cycles(edges(&[&[1], &[0], &[1, 3], &[2]], &[])), [[0, 1, 0], [2, 3, 2]]);
    }

    #[test]
    fn a_chain_of_any_length_is_no_recursion() {
        let steps = 60_000;
        let chain: Vec<Vec<StepIndex>> =
            (0..steps).map(|step| (step > 0).then(|| StepIndex::new(step - 1)).into_iter().collect()).collect();
        let edges = Edges { branches_to: vec![None; steps], depends_on: chain };
        assert!(edges.cycles().is_empty());
    }
}
