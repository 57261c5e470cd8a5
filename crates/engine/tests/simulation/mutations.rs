//! Does the simulation find bugs? Each of these mistakes, switched on by its name, has to be caught by some rule within the seeds of
//! `make test`. Where each is made is marked in the source by `mutated("name")`.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use workflow_core::mutation::{mutate, was_reached};

use crate::SEEDS;
use crate::plan::Plan;
use crate::run::{Verdict, run};
use crate::trace::Mode;

const MISTAKES: [&str; 31] = [
    // What leaves the ring before it may.
    "acknowledged-before-commit",
    "dispatched-before-commit",
    "recorded-before-commit",
    // Commits that fail, or of which nobody knows.
    "unknown-taken-for-written",
    "lost-batch-kept-in-memory",
    "result-forgotten-with-its-batch",
    "timeout-of-a-lost-attempt",
    "catalog-not-taken-back",
    "fence-forgotten",
    // Recovery.
    "timer-lost-at-recovery",
    "lost-attempt-not-interrupted",
    "newest-version-after-a-restart",
    "woken-too-late",
    // Slots, and executions at rest.
    "parked-row-kept",
    "place-in-queue-lost",
    "slot-kept-by-an-aborted-attempt",
    "crowded-forgotten",
    // Sessions of workers.
    "grace-ignored",
    "undelivered-task-lost",
    "unnamed-task-kept",
    // Attempts, retries, time.
    "target-skipped-early",
    "one-retry-too-many",
    "retry-delay-ignored",
    "retry-delay-unbounded",
    "timeout-ignored",
    "timers-fire-early",
    "result-of-an-older-attempt",
    // What people ask.
    "pause-ignored-by-timers",
    "cancel-leaves-attempts",
    "claim-ignored",
    "control-key-ignored",
];

#[test]
fn every_deliberate_mistake_is_caught() {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(vec![None; MISTAKES.len()]));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(mistake) = MISTAKES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place = MISTAKES.iter().position(|of| of == mistake).unwrap();
                    let caught = catch(mistake);
                    found.lock().unwrap()[place] = Some(caught);
                }
            });
        }
    });
    let (mut table, mut missed) = (String::new(), Vec::new());
    for (mistake, caught) in MISTAKES.iter().zip(found.into_inner().unwrap()) {
        match caught.unwrap() {
            Ok((seeds, rule)) => writeln!(table, "| `{mistake}` | {seeds} | {rule} |").unwrap(),
            Err(why) => missed.push(format!("{mistake}: {why}")),
        }
    }
    println!("| mistake | seeds until it was caught | the rule that caught it |\n| --- | --- | --- |\n{table}");
    assert!(missed.is_empty(), "not caught within {SEEDS} seeds: {missed:#?}");
}

/// How many seeds it takes, and the rule that does not hold.
fn catch(mistake: &'static str) -> Result<(u64, String), &'static str> {
    mutate(Some(mistake));
    let caught = (0..SEEDS).find_map(|seed| match run(&Plan::of_seed(seed), Mode::Off) {
        Verdict::Broken(broken, _) => Some((seed + 1, broken.rule)),
        Verdict::Held(_) | Verdict::Void => None,
    });
    let reached = was_reached();
    mutate(None);
    caught.ok_or(if reached { "its place was reached" } else { "its place was never reached" })
}
