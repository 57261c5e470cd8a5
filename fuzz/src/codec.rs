//! Stored rows of events, in both forms: damaged ones are an error; what is read can be written and read again; and what is read
//! folds into an execution, or makes no sense, and is said to.

use workflow_core::apply::fold;
use workflow_core::codec::{self, Packed};
use workflow_core::event::Recorded;
use workflow_core::id::{ExecutionId, Slot};
use workflow_core::time::Timestamp;

const AT: i64 = 1_700_000_000_000;
const INLINE: [usize; 3] = [0, 16, usize::MAX];

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for version in [codec::VERSION, codec::PACKED] {
        let Ok(events) = codec::decode(version, text, 1, Timestamp::from_millis(AT)) else { continue };
        assert!(events.iter().zip(1..).all(|(recorded, seq)| recorded.seq == seq));
        let id = ExecutionId::from_parts(Timestamp::from_millis(AT), 1, 2, Slot::new(3));
        for steps in [0, 1, 4] {
            let _ = fold(id, steps, events.clone());
        }
        let is_whole = |recorded: &Recorded| recorded.event.payload().is_none_or(|payload| payload.resident().is_some());
        if events.iter().all(is_whole) {
            INLINE.iter().for_each(|inline| writes_what_it_reads(&events, *inline));
        }
    }
    let _ = codec::decode(codec::PACKED + 1, text, 1, Timestamp::from_millis(AT)).expect_err("no such form was ever written");
}

/// One text for each transition, as the engine writes it; here a transition is the events of the same moment.
fn writes_what_it_reads(events: &[Recorded], inline_bytes_max: usize) {
    let mut packed: Option<Packed> = None;
    let mut payloads = Vec::new();
    for transition in events.chunk_by(|one, next| one.at == next.at) {
        let encoded = codec::encode(transition, inline_bytes_max);
        payloads.extend(encoded.payloads);
        let at = transition[0].at;
        match &mut packed {
            None => packed = Some(Packed::new(encoded.text, at)),
            Some(packed) => packed.push(&encoded.text, at),
        }
    }
    let Some(packed) = packed else { return };
    let mut read = codec::decode(packed.form(), packed.text(), 1, packed.at()).expect("what was written is read");
    for (seq, json) in payloads {
        let of = read.iter_mut().find(|recorded| recorded.seq == seq).expect("a payload belongs to an event");
        of.event.payload_mut().expect("the event has one").fetch(json);
    }
    assert_eq!(read, events, "written as {}", packed.text());
}
