//! How fast this disk makes bytes durable: appended, and over blocks that were written before.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::repeat;

/// Files of this harness do not grow beyond.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// What is written over, again and again: longer than any cache of a disk is likely to merge.
const OVERWRITTEN_BYTES: usize = 64 << 20;

pub fn measure(folder: &Path, wanted: Duration) -> Result<()> {
    let path = folder.join("limit");
    for block_bytes in [4 << 10, 1 << 20] {
        let (mut file, block) = (File::create(&path)?, vec![7_u8; block_bytes]);
        let mut length = 0;
        let measured = repeat(wanted, || {
            if length >= FILE_BYTES_MAX {
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0))?;
                length = 0;
            }
            length += block_bytes as u64;
            file.write_all(&block)?;
            Ok(file.sync_data()?)
        })?;
        print(&measured, "append", block_bytes)?;
    }
    let (mut file, block) = (File::create(&path)?, [7_u8; 4 << 10]);
    file.write_all(&vec![0; OVERWRITTEN_BYTES])?;
    file.sync_all()?;
    let mut blocks = 0;
    let measured = repeat(wanted, || {
        if blocks % (OVERWRITTEN_BYTES / block.len()) == 0 {
            file.seek(SeekFrom::Start(0))?;
        }
        blocks += 1;
        file.write_all(&block)?;
        Ok(file.sync_data()?)
    })?;
    print(&measured, "overwrite", block.len())?;
    Ok(fs::remove_file(path)?)
}

fn print(measured: &super::Measured, what: &str, block_bytes: usize) -> Result<()> {
    let mut record = measured.record("disk", 1.0);
    record.note = Some(format!("{what} {} KiB + fdatasync", block_bytes >> 10));
    let mib = record.per_second.unwrap_or_default() * block_bytes as f64 / f64::from(1 << 20);
    record.with("block_bytes", block_bytes as f64).with("mib_per_second", mib).print()
}
