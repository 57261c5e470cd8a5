//! What goes into the ring and what comes out of it. Data, but for the senders that answers are given to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::oneshot;
use workflow_core::command::Outcome;
use workflow_core::definition::Definition;
use workflow_core::definition::StepIndex;
use workflow_core::event::{Recorded, TriggeredBy};
use workflow_core::execution::Execution;
use workflow_core::id::{ActionName, Caller, EndpointName, EventName, ExecutionId, IdempotencyKey, SessionId, WorkflowId};
use workflow_core::json::Json;
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_core::task::Task;
use workflow_core::time::Timestamp;
use workflow_store::{
    Asked, Batch, Change, Claim, ClaimKind, Committed, Cursor, Ended, Endpoint, Fault, Filter, Ranges, Store, Stored, Taken,
    Token,
};

use crate::Error;
use crate::clock::Mono;
use crate::feed::{Feed, Follower, Over};
use crate::lines::Wire;
use crate::request::RefusedStart;
use crate::ring::catalog::{Catalog, Registration};
use crate::ring::look::Look;
use crate::ring::slots::{Provider, ProviderId};
use crate::token::{Revocation, TokenView, Tokens};

/// What whoever looks wants of what there is much of: it is copied while everybody else waits.
#[derive(Debug, Clone, PartialEq)]
pub enum Counts {
    /// By workflow and step.
    Tallies,
    Pulse,
    /// Workers, one by one.
    Sessions,
    /// Executions that want what nobody provides, of those that the filter means.
    Waiting(Box<Filter>),
    Left,
}

/// Where one answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Where the answer to what somebody asks of an execution goes.
#[derive(Debug)]
pub enum ReplyTo {
    Caller(Reply<()>),
    /// Another engine, which has left this question in the store. Its answer is written with what came of it.
    Engine(u64),
}

impl From<Reply<()>> for ReplyTo {
    fn from(reply: Reply<()>) -> ReplyTo {
        ReplyTo::Caller(reply)
    }
}

#[derive(Debug)]
pub enum Input {
    Start(Box<StartAsk>),
    Control(Box<ControlAsk>),
    /// An execution that has ended, or that makes no sense, is to be gone.
    Delete(DeleteAsk),
    Event(Box<EventAsk>),
    Define {
        definition: Box<Definition>,
        stored: Json,
        reply: Reply<Defined>,
    },
    Undefine {
        workflow: String,
        reply: Reply<bool>,
    },
    PutEndpoint {
        endpoint: Box<Endpoint>,
        reply: Reply<()>,
    },
    RemoveEndpoint {
        name: EndpointName,
        reply: Reply<()>,
    },
    CreateToken {
        token: Box<Token>,
        admin_elsewhere: bool,
        reply: Reply<TokenView>,
    },
    RevokeToken {
        revocation: Revocation,
        reply: Reply<Option<TokenView>>,
    },
    /// Changes to documents, which nobody decides about.
    Keep {
        changes: Vec<Change>,
        reply: Reply<()>,
    },
    /// What came of an attempt.
    Finished {
        attempt: AttemptKey,
        outcome: Outcome,
    },
    /// A worker has connected.
    Join(Box<Joining>),
    Offer {
        connection: Connection,
        actions: Vec<ActionName>,
        slots: usize,
    },
    /// What came of an attempt in the session of a worker.
    Delivered {
        connection: Connection,
        attempt: AttemptKey,
        outcome: Outcome,
    },
    /// A connection is gone.
    Lost(Connection),
    Leave {
        connection: Connection,
        reply: Reply<()>,
    },
    /// Somebody runs actions. One with the same id is replaced.
    Provide(Provider),
    Withdraw(ProviderId),
    /// Workers may come from outside: a missing action is no error.
    ExpectWorkers,
    /// So many attempts run in this process at the same time, all actions together.
    LimitInProcess(usize),
    Committed {
        number: u64,
        result: Result<Committed, Fault>,
    },
    Reopened(Result<Reopened, Fault>),
    /// Another engine owns the store now.
    Fenced(Fault),
    /// This engine owns these ranges, also some that it did not own before; one that it gives away meanwhile may be among them.
    Owns(Ranges),
    /// So many ranges are to be given to another engine.
    Share {
        count: usize,
        to: String,
    },
    /// Other engines may have asked something.
    Asked,
    /// Other engines may have changed definitions, endpoints or tokens. Who asks is told once what is known is the newest of when it was
    /// asked; false where there are no others.
    CatalogChanged {
        reply: Option<Reply<bool>>,
    },
    Found(Found),
    /// A person wants to know what is stuck, or what was counted.
    Look {
        counts: Counts,
        reply: Reply<Look>,
    },
    /// Nothing begins any more. What has not ended at `until` is interrupted.
    Shutdown {
        until: Mono,
    },
}

