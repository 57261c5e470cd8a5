//! Form 2: several transitions of one execution in one text, `[["start",...],["begin",0,1],12,["complete",0,1,{...}],...]`.
//!
//! The events are those of form 1. A number between two of them is by how many milliseconds the second is later; where there is
//! none, they are of the same time.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::{PACKED, Undecodable, VERSION, v1};
use crate::event::Recorded;
use crate::json::Json;
use crate::time::Timestamp;

/// Texts of transitions, in the order of their events, put into one.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    text: String,
    transitions: u32,
    first: Timestamp,
    last: Timestamp,
}

impl Packed {
    /// Begins with what [`encode`](super::encode) gave of the first transition.
    pub fn new(text: String, at: Timestamp) -> Packed {
        Packed { text, transitions: 1, first: at, last: at }
    }

    /// Adds what [`encode`](super::encode) gave of the next one.
    ///
    /// # Panics
    /// When either is not the text of a transition.
    pub fn push(&mut self, text: &str, at: Timestamp) {
        let events = text.strip_prefix('[').expect("the text of a transition is an array");
        assert_eq!(self.text.pop(), Some(']'), "the text of a transition is an array");
        self.text.push(',');
        if at != self.last {
            self.text.push_str(&at.millis().saturating_sub(self.last.millis()).to_string());
            self.text.push(',');
        }
        self.text.push_str(events);
        self.transitions += 1;
        self.last = at;
    }

    /// The form of the text: that of one transition is the same as ever.
    pub fn form(&self) -> u32 {
        if self.transitions == 1 { VERSION } else { PACKED }
    }

    /// Of the first event.
    pub fn at(&self) -> Timestamp {
        self.first
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

enum Line {
    Later(i64),
    Event(Vec<Json>),
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Line, D::Error> {
        struct Lines;
        impl<'de> Visitor<'de> for Lines {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event, or milliseconds")
            }

            fn visit_i64<E>(self, millis: i64) -> Result<Line, E> {
                Ok(Line::Later(millis))
            }

            fn visit_u64<E: serde::de::Error>(self, millis: u64) -> Result<Line, E> {
                i64::try_from(millis).map(Line::Later).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Line, A::Error> {
                let mut line = Vec::new();
                while let Some(field) = fields.next_element()? {
                    line.push(field);
                }
                Ok(Line::Event(line))
            }
        }
        deserializer.deserialize_any(Lines)
    }
}

pub(super) fn decode(text: &str, seq: u64, at: Timestamp) -> Result<Vec<Recorded>, Undecodable> {
    let lines: Vec<Line> = serde_json::from_str(text).map_err(|error| Undecodable(error.to_string()))?;
    let mut events: Vec<Recorded> = Vec::with_capacity(lines.len());
    let mut at = at;
    for line in lines {
        match line {
            Line::Later(millis) => at = Timestamp::from_millis(at.millis().saturating_add(millis)),
            Line::Event(line) => {
                events.push(Recorded { seq: seq + events.len() as u64, at, event: v1::decode_event(&line)? });
            }
        }
    }
    Ok(events)
}
