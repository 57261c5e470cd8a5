//! One attempt as one call: `POST url/action`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use workflow_core::failure::{Failure, code};
use workflow_core::json::Json;
use workflow_core::task::{Task, TaskContext};
use workflow_core::time::{Millis, Timestamp};

use super::{Address, called, innermost, sign};
use crate::action::{ActionError, ActionResult, Signal};
use crate::clock::Clock;

/// Calls the actions of one endpoint.
#[derive(Clone)]
pub struct Caller {
    pub client: reqwest::Client,
    pub clock: Arc<dyn Clock>,
    pub address: Address,
    pub secret: Option<String>,
    /// Of a call whose step has no timeout of its own.
    pub timeout: Millis,
    pub output_bytes_max: usize,
}

/// Without the secret: this ends up in logs.
impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("address", &self.address).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Body {
    params: Json,
    state: Json,
    context: TaskContext,
}

impl Caller {
    pub async fn call(&self, task: Task, signal: Signal) -> ActionResult {
        // The step's own timeout is the ring's business: it aborts.
        let limit = if task.timeout.is_none() { Some(self.timeout) } else { None };
        tokio::select! {
            result = self.exchange(&task) => result,
            () = expired(limit) => {
                Err(Failure::with_code(code::TIMEOUT, format!("timed out after {}", self.timeout)).into())
            }
            // The connection is closed: that is all that a server can be told.
            () = signal.aborted() => Err(ActionError::permanent("aborted")),
        }
    }

    async fn exchange(&self, task: &Task) -> ActionResult {
        let url = self.address.of(&task.action);
        let body = Body { params: task.params(), state: task.state(), context: task.context() };
        let body =
            serde_json::to_string(&body).map_err(|error| ActionError::permanent(format!("the task is no JSON: {error}")))?;
        let mut request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", task.idempotency_key())
            .header("traceparent", traceparent(task));
        if let Some(secret) = &self.secret {
            let id = format!("{}:{}", task.idempotency_key(), task.attempt);
            let timestamp_s = self.clock.now().wall.millis() / 1_000;
            let signature = sign::sign(secret, &id, timestamp_s, &body);
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", timestamp_s.to_string())
                .header("webhook-signature", signature);
        }
        let response = request.body(body).send().await.map_err(|error| broken(&url, &error))?;
        if response.status().is_success() { self.output(task, response).await } else { Err(self.refusal(response).await) }
    }

    async fn output(&self, task: &Task, response: Response) -> ActionResult {
        if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
            return Ok(None);
        }
        let limit = self.output_bytes_max;
        let too_large = |size: String| {
            let message = format!("output of `{}` is {size}, the limit is {limit} bytes", task.step_id);
            ActionError::from(Failure::with_code(code::PAYLOAD_TOO_LARGE, message).permanent())
        };
        let body = match self.body(response, limit).await? {
            Answered::Whole(body) => body,
            Answered::TooLong(Some(bytes)) => return Err(too_large(format!("{bytes} bytes"))),
            Answered::TooLong(None) => return Err(too_large("longer".to_owned())),
        };
        let not_json = |why: String| {
            let message = format!("the answer of `{}` is no JSON ({why}); answer 204 when there is no output", task.action);
            ActionError::from(Failure::with_code(code::OUTPUT_NOT_JSON, message).permanent())
        };
        let text = String::from_utf8(body).map_err(|error| not_json(error.to_string()))?;
        Json::parse(text.trim()).map(Some).map_err(|error| not_json(error.to_string()))
    }

    /// What an answer that is no success says.
    async fn refusal(&self, response: Response) -> ActionError {
        const DETAIL_BYTES_MAX: usize = 64 << 10;
        let (status, url) = (response.status(), response.url().clone());
        let retry_after = retry_after(response.headers(), self.clock.now().wall);
        let problem = match self.body(response, DETAIL_BYTES_MAX).await {
            Ok(Answered::Whole(body)) => serde_json::from_slice(&body).unwrap_or_default(),
            Ok(Answered::TooLong(_)) | Err(_) => Problem::default(),
        };
        let message = problem.message().unwrap_or_else(|| format!("`POST {}` was answered {status}", called(&url)));
        let mut failure = Failure::with_code(&problem.code.unwrap_or_else(|| format!("http_{}", status.as_u16())), message);
        failure.retryable = is_retryable(status);
        ActionError { failure, retry_after }
    }

    async fn body(&self, mut response: Response, limit: usize) -> Result<Answered, ActionError> {
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Ok(Answered::TooLong(announced));
        }
        let url = response.url().clone();
        let mut body = Vec::with_capacity(announced.unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&url, &error))? {
            body.extend_from_slice(&chunk);
            if body.len() > limit {
                return Ok(Answered::TooLong(None));
            }
        }
        Ok(Answered::Whole(body))
    }
}

enum Answered {
    Whole(Vec<u8>),
    TooLong(Option<usize>),
}

/// The body of an answer that is no success: problem+json, or any JSON that says what is wrong in one of the usual fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: Option<String>,
    detail: Option<String>,
    title: Option<String>,
    message: Option<String>,
}

impl Problem {
    fn message(&self) -> Option<String> {
        self.detail.clone().or_else(|| self.message.clone()).or_else(|| self.title.clone())
    }
}

/// Whether the same call may be answered otherwise later.
fn is_retryable(status: StatusCode) -> bool {
    match status.as_u16() {
        408 | 409 | 425 | 429 => true,
        300..=499 => false,
        _ => true,
    }
}

fn broken(url: &Url, error: &reqwest::Error) -> ActionError {
    let what = if error.is_connect() { "no connection to" } else { "the connection broke at" };
    Failure::with_code("connection_failed", format!("{what} `{}`: {}", called(url), innermost(error))).into()
}

async fn expired(limit: Option<Millis>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit.to_std()).await,
        None => std::future::pending().await,
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.millis()).ok()?);
    Some(at.saturating_sub(now))
}

/// All attempts of an execution are one trace; each is a span of its own.
fn traceparent(task: &Task) -> String {
    let name = format!("{}:{}", task.step_id, task.attempt);
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let span = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, fnv).max(1);
    format!("00-{:032x}-{span:016x}-01", task.execution.to_u128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_millis(784_111_777_000 - 30_000);
        let header = |text: &str| HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        assert_eq!(retry_after(&header("120"), now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(&header("Sun, 06 Nov 1994 08:49:37 GMT"), now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&header("soon"), now), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn which_answers_are_tried_again() {
        let retryable = |status: u16| is_retryable(StatusCode::from_u16(status).unwrap());
        for status in [408, 409, 425, 429, 500, 502, 503, 504] {
            assert!(retryable(status), "{status}");
        }
        for status in [301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 410, 422] {
            assert!(!retryable(status), "{status}");
        }
    }
}
