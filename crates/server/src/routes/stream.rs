//! The history of an execution as it happens, as server-sent events.

use std::convert::Infallible;
use std::pin::Pin;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use workflow_core::id::ExecutionId;
use workflow_core::time::Timestamp;
use workflow_engine::{HistoryEntry, Payloads, Watch, leave_out_payloads};

use crate::access::Standing;
use crate::app::App;
use crate::parameters::{ExecutionPath, FromQuery, Pairs, Query, header_text, wrong_header};
use crate::problem::Problem;
use crate::routes::executions;
use crate::{admission, limits, schema};

pub(crate) struct StreamQuery {
    after: Option<u64>,
    payloads: Payloads,
}

impl FromQuery for StreamQuery {
    const NAMES: &'static [&'static str] = &["after", "payloads"];

    fn read(pairs: &Pairs) -> Result<StreamQuery, Problem> {
        Ok(StreamQuery { after: pairs.number("after", 0, limits::INT64_MAX)?, payloads: executions::payloads(pairs)? })
    }
}

/// Every entry of an execution's history, those that there are and those that come, until it has ended.
///
/// The first message has the event `hello` and says from where it goes on. Each one after it is an entry: its `id` is the entry's
/// `seq` and its data the entry. A client that names the last `id` that it has seen (`Last-Event-ID`, as browsers do by themselves)
/// gets what came after it: no entry is left out or sent twice. The last message has the event `end` and the data `{"status"}`.
#[utoipa::path(
    get,
    path = "/api/v1/executions/{id}/stream",
    operation_id = "streamExecution",
    tag = "executions",
    params(
        ("id" = String, Path, description = "The execution's id"),
        ("after" = Option<u64>, Query, description = "Entries with a higher `seq`; `Last-Event-ID` wins"),
        ("payloads" = Option<schema::HistoryPayloads>, Query, description = "`none` leaves inputs, outputs and stacks out"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The `id` of the last message that was seen")
    ),
    responses(
        (status = 200, description = "Messages as above", content_type = "text/event-stream", body = schema::ExecutionMessage)
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    ExecutionPath(id): ExecutionPath,
    Query(StreamQuery { after, payloads }): Query<StreamQuery>,
    standing: Standing,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = last_event_id(&headers)?.or(after).unwrap_or(0);
    let permit = app.admission.waiter()?;
    let watch = app.engine.watch(id, after).await?;
    let keep_alive = KeepAlive::new().interval(limits::HEARTBEAT);
    let lost = Box::pin(app.access.lost(&standing));
    let hello = Hello { server_time: app.engine.now(), version: env!("CARGO_PKG_VERSION"), after, last_seq: watch.newest() };
    let following = Following { app: app.clone(), id, hello: Some(hello), watch, payloads, permit, lost };
    Ok(respond(&app, Sse::new(messages(following)).keep_alive(keep_alive)))
}

/// A stream as it goes out.
pub(crate) fn respond(app: &App, stream: impl IntoResponse) -> Response {
    let response = stream.into_response();
    let mut response = response.map(|body| admission::flowing(app, body));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold messages back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(text) = header_text(headers, "last-event-id")? else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| wrong_header("last-event-id", &"the `id` of a message of this stream was expected: a whole number"))
}

/// That the client is connected, and what it will be told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    server_time: Timestamp,
    version: &'static str,
    /// Entries with a higher `seq` follow.
    after: u64,
    /// Up to here they are of the past: with this one the client has caught up.
    last_seq: u64,
}

struct Following {
    app: App,
    id: ExecutionId,
    /// Until it is told.
    hello: Option<Hello>,
    watch: Watch,
    payloads: Payloads,
    /// Its place among those that wait.
    permit: OwnedSemaphorePermit,
    /// Ends when the client may not see more.
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
}

fn messages(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(Some(following), |following| async {
        let mut following = following?;
        if let Some(hello) = following.hello.take() {
            let data = serde_json::to_string(&hello).expect("numbers and a text are JSON");
            return Some((Ok(Event::default().event("hello").retry(limits::STREAM_RETRY).data(data)), Some(following)));
        }
        let closing = following.app.closing();
        let next = tokio::select! {
            next = following.watch.next() => next,
            // The client comes back to the next server, and names what it has seen.
            () = closing => return None,
            // Asking again it is told why.
            () = &mut following.lost => return None,
        };
        match next {
            Some(Ok(mut entry)) => {
                if following.payloads == Payloads::None {
                    leave_out_payloads(&mut entry);
                }
                Some((Ok(message(&entry)), Some(following)))
            }
            Some(Err(error)) => {
                tracing::debug!(%error, execution = %following.id, "a stream broke off");
                None
            }
            None => following.end().await.map(|end| (Ok(end), None)),
        }
    })
}

impl Following {
    /// The last message. None when the engine does not say how the execution ended: the client asks again.
    async fn end(self) -> Option<Event> {
        let execution = self.app.engine.status(self.id).await.ok()??;
        drop(self.permit);
        Some(Event::default().event("end").data(format!(r#"{{"status":"{}"}}"#, execution.status)))
    }
}

fn message(entry: &HistoryEntry) -> Event {
    let data = serde_json::to_string(entry).expect("an entry is JSON");
    Event::default().id(entry.seq.to_string()).data(data)
}
