//! Plays a script on a store, as the engine would: after a fault it opens the store again and asks what became of the batch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use workflow_store::{Durability, FaultKind, Keys, OpenError, Options, Sqlite, Store};

use super::medium::{FileName, Op};
use super::script::{Answers, Script, Step};
use super::vfs::Disk;

/// Small, so that the log is copied and begun anew, and rows of `recent` go to `history`, often in a short script.
pub fn options() -> Options {
    Options {
        durability: Durability::Full,
        lock_wait: Duration::ZERO,
        writer_cache_bytes: 256 << 10,
        reader_cache_bytes: 64 << 10,
        readers_max: 1,
        log_bytes: 512 << 10,
        log_bytes_max: 1 << 20,
        recent_bytes_max: 6_000,
        file_bytes_max: None,
        keys: Keys::default(),
    }
}

/// A directory in memory where there is one: nothing here relies on a real disk.
pub fn directory() -> TempDir {
    let shared = Path::new("/dev/shm");
    let directory = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    directory.unwrap()
}

/// The files of a store.
pub fn files(directory: &Path) -> BTreeMap<FileName, Vec<u8>> {
    FileName::ALL.into_iter().filter_map(|name| Some((name, std::fs::read(directory.join(name.text())).ok()?))).collect()
}

pub fn put(directory: &Path, files: &BTreeMap<FileName, Vec<u8>>) {
    for (name, bytes) in files {
        std::fs::write(directory.join(name.text()), bytes).unwrap();
    }
}

/// How often the store is opened again before it counts as gone.
const TRIES: usize = 12;

pub struct Player<'a> {
    pub script: &'a Script,
    pub disk: &'a Disk,
    pub directory: PathBuf,
    options: Options,
    store: Option<Sqlite>,
    /// The newest batch that was acknowledged.
    acknowledged: u64,
    pub faults: u64,
    /// The files after the last step, before they were closed.
    pub end: BTreeMap<FileName, Vec<u8>>,
}

/// What the store has done that it must not.
pub type Wrong = String;

