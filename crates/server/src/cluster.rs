//! Which engines work on the store, for the workers of this one: they connect to each.
//!
//! The store is asked when a worker comes, and while one is there whenever other engines have come or gone and now and then, all workers
//! together; and never again once it has said that there is only ever one engine.

use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};
use workflow_store::Member;

use crate::app::App;
use crate::protocol::{EngineAt, Engines};

/// Workers that come together, as after a restart, are told the same: within so many parts of the time after which it is asked again.
const FRESH_PARTS: u32 = 10;
/// Nobody is made welcome later because the database is slow.
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// What is told; none as long as nobody could be asked.
pub(crate) type Told = watch::Receiver<Option<Engines>>;

#[derive(Debug)]
pub(crate) struct Cluster {
    told: watch::Sender<Option<Engines>>,
    asking: Mutex<Asking>,
}

#[derive(Debug, Default)]
struct Asking {
    asked_at: Option<Instant>,
    /// The store has only ever one engine.
    is_alone: bool,
    /// Somebody asks again and again.
    is_watched: bool,
    /// That this engine cannot be reached was said.
    is_warned: bool,
}

impl Cluster {
    pub fn new() -> Cluster {
        Cluster { told: watch::Sender::new(None), asking: Mutex::default() }
    }
}

/// What a worker is told of from now on; none where there is only ever one engine.
pub(crate) async fn attend(app: &App) -> Option<Told> {
    let (cluster, fresh_for) = (&app.cluster, app.options.engines_asked_every / FRESH_PARTS);
    let mut asking = cluster.asking.lock().await;
    if !asking.is_alone && asking.asked_at.is_none_or(|at| at.elapsed() >= fresh_for) {
        ask(app, &mut asking).await;
    }
    if asking.is_alone {
        return None;
    }
    let told = cluster.told.subscribe();
    if !std::mem::replace(&mut asking.is_watched, true) {
        tokio::spawn(watch_over(app.clone()));
    }
    Some(told)
}

/// Asks again and again for as long as a worker is connected.
async fn watch_over(app: App) {
    let mut changed = app.engine.members_changed();
    loop {
        let somebody_listens = tokio::select! {
            // The store tells: a worker that hears of a new engine late keeps that one's executions waiting.
            Ok(()) = changed.changed() => true,
            () = sleep(app.options.engines_asked_every) => true,
            () = app.cluster.told.closed() => false,
        };
        let mut asking = app.cluster.asking.lock().await;
        if somebody_listens {
            ask(&app, &mut asking).await;
        }
        // Whoever comes next sees that nobody asks any more.
        if app.cluster.told.receiver_count() == 0 || asking.is_alone {
            asking.is_watched = false;
            return;
        }
    }
}

/// What cannot be asked stays as it was.
async fn ask(app: &App, asking: &mut Asking) {
    asking.asked_at = Some(Instant::now());
    let members = match timeout(ASK_WITHIN, app.engine.members()).await {
        Ok(Ok(members)) => members,
        Ok(Err(error)) => return tracing::debug!(%error, "which engines there are could not be asked"),
        Err(_) => return tracing::debug!("which engines there are was not answered in time"),
    };
    asking.is_alone = members.is_empty();
    let Some(engines) = engines(&members) else { return };
    let is_hidden = engines.engines.iter().any(|engine| engine.id == engines.engine && engine.url.is_none());
    if is_hidden && engines.engines.len() > 1 && !std::mem::replace(&mut asking.is_warned, true) {
        tracing::warn!(
            "other engines work on this database, and this one has not said where it is: workers that are connected to those do \
             not find it; say so with --advertise"
        );
    }
    app.cluster.told.send_if_modified(|told| {
        let is_new = told.as_ref() != Some(&engines);
        if is_new {
            *told = Some(engines);
        }
        is_new
    });
}

/// Those that live, if this one is among them: one that has lost its place says nothing of the others.
fn engines(members: &[Member]) -> Option<Engines> {
    let own = members.iter().find(|member| member.is_self)?;
    let alive = members.iter().filter(|member| !member.lapsed || member.is_self);
    let engines = alive.map(|member| EngineAt { id: member.id.clone(), url: member.url.clone() }).collect();
    Some(Engines { engine: own.id.clone(), engines })
}
