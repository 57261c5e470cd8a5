//! Every sentence that the page says, said here.

use serde_json::Value;

use super::super::facts::{Facts, Failure, Handled, Skipped};
use super::*;

/// 2026-11-23T14:02:00Z.
const NOW: i64 = 1_795_442_520_000;

fn texts(value: &Value) -> Vec<String> {
    value.as_array().map(|list| list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()).unwrap_or_default()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Times count from now.
fn moved(value: &Value) -> Option<i64> {
    value.as_i64().map(|at| NOW + at)
}

fn reason(value: &Value) -> Reason {
    let mut reason: Reason = serde_json::from_value(value.clone()).unwrap();
    (reason.since, reason.until) = (NOW + reason.since, reason.until.map(|until| NOW + until));
    reason
}

fn given(of: &Value) -> Facts {
    let list = |name: &str| of[name].as_array().cloned().unwrap_or_default();
    Facts {
        status: text(&of["status"]).unwrap(),
        started_at: moved(&of["startedAt"]).unwrap_or(NOW),
        ended_at: moved(&of["endedAt"]),
        reasons: list("reasons").iter().map(reason).collect(),
        total: usize::try_from(of["total"].as_u64().unwrap_or(0)).unwrap(),
        completed: texts(&of["completed"]),
        skipped: list("skipped")
            .iter()
            .map(|skip| Skipped {
                step_id: text(&skip["stepId"]).unwrap(),
                cause: text(&skip["cause"]).unwrap(),
                expression: text(&skip["expression"]),
            })
            .collect(),
        cancelled: texts(&of["cancelled"]),
        handled: list("handled")
            .iter()
            .map(|handled| Handled {
                step_id: text(&handled["stepId"]).unwrap(),
                error: text(&handled["error"]).unwrap(),
                target: text(&handled["target"]),
                workflow: text(&handled["workflow"]),
                continued: handled["how"] == "continued",
            })
            .collect(),
        failure: of.get("failure").map(|failure| Failure {
            step_id: text(&failure["stepId"]),
            error: text(&failure["error"]).unwrap(),
            attempts: failure["attempts"].as_u64().unwrap(),
        }),
        not_yet: texts(&of["notYet"]),
        waiting_for_first: texts(&of["waitingForFirst"]),
        next: texts(&of["next"]),
        cancelled_by: text(&of["cancelledBy"]),
    }
}

#[test]
fn it_says_what_the_page_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/answers/sentences.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    let clock = Clock { now: NOW, zone: jiff::tz::TimeZone::UTC };
    let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
    for case in cases {
        let answer = answer(&given(&case["facts"]), &clock);
        let said = (plain(&answer.lead), plain(&answer.rest), answer.more as u64);
        let expected = (text(&case["lead"]).unwrap(), text(&case["rest"]).unwrap(), case["more"].as_u64().unwrap_or(0));
        assert_eq!(said, expected, "{}", case["about"]);
    }
}

#[test]
fn what_others_wrote_cannot_move_the_cursor() {
    let facts = Facts {
        status: "failed".to_owned(),
        failure: Some(Failure { step_id: Some("a\u{1b}[2J".to_owned()), error: "\u{202e}x\u{7}".to_owned(), attempts: 1 }),
        not_yet: vec!["b\r\n".to_owned()],
        ..Facts::default()
    };
    let answer = answer(&facts, &Clock { now: NOW, zone: jiff::tz::TimeZone::UTC });
    let said = anstream::adapter::strip_str(&answer.line()).to_string();
    assert_eq!(said, "`a\\u{1b}[2J` failed: \\u{202e}x\\u{7}. `b\\u{d}\\u{a}` did not run.");
}
