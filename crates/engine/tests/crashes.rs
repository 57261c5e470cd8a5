//! The process dies, the disk is full, nobody knows: what was acknowledged is there, and what is recorded does not run again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::collections::BTreeMap;
use std::time::Duration;

use rig::{ORDER, ORDER_ACTIONS, Rig, Trouble, completed, failed, id, key, on_both_stores, order};
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_engine::Options;
use workflow_engine::ring::message::Input;
use workflow_store::Memory;

fn reopened(rig: Rig) -> Rig {
    let mut rig = rig.crash();
    rig.provide_all(&ORDER_ACTIONS, 64);
    rig
}

#[test]
fn nothing_is_acknowledged_and_nothing_begins_before_it_is_durable() {
    on_both_stores(|open| {
        let mut rig = order(open);
        let mut answer = rig.start_with("order-processing", "{}", None);
        rig.turn();
        assert!(rig.is_committing());
        assert!(answer.get().is_none() && rig.running.is_empty());
        // Decided, and never written.
        let rig = reopened(rig);
        assert!(answer.get().unwrap().is_err());
        assert!(rig.running.is_empty());
        rig.assert_at_rest();
        assert!(rig.store.executions(&filter()).unwrap().heads.is_empty());
    });
}

fn filter() -> workflow_store::Filter {
    workflow_store::Filter { limit: 100, ..workflow_store::Filter::default() }
}

#[test]
fn what_was_in_flight_is_interrupted_at_open_and_what_is_recorded_does_not_run_again() {
    on_both_stores(|open| {
        let mut rig = order(open);
        let id = rig.start("order-processing", "{}");
        rig.finish(id, "validate", completed("{}"));
        let mut rig = reopened(rig);
        assert_eq!(
            rig.history(id),
            [
                "start",
                "step_start validate 1",
                "step_complete validate 1",
                "step_start reserve 1",
                "step_interrupted reserve 1",
                "step_start reserve 2"
            ]
        );
        assert_eq!(rig.commits, [["step_interrupted reserve, step_start reserve"]], "one transition");
        let mut runs = Vec::new();
        rig.run(|task| {
            runs.push(task.step_id.to_string());
            completed("{}")
        });
        assert_eq!(runs, ["reserve", "charge", "fulfill", "notify"]);
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
    });
}

/// Recovery waited for memory that only the end of those already recovered would have freed, although each had begun before.
#[test]
fn all_that_was_in_flight_begins_again_however_much_memory_it_takes() {
    on_both_stores(|open| {
        let mut rig = open(Options { resident_bytes_max: 40_000, ..Options::default() });
        rig.define(ORDER);
        rig.provide_all(&ORDER_ACTIONS, 400);
        let ids: Vec<_> = (0..300).map(|_| rig.start("order-processing", "{}")).collect();
        assert_eq!(rig.running.len(), 300);
        let mut rig = rig.crash();
        rig.provide_all(&ORDER_ACTIONS, 400);
        assert_eq!(rig.running.len(), 300);
        rig.run(|_| completed("{}"));
        assert!(ids.iter().all(|&id| rig.status(id) == Status::Completed));
        rig.assert_at_rest();
        // Where slots are short they come by and by, as memory has room.
        let ids: Vec<_> = (0..300).map(|_| rig.start("order-processing", "{}")).collect();
        let mut rig = rig.crash();
        rig.provide_all(&ORDER_ACTIONS, 3);
        assert_eq!(rig.running.len(), 3);
        assert!(rig.ring.gauges().resident_bytes < 250_000, "{:?}", rig.ring.gauges());
        rig.run(|_| completed("{}"));
        assert!(ids.iter().all(|&id| rig.status(id) == Status::Completed));
        rig.assert_at_rest();
    });
}

