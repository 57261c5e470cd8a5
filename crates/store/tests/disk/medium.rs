//! What a power cut leaves: the files as a disk holds them, from what was written and what was synced.
//!
//! A file is made of pages of 4 KiB, which is what an operating system keeps and writes back, and of sectors of 512 bytes, which
//! a disk writes whole. A page that was written goes to the disk when the file is synced, or earlier, or never. When a sync
//! fails, some pages are on disk and the others are forgotten: they are read as they were written, and no later sync writes
//! them unless they are written again (this is what Linux does, and why a failed sync must not be repeated).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::seed::Random;

const PAGE: usize = 4096;
const SECTOR: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileName {
    Main,
    Log,
    Journal,
}

impl FileName {
    pub const ALL: [FileName; 3] = [FileName::Main, FileName::Log, FileName::Journal];

    pub fn of(path: &Path) -> Option<FileName> {
        let name = path.file_name()?.to_str()?;
        FileName::ALL.into_iter().find(|file| file.text() == name)
    }

    pub fn text(self) -> &'static str {
        match self {
            FileName::Main => "workflow.db",
            FileName::Log => "workflow.db-wal",
            FileName::Journal => "workflow.db-journal",
        }
    }
}

/// What was done to the files, and what was promised meanwhile.
#[derive(Debug, Clone)]
pub enum Op {
    Open {
        file: FileName,
        is_new: bool,
    },
    Write {
        file: FileName,
        at: usize,
        bytes: Box<[u8]>,
    },
    Truncate {
        file: FileName,
        bytes: usize,
    },
    Sync {
        file: FileName,
        failed: bool,
    },
    /// All of the file was written once more, the same as it was, and synced, and so was the directory.
    Rewritten {
        file: FileName,
    },
    /// With or without a sync of the directory.
    Delete {
        file: FileName,
        synced: bool,
    },
    /// A commit has been begun.
    Begun {
        batch: u64,
    },
    /// It has been acknowledged.
    Acknowledged {
        batch: u64,
    },
}

/// How much of what was not synced is on disk.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Of the pages, in percent, at each write: the operating system writes back when it likes.
    pub early: usize,
    /// Of the pages that are left, at the cut.
    pub late: usize,
    /// Of these, those of which only some sectors are.
    pub torn: usize,
    /// Of the pages, those that are on disk when a sync has failed.
    pub failed_sync: usize,
}

impl Style {
    pub fn by(random: &mut Random) -> Style {
        let mut of = |choices: &[usize]| choices[random.below(choices.len())];
        Style {
            early: of(&[0, 0, 2, 20]),
            late: of(&[0, 10, 50, 90, 100]),
            torn: of(&[0, 10, 100]),
            failed_sync: of(&[0, 30, 100]),
        }
    }
}

/// The directory as programs see it, and as it is on disk.
pub struct Medium {
    files: BTreeMap<FileName, File>,
    random: Random,
    style: Style,
}

#[derive(Default)]
struct File {
    exists: bool,
    exists_on_disk: bool,
    /// The first sync of the handle that made it syncs its directory.
    fresh: bool,
    cache: Vec<u8>,
    disk: Vec<u8>,
    /// Pages to be written to disk.
    dirty: BTreeSet<usize>,
    /// The least size since the last sync, if it was cut.
    cut_to: Option<usize>,
}

impl Medium {
    pub fn new(random: Random, style: Style) -> Medium {
        Medium { files: FileName::ALL.into_iter().map(|name| (name, File::default())).collect(), random, style }
    }

    /// Files that are on disk before anything is done.
    pub fn with(mut self, files: &BTreeMap<FileName, Vec<u8>>) -> Medium {
        for (name, bytes) in files {
            let (cache, disk) = (bytes.clone(), bytes.clone());
            self.files.insert(*name, File { exists: true, exists_on_disk: true, cache, disk, ..File::default() });
        }
        self
    }

