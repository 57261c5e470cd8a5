//! Commits: order, claims, counters, all or nothing.

use workflow_core::status::Status;

use super::sample::{
    append, at, begun, claimed, commit, commit_all, finish, head, holder, id, item, json, recorded, start, update, workflow,
};
use crate::{Batch, Change, Claim, ClaimKind, Committed, FaultKind, Filter, Item, Store, Taken, Transition};

pub(super) fn batches_follow_one_another(store: &dyn Store) {
    assert_eq!(store.batch(), Ok(0));
    for number in 1..=3 {
        assert_eq!(store.commit(&Batch { number, items: Vec::new() }), Ok(Committed::default()));
        assert_eq!(store.batch(), Ok(number));
    }
}

pub(super) fn a_batch_that_does_not_follow_is_fenced(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, vec![start(head(id(1), &order))]);
    for number in [0, 1, 3, u64::MAX] {
        let items = vec![item(vec![start(head(id(2), &order))])];
        let fault = store.commit(&Batch { number, items }).expect_err("a batch that does not follow is refused");
        assert_eq!(fault.kind, FaultKind::Fenced, "{fault}");
        assert!(!fault.is_retryable());
    }
    assert_eq!(store.batch(), Ok(1));
    assert_eq!(store.load(&[id(2)]), Ok(vec![None]));
    commit_all(store, vec![start(head(id(2), &order))]);
}

pub(super) fn what_is_committed_is_read(store: &dyn Store) {
    let order = workflow("order");
    let begin = start(head(id(1), &order));
    let next = append(id(1), recorded(3, at(5), vec![begun(1), begun(2)]));
    // Several transitions of one execution in one batch, in order, with other times.
    let more = append(id(1), recorded(5, at(4), vec![begun(3)]));
    commit_all(store, vec![begin.clone(), next.clone(), more.clone()]);
    let last = append(id(1), recorded(6, at(9), vec![begun(4)]));
    commit_all(store, vec![last.clone()]);

    let events = [begin.events, next.events, more.events, last.events].concat();
    let loaded = store.load(&[id(2), id(1), id(1)]).expect("executions are loaded");
    assert_eq!(loaded[0], None);
    let stored = loaded[1].as_ref().expect("it was committed");
    assert_eq!(loaded[1], loaded[2]);
    assert_eq!(stored.head, head(id(1), &order));
    assert_eq!(stored.snapshot, None);
    assert_eq!(stored.events, events);
}

pub(super) fn a_batch_that_contradicts_leaves_nothing(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, vec![start(head(id(1), &order))]);
    let bad: Vec<(&str, Transition)> = vec![
        ("an unknown execution", append(id(9), recorded(1, at(1), vec![begun(0)]))),
        ("a gap", append(id(1), recorded(4, at(1), vec![begun(1)]))),
        ("an event twice", append(id(1), recorded(2, at(1), vec![begun(1)]))),
        ("a start twice", start(head(id(1), &order))),
        ("another status before", update(head(id(1), &order), Status::Paused)),
        ("a status before of none", update(head(id(9), &order), Status::Running)),
    ];
    for (what, transition) in bad {
        let items = vec![item(vec![start(head(id(2), &order))]), item(vec![transition])];
        let fault = store.commit(&Batch { number: 2, items }).expect_err(what);
        assert_eq!(fault.kind, FaultKind::Corrupt, "{what}: {fault}");
        assert_eq!(store.batch(), Ok(1), "{what}");
        assert_eq!(store.load(&[id(2)]), Ok(vec![None]), "{what}");
        assert_eq!(store.counts(), Ok(vec![("order".to_owned(), Status::Running, 1)]), "{what}");
    }
    // And the store goes on.
    commit_all(store, vec![start(head(id(2), &order)), append(id(1), recorded(3, at(1), vec![begun(1)]))]);
}

pub(super) fn a_taken_claim_leaves_its_item_out(store: &dyn Store) {
    let order = workflow("order");
    let begin = |n| vec![start(head(id(n), &order))];
    assert_eq!(commit(store, vec![claimed("a", vec![id(1)], begin(1))]), Committed::default());
    let both = vec![start(head(id(2), &order)), append(id(1), recorded(3, at(1), vec![begun(1)]))];
    let items = vec![item(begin(4)), claimed("a", vec![id(2)], both), claimed("b", vec![id(3)], begin(3))];
    assert_eq!(commit(store, items), Committed { taken: vec![(1, holder(vec![id(1)]))] });
    // Also one that could not be written.
    let gap = vec![append(id(1), recorded(9, at(1), vec![begun(1)]))];
    assert_eq!(commit(store, vec![claimed("a", vec![id(5)], gap)]), Committed { taken: vec![(0, holder(vec![id(1)]))] });

    let there = store.executions(&Filter { limit: 10, ..Filter::default() }).expect("executions are listed").heads;
    assert_eq!(there.iter().map(|head| head.id).collect::<Vec<_>>(), [id(4), id(3), id(1)]);
    let loaded = store.load(&[id(1)]).expect("executions are loaded");
    assert_eq!(loaded[0].as_ref().map(|stored| stored.events.len()), Some(2));
    assert_eq!(store.claim(ClaimKind::IdempotencyKey, "order", "a"), Ok(Some(holder(vec![id(1)]))));
    assert_eq!(store.claim(ClaimKind::IdempotencyKey, "order", "b"), Ok(Some(holder(vec![id(3)]))));
    assert_eq!(store.counts(), Ok(vec![("order".to_owned(), Status::Running, 3)]));
}

