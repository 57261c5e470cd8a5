//! The protocol by which engines share a database: that it holds in every state within bounds, and what each of its rules is for.
//!
//! `WORKFLOW_MODEL="faults gifts events"` looks farther (`make soak`); `--nocapture` shows the courses of the counterexamples.

use workflow_model::check::{Seen, Wrong, check};
use workflow_model::mutation::Mutation::{self, *};
use workflow_model::protocol::{Model, Violation, What};

/// Of a state eight bytes are kept, of one that was not looked at yet a few hundred: a few gigabytes.
const STATES_MAX: usize = 60_000_000;

fn hold(name: &str, model: &Model) -> Seen {
    let seen = check(model, STATES_MAX);
    let Model { faults, gifts, events, .. } = model;
    println!(
        "{name}: {faults} faults, {gifts} gifts, {events} events: {} states, {} transitions, the farthest {} steps away",
        seen.states, seen.transitions, seen.depth
    );
    if let Some(found) = &seen.found {
        panic!("{name}, with {faults} faults, {gifts} gifts, {events} events: {found}");
    }
    seen
}

/// What an answer or a message that lies in the network, a crash, a pause or a restart makes of a commit, a beat, a takeover and a gift,
/// two of them at a time.
#[test]
fn two_faults_and_a_gift_lose_nothing() {
    let seen = hold("the protocol", &Model::within(2, 1, 2));
    // What only a broken rule brings about, and nothing else, was never seen: the rest was looked at indeed.
    let never: Vec<What> = What::ALL.iter().copied().filter(|what| !seen.steps.contains_key(what)).collect();
    assert_eq!(never, [What::LeaseForgotten, What::NoteRead]);
}

#[test]
fn ranges_that_come_back_and_executions_that_go_on_lose_nothing() {
    hold("the protocol", &Model::within(1, 2, 2));
    hold("the protocol", &Model::within(0, 3, 3));
    hold("the protocol", &Model::within(1, 1, 3));
    hold("the protocol", &Model::within(1, 0, 4));
}

/// What the protocol leaves open, either way.
#[test]
fn what_may_be_done_otherwise_loses_nothing_either() {
    let model = Model::within(1, 1, 3);
    hold("with the key of the histories", &Model { history_has_key: true, ..model.clone() });
    hold("with takeovers that spare themselves", &Model { takeover_spares_itself: true, ..model.clone() });
    let model = Model::within(1, 2, 2);
    hold("with beats that go on while a range is given", &Model { beats_while_giving: true, ..model });
}

/// The lease is asked for, and then there is a socket. A process that stands still in between hands out what another engine has recorded
/// the result of meanwhile; the worker's session or the receiver of the call has to bear it, as it bears every attempt that comes twice.
#[test]
fn a_pause_between_the_question_for_the_lease_and_the_socket_is_not_covered() {
    let seen = hold("the protocol", &Model::within(2, 0, 2));
    assert!(seen.steps.contains_key(&What::LapsesWhileHanding), "a process stood still there");
    assert!(seen.steps.contains_key(&What::HandsOutLate), "an attempt with a result was handed out");
    // One fault is the lease that is not renewed; the other is the pause.
    let seen = hold("the protocol", &Model::within(1, 0, 2));
    assert!(!seen.steps.contains_key(&What::HandsOutLate), "not without that pause");
}

/// A message that is bound to be refused is dropped at once, and so is what an engine without its row and its lease knows. It is the fence
/// that refuses, and not the dropping.
#[test]
fn what_is_forgotten_would_change_nothing() {
    let model = Model::within(1, 1, 2);
    let (short, whole) =
        (hold("the protocol", &model), hold("nothing forgotten", &Model { forgets_nothing: true, ..model.clone() }));
    assert!(whole.states > short.states && whole.steps[&What::IsRefused] > 1000, "{:?}", whole.steps);
}

/// As far as somebody has the time.
#[test]
fn as_far_as_one_is_told() {
    let Ok(told) = std::env::var("WORKFLOW_MODEL") else { return };
    let told: Vec<u8> = told.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    let [faults, gifts, events] = told[..] else { panic!("expected \"faults gifts events\"") };
    hold("the protocol", &Model::within(faults, gifts, events));
}

/// A broken rule, how far one has to look, and what is found there.
struct Case {
    mutation: Mutation,
    /// Faults, gifts and events.
    bounds: (u8, u8, u8),
    finds: &'static [Wrong],
}

