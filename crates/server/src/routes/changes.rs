//! All executions as they change, as server-sent events: what is new or different of those that a filter means, a few times a second.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use workflow_core::id::ExecutionId;
use workflow_core::time::Timestamp;
use workflow_engine::{Changed, Counts, ExecutionFilter, Watcher};

use crate::access::Standing;
use crate::app::App;
use crate::parameters::{FromQuery, Pairs, Query};
use crate::problem::Problem;
use crate::routes::{filter, stream};
use crate::{limits, schema};

/// Changes are told this often: what happens in between is one.
const TOLD_EVERY: Duration = Duration::from_millis(250);
/// More at once are not told one by one: whoever reads the list again reads a page.
const TOLD_MAX: usize = 100;
/// How often the counts are told, and that a list is to be read again.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct ChangesQuery(ExecutionFilter);

impl FromQuery for ChangesQuery {
    const NAMES: &'static [&'static str] =
        &["workflowId", "version", "status", "attention", "errorFingerprint", "triggeredBy", "startedAfter", "startedBefore"];

    fn read(pairs: &Pairs) -> Result<ChangesQuery, Problem> {
        filter::read(pairs).map(ChangesQuery)
    }
}

/// Executions that begin, change and end, of those that the filter means.
///
/// The messages: `hello` first, `upsert` (a summary of one that is new or has changed), `remove` (it is not meant any more, or was
/// deleted), `counts`, and `reset`: read the list again, since too much has changed to be told, or since it is not known what has.
#[utoipa::path(
    get,
    path = "/api/v1/executions/stream",
    operation_id = "streamExecutions",
    tag = "executions",
    params(
        ("workflowId" = Option<Vec<String>>, Query, description = "Of these workflows only"),
        ("version" = Option<u32>, Query, description = "Of this version of the one workflow"),
        ("status" = Option<Vec<schema::ExecutionStatus>>, Query, description = "With one of these"),
        ("attention" = Option<schema::Attention>, Query, description = "Those that somebody should look at, for this reason"),
        ("errorFingerprint" = Option<String>, Query, description = "Those that failed so, or are tried again because of it"),
        ("triggeredBy" = Option<schema::TriggerKind>, Query, description = "Those that this has started"),
        ("startedAfter" = Option<i64>, Query, description = "Epoch milliseconds"),
        ("startedBefore" = Option<i64>, Query, description = "Epoch milliseconds"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The `id` of the last message that was seen")
    ),
    responses(
        (status = 200, description = "Messages as above", content_type = "text/event-stream", body = schema::ChangeMessage)
    )
)]
pub(crate) async fn changes(
    State(app): State<App>,
    Query(ChangesQuery(filter)): Query<ChangesQuery>,
    standing: Standing,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seen = stream::last_event_id(&headers)?;
    let permit = app.admission.waiter()?;
    let watcher = app.engine.watch_all(seen);
    let lost = Box::pin(app.access.lost(&standing));
    let now = Instant::now();
    let following = Following {
        app: app.clone(),
        filter,
        watcher,
        _permit: permit,
        lost,
        ready: vec![hello(&app)],
        next_at: now,
        counted_at: None,
        counts: None,
        stale: true,
    };
    Ok(stream::respond(&app, Sse::new(messages(following)).keep_alive(KeepAlive::new().interval(limits::HEARTBEAT))))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    server_time: Timestamp,
    version: &'static str,
}

fn hello(app: &App) -> Event {
    let hello = Hello { server_time: app.engine.now(), version: env!("CARGO_PKG_VERSION") };
    named("hello", &hello).retry(limits::STREAM_RETRY)
}

fn named<T: Serialize>(name: &str, value: &T) -> Event {
    Event::default().event(name).data(serde_json::to_string(value).expect("what is told is JSON"))
}

struct Following {
    app: App,
    filter: ExecutionFilter,
    watcher: Watcher,
    /// Its place among those that wait.
    _permit: OwnedSemaphorePermit,
    /// Ends when the client may not see more.
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// To be sent, the next one last.
    ready: Vec<Event>,
    next_at: Instant,
    counted_at: Option<Instant>,
    counts: Option<Counts>,
    /// Something has changed since the counts were told.
    stale: bool,
}

fn messages(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(Some(following), |following| async {
        let mut following = following?;
        loop {
            if let Some(event) = following.ready.pop() {
                return Some((Ok(event), Some(following)));
            }
            if let Err(()) = following.wait().await {
                return None;
            }
            if let Err(problem) = following.look().await {
                tracing::debug!(?problem, "a stream of executions broke off");
                return None;
            }
        }
    })
}

impl Following {
    /// Until there is something to tell, and it may be told.
    async fn wait(&mut self) -> Result<(), ()> {
        let closing = self.app.closing();
        let count_at = self.counted_at.map_or_else(Instant::now, |at| at + COUNTED_EVERY);
        let stale = self.stale;
        let wait = async {
            tokio::select! {
                there = self.watcher.changed() => if !there { return Err(()) },
                () = sleep_until(count_at), if stale => {}
            }
            sleep_until(self.next_at).await;
            Ok(())
        };
        tokio::select! {
            waited = wait => waited,
            // The client comes back to the next server.
            () = closing => Err(()),
            // Asking again it is told why.
            () = &mut self.lost => Err(()),
        }
    }

    async fn look(&mut self) -> Result<(), Problem> {
        let now = Instant::now();
        self.next_at = now + TOLD_EVERY;
        let changed = self.watcher.take();
        let mut events = Vec::new();
        match changed {
            Changed::TooMany => events.push(self.reset("gap", None)),
            Changed::These(ids) if ids.len() > TOLD_MAX => {
                self.stale = true;
                // Nobody should read a list more often than this.
                self.next_at = now + COUNTED_EVERY;
                events.push(self.reset("busy", Some(ids.len())));
            }
            Changed::These(ids) if ids.is_empty() => {}
            Changed::These(ids) => {
                self.stale = true;
                self.tell(ids.into_iter().collect(), &mut events).await?;
            }
        }
        if self.stale && self.counted_at.is_none_or(|at| now.duration_since(at) >= COUNTED_EVERY) {
            self.counted_at = Some(now);
            self.stale = false;
            let counts = self.app.engine.count(self.filter.clone()).await?;
            let told = self
                .counts
                .as_ref()
                .is_some_and(|told| (&told.by_status, told.attention) == (&counts.by_status, counts.attention));
            if !told {
                events.push(named("counts", &counts));
                self.counts = Some(counts);
            }
        }
        events.reverse();
        self.ready = events;
        Ok(())
    }

    fn reset(&self, reason: &'static str, changed: Option<usize>) -> Event {
        #[derive(Serialize)]
        struct Reset {
            reason: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            changed: Option<usize>,
        }
        named("reset", &Reset { reason, changed }).id(self.watcher.seen().to_string())
    }

    async fn tell(&mut self, ids: Vec<ExecutionId>, events: &mut Vec<Event>) -> Result<(), Problem> {
        #[derive(Serialize)]
        struct Gone {
            id: ExecutionId,
        }
        let (there, gone) = self.app.engine.changed(self.filter.clone(), ids).await?;
        events.extend(gone.into_iter().map(|id| named("remove", &Gone { id })));
        events.extend(there.iter().map(|summary| named("upsert", summary)));
        // With the last of them everything up to here was told.
        if let Some(last) = events.pop() {
            events.push(last.id(self.watcher.seen().to_string()));
        }
        Ok(())
    }
}
