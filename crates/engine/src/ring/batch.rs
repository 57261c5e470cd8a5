//! The batch that is being put together, and what may leave the ring once it is durable.

use std::sync::Arc;

use workflow_core::event::TriggeredBy;
use workflow_core::id::{EndpointName, ExecutionId, SessionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::task::Task;
use workflow_store::{Batch, Change, Claim, Endpoint, Item};

use crate::Error;
use crate::clock::Mono;
use crate::ring::catalog::{Before, Registration};
use crate::ring::message::{AbortReason, Answer, AttemptKey, ClaimKey, Output, Reply, StartReply, Started, answer, answer_start};
use crate::ring::resident::Queued;
use crate::ring::slots::ProviderId;
use crate::token::Tokens;

/// A batch is closed to further work at either bound: it has to be written while others wait.
pub const TRANSITIONS_MAX: usize = 4_096;
pub const BYTES_MAX: usize = 8 << 20;

#[derive(Debug, Default)]
pub struct Open {
    /// Changes that no claim is tied to: the first item of the batch.
    free: Vec<Change>,
    claimed: Vec<Item>,
    pub effects: Effects,
    /// The number of the catalog when the first of it was decided, if that has changed since.
    pub decided_by: Option<u64>,
    pub transitions: usize,
    pub bytes: usize,
}

/// A batch on its way to the store.
#[derive(Debug)]
pub struct Sealed {
    pub batch: Arc<Batch>,
    pub effects: Effects,
    pub since: Mono,
}

/// What waits for a batch to be durable, and what to do when it does not get there.
#[derive(Debug, Default)]
pub struct Effects {
    /// In the order in which they were decided.
    pub outputs: Vec<Effect>,
    pub answers: Vec<Box<dyn Answer>>,
    pub claims: Vec<Claimed>,
    /// Executions that it changes.
    pub touched: Vec<ExecutionId>,
    /// Attempts that begin with it.
    pub begun: Vec<AttemptKey>,
    /// Attempts that end with it, and what those that still run are told.
    pub ended: Vec<(AttemptKey, AbortReason)>,
    /// Results whose decision is durable with it. When it fails nothing is said of them.
    pub recorded: Vec<(SessionId, AttemptKey)>,
    /// What came from attempts and must be decided again when this batch is lost.
    pub again: Vec<(ExecutionId, Queued)>,
    /// How to take back what it does to the catalog, the newest last.
    pub undo: Vec<Before>,
    /// The tokens before the first change to them in it.
    pub tokens_before: Option<Arc<Tokens>>,
    /// Executions that it starts and ends, for the metrics.
    pub started: Vec<ExecutionId>,
    pub over: Vec<(ExecutionId, WorkflowId, Status)>,
}

#[derive(Debug)]
pub enum Effect {
    Dispatch { attempt: AttemptKey, provider: ProviderId, task: Box<Task> },
    Defined(Arc<Registration>),
    Undefined { workflow: WorkflowId },
    EndpointPut(Box<Endpoint>),
    EndpointRemoved(EndpointName),
    Tokens(Arc<Tokens>),
}

/// An item whose claim the commit settles.
#[derive(Debug)]
pub struct Claimed {
    /// Its place among the claimed items.
    pub item: usize,
    pub key: ClaimKey,
    pub executions: Vec<ExecutionId>,
    /// Those, and what handles a failure at their very start.
    pub created: Vec<ExecutionId>,
    /// What the claim was stored with.
    pub data: Json,
    pub answer: ClaimAnswer,
}

#[derive(Debug)]
pub enum ClaimAnswer {
    Start { reply: StartReply, started: Started },
    Event { reply: Reply<crate::ring::message::EventStarted>, started: crate::ring::message::EventStarted },
}

/// Who gets an answer from a claim that is being settled for somebody else.
#[derive(Debug)]
pub enum Waiter {
    Start { reply: StartReply, input: Json },
    Event { reply: Reply<crate::ring::message::EventStarted> },
}

impl Open {
    pub fn is_empty(&self) -> bool {
        self.free.is_empty() && self.claimed.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.transitions >= TRANSITIONS_MAX || self.bytes >= BYTES_MAX
    }

    /// Whether it rests on definitions, endpoints or tokens, or changes them.
    pub fn is_of_catalog(&self) -> bool {
        // What is claimed may start nothing because nothing is known that it would start.
        !self.effects.started.is_empty() || !self.claimed.is_empty() || self.changes().any(changes_catalog)
    }

    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.free.iter().chain(self.claimed.iter().flat_map(|item| &item.changes))
    }

    pub fn push_first(&mut self, change: Change) {
        self.free.insert(0, change);
    }

    pub fn push(&mut self, change: Change) {
        self.weigh(&change);
        self.free.push(change);
    }

    /// Adds an item of its own and gives its place among the claimed ones.
    pub fn push_claimed(&mut self, claim: Claim, changes: Vec<Change>) -> usize {
        for change in &changes {
            self.weigh(change);
        }
        self.claimed.push(Item { claim: Some(claim), changes });
        self.claimed.len() - 1
    }

    fn weigh(&mut self, change: &Change) {
        self.transitions += 1;
        if let Change::Transition(transition) = change {
            let payloads = transition.events.iter().filter_map(|recorded| recorded.event.payload());
            self.bytes += payloads.map(workflow_core::event::Payload::bytes).sum::<usize>();
        }
    }

    /// Closes it. The place of a claimed item in the batch is its place here after the free one.
    pub fn seal(&mut self, number: u64, now: Mono) -> Sealed {
        let open = std::mem::take(self);
        let mut items = Vec::with_capacity(open.claimed.len() + 1);
        items.push(Item { claim: None, changes: open.free });
        items.extend(open.claimed);
        Sealed { batch: Arc::new(Batch { number, items }), effects: open.effects, since: now }
    }
}

