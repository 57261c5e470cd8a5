//! What the ring does when it comes to own executions while it runs, and what it leaves to others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use rig::worker::{ONE, only};
use rig::{Rig, completed, on_both_stores};
use workflow_core::id::ExecutionId;
use workflow_core::refusal::Control;
use workflow_core::status::Status;
use workflow_engine::ring::message::Input;
use workflow_engine::{Error, Options};
use workflow_store::Ranges;

/// An engine that owns nothing, and an execution whose attempt `worker-1` was given by one that is gone.
fn held_in_another_engine(open: Box<dyn FnOnce(Options) -> Rig>) -> (Rig, ExecutionId) {
    let mut rig = open(Options::default());
    rig.define(ONE);
    let worker = rig.join("worker-1", &[], 1);
    let id = rig.start("w", "{}");
    drop(worker);
    (rig.crash_owning(Ranges::NONE), id)
}

/// A worker that was here before, and that has nothing here, holds an attempt of an engine that is gone. It is asked to come again, and
/// comes before or after the attempt has been found.
#[test]
fn an_attempt_of_a_worker_that_is_here_already_goes_on_when_its_execution_comes() {
    for comes_first in [true, false] {
        on_both_stores(|open| {
            let (mut rig, id) = held_in_another_engine(open);
            let mut worker = rig.join("worker-1", &[], 1);
            assert_eq!(worker.told(), [""; 0], "nobody asks here what another engine owns");
            assert!(matches!(rig.control(id, Control::Pause), Err(Error::Elsewhere { .. })));
            assert!(!rig.ring.is_ready());
            // What it has is of others, and is neither taken nor refused.
            rig.deliver(&mut worker, only(id, 7), completed("1"));
            assert_eq!(worker.told(), [""; 0]);

            rig.input(Input::Owns(Ranges::ALL));
            rig.turn();
            assert_eq!(worker.told(), ["closing"], "it is to come again, and to name what it holds");
            rig.lose(worker);
            if !comes_first {
                rig.settle();
            }
            let mut worker = rig.join("worker-1", &[only(id, 1)], 1);
            rig.settle();
            assert_eq!(worker.told(), [""; 0], "it goes on");
            rig.deliver(&mut worker, only(id, 1), completed("1"));
            assert_eq!(worker.told(), ["recorded 0.1"]);
            assert_eq!(rig.status(id), Status::Completed);
            assert_eq!(rig.history(id), ["start", "step_start a 1", "step_complete a 1", "complete"]);
            rig.assert_at_rest();
        });
    }
}

/// One that comes again without the attempt does not hold it: it runs again.
#[test]
fn an_attempt_that_nobody_names_runs_again() {
    on_both_stores(|open| {
        let (mut rig, id) = held_in_another_engine(open);
        let worker = rig.join("worker-1", &[], 1);
        rig.input(Input::Owns(Ranges::ALL));
        rig.turn();
        rig.lose(worker);
        rig.settle();
        let mut worker = rig.join("worker-1", &[], 1);
        rig.settle();
        assert_eq!(worker.told(), ["abort 0.1 lost", "task 0.2"]);
        rig.deliver(&mut worker, only(id, 2), completed("1"));
        assert_eq!(rig.status(id), Status::Completed);
        rig.assert_at_rest();
    });
}