/// Every trouble at every commit of an order: it ends, and no step runs again after its result was recorded.
#[test]
fn trouble_at_any_commit_loses_nothing() {
    on_both_stores(|open| {
        let mut rig = order(open);
        for trouble in [Trouble::Before, Trouble::BeforeUnknown, Trouble::AfterUnknown] {
            for at in 0..6 {
                for reopen_fails in [0, 2] {
                    one_trouble(&mut rig, trouble, at, reopen_fails);
                }
            }
        }
    });
}

fn one_trouble(rig: &mut Rig, trouble: Trouble, at: usize, reopen_fails: usize) {
    let context = format!("{trouble:?} at commit {at}, reopening fails {reopen_fails} times");
    let before = rig.store.executions(&filter()).unwrap().heads.len();
    rig.reopen_fails = 0;
    let mut answer = rig.start_with("order-processing", "{}", None);
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    for commit in 0.. {
        if commit == at {
            rig.troubles.push_back(trouble);
            rig.reopen_fails = reopen_fails;
        }
        rig.settle();
        for _ in 0..4 {
            // Until the store is there again.
            if !rig.ring.is_ready() {
                rig.advance_to_next();
            }
        }
        assert!(rig.ring.is_ready(), "{context}");
        let Some((attempt, task)) = rig.running.pop_first() else { break };
        *runs.entry(task.step_id.to_string()).or_default() += 1;
        rig.finish_only(attempt, completed("{}"));
    }
    let heads = rig.store.executions(&filter()).unwrap().heads;
    match answer.now() {
        Ok(started) => assert_eq!(rig.status(id(&started)), Status::Completed, "{context}"),
        // Nothing was written, or nobody could say; never half of it.
        Err(error) => {
            assert_eq!(at, 0, "{context}");
            let expected = if trouble == Trouble::Before || reopen_fails == 0 { "store_unavailable" } else { "outcome_unknown" };
            assert_eq!(error.code(), expected, "{context}");
            let written = trouble == Trouble::AfterUnknown;
            assert_eq!(heads.len() - before, usize::from(written), "{context}");
        }
    }
    assert!(heads.iter().all(|head| head.status == Status::Completed), "{context}");
    assert!(runs.values().all(|&count| count == 1), "{context}: {runs:?}");
    rig.assert_at_rest();
}

#[test]
fn while_the_store_is_away_starts_are_refused_and_results_wait() {
    let mut rig = Rig::with_order(Memory::new());
    let running = rig.start("order-processing", "{}");
    rig.troubles.extend([Trouble::Before; 3]);
    rig.finish(running, "validate", completed("{}"));
    assert!(!rig.ring.is_ready());
    let mut refused = rig.start_with("order-processing", "{}", None);
    rig.settle();
    assert_eq!(refused.now().unwrap_err().code(), "store_unavailable");
    assert_eq!(rig.control(running, Control::Pause).unwrap_err().code(), "store_unavailable");
    for _ in 0..3 {
        assert!(rig.advance_to_next(), "it tries again by itself");
    }
    assert!(rig.ring.is_ready());
    rig.run(|_| completed("{}"));
    assert_eq!(rig.status(running), Status::Completed);
    rig.assert_at_rest();
}

/// The engine went on asking for ever: it was told that it is fenced only by a commit, and nothing is committed while it is unknown
/// what became of the last one.
#[test]
fn who_learns_on_opening_the_store_again_that_it_is_another_engines_closes() {
    for trouble in [Trouble::Before, Trouble::BeforeUnknown, Trouble::AfterUnknown] {
        let mut rig = Rig::with_order(Memory::new());
        rig.start("order-processing", "{}");
        rig.troubles.push_back(trouble);
        rig.fenced = true;
        let mut answer = rig.start_with("order-processing", "{}", None);
        rig.settle();
        let expected = if trouble == Trouble::Before { "store_unavailable" } else { "outcome_unknown" };
        assert_eq!(answer.now().unwrap_err().code(), expected, "{trouble:?}");
        while !rig.closed {
            assert!(rig.advance_to_next(), "{trouble:?}: it tries again by itself");
        }
    }
}

