//! duroxide on a file of SQLite, with the load in the same process. `driver/host.mjs` says how it and the driver talk.
//!
//!   duroxide-host FILE WORKERS POLL_MS

mod closed_loop;
mod workflows;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use duroxide::Client;
use duroxide::providers::sqlite::SqliteProvider;
use duroxide::runtime::{Runtime, RuntimeOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tokio::io::{AsyncBufReadExt, BufReader};

use closed_loop::Load;

const REST_WITHIN: Duration = Duration::from_secs(75);

#[derive(Deserialize)]
#[serde(untagged)]
enum Question {
    Sleeping { sleeping: i64 },
    Load(Load),
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, workers, poll_ms] = arguments.as_slice() else { bail!("usage: duroxide-host FILE WORKERS POLL_MS") };
    std::fs::File::create_new(file).with_context(|| format!("cannot make {file}"))?;
    let store = Arc::new(SqliteProvider::new(&format!("sqlite:{file}"), None).await?);
    // With the tables in the file, what is added to it are workflows.
    empty_wal(file).await?;
    let options = RuntimeOptions {
        orchestration_concurrency: workers.parse()?,
        worker_concurrency: workers.parse()?,
        dispatcher_min_poll_interval: Duration::from_millis(poll_ms.parse()?),
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::start_with_options(store.clone(), workflows::activities(), workflows::orchestrations(), options).await;
    let client = Arc::new(Client::new(store.clone()));

    say(&json!({ "ready": true }));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match serde_json::from_str(&line)? {
            Question::Sleeping { sleeping } => at_rest(file, sleeping).await,
            Question::Load(load) => load.run(&client).await,
        };
        say(&answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") })));
    }
    runtime.shutdown(Some(1_000)).await;
    empty_wal(file).await
}

/// duroxide leaves it behind as long as it ever was. The file is to hold everything, as with the other ways.
async fn empty_wal(file: &str) -> Result<()> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{file}")).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Each sleeper's timer is in its history then. It is a row of the queue meanwhile, as a start that waits is, so that the depth of the
/// queue says nothing.
async fn at_rest(file: &str, sleepers: i64) -> Result<Value> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{file}")).await?;
    let since = tokio::time::Instant::now();
    loop {
        let query = sqlx::query_scalar("SELECT COUNT(*) FROM history WHERE event_type = 'TimerCreated'");
        let asleep: i64 = query.fetch_one(&mut connection).await?;
        if asleep == sleepers {
            let seconds = since.elapsed().as_secs();
            return Ok(
                json!({ "note": format!("rows of a queue, not in memory; all timers recorded {seconds} s after the last start was accepted") }),
            );
        }
        ensure!(since.elapsed() < REST_WITHIN, "{asleep} of {sleepers} sleepers are recorded");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn say(answer: &Value) {
    println!("{answer}");
}
