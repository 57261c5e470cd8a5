//! Executions are deleted: by a person, and when they have become old. What lives is never deleted, and a crash in the middle leaves
//! each of them there or gone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::time::Duration;

use rig::{Rig, Trouble, completed, failed, id, key, on_both_stores};
use workflow_core::id::ExecutionId;
use workflow_core::refusal::{Control, Refusal};
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};
use workflow_engine::{Error, Options, Retention};

const ONE: &str = r#"{"id": "one", "steps": [{"id": "a", "action": "work"}], "triggers": [{"event": "placed"}]}"#;
const TWO: &str = r#"{"id": "two", "steps": [{"id": "a", "action": "work"}], "triggers": [{"event": "placed"}]}"#;
const SLEEPS: &str = r#"{"id": "sleeps", "steps": [{"id": "a", "action": "work", "wait": "400d"}]}"#;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn rig_with(open: Box<dyn FnOnce(Options) -> Rig>, retention: Retention) -> Rig {
    let mut rig = open(Options { retention, ..Options::default() });
    for definition in [ONE, TWO, SLEEPS] {
        rig.define(definition);
    }
    rig.provide_all(&["work"], 64);
    rig
}

fn kept_for(completed: Duration) -> Retention {
    Retention { completed: Some(completed), ..Retention::default() }
}

fn completes(rig: &mut Rig) -> ExecutionId {
    let id = rig.start("one", "{}");
    rig.finish(id, "a", completed("{}"));
    id
}

fn not_found(error: &Error) -> bool {
    matches!(error, Error::Refused(Refusal::ExecutionNotFound { .. }))
}

/// Hours pass, one after the other.
fn pass(rig: &mut Rig, days: u32) {
    for _ in 0..days * 24 {
        rig.advance(HOUR);
        // What the rounds leave to do after their pauses.
        while rig.ring.idle_for(rig.now()).is_some_and(|wait| wait < Duration::from_secs(30)) {
            rig.advance_to_next();
        }
    }
}

#[test]
fn a_person_deletes_what_has_ended_and_nothing_else() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, Retention::default());
        let mut answer = rig.start_with("one", "{}", key("k"));
        rig.settle();
        let first = id(&answer.now().unwrap());
        let refused = rig.delete_execution(first).unwrap_err();
        let said = format!("cannot delete execution {first}: it is running; cancel it first, or wait for its end");
        assert_eq!((refused.code(), refused.to_string()), ("invalid_state", said));
        rig.finish(first, "a", completed("{}"));

        rig.delete_execution(first).unwrap();
        assert!(!rig.is_stored(first));
        assert!(not_found(&rig.delete_execution(first).unwrap_err()), "it is not there any more");
        assert!(not_found(&rig.control(first, Control::Cancel).unwrap_err()));
        assert_eq!(rig.store.counts().unwrap(), []);
        // Its key is free.
        let mut again = rig.start_with("one", r#"{"other": 1}"#, key("k"));
        rig.settle();
        let second = id(&again.now().unwrap());
        assert_ne!(second, first);
        rig.finish(second, "a", completed("{}"));
        rig.assert_at_rest();
    });
}

#[test]
fn nobody_hears_of_a_deletion_before_it_is_durable() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, Retention::default());
        let failing = rig.start("one", "{}");
        rig.finish(failing, "a", failed("boom"));
        for trouble in [Trouble::Before, Trouble::BeforeUnknown] {
            rig.troubles.push_back(trouble);
            let mut deleted = rig.delete_execution_with(failing);
            // It is loaded, and its deletion is on its way to the store.
            while !rig.is_committing() {
                rig.turn();
                rig.answer_read_only();
            }
            let mut meanwhile = rig.ask(|reply| {
                let ask = rig::control_ask(failing, Control::Retry, reply);
                workflow_engine::ring::message::Input::Control(Box::new(ask))
            });
            rig.turn();
            assert!(deleted.get().is_none() && meanwhile.get().is_none(), "{trouble:?}");
            rig.settle();
            assert_eq!(deleted.now().unwrap_err().code(), "store_unavailable", "{trouble:?}");
            assert_eq!(meanwhile.now().unwrap_err().code(), "store_unavailable", "{trouble:?}");
            while rig.advance_to_next() {}
            assert_eq!(rig.status(failing), Status::Failed, "{trouble:?}: it is as it was");
        }
        // Not lost after all: whoever came meanwhile hears that there is none.
        rig.troubles.push_back(Trouble::AfterUnknown);
        let mut deleted = rig.delete_execution_with(failing);
        rig.settle();
        deleted.now().unwrap();
        assert!(!rig.is_stored(failing));
        assert!(not_found(&rig.control(failing, Control::Retry).unwrap_err()));
        rig.assert_at_rest();
    });
}

