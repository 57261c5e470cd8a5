//! The server's side of `docs/worker-protocol.md`: between a worker's connection and its session in the engine.
//!
//! What is *not* here: who gets which task, what a grace is, what becomes of results. That is the engine's; here messages become
//! calls, and what the engine says becomes frames.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use workflow_core::id::{ActionName, SessionId, StepId};
use workflow_core::json::Json;
use workflow_engine::{ActionError, ActionResult, Join, Session, SessionEvent, Task, TaskId};

use crate::access::Standing;
use crate::app::App;
use crate::cluster::{self, Told};
use crate::kept::Kept;
use crate::problem::Kind;
use crate::protocol::{self, Broken, Frame, FromServer, FromWorker, Heard, Hello, Link, Malformed, Server, Welcome};

type Connection = Link<TokioIo<Upgraded>>;

/// What an output may be goes in, with room for what is around it.
pub(crate) fn frame_bytes_max(app: &App) -> usize {
    const ENVELOPE_BYTES: usize = 1 << 20;
    protocol::WORKER_FRAME_BYTES_MAX.max(app.engine.limits().payload_bytes_max.saturating_add(ENVELOPE_BYTES))
}

/// Why a conversation is over.
#[derive(Debug)]
enum End {
    /// The worker has said that it leaves.
    Left,
    /// The worker has closed the connection without a word.
    Gone,
    Broken(Broken),
    /// The server or its engine stops; the worker has been told.
    Closing,
    Refused {
        code: &'static str,
        message: String,
    },
}

impl End {
    fn invalid(message: impl Into<String>) -> End {
        End::Refused { code: "invalid_message", message: message.into() }
    }

