//! `params`: a JSON template with `$.` paths and `${}` expressions, resolved anew at every attempt.
//!
//! Strings are templates, at any depth; keys are not. What has nothing to look up is kept as the text that it was.
//! `template` reads strings, `resolve` puts values in.

mod resolve;
mod template;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use resolve::ParamsError;

use super::diagnostic::{Code, Diagnostic};
use super::report::{Finding, Pointer, Report};
use super::tree::{Kind, Node};
use crate::expression::Expression;
use crate::json::Json;

/// A checked template of params.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params {
    template: Template,
}

/// Stored as it is (see `stored`): a variant or field that is once released keeps its name and meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Template {
    /// Nothing in it has to be looked up.
    Literal(Json),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
    /// The whole string is a path.
    Path(Path),
    /// The whole string is one `${expression}`.
    Value(Expression),
    /// A string with expressions in it.
    Text(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Part {
    Text(String),
    Value(Expression),
}

/// `$.validate.total?`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Path {
    root: Root,
    /// What follows the root; of `Steps` the id and one of `output`, `status`, `error` come first.
    keys: Vec<String>,
    /// It ends in `?`: where it leads nowhere, it gives null.
    optional: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Root {
    State,
    Input,
    Context,
    Steps,
}

/// A place in params that looks something up.
#[derive(Debug)]
pub(crate) enum Lookup<'a> {
    Path(&'a Path),
    Expression(&'a Expression),
}

impl Params {
    /// Reads a template; all problems at once, their pointers relative to it.
    pub fn parse(template: &Json) -> Result<Params, Vec<Diagnostic>> {
        let mut report = Report::default();
        let params = Params::read(&Node::of(template), &Pointer::default(), &mut report);
        if report.has_errors() { Err(report.finish()) } else { Ok(params) }
    }

    /// What is wrong goes to `report`; what is returned is of use only when nothing was.
    pub(crate) fn read(node: &Node<'_>, at: &Pointer, report: &mut Report) -> Params {
        if !matches!(node.kind, Kind::Object(_)) {
            report.push(Finding::error(at, Code::WrongType, format!("params are an object, found {}", node.what())));
        }
        Params { template: Template::read(node, at, report) }
    }

    /// Whether nothing in it has to be looked up.
    pub fn is_literal(&self) -> bool {
        self.lookups(&Pointer::default()).is_empty()
    }

    /// Everything that it looks up, each with its pointer.
    pub(crate) fn lookups(&self, at: &Pointer) -> Vec<(Pointer, Lookup<'_>)> {
        let mut lookups = Vec::new();
        self.template.lookups(at, &mut lookups);
        lookups
    }
}

impl Template {
    fn read(node: &Node<'_>, at: &Pointer, report: &mut Report) -> Template {
        let literal = || Template::Literal(node.to_json());
        match &node.kind {
            Kind::Null | Kind::Bool | Kind::Number => literal(),
            Kind::Text(text) if !report.may_parse(text.matches("${").count(), at) => literal(),
            Kind::Text(text) => match template::read(text) {
                Ok(Some(template)) => template,
                Ok(None) => literal(),
                Err(problem) => {
                    report.push(problem.at(at));
                    literal()
                }
            },
            Kind::Array(elements) => {
                let elements: Vec<Template> = elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| Template::read(element, &at.index(index), report))
                    .collect();
                if elements.iter().all(Template::is_untouched) { literal() } else { Template::Array(elements) }
            }
            Kind::Object(fields) => {
                let fields: Vec<(String, Template)> =
                    fields.iter().map(|(key, value)| (key.clone(), Template::read(value, &at.key(key), report))).collect();
                if fields.iter().all(|(_, value)| value.is_untouched()) { literal() } else { Template::Object(fields) }
            }
        }
    }

    /// Whether its text stays as it is; a string with `$$.` or `$${` looks nothing up and yet changes.
    fn is_untouched(&self) -> bool {
        matches!(self, Template::Literal(_))
    }

    fn lookups<'a>(&'a self, at: &Pointer, lookups: &mut Vec<(Pointer, Lookup<'a>)>) {
        match self {
            Template::Literal(_) => {}
            Template::Object(fields) => fields.iter().for_each(|(key, value)| value.lookups(&at.key(key), lookups)),
            Template::Array(elements) => {
                elements.iter().enumerate().for_each(|(index, element)| element.lookups(&at.index(index), lookups));
            }
            Template::Path(path) => lookups.push((at.clone(), Lookup::Path(path))),
            Template::Value(expression) => lookups.push((at.clone(), Lookup::Expression(expression))),
            Template::Text(parts) => lookups.extend(parts.iter().filter_map(|part| match part {
                Part::Value(expression) => Some((at.clone(), Lookup::Expression(expression))),
                Part::Text(_) => None,
            })),
        }
    }
}

impl Path {
    /// The step's id or field's name that it begins with, when it does not begin in input or context.
    pub(crate) fn name(&self) -> Option<&str> {
        match self.root {
            Root::State | Root::Steps => self.keys.first().map(String::as_str),
            Root::Input | Root::Context => None,
        }
    }

    /// Whether its name can only be a step's.
    pub(crate) fn is_in_steps(&self) -> bool {
        self.root == Root::Steps
    }

    /// Whether it leads somewhere, or to null, also when the step has no output.
    pub(crate) fn is_guarded(&self) -> bool {
        let reads_into_output = match self.root {
            Root::State => self.keys.len() > 1,
            Root::Steps => self.keys.len() > 2 && self.keys[1] != "status",
            Root::Input | Root::Context => false,
        };
        self.optional || !reads_into_output
    }
}