pub(super) fn the_first_claim_of_a_batch_holds(store: &dyn Store) {
    let order = workflow("order");
    let items = (1..=3).map(|n| claimed("same", vec![id(n)], vec![start(head(id(n), &order))])).collect();
    let first = holder(vec![id(1)]);
    assert_eq!(commit(store, items), Committed { taken: vec![(1, first.clone()), (2, first)] });
    assert!(store.load(&[id(1), id(2), id(3)]).expect("executions are loaded")[1..].iter().all(Option::is_none));
}

pub(super) fn claims_of_other_kinds_and_scopes_are_others(store: &dyn Store) {
    let claim = |kind, scope: &str, key: &str| {
        let data = json(r#"{"n": 1.0, "a":[]}"#);
        let claim = Claim { kind, scope: scope.to_owned(), key: key.to_owned(), executions: vec![id(1), id(2)], data };
        Item { claim: Some(claim), changes: Vec::new() }
    };
    let (key, event) = (ClaimKind::IdempotencyKey, ClaimKind::EventId);
    let items = vec![claim(key, "order", "k"), claim(event, "order", "k"), claim(key, "", "k"), claim(key, "order", "K")];
    assert_eq!(commit(store, items), Committed::default());
    let held = Taken { executions: vec![id(1), id(2)], data: json(r#"{"n": 1.0, "a":[]}"#) };
    assert_eq!(store.claim(event, "order", "k"), Ok(Some(held)));
    assert_eq!(store.claim(event, "", "k"), Ok(None));
}

pub(super) fn counters_follow_the_head_rows(store: &dyn Store) {
    let (order, other) = (workflow("order"), workflow("another"));
    commit_all(store, vec![start(head(id(1), &order)), start(head(id(2), &order)), start(head(id(3), &other))]);
    let count = |workflow: &str, status, count| (workflow.to_owned(), status, count);
    assert_eq!(store.counts(), Ok(vec![count("another", Status::Running, 1), count("order", Status::Running, 2)]));
    let ended = |n, status| crate::Head { status, wake_at: None, completed_at: Some(at(50)), ..head(id(n), &order) };
    // Quietly: the status stays.
    commit_all(store, vec![update(head(id(3), &other), Status::Running), finish(ended(1, Status::Failed))]);
    let paused = crate::Head { status: Status::Paused, ..head(id(2), &order) };
    let there_and_back = vec![update(paused, Status::Running), update(head(id(2), &order), Status::Paused)];
    commit_all(store, there_and_back);
    let expected = [count("another", Status::Running, 1), count("order", Status::Running, 1), count("order", Status::Failed, 1)];
    assert_eq!(store.counts(), Ok(expected.to_vec()));
}

pub(super) fn a_head_row_is_replaced_whole(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, vec![start(head(id(7), &order))]);
    let failed = crate::Head {
        status: Status::Failed,
        wake_at: None,
        completed_at: Some(at(99)),
        failed_step: Some("charge".to_owned()),
        error_code: Some("declined".to_owned()),
        error: Some("Card \"1\" declined: naïve ✗".to_owned()),
        error_fingerprint: Some("Card # declined".to_owned()),
        triggered_by: "replay".to_owned(),
        trigger_source: Some(id(3).to_string()),
        replay_of: Some(id(3)),
        parent: Some(id(4)),
        steps_completed: Some(2),
        ..head(id(7), &order)
    };
    commit_all(store, vec![finish(failed.clone())]);
    assert_eq!(store.load(&[id(7)]).expect("executions are loaded")[0].as_ref().map(|stored| &stored.head), Some(&failed));
    // What was set can be cleared: a retry does.
    commit_all(store, vec![update(head(id(7), &order), Status::Failed)]);
    let listed = store.executions(&Filter { limit: 1, ..Filter::default() });
    assert_eq!(listed.map(|found| found.heads), Ok(vec![head(id(7), &order)]));
    let Batch { number, .. } = Batch { number: store.batch().expect("the batch number is read"), items: Vec::new() };
    assert_eq!(number, 3);
    let define = Change::Define(Box::new(super::sample::definition(&order, 1)));
    super::sample::commit_changes(store, vec![define.clone()]);
    let again = store.commit(&Batch { number: 5, items: vec![Item { claim: None, changes: vec![define] }] });
    assert_eq!(again.map_err(|fault| fault.kind), Err(FaultKind::Corrupt), "a version number is never used twice");
}
