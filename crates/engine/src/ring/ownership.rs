//! Several engines on one store: what this one owns, what it gives away, what others ask of it, and what they have changed.
//!
//! The store decides who owns what; the ring decides nothing about an execution of which it does not know that it owns it, and stops
//! deciding about one before the batch is written with which it goes to another engine.

use std::collections::BTreeSet;
use std::time::Duration;

use workflow_core::id::ExecutionId;
use workflow_core::json::Json;
use workflow_store::{Asked, Batch, Change, Fault, Ranges};

use super::Ring;
use super::batch::changes_catalog;
use super::message::{Changed, ControlAsk, DeleteAsk, Input, Output, Read, Reply, ReplyTo, answer};
use super::resident::{Origin, Queued, Work};
use crate::Error;
use crate::clock::{Mono, Now};
use crate::forward::{self, Forwarded};

/// Attempts of what is to be given away may take so long to end; then it stays. None begins meanwhile.
const LEAVING_FOR: Duration = Duration::from_secs(2);
/// What could not be given is not tried again before this: its executions stood still for a while.
const LEAVE_AGAIN_AFTER: Duration = Duration::from_secs(20);
/// Questions of others that are taken together.
const PAGE: usize = 256;

#[derive(Debug)]
pub struct Ownership {
    owned: Ranges,
    /// How often there was more of it than before.
    gains: u64,
    leaving: Option<Leaving>,
    /// On its way to another engine, with the batch of this number.
    giving: Option<(u64, Ranges)>,
    leave_again_at: Option<Mono>,
    asked: Inbox,
    /// The number of the catalog that is known.
    catalog: Option<u64>,
    /// The catalog is being read.
    reading_catalog: bool,
    /// It may have changed since that began.
    catalog_again: bool,
    /// Who wants to know when it has been read; since before the reading began, and since then.
    waiting: Vec<Reply<bool>>,
    waiting_again: Vec<Reply<bool>>,
    /// Nothing is decided before it has been read: what was decided by the one that is known is refused.
    stale: bool,
}

#[derive(Debug)]
struct Leaving {
    ranges: Ranges,
    to: String,
    until: Mono,
}

/// What others ask.
#[derive(Debug, Default)]
struct Inbox {
    /// Taken, and not answered in a batch that is durable.
    taken: BTreeSet<u64>,
    reading: bool,
    again: bool,
}

impl Ownership {
    pub fn new(owned: Ranges, catalog: Option<u64>) -> Ownership {
        Ownership {
            owned,
            gains: 0,
            leaving: None,
            giving: None,
            leave_again_at: None,
            asked: Inbox::default(),
            catalog,
            reading_catalog: false,
            catalog_again: false,
            waiting: Vec::new(),
            waiting_again: Vec::new(),
            stale: false,
        }
    }

    pub fn owns(&self, id: ExecutionId) -> bool {
        self.owned.hold(id)
    }

    /// Whether nothing may begin of it, because it is about to go to another engine.
    pub fn is_leaving(&self, id: ExecutionId) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving.ranges.hold(id))
    }

    /// Where new executions belong.
    pub fn open(&self) -> Ranges {
        let leaving = self.leaving.as_ref().map_or(Ranges::NONE, |leaving| leaving.ranges);
        let open = self.owned.without(leaving);
        if open.is_empty() { self.owned } else { open }
    }

    pub fn gains(&self) -> u64 {
        self.gains
    }

    pub fn is_empty(&self) -> bool {
        self.owned.is_empty()
    }

    /// How many of all slots are owned.
    pub fn slots(&self) -> usize {
        self.owned.slots()
    }

    /// What a batch that starts something has to find unchanged.
    pub fn catalog(&self) -> Option<u64> {
        self.catalog
    }

    /// Whether there may be other engines.
    pub fn is_shared(&self) -> bool {
        self.catalog.is_some()
    }

    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// When it is given up that something leaves.
    pub fn next_at(&self) -> Option<Mono> {
        self.leaving.as_ref().map(|leaving| leaving.until)
    }
}

impl Ring {
    pub(super) fn owns(&self, id: ExecutionId) -> bool {
        self.ownership.owns(id)
    }

