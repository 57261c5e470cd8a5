//! Sessions of remote workers: what becomes of attempts when a worker or its connection goes away and comes back. The engine that
//! goes away is in `sessions_restart.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::time::Duration;

use rig::worker::{GRACE, ONE, TWO, busy, only, sessions};
use rig::{Rig, Trouble, completed, failed, id, on_both_stores};
use workflow_core::definition::StepIndex;
use workflow_core::id::ExecutionId;
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_engine::Options;
use workflow_engine::ring::message::{AttemptKey, Input};
use workflow_engine::ring::sessions::HOLDING_MAX;
use workflow_store::Memory;

#[test]
fn a_worker_gets_as_many_tasks_as_it_offers_slots_and_its_session_is_in_the_history() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(ONE);
        let mut worker = rig.try_join("worker-1", &[]).unwrap();
        let ids = [rig.start("w", "{}"), rig.start("w", "{}"), rig.start("w", "{}")];
        assert_eq!(worker.told(), [""; 0], "nothing before it offers slots");
        assert_eq!(rig.ring.unprovided(), [rig::action("act")]);
        rig.offer(&worker, &["act", "noop"], 2);
        assert_eq!(worker.told(), ["task 0.1", "task 0.1"]);
        assert!(rig.ring.unprovided().is_empty());
        rig.deliver(&mut worker, only(ids[0], 1), completed("1"));
        assert_eq!(worker.told(), ["recorded 0.1", "task 0.1"]);
        assert_eq!(sessions(&rig, ids[2]), ["1 worker-1"]);
        // It drains: what runs goes on.
        rig.offer(&worker, &["act"], 0);
        rig.deliver(&mut worker, only(ids[1], 1), completed("1"));
        let more = rig.start("w", "{}");
        assert_eq!(worker.told(), ["recorded 0.1"]);
        rig.deliver(&mut worker, only(ids[2], 1), completed("1"));
        rig.offer(&worker, &["act"], 1);
        assert_eq!(worker.told(), ["recorded 0.1", "task 0.1"]);
        rig.deliver(&mut worker, only(more, 1), completed("1"));
        assert_eq!(rig.ring.gauges().sessions, 1);
        rig.assert_at_rest();
    });
}

#[test]
fn a_result_is_recorded_when_it_is_durable_and_not_before() {
    on_both_stores(|open| {
        let (mut rig, mut worker, id) = busy(open, TWO);
        rig.deliver_only(&mut worker, only(id, 1), completed("1"));
        rig.turn();
        assert!(rig.is_committing());
        assert_eq!(worker.told(), [""; 0]);
        rig.commit();
        assert_eq!(worker.told(), ["recorded 0.1", "task 1.1"]);
    });
}

#[test]
fn a_result_that_comes_twice_is_one_event_and_is_recorded_twice() {
    on_both_stores(|open| {
        let (mut rig, mut worker, id) = busy(open, TWO);
        // In one turn, while the first is on its way to the store, and after that.
        rig.deliver_only(&mut worker, only(id, 1), completed("1"));
        rig.deliver_only(&mut worker, only(id, 1), completed("2"));
        rig.turn();
        rig.deliver_only(&mut worker, only(id, 1), completed("3"));
        rig.turn();
        assert_eq!(worker.told(), [""; 0]);
        rig.commit();
        assert_eq!(worker.told(), ["recorded 0.1", "recorded 0.1", "recorded 0.1", "task 1.1"]);
        rig.deliver(&mut worker, only(id, 1), failed("4"));
        assert_eq!(worker.told(), ["recorded 0.1"]);
        assert_eq!(rig.history(id), ["start", "step_start a 1", "step_complete a 1", "step_start b 1"]);
        assert_eq!(rig.ring.gauges().attempts_in_flight, 1, "its slot was given back once");
    });
}

#[test]
fn a_result_that_nobody_wants_is_recorded_too() {
    on_both_stores(|open| {
        let (mut rig, mut worker, id) = busy(open, ONE);
        // The result and the cancellation cross.
        let cancel = |reply| {
            let ask = rig::control_ask(id, Control::Cancel, reply);
            Input::Control(Box::new(ask))
        };
        let mut cancelled = rig.ask(cancel);
        rig.turn();
        rig.deliver_only(&mut worker, only(id, 1), completed("1"));
        rig.settle();
        cancelled.now().unwrap();
        assert_eq!(worker.told(), ["recorded 0.1"], "one that was finished is not aborted");
        assert_eq!(rig.status(id), Status::Cancelled);
        // Of an execution that never was, and of a step that its definition does not have.
        rig.deliver(&mut worker, only(ExecutionId::from_bytes([7; 16]), 1), completed("1"));
        rig.deliver(&mut worker, AttemptKey { step: StepIndex::new(9), ..only(id, 1) }, completed("1"));
        assert_eq!(worker.told(), ["recorded 0.1", "recorded 9.1"]);
        rig.assert_at_rest();
    });
}

