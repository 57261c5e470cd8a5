use super::*;
use crate::definition::StepIndex;
use crate::event::{AfterFailure, Event, InterruptCause, Payload, ReadyCause, Receipt, SkipCause, Started, TriggeredBy};
use crate::failure::Failure;
use crate::id::{ActionName, Caller, EventName, ExecutionId, IdempotencyKey, SessionId, Slot, Version, WorkflowId};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// One event of each kind and each cause.
fn every_event() -> Vec<Event> {
    let step = StepIndex::new(3);
    let id = ExecutionId::from_parts(Timestamp::from_millis(1_700_000_000_000), 1, 2, Slot::new(3));
    let key = IdempotencyKey::new("k \"1\"").ok();
    let receipt = Receipt {
        expression: "score.risk < 0.3 && x".to_owned(),
        reads: vec![("score.risk".to_owned(), Some(json("0.2"))), ("x".to_owned(), None)],
        result: Some(json("false")),
    };
    let failure = Failure { stack: Some("at x".to_owned()), ..Failure::with_code("declined", "Card declined") };
    let failure = failure.caused_by(Failure::new("below")).permanent();
    let started = |triggered_by| {
        Event::Started(Box::new(Started {
            workflow: WorkflowId::new("order").unwrap(),
            version: Version(7),
            input: Payload::new(json(r#"{"a":12345678901234567890.10}"#)),
            triggered_by,
            replay_of: Some(id),
            parent: Some(id),
            lineage: vec![WorkflowId::new("handler").unwrap()],
            deadline: Some(Timestamp::from_millis(5)),
            key: key.clone(),
            by: None,
        }))
    };
    let failed = |then| Event::StepFailed { step, attempt: Some(2), failure: failure.clone(), then };
    vec![
        started(TriggeredBy::Manual),
        started(TriggeredBy::Event(EventName::new("Customer.created").unwrap())),
        started(TriggeredBy::Schedule("nightly".to_owned())),
        started(TriggeredBy::Replay(id)),
        started(TriggeredBy::Error(id)),
        Event::StepReady { step, cause: ReadyCause::Condition(receipt.clone()) },
        Event::StepReady { step, cause: ReadyCause::Timer },
        Event::StepReady { step, cause: ReadyCause::Retry },
        Event::StepReady { step, cause: ReadyCause::RunNow { key: key.clone(), by: None } },
        Event::StepStarted { step, attempt: 1, session: SessionId::new("s1").ok() },
        Event::StepStarted { step, attempt: 1, session: None },
        Event::StepCompleted { step, attempt: 1, output: Some(Payload::new(json(r#"{"$bytes":5}"#))) },
        Event::StepCompleted { step, attempt: 1, output: Some(Payload::new(json("null"))) },
        Event::StepCompleted { step, attempt: 1, output: None },
        failed(AfterFailure::Retry { at: Timestamp::from_millis(9) }),
        failed(AfterFailure::Fail),
        failed(AfterFailure::Continue),
        failed(AfterFailure::Branch),
        failed(AfterFailure::StartHandler { workflow: WorkflowId::new("handler").unwrap() }),
        Event::StepFailed { step, attempt: None, failure: Failure::new("threw"), then: AfterFailure::Fail },
        Event::StepSkipped { step, cause: SkipCause::Dependencies },
        Event::StepSkipped { step, cause: SkipCause::NotBranchedTo },
        Event::StepSkipped { step, cause: SkipCause::Condition(receipt.clone()) },
        Event::StepCancelled { step },
        Event::StepInterrupted { step, attempt: 1, cause: InterruptCause::Lost },
        Event::StepInterrupted { step, attempt: 1, cause: InterruptCause::Shutdown },
        Event::WaitBegan { step, until: Timestamp::from_millis(7), receipt: None },
        Event::WaitBegan { step, until: Timestamp::from_millis(7), receipt: Some(receipt) },
        Event::Paused { key: key.clone(), by: None },
        Event::Resumed { key: None, by: None },
        Event::Retried { reset: vec![step], deadline: None, key: key.clone(), by: None },
        Event::Retried { reset: vec![], deadline: Some(Timestamp::from_millis(7)), key: None, by: None },
        Event::Completed,
        Event::Failed { failure },
        Event::Cancelled { key, by: None },
    ]
}

/// Of each kind that somebody can cause, one with a key and one without.
fn every_event_that_somebody_caused() -> Vec<Event> {
    let by = Caller::new("deploy \"1\"").ok();
    let (step, none) = (StepIndex::new(3), None::<IdempotencyKey>);
    let mut events = Vec::new();
    for key in [IdempotencyKey::new("k").ok(), none] {
        events.extend([
            Event::Started(Box::new(Started {
                workflow: WorkflowId::new("order").unwrap(),
                version: Version(7),
                input: Payload::new(json("{}")),
                triggered_by: TriggeredBy::Manual,
                replay_of: None,
                parent: None,
                lineage: Vec::new(),
                deadline: None,
                key: key.clone(),
                by: by.clone(),
            })),
            Event::Paused { key: key.clone(), by: by.clone() },
            Event::Resumed { key: key.clone(), by: by.clone() },
            Event::Retried { reset: vec![step], deadline: None, key: key.clone(), by: by.clone() },
            Event::StepReady { step, cause: ReadyCause::RunNow { key: key.clone(), by: by.clone() } },
            Event::Cancelled { key, by: by.clone() },
        ]);
    }
    events
}

fn recorded(events: Vec<Event>) -> Vec<Recorded> {
    let at = Timestamp::from_millis(1_700_000_000_123);
    events.into_iter().zip(11..).map(|(event, seq)| Recorded { seq, at, event }).collect()
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let events = recorded(every_event());
    let encoded = encode(&events, 4_096);
    assert_eq!(encoded.payloads, []);
    assert_eq!(decode(VERSION, &encoded.text, 11, events[0].at), Ok(events));
}

/// Who caused an event came after form 1 was released, in places that no event had used: what is in `v1.json` is read as ever, and
/// this is read for ever too.
#[test]
fn who_caused_an_event_has_a_place_in_form_1() {
    let events = recorded(every_event_that_somebody_caused());
    let encoded = encode(&events, 4_096);
    assert_eq!(decode(VERSION, &encoded.text, 11, events[0].at), Ok(events.clone()));
    let lines = encoded.text.replace("],[\"", "],\n[\"");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/codec/v1-by.json");
    if std::env::var_os("UPDATE_TESTDATA").is_some() {
        std::fs::write(path, format!("{lines}\n")).unwrap();
    }
    assert_eq!(lines, std::fs::read_to_string(path).unwrap().trim_end(), "this was released; write a form 2 instead");

    let mut packed = Packed::new(encode(&events[..1], 4_096).text, events[0].at);
    packed.push(&encode(&events[1..], 4_096).text, events[1].at);
    assert_eq!(decode(PACKED, packed.text(), 11, packed.at()), Ok(events));
}

/// The form that was released: this text never changes, and is read by every later version.
#[test]
fn form_1_stays_as_it_was_released() {
    let lines = encode(&recorded(every_event()), 4_096).text.replace("],[\"", "],\n[\"").replace("],\n[\"x\"", "],[\"x\"");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/codec/v1.json");
    if std::env::var_os("UPDATE_TESTDATA").is_some() {
        std::fs::write(path, format!("{lines}\n")).unwrap();
    }
    assert_eq!(lines, std::fs::read_to_string(path).unwrap().trim_end(), "form 1 was released; write a form 2 instead");
}

#[test]
fn long_payloads_are_left_to_rows_of_their_own() {
    let long = json(&format!("\"{}\"", "x".repeat(5_000)));
    let event = |output| Event::StepCompleted { step: StepIndex::new(0), attempt: 1, output: Some(output) };
    let events = recorded(vec![event(Payload::new(long.clone())), event(Payload::new(json("1")))]);
    let encoded = encode(&events, 4_096);
    assert_eq!(encoded.payloads, [(11, long)]);
    assert!(encoded.text.len() < 100);
    let read = decode(VERSION, &encoded.text, 11, events[0].at).unwrap();
    assert_eq!(read[0].event, event(Payload::stored(5_002)));
    assert_eq!(read[1], events[1]);
}

#[test]
fn what_nobody_wrote_is_refused() {
    let at = Timestamp::from_millis(0);
    for bad in ["", "{}", "[[]]", "[[1]]", r#"[["no_such"]]"#, r#"[["begin",0]]"#, r#"[["begin",-1,1]]"#, r#"[["ready",0,"x"]]"#]
    {
        assert!(decode(1, bad, 1, at).is_err(), "{bad}");
    }
    for bad in ["", "{}", "[[]]", r#"["begin"]"#, "[1.5]", r#"[5,["begin",0]]"#, "[9223372036854775808]"] {
        assert!(decode(PACKED, bad, 1, at).is_err(), "{bad}");
    }
    assert!(decode(3, "[]", 1, at).unwrap_err().to_string().contains("form 3 is not known"));
}

/// Every event as a transition of its own, at times that stay, go on and go back.
#[test]
fn transitions_in_one_text_keep_their_times() {
    let mut events = recorded(every_event());
    for (place, recorded) in events.iter_mut().enumerate() {
        let place = i64::try_from(place).unwrap();
        recorded.at = Timestamp::from_millis(1_000 + place / 2 * 10 - place % 5);
    }
    let texts: Vec<String> = events.chunks(1).map(|event| encode(event, 4_096).text).collect();
    let mut packed = Packed::new(texts[0].clone(), events[0].at);
    assert_eq!((packed.form(), packed.text(), packed.at()), (VERSION, texts[0].as_str(), events[0].at));
    for (text, recorded) in texts.iter().zip(&events).skip(1) {
        packed.push(text, recorded.at);
    }
    assert_eq!(packed.form(), PACKED);
    assert_eq!(decode(PACKED, packed.text(), 11, packed.at()), Ok(events));
}

/// Like form 1: what was written once is read for ever.
#[test]
fn form_2_stays_as_it_is_released() {
    let begun = Event::StepStarted { step: StepIndex::new(0), attempt: 1, session: None };
    let completed = Event::StepCompleted { step: StepIndex::new(0), attempt: 1, output: Some(Payload::new(json("[7]"))) };
    let text = r#"[["begin",0,1],25,["complete",0,1,[7]],["completed"],-3,["pause"]]"#;
    let at = |millis, seq, event| Recorded { seq, at: Timestamp::from_millis(millis), event };
    let events = vec![
        at(100, 1, begun),
        at(125, 2, completed),
        at(125, 3, Event::Completed),
        at(122, 4, Event::Paused { key: None, by: None }),
    ];
    assert_eq!(decode(2, text, 1, events[0].at), Ok(events.clone()));
    let encoded = |range: std::ops::Range<usize>| encode(&events[range], 4_096).text;
    let mut packed = Packed::new(encoded(0..1), events[0].at);
    packed.push(&encoded(1..3), events[1].at);
    packed.push(&encoded(3..4), events[3].at);
    assert_eq!(packed.text(), text);
}

#[test]
fn action_names_are_no_part_of_a_history() {
    // They are in the definition that the execution is pinned to; a history that repeated them could contradict it.
    let text = encode(&recorded(every_event()), 4_096).text;
    assert!(!text.contains(ActionName::NOOP));
}
