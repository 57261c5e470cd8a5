//! Putting values into a template.

use super::{Params, Part, Path, Root, Template};
use crate::definition::closest::did_you_mean;
use crate::definition::tree::{Kind, Node, seek};
use crate::expression::{Expression, Scope, Value};
use crate::json::Json;
use crate::limits;

/// Why params could not be resolved: names the path or expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamsError {
    pub message: String,
}

impl Params {
    /// The params of one attempt. What paths lead to is copied as text, so that big numbers and the order of keys survive.
    pub fn resolve(&self, scope: &dyn Scope) -> Result<Json, ParamsError> {
        if let Template::Literal(json) = &self.template {
            return Ok(json.clone());
        }
        let mut out = Output { text: String::new() };
        self.template.write(scope, &mut out)?;
        Json::parse(out.text).map_err(|error| ParamsError { message: format!("params are {error}") })
    }
}

/// JSON text that is being put together, within its bound.
struct Output {
    text: String,
}

impl Output {
    fn push(&mut self, text: &str) -> Result<(), ParamsError> {
        if self.text.len() + text.len() > limits::RESOLVED_PARAMS_BYTES_MAX {
            let max = limits::RESOLVED_PARAMS_BYTES_MAX >> 20;
            return Err(ParamsError { message: format!("params are larger than {max} MiB once values are put in") });
        }
        self.text.push_str(text);
        Ok(())
    }

    fn push_string(&mut self, text: &str) -> Result<(), ParamsError> {
        self.push(Json::from_serialize(text).expect("a string is JSON").text())
    }
}

impl Template {
    fn write(&self, scope: &dyn Scope, out: &mut Output) -> Result<(), ParamsError> {
        match self {
            Template::Literal(json) => out.push(json.text()),
            Template::Object(fields) => {
                out.push("{")?;
                for (index, (key, value)) in fields.iter().enumerate() {
                    out.push(if index > 0 { "," } else { "" })?;
                    out.push_string(key)?;
                    out.push(":")?;
                    value.write(scope, out)?;
                }
                out.push("}")
            }
            Template::Array(elements) => {
                out.push("[")?;
                for (index, element) in elements.iter().enumerate() {
                    out.push(if index > 0 { "," } else { "" })?;
                    element.write(scope, out)?;
                }
                out.push("]")
            }
            Template::Path(path) => out.push(path.resolve(scope)?.text()),
            Template::Value(expression) => match value_of(expression, scope)?.to_json() {
                Some(json) => out.push(json.text()),
                None => out.push("null"),
            },
            Template::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Text(literal) => text.push_str(literal),
                        Part::Value(expression) => text.push_str(&text_of(expression, scope)?),
                    }
                    // Each value is bounded, but there may be many: stop before they fill the memory.
                    if text.len() > limits::RESOLVED_PARAMS_BYTES_MAX {
                        break;
                    }
                }
                out.push_string(&text)
            }
        }
    }
}

fn value_of(expression: &Expression, scope: &dyn Scope) -> Result<Value, ParamsError> {
    let shown = expression.source().trim();
    match expression.evaluate(scope) {
        Ok(evaluation) => Ok(evaluation.value),
        Err(error) => Err(ParamsError { message: format!("`${{{shown}}}`: {}", error.message) }),
    }
}

/// As JavaScript's `String()`, but objects and arrays give JSON: `[object Object]` is of use to nobody.
fn text_of(expression: &Expression, scope: &dyn Scope) -> Result<String, ParamsError> {
    let value = value_of(expression, scope)?;
    // JSON has no word for these and writes null.
    if let Value::Number(number) = value
        && !number.is_finite()
    {
        let text = if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        return Ok(text.to_owned());
    }
    let Some(json) = value.to_json() else {
        let message = format!("`${{{}}}` is undefined and stands inside a text", expression.source().trim());
        return Err(ParamsError { message });
    };
    match json.to::<String>() {
        Ok(text) => Ok(text),
        Err(_) => Ok(json.text().to_owned()),
    }
}

