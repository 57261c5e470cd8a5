//! The data of the messages of streams.

#![expect(dead_code, clippy::large_enum_variant, reason = "these types are shapes: only their schemas are used")]

use utoipa::ToSchema;

use super::{Counts, ExecutionStatus, ExecutionSummary, HistoryEntry};

/// What is told of all executions, by the event's name: `hello`, `upsert`, `remove`, `counts`, `reset`.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum ChangeMessage {
    Hello(StreamHello),
    Upsert(ExecutionSummary),
    Remove(RemovedExecution),
    Counts(Counts),
    Reset(StreamReset),
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StreamHello {
    server_time: i64,
    /// Of the server.
    version: String,
}

#[derive(ToSchema)]
pub(crate) struct RemovedExecution {
    id: String,
}

/// The list is to be read again.
#[derive(ToSchema)]
pub(crate) struct StreamReset {
    #[schema(inline = false)]
    reason: ResetReason,
    /// Executions that have changed, where that is known.
    #[schema(nullable = false)]
    changed: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ResetReason {
    /// Nobody knows what has changed since.
    Gap,
    /// More has changed than is told one by one.
    Busy,
}

/// What is told of one execution: with the event `hello`, without a name, with the event `end`.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum ExecutionMessage {
    Hello(ExecutionHello),
    Entry(HistoryEntry),
    End(StreamEnd),
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExecutionHello {
    #[serde(flatten)]
    hello: StreamHello,
    /// Entries with a higher `seq` follow.
    after: u64,
    /// With the entry of this `seq` the client has caught up.
    last_seq: u64,
}

#[derive(ToSchema)]
pub(crate) struct StreamEnd {
    /// How the execution has ended.
    #[schema(inline = false)]
    status: ExecutionStatus,
}
