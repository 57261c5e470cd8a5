//! The ring: the one place where core and store meet (invariant I1), as a machine without threads, clock or I/O.
//!
//! Inputs are requests, results of attempts, answers of the store and time; outputs are batches to commit, questions to the
//! store, attempts to dispatch, answers to callers. Whoever drives it ([`driver`](crate::driver), or a test with a simulated
//! clock) calls [`Ring::handle`] for each input, then [`Ring::turn`], and carries out what comes out, in order.
//!
//! What leaves it was durable before (invariant I2): effects wait in the batch that they could have seen, see [`batch`]. What an
//! execution needs next is derived from it after every decision (invariant I3), in [`carry`]; there is no other path, also not
//! for recovery.

mod attempts;
pub mod batch;
mod carry;
pub mod catalog;
mod claims;
mod commands;
mod definitions;
mod deletion;
mod events;
pub(crate) mod head;
mod ids;
mod load;
pub mod look;
pub mod message;
mod meters;
mod outage;
mod ownership;
mod parking;
pub mod pulse;
mod release;
pub mod resident;
mod retention;
pub mod sessions;
pub mod slots;
mod starts;
mod timers;
mod tokens;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use workflow_core::command::Command;
use workflow_core::id::{ActionName, ExecutionId, SessionId};
use workflow_core::mutation::mutated;
use workflow_core::time::Timestamp;
use workflow_store::{Change, Ranges};

use crate::clock::{Mono, Now};
use crate::statistics::Tallies;
use crate::token::Tokens;
use crate::{Error, Options};
use attempts::Attempts;
use batch::{Open, Sealed, Waiter};
use catalog::Catalog;
use ids::Ids;
use look::Losses;
use message::{Answer, ClaimKey, Input, Output, Read};
use meters::Meters;
use outage::StoreState;
use ownership::Ownership;
use parking::Parked;
use pulse::Pulse;
use resident::{Queued, Residents};
use retention::Rounds;
use sessions::Sessions;
use slots::Slots;
use timers::Scan;

/// Payloads longer than this lie in rows of their own and may be left there.
pub const LONG_PAYLOAD_BYTES: usize = workflow_store::PAYLOAD_INLINE_BYTES_MAX;

/// What a ring begins with.
#[derive(Debug)]
pub struct Opened {
    pub catalog: Catalog,
    pub tokens: Arc<Tokens>,
    /// The number of the newest durable batch.
    pub batch: u64,
    /// This life of the engine.
    pub session: SessionId,
    /// Fills the random bits of ids.
    pub seed: u64,
    /// When this life began: sessions of workers have their grace from here.
    pub at: Mono,
    /// When the newest execution in the store was started: what the wall clock is compared with.
    pub newest: Option<Timestamp>,
    pub owned: Ranges,
    /// The number of the catalog, where others may change it.
    pub catalog_number: Option<u64>,
}

#[derive(Debug)]
pub struct Ring {
    options: Options,
    session: SessionId,
    ids: Ids,
    catalog: Catalog,
    /// The newest batch that changes the catalog.
    catalog_batch: u64,
    tokens: Arc<Tokens>,
    /// The newest batch that changes the tokens.
    tokens_batch: u64,
    slots: Slots,
    residents: Residents,
    attempts: Attempts,
    sessions: Sessions,
    meters: Meters,
    opened_at: Mono,

    /// What came of attempts, and timers: before everything else.
    urgent: VecDeque<(ExecutionId, Queued)>,
    /// What people ask of executions, and definitions.
    control: VecDeque<Input>,
    /// Starts and events: last, and refused while there is too much of them.
    starts: VecDeque<Input>,
    queued_bytes: usize,

    open: Open,
    in_store: Option<Sealed>,
    /// The number of the newest durable batch.
    durable: u64,
    store: StoreState,

