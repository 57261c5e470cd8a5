//! Sessions of remote workers: who is connected, for whom the ring waits, and what becomes of the attempts of each.
//!
//! A session is one life of a worker. It has one place among the slots however often it reconnects. Its attempts outlive its
//! connections, and the engine: a lost connection, or an attempt that was in flight when the engine opened, has a grace, and only
//! what no session has named by its end is interrupted. What is *not* here: sockets, and the senders that lead to them; those
//! belong to the [`dispatch`](crate::dispatch)er, which swaps them when an [`Output::Attach`] says so, in the order of the ring.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use workflow_core::command::{Command, Outcome};
use workflow_core::event::InterruptCause;
use workflow_core::execution::StepState;
use workflow_core::id::{ActionName, SessionId};
use workflow_core::mutation::mutated;
use workflow_core::task::Task;
use workflow_core::time::Timestamp;

use super::Ring;
use super::attempts::Attempt;
use super::look::SessionLook;
use super::message::{AbortReason, AttemptKey, Connection, Joining, LastSeen, Output, answer};
use super::resident::{Origin, Queued, Work};
use super::slots::{Provider, ProviderId, ProviderKind};
use crate::Error;
use crate::clock::{Mono, Now};

/// Slots of one session: as many as an endpoint may have. Each is a task in the memory of a connection.
pub const SLOTS_MAX: usize = 10_000;
/// Tasks that a session may name when it joins, each of which is looked up in the store. A worker holds one a slot, and results
/// that are on their way to the store; those are fewer than two batches.
pub const HOLDING_MAX: usize = 3 * SLOTS_MAX;
/// Actions of one session: many times what one program has.
pub const ACTIONS_MAX: usize = 10_000;
/// Characters of the name of a worker; what is longer is cut, for it is only shown.
pub const NAME_CHARS_MAX: usize = 64;
/// Sessions whose ids begin like this are lives of an engine.
pub const ENGINE_PREFIX: &str = "engine-";

#[derive(Debug, Default)]
pub struct Sessions {
    map: BTreeMap<ProviderId, Session>,
    names: BTreeMap<SessionId, ProviderId>,
    /// Those without a connection, by the end of their grace.
    ends: BTreeSet<(Mono, ProviderId)>,
    /// Those with one.
    connected: usize,
    /// Sessions that are awaited have a place before anybody has numbered it.
    awaited: u64,
}

#[derive(Debug)]
struct Session {
    id: SessionId,
    state: State,
    /// Of the newest connection; none of one that has not come in this life of the engine.
    presence: Option<Presence>,
    /// Attempts whose batch became durable while it had no connection: no more than its slots, since each has one.
    undelivered: Vec<(AttemptKey, Box<Task>)>,
    /// How often this engine had come to own more when it last named what it holds.
    named_after: Option<u64>,
    /// Attempts that it named when it joined and that nobody knew; each is being looked up, and has a slot until that is known.
    /// At most [`HOLDING_MAX`].
    named: BTreeSet<AttemptKey>,
}

#[derive(Debug)]
struct Presence {
    name: Option<String>,
    connected_at: Timestamp,
    seen: LastSeen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connected {
        connection: u64,
    },
    Lost {
        until: Mono,
    },
    /// It has not come in this life of the engine. An attempt of it was in flight when that began.
    Awaited {
        until: Mono,
    },
}

impl Sessions {
    /// Those that are connected.
    pub fn connected(&self) -> usize {
        self.connected
    }

    /// Those that are expected back.
    pub fn away(&self) -> usize {
        self.map.len() - self.connected
    }

    /// The end of the first grace.
    pub fn next_end(&self) -> Option<Mono> {
        self.ends.first().map(|(at, _)| *at)
    }

    fn provider(&self, session: &SessionId) -> Option<ProviderId> {
        self.names.get(session).copied()
    }

    fn is_connected(&self, provider: ProviderId) -> bool {
        self.map.get(&provider).is_some_and(|session| matches!(session.state, State::Connected { .. }))
    }

    /// The provider that `connection` speaks for, unless another connection has taken its place.
    fn current(&self, connection: &Connection) -> Option<ProviderId> {
        let provider = self.provider(&connection.session)?;
        (self.map.get(&provider)?.state == State::Connected { connection: connection.number }).then_some(provider)
    }