    fn revoked() -> End {
        let message = "the token with which it connected was revoked".to_owned();
        End::Refused { code: Kind::UNAUTHORIZED.code, message }
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> End {
        match broken {
            // What the worker can mend it is told.
            Broken::Binary | Broken::TooLarge { .. } => End::invalid(broken.to_string()),
            broken => End::Broken(broken),
        }
    }
}

impl From<Malformed> for End {
    fn from(malformed: Malformed) -> End {
        End::invalid(malformed.to_string())
    }
}

/// Talks with a worker for as long as it is connected.
pub(crate) async fn converse(app: &App, standing: &Standing, mut link: Connection) {
    let greeted = timeout(app.options.hello_timeout, greeting(&mut link));
    let greeted = tokio::select! {
        greeted = greeted => greeted,
        () = app.closing() => Ok(Err(End::Closing)),
        () = app.access.lost(standing) => Ok(Err(End::revoked())),
    };
    let greeted = greeted.unwrap_or_else(|_| {
        let limit = app.options.hello_timeout.as_secs_f64();
        let message = format!("nothing was said within {limit} s; the first message is `hello`");
        Err(End::Refused { code: "hello_expected", message })
    });
    let (end, who) = match greeted {
        Ok(text) => serve(app, standing, &mut link, &text).await,
        Err(end) => (end, "a worker".to_owned()),
    };
    let last = match end {
        End::Left => {
            tracing::info!("{who} has left");
            None
        }
        End::Gone => {
            tracing::info!("{who} has closed its connection");
            None
        }
        End::Broken(broken) => return tracing::info!("the connection of {who} is gone: {broken}"),
        End::Closing => Some(Frame::of(&FromServer::Closing)),
        End::Refused { code, message } => {
            tracing::warn!(code, "{who} was refused: {message}");
            Some(Frame::of(&FromServer::Refused { code: code.into(), message: message.into() }))
        }
    };
    link.close(last).await;
}

/// The first frame.
async fn greeting(link: &mut Connection) -> Result<Utf8Bytes, End> {
    loop {
        match link.next().await? {
            Heard::Frame(text) => return Ok(text),
            Heard::Sent | Heard::Heartbeat => {}
            Heard::Closed => return Err(End::Gone),
        }
    }
}

/// Takes the worker in and serves it until one of the two ends. With the name that the log gives it.
async fn serve(app: &App, standing: &Standing, link: &mut Connection, first: &str) -> (End, String) {
    let (session, kept, rest, who) = match join(app, first).await {
        Ok(joined) => joined,
        Err(end) => return (end, "a worker".to_owned()),
    };
    let engines = cluster::attend(app).await;
    let mut served = Served { session, kept, engines, usual: 0 };
    tracing::info!("{who} is connected");
    let ended = async {
        let mut greeting = Frame::new();
        greeting.push(&FromServer::Welcome(Welcome {
            server: Server { version: env!("CARGO_PKG_VERSION").to_owned() },
            heartbeat_ms: millis(app.options.worker_heartbeat),
            grace_ms: millis(app.engine.worker_grace()),
            payload_bytes_max: app.engine.limits().payload_bytes_max,
        }));
        served.tell_engines(&mut greeting);
        link.send(greeting.into_text())?;
        let mut has_left = served.take(rest)?;
        let (mut closing, mut lost) = (pin!(app.closing()), pin!(app.access.lost(standing)));
        while !has_left {
            has_left = tokio::select! {
                left = served.exchange(link, closing.as_mut()) => left?,
                () = &mut lost => return Err(End::revoked()),
            };
        }
        Ok::<(), End>(())
    };
    match ended.await {
        Ok(()) => {
            served.session.leave().await;
            (End::Left, who)
        }
        Err(end) => (end, who),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The session, what it keeps, what else was in its first frame, and its name for people.
async fn join<'a>(app: &App, first: &'a str) -> Result<(Session, Kept, Vec<FromWorker<'a>>, String), End> {
    let mut messages = FromWorker::read(first)?;
    let expected =
        || End::Refused { code: "hello_expected", message: "the first message is `hello`, and this was another".to_owned() };
    let rest = messages.split_off(messages.len().min(1));
    let Some(FromWorker::Hello(Hello { session, holding, name, version, keeps })) = messages.pop() else {
        return Err(expected());
    };
    let who = name_of(&session, name.as_deref(), version.as_deref());
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !(16..=128).contains(&session.len()) || !session.bytes().all(is_valid) {
        let rule = "16 to 128 letters, digits, `_` and `-` were expected, made at random by the worker";
        return Err(End::invalid(format!("`session`: {rule}; `{}` was found", session.escape_debug())));
    }
    let session = SessionId::new(&session).map_err(|error| End::invalid(error.to_string()))?;
    let holding = holding.iter().map(|task| task_id(task)).collect::<Result<_, End>>()?;
    let refused = |error: workflow_engine::Error| End::Refused { code: error.code(), message: error.to_string() };
    match app.engine.join(Join { session, holding, name }).await {
        Ok(session) => Ok((session, Kept::new(keeps.unwrap_or_default()), rest, who)),
        Err(workflow_engine::Error::Closed) => Err(End::Closing),
        Err(error) => Err(refused(error)),
    }
}

/// For the log: short, and nothing in it that a terminal would obey.
fn name_of(session: &str, name: Option<&str>, version: Option<&str>) -> String {
    const CHARS_MAX: usize = 64;
    let short = |text: &str| text.chars().take(CHARS_MAX).collect::<String>().escape_debug().to_string();
    let session = short(session);
    match (name.map(short), version.map(short)) {
        (None, None) => format!("worker {session}"),
        (Some(one), None) | (None, Some(one)) => format!("worker {session} ({one})"),
        (Some(name), Some(version)) => format!("worker {session} ({name}, {version})"),
    }
}

/// Ends when a worker is to be told of other engines than before.
async fn changed(engines: &mut Option<Told>) {
    let ended = match engines {
        Some(told) => told.changed().await,
        None => return std::future::pending().await,
    };
    // Whoever would say so is the server itself.
    if ended.is_err() {
        *engines = None;
    }
}

/// A frame is expected to be as long as the one before, up to this.
const USUAL_BYTES_MAX: usize = 128 << 10;

/// A worker that is connected.
struct Served {
    session: Session,
    kept: Kept,
    /// None where there is only ever one.
    engines: Option<Told>,
    /// Bytes of the last frame that it was sent.
    usual: usize,
}

impl Served {
    /// One thing that happens on either side. True when the worker has left.
    async fn exchange(&mut self, link: &mut Connection, closing: impl Future<Output = ()>) -> Result<bool, End> {
        let is_idle = link.is_idle();
        tokio::select! {
            heard = link.next() => match heard? {
                Heard::Frame(text) => self.take(FromWorker::read(&text)?),
                Heard::Heartbeat => {
                    self.session.heard();
                    Ok(false)
                }
                Heard::Sent => Ok(false),
                Heard::Closed => Err(End::Gone),
            },
            event = self.session.next(), if is_idle => {
                let frame = self.told(event)?;
                self.usual = frame.len().min(USUAL_BYTES_MAX);
                link.send(frame)?;
                Ok(false)
            }
            () = changed(&mut self.engines), if is_idle && self.engines.is_some() => {
                let mut frame = Frame::new();
                self.tell_engines(&mut frame);
                link.send(frame.into_text())?;
                Ok(false)
            }
            () = closing => Err(End::Closing),
        }
    }

    /// Adds which engines there are, where that is known.
    fn tell_engines(&mut self, frame: &mut Frame) {
        let engines = self.engines.as_mut().and_then(|told| told.borrow_and_update().clone());
        if let Some(engines) = engines {
            frame.push(&FromServer::Engines(engines));
        }
    }

    /// What a worker says becomes calls of its session. True when it leaves.
    fn take(&mut self, messages: Vec<FromWorker<'_>>) -> Result<bool, End> {
        let mut results = Vec::with_capacity(messages.len());
        let taken = self.take_each(messages, &mut results);
        // Also those before a message that cannot be: each is whole.
        self.session.finished_all(results);
        taken
    }

    /// Results are collected, so that those of a frame are decided together.
    fn take_each(&mut self, messages: Vec<FromWorker<'_>>, results: &mut Vec<(TaskId, ActionResult)>) -> Result<bool, End> {
        for message in messages {
            match message {
                FromWorker::Completed { task, output } => {
                    let task = task_id(&task)?;
                    if let Some(output) = &output {
                        self.kept.give(task, output);
                    }
                    results.push((task, Ok(output)));
                }
                FromWorker::Failed { task, error, retry_after_ms } => {
                    let retry_after = retry_after_ms.map(Duration::from_millis);
                    results.push((task_id(&task)?, Err(ActionError { failure: error.bounded(), retry_after })));
                }
                FromWorker::Offer { actions, slots } => {
                    let actions = action_names(&actions)?;
                    // In the order in which they were said.
                    self.session.finished_all(results.drain(..));
                    self.session.offer(actions, slots);
                }
                FromWorker::Leave => return Ok(true),
                FromWorker::Hello(_) => return Err(End::invalid("`hello` is said once, as the first message of a connection")),
            }
        }
        Ok(false)
    }

    /// A frame of this event and of all others that are there now.
    fn told(&mut self, first: Option<SessionEvent>) -> Result<String, End> {
        let mut frame = Frame::with_capacity(self.usual);
        let mut next = Some(first.ok_or(End::Closing)?);
        let forgotten = self.kept.forget();
        if !forgotten.is_empty() {
            frame.push(&FromServer::Forget { tasks: forgotten.iter().map(|task| task.to_string().into()).collect() });
        }
        while let Some(event) = next {
            match event {
                SessionEvent::Task { id, task } => {
                    let handed = Handed::new(id, &task, &self.kept);
                    frame.expect(handed.bytes());
                    frame.push(&handed);
                }
                SessionEvent::Abort { id, reason } => {
                    self.kept.abort(id);
                    frame.push(&FromServer::Abort { task: id.to_string().into(), reason: reason.as_str().into() });
                }
                SessionEvent::Recorded { id } => {
                    frame.push(&FromServer::Recorded { task: id.to_string().into(), keep: self.kept.record(id) });
                }
                // What is in the frame the worker is told when it comes again.
                SessionEvent::Closing => return Err(End::Closing),
                SessionEvent::Replaced => {
                    let message = "another connection of the same session has taken the place of this one".to_owned();
                    return Err(End::Refused { code: "replaced", message });
                }
            }
            next = if frame.is_full() { None } else { self.session.try_next() };
        }
        Ok(frame.into_text())
    }
}

fn task_id(text: &str) -> Result<TaskId, End> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(100).collect();
        End::invalid(format!("`{}` is the id of no task; give back the one that came with the task", shown.escape_debug()))
    })
}

