//! What lists and counts are asked for besides status: failures, what is tried again, versions, windows; and documents.

use workflow_core::fingerprint::Fingerprint;
use workflow_core::id::{ExecutionId, Version};
use workflow_core::status::Status;

use super::sample::{action, at, commit_all, commit_changes, head, id, json, start, update, workflow};
use crate::{
    Change, Counted, Deletable, Deletion, Document, DocumentFilter, Erasure, FailureCount, Filter, Head, KeyRange,
    LISTED_LOOKED_AT_MAX, Order, Store, Transition, VersionCount,
};

fn all() -> Filter {
    Filter { limit: 1_000, ..Filter::default() }
}

fn listed(store: &dyn Store, filter: &Filter) -> Vec<ExecutionId> {
    store.executions(filter).expect("executions are listed").heads.into_iter().map(|head| head.id).collect()
}

fn ids(numbers: &[u32]) -> Vec<ExecutionId> {
    numbers.iter().map(|n| id(*n)).collect()
}

fn of(template: &str) -> Fingerprint {
    Fingerprint::of(template)
}

fn with_failure(head: Head, template: &str) -> Head {
    Head { error: Some(format!("{template} 7")), error_fingerprint: Some(template.to_owned()), ..head }
}

fn failed(head: Head, template: &str) -> Head {
    let head = Head { status: Status::Failed, wake_at: None, completed_at: Some(at(90)), ..head };
    with_failure(Head { steps_completed: Some(1), steps_failed: Some(1), steps_skipped: Some(0), ..head }, template)
}

fn retrying(head: Head, template: &str) -> Head {
    with_failure(Head { status: Status::Waiting, wake_at: Some(at(500)), retrying: true, ..head }, template)
}

fn counts(store: &dyn Store) -> Vec<(Fingerprint, String, u32, u64, u64)> {
    let counts = store.failure_counts().expect("failures are counted");
    let row = |FailureCount { failure, workflow, version, failed, retrying }| (failure, workflow, version.0, failed, retrying);
    counts.into_iter().map(row).collect()
}

pub(super) fn failures_are_found_and_counted_by_what_they_have_in_common(store: &dyn Store) {
    let (order, other) = (workflow("order"), workflow("another"));
    let (declined, refused) = ("Card declined", "connect ECONNREFUSED <host>");
    let of_order = |n| head(id(n), &order);
    commit_all(store, (1..=4).map(|n| start(of_order(n))).collect());
    commit_all(store, vec![start(head(id(5), &other)), start(Head { version: Version(2), ..of_order(6) })]);
    assert_eq!(counts(store), []);
    let changes = vec![
        update(failed(of_order(1), declined), Status::Running),
        update(retrying(of_order(2), declined), Status::Running),
        update(failed(of_order(3), refused), Status::Running),
        update(failed(head(id(5), &other), declined), Status::Running),
        update(retrying(Head { version: Version(2), ..of_order(6) }, declined), Status::Running),
        // Failing, and not failed yet: it counts when it has.
        update(with_failure(of_order(4), declined), Status::Running),
    ];
    commit_all(store, changes);
    let mut expected = vec![
        (of(declined), "another".to_owned(), 1, 1, 0),
        (of(declined), "order".to_owned(), 1, 1, 1),
        (of(declined), "order".to_owned(), 2, 0, 1),
        (of(refused), "order".to_owned(), 1, 1, 0),
    ];
    expected.sort();
    assert_eq!(counts(store), expected);
    let so = |template| Filter { failure: Some(of(template)), ..all() };
    assert_eq!(listed(store, &so(declined)), ids(&[6, 5, 2, 1]));
    assert_eq!(listed(store, &Filter { limit: 2, before: Some(id(6)), ..so(declined) }), ids(&[5, 2]));
    assert_eq!(
        listed(store, &Filter { workflows: vec![order.clone()], statuses: vec![Status::Failed], ..so(declined) }),
        ids(&[1])
    );
    assert_eq!(listed(store, &so("Card")), []);
    assert_eq!(listed(store, &Filter { retrying: true, ..all() }), ids(&[6, 2]));
    assert_eq!(listed(store, &Filter { retrying: true, version: Some(Version(2)), ..all() }), ids(&[6]));
    assert_eq!(listed(store, &Filter { version: Some(Version(2)), ..all() }), ids(&[6]));

    // It fails otherwise the next time, another completes, a third is retried by hand, a fourth is deleted.
    let done = Head { status: Status::Completed, wake_at: None, completed_at: Some(at(99)), ..of_order(6) };
    commit_all(
        store,
        vec![
            update(retrying(of_order(2), refused), Status::Waiting),
            update(Head { version: Version(2), ..done }, Status::Waiting),
            update(of_order(1), Status::Failed),
        ],
    );
    commit_changes(store, vec![Change::Delete(Deletion { id: id(5), which: Deletable::Anyhow, erasure: Erasure::AtOnce })]);
    assert_eq!(counts(store), [(of(refused), "order".to_owned(), 1, 1, 1)]);
    assert_eq!((listed(store, &so(declined)), listed(store, &so(refused))), (vec![], ids(&[3, 2])));
    assert_eq!(listed(store, &Filter { retrying: true, ..all() }), ids(&[2]));
    let again = store.load(&[id(2)]).expect("executions are loaded").remove(0).expect("it was committed").head;
    assert_eq!(again, retrying(of_order(2), refused));
}

