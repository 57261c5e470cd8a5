//! `params`: a JSON template with `$.` paths and `${}` expressions, resolved anew at every attempt.
//!
//! Strings are templates, at any depth; keys are not. What has nothing to look up is kept as the text that it was.
//! `template` reads strings, `resolve` puts values in.

mod resolve;
mod template;

use serde::{Deserialize, Serialize};

pub use resolve::ParamsError;

use super::diagnostic::{Code, Diagnostic, Pointer};
use super::tree::{Kind, Node};
use crate::expression::{Expression, Reference};
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
struct Path {
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
pub(crate) enum Lookup<'a> {
    Path {
        /// The step's id or field's name, when the path begins in `state` or `steps`.
        name: Option<&'a str>,
        in_steps: bool,
        /// Whether nothing fails when the step has no output.
        guarded: bool,
        shown: String,
    },
    Reference(Reference),
}

impl Params {
    /// Reads a template; all problems at once, their pointers relative to it.
    pub fn parse(template: &Json) -> Result<Params, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let params = Params::read(&Node::of(template), &Pointer::default(), &mut problems);
        if problems.is_empty() { Ok(params) } else { Err(problems) }
    }

    /// What is wrong goes to `problems`; what is returned is of use only when there were none.
    pub(crate) fn read(node: &Node<'_>, at: &Pointer, problems: &mut Vec<Diagnostic>) -> Params {
        if !matches!(node.kind, Kind::Object(_)) {
            problems.push(Diagnostic::error(at, Code::WrongType, format!("params are an object, found {}", node.what())));
        }
        Params { template: Template::read(node, at, problems) }
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
    fn read(node: &Node<'_>, at: &Pointer, problems: &mut Vec<Diagnostic>) -> Template {
        let literal = || Template::Literal(node.to_json());
        match &node.kind {
            Kind::Null | Kind::Bool | Kind::Number => literal(),
            Kind::Text(text) => match template::read(text) {
                Ok(Some(template)) => template,
                Ok(None) => literal(),
                Err(problem) => {
                    problems.push(problem.at(at));
                    literal()
                }
            },
            Kind::Array(elements) => {
                let elements: Vec<Template> = elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| Template::read(element, &at.index(index), problems))
                    .collect();
                if elements.iter().all(Template::is_untouched) { literal() } else { Template::Array(elements) }
            }
            Kind::Object(fields) => {
                let fields: Vec<(String, Template)> =
                    fields.iter().map(|(key, value)| (key.clone(), Template::read(value, &at.key(key), problems))).collect();
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
            Template::Path(path) => lookups.push((at.clone(), path.lookup())),
            Template::Value(expression) => references(expression, at, lookups),
            Template::Text(parts) => {
                for part in parts {
                    if let Part::Value(expression) = part {
                        references(expression, at, lookups);
                    }
                }
            }
        }
    }
}

fn references<'a>(expression: &Expression, at: &Pointer, lookups: &mut Vec<(Pointer, Lookup<'a>)>) {
    lookups.extend(expression.references().into_iter().map(|reference| (at.clone(), Lookup::Reference(reference))));
}

impl Path {
    fn lookup(&self) -> Lookup<'_> {
        let name = match self.root {
            Root::State | Root::Steps => self.keys.first().map(String::as_str),
            Root::Input | Root::Context => None,
        };
        let reads_into_output = match self.root {
            Root::State => self.keys.len() > 1,
            Root::Steps => self.keys.len() > 2 && self.keys[1] != "status",
            Root::Input | Root::Context => false,
        };
        Lookup::Path {
            name,
            in_steps: self.root == Root::Steps,
            guarded: self.optional || !reads_into_output,
            shown: self.to_string(),
        }
    }
}
