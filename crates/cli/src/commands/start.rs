//! `workflow start` and `replay`.

use serde::Serialize;
use workflow_core::json::Json;

use super::Context;
use super::bulk;
use super::wait;
use crate::args::{JsonInput, Replay, Start};
use crate::client::model::Execution;
use crate::client::{Answer, body};
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::{clean, code, dim, look};

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Json>,
}

pub async fn start(context: &Context, start: &Start) -> Result<(), Error> {
    let input = read(start.input.as_ref())?;
    let request = context.client.post(&["workflows", &start.workflow, "executions"]).key(start.idempotency_key.as_deref());
    let answer = request.json(body(&Body { input })).send().await?;
    follow(context, answer, start.wait, "started").await
}

pub async fn replay(context: &Context, replay: &Replay) -> Result<(), Error> {
    if bulk::is_meant(&replay.ids, &replay.many)? {
        if replay.input.is_some() || replay.wait {
            return Err(Error::usage(
                "--input and --wait are for one execution; with filters each is replayed with its own input",
            ));
        }
        return bulk::run(context, "replay", &replay.many, replay.idempotency_key.as_deref()).await;
    }
    let [id] = replay.ids.as_slice() else {
        return Err(Error::usage("one execution is replayed at a time; filters such as --workflow mean several"));
    };
    let input = read(replay.input.as_ref())?;
    let request = context.client.post(&["executions", id, "replay"]).key(replay.idempotency_key.as_deref());
    let answer = request.json(body(&Body { input })).send().await?;
    follow(context, answer, replay.wait, "replayed as").await
}

fn read(input: Option<&JsonInput>) -> Result<Option<Json>, Error> {
    input.map(|input| input.json("--input")).transpose()
}

async fn follow(context: &Context, answer: Answer, wait: bool, what: &str) -> Result<(), Error> {
    if context.json && !wait {
        return output::json(&answer.text);
    }
    let execution: Execution = answer.read()?;
    if wait {
        return wait::until_ended(context, answer, execution).await;
    }
    // An idempotency key that was used before answers what it started then.
    let what = if answer.status == 200 { "was there already:" } else { what };
    output::line(&format!(
        "{} {what} {} {}",
        look("completed").painted_glyph(),
        clean(&execution.id),
        dim(&format!("({} v{})", clean(&execution.workflow_id), execution.workflow_version))
    ))?;
    if output::is_terminal() {
        output::line(&format!(
            "  {} shows how it goes",
            code(&program::command(format_args!("watch {}", clean(&execution.id))))
        ))?;
    }
    Ok(())
}
