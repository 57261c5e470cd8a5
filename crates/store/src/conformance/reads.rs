//! Histories, payloads, snapshots, definitions, endpoints.

use workflow_core::codec;
use workflow_core::event::Event;
use workflow_core::id::EndpointName;
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;

use super::sample::{
    action, append, at, begun, commit_all, commit_changes, completed, definition, endpoint, head, id, json, recorded, start,
    started, token, workflow,
};
use crate::{
    Change, ClaimKind, FaultKind, Filter, HISTORY_PAGE_BYTES_MAX, HeadChange, Heads, PAYLOAD_INLINE_BYTES_MAX, Snapshot, Store,
    Texts, TokenRows, Transition,
};

pub(super) fn an_empty_store_answers(store: &dyn Store) {
    assert_eq!(store.batch(), Ok(0));
    assert_eq!(store.reopen(), Ok(()));
    assert_eq!(store.load(&[]), Ok(vec![]));
    assert_eq!(store.load(&[id(1)]), Ok(vec![None]));
    assert_eq!(store.payloads(&[]), Ok(vec![]));
    assert_eq!(store.history(id(1), 0, 10, Texts::Read), Ok(None));
    assert_eq!(store.executions(&Filter { limit: 10, ..Filter::default() }), Ok(Heads::default()));
    assert_eq!(
        store.executions(&Filter { statuses: vec![Status::Failed], limit: 10, ..Filter::default() }),
        Ok(Heads::default())
    );
    assert_eq!(store.due(at(0), None, 10), Ok(vec![]));
    assert_eq!(store.next_wake(Timestamp::from_millis(i64::MIN)), Ok(None));
    assert_eq!(store.parked(&action("charge"), None, 10), Ok(vec![]));
    assert_eq!(store.definitions(), Ok(vec![]));
    assert_eq!(store.endpoints(), Ok(vec![]));
    assert_eq!(store.tokens(), Ok(TokenRows::default()));
    assert_eq!(store.counts(), Ok(vec![]));
    assert_eq!(store.claim(ClaimKind::EventId, "", "x"), Ok(None));
}

/// A JSON string whose text has this length.
fn long(bytes: usize) -> Json {
    json(&format!("\"{}\"", "x".repeat(bytes - 2)))
}

pub(super) fn long_payloads_are_left_behind(store: &dyn Store) {
    let order = workflow("order");
    let (limit, over) = (long(PAYLOAD_INLINE_BYTES_MAX), long(PAYLOAD_INLINE_BYTES_MAX + 1));
    let input = json(&format!(r#"{{"big":{}}}"#, long(1 << 20)));
    let change = HeadChange { head: head(id(1), &order), status_before: None };
    let events = recorded(1, at(0), vec![started(&order, &input), completed(0, &limit), completed(1, &over)]);
    commit_all(store, vec![Transition { head: Some(change), ..append(id(1), events.clone()) }]);

    let loaded = store.load(&[id(1)]).expect("executions are loaded").remove(0).expect("it was committed");
    let payload = |n: usize| loaded.events[n].event.payload().expect("the event has a payload");
    assert_eq!((payload(0).resident(), payload(0).bytes()), (None, input.len()));
    assert_eq!(payload(1).resident(), Some(&limit));
    assert_eq!((payload(2).resident(), payload(2).bytes()), (None, over.len()));
    assert_eq!(store.payloads(&[(id(1), 3), (id(1), 1), (id(1), 3)]), Ok(vec![over.clone(), input, over]));
    for missing in [(id(1), 2), (id(1), 4), (id(1), u64::MAX), (id(2), 1)] {
        let fault = store.payloads(&[(id(1), 3), missing]).expect_err("a payload that is not there is a fault");
        assert_eq!(fault.kind, FaultKind::Corrupt, "{missing:?}: {fault}");
    }
    let history = store.history(id(1), 0, 10, Texts::Read).expect("a history is read").expect("it was committed");
    assert_eq!(history.events, events);
    assert!(history.events.iter().all(|recorded| recorded.event.payload().is_some_and(|payload| payload.resident().is_some())));
}

pub(super) fn a_history_is_paged(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, vec![start(head(id(1), &order)), start(head(id(2), &order))]);
    for seq in (3..30).step_by(3) {
        let events = vec![begun(0), begun(1), completed(0, &json("[1.50]"))];
        commit_all(store, vec![append(id(1), recorded(seq, at(seq as i64), events))]);
    }
    let all = store.load(&[id(1)]).expect("executions are loaded").remove(0).expect("it was committed").events;
    assert_eq!(all.len(), 29);
    for limit in [1, 2, 4, 100] {
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = store.history(id(1), after, limit, Texts::Read).expect("a history is read").expect("it was committed");
            assert_eq!((page.workflow, page.version.0), (order.clone(), 1));
            assert!(page.events.len() <= limit);
            seen.extend(page.events);
            after = seen.last().map_or(0, |recorded| recorded.seq);
            assert_eq!(page.more, after < 29, "in pages of {limit}, after {after}");
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, all, "in pages of {limit}");
    }
    let end = store.history(id(1), 29, 10, Texts::Read).expect("a history is read").expect("it was committed");
    assert!(end.events.is_empty() && !end.more);
    let other = store.history(id(2), 0, 10, Texts::Read).expect("a history is read").expect("it was committed");
    assert_eq!(other.events.len(), 2, "the histories of neighbours are apart");
}

