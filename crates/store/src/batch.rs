//! What one commit writes.

use workflow_core::event::Recorded;
use workflow_core::id::{ActionName, EndpointName, ExecutionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use crate::cluster::Ranges;
use crate::document::{Document, KeyRange};
use crate::fault::{Fault, FaultKind};
use crate::row::{DefinitionRow, Endpoint, Head, Snapshot};
use crate::token::Token;

/// All that is committed together: one transaction, one sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// One above the newest committed batch. A store refuses any other number: it is the fence against two writers.
    pub number: u64,
    pub items: Vec<Item>,
}

/// Changes that are made together or, when the claim is taken, not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    pub claim: Option<Claim>,
    pub changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Transition(Box<Transition>),
    /// A new version of a definition.
    Define(Box<DefinitionRow>),
    /// All versions of a definition are deleted: kept for the executions pinned to them.
    Undefine {
        workflow: WorkflowId,
        at: Timestamp,
    },
    PutEndpoint(Box<Endpoint>),
    RemoveEndpoint(EndpointName),
    /// A new token, or one that is revoked now.
    PutToken(Box<Token>),
    Delete(Deletion),
    /// Replaces the document of its kind and key.
    PutDocument(Box<Document>),
    RemoveDocuments {
        kind: String,
        keys: KeyRange,
    },
    /// What this engine knows of definitions, endpoints and tokens is of this number ([`Store::catalog`](crate::Store::catalog)): with
    /// another one nothing of the batch is written ([`FaultKind::Stale`]).
    Require {
        catalog: u64,
    },
    /// Ranges that this engine owns belong to another one from this commit on. When that one is gone, nothing of the batch is written.
    Give {
        ranges: Ranges,
        to: String,
    },
    /// What another engine asked ([`Store::asked`](crate::Store::asked)) is answered.
    Answer {
        seq: u64,
        answer: Json,
    },
}

/// Removes an execution with all that is stored of it. One that is not there, or is not meant, is left as it is: nobody has to know
/// for certain what will be there by the time of the commit.
///
/// The idempotency key or event id that started it goes with it, when no other execution that it started is there any more; else it
/// stays as it is. Executions that came of it (`replay_of`, `parent`) stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Deletion {
    pub id: ExecutionId,
    pub which: Deletable,
    pub erasure: Erasure,
}

/// When what was stored of a deleted execution is gone. No reader finds any of it from the commit on, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// With the commit.
    AtOnce,
    /// When it suits the store: where it can drop much together, that is far cheaper. Until then its id must not be given again; to a
    /// store that was opened without any execution it may.
    WithOthers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletable {
    /// If it has ended, no later than this.
    EndedUntil(Timestamp),
    /// Whatever its head row says: its stored data make no sense, so that nobody can bring it to its end.
    Anyhow,
}

/// What happened to one execution. A batch may hold several of one execution, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub id: ExecutionId,
    /// Consecutive `seq`s that follow what is stored; those of a new execution begin at 1. Payloads are resident.
    pub events: Vec<Recorded>,
    pub head: Option<HeadChange>,
    /// The actions that the execution, now at rest, wants: replaces its rows. `None` leaves them.
    pub parked: Option<Vec<ActionName>>,
    /// Replaces the snapshot.
    pub snapshot: Option<Snapshot>,
}

/// The new head row, and the status that the counters lose.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadChange {
    pub head: Head,
    /// None for a new execution.
    pub status_before: Option<Status>,
}

/// A key that must belong to one item alone, for as long as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub kind: ClaimKind,
    /// The workflow of an idempotency key, the source of an event id.
    pub scope: String,
    pub key: String,
    /// The executions that the item starts; what a later claimant is answered with. Ascending, and none of another claim lies between
    /// them.
    pub executions: Vec<ExecutionId>,
    /// What to compare a later claimant's request with: the input of a start, the answer to an event.
    pub data: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    IdempotencyKey,
    EventId,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Committed {
    /// Items that were left out, by their place in the batch, ascending, and who holds the claim. Two items of one batch with
    /// the same claim: the first holds it.
    pub taken: Vec<(usize, Taken)>,
}

/// The holder of a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    pub executions: Vec<ExecutionId>,
    pub data: Json,
}

impl Change {
    /// Why a store of one engine does not do what only several have.
    pub(crate) fn refused_alone(&self) -> Fault {
        Fault::new(FaultKind::Corrupt, "commit", format!("a store that has one engine was asked for {self:?}"))
    }
}

impl Deletable {
    /// Whether an execution with this head row is meant.
    pub(crate) fn means(self, status: Status, completed_at: Option<Timestamp>) -> bool {
        match self {
            Deletable::EndedUntil(until) => status.has_ended() && completed_at.is_some_and(|at| at <= until),
            Deletable::Anyhow => true,
        }
    }
}

impl Transition {
    /// The status and the newest `seq` after it, when it follows what is `before` it.
    pub(crate) fn follows(&self, before: Option<(Status, u64)>) -> Result<(Status, u64), Fault> {
        let refused = |what: String| Fault::new(FaultKind::Corrupt, "commit", format!("{}: {what}", self.id));
        let (status, seq) = match (&self.head, before) {
            (None, Some(before)) => before,
            (None, None) => return Err(refused("a change without a head row, of an execution that is not stored".to_owned())),
            (Some(change), before) => {
                if change.head.id != self.id {
                    return Err(refused(format!("its head row is that of {}", change.head.id)));
                }
                let stored = before.map(|(status, _)| status);
                if change.status_before != stored {
                    let expected = change.status_before;
                    return Err(refused(format!("expected to find status {expected:?}, found {stored:?}")));
                }
                (change.head.status, before.map_or(0, |(_, seq)| seq))
            }
        };
        for (place, recorded) in self.events.iter().enumerate() {
            let expected = seq + 1 + place as u64;
            if recorded.seq != expected {
                return Err(refused(format!("expected an event with seq {expected}, found {}", recorded.seq)));
            }
        }
        Ok((status, seq + self.events.len() as u64))
    }
}