impl Path {
    fn resolve(&self, scope: &dyn Scope) -> Result<Json, ParamsError> {
        match self.follow(scope) {
            Ok(json) => Ok(json),
            Err(_) if self.optional => Ok(Json::null()),
            Err(why) => Err(ParamsError { message: format!("`{self}` leads nowhere: {why}") }),
        }
    }

    /// What it leads to, or why it leads nowhere.
    fn follow(&self, scope: &dyn Scope) -> Result<Json, String> {
        match self.root {
            Root::Input => follow(scope.name("input").as_ref(), "input", &self.keys),
            Root::Context => match self.keys.split_first() {
                Some((key, rest)) => match field(scope, "context", key) {
                    Some(value) => follow(Some(&value), key, rest),
                    None => Err(format!("`context` has no field `{key}`")),
                },
                None => follow(scope.name("context").as_ref(), "context", &[]),
            },
            Root::State => {
                let (name, rest) = self.keys.split_first().expect("a path of state has a first key");
                match field(scope, "state", name) {
                    Some(value) => follow(Some(&value), name, rest),
                    None if matches!(name.as_str(), "execution" | "state") => {
                        let path: String = rest.iter().map(|key| format!(".{key}")).collect();
                        Err(format!("`{name}` is no field of state, write `${{{name}{path}}}`"))
                    }
                    // A step without output: it gave none, was skipped, or failed.
                    None if scope.knows(name) && rest.is_empty() => Ok(Json::null()),
                    None if scope.knows(name) => Err(format!("`{name}` has no output")),
                    None => Err(format!("`{name}` is neither a step nor a field of input or context")),
                }
            }
            Root::Steps => {
                let (id, keys) = self.keys.split_first().expect("a path of steps has an id");
                let (field_of_step, rest) = keys.split_first().expect("a path of steps names a part of the step");
                match field(scope, "steps", id) {
                    Some(step) => match seek(&step, &keys[..1]) {
                        Some(text) => follow(Some(&part(text)), field_of_step, rest),
                        None if rest.is_empty() => Ok(Json::null()),
                        None => Err(format!("`{id}` has no {field_of_step}")),
                    },
                    // Of a target, one that did not branch to it.
                    None if rest.is_empty() && scope.knows(id) => Ok(Json::null()),
                    None => Err(format!("`{id}` cannot be seen from here")),
                }
            }
        }
    }
}

/// A field of a root that is dear to build as a whole.
fn field(scope: &dyn Scope, root: &str, key: &str) -> Option<Json> {
    match scope.field(root, key) {
        Some(value) => value,
        None => scope.name(root).and_then(|whole| Some(part(seek(&whole, &[key.to_owned()])?))),
    }
}

fn part(text: &str) -> Json {
    Json::parse(text).expect("a part of well-formed JSON is well-formed")
}

/// Follows keys into a value that is called `name`.
fn follow(value: Option<&Json>, name: &str, keys: &[String]) -> Result<Json, String> {
    let Some(value) = value else {
        return Err(format!("`{name}` is undefined"));
    };
    if let Some(text) = seek(value, keys) {
        return Ok(part(text));
    }
    // Only to explain it.
    let whole = Node::of(value);
    let (mut node, mut name) = (&whole, name);
    for key in keys {
        node = node.get(key).ok_or_else(|| nowhere(node, name, key))?;
        name = key;
    }
    Ok(node.to_json())
}

fn nowhere(node: &Node<'_>, name: &str, key: &str) -> String {
    match &node.kind {
        Kind::Object(fields) => {
            let meant = did_you_mean(key, fields.iter().map(|(field, _)| field.as_str()));
            format!("`{name}` has no field `{key}`{}", meant.map(|meant| format!(", {meant}")).unwrap_or_default())
        }
        Kind::Array(elements) => format!("`{name}` has no element `{key}`, its length is {}", elements.len()),
        Kind::Null | Kind::Bool | Kind::Number | Kind::Text(_) => {
            format!("`{name}` is {}, which has no field `{key}`", node.what())
        }
    }
}
