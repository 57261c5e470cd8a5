//! The engine as a Rust program sees it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use workflow_core::id::{ActionName, Caller, EventName, ExecutionId, IdempotencyKey, InvalidName};
use workflow_core::json::Json;
use workflow_engine::clock::SystemClock;
use workflow_engine::{EventAnswer, EventRequest, HistoryEntry, ListRequest, Options, Page, Registered, StartRequest, Watch};
use workflow_server::Options as ServerOptions;
use workflow_store::{Keys, Location};

use crate::action::{self, ActionError, Context};
use crate::{Error, Execution, Status};

/// Attempts of one action that run at the same time, unless told otherwise.
const CONCURRENCY: usize = 256;
/// What runs gets this long to end when the engine is closed.
const CLOSE_GRACE: Duration = Duration::from_secs(10);

/// A running engine in this process. Cloning it is cheap, and all clones are the same engine.
#[derive(Debug, Clone)]
pub struct Engine {
    engine: workflow_engine::Engine,
    /// Servers of this engine stop when it turns true.
    closing: Arc<watch::Sender<bool>>,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Builder {
    store: Location,
    keys: Keys,
    options: Options,
    actions: Vec<(String, usize, workflow_engine::Handler)>,
}

impl Engine {
    pub fn builder() -> Builder {
        let options = Options { require_actions: true, ..Options::default() };
        Builder { store: Location::parse("workflow.db"), keys: Keys::default(), options, actions: Vec::new() }
    }

    /// The same engine, for what it does on behalf of somebody: what is started or moved with it says so in the history, as `by`. 1
    /// to 128 bytes without control characters.
    pub fn by(&self, caller: &str) -> Result<Engine, Error> {
        let caller = Caller::new(caller).map_err(invalid)?;
        Ok(Engine { engine: self.engine.by(caller), closing: self.closing.clone() })
    }

    /// Registers a definition: a [`Workflow`](crate::Workflow), `json!({...})`, or anything that serializes to one. The same
    /// definition again changes nothing; another one gets the next version, and running executions keep theirs.
    pub async fn register(&self, definition: impl Serialize) -> Result<Registered, Error> {
        let source = json(&definition)?;
        Ok(self.engine.register(source).await?)
    }

    /// Starts an execution. Once this has answered, it is on disk and will run to its end.
    pub async fn start(&self, workflow: &str, input: impl Serialize) -> Result<Execution, Error> {
        self.start_with(workflow, input, None).await
    }

    /// Starts an execution at most once: the same key gives the same execution, whatever crashed in between.
    pub async fn start_once(&self, workflow: &str, input: impl Serialize, key: &str) -> Result<Execution, Error> {
        let key = IdempotencyKey::new(key).map_err(invalid)?;
        self.start_with(workflow, input, Some(key)).await
    }

    async fn start_with(&self, workflow: &str, input: impl Serialize, key: Option<IdempotencyKey>) -> Result<Execution, Error> {
        let input = Some(json(&input)?);
        let request = StartRequest { workflow: workflow.to_owned(), input, key };
        Ok(self.engine.start(request).await?.execution)
    }

    /// Starts an execution and waits until it has ended, without reading anything back; [`Engine::status`] gives the rest.
    pub async fn run(&self, workflow: &str, input: impl Serialize) -> Result<(ExecutionId, Status), Error> {
        let request = StartRequest { workflow: workflow.to_owned(), input: Some(json(&input)?), key: None };
        Ok(self.engine.run(request).await?)
    }

    /// None when there is no such execution.
    pub async fn status(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        Ok(self.engine.status(id).await?)
    }

    /// The execution once it has ended.
    pub async fn wait(&self, id: ExecutionId) -> Result<Execution, Error> {
        Ok(self.engine.wait(id, None).await?)
    }

    pub async fn pause(&self, id: ExecutionId) -> Result<Execution, Error> {
        Ok(self.engine.pause(id, None).await?)
    }

    pub async fn resume(&self, id: ExecutionId) -> Result<Execution, Error> {
        Ok(self.engine.resume(id, None).await?)
    }

    pub async fn cancel(&self, id: ExecutionId) -> Result<Execution, Error> {
        Ok(self.engine.cancel(id, None).await?)
    }

    /// Deletes an execution that has ended, for good: its history, its payloads and its idempotency key.
    pub async fn delete_execution(&self, id: ExecutionId) -> Result<(), Error> {
        Ok(self.inner().delete_execution(id).await?)
    }

    /// A failed execution goes on from the step that failed; what has completed is kept.
    pub async fn retry(&self, id: ExecutionId) -> Result<Execution, Error> {
        Ok(self.engine.retry(id, None).await?)
    }

    /// A new execution with the same input, on the newest version.
    pub async fn replay(&self, id: ExecutionId) -> Result<Execution, Error> {
        Ok(self.engine.replay(id, None, None).await?.execution)
    }

    /// A step that waits for its retry delay is tried at once.
    pub async fn run_now(&self, id: ExecutionId, step: &str) -> Result<Execution, Error> {
        Ok(self.engine.run_now(id, step, None).await?)
    }

    /// The whole history, oldest first.
    pub async fn history(&self, id: ExecutionId) -> Result<Vec<HistoryEntry>, Error> {
        let (mut entries, mut after) = (Vec::new(), 0);
        loop {
            let page = self.engine.history(id, after, None).await?;
            entries.extend(page.entries);
            match page.next {
                Some(next) => after = next,
                None => return Ok(entries),
            }
        }
    }

    /// Every entry of the history as it becomes durable, those after `seq` `after` first, until the execution has ended.
    pub async fn watch(&self, id: ExecutionId, after: u64) -> Result<Watch, Error> {
        Ok(self.engine.watch(id, after).await?)
    }

