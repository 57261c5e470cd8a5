//! Definitions that nobody would write: whatever comes in, the check answers, and what it lets through is stored and read back.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{option, prop_assert, prop_assert_eq};
use serde_json::{Map, Value, json};
use workflow_core::definition::{Definition, Severity};
use workflow_core::json::Json;
use workflow_core::limits::Limits;

fn check(value: &Value) -> Option<Definition> {
    let source = Json::from_serialize(value).expect("a bounded value is JSON");
    match Definition::check(&source, &Limits::default()) {
        Ok(checked) => {
            assert!(checked.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error));
            Some(checked.definition)
        }
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error), "refused without a reason");
            for diagnostic in &diagnostics {
                let there = value.pointer(&diagnostic.pointer);
                assert!(there.is_some(), "{diagnostic} is about nothing");
            }
            None
        }
    }
}

/// Any JSON, with the words of definitions among its strings and keys.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        proptest::sample::select(vec![
            "id",
            "steps",
            "triggers",
            "action",
            "dependsOn",
            "params",
            "condition",
            "errorBranch",
            "onError",
            "branch",
            "a",
            "b",
            "event",
            "context",
            "timeout",
            "1m",
            "$.a.b",
            "${a}",
            "${a",
            "$.",
            "a.x > 1",
            "maxRetries",
            "backoff",
            "exponential",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((word.clone(), inner), 0..6).prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A step that is mostly in order; `others` are ids that it may name.
fn step(index: usize, others: usize) -> impl Strategy<Value = Value> {
    let name = move || (0..others).prop_map(|other| format!("s{other}"));
    let depends_on = vec((0..others).prop_map(move |other| format!("s{}", other.min(index.saturating_sub(1)))), 0..3);
    let expression = move || {
        (name(), proptest::sample::select(vec!["?.x > 1", ".x", " ?? input.y", ""]))
            .prop_map(|(name, rest)| format!("{name}{rest}"))
    };
    let params = prop_oneof![
        name().prop_map(|name| format!("$.{name}.x")),
        name().prop_map(|name| format!("$.steps.{name}.output.x?")),
        expression().prop_map(|expression| format!("text ${{{expression}}} $${{x}}")),
        Just("${state}".to_owned()),
        Just("$$.x".to_owned()),
    ];
    let policy = proptest::sample::select(vec!["fail", "continue", "retry", "branch"]);
    (depends_on, option::of(expression()), option::of(vec(params, 0..3)), policy, name(), any::<bool>()).prop_map(
        move |(depends_on, condition, params, policy, target, exponential)| {
            let mut step =
                json!({"id": format!("s{index}"), "action": "work", "dependsOn": depends_on, "onError": policy, "wait": "1m"});
            if policy == "branch" {
                step["errorBranch"] = target.into();
            }
            if exponential {
                step["backoff"] = "exponential".into();
            }
            condition.into_iter().for_each(|condition| step["condition"] = condition.into());
            params.into_iter().for_each(|params| step["params"] = json!({"list": params, "n": 1.5}));
            step
        },
    )
}

proptest! {
    #[test]
    fn any_json_is_answered(value in anything()) {
        check(&value);
    }

    #[test]
    fn any_json_in_any_field_is_answered(field in proptest::sample::select(vec![
        "id", "name", "steps", "triggers", "context", "timeout", "schedules", "version",
    ]), value in anything()) {
        let mut definition = json!({"id": "w", "steps": [{"id": "a", "action": "work"}]});
        definition[field] = value;
        check(&definition);
    }

    #[test]
    fn any_json_in_any_field_of_a_step_is_answered(field in proptest::sample::select(vec![
        "id", "name", "action", "params", "dependsOn", "condition", "wait", "onError", "maxRetries", "retryDelay", "backoff",
        "maxRetryDelay", "errorBranch", "timeout",
    ]), value in anything()) {
        let mut definition = json!({"id": "w", "steps": [{"id": "a", "action": "work"}, {"id": "b", "action": "work"}]});
        definition["steps"][1][field] = value;
        check(&definition);
    }

    #[test]
    fn what_is_stored_is_read_back_as_it_was(steps in (1..6usize).prop_flat_map(|count| {
        (0..count).map(|index| step(index, count)).collect::<Vec<_>>()
    })) {
        let value = json!({"id": "w", "steps": steps, "triggers": [{"event": "a.**", "condition": "x > 1"}], "context": {"x": 1}});
        if let Some(definition) = check(&value) {
            let stored = definition.to_stored();
            let read = Definition::from_stored(&stored);
            prop_assert_eq!(read.as_ref(), Ok(&definition));
            prop_assert!(definition.same_as(&read.expect("it was just compared")));
            for step in &definition.steps {
                prop_assert!(step.reads.iter().all(|read| step.visible.contains(read)));
            }
        }
    }
}
