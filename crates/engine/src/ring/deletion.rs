//! Executions are deleted: by a person, or because they ended long ago.
//!
//! From the decision until its batch is durable nothing else is decided of the execution, and nobody loads it: it may be there or not.

use workflow_core::id::ExecutionId;
use workflow_core::refusal::Refusal;
use workflow_store::{Change, Deletable, Deletion, Erasure};

use super::Ring;
use super::message::{DeleteAsk, ReplyTo};
use super::resident::Queued;
use crate::Error;
use crate::clock::Now;

impl Ring {
    pub(super) fn delete(&mut self, ask: DeleteAsk, now: Now) {
        let DeleteAsk { id, reply } = ask;
        if self.corrupt.contains(&id) && !self.deleting.contains_key(&id) {
            // Nobody can bring it to its end.
            self.push_deletion(id, Deletable::Anyhow, Erasure::AtOnce);
            return self.reply(self.deciding(), reply, Ok(()));
        }
        self.command(id, Queued::delete(reply), now);
    }

    /// Of an execution in memory.
    pub(super) fn delete_resident(&mut self, id: ExecutionId, reply: ReplyTo, now: Now) {
        let resident = self.residents.get(id).expect("commands are decided on executions in memory");
        let Some(ended_at) = resident.execution.ended_at() else {
            let refusal = Refusal::NotEnded { execution: id, status: resident.status() };
            return self.answer_control(id, reply, Err(refusal.into()));
        };
        self.push_deletion(id, Deletable::EndedUntil(ended_at), Erasure::AtOnce);
        self.reply(self.deciding(), reply, Ok(()));
        let left = self.drop_from_memory(id).map(|resident| resident.queue).unwrap_or_default();
        for queued in left {
            self.command(id, queued, now);
        }
    }

    /// Whether it is deleted, for its age; not while anybody is about to do anything with it.
    pub(super) fn delete_unless_wanted(&mut self, id: ExecutionId, which: Deletable) -> bool {
        let wanted =
            !self.owns(id) || self.residents.contains(id) || self.loading.contains_key(&id) || self.corrupt.contains(&id);
        if wanted || self.deleting.contains_key(&id) {
            return false;
        }
        self.push_deletion(id, which, Erasure::WithOthers);
        true
    }

    fn push_deletion(&mut self, id: ExecutionId, which: Deletable, erasure: Erasure) {
        self.deleting.insert(id, self.deciding());
        self.open.push(Change::Delete(Deletion { id, which, erasure }));
    }

    /// A command to an execution that is being deleted: there is none, once that is so.
    pub(super) fn answer_deleted(&mut self, id: ExecutionId, batch: u64, queued: Queued) {
        let error = Error::Refused(Refusal::ExecutionNotFound { execution: id.to_string() });
        if !queued.is_call() {
            return self.answer_queued(id, queued, Err(error));
        }
        if let Some(reply) = queued.into_reply() {
            self.reply(batch, reply, Err(error));
        }
    }

    /// These deletions are durable.
    pub(super) fn deleted(&mut self, batch: u64) {
        let before = self.deleting.len();
        let corrupt = &mut self.corrupt;
        self.deleting.retain(|id, of| {
            if *of <= batch {
                corrupt.remove(id);
            }
            *of > batch
        });
        let count = before - self.deleting.len();
        if count > 0 {
            metrics::counter!("workflow_executions_deleted_total").increment(count as u64);
        }
    }
}
