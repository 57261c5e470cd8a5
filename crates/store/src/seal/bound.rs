//! What the seal of a row vouches for besides its text: where the row is, and its other columns.

use workflow_core::id::{ExecutionId, Version, WorkflowId};
use workflow_core::time::Timestamp;

use crate::{Endpoint, Head, Snapshot, Token};

/// Bytes that differ when anything that is sealed differs.
#[derive(Debug, Clone)]
pub(crate) struct Bound(Vec<u8>);

impl Bound {
    pub fn to(table: &str) -> Bound {
        let mut bound = Vec::with_capacity(256);
        bound.extend_from_slice(table.as_bytes());
        bound.push(0);
        Bound(bound)
    }

    pub fn number(mut self, number: i64) -> Bound {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub fn optional_number(mut self, number: Option<i64>) -> Bound {
        self.0.push(u8::from(number.is_some()));
        self.number(number.unwrap_or_default())
    }

    /// With its length, so that no two lists of texts are the same bytes.
    pub fn text(mut self, text: &str) -> Bound {
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub fn optional_text(mut self, text: Option<&str>) -> Bound {
        self.0.push(u8::from(text.is_some()));
        self.text(text.unwrap_or_default())
    }

    pub fn hash(mut self, hash: &[u8; 32]) -> Bound {
        self.0.extend_from_slice(hash);
        self
    }

    pub fn id(mut self, id: ExecutionId) -> Bound {
        self.0.extend_from_slice(&id.to_bytes());
        self
    }

    pub fn optional_id(mut self, id: Option<ExecutionId>) -> Bound {
        self.0.push(u8::from(id.is_some()));
        match id {
            Some(id) => self.id(id),
            None => self,
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The checksum of this and a text.
    pub fn sum(&self, text: &str) -> i32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&self.0);
        sum.update(text.as_bytes());
        sum.finalize().cast_signed()
    }
}

/// `key` is the integer that stands for the execution, in a store that has one.
pub(crate) fn head(key: i64, head: &Head, last: u64) -> Bound {
    Bound::to("execution")
        .number(key)
        .id(head.id)
        .text(head.workflow.as_str())
        .number(head.version.0.into())
        .text(head.status.as_str())
        .optional_number(head.wake_at.map(Timestamp::millis))
        .number(head.started_at.millis())
        .optional_number(head.completed_at.map(Timestamp::millis))
        .optional_number(head.steps_completed.map(i64::from))
        .optional_text(head.failed_step.as_deref())
        .optional_text(head.error_code.as_deref())
        .text(&head.triggered_by)
        .optional_text(head.trigger_source.as_deref())
        .optional_id(head.replay_of)
        .optional_id(head.parent)
        .number(last.cast_signed())
        .since_schema_6(head)
}

impl Bound {
    /// Columns that rows of earlier schemas do not have; of rows that have nothing in them the seal is the same as ever.
    fn since_schema_6(self, head: &Head) -> Bound {
        if head.steps_failed.is_none() && head.steps_skipped.is_none() && !head.retrying {
            return self;
        }
        let bound = self.optional_number(head.steps_failed.map(i64::from)).optional_number(head.steps_skipped.map(i64::from));
        bound.number(head.retrying.into())
    }
}

pub(crate) fn events(id: ExecutionId, last: u64, at: Timestamp, form: u32) -> Bound {
    Bound::to("history").id(id).number(last.cast_signed()).number(at.millis()).number(form.into())
}

pub(crate) fn payload(id: ExecutionId, seq: u64) -> Bound {
    Bound::to("payload").id(id).number(seq.cast_signed())
}

pub(crate) fn snapshot(id: ExecutionId, snapshot: &Snapshot) -> Bound {
    Bound::to("snapshot").id(id).number(snapshot.seq.cast_signed()).number(snapshot.codec.into())
}

pub(crate) fn definition(workflow: &WorkflowId, version: Version, created_at: Timestamp, deleted_at: Option<Timestamp>) -> Bound {
    let bound = Bound::to("definition").text(workflow.as_str()).number(version.0.into());
    bound.number(created_at.millis()).optional_number(deleted_at.map(Timestamp::millis))
}

pub(crate) fn claim(kind: &str, scope: &str, key: &str, executions: &str) -> Bound {
    Bound::to("claim").text(kind).text(scope).text(key).text(executions)
}

/// `actions` as the column has them.
pub(crate) fn endpoint(endpoint: &Endpoint, actions: Option<&str>) -> Bound {
    Bound::to("endpoint")
        .text(endpoint.name.as_str())
        .text(&endpoint.url)
        .optional_text(actions)
        .number(endpoint.secret.is_some().into())
        .number(i64::try_from(endpoint.timeout.get()).unwrap_or(i64::MAX))
        .number(endpoint.concurrency.into())
}

/// There is no text besides.
pub(crate) fn token(token: &Token) -> Bound {
    Bound::to("token")
        .text(token.id.as_str())
        .text(token.name.as_str())
        .text(token.role.as_str())
        .hash(&token.sha256)
        .number(token.created_at.millis())
        .optional_number(token.revoked_at.map(Timestamp::millis))
}

pub(crate) fn document(kind: &str, key: &str) -> Bound {
    Bound::to("document").text(kind).text(key)
}
