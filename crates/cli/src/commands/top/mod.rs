//! `workflow top`: what goes on in a server, live.
//!
//! `source` asks the server again and again, `app` is what is on the screen and what keys do to it, `view` draws it; the last two
//! are pure. Here are the terminal and the loop. The terminal is given back however this ends.

mod app;
mod source;
mod styled;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Context;
use super::watch::interrupted;
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::Clock;
use app::{Action, App};
use source::News;

/// How often clocks on the screen move.
const FRAME: Duration = Duration::from_millis(250);
const KEYS_POLL: Duration = Duration::from_millis(100);

pub async fn run(context: &Context) -> Result<(), Error> {
    if context.json {
        return output::json(&source::once(context).await?);
    }
    // A server that is not there, or that refuses, is told of before the screen is taken.
    let first = source::look(&context.client).await?;
    if !output::is_live() {
        let (json, list) = (program::command("top --json"), program::command("list"));
        return Err(Error::usage(format!("`top` draws on a terminal, and this is none; `{json}` and `{list}` do not")));
    }
    let mut app = App::new(context.client.address().to_owned());
    app.news(News::Seen(Box::new(first)), &Clock::here());
    let screen = Screen::take()?;
    tokio::select! {
        ended = show(context, &mut app, screen) => ended,
        // The screen is given back when its future is dropped.
        () = interrupted() => Err(Error::Ended { code: Error::INTERRUPTED }),
    }
}

/// The terminal while it is ours.
struct Screen {
    terminal: ratatui::DefaultTerminal,
    is_over: Arc<AtomicBool>,
}

impl Screen {
    fn take() -> Result<Screen, Error> {
        let terminal =
            ratatui::try_init().map_err(|error| Error::failed("terminal", format!("cannot draw on this terminal: {error}")))?;
        Ok(Screen { terminal, is_over: Arc::new(AtomicBool::new(false)) })
    }

    /// Keys come from a thread: the terminal cannot be waited for in any other way.
    fn keys(&self) -> UnboundedReceiver<Event> {
        let (sender, receiver) = unbounded_channel();
        let is_over = self.is_over.clone();
        std::thread::spawn(move || read_keys(&sender, &is_over));
        receiver
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        ratatui::restore();
    }
}

fn read_keys(sender: &UnboundedSender<Event>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        match event::poll(KEYS_POLL) {
            Ok(false) => {}
            Ok(true) => {
                let Ok(event) = event::read() else { return };
                if sender.send(event).is_err() {
                    return;
                }
            }
            // The terminal is gone.
            Err(_) => return,
        }
    }
}

async fn show(context: &Context, app: &mut App, mut screen: Screen) -> Result<(), Error> {
    let mut keys = screen.keys();
    let (sender, mut news) = unbounded_channel();
    let wanted = source::Wanted::default();
    let source = tokio::spawn(source::ask(context.client.clone(), wanted.clone(), sender));
    let failed = |error: std::io::Error| Error::failed("terminal", format!("cannot draw on this terminal: {error}"));
    let looks = view::Looks { ascii: output::is_ascii(), colours: output::wants_colours() };
    let ended = loop {
        if let Err(error) = screen.terminal.draw(|frame| view::draw(frame, app, &Clock::here(), looks)) {
            break Err(failed(error));
        }
        tokio::select! {
            event = keys.recv() => match event {
                None => break Ok(()),
                Some(Event::Key(key)) => match app.key(key) {
                    Action::Quit => break Ok(()),
                    Action::None => {}
                },
                Some(_) => {}
            },
            Some(heard) = news.recv() => app.news(heard, &Clock::here()),
            () = tokio::time::sleep(FRAME) => {}
        }
        wanted.open(app.opened());
    };
    source.abort();
    ended
}
