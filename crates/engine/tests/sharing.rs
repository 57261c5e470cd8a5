//! What executions share: keys, events, slots, memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::time::Duration;

use rig::{ORDER, ORDER_ACTIONS, Rig, completed, failed, id, key, on_both_stores};
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_engine::ring::message::{Input, Started};
use workflow_engine::{Error, Options};
use workflow_store::Memory;

fn one_step(workflow: &str, action: &str) -> String {
    format!(r#"{{"id":"{workflow}","steps":[{{"id":"only","action":"{action}"}}]}}"#)
}

#[test]
fn the_same_key_is_the_same_execution() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(ORDER);
        rig.provide_all(&ORDER_ACTIONS, 64);
        // In one batch, while that is in the store, after it, after the end, and after the definition is gone.
        let mut first = rig.start_with("order-processing", r#"{"a":1,"b":2}"#, key("k"));
        let mut twin = rig.start_with("order-processing", r#"{"b":2, "a":1}"#, key("k"));
        rig.turn();
        let mut during = rig.start_with("order-processing", r#"{"a":1,"b":2}"#, key("k"));
        let mut other = rig.start_with("order-processing", r#"{"a":2}"#, key("k"));
        rig.settle();
        let Started::New(snapshot) = first.now().unwrap() else { panic!("it is new") };
        let ours = snapshot.execution.id;
        for answer in [&mut twin, &mut during] {
            assert!(matches!(answer.now().unwrap(), Started::Existing(id) if id == ours));
        }
        assert_eq!(other.now().unwrap_err().code(), "idempotency_key_reused");
        assert_eq!(rig.dispatched, 1);
        rig.run(|_| completed("{}"));
        let mut after = rig.start_with("order-processing", r#"{"a":1,"b":2}"#, key("k"));
        let mut other = rig.start_with("order-processing", "{}", key("k"));
        rig.settle();
        assert_eq!(id(&after.now().unwrap()), ours);
        assert_eq!(other.now().unwrap_err().code(), "idempotency_key_reused");
        assert!(rig.delete("order-processing"));
        let mut deleted = rig.start_with("order-processing", r#"{"a":1,"b":2}"#, key("k"));
        let mut unknown = rig.start_with("order-processing", "{}", key("new"));
        let mut keyless = rig.start_with("order-processing", "{}", None);
        rig.settle();
        assert_eq!(id(&deleted.now().unwrap()), ours);
        assert_eq!(unknown.now().unwrap_err().code(), "workflow_not_found");
        assert_eq!(keyless.now().unwrap_err().code(), "workflow_not_found");
        rig.assert_at_rest();
    });
}

#[test]
fn a_slot_taken_for_a_start_whose_key_was_held_is_given_back() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(&one_step("w", "only"));
        rig.provide_all(&["only"], 1);
        let mut first = rig.start_with("w", "{}", key("k"));
        rig.run(|_| completed("{}"));
        for _ in 0..3 {
            let mut again = rig.start_with("w", "{}", key("k"));
            rig.settle();
            assert!(matches!(again.now().unwrap(), Started::Existing(_)));
        }
        assert!(first.now().is_ok());
        rig.start("w", "{}");
        assert_eq!(rig.running.len(), 1);
        rig.run(|_| completed("{}"));
        rig.assert_at_rest();
    });
}

#[test]
fn an_event_starts_at_most_a_thousand_and_its_id_is_answered_again() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.provide_all(&["only"], 10_000);
        for number in 0..1_003 {
            rig.define(&format!(
                r#"{{"id":"w{number:04}","triggers":[{{"event":"Customer.*"}},{{"event":"Customer.created","condition":"plan === 'gold'"}}],
                    "steps":[{{"id":"only","action":"only"}}]}}"#
            ));
        }
        rig.commits.clear();
        let mut answer = rig.event("Customer.created", r#"{"plan":"gold"}"#, key("evt_1"));
        rig.settle();
        let first = answer.now().unwrap();
        assert_eq!((first.started.len(), first.refused.len()), (1_000, 3));
        assert_eq!(first.refused[2].workflow_id.as_str(), "w1002");
        assert_eq!((rig.commits.len(), rig.commits[0].len()), (1, 1_000), "one commit");
        rig.delete("w0000");
        let mut again = rig.event("Customer.created", r#"{"plan":"gold"}"#, key("evt_1"));
        let mut nothing = rig.event("Order.created", "[1]", key("evt_2"));
        rig.settle();
        let again = again.now().unwrap();
        let ids = |started: &[Started]| started.iter().map(id).collect::<Vec<_>>();
        assert_eq!(ids(&again.started), ids(&first.started));
        assert_eq!(again.refused, first.refused);
        assert!(nothing.now().unwrap().started.is_empty());
        rig.define(r#"{"id":"late","triggers":[{"event":"Order.created"}],"steps":[{"id":"only","action":"only"}]}"#);
        let mut nothing = rig.event("Order.created", "[1]", key("evt_2"));
        rig.settle();
        assert!(nothing.now().unwrap().started.is_empty(), "an id that started nothing starts nothing");
        let mut fresh = rig.event("Order.created", "[1]", None);
        rig.settle();
        assert_eq!(fresh.now().unwrap().started.len(), 1);
        rig.run(|_| completed("{}"));
        rig.assert_at_rest();
    });
}

