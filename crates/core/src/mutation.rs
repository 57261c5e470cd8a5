//! Deliberate mistakes, for the test that shows that the simulation of the engine finds such (`crates/engine/tests/simulation`).
//!
//! `if mutated("name")` marks where one would be made. Without the feature `mutation`, which nothing that is released has, the
//! question is `false` when it is compiled, and nothing of it is left.

/// Whether this mistake is to be made now, in this thread.
#[cfg(not(feature = "mutation"))]
#[inline(always)]
pub const fn mutated(_: &'static str) -> bool {
    false
}

#[cfg(feature = "mutation")]
pub use switched::{mutate, mutated, was_reached};

#[cfg(feature = "mutation")]
mod switched {
    use std::cell::Cell;

    thread_local! {
        static MISTAKE: Cell<Option<&'static str>> = const { Cell::new(None) };
        static REACHED: Cell<bool> = const { Cell::new(false) };
    }

    /// From here on this mistake is made, and no other, in this thread.
    pub fn mutate(mistake: Option<&'static str>) {
        MISTAKE.set(mistake);
        REACHED.set(false);
    }

    pub fn mutated(mistake: &'static str) -> bool {
        let made = MISTAKE.get() == Some(mistake);
        if made {
            REACHED.set(true);
        }
        made
    }

    /// Whether the place of the mistake was come by: one that is never reached is never caught.
    pub fn was_reached() -> bool {
        REACHED.get()
    }
}
