//! Where requests go and whose attempts are run: an engine in this process, or a server elsewhere.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http;
use serde::Deserialize;
use tower::ServiceExt;
use workflow_core::limits::Limits;
use workflow_engine::clock::Clock;
use workflow_engine::{ActionResult, Retention, TaskId};
use workflow_server::Answer;
use workflow_store::Keys;

use crate::embedded::Embedded;
use crate::message::Request;
use crate::outbox::Outbox;
use crate::remote::Remote;
use crate::tasks::Tasks;

/// What a bridge is opened with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    pub place: Place,
    /// Attempts at the same time, of all actions together.
    pub concurrency: usize,
    /// Of an engine in this process; a server has its own.
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub keep: Keep,
    /// Where a server asks for one.
    #[serde(default)]
    pub token: Option<String>,
    /// Of an engine in this process: what its file is encrypted with.
    #[serde(default)]
    pub encryption_keys: Option<Secret>,
    /// For people.
    #[serde(default)]
    pub name: Option<String>,
    /// Of a server elsewhere: roots to trust besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How long executions are kept once they have ended, as durations.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    completed: Option<String>,
    failed: Option<String>,
    cancelled: Option<String>,
}

impl Keep {
    fn retention(&self) -> Result<Retention, Broken> {
        let duration = |name: &str, text: &Option<String>| {
            let parsed = text.as_deref().map(workflow_core::duration::parse).transpose();
            let wrong = |error| Broken { code: "invalid_request", message: format!("`keep.{name}`: {error}") };
            parsed.map(|span| span.map(workflow_core::time::Millis::to_std)).map_err(wrong)
        };
        Ok(Retention {
            completed: duration("completed", &self.completed)?,
            failed: duration("failed", &self.failed)?,
            cancelled: duration("cancelled", &self.cancelled)?,
        })
    }
}

/// Without the token.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("place", &self.place).field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// A file, or `:memory:`.
    Store(String),
    /// The address of a server.
    Url(String),
}

/// A text that is shown nowhere.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Why there is no engine, or no answer of it.
#[derive(Debug)]
pub struct Broken {
    pub code: &'static str,
    pub message: String,
}

impl From<workflow_engine::Error> for Broken {
    fn from(error: workflow_engine::Error) -> Broken {
        Broken { code: error.code(), message: error.to_string() }
    }
}

#[derive(Debug)]
pub enum Home {
    Embedded(Arc<Embedded>),
    Remote(Remote),
}

impl Home {
    pub async fn open(
        options: Options,
        clock: Option<Arc<dyn Clock>>,
        tasks: Arc<Tasks>,
        outbox: Arc<Outbox>,
    ) -> Result<Home, Broken> {
        let Options { place, concurrency, limits, keep, token, ca_file, encryption_keys, name } = options;
        Ok(match place {
            Place::Store(store) => {
                let keys = encryption_keys.map(|keys| Keys::parse(&keys.0)).transpose();
                let keys =
                    keys.map_err(|error| Broken { code: "invalid_request", message: error.to_string() })?.unwrap_or_default();
                let place = crate::embedded::Place { store, keys };
                let embedded = Embedded::open(place, concurrency, limits, keep.retention()?, clock, tasks.handler()).await?;
                Home::Embedded(Arc::new(embedded))
            }
            Place::Url(url) => Home::Remote(Remote::open(&url, token, ca_file, name, concurrency, tasks, outbox)?),
        })
    }

    /// Actions of bindings that stored definitions name, as far as they are known here.
    pub fn wanted(&self) -> Vec<String> {
        match self {
            Home::Embedded(embedded) => embedded.wanted(),
            Home::Remote(_) => Vec::new(),
        }
    }

    /// What is no name of an action is wanted by no definition.
    pub fn provide(&self, actions: &[String]) {
        match self {
            Home::Embedded(embedded) => embedded.provide(actions),
            Home::Remote(remote) => remote.provide(actions),
        }
    }

    /// Attempts begin.
    pub fn work(&self) {
        match self {
            Home::Embedded(embedded) => embedded.work(),
            Home::Remote(remote) => remote.work(),
        }
    }

    /// What came of attempts.
    pub fn finished(&self, results: Vec<(TaskId, ActionResult)>) {
        match self {
            Home::Embedded(embedded) => embedded.finished(results),
            Home::Remote(_) => debug_assert!(results.is_empty(), "attempts of a server are told to its worker"),
        }
    }

    /// What gives the answer to a request.
    pub fn answer(&self, request: &Request<'_>) -> Result<Answering, Broken> {
        // Boxed here: what awaits it is moved several times until it runs, and this is large.
        Ok(match self {
            Home::Embedded(embedded) => match embedded.call(request) {
                Some((direct, call)) => Box::pin(async move { Ok(Answered::Direct(direct.answer(call).await)) }),
                None => {
                    let (router, request) = embedded.answer(request)?;
                    Box::pin(async move { router.oneshot(request).await.map(Answered::Response).map_err(|never| match never {}) })
                }
            },
            Home::Remote(remote) => {
                let sending = remote.answer(request)?;
                Box::pin(async move { sending.answer().await.map(Answered::Response) })
            }
        })
    }

    pub async fn close(&self, grace: Duration) {
        match self {
            Home::Embedded(embedded) => embedded.close(grace).await,
            Home::Remote(remote) => remote.close().await,
        }
    }

    /// Stops at once, as if the process had ended.
    pub fn abandon(&self) -> impl Future<Output = ()> + Send + use<> {
        let embedded = match self {
            Home::Embedded(embedded) => Some(embedded.clone()),
            Home::Remote(remote) => {
                remote.abandon();
                None
            }
        };
        async move {
            if let Some(embedded) = embedded {
                embedded.abandon().await;
            }
        }
    }
}

/// A request on its way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Answered, Broken>> + Send>>;

/// An answer, as whoever gave it has it.
pub enum Answered {
    Direct(Answer),
    Response(http::Response<Body>),
}