    /// Commands of executions that are being loaded.
    loading: BTreeMap<ExecutionId, Vec<Queued>>,
    /// Those of them that the store has not been asked for yet.
    to_load: Vec<ExecutionId>,
    /// Reads that failed are tried again at this time.
    read_again_at: Option<Mono>,
    scan: Scan,
    parked: BTreeMap<ActionName, Parked>,
    /// The newest batch that parks executions.
    parked_batch: u64,
    /// Claims on their way to the store, and who else waits for them.
    claims: BTreeMap<ClaimKey, Vec<Waiter>>,
    /// Refused calls whose key may be held.
    lookups: BTreeMap<ClaimKey, Vec<(Waiter, Error)>>,
    /// Executions whose stored data make no sense: left alone.
    corrupt: BTreeSet<ExecutionId>,
    /// Executions whose deletion is not durable yet, and the batch that it is in.
    deleting: BTreeMap<ExecutionId, u64>,
    rounds: Rounds,
    ownership: Ownership,
    losses: Losses,
    tallies: Tallies,
    pulse: Pulse,

    expecting_workers: bool,
    closing: Option<Closing>,
    closed: bool,
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Closing {
    until: Mono,
    interrupted: bool,
}

/// What an operator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    pub resident_executions: usize,
    pub resident_bytes: usize,
    pub queued_commands: usize,
    pub queued_bytes: usize,
    pub attempts_in_flight: usize,
    /// Remote workers that are connected.
    pub sessions: usize,
    /// This engine's share of the executions, of 4096 slots.
    pub owned_slots: usize,
}

impl Ring {
    pub fn new(options: Options, opened: Opened) -> Ring {
        let expecting_workers = !options.require_actions;
        let slots = Slots::new(options.in_process_max);
        let tallies = Tallies::new(opened.session.as_str());
        let rounds = Rounds::new(options.retention, opened.newest, opened.at);
        Ring {
            options,
            session: opened.session,
            ids: Ids::new(opened.seed),
            catalog: opened.catalog,
            catalog_batch: 0,
            tokens: opened.tokens,
            tokens_batch: 0,
            slots,
            residents: Residents::default(),
            attempts: Attempts::default(),
            sessions: Sessions::default(),
            meters: Meters::default(),
            opened_at: opened.at,
            urgent: VecDeque::new(),
            control: VecDeque::new(),
            starts: VecDeque::new(),
            queued_bytes: 0,
            open: Open::default(),
            in_store: None,
            durable: opened.batch,
            store: StoreState::Up,
            loading: BTreeMap::new(),
            to_load: Vec::new(),
            read_again_at: None,
            scan: Scan::default(),
            parked: BTreeMap::new(),
            parked_batch: 0,
            claims: BTreeMap::new(),
            lookups: BTreeMap::new(),
            corrupt: BTreeSet::new(),
            deleting: BTreeMap::new(),
            rounds,
            ownership: Ownership::new(opened.owned, opened.catalog_number),
            losses: Losses::default(),
            tallies,
            pulse: Pulse::default(),
            expecting_workers,
            closing: None,
            closed: false,
            outputs: Vec::new(),
        }
    }

    /// Takes an input. What follows from it is decided in [`Ring::turn`].
    pub fn handle(&mut self, input: Input, now: Now) {
        match input {
            Input::Start(_) | Input::Event(_) => match self.why_no_start(&input, now) {
                Some(error) => self.refuse(input, &error),
                None => {
                    self.queued_bytes += input.bytes();
                    self.starts.push_back(input);
                }
            },
            Input::Control(_)
            | Input::Delete(_)
            | Input::Keep { .. }
            | Input::Define { .. }
            | Input::Undefine { .. }
            | Input::PutEndpoint { .. }
            | Input::RemoveEndpoint { .. }
            | Input::CreateToken { .. }
            | Input::RevokeToken { .. } => match self.why_closed() {
                Some(error) => self.refuse(input, &error),
                None => {
                    self.queued_bytes += input.bytes();
                    self.control.push_back(input);
                }
            },
            Input::Finished { attempt, outcome } => self.finished(attempt, outcome, now),
            Input::Join(joining) => self.join(*joining, now),
            Input::Offer { connection, actions, slots } => self.offer(&connection, actions, slots),
            Input::Delivered { connection, attempt, outcome } => self.delivered(&connection, attempt, outcome, now),
            Input::Lost(connection) => self.lose(&connection, now),
            Input::Leave { connection, reply } => {
                self.leave(&connection);
                self.outputs.push(Output::Answer(message::answer(reply, Ok(()))));
            }
            Input::Provide(provider) => {
                if provider.kind != slots::ProviderKind::InProcess {
                    self.expecting_workers = true;
                }
                self.slots.provide(provider);
            }
            Input::Withdraw(provider) => self.slots.withdraw(provider),
            Input::ExpectWorkers => self.expecting_workers = true,
            Input::LimitInProcess(max) => self.slots.limit_in_process(max),
            Input::Committed { number, result } => self.committed(number, result, now),
            Input::Reopened(result) => self.reopened(result, now),
            Input::Fenced(fault) => self.fenced(&fault),
            Input::Owns(ranges) => self.now_owns(ranges, now),
            Input::Share { count, to } => self.share(count, to, now),
            Input::Asked => self.others_asked(),
            Input::CatalogChanged { reply } => self.ask_for_catalog(reply),
            Input::Found(found) => self.found(found, now),
            Input::Look { counts, reply } => self.look(counts, reply, now),
            Input::Shutdown { until } => self.shut_down(until, now),
        }
    }

