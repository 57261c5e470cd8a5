//! Remote workers, as whoever speaks with them calls the engine: a session joins, offers slots, gets tasks, delivers results.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use workflow_core::definition::StepIndex;
use workflow_core::id::{ActionName, ExecutionId, InvalidName, SessionId};
use workflow_core::task::Task;
use workflow_store::Lease;

use super::Engine;
use crate::clock::Clock;
use crate::dispatch::LOOK_AT_LEASE_EVERY;
use crate::inbox::Inbox;
use crate::ring::message::{AbortReason, AttemptKey, Connection, Input, Joining, LastSeen};
use crate::ring::sessions::{ACTIONS_MAX, ENGINE_PREFIX, NAME_CHARS_MAX, SLOTS_MAX};
use crate::{ActionResult, Error};

/// One attempt, as it is named to a worker: `exec_0198c6f0a1b27c3d8e4f5a6b7c8d9123.2.1` is the first attempt of the third step of
/// that execution's definition. The same for ever, so that a task can be named after a restart of either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(AttemptKey);

impl TaskId {
    pub(crate) fn of(attempt: AttemptKey) -> TaskId {
        TaskId(attempt)
    }

    pub fn execution(self) -> ExecutionId {
        self.0.id
    }
}

#[doc(hidden)]
impl From<TaskId> for AttemptKey {
    fn from(task: TaskId) -> AttemptKey {
        task.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0.id, self.0.step.get(), self.0.attempt)
    }
}

impl FromStr for TaskId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<TaskId, InvalidName> {
        let parse = || {
            let mut parts = text.split('.');
            let id = ExecutionId::parse(parts.next()?).ok()?;
            let step = StepIndex::new(usize::from(u16::try_from(number(parts.next()?)?).ok()?));
            let attempt = number(parts.next()?)?;
            parts.next().is_none().then_some(TaskId(AttemptKey { id, step, attempt }))
        };
        parse().ok_or_else(|| InvalidName { text: text.to_owned(), rule: "the id of a task, as a worker was given it" })
    }
}

/// As it is written by `Display`, and in no other way: one task has one id.
fn number(text: &str) -> Option<u32> {
    let canonical = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    if canonical { text.parse().ok() } else { None }
}

/// A worker that connects, for the first time or again.
#[derive(Debug, Clone)]
pub struct Join {
    /// One life of the worker: the same over all of its connections. Not beginning with `engine-`.
    pub session: SessionId,
    /// Every task that it was given and whose result was not [`SessionEvent::Recorded`]. What it was given and does not name is
    /// run again; of what it names and nobody wants any more it gets an [`SessionEvent::Abort`].
    pub holding: Vec<TaskId>,
    /// What it calls itself, for people: its first 64 characters are shown.
    pub name: Option<String>,
}

/// What a worker is told.
#[derive(Debug)]
pub enum SessionEvent {
    /// Run this. Its beginning is durable.
    Task { id: TaskId, task: Box<Task> },
    /// Nobody wants the result of this any more.
    Abort { id: TaskId, reason: AbortReason },
    /// The result of this is durable, or was dropped for good: it needs not be kept any longer.
    Recorded { id: TaskId },
    /// The session has joined with another connection. Nothing comes here any more.
    Replaced,
    /// The engine stops in order. What runs goes on; results that are not recorded are for the next engine.
    Closing,
}

/// One connection of a worker's session. Dropped without [`Session::leave`] the connection is lost: its slots are gone at once, and
/// what it runs is interrupted unless the session joins again within [`Options::worker_grace`](crate::Options::worker_grace).
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    seen: LastSeen,
    clock: Arc<dyn Clock>,
    inbox: Arc<Inbox>,
    events: UnboundedReceiver<Vec<SessionEvent>>,
    lease: Lease,
    /// Of those that came together, the rest.
    ready: std::vec::IntoIter<SessionEvent>,
    left: bool,
}

impl Engine {
    /// A remote worker connects. It gets no task before it [offers](Session::offer) slots. A session that has a connection already
    /// has this one instead.
    pub async fn join(&self, join: Join) -> Result<Session, Error> {
        let Join { session, holding, name } = join;
        if session.as_str().starts_with(ENGINE_PREFIX) {
            let rule = "expected an id that does not begin with `engine-`: those are lives of an engine";
            return Err(Error::InvalidRequest(format!("session `{session}` cannot join, {rule}")));
        }
        let (inbox, clock) = (self.shared().inbox.clone(), self.shared().clock.clone());
        let seen = LastSeen::new(clock.now().wall);
        let name = name.map(|name| name.chars().take(NAME_CHARS_MAX).collect());
        let connection = Connection { session, number: self.shared().new_provider_id().0 };
        let (line, events) = unbounded_channel();
        let (reply, answer) = oneshot::channel();
        let holding = holding.into_iter().map(|TaskId(attempt)| attempt).collect();
        let joining = Joining { connection: connection.clone(), holding, line, name, seen: seen.clone(), reply };
        // Made before the answer has come: whoever does not wait for it has lost the connection.
        let lease = self.shared().lease.clone();
        let session = Session { connection, seen, clock, inbox, events, lease, ready: Vec::new().into_iter(), left: false };
        session.inbox.push(Input::Join(Box::new(joining)));
        answer.await.unwrap_or(Err(Error::Closed))?;
        Ok(session)
    }
}

