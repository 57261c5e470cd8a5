//! How many requests are answered at the same time, for how long, and how much of their bodies and answers is in memory.
//!
//! Requests that only wait have a limit of their own, so that ten thousand browsers that watch executions never keep an order
//! from being started. So have those that move what is there already, so that ten thousand orders never keep an execution from
//! being cancelled, or a probe from being answered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::{Options, body, limits};

const KIB: usize = 1 << 10;

#[derive(Debug)]
pub(crate) struct Admission {
    requests: Arc<Semaphore>,
    moves: Arc<Semaphore>,
    /// Of the requests those that read at this moment.
    reads: Arc<Semaphore>,
    waiters: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    workers_max: usize,
    /// In KiB, for long bodies and for short ones.
    receiving: Arc<Semaphore>,
    receiving_short: Arc<Semaphore>,
    /// In KiB.
    answers: Arc<Semaphore>,
}

/// Whom a request shares its places with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Starts, events and reads: as many as there are clients.
    Request,
    /// Control calls, definitions, endpoints.
    Move,
    /// Asks whether the server is well; the answer is short.
    Probe,
    /// Only waits.
    Waiter,
}

impl Admission {
    pub fn new(options: &Options) -> Admission {
        let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Admission {
            requests: places(options.requests_max),
            moves: places(options.requests_max.div_ceil(limits::MOVES_OF_REQUESTS)),
            reads: places(limits::READS_MAX),
            waiters: places(options.waiters_max),
            workers: places(options.workers_max),
            workers_max: options.workers_max.min(Semaphore::MAX_PERMITS),
            receiving: places((limits::RECEIVING_BYTES_MAX - limits::RECEIVING_SHORT_BYTES_MAX) / KIB),
            receiving_short: places(limits::RECEIVING_SHORT_BYTES_MAX / KIB),
            answers: places(limits::ANSWERS_BYTES_MAX / KIB),
        }
    }

    /// A place for one that waits, for as long as the permit lives.
    pub fn waiter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        take(&self.waiters, 1, "clients wait for executions")
    }

    /// A place for a worker, for as long as it is connected.
    pub fn worker(&self) -> Result<OwnedSemaphorePermit, Problem> {
        take(&self.workers, 1, "workers are connected")
    }

    /// Ends when no worker is connected.
    pub async fn no_workers(&self) {
        let all = u32::try_from(self.workers_max).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _ = self.workers.acquire_many(all).await;
    }

    /// Room for this much more of a body that has `held` already, and whether it is another kind of room.
    pub fn receiving(&self, bytes: usize, held: usize) -> Result<(OwnedSemaphorePermit, bool), Problem> {
        const WHAT: &str = "bodies are in memory";
        if bytes <= limits::SHORT_BODY_BYTES_MAX {
            return Ok((take(&self.receiving_short, kib(bytes - held), WHAT)?, false));
        }
        let was_short = held <= limits::SHORT_BODY_BYTES_MAX;
        let more = if was_short { bytes } else { bytes - held };
        Ok((take(&self.receiving, kib(more), WHAT)?, was_short))
    }

    fn place(&self, class: Class) -> Result<OwnedSemaphorePermit, Problem> {
        match class {
            Class::Request | Class::Move if self.answers.available_permits() < limits::ANSWERS_BYTES_SPARE / KIB => {
                Err(full("answers wait for clients that do not read them"))
            }
            Class::Request => take(&self.requests, 1, "requests are being answered"),
            Class::Move | Class::Probe => take(&self.moves, 1, "requests are being answered"),
            Class::Waiter => self.waiter(),
        }
    }

    /// Room for an answer of so many bytes, until it has been sent. None for one that is small: the connection's own buffers are
    /// no smaller.
    fn answer(&self, bytes: u64) -> Option<Result<OwnedSemaphorePermit, Problem>> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(limits::ANSWERS_BYTES_MAX);
        let take = || take(&self.answers, kib(bytes), "answers wait for clients that do not read them");
        (bytes > limits::ANSWER_BYTES_FREE).then(take)
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX).max(1)
}

fn take(places: &Arc<Semaphore>, count: u32, what: &str) -> Result<OwnedSemaphorePermit, Problem> {
    places.clone().try_acquire_many_owned(count).map_err(|_| full(what))
}

fn full(what: &str) -> Problem {
    Problem::new(&Kind::OVERLOADED, format!("{what}, as many as the server takes; try again in a moment"))
}