    /// Decides what can be decided now and gives everything that may leave the ring.
    pub fn turn(&mut self, now: Now, outputs: &mut Vec<Output>) {
        if !self.closed {
            self.fire(now);
            if self.store.is_up() && !self.ownership.is_stale() {
                self.work(now);
                self.serve(now);
                self.make_room();
                self.retain(now);
                self.give(now);
                self.ask_for_loads();
            }
            self.seal(now);
            self.close(now);
        }
        outputs.append(&mut self.outputs);
    }

    /// How long nothing has to be done if nothing comes in; none when there is nothing to wait for.
    pub fn idle_for(&self, now: Now) -> Option<Duration> {
        let mono = [
            self.attempts.next_deadline(),
            self.store.retry_at(),
            self.read_again_at,
            self.rounds.next_at().filter(|_| self.store.is_up() && self.closing.is_none()),
            self.sessions.next_end().filter(|_| self.closing.is_none()),
            self.ownership.next_at().filter(|_| self.store.is_up()),
            self.closing.as_ref().filter(|closing| !closing.interrupted).map(|closing| closing.until),
        ];
        let mono = mono.into_iter().flatten().min().map(|at| at.since(now.mono));
        let wall = if self.store.is_up() { self.next_wall_timer() } else { None };
        let wall = wall.map(|at| at.since(now.wall).to_std());
        mono.into_iter().chain(wall).min()
    }

    /// Nothing has come of anything for a while: gives back memory that queues have kept from when they were long.
    pub fn rest(&mut self) {
        self.urgent.shrink_to_fit();
        self.control.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.to_load.shrink_to_fit();
        self.outputs.shrink_to_fit();
    }

    /// Whether starts are taken: what `/readyz` says.
    pub fn is_ready(&self) -> bool {
        self.store.is_up() && self.closing.is_none() && !self.closed && !self.ownership.is_empty()
    }

    pub fn gauges(&self) -> Gauges {
        Gauges {
            resident_executions: self.residents.count(),
            resident_bytes: self.residents.bytes,
            queued_commands: self.urgent.len() + self.control.len() + self.starts.len(),
            queued_bytes: self.queued_bytes,
            attempts_in_flight: self.attempts.running(),
            sessions: self.sessions.connected(),
            owned_slots: self.ownership.slots(),
        }
    }

    /// Whether [`Ring::unprovided`] may say something else than before.
    pub fn wants_change(&mut self) -> bool {
        self.slots.take_changed()
    }

    /// Actions that a ready step in memory wants and that nobody provides.
    pub fn unprovided(&self) -> Vec<ActionName> {
        self.slots.wanted().filter(|action| !self.slots.is_provided(action)).cloned().collect()
    }

    /// Results and timers, then control, then starts; until the batch is full.
    fn work(&mut self, now: Now) {
        while !self.open.is_full() {
            if let Some((id, queued)) = self.urgent.pop_front() {
                self.command(id, queued, now);
            } else if let Some(input) = self.control.pop_front().or_else(|| self.starts.pop_front()) {
                self.queued_bytes = self.queued_bytes.saturating_sub(input.bytes());
                self.ask(input, now);
            } else {
                return;
            }
        }
    }

