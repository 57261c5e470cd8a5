//! Where the choices of a generator come from: a number, or the bytes of a fuzzer.

pub trait Choices {
    /// One of `0..bound`. Of what a fuzzer has used up, 0.
    fn below(&mut self, bound: usize) -> usize;

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == bound - 1
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// The same choices for the same number, for ever (SplitMix64).
pub struct Seed(pub u64);

impl Choices for Seed {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("it is below a usize")
    }
}

/// A byte a choice, so that a fuzzer that changes one byte changes one thing.
#[allow(dead_code, reason = "the fuzz target of expressions makes its choices so")]
pub struct Bytes<'a>(pub &'a [u8]);

impl Choices for Bytes<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound
    }
}