#[test]
fn what_nobody_provides_leaves_memory_and_hides_nothing() {
    on_both_stores(|open| {
        let mut rig = open(Options { resident_bytes_max: 40_000, ..Options::default() });
        rig.define(&one_step("orphan", "nobody"));
        rig.define(&one_step("busy", "somebody"));
        rig.provide_all(&["somebody"], 2);
        let orphans: Vec<_> = (0..200).map(|_| rig.start("orphan", r#"{"some":"input"}"#)).collect();
        assert!(rig.ring.gauges().resident_bytes <= 40_000, "{:?}", rig.ring.gauges());
        assert_eq!(rig.status(orphans[199]), Status::Pending);
        let at_rest = orphans.iter().filter(|&&id| rig.wake_at(id).is_none()).count();
        assert!(at_rest > 150, "rows say what they want: {at_rest}");
        let busy: Vec<_> = (0..50).map(|_| rig.start("busy", "{}")).collect();
        rig.run(|_| completed("{}"));
        assert!(busy.iter().all(|&id| rig.status(id) == Status::Completed), "also those that were parked in between");
        // A control call finds one that lies in the store.
        rig.control(orphans[199], Control::Cancel).unwrap();
        // Then somebody comes, in another life.
        let mut rig = rig.crash();
        rig.provide_all(&["nobody", "somebody"], 3);
        let mut most = 0;
        rig.run(|_| completed("{}"));
        most = most.max(rig.ring.gauges().resident_bytes);
        assert!(most <= 40_000);
        assert_eq!(orphans.iter().filter(|&&id| rig.status(id) == Status::Completed).count(), 199);
        rig.assert_at_rest();
    });
}

/// While a read has failed and waits to be tried again, nobody looks for executions at rest. Who wanted to was put off until
/// something left memory, so that with nothing in memory those executions stayed where they were, beside free slots, until another
/// commit. Found by the simulation.
#[test]
fn executions_at_rest_are_looked_for_again_after_a_read_that_failed() {
    let mut rig = Rig::with(Memory::new(), Options { resident_bytes_max: 4_000, ..Options::default() });
    rig.define(&one_step("busy", "somebody"));
    let ids: Vec<_> = (0..30).map(|_| rig.start("busy", "{}")).collect();
    assert!(ids.iter().any(|&id| rig.wake_at(id).is_none()), "some lie in the store");
    let mut rig = rig.crash();
    rig.settle();
    rig.reads_fail = 1;
    rig.provide_all(&["somebody"], 1);
    rig.run(|_| completed("{}"));
    rig.advance(Duration::from_millis(500));
    rig.run(|_| completed("{}"));
    assert!(ids.iter().all(|&id| rig.status(id) == Status::Completed));
    rig.assert_at_rest();
}

/// Executions at rest are looked for because slots are free, and one of them is on its way into memory already, for a call that is
/// refused. It left memory with the refusal, and the slot that it had been found for stayed free. Found by the simulation.
#[test]
fn an_execution_that_is_loaded_for_a_call_takes_the_slot_that_is_free() {
    let mut rig = Rig::with(Memory::new(), Options { resident_bytes_max: 4_000, ..Options::default() });
    rig.define(&one_step("busy", "somebody"));
    let ids: Vec<_> = (0..30).map(|_| rig.start("busy", "{}")).collect();
    let at_rest = *ids.iter().find(|&&id| rig.wake_at(id).is_none()).unwrap();
    let mut rig = rig.crash();
    rig.settle();
    rig.provide("somebody", 64);
    rig.turn();
    let mut refused = rig.ask(|reply| Input::Control(Box::new(rig::control_ask(at_rest, Control::Resume, reply))));
    rig.turn();
    rig.run(|_| completed("{}"));
    assert_eq!(refused.now().unwrap_err().code(), "invalid_state");
    assert!(ids.iter().all(|&id| rig.status(id) == Status::Completed));
    rig.assert_at_rest();
}

/// An action has a free slot, and yet none can be taken while as much runs in this process as may. When there was room again only
/// actions that somebody in memory wanted were looked at, so that executions at rest stayed where they were, beside free slots.
/// Found by the simulation.
#[test]
fn executions_at_rest_begin_when_the_process_has_room_again() {
    for parked_first in [true, false] {
        let options = Options { resident_bytes_max: 4_000, in_process_max: 1, ..Options::default() };
        let mut rig = Rig::with(Memory::new(), options);
        rig.define(&one_step("rested", "one"));
        rig.define(&one_step("busy", "other"));
        rig.provide_all(&["other"], 1);
        let mut busy = None;
        if !parked_first {
            rig.provide_all(&["one"], 1);
            busy = Some(rig.start("busy", "{}"));
        }
        let rested: Vec<_> = (0..30).map(|_| rig.start("rested", "{}")).collect();
        assert!(rested.iter().any(|&id| rig.wake_at(id).is_none()), "some lie in the store");
        let here: Vec<_> = rested.iter().copied().filter(|&id| rig.wake_at(id).is_some()).collect();
        for id in here {
            rig.control(id, Control::Cancel).unwrap();
        }
        let busy = busy.unwrap_or_else(|| rig.start("busy", "{}"));
        if parked_first {
            rig.provide_all(&["one"], 1);
        }
        assert_eq!(rig.running.len(), 1, "there is room for one");
        rig.finish(busy, "only", completed("{}"));
        rig.run(|_| completed("{}"));
        assert!(rested.iter().all(|&id| rig.status(id).has_ended()), "parked first: {parked_first}");
        rig.assert_at_rest();
    }
}

#[test]
fn slots_go_round_over_executions_not_over_steps() {
    let mut rig = Rig::new(Memory::new());
    let steps: Vec<String> = (0..1_000).map(|n| format!(r#"{{"id":"s{n}","action":"work"}}"#)).collect();
    rig.define(&format!(r#"{{"id":"wide","steps":[{}]}}"#, steps.join(",")));
    rig.define(&one_step("narrow", "work"));
    rig.provide_all(&["work"], 4);
    let wide = rig.start("wide", "{}");
    assert_eq!(rig.running.len(), 4);
    let narrow: Vec<_> = (0..3).map(|_| rig.start("narrow", "{}")).collect();
    let mut finished = 0;
    while narrow.iter().any(|&id| rig.status(id) != Status::Completed) {
        let (attempt, _) = rig.running.pop_last().unwrap();
        rig.finish_only(attempt, completed("{}"));
        rig.settle();
        finished += 1;
        assert!(finished < 20, "the narrow ones get their turn");
    }
    assert_eq!(rig.status(wide), Status::Running);
    assert_eq!(rig.running.len(), 4, "no slot is left unused");
}

#[test]
fn too_much_work_is_refused_and_control_still_works() {
    let mut rig = Rig::with(Memory::new(), Options { queued_bytes_max: 100_000, ..Options::default() });
    rig.define(&one_step("w", "only"));
    rig.provide_all(&["only"], 1);
    let running = rig.start("w", "{}");
    let input = format!(r#"{{"text":"{}"}}"#, "x".repeat(30_000));
    // Queued, and not looked at yet.
    let mut answers: Vec<_> = (0..5).map(|_| rig.start_with("w", &input, None)).collect();
    let refused: Vec<_> = answers.iter_mut().filter_map(|answer| answer.get()).collect();
    assert!(refused.is_empty(), "answers leave in a turn");
    rig.turn();
    let refused = answers.iter_mut().filter_map(rig::Pending::get).filter(Result::is_err).count();
    assert_eq!(refused, 2);
    assert!(rig.is_committing());
    // The disk does not keep up.
    rig.clock.advance(Duration::from_millis(1_001));
    let mut slow = rig.start_with("w", "{}", None);
    rig.turn();
    let Err(Error::Overloaded { retry_after }) = slow.now() else { panic!("it is refused") };
    assert!(retry_after > Duration::ZERO);
    rig.settle();
    rig.control(running, Control::Cancel).unwrap();
    assert_eq!(rig.ring.gauges().queued_bytes, 0);
}

#[test]
fn a_workflow_handles_the_failures_of_others_in_the_same_commit() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(
            r#"{"id":"risky","steps":[{"id":"a","action":"fail","onError":"branch","errorBranch":"handler"},
                {"id":"b","action":"ok","dependsOn":["a"]}]}"#,
        );
        rig.define(r#"{"id":"handler","steps":[{"id":"tell","action":"ok","params":{"why":"$.error.message"}}]}"#);
        rig.provide_all(&["fail", "ok"], 1);
        let risky = rig.start("risky", r#"{"order":7}"#);
        rig.commits.clear();
        rig.finish(risky, "a", failed("no luck"));
        assert_eq!(rig.commits[0].len(), 2, "{:?}", rig.commits);
        let (key, task) = rig.running.first_key_value().unwrap();
        let handler = key.id;
        assert!(task.params().text().contains(r#""why":"no luck""#));
        rig.run(|_| completed("{}"));
        let head = rig.store.load(&[handler]).unwrap().pop().flatten().unwrap().head;
        assert_eq!((head.triggered_by.as_str(), head.trigger_source), ("error", Some(risky.to_string())));
        assert_eq!((rig.status(risky), rig.status(handler)), (Status::Completed, Status::Completed));
        rig.assert_at_rest();
    });
}

#[test]
fn run_now_does_not_wait_for_a_retry() {
    let mut rig = Rig::new(Memory::new());
    rig.define(r#"{"id":"w","steps":[{"id":"a","action":"only","maxRetries":1,"retryDelay":"1h"}]}"#);
    rig.provide_all(&["only"], 1);
    let id = rig.start("w", "{}");
    assert_eq!(rig.run_now(id, "a").unwrap_err().code(), "invalid_state");
    rig.finish(id, "a", failed("once"));
    rig.assert_at_rest();
    assert_eq!(rig.run_now(id, "b").unwrap_err().code(), "step_not_found");
    rig.run_now(id, "a").unwrap();
    rig.run(|_| completed("{}"));
    assert_eq!(rig.status(id), Status::Completed);
    rig.assert_at_rest();
}

#[test]
fn a_missing_action_is_refused_where_nobody_else_can_provide_it() {
    let mut rig = Rig::with(Memory::new(), Options { require_actions: true, ..Options::default() });
    rig.define(ORDER);
    rig.provide_all(&["chargeCard"], 1);
    let mut answer = rig.start_with("order-processing", "{}", None);
    rig.settle();
    let error = answer.now().unwrap_err();
    assert_eq!(error.code(), "action_missing");
    assert!(error.to_string().contains("fulfillOrder, reserveInventory, sendConfirmation, validatePayment"), "{error}");
    rig.input(Input::ExpectWorkers);
    rig.start("order-processing", "{}");
}

#[test]
fn an_execution_that_is_not_there_is_not_found() {
    let mut rig = Rig::with_order(Memory::new());
    let id = workflow_core::id::ExecutionId::from_bytes([7; 16]);
    assert_eq!(rig.control(id, Control::Pause).unwrap_err().code(), "execution_not_found");
    rig.assert_at_rest();
}