pub(super) fn a_history_page_is_bounded_by_bytes(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, vec![start(head(id(1), &order))]);
    let mib = long(1 << 20);
    for seq in 3..13 {
        commit_all(store, vec![append(id(1), recorded(seq, at(1), vec![completed(0, &mib)]))]);
    }
    let (mut pages, mut after) = (Vec::new(), 0);
    loop {
        let page = store.history(id(1), after, 1_000, Texts::Read).expect("a history is read").expect("it was committed");
        after = page.events.last().expect("no page is empty while there are more").seq;
        pages.push(page.events.len());
        let bytes: usize =
            page.events.iter().filter_map(|recorded| recorded.event.payload()).map(|payload| payload.bytes()).sum();
        assert!(bytes < HISTORY_PAGE_BYTES_MAX + (1 << 20));
        if !page.more {
            break;
        }
    }
    assert_eq!(pages.iter().sum::<usize>(), 12);
    assert!(pages.len() >= 3, "{pages:?}");
}

pub(super) fn a_usable_snapshot_shortens_the_tail(store: &dyn Store) {
    let order = workflow("order");
    let snapshot = |seq, codec| Snapshot { seq, codec, body: format!("{{\"seq\":{seq}}}") };
    let next = |seq, snapshot| Transition { snapshot, ..append(id(1), recorded(seq, at(1), vec![begun(0), begun(1)])) };
    let tail = |store: &dyn Store| {
        let stored = store.load(&[id(1)]).expect("executions are loaded").remove(0).expect("it was committed");
        (stored.snapshot, stored.events.iter().map(|recorded| recorded.seq).collect::<Vec<_>>())
    };
    commit_all(store, vec![start(head(id(1), &order))]);
    commit_all(store, vec![next(3, Some(snapshot(4, codec::VERSION)))]);
    assert_eq!(tail(store), (Some(snapshot(4, codec::VERSION)), vec![]));
    commit_all(store, vec![next(5, None)]);
    assert_eq!(tail(store), (Some(snapshot(4, codec::VERSION)), vec![5, 6]));
    // In the middle of a transition, and in place of the other.
    commit_all(store, vec![next(7, Some(snapshot(5, codec::VERSION)))]);
    assert_eq!(tail(store), (Some(snapshot(5, codec::VERSION)), vec![6, 7, 8]));
    commit_all(store, vec![Transition { snapshot: Some(snapshot(8, codec::VERSION + 1)), ..append(id(1), Vec::new()) }]);
    assert_eq!(tail(store), (None, (1..=8).collect()), "one of another version is ignored");
}

