//! `workflow retry`, `replay`, `cancel`, `pause` and `resume` with filters: one job of the server's for all that match.
//!
//! What was counted is what is done: the job is bound to the moment of the count, so that what comes later is left alone.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Context;
use super::watch::interrupted;
use crate::args::Many;
use crate::client::model::{DryRun, Execution, Job, JobItems};
use crate::error::Error;
use crate::output::{self, Live};
use crate::program;
use crate::render::{self, Bar, Clock, clean, dim};

/// Failures that are listed at the end.
const LISTED_MAX: usize = 20;
const BAR_COLUMNS: usize = 30;
/// A stream that broke off is opened again after this.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// One that was tried first may take this long until the others are decided on.
const CANARY_WITHIN: Duration = Duration::from_secs(60);

/// Whether filters are given, and not ids.
pub fn is_meant(ids: &[String], many: &Many) -> Result<bool, Error> {
    match (ids.is_empty(), many.is_given()) {
        (false, true) => Err(Error::usage("give ids or filters, not both")),
        (true, false) => {
            let message = "which executions? give ids, or filters such as --workflow ID and --since 2h; --all means every one";
            Err(Error::usage(message))
        }
        (false, false) if many.dry_run || many.one_first => {
            Err(Error::usage("--dry-run and --one-first are for filters, not for ids"))
        }
        (is_empty, _) => Ok(is_empty),
    }
}

pub async fn run(context: &Context, action: &str, many: &Many, key: Option<&str>) -> Result<(), Error> {
    let clock = Clock::here();
    let as_of = server_time(context).await?;
    let mut request = json!({ "action": action, "filter": filter(many, &clock), "asOf": as_of, "dryRun": true });
    let answer = context.client.post(&["jobs"]).json(request.to_string()).send().await?;
    let found: DryRun = answer.read()?;
    if many.dry_run && context.json {
        return output::json(&answer.text);
    }
    if !context.json {
        output::print(&render::preview(action, &in_words(many, &clock), &found, &clock, output::width()))?;
    }
    if many.dry_run {
        return if context.json { Ok(()) } else { output::line(&dim("nothing was done: --dry-run")) };
    }
    if found.matched == 0 && !context.json {
        return output::line("nothing to do");
    }
    confirm(context, action, many, found.matched).await?;
    let body = request.as_object_mut().expect("it was made as one");
    body.remove("dryRun");
    if many.one_first {
        body.insert("canary".to_owned(), true.into());
    }
    // Heard from before there is a job, until it is over: also while somebody is asked about the others.
    let interrupted = interrupted();
    let job: Job = context.client.post(&["jobs"]).key(key).json(request.to_string()).send().await?.read()?;
    let (id, action) = (job.id.clone(), job.action.clone());
    tokio::select! {
        biased;
        () = interrupted => Err(stopped(context, &id, &action).await),
        done = carry_out(context, job, many) => done,
    }
}

/// From its beginning to its end.
async fn carry_out(context: &Context, job: Job, many: &Many) -> Result<(), Error> {
    let mut job = follow(context, job).await?;
    if job.status == "waiting" {
        job = decide(context, job, many).await?;
    }
    tell(context, &job).await
}

/// The server's clock, by which the selection is frozen.
async fn server_time(context: &Context) -> Result<Option<i64>, Error> {
    let counts: Value = context.client.get(&["executions", "counts"]).send().await?.read()?;
    Ok(counts["asOf"].as_i64())
}

fn filter(many: &Many, clock: &Clock) -> Value {
    let mut filter = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            filter.insert(name.to_owned(), value);
        }
    };
    put("workflowId", (!many.workflow.is_empty()).then(|| json!(many.workflow)));
    put("version", many.workflow_version.map(Value::from));
    put("status", (!many.status.is_empty()).then(|| json!(many.status)));
    put("attention", many.attention.map(|attention| attention.as_str().into()));
    put("errorFingerprint", many.error.clone().map(Value::from));
    put("startedAfter", many.since.map(|since| since.millis(clock).into()));
    put("startedBefore", many.until.map(|until| until.millis(clock).into()));
    Value::Object(filter)
}

/// ` of order-processing, started after 2026-11-22 14:00:00`.
fn in_words(many: &Many, clock: &Clock) -> String {
    let mut parts = Vec::new();
    parts.extend((!many.workflow.is_empty()).then(|| format!("of {}", many.workflow.join(", "))));
    parts.extend(many.workflow_version.map(|version| format!("v{version}")));
    parts.extend((!many.status.is_empty()).then(|| many.status.join(" or ")));
    parts.extend(many.attention.map(|attention| match attention.as_str() {
        "noWorker" => "without a worker".to_owned(),
        other => other.to_owned(),
    }));
    parts.extend(many.error.as_ref().map(|error| format!("failing as {error}")));
    parts.extend(many.since.map(|since| format!("started after {}", clock.exact(since.millis(clock)))));
    parts.extend(many.until.map(|until| format!("started before {}", clock.exact(until.millis(clock)))));
    if parts.is_empty() { String::new() } else { format!(" {}", parts.join(", ")) }
}

async fn confirm(context: &Context, action: &str, many: &Many, count: u64) -> Result<(), Error> {
    if many.yes {
        return Ok(());
    }
    if context.json || !std::io::stdin().is_terminal() {
        return Err(Error::usage(format!(
            "--yes is needed to {action} {count} executions where nobody can be asked; --dry-run only looks"
        )));
    }
    if asks(&format!("{} {count}?", capital(action))).await? {
        return Ok(());
    }
    output::line("nothing was done")?;
    Err(Error::Reported)
}