    fn ask(&mut self, input: Input, now: Now) {
        match input {
            Input::Start(ask) => self.start(*ask, now),
            Input::Event(ask) => self.event(*ask, now),
            Input::Control(ask) => self.command(ask.id, Queued::control(ask), now),
            Input::Delete(ask) => self.delete(ask, now),
            Input::Keep { changes, reply } => {
                changes.into_iter().for_each(|change| self.open.push(change));
                let batch = self.deciding();
                self.answer_after(batch, message::answer(reply, Ok(())));
            }
            Input::Define { definition, stored, reply } => self.define(*definition, stored, reply, now),
            Input::Undefine { workflow, reply } => self.undefine(&workflow, reply, now),
            Input::PutEndpoint { endpoint, reply } => self.put_endpoint(endpoint, reply),
            Input::RemoveEndpoint { name, reply } => self.remove_endpoint(name, reply),
            Input::CreateToken { token, admin_elsewhere, reply } => self.create_token(*token, admin_elsewhere, reply),
            Input::RevokeToken { revocation, reply } => self.revoke_token(&revocation, reply, now),
            Input::Finished { .. }
            | Input::Join(_)
            | Input::Offer { .. }
            | Input::Delivered { .. }
            | Input::Lost(_)
            | Input::Leave { .. }
            | Input::Provide(_)
            | Input::Withdraw(_)
            | Input::ExpectWorkers
            | Input::LimitInProcess(_)
            | Input::Committed { .. }
            | Input::Reopened(_)
            | Input::Fenced(_)
            | Input::Owns(_)
            | Input::Share { .. }
            | Input::Asked
            | Input::CatalogChanged { .. }
            | Input::Found(_)
            | Input::Look { .. }
            | Input::Shutdown { .. } => unreachable!("only what people ask is queued here"),
        }
    }

    /// The number of the batch that is being put together.
    fn deciding(&self) -> u64 {
        self.in_store.as_ref().map_or(self.durable, |sealed| sealed.batch.number) + 1
    }

    /// Sends an answer once `batch` is durable.
    fn answer_after(&mut self, batch: u64, answer: Box<dyn Answer>) {
        if batch <= self.durable || mutated("acknowledged-before-commit") {
            self.outputs.push(Output::Answer(answer));
            return;
        }
        match &mut self.in_store {
            Some(sealed) if sealed.batch.number == batch => sealed.effects.answers.push(answer),
            _ => self.open.effects.answers.push(answer),
        }
    }

    /// Sends what has been put together when the store is free.
    fn seal(&mut self, now: Now) {
        if self.in_store.is_some() || !self.may_commit() {
            return;
        }
        for change in self.tallies.due(now, self.closing.is_some()) {
            self.open.push(change);
        }
        let decided_by = self.open.decided_by.or(self.ownership.catalog());
        if let Some(catalog) = decided_by.filter(|_| self.open.is_of_catalog()) {
            self.open.push_first(Change::Require { catalog });
        }
        let sealed = self.open.seal(self.durable + 1, now.mono);
        self.outputs.push(Output::Commit(sealed.batch.clone()));
        self.in_store = Some(sealed);
    }

    fn why_closed(&self) -> Option<Error> {
        if self.closing.is_some() || self.closed { Some(Error::Closed) } else { self.store.why_down() }
    }

    fn why_no_start(&self, input: &Input, now: Now) -> Option<Error> {
        if let Some(error) = self.why_closed() {
            return Some(error);
        }
        if self.ownership.is_empty() {
            return Some(Error::StoreUnavailable {
                reason: "the other engines have not given this one its share yet".to_owned(),
            });
        }
        let slow = self.in_store.as_ref().is_some_and(|sealed| now.mono.since(sealed.since) > self.options.commit_max);
        let full = self.queued_bytes + input.bytes() > self.options.queued_bytes_max;
        (slow || full).then_some(Error::Overloaded { retry_after: self.options.commit_max })
    }

