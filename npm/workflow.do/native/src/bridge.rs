//! What JavaScript holds: texts in, texts out.

use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Error, Function, Result};
use napi_derive::napi;
use tokio::runtime::Runtime;
use workflow_engine::ActionResult;

use crate::clock::Clock;
use crate::embedded::Embedded;
use crate::home::{Answered, Broken, Home, Options};
use crate::message::{Delivery, Message, Request, RequestId, Serve, TaskId};
use crate::outbox::{Outbox, Parcel};
use crate::requests::{Pending, Requests};
use crate::tasks::{self, Tasks};

/// The threads of everything here that waits: JavaScript's own thread never does.
static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("workflow-do").enable_all().build()
});

/// One engine and its way to JavaScript.
#[napi]
#[derive(Debug)]
pub struct Bridge {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    runtime: &'static Runtime,
    outbox: Arc<Outbox>,
    tasks: Arc<Tasks>,
    requests: Arc<Requests>,
    home: OnceLock<Home>,
}

#[napi]
impl Bridge {
    /// Begins to open the engine; the first message says whether that worked. `deliver` is called with the text of an array
    /// of messages and the bytes and long texts that they refer to, must not throw, and is called for the last time with `closed` or `broken`.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        options: String,
        clock: Option<ClassInstance<'_, Clock>>,
        deliver: Function<'_, Parcel, ()>,
    ) -> Result<Bridge> {
        let options: Options = serde_json::from_str(&options).map_err(|error| Error::from_reason(error.to_string()))?;
        let runtime = RUNTIME.as_ref().map_err(|error| Error::from_reason(format!("no thread could be started: {error}")))?;
        let outbox = Outbox::new(&deliver)?;
        let (tasks, requests) = (Tasks::new(outbox.clone()), Requests::new(outbox.clone()));
        let inner = Arc::new(Inner { runtime, outbox, tasks, requests, home: OnceLock::new() });
        // A thread of Node (a Worker) that ends takes its engine with it, as the end of the process would.
        env.add_env_cleanup_hook(Arc::downgrade(&inner), |inner: Weak<Inner>| {
            if let Some(inner) = inner.upgrade() {
                inner.abandon();
            }
        })?;
        let clock = clock.map(|clock| clock.share());
        let opening = inner.clone();
        runtime.spawn(async move { opening.open(options, clock).await });
        Ok(Bridge { inner })
    }

    /// Takes the text of an array of messages, and the long outputs that they refer to.
    #[napi(catch_unwind)]
    pub fn send(&self, messages: String, mut beside: Vec<String>) -> Result<()> {
        let messages: Vec<Message<'_>> =
            serde_json::from_str(&messages).map_err(|error| Error::from_reason(format!("not what was expected: {error}")))?;
        let _entered = self.inner.runtime.enter();
        // Before it is open JavaScript sends nothing.
        let Some(home) = self.inner.home.get() else { return Ok(()) };
        let mut results = Vec::new();
        for message in messages {
            self.inner.take(home, message, &mut beside, &mut results);
        }
        home.finished(self.inner.tasks.ended(results));
        Ok(())
    }
}

impl Inner {
    async fn open(&self, options: Options, clock: Option<Arc<dyn workflow_engine::clock::Clock>>) {
        match Home::open(options, clock, self.tasks.clone(), self.outbox.clone()).await {
            Ok(home) => {
                let actions = home.wanted();
                self.home.set(home).expect("a bridge is opened once");
                self.outbox.push(&Delivery::Opened { actions });
            }
            Err(Broken { code, message }) => {
                self.outbox.push(&Delivery::Broken { code, message });
                self.outbox.close();
            }
        }
    }

    /// What came of attempts is told together, at the end: `results`.
    fn take(
        self: &Arc<Inner>,
        home: &Home,
        message: Message<'_>,
        beside: &mut [String],
        results: &mut Vec<(TaskId, ActionResult)>,
    ) {
        match message {
            Message::Request(request) => self.request(home, request),
            Message::Cancel(id) => self.requests.cancel(id),
            Message::More(id) => self.requests.more(id),
            Message::Provide(actions) => home.provide(&actions),
            Message::Work {} => home.work(),
            Message::Completed(completed) => results.push((completed.task, tasks::completed(&completed, beside))),
            Message::Failed(failed) => results.push((failed.task, tasks::failed(failed))),
            Message::Serve(serve) => self.serve(home, serve),
            Message::StopServing { id, port } => self.with_engine(home, id, async move |engine, pending| {
                engine.stop_serving(port).await;
                pending.value(&());
            }),
            Message::Quiet(id) => self.with_engine(home, id, async move |engine, pending| {
                if engine.quiet().await.is_ok() {
                    pending.value(&());
                }
            }),
            Message::Close { grace } => {
                let inner = self.clone();
                tokio::spawn(async move { inner.close(Duration::from_millis(grace)).await });
            }
            Message::Abandon {} => {
                let (inner, abandoned) = (self.clone(), home.abandon());
                tokio::spawn(async move {
                    abandoned.await;
                    inner.over();
                });
            }
        }
    }

    fn request(&self, home: &Home, request: Request<'_>) {
        let (id, pending) = (request.id, self.requests.pending(request.id, request.execution));
        let room = request.stream.then(Requests::room);
        let answering = match home.answer(&request) {
            Ok(answering) => answering,
            Err(Broken { code, message }) => return pending.fail(400, code, &message),
        };
        let streamed = room.clone();
        self.requests.run(id, room, async move {
            match answering.await {
                Ok(Answered::Direct(answer)) => pending.direct(answer),
                Ok(Answered::Response(response)) => pending.answer(response, streamed).await,
                Err(Broken { code, message }) => pending.fail(503, code, &message),
            }
        });
    }

    fn serve(&self, home: &Home, serve: Serve) {
        let Serve { id, host, port, admin_token, insecure } = serve;
        self.with_engine(home, id, async move |engine, pending| match engine.serve(&host, port, admin_token, insecure).await {
            Ok(address) => pending.value(&serde_json::json!({ "url": format!("http://{address}"), "port": address.port() })),
            Err(error) => {
                let status = if error.kind() == std::io::ErrorKind::InvalidInput { 400 } else { 503 };
                pending.fail(status, "cannot_serve", &format!("cannot serve on {host}:{port}: {error}"));
            }
        });
    }

    /// What can only be asked of an engine in this process.
    fn with_engine<F>(&self, home: &Home, id: RequestId, ask: impl FnOnce(Arc<Embedded>, Pending) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let pending = self.requests.pending(id, false);
        match home {
            Home::Embedded(engine) => self.requests.run(id, None, ask(engine.clone(), pending)),
            Home::Remote(_) => pending.fail(422, "not_supported", "the engine is not in this process but behind `url`"),
        }
    }

    async fn close(&self, grace: Duration) {
        if let Some(home) = self.home.get() {
            home.close(grace).await;
        }
        self.over();
    }

    fn over(&self) {
        self.requests.cancel_all();
        self.outbox.push(&Delivery::Closed {});
        self.outbox.close();
    }

    fn abandon(&self) {
        self.requests.cancel_all();
        if let Some(home) = self.home.get() {
            self.runtime.spawn(home.abandon());
        }
        self.outbox.close();
    }
}
