//! What fuzzing has found worth keeping, once more with every test run: the targets of `fuzz/` that need only the core.

use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/codec.rs"]
mod codec;
#[path = "../../../fuzz/src/definition.rs"]
mod definition;
#[path = "../../../fuzz/src/duration.rs"]
mod duration;
#[path = "../../../fuzz/src/event_pattern.rs"]
mod event_pattern;
#[path = "../../../fuzz/src/expression.rs"]
mod expression;

/// Runs a target over its corpus, and says with which input it fails.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let inputs: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    assert!(inputs.len() >= 5, "{} holds {} inputs", folder.display(), inputs.len());
    for input in inputs {
        let data = std::fs::read(&input).expect("a file");
        if let Err(panic) = std::panic::catch_unwind(|| run(&data)) {
            eprintln!("{} fails with {}", target, input.display());
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn the_corpus_of_definitions() {
    replay("definition", definition::run);
}

#[test]
fn the_corpus_of_expressions() {
    replay("expression", expression::run);
}

#[test]
fn the_corpus_of_durations() {
    replay("duration", duration::run);
}

#[test]
fn the_corpus_of_stored_events() {
    replay("codec", codec::run);
}

#[test]
fn the_corpus_of_event_patterns() {
    replay("event_pattern", event_pattern::run);
}
