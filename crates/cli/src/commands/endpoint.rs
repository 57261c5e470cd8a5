//! `workflow endpoint add`, `list` and `remove`.

use serde::Serialize;

use super::Context;
use super::control::{Answered, each};
use super::definitions::{array, read_all};
use crate::args::EndpointAdd;
use crate::client::body;
use crate::client::model::{Endpoint, Endpoints};
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::{self, clean, code, dim, first_line, look};

#[derive(Serialize)]
struct Body<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<u32>,
}

pub async fn add(context: &Context, add: &EndpointAdd) -> Result<(), Error> {
    if let Some(timeout) = &add.timeout {
        workflow_core::duration::parse(timeout).map_err(|error| Error::usage(format!("--timeout: {error}")))?;
    }
    let request = Body {
        url: &add.endpoint_url,
        actions: (!add.actions.is_empty()).then_some(&add.actions),
        secret: secret(add)?,
        timeout: add.timeout.as_deref(),
        concurrency: add.concurrency,
    };
    let answer = context.client.put(&["endpoints", &add.name]).json(body(&request)).send().await?;
    if context.json {
        return output::json(&answer.text);
    }
    let endpoint: Endpoint = answer.read()?;
    let name = code(&clean(&endpoint.name));
    match &endpoint.unreachable {
        Some(why) => {
            let glyph = look("retrying").painted_glyph();
            output::line(&format!("{glyph} added {name}, but it does not answer: {}; it is asked again", first_line(why)))
        }
        None => {
            let actions = match endpoint.actions.as_slice() {
                [] => "no action".to_owned(),
                actions => clean(&actions.join(", ")),
            };
            output::line(&format!("{} added {name}: {actions}", look("completed").painted_glyph()))
        }
    }
}

/// Never an argument: those are seen by everyone on the machine.
fn secret(add: &EndpointAdd) -> Result<Option<String>, Error> {
    if let Some(variable) = &add.secret_env {
        let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
        return value.map(Some).ok_or_else(|| Error::usage(format!("--secret-env: the variable `{variable}` is not set")));
    }
    let Some(file) = &add.secret_file else { return Ok(None) };
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Error::usage(format!("--secret-file: cannot read {}: {error}", file.display())))?;
    match text.trim() {
        "" => Err(Error::usage(format!("--secret-file: {} is empty", file.display()))),
        secret => Ok(Some(secret.to_owned())),
    }
}

pub async fn list(context: &Context) -> Result<(), Error> {
    let answer = context.client.get(&["endpoints"]).send().await?;
    let endpoints: Endpoints = answer.read()?;
    let texts = || endpoints.endpoints.iter().map(|endpoint| endpoint.get());
    if context.json {
        return output::json(&array(texts()));
    }
    if endpoints.endpoints.is_empty() {
        return output::line(&format!("no endpoint; `{}` adds one", program::command("endpoint add NAME URL")));
    }
    output::print(&render::endpoints(&read_all::<Endpoint>(texts())?, output::width()))
}

pub async fn remove(context: &Context, names: &[String]) -> Result<(), Error> {
    each(context, names, async |name| {
        let answer = context.client.delete(&["endpoints", name]).send().await?;
        let note = dim("(calls in flight may finish)");
        let line = format!("{} removed {} {note}", look("completed").painted_glyph(), code(&clean(name)));
        Ok(Answered { line, json: answer.text })
    })
    .await
}
