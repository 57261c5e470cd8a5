//! Remote workers and the network between them and the engine: each connection is a line in order, until it breaks and what was on
//! the way is lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::oneshot;
use workflow_core::command::Outcome;
use workflow_core::event::InterruptCause;
use workflow_core::id::{ActionName, SessionId};
use workflow_engine::clock::{Mono, Now, SimulatedClock};
use workflow_engine::ring::message::{AttemptKey, Connection, Input, Joining, LastSeen};
use workflow_engine::{Error, SessionEvent};

use crate::broken;
use crate::model::Excuses;

/// A worker process, and what it remembers.
#[derive(Debug)]
pub struct Worker {
    pub session: SessionId,
    pub slots: usize,
    pub actions: Vec<ActionName>,
    pub link: Option<Link>,
    /// What it was given, and the result once it has one that was not recorded.
    pub holding: BTreeMap<AttemptKey, Option<Outcome>>,
    given: BTreeSet<AttemptKey>,
    /// The most that it ever offered.
    offered: usize,
}

/// Its side of a connection.
#[derive(Debug)]
pub struct Link {
    pub connection: Connection,
    answer: Option<oneshot::Receiver<Result<(), Error>>>,
    wire: UnboundedReceiver<Vec<SessionEvent>>,
    arrived: VecDeque<SessionEvent>,
    /// On its way to the engine.
    pub said: VecDeque<Input>,
    welcome: bool,
}

impl Worker {
    pub fn new(session: &str, slots: usize, actions: &[&str]) -> Worker {
        let actions = actions.iter().map(|action| ActionName::new(action).expect("the plan names actions")).collect();
        let session = SessionId::new(session).expect("the plan names sessions");
        Worker { session, slots, actions, link: None, holding: BTreeMap::new(), given: BTreeSet::new(), offered: slots }
    }

    /// Opens a connection and says hello.
    pub fn connect(&mut self, number: u64) {
        let connection = Connection { session: self.session.clone(), number };
        let seen = LastSeen::new(SimulatedClock::START);
        let (line, wire) = tokio::sync::mpsc::unbounded_channel();
        let (reply, answer) = oneshot::channel();
        let holding = self.holding.keys().copied().collect();
        let joining = Joining { connection: connection.clone(), holding, line, name: None, seen, reply };
        let said = VecDeque::from([Input::Join(Box::new(joining))]);
        self.link = Some(Link { connection, answer: Some(answer), wire, arrived: VecDeque::new(), said, welcome: false });
    }

    /// Takes what has arrived, at most `count` things. Gives what it heard, for a trace.
    pub fn hear(&mut self, count: usize) -> Vec<String> {
        let mut heard = Vec::new();
        for _ in 0..count {
            let Some(link) = &mut self.link else { return heard };
            if !link.welcome {
                match link.answer.as_mut().map(oneshot::Receiver::try_recv) {
                    Some(Ok(Ok(()))) => {
                        link.welcome = true;
                        self.say_everything();
                        heard.push("welcome".to_owned());
                    }
                    Some(Ok(Err(_)) | Err(oneshot::error::TryRecvError::Closed)) | None => {
                        self.link = None;
                        heard.push("gone".to_owned());
                    }
                    Some(Err(oneshot::error::TryRecvError::Empty)) => return heard,
                }
                continue;
            }
            match link.next() {
                Ok(event) => heard.push(self.take(event)),
                Err(TryRecvError::Empty) => return heard,
                Err(TryRecvError::Disconnected) => {
                    self.link = None;
                    heard.push("gone".to_owned());
                }
            }
        }
        heard
    }

    fn take(&mut self, event: SessionEvent) -> String {
        match event {
            SessionEvent::Task { id, .. } => {
                let attempt = AttemptKey::from(id);
                if !self.given.insert(attempt) {
                    broken("a worker is given an attempt once", format!("{} {attempt:?}", self.session));
                }
                self.holding.insert(attempt, None);
                let running = self.holding.values().filter(|result| result.is_none()).count();
                if running > self.offered {
                    broken("a worker has no more than it offers", format!("{} of {}", running, self.offered));
                }
                format!("task {}.{}", attempt.step.get(), attempt.attempt)
            }
            SessionEvent::Abort { id, reason } => {
                let attempt = AttemptKey::from(id);
                self.holding.remove(&attempt);
                format!("abort {}.{} {}", attempt.step.get(), attempt.attempt, reason.as_str())
            }
            SessionEvent::Recorded { id } => {
                let attempt = AttemptKey::from(id);
                if self.holding.remove(&attempt) == Some(None) {
                    broken("what is recorded was delivered", format!("{attempt:?}"));
                }
                format!("recorded {}.{}", attempt.step.get(), attempt.attempt)
            }
            SessionEvent::Replaced => {
                self.link = None;
                "replaced".to_owned()
            }
            SessionEvent::Closing => "closing".to_owned(),
        }
    }

    /// After a welcome: what it offers, and every result that was not recorded.
    fn say_everything(&mut self) {
        self.offer(self.slots);
        let results: Vec<AttemptKey> = self.holding.iter().filter(|(_, result)| result.is_some()).map(|(key, _)| *key).collect();
        for attempt in results {
            self.say_result(attempt);
        }
    }

