//! Where runs keep their files: below `bench/.run`, on the disk of the project (a temporary folder may be in memory), gone when
//! the run ends.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::interrupt;

const RUNS: &str = "bench/.run";

pub fn of_run(name: &str) -> Result<TempDir> {
    ensure!(Path::new("bench").is_dir(), "expected the root of the project as current directory, where `bench` is");
    fs::create_dir_all(RUNS)?;
    let folder = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(RUNS)?;
    interrupt::remove_folder(folder.path().to_owned());
    Ok(folder)
}

/// A database with its write-ahead log.
fn files(database: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm", ".lock"].map(|suffix| PathBuf::from(format!("{}{suffix}", database.display()))).into_iter()
}

pub fn bytes(database: &Path) -> Result<u64> {
    let sizes = files(database).filter(|file| file.exists()).map(|file| Ok(fs::metadata(file)?.len()));
    sizes.sum()
}

/// Whether something is in its write-ahead log that may not be in the file yet.
pub fn has_log(database: &Path) -> bool {
    files(database).nth(1).and_then(|log| fs::metadata(log).ok()).is_some_and(|log| log.len() > 0)
}

pub fn remove(database: &Path) -> Result<()> {
    for file in files(database).filter(|file| file.exists()) {
        fs::remove_file(file)?;
    }
    Ok(())
}

/// What whoever runs this may still write there.
pub fn free_bytes(folder: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(folder).context("the free space of the disk cannot be read")?;
    Ok(disk.f_bavail * disk.f_frsize)
}

/// Of the file, what the kernel keeps in memory.
pub fn cached_mib(database: &Path) -> Option<f64> {
    let output =
        std::process::Command::new("fincore").args(["--bytes", "--noheadings", "--output", "RES"]).arg(database).output();
    let bytes: f64 = String::from_utf8(output.ok()?.stdout).ok()?.trim().parse().ok()?;
    Some(bytes / f64::from(1 << 20))
}
