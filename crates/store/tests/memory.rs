//! What an open store holds in memory. A test binary of its own, since it looks at the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use workflow_store::conformance::sample;
use workflow_store::{Options, Sqlite};

const MIB: u64 = 1 << 20;

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// SQLite keeps the number of pages that its cache may have when the size of a page changes, as it does while a file is made.
#[test]
fn the_cache_of_a_file_that_was_just_made_is_bounded_as_that_of_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { writer_cache_bytes: 8 << 20, recent_bytes_max: 1 << 20, ..Options::default() };
    let store = Sqlite::open(folder.path().join("workflow.db"), options).unwrap();
    let (workflow, input) = (sample::workflow("order"), sample::json(&format!("\"{}\"", "x".repeat(3_000))));
    let before = resident_bytes();
    for batch in 0..32 {
        let start = |n: u32| {
            let id = sample::id(batch * 500 + n);
            let mut start = sample::start(sample::head(id, &workflow));
            start.events = sample::recorded(1, sample::at(0), vec![sample::started(&workflow, &input)]);
            start
        };
        sample::commit_all(&store, (0..500).map(start).collect());
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 20 * MIB, "48 MB were written, the cache may hold 8 MiB, and the process grew by {} MiB", grown / MIB);
}