#[test]
fn a_retry_that_comes_first_keeps_it() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, Retention::default());
        let failing = rig.start("one", "{}");
        rig.finish(failing, "a", failed("boom"));
        let mut retried = rig.ask(|reply| {
            let ask = rig::control_ask(failing, Control::Retry, reply);
            workflow_engine::ring::message::Input::Control(Box::new(ask))
        });
        let mut deleted = rig.delete_execution_with(failing);
        rig.settle();
        retried.now().unwrap();
        assert_eq!(deleted.now().unwrap_err().code(), "invalid_state");
        rig.finish(failing, "a", completed("{}"));
        assert_eq!(rig.status(failing), Status::Completed);
    });
}

#[test]
fn what_has_become_old_is_deleted_by_how_it_ended() {
    on_both_stores(|open| {
        let days = |days: u32| Some(DAY * days);
        let mut rig = rig_with(open, Retention { completed: days(10), failed: days(20), cancelled: None });
        let sleeping = rig.start("sleeps", "{}");
        let running = rig.start("one", "{}");
        let completed_one = completes(&mut rig);
        let failed_one = rig.start("two", "{}");
        rig.finish(failed_one, "a", failed("boom"));
        let cancelled_one = rig.start("one", "{}");
        rig.control(cancelled_one, Control::Cancel).unwrap();
        let retried_one = rig.start("one", "{}");
        rig.finish(retried_one, "a", failed("boom"));

        pass(&mut rig, 9);
        let younger = completes(&mut rig);
        let all = [sleeping, running, completed_one, failed_one, cancelled_one, retried_one, younger];
        let there = |rig: &Rig| all.map(|id| rig.is_stored(id));
        assert_eq!(there(&rig), [true; 7], "nothing is deleted early");
        pass(&mut rig, 2);
        assert_eq!(there(&rig), [true, true, false, true, true, true, true]);
        rig.control(retried_one, Control::Retry).unwrap();
        pass(&mut rig, 10);
        assert_eq!(there(&rig), [true, true, false, false, true, true, false]);
        rig.finish(retried_one, "a", completed("{}"));
        rig.finish(running, "a", completed("{}"));
        pass(&mut rig, 9);
        assert_eq!(there(&rig), [true, true, false, false, true, true, false], "it counts from its end, not from its start");
        pass(&mut rig, 2);
        assert_eq!(there(&rig), [true, false, false, false, true, false, false]);
        assert_eq!(rig.status(sleeping), Status::Waiting);
    });
}

#[test]
fn many_are_deleted_a_few_at_a_time_with_pauses_for_others() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, kept_for(DAY));
        let old: Vec<_> = (0..200).map(|_| completes(&mut rig)).collect();
        rig.advance(DAY + HOUR);
        let left = |rig: &Rig| old.iter().filter(|id| rig.is_stored(**id)).count();
        let mut seen = vec![left(&rig)];
        while left(&rig) > 0 {
            assert!(rig.advance_to_next());
            seen.push(left(&rig));
        }
        seen.dedup();
        assert_eq!(seen, [136, 72, 8, 0], "64 in one commit");
        let new = completes(&mut rig);
        assert_eq!(rig.status(new), Status::Completed);
    });
}