#[derive(Debug)]
pub struct StartAsk {
    pub workflow: String,
    pub input: Json,
    pub key: Option<IdempotencyKey>,
    pub by: Option<Caller>,
    pub triggered_by: TriggeredBy,
    pub replay_of: Option<ExecutionId>,
    pub reply: StartReply,
}

/// Where the answer to a start goes. `follow` follows the execution from the moment of the answer on, so that its end, which cannot
/// be durable before, is not missed.
#[derive(Debug)]
pub struct StartReply {
    pub reply: Reply<Started>,
    pub follow: Option<(Arc<Feed>, Follower)>,
}

#[derive(Debug)]
pub enum Started {
    New(Box<Snapshot>),
    /// It is followed: nobody wants to know what it was like at its start.
    Followed(ExecutionId),
    /// The idempotency key had started this one.
    Existing(ExecutionId),
}

/// An execution as it was after the transition that answers the caller; its view is made on the caller's side.
#[derive(Debug)]
pub struct Snapshot {
    pub registration: Arc<Registration>,
    pub execution: Execution,
    pub events: Vec<Recorded>,
}

#[derive(Debug)]
pub struct ControlAsk {
    pub id: ExecutionId,
    pub control: Control,
    /// Of `RunNow`.
    pub step: Option<String>,
    pub key: Option<IdempotencyKey>,
    pub by: Option<Caller>,
    pub reply: ReplyTo,
}

#[derive(Debug)]
pub struct DeleteAsk {
    pub id: ExecutionId,
    pub reply: ReplyTo,
}

#[derive(Debug)]
pub struct EventAsk {
    pub event: EventName,
    pub data: Json,
    pub id: Option<IdempotencyKey>,
    pub source: Option<String>,
    pub by: Option<Caller>,
    pub reply: Reply<EventStarted>,
}

#[derive(Debug)]
pub struct EventStarted {
    pub started: Vec<Started>,
    pub refused: Vec<RefusedStart>,
}

#[derive(Debug)]
pub struct Defined {
    pub registration: Arc<Registration>,
    pub created: bool,
}

/// One attempt, among all of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    pub id: ExecutionId,
    pub step: StepIndex,
    pub attempt: u32,
}

impl AttemptKey {
    /// Before all others of an execution.
    pub fn first(id: ExecutionId) -> AttemptKey {
        AttemptKey { id, step: StepIndex::new(0), attempt: 0 }
    }
}

/// One connection of a session of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub session: SessionId,
    /// No other connection to this engine has it, and no provider.
    pub number: u64,
}

/// A worker has connected.
#[derive(Debug)]
pub struct Joining {
    pub connection: Connection,
    /// Tasks whose result was not reported as recorded.
    pub holding: Vec<AttemptKey>,
    /// Leads to the worker. Not bounded, and yet never longer than what the worker offered: it has at most as many tasks as
    /// slots, and each of them is aborted or recorded once, but for those that it names itself.
    pub line: Wire,
    /// What it calls itself, for people.
    pub name: Option<String>,
    pub seen: LastSeen,
    pub reply: Reply<()>,
}

/// When a worker last gave a sign of life. Whoever holds its connection says so, with the engine's clock; heartbeats are no business
/// of the ring, so it only reads this when somebody looks.
#[derive(Debug, Clone)]
pub struct LastSeen(Arc<AtomicI64>);

impl LastSeen {
    pub fn new(at: Timestamp) -> LastSeen {
        LastSeen(Arc::new(AtomicI64::new(at.millis())))
    }

    pub fn note(&self, at: Timestamp) {
        self.0.store(at.millis(), Ordering::Relaxed);
    }

    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Why nobody wants the result of an attempt any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    /// It, or its execution, took too long.
    Timeout,
    /// Its execution was cancelled, or ended otherwise.
    Cancelled,
    /// It was given up and is run again, or is not in flight any more.
    Lost,
}

impl AbortReason {
    pub fn as_str(self) -> &'static str {
        match self {
            AbortReason::Timeout => "timeout",
            AbortReason::Cancelled => "cancelled",
            AbortReason::Lost => "lost",
        }
    }
}

