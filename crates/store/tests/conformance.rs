//! The suite of `workflow_store::conformance` on the stores of this crate.

#![allow(clippy::unwrap_used, reason = "what is outside the test functions is part of them")]

use std::cell::Cell;
use std::path::{Path, PathBuf};

use workflow_store::conformance::{agrees_with_memory, exercise};
use workflow_store::{Durability, Keys, Memory, Options, Sqlite, Store};

#[test]
fn memory_keeps_the_contract() {
    exercise(|| Box::new(Memory::new()));
}

#[test]
fn sqlite_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let mut number = 0;
    exercise(|| {
        number += 1;
        Box::new(Sqlite::open(directory.path().join(format!("{number}.db")), Options::default()).unwrap())
    });
}

#[test]
fn sqlite_with_a_key_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let mut number = 0;
    exercise(|| {
        number += 1;
        let options = Options { keys: keys(), ..Options::default() };
        Box::new(Sqlite::open(directory.path().join(format!("{number}.db")), options).unwrap())
    });
}

fn keys() -> Keys {
    Keys::parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

#[test]
fn sqlite_in_memory_keeps_the_contract() {
    exercise(|| Box::new(Sqlite::open(":memory:", Options::default()).unwrap()));
}

#[test]
fn sqlite_answers_random_batches_as_memory_does() {
    answers_as_memory_does(&Keys::default());
}

#[test]
fn sqlite_with_a_key_answers_random_batches_as_memory_does() {
    answers_as_memory_does(&keys());
}

/// A file that is copied while it is in use is what a killed process leaves.
fn answers_as_memory_does(keys: &Keys) {
    let directory = tempfile::tempdir().unwrap();
    let number = Cell::new(0);
    let path = |number: u32| directory.path().join(format!("{number}.db"));
    // What is compared are the answers; a crash of the machine is another test's.
    let options =
        || Options { durability: Durability::UnsafeNormal, recent_bytes_max: 300, keys: keys.clone(), ..Options::default() };
    let open = || -> Box<dyn Store> { Box::new(Sqlite::open(path(number.get()), options()).unwrap()) };
    let empty = || {
        number.set(number.get() + 1);
        open()
    };
    let crashed = |store: Box<dyn Store>| {
        let old = path(number.replace(number.get() + 1));
        for file in ["", "-wal"] {
            let name = |path: &Path| PathBuf::from(format!("{}{file}", path.display()));
            std::fs::copy(name(&old), name(&path(number.get()))).unwrap();
        }
        drop(store);
        open()
    };
    agrees_with_memory(12, empty, crashed);
}

#[test]
fn sqlite_in_memory_answers_random_batches_as_memory_does() {
    agrees_with_memory(24, || Box::new(Sqlite::open(":memory:", Options::default()).unwrap()), |store| store);
}