fn action_names(actions: &[Cow<'_, str>]) -> Result<Vec<ActionName>, End> {
    let checked = |name: &Cow<'_, str>| match ActionName::new(name) {
        Ok(action) if action.is_noop() => Err(End::invalid("`noop` is built in and cannot be provided")),
        Ok(action) => Ok(action),
        Err(error) => Err(End::invalid(error.to_string())),
    };
    actions.iter().map(checked).collect()
}

/// [`FromServer::Task`], written from what the engine has: payloads are copied once, into the frame.
struct Handed<'a> {
    id: TaskId,
    task: &'a Task,
    /// The tasks whose outputs the worker keeps, by the step that gave them.
    kept: BTreeMap<&'a StepId, String>,
}

impl<'a> Handed<'a> {
    fn new(id: TaskId, task: &'a Task, kept: &Kept) -> Handed<'a> {
        let find = |(step, output): &'a (StepId, Json)| Some((step, kept.find(task.execution, output)?.to_string()));
        Handed { id, task, kept: task.outputs().iter().filter_map(find).collect() }
    }

    /// Of the outputs that it holds.
    fn bytes(&self) -> usize {
        let held = self.task.outputs().iter().filter(|(step, _)| !self.kept.contains_key(step));
        held.map(|(_, output)| output.len()).sum()
    }
}

impl Serialize for Handed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Handed { id, task, kept } = self;
        let mut message = serializer.serialize_struct("Task", 8)?;
        message.serialize_field("type", "task")?;
        message.serialize_field("task", &format_args!("{id}"))?;
        message.serialize_field("action", task.action.as_str())?;
        message.serialize_field("params", &task.params())?;
        message.serialize_field("state", &task.as_state_without(&|step, _| kept.contains_key(step)))?;
        message.serialize_field("context", &task.context())?;
        if !kept.is_empty() {
            message.serialize_field("kept", kept)?;
        }
        if let Some(timeout) = task.timeout {
            message.serialize_field("timeoutMs", &timeout.get())?;
        }
        message.end()
    }
}