#[test]
fn when_the_batch_of_a_result_fails_nothing_is_said_and_it_is_decided_again() {
    for trouble in [Trouble::Before, Trouble::BeforeUnknown, Trouble::AfterUnknown] {
        on_both_stores(|open| {
            let (mut rig, mut worker, id) = busy(open, TWO);
            rig.troubles.push_back(trouble);
            rig.deliver_only(&mut worker, only(id, 1), completed("1"));
            rig.turn();
            // One that is only known to be late because of what is in that batch.
            rig.deliver_only(&mut worker, only(id, 1), completed("2"));
            rig.turn();
            rig.reopen_fails = 1;
            rig.commit();
            assert_eq!(worker.told(), [""; 0], "{trouble:?}");
            rig.settle();
            while !rig.ring.is_ready() {
                rig.advance_to_next();
            }
            assert_eq!(worker.told(), ["recorded 0.1", "recorded 0.1", "task 1.1"], "{trouble:?}");
            assert_eq!(rig.history(id), ["start", "step_start a 1", "step_complete a 1", "step_start b 1"]);
            rig.deliver(&mut worker, AttemptKey { step: StepIndex::new(1), ..only(id, 1) }, completed("1"));
            assert_eq!(rig.status(id), Status::Completed);
            rig.assert_at_rest();
        });
    }
}

#[test]
fn a_lost_connection_takes_its_free_slots_at_once_and_its_attempts_after_the_grace() {
    on_both_stores(|open| {
        let (mut rig, worker, id) = busy(open, ONE);
        rig.offer(&worker, &["act"], 5);
        rig.lose(worker);
        assert_eq!(rig.ring.gauges().sessions, 0);
        let waiting = rig.start("w", "{}");
        assert_eq!(rig.ring.unprovided(), [rig::action("act")]);
        let end = rig.now().mono + GRACE;
        rig.advance(GRACE - Duration::from_millis(1));
        assert_eq!(sessions(&rig, id), ["1 worker-1"]);
        assert!(rig.advance_to_next(), "it is waited for");
        assert_eq!(rig.now().mono, end);
        assert_eq!(sessions(&rig, id), ["1 worker-1", "1 lost"]);
        // Too late: another has it, or will have.
        let mut late = rig.join("worker-1", &[only(id, 1)], 2);
        let told = late.told();
        assert_eq!(told[0], "abort 0.1 lost");
        assert_eq!(told[1..], ["task 0.1", "task 0.2"], "{waiting}");
        rig.deliver(&mut late, only(id, 1), completed("0"));
        assert_eq!(late.told(), ["recorded 0.1"]);
        rig.deliver(&mut late, only(id, 2), completed("1"));
        rig.deliver(&mut late, only(waiting, 1), completed("1"));
        rig.assert_at_rest();
    });
}

#[test]
fn a_worker_that_comes_back_within_the_grace_goes_on_with_what_it_holds() {
    on_both_stores(|open| {
        let (mut rig, worker, id) = busy(open, ONE);
        for _ in 0..3 {
            // The grace counts from each loss anew.
            let holding = [only(id, 1)];
            let worker = rig.try_join("worker-1", &holding).unwrap();
            rig.lose(worker);
            rig.advance(GRACE - Duration::from_millis(1));
        }
        rig.lose(worker);
        let mut worker = rig.join("worker-1", &[only(id, 1)], 1);
        let next = rig.start("w", "{}");
        rig.advance(2 * GRACE);
        assert_eq!(worker.told(), [""; 0], "its only slot is taken by what it holds");
        rig.deliver(&mut worker, only(id, 1), completed("1"));
        assert_eq!(worker.told(), ["recorded 0.1", "task 0.1"]);
        assert_eq!(sessions(&rig, id), ["1 worker-1"]);
        rig.deliver(&mut worker, only(next, 1), completed("1"));
        rig.assert_at_rest();
    });
}

#[test]
fn a_task_that_was_lost_on_the_way_is_interrupted_when_the_worker_comes_back_without_it() {
    on_both_stores(|open| {
        let (mut rig, worker, id) = busy(open, ONE);
        rig.lose(worker);
        let mut worker = rig.join("worker-1", &[], 1);
        assert_eq!(sessions(&rig, id), ["1 worker-1", "1 lost", "2 worker-1"], "at once");
        assert_eq!(worker.told(), ["abort 0.1 lost", "task 0.2"]);
        rig.deliver(&mut worker, only(id, 2), completed("1"));
        rig.assert_at_rest();
    });
}

