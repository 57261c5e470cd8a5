//! When the store is told that it may rest: once nothing has been committed for a while, and not again before something was. Whoever
//! drives the ring asks; the clock and the telling are theirs.

use std::time::Duration;

use crate::clock::Mono;

/// Longer than the pauses of an engine that is used, shorter than anyone waits for memory to be given back.
const REST_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Rest {
    /// None while there is nothing to tidy up.
    at: Option<Mono>,
}

impl Rest {
    /// A commit has ended, or the store is busy with something else.
    pub fn put_off(&mut self, now: Mono) {
        self.at = Some(now + REST_AFTER);
    }

    /// Whether it is time; only once.
    pub fn take_due(&mut self, now: Mono) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }

    /// How long nothing has to be done for it; none when there is nothing to wait for.
    pub fn due_in(&self, now: Mono) -> Option<Duration> {
        self.at.map(|at| at.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_once_and_a_second_after_the_last_commit() {
        let mut rest = Rest::default();
        let at = |ms| Mono::ZERO + Duration::from_millis(ms);
        assert!(!rest.take_due(at(5_000)), "nothing was committed");
        assert_eq!(rest.due_in(at(5_000)), None);
        rest.put_off(at(5_000));
        rest.put_off(at(5_400));
        assert_eq!(rest.due_in(at(5_900)), Some(Duration::from_millis(500)));
        assert!(!rest.take_due(at(6_399)));
        assert!(rest.take_due(at(6_400)));
        assert!(!rest.take_due(at(60_000)), "it is told once");
        assert_eq!(rest.due_in(at(60_000)), None, "and nobody is woken for it any more");
    }
}
