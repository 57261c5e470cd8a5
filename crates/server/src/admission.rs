//! How many requests are answered at the same time, and for how long.
//!
//! Requests that only wait have a limit of their own, so that ten thousand browsers that watch executions never keep an order
//! from being started.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::{Options, body, limits};

const KIB: usize = 1 << 10;

#[derive(Debug)]
pub(crate) struct Admission {
    requests: Arc<Semaphore>,
    waiters: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    workers_max: usize,
    /// In KiB.
    receiving: Arc<Semaphore>,
}

impl Admission {
    pub fn new(options: &Options) -> Admission {
        let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Admission {
            requests: places(options.requests_max),
            waiters: places(options.waiters_max),
            workers: places(options.workers_max),
            workers_max: options.workers_max.min(Semaphore::MAX_PERMITS),
            receiving: places(limits::RECEIVING_BYTES_MAX / KIB),
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

    /// Room for a body of at most so many bytes.
    pub fn receiving(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let kib = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        take(&self.receiving, kib.max(1), "bodies are being received")
    }

    fn request(&self) -> Result<OwnedSemaphorePermit, Problem> {
        take(&self.requests, 1, "requests are being answered")
    }
}

fn take(places: &Arc<Semaphore>, count: u32, what: &str) -> Result<OwnedSemaphorePermit, Problem> {
    let full = |_| Problem::new(&Kind::OVERLOADED, format!("{what}, as many as the server takes; try again in a moment"));
    places.clone().try_acquire_many_owned(count).map_err(full)
}

/// Gives a request its place and its time.
pub(crate) async fn admit(app: &App, request: Request, next: Next) -> Response {
    let waits = request.uri().query().is_some_and(waits);
    let permit = if waits { app.admission.waiter() } else { app.admission.request() };
    let permit = match permit {
        Ok(permit) => permit,
        Err(problem) => {
            body::discard(request.into_body());
            return problem.into_response();
        }
    };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let answer = in_time(app, waits, changes, next.run(request)).await;
    drop(permit);
    answer.unwrap_or_else(IntoResponse::into_response)
}

/// Whether a request with this query only waits.
pub(crate) fn waits(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("wait="))
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