    fn is_named(&self, provider: ProviderId, attempt: &AttemptKey) -> bool {
        self.map.get(&provider).is_some_and(|session| session.named.contains(attempt))
    }

    /// It is known what becomes of an attempt that a session named. Whether it was not known before: it still has its slot.
    fn answered(&mut self, provider: ProviderId, attempt: &AttemptKey) -> bool {
        self.map.get_mut(&provider).is_some_and(|session| session.named.remove(attempt))
    }

    fn insert(&mut self, provider: ProviderId, id: SessionId, state: State) {
        self.names.insert(id.clone(), provider);
        let session = Session { id, state, presence: None, undelivered: Vec::new(), named_after: None, named: BTreeSet::new() };
        self.map.insert(provider, session);
        self.count(provider, state);
    }

    fn change(&mut self, provider: ProviderId, state: State) {
        let Some(session) = self.map.get_mut(&provider) else { return };
        let before = std::mem::replace(&mut session.state, state);
        self.uncount(provider, before);
        self.count(provider, state);
    }

    fn remove(&mut self, provider: ProviderId) -> Option<Session> {
        let session = self.map.remove(&provider)?;
        self.names.remove(&session.id);
        self.uncount(provider, session.state);
        Some(session)
    }

    fn count(&mut self, provider: ProviderId, state: State) {
        match state {
            State::Connected { .. } => self.connected += 1,
            State::Lost { until } | State::Awaited { until } => {
                self.ends.insert((until, provider));
            }
        }
    }

    fn uncount(&mut self, provider: ProviderId, state: State) {
        match state {
            State::Connected { .. } => self.connected -= 1,
            State::Lost { until } | State::Awaited { until } => {
                self.ends.remove(&(until, provider));
            }
        }
    }

    /// Each of them, connected or expected back.
    pub fn look(&self) -> BTreeMap<ProviderId, SessionLook> {
        let look = |session: &Session| SessionLook {
            session: session.id.clone(),
            away: !matches!(session.state, State::Connected { .. }),
            name: session.presence.as_ref().and_then(|presence| presence.name.clone()),
            connected_at: session.presence.as_ref().map(|presence| presence.connected_at),
            last_seen: session.presence.as_ref().map(|presence| presence.seen.at()),
        };
        self.map.iter().map(|(provider, session)| (*provider, look(session))).collect()
    }

    /// A number that no connection gets: those are counted up.
    fn awaited_provider(&mut self) -> ProviderId {
        self.awaited += 1;
        ProviderId(u64::MAX - self.awaited)
    }

    /// One whose grace is over.
    fn over(&self, now: Mono) -> Option<ProviderId> {
        self.ends.first().filter(|(at, _)| *at <= now).map(|(_, provider)| *provider)
    }
}

impl Ring {
    /// A worker has connected. What it does not name of what it should have is lost; what it names and nobody knows is looked up.
    pub(super) fn join(&mut self, joining: Joining, now: Now) {
        let Joining { connection, holding, line, name, seen, reply } = joining;
        if let Some(error) = self.why_no_session(&connection, &holding) {
            return self.outputs.push(Output::Answer(answer(reply, Err(error))));
        }
        self.expecting_workers = true;
        metrics::counter!("workflow_sessions_joined_total").increment(1);
        let Connection { session, number } = connection;
        let state = State::Connected { connection: number };
        let provider = match self.sessions.provider(&session) {
            Some(provider) => {
                self.sessions.change(provider, state);
                provider
            }
            None => {
                let provider = ProviderId(number);
                self.sessions.insert(provider, session.clone(), state);
                provider
            }
        };
        if let Some(session) = self.sessions.map.get_mut(&provider) {
            session.presence = Some(Presence { name, connected_at: now.wall, seen });
            session.named_after = Some(self.ownership.gains());
        }
        // No slots before it offers some.
        self.provide_session(provider, &session, Vec::new(), 0);
        self.outputs.push(Output::Attach { provider, line });
        self.outputs.push(Output::Answer(answer(reply, Ok(()))));
        let holding: BTreeSet<AttemptKey> = holding.into_iter().collect();
        for attempt in self.attempts.of_session(provider) {
            if self.attempts.is_sent(&attempt) && !holding.contains(&attempt) && !mutated("unnamed-task-kept") {
                self.interrupt(attempt, InterruptCause::Lost);
            }
        }
        self.deliver_rest(provider);
        // What is of other engines is their business: they have been told too.
        let unknown = holding.into_iter().filter(|key| self.owns(key.id) && !self.attempts.is_of(key, provider)).collect();
        self.look_for(provider, &session, unknown);
    }