/// What the ring wants done. Order matters: an `Abort` follows its `Dispatch`.
#[derive(Debug)]
pub enum Output {
    /// To the one committer, in order.
    Commit(Arc<Batch>),
    /// After a fault: fresh handles, the number of the newest batch, and what became of these claims if it is `number`.
    Reopen {
        number: u64,
        claims: Vec<(usize, Claim)>,
    },
    Read(Read),
    Answer(Box<dyn Answer>),
    Dispatch {
        attempt: AttemptKey,
        provider: ProviderId,
        task: Box<Task>,
    },
    Abort {
        attempt: AttemptKey,
        provider: ProviderId,
        reason: AbortReason,
    },
    /// From here on what is for this session goes to this line. The one before it, if any, is told that it was replaced.
    Attach {
        provider: ProviderId,
        line: Wire,
    },
    /// A session has no connection any more.
    Detach {
        provider: ProviderId,
    },
    /// A session offers this, for people who ask why a step waits.
    Provided(Provider),
    /// Nothing needs to be kept of a result of this session any longer.
    Recorded {
        attempt: AttemptKey,
        provider: ProviderId,
    },
    /// The engine stops in order: all sessions are told.
    Closing,
    /// A session is to come again and to name what it holds: some of that may be of this engine now.
    Rejoin {
        provider: ProviderId,
    },
    /// What other engines have changed.
    Changed(Box<Changed>),
    /// These ranges belong to another engine.
    Given(Ranges),
    /// A batch is durable: watchers want its events, but not those of the items that were left out.
    Durable {
        batch: Arc<Batch>,
        taken: Vec<usize>,
    },
    /// The ends of these executions are durable. After the answers to who started them.
    Over(Vec<Over>),
    Defined(Arc<Registration>),
    Undefined {
        workflow: WorkflowId,
    },
    EndpointPut(Box<Endpoint>),
    EndpointRemoved(EndpointName),
    /// These tokens are durable.
    Tokens(Arc<Tokens>),
    /// The store went away or came back.
    Ready(bool),
    /// All that was accepted is durable and nothing runs: the end of a shutdown, or of an engine that lost its store.
    Closed,
}

/// A question to the store. Asked again with the same words it does no harm.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    Load(Vec<ExecutionId>),
    Payloads {
        id: ExecutionId,
        seqs: Vec<u64>,
    },
    Due {
        until: Timestamp,
        after: Option<Cursor>,
        limit: usize,
    },
    NextWake {
        after: Timestamp,
    },
    Parked {
        action: ActionName,
        after: Option<ExecutionId>,
        limit: usize,
    },
    Claim {
        kind: ClaimKind,
        scope: String,
        key: String,
    },
    Ended {
        workflow: WorkflowId,
        status: Status,
        until: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    },
    Asked {
        after: u64,
        limit: usize,
    },
    /// Nothing but the number, where that is `known`.
    Catalog {
        known: Option<u64>,
    },
}

/// Definitions, endpoints and tokens as they are in the store.
#[derive(Debug)]
pub struct Changed {
    /// How often they have changed, at least.
    pub number: Option<u64>,
    pub catalog: Catalog,
    pub endpoints: Vec<Endpoint>,
    pub tokens: Arc<Tokens>,
}

impl Changed {
    /// The number first: what changes meanwhile is read again.
    pub fn read(store: &dyn Store) -> Result<Changed, Fault> {
        let number = store.catalog()?;
        let catalog = Catalog::from_rows(store.definitions()?);
        let tokens = store.tokens()?;
        for wrong in tokens.wrongs() {
            tracing::error!("{wrong}");
        }
        let tokens = Arc::new(Tokens::from_rows(tokens));
        Ok(Changed { number, catalog, endpoints: store.endpoints()?, tokens })
    }
}

/// Its answer.
#[derive(Debug)]
pub enum Found {
    Loaded { ids: Vec<ExecutionId>, result: Result<Vec<Option<Stored>>, Fault> },
    Payloads { id: ExecutionId, seqs: Vec<u64>, result: Result<Vec<Json>, Fault> },
    Due { until: Timestamp, limit: usize, result: Result<Vec<Cursor>, Fault> },
    NextWake { after: Timestamp, result: Result<Option<Timestamp>, Fault> },
    Parked { action: ActionName, limit: usize, result: Result<Vec<ExecutionId>, Fault> },
    Claim { kind: ClaimKind, scope: String, key: String, result: Result<Option<Taken>, Fault> },
    Ended { result: Result<Ended, Fault> },
    Asked { limit: usize, result: Result<Vec<Asked>, Fault> },
    Catalog { result: Result<Option<Box<Changed>>, Fault> },
}

