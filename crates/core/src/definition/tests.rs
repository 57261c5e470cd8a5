//! What a checked definition knows about its steps.

use super::{Backoff, Checked, CorruptDefinition, Definition, Diagnostic, ErrorBranch, OnError, StepIndex, StepSet};
use crate::json::Json;
use crate::limits::Limits;
use crate::time::Millis;

const ORDER: &str = include_str!("../../../../testdata/definitions/valid/seed-order-processing.json");

fn check(source: &str) -> Result<Checked, Vec<Diagnostic>> {
    Definition::check(&Json::parse(source).unwrap(), &Limits::default())
}

fn definition(source: &str) -> Definition {
    check(source).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}")).definition
}

/// A workflow of these steps, written without the braces around them.
fn with_steps(steps: &[&str]) -> Definition {
    definition(&format!(r#"{{"id":"w","steps":[{{{}}}]}}"#, steps.join("},{")))
}

fn numbers(steps: &StepSet) -> Vec<usize> {
    steps.iter().map(StepIndex::get).collect()
}

#[test]
fn the_order_of_the_seed_is_a_chain() {
    let order = definition(ORDER);
    assert_eq!(order.id.as_str(), "order-processing");
    assert_eq!(order.name.as_deref(), Some("Process Customer Order"));
    assert_eq!(order.context.text(), "{}");
    for (index, step) in order.steps.iter().enumerate() {
        let at = |index: Option<usize>| index.map(StepIndex::new).into_iter().collect::<Vec<_>>();
        assert_eq!(step.depends_on, at(index.checked_sub(1)), "{}", step.id);
        assert_eq!(step.dependents, at((index < 4).then_some(index + 1)), "{}", step.id);
        assert_eq!(numbers(&step.ancestors), (0..index).collect::<Vec<_>>(), "{}", step.id);
        assert_eq!(step.visible, step.ancestors);
        assert!(step.named_by.is_empty());
        assert_eq!(step.on_error, OnError::Fail);
        assert_eq!(step.backoff, Backoff::Fixed { delay: Millis::from_secs(1) });
        assert_eq!(step.max_retries, if step.id.as_str() == "charge" { 3 } else { 0 });
    }
    assert_eq!(order.leaves().collect::<Vec<_>>(), [StepIndex::new(4)]);
}

#[test]
fn retries_and_delays_have_their_defaults() {
    let delay = |secs| Millis::from_secs(secs);
    let cases = [
        ("", 0, Backoff::Fixed { delay: delay(1) }),
        (r#","onError":"retry""#, 3, Backoff::Fixed { delay: delay(1) }),
        (r#","onError":"retry","maxRetries":0"#, 0, Backoff::Fixed { delay: delay(1) }),
        (r#","onError":"continue","maxRetries":2.0,"retryDelay":"0s""#, 2, Backoff::Fixed { delay: delay(0) }),
        (r#","backoff":"exponential""#, 0, Backoff::Exponential { delay: delay(1), delay_max: delay(300) }),
        (r#","backoff":"exponential","retryDelay":"1h""#, 0, Backoff::Exponential { delay: delay(3600), delay_max: delay(3600) }),
        (r#","backoff":"exponential","maxRetryDelay":"1s""#, 0, Backoff::Exponential { delay: delay(1), delay_max: delay(1) }),
    ];
    for (fields, max_retries, backoff) in cases {
        let step = with_steps(&[&format!(r#""id":"a","action":"a"{fields}"#)]).steps.remove(0);
        assert_eq!((step.max_retries, step.backoff), (max_retries, backoff), "{fields}");
    }
}

#[test]
fn a_target_is_no_leaf_and_sees_who_names_it() {
    let of = with_steps(&[
        r#""id":"first","action":"a""#,
        r#""id":"risky","action":"a","dependsOn":["first"],"onError":"branch","errorBranch":"rescue""#,
        r#""id":"rescue","action":"a""#,
        r#""id":"other","action":"a","onError":"branch","errorBranch":"handle-errors""#,
    ]);
    assert_eq!(of.steps[1].on_error, OnError::Branch(ErrorBranch::Step(StepIndex::new(2))));
    assert!(matches!(&of.steps[3].on_error, OnError::Branch(ErrorBranch::Workflow(id)) if id.as_str() == "handle-errors"));
    assert_eq!(of.steps[2].named_by, [StepIndex::new(1)]);
    assert_eq!(numbers(&of.steps[2].visible), [0, 1]);
    assert_eq!(numbers(&of.steps[2].ancestors), [0; 0]);
    assert_eq!(of.leaves().map(StepIndex::get).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn reads_are_the_outputs_that_condition_and_params_can_reach() {
    let of = with_steps(&[
        r#""id":"a","action":"a""#,
        r#""id":"b","action":"a""#,
        r#""id":"c","action":"a","dependsOn":["a","b"]"#,
        r#""id":"names","action":"a","dependsOn":["c"],"condition":"a?.x > input.b && context.b","params":{"x":["$.steps.c.output"]}"#,
        r#""id":"keys","action":"a","dependsOn":["c"],"params":{"x":"${state.b?.y} ${steps['a'].status}","y":"$.input.c"}"#,
        r#""id":"whole","action":"a","dependsOn":["c"],"condition":"Object.keys(state).length > 1""#,
        r#""id":"computed","action":"a","dependsOn":["b"],"condition":"steps[input.step]?.output""#,
        r#""id":"nothing","action":"a","dependsOn":["c"],"params":{"x":"$$.a","y":"a"}"#,
    ]);
    let reads = |id: &str| numbers(&of.step(of.index_of(id).unwrap()).reads);
    assert_eq!(reads("names"), [0, 2]);
    assert_eq!(reads("keys"), [0, 1]);
    assert_eq!(reads("whole"), [0, 1, 2]);
    assert_eq!(reads("computed"), [1]);
    assert_eq!(reads("nothing"), [0; 0]);
}

#[test]
fn the_fields_of_the_engine_are_no_part_of_the_source() {
    let steps = r#""steps":[{"id":"a","action":"a"}]"#;
    let plain = definition(&format!(r#"{{"id":"w",{steps}}}"#));
    let read =
        definition(&format!(r#"{{"version":3,"id":"w","createdAt":1,"updatedAt":2,"diagnostics":[{{"code":"x"}}],{steps}}}"#));
    assert_eq!(read.source.text(), plain.source.text());
    assert!(read.same_as(&plain));
}

#[test]
fn the_same_definition_is_the_same_however_it_is_written() {
    let of = |context: &str| definition(&format!(r#"{{"id":"w","steps":[{{"id":"a","action":"a"}}],"context":{context}}}"#));
    assert!(of(r#"{"a":1,"b":2}"#).same_as(&of(r#"{ "b": 2.0, "a": 1 }"#)));
    assert!(!of(r#"{"a":9007199254740993}"#).same_as(&of(r#"{"a":9007199254740992}"#)));
    assert!(!of(r#"{"a":1}"#).same_as(&of(r#"{"a":1,"b":null}"#)));
    let default = definition(r#"{"id":"w","steps":[{"id":"a","action":"a"}]}"#);
    assert!(!default.same_as(&of("{}")));
}

/// As version 1 stored `valid/every-field.json`. This file is never written anew.
const STORED: &str = include_str!("../../../../testdata/definitions/stored/v1.json");

#[test]
fn what_form_one_stored_is_read_for_ever() {
    let stored = Json::parse(STORED.trim()).unwrap();
    let read = Definition::from_stored(&stored).unwrap();
    assert_eq!(read.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["charge", "refuse", "rest", "mail"]);
    assert_eq!(read.context.text(), r#"{ "currency": "EUR", "big": 12345678901234567890 }"#);
    assert_eq!(read.to_stored(), stored);
}

#[test]
fn a_stored_definition_is_not_checked_again() {
    // A reserved id, an expression that no longer parses, a duration and a retry count beyond today's limits: whatever a later
    // version forbids.
    let expression = Json::from_serialize(&crate::expression::Expression::parse("a.x > 1").unwrap()).unwrap();
    let old = expression.text().replace("a.x > 1", "a.x ≫ 1");
    let stored = format!(
        r#"{{"codec":1,"id":"no id!","source":{{"id":"no id!","steps":"none","unknown":1}},"timeout":99999999999999999,"later":{{}},"steps":[
            {{"id":"state","action":"a b","retryDelay":1,"maxRetries":4000000000}},
            {{"id":"state","action":"a","dependsOn":[0],"condition":{old},"retryDelay":1,"onError":{{"branchToWorkflow":"no id!"}}}}
        ],"triggers":[{{"event":"a b.c*"}}]}}"#
    );
    let read = Definition::from_stored(&Json::parse(stored).unwrap()).unwrap();
    assert_eq!(read.steps[0].id.as_str(), "state");
    assert_eq!(read.steps[1].condition.as_ref().unwrap().source(), "a.x ≫ 1");
    assert_eq!(Definition::from_stored(&read.to_stored()).unwrap(), read);
}

#[test]
fn a_stored_definition_that_makes_no_sense_is_corrupt() {
    let from = |text: &str| Definition::from_stored(&Json::parse(text).unwrap()).unwrap_err();
    assert_eq!(from(r#"{"codec":2,"anything":[]}"#), CorruptDefinition::Newer { found: 2 });
    for text in [
        "null",
        "{}",
        r#"{"codec":1}"#,
        r#"{"codec":1,"id":"w","source":{},"steps":[{"id":"a","action":"a","retryDelay":1,"dependsOn":[1]}]}"#,
        r#"{"codec":1,"id":"w","source":{},"steps":[{"id":"a","action":"a","retryDelay":1,"onError":{"branchToStep":9}}]}"#,
        r#"{"codec":1,"id":"w","source":{},"steps":[{"id":"a","action":"a","retryDelay":1,"condition":{"source":"a"}}]}"#,
        r#"{"codec":1,"id":"w","source":{},"steps":[{"id":"a","action":"a","retryDelay":-1}]}"#,
    ] {
        assert!(matches!(from(text), CorruptDefinition::Unreadable(_)), "{text}");
    }
}
