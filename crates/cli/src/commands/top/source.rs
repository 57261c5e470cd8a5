//! What the screen shows, asked of the server again and again; and what is open on it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::client::Client;
use crate::client::model::Execution;
use crate::client::overview::{Actions, Counts, Errors, Summaries, System, Workers};
use crate::commands::Context;
use crate::commands::executions::{definition_of, history_after};
use crate::course::Course;
use crate::error::Error;
use crate::render::Watched;

/// Looks are as far apart, or five times as long as one took: a server that is busy is not asked more.
const EVERY: Duration = Duration::from_secs(1);
const PAUSE_FACTOR: u32 = 5;
/// Rows of each kind.
const ROWS_MAX: &str = "50";
const ENTRIES_SHOWN: usize = 20;

#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub system: System,
    pub counts: Counts,
    /// What needs somebody, the worst first; then what failed last.
    pub attention: Vec<crate::client::model::Summary>,
    /// None: this token may not see them, or the server is older.
    pub errors: Option<Errors>,
    pub workers: Option<Workers>,
    pub actions: Option<Actions>,
}

#[derive(Debug)]
pub enum News {
    Seen(Box<Seen>),
    /// The execution that is open.
    Opened(Box<Watched>),
    /// Why it cannot be shown.
    NotOpened(String),
    Lost(String),
}

/// What is open on the screen, as the task that asks knows it.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    open: Arc<Mutex<Option<String>>>,
    changed: Arc<Notify>,
}

impl Wanted {
    pub fn open(&self, id: Option<&str>) {
        let mut open = self.open.lock().expect("nobody panics with it");
        if open.as_deref() != id {
            *open = id.map(str::to_owned);
            self.changed.notify_one();
        }
    }

    fn id(&self) -> Option<String> {
        self.open.lock().expect("nobody panics with it").clone()
    }
}

pub async fn ask(client: Client, wanted: Wanted, sender: UnboundedSender<News>) {
    loop {
        let began = Instant::now();
        let news = match look(&client).await {
            Ok(seen) => News::Seen(Box::new(seen)),
            Err(error) => News::Lost(reason(&error)),
        };
        if sender.send(news).is_err() {
            return;
        }
        if let Some(id) = wanted.id() {
            let news = match open(&client, &id).await {
                Ok(watched) => News::Opened(Box::new(watched)),
                Err(error) => News::NotOpened(reason(&error)),
            };
            sender.send(news).ok();
        }
        let pause = EVERY.max(began.elapsed() * PAUSE_FACTOR);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = wanted.changed.notified() => {}
        }
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::Refused(problem) => problem.detail.clone(),
        Error::Failed { message, .. } | Error::Usage(message) => message.clone(),
        _ => "no answer".to_owned(),
    }
}

pub async fn look(client: &Client) -> Result<Seen, Error> {
    let system: System = get(client, &["system"], &[]).await?;
    let counts: Counts = get(client, &["executions", "counts"], &[]).await?;
    let mut attention = Vec::new();
    for why in ["noWorker", "overdue", "retrying"] {
        if counts.attention.of(why) > 0 {
            let found: Summaries =
                get(client, &["executions"], &[("fields", "summary"), ("attention", why), ("limit", ROWS_MAX)]).await?;
            attention.extend(found.executions);
        }
    }
    let failed: Summaries =
        get(client, &["executions"], &[("fields", "summary"), ("status", "failed"), ("limit", ROWS_MAX)]).await?;
    attention.extend(failed.executions);
    // One may have several reasons: it is shown where it comes first.
    let mut seen = std::collections::HashSet::new();
    attention.retain(|row| seen.insert(row.id.clone()));
    let errors = get_maybe(client, &["errors"], &[("window", "24h")]).await?;
    let workers = get_maybe(client, &["workers"], &[]).await?;
    let actions = get_maybe(client, &["actions"], &[]).await?;
    Ok(Seen { system, counts, attention, errors, workers, actions })
}

async fn get<T: DeserializeOwned>(client: &Client, path: &[&str], query: &[(&str, &str)]) -> Result<T, Error> {
    let request = query.iter().fold(client.get(path), |request, (name, value)| request.query(name, value));
    request.send().await?.read()
}

/// None when the server does not tell it.
async fn get_maybe<T: DeserializeOwned>(client: &Client, path: &[&str], query: &[(&str, &str)]) -> Result<Option<T>, Error> {
    match get(client, path, query).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn open(client: &Client, id: &str) -> Result<Watched, Error> {
    let context = Context { client: client.clone(), json: false };
    let request = client.get(&["executions", id]).query("include", "reasons").query("history", "0");
    let execution: Execution = request.send().await?.read()?;
    let definition = definition_of(&context, &execution).await;
    let entries = history_after(&context, id, 0).await?;
    let newest = entries[entries.len().saturating_sub(ENTRIES_SHOWN)..].to_vec();
    Ok(Watched { execution, definition, course: Course::of(&entries), newest, notice: None })
}

/// For programs: the same, once, as the server sent it.
pub async fn once(context: &Context) -> Result<String, Error> {
    let mut parts = Vec::new();
    for (name, path) in
        [("system", &["system"][..]), ("counts", &["executions", "counts"]), ("errors", &["errors"]), ("workers", &["workers"])]
    {
        let answer = context.client.get(path).send().await?;
        parts.push(format!("\"{name}\":{}", answer.text));
    }
    Ok(format!("{{{}}}", parts.join(",")))
}
