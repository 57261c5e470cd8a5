//! The store alone: our own schema, handlers that take no time, nothing decided. Batches are built on a thread of their own, as
//! the engine decides one while another is being synced.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Result;
use workflow_store::{Batch, Options, Sqlite, Store};

use super::orders::{Orders, STEPS};
use super::{Measured, with_database};
use crate::folder;
use crate::process::Processes;

pub fn measure(folder: &Path, wanted: Duration, in_flight: usize) -> Result<()> {
    with_database(folder, |file| {
        let store = Sqlite::open(file, Options::default())?;
        let committed = commits(wanted, in_flight, |batch| {
            store.commit(batch)?;
            Ok(())
        })?;
        drop(store);
        committed.print("store", "the store of this engine, instant handlers", in_flight, file)
    })
}

/// What a store took.
#[derive(Debug)]
pub struct Commits {
    measured: Measured,
    transitions: usize,
    /// Executions that ended.
    ended: usize,
}

/// Commits one transition of everything that is in flight, again and again.
pub fn commits(wanted: Duration, in_flight: usize, mut commit: impl FnMut(&Batch) -> Result<()>) -> Result<Commits> {
    let (sender, batches) = mpsc::sync_channel(4);
    let builder = std::thread::spawn(move || {
        let mut orders = Orders::new(in_flight);
        // Ends when nobody wants more.
        while sender.send(orders.batch()).is_ok() {}
    });
    let (mut times, mut transitions, mut ended) = (Vec::new(), 0, 0);
    let this = Processes::default();
    let (before, began) = (this.sample()?, Instant::now());
    while began.elapsed() < wanted {
        let (batch, ended_in_it) = batches.recv()?;
        let since = Instant::now();
        commit(&batch)?;
        times.push(since.elapsed());
        transitions += batch.items.len();
        ended += ended_in_it;
    }
    let measured = Measured { times, used: this.sample()?.since(&before) };
    drop(batches);
    builder.join().map_err(|_| anyhow::anyhow!("the builder of batches panicked"))?;
    Ok(Commits { measured, transitions, ended })
}

impl Commits {
    pub fn print(self, way: &str, note: &str, in_flight: usize, file: &Path) -> Result<()> {
        let per_second = self.transitions as f64 / self.measured.used.seconds;
        let mut record = self.measured.record(way, 1.0);
        record.in_flight = Some(in_flight);
        record.completed = Some(self.transitions as u64);
        record.per_second = Some(per_second);
        record.note = Some(note.to_owned());
        record.disk_bytes = Some(folder::bytes(file)? as f64 / self.ended.max(1) as f64);
        record.with("orders_per_second", per_second / (STEPS + 1) as f64).print()
    }
}
