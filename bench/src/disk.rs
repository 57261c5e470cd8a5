//! What the disk allows, and what was left on it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;

#[derive(Debug)]
pub struct Floor {
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

/// Appends blocks of 4 KiB, each synced before the next.
pub fn append_and_sync(folder: &Path, blocks: usize) -> Result<Floor> {
    let path = folder.join("floor");
    let mut file = File::create(&path)?;
    let block = [7_u8; 4_096];
    let mut times = Vec::with_capacity(blocks);
    let begun = Instant::now();
    for _ in 0..blocks {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    let per_second = blocks as f64 / begun.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    times.sort_unstable_by(f64::total_cmp);
    Ok(Floor { per_second, p50_us: times[blocks / 2], p99_us: times[blocks * 99 / 100] })
}

/// A database with its write-ahead log.
fn files(database: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm", ".lock"].map(|suffix| PathBuf::from(format!("{}{suffix}", database.display()))).into_iter()
}

pub fn size_of(database: &Path) -> Result<u64> {
    let sizes = files(database).filter(|file| file.exists()).map(|file| Ok(fs::metadata(file)?.len()));
    sizes.sum()
}

pub fn remove(database: &Path) -> Result<()> {
    for file in files(database).filter(|file| file.exists()) {
        fs::remove_file(file)?;
    }
    Ok(())
}