pub(super) fn executions_are_counted(store: &dyn Store) {
    use Status::{Failed, Running, Waiting};
    let (order, other) = (workflow("order"), workflow("another"));
    commit_all(store, (1..=10).map(|n| start(head(id(n), if n % 2 == 0 { &order } else { &other }))).collect());
    let second = |n| Head { version: Version(2), triggered_by: "event".to_owned(), ..head(id(n), &order) };
    commit_all(store, (11..=13).map(|n| start(second(n))).collect());
    commit_all(store, vec![update(failed(head(id(4), &order), "x"), Running), update(retrying(second(12), "x"), Running)]);
    let counted = |filter: &Filter| {
        let Counted { by_status, incomplete } = store.count(filter, 1_000).expect("executions are counted");
        assert!(!incomplete, "{filter:?}");
        by_status.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(counted(&Filter::default()), [(Running, 11), (Waiting, 1), (Failed, 1)]);
    assert_eq!(counted(&Filter { workflows: vec![order.clone()], ..all() }), [(Running, 6), (Waiting, 1), (Failed, 1)]);
    let both = Filter { workflows: vec![order.clone(), other.clone()], statuses: vec![Failed], ..all() };
    assert_eq!(counted(&both), [(Failed, 1)]);
    assert_eq!(counted(&Filter { version: Some(Version(2)), ..all() }), [(Running, 2), (Waiting, 1)]);
    let window = Filter { started_after: Some(at(3)), started_before: Some(at(12)), ..all() };
    assert_eq!(counted(&window), [(Running, 7), (Failed, 1)]);
    assert_eq!(counted(&Filter { workflows: vec![other], ..window.clone() }), [(Running, 3)]);
    assert_eq!(counted(&Filter { triggered_by: Some("event".to_owned()), ..window }), [(Running, 1)]);
    assert_eq!(counted(&Filter { retrying: true, ..all() }), [(Waiting, 1)]);
    assert_eq!(counted(&Filter { failure: Some(of("x")), ..all() }), [(Waiting, 1), (Failed, 1)]);
    assert_eq!(counted(&Filter { before: Some(id(2)), limit: 1, ..Filter::default() }).len(), 3, "a page does not matter");
    assert_eq!(counted(&Filter { workflows: vec![workflow("nobody")], ..all() }), []);
    let few = store.count(&Filter { started_after: Some(at(0)), ..all() }, 5).expect("executions are counted");
    assert_eq!((few.by_status.values().sum::<u64>(), few.incomplete), (5, true));

    let of_version = |workflow: &str, version, status, count| VersionCount {
        workflow: workflow.to_owned(),
        version: Version(version),
        status,
        count,
    };
    let expected = [
        of_version("another", 1, Running, 5),
        of_version("order", 1, Running, 4),
        of_version("order", 1, Failed, 1),
        of_version("order", 2, Running, 2),
        of_version("order", 2, Waiting, 1),
    ];
    assert_eq!(store.version_counts(), Ok(expected.to_vec()));
}

pub(super) fn executions_that_want_an_action_are_listed(store: &dyn Store) {
    let order = workflow("order");
    let wants = |n, actions: &[&str]| {
        let parked = Some(actions.iter().map(|name| action(name)).collect());
        Transition { parked, ..start(head(id(n), &order)) }
    };
    commit_all(
        store,
        vec![wants(3, &["ship", "charge"]), wants(1, &["charge"]), wants(2, &["mail"]), start(head(id(4), &order))],
    );
    let parked = |actions: &[&str]| Filter { parked: actions.iter().map(|name| action(name)).collect(), ..all() };
    assert_eq!(listed(store, &parked(&["charge"])), ids(&[3, 1]));
    assert_eq!(listed(store, &parked(&["charge", "ship", "mail", "charge"])), ids(&[3, 2, 1]), "each once");
    assert_eq!(listed(store, &Filter { before: Some(id(3)), limit: 1, ..parked(&["charge", "ship"]) }), ids(&[1]));
    assert_eq!(listed(store, &parked(&["nothing"])), []);
    let counted = store.count(&parked(&["charge", "ship"]), 100).expect("executions are counted");
    assert_eq!(counted.by_status.into_iter().collect::<Vec<_>>(), [(Status::Running, 2)]);
}

pub(super) fn a_list_stops_when_it_has_looked_at_many_in_vain(store: &dyn Store) {
    let order = workflow("order");
    let by = |n, by: &str| start(Head { triggered_by: by.to_owned(), ..head(id(n), &order) });
    let last = u32::try_from(LISTED_LOOKED_AT_MAX).expect("it is small") + 50;
    commit_all(store, (1..=last).map(|n| by(n, if n == 3 { "event" } else { "manual" })).collect());
    let mut filter = Filter { triggered_by: Some("event".to_owned()), limit: 10, ..Filter::default() };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.executions(&filter).expect("executions are listed");
        pages += 1;
        found.extend(page.heads.into_iter().map(|head| head.id));
        let Some(stopped_at) = page.stopped_at else { break };
        assert!(filter.before.is_none_or(|before| stopped_at < before), "a search goes on");
        filter.before = Some(stopped_at);
    }
    assert_eq!(found, ids(&[3]));
    assert!(pages <= 2);
}

