//! `workflow graph`: the steps of an execution or of a workflow, drawn or as Mermaid.

use super::Context;
use super::executions::{definition_of, history_after};
use crate::args::{Graph, GraphFormat};
use crate::client::model::{Definition, Execution};
use crate::course::Course;
use crate::error::Error;
use crate::graph::{Size, draw, graph, legend, mermaid};
use crate::output;
use crate::render::{self, Clock, bold, dim, one_line};

/// Ids of executions begin with it; a workflow that is named so is asked for by `--workflow`.
const EXECUTION_PREFIX: &str = "exec_";

pub async fn run(context: &Context, arguments: &Graph) -> Result<(), Error> {
    let clock = Clock::here();
    let (definition, execution, course) = if arguments.id.starts_with(EXECUTION_PREFIX) {
        let (definition, execution, course) = of_execution(context, &arguments.id).await?;
        (definition, Some(execution), course)
    } else {
        (of_workflow(context, arguments).await?, None, Course::default())
    };
    let graph = graph(&definition, execution.as_ref(), &course, &clock);
    let title = format!("{} v{}", definition.id, definition.version);
    if arguments.format == GraphFormat::Mermaid {
        let title = execution.as_ref().map_or(title.clone(), |execution| format!("{title}, {}", execution.id));
        return output::data(&mermaid(&graph, &title));
    }
    let width = output::width().unwrap_or(usize::MAX - 4);
    let mut text = match &execution {
        None => format!("{} {}\n\n", bold(&one_line(&definition.id)), dim(&format!("v{}", definition.version))),
        Some(execution) => {
            let answer = render::answer(&render::facts(execution, Some(&definition), &course), &clock);
            let answer = render::wrap_styled(&answer.line(), width.saturating_sub(3));
            format!(
                "{}{}\n\n",
                render::heading(execution, Some(&definition)),
                answer.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
            )
        }
    };
    let size = Size { width: width.saturating_sub(2), height: None, unfolded: arguments.all };
    for line in draw(&graph, size) {
        text += format!("  {line}").trim_end();
        text.push('\n');
    }
    let legend = legend(&graph);
    if !legend.is_empty() {
        text += &format!("\n  {legend}\n");
    }
    output::print(&text)
}

async fn of_execution(context: &Context, id: &str) -> Result<(Definition, Execution, Course), Error> {
    let request = context.client.get(&["executions", id]).query("include", "reasons").query("history", "0");
    let execution: Execution = request.send().await?.read()?;
    let Some(definition) = definition_of(context, &execution).await else {
        let (workflow, version) = (one_line(&execution.workflow_id), execution.workflow_version);
        let message =
            format!("the definition of `{workflow}` v{version} cannot be had, so there is no graph; `status` shows its steps");
        return Err(Error::failed("no_definition", message));
    };
    let course = Course::of(&history_after(context, id, 0).await?);
    Ok((definition, execution, course))
}

async fn of_workflow(context: &Context, arguments: &Graph) -> Result<Definition, Error> {
    let path = ["workflows", arguments.id.as_str()];
    let version = arguments.workflow_version.map(|version| version.to_string());
    context.client.get(&path).query_maybe("version", version).send().await?.read()
}
