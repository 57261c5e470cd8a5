//! Where each session of a worker is connected now. What is *not* here: who it is and what it runs, which the
//! [ring](crate::ring::sessions) knows.
//!
//! What a turn of the ring has for a session goes to it as one: it is woken once, and puts all of it into one frame.

use std::collections::BTreeMap;

use tokio::sync::mpsc::UnboundedSender;
use workflow_core::task::Task;

use crate::engine::{SessionEvent, TaskId};
use crate::ring::message::{AbortReason, AttemptKey};
use crate::ring::slots::ProviderId;

/// Leads to a session's connection.
pub type Wire = UnboundedSender<Vec<SessionEvent>>;

#[derive(Debug, Default)]
pub struct Lines {
    map: BTreeMap<ProviderId, Line>,
    /// Sessions that have something to be told since [`Lines::flush`].
    waiting: Vec<ProviderId>,
}

#[derive(Debug)]
struct Line {
    wire: Wire,
    ready: Vec<SessionEvent>,
}

impl Line {
    /// What cannot be sent was lost on the way: the ring finds out when the session joins again, or does not.
    fn send(&mut self) {
        if !self.ready.is_empty() {
            let _ = self.wire.send(std::mem::take(&mut self.ready));
        }
    }
}

impl Lines {
    /// From here on what is for this session goes to `wire`.
    pub fn attach(&mut self, session: ProviderId, wire: Wire) {
        if let Some(mut before) = self.map.insert(session, Line { wire, ready: Vec::new() }) {
            // Whoever has gone away does not want to know.
            before.ready.push(SessionEvent::Replaced);
            before.send();
        }
    }

    pub fn detach(&mut self, session: ProviderId) {
        if let Some(mut line) = self.map.remove(&session) {
            line.send();
        }
    }

    /// Gives the task back when this provider is no session.
    pub fn dispatch(&mut self, attempt: AttemptKey, provider: ProviderId, task: Box<Task>) -> Option<Box<Task>> {
        if !self.map.contains_key(&provider) {
            return Some(task);
        }
        self.tell(provider, SessionEvent::Task { id: TaskId::of(attempt), task });
        None
    }

    pub fn abort(&mut self, attempt: AttemptKey, session: ProviderId, reason: AbortReason) {
        self.tell(session, SessionEvent::Abort { id: TaskId::of(attempt), reason });
    }

    pub fn recorded(&mut self, attempt: AttemptKey, session: ProviderId) {
        self.tell(session, SessionEvent::Recorded { id: TaskId::of(attempt) });
    }

    /// It is to come again.
    pub fn rejoin(&mut self, session: ProviderId) {
        self.tell(session, SessionEvent::Closing);
    }

    pub fn closing(&mut self) {
        for line in self.map.values_mut() {
            line.ready.push(SessionEvent::Closing);
            line.send();
        }
    }

    /// Sends what sessions are to be told.
    pub fn flush(&mut self) {
        for session in self.waiting.drain(..) {
            if let Some(line) = self.map.get_mut(&session) {
                line.send();
            }
        }
    }

    fn tell(&mut self, session: ProviderId, event: SessionEvent) {
        if let Some(line) = self.map.get_mut(&session) {
            if line.ready.is_empty() {
                self.waiting.push(session);
            }
            line.ready.push(event);
        }
    }
}
