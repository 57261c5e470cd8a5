//! Where requests go and whose attempts are run: an engine in this process, or a server elsewhere.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http;
use serde::Deserialize;
use tower::ServiceExt;
use workflow_core::limits::Limits;
use workflow_engine::clock::Clock;

use crate::embedded::Embedded;
use crate::message::Request;
use crate::outbox::Outbox;
use crate::remote::Remote;
use crate::tasks::Tasks;

/// What a bridge is opened with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    pub place: Place,
    /// Attempts at the same time, of all actions together.
    pub concurrency: usize,
    /// Of an engine in this process; a server has its own.
    #[serde(default)]
    pub limits: Limits,
    /// For people.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// A file, or `:memory:`.
    Store(String),
    /// The address of a server.
    Url(String),
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
        let Options { place, concurrency, limits, name } = options;
        Ok(match place {
            Place::Store(store) => {
                let embedded = Embedded::open(store, concurrency, limits, clock, tasks.handler()).await?;
                Home::Embedded(Arc::new(embedded))
            }
            Place::Url(url) => Home::Remote(Remote::open(&url, name, concurrency, tasks, outbox)?),
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

    /// What gives the answer to a request.
    pub fn answer(&self, request: &Request<'_>) -> Result<Answering, Broken> {
        Ok(match self {
            Home::Embedded(embedded) => Answering::Embedded(Box::new(embedded.answer(request)?)),
            Home::Remote(remote) => Answering::Remote(Box::new(remote.answer(request)?)),
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
pub enum Answering {
    Embedded(Box<(axum::Router, http::Request<Body>)>),
    Remote(Box<crate::remote::Sending>),
}

impl Answering {
    pub async fn answer(self) -> Result<http::Response<Body>, Broken> {
        match self {
            Answering::Embedded(asked) => {
                let (router, request) = *asked;
                router.oneshot(request).await.map_err(|never| match never {})
            }
            Answering::Remote(sending) => sending.answer().await,
        }
    }
}