pub(super) fn documents_lie_in_the_order_of_their_keys(store: &dyn Store) {
    let put = |kind: &str, key: &str, body: &str| {
        Change::PutDocument(Box::new(Document { kind: kind.to_owned(), key: key.to_owned(), body: json(body) }))
    };
    let read = |kind: &str, keys: KeyRange, order, limit| {
        let filter = DocumentFilter { kind: kind.to_owned(), keys, order, limit };
        let documents = store.documents(&filter).expect("documents are read");
        documents.into_iter().map(|document| format!("{} {}", document.key, document.body.text())).collect::<Vec<_>>()
    };
    let everything = || KeyRange::beginning("");
    assert_eq!(read("note", everything(), Order::Ascending, 10), [""; 0]);
    commit_changes(
        store,
        vec![put("note", "b/2", "2"), put("note", "a/1", "1.50"), put("other", "a/1", "[]"), put("note", "b/10", "10")],
    );
    commit_changes(store, vec![put("note", "b/2", r#"{"n":2}"#)]);
    assert_eq!(read("note", everything(), Order::Ascending, 10), ["a/1 1.50", "b/10 10", r#"b/2 {"n":2}"#]);
    assert_eq!(read("note", everything(), Order::Descending, 2), [r#"b/2 {"n":2}"#, "b/10 10"]);
    assert_eq!(read("note", KeyRange::beginning("b/"), Order::Ascending, 1), ["b/10 10"]);
    assert_eq!(read("note", KeyRange::one("b/1"), Order::Ascending, 10), [""; 0]);
    assert_eq!(
        read("note", KeyRange { from: "a/1".to_owned(), to: "b/2".to_owned() }, Order::Ascending, 10),
        ["a/1 1.50", "b/10 10"]
    );
    commit_changes(store, vec![Change::RemoveDocuments { kind: "note".to_owned(), keys: KeyRange::beginning("b/") }]);
    assert_eq!(read("note", everything(), Order::Ascending, 10), ["a/1 1.50"]);
    assert_eq!(read("other", everything(), Order::Ascending, 10), ["a/1 []"]);
}

pub(super) fn a_history_says_where_it_ends(store: &dyn Store) {
    use super::sample::{append, completed, finish, recorded};
    use crate::Texts;
    let order = workflow("order");
    let long = json(&format!("\"{}\"", "x".repeat(5_000)));
    commit_all(store, vec![start(head(id(1), &order)), start(head(id(2), &order))]);
    commit_all(store, vec![append(id(1), recorded(3, at(1), vec![completed(0, &long), completed(1, &json("1"))]))]);
    commit_all(
        store,
        vec![finish(Head { status: Status::Completed, wake_at: None, completed_at: Some(at(9)), ..head(id(2), &order) })],
    );
    let history = |n, after, texts| store.history(id(n), after, 10, texts).expect("a history is read").expect("it was committed");
    assert_eq!(
        (history(1, 0, Texts::Read).last, history(1, 4, Texts::Read).last, history(1, 1 << 50, Texts::Left).last),
        (4, 4, 4)
    );
    assert_eq!((history(2, 0, Texts::Read).last, history(2, 1 << 50, Texts::Left).last), (4, 4));
    let left = history(1, 2, Texts::Left);
    let payloads: Vec<_> = left.events.iter().filter_map(|recorded| recorded.event.payload()).collect();
    assert_eq!(payloads.iter().map(|payload| payload.bytes()).collect::<Vec<_>>(), [long.len(), 1]);
    assert_eq!(payloads.iter().map(|payload| payload.resident().is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(history(1, 2, Texts::Read).events[0].event.payload().is_some_and(|payload| payload.resident() == Some(&long)));
}