impl Session {
    /// The worker has given a sign of life, if it was only a heartbeat: for people, who are shown when it was last seen. What it offers
    /// and delivers is one too, and needs no other.
    pub fn heard(&self) {
        self.seen.note(self.clock.now().wall);
    }

    /// What the worker provides, and how many tasks it takes at the same time, of all these actions together: it never has more
    /// that are neither finished nor aborted. Replaces what it offered before; no slots end it without giving up what runs. More
    /// than 10,000 slots count as 10,000, and so do actions.
    pub fn offer(&self, mut actions: Vec<ActionName>, slots: usize) {
        if actions.len() > ACTIONS_MAX {
            tracing::warn!(session = %self.connection.session, actions = actions.len(), "a worker offers too many actions");
            actions.truncate(ACTIONS_MAX);
        }
        self.heard();
        let (connection, slots) = (self.connection.clone(), slots.min(SLOTS_MAX));
        self.inbox.push(Input::Offer { connection, actions, slots });
    }

    /// What came of a task. The worker keeps it until it is [`SessionEvent::Recorded`], and delivers it again after it has joined
    /// again.
    pub fn finished(&self, task: TaskId, result: ActionResult) {
        self.heard();
        self.inbox.push(self.delivered(task, result));
    }

    /// The same of several tasks, in this order. They are decided together, and so share a commit.
    pub fn finished_all(&self, results: impl IntoIterator<Item = (TaskId, ActionResult)>) {
        self.heard();
        let results: Vec<Input> = results.into_iter().map(|(task, result)| self.delivered(task, result)).collect();
        self.inbox.push_all(results);
    }

    fn delivered(&self, TaskId(attempt): TaskId, result: ActionResult) -> Input {
        Input::Delivered { connection: self.connection.clone(), attempt, outcome: crate::dispatch::outcome(result) }
    }

    /// The next that the worker has to be told. None: the engine is closed, or this connection was replaced. Nothing is lost when
    /// the future is dropped.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        loop {
            if self.waits_for_the_lease() {
                tokio::time::sleep(LOOK_AT_LEASE_EVERY).await;
                continue;
            }
            if let Some(event) = self.ready.next() {
                return Some(event);
            }
            self.ready = self.events.recv().await?.into_iter();
        }
    }

    /// The next, if there is one now.
    pub fn try_next(&mut self) -> Option<SessionEvent> {
        loop {
            if self.waits_for_the_lease() {
                return None;
            }
            if let Some(event) = self.ready.next() {
                return Some(event);
            }
            self.ready = self.events.try_recv().ok()?.into_iter();
        }
    }

    /// A task that was on its way while the process stood still may have been given to another worker by another engine.
    fn waits_for_the_lease(&self) -> bool {
        matches!(self.ready.as_slice().first(), Some(SessionEvent::Task { .. })) && !self.lease.lasts()
    }

    /// The worker ends in order: what it still runs is interrupted at once, and that does not count. Results that it has delivered
    /// are decided; whether they were recorded it is not told any more.
    pub async fn leave(mut self) {
        self.left = true;
        let (reply, answer) = oneshot::channel();
        self.inbox.push(Input::Leave { connection: self.connection.clone(), reply });
        // An engine that is closed has nobody to leave.
        let _ = answer.await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.left {
            self.inbox.push(Input::Lost(self.connection.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_one_id_and_it_reads_back() {
        let id = ExecutionId::parse("exec_0198c6f0a1b27c3d8e4f5a6b7c8d9123").unwrap();
        let task = TaskId(AttemptKey { id, step: StepIndex::new(2), attempt: 11 });
        assert_eq!(task.to_string(), "exec_0198c6f0a1b27c3d8e4f5a6b7c8d9123.2.11");
        assert_eq!(task.to_string().parse(), Ok(task));
        let exec = "exec_0198c6f0a1b27c3d8e4f5a6b7c8d9123";
        for bad in [
            "",
            exec,
            "x.1.1",
            &format!("{exec}.1"),
            &format!("{exec}.1.1.1"),
            &format!("{exec}.+1.1"),
            &format!("{exec}.01.1"),
            &format!("{exec}.65536.1"),
        ] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
    }
}