    /// Looks up what a session has named. It has a slot for each meanwhile, so that it never has more tasks than it offers.
    fn look_for(&mut self, provider: ProviderId, id: &SessionId, unknown: BTreeSet<AttemptKey>) {
        let Some(session) = self.sessions.map.get_mut(&provider) else { return };
        let before = std::mem::replace(&mut session.named, unknown);
        let session = &self.sessions.map[&provider];
        for _ in session.named.difference(&before) {
            self.slots.occupy(provider);
        }
        for _ in before.difference(&session.named) {
            self.slots.give_back(provider);
        }
        self.urgent.extend(session.named.iter().map(|&key| (key.id, Queued::hold(key, id.clone()))));
    }

    fn why_no_session(&self, connection: &Connection, holding: &[AttemptKey]) -> Option<Error> {
        if self.closing.is_some() || self.closed {
            return Some(Error::Closed);
        }
        if holding.len() > HOLDING_MAX {
            let held = holding.len();
            return Some(Error::InvalidRequest(format!("a worker holds at most {HOLDING_MAX} tasks, this one names {held}")));
        }
        let known = self.sessions.provider(&connection.session).is_some();
        let max = self.options.sessions_max;
        (!known && self.sessions.map.len() >= max).then_some(Error::TooManySessions { max })
    }

    /// What was decided for a session while it had no connection goes to the new one.
    fn deliver_rest(&mut self, provider: ProviderId) {
        let Some(session) = self.sessions.map.get_mut(&provider) else { return };
        for (attempt, task) in std::mem::take(&mut session.undelivered) {
            self.dispatch(attempt, provider, task);
        }
    }

    /// Hands out an attempt that is durable; or keeps it for a session until it is connected again.
    pub(super) fn dispatch(&mut self, attempt: AttemptKey, provider: ProviderId, task: Box<Task>) {
        // One whose claim was taken never was, and one that was given up meanwhile has no slot any more.
        let Some(entry) = self.attempts.get_mut(&attempt) else { return };
        if entry.remote && !self.sessions.is_connected(provider) {
            if let Some(session) = self.sessions.map.get_mut(&provider).filter(|_| !mutated("undelivered-task-lost")) {
                session.undelivered.push((attempt, task));
            }
            return;
        }
        entry.sent = true;
        self.outputs.push(Output::Dispatch { attempt, provider, task });
    }

    pub(super) fn offer(&mut self, connection: &Connection, actions: Vec<ActionName>, slots: usize) {
        let Some(provider) = self.sessions.current(connection) else { return };
        self.provide_session(provider, &connection.session, actions, slots);
    }

    fn provide_session(&mut self, id: ProviderId, session: &SessionId, mut actions: Vec<ActionName>, limit: usize) {
        actions.retain(|action| !action.is_noop());
        actions.sort();
        actions.dedup();
        let provider = Provider { id, kind: ProviderKind::Worker { session: session.clone() }, actions, limit };
        self.outputs.push(Output::Provided(provider.clone()));
        self.slots.provide(provider);
    }

    /// A connection is gone; another one is awaited. One that had been replaced is nobody's loss.
    pub(super) fn lose(&mut self, connection: &Connection, now: Now) {
        let Some(provider) = self.sessions.current(connection) else { return };
        metrics::counter!("workflow_sessions_lost_total").increment(1);
        self.losses.note(now.mono);
        let grace = if mutated("grace-ignored") { Duration::ZERO } else { self.options.worker_grace };
        self.sessions.change(provider, State::Lost { until: now.mono + grace });
        // Its slots are gone at once; those that are taken go when their attempts end.
        self.slots.withdraw(provider);
        self.outputs.push(Output::Detach { provider });
    }

