//! Makes a file that holds millions of finished orders without running them: the engine runs one that completes and one that
//! fails, and the store is given their histories again and again, whole, with other ids and times, as the engine had written them.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use workflow_core::event::Recorded;
use workflow_core::id::{ExecutionId, Slot};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_do::{ActionError, Context, Engine};
use workflow_store::{Batch, Change, Durability, Head, HeadChange, Item, Options, Sqlite, Store, Stored, Transition};

use crate::workload::{self, Workload};

#[derive(Debug)]
pub struct Filler {
    completed: Stored,
    failed: Stored,
    /// When the first of them started; one starts each millisecond.
    since_ms: i64,
    filled: u64,
}

/// One in so many has failed.
const FAILED_EVERY: u64 = 1_000;
/// Executions of a commit.
const COMMIT: u64 = 2_000;
/// What the engine records of an order in one transition.
const EVENTS_A_TRANSITION: usize = 2;
/// They were all started before now, and so long ago at most.
const MILLIS_BEFORE: i64 = 200_000_000;

/// How many of so many have failed: one more, for the one that was run.
pub fn failed(finished: u64) -> u64 {
    finished / FAILED_EVERY + 1
}

impl Filler {
    /// Of a new file.
    pub fn new(file: &Path) -> Result<Filler> {
        let (completed, failed) = tokio::runtime::Runtime::new()?.block_on(templates(file))?;
        let store = Sqlite::open(file, Options::default())?;
        let mut stored = store.load(&[completed, failed])?.into_iter().flatten();
        let (Some(completed), Some(failed)) = (stored.next(), stored.next()) else {
            anyhow::bail!("the executions that were just run are not in the file");
        };
        ensure!(completed.head.status == Status::Completed && completed.events.len() == 12, "an order has 12 events");
        ensure!(failed.head.status == Status::Failed && failed.events.len() == 8, "a declined order has 8 events");
        let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        Ok(Filler { completed, failed, since_ms: now_ms - MILLIS_BEFORE, filled: 0 })
    }

    /// Until there are so many. Nothing of it has to survive a crash, so it is synced at the end only.
    pub fn fill(&mut self, file: &Path, finished: u64) -> Result<()> {
        let options = Options { durability: Durability::UnsafeNormal, writer_cache_bytes: 256 << 20, ..Options::default() };
        let store = Sqlite::open(file, options)?;
        let (began, from) = (Instant::now(), self.filled);
        while self.filled < finished {
            let to = finished.min(self.filled + COMMIT);
            let items = (self.filled..to).map(|number| self.item(number)).collect();
            store.commit(&Batch { number: store.batch()? + 1, items })?;
            self.filled = to;
            if to.is_multiple_of(500_000) {
                let per_second = (to - from) as f64 / began.elapsed().as_secs_f64();
                eprintln!("growth: {to} of {finished} executions are in the file ({per_second:.0} a second)");
            }
        }
        Ok(())
    }

    /// All transitions of one execution.
    fn item(&self, number: u64) -> Item {
        let template = if number % FAILED_EVERY == FAILED_EVERY - 1 { &self.failed } else { &self.completed };
        let at_ms = self.since_ms + number.cast_signed();
        let later = |at: Timestamp| Timestamp::from_millis(at_ms + at.millis() - template.head.started_at.millis());
        let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let id = ExecutionId::from_parts(
            Timestamp::from_millis(at_ms),
            (number % 4_096) as u16,
            random,
            Slot::new(random as u16 & 0xfff),
        );
        let end = Head {
            id,
            started_at: later(template.head.started_at),
            completed_at: template.head.completed_at.map(later),
            ..template.head.clone()
        };
        let begin = Head {
            status: Status::Running,
            wake_at: Some(Timestamp::from_millis(0)),
            completed_at: None,
            failed_step: None,
            error_code: None,
            error: None,
            error_fingerprint: None,
            steps_completed: None,
            steps_failed: None,
            steps_skipped: None,
            ..end.clone()
        };
        let last = template.events.len() / EVENTS_A_TRANSITION - 1;
        let transitions = template.events.chunks(EVENTS_A_TRANSITION).enumerate().map(|(place, events)| {
            let events = events.iter().map(|recorded| Recorded { at: later(events[0].at), ..recorded.clone() }).collect();
            let head = match place {
                0 => Some(HeadChange { head: begin.clone(), status_before: None }),
                place if place == last => Some(HeadChange { head: end.clone(), status_before: Some(Status::Running) }),
                _ => None,
            };
            Change::Transition(Box::new(Transition { id, events, head, parked: None, snapshot: None }))
        });
        Item { claim: None, changes: transitions.collect() }
    }
}

/// One order that completes, one whose card is declined for good.
async fn templates(file: &Path) -> Result<(ExecutionId, ExecutionId)> {
    let mut builder = Engine::builder().store(file);
    for (name, action) in workload::actions().filter(|(name, _)| *name != "chargeCard") {
        builder = builder.action(name, action);
    }
    builder = builder.action("chargeCard", async |order: Value, _: Context| match order["declined"] {
        Value::Bool(true) => Err(ActionError::permanent("card declined")),
        _ => Ok(workload::output("chargeCard")),
    });
    let engine = builder.open().await?;
    engine.register(Workload::Order.definition()).await?;
    let (completed, _) = engine.run(Workload::Order.workflow(), workload::input(1)).await?;
    let mut declined = workload::input(2);
    declined.as_object_mut().context("an input is an object")?.insert("declined".to_owned(), Value::Bool(true));
    let (failed, _) = engine.run(Workload::Order.workflow(), declined).await?;
    engine.close().await?;
    Ok((completed, failed))
}
