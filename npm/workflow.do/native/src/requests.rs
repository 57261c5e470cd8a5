//! Requests of JavaScript: sent, answered, cancelled.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use workflow_server::{Answer, Body as DirectBody};

use crate::head::{head, head_of};
use crate::long::{self, LONG_BYTES, Long};
use crate::message::{Delivery, RequestId};
use crate::outbox::Outbox;

/// Chunks of a streamed answer that are sent before JavaScript asks for more.
const CHUNKS_AHEAD: usize = 16;

/// Of a streamed answer.
const SILENCE_MAX: Duration = Duration::from_secs(45);

#[derive(Debug)]
pub struct Requests {
    outbox: Arc<Outbox>,
    open: Mutex<HashMap<RequestId, Open>>,
}

#[derive(Debug)]
struct Open {
    task: AbortHandle,
    /// Of a streamed answer: how many more chunks may be sent.
    room: Option<Arc<Semaphore>>,
}

/// A request that has to be answered. Whatever becomes of it, it is: dropped, with an error.
#[derive(Debug)]
pub struct Pending {
    requests: Arc<Requests>,
    id: RequestId,
    /// What is asked for is an execution.
    execution: bool,
    answered: bool,
}

impl Requests {
    pub fn new(outbox: Arc<Outbox>) -> Arc<Requests> {
        Arc::new(Requests { outbox, open: Mutex::default() })
    }

    pub fn pending(self: &Arc<Requests>, id: RequestId, execution: bool) -> Pending {
        Pending { requests: self.clone(), id, execution, answered: false }
    }

    /// Runs what answers a request.
    pub fn run(&self, id: RequestId, room: Option<Arc<Semaphore>>, answering: impl Future<Output = ()> + Send + 'static) {
        // Held until it is listed: what answers at once must find itself here.
        let mut open = self.lock();
        let task = tokio::spawn(answering).abort_handle();
        open.insert(id, Open { task, room });
    }