#[test]
fn a_definition_that_was_not_written_is_not_there() {
    let mut rig = Rig::new(Memory::new());
    rig.provide_all(&ORDER_ACTIONS, 1);
    rig.troubles.push_back(Trouble::Before);
    let checked =
        workflow_core::definition::Definition::check(&rig::json(ORDER), &workflow_core::limits::Limits::default()).unwrap();
    let (stored, definition) = (checked.definition.to_stored(), Box::new(checked.definition));
    let mut defined = rig.ask(|reply| Input::Define { definition, stored, reply });
    rig.settle();
    assert_eq!(defined.now().unwrap_err().code(), "store_unavailable");
    rig.advance_to_next();
    let mut start = rig.start_with("order-processing", "{}", None);
    rig.settle();
    assert_eq!(start.now().unwrap_err().code(), "workflow_not_found");
    rig.define(ORDER);
    rig.start("order-processing", "{}");
}

#[test]
fn a_retry_delay_survives_the_process() {
    on_both_stores(|open| {
        let mut rig = order(open);
        let id = rig.start("order-processing", "{}");
        rig.finish(id, "validate", completed("{}"));
        rig.finish(id, "reserve", completed("{}"));
        rig.finish(id, "charge", failed("busy"));
        let mut rig = reopened(rig);
        assert!(rig.running.is_empty());
        rig.advance(Duration::from_secs(1));
        rig.run(|_| completed("{}"));
        assert_eq!(rig.status(id), Status::Completed);
    });
}

#[test]
fn the_clock_goes_back_and_nothing_fires_early_or_gets_lost() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(
            r#"{"id":"later","steps":[{"id":"a","action":"noop","wait":"1h"},{"id":"b","action":"ping","dependsOn":["a"]}]}"#,
        );
        rig.provide_all(&["ping"], 1);
        let first = rig.start("later", "{}");
        let start = rig.now().wall;
        rig.clock.set_wall(workflow_core::time::Timestamp::from_millis(start.millis() - 7_200_000));
        let second = rig.start("later", "{}");
        rig.advance(Duration::from_secs(3_600));
        assert_eq!(rig.running.len(), 1);
        rig.finish(second, "b", completed("{}"));
        assert_eq!(rig.status(first), Status::Waiting);
        rig.advance(Duration::from_secs(7_200));
        rig.finish(first, "b", completed("{}"));
        assert_eq!(rig.status(first), Status::Completed);
        rig.assert_at_rest();
    });
}

#[test]
fn a_key_whose_commit_failed_can_be_used_again() {
    on_both_stores(|open| {
        let mut rig = order(open);
        for trouble in [Trouble::Before, Trouble::BeforeUnknown] {
            rig.troubles.push_back(trouble);
            let mut first = rig.start_with("order-processing", "{}", key("k"));
            let mut second = rig.start_with("order-processing", "{}", key("k"));
            rig.settle();
            assert!(first.now().is_err() && second.now().is_err());
            rig.advance_to_next();
        }
        let mut third = rig.start_with("order-processing", "{}", key("k"));
        rig.settle();
        let started = id(&third.now().unwrap());
        rig.troubles.push_back(Trouble::AfterUnknown);
        let mut again = rig.start_with("order-processing", "{}", key("k"));
        rig.settle();
        assert_eq!(id(&again.now().unwrap()), started, "also when nobody knew for a moment");
        rig.run(|_| completed("{}"));
        rig.assert_at_rest();
    });
}