/// Gives a request its place and its time.
pub(crate) async fn admit(app: &App, request: Request, next: Next) -> Response {
    let class = class(request.method(), request.uri());
    let permit = match app.admission.place(class) {
        Ok(permit) => permit,
        Err(problem) => {
            body::discard(request.into_body());
            return problem.into_response();
        }
    };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let answering = async {
        // What is read lies in memory until it has become an answer. The semaphore is never closed.
        let _turn = if class == Class::Request && !changes { app.admission.reads.acquire().await.ok() } else { None };
        next.run(request).await
    };
    let answer = in_time(app, class == Class::Waiter, changes, answering).await;
    drop(permit);
    weighed(app, changes, answer.unwrap_or_else(IntoResponse::into_response))
}

fn class(method: &Method, uri: &Uri) -> Class {
    let path = uri.path();
    let begins = path.ends_with("/executions") || path.ends_with("/replay") || path.ends_with("/events");
    let probes = ["/healthz", "/readyz", "/metrics"].contains(&path);
    match *method {
        Method::GET | Method::HEAD if probes => Class::Probe,
        _ if uri.query().is_some_and(waits) => Class::Waiter,
        Method::GET | Method::HEAD => Class::Request,
        Method::POST if begins => Class::Request,
        _ => Class::Move,
    }
}

/// A long answer has a place until the client has taken it: one that is not there is not kept in memory for its sake.
fn weighed(app: &App, changes: bool, answer: Response) -> Response {
    let room = answer.body().size_hint().exact().and_then(|bytes| app.admission.answer(bytes));
    match room {
        None => answer,
        Some(Ok(room)) => answer.map(|body| Body::new(Held { body, room: Some(room) })),
        Some(Err(_)) if changes && answer.status().is_success() => {
            let detail = "the change was written, and there is no room for the answer: others wait for clients that do not read \
                          them; repeating it with the same idempotency key is safe";
            Problem::new(&Kind::OUTCOME_UNKNOWN, detail).into_response()
        }
        Some(Err(problem)) => problem.into_response(),
    }
}

/// A body of one piece, whose room is free when its last byte has left, which is after it was handed over to the connection.
struct Held {
    body: Body,
    room: Option<OwnedSemaphorePermit>,
}

/// Bytes on their way to the client, with their room.
struct Sent {
    data: Bytes,
    _room: OwnedSemaphorePermit,
}

fn sent(frame: Frame<Bytes>, room: OwnedSemaphorePermit) -> Frame<Bytes> {
    frame.map_data(|data| Bytes::from_owner(Sent { data, _room: room }))
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(match (frame, self.room.take()) {
            (Some(Ok(frame)), Some(room)) => Some(Ok(sent(frame, room))),
            (frame, _) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a request with this query only waits.
pub(crate) fn waits(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("wait="))
}

/// A stream whose long pieces wait for room among the answers: the reader of it has read what came before, or is cut off.
pub(crate) fn flowing(app: &App, body: Body) -> Body {
    Body::new(Flowing { body, answers: app.admission.answers.clone(), waiting: None })
}

struct Flowing {
    body: Body,
    answers: Arc<Semaphore>,
    waiting: Option<(Frame<Bytes>, BoxFuture<'static, Option<OwnedSemaphorePermit>>)>,
}

impl HttpBody for Flowing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            if let Some((_, room)) = &mut self.waiting {
                let room = ready!(room.as_mut().poll(context));
                let frame = self.waiting.take().map(|(frame, _)| frame);
                // The semaphore is never closed.
                return Poll::Ready(frame.zip(room).map(|(frame, room)| Ok(sent(frame, room))));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            let bytes = frame.data_ref().map_or(0, Bytes::len).min(limits::ANSWERS_BYTES_MAX);
            if bytes <= limits::ANSWER_BYTES_FREE {
                return Poll::Ready(Some(Ok(frame)));
            }
            let answers = self.answers.clone();
            let room = async move { answers.acquire_many_owned(kib(bytes)).await.ok() };
            self.waiting = Some((frame, Box::pin(room)));
        }
    }
}

/// What answers a request, for as long as it may take.
pub(crate) async fn in_time<T>(app: &App, waits: bool, changes: bool, answering: impl Future<Output = T>) -> Result<T, Problem> {
    let waiting = if waits { limits::WAIT_MAX } else { Duration::ZERO };
    let limit = app.options.body_timeout + waiting + app.options.answer_timeout;
    timeout(limit, answering).await.map_err(|_| out_of_time(changes))
}

fn out_of_time(changes: bool) -> Problem {
    if changes {
        let detail = "the engine did not answer in time, and the change may have been written; repeating it with the same \
                      idempotency key is safe";
        Problem::new(&Kind::OUTCOME_UNKNOWN, detail)
    } else {
        Problem::new(&Kind::STORE_UNAVAILABLE, "the engine did not answer in time; try again in a moment")
    }
}