    /// A worker has ended in order: nobody waits for it.
    pub(super) fn leave(&mut self, connection: &Connection) {
        let Some(provider) = self.sessions.current(connection) else { return };
        self.outputs.push(Output::Detach { provider });
        self.forget_session(provider, InterruptCause::Shutdown);
    }

    /// Nobody waits any longer for sessions whose grace is over. During a shutdown it never is: they will find the next engine.
    pub(super) fn fire_sessions(&mut self, now: Now) {
        if self.closing.is_some() {
            return;
        }
        while let Some(provider) = self.sessions.over(now.mono) {
            self.forget_session(provider, InterruptCause::Lost);
        }
    }

    /// Nobody waits for a session, and what it ran is given up.
    fn forget_session(&mut self, provider: ProviderId, cause: InterruptCause) {
        self.slots.withdraw(provider);
        for _ in self.sessions.remove(provider).into_iter().flat_map(|session| session.named) {
            self.slots.give_back(provider);
        }
        for attempt in self.attempts.of_session(provider) {
            self.interrupt(attempt, cause);
        }
    }

    /// Nobody runs an attempt any more. Decided again when its batch is lost: nothing else would say so again.
    pub(super) fn interrupt(&mut self, attempt: AttemptKey, cause: InterruptCause) {
        let command = Command::Interrupt { step: attempt.step, attempt: attempt.attempt, cause };
        self.urgent.push_back((attempt.id, Queued::attempt(command)));
    }

    /// A result from a worker. It is reported as recorded once that is durable, also when it came too late or twice.
    pub(super) fn delivered(&mut self, connection: &Connection, attempt: AttemptKey, outcome: Outcome, now: Now) {
        if !self.owns(attempt.id) {
            // Who owns it records it, and says so.
            return;
        }
        let Some(provider) = self.sessions.provider(&connection.session) else {
            // It left, or its grace is over: its attempts are interrupted, and it is told so when it comes again.
            return super::attempts::note_late(&attempt);
        };
        if self.attempts.is_of(&attempt, provider) {
            self.stopped(&attempt, &outcome, now);
        }
        // One that is not known may be in the store, from a former life of the engine.
        let command = Command::Finish { step: attempt.step, attempt: attempt.attempt, outcome };
        let origin = Origin::Session(connection.session.clone());
        self.urgent.push_back((attempt.id, Queued { work: Work::Command(command), origin }));
    }

    /// Whether an attempt is in flight in this session, as far as the execution says.
    pub(super) fn runs_in(&self, attempt: &AttemptKey, session: &SessionId) -> bool {
        let Some(resident) = self.residents.get(attempt.id) else { return false };
        let record = resident.execution.steps.get(attempt.step.get());
        !resident.execution.has_ended()
            && record.is_some_and(|record| {
                matches!(&record.state, StepState::Running { attempt: number, session: Some(of), .. }
                    if *number == attempt.attempt && of == session)
            })
    }

    /// A session has named an attempt that the ring did not know: it goes on, if it is in flight there.
    pub(super) fn hold(&mut self, attempt: AttemptKey, session: &SessionId, now: Now) {
        let provider = self.sessions.provider(session);
        let named = provider.filter(|&provider| self.sessions.is_named(provider, &attempt));
        match (named, self.runs_in(&attempt, session)) {
            // It was taken on when its execution came into memory.
            (None, true) if self.attempts.contains(&attempt) => {}
            (Some(provider), true) if !self.attempts.contains(&attempt) => self.take_on(attempt, provider, now),
            (Some(_), _) => self.abort_held(attempt, session),
            // It has left since, or has joined again without it.
            (None, true) => self.interrupt(attempt, InterruptCause::Lost),
            (None, false) => {}
        }
    }

    /// Tells a session that nobody wants the result of an attempt that it has named.
    pub(super) fn abort_held(&mut self, attempt: AttemptKey, session: &SessionId) {
        let Some(provider) = self.sessions.provider(session) else { return };
        if self.sessions.answered(provider, &attempt) {
            self.slots.give_back(provider);
        }
        if self.sessions.is_connected(provider) {
            self.outputs.push(Output::Abort { attempt, provider, reason: AbortReason::Lost });
        }
    }

