use workflow_core::apply::{apply, fold};
use workflow_core::event::{AfterFailure, Event, Payload, Recorded, Started, TriggeredBy};
use workflow_core::failure::Failure;
use workflow_core::id::{Slot, Version};
use workflow_core::json::Json;
use workflow_core::limits::Limits;

use super::*;

const HOUR: i64 = 3_600_000;

fn definition() -> Definition {
    let source = r#"{"id": "order", "steps": [
        {"id": "charge", "action": "chargeCard", "maxRetries": 9},
        {"id": "ship", "action": "shipIt", "timeout": "5m"},
        {"id": "later", "action": "shipIt", "wait": "1h"}
    ]}"#;
    Definition::check(&Json::parse(source).unwrap(), &Limits::default()).unwrap().definition
}

/// The `n`-th execution, an hour old after the events.
fn execution(n: u16, events: Vec<(i64, Event)>) -> Execution {
    let started = Started {
        workflow: WorkflowId::new("order").unwrap(),
        version: Version(1),
        input: Payload::new(Json::empty_object()),
        triggered_by: TriggeredBy::Manual,
        replay_of: None,
        parent: None,
        lineage: Vec::new(),
        deadline: None,
        key: None,
        by: None,
    };
    let all = std::iter::once((0, Event::Started(Box::new(started)))).chain(events);
    let recorded = (1..).zip(all).map(|(seq, (at, event))| Recorded { seq, at: Timestamp::from_millis(at), event });
    fold(ExecutionId::from_parts(Timestamp::from_millis(0), n, 0, Slot::new(0)), 3, recorded).unwrap()
}

fn step(n: usize) -> workflow_core::definition::StepIndex {
    workflow_core::definition::StepIndex::new(n)
}

fn begun(n: usize, attempt: u32) -> Event {
    Event::StepStarted { step: step(n), attempt, session: None }
}

fn failed(n: usize, attempt: u32, message: &str, until: i64) -> Event {
    let then = AfterFailure::Retry { at: Timestamp::from_millis(until) };
    Event::StepFailed { step: step(n), attempt: Some(attempt), failure: Failure::new(message), then }
}

fn gathered(now: i64, executions: &[Execution]) -> Gather {
    let mut gather = Gather::new(Timestamp::from_millis(now));
    for execution in executions {
        gather.take(&definition(), execution);
    }
    gather
}

#[test]
fn what_is_under_way_and_young_is_no_finding() {
    let going = execution(1, vec![(5, begun(0, 1)), (5, begun(1, 1))]);
    let gather = gathered(10_000, &[going]);
    assert_eq!(gather.findings(), []);
    assert_eq!(gather.overdue, Group::default());
    let running = gather.running.get("chargeCard").unwrap();
    assert_eq!((running.count, running.since), (1, Some(Timestamp::from_millis(5))));
}

#[test]
fn ready_steps_are_grouped_by_action() {
    let waits = [execution(1, vec![(5, begun(1, 1))]), execution(2, vec![(3, begun(1, 1))])];
    let gather = gathered(10_000, &waits);
    let group = gather.ready.get("chargeCard").unwrap();
    assert_eq!((group.count, group.since), (2, Some(Timestamp::from_millis(3))));
    assert_eq!(group.examples, waits.map(|execution| execution.id));
}

#[test]
fn a_loop_of_retries_is_one_finding_for_each_error() {
    let looping = |n: u16, times: u32, what: &str| {
        let tries = (1..=times).flat_map(|attempt| {
            let at = i64::from(attempt) * 10;
            [(at, begun(0, attempt)), (at + 1, failed(0, attempt, what, at + 9)), (at + 9, ready())]
        });
        execution(n, tries.collect())
    };
    fn ready() -> Event {
        Event::StepReady { step: step(0), cause: workflow_core::event::ReadyCause::Retry }
    }
    let declined = [looping(1, 3, "card 4711 declined"), looping(2, 5, "card 4712 declined")];
    let few = looping(3, 2, "card 4713 declined");
    let other = looping(4, 3, "no connection");
    let findings = gathered(1_000, &[&declined[..], &[few, other]].concat()).findings();
    let seen: Vec<_> = findings.iter().map(|finding| (finding.code, finding.count, finding.what.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("step_retrying", 2, "step `charge` of `order` fails again and again, attempt 5 of 10: card 4711 declined"),
            ("step_retrying", 1, "step `charge` of `order` fails again and again, attempt 3 of 10: no connection"),
        ]
    );
    assert_eq!(findings[0].executions, declined.map(|execution| execution.id));
    assert_eq!(findings[0].severity, Severity::Warning);
}

#[test]
fn attempts_without_a_timeout_are_long_after_an_hour() {
    let going = execution(1, vec![(0, begun(0, 1)), (0, begun(1, 1))]);
    assert_eq!(gathered(HOUR - 1, std::slice::from_ref(&going)).long_attempts(), []);
    let findings = gathered(HOUR, &[going]).long_attempts();
    // The other step has a timeout, which ends it.
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].code, findings[0].count), ("attempt_long", 1));
    assert!(findings[0].what.contains("`chargeCard`"), "{}", findings[0].what);
}

#[test]
fn a_timer_is_overdue_after_a_minute_and_not_under_a_pause() {
    let until = Timestamp::from_millis(HOUR);
    let waits = execution(1, vec![(0, Event::WaitBegan { step: step(2), until, receipt: None })]);
    assert_eq!(gathered(HOUR + 60_000, std::slice::from_ref(&waits)).overdue.count, 0);
    let overdue = gathered(HOUR + 60_001, std::slice::from_ref(&waits)).overdue;
    assert_eq!((overdue.count, overdue.since, overdue.examples), (1, Some(until), vec![waits.id]));
    let mut paused = waits;
    let at = Timestamp::from_millis(1);
    apply(&mut paused, &Recorded { seq: 3, at, event: Event::Paused { key: None, by: None } }).unwrap();
    assert_eq!(gathered(2 * HOUR, std::slice::from_ref(&paused)).overdue.count, 0);
    assert_eq!(gathered(24 * HOUR, std::slice::from_ref(&paused)).findings(), [], "a day since it was paused is not over");
    let findings = gathered(24 * HOUR + 1, &[paused]).findings();
    assert_eq!((findings.len(), findings[0].code, findings[0].since), (1, "execution_paused", Some(at)));
}

#[test]
fn of_many_only_some_are_named() {
    let many: Vec<Execution> = (1..=20).map(|n| execution(n, Vec::new())).collect();
    let gather = gathered(10, &many);
    let group = gather.ready.get("chargeCard").unwrap();
    assert_eq!((group.count, group.examples.len()), (20, EXAMPLES_MAX));
}

#[test]
fn what_makes_no_sense_says_how_to_give_it_up() {
    let mut gather = gathered(10, &[]);
    let id = execution(1, Vec::new()).id;
    gather.corrupt.add(id, None);
    let findings = gather.findings();
    assert_eq!((findings[0].severity, findings[0].code, findings[0].count), (Severity::Error, "execution_corrupt", 1));
    assert!(findings[0].advice.contains(&format!("`workflow delete-execution {id}`")), "{}", findings[0].advice);
}
