//! What whoever had the file before has left, and may not be on disk although it can be read, or not be what was written.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::error::OpenError;
use super::log;
use super::migrate::APPLICATION_ID;
use super::open::log_of;
use super::{Durability, Options};

/// A database is longer once its log has been copied for the first time.
const NEW_FILE_BYTES_MAX: u64 = 64 << 10;
/// So much of a file is written again at once.
const PIECE_BYTES: usize = 1 << 20;

/// Before SQLite looks at the file, which nobody has open: everything in it is on disk, and is what was written.
pub(super) fn make_sure(path: &Path, options: &Options) -> Result<(), OpenError> {
    // Of another program's file, which may be in use, nothing is touched.
    if is_ours(path) {
        expect_whole(path, options)?;
        write_again(path)?;
    }
    Ok(())
}

fn is_ours(path: &Path) -> bool {
    let mut start = [0; 72];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start[68..] == APPLICATION_ID.to_be_bytes()
}

/// SQLite would take a log that the disk has damaged for a shorter one.
fn expect_whole(path: &Path, options: &Options) -> Result<(), OpenError> {
    // Of commits that are not synced a power cut may leave any.
    if options.durability != Durability::Full {
        return Ok(());
    }
    let file = log_of(path);
    match log::damage(&file) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(OpenError::Damaged { path: path.to_owned(), reason }),
        Err(error) => Err(OpenError::from_io(path, &file, &error)),
    }
}

/// What can be read is what will be believed, so it has to be on disk. A process that was killed may not have lived to sync what it
/// wrote. And what was written before a sync that failed is read as if it were there, while no later sync writes it: the kernel
/// takes it for done. So it is written again.
///
/// That is the log; the rest is copied from the log anew. And the beginning of a file that has just been made: where it is
/// missing SQLite takes a log for the remains of another file, and deletes it.
fn write_again(path: &Path) -> Result<(), OpenError> {
    let log = log_of(path);
    for (file, bytes_max) in [(log.as_path(), u64::MAX), (path, NEW_FILE_BYTES_MAX)] {
        match write_file_again(file, bytes_max) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(OpenError::from_io(path, file, &error));
            }
            _ => {}
        }
    }
    // SQLite syncs the directory with the first sync of a log, and not again when that one failed.
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| OpenError::from_io(path, directory, &error))?;
    }
    Ok(())
}

/// Does nothing to a file that is longer than `bytes_max`.
fn write_file_again(file: &Path, bytes_max: u64) -> std::io::Result<()> {
    let mut file = File::options().read(true).write(true).open(file)?;
    let bytes = file.metadata()?.len();
    if bytes == 0 || bytes > bytes_max {
        return Ok(());
    }
    let mut piece = vec![0; usize::try_from(bytes).map_or(PIECE_BYTES, |bytes| bytes.min(PIECE_BYTES))];
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let read = file.read(&mut piece)?;
        if read == 0 {
            return file.sync_data();
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&piece[..read])?;
        at += read as u64;
    }
}