impl<'a> Player<'a> {
    pub fn new(script: &'a Script, disk: &'a Disk, directory: &Path, options: Options) -> Player<'a> {
        Player {
            script,
            disk,
            directory: directory.to_owned(),
            options,
            store: None,
            acknowledged: 0,
            faults: 0,
            end: BTreeMap::new(),
        }
    }

    /// All steps, then everything is compared, on this store and on the next one that opens the file.
    pub fn play(&mut self) -> Result<(), Wrong> {
        self.open()?;
        for step in &self.script.steps {
            match step {
                Step::Commit(batch) => {
                    self.disk.note(Op::Begun { batch: batch.number });
                    self.commit(batch)?;
                    self.disk.note(Op::Acknowledged { batch: batch.number });
                    self.acknowledged = batch.number;
                }
                Step::Rest => self.rest()?,
                Step::Close => {
                    self.store = None;
                    self.open()?;
                }
                Step::Kill => self.kill()?,
            }
        }
        self.compare("at the end")?;
        self.disk.heal();
        self.end = files(&self.directory);
        self.store = None;
        self.open()?;
        self.compare("after it was opened again")
    }

    fn store(&self) -> &Sqlite {
        self.store.as_ref().expect("opened")
    }

    fn compare(&mut self, when: &str) -> Result<(), Wrong> {
        let expected = &self.script.answers[usize::try_from(self.acknowledged).unwrap()];
        for _ in 0..TRIES {
            let found = Answers::of(self.store(), &self.script.ids);
            match found.difference(expected) {
                None => return Ok(()),
                // A reader could not open the file.
                Some(difference) if !self.disk.failed().is_empty() && difference.what.contains("kind: Unavailable") => {
                    self.faults += 1;
                    let _ = self.store().reopen();
                }
                Some(difference) => return Err(format!("{when}, batch {}: {}", self.acknowledged, difference.what)),
            }
        }
        Err(format!("{when}: reads fail for ever"))
    }

    /// Until it opens: a disk that fails for a while is well again after some calls.
    fn open(&mut self) -> Result<(), Wrong> {
        self.store = None;
        let mut last = String::new();
        for _ in 0..TRIES {
            match Sqlite::open(self.directory.join(FileName::Main.text()), self.options.clone()) {
                Ok(store) => {
                    self.store = Some(store);
                    return Ok(());
                }
                Err(error @ (OpenError::Damaged { .. } | OpenError::NotOurs { .. } | OpenError::Newer { .. })) => {
                    return Err(format!("nothing is damaged, and yet: {error}"));
                }
                Err(error) => {
                    self.faults += 1;
                    last = error.to_string();
                }
            }
        }
        Err(format!("cannot be opened, although the disk is well again: {last}"))
    }

    /// What a killed process leaves is what its files hold, written or not; locks and memory are gone.
    fn kill(&mut self) -> Result<(), Wrong> {
        let (ops, left) = self.disk.still(|| files(&self.directory));
        self.store = None;
        // What was done while it was closed has not been done.
        self.disk.rewind(ops);
        for name in FileName::ALL {
            let _ = std::fs::remove_file(self.directory.join(name.text()));
        }
        let _ = std::fs::remove_file(self.directory.join("workflow.db-shm"));
        put(&self.directory, &left);
        self.open()
    }

    fn rest(&mut self) -> Result<(), Wrong> {
        for _ in 0..TRIES {
            match self.store().rest() {
                Ok(()) => return Ok(()),
                Err(fault) => {
                    self.faults += 1;
                    self.expect_retryable(&fault)?;
                    self.reopen()?;
                    self.expect_batch(&[self.acknowledged])?;
                }
            }
        }
        Err("never rests, although the disk is well again".to_owned())
    }

    fn commit(&mut self, batch: &workflow_store::Batch) -> Result<(), Wrong> {
        let number = batch.number;
        for _ in 0..TRIES {
            match self.store().commit(batch) {
                Ok(committed) => {
                    let expected = &self.script.results[usize::try_from(number).unwrap()];
                    return if committed == *expected {
                        Ok(())
                    } else {
                        Err(format!("batch {number}: {committed:?}, not {expected:?}"))
                    };
                }
                Err(fault) => {
                    self.faults += 1;
                    self.expect_retryable(&fault)?;
                    self.reopen()?;
                    let may_be_there = if fault.kind == FaultKind::Unknown { number } else { number - 1 };
                    if self.expect_batch(&[number - 1, may_be_there])? == number {
                        return Ok(());
                    }
                }
            }
        }
        Err(format!("batch {number} is never committed, although the disk is well again"))
    }

    fn expect_retryable(&self, fault: &workflow_store::Fault) -> Result<(), Wrong> {
        if fault.is_retryable() && !fault.message.is_empty() {
            Ok(())
        } else {
            Err(format!("nothing is damaged, and yet: {fault:?}"))
        }
    }

    fn reopen(&mut self) -> Result<(), Wrong> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.store().reopen() {
                Ok(()) => return Ok(()),
                Err(fault) => {
                    self.faults += 1;
                    self.expect_retryable(&fault)?;
                    last = fault.to_string();
                }
            }
        }
        Err(format!("cannot be opened again, although the disk is well again: {last}"))
    }

    /// After a fault all of a batch is there, or nothing of it.
    fn expect_batch(&mut self, allowed: &[u64]) -> Result<u64, Wrong> {
        for _ in 0..TRIES {
            match self.store().batch() {
                Ok(batch) if allowed.contains(&batch) => {
                    let before = std::mem::replace(&mut self.acknowledged, batch);
                    self.compare("after a fault")?;
                    self.acknowledged = before;
                    return Ok(batch);
                }
                Ok(batch) => return Err(format!("after a fault batch {batch} is the newest, expected one of {allowed:?}")),
                Err(fault) => {
                    self.faults += 1;
                    self.expect_retryable(&fault)?;
                    self.reopen()?;
                }
            }
        }
        Err("the batch is never read".to_owned())
    }
}
