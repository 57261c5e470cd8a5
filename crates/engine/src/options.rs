//! What an operator may change, with the reason of each default.

use std::time::Duration;

use workflow_core::limits::Limits;
use workflow_core::status::Status;

#[derive(Debug, Clone)]
pub struct Options {
    pub limits: Limits,
    /// Executions in memory, in bytes; those that only wait leave at once, ready ones when this is passed.
    pub resident_bytes_max: usize,
    /// Long outputs that are kept in memory although they lie in the store.
    pub cached_bytes_max: usize,
    /// Queued commands, in bytes of their payloads; above it starts are refused.
    pub queued_bytes_max: usize,
    /// A commit that takes longer is a sign that the disk does not keep up: starts are refused.
    pub commit_max: Duration,
    /// Actions that run in this process at the same time, all together.
    pub in_process_max: usize,
    /// What an aborted action in this process gets to clean up before it is dropped.
    pub abort_grace: Duration,
    /// How long a remote worker may be away before its attempts are interrupted, from the loss of its connection or from the
    /// opening of the engine: longer than it takes to restart a server, and for its workers to find it again.
    pub worker_grace: Duration,
    /// Remote workers at the same time: whoever looks for a free slot may have to ask all of them.
    pub sessions_max: usize,
    /// Refuse `start`, `replay` and `retry` while an action of the workflow is provided by nobody. For an engine in its user's
    /// process, where a missing action is a typing error; [`Engine::expect_workers`](crate::Engine::expect_workers) ends it, and
    /// so does the first endpoint or remote worker.
    pub require_actions: bool,
    /// Hosts besides loopback that endpoints may be on: `hooks.example.com`, or `*` for any. A name stands for its public addresses
    /// only; a private address is called when it, or a range such as `10.0.0.0/8`, is given here too.
    pub endpoint_hosts: Vec<String>,
    /// How long executions that have ended are kept.
    pub retention: Retention,
}

/// For how long executions are kept once they have ended, by how they ended; none: for ever. What is deleted is gone with its history,
/// payloads and idempotency keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    pub completed: Option<Duration>,
    pub failed: Option<Duration>,
    pub cancelled: Option<Duration>,
}

impl Retention {
    /// For how long executions with this status are kept; none: for ever.
    pub fn keep(&self, status: Status) -> Option<Duration> {
        match status {
            Status::Completed => self.completed,
            Status::Failed => self.failed,
            Status::Cancelled => self.cancelled,
            Status::Pending | Status::Running | Status::Waiting | Status::Paused => None,
        }
    }

    pub fn is_for_ever(&self) -> bool {
        *self == Retention::default()
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            limits: Limits::default(),
            resident_bytes_max: 64 << 20,
            cached_bytes_max: 32 << 20,
            queued_bytes_max: 32 << 20,
            commit_max: Duration::from_secs(1),
            in_process_max: 4_096,
            abort_grace: Duration::from_secs(5),
            worker_grace: Duration::from_secs(10),
            sessions_max: 10_000,
            require_actions: false,
            endpoint_hosts: Vec::new(),
            retention: Retention::default(),
        }
    }
}
