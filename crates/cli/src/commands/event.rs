//! `workflow event`.

use serde::Serialize;
use workflow_core::json::Json;

use super::Context;
use crate::args::Event;
use crate::client::body;
use crate::client::model::EventAnswer;
use crate::error::Error;
use crate::output;
use crate::render::{clean, code, counted, dim, look};

#[derive(Serialize)]
struct Body<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

pub async fn run(context: &Context, event: &Event) -> Result<(), Error> {
    let data = event.data.as_ref().map(|data| data.json("--data")).transpose()?;
    let request = Body { event: &event.event, data, id: event.id.as_deref() };
    let answer = context.client.post(&["events"]).json(body(&request)).send().await?;
    let text = answer.text.clone();
    let answer: EventAnswer = answer.read()?;
    if context.json {
        output::json(&text)?;
    } else {
        show(event, &answer)?;
    }
    if answer.refused.is_empty() { Ok(()) } else { Err(Error::Reported) }
}

fn show(event: &Event, answer: &EventAnswer) -> Result<(), Error> {
    for execution in &answer.executions {
        let workflow = dim(&clean(&execution.workflow_id));
        output::line(&format!("{} started {} {workflow}", look("completed").painted_glyph(), clean(&execution.id)))?;
    }
    for refused in &answer.refused {
        let (name, message) = (code(&clean(&refused.workflow_id)), clean(&refused.message));
        let glyph = look("failed").painted_glyph();
        output::complain(&format!("{glyph} {name} was not started: {message} {}", dim(&format!("[{}]", clean(&refused.code)))));
    }
    match answer.executions.len() {
        0 if answer.refused.is_empty() => output::line(&format!("no workflow listens to {}", code(&clean(&event.event)))),
        0 | 1 => Ok(()),
        started => output::line(&dim(&counted(started, "execution"))),
    }
}
