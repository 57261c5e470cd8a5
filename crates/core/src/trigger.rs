//! Which definitions an event starts (SPEC §6).

use indexmap::IndexMap;

use crate::definition::Definition;
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