pub fn changes_catalog(change: &Change) -> bool {
    matches!(
        change,
        Change::Define(_) | Change::Undefine { .. } | Change::PutEndpoint(_) | Change::RemoveEndpoint(_) | Change::PutToken(_)
    )
}

impl Sealed {
    /// The claims in it, by the place of their item in the batch.
    pub fn claims(&self) -> Vec<(usize, Claim)> {
        let items = self.batch.items.iter().enumerate();
        items.filter_map(|(place, item)| Some((place, item.claim.clone()?))).collect()
    }
}

impl Claimed {
    /// The place of its item in the batch.
    pub fn place(&self) -> usize {
        self.item + 1
    }
}

impl Effects {
    /// Nobody who waits is told anything but `error`. The claims stay: they are not settled, but nobody waits for them any more.
    pub fn fail_answers_only(&mut self, error: &Error, outputs: &mut Vec<Output>) {
        for mut waiting in self.answers.drain(..) {
            waiting.fail(error);
            outputs.push(Output::Answer(waiting));
        }
        for claimed in &mut self.claims {
            outputs.push(Output::Answer(match &mut claimed.answer {
                ClaimAnswer::Start { reply, .. } => {
                    let nobody = StartReply { reply: to_nobody(), follow: None };
                    answer_start(std::mem::replace(reply, nobody), Err(error.clone()))
                }
                ClaimAnswer::Event { reply, .. } => answer(std::mem::replace(reply, to_nobody()), Err(error.clone())),
            }));
        }
    }

    /// Nobody who waits is told anything but `error`.
    pub fn fail_answers(&mut self, error: &Error, outputs: &mut Vec<Output>) {
        self.fail_answers_only(error, outputs);
        self.claims.clear();
    }
}

/// A place for an answer that has been given.
fn to_nobody<T>() -> Reply<T> {
    tokio::sync::oneshot::channel().0
}

/// How a start came about, for the head row.
pub fn trigger(triggered_by: &TriggeredBy) -> (String, Option<String>) {
    let (kind, source) = triggered_by.parts();
    (kind.to_owned(), source)
}
