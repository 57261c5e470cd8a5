//! The simulated store: [`Memory`], whose commits take place before, in the middle of, or after what else happens; whose answers
//! get lost; that refuses; and that other engines may write to.

use std::collections::VecDeque;
use std::sync::Arc;

use workflow_engine::ring::message::{Found, Read, Reopened, reopen};
use workflow_store::{Batch, Claim, Committed, Fault, FaultKind, Memory, Store};

/// What comes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Written,
    /// It says that nothing was written.
    Refused(&'static str),
    /// Nothing was written, and nobody knows.
    LostBefore,
    /// All of it was written, and nobody knows.
    LostAfter,
}

pub const FAULTS: [Fate; 4] = [Fate::Refused("disk full"), Fate::Refused("busy"), Fate::LostBefore, Fate::LostAfter];

#[derive(Debug, Default)]
pub struct Disk {
    pub memory: Memory,
    /// What comes of the next commits.
    pub fates: VecDeque<Fate>,
    pub reopen_fails: usize,
    pub reads_fail: usize,
    pub commit: Option<Commit>,
    pub reopening: Option<(u64, Vec<(usize, Claim)>)>,
    pub reads: VecDeque<Pending>,
    /// A batch of an engine that is gone, on its way to the store for a long time.
    pub zombie: Option<Arc<Batch>>,
}

/// A batch in the store.
#[derive(Debug)]
pub struct Commit {
    pub batch: Arc<Batch>,
    /// Once it has run.
    pub answer: Option<Result<Committed, Fault>>,
}

#[derive(Debug)]
pub enum Pending {
    Asked(Read),
    /// It has read; what comes now does not change what it found.
    Read(Box<Found>),
}

impl Disk {
    /// Runs a commit. Gives what was written.
    pub fn run_commit(&mut self) -> Option<(Arc<Batch>, Committed)> {
        let commit = self.commit.as_mut().filter(|commit| commit.answer.is_none())?;
        let fate = self.fates.pop_front().unwrap_or(Fate::Written);
        let unknown = || Fault::new(FaultKind::Unknown, "commit", "connection lost");
        let result = match fate {
            Fate::Refused(why) => Err(Fault::new(FaultKind::Unavailable, "commit", why)),
            Fate::LostBefore => Err(unknown()),
            Fate::Written | Fate::LostAfter => self.memory.commit(&commit.batch),
        };
        let written = result.as_ref().ok().map(|committed| (commit.batch.clone(), committed.clone()));
        commit.answer = Some(if fate == Fate::LostAfter { result.and(Err(unknown())) } else { result });
        written
    }

    /// A batch that an engine which is gone had sent arrives now, after the next engine has written: only its number says that it is
    /// late. (Before that the lock on the store has to hold it off: numbers alone could not say whose batch it is.)
    pub fn run_zombie(&mut self) -> Option<(Arc<Batch>, Committed)> {
        let newest = self.memory.batch().expect("this store can always be read");
        let batch = self.zombie.take_if(|batch| batch.number <= newest)?;
        let committed = self.memory.commit(&batch).ok()?;
        Some((batch, committed))
    }

    /// Runs a read that was asked for.
    pub fn run_read(&mut self, at: usize) {
        let Some(pending) = self.reads.get_mut(at) else { return };
        if let Pending::Asked(read) = pending {
            let found = if self.reads_fail > 0 {
                self.reads_fail -= 1;
                failed(read.clone())
            } else {
                read.clone().run(&self.memory)
            };
            *pending = Pending::Read(Box::new(found));
        }
    }

    /// The answer of one that has read.
    pub fn answer_read(&mut self, at: usize) -> Option<Found> {
        match self.reads.remove(at)? {
            Pending::Read(found) => Some(*found),
            asked @ Pending::Asked(_) => {
                self.reads.insert(at, asked);
                None
            }
        }
    }

    pub fn run_reopen(&mut self) -> Option<Result<Reopened, Fault>> {
        let (number, claims) = self.reopening.take()?;
        if self.reopen_fails > 0 {
            self.reopen_fails -= 1;
            return Some(Err(Fault::new(FaultKind::Unavailable, "reopen", "no such disk")));
        }
        Some(reopen(&self.memory, number, &claims))
    }

    /// The process is gone: what was asked is not asked any more.
    pub fn forget(&mut self) {
        self.commit = None;
        self.reopening = None;
        self.reads.clear();
    }

    pub fn is_quiet(&self) -> bool {
        self.commit.is_none() && self.reopening.is_none() && self.reads.is_empty()
    }
}

fn failed(read: Read) -> Found {
    let fault = || Fault::new(FaultKind::Unavailable, "read", "input/output error");
    match read {
        Read::Load(ids) => Found::Loaded { ids, result: Err(fault()) },
        Read::Payloads { id, seqs } => Found::Payloads { id, seqs, result: Err(fault()) },
        Read::Due { until, limit, .. } => Found::Due { until, limit, result: Err(fault()) },
        Read::NextWake { after } => Found::NextWake { after, result: Err(fault()) },
        Read::Parked { action, limit, .. } => Found::Parked { action, limit, result: Err(fault()) },
        Read::Claim { kind, scope, key } => Found::Claim { kind, scope, key, result: Err(fault()) },
        Read::Ended { .. } => Found::Ended { result: Err(fault()) },
        Read::Asked { limit, .. } => Found::Asked { limit, result: Err(fault()) },
        Read::Catalog { .. } => Found::Catalog { result: Err(fault()) },
    }
}