impl Read {
    /// Asks the store.
    pub fn run(self, store: &dyn Store) -> Found {
        match self {
            Read::Load(ids) => {
                let result = store.load(&ids);
                Found::Loaded { ids, result }
            }
            Read::Payloads { id, seqs } => {
                let wanted: Vec<_> = seqs.iter().map(|&seq| (id, seq)).collect();
                Found::Payloads { id, seqs, result: store.payloads(&wanted) }
            }
            Read::Due { until, after, limit } => Found::Due { until, limit, result: store.due(until, after, limit) },
            Read::NextWake { after } => Found::NextWake { after, result: store.next_wake(after) },
            Read::Parked { action, after, limit } => {
                let result = store.parked(&action, after, limit);
                Found::Parked { action, limit, result }
            }
            Read::Claim { kind, scope, key } => {
                let result = store.claim(kind, &scope, &key);
                Found::Claim { kind, scope, key, result }
            }
            Read::Ended { workflow, status, until, after, limit } => {
                Found::Ended { result: store.ended(&workflow, status, until, after, limit) }
            }
            Read::Asked { after, limit } => Found::Asked { limit, result: store.asked(after, limit) },
            Read::Catalog { known } => {
                let read = || {
                    let is_known = known.is_some() && store.catalog()? == known;
                    if is_known { Ok(None) } else { Changed::read(store).map(|changed| Some(Box::new(changed))) }
                };
                Found::Catalog { result: read() }
            }
        }
    }
}

/// What a store says after it was opened again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reopened {
    /// The newest durable batch.
    pub batch: u64,
    /// Items of the batch in doubt that were left out because their claim was taken.
    pub taken: Vec<(usize, Taken)>,
}

/// Opens the store again and finds out what it holds; `claims` are those of batch `number`, whose outcome is not known.
pub fn reopen(store: &dyn Store, number: u64, claims: &[(usize, Claim)]) -> Result<Reopened, Fault> {
    store.reopen()?;
    let batch = store.batch()?;
    let mut taken = Vec::new();
    if batch == number {
        for (item, claim) in claims {
            // One that holds our own executions is ours.
            match store.claim(claim.kind, &claim.scope, &claim.key)? {
                Some(holder) if holder.executions != claim.executions => taken.push((*item, holder)),
                Some(_) | None => {}
            }
        }
    }
    Ok(Reopened { batch, taken })
}

/// An answer that waits until what it says is durable.
pub trait Answer: Send + std::fmt::Debug {
    fn send(self: Box<Self>);
    /// Says instead that it cannot be said.
    fn fail(&mut self, error: &Error);
}

#[derive(Debug)]
struct Held<T> {
    reply: Reply<T>,
    result: Result<T, Error>,
}

impl<T: Send + std::fmt::Debug> Answer for Held<T> {
    fn send(self: Box<Self>) {
        // A caller who has gone away does not want to know.
        let _ = self.reply.send(self.result);
    }

    fn fail(&mut self, error: &Error) {
        self.result = Err(error.clone());
    }
}

/// An answer to a start.
#[derive(Debug)]
struct HeldStart {
    reply: StartReply,
    result: Result<Started, Error>,
}

impl Answer for HeldStart {
    fn send(self: Box<Self>) {
        let HeldStart { reply: StartReply { reply, follow }, result } = *self;
        match (&result, follow) {
            (Ok(Started::Followed(id)), Some((feed, follower))) => {
                let id = *id;
                feed.follow(id, follower);
                if reply.send(result).is_err() {
                    // Whoever started it has gone away, and unfollows nothing any more.
                    feed.unfollow(id);
                }
            }
            _ => drop(reply.send(result)),
        }
    }

    fn fail(&mut self, error: &Error) {
        self.result = Err(error.clone());
    }
}

pub fn answer_start(reply: StartReply, result: Result<Started, Error>) -> Box<dyn Answer> {
    Box::new(HeldStart { reply, result })
}

pub fn answer<T: Send + std::fmt::Debug + 'static>(reply: Reply<T>, result: Result<T, Error>) -> Box<dyn Answer> {
    Box::new(Held { reply, result })
}

impl Input {
    /// The execution that somebody asks something of.
    pub fn execution(&self) -> Option<ExecutionId> {
        match self {
            Input::Control(ask) => Some(ask.id),
            Input::Delete(ask) => Some(ask.id),
            _ => None,
        }
    }

    /// Bytes that it holds while it is queued.
    pub fn bytes(&self) -> usize {
        let payload = match self {
            Input::Start(ask) => ask.input.len(),
            Input::Event(ask) => ask.data.len(),
            Input::Finished { outcome: Outcome::Completed(Some(output)), .. } => output.len(),
            _ => 0,
        };
        payload + size_of::<Input>()
    }
}

/// A key that is being claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimKey {
    pub kind: ClaimKind,
    pub scope: String,
    pub key: String,
}
