//! Expressions. An input that begins with a zero byte chooses among what the grammar can make, any other is a source.

use workflow_core::expression::{Expression, Scope};
use workflow_core::json::Json;
use workflow_core::limits;

#[path = "../../crates/core/tests/expressions_generated/choices.rs"]
#[allow(dead_code, reason = "the test uses the rest")]
mod choices;
#[path = "../../crates/core/tests/expressions_generated/grammar.rs"]
#[allow(dead_code, reason = "the test uses the rest")]
mod grammar;

/// Kinds and sizes of values, under the names that the grammar uses.
struct Values;

impl Scope for Values {
    fn name(&self, name: &str) -> Option<Json> {
        let text = match name {
            "a" | "score" | "state" => r#"{"a":{"a":null},"b":[1,2,3],"risk":0.2,"x":"\ud800"}"#.to_owned(),
            "xs" | "items" | "numbers" => format!("[{}1]", "1,".repeat(99)),
            "mixed" => r#"[0,"",null,false,"a",[1,[2,[3]]],{"k":"v"},1e400,-0,"😀"]"#.to_owned(),
            "deep" => format!("{}1{}", "[".repeat(limits::JSON_DEPTH_MAX), "]".repeat(limits::JSON_DEPTH_MAX)),
            "kib" | "text" => format!("\"{}\"", "é".repeat(512)),
            "twice" | "odd" => r#"{"__proto__":1,"constructor":2,"__proto__":3,"2":2,"1":1,"length":7}"#.to_owned(),
            "one" | "b" => "1".to_owned(),
            "plan" => "\"enterprise\"".to_owned(),
            _ => return None,
        };
        Some(Json::parse(text).expect("it is JSON"))
    }

    fn field(&self, root: &str, key: &str) -> Option<Option<Json>> {
        (root == "steps").then(|| self.name(key))
    }

    fn knows(&self, name: &str) -> bool {
        self.name(name).is_some()
    }
}

pub fn run(data: &[u8]) {
    let source = match data.split_first() {
        Some((0, choices)) => grammar::expression(&mut choices::Bytes(choices)),
        _ => match std::str::from_utf8(data) {
            Ok(text) => text.to_owned(),
            Err(_) => return,
        },
    };
    let expression = match Expression::parse(&source) {
        Ok(expression) => expression,
        Err(problem) => {
            let columns = source.chars().count() + 1;
            return assert!((1..=columns).contains(&problem.column), "{source:?}: {problem:?}");
        }
    };
    for reference in expression.references() {
        assert!(reference.column <= source.chars().count(), "{source:?}: {reference:?}");
    }
    let _ = expression.dashed_names();
    let stored = serde_json::to_string(&expression).expect("it is stored");
    let read: Expression = serde_json::from_str(&stored).expect("what was stored is read");
    assert!(read == expression, "{source:?} was stored as {stored}");
    let (first, again) = (expression.evaluate(&Values), read.evaluate(&Values));
    match (first, again) {
        (Ok(first), Ok(again)) => {
            assert_eq!(first.value.to_text(), again.value.to_text(), "{source:?}");
            assert!(first.reads.len() <= limits::RECEIPT_VALUES_MAX);
            if let Some(json) = first.value.to_json() {
                assert!(Json::parse(json.text()).is_ok(), "{source:?} gives {}", json.text());
            }
        }
        (Err(first), Err(again)) => assert_eq!(first, again, "{source:?}"),
        (first, again) => panic!("{source:?} gives {first:?} and then {again:?}"),
    }
}
