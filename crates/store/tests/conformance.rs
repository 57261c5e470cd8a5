//! The suite of `workflow_store::conformance` on the stores of this crate.

use std::cell::Cell;

use workflow_store::conformance::{agrees_with_memory, exercise};
use workflow_store::{Durability, Memory, Options, Sqlite, Store};

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
fn sqlite_in_memory_keeps_the_contract() {
    exercise(|| Box::new(Sqlite::open(":memory:", Options::default()).unwrap()));
}

#[test]
fn sqlite_answers_random_batches_as_memory_does() {
    let directory = tempfile::tempdir().unwrap();
    let number = Cell::new(0);
    agrees_with_memory(8, || -> Box<dyn Store> {
        number.set(number.get() + 1);
        // What is compared are the answers; a crash is another test's.
        let options = Options { durability: Durability::UnsafeNormal, ..Options::default() };
        Box::new(Sqlite::open(directory.path().join(format!("{}.db", number.get())), options).unwrap())
    });
}

#[test]
fn sqlite_in_memory_answers_random_batches_as_memory_does() {
    agrees_with_memory(24, || Box::new(Sqlite::open(":memory:", Options::default()).unwrap()));
}