const FORK: Wrong = Wrong::Violated(Violation::Fork);
const LOST: Wrong = Wrong::Violated(Violation::Lost);
const HANDED_OUT: Wrong = Wrong::Violated(Violation::HandedOut);

fn cases() -> Vec<Case> {
    let case = |mutation, bounds, finds| Case { mutation, bounds, finds };
    vec![
        case(NoFence, (1, 0, 2), &[FORK, LOST]),
        case(FenceWithoutEpoch, (1, 0, 2), &[FORK, LOST]),
        case(EpochNotRaised, (1, 0, 2), &[FORK, LOST]),
        case(BatchNumberAlone, (1, 0, 2), &[FORK, LOST]),
        case(NotReopened, (1, 0, 2), &[Wrong::Stuck]),
        case(RefusalIsLoss, (2, 0, 2), &[Wrong::Violated(Violation::ClosedInError)]),
        case(RowStays, (1, 0, 2), &[FORK]),
        case(RenewedLeaseIgnored, (1, 0, 2), &[HANDED_OUT]),
        case(OrphansIgnored, (1, 1, 2), &[Wrong::Stuck]),
        case(AttemptsNotAwaited, (0, 1, 3), &[HANDED_OUT]),
        // The commit that gives takes place only if all before it have: its number is the next one.
        case(DurabilityNotAwaited, (1, 1, 3), &[]),
        // A range of nobody is found by whoever beats next; it has to be looked for anyway, since the receiver may go between the
        // statement that looks for it and COMMIT.
        case(ReceiverNotLookedFor, (1, 1, 3), &[]),
        case(DecidesInDoubt, (0, 1, 2), &[FORK]),
        case(BeatOutsideMutex, (1, 1, 2), &[FORK]),
        case(TakeoverOutsideMutex, (1, 1, 2), &[FORK]),
        case(NotificationBelieved, (0, 2, 2), &[FORK]),
        case(Remembered, (0, 2, 3), &[FORK]),
        case(LeaseNotAsked, (1, 0, 2), &[HANDED_OUT]),
        case(LeaseFromAnswer, (1, 0, 2), &[HANDED_OUT]),
        case(HandedOutEarly, (0, 0, 2), &[HANDED_OUT]),
        case(StopsTooEarly, (1, 0, 2), &[HANDED_OUT]),
    ]
}

#[test]
fn each_rule_that_is_broken_is_found_or_does_no_harm() {
    let cases = cases();
    for mutation in Mutation::ALL {
        assert!(cases.iter().any(|case| case.mutation == *mutation), "nobody says what '{mutation}' does");
    }
    for Case { mutation, bounds: (faults, gifts, events), finds } in cases {
        let model = Model { mutations: vec![mutation], ..Model::within(faults, gifts, events) };
        let seen = check(&model, STATES_MAX);
        match &seen.found {
            Some(found) => {
                println!("{mutation}: {found}\n  ({} states until then)\n", seen.states);
                assert!(finds.contains(&found.wrong), "'{mutation}' leads to something else: {found}");
            }
            None => {
                println!("{mutation}: no harm in {} states\n", seen.states);
                assert!(finds.is_empty(), "'{mutation}' is not found in {} states", seen.states);
            }
        }
    }
}

/// The key of the histories, (execution, seq), is a second lock: with it most broken rules fork nothing any more. It does not replace the
/// first one, since what is handed out and what is acknowledged does not ask it.
#[test]
fn the_key_of_the_histories_alone_does_not_keep_the_promises() {
    for (mutation, bounds, finds) in [
        (NoFence, (1, 0, 2), Some(LOST)),
        (RowStays, (1, 0, 3), Some(HANDED_OUT)),
        (BeatOutsideMutex, (1, 1, 3), Some(HANDED_OUT)),
        (TakeoverOutsideMutex, (1, 1, 3), Some(HANDED_OUT)),
        (NotificationBelieved, (0, 2, 3), Some(HANDED_OUT)),
        // What is decided so is refused, and read again.
        (DecidesInDoubt, (0, 2, 3), None),
        (Remembered, (0, 3, 3), None),
    ] {
        let (faults, gifts, events) = bounds;
        let model = Model { mutations: vec![mutation], history_has_key: true, ..Model::within(faults, gifts, events) };
        let seen = check(&model, STATES_MAX);
        let length = seen.found.as_ref().map_or(0, |found| found.course.len());
        println!(
            "{mutation}, with the key: {:?} after {length} steps, in {} states",
            seen.found.as_ref().map(|found| found.wrong),
            seen.states
        );
        assert_eq!(seen.found.map(|found| found.wrong), finds, "{mutation}");
    }
}
