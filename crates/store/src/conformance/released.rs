//! What is in the database files that each release leaves in `testdata/databases`: some of everything.
//!
//! Never changed once released: a later schema adds a module beside this one, and a file of its own.

use workflow_core::codec;
use workflow_core::definition::StepIndex;
use workflow_core::event::{AfterFailure, Event};
use workflow_core::failure::Failure;
use workflow_core::id::Version;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::sample::{
    action, append, at, begun, claimed, commit, commit_changes, completed, definition, endpoint, finish, head, holder, id, item,
    json, recorded, start, update, workflow,
};
use crate::{Change, ClaimKind, Committed, Filter, Head, Memory, Snapshot, Store, Texts, Transition};

/// Writes it.
///
/// # Panics
/// When the store refuses.
pub fn write(store: &dyn Store) {
    let order = workflow("order");
    let mut called = endpoint("billing");
    called.actions = Some(vec![action("charge")]);
    called.secret = Some("whsec_released".to_owned());
    let define = |version| Change::Define(Box::new(definition(&order, version)));
    let undefine = Change::Undefine { workflow: workflow("gone"), at: at(5) };
    let gone = Change::Define(Box::new(definition(&workflow("gone"), 1)));
    commit_changes(store, vec![define(1), define(2), gone, undefine, Change::PutEndpoint(Box::new(called))]);

    let begin = |n| start(head(id(n), &order));
    assert_eq!(commit(store, vec![claimed("first", vec![id(1)], vec![begin(1)])]), Committed::default());
    let taken = commit(store, vec![claimed("first", vec![id(2)], vec![begin(2)]), item(vec![begin(3), begin(4), begin(5)])]);
    assert_eq!(taken, Committed { taken: vec![(0, holder(vec![id(1)]))] });

    let done = Head {
        status: Status::Completed,
        wake_at: None,
        completed_at: Some(at(80)),
        steps_completed: Some(1),
        ..head(id(1), &order)
    };
    let failure = Failure { stack: Some("at charge".to_owned()), ..Failure::with_code("declined", "Card 4242 declined") };
    let failing = vec![
        Event::StepFailed { step: StepIndex::new(0), attempt: Some(1), failure: failure.clone(), then: AfterFailure::Fail },
        Event::Failed { failure },
    ];
    let failed = Head {
        status: Status::Failed,
        wake_at: None,
        completed_at: Some(at(90)),
        failed_step: Some("validate".to_owned()),
        error_code: Some("declined".to_owned()),
        error: Some("Card 4242 declined".to_owned()),
        error_fingerprint: Some("Card # declined".to_owned()),
        ..head(id(3), &order)
    };
    let asleep = Head { status: Status::Waiting, wake_at: Some(at(3_600_000)), parent: Some(id(1)), ..head(id(4), &order) };
    let waits = vec![Event::WaitBegan { step: StepIndex::new(1), until: at(3_600_000), receipt: None }];
    let long = json(&format!("{{\"text\":\"{}\"}}", "long ".repeat(1_500)));
    let snapshot = Snapshot { seq: 3, codec: codec::VERSION, body: "{}".to_owned() };
    let changes = vec![
        finish(done),
        Transition { events: recorded(3, at(90), failing), ..update(failed, Status::Running) },
        Transition { events: recorded(3, at(70), waits), ..update(asleep, Status::Running) },
        Transition { snapshot: Some(snapshot), ..append(id(5), recorded(3, at(75), vec![completed(0, &long)])) },
        Transition { parked: Some(vec![action("charge"), action("ship")]), ..append(id(5), recorded(4, at(76), vec![begun(1)])) },
    ];
    assert_eq!(commit(store, vec![item(changes)]), Committed::default());
}

/// Compares every read with what [`write`] wrote.
///
/// # Panics
/// Where they differ.
pub fn check(store: &dyn Store) {
    let memory = Memory::new();
    write(&memory);
    let ids: Vec<_> = (1..=5).map(id).collect();
    assert_eq!(store.batch(), memory.batch());
    assert_eq!(store.load(&ids), memory.load(&ids));
    for id in &ids {
        assert_eq!(store.history(*id, 0, 100, Texts::Read), memory.history(*id, 0, 100, Texts::Read));
    }
    assert_eq!(store.payloads(&[(ids[4], 3)]), memory.payloads(&[(ids[4], 3)]));
    for statuses in [vec![], vec![Status::Failed], vec![Status::Waiting, Status::Running]] {
        let filter = Filter { statuses, workflows: vec![workflow("order")], limit: 100, ..Filter::default() };
        assert_eq!(store.executions(&filter), memory.executions(&filter));
    }
    let end = Timestamp::from_millis(i64::MAX);
    assert_eq!(store.due(end, None, 100), memory.due(end, None, 100));
    assert_eq!(store.parked(&action("ship"), None, 100), memory.parked(&action("ship"), None, 100));
    assert_eq!(store.definitions(), memory.definitions());
    assert_eq!(store.definitions().map(|rows| rows[1].version), Ok(Version(1)));
    assert_eq!(store.endpoints(), memory.endpoints());
    assert_eq!(store.counts(), memory.counts());
    let claim = |store: &dyn Store| store.claim(ClaimKind::IdempotencyKey, "order", "first");
    assert_eq!(claim(store), claim(&memory));
}
