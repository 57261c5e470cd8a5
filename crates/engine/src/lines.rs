//! Where each session of a worker is connected now. What is *not* here: who it is and what it runs, which the
//! [ring](crate::ring::sessions) knows.

use std::collections::BTreeMap;

use tokio::sync::mpsc::UnboundedSender;
use workflow_core::task::Task;

use crate::engine::{SessionEvent, TaskId};
use crate::ring::message::{AbortReason, AttemptKey};
use crate::ring::slots::ProviderId;

#[derive(Debug, Default)]
pub struct Lines {
    map: BTreeMap<ProviderId, UnboundedSender<SessionEvent>>,
}

impl Lines {
    /// From here on what is for this session goes to `line`.
    pub fn attach(&mut self, session: ProviderId, line: UnboundedSender<SessionEvent>) {
        if let Some(before) = self.map.insert(session, line) {
            // Whoever has gone away does not want to know.
            let _ = before.send(SessionEvent::Replaced);
        }
    }

    pub fn detach(&mut self, session: ProviderId) {
        self.map.remove(&session);
    }

    /// Gives the task back when this provider is no session.
    pub fn dispatch(&self, attempt: AttemptKey, provider: ProviderId, task: Box<Task>) -> Option<Box<Task>> {
        if !self.map.contains_key(&provider) {
            return Some(task);
        }
        self.tell(provider, SessionEvent::Task { id: TaskId::of(attempt), task });
        None
    }

    pub fn abort(&self, attempt: AttemptKey, session: ProviderId, reason: AbortReason) {
        self.tell(session, SessionEvent::Abort { id: TaskId::of(attempt), reason });
    }

    pub fn recorded(&self, attempt: AttemptKey, session: ProviderId) {
        self.tell(session, SessionEvent::Recorded { id: TaskId::of(attempt) });
    }

    pub fn closing(&self) {
        for line in self.map.values() {
            let _ = line.send(SessionEvent::Closing);
        }
    }

    /// What cannot be sent was lost on the way: the ring finds out when the session joins again, or does not.
    fn tell(&self, session: ProviderId, event: SessionEvent) {
        if let Some(line) = self.map.get(&session) {
            let _ = line.send(event);
        }
    }
}