async fn asks(question: &str) -> Result<bool, Error> {
    output::print(&format!("{question} [y/N] "))?;
    std::io::stdout().flush().ok();
    // On a thread of its own: nothing wakes one that waits for a line, and Ctrl-C is heard meanwhile.
    let (sender, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Nobody waits for it any more when that fails.
        sender.send(std::io::stdin().lock().read_line(&mut line).map(|_| line)).ok();
    });
    let line = answer.await.map_err(|_| Error::failed("input", "nothing could be read"))?;
    let line = line.map_err(|error| Error::failed("input", error.to_string()))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn capital(action: &str) -> String {
    let mut letters = action.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Until it has ended, or waits to be told to go on.
async fn follow(context: &Context, mut job: Job) -> Result<Job, Error> {
    let mut place = (!context.json && output::is_live()).then(Live::new);
    let bar = Bar { columns: BAR_COLUMNS };
    let mut show = |job: &Job| {
        place.as_mut().map_or(Ok(()), |place| place.draw(&[render::cut_styled(&bar.line(job), output::width().unwrap_or(80))]))
    };
    loop {
        show(&job)?;
        if job.has_ended() || job.status == "waiting" {
            return Ok(job);
        }
        let stream = context.client.get(&["jobs", &job.id, "stream"]).stream().await;
        if let Ok(mut stream) = stream {
            while let Some(event) = stream.next().await {
                if event.name != "job" {
                    break;
                }
                let Ok(now) = serde_json::from_str::<Job>(&event.data) else { break };
                job = now;
                show(&job)?;
                if job.has_ended() || job.status == "waiting" {
                    break;
                }
            }
        }
        match context.client.get(&["jobs", &job.id]).send().await {
            Ok(answer) => job = answer.read()?,
            Err(error @ Error::Refused(_)) => return Err(error),
            // It goes on when the server is started again.
            Err(_) => {}
        }
        if !job.has_ended() && job.status != "waiting" {
            // The stream broke off: whatever did that may do it again at once.
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Ctrl-C stops the job, and what was done by then is told.
async fn stopped(context: &Context, id: &str, action: &str) -> Error {
    let answer = context.client.post(&["jobs", id, "stop"]).send().await;
    match answer.and_then(|answer| answer.read::<Job>()) {
        Ok(job) => {
            output::complain("");
            tell(context, &job).await.ok();
        }
        Err(_) => {
            output::complain(&format!("\nthe {action} job {} could not be told to stop: it goes on in the server", clean(id)))
        }
    }
    Error::Ended { code: Error::INTERRUPTED }
}

/// One was tried: go on with the others?
async fn decide(context: &Context, job: Job, many: &Many) -> Result<Job, Error> {
    let left = job.matched.saturating_sub(job.made());
    let went_well = canary(context, &job).await?;
    let goes_on = match (went_well, many.yes) {
        (_, false) => asks(&format!("{} the other {left}?", capital(&job.action))).await?,
        (went_well, true) => went_well,
    };
    let path = if goes_on { "continue" } else { "stop" };
    let job: Job = context.client.post(&["jobs", &job.id, path]).send().await?.read()?;
    follow(context, job).await
}

/// What came of the first: a retry that was begun may fail again.
async fn canary(context: &Context, job: &Job) -> Result<bool, Error> {
    let Some(item) = &job.canary else { return Ok(false) };
    if item.outcome != "done" {
        if !context.json {
            output::print(&render::failures(std::slice::from_ref(item), 0))?;
        }
        return Ok(false);
    }
    if !matches!(job.action.as_str(), "retry" | "replay") {
        return Ok(true);
    }
    let id = item.new_execution_id.as_deref().unwrap_or(&item.execution_id);
    let request = context.client.get(&["executions", id]).query("wait", format!("{}s", CANARY_WITHIN.as_secs()));
    let execution: Execution = request.waiting(CANARY_WITHIN).send().await?.read()?;
    if !context.json {
        let clock = Clock::here();
        let course = crate::course::Course::of(&execution.history);
        let answer = render::answer(&render::facts(&execution, None, &course), &clock);
        output::line(&format!("{} {}  {}", render::look(&execution.status).painted_glyph(), clean(id), answer.lead))?;
    }
    Ok(execution.status == "completed")
}

async fn tell(context: &Context, job: &Job) -> Result<(), Error> {
    if context.json {
        let answer = context.client.get(&["jobs", &job.id]).send().await?;
        output::json(&answer.text)?;
    } else {
        output::line(&render::finished(job))?;
        let mut listed = Vec::new();
        for outcome in ["failed", "skipped"] {
            let request = context.client.get(&["jobs", &job.id, "items"]).query("outcome", outcome);
            let items: JobItems = request.query("limit", LISTED_MAX.to_string()).send().await?.read()?;
            listed.extend(items.items);
        }
        listed.truncate(LISTED_MAX);
        let more = (job.failed + job.skipped).saturating_sub(listed.len() as u64);
        output::print(&render::failures(&listed, more))?;
        if job.failed > 0 && job.action == "retry" {
            output::line(&dim(&format!("`{}` says what is wrong with one of them", program::command("status ID"))))?;
        }
    }
    match job.failed > 0 || job.status == "stopped" {
        true => Err(Error::Reported),
        false => Ok(()),
    }
}
