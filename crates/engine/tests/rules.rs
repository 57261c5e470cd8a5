//! Rules of `docs/semantics.md` that no scenario can show, on simulated time: definitions that come and go, who gets an attempt,
//! ids.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::collections::BTreeSet;

use rig::{Rig, action, completed, failed, id, json, on_both_stores};
use workflow_core::event::TriggeredBy;
use workflow_core::id::{ExecutionId, SessionId};
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_engine::Options;
use workflow_engine::ring::message::{Input, StartAsk, StartReply};
use workflow_engine::ring::slots::{Provider, ProviderId, ProviderKind, Slots};
use workflow_store::Memory;

fn two_steps(second: &str) -> String {
    format!(
        r#"{{"id":"w","steps":[{{"id":"first","action":"do-first"}},{{"id":"second","action":"{second}","dependsOn":["first"]}}]}}"#
    )
}

#[test]
fn a_deployment_changes_no_running_execution() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(&two_steps("old"));
        rig.provide_all(&["do-first", "old", "new"], 4);
        let before = rig.start("w", "{}");
        rig.define(&two_steps("new"));
        let after = rig.start("w", "{}");
        rig.finish(before, "first", completed("1"));
        rig.finish(after, "first", completed("1"));
        let action_of = |rig: &Rig, id| rig.running[&rig.attempt(id, "second")].action.to_string();
        assert_eq!((action_of(&rig, before), action_of(&rig, after)), ("old".to_owned(), "new".to_owned()));
        // Also not for the process that comes next.
        let mut rig = rig.crash();
        rig.provide_all(&["do-first", "old", "new"], 4);
        assert_eq!((action_of(&rig, before), action_of(&rig, after)), ("old".to_owned(), "new".to_owned()));
        rig.run(|_| completed("1"));
        assert_eq!((rig.status(before), rig.status(after)), (Status::Completed, Status::Completed));
        rig.assert_at_rest();
    });
}

#[test]
fn executions_of_a_deleted_definition_go_on_and_can_be_retried_and_resumed() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(&two_steps("do-second"));
        rig.provide_all(&["do-first", "do-second"], 4);
        let (running, failing, paused) = (rig.start("w", "{}"), rig.start("w", "{}"), rig.start("w", "{}"));
        rig.finish(failing, "first", failed("no luck"));
        rig.control(paused, Control::Pause).unwrap();
        assert!(rig.delete("w"));
        assert!(!rig.delete("w"));
        rig.finish(paused, "first", completed("1"));
        assert_eq!((rig.status(failing), rig.status(paused)), (Status::Failed, Status::Paused));
        // Nothing of the definition is in memory any more.
        let mut rig = rig.crash();
        rig.provide_all(&["do-first", "do-second"], 4);
        rig.control(failing, Control::Retry).unwrap();
        rig.control(paused, Control::Resume).unwrap();
        rig.run(|_| completed("1"));
        for id in [running, failing, paused] {
            assert_eq!(rig.status(id), Status::Completed);
        }
        let mut refused = rig.start_with("w", "{}", None);
        rig.settle();
        assert_eq!(refused.now().unwrap_err().code(), "workflow_not_found");
        rig.assert_at_rest();
    });
}

#[test]
fn triggers_are_those_of_the_newest_version_of_what_is_not_deleted() {
    let triggered = |id: &str, event: &str| {
        format!(r#"{{"id":"{id}","triggers":[{{"event":"{event}"}}],"steps":[{{"id":"only","action":"act"}}]}}"#)
    };
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(&triggered("changed", "Order.placed"));
        rig.define(&triggered("changed", "Order.paid"));
        rig.define(&triggered("deleted", "Order.placed"));
        assert!(rig.delete("deleted"));
        let started = |rig: &mut Rig, event: &str| {
            let mut answer = rig.event(event, "{}", None);
            rig.settle();
            let started = answer.now().unwrap().started;
            started.iter().map(|started| rig.definition_of(id(started)).id.to_string()).collect::<Vec<_>>()
        };
        assert!(started(&mut rig, "Order.placed").is_empty());
        assert_eq!(started(&mut rig, "Order.paid"), ["changed"]);
        let mut rig = rig.crash();
        assert!(started(&mut rig, "Order.placed").is_empty(), "also in the next process");
        rig.define(&triggered("deleted", "Order.placed"));
        assert_eq!(started(&mut rig, "Order.placed"), ["deleted"], "it was registered again");
    });
}

#[test]
fn a_workflow_that_refuses_keeps_no_other_from_being_started_by_an_event() {
    on_both_stores(|open| {
        let mut rig = open(Options { require_actions: true, ..Options::default() });
        for (id, action) in [("a", "act"), ("b", "nobody-does"), ("c", "act")] {
            rig.define(&format!(
                r#"{{"id":"{id}","triggers":[{{"event":"Order.*"}}],"steps":[{{"id":"only","action":"{action}"}}]}}"#
            ));
        }
        rig.provide_all(&["act"], 4);
        rig.commits.clear();
        let mut answer = rig.event("Order.paid", "{}", None);
        rig.settle();
        let answer = answer.now().unwrap();
        let started: Vec<String> = answer.started.iter().map(|started| rig.definition_of(id(started)).id.to_string()).collect();
        assert_eq!(started, ["a", "c"]);
        assert_eq!((rig.commits.len(), rig.commits[0].len()), (1, 2), "one commit");
        let [refused] = &answer.refused[..] else { panic!("one refused: {:?}", answer.refused) };
        assert_eq!((refused.workflow_id.as_str(), refused.code.as_str()), ("b", "action_missing"));
        assert!(refused.message.contains("nobody-does"), "{}", refused.message);
    });
}

