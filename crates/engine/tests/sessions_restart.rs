//! Sessions of remote workers outlive the engine: what they finish meanwhile is taken, and what nobody names is interrupted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::time::Duration;

use rig::worker::{GRACE, ONE, TWO, busy, only, sessions};
use rig::{Trouble, completed, on_both_stores};
use workflow_core::definition::StepIndex;
use workflow_core::id::ExecutionId;
use workflow_core::status::Status;
use workflow_engine::Options;
use workflow_engine::ring::message::{AttemptKey, Input};

#[test]
fn a_result_that_was_finished_while_the_engine_was_away_is_taken_and_the_action_does_not_run_again() {
    on_both_stores(|open| {
        let (rig, mut worker, id) = busy(open, TWO);
        let mut rig = rig.crash();
        assert_eq!(worker.told(), ["gone"]);
        // Others would have it.
        rig.provide_all(&["act"], 1);
        assert!(rig.running.is_empty());
        // The result follows the join at once: the execution is not loaded yet.
        let (mut worker, _) = rig.join_only("worker-1", &[only(id, 1)]);
        rig.deliver_only(&mut worker, only(id, 1), completed("1"));
        rig.settle();
        assert_eq!(worker.told(), ["recorded 0.1"]);
        assert_eq!(rig.history(id)[..4], ["start", "step_start a 1", "step_complete a 1", "step_start b 1"]);
        rig.finish(id, "b", completed("1"));
        assert_eq!(sessions(&rig, id), ["1 worker-1", "1 engine-2"]);
        rig.assert_at_rest();
    });
}

#[test]
fn a_result_that_comes_with_the_join_is_recorded_and_its_task_is_not_aborted() {
    for reads_before_join in 0..4 {
        on_both_stores(|open| {
            let (rig, _, id) = busy(open, ONE);
            let mut rig = rig.crash();
            rig.turn();
            for _ in 0..reads_before_join {
                rig.answer_read_only();
                rig.turn();
            }
            let (mut worker, _) = rig.join_only("worker-1", &[only(id, 1)]);
            rig.offer_only(&worker, 1);
            rig.deliver_only(&mut worker, only(id, 1), completed("1"));
            rig.answer_read_only();
            rig.settle();
            assert_eq!(worker.told(), ["recorded 0.1"], "{reads_before_join} reads before it joins");
            assert_eq!(sessions(&rig, id), ["1 worker-1"]);
            rig.assert_at_rest();
            // Its slot is free, and it has no more.
            rig.start("w", "{}");
            rig.start("w", "{}");
            assert_eq!(worker.told(), ["task 0.1"]);
        });
    }
}

/// The execution comes into memory before the worker has joined, after that, and in the same moment.
#[test]
fn a_worker_that_comes_back_to_a_new_engine_goes_on() {
    for reads_before_join in 0..4 {
        on_both_stores(|open| {
            let (rig, _, id) = busy(open, ONE);
            let mut rig = rig.crash();
            rig.turn();
            for _ in 0..reads_before_join {
                rig.answer_read_only();
                rig.turn();
            }
            let (mut worker, _) = rig.join_only("worker-1", &[only(id, 1)]);
            // What comes next may come together with it.
            rig.answer_read_only();
            rig.settle();
            rig.advance(2 * GRACE);
            assert_eq!(sessions(&rig, id), ["1 worker-1"], "{reads_before_join} reads before it joins");
            assert_eq!(rig.ring.gauges().attempts_in_flight, 1);
            // It has its slot, also when that is one too many.
            rig.offer(&worker, &["act"], 0);
            rig.deliver(&mut worker, only(id, 1), completed("1"));
            assert_eq!(worker.told(), ["recorded 0.1"]);
            assert_eq!(rig.status(id), Status::Completed);
            rig.assert_at_rest();
        });
    }
}

#[test]
fn what_a_worker_does_not_name_to_a_new_engine_is_interrupted_at_once() {
    for reads_before_join in 0..4 {
        on_both_stores(|open| {
            let (rig, _, id) = busy(open, ONE);
            let mut rig = rig.crash();
            rig.turn();
            for _ in 0..reads_before_join {
                rig.answer_read_only();
                rig.turn();
            }
            let (mut worker, _) = rig.join_only("worker-1", &[]);
            rig.answer_read_only();
            rig.settle();
            rig.offer(&worker, &["act"], 1);
            assert_eq!(sessions(&rig, id), ["1 worker-1", "1 lost", "2 worker-1"], "{reads_before_join} reads before it joins");
            assert_eq!(worker.told().last().unwrap(), "task 0.2");
            rig.deliver(&mut worker, only(id, 2), completed("1"));
            rig.assert_at_rest();
        });
    }
}

