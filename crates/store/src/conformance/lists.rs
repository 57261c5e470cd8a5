//! Lists: heads, what is due, what is parked.

use workflow_core::id::{ActionName, ExecutionId};
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::sample::{action, at, commit_all, head, id, start, update, workflow};
use crate::{Cursor, Filter, Head, Store, Transition};

fn listed(store: &dyn Store, filter: &Filter) -> Vec<ExecutionId> {
    store.executions(filter).expect("executions are listed").heads.into_iter().map(|head| head.id).collect()
}

fn ids(numbers: &[u32]) -> Vec<ExecutionId> {
    numbers.iter().map(|n| id(*n)).collect()
}

fn all() -> Filter {
    Filter { limit: 1_000, ..Filter::default() }
}

pub(super) fn lists_are_newest_first(store: &dyn Store) {
    let (order, other) = (workflow("order"), workflow("another"));
    // Not committed in the order of their ids.
    let begin = |n, workflow| start(head(id(n), workflow));
    commit_all(store, vec![begin(3, &order), begin(1, &other), begin(2, &order)]);
    commit_all(store, vec![begin(5, &other), begin(4, &order)]);
    assert_eq!(listed(store, &all()), ids(&[5, 4, 3, 2, 1]));
    assert_eq!(listed(store, &Filter { limit: 2, ..all() }), ids(&[5, 4]));
    assert_eq!(listed(store, &Filter { limit: 0, ..all() }), ids(&[]));
}

/// 1..=20, by turns of two workflows, ended in a pattern of three statuses.
fn twenty(store: &dyn Store) {
    let workflows = [workflow("even"), workflow("odd")];
    commit_all(store, (1..=20).map(|n| start(head(id(n), &workflows[n as usize % 2]))).collect());
    let end = |n: u32| {
        let status = [Status::Completed, Status::Failed, Status::Running][n as usize % 3];
        let completed_at = status.has_ended().then(|| at(100));
        update(Head { status, completed_at, ..head(id(n), &workflows[n as usize % 2]) }, Status::Running)
    };
    commit_all(store, (1..=20).map(end).collect());
}

pub(super) fn lists_filter(store: &dyn Store) {
    twenty(store);
    let failed = Filter { statuses: vec![Status::Failed], ..all() };
    assert_eq!(listed(store, &failed), ids(&[19, 16, 13, 10, 7, 4, 1]));
    let either = Filter { statuses: vec![Status::Running, Status::Failed, Status::Failed], limit: 4, ..all() };
    assert_eq!(listed(store, &either), ids(&[20, 19, 17, 16]));
    let odd = Filter { workflows: vec![workflow("odd")], ..all() };
    assert_eq!(listed(store, &odd), ids(&[19, 17, 15, 13, 11, 9, 7, 5, 3, 1]));
    let odd_failed = Filter { statuses: vec![Status::Failed], ..odd };
    assert_eq!(listed(store, &odd_failed), ids(&[19, 13, 7, 1]));
    assert_eq!(listed(store, &Filter { statuses: vec![Status::Cancelled], ..all() }), []);
    assert_eq!(listed(store, &Filter { workflows: vec![workflow("nobody")], ..all() }), []);
    let window = Filter { started_after: Some(at(5)), started_before: Some(at(9)), ..all() };
    assert_eq!(listed(store, &window), ids(&[8, 7, 6]));
    let failed_window = Filter { statuses: vec![Status::Failed], ..window };
    assert_eq!(listed(store, &failed_window), ids(&[7]));
    let before = Filter { started_before: Some(Timestamp::from_millis(i64::MAX)), ..all() };
    assert_eq!(listed(store, &before).len(), 20);
    let never = Filter { started_before: Some(Timestamp::from_millis(i64::MIN)), ..all() };
    assert_eq!(listed(store, &never), []);
    let after = Filter { started_after: Some(Timestamp::from_millis(i64::MAX)), ..all() };
    assert_eq!(listed(store, &after), []);
}

pub(super) fn lists_page_by_id(store: &dyn Store) {
    twenty(store);
    let filters = [
        all(),
        Filter { statuses: vec![Status::Failed, Status::Completed], ..all() },
        Filter { workflows: vec![workflow("even")], ..all() },
    ];
    for filter in filters {
        let whole = listed(store, &filter);
        for limit in [1, 3, 7] {
            let (mut pages, mut before) = (Vec::new(), None);
            loop {
                let page = listed(store, &Filter { before, limit, ..filter.clone() });
                before = page.last().copied();
                if page.is_empty() {
                    break;
                }
                assert!(page.len() <= limit);
                pages.extend(page);
            }
            assert_eq!(pages, whole, "{filter:?} in pages of {limit}");
        }
    }
    // A cursor need not be there.
    assert_eq!(listed(store, &Filter { before: Some(id(500)), limit: 1, ..all() }), ids(&[20]));
    assert_eq!(listed(store, &Filter { before: Some(ExecutionId::from_bytes([0; 16])), ..all() }), []);
}

