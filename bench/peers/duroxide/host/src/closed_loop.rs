//! `in_flight` clients, each of which starts its next workflow when the last one has completed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail, ensure};
use duroxide::{Client, OrchestrationStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::workflows::{expected, input};

const COMPLETED_WITHIN: Duration = Duration::from_secs(120);
const SECONDS: f64 = 120.0;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    workload: String,
    in_flight: usize,
    #[serde(default)]
    warm: f64,
    seconds: Option<f64>,
    /// Exactly so many, all of them counted.
    count: Option<u64>,
}

/// What all clients share.
struct Run {
    load: Load,
    client: Arc<Client>,
    name: String,
    since: Instant,
    sent: AtomicU64,
}

#[derive(Default)]
struct Seen {
    micros: Vec<u64>,
    answered: u64,
    last: Option<Instant>,
}

impl Load {
    pub async fn run(self, client: &Arc<Client>) -> Result<Value> {
        let name = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis().to_string();
        let (in_flight, count) = (self.in_flight, self.count);
        let run = Arc::new(Run { load: self, client: client.clone(), name, since: Instant::now(), sent: AtomicU64::new(0) });
        let clients: Vec<_> = (0..in_flight).map(|_| tokio::spawn(Run::client(run.clone()))).collect();
        let mut all = Seen::default();
        for client in clients {
            let seen = client.await??;
            all.micros.extend(seen.micros);
            all.answered += seen.answered;
            all.last = all.last.max(seen.last);
        }
        ensure!(count.is_none_or(|count| count == all.answered), "{} of {count:?} workflows completed in time", all.answered);
        let seconds = match (count, all.last) {
            (Some(_), Some(last)) => (last - run.since).as_secs_f64(),
            _ => run.seconds(),
        };
        Ok(json!({ "answered": all.answered, "seconds": seconds, "micros": all.micros }))
    }
}

impl Run {
    async fn client(run: Arc<Run>) -> Result<Seen> {
        let begin = run.since + Duration::from_secs_f64(run.load.warm);
        let end = begin + Duration::from_secs_f64(run.seconds());
        let mut seen = Seen::default();
        while Instant::now() < end {
            let number = run.sent.fetch_add(1, Ordering::Relaxed);
            if run.load.count.is_some_and(|count| number >= count) {
                break;
            }
            let started = Instant::now();
            run.one(&format!("{}-{number:09}", run.name)).await?;
            let now = Instant::now();
            seen.answered += 1;
            seen.last = Some(now);
            if run.load.count.is_some() || (now >= begin && now <= end) {
                seen.micros.push((now - started).as_micros() as u64);
            }
        }
        Ok(seen)
    }

    async fn one(&self, id: &str) -> Result<()> {
        let workload = &self.load.workload;
        self.client.start_orchestration(id, workload, input(id)).await?;
        if workload == "sleepers" {
            return Ok(());
        }
        match self.client.wait_for_orchestration(id, COMPLETED_WITHIN).await? {
            OrchestrationStatus::Completed { output, .. } if output.contains(&expected(workload)) => Ok(()),
            other => bail!("expected an output with {}, found {other:?}", expected(workload)),
        }
    }

    fn seconds(&self) -> f64 {
        self.load.seconds.unwrap_or(SECONDS)
    }
}
