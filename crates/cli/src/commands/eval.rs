//! `workflow eval`: one expression, for people who try out a condition.

use indexmap::IndexMap;
use workflow_core::expression::{Expression, Scope, Value};
use workflow_core::json::Json;

use crate::args::JsonInput;
use crate::diagnostics;
use crate::error::Error;
use crate::output;
use crate::render::{clean, painted_value};

pub fn run(source: &str, scope: Option<&JsonInput>, json: bool) -> Result<(), Error> {
    let names = Names::new(scope)?;
    let expression = match Expression::parse(source) {
        Ok(expression) => expression,
        Err(problem) => {
            if json {
                let code = "invalid_expression";
                let detail = &problem.message;
                let value = serde_json::json!({ "code": code, "detail": detail, "column": problem.column, "help": problem.help });
                output::line(&value.to_string())?;
            }
            output::complain(&diagnostics::expression(&problem.message, problem.help.as_deref(), source, problem.column));
            return Err(Error::Reported);
        }
    };
    let evaluated = expression.evaluate(&names).map_err(|error| Error::failed("evaluation_failed", error.to_string()))?;
    if json {
        // `undefined` has no JSON; as a param it gives null.
        let value = evaluated.value.to_json().unwrap_or_else(Json::null);
        return output::line(value.text());
    }
    output::line(&shown(&evaluated.value))
}

/// As JavaScript's console shows it: texts as they are, objects as JSON.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(_) | Value::Object(_) => value.to_json().map(|json| json.text().to_owned()).unwrap_or_default(),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_text(),
    };
    match value {
        Value::String(_) => clean(&text),
        _ => painted_value(&clean(&text)),
    }
}

/// The fields of `--scope` are the names. `state` and `input` are the whole of it unless it says what they are, so that
/// `state["fraud-check"]` can be tried out.
struct Names {
    whole: Json,
    fields: IndexMap<String, Json>,
}

impl Names {
    fn new(scope: Option<&JsonInput>) -> Result<Names, Error> {
        let whole = match scope {
            Some(scope) => scope.json("--scope")?,
            None => Json::empty_object(),
        };
        let message = "--scope must be a JSON object with the names that the expression may use: {\"score\": {\"risk\": 0.2}}";
        let fields = whole.fields().ok_or_else(|| Error::usage(message))?;
        Ok(Names { whole, fields })
    }
}

impl Scope for Names {
    fn name(&self, name: &str) -> Option<Json> {
        let whole = || matches!(name, "state" | "input").then(|| self.whole.clone());
        self.fields.get(name).cloned().or_else(whole)
    }

    fn field(&self, root: &str, key: &str) -> Option<Option<Json>> {
        let is_whole = matches!(root, "state" | "input") && !self.fields.contains_key(root);
        is_whole.then(|| self.fields.get(key).cloned())
    }

    fn knows(&self, name: &str) -> bool {
        self.fields.contains_key(name) || matches!(name, "state" | "input" | "context" | "steps" | "execution" | "error")
    }
}
