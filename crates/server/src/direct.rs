//! The calls that a process makes most often of an engine of its own: the same paths with the same answers as over the router,
//! without a request, its headers and its layers around them.
//!
//! What is *not* here: what a call does and what is wrong with one, which the routes' own functions say; and whatever is there to
//! keep strangers out, since whoever calls is in the process.

use axum::http::HeaderValue;
use workflow_core::id::IdempotencyKey;
use workflow_engine::ExecutionView;

use crate::access::Standing;
use crate::app::App;
use crate::body::{self, FromBody};
use crate::caller::OnBehalf;
use crate::parameters;
use crate::problem::Problem;
use crate::routes::executions::{self, WaitQuery};
use crate::routes::workflows::{self, StartBody, StartQuery};
use crate::{admission, reply};

/// Answers [`Call`]s. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Direct {
    pub(crate) app: App,
}

/// One that is answered here.
#[derive(Debug)]
pub struct Call {
    route: Route,
    query: String,
}

#[derive(Debug)]
enum Route {
    Start { workflow: String, key: Option<String>, body: String },
    Execution { id: String },
}

/// As HTTP would say it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Seconds.
    pub retry_after: Option<u64>,
    pub body: Body,
}

/// What an answer says.
#[derive(Debug)]
pub enum Body {
    /// JSON text.
    Text(String),
    /// Written as JSON by whoever wants that: in this process one may look at it as it is.
    Execution(Box<ExecutionView>),
}

impl Body {
    pub fn into_text(self) -> String {
        match self {
            Body::Text(text) => text,
            Body::Execution(execution) => reply::text(&execution),
        }
    }
}

impl Call {
    /// None of what the router has to answer. `body` is JSON, or empty.
    pub fn new(method: &str, path: &str, key: Option<&str>, body: &str) -> Option<Call> {
        // What could not be a header over HTTP either is refused there.
        if key.is_some_and(|key| HeaderValue::from_bytes(key.as_bytes()).is_err()) {
            return None;
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let route = match (method, path.strip_prefix("/api/v1/")?.split_once('/')?) {
            ("POST", ("workflows", rest)) => {
                let workflow = plain(rest.strip_suffix("/executions")?)?;
                Route::Start { workflow, key: key.map(str::to_owned), body: body.to_owned() }
            }
            ("GET", ("executions", id)) => Route::Execution { id: plain(id).filter(|id| id.starts_with("exec_"))? },
            _ => return None,
        };
        Some(Call { route, query: query.to_owned() })
    }
}

/// A segment of a path, when it stands for itself.
fn plain(segment: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!segment.is_empty() && segment.bytes().all(is_plain)).then(|| segment.to_owned())
}

impl Direct {
    pub async fn answer(&self, call: Call) -> Answer {
        let Call { route, query } = call;
        let (waits, changes) = (admission::waits(&query), matches!(route, Route::Start { .. }));
        let answering = async {
            match route {
                Route::Start { workflow, key, body } => self.start(workflow, &query, key.as_deref(), &body).await,
                Route::Execution { id } => {
                    let WaitQuery(wait) = parameters::query(&query)?;
                    let execution =
                        executions::find(&self.app, parameters::execution_id(&id)?, wait, &Standing::InProcess).await?;
                    Ok((200, execution))
                }
            }
        };
        let answered = admission::in_time(&self.app, waits, changes, answering).await.unwrap_or_else(Err);
        match answered {
            Ok((status, execution)) => Answer { status, retry_after: None, body: Body::Execution(Box::new(execution)) },
            Err(problem) => Answer {
                status: problem.kind.status.as_u16(),
                retry_after: problem.retry_after_seconds(),
                body: Body::Text(problem.into_text()),
            },
        }
    }

    async fn start(&self, workflow: String, query: &str, key: Option<&str>, body: &str) -> Result<(u16, ExecutionView), Problem> {
        let query: StartQuery = parameters::query(query)?;
        let key = key.map(IdempotencyKey::new).transpose();
        let key = key.map_err(|error| parameters::wrong_header("idempotency-key", &error))?;
        let body: StartBody = match StartBody::absent() {
            Some(absent) if body.is_empty() => absent,
            _ => body::parse_bounded(body.as_bytes(), &self.app)?,
        };
        let engine = OnBehalf(self.app.engine.clone());
        let answer = workflows::begin(&self.app, engine, workflow, query, key, body, &Standing::InProcess).await?;
        Ok((reply::started_status(&answer).as_u16(), answer.execution))
    }
}
