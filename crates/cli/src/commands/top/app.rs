//! What is on the screen, and what keys do to it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::source::{News, Seen};
use crate::client::model::Summary;
use crate::client::overview::{Action as Provided, ErrorKind, Worker};
use crate::render::{Clock, Watched};

#[derive(Debug)]
pub struct App {
    pub address: String,
    pub seen: Option<Seen>,
    /// Since when nothing is heard, and why.
    pub lost: Option<(i64, String)>,
    pub focus: List,
    /// The row of each list.
    pub chosen: [usize; 3],
    pub filter: String,
    pub is_typing: bool,
    /// What is seen stays as it is.
    pub is_held: bool,
    pub shows_help: bool,
    pub open: Option<Open>,
}

#[derive(Debug)]
pub enum Open {
    Execution { id: String, watched: Option<Box<Watched>>, why_not: Option<String> },
    Error(Box<ErrorKind>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    Attention,
    Errors,
    Workers,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    None,
    Quit,
}

/// A row of the third list.
#[derive(Debug, Clone, Copy)]
pub enum Provider<'a> {
    /// Nobody provides it, and somebody waits.
    Wanted(&'a Provided),
    Worker(&'a Worker),
}

impl App {
    pub fn new(address: String) -> App {
        App {
            address,
            seen: None,
            lost: None,
            focus: List::Attention,
            chosen: [0; 3],
            filter: String::new(),
            is_typing: false,
            is_held: false,
            shows_help: false,
            open: None,
        }
    }

    pub fn news(&mut self, news: News, clock: &Clock) {
        match news {
            News::Seen(seen) => {
                self.lost = None;
                if !self.is_held {
                    // The row that was chosen stays chosen, wherever it is now.
                    let id = self.attention().get(self.chosen[0]).map(|row| row.id.clone());
                    self.seen = Some(*seen);
                    if let Some(place) = id.and_then(|id| self.attention().iter().position(|row| row.id == id)) {
                        self.chosen[0] = place;
                    }
                }
            }
            News::Lost(why) => self.lost = Some(self.lost.take().map_or((clock.now, why.clone()), |(since, _)| (since, why))),
            News::Opened(now) => {
                if let Some(Open::Execution { id, watched, why_not }) = &mut self.open
                    && *id == now.execution.id
                    && !self.is_held
                {
                    (*watched, *why_not) = (Some(now), None);
                }
            }
            News::NotOpened(why) => {
                if let Some(Open::Execution { why_not, .. }) = &mut self.open {
                    *why_not = Some(why);
                }
            }
        }
        self.stay_within();
    }

    /// The execution that is to be asked for.
    pub fn opened(&self) -> Option<&str> {
        match &self.open {
            Some(Open::Execution { id, .. }) => Some(id),
            _ => None,
        }
    }

    pub fn key(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::None;
        }
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Action::Quit;
        }
        if self.is_typing {
            self.typed(key.code);
        } else if self.shows_help {
            self.shows_help = false;
        } else {
            match key.code {
                KeyCode::Char('q') if self.open.is_none() => return Action::Quit,
                KeyCode::Esc | KeyCode::Backspace | KeyCode::Left | KeyCode::Char('q') => self.back(),
                code => self.pressed(code),
            }
        }
        self.stay_within();
        Action::None
    }

    fn back(&mut self) {
        if self.open.take().is_none() {
            self.filter.clear();
        }
    }

    fn typed(&mut self, code: KeyCode) {
        const FILTER_CHARACTERS_MAX: usize = 100;
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c) if !c.is_control() && self.filter.chars().count() < FILTER_CHARACTERS_MAX => self.filter.push(c),
            _ => {}
        }
    }

    fn pressed(&mut self, code: KeyCode) {
        const PAGE: usize = 10;
        let chosen = &mut self.chosen[self.focus as usize];
        match code {
            KeyCode::Down | KeyCode::Char('j') => *chosen += 1,
            KeyCode::Up | KeyCode::Char('k') => *chosen = chosen.saturating_sub(1),
            KeyCode::PageDown => *chosen += PAGE,
            KeyCode::PageUp => *chosen = chosen.saturating_sub(PAGE),
            KeyCode::Home | KeyCode::Char('g') => *chosen = 0,
            KeyCode::End | KeyCode::Char('G') => *chosen = usize::MAX,
            KeyCode::Tab => self.focus = self.focus.next(),
            KeyCode::BackTab => self.focus = self.focus.next().next(),
            KeyCode::Enter | KeyCode::Right => self.enter(),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char('p' | ' ') => self.is_held = !self.is_held,
            KeyCode::Char('?') => self.shows_help = true,
            _ => {}
        }
    }

    fn enter(&mut self) {
        let execution = |id: String| Open::Execution { id, watched: None, why_not: None };
        let chosen = self.chosen[self.focus as usize];
        let next = match (&self.open, self.focus) {
            // From a kind of error on to the newest execution that shows it.
            (Some(Open::Error(kind)), _) => Some(execution(kind.sample.execution_id.clone())),
            (Some(Open::Execution { .. }), _) | (None, List::Workers) => None,
            (None, List::Attention) => self.attention().get(chosen).map(|row| execution(row.id.clone())),
            (None, List::Errors) => self.errors().get(chosen).map(|kind| Open::Error(Box::new((*kind).clone()))),
        };
        self.open = next.or(self.open.take());
    }

    fn stay_within(&mut self) {
        let lengths = [self.attention().len(), self.errors().len(), self.providers().len()];
        for (chosen, length) in self.chosen.iter_mut().zip(lengths) {
            *chosen = (*chosen).min(length.saturating_sub(1));
        }
    }

    fn matches(&self, texts: &[&str]) -> bool {
        let wanted = self.filter.to_lowercase();
        wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    /// Rows of the first list that the filter lets through.
    pub fn attention(&self) -> Vec<&Summary> {
        let rows = self.seen.iter().flat_map(|seen| &seen.attention);
        rows.filter(|row| self.matches(&[&row.id, &row.workflow_id, row.error.as_deref().unwrap_or("")])).collect()
    }

    pub fn errors(&self) -> Vec<&ErrorKind> {
        let kinds = self.seen.iter().filter_map(|seen| seen.errors.as_ref()).flat_map(|errors| &errors.errors);
        kinds.filter(|kind| self.matches(&[&kind.template, kind.code.as_deref().unwrap_or(""), &kind.fingerprint])).collect()
    }

    pub fn providers(&self) -> Vec<Provider<'_>> {
        let Some(seen) = &self.seen else { return Vec::new() };
        let wanted = seen
            .actions
            .iter()
            .flat_map(|actions| &actions.actions)
            .filter(|action| action.providers.is_empty() && action.waiting > 0);
        let wanted = wanted.filter(|action| self.matches(&[&action.action])).map(Provider::Wanted);
        let has = |worker: &&Worker| self.matches(&[&worker.name]) || worker.actions.iter().any(|action| self.matches(&[action]));
        wanted.chain(seen.workers.iter().flat_map(|workers| &workers.workers).filter(has).map(Provider::Worker)).collect()
    }
}

impl List {
    fn next(self) -> List {
        match self {
            List::Attention => List::Errors,
            List::Errors => List::Workers,
            List::Workers => List::Attention,
        }
    }
}
