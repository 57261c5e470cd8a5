//! Deleted executions: with everything that is theirs, and nothing of anybody else's.

use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::sample::{
    action, append, at, begun, claimed, commit, commit_all, commit_changes, completed, finish, head, holder, id, item, json,
    recorded, start, update, workflow,
};
use crate::{
    Batch, Change, Claim, ClaimKind, Deletable, Deletion, ENDED_LOOKED_AT_MAX, Ended, Erasure, FaultKind, Filter, Head, Item,
    Snapshot, Store, Texts, Transition,
};

fn delete(n: u32, which: Deletable) -> Change {
    Change::Delete(Deletion { id: id(n), which, erasure: Erasure::AtOnce })
}

fn ended(n: u32, status: Status, completed_ms: i64) -> Head {
    Head { status, wake_at: None, completed_at: Some(at(completed_ms)), ..head(id(n), &workflow("order")) }
}

fn listed(store: &dyn Store) -> Vec<workflow_core::id::ExecutionId> {
    let heads = store.executions(&Filter { limit: 5_000, ..Filter::default() }).expect("executions are listed").heads;
    heads.iter().map(|head| head.id).collect()
}

pub(super) fn an_ended_execution_is_deleted_whole(store: &dyn Store) {
    deleted_whole(store, Erasure::AtOnce);
}

pub(super) fn nothing_is_found_of_one_that_is_erased_later(store: &dyn Store) {
    deleted_whole(store, Erasure::WithOthers);
}

fn deleted_whole(store: &dyn Store, erasure: Erasure) {
    let order = workflow("order");
    let long = json(&format!("\"{}\"", "x".repeat(9_000)));
    let first = Transition {
        snapshot: Some(Snapshot { seq: 2, codec: workflow_core::codec::VERSION, body: "{}".to_owned() }),
        parked: Some(vec![action("ship")]),
        ..start(head(id(1), &order))
    };
    commit(store, vec![claimed("a", vec![id(1)], vec![first]), item(vec![start(head(id(2), &order))])]);
    let events = recorded(3, at(9), vec![completed(0, &long), begun(1), workflow_core::event::Event::Completed]);
    commit_all(store, vec![Transition { events, ..update(ended(1, Status::Failed, 9), Status::Running) }]);
    assert_eq!(store.payloads(&[(id(1), 3)]), Ok(vec![long]));

    commit_changes(store, vec![Change::Delete(Deletion { id: id(1), which: Deletable::EndedUntil(at(9)), erasure })]);
    assert_eq!(store.load(&[id(1)]), Ok(vec![None]));
    assert_eq!(store.history(id(1), 0, 10, Texts::Read), Ok(None));
    assert_eq!(store.payloads(&[(id(1), 3)]).map_err(|fault| fault.kind), Err(FaultKind::Corrupt));
    assert_eq!(store.parked(&action("ship"), None, 10), Ok(Vec::new()));
    assert_eq!(store.claim(ClaimKind::IdempotencyKey, "order", "a"), Ok(None));
    assert_eq!(store.counts(), Ok(vec![("order".to_owned(), Status::Running, 1)]));
    assert_eq!(listed(store), [id(2)]);
    // Who goes on with it finds nothing, and its key is free.
    let late = append(id(1), recorded(6, at(10), vec![begun(2)]));
    let number = store.batch().expect("the batch number is read") + 1;
    let fault = store.commit(&Batch { number, items: vec![item(vec![late])] }).expect_err("it is not there");
    assert_eq!(fault.kind, FaultKind::Corrupt, "{fault}");
    let again = commit(store, vec![claimed("a", vec![id(3)], vec![start(head(id(3), &order))])]);
    assert_eq!(again.taken, []);
    assert_eq!(store.load(&[id(3)]).expect("executions are loaded")[0].as_ref().map(|stored| stored.events.len()), Some(2));
}

pub(super) fn what_is_not_meant_is_left(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, (1..=4).map(|n| start(head(id(n), &order))).collect());
    commit_all(store, vec![finish(ended(1, Status::Completed, 50)), finish(ended(2, Status::Cancelled, 60))]);
    let until = Deletable::EndedUntil(at(50));
    // The second ended later, the third lives, the ninth is not there.
    commit_changes(store, [1, 2, 3, 9].map(|n| delete(n, until)).to_vec());
    assert_eq!(listed(store), [id(4), id(3), id(2)]);
    // One that goes on again in the same batch is not meant any more.
    let retried = update(head(id(2), &order), Status::Cancelled);
    commit_changes(store, vec![Change::Transition(Box::new(retried)), delete(2, Deletable::EndedUntil(at(90)))]);
    assert_eq!(listed(store), [id(4), id(3), id(2)]);
    // One that ends and is deleted in one batch is gone.
    let ends = Change::Transition(Box::new(finish(ended(4, Status::Failed, 70))));
    commit_changes(store, vec![ends, delete(4, Deletable::EndedUntil(at(70)))]);
    commit_changes(store, vec![delete(3, Deletable::Anyhow)]);
    assert_eq!(listed(store), [id(2)]);
    assert_eq!(store.counts(), Ok(vec![("order".to_owned(), Status::Running, 1)]));
    assert_eq!(store.next_wake(Timestamp::from_millis(i64::MIN)), Ok(head(id(2), &order).wake_at));
}