    /// What was not owned before comes into memory as at open; workers have their grace from here, and say what they hold of it.
    pub(super) fn now_owns(&mut self, ranges: Ranges, now: Now) {
        let giving = self.ownership.giving.map_or(Ranges::NONE, |(_, ranges)| ranges);
        let gained = ranges.without(self.ownership.owned).without(giving);
        if gained.is_empty() {
            return;
        }
        tracing::info!(
            gained = gained.len(),
            owned = self.ownership.owned.len() + gained.len(),
            "this engine owns more of the executions"
        );
        metrics::counter!("workflow_ranges_gained_total").increment(gained.len() as u64);
        let was_empty = self.ownership.is_empty();
        self.ownership.owned = self.ownership.owned.with(gained);
        self.ownership.gains += 1;
        self.opened_at = now.mono;
        self.scan.restart();
        self.forget_parked();
        self.slots.free_all();
        self.rejoin_sessions();
        self.others_asked();
        if was_empty {
            self.outputs.push(Output::Ready(self.is_ready()));
        }
    }

    /// Those of which the least runs.
    pub(super) fn share(&mut self, count: usize, to: String, now: Now) {
        let busy = self.ownership.leaving.is_some() || self.ownership.giving.is_some() || self.closing.is_some();
        if busy || !self.store.is_up() || self.ownership.leave_again_at.is_some_and(|at| now.mono < at) {
            return;
        }
        let mut running = [0usize; Ranges::COUNT as usize];
        for key in self.attempts.keys() {
            running[Ranges::of(key.id) as usize] += 1;
        }
        let mut ranges: Vec<u32> = self.ownership.owned.iter().collect();
        ranges.sort_by_key(|range| running[*range as usize]);
        // One stays, whatever is asked for: new executions belong somewhere.
        ranges.truncate(count.min(ranges.len().saturating_sub(1)));
        let ranges: Ranges = ranges.into_iter().collect();
        if ranges.is_empty() {
            return;
        }
        tracing::info!(to, ranges = ranges.len(), "giving a share of the executions to another engine");
        for id in self.residents.ids().filter(|id| ranges.hold(*id)).collect::<Vec<_>>() {
            if let Some(resident) = self.residents.get_mut(id) {
                for want in std::mem::take(&mut resident.wants) {
                    self.slots.forget(&want);
                }
            }
        }
        self.ownership.leaving = Some(Leaving { ranges, to, until: now.mono + LEAVING_FOR });
    }

    /// Gives away what is to leave as soon as nothing of it runs and everything of it is durable.
    pub(super) fn give(&mut self, now: Now) {
        let Some(leaving) = &self.ownership.leaving else { return };
        let is_over = now.mono >= leaving.until;
        let ready = leaving.ranges.without(self.busy_ranges());
        // All at once, or what is ready when the time is over.
        if ready != leaving.ranges && !is_over {
            return;
        }
        let Some(Leaving { ranges, to, .. }) = self.ownership.leaving.take() else { return };
        let stays = ranges.without(ready);
        if !stays.is_empty() {
            tracing::info!(ranges = stays.len(), "attempts take too long: these executions are not given to another engine now");
            self.ownership.leave_again_at = Some(now.mono + LEAVE_AGAIN_AFTER);
        }
        if !ready.is_empty() && self.closing.is_none() {
            let given: Vec<ExecutionId> = self.residents.ids().filter(|id| ready.hold(*id)).collect();
            for id in given {
                self.drop_from_memory(id);
            }
            self.corrupt.retain(|id| !ready.hold(*id));
            self.ownership.owned = self.ownership.owned.without(ready);
            self.ownership.giving = Some((self.deciding(), ready));
            self.open.push(Change::Give { ranges: ready, to });
        }
        for id in self.residents.ids().filter(|id| stays.hold(*id)).collect::<Vec<_>>() {
            if self.residents.get(id).is_some_and(|resident| !resident.is_blocked()) {
                self.go_on(id, now);
            }
        }
    }