/// The attempt of a step begins in a batch that is in the store for longer than the attempt's timeout, and then is not written.
/// The timeout had been noted, to be decided again; and the next attempt, which has the number of the one that never was, failed
/// with it at once. Found by the simulation.
#[test]
fn the_timeout_of_an_attempt_that_was_never_written_is_nobodys() {
    for trouble in [Trouble::Before, Trouble::BeforeUnknown] {
        on_both_stores(|open| {
            let mut rig = open(Options::default());
            rig.define(
                r#"{"id":"w","steps":[{"id":"a","action":"act"},{"id":"b","action":"act","dependsOn":["a"],"timeout":"5s"}]}"#,
            );
            rig.provide_all(&["act"], 1);
            let id = rig.start("w", "{}");
            rig.finish_only(rig.attempt(id, "a"), completed("{}"));
            rig.turn();
            rig.clock.advance(Duration::from_secs(5));
            rig.turn();
            rig.troubles.push_back(trouble);
            rig.settle();
            if !rig.ring.is_ready() {
                rig.advance_to_next();
            }
            rig.advance(Duration::from_millis(4_500));
            rig.finish(id, "b", completed("{}"));
            assert_eq!(rig.status(id), Status::Completed, "{trouble:?}: {:?}", rig.history(id));
        });
    }
}

/// A result comes while the cancellation of its execution is on its way to the store: it is too late, and is dropped. Then the
/// cancellation is not written. The result was gone: the execution was in flight for ever, with nobody who ran it. Found by the
/// simulation, with a timeout of the execution and a clock that was set back.
#[test]
fn a_result_too_late_for_what_was_never_written_is_not_lost() {
    for trouble in [Trouble::Before, Trouble::BeforeUnknown] {
        on_both_stores(|open| {
            let mut rig = open(Options::default());
            rig.define(r#"{"id":"w","steps":[{"id":"a","action":"act"}]}"#);
            rig.provide_all(&["act"], 1);
            let id = rig.start("w", "{}");
            let mut cancelled = rig.ask(|reply| Input::Control(Box::new(rig::control_ask(id, Control::Cancel, reply))));
            rig.turn();
            rig.finish_only(rig.attempt(id, "a"), completed("{}"));
            rig.turn();
            rig.troubles.push_back(trouble);
            rig.settle();
            assert_eq!(cancelled.now().unwrap_err().code(), "store_unavailable");
            if !rig.ring.is_ready() {
                rig.advance_to_next();
            }
            assert_eq!(rig.status(id), Status::Completed, "{trouble:?}");
            rig.assert_at_rest();
        });
    }
}

/// A start whose key is taken is decided like any other, and left out of the commit. One of a workflow that is over at once (all
/// `noop`, or skipped) was told to be over all the same: watchers heard of an execution that never was, and metrics counted it.
/// Found by the simulation.
#[test]
fn an_execution_whose_key_was_taken_is_never_over() {
    let mut rig = Rig::new(Memory::new());
    rig.define(r#"{"id":"now","steps":[{"id":"a","action":"noop"}]}"#);
    let mut first = rig.start_with("now", "{}", key("k"));
    rig.settle();
    let first = id(&first.now().unwrap());
    let mut second = rig.start_with("now", "{}", key("k"));
    rig.settle();
    assert_eq!(id(&second.now().unwrap()), first);
    assert_eq!(rig.over, [first]);
    rig.assert_at_rest();
}

#[test]
fn a_shutdown_waits_then_interrupts_and_the_next_life_goes_on() {
    on_both_stores(|open| {
        let mut rig = order(open);
        let quick = rig.start("order-processing", "{}");
        let slow = rig.start("order-processing", "{}");
        let until = rig.now().mono + Duration::from_secs(10);
        rig.input(Input::Shutdown { until });
        rig.settle();
        assert!(!rig.closed && !rig.ring.is_ready());
        let mut refused = rig.start_with("order-processing", "{}", None);
        rig.settle();
        assert_eq!(refused.now().unwrap_err().code(), "closed");
        rig.finish(quick, "validate", completed("{}"));
        assert!(rig.running.len() == 1, "nothing begins any more");
        rig.advance(Duration::from_secs(10));
        assert!(rig.closed);
        assert_eq!(rig.history(slow).last().unwrap(), "step_interrupted validate 1");
        let mut rig = reopened(rig);
        rig.run(|_| completed("{}"));
        assert_eq!((rig.status(quick), rig.status(slow)), (Status::Completed, Status::Completed));
        rig.assert_at_rest();
    });
}