pub(super) fn a_claim_goes_with_the_last_of_its_executions(store: &dyn Store) {
    let order = workflow("order");
    let claim = |key: &str, ids: Vec<u32>| {
        let executions: Vec<_> = ids.into_iter().map(id).collect();
        let changes = executions.iter().map(|id| Change::Transition(Box::new(start(head(*id, &order))))).collect();
        let (scope, key, data) = (String::new(), key.to_owned(), Json::empty_object());
        Item { claim: Some(Claim { kind: ClaimKind::EventId, scope, key, executions, data }), changes }
    };
    commit(store, vec![claim("none", vec![]), claim("before", vec![1]), claim("three", vec![2, 3, 4]), claim("after", vec![5])]);
    let held = |key: &str| store.claim(ClaimKind::EventId, "", key).expect("claims are read").map(|taken| taken.executions);
    for n in [2, 4] {
        commit_changes(store, vec![delete(n, Deletable::Anyhow)]);
        assert_eq!(held("three"), Some(vec![id(2), id(3), id(4)]), "it has one left");
    }
    commit_changes(store, vec![delete(3, Deletable::Anyhow)]);
    assert_eq!(held("three"), None);
    assert_eq!((held("none"), held("before"), held("after")), (Some(vec![]), Some(vec![id(1)]), Some(vec![id(5)])));
    assert_eq!(store.claim(ClaimKind::EventId, "", "before"), Ok(Some(holder(vec![id(1)]))));
}

pub(super) fn what_ended_long_ago_is_found(store: &dyn Store) {
    let order = workflow("order");
    let all: Vec<u32> = (1..=6).collect();
    commit_all(store, all.iter().map(|n| start(head(id(*n), &order))).collect());
    commit_all(store, vec![start(head(id(7), &workflow("other")))]);
    let ends = [(1, Status::Completed, 100), (2, Status::Completed, 900), (4, Status::Completed, 100), (5, Status::Failed, 100)];
    commit_all(store, ends.iter().map(|(n, status, ms)| finish(ended(*n, *status, *ms))).collect());
    commit_all(store, vec![finish(ended(6, Status::Completed, 100))]);

    let find = |until: i64, after: Option<u32>, limit| {
        store.ended(&order, Status::Completed, at(until), after.map(id), limit).expect("what ended long ago is found")
    };
    let found = |ids: &[u32], next: Option<u32>| Ended { ids: ids.iter().copied().map(id).collect(), next: next.map(id) };
    assert_eq!(find(100, None, 9), found(&[1, 4, 6], None));
    assert_eq!(find(900, None, 9), found(&[1, 2, 4, 6], None));
    assert_eq!(find(99, None, 9), found(&[], None));
    assert_eq!(find(100, None, 2), found(&[1, 4], Some(4)));
    assert_eq!(find(100, Some(4), 2), found(&[6], None));
    assert_eq!(find(100, Some(6), 2), found(&[], None));
    // Ids from later are not looked at.
    let before_all = store.ended(&order, Status::Completed, Timestamp::from_millis(0), None, 9);
    assert_eq!(before_all, Ok(Ended::default()));
    assert_eq!(store.ended(&workflow("unknown"), Status::Completed, at(900), None, 9), Ok(Ended::default()));
}

pub(super) fn a_search_for_what_ended_is_bounded(store: &dyn Store) {
    let (order, many) = (workflow("order"), ENDED_LOOKED_AT_MAX as u32 + 10);
    commit_all(store, (1..=many).map(|n| start(head(id(n), &order))).collect());
    // All of them were started long ago, and all but the last ended lately.
    commit_all(store, (1..=many).map(|n| finish(ended(n, Status::Completed, if n == many { 5 } else { 50_000 }))).collect());
    let first = store.ended(&order, Status::Completed, at(10_000), None, 9).expect("what ended long ago is found");
    assert_eq!(first, Ended { ids: Vec::new(), next: Some(id(many - 10)) });
    let second = store.ended(&order, Status::Completed, at(10_000), first.next, 9);
    assert_eq!(second, Ok(Ended { ids: vec![id(many)], next: None }));
}