#[test]
fn an_attempt_that_begins_while_the_worker_is_away_goes_to_its_next_connection() {
    on_both_stores(|open| {
        // Its beginning is durable before the worker is back.
        let mut rig = open(Options::default());
        rig.define(ONE);
        let mut worker = rig.join("worker-1", &[], 1);
        let mut started = rig.start_with("w", "{}", None);
        rig.turn();
        assert!(rig.is_committing(), "decided, and not durable");
        assert_eq!(worker.told(), [""; 0]);
        rig.lose(worker);
        let first = id(&started.now().unwrap());
        let mut worker = rig.join("worker-1", &[], 1);
        assert_eq!(worker.told(), ["task 0.1"]);
        rig.deliver(&mut worker, only(first, 1), completed("1"));
        assert_eq!(sessions(&rig, first), ["1 worker-1"]);
        assert_eq!(worker.told(), ["recorded 0.1"]);

        // The worker is back before it is durable.
        let mut started = rig.start_with("w", "{}", None);
        rig.turn();
        rig.input(Input::Lost(worker.connection.clone()));
        let (mut worker, _) = rig.join_only("worker-1", &[]);
        rig.turn();
        assert!(rig.is_committing());
        rig.settle();
        let second = id(&started.now().unwrap());
        assert_eq!(worker.told(), ["task 0.1"]);
        rig.deliver(&mut worker, only(second, 1), completed("1"));
        assert_eq!(sessions(&rig, second), ["1 worker-1"]);
        rig.assert_at_rest();
    });
}

#[test]
fn an_attempt_that_begins_while_the_worker_is_away_is_cancelled_or_interrupted_like_any_other() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(ONE);
        let worker = rig.join("worker-1", &[], 2);
        let mut starts = [rig.start_with("w", "{}", None), rig.start_with("w", "{}", None)];
        rig.turn();
        rig.lose(worker);
        let [cancelled, lost] = starts.each_mut().map(|start| id(&start.now().unwrap()));
        rig.control(cancelled, Control::Cancel).unwrap();
        rig.advance(GRACE);
        assert_eq!(sessions(&rig, lost), ["1 worker-1", "1 lost"]);
        let mut worker = rig.join("worker-1", &[], 2);
        assert_eq!(worker.told(), ["task 0.2"]);
        rig.deliver(&mut worker, only(lost, 2), completed("1"));
        rig.assert_at_rest();
    });
}

#[test]
fn a_second_connection_of_a_session_replaces_the_first() {
    on_both_stores(|open| {
        let (mut rig, mut first, id) = busy(open, TWO);
        let mut second = rig.try_join("worker-1", &[only(id, 1)]).unwrap();
        assert_eq!(first.told(), ["replaced", "gone"]);
        // What comes late from the first is of the same worker: its result counts, its offer does not.
        rig.offer(&first, &["act"], 10);
        assert_eq!(rig.ring.unprovided(), [""; 0].map(rig::action));
        rig.deliver(&mut first, only(id, 1), completed("1"));
        assert_eq!(second.told(), ["recorded 0.1"]);
        assert_eq!(rig.ring.unprovided(), [rig::action("act")]);
        rig.lose(first);
        rig.offer(&second, &["act"], 1);
        rig.advance(2 * GRACE);
        assert_eq!(second.told(), ["task 1.1"], "nobody has lost the second");
        rig.deliver(&mut second, AttemptKey { step: StepIndex::new(1), ..only(id, 1) }, completed("1"));
        assert_eq!(rig.ring.gauges().sessions, 1);
        rig.assert_at_rest();
    });
}

#[test]
fn what_was_dispatched_before_a_worker_joined_again_went_to_its_former_connection() {
    let (mut rig, mut first, _) = busy(Box::new(|options| Rig::with(Memory::new(), options)), ONE);
    rig.offer(&first, &["act"], 2);
    let mut started = rig.start_with("w", "{}", None);
    rig.turn();
    rig.commit();
    let second = id(&started.now().unwrap());
    let (mut again, _) = rig.join_only("worker-1", &first.tasks.clone());
    rig.settle();
    assert_eq!(first.told(), ["task 0.1", "replaced", "gone"]);
    // The worker had not seen it when it said what it holds.
    assert_eq!(sessions(&rig, second), ["1 worker-1", "1 lost"]);
    assert_eq!(again.told(), ["abort 0.1 lost"]);
}

#[test]
fn a_worker_that_leaves_has_its_attempts_interrupted_at_once_and_that_does_not_count() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(ONE);
        let id = rig.start("w", "{}");
        for attempt in 1..=12 {
            let mut worker = rig.join(&format!("worker-{attempt}"), &[], 1);
            assert_eq!(worker.told(), [format!("task 0.{attempt}")]);
            rig.leave(worker);
        }
        assert_eq!(sessions(&rig, id)[22..], ["12 worker-12", "12 shut down"]);
        let mut worker = rig.join("worker-13", &[], 1);
        rig.deliver(&mut worker, only(id, 13), completed("1"));
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
    });
}

