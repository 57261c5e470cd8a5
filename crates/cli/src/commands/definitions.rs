//! `workflow register`, `definitions` and `delete`.

use super::Context;
use super::control::{Answered, each};
use super::files::{Loaded, load};
use super::validate::{findings, print_findings};
use crate::args::Files;
use crate::client::Problem;
use crate::client::model::{Definition, Workflows};
use crate::diagnostics::{self, Document, Finding, Severity, Source};
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::{self, Clock, clean, code, counted, dim, look};

/// Files are all read before anything is registered: half a deployment helps nobody.
pub async fn register(context: &Context, files: &Files) -> Result<(), Error> {
    let mut sources = Vec::new();
    let mut unreadable = false;
    for path in &files.files {
        match load(path)? {
            Loaded::Source(source) if source.documents.is_empty() => {
                return Err(Error::failed("no_definition", format!("{} holds no definition", source.name)));
            }
            Loaded::Source(source) => sources.push(source),
            Loaded::Unreadable { name, text, error } => {
                output::complain(&diagnostics::unreadable(&error, &name, &text));
                unreadable = true;
            }
        }
    }
    if unreadable {
        return Err(Error::failed("unreadable", "nothing was registered"));
    }
    let mut answers = Vec::new();
    let mut refused = false;
    for source in &sources {
        for document in &source.documents {
            let answer = register_one(context, source, document).await?;
            refused |= answer.is_err();
            answers.push(answer.unwrap_or_else(|problem| problem));
        }
    }
    if context.json {
        let is_one = answers.len() == 1;
        output::line(&if is_one { answers.remove(0) } else { format!("[{}]", answers.join(",")) })?;
    }
    if refused { Err(Error::Reported) } else { Ok(()) }
}

#[derive(serde::Deserialize)]
struct Registered {
    #[serde(flatten)]
    definition: Definition,
    #[serde(default)]
    diagnostics: Vec<Finding>,
}

/// The server's JSON; of a refusal as `Err`. Both have been shown.
async fn register_one(context: &Context, source: &Source, document: &Document) -> Result<Result<String, String>, Error> {
    let Some(id) = document.text_of("id").filter(|id| !id.is_empty()) else {
        // Without an id there is nothing to ask the server for.
        let problem = Problem::local("invalid_definition", "a definition has no `id`, or one that is no text");
        return Ok(Err(refused(context, source, document, &problem)?));
    };
    let request = context.client.put(&["workflows", id]).json(document.json.text());
    match request.send().await {
        Ok(answer) => {
            if !context.json {
                let registered: Registered = answer.read()?;
                print_findings(source, document, &registered.diagnostics)?;
                output::line(&registered_line(&registered.definition, answer.status))?;
            }
            Ok(Ok(answer.text))
        }
        Err(Error::Refused(problem)) => Ok(Err(refused(context, source, document, &problem)?)),
        Err(error) => Err(error),
    }
}

fn registered_line(definition: &Definition, status: u16) -> String {
    let version = format!("v{}", definition.version);
    let what = if status == 201 { "registered" } else { "unchanged" };
    let steps = counted(definition.steps.len(), "step");
    let glyph = look("completed").painted_glyph();
    format!("{glyph} {what} {} {version} {}", code(&clean(&definition.id)), dim(&format!("({steps})")))
}

/// Shows a refusal, and answers it as JSON.
fn refused(context: &Context, source: &Source, document: &Document, problem: &Problem) -> Result<String, Error> {
    if context.json {
        return Ok(problem.json());
    }
    let own = || findings(document).into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    let found: Vec<Finding> = if problem.diagnostics.is_empty() { own() } else { problem.diagnostics.clone() };
    print_findings(source, document, &found)?;
    let summary = match diagnostics::summary(&found) {
        Some(summary) => format!("it has {summary}"),
        None => clean(&problem.detail),
    };
    let name = code(&clean(document.text_of("id").unwrap_or(&source.name)));
    output::complain(&format!("{} {name} was not registered: {summary}", look("failed").painted_glyph()));
    Ok(String::new())
}

pub async fn list(context: &Context) -> Result<(), Error> {
    let answer = context.client.get(&["workflows"]).send().await?;
    let workflows: Workflows = answer.read()?;
    if context.json {
        return output::json(&array(workflows.workflows.iter().map(|workflow| workflow.get())));
    }
    if workflows.workflows.is_empty() {
        return output::line(&format!("no definition is registered; `{}` adds one", program::command("register FILE")));
    }
    let definitions = read_all::<Definition>(workflows.workflows.iter().map(|workflow| workflow.get()))?;
    output::print(&render::definitions(&definitions, &Clock::here(), output::width()))
}

pub async fn delete(context: &Context, ids: &[String]) -> Result<(), Error> {
    each(context, ids, async |id| {
        let answer = context.client.delete(&["workflows", id]).send().await?;
        let note = "executions that run finish on their version";
        Ok(Answered {
            line: format!("{} deleted {} {}", look("completed").painted_glyph(), code(&clean(id)), dim(&format!("({note})"))),
            json: answer.text,
        })
    })
    .await
}

/// JSON texts as one array.
pub fn array<'a>(values: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

/// Reads each of some JSON texts.
pub fn read_all<'a, T: serde::de::DeserializeOwned>(values: impl Iterator<Item = &'a str>) -> Result<Vec<T>, Error> {
    let read = |text: &str| {
        serde_json::from_str(text)
            .map_err(|error| Error::failed("unexpected_answer", format!("the server's answer is not understood: {error}")))
    };
    values.map(read).collect()
}