#[test]
fn a_wall_clock_that_is_far_ahead_for_a_minute_deletes_nothing() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, kept_for(DAY * 30));
        let old = completes(&mut rig);
        pass(&mut rig, 2);
        let right = rig.now().wall;
        // 2099.
        rig.clock.set_wall(Timestamp::from_millis(4_080_000_000_000));
        for _ in 0..60 {
            rig.advance(Duration::from_secs(60));
        }
        let far_ahead = completes(&mut rig);
        assert!(rig.is_stored(old));
        rig.clock.set_wall(right + Millis::from_secs(3_600));
        pass(&mut rig, 20);
        assert!(rig.is_stored(old), "it is young still");
        pass(&mut rig, 10);
        assert!(!rig.is_stored(old), "thirty days are over");
        assert!(rig.is_stored(far_ahead), "it ended in 2099");
    });
}

#[test]
fn a_wall_clock_that_stays_where_it_is_is_believed_after_a_day() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, kept_for(DAY * 30));
        let old = completes(&mut rig);
        pass(&mut rig, 1);
        rig.clock.set_wall(rig.now().wall + Millis::from_secs(40 * 24 * 3_600));
        rig.settle();
        // The process is started again meanwhile: the newest execution in the store is as old as before.
        let mut rig = rig.crash();
        for _ in 0..23 {
            rig.advance(HOUR);
        }
        assert!(rig.is_stored(old));
        pass(&mut rig, 1);
        assert!(!rig.is_stored(old));
    });
}

#[test]
fn trouble_in_the_middle_of_a_round_delays_it() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, kept_for(DAY));
        let old: Vec<_> = (0..100).map(|_| completes(&mut rig)).collect();
        rig.troubles.extend([Trouble::Before, Trouble::BeforeUnknown, Trouble::AfterUnknown, Trouble::Before]);
        rig.advance(DAY + HOUR);
        pass(&mut rig, 1);
        assert!(rig.troubles.is_empty());
        assert!(old.iter().all(|id| !rig.is_stored(*id)));
        let new = completes(&mut rig);
        assert_eq!(rig.status(new), Status::Completed);
        // And a process that dies in the middle.
        let more: Vec<_> = (0..100).map(|_| completes(&mut rig)).collect();
        rig.clock.advance(DAY + HOUR);
        rig.turn();
        while !rig.is_committing() {
            rig.answer_read_only();
            rig.turn();
        }
        rig.commit();
        let mut rig = rig.crash();
        rig.provide_all(&["work"], 64);
        pass(&mut rig, 2);
        assert!(more.iter().chain([&new]).all(|id| !rig.is_stored(*id)));
        rig.assert_at_rest();
    });
}

#[test]
fn what_makes_no_sense_can_be_deleted_whatever_it_is() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, Retention::default());
        let sleeping = rig.start("sleeps", "{}");
        rig.corrupt.insert(sleeping);
        assert_eq!(rig.control(sleeping, Control::Cancel).unwrap_err().code(), "corrupt");
        rig.delete_execution(sleeping).unwrap();
        assert!(!rig.is_stored(sleeping));
        rig.corrupt.clear();
        assert!(not_found(&rig.control(sleeping, Control::Cancel).unwrap_err()), "it is known as corrupt no longer");
    });
}

#[test]
fn an_event_id_is_kept_as_long_as_one_of_its_executions() {
    on_both_stores(|open| {
        let mut rig = rig_with(open, Retention::default());
        let started = |rig: &mut Rig| -> Vec<ExecutionId> {
            let mut answer = rig.event("placed", "{}", key("evt_1"));
            rig.settle();
            answer.now().unwrap().started.iter().map(id).collect()
        };
        let first = started(&mut rig);
        assert_eq!(first.len(), 2);
        rig.run(|_| completed("{}"));
        rig.delete_execution(first[0]).unwrap();
        assert_eq!(started(&mut rig), first, "one of them is there");
        rig.delete_execution(first[1]).unwrap();
        let second = started(&mut rig);
        assert_eq!(second.len(), 2);
        assert!(second.iter().all(|id| !first.contains(id)));
        rig.run(|_| completed("{}"));
    });
}