#[test]
fn what_a_worker_delivers_before_it_leaves_is_recorded() {
    on_both_stores(|open| {
        let (mut rig, mut worker, id) = busy(open, ONE);
        rig.deliver_only(&mut worker, only(id, 1), completed("1"));
        rig.leave(worker);
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
    });
}

#[test]
fn ten_lost_workers_fail_the_step() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(ONE);
        let id = rig.start("w", "{}");
        for attempt in 1..=10 {
            let mut worker = rig.join(&format!("worker-{attempt}"), &[], 1);
            assert_eq!(worker.told(), [format!("task 0.{attempt}")]);
            rig.lose(worker);
            rig.advance(GRACE);
        }
        assert_eq!(rig.status(id), Status::Failed);
        rig.assert_at_rest();
    });
}

#[test]
fn an_interruption_whose_batch_fails_is_decided_again() {
    for trouble in [Trouble::Before, Trouble::BeforeUnknown, Trouble::AfterUnknown] {
        on_both_stores(|open| {
            let (mut rig, worker, id) = busy(open, ONE);
            rig.lose(worker);
            rig.troubles.push_back(trouble);
            rig.advance(GRACE);
            while !rig.ring.is_ready() {
                rig.advance_to_next();
            }
            assert_eq!(sessions(&rig, id), ["1 worker-1", "1 lost"], "{trouble:?}");
            let mut worker = rig.join("worker-2", &[], 1);
            assert_eq!(worker.told(), ["task 0.2"]);
            rig.deliver(&mut worker, only(id, 2), completed("1"));
            rig.assert_at_rest();
        });
    }
}

#[test]
fn a_worker_is_told_why_nobody_wants_a_result_any_more() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(r#"{"id":"slow","steps":[{"id":"a","action":"act","timeout":"1s"}]}"#);
        rig.define(r#"{"id":"short","timeout":"1s","steps":[{"id":"a","action":"act"}]}"#);
        rig.define(ONE);
        let mut worker = rig.join("worker-1", &[], 1);
        rig.start("slow", "{}");
        rig.advance(Duration::from_secs(1));
        assert_eq!(worker.told(), ["task 0.1", "abort 0.1 timeout"]);
        rig.start("short", "{}");
        rig.advance(Duration::from_secs(1));
        assert_eq!(worker.told(), ["task 0.1", "abort 0.1 timeout"]);
        let id = rig.start("w", "{}");
        rig.control(id, Control::Cancel).unwrap();
        assert_eq!(worker.told(), ["task 0.1", "abort 0.1 cancelled"]);
        // Cancelled while it was away: all that is known then is that it is not in flight.
        let id = rig.start("w", "{}");
        assert_eq!(worker.told(), ["task 0.1"]);
        rig.lose(worker);
        rig.control(id, Control::Cancel).unwrap();
        let mut worker = rig.try_join("worker-1", &[only(id, 1)]).unwrap();
        assert_eq!(worker.told(), ["abort 0.1 lost"]);
        rig.assert_at_rest();
    });
}

#[test]
fn workers_and_what_they_name_are_limited_and_the_message_says_so() {
    let mut rig = Rig::with(Memory::new(), Options { sessions_max: 2, ..Options::default() });
    rig.define(ONE);
    let first = rig.join("worker-1", &[], 1);
    let second = rig.join("worker-2", &[], 1);
    let error = rig.try_join("worker-3", &[]).err().unwrap();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (
            "overloaded",
            "2 workers are connected or expected back, and this engine takes no more; try again later, or raise `sessions_max`"
        )
    );
    // One that is known is none more.
    let first = {
        rig.lose(first);
        assert!(rig.try_join("worker-3", &[]).is_err(), "it may come back");
        rig.try_join("worker-1", &[]).unwrap()
    };
    rig.leave(first);
    assert!(rig.try_join("worker-3", &[]).is_ok());
    rig.lose(second);
    rig.advance(GRACE);
    let holding = vec![only(ExecutionId::from_bytes([7; 16]), 1); HOLDING_MAX + 1];
    let error = rig.try_join("worker-4", &holding).err().unwrap();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("invalid_request", "a worker holds at most 30000 tasks, this one names 30001")
    );
    assert!(rig.try_join("worker-4", &[]).is_ok());
}

#[test]
fn the_first_worker_ends_the_refusal_of_missing_actions() {
    let mut rig = Rig::with(Memory::new(), Options { require_actions: true, ..Options::default() });
    rig.define(ONE);
    let mut refused = rig.start_with("w", "{}", None);
    rig.settle();
    assert_eq!(refused.now().unwrap_err().code(), "action_missing");
    let worker = rig.try_join("worker-1", &[]).unwrap();
    rig.start("w", "{}");
    rig.leave(worker);
    rig.start("w", "{}");
}
