//! What a person sees while an execution goes on.

use crate::client::model::{Definition, Execution};
use crate::commands::Context;
use crate::commands::executions::definition_of;
use crate::error::Error;
use crate::output;
use crate::render::{self, Clock, clean, dim, look, painted};

pub enum View {
    /// Drawn in place, on a terminal.
    Live(Live),
    /// A line for every change, for a log.
    Lines { before: Option<Box<Execution>>, server_is_gone: bool },
    /// Only the end is wanted.
    Nothing,
}

pub struct Live {
    definition: Option<Definition>,
    place: output::Live,
    tick: usize,
    notice: Option<String>,
}

impl View {
    pub async fn new(context: &Context, execution: &Execution) -> View {
        match (context.json, output::is_live()) {
            (true, _) => View::Nothing,
            (false, true) => {
                let definition = definition_of(context, execution).await;
                View::Live(Live { definition, place: output::Live::new(), tick: 0, notice: None })
            }
            (false, false) => View::Lines { before: None, server_is_gone: false },
        }
    }

    pub fn is_live(&self) -> bool {
        matches!(self, View::Live(_))
    }

    pub fn show(&mut self, execution: &Execution) -> Result<(), Error> {
        let clock = Clock::here();
        match self {
            View::Nothing => Ok(()),
            View::Live(live) => live.draw(execution, &clock),
            View::Lines { before, .. } => {
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

    /// The server does not answer: that is said once, and what was seen last stays.
    pub fn server_is_gone(&mut self, address: &str) -> Result<(), Error> {
        let text = format!("  {address} does not answer; the execution survives that, trying again");
        let text = painted(look("retrying").style, &text);
        match self {
            View::Live(live) => live.notice = Some(text),
            View::Lines { server_is_gone: said @ false, .. } => {
                *said = true;
                output::json(&text)?;
            }
            View::Lines { .. } | View::Nothing => {}
        }
        Ok(())
    }

    pub fn server_is_back(&mut self) {
        match self {
            View::Live(live) => live.notice = None,
            View::Lines { server_is_gone, .. } => *server_is_gone = false,
            View::Nothing => {}
        }
    }

    pub fn end(&mut self) -> Result<(), Error> {
        if self.is_live() { output::line("") } else { Ok(()) }
    }
}

impl Live {
    fn draw(&mut self, execution: &Execution, clock: &Clock) -> Result<(), Error> {
        let width = output::width().unwrap_or(80);
        let mut lines = render::live(execution, self.definition.as_ref(), clock, width, self.tick);
        lines.extend(self.notice.clone());
        self.tick += 1;
        self.place.draw(&lines)
    }
}
