//! Which definitions an event starts (SPEC §6).

use indexmap::IndexMap;

use crate::definition::{Definition, Trigger};
use crate::event::Receipt;
use crate::expression::{EvaluationError, Scope};
use crate::id::EventName;
use crate::json::Json;

/// Whether one of the definition's triggers matches. A condition that throws does not match: what it threw is given beside, to
/// be reported, and the other triggers are tried all the same.
pub fn matches(definition: &Definition, event: &EventName, data: &Json) -> (bool, Vec<EvaluationError>) {
    let mut errors = Vec::new();
    let scope = EventScope { event, data, fields: data.fields().unwrap_or_default() };
    for trigger in definition.triggers.iter().filter(|trigger| trigger.event.matches(event)) {
        let Some(condition) = &trigger.condition else { return (true, errors) };
        match condition.evaluate(&scope) {
            Ok(evaluation) if evaluation.value.truthy() => return (true, errors),
            Ok(_) => {}
            Err(error) => {
                let message = format!("condition `{}` of trigger `{event}`: {error}", condition.source());
                errors.push(EvaluationError { message });
            }
        }
    }
    (false, errors)
}

/// What a trigger whose pattern matches makes of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub pattern: String,
    pub condition: Option<Condition>,
    /// Whether it would start an execution.
    pub matches: bool,
}

/// A condition that was evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Without a result where it threw.
    pub receipt: Receipt,
    pub error: Option<String>,
}

/// Every trigger whose pattern matches, each by itself. [`matches`] is true when any of them does.
pub fn explain(definition: &Definition, event: &EventName, data: &Json) -> Vec<Explained> {
    let scope = EventScope { event, data, fields: data.fields().unwrap_or_default() };
    let explained = |trigger: &Trigger| {
        let condition = trigger.condition.as_ref().map(|condition| match condition.evaluate(&scope) {
            Ok(evaluation) => {
                let truthy = evaluation.value.truthy();
                (Condition { receipt: Receipt::new(condition.source(), evaluation), error: None }, truthy)
            }
            Err(error) => {
                let receipt = Receipt { expression: condition.source().to_owned(), reads: Vec::new(), result: None };
                (Condition { receipt, error: Some(error.message) }, false)
            }
        });
        let matches = condition.as_ref().is_none_or(|(_, truthy)| *truthy);
        Explained { pattern: trigger.event.as_str().to_owned(), condition: condition.map(|(condition, _)| condition), matches }
    };
    definition.triggers.iter().filter(|trigger| trigger.event.matches(event)).map(explained).collect()
}

/// The input of an execution that an event starts: its data, or `{data}` when that is no object.
pub fn input(data: &Json) -> Json {
    if data.is_object() {
        return data.clone();
    }
    Json::from_serialize(&IndexMap::from([("data", data)])).unwrap_or_else(|_| Json::empty_object())
}

/// The names in a trigger's condition: `event`, `data`, and the fields of `data`.
struct EventScope<'a> {
    event: &'a EventName,
    data: &'a Json,
    fields: IndexMap<String, Json>,
}

impl Scope for EventScope<'_> {
    fn name(&self, name: &str) -> Option<Json> {
        match name {
            "event" => Json::from_serialize(self.event).ok(),
            "data" => Some(self.data.clone()),
            name => self.fields.get(name).cloned(),
        }
    }

    fn field(&self, root: &str, key: &str) -> Option<Option<Json>> {
        (root == "data" && self.data.is_object()).then(|| self.fields.get(key).cloned())
    }

    fn knows(&self, name: &str) -> bool {
        matches!(name, "event" | "data") || self.fields.contains_key(name)
    }
}
