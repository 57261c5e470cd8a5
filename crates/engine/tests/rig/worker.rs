//! A remote worker, as the server would speak for it. What it is told waits until the test looks.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use workflow_core::command::Outcome;
use workflow_core::definition::StepIndex;
use workflow_core::event::{Event, InterruptCause};
use workflow_core::id::{ExecutionId, SessionId};
use workflow_engine::Options;
use workflow_engine::ring::message::{AttemptKey, Connection, Input, Joining, LastSeen};
use workflow_engine::{Error, SessionEvent};

use super::{Rig, action};

/// The default.
pub const GRACE: Duration = Duration::from_secs(10);
pub const ONE: &str = r#"{"id":"w","steps":[{"id":"a","action":"act"}]}"#;
pub const TWO: &str = r#"{"id":"w","steps":[{"id":"a","action":"act"},{"id":"b","action":"act","dependsOn":["a"]}]}"#;

/// One connection of a session.
pub struct Worker {
    pub connection: Connection,
    pub events: Events,
    /// What it was given over this connection and has not finished.
    pub tasks: Vec<AttemptKey>,
}

/// What comes over a connection, one after the other.
pub struct Events {
    wire: UnboundedReceiver<Vec<SessionEvent>>,
    ready: VecDeque<SessionEvent>,
}

impl Events {
    pub fn try_recv(&mut self) -> Result<SessionEvent, TryRecvError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            self.ready = self.wire.try_recv()?.into();
        }
    }
}

impl Worker {
    /// What it was told since it was asked last: `task 0.1` is the first attempt of the first step.
    pub fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            told.push(match self.events.try_recv() {
                Ok(SessionEvent::Task { id, .. }) => {
                    let attempt = AttemptKey::from(id);
                    self.tasks.push(attempt);
                    format!("task {}", name(attempt))
                }
                Ok(SessionEvent::Abort { id, reason }) => {
                    let attempt = AttemptKey::from(id);
                    self.tasks.retain(|task| *task != attempt);
                    format!("abort {} {}", name(attempt), reason.as_str())
                }
                Ok(SessionEvent::Recorded { id }) => format!("recorded {}", name(id.into())),
                Ok(SessionEvent::Replaced) => "replaced".to_owned(),
                Ok(SessionEvent::Closing) => "closing".to_owned(),
                Err(TryRecvError::Disconnected) => {
                    told.push("gone".to_owned());
                    return told;
                }
                Err(TryRecvError::Empty) => return told,
            });
        }
    }
}

pub fn name(attempt: AttemptKey) -> String {
    format!("{}.{}", attempt.step.get(), attempt.attempt)
}

/// An attempt of the first step.
pub fn only(id: ExecutionId, attempt: u32) -> AttemptKey {
    AttemptKey { id, step: StepIndex::new(0), attempt }
}

/// Who ran which attempt, and why attempts were interrupted.
pub fn sessions(rig: &Rig, id: ExecutionId) -> Vec<String> {
    let events = rig.store.history(id, 0, 1_000, workflow_store::Texts::Read).unwrap().unwrap().events;
    let of = events.iter().filter_map(|recorded| match &recorded.event {
        Event::StepStarted { attempt, session, .. } => {
            Some(format!("{attempt} {}", session.as_ref().map_or("-", |session| session.as_str())))
        }
        Event::StepInterrupted { attempt, cause: InterruptCause::Lost, .. } => Some(format!("{attempt} lost")),
        Event::StepInterrupted { attempt, cause: InterruptCause::Shutdown, .. } => Some(format!("{attempt} shut down")),
        _ => None,
    });
    of.collect()
}

/// With a worker that has one task.
pub fn busy(open: Box<dyn FnOnce(Options) -> Rig>, source: &str) -> (Rig, Worker, ExecutionId) {
    let mut rig = open(Options::default());
    rig.define(source);
    let mut worker = rig.join("worker-1", &[], 1);
    let id = rig.start("w", "{}");
    assert_eq!(worker.told(), ["task 0.1"]);
    (rig, worker, id)
}

impl Rig {
    /// A worker connects, and nothing else happens.
    pub fn join_only(&mut self, session: &str, holding: &[AttemptKey]) -> (Worker, oneshot::Receiver<Result<(), Error>>) {
        self.providers += 1;
        let connection = Connection { session: SessionId::new(session).unwrap(), number: self.providers };
        let seen = LastSeen::new(self.now().wall);
        let (line, wire) = unbounded_channel();
        let (reply, answer) = oneshot::channel();
        let joining = Joining { connection: connection.clone(), holding: holding.to_vec(), line, name: None, seen, reply };
        self.input(Input::Join(Box::new(joining)));
        (Worker { connection, events: Events { wire, ready: VecDeque::new() }, tasks: Vec::new() }, answer)
    }

    pub fn try_join(&mut self, session: &str, holding: &[AttemptKey]) -> Result<Worker, Error> {
        let (worker, mut answer) = self.join_only(session, holding);
        self.settle();
        answer.try_recv().expect("a join is answered at once").map(|()| worker)
    }

    /// A worker connects and offers slots for `act`.
    pub fn join(&mut self, session: &str, holding: &[AttemptKey], slots: usize) -> Worker {
        let worker = self.try_join(session, holding).unwrap();
        self.offer(&worker, &["act"], slots);
        worker
    }

    /// Slots for `act` are offered, and nothing else happens.
    pub fn offer_only(&mut self, worker: &Worker, slots: usize) {
        let (connection, actions) = (worker.connection.clone(), vec![action("act")]);
        self.input(Input::Offer { connection, actions, slots });
    }

    pub fn offer(&mut self, worker: &Worker, actions: &[&str], slots: usize) {
        let (connection, actions) = (worker.connection.clone(), actions.iter().map(|name| action(name)).collect());
        self.input(Input::Offer { connection, actions, slots });
        self.settle();
    }

    /// A result arrives, and nothing else happens.
    pub fn deliver_only(&mut self, worker: &mut Worker, attempt: AttemptKey, outcome: Outcome) {
        worker.tasks.retain(|task| *task != attempt);
        self.input(Input::Delivered { connection: worker.connection.clone(), attempt, outcome });
    }

    pub fn deliver(&mut self, worker: &mut Worker, attempt: AttemptKey, outcome: Outcome) {
        self.deliver_only(worker, attempt, outcome);
        self.settle();
    }

    /// Its connection breaks.
    pub fn lose(&mut self, worker: Worker) {
        self.input(Input::Lost(worker.connection));
        self.settle();
    }

    pub fn leave(&mut self, worker: Worker) {
        let mut answer = self.ask(|reply| Input::Leave { connection: worker.connection, reply });
        self.settle();
        answer.now().unwrap();
    }
}