    /// One page of executions, newest first.
    pub async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        Ok(self.engine.list(request).await?)
    }

    /// Starts an execution of every definition with a matching trigger, in one commit.
    pub async fn handle_event(&self, event: &str, data: impl Serialize) -> Result<EventAnswer, Error> {
        let event = EventName::new(event).map_err(invalid)?;
        let data = json(&data)?;
        Ok(self.engine.event(EventRequest { event, data, id: None, source: None }).await?)
    }

    /// Serves the HTTP API of this engine until it is closed, and answers with the address it listens on; port 0 is any free
    /// one. From then on an action that is missing is waited for, not refused.
    ///
    /// Other machines are let in only where somebody needs a token: see [`Engine::serve_with`].
    pub async fn serve(&self, address: &str) -> Result<std::net::SocketAddr, Error> {
        self.serve_with(address, ServerOptions::default()).await
    }

    /// The same with options: [TLS](ServerOptions::tls), an admin's token, names under which it may be called, limits. Tokens that the
    /// store has count too (`workflow_engine::Engine::create_token`, `workflow token create`).
    pub async fn serve_with(&self, address: &str, options: ServerOptions) -> Result<std::net::SocketAddr, Error> {
        let failed = |error| Error::Serve { address: address.to_owned(), error };
        let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        workflow_server::may_listen(local.ip(), &options, &self.engine.tokens().borrow())
            .map_err(|unguarded| failed(std::io::Error::new(std::io::ErrorKind::PermissionDenied, unguarded)))?;
        self.engine.expect_workers();
        let (engine, mut closing) = (self.engine.clone(), self.closing.subscribe());
        tokio::spawn(async move {
            let closed = async move {
                // An engine that was dropped without being closed is closed too.
                let _ = closing.wait_for(|closing| *closing).await;
            };
            workflow_server::serve(engine, listener, options, closed).await
        });
        Ok(local)
    }

    /// Starts nothing any more, gives what runs ten seconds to end, interrupts the rest (it runs again when the store is opened
    /// again), and closes the store.
    pub async fn close(&self) -> Result<(), Error> {
        self.closing.send_replace(true);
        Ok(self.engine.shutdown(CLOSE_GRACE).await?)
    }

    /// The engine below, with idempotency keys for every call, endpoints and counts.
    pub fn inner(&self) -> &workflow_engine::Engine {
        &self.engine
    }
}

impl Builder {
    /// The SQLite file; it is made when it is not there. One process owns it at a time. `workflow.db` unless told otherwise. With the
    /// feature `postgres` also an address, `postgres://USER:PASSWORD@HOST/DATABASE`: then [`open`](Builder::open) waits for some
    /// seconds until an engine that has died has lost its lease.
    #[must_use]
    pub fn store(mut self, path: impl Into<PathBuf>) -> Builder {
        self.store = Location::parse(path.into());
        self
    }

    /// Encrypts inputs, outputs, events and error messages in the file: `Keys::parse("2026:base64...")`, from wherever the program keeps
    /// its secrets. The first key is written with, all are read with. A file that was written with a key opens only with it.
    #[must_use]
    pub fn encryption_keys(mut self, keys: Keys) -> Builder {
        self.keys = keys;
        self
    }

    /// Keeps everything in memory: for tests.
    #[must_use]
    pub fn in_memory(mut self) -> Builder {
        self.store = Location::Memory;
        self
    }

    #[must_use]
    pub fn options(mut self, options: Options) -> Builder {
        self.options = options;
        self
    }

    /// Runs an action in this process: an async closure or function of its params (input and the step's own params together)
    /// and its [`Context`]. At most 256 attempts of it run at the same time.
    #[must_use]
    pub fn action<P, R, F, A>(self, name: impl Into<String>, action: A) -> Builder
    where
        P: DeserializeOwned + Send + 'static,
        R: Serialize + 'static,
        F: Future<Output = Result<R, ActionError>> + Send + 'static,
        A: Fn(P, Context) -> F + Send + Sync + 'static,
    {
        self.action_with_limit(name, CONCURRENCY, action)
    }

    /// An action of which at most `limit` attempts run at the same time.
    #[must_use]
    pub fn action_with_limit<P, R, F, A>(mut self, name: impl Into<String>, limit: usize, action: A) -> Builder
    where
        P: DeserializeOwned + Send + 'static,
        R: Serialize + 'static,
        F: Future<Output = Result<R, ActionError>> + Send + 'static,
        A: Fn(P, Context) -> F + Send + Sync + 'static,
    {
        let action = action::typed(action);
        let handler = workflow_engine::Handler::new(move |task, signal| action(Context::new(task, signal)));
        self.actions.push((name.into(), limit, handler));
        self
    }

    /// Opens the store and goes on where it left off. Must be called on a tokio runtime.
    pub async fn open(self) -> Result<Engine, Error> {
        let mut actions = Vec::new();
        for (name, limit, handler) in self.actions {
            actions.push((ActionName::new(&name).map_err(invalid)?, limit, handler));
        }
        let (location, keys) = (self.store, self.keys);
        let opened = tokio::task::spawn_blocking(move || location.open(keys));
        let store = opened.await.map_err(|error| Error::Invalid(format!("opening the store panicked: {error}")))??;
        let engine = workflow_engine::Engine::open_on(store, self.options, Arc::new(SystemClock::default())).await?;
        for (name, limit, handler) in actions {
            engine.provide(name, limit, handler);
        }
        Ok(Engine { engine, closing: Arc::new(watch::Sender::new(false)) })
    }
}

fn json(value: &impl Serialize) -> Result<Json, Error> {
    Json::from_serialize(value).map_err(|error| Error::Invalid(error.to_string()))
}

fn invalid(error: InvalidName) -> Error {
    Error::Invalid(error.to_string())
}
