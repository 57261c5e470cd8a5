//! Whether the disk has room for a commit, asked before it begins.
//!
//! A disk that runs full in the middle of a commit leaves it open whether the commit is there; then everything is closed, and opening
//! it again needs room. One that is known to be full refuses the commit, and what is there can be read meanwhile.
//!
//! What is *not* here: a promise. Somebody else may take the room a moment later, and a quota or a limit of the process is not seen.

use std::path::Path;

use crate::{Batch, Change, Fault, FaultKind};

/// For what a commit changes besides: pages of indexes that are split, the beginning of a log.
const SPARE_BYTES: u64 = 512 << 10;
/// A row, and its share of the pages that it changes.
const CHANGE_BYTES: u64 = 4 << 10;
/// Payloads go into the log, and from there into the file.
const COPIES: u64 = 2;

/// Nothing is written when this says no.
pub(super) fn for_batch(path: &Path, batch: &Batch) -> Result<(), Fault> {
    let changes = batch.items.iter().flat_map(|item| &item.changes);
    let bytes = changes.map(|change| CHANGE_BYTES + COPIES * payloads(change)).sum::<u64>();
    expect(path, "commit", SPARE_BYTES + bytes)
}

/// For a small commit at least: before something that can wait.
pub(super) fn for_any(path: &Path, operation: &'static str) -> Result<(), Fault> {
    expect(path, operation, SPARE_BYTES + CHANGE_BYTES)
}

fn payloads(change: &Change) -> u64 {
    match change {
        Change::Transition(transition) => {
            let payloads = transition.events.iter().filter_map(|recorded| recorded.event.payload());
            payloads.map(|payload| payload.bytes() as u64).sum()
        }
        _ => 0,
    }
}

fn expect(path: &Path, operation: &'static str, wanted: u64) -> Result<(), Fault> {
    match free(path) {
        Some(free) if free < wanted => {
            let message = format!("the disk is full: make room ({} KiB are free, {} KiB are needed)", free >> 10, wanted >> 10);
            Err(Fault::new(FaultKind::Unavailable, operation, message))
        }
        _ => Ok(()),
    }
}

/// None where the file system does not say.
#[cfg(unix)]
fn free(path: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(path).ok()?;
    // What is kept for root is for nobody else.
    let blocks = if rustix::process::geteuid().is_root() { system.f_bfree } else { system.f_bavail };
    (system.f_blocks > 0).then(|| blocks.saturating_mul(system.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_more_than_there_is_is_told_how_much_there_is() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        expect(here, "commit", 0).unwrap();
        if free(here).is_some() {
            let fault = expect(here, "commit", u64::MAX).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Unavailable);
            assert!(fault.to_string().contains("the disk is full: make room"), "{fault}");
        }
        expect(Path::new("/no/such/file"), "commit", u64::MAX).expect("it is not known to be full");
    }
}
