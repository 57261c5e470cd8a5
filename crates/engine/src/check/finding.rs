//! What may be wrong with a file, and what a person can do about it.

use workflow_core::id::ExecutionId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// The execution that it is about.
    pub execution: Option<ExecutionId>,
    /// What was expected and what was found.
    pub found: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite cannot read it, or finds it inconsistent.
    FileDamaged,
    /// A table, index or view is not as this version makes it.
    SchemaDiffers,
    /// A copy of another database broke off: not everything is there.
    UnfinishedMove,
    DefinitionUnreadable,
    /// Nobody is let in with it.
    TokenDamaged,
    DefinitionMissing,
    /// It does not fold, or has gaps.
    HistoryBroken,
    /// The head row says something else than the history.
    HeadDiffers,
    /// The engine would not come back to it in time, or never.
    WakesTooLate,
    /// A payload is missing, has another length, is no JSON, or belongs to no event.
    PayloadBroken,
    /// It stands in the way of the history.
    SnapshotUnusable,
    /// Rows of `parked` are not what the execution wants.
    ParkedDiffers,
    ClaimBroken,
    CounterDiffers,
    /// There are rows of an execution that has no head row.
    ExecutionMissing,
}

impl Finding {
    pub(super) fn new(kind: Kind, found: String) -> Finding {
        Finding { kind, execution: None, found }
    }

    pub(super) fn of(id: ExecutionId, kind: Kind, found: String) -> Finding {
        Finding { kind, execution: Some(id), found }
    }
}

impl Kind {
    /// For programs; never given another meaning.
    pub fn code(self) -> &'static str {
        match self {
            Kind::FileDamaged => "file_damaged",
            Kind::SchemaDiffers => "schema_differs",
            Kind::UnfinishedMove => "unfinished_move",
            Kind::DefinitionUnreadable => "definition_unreadable",
            Kind::TokenDamaged => "token_damaged",
            Kind::DefinitionMissing => "definition_missing",
            Kind::HistoryBroken => "history_broken",
            Kind::HeadDiffers => "head_differs",
            Kind::WakesTooLate => "wakes_too_late",
            Kind::PayloadBroken => "payload_broken",
            Kind::SnapshotUnusable => "snapshot_unusable",
            Kind::ParkedDiffers => "parked_differs",
            Kind::ClaimBroken => "claim_broken",
            Kind::CounterDiffers => "counter_differs",
            Kind::ExecutionMissing => "execution_missing",
        }
    }

    /// What to do.
    pub fn advice(self) -> &'static str {
        match self {
            Kind::FileDamaged => {
                "copy the file aside together with its -wal, then restore a backup, or save what can be read with `sqlite3 FILE .recover`"
            }
            Kind::SchemaDiffers => "another program has changed the file: restore a backup, or undo the change with `sqlite3`",
            Kind::UnfinishedMove => "no engine opens it: delete it, and let `workflow move` copy everything again",
            Kind::DefinitionUnreadable => {
                "its executions are left alone until it can be read: open the file with the version that wrote it, or restore a backup"
            }
            Kind::TokenDamaged => {
                "nobody is let in with it, nor without one as long as it is there: make its holder another one, and revoke this one by its id"
            }
            Kind::DefinitionMissing | Kind::HistoryBroken => {
                "the engine leaves this execution alone and answers `corrupt`: restore a backup, or start its work again"
            }
            Kind::HeadDiffers => {
                "lists show what the row says, `status` and `history` what is true; of one that has not ended `pause` and `resume` write the row anew"
            }
            Kind::WakesTooLate => "it may stand still: `pause` and `resume` make the engine look at it again",
            Kind::PayloadBroken => "the engine leaves this execution alone once it reads the payload: restore a backup",
            Kind::SnapshotUnusable => {
                "a snapshot is only a cache: stop the engine, then `sqlite3 FILE \"DELETE FROM snapshot\"`, and check again"
            }
            Kind::ParkedDiffers => "it may stand still: `pause` and `resume` make the engine look at it again",
            Kind::ClaimBroken => {
                "the same key or event id again may start its work a second time: restore a backup, or use another key"
            }
            Kind::CounterDiffers => "only the numbers of `counts` and the metrics are wrong; executions are not",
            Kind::ExecutionMissing => "an execution is lost, or was deleted by another program: restore a backup",
        }
    }
}
