//! What a measurement prints: one JSON object a line, and nothing else on stdout.
//!
//! The names are those of `bench/README.md`; what does not apply is left out. Numbers are rounded where they are printed, so that
//! a file of records stays readable.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Serialize, Serializer};

#[derive(Debug, Default, Serialize)]
pub struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub seconds: Option<f64>,
    /// Inside the window only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub per_second: Option<f64>,
    #[serde(flatten)]
    pub latency: Option<Percentiles>,
    /// CPU microseconds a workflow, of everything that belongs to the system.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub cpu_us: Option<f64>,
    /// The same by process.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cpu_parts: BTreeMap<String, f64>,
    /// CPU microseconds a workflow of the load generator, where it is a process of its own.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub load_cpu_us: Option<f64>,
    /// Cores that were busy with something that is no part of the run.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub other_cores: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub rss_mib: Option<f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rss_parts: BTreeMap<String, f64>,
    /// A workflow, after the file was closed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub disk_bytes: Option<f64>,
    /// What the disk was sent meanwhile, by a workflow.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded")]
    pub written_bytes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What only this workload has.
    #[serde(flatten)]
    pub measures: BTreeMap<String, f64>,
}

/// Of a sorted sample, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    #[serde(serialize_with = "exact")]
    pub p50_ms: f64,
    #[serde(serialize_with = "exact")]
    pub p99_ms: f64,
    #[serde(serialize_with = "exact")]
    pub p999_ms: f64,
    #[serde(serialize_with = "exact")]
    pub max_ms: f64,
}

impl Percentiles {
    /// None of nothing.
    pub fn of(mut micros: Vec<u32>) -> Option<Percentiles> {
        micros.sort_unstable();
        let last = micros.len().checked_sub(1)?;
        let at = |share: f64| f64::from(micros[(last as f64 * share).round() as usize]) / 1_000.0;
        Some(Percentiles { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: at(1.0) })
    }
}

/// How durable what is ours is, in every run.
const DURABILITY: &str = "every transition synced before it counts (SQLite WAL, synchronous=FULL)";

impl Record {
    /// One of this engine.
    pub fn ours(workload: &str, way: &str) -> Record {
        Record {
            workload: Some(workload.to_owned()),
            way: Some(way.to_owned()),
            durability: Some(DURABILITY.to_owned()),
            version: Some(format!("workflow.do {}", env!("CARGO_PKG_VERSION"))),
            ..Record::default()
        }
    }

    /// Adds a figure that only this workload has.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Record {
        let digits = if value.abs() >= 100.0 { 1.0 } else { 1_000.0 };
        self.measures.insert(name.to_owned(), (value * digits).round() / digits);
        self
    }

    pub fn print(&self) -> Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn rounded<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    exact(&value.unwrap_or_default(), serializer)
}

/// Four digits that count are more than any of these figures has.
fn exact<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let digits = 10_f64.powi(if value.abs() >= 1_000.0 { 0 } else { 3 });
    serializer.serialize_f64((value * digits).round() / digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_sample() {
        let percentiles = Percentiles::of((1..=1_001).rev().map(|number| number * 1_000).collect()).unwrap();
        assert_eq!(percentiles, Percentiles { p50_ms: 501.0, p99_ms: 991.0, p999_ms: 1_000.0, max_ms: 1_001.0 });
        assert_eq!(Percentiles::of(Vec::new()), None);
    }

    #[test]
    fn a_record_holds_what_applies() {
        let record =
            Record { way: Some("disk".to_owned()), per_second: Some(7_087.4), cpu_us: Some(1.23456), ..Record::default() };
        assert_eq!(serde_json::to_string(&record).unwrap(), r#"{"way":"disk","per_second":7087.0,"cpu_us":1.235}"#);
    }
}
