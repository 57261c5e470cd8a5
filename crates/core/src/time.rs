//! Instants and spans as numbers. The core has no clock: instants come in as arguments.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// An instant on the wall clock, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A span of time in milliseconds, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(u64);

impl Timestamp {
    pub const fn from_millis(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The span since `earlier`; zero when the clock went back.
    pub fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

impl Millis {
    pub const ZERO: Millis = Millis(0);

    pub const fn new(ms: u64) -> Millis {
        Millis(ms)
    }

    pub const fn from_secs(secs: u64) -> Millis {
        Millis(secs * 1_000)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl Add<Millis> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add_unsigned(span.0))
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_sub_unsigned(span.0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// As a person would write it: `3d`, `1h 30m`, `1.5s`, `200ms`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        if ms < 1_000 {
            return write!(f, "{ms}ms");
        }
        let (secs, fraction) = (ms / 1_000, format!(".{:03}", ms % 1_000));
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        let parts =
            [(secs / 86_400, "d", ""), (secs / 3_600 % 24, "h", ""), (secs / 60 % 60, "m", ""), (secs % 60, "s", fraction)];
        let mut first = true;
        for (amount, unit, fraction) in parts {
            if amount > 0 || !fraction.is_empty() {
                write!(f, "{}{amount}{fraction}{unit}", if first { "" } else { " " })?;
                first = false;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_a_person_writes_them() {
        let text = |ms| Millis::new(ms).to_string();
        assert_eq!(text(0), "0ms");
        assert_eq!(text(200), "200ms");
        assert_eq!(text(1_500), "1.5s");
        assert_eq!(text(60_000), "1m");
        assert_eq!(text(5_400_000), "1h 30m");
        assert_eq!(text(259_200_000), "3d");
    }

    /// An endpoint was registered with a timeout of `1m 30.5s` and shown with `1m 30s`: whoever put back what he had read gave it
    /// another timeout. Found by the fuzz target of durations.
    #[test]
    fn a_span_is_written_with_everything_that_is_in_it() {
        for (ms, written) in [(90_500, "1m 30.5s"), (60_001, "1m 0.001s"), (93_784_050, "1d 2h 3m 4.05s"), (59_999, "59.999s")] {
            assert_eq!(Millis::new(ms).to_string(), written);
            assert_eq!(crate::duration::parse(written), Ok(Millis::new(ms)));
        }
    }

    #[test]
    fn a_span_is_never_negative() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Millis::ZERO);
    }
}