#[test]
fn a_worker_that_does_not_come_back_to_a_new_engine_within_the_grace_has_lost_its_attempts() {
    on_both_stores(|open| {
        let (rig, _, id) = busy(open, ONE);
        let mut rig = rig.crash();
        rig.provide_all(&["act"], 1);
        rig.advance(GRACE - Duration::from_millis(1));
        assert!(rig.running.is_empty());
        rig.advance(Duration::from_millis(1));
        assert_eq!(sessions(&rig, id), ["1 worker-1", "1 lost", "2 engine-2"]);
        let mut late = rig.try_join("worker-1", &[only(id, 1)]).unwrap();
        rig.deliver(&mut late, only(id, 1), completed("0"));
        assert_eq!(late.told(), ["abort 0.1 lost", "recorded 0.1"]);
        rig.finish(id, "a", completed("1"));
        rig.assert_at_rest();
    });
}

#[test]
fn two_restarts_in_a_row_take_nothing_from_a_worker() {
    on_both_stores(|open| {
        let (rig, _, id) = busy(open, ONE);
        // The first is gone before the worker has found it.
        let mut rig = rig.crash();
        rig.settle();
        rig.advance(GRACE / 2);
        let mut rig = rig.crash();
        rig.settle();
        rig.advance(GRACE - Duration::from_millis(1));
        let mut worker = rig.join("worker-1", &[only(id, 1)], 1);
        let mut rig = rig.crash();
        rig.settle();
        assert_eq!(worker.told(), ["gone"]);
        let mut worker = rig.join("worker-1", &[only(id, 1)], 1);
        rig.deliver(&mut worker, only(id, 1), completed("1"));
        assert_eq!(sessions(&rig, id), ["1 worker-1"]);
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
    });
}

#[test]
fn a_worker_that_joins_twice_before_its_execution_is_loaded_holds_what_it_named_last() {
    on_both_stores(|open| {
        let (rig, _, id) = busy(open, ONE);
        let mut rig = rig.crash();
        rig.turn();
        let _ = rig.join_only("worker-1", &[only(id, 1)]);
        rig.turn();
        let (mut worker, _) = rig.join_only("worker-1", &[]);
        rig.settle();
        assert_eq!(sessions(&rig, id), ["1 worker-1", "1 lost"]);
        assert_eq!(worker.told(), [""; 0]);
        rig.offer(&worker, &["act"], 1);
        assert_eq!(worker.told(), ["task 0.2"]);
        rig.deliver(&mut worker, only(id, 2), completed("1"));
        rig.assert_at_rest();
    });
}

