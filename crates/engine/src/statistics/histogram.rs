//! How long something took, counted in buckets whose width grows with what they hold: 16 to each power of two, so that a percentile
//! is right within 3.2 %, from a millisecond to years, in a few dozen numbers. Two of them can be added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Below this each millisecond has a bucket of its own, and each power of two above has so many.
const PARTS: u64 = 16;
const PARTS_BITS: u32 = 4;

/// Sparse: most buckets are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u16, u64>);

impl Histogram {
    pub fn record(&mut self, ms: u64) {
        *self.0.entry(bucket(ms)).or_default() += 1;
    }

    pub fn add(&mut self, other: &Histogram) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The value that so many of a hundred do not exceed; none when nothing was recorded.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.0 {
            seen += count;
            if seen >= wanted {
                return Some(middle(*bucket));
            }
        }
        None
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn bucket(ms: u64) -> u16 {
    if ms < PARTS {
        return u16::try_from(ms).expect("it is below 16");
    }
    let power = ms.ilog2() - PARTS_BITS;
    let part = (ms >> power) & (PARTS - 1);
    u16::try_from(PARTS + u64::from(power) * PARTS + part).expect("there are about a thousand")
}

fn middle(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < PARTS {
        return bucket;
    }
    let (power, part) = ((bucket - PARTS) / PARTS, (bucket - PARTS) % PARTS);
    let low = (PARTS + part) << power.min(59);
    low + ((1 << power.min(59)) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_within_a_thirtieth() {
        let values = (0..5_000).chain((1..60).map(|power| (1_u64 << power) - 1)).chain([1_234_567, 86_400_000, u64::MAX >> 3]);
        for ms in values {
            let near = middle(bucket(ms));
            assert!(near.abs_diff(ms) <= ms / 30 + 1, "{ms} is counted as {near}");
        }
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        (1..=1_000).for_each(|ms| histogram.record(ms));
        for (percent, exact) in [(50, 500), (95, 950), (99, 990), (100, 1_000)] {
            let found = histogram.percentile(percent).unwrap();
            assert!(found.abs_diff(exact) <= exact / 30, "{percent} of 100: {found}, not about {exact}");
        }
        let mut twice = histogram.clone();
        twice.add(&histogram);
        assert_eq!((twice.count(), twice.percentile(50)), (2_000, histogram.percentile(50)));
        let written = serde_json::to_string(&histogram).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&written).unwrap(), histogram);
    }
}