#[test]
fn what_an_event_brings_can_be_too_large_for_a_start() {
    let limits = workflow_core::limits::Limits { payload_bytes_max: 100, ..workflow_core::limits::Limits::default() };
    on_both_stores(|open| {
        let mut rig = open(Options { limits: limits.clone(), ..Options::default() });
        rig.define(r#"{"id":"w","triggers":[{"event":"Text"}],"steps":[{"id":"only","action":"act"}]}"#);
        // A text becomes `{"data": ...}`, and only that is over the limit.
        let mut answer = rig.event("Text", &format!("\"{}\"", "x".repeat(95)), None);
        rig.settle();
        let answer = answer.now().unwrap();
        assert!(answer.started.is_empty());
        assert_eq!((answer.refused[0].workflow_id.as_str(), answer.refused[0].code.as_str()), ("w", "payload_too_large"));
        rig.assert_at_rest();
    });
}

#[test]
fn start_replay_and_retry_name_every_action_that_is_missing() {
    fn replay(rig: &mut Rig, id: ExecutionId) -> workflow_engine::Error {
        let ask = |reply| {
            let (workflow, triggered_by) = ("w".to_owned(), TriggeredBy::Replay(id));
            let reply = StartReply { reply, follow: None };
            let ask = StartAsk { workflow, input: json("{}"), key: None, by: None, triggered_by, replay_of: Some(id), reply };
            Input::Start(Box::new(ask))
        };
        let mut answer = rig.ask(ask);
        rig.settle();
        answer.now().unwrap_err()
    }
    on_both_stores(|open| {
        let mut rig = open(Options { require_actions: true, ..Options::default() });
        rig.define(&two_steps("do-second"));
        rig.provide_all(&["do-first", "do-second"], 1);
        let id = rig.start("w", "{}");
        rig.finish(id, "first", failed("no luck"));
        // The next process has lost its actions.
        let mut rig = rig.crash();
        let mut start = rig.start_with("w", "{}", None);
        rig.settle();
        let errors = [start.now().unwrap_err(), rig.control(id, Control::Retry).unwrap_err(), replay(&mut rig, id)];
        for error in errors {
            assert_eq!(error.code(), "action_missing");
            assert!(error.to_string().contains("do-first, do-second"), "{error}");
        }
        assert_eq!(rig.status(id), Status::Failed);
        rig.provide_all(&["do-first", "do-second"], 1);
        rig.control(id, Control::Retry).unwrap();
        rig.run(|_| completed("1"));
        assert_eq!(rig.status(id), Status::Completed);
    });
}

#[test]
fn attempts_go_to_the_process_first_and_to_the_others_in_turn() {
    let mut slots = Slots::new(64);
    let (here, one, other) = (ProviderId(3), ProviderId(1), ProviderId(2));
    let provider = |id, kind, limit| Provider { id, kind, actions: vec![action("act")], limit };
    slots.provide(provider(one, ProviderKind::Endpoint, 2));
    slots.provide(provider(other, ProviderKind::Worker { session: SessionId::new("worker-1").unwrap() }, 3));
    slots.provide(provider(here, ProviderKind::InProcess, 1));
    let mut taken = Vec::new();
    while let Some(id) = slots.take(&action("act")) {
        taken.push(id);
    }
    assert_eq!(taken, [here, one, other, one, other, other], "whoever has a free slot, in turn");
    slots.give_back(other);
    slots.give_back(here);
    assert_eq!((slots.take(&action("act")), slots.take(&action("act"))), (Some(here), Some(other)));
    assert_eq!(slots.take(&action("something-else")), None);
}

#[test]
fn no_id_is_thrown_away_and_slots_are_spread() {
    let mut rig = Rig::new(Memory::new());
    rig.define(r#"{"id":"w","steps":[{"id":"only","action":"act"}]}"#);
    // Of one millisecond: the clock stands still.
    let ids: Vec<String> = (0..300).map(|_| rig.start("w", "{}").to_string()).collect();
    assert!(ids.is_sorted(), "text order is start order");
    let part =
        |from: usize| move |id: &String| u16::from_str_radix(&id["exec_".len() + from..][..3], 16).expect("three hex digits");
    let sequence: Vec<u16> = ids.iter().map(part(13)).collect();
    assert_eq!(sequence, (0..300).collect::<Vec<u16>>(), "one after the other, none is left out");
    let slots: BTreeSet<u16> = ids.iter().map(part(29)).collect();
    assert!(slots.len() > 250, "any slot is taken: {}", slots.len());
}

#[test]
fn a_fresh_key_after_a_retry_is_explained() {
    let text = include_str!("../../../docs/idempotency.md");
    assert!(text.contains("${context.idempotencyKey}:${context.retryCount}"), "the key for who remembers failures");
    // The same two in what an attempt is given.
    let mut rig = Rig::new(Memory::new());
    rig.define(r#"{"id":"w","steps":[{"id":"charge","action":"act"}]}"#);
    rig.provide_all(&["act"], 1);
    let id = rig.start("w", "{}");
    let key = |rig: &Rig| {
        let context = serde_json::to_value(rig.running[&rig.attempt(id, "charge")].context()).unwrap();
        format!("{}:{}", context["idempotencyKey"].as_str().unwrap(), context["retryCount"])
    };
    assert_eq!(key(&rig), format!("{id}:charge:0"));
    rig.finish(id, "charge", failed("declined"));
    rig.control(id, Control::Retry).unwrap();
    assert_eq!(key(&rig), format!("{id}:charge:1"));
}
