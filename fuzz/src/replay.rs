//! A target over its corpus, for the tests that run both with every test run.

use std::path::{Path, PathBuf};

/// Runs a target over its corpus, and says with which input it fails.
pub fn replay(target: &str, run: fn(&[u8])) {
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
