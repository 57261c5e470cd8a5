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
use tokio::io::{AsyncBufReadExt, BufReader};

use closed_loop::Load;

const REST_WITHIN: Duration = Duration::from_secs(75);

#[derive(Deserialize)]
#[serde(untagged)]
enum Question {
    Sleeping { sleeping: usize },
    Load(Load),
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, workers, poll_ms] = arguments.as_slice() else { bail!("usage: duroxide-host FILE WORKERS POLL_MS") };
    std::fs::File::create_new(file).with_context(|| format!("cannot make {file}"))?;
    let store = Arc::new(SqliteProvider::new(&format!("sqlite:{file}"), None).await?);
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
            Question::Sleeping { sleeping } => at_rest(&client, sleeping).await,
            Question::Load(load) => load.run(&client).await,
        };
        say(&answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") })));
    }
    runtime.shutdown(Some(1_000)).await;
    // So that the file holds everything, as with the other ways.
    store.checkpoint().await?;
    Ok(())
}

/// Only timers that are not due are left in the queues then.
async fn at_rest(client: &Client, sleepers: usize) -> Result<Value> {
    let deadline = tokio::time::Instant::now() + REST_WITHIN;
    loop {
        let depths = client.get_queue_depths().await?;
        let running = client.list_instances_by_status("Running").await?.len();
        if depths.orchestrator_queue == 0 && depths.worker_queue == 0 && running == sleepers {
            return Ok(json!({ "note": "a sleeper is a row of a queue, not in memory" }));
        }
        ensure!(tokio::time::Instant::now() < deadline, "{running} of {sleepers} sleepers are recorded, queues {depths:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn say(answer: &Value) {
    println!("{answer}");
}