    pub fn apply(&mut self, op: &Op) {
        let Medium { files, random, style } = self;
        macro_rules! file {
            ($name:expr) => {
                files.get_mut($name).expect("all are there")
            };
        }
        match op {
            Op::Open { file: name, is_new: false } => file!(name).fresh = false,
            Op::Open { file: name, is_new: true } => {
                let file = file!(name);
                let on_disk = std::mem::take(file);
                // A file that was deleted, and whose name is still on disk, is another one: the disk shows the new one at once.
                *file = File { exists: true, fresh: true, exists_on_disk: on_disk.exists_on_disk, ..File::default() };
            }
            Op::Write { file: name, at, bytes } => {
                let file = file!(name);
                file.write(*at, bytes);
                if style.early > 0 {
                    for page in file.dirty.clone() {
                        if random.percent(style.early) {
                            file.write_back(page, None);
                            file.dirty.remove(&page);
                        }
                    }
                }
            }
            Op::Truncate { file: name, bytes } => file!(name).truncate(*bytes),
            Op::Sync { file: name, failed } => {
                let file = file!(name);
                if *failed {
                    for page in std::mem::take(&mut file.dirty) {
                        if random.percent(style.failed_sync) {
                            file.write_back(page, None);
                        }
                    }
                    return;
                }
                file.sync();
                if std::mem::take(&mut file.fresh) && *name != FileName::Main {
                    self.sync_directory();
                }
            }
            Op::Rewritten { file: name } => {
                let file = file!(name);
                file.dirty = (0..file.cache.len().div_ceil(PAGE)).collect();
                file.sync();
                self.sync_directory();
            }
            Op::Delete { file: name, synced } => {
                file!(name).exists = false;
                if *synced {
                    self.sync_directory();
                }
            }
            Op::Begun { .. } | Op::Acknowledged { .. } => {}
        }
    }

    fn sync_directory(&mut self) {
        for file in self.files.values_mut() {
            file.exists_on_disk = file.exists;
        }
    }

    /// The power fails: what is on disk.
    pub fn cut(mut self) -> BTreeMap<FileName, Vec<u8>> {
        let (random, style) = (&mut self.random, self.style);
        let mut left = BTreeMap::new();
        for (name, mut file) in self.files {
            for page in std::mem::take(&mut file.dirty) {
                if random.percent(style.late) {
                    let torn = random.percent(style.torn).then(|| random.next());
                    file.write_back(page, torn);
                }
            }
            if random.percent(style.late) {
                file.cut();
                // The size is on disk, and the data is not: zeros.
                if file.disk.len() < file.cache.len() {
                    file.disk.resize(file.cache.len(), 0);
                }
            }
            let is_there = if file.exists == file.exists_on_disk { file.exists } else { random.percent(50) };
            if is_there {
                left.insert(name, file.disk);
            }
        }
        left
    }
}

impl File {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        let first = at.min(self.cache.len()) / PAGE;
        if self.cache.len() < end {
            self.cache.resize(end, 0);
        }
        self.cache[at..end].copy_from_slice(bytes);
        self.dirty.extend(first..end.div_ceil(PAGE));
    }

    fn truncate(&mut self, bytes: usize) {
        if bytes < self.cache.len() {
            self.cut_to = Some(self.cut_to.map_or(bytes, |to| to.min(bytes)));
            self.dirty.retain(|page| page * PAGE < bytes);
        }
        self.cache.resize(bytes, 0);
    }

    /// A cut that was done reaches the disk.
    fn cut(&mut self) {
        if let Some(to) = self.cut_to.take() {
            self.disk.truncate(to);
        }
    }

    /// A page goes to the disk: all of it, or the sectors whose bit is set.
    fn write_back(&mut self, page: usize, sectors: Option<u64>) {
        let end = ((page + 1) * PAGE).min(self.cache.len());
        if self.cut_to.is_some_and(|to| end > to) {
            self.cut();
        }
        if self.disk.len() < end {
            self.disk.resize(end, 0);
        }
        for (number, at) in (page * PAGE..end).step_by(SECTOR).enumerate() {
            if sectors.is_none_or(|bits| bits >> number & 1 == 1) {
                let end = (at + SECTOR).min(end);
                self.disk[at..end].copy_from_slice(&self.cache[at..end]);
            }
        }
    }

    fn sync(&mut self) {
        self.cut();
        for page in std::mem::take(&mut self.dirty) {
            self.write_back(page, None);
        }
        self.disk.resize(self.cache.len(), 0);
    }
}
