//! Executions, events and rows to test with.

use workflow_core::definition::StepIndex;
use workflow_core::event::{Event, Payload, Recorded, Started, TriggeredBy};
use workflow_core::id::{ActionName, EndpointName, ExecutionId, Slot, TokenId, TokenName, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::{Millis, Timestamp};

use crate::{
    Batch, Change, Claim, ClaimKind, Committed, DefinitionRow, Endpoint, Head, HeadChange, Item, Role, Store, Taken, Token,
    Transition,
};

/// When the executions of the tests start.
pub const START_MS: i64 = 1_700_000_000_000;

pub fn at(ms_after_start: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + ms_after_start)
}

/// The `n`-th id, a millisecond after the one before.
pub fn id(n: u32) -> ExecutionId {
    ExecutionId::from_parts(at(n.into()), 0, u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15), Slot::new(n as u16))
}

pub fn json(text: &str) -> Json {
    Json::parse(text).expect("a test's JSON is JSON")
}

pub fn workflow(name: &str) -> WorkflowId {
    WorkflowId::new(name).expect("a test's workflow id is valid")
}

pub fn action(name: &str) -> ActionName {
    ActionName::new(name).expect("a test's action is valid")
}

/// The head row of one that has just been started.
pub fn head(id: ExecutionId, workflow: &WorkflowId) -> Head {
    Head {
        id,
        workflow: workflow.clone(),
        version: Version(1),
        status: Status::Running,
        wake_at: Some(Timestamp::from_millis(0)),
        started_at: id.at(),
        completed_at: None,
        failed_step: None,
        error_code: None,
        error: None,
        error_fingerprint: None,
        triggered_by: "manual".to_owned(),
        trigger_source: None,
        replay_of: None,
        parent: None,
        steps_completed: None,
        steps_failed: None,
        steps_skipped: None,
        retrying: false,
    }
}

pub fn started(workflow: &WorkflowId, input: &Json) -> Event {
    Event::Started(Box::new(Started {
        workflow: workflow.clone(),
        version: Version(1),
        input: Payload::new(input.clone()),
        triggered_by: TriggeredBy::Manual,
        replay_of: None,
        parent: None,
        lineage: Vec::new(),
        deadline: None,
        key: None,
        by: None,
    }))
}

pub fn begun(step: usize) -> Event {
    Event::StepStarted { step: StepIndex::new(step), attempt: 1, session: None }
}

pub fn completed(step: usize, output: &Json) -> Event {
    Event::StepCompleted { step: StepIndex::new(step), attempt: 1, output: Some(Payload::new(output.clone())) }
}

/// Events from `seq` on, all at one time.
pub fn recorded(seq: u64, at: Timestamp, events: Vec<Event>) -> Vec<Recorded> {
    (seq..).zip(events).map(|(seq, event)| Recorded { seq, at, event }).collect()
}

/// A transition that only appends.
pub fn append(id: ExecutionId, events: Vec<Recorded>) -> Transition {
    Transition { id, events, head: None, parked: None, snapshot: None }
}

/// The start of an execution, with two events.
pub fn start(head: Head) -> Transition {
    let events = vec![started(&head.workflow, &json(r#"{"total":12345678901234567890}"#)), begun(0)];
    let events = recorded(1, head.started_at, events);
    Transition { head: Some(HeadChange { head: head.clone(), status_before: None }), ..append(head.id, events) }
}

/// A change of the head row from `before`, without events.
pub fn update(head: Head, before: Status) -> Transition {
    Transition { head: Some(HeadChange { head: head.clone(), status_before: Some(before) }), ..append(head.id, Vec::new()) }
}

/// The end of an execution that [`start`] began.
pub fn finish(head: Head) -> Transition {
    let last_at = head.completed_at.unwrap_or(head.started_at);
    let events = recorded(3, last_at, vec![completed(0, &json("{}")), Event::Completed]);
    Transition { events, ..update(head, Status::Running) }
}

pub fn item(changes: Vec<Transition>) -> Item {
    Item { claim: None, changes: changes.into_iter().map(Box::new).map(Change::Transition).collect() }
}

/// An item that only counts when `key` is free.
pub fn claimed(key: &str, executions: Vec<ExecutionId>, changes: Vec<Transition>) -> Item {
    let claim =
        Claim { kind: ClaimKind::IdempotencyKey, scope: "order".to_owned(), key: key.to_owned(), executions, data: json("{}") };
    Item { claim: Some(claim), ..item(changes) }
}

pub fn holder(executions: Vec<ExecutionId>) -> Taken {
    Taken { executions, data: json("{}") }
}

pub fn definition(workflow: &WorkflowId, version: u32) -> DefinitionRow {
    let source = format!(r#"{{"id":"{workflow}","steps":[{{"id":"validate"}},{{"id":"charge"}}]}}"#);
    DefinitionRow {
        workflow: workflow.clone(),
        version: Version(version),
        stored: json(r#"{"form":1}"#),
        source: json(&source),
        created_at: at(version.into()),
        deleted_at: None,
    }
}

pub fn endpoint(name: &str) -> Endpoint {
    Endpoint {
        name: EndpointName::new(name).expect("a test's endpoint name is valid"),
        url: "http://127.0.0.1:9/actions".to_owned(),
        actions: None,
        secret: None,
        timeout: Millis::from_secs(300),
        concurrency: 64,
    }
}

/// The `number`th token, one of four names.
pub fn token(number: u8, revoked: bool) -> Token {
    Token {
        id: TokenId::new(&format!("{number:016x}")).expect("a test's token id is valid"),
        name: TokenName::new(["ops", "deploy", "grafana", "billing"][usize::from(number % 4)]).expect("a test's name is valid"),
        role: Role::ALL[usize::from(number % 4)],
        sha256: [number; 32],
        created_at: at(number.into()),
        revoked_at: revoked.then(|| at(i64::from(number) + 1_000)),
    }
}

/// Commits the items as the next batch.
pub fn commit(store: &dyn Store, items: Vec<Item>) -> Committed {
    let number = store.batch().expect("the batch number is read") + 1;
    store.commit(&Batch { number, items }).expect("a batch that follows is committed")
}

/// Commits what claims nothing.
pub fn commit_all(store: &dyn Store, changes: Vec<Transition>) {
    assert_eq!(commit(store, vec![item(changes)]), Committed::default());
}

/// Commits changes to definitions and endpoints.
pub fn commit_changes(store: &dyn Store, changes: Vec<Change>) {
    assert_eq!(commit(store, vec![Item { claim: None, changes }]), Committed::default());
}
