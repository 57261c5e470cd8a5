//! What must be true of the memory of the server while it runs, and of its file afterwards.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use workflow_core::id::ExecutionId;
use workflow_store::{Options, Sqlite, Store};

use crate::clients::Ledger;

/// `docs/reliability.md` says how this is made up; the figures are those of `workflow_engine::Options`, `workflow_server::Options` and
/// `crates/server/src/limits.rs`.
const MIB: f64 = (1 << 20) as f64;
/// Code, SQLite's caches, threads, and what the allocator keeps.
const BASE_MIB: f64 = 96.0;
const BODIES_MIB: f64 = 64.0;
const ANSWERS_MIB: f64 = 128.0;
const BATCH_MIB: f64 = 8.0;
const READS_MIB: f64 = 8.0 * 8.0;
const CONNECTION_KIB: f64 = 32.0;

/// What the server may take with so many connections.
pub fn memory_bound_mib(connections: usize) -> f64 {
    let engine = workflow_engine::Options::default();
    let of_engine =
        (engine.resident_bytes_max + engine.cached_bytes_max + engine.queued_bytes_max) as f64 / MIB + 2.0 * BATCH_MIB;
    BASE_MIB + of_engine + 2.0 * BODIES_MIB + ANSWERS_MIB + READS_MIB + connections as f64 * CONNECTION_KIB / 1_024.0
}

/// A line of the process's status, in MiB.
pub fn resident(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}

/// Every execution that was acknowledged is in the file, once, and has ended.
pub fn nothing_is_lost(database: &Path, ledger: &Ledger) {
    let check = Command::new(env!("CARGO_BIN_EXE_workflow")).arg("check").arg(database).output().unwrap();
    assert!(check.status.success(), "{check:?}");
    let store = Sqlite::open(database, Options::default()).unwrap();
    let started = ledger.started();
    let distinct: HashSet<&String> = started.values().collect();
    assert_eq!(distinct.len(), started.len(), "two keys were answered with the same execution");
    let ids: Vec<ExecutionId> = started.values().map(|id| ExecutionId::parse(id).unwrap()).collect();
    for page in ids.chunks(500) {
        for (id, stored) in page.iter().zip(store.load(page).unwrap()) {
            let stored = stored.unwrap_or_else(|| panic!("{id} was acknowledged, and is not in the file"));
            assert!(stored.head.status.has_ended(), "{id} is {}", stored.head.status);
        }
    }
    println!("{} executions were acknowledged, and are all there", ids.len());
}