    pub fn offer(&mut self, slots: usize) {
        self.slots = slots;
        self.offered = self.offered.max(slots);
        if let Some(link) = self.link.as_mut().filter(|link| link.welcome) {
            let (connection, actions) = (link.connection.clone(), self.actions.clone());
            link.said.push_back(Input::Offer { connection, actions, slots });
        }
    }

    /// An action is over. One that is over already is said again.
    pub fn finish(&mut self, attempt: AttemptKey, outcome: Outcome) {
        if let Some(held) = self.holding.get_mut(&attempt) {
            held.get_or_insert(outcome);
            self.say_result(attempt);
        }
    }

    fn say_result(&mut self, attempt: AttemptKey) {
        let Some(Some(outcome)) = self.holding.get(&attempt) else { return };
        if let Some(link) = self.link.as_mut().filter(|link| link.welcome) {
            let (connection, outcome) = (link.connection.clone(), outcome.clone());
            link.said.push_back(Input::Delivered { connection, attempt, outcome });
        }
    }
}

impl Link {
    fn next(&mut self) -> Result<SessionEvent, TryRecvError> {
        loop {
            if let Some(event) = self.arrived.pop_front() {
                return Ok(event);
            }
            self.arrived = self.wire.try_recv()?.into();
        }
    }
}

/// What one life of the engine has been told of sessions, to judge whether it may give up an attempt.
#[derive(Debug)]
pub struct Seats {
    life: SessionId,
    opened_at: Mono,
    grace: Duration,
    closing: bool,
    awaited_over: bool,
    map: BTreeMap<SessionId, Seat>,
}

#[derive(Debug, Default)]
struct Seat {
    connection: Option<u64>,
    lost_at: Option<Mono>,
    /// What it has, as far as the engine can know: named when it joined, or handed out since.
    has: BTreeSet<AttemptKey>,
    /// What it named, until its new connection is in place: what is handed out before goes to the old one.
    named: Option<BTreeSet<AttemptKey>>,
    left: bool,
    given_up: bool,
}

impl Seats {
    pub fn new(life: SessionId, opened_at: Mono, grace: Duration) -> Seats {
        Seats { life, opened_at, grace, closing: false, awaited_over: false, map: BTreeMap::new() }
    }

    /// The engine is about to be told this.
    pub fn told(&mut self, input: &Input, now: Now) {
        match input {
            Input::Join(joining) if !self.closing => {
                // One that comes for the first time, after its time, may find that its attempts were given up.
                let late = Seat { given_up: self.awaited_over, ..Seat::default() };
                let seat = self.map.entry(joining.connection.session.clone()).or_insert(late);
                (seat.connection, seat.lost_at, seat.left) = (Some(joining.connection.number), None, false);
                seat.named = Some(joining.holding.iter().copied().collect());
            }
            Input::Lost(connection) => {
                if let Some(seat) = self.current(connection) {
                    (seat.connection, seat.lost_at) = (None, Some(now.mono));
                }
            }
            Input::Leave { connection, .. } => {
                if let Some(seat) = self.current(connection) {
                    (seat.connection, seat.left) = (None, true);
                }
            }
            Input::Shutdown { .. } => self.closing = true,
            _ => {}
        }
    }

    fn current(&mut self, connection: &Connection) -> Option<&mut Seat> {
        self.map.get_mut(&connection.session).filter(|seat| seat.connection == Some(connection.number))
    }

    /// Whether the engine takes this connection for the session's.
    pub fn is_current(&self, connection: &Connection) -> bool {
        self.map.get(&connection.session).is_some_and(|seat| seat.connection == Some(connection.number))
    }

    pub fn attached(&mut self, session: &SessionId) {
        if let Some(seat) = self.map.get_mut(session)
            && let Some(named) = seat.named.take()
        {
            seat.has = named;
        }
    }

    pub fn handed_out(&mut self, session: &SessionId, attempt: AttemptKey) {
        if let Some(seat) = self.map.get_mut(session) {
            seat.has.insert(attempt);
        }
    }

    /// Graces end before the engine turns.
    pub fn before_turn(&mut self, now: Now) {
        self.awaited_over |= now.mono >= self.opened_at + self.grace;
        for seat in self.map.values_mut() {
            seat.given_up |= seat.lost_at.is_some_and(|at| now.mono >= at + self.grace);
        }
    }

    /// All that followed from the past is decided.
    pub fn all_decided(&mut self) {
        for seat in self.map.values_mut().filter(|seat| seat.connection.is_some()) {
            seat.given_up = false;
        }
    }

    pub fn is_closing(&self) -> bool {
        self.closing
    }
}

impl Excuses for Seats {
    fn why_not_given_up(&self, attempt: AttemptKey, session: &SessionId, cause: InterruptCause) -> Option<String> {
        let seat = self.map.get(session);
        let excused = match cause {
            InterruptCause::Shutdown if session.as_str().starts_with("engine-") => self.closing && *session == self.life,
            InterruptCause::Shutdown => seat.is_some_and(|seat| seat.left),
            InterruptCause::Lost if session.as_str().starts_with("engine-") => *session != self.life,
            InterruptCause::Lost => match seat {
                Some(seat) => seat.given_up || seat.left || !seat.has.contains(&attempt),
                None => self.awaited_over,
            },
        };
        (!excused).then(|| format!("{cause:?}, it runs in {session}: {seat:?}"))
    }
}
