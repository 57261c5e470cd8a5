//! An execution in memory, and what the ring knows of it besides.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use workflow_core::command::Command;
use workflow_core::definition::StepIndex;
use workflow_core::execution::{Execution, StepState};
use workflow_core::id::{ExecutionId, SessionId};
use workflow_core::outstanding::Outstanding;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use crate::ring::catalog::Registration;
use crate::ring::message::{AttemptKey, ControlAsk, ReplyTo};
use crate::ring::slots::Want;

#[derive(Debug)]
pub struct Resident {
    pub execution: Execution,
    pub registration: Arc<Registration>,
    /// The head row as it will be once everything decided is durable; none before the first.
    pub written: Option<Written>,
    /// The newest batch that changes it.
    pub batch: u64,
    /// The batch whose commit settles the claim that it was started with. Nothing is decided on it before.
    pub unsettled: bool,
    /// Texts of payloads are on their way; commands wait.
    pub fetching: bool,
    pub queue: VecDeque<Queued>,
    /// Its places in the queues for slots.
    pub wants: Vec<Want>,
    /// Its entry among the timers.
    pub timer: Option<Timestamp>,
    /// There are rows in the store that say what it wants.
    pub parked: bool,
    /// Some payload is not in memory.
    pub absent: bool,
    /// Payloads were fetched for what it does next: they stay until it has done it.
    pub pinned: bool,
    /// Its entry in the cache of long payloads.
    pub cached: Option<Cached>,
    /// What it counts for in the memory that executions may take.
    pub bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub status: Status,
    pub wake_at: Option<Timestamp>,
    /// The step whose newest failure the row tells of, since it is tried again, and how often it has failed.
    pub retried: Option<(StepIndex, u32)>,
}

#[derive(Debug, Clone, Copy)]
pub struct Cached {
    pub ticket: u64,
    pub bytes: usize,
}

/// A command that waits for its execution.
#[derive(Debug)]
pub struct Queued {
    pub work: Work,
    pub origin: Origin,
}

#[derive(Debug)]
pub enum Work {
    Command(Command),
    /// A session has named this attempt, which the ring did not know.
    Hold(AttemptKey),
    /// A control call: its command names the step by number, which takes the definition.
    Control(Box<ControlAsk>),
    /// To be deleted.
    Delete(ReplyTo),
}

/// Who is told when a command could not be carried out.
#[derive(Debug)]
pub enum Origin {
    /// Nobody: it is decided again when the execution is loaded again.
    Ring,
    /// An attempt: its result must not get lost, so it is decided again.
    Attempt,
    /// The session of a worker. The same, and it is told when its result needs not be kept any longer.
    Session(SessionId),
    Caller,
}

impl Queued {
    pub fn ring(command: Command) -> Queued {
        Queued { work: Work::Command(command), origin: Origin::Ring }
    }

    pub fn attempt(command: Command) -> Queued {
        Queued { work: Work::Command(command), origin: Origin::Attempt }
    }

    pub fn hold(attempt: AttemptKey, session: SessionId) -> Queued {
        Queued { work: Work::Hold(attempt), origin: Origin::Session(session) }
    }

    pub fn control(ask: Box<ControlAsk>) -> Queued {
        Queued { work: Work::Control(ask), origin: Origin::Caller }
    }

    pub fn delete(reply: ReplyTo) -> Queued {
        Queued { work: Work::Delete(reply), origin: Origin::Caller }
    }

    /// The attempt that it ends, if it ends one.
    pub fn ends(&self, id: ExecutionId) -> Option<AttemptKey> {
        match self.work {
            Work::Command(
                Command::Finish { step, attempt, .. }
                | Command::Interrupt { step, attempt, .. }
                | Command::TimeOut { step, attempt },
            ) => Some(AttemptKey { id, step, attempt }),
            Work::Command(_) | Work::Hold(_) | Work::Control(_) | Work::Delete(_) => None,
        }
    }

    pub fn is_call(&self) -> bool {
        matches!(self.origin, Origin::Caller)
    }

    /// Whoever waits for an answer.
    pub fn into_reply(self) -> Option<ReplyTo> {
        match self.work {
            Work::Control(ask) => Some(ask.reply),
            Work::Delete(reply) => Some(reply),
            Work::Command(_) | Work::Hold(_) => None,
        }
    }
}

impl Resident {
    pub fn new(execution: Execution, registration: Arc<Registration>, written: Option<Written>) -> Resident {
        let absent = execution.input.resident().is_none()
            || execution.steps.iter().any(|step| step.output().is_some_and(|output| output.resident().is_none()));
        Resident {
            execution,
            registration,
            written,
            batch: 0,
            unsettled: false,
            fetching: false,
            queue: VecDeque::new(),
            wants: Vec::new(),
            timer: None,
            parked: false,
            absent,
            pinned: false,
            cached: None,
            bytes: 0,
        }
    }

    /// Whether commands have to wait.
    pub fn is_blocked(&self) -> bool {
        self.unsettled || self.fetching
    }

    pub fn outstanding(&self) -> Outstanding {
        workflow_core::outstanding::outstanding(&self.registration.definition, &self.execution)
    }

    pub fn status(&self) -> Status {
        workflow_core::outstanding::status(&self.registration.definition, &self.execution)
    }

    /// What it takes in memory, roughly.
    pub fn measure(&self) -> usize {
        self.execution.resident_bytes() + size_of::<Resident>()
    }