    pub fn room() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(CHUNKS_AHEAD))
    }

    pub fn more(&self, id: RequestId) {
        if let Some(room) = self.lock().get(&id).and_then(|open| open.room.as_ref()) {
            room.add_permits(1);
        }
    }

    pub fn cancel(&self, id: RequestId) {
        let open = self.lock().remove(&id);
        if let Some(open) = open {
            open.task.abort();
        }
    }

    pub fn cancel_all(&self) {
        let all: Vec<Open> = self.lock().drain().map(|(_, open)| open).collect();
        for open in all {
            open.task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    pub async fn answer(mut self, response: http::Response<Body>, room: Option<Arc<Semaphore>>) {
        let status = response.status();
        let retry_after = response.headers().get(http::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|after| after.to_str().ok()?.parse().ok());
        if let Some(room) = room.filter(|_| status.is_success()) {
            self.say(status.as_u16(), None, None);
            return self.stream(response.into_body(), &room).await;
        }
        let is_json = |is: &http::HeaderValue| is.to_str().is_ok_and(|is| is.contains("json"));
        let is_json = response.headers().get(http::header::CONTENT_TYPE).is_some_and(is_json);
        let body = response.into_body().collect().await;
        let text = body.ok().and_then(|body| String::from_utf8(body.to_bytes().into()).ok());
        match text.filter(|text| is_json && !text.is_empty()) {
            Some(text) if text.len() > LONG_BYTES => self.say_long(status.as_u16(), text, retry_after),
            Some(text) => self.say(status.as_u16(), Some(&text), retry_after),
            None => {
                let status = status.as_u16();
                let detail = format!("the answer has status {status} and a body that is not JSON; is it a workflow server?");
                self.fail(502, "invalid_answer", &detail);
            }
        }
    }

    /// Answers with what there is already.
    pub fn direct(mut self, answer: Answer) {
        match answer.body {
            DirectBody::Execution(execution) if self.execution && long::is_long(&execution) => {
                let head = head_of(&execution);
                self.say_execution(answer.status, &head, Long::Execution(execution));
            }
            body => self.say(answer.status, Some(&body.into_text()), answer.retry_after),
        }
    }

    /// Answers with a value of ours.
    pub fn value(mut self, value: &impl serde::Serialize) {
        let body = serde_json::to_string(value).expect("a value of ours is JSON");
        self.say(200, Some(&body), None);
    }

    /// Answers with a problem, as the HTTP API words one.
    pub fn fail(mut self, status: u16, code: &str, detail: &str) {
        let problem = serde_json::json!({ "status": status, "code": code, "detail": detail });
        self.say(status, Some(&problem.to_string()), None);
    }

    /// `body` is long.
    fn say_long(&mut self, status: u16, body: String, retry_after: Option<u64>) {
        match head(&body).filter(|_| self.execution && status < 300) {
            Some(head) => self.say_execution(status, &head, Long::Text(body)),
            None => self.say(status, Some(&body), retry_after),
        }
    }

    /// Of a long execution JavaScript gets what it looks at.
    fn say_execution(&mut self, status: u16, head: &str, execution: Long) {
        self.answered = true;
        let text = format!(r#"{{"execution":[{},{status},0,"long",{head}]}}"#, self.id);
        self.requests.outbox.push_long(&text, Some(execution));
    }

    /// `body` is JSON. It is not parsed once more: an answer is most of what goes to JavaScript.
    fn say(&mut self, status: u16, body: Option<&str>, retry_after: Option<u64>) {
        self.answered = true;
        let execution = body.filter(|_| self.execution && status < 300);
        if let Some((body, head)) = execution.and_then(|body| Some((body, head(body)?))) {
            // An ASCII text is copied, any other decoded.
            let encoding = if body.is_ascii() { "latin1" } else { "utf8" };
            let (id, bytes) = (self.id, body.len());
            let text = format!(r#"{{"execution":[{id},{status},{bytes},"{encoding}",{head}]}}"#);
            return self.requests.outbox.push_bytes(&text, body.as_bytes());
        }
        let mut text = String::with_capacity(body.map_or(0, str::len) + 96);
        let head = write!(text, r#"{{"answer":{{"id":{},"status":{status}"#, self.id);
        let after = retry_after.map_or(Ok(()), |seconds| write!(text, r#","retryAfter":{seconds}"#));
        let body = body.map_or(Ok(()), |body| write!(text, r#","body":{body}"#));
        head.and(after).and(body).expect("a text takes everything");
        text.push_str("}}");
        self.requests.outbox.push_text(&text);
    }

    async fn stream(&self, mut body: Body, room: &Semaphore) {
        let mut text = Text::default();
        // A server says something at least every 15 s: silence is a connection that nobody has told to be gone.
        while let Ok(Some(Ok(frame))) = timeout(SILENCE_MAX, body.frame()).await {
            let Ok(data) = frame.into_data() else { continue };
            let Ok(permit) = room.acquire().await else { break };
            permit.forget();
            let text = text.push(&data);
            self.requests.outbox.push(&Delivery::Chunk { id: self.id, text });
        }
        self.requests.outbox.push(&Delivery::End { id: self.id });
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.requests.lock().remove(&self.id);
        if !self.answered {
            let problem = r#"{"status":503,"code":"closed","detail":"the workflow was closed before the answer came"}"#;
            self.say(503, Some(problem), None);
        }
    }
}

/// Puts characters together whose bytes lie in two chunks.
#[derive(Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    given: usize,
}

impl Text {
    fn push(&mut self, chunk: &[u8]) -> &str {
        self.bytes.drain(..self.given);
        self.bytes.extend_from_slice(chunk);
        self.given = match std::str::from_utf8(&self.bytes) {
            Ok(_) => self.bytes.len(),
            Err(error) => error.valid_up_to(),
        };
        std::str::from_utf8(&self.bytes[..self.given]).expect("it is valid up to there")
    }
}
