//! Steps as numbers, and sets of them.

use std::fmt;

/// The place of a step in its definition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(u16);

impl StepIndex {
    /// # Panics
    /// Above 65,535; a definition has far fewer steps.
    pub fn new(index: usize) -> StepIndex {
        StepIndex(u16::try_from(index).expect("a definition has at most 65,535 steps"))
    }

    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Debug for StepIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A set of steps of one definition.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct StepSet(Vec<u64>);

impl StepSet {
    pub fn insert(&mut self, step: StepIndex) {
        let word = step.get() / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (step.get() % 64);
    }

    pub fn extend(&mut self, other: &StepSet) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    pub fn contains(&self, step: StepIndex) -> bool {
        self.0.get(step.get() / 64).is_some_and(|word| word & 1 << (step.get() % 64) != 0)
    }

    /// In the order of the definition.
    pub fn iter(&self) -> impl Iterator<Item = StepIndex> + '_ {
        (0..self.0.len() * 64).map(StepIndex::new).filter(|&step| self.contains(step))
    }
}

impl fmt::Debug for StepSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
