//! What a checked definition knows about its steps.

use super::{Backoff, Checked, Definition, Diagnostic, ErrorBranch, OnError, StepIndex, StepSet};
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
