//! `--wait`: follows an execution to its end, in place on a terminal, line by line elsewhere.
//!
//! The stream of the execution only says when to look again. Without it (an old server, a proxy in between) the server is asked to
//! hold its answer for a moment, which shows the end at once and steps within a second.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Context;
use super::executions::definition_of;
use crate::client::model::{Definition, Execution};
use crate::client::{Answer, Stream};
use crate::error::Error;
use crate::output;
use crate::render::{self, Clock, clean, code, dim, look, painted, pretty, span};

/// How often running times and spinners move.
const FRAME: Duration = Duration::from_millis(100);
/// Looks at the server are at least this far apart.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(50);
/// Without news from the stream it is asked anyway: nothing lasts for ever.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(15);
const HOLD: Duration = Duration::from_secs(1);
/// A server that is started again is back by then.
const GONE_MAX: Duration = Duration::from_secs(30);

pub async fn until_ended(context: &Context, answer: Answer, execution: Execution) -> Result<(), Error> {
    let id = execution.id.clone();
    let view = View::new(context, &execution).await;
    let followed = tokio::select! {
        followed = follow(context, answer, execution, view) => followed,
        _ = tokio::signal::ctrl_c() => Err(detached(&id)),
    };
    let (answer, execution) = followed?;
    if context.json {
        output::line(&answer.text)?;
    } else {
        output::print(&outcome(&execution))?;
    }
    if execution.status == "completed" { Ok(()) } else { Err(Error::Reported) }
}

fn detached(id: &str) -> Error {
    let id = clean(id);
    output::complain(&format!(
        "\n{id} goes on without you\n  workflow status {id}   how it goes\n  workflow cancel {id}   stop it"
    ));
    Error::Reported
}

/// Looks again whenever something may have happened.
async fn follow(context: &Context, first: Answer, execution: Execution, mut view: View) -> Result<(Answer, Execution), Error> {
    let (mut answer, mut execution) = (first, execution);
    view.show(&execution)?;
    let mut news = News::open(context, &execution.id).await;
    while !execution.has_ended() {
        let looked = Instant::now();
        news.wait(&mut view, &execution).await?;
        if news.stream.is_some() {
            sleep_until(looked + LOOK_EVERY_MIN).await;
        }
        answer = look_again(context, &execution.id, news.stream.is_none(), &mut view, &execution).await?;
        execution = answer.read()?;
        view.show(&execution)?;
    }
    view.end()?;
    Ok((answer, execution))
}

/// The execution as it is. A server that goes away is waited for: the execution survives it.
async fn look_again(context: &Context, id: &str, hold: bool, view: &mut View, last: &Execution) -> Result<Answer, Error> {
    let since = Instant::now();
    loop {
        let request = context.client.get(&["executions", id]);
        let request = if hold { request.query("wait", format!("{}ms", HOLD.as_millis())).waiting(HOLD) } else { request };
        let sent = request.send();
        tokio::pin!(sent);
        let result = loop {
            tokio::select! {
                result = &mut sent => break result,
                () = sleep(FRAME), if view.is_live() => view.show(last)?,
            }
        };
        match result {
            Err(Error::Failed { code, .. }) if code != "unexpected_answer" && since.elapsed() < GONE_MAX => {
                view.say_unreachable(context.client.address())?;
                sleep(FRAME * 5).await;
            }
            other => return other,
        }
    }
}

/// Whether something has happened.
struct News {
    stream: Option<Stream>,
}

impl News {
    async fn open(context: &Context, id: &str) -> News {
        let request = context.client.get(&["executions", id, "stream"]);
        // The stream may be refused or missing; then the server is asked again and again.
        News { stream: request.stream().await.ok() }
    }

    /// Waits for news, while the view keeps moving. At once when there is no stream.
    async fn wait(&mut self, view: &mut View, execution: &Execution) -> Result<(), Error> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let latest = Instant::now() + LOOK_EVERY_MAX;
        loop {
            tokio::select! {
                changed = stream.changed() => {
                    if changed.is_none() {
                        self.stream = None;
                    }
                    return Ok(());
                }
                () = sleep_until(latest) => return Ok(()),
                () = sleep(FRAME), if view.is_live() => view.show(execution)?,
            }
        }
    }
}

/// What a person sees meanwhile.
enum View {
    /// Drawn in place; how many lines stand there, and the number of the frame.
    Live {
        definition: Option<Definition>,
        drawn: usize,
        tick: usize,
    },
    /// A line for every change.
    Lines {
        before: Option<Box<Execution>>,
    },
    Nothing,
}

impl View {
    async fn new(context: &Context, execution: &Execution) -> View {
        match (context.json, output::is_terminal()) {
            (true, _) => View::Nothing,
            (false, true) => View::Live { definition: definition_of(context, execution).await, drawn: 0, tick: 0 },
            (false, false) => View::Lines { before: None },
        }
    }

    fn is_live(&self) -> bool {
        matches!(self, View::Live { .. })
    }

    fn show(&mut self, execution: &Execution) -> Result<(), Error> {
        let clock = Clock::here();
        match self {
            View::Nothing => Ok(()),
            View::Live { definition, drawn, tick } => {
                let width = output::width().unwrap_or(80);
                let lines = render::live(execution, definition.as_ref(), &clock, width, *tick);
                let frame = redraw(&lines, *drawn);
                (*drawn, *tick) = (lines.len(), *tick + 1);
                output::print_raw(&frame)
            }
            View::Lines { before } => {
                if before.is_none() {
                    output::line(&format!("started {} {}", clean(&execution.id), dim(&clean(&execution.workflow_id))))?;
                }
                for line in render::lines_of_change(before.as_deref(), execution, &clock) {
                    output::line(&line)?;
                }
                *before = Some(Box::new(execution.clone()));
                Ok(())
            }
        }
    }

    fn say_unreachable(&mut self, address: &str) -> Result<(), Error> {
        match self {
            View::Nothing | View::Lines { .. } => Ok(()),
            View::Live { drawn, .. } => {
                *drawn += 1;
                output::print_raw(&format!(
                    "\r\u{1b}[K  {}\n",
                    painted(look("retrying").style, &format!("{address} does not answer; trying again"))
                ))
            }
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.is_live() { output::line("") } else { Ok(()) }
    }
}

/// Goes back over what was drawn and draws `lines` in its place.
fn redraw(lines: &[String], drawn: usize) -> String {
    let up = if drawn > 0 { format!("\u{1b}[{drawn}A") } else { String::new() };
    let lines: String = lines.iter().map(|line| format!("\r{line}\u{1b}[K\n")).collect();
    format!("{up}{lines}\u{1b}[J")
}

/// How it ended: the output, or the error and what helps.
fn outcome(execution: &Execution) -> String {
    let took = execution.completed_at.map_or(0, |end| (end - execution.started_at).max(0).unsigned_abs());
    let head = look(&execution.status).with(&format!("{} in {}", clean(&execution.status), span(took)));
    match (execution.status.as_str(), &execution.output) {
        ("completed", Some(output)) => format!("{head}\n{}\n", clean(&pretty(output.get(), output::width().unwrap_or(100)))),
        ("completed", None) => format!("{head}\n"),
        ("failed", _) => {
            let error = execution.error.as_deref().map(clean).unwrap_or_default();
            let id = clean(&execution.id);
            format!("{head}: {error}\n  {} goes on from the step that failed\n", code(&format!("workflow retry {id}")))
        }
        _ => format!("{head}\n"),
    }
}
