//! What is left to do when somebody ends a run early: processes that it started are killed, and its files, which may be many
//! gigabytes, removed. In an orderly end whoever made them does it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

static LEFT: Mutex<Left> = Mutex::new(Left { processes: Vec::new(), folders: Vec::new() });

#[derive(Debug)]
struct Left {
    processes: Vec<Pid>,
    folders: Vec<PathBuf>,
}

/// As a shell reports a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// From now on SIGINT and SIGTERM end this process so.
pub fn clean_up_when_told_to_end() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
            }
            let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
            for process in &left.processes {
                // One that has ended is what was wanted.
                let _ = kill_process(*process, Signal::KILL);
            }
            for folder in &left.folders {
                let _ = std::fs::remove_dir_all(folder);
            }
            std::process::exit(INTERRUPTED);
        });
    });
    Ok(())
}

pub fn remove_folder(folder: PathBuf) {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).folders.push(folder);
}

pub fn kill(process: Pid) {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).processes.push(process);
}

/// It has ended, and its id may become another's.
pub fn forget(process: Pid) {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).processes.retain(|other| *other != process);
}
