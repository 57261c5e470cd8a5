//! `workflow watch`: an execution from here to its end, drawn in place on a terminal, a line an entry of its history elsewhere.
//!
//! Entries come by the stream, and after a break from where it broke; each says when to look at the execution itself again, whose
//! statuses and reasons are shown. What has no entry (a worker that has come) is seen by looking now and then.

#[cfg(unix)]
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Context;
use super::executions::{definition_of, history_after};
use crate::client::Stream;
use crate::client::model::{Entry, Execution};
use crate::course::Course;
use crate::error::Error;
use crate::output::{self, Live};
use crate::program;
use crate::render::{self, Clock, Day, Watched, clean, look, painted};

const FRAME: Duration = Duration::from_millis(100);
const LOOK_EVERY_MIN: Duration = Duration::from_millis(80);
const LOOK_EVERY_MAX: Duration = Duration::from_secs(3);
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);
const NEWEST_MAX: usize = 20;

pub async fn run(context: &Context, id: &str) -> Result<(), Error> {
    let watched = tokio::select! {
        watched = watch(context, id) => watched?,
        () = interrupted() => {
            output::complain(&format!("\n{} goes on without you\n  {}   to come back", clean(id), program::command(format_args!("watch {}", clean(id)))));
            return Err(Error::Ended { code: Error::INTERRUPTED });
        }
    };
    match watched.status.as_str() {
        "completed" => Ok(()),
        "cancelled" => Err(Error::Ended { code: Error::CANCELLED }),
        _ => Err(Error::Reported),
    }
}

/// Ctrl-C, and what else asks a program to end: from this call on, and not only once it is waited for.
#[cfg(unix)]
pub fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals: Vec<Signal> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(move |context| {
        let came = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if came { Poll::Ready(()) } else { Poll::Pending }
    })
}

#[cfg(not(unix))]
pub async fn interrupted() {
    tokio::signal::ctrl_c().await.ok();
}

enum View {
    Live {
        place: Live,
        tick: usize,
    },
    Lines {
        day: Day,
        is_gone: bool,
    },
    /// Only the end is wanted.
    Nothing,
}

async fn watch(context: &Context, id: &str) -> Result<Execution, Error> {
    let (execution, mut text) = look_at(context, id).await?;
    let mut view = match (context.json, output::is_live()) {
        (true, _) => View::Nothing,
        (false, true) => View::Live { place: Live::new(), tick: 0 },
        (false, false) => View::Lines { day: Day::default(), is_gone: false },
    };
    let definition = definition_of(context, &execution).await;
    let mut watched = Watched { execution, definition, course: Course::default(), newest: Vec::new(), notice: None };
    loop {
        match follow(context, id, &mut watched, &mut view, &mut text).await {
            Ok(()) => break,
            // It survives that its server is started again.
            Err(Error::Failed { code, .. }) if code != "unexpected_answer" && code != "output" => {
                view.lost(context, &mut watched)?;
                let again = Instant::now() + TRY_AGAIN_AFTER;
                while Instant::now() < again {
                    view.show(&watched)?;
                    sleep_until((Instant::now() + FRAME).min(again)).await;
                }
            }
            Err(error) => return Err(error),
        }
    }
    watched.notice = None;
    view.end(&watched, &text)?;
    Ok(watched.execution)
}

async fn look_at(context: &Context, id: &str) -> Result<(Execution, String), Error> {
    let answer = context.client.get(&["executions", id]).query("include", "reasons").query("history", "0").send().await?;
    Ok((answer.read()?, answer.text))
}

