//! The engine as its callers see it.

use std::time::Duration;

use workflow_core::id::{ActionName, EndpointName, ExecutionId, IdempotencyKey, Version};
use workflow_core::json::Json;
use workflow_store::Store;

use crate::request::{
    Count, DefinitionView, EndpointRequest, EndpointView, EventAnswer, EventRequest, HistoryPage, ListRequest, Page, Registered,
    StartAnswer, StartRequest,
};
use crate::{Error, ExecutionView, Handler, HistoryEntry, Options};

/// A running engine. Cloning it is cheap, and all clones are the same engine.
///
/// Every call answers when what it did is durable, and not before.
#[derive(Debug, Clone)]
pub struct Engine {}

impl Engine {
    /// Opens the engine on a store: what was in flight is interrupted and runs again, what fell due fires. Must be called on a
    /// tokio runtime: in-process actions and calls to endpoints run on it.
    pub async fn open(store: impl Store, options: Options) -> Result<Engine, Error> {
        let _ = (store, options);
        Ok(Engine {})
    }

    /// Registers a definition: all of its problems at once, or the version it got.
    pub async fn register(&self, source: Json) -> Result<Registered, Error> {
        let _ = source;
        Err(Error::Closed)
    }

    /// The newest version, or the given one. None when there is none, or (without a version) when it was deleted.
    pub async fn definition(&self, workflow: &str, version: Option<Version>) -> Result<Option<DefinitionView>, Error> {
        let _ = (workflow, version);
        Err(Error::Closed)
    }

    /// The newest versions of all that are not deleted, by id.
    pub async fn definitions(&self) -> Result<Vec<DefinitionView>, Error> {
        Err(Error::Closed)
    }

    /// Whether it existed. Executions go on, on the version they are pinned to.
    pub async fn delete_definition(&self, workflow: &str) -> Result<bool, Error> {
        let _ = workflow;
        Err(Error::Closed)
    }

    pub async fn start(&self, request: StartRequest) -> Result<StartAnswer, Error> {
        let _ = request;
        Err(Error::Closed)
    }

    /// A new execution with the same input, or the one given, on the newest version.
    pub async fn replay(&self, id: ExecutionId, input: Option<Json>, key: Option<IdempotencyKey>) -> Result<StartAnswer, Error> {
        let _ = (id, input, key);
        Err(Error::Closed)
    }

    /// None when there is no such execution. At most the newest 1,000 entries of its history.
    pub async fn status(&self, id: ExecutionId) -> Result<Option<ExecutionView>, Error> {
        let _ = id;
        Err(Error::Closed)
    }

    /// Entries with `seq` above `after`, at most `limit` (none: 1,000), fewer when the page passes 4 MiB.
    pub async fn history(&self, id: ExecutionId, after: u64, limit: Option<usize>) -> Result<HistoryPage, Error> {
        let _ = (id, after, limit);
        Err(Error::Closed)
    }

    pub async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let _ = request;
        Err(Error::Closed)
    }

    pub async fn counts(&self) -> Result<Vec<Count>, Error> {
        Err(Error::Closed)
    }

    pub async fn pause(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        let _ = (id, key);
        Err(Error::Closed)
    }

    pub async fn resume(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        let _ = (id, key);
        Err(Error::Closed)
    }

    pub async fn cancel(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        let _ = (id, key);
        Err(Error::Closed)
    }

    pub async fn retry(&self, id: ExecutionId, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        let _ = (id, key);
        Err(Error::Closed)
    }

    /// Does not wait for the retry delay of a step.
    pub async fn run_now(&self, id: ExecutionId, step: &str, key: Option<IdempotencyKey>) -> Result<ExecutionView, Error> {
        let _ = (id, step, key);
        Err(Error::Closed)
    }

    /// Starts one execution of every definition with a matching trigger, in one commit.
    pub async fn event(&self, request: EventRequest) -> Result<EventAnswer, Error> {
        let _ = request;
        Err(Error::Closed)
    }

    /// The execution once it has ended, or as it is when `timeout` runs out.
    pub async fn wait(&self, id: ExecutionId, timeout: Option<Duration>) -> Result<ExecutionView, Error> {
        let _ = (id, timeout);
        Err(Error::Closed)
    }

    /// Every durable entry after `after`, as it comes, without gaps, until the execution has ended.
    pub async fn watch(&self, id: ExecutionId, after: u64) -> Result<Watch, Error> {
        let _ = (id, after);
        Err(Error::Closed)
    }

    /// Runs an action in this process, at most `limit` at the same time. An action that was given before is replaced.
    pub fn provide(&self, action: ActionName, limit: usize, handler: Handler) {
        let _ = (action, limit, handler);
    }

    pub async fn put_endpoint(&self, request: EndpointRequest) -> Result<EndpointView, Error> {
        let _ = request;
        Err(Error::Closed)
    }

    /// By name.
    pub async fn endpoints(&self) -> Result<Vec<EndpointView>, Error> {
        Err(Error::Closed)
    }

    /// Whether it existed.
    pub async fn remove_endpoint(&self, name: &EndpointName) -> Result<bool, Error> {
        let _ = name;
        Err(Error::Closed)
    }

    /// Workers may come from outside: a missing action is no error any more (see [`Options::require_actions`]).
    pub fn expect_workers(&self) {}

    /// Whether the store can be written and the engine is not shutting down: `/readyz`.
    pub fn is_ready(&self) -> bool {
        false
    }

    /// Starts nothing any more, waits for what runs for at most `grace`, interrupts the rest, commits, and closes the store.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), Error> {
        let _ = grace;
        Ok(())
    }
}

/// The entries of one execution as they become durable.
#[derive(Debug)]
pub struct Watch {}

impl Watch {
    /// The next entry; none once the execution has ended and every entry was given.
    pub async fn next(&mut self) -> Option<Result<HistoryEntry, Error>> {
        None
    }
}