pub(super) fn definitions_are_kept_for_ever(store: &dyn Store) {
    let (order, other) = (workflow("order"), workflow("another"));
    let define = |workflow, version| Change::Define(Box::new(definition(workflow, version)));
    commit_changes(store, vec![define(&order, 1), define(&order, 2), define(&other, 1)]);
    commit_changes(store, vec![Change::Undefine { workflow: order.clone(), at: at(70) }]);
    commit_changes(store, vec![define(&order, 10)]);
    let deleted = |version, ms| crate::DefinitionRow { deleted_at: Some(at(ms)), ..definition(&order, version) };
    let expected = vec![definition(&other, 1), deleted(1, 70), deleted(2, 70), definition(&order, 10)];
    assert_eq!(store.definitions(), Ok(expected));
    // Those deleted before keep their time; unknown ones are nothing.
    let undefine = |workflow, ms| Change::Undefine { workflow, at: at(ms) };
    commit_changes(store, vec![undefine(order.clone(), 80), undefine(workflow("nobody"), 80)]);
    let expected = vec![definition(&other, 1), deleted(1, 70), deleted(2, 70), deleted(10, 80)];
    assert_eq!(store.definitions(), Ok(expected));
}

pub(super) fn endpoints_are_put_and_removed(store: &dyn Store) {
    let put = |endpoint| Change::PutEndpoint(Box::new(endpoint));
    let mut other = endpoint("b");
    other.actions = Some(vec![action("charge"), action("Email.send")]);
    other.secret = Some("whsec_x".to_owned());
    commit_changes(store, vec![put(other.clone()), put(endpoint("a")), put(endpoint("c"))]);
    assert_eq!(store.endpoints(), Ok(vec![endpoint("a"), other, endpoint("c")]));
    let name = EndpointName::new("c").expect("the name is valid");
    commit_changes(store, vec![put(endpoint("b")), Change::RemoveEndpoint(name.clone()), Change::RemoveEndpoint(name)]);
    assert_eq!(store.endpoints(), Ok(vec![endpoint("a"), endpoint("b")]));
}

pub(super) fn texts_survive_as_they_are(store: &dyn Store) {
    let order = workflow("order");
    commit_all(store, vec![start(head(id(1), &order))]);
    let texts =
        [r#"{"b":1.10,"a":12345678901234567890}"#, r#""\u0000 é \ud83d""#, "1e400", r#"{ "a" : 1 }"#, "\"\u{7f}\u{2028}\""];
    let outputs: Vec<Json> = texts.into_iter().map(json).collect();
    let events: Vec<Event> = outputs.iter().map(|output| completed(0, output)).collect();
    commit_all(store, vec![append(id(1), recorded(3, at(1), events))]);
    let loaded = store.load(&[id(1)]).expect("executions are loaded").remove(0).expect("it was committed");
    let read = loaded.events[2..].iter().filter_map(|recorded| recorded.event.payload()?.resident().cloned());
    assert_eq!(read.collect::<Vec<_>>(), outputs);
}

pub(super) fn tokens_are_added_and_revoked_and_stay(store: &dyn Store) {
    let put = |token| Change::PutToken(Box::new(token));
    commit_changes(store, vec![put(token(2, false)), put(token(1, false)), put(token(6, false))]);
    assert_eq!(store.tokens().and_then(TokenRows::whole), Ok(vec![token(1, false), token(2, false), token(6, false)]));
    commit_changes(store, vec![put(token(6, true)), put(token(3, false)), put(token(3, true))]);
    assert_eq!(
        store.tokens().and_then(TokenRows::whole),
        Ok(vec![token(1, false), token(2, false), token(3, true), token(6, true)])
    );
}