pub(super) fn lists_filter_by_start_when_the_clock_went_back(store: &dyn Store) {
    let order = workflow("order");
    let begin = |n, started_ms| start(Head { started_at: at(started_ms), ..head(id(n), &order) });
    // Ids go on rising when the clock is set back; `started_at` tells the clock's time.
    commit_all(store, vec![begin(10_000, 10_000), begin(10_001, 2_000), begin(10_002, 2_001), begin(20_000, 20_000)]);
    commit_all(store, vec![begin(100, 5_000)]);
    let between = |after: i64, before: i64| {
        listed(store, &Filter { started_after: Some(at(after)), started_before: Some(at(before)), ..all() })
    };
    assert_eq!(between(1_999, 2_001), ids(&[10_001]));
    assert_eq!(between(1_999, 6_000), ids(&[10_002, 10_001, 100]));
    assert_eq!(between(2_001, 30_000), ids(&[20_000, 10_000, 100]));
}

pub(super) fn what_is_due_comes_in_order(store: &dyn Store) {
    let order = workflow("order");
    let sleeper = |n, wake_at: Option<i64>| start(Head { wake_at: wake_at.map(Timestamp::from_millis), ..head(id(n), &order) });
    let wakes = [(1, Some(50)), (2, Some(0)), (3, None), (4, Some(20)), (5, Some(20)), (6, Some(0)), (7, Some(-5))];
    commit_all(store, wakes.into_iter().map(|(n, wake_at)| sleeper(n, wake_at)).collect());
    let cursor = |wake_at, n| Cursor { wake_at: Timestamp::from_millis(wake_at), id: id(n) };
    let until = Timestamp::from_millis;
    let whole = [cursor(-5, 7), cursor(0, 2), cursor(0, 6), cursor(20, 4), cursor(20, 5), cursor(50, 1)];
    assert_eq!(store.due(until(50), None, 100), Ok(whole.to_vec()));
    assert_eq!(store.due(until(49), None, 100), Ok(whole[..5].to_vec()));
    assert_eq!(store.due(until(50), None, 2), Ok(whole[..2].to_vec()));
    for place in 0..whole.len() {
        assert_eq!(store.due(until(50), Some(whole[place]), 100), Ok(whole[place + 1..].to_vec()));
    }
    assert_eq!(store.next_wake(until(-6)), Ok(Some(until(-5))));
    assert_eq!(store.next_wake(until(0)), Ok(Some(until(20))));
    assert_eq!(store.next_wake(until(50)), Ok(None));

    let moved = Head { wake_at: Some(until(30)), ..head(id(2), &order) };
    let ended = Head { wake_at: None, status: Status::Completed, ..head(id(6), &order) };
    commit_all(store, vec![update(moved, Status::Running), update(ended, Status::Running)]);
    assert_eq!(store.due(until(40), Some(cursor(0, 1)), 100), Ok(vec![cursor(20, 4), cursor(20, 5), cursor(30, 2)]));
}

pub(super) fn parked_executions_are_found_by_action(store: &dyn Store) {
    let order = workflow("order");
    let wants = |transition: Transition, actions: &[ActionName]| Transition { parked: Some(actions.to_vec()), ..transition };
    let (charge, ship) = (action("charge"), action("ship"));
    let begin = |n| start(head(id(n), &order));
    let parked = |action: &ActionName, after, limit| store.parked(action, after, limit).expect("parked rows are read");
    commit_all(
        store,
        vec![
            wants(begin(3), &[charge.clone(), ship.clone(), charge.clone()]),
            wants(begin(1), std::slice::from_ref(&charge)),
            wants(begin(2), std::slice::from_ref(&charge)),
            begin(4),
        ],
    );
    assert_eq!(parked(&charge, None, 10), ids(&[1, 2, 3]));
    assert_eq!(parked(&charge, None, 2), ids(&[1, 2]));
    assert_eq!(parked(&charge, Some(id(1)), 10), ids(&[2, 3]));
    assert_eq!(parked(&ship, None, 10), ids(&[3]));
    assert_eq!(parked(&action("char"), None, 10), []);
    let loaded = |n, actions: &[ActionName]| wants(update(head(id(n), &order), Status::Running), actions);
    let untouched = update(head(id(2), &order), Status::Running);
    commit_all(
        store,
        vec![loaded(1, &[]), loaded(3, std::slice::from_ref(&charge)), untouched, loaded(4, std::slice::from_ref(&ship))],
    );
    assert_eq!(parked(&charge, None, 10), ids(&[2, 3]));
    assert_eq!(parked(&ship, None, 10), ids(&[4]));
}
