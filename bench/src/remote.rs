//! The same order with the engine in a process of its own: `workflow serve`, a worker that speaks its protocol, and clients over
//! HTTP. The worker and the clients share this process.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use workflow_do::Worker;

use crate::order;

/// A server with its worker.
#[derive(Debug)]
pub struct Remote {
    server: Child,
    worker: Worker,
    pub client: Client,
}

/// Who has orders processed there.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Arc<str>,
}

#[derive(Deserialize)]
struct Ended {
    id: String,
    status: String,
}

impl Remote {
    pub async fn start(binary: &Path, file: &Path) -> Result<Remote> {
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--db"]).arg(file);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut server = command.spawn().with_context(|| format!("{} cannot be started", binary.display()))?;
        let mut lines = BufReader::new(server.stdout.take().context("it was piped")?).lines();
        let url = loop {
            let line = lines.next_line().await?.context("the server ended before it listened")?;
            if let Some(at) = line.find("http://127.0.0.1:") {
                break line[at..].split_whitespace().next().unwrap_or_default().to_owned();
            }
        };
        let mut worker = Worker::builder(&url).concurrency(4_096);
        for action in order::ACTIONS {
            worker = worker.action(action, async |_: Value, _| Ok(order::output()));
        }
        let worker = worker.connect()?;
        ensure!(worker.connected().await, "the worker was closed");
        let client = Client { http: reqwest::Client::new(), url: url.into() };
        let register = client.http.put(format!("{}/api/v1/workflows/order-processing", client.url));
        let definition = serde_json::to_string(&order::workflow())?;
        register.header("content-type", "application/json").body(definition).send().await?.error_for_status()?;
        Ok(Remote { server, worker, client })
    }

    pub async fn stop(mut self) -> Result<()> {
        self.worker.close().await?;
        let pid = self.server.id().context("it runs")?;
        // In order, so that the file is whole when its size is looked at.
        Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().await?;
        tokio::time::timeout(Duration::from_secs(30), self.server.wait()).await??;
        Ok(())
    }
}

impl order::Orders for Client {
    async fn one(&self, number: u64) -> Result<()> {
        let start = self.http.post(format!("{}/api/v1/workflows/order-processing/executions", self.url));
        let body = format!(r#"{{"input":{}}}"#, order::input(number));
        let started = start.header("content-type", "application/json").body(body).send().await?.error_for_status()?;
        let Ended { id, .. } = serde_json::from_slice(&started.bytes().await?)?;
        let ended = self.http.get(format!("{}/api/v1/executions/{id}?wait=60s", self.url)).send().await?.error_for_status()?;
        let Ended { id, status } = serde_json::from_slice(&ended.bytes().await?)?;
        ensure!(status == "completed", "order {id} ended as {status}");
        Ok(())
    }
}