#[test]
fn a_timeout_counts_from_the_beginning_of_the_attempt_also_over_a_restart() {
    on_both_stores(|open| {
        let (mut rig, _, id) = busy(open, r#"{"id":"w","steps":[{"id":"a","action":"act","timeout":"1m"}]}"#);
        rig.advance(Duration::from_secs(40));
        let mut rig = rig.crash();
        rig.settle();
        let mut worker = rig.join("worker-1", &[only(id, 1)], 1);
        rig.advance(Duration::from_secs(20) - Duration::from_millis(1));
        assert_eq!(worker.told(), [""; 0]);
        rig.advance(Duration::from_millis(1));
        assert_eq!(worker.told(), ["abort 0.1 timeout"]);
        assert_eq!(rig.status(id), Status::Failed);
        rig.assert_at_rest();
    });
}

#[test]
fn what_a_worker_names_and_nobody_wants_is_aborted() {
    on_both_stores(|open| {
        let (mut rig, mut worker, id) = busy(open, ONE);
        rig.deliver(&mut worker, only(id, 1), completed("1"));
        let other = rig.start("w", "{}");
        let mut rig = rig.crash();
        rig.settle();
        let unknown = ExecutionId::from_bytes([7; 16]);
        let no_step = AttemptKey { id: other, step: StepIndex::new(60_000), attempt: 1 };
        let holding = [only(id, 1), only(unknown, 1), no_step, only(other, 2), only(other, 1)];
        // Of another session: what it names is not its own, and what it delivers does not count.
        let mut stranger = rig.join("worker-2", &holding, 1);
        let mut told = stranger.told();
        told.sort();
        assert_eq!(told, ["abort 0.1 lost", "abort 0.1 lost", "abort 0.1 lost", "abort 0.2 lost", "abort 60000.1 lost"]);
        rig.deliver(&mut stranger, only(other, 1), completed("0"));
        assert_eq!(stranger.told(), ["recorded 0.1"]);
        assert_eq!(rig.status(other), Status::Running);
        let mut worker = rig.join("worker-1", &holding, 1);
        assert_eq!(worker.told().len(), 4);
        rig.deliver(&mut stranger, only(other, 1), completed("0"));
        rig.deliver(&mut worker, only(other, 1), completed("1"));
        assert_eq!((stranger.told().len(), worker.told().len()), (1, 1));
        assert_eq!(rig.status(other), Status::Completed);
        rig.assert_at_rest();
    });
}

#[test]
fn an_orderly_shutdown_leaves_the_attempts_of_workers_alone() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(TWO);
        rig.define(r#"{"id":"here","steps":[{"id":"a","action":"local"}]}"#);
        rig.provide_all(&["local"], 1);
        let mut worker = rig.join("worker-1", &[], 2);
        let (away, delivered, here) = (rig.start("w", "{}"), rig.start("w", "{}"), rig.start("here", "{}"));
        assert_eq!(worker.told(), ["task 0.1", "task 0.1"]);
        let until = rig.now().mono + Duration::from_secs(60);
        rig.input(Input::Shutdown { until });
        rig.settle();
        assert!(!rig.closed, "what runs in this process is waited for");
        assert_eq!(worker.told(), ["closing"]);
        assert_eq!(rig.try_join("worker-2", &[]).err().unwrap().code(), "closed");
        // Results are taken as long as there is anyone to take them, and nothing begins.
        rig.deliver(&mut worker, only(delivered, 1), completed("1"));
        assert_eq!(worker.told(), ["recorded 0.1"]);
        rig.input(Input::Lost(worker.connection.clone()));
        rig.advance(2 * GRACE);
        rig.finish(here, "a", completed("1"));
        assert!(rig.closed, "what runs elsewhere is not");
        assert_eq!(worker.told(), ["gone"]);
        assert_eq!(sessions(&rig, away), ["1 worker-1"]);
        let mut rig = rig.crash();
        let mut worker = rig.join("worker-1", &[only(away, 1)], 2);
        rig.deliver(&mut worker, only(away, 1), completed("1"));
        for id in [away, delivered] {
            let key = AttemptKey { step: StepIndex::new(1), ..only(id, 1) };
            rig.deliver(&mut worker, key, completed("1"));
            assert_eq!(rig.status(id), Status::Completed);
            assert_eq!(sessions(&rig, id), ["1 worker-1", "1 worker-1"]);
        }
        rig.assert_at_rest();
    });
}

#[test]
fn an_engine_with_nothing_but_remote_attempts_closes_at_once() {
    on_both_stores(|open| {
        let (mut rig, _worker, id) = busy(open, ONE);
        let until = rig.now().mono + Duration::from_secs(60);
        rig.input(Input::Shutdown { until });
        rig.settle();
        assert!(rig.closed);
        assert_eq!(sessions(&rig, id), ["1 worker-1"]);
    });
}

/// Its attempts had stayed behind: their slots were taken for ever, and an engine that had such an execution never closed.
#[test]
fn of_an_execution_that_makes_no_sense_nothing_goes_on() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(r#"{"id":"w","steps":[{"id":"a","action":"act"},{"id":"b","action":"act"},{"id":"c","action":"local"}]}"#);
        rig.provide_all(&["local"], 1);
        let mut worker = rig.join("worker-1", &[], 2);
        let id = rig.start("w", "{}");
        assert_eq!((worker.told().len(), rig.running.len()), (2, 1));
        rig.corrupt.insert(id);
        rig.troubles.push_back(Trouble::Before);
        rig.deliver(&mut worker, only(id, 1), completed("1"));
        while !rig.ring.is_ready() {
            rig.advance_to_next();
        }
        assert_eq!(worker.told(), ["abort 1.1 lost", "recorded 0.1"], "there is nothing left to record it in");
        assert!(rig.running.is_empty());
        rig.assert_at_rest();
        let holding = [AttemptKey { step: StepIndex::new(1), ..only(id, 1) }];
        let mut worker = rig.try_join("worker-1", &holding).unwrap();
        assert_eq!(worker.told(), ["abort 1.1 lost"]);
        rig.input(Input::Shutdown { until: rig.now().mono });
        rig.settle();
        assert!(rig.closed);
    });
}