    /// Ranges of which something is under way here.
    fn busy_ranges(&self) -> Ranges {
        let queued = self.urgent.iter().map(|(id, _)| *id);
        let asked = self.control.iter().filter_map(Input::execution);
        let unfinished = self.residents.iter().filter(|resident| {
            resident.batch > self.durable || resident.is_blocked() || resident.unsettled || !resident.queue.is_empty()
        });
        let unfinished = unfinished.map(|resident| resident.execution.id);
        let all = self.attempts.keys().map(|key| key.id).chain(queued).chain(asked).chain(unfinished);
        all.chain(self.loading.keys().copied()).chain(self.deleting.keys().copied()).map(Ranges::of).collect()
    }

    /// What was given with a batch that is durable, or was not.
    pub(super) fn given(&mut self, batch: u64) {
        if let Some((_, ranges)) = self.ownership.giving.take_if(|(number, _)| *number <= batch) {
            tracing::info!(ranges = ranges.len(), "another engine owns a share of the executions now");
            metrics::counter!("workflow_ranges_given_total").increment(ranges.len() as u64);
            self.outputs.push(Output::Given(ranges));
        }
    }

    /// Nothing of what was decided last was written.
    pub(super) fn not_given(&mut self) {
        if let Some((_, ranges)) = self.ownership.giving.take() {
            self.ownership.owned = self.ownership.owned.with(ranges);
        }
        self.ownership.leaving = None;
        // Their answers were to be written too.
        self.ownership.asked.taken.clear();
        self.others_asked();
    }
}

/// What others ask.
impl Ring {
    pub(super) fn others_asked(&mut self) {
        if self.ownership.asked.reading {
            self.ownership.asked.again = true;
        } else if self.ownership.is_shared() && !self.ownership.is_empty() && self.closing.is_none() {
            self.ownership.asked.reading = true;
            self.read(Read::Asked { after: 0, limit: PAGE });
        }
    }

    pub(super) fn asked_found(&mut self, limit: usize, result: Result<Vec<Asked>, Fault>, now: Now) {
        self.ownership.asked.reading = false;
        let mut again = std::mem::take(&mut self.ownership.asked.again);
        match result {
            Ok(asked) => {
                let full = asked.len() >= limit;
                let (mut taken, why_closed) = (0, self.why_closed());
                for Asked { seq, execution, command } in asked {
                    if why_closed.is_none() && self.owns(execution) && self.ownership.asked.taken.insert(seq) {
                        taken += 1;
                        self.take_asked(seq, execution, &command);
                    }
                }
                // Those that were taken are among the first until they have been answered.
                again |= full && taken > 0;
            }
            Err(fault) => {
                // Not at once: the store may be away for a while.
                self.ownership.asked.again = true;
                return self.read_again(&fault, now);
            }
        }
        if again {
            self.others_asked();
        }
    }

    fn take_asked(&mut self, seq: u64, id: ExecutionId, command: &Json) {
        let reply = ReplyTo::Engine(seq);
        match forward::read(command) {
            Ok(Forwarded::Control { control, step, key, by }) => {
                self.control.push_back(Input::Control(Box::new(ControlAsk { id, control, step, key, by, reply })));
            }
            Ok(Forwarded::Delete) => self.control.push_back(Input::Delete(DeleteAsk { id, reply })),
            Err(error) => self.reply(0, reply, Err(error)),
        }
    }

    /// Answers who asked something of an execution, once `batch` is durable.
    pub(super) fn reply(&mut self, batch: u64, reply: ReplyTo, result: Result<(), Error>) {
        match reply {
            ReplyTo::Caller(reply) => self.answer_after(batch, answer(reply, result)),
            ReplyTo::Engine(seq) => match forward::answer(result) {
                Some(answer) => self.open.push(Change::Answer { seq, answer }),
                // It is asked again, here or by who owns it then.
                None => drop(self.ownership.asked.taken.remove(&seq)),
            },
        }
    }

    /// The same to who is told at once, because nothing was decided.
    pub(super) fn reply_now(&mut self, reply: ReplyTo, result: Result<(), Error>) {
        match reply {
            ReplyTo::Caller(reply) => self.outputs.push(Output::Answer(answer(reply, result))),
            ReplyTo::Engine(_) => self.reply(0, reply, result),
        }
    }

