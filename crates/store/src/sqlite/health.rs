//! What is around a database file: its log, its disk, and who else has it open.

use std::path::{Path, PathBuf};

use super::{migrate, open};
use crate::Health;

/// What is around the file at `path`; of one that is not there nothing is known.
pub fn health(path: &Path) -> Health {
    let Ok(path) = open::absolute(path) else { return Health::default() };
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    Health {
        schema: None,
        file_bytes: length(&path),
        log_bytes: length(&open::log_of(&path)),
        log_bytes_max: None,
        disk_free_bytes: free(&path),
        others: others(&path),
    }
}

/// Of a file that this process has open.
pub(super) fn of_open(path: Option<&PathBuf>, log_bytes_max: u64) -> Health {
    let Some(path) = path else { return Health::default() };
    Health { schema: Some(migrate::NEWEST), log_bytes_max: Some(log_bytes_max), ..health(path) }
}

/// What is left for this user.
#[cfg(unix)]
fn free(path: &Path) -> Option<u64> {
    let folder = path.parent()?;
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

/// Processes besides this one that have the file open, as `process 42 (sqlite3)`; of other users only where this one may look.
fn others(path: &Path) -> Vec<String> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    let mut found = Vec::new();
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let has_it = files.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|target| target == path));
        if has_it && pid != own {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            found.push(format!("process {pid} ({})", name.trim()));
        }
    }
    found.sort();
    found
}
