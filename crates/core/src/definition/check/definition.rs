//! The fields of a definition.

use super::shape::{self, Fields, Known};
use super::step::{self, Draft};
use super::{advice, graph, reads};
use crate::definition::diagnostic::Code;
use crate::definition::link::link;
use crate::definition::report::{Finding, Pointer, Report};
use crate::definition::tree::{Kind, Node};
use crate::definition::{Definition, EventPattern, Step, StepsById, Trigger, stored};
use crate::expression::Expression;
use crate::id::WorkflowId;
use crate::json::Json;
use crate::limits::Limits;

const FIELDS: &[&str] = &["id", "name", "description", "steps", "triggers", "context", "timeout", "sensitive"];
/// Reserved until they are built.
const SCHEDULES: &str = "schedules";

/// Step numbers are 16 bits wide.
const STEPS_MAX: usize = 65_535;

/// `None`, or a definition that is of no use, when the report has errors.
pub(super) fn read(source: &Json, limits: &Limits, report: &mut Report) -> Option<Definition> {
    let at = Pointer::default();
    if source.len() > limits.payload_bytes_max {
        let (found, max) = (source.len(), limits.payload_bytes_max);
        let message = format!("the definition has {found} bytes, the limit is {max}");
        report.push(Finding::error(&at, Code::DefinitionTooLarge, message));
        return None;
    }
    let node = Node::of(source);
    let others: Vec<&str> = stored::ENGINE_FIELDS.iter().copied().chain([SCHEDULES]).collect();
    let fields = Fields::read(&node, &at, "a definition", &Known { fields: FIELDS, others: &others }, report)?;
    shape::read_everywhere(&node, &at, report);

    let id = read_id(&fields, report);
    let name = fields.text("name", report).map(str::to_owned);
    let description = fields.text("description", report).map(str::to_owned);
    let timeout = step::duration(&fields, "timeout", report);
    let context = read_context(&fields, report);
    let sensitive = step::sensitive(&fields, report);
    refuse_schedules(&fields, report);
    let steps = read_steps(&fields, limits, report);
    let triggers = read_triggers(&fields, report);

    let (steps, index) = steps?;
    let definition = Definition {
        id: id?,
        name,
        description,
        steps,
        triggers,
        context,
        timeout,
        sensitive,
        source: stored::without_engine_fields(source),
        index,
    };
    if !report.has_errors() {
        advice::give(&definition, report);
    }
    Some(definition)
}

fn read_id(fields: &Fields<'_, '_>, report: &mut Report) -> Option<WorkflowId> {
    let id = fields.required_text("id", "`\"id\": \"order-processing\"`", report)?;
    match WorkflowId::new(id) {
        Ok(id) => Some(id),
        Err(error) => {
            report.push(Finding::error(&fields.at("id"), Code::InvalidWorkflowId, error.to_string()));
            None
        }
    }
}

fn read_context(fields: &Fields<'_, '_>, report: &mut Report) -> Json {
    let Some(node) = fields.get("context") else {
        return Json::empty_object();
    };
    if !matches!(node.kind, Kind::Object(_)) {
        shape::wrong_type(node, &fields.at("context"), "`context` is an object", report);
    }
    node.to_json()
}

fn refuse_schedules(fields: &Fields<'_, '_>, report: &mut Report) {
    if fields.get(SCHEDULES).is_some_and(|node| !matches!(&node.kind, Kind::Array(schedules) if schedules.is_empty())) {
        let message = "schedules are not supported yet";
        let help = "start executions from outside (cron and `workflow start`), or by an event".to_owned();
        report.push(Finding::error(&fields.at(SCHEDULES), Code::NotSupported, message).help(help));
    }
}

fn read_steps(fields: &Fields<'_, '_>, limits: &Limits, report: &mut Report) -> Option<(Vec<Step>, StepsById)> {
    let at = fields.at("steps");
    if fields.get("steps").is_none() {
        fields.missing("steps", "`\"steps\": [{\"id\": \"charge\", \"action\": \"chargeCard\"}]`", report);
    }
    let nodes = fields.list("steps", report)?;
    let max = limits.steps_max.min(STEPS_MAX);
    if nodes.is_empty() {
        report.push(Finding::error(&at, Code::NoSteps, "a definition has at least one step, found none"));
        return None;
    }
    if nodes.len() > max {
        let message = format!("a definition has at most {max} steps, found {}", nodes.len());
        report.push(Finding::error(&at, Code::TooManySteps, message));
        return None;
    }
    let drafts: Vec<Draft<'_>> =
        nodes.iter().enumerate().map(|(index, node)| step::read(node, &at.index(index), report)).collect();
    let graph = graph::read(&drafts, report);
    reads::check(&drafts, &graph, report);
    let mut steps = graph::into_steps(drafts, &graph)?;
    let index = link(&mut steps);
    Some((steps, index))
}

fn read_triggers(fields: &Fields<'_, '_>, report: &mut Report) -> Vec<Trigger> {
    let at = fields.at("triggers");
    let nodes = fields.list("triggers", report).unwrap_or_default();
    nodes.iter().enumerate().filter_map(|(index, node)| read_trigger(node, &at.index(index), report)).collect()
}

fn read_trigger(node: &Node<'_>, at: &Pointer, report: &mut Report) -> Option<Trigger> {
    let fields = Fields::read(node, at, "a trigger", &Known { fields: &["event", "condition"], others: &[] }, report)?;
    let condition = expression(&fields, "condition", report);
    let event = fields.required_text("event", "`\"event\": \"Customer.created\"`", report)?;
    match EventPattern::parse(event) {
        Ok(event) => Some(Trigger { event, condition }),
        Err(error) => {
            report.push(Finding::error(&fields.at("event"), Code::InvalidEventPattern, error.to_string()));
            None
        }
    }
}

/// The expression of an optional field.
pub(super) fn expression(fields: &Fields<'_, '_>, name: &str, report: &mut Report) -> Option<Expression> {
    let source = fields.text(name, report)?;
    if !report.may_parse(1, &fields.at(name)) {
        return None;
    }
    match Expression::parse(source) {
        Ok(expression) => Some(expression),
        Err(problem) => {
            let message = format!("column {}: {}", problem.column, problem.message);
            let finding = Finding::error(&fields.at(name), Code::InvalidExpression, message);
            report.push(finding.help(problem.help).column(problem.column));
            None
        }
    }
}
