//! `workflow pause`, `resume`, `cancel`, `retry` and `delete-execution`: one or more executions, each answered on a line of its own.

use super::Context;
use super::bulk;
use crate::args::Control;
use crate::client::model::Execution;
use crate::error::Error;
use crate::output;
use crate::render::{self, clean, dim, look};

#[derive(Debug, Clone, Copy)]
pub enum Call {
    Pause,
    Resume,
    Cancel,
    Retry,
}

impl Call {
    fn path(self) -> &'static str {
        match self {
            Call::Pause => "pause",
            Call::Resume => "resume",
            Call::Cancel => "cancel",
            Call::Retry => "retry",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Call::Pause => "paused",
            Call::Resume => "resumed",
            Call::Cancel => "cancelled",
            Call::Retry => "retried",
        }
    }
}

pub async fn run(context: &Context, call: Call, control: &Control) -> Result<(), Error> {
    if bulk::is_meant(&control.ids, &control.many)? {
        return bulk::run(context, call.path(), &control.many, control.idempotency_key.as_deref()).await;
    }
    each(context, &control.ids, async |id| {
        let request = context.client.post(&["executions", id, call.path()]).key(control.idempotency_key.as_deref());
        let answer = request.send().await?;
        let execution: Execution = answer.read()?;
        let now = dim(&format!("({}, now {})", clean(&execution.workflow_id), clean(&execution.status)));
        let line = format!("{} {} {} {now}", look("completed").painted_glyph(), call.done(), clean(id));
        Ok(Answered { line, json: answer.text })
    })
    .await
}

/// `workflow delete-execution`.
pub async fn delete(context: &Context, ids: &[String]) -> Result<(), Error> {
    each(context, ids, async |id| {
        let answer = context.client.delete(&["executions", id]).send().await?;
        let line = format!("{} deleted {}", look("completed").painted_glyph(), clean(id));
        Ok(Answered { line, json: answer.text })
    })
    .await
}

/// What one call gave.
#[derive(Debug)]
pub struct Answered {
    pub line: String,
    pub json: String,
}

/// Calls once for each id. A refusal does not stop the others; a server that cannot be reached does. With `--json` one id gives
/// the server's answer, several an array of answers and problems in the order of the ids.
pub async fn each(context: &Context, ids: &[String], call: impl AsyncFn(&str) -> Result<Answered, Error>) -> Result<(), Error> {
    let mut answers = Vec::new();
    let mut refused = 0;
    for id in ids {
        match call(id).await {
            Ok(answered) if context.json => answers.push(answered.json),
            Ok(answered) => output::line(&answered.line)?,
            Err(error @ Error::Refused(_)) => {
                refused += 1;
                if let Some(text) = render::error(&error) {
                    output::complain(&text);
                }
                answers.extend(error.json());
            }
            Err(error) => return Err(error),
        }
    }
    if context.json {
        let text = if ids.len() == 1 { answers.remove(0) } else { format!("[{}]", answers.join(",")) };
        output::json(&text)?;
    }
    if refused > 0 { Err(Error::Reported) } else { Ok(()) }
}
