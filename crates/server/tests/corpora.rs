//! What fuzzing has found worth keeping, once more with every test run: the targets of `fuzz/` that need a server.

use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../../fuzz/src/home.rs"]
mod home;
#[path = "../../../fuzz/src/link.rs"]
mod link;
#[path = "../../../fuzz/src/request.rs"]
mod request;
#[path = "../../../fuzz/src/worker.rs"]
mod worker;

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
fn the_corpus_of_frames() {
    replay("frames", frames::run);
}

#[test]
fn the_corpus_of_web_sockets() {
    replay("link", link::run);
}

#[test]
fn the_corpus_of_requests() {
    replay("request", request::run);
}

#[test]
fn the_corpus_of_workers() {
    replay("worker", worker::run);
}