    /// The bytes of its long payloads that are in memory.
    pub fn long_bytes(&self, longer_than: usize) -> usize {
        let long = |payload: &workflow_core::event::Payload| {
            if payload.bytes() > longer_than && payload.resident().is_some() { payload.bytes() } else { 0 }
        };
        let outputs: usize = self.execution.steps.iter().filter_map(|step| step.output()).map(long).sum();
        outputs + long(&self.execution.input)
    }

    pub fn has_in_flight(&self) -> bool {
        !self.execution.has_ended() && self.execution.steps.iter().any(|step| matches!(step.state, StepState::Running { .. }))
    }
}

/// All executions in memory.
#[derive(Debug, Default)]
pub struct Residents {
    /// Boxed, because the map moves its neighbours whenever one comes or goes.
    map: BTreeMap<ExecutionId, Box<Resident>>,
    /// Of all of them together.
    pub bytes: usize,
    /// Their next durable timers.
    timers: BTreeSet<(Timestamp, ExecutionId)>,
    /// Those with long payloads in memory, the oldest first.
    cached: BTreeMap<u64, ExecutionId>,
    pub cached_bytes: usize,
    next_ticket: u64,
}

impl Residents {
    pub fn count(&self) -> usize {
        self.map.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Resident> {
        self.map.values().map(Box::as_ref)
    }

    pub fn ids(&self) -> impl Iterator<Item = ExecutionId> {
        self.map.keys().copied()
    }

    pub fn contains(&self, id: ExecutionId) -> bool {
        self.map.contains_key(&id)
    }

    pub fn get(&self, id: ExecutionId) -> Option<&Resident> {
        self.map.get(&id).map(Box::as_ref)
    }

    pub fn get_mut(&mut self, id: ExecutionId) -> Option<&mut Resident> {
        self.map.get_mut(&id).map(Box::as_mut)
    }

    pub fn insert(&mut self, mut resident: Resident) {
        resident.bytes = resident.measure();
        self.bytes += resident.bytes;
        self.map.insert(resident.execution.id, Box::new(resident));
    }

    /// Takes one out; its places in queues for slots are the caller's business.
    pub fn remove(&mut self, id: ExecutionId) -> Option<Box<Resident>> {
        let resident = self.map.remove(&id)?;
        self.bytes -= resident.bytes;
        if let Some(timer) = resident.timer {
            self.timers.remove(&(timer, id));
        }
        if let Some(cached) = resident.cached {
            self.cached.remove(&cached.ticket);
            self.cached_bytes -= cached.bytes;
        }
        Some(resident)
    }

    /// Counts it again after it has changed.
    pub fn remeasure(&mut self, id: ExecutionId) {
        if let Some(resident) = self.map.get_mut(&id) {
            let bytes = resident.measure();
            self.bytes = self.bytes + bytes - resident.bytes;
            resident.bytes = bytes;
        }
    }

    pub fn set_timer(&mut self, id: ExecutionId, at: Option<Timestamp>) {
        let Some(resident) = self.map.get_mut(&id) else { return };
        if resident.timer == at {
            return;
        }
        if let Some(before) = resident.timer {
            self.timers.remove(&(before, id));
        }
        resident.timer = at;
        if let Some(at) = at {
            self.timers.insert((at, id));
        }
    }

    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The next one whose timer has fallen due; it has no timer any more.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<ExecutionId> {
        let (at, id) = *self.timers.first()?;
        if at > now {
            return None;
        }
        self.timers.pop_first();
        if let Some(resident) = self.map.get_mut(&id) {
            resident.timer = None;
        }
        Some(id)
    }

    /// Notes that its long payloads were just used, and lets go of those not used for longest. Only what is durable may be let
    /// go of, so only executions without a change on its way to the store are.
    pub fn cache(&mut self, id: ExecutionId, longer_than: usize, bytes_max: usize, durable: u64) {
        let Some(resident) = self.map.get_mut(&id) else { return };
        if resident.cached.is_none() && resident.execution.bytes <= longer_than {
            return;
        }
        if let Some(cached) = resident.cached.take() {
            self.cached.remove(&cached.ticket);
            self.cached_bytes -= cached.bytes;
        }
        let bytes = resident.long_bytes(longer_than);
        if bytes == 0 {
            return;
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        resident.cached = Some(Cached { ticket, bytes });
        self.cached.insert(ticket, id);
        self.cached_bytes += bytes;
        if self.cached_bytes > bytes_max {
            self.let_go(longer_than, bytes_max, durable);
        }
    }

    fn let_go(&mut self, longer_than: usize, bytes_max: usize, durable: u64) {
        let oldest: Vec<(u64, ExecutionId)> = self.cached.iter().map(|(ticket, id)| (*ticket, *id)).collect();
        for (ticket, id) in oldest {
            if self.cached_bytes <= bytes_max {
                return;
            }
            let Some(resident) = self.map.get_mut(&id) else { continue };
            if resident.batch > durable || resident.is_blocked() || resident.pinned {
                continue;
            }
            let bytes = resident.cached.take().map_or(0, |cached| cached.bytes);
            resident.execution.release_payloads(longer_than);
            resident.absent = true;
            self.cached.remove(&ticket);
            self.cached_bytes -= bytes;
            self.remeasure(id);
        }
    }
}