    /// What other engines see of a batch that is durable.
    pub(super) fn of_others_is_durable(&mut self, batch: &Batch) {
        let changes = || batch.items.iter().flat_map(|item| &item.changes);
        if changes().any(changes_catalog) {
            self.catalog_raised();
        }
        for change in changes() {
            if let Change::Answer { seq, .. } = change {
                self.ownership.asked.taken.remove(seq);
            }
        }
    }
}

/// What others change.
impl Ring {
    pub(super) fn ask_for_catalog(&mut self, reply: Option<Reply<bool>>) {
        match reply {
            Some(reply) if self.ownership.catalog.is_none() || self.closed => {
                self.outputs.push(Output::Answer(answer(reply, Ok(false))));
            }
            Some(reply) => self.ownership.waiting_again.push(reply),
            None => {}
        }
        self.catalog_changed();
    }

    fn catalog_changed(&mut self) {
        if self.ownership.reading_catalog {
            self.ownership.catalog_again = true;
        } else if self.ownership.catalog.is_some() {
            self.ownership.reading_catalog = true;
            let Ownership { waiting, waiting_again, .. } = &mut self.ownership;
            waiting.append(waiting_again);
            self.read(Read::Catalog { known: self.ownership.catalog });
        }
    }

    fn tell_of_catalog(&mut self, result: &Result<bool, Error>) {
        for reply in std::mem::take(&mut self.ownership.waiting) {
            self.outputs.push(Output::Answer(answer(reply, result.clone())));
        }
    }

    /// The engine is closed.
    pub(super) fn ask_no_more(&mut self, error: &Error) {
        let Ownership { waiting, waiting_again, .. } = &mut self.ownership;
        waiting.append(waiting_again);
        self.tell_of_catalog(&Err(error.clone()));
    }

    /// A batch was refused because of it.
    pub(super) fn catalog_is_stale(&mut self) {
        self.ownership.stale = true;
        self.catalog_changed();
    }

    pub(super) fn catalog_found(&mut self, result: Result<Option<Box<Changed>>, Fault>, now: Now) {
        self.ownership.reading_catalog = false;
        let again = std::mem::take(&mut self.ownership.catalog_again);
        match result {
            // What this engine changes itself is not overwritten: when it is durable, or was refused, everything is read again.
            Ok(Some(_)) if self.catalog_batch > self.durable || self.tokens_batch > self.durable => {
                return self.catalog_changed();
            }
            Ok(Some(changed)) => {
                self.ownership.stale = false;
                if changed.number > self.ownership.catalog {
                    tracing::info!("another engine has changed definitions, endpoints or tokens");
                    if self.open.decided_by.is_none() && self.open.is_of_catalog() {
                        self.open.decided_by = self.ownership.catalog;
                    }
                    self.ownership.catalog = changed.number;
                    self.catalog = changed.catalog.clone();
                    self.tokens = changed.tokens.clone();
                    self.outputs.push(Output::Changed(changed));
                }
                self.tell_of_catalog(&Ok(true));
            }
            Ok(None) => {
                self.ownership.stale = false;
                self.tell_of_catalog(&Ok(true));
            }
            Err(fault) => {
                self.ownership.catalog_again = true;
                self.tell_of_catalog(&Err(crate::reading::unread(fault.clone())));
                return self.read_again(&fault, now);
            }
        }
        if again {
            self.catalog_changed();
        }
    }

    /// What could not be read a while ago.
    pub(super) fn read_of_others_again(&mut self) {
        if std::mem::take(&mut self.ownership.catalog_again) {
            self.catalog_changed();
        }
        if std::mem::take(&mut self.ownership.asked.again) {
            self.others_asked();
        }
    }

    /// A batch of this engine that is durable has raised the number of the catalog.
    fn catalog_raised(&mut self) {
        if let Some(number) = &mut self.ownership.catalog {
            *number += 1;
        }
    }

    /// What waits for an execution that belongs to another engine.
    pub(super) fn answer_elsewhere(&mut self, id: ExecutionId, queued: Queued) {
        match queued {
            Queued { work: Work::Hold(attempt), origin: Origin::Session(session) } => {
                self.not_held_here(attempt, &session);
            }
            queued => {
                if let Some(reply) = queued.into_reply() {
                    self.reply_now(reply, Err(Error::Elsewhere { execution: id }));
                }
            }
        }
    }
}
