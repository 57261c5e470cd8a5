//! The disk under the file, its log, and the clock.

use workflow_core::time::{Millis, Timestamp};
use workflow_store::Health;

use super::finding::{Finding, Severity};

/// With less than this a busy server may be full within minutes.
const DISK_LOW_BYTES: u64 = 1 << 30;
/// With less than this the next checkpoint may fail.
const DISK_FULL_BYTES: u64 = 128 << 20;
/// Clocks of one machine differ from themselves by less.
const SKEW: Millis = Millis::from_secs(60);

pub fn findings(health: &Health, newest: Option<Timestamp>, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(free) = health.disk_free_bytes.filter(|free| *free < DISK_LOW_BYTES) {
        let severity = if free < DISK_FULL_BYTES { Severity::Error } else { Severity::Warning };
        let what = format!("the disk under the database has {} left", mebibytes(free));
        let advice = "make room: while it is full starts are refused and nothing is acknowledged, and nothing is lost; old \
            executions go with `workflow serve --keep-completed 30d`";
        findings.push(Finding::new(severity, "disk_full", what, advice));
    }
    if health.log_bytes_max.is_some_and(|max| health.log_bytes > max) {
        let readers = match health.others.as_slice() {
            [] => "a backup, or a `sqlite3` shell with an open transaction, maybe of another machine or user".to_owned(),
            others => others.join(", "),
        };
        let what = format!(
            "the write-ahead log has {} and cannot be used again from its beginning: somebody reads an old state",
            mebibytes(health.log_bytes)
        );
        let advice = format!("end what reads it: {readers}");
        findings.push(Finding::new(Severity::Warning, "log_long", what, advice));
    }
    if let Some(newest) = newest.filter(|newest| newest.since(now) > SKEW) {
        let what = format!("the clock is {} behind the start of the newest execution", newest.since(now));
        let advice = "set the clock (is NTP running?): timers fire late by as much, and nothing fires early";
        let finding = Finding::new(Severity::Warning, "clock_behind", what, advice);
        findings.push(Finding { since: Some(newest), ..finding });
    }
    findings
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(health: Health) -> Vec<(Severity, &'static str)> {
        let now = Timestamp::from_millis(0);
        findings(&health, Some(now), now).iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    #[test]
    fn a_disk_is_low_before_it_is_full() {
        let free = |bytes| of(Health { disk_free_bytes: Some(bytes), ..Health::default() });
        assert_eq!(of(Health::default()), [], "nothing is known");
        assert_eq!(free(DISK_LOW_BYTES), []);
        assert_eq!(free(DISK_LOW_BYTES - 1), [(Severity::Warning, "disk_full")]);
        assert_eq!(free(DISK_FULL_BYTES - 1), [(Severity::Error, "disk_full")]);
    }

    #[test]
    fn a_log_that_cannot_be_used_again_names_who_reads() {
        let others = vec!["process 42 (sqlite3)".to_owned()];
        let long = Health { log_bytes: 300 << 20, log_bytes_max: Some(256 << 20), others, ..Health::default() };
        assert_eq!(of(long.clone()), [(Severity::Warning, "log_long")]);
        let found = findings(&long, None, Timestamp::from_millis(0));
        assert_eq!(found[0].advice, "end what reads it: process 42 (sqlite3)");
        assert!(found[0].what.starts_with("the write-ahead log has 300 MiB"), "{}", found[0].what);
        assert_eq!(of(Health { log_bytes: 256 << 20, ..long.clone() }), []);
        assert_eq!(of(Health { log_bytes_max: None, ..long }), [], "of a file that is not open nobody knows");
    }

    #[test]
    fn a_clock_may_be_a_minute_off() {
        let newest = Timestamp::from_millis(120_000);
        let at = |ms| findings(&Health::default(), Some(newest), Timestamp::from_millis(ms));
        assert_eq!(at(60_000), []);
        assert_eq!((at(59_999)[0].code, at(59_999)[0].since), ("clock_behind", Some(newest)));
    }
}
