//! Expressions from the outside: what the seed's workflows need, references, receipts and messages.

use workflow_core::expression::{Expression, Scope, Value};
use workflow_core::json::Json;

/// A scope of one JSON object: its fields are the names.
struct Fields(Json);

impl Scope for Fields {
    fn name(&self, name: &str) -> Option<Json> {
        self.0.fields()?.get(name).cloned()
    }

    fn field(&self, _root: &str, _key: &str) -> Option<Option<Json>> {
        None
    }

    fn knows(&self, name: &str) -> bool {
        self.name(name).is_some()
    }
}

fn value(source: &str, scope: &str) -> Value {
    let expression = Expression::parse(source).expect("an allowed expression");
    expression.evaluate(&Fields(Json::parse(scope).expect("JSON"))).expect("a value").value
}

#[test]
fn the_conditions_of_the_seed_hold_and_do_not_hold() {
    assert_eq!(value("score.risk < 0.3", r#"{"score":{"risk":0.2}}"#), Value::Bool(true));
    assert_eq!(value("score.risk < 0.3", r#"{"score":{"risk":0.3}}"#), Value::Bool(false));
    assert_eq!(value("score.risk >= 0.3", r#"{"score":{"risk":0.3}}"#), Value::Bool(true));
    assert_eq!(value("plan === \"enterprise\"", r#"{"plan":"enterprise"}"#), Value::Bool(true));
    assert_eq!(value("plan === \"enterprise\"", "{}"), Value::Bool(false));
}