/// As long as the connection lasts.
async fn follow(context: &Context, id: &str, watched: &mut Watched, view: &mut View, text: &mut String) -> Result<(), Error> {
    catch_up(context, id, watched, view).await?;
    let mut stream = open(context, id, watched).await?;
    let (mut looked, mut is_stale, mut is_over) = (None::<Instant>, true, false);
    view.back(watched);
    loop {
        let due = looked.map_or_else(Instant::now, |at| at + if is_stale { LOOK_EVERY_MIN } else { LOOK_EVERY_MAX });
        if Instant::now() >= due {
            (watched.execution, *text) = look_at(context, id).await?;
            (looked, is_stale) = (Some(Instant::now()), false);
            view.show(watched)?;
            if watched.execution.has_ended() {
                return catch_up(context, id, watched, view).await;
            }
        }
        let frame = if matches!(view, View::Live { .. }) { due.min(Instant::now() + FRAME) } else { due };
        tokio::select! {
            event = stream.next(), if !is_over => {
                let event = event.ok_or_else(|| Error::failed("connection_lost", "the stream ended"))?;
                match serde_json::from_str::<Entry>(&event.data) {
                    Ok(entry) if event.name.is_empty() => view.entry(watched, entry)?,
                    _ if event.name == "hello" => continue,
                    _ => {
                        // Nothing comes after its end.
                        is_over = event.name == "end";
                        catch_up(context, id, watched, view).await?;
                    }
                }
                is_stale = true;
            }
            () = sleep_until(frame) => view.show(watched)?,
        }
    }
}

async fn open(context: &Context, id: &str, watched: &Watched) -> Result<Stream, Error> {
    let request = context.client.get(&["executions", id, "stream"]).query("payloads", "none");
    request.query("after", watched.course.last_seq.to_string()).stream().await
}

/// What has happened since the newest entry that was seen.
async fn catch_up(context: &Context, id: &str, watched: &mut Watched, view: &mut View) -> Result<(), Error> {
    for entry in history_after(context, id, watched.course.last_seq).await? {
        view.entry(watched, entry)?;
    }
    Ok(())
}

impl View {
    fn entry(&mut self, watched: &mut Watched, entry: Entry) -> Result<(), Error> {
        if entry.seq <= watched.course.last_seq {
            return Ok(());
        }
        watched.course.add(&entry);
        if let View::Lines { day, .. } = self {
            let clock = Clock::here();
            output::print(&render::history(std::slice::from_ref(&entry), day, &clock, output::width()))?;
        }
        if watched.newest.len() >= NEWEST_MAX {
            watched.newest.remove(0);
        }
        watched.newest.push(entry);
        Ok(())
    }

    fn show(&mut self, watched: &Watched) -> Result<(), Error> {
        let View::Live { place, tick } = self else { return Ok(()) };
        *tick += 1;
        let (width, height) = (output::width().unwrap_or(80), output::height());
        place.draw(&render::watch(watched, &Clock::here(), width, height, *tick))
    }

    /// The server does not answer: that is said, and what was seen last stays.
    fn lost(&mut self, context: &Context, watched: &mut Watched) -> Result<(), Error> {
        let address = context.client.address();
        let notice = format!("{address} does not answer; the execution survives that, trying again");
        let notice = painted(look("retrying").style, &notice);
        match self {
            View::Live { .. } => watched.notice = Some(format!("  {notice}")),
            View::Lines { is_gone: is_gone @ false, .. } => {
                *is_gone = true;
                output::complain(&notice);
            }
            View::Lines { .. } | View::Nothing => {}
        }
        Ok(())
    }

    fn back(&mut self, watched: &mut Watched) {
        watched.notice = None;
        if let View::Lines { is_gone, .. } = self {
            *is_gone = false;
        }
    }

    fn end(&mut self, watched: &Watched, text: &str) -> Result<(), Error> {
        self.show(watched)?;
        let clock = Clock::here();
        match self {
            View::Nothing => output::json(text),
            View::Live { .. } => output::print(&render::outcome_hint(&watched.execution)),
            View::Lines { .. } => {
                let answer =
                    render::answer(&render::facts(&watched.execution, watched.definition.as_ref(), &watched.course), &clock);
                let glyph = look(&watched.execution.status).painted_glyph();
                output::line(&format!("\n{glyph} {}", answer.line()))
            }
        }
    }
}