    /// An attempt of a former life of the engine: of a session that may still come or has named it, it goes on; else it is over.
    /// Whether it goes on.
    pub(super) fn goes_on(&mut self, attempt: AttemptKey, session: Option<&SessionId>, now: Now) -> bool {
        let Some(session) = session.filter(|session| !session.as_str().starts_with(ENGINE_PREFIX)) else { return false };
        let provider = match self.sessions.provider(session) {
            Some(provider) => {
                // One that was here before this engine owned the attempt is asked to join again, and names it then, or does not.
                let recently = now.mono < self.opened_at + self.options.worker_grace;
                let gains = self.ownership.gains();
                let awaited = self.sessions.map.get(&provider).is_some_and(|session| {
                    matches!(session.state, State::Awaited { .. })
                        || recently && session.named_after.is_some_and(|named_after| named_after < gains)
                });
                if !awaited && !self.sessions.is_named(provider, &attempt) {
                    return false;
                }
                self.slots.await_provider(provider, session);
                provider
            }
            // As many as there were when the engine closed, within their limit.
            None => {
                let until = self.opened_at + self.options.worker_grace;
                if until <= now.mono {
                    return false;
                }
                let provider = self.sessions.awaited_provider();
                self.sessions.insert(provider, session.clone(), State::Awaited { until });
                let kind = ProviderKind::Worker { session: session.clone() };
                self.slots.provide(Provider { id: provider, kind, actions: Vec::new(), limit: 0 });
                provider
            }
        };
        self.take_on(attempt, provider, now);
        true
    }

    /// This engine owns more than before: who is connected is to say what it holds of that.
    pub(super) fn rejoin_sessions(&mut self) {
        for (provider, session) in &self.sessions.map {
            if matches!(session.state, State::Connected { .. }) {
                self.outputs.push(Output::Rejoin { provider: *provider });
            }
        }
    }

    /// What a session has named went to another engine meanwhile.
    pub(super) fn not_held_here(&mut self, attempt: AttemptKey, session: &SessionId) {
        if let Some(provider) = self.sessions.provider(session)
            && self.sessions.answered(provider, &attempt)
        {
            self.slots.give_back(provider);
        }
    }

    /// Takes on an attempt that began in a former life of the engine. It has its slot, also when that is one too many.
    fn take_on(&mut self, key: AttemptKey, provider: ProviderId, now: Now) {
        let Some(resident) = self.residents.get(key.id) else { return };
        let StepState::Running { since, .. } = resident.execution.step(key.step).state else { return };
        let definition = &resident.registration.definition;
        let step = definition.step(key.step);
        let earlier = earlier(since, now);
        let deadline = step.timeout.map(|timeout| now.mono + timeout.to_std().saturating_sub(earlier));
        let (workflow, action) = (definition.id.clone(), step.action.clone());
        let entry = Attempt {
            workflow,
            action,
            provider,
            remote: true,
            sent: true,
            since: now.mono,
            earlier,
            deadline,
            running: true,
            ending: false,
        };
        self.attempts.insert(key, entry);
        if !self.sessions.answered(provider, &key) {
            self.slots.occupy(provider);
        }
    }

    /// Says that a result needs not be kept any longer, once everything is durable that was known when it was decided.
    pub(super) fn report(&mut self, session: SessionId, attempt: AttemptKey, again: Command) {
        let Some(effects) = self.rests_on(attempt.id).filter(|_| !mutated("recorded-before-commit")) else {
            return self.recorded(&session, attempt);
        };
        effects.recorded.push((session.clone(), attempt));
        let queued = Queued { work: Work::Command(again), origin: Origin::Session(session) };
        effects.again.push((attempt.id, queued));
    }

    /// To the connection that the session has now; without one it delivers the result again.
    pub(super) fn recorded(&mut self, session: &SessionId, attempt: AttemptKey) {
        if let Some(provider) = self.sessions.provider(session).filter(|&provider| self.sessions.is_connected(provider)) {
            self.outputs.push(Output::Recorded { attempt, provider });
        }
    }
}

/// How long an attempt ran before this engine took it on; zero when the clock went back.
fn earlier(since: Timestamp, now: Now) -> Duration {
    now.wall.since(since).to_std()
}