    /// Answers a call that nothing came of.
    fn refuse(&mut self, input: Input, error: &Error) {
        let error = error.clone();
        let answer = match input {
            Input::Start(ask) => message::answer_start(ask.reply, Err(error)),
            Input::Event(ask) => message::answer(ask.reply, Err(error)),
            Input::Control(ask) => return self.reply_now(ask.reply, Err(error)),
            Input::Delete(ask) => return self.reply_now(ask.reply, Err(error)),
            Input::Keep { reply, .. } => message::answer(reply, Err(error)),
            Input::Define { reply, .. } => message::answer(reply, Err(error)),
            Input::Undefine { reply, .. } => message::answer(reply, Err(error)),
            Input::PutEndpoint { reply, .. } | Input::RemoveEndpoint { reply, .. } => message::answer(reply, Err(error)),
            Input::CreateToken { reply, .. } => message::answer(reply, Err(error)),
            Input::RevokeToken { reply, .. } => message::answer(reply, Err(error)),
            Input::Finished { .. }
            | Input::Join(_)
            | Input::Offer { .. }
            | Input::Delivered { .. }
            | Input::Lost(_)
            | Input::Leave { .. }
            | Input::Provide(_)
            | Input::Withdraw(_)
            | Input::ExpectWorkers
            | Input::LimitInProcess(_)
            | Input::Committed { .. }
            | Input::Reopened(_)
            | Input::Fenced(_)
            | Input::Owns(_)
            | Input::Share { .. }
            | Input::Asked
            | Input::CatalogChanged { .. }
            | Input::Found(_)
            | Input::Look { .. }
            | Input::Shutdown { .. } => return,
        };
        self.outputs.push(Output::Answer(answer));
    }

    fn shut_down(&mut self, until: Mono, now: Now) {
        if self.closing.is_none() {
            self.closing = Some(Closing { until, interrupted: false });
            self.outputs.push(Output::Ready(false));
            self.outputs.push(Output::Closing);
            // What was counted last is written although nothing else may be.
            if self.store.is_up() {
                for change in self.tallies.due(now, true) {
                    self.open.push(change);
                }
            }
            for input in std::mem::take(&mut self.starts) {
                self.queued_bytes = self.queued_bytes.saturating_sub(input.bytes());
                self.refuse(input, &Error::Closed);
            }
        } else if let Some(closing) = &mut self.closing {
            // Asked again: whoever is in more of a hurry has it.
            closing.until = closing.until.min(until);
        }
    }

    /// The end of a shutdown: what still runs at its end is interrupted, and then nothing is left to write.
    fn close(&mut self, now: Now) {
        let Some(closing) = &mut self.closing else { return };
        if now.mono >= closing.until {
            if !self.store.is_up() {
                return self.give_up(&Error::Closed);
            }
            if !closing.interrupted {
                closing.interrupted = true;
                for key in self.attempts.running_here() {
                    let cause = workflow_core::event::InterruptCause::Shutdown;
                    let command = Command::Interrupt { step: key.step, attempt: key.attempt, cause };
                    self.urgent.push_back((key.id, Queued::ring(command)));
                }
                self.work(now);
                self.seal(now);
            }
        }
        // What runs in sessions of workers goes on there, and is delivered to the next engine.
        let idle = self.attempts.none_here() && self.urgent.is_empty() && self.control.is_empty() && self.open.is_empty();
        if idle && self.in_store.is_none() {
            self.give_up(&Error::Closed);
        }
    }

    /// Whoever still waits is told why, and nothing is done any more.
    fn give_up(&mut self, error: &Error) {
        self.closed = true;
        let waiting: Vec<Input> = self.control.drain(..).chain(self.starts.drain(..)).collect();
        for input in waiting {
            self.refuse(input, error);
        }
        self.fail_batches(error);
        self.ask_no_more(error);
        let queued: Vec<Queued> = std::mem::take(&mut self.loading).into_values().flatten().collect();
        for reply in queued.into_iter().filter_map(Queued::into_reply) {
            self.reply_now(reply, Err(error.clone()));
        }
        self.outputs.push(Output::Closed);
    }

    fn read(&mut self, read: Read) {
        self.outputs.push(Output::Read(read));
    }
}
