//! `--wait`: follows an execution to its end, in place on a terminal, line by line elsewhere.
//!
//! The stream of the execution only says when to look again. Without it (an old server, a proxy in between) the server is asked to
//! hold its answer for a moment, which shows the end at once and steps within a second.

mod view;

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Context;
use crate::client::model::Execution;
use crate::client::{Answer, Stream};
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::{clean, code, look, pretty, span};
use view::View;

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
        output::json(&answer.text)?;
    } else {
        output::print(&outcome(&execution))?;
    }
    if execution.status == "completed" { Ok(()) } else { Err(Error::Reported) }
}

fn detached(id: &str) -> Error {
    let id = clean(id);
    output::complain(&format!(
        "\n{id} goes on without you\n  {} {id}   how it goes\n  {} {id}   stop it",
        program::command("status"),
        program::command("cancel"),
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
        news.listen_again(context, &execution).await;
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
                view.server_is_gone(context.client.address())?;
                view.show(last)?;
                sleep(FRAME).await;
            }
            other => {
                view.server_is_back();
                return other;
            }
        }
    }
}

/// Whether something has happened.
struct News {
    stream: Option<Stream>,
    broke: bool,
}

impl News {
    async fn open(context: &Context, id: &str) -> News {
        let request = context.client.get(&["executions", id, "stream"]);
        // The stream may be refused or missing; then the server is asked again and again.
        News { stream: request.stream().await.ok(), broke: false }
    }

    /// A stream that broke off is opened again once the server answers: it may be another one by now.
    async fn listen_again(&mut self, context: &Context, execution: &Execution) {
        if self.broke && !execution.has_ended() {
            *self = News::open(context, &execution.id).await;
        }
    }

    /// Waits for news, while the view keeps moving. At once when there is no stream.
    async fn wait(&mut self, view: &mut View, execution: &Execution) -> Result<(), Error> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let latest = Instant::now() + LOOK_EVERY_MAX;
        loop {
            tokio::select! {
                changed = stream.changed() => {
                    if changed.is_none() {
                        (self.stream, self.broke) = (None, true);
                    }
                    return Ok(());
                }
                () = sleep_until(latest) => return Ok(()),
                () = sleep(FRAME), if view.is_live() => view.show(execution)?,
            }
        }
    }
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
            format!(
                "{head}: {error}\n  {} goes on from the step that failed\n",
                code(&program::command(format_args!("retry {id}")))
            )
        }
        _ => format!("{head}\n"),
    }
}
