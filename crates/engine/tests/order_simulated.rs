//! The seed's order on simulated time, commit by commit, on both stores.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::time::Duration;

use rig::{completed, failed, json, on_both_stores, order};
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_engine::Options;

#[test]
fn an_order_is_six_commits() {
    on_both_stores(|open| {
        let mut rig = order(open);
        let id = rig.start("order-processing", r#"{"orderId":"ord_123"}"#);
        rig.run(|task| completed(&format!(r#"{{"by":"{}"}}"#, task.step_id)));
        assert_eq!(rig.status(id), Status::Completed);
        let commits: Vec<&str> = rig.commits.iter().map(|commit| commit[0].as_str()).collect();
        assert_eq!(
            commits,
            [
                "start, step_start validate",
                "step_complete validate, step_start reserve",
                "step_complete reserve, step_start charge",
                "step_complete charge, step_start fulfill",
                "step_complete fulfill, step_start notify",
                "step_complete notify, complete",
            ]
        );
        assert!(rig.commits.iter().all(|commit| commit.len() == 1));
        rig.assert_at_rest();
    });
}

#[test]
fn a_declined_card_is_seventeen_entries_and_retry_goes_on_from_the_charge() {
    on_both_stores(|open| {
        let mut rig = order(open);
        let id = rig.start("order-processing", "{}");
        rig.finish(id, "validate", completed("{}"));
        rig.finish(id, "reserve", completed("{}"));
        for _ in 0..3 {
            rig.finish(id, "charge", failed("Card declined"));
            assert_eq!(rig.status(id), Status::Waiting);
            rig.advance(Duration::from_millis(999));
            assert!(rig.running.is_empty(), "a timer never fires early");
            rig.advance(Duration::from_millis(1));
        }
        rig.finish(id, "charge", failed("Card declined"));
        assert_eq!(rig.status(id), Status::Failed);
        assert_eq!(rig.history(id).len(), 17);
        let head = rig.store.load(&[id]).unwrap().pop().flatten().unwrap().head;
        assert_eq!((head.failed_step.as_deref(), head.error.as_deref()), (Some("charge"), Some("Card declined")));
        rig.assert_at_rest();

        rig.control(id, Control::Retry).unwrap();
        assert_eq!(rig.attempt(id, "charge").attempt, 5);
        assert_eq!(rig.commits.last().unwrap()[0], "retry, step_start charge");
        rig.run(|_| completed("{}"));
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
    });
}

#[test]
fn a_wait_of_three_days_takes_three_days_and_no_memory() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(
            r#"{"id":"onboarding","steps":[
                {"id":"welcome","action":"sendWelcomeEmail"},
                {"id":"wait","action":"noop","wait":"3d","dependsOn":["welcome"]},
                {"id":"tips","action":"sendOnboardingTips","dependsOn":["wait"]}]}"#,
        );
        rig.provide_all(&["sendWelcomeEmail", "sendOnboardingTips"], 4);
        let id = rig.start("onboarding", "{}");
        rig.finish(id, "welcome", completed("{}"));
        assert_eq!(rig.status(id), Status::Waiting);
        rig.assert_at_rest();
        let three_days = Duration::from_secs(3 * 24 * 60 * 60);
        assert_eq!(rig.ring.idle_for(rig.now()), Some(three_days), "nothing to do until then");
        rig.advance(three_days.checked_sub(Duration::from_millis(1)).unwrap());
        assert!(rig.running.is_empty());
        // The process dies, and the clock runs on while it is down.
        let mut rig = rig.crash();
        rig.provide_all(&["sendWelcomeEmail", "sendOnboardingTips"], 4);
        assert!(rig.running.is_empty());
        rig.advance(Duration::from_millis(1));
        rig.finish(id, "tips", completed("{}"));
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
        assert_eq!(rig.ring.idle_for(rig.now()), None, "an idle engine waits for nothing");
    });
}

#[test]
fn pause_holds_resume_goes_on_cancel_ends() {
    on_both_stores(|open| {
        let mut rig = order(open);
        let id = rig.start("order-processing", "{}");
        rig.control(id, Control::Pause).unwrap();
        assert_eq!((rig.status(id), rig.wake_at(id)), (Status::Paused, Some(0)), "an attempt is in flight");
        rig.finish(id, "validate", completed("{}"));
        assert_eq!((rig.status(id), rig.wake_at(id)), (Status::Paused, None));
        assert!(rig.running.is_empty(), "nothing begins under a pause");
        rig.assert_at_rest();

        assert_eq!(rig.control(id, Control::Pause).unwrap_err().code(), "invalid_state");
        rig.control(id, Control::Resume).unwrap();
        let attempt = rig.attempt(id, "reserve");
        rig.control(id, Control::Cancel).unwrap();
        assert_eq!((rig.status(id), rig.wake_at(id)), (Status::Cancelled, None));
        assert_eq!(rig.aborted, [attempt]);
        let entries = rig.history(id).len();
        rig.finish_only(attempt, completed("{}"));
        rig.settle();
        assert_eq!(rig.history(id).len(), entries, "a late result is dropped");
        assert_eq!(rig.control(id, Control::Resume).unwrap_err().code(), "invalid_state");
        rig.assert_at_rest();
    });
}

#[test]
fn a_step_that_outlives_its_timeout_fails_and_is_aborted() {
    on_both_stores(|open| {
        let mut rig = open(Options::default());
        rig.define(r#"{"id":"slow","steps":[{"id":"a","action":"crawl","timeout":"200ms"}]}"#);
        rig.provide_all(&["crawl"], 1);
        let id = rig.start("slow", "{}");
        rig.advance(Duration::from_millis(199));
        assert_eq!(rig.status(id), Status::Running);
        // The wall clock is nobody's business here.
        rig.clock.set_wall(SimulatedClockStart::BEFORE);
        rig.advance(Duration::from_millis(1));
        assert_eq!(rig.status(id), Status::Failed);
        assert_eq!(rig.aborted.len(), 1);
        let head = rig.store.load(&[id]).unwrap().pop().flatten().unwrap().head;
        assert_eq!(head.error.as_deref(), Some("timed out after 200ms"));
        rig.assert_at_rest();
    });
}

struct SimulatedClockStart;

impl SimulatedClockStart {
    const BEFORE: workflow_core::time::Timestamp = workflow_core::time::Timestamp::from_millis(1_700_000_000_000);
}

#[test]
fn what_is_over_four_kib_is_fetched_when_it_is_read() {
    on_both_stores(|open| {
        let mut rig = open(Options { cached_bytes_max: 0, ..Options::default() });
        rig.define(
            r#"{"id":"long","steps":[
                {"id":"a","action":"write"},
                {"id":"b","action":"noop","wait":"1d","dependsOn":["a"]},
                {"id":"c","action":"read","condition":"a.text.length > 5000","params":{"text":"$.a.text"},"dependsOn":["a","b"]}]}"#,
        );
        rig.provide_all(&["write", "read"], 1);
        let id = rig.start("long", "{}");
        let text = "x".repeat(6_000);
        rig.finish(id, "a", completed(&format!(r#"{{"text":"{text}"}}"#)));
        rig.assert_at_rest();
        rig.advance(Duration::from_secs(24 * 60 * 60));
        let task = rig.running.values().next().unwrap();
        assert_eq!(task.params().text(), json(&format!(r#"{{"text":"{text}"}}"#)).text());
        rig.finish(id, "c", completed("{}"));
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
    });
}
