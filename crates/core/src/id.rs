//! Names and ids. Each noun has its own type; what is in one has been checked against SPEC §1 or §8.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::time::Timestamp;

/// Declares a cheap-to-clone checked name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $valid:path, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What a valid one looks like, for messages.
            pub const RULE: &'static str = $rule;

            pub fn new(text: &str) -> Result<$name, InvalidName> {
                if $valid(text) { Ok($name(text.into())) } else { Err(InvalidName { text: text.to_owned(), rule: $rule }) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = String::deserialize(deserializer)?;
                $name::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A text that does not follow the rule for its kind of name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {rule}", text = text.escape_debug())]
pub struct InvalidName {
    pub text: String,
    pub rule: &'static str,
}

name!(
    /// A workflow's id.
    WorkflowId,
    valid_workflow_id,
    "a valid id (1 to 128 letters, digits, `_`, `.`, `-`, beginning with a letter or digit)"
);
name!(
    /// A step's id, unique in its definition.
    StepId,
    valid_step_id,
    "a valid step id (1 to 128 letters, digits, `_`, `-`, and no reserved word)"
);
name!(
    /// What a worker provides: `chargeCard`, `Email.send`.
    ActionName,
    valid_action,
    "a valid action (words of letters, digits, `_`, `$`, `-` joined by dots, at most 128 characters)"
);
name!(
    /// The name of an HTTP endpoint.
    EndpointName,
    valid_workflow_id,
    "a valid endpoint name (1 to 128 letters, digits, `_`, `.`, `-`, beginning with a letter or digit)"
);
name!(
    /// What people call a token by: `deploy`, `grafana`.
    TokenName,
    valid_token_name,
    "a valid token name (1 to 128 letters, digits, `_`, `.`, `-`, beginning with a letter or digit, but not with `wf_`, as tokens do)"
);
name!(
    /// The part of a token that is no secret.
    TokenId,
    valid_token_id,
    "a token's id (16 hexadecimal digits)"
);
name!(
    /// The name of an event: `Customer.created`.
    EventName,
    valid_event,
    "a valid event name (words without spaces or control characters joined by dots, at most 256 characters)"
);
name!(
    /// What makes a repeated call the same call.
    IdempotencyKey,
    valid_key,
    "a valid idempotency key (1 to 255 characters)"
);
name!(
    /// One connection of a worker, or one life of the engine for actions in its process.
    SessionId,
    valid_key,
    "a valid session id (1 to 255 characters)"
);

name!(
    /// Who made a call: the name of a token, an address, or what a program says of itself. Histories keep it.
    Caller,
    valid_caller,
    "a valid name of a caller (1 to 128 bytes without control characters)"
);

/// Names of a stored definition: a rule that came later does not refuse them.
macro_rules! stored {
    ($($name:ident)*) => {
        $(impl $name {
            pub(crate) fn stored(text: &str) -> $name {
                $name(text.into())
            }
        })*
    };
}

stored!(WorkflowId StepId ActionName);

impl ActionName {
    /// The action that is built in and returns nothing.
    pub const NOOP: &'static str = "noop";

    pub fn is_noop(&self) -> bool {
        self.as_str() == ActionName::NOOP
    }
}

/// Step ids that would be hidden by, or hide, something else in an expression.
pub const RESERVED_STEP_IDS: &[&str] = &[
    "input",
    "state",
    "context",
    "steps",
    "execution",
    "error",
    "true",
    "false",
    "null",
    "undefined",
    "NaN",
    "Infinity",
    "this",
    "Math",
    "Object",
    "Array",
    "Number",
    "String",
    "Boolean",
    "JSON",
    "typeof",
    "in",
    "__proto__",
    "constructor",
    "prototype",
];

fn valid_step_id(text: &str) -> bool {
    (1..=limits::STEP_ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !RESERVED_STEP_IDS.contains(&text)
}

fn valid_token_name(text: &str) -> bool {
    valid_workflow_id(text) && !text.starts_with("wf_")
}

fn valid_token_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn valid_workflow_id(text: &str) -> bool {
    (1..=limits::WORKFLOW_ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && text.as_bytes()[0].is_ascii_alphanumeric()
}

fn valid_action(text: &str) -> bool {
    text.len() <= limits::ACTION_CHARS_MAX
        && text
            .split('.')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'-')))
}

fn valid_event(text: &str) -> bool {
    text.chars().count() <= limits::EVENT_CHARS_MAX
        && text.split('.').all(|word| !word.is_empty() && !word.chars().any(|c| c.is_whitespace() || c.is_control()))
}

fn valid_key(text: &str) -> bool {
    (1..=limits::IDEMPOTENCY_KEY_CHARS_MAX).contains(&text.chars().count())
}

fn valid_caller(text: &str) -> bool {
    (1..=limits::CALLER_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A workflow's version: 1, 2, 3 ... Numbers are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Part of an execution's id, 0..4095: which engine of a cluster owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(u16);

impl Slot {
    pub const COUNT: u16 = 4_096;

    /// The slot with this number, modulo [`Slot::COUNT`].
    pub const fn new(number: u16) -> Slot {
        Slot(number % Slot::COUNT)
    }

    pub const fn number(self) -> u16 {
        self.0
    }
}

/// `exec_` and the 32 hex digits of a UUIDv7 whose last three are the slot. Order of ids is order of start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(u128);

impl ExecutionId {
    /// Puts an id together: `millis` are the 48 bits of time, `sequence` the 12 bits after it that keep ids of one millisecond
    /// in order, and `random` fills the rest but for the slot.
    pub fn from_parts(at: Timestamp, sequence: u16, random: u64, slot: Slot) -> ExecutionId {
        let millis = (at.millis().max(0).unsigned_abs() & 0xffff_ffff_ffff) as u128;
        let low = (u128::from(random) & 0x3fff_ffff_ffff_f000) | u128::from(slot.0);
        ExecutionId(millis << 80 | 0x7 << 76 | u128::from(sequence & 0xfff) << 64 | 0b10 << 62 | low)
    }

    /// When it was made.
    pub fn at(self) -> Timestamp {
        Timestamp::from_millis((self.0 >> 80) as i64)
    }

    pub fn slot(self) -> Slot {
        Slot((self.0 & 0xfff) as u16)
    }

    pub const fn to_u128(self) -> u128 {
        self.0
    }

    /// Big-endian, so that the order of the bytes is the order of the ids.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub const fn from_bytes(bytes: [u8; 16]) -> ExecutionId {
        ExecutionId(u128::from_be_bytes(bytes))
    }

    pub fn parse(text: &str) -> Result<ExecutionId, InvalidName> {
        let invalid = || InvalidName { text: text.to_owned(), rule: "a valid execution id (`exec_` and 32 hex digits)" };
        let digits = text.strip_prefix("exec_").ok_or_else(invalid)?;
        if digits.len() != 32 {
            return Err(invalid());
        }
        let number = digits.bytes().try_fold(0u128, |number, digit| {
            let digit = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(number << 4 | u128::from(digit))
        });
        number.map(ExecutionId).ok_or_else(invalid)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand: ids are in every message to a worker and every answer, and formatting a `u128` takes its time.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"exec_00000000000000000000000000000000";
        for (place, byte) in self.to_bytes().into_iter().enumerate() {
            text[5 + 2 * place] = DIGITS[usize::from(byte >> 4)];
            text[6 + 2 * place] = DIGITS[usize::from(byte & 0xf)];
        }
        f.write_str(std::str::from_utf8(&text).expect("it is ASCII"))
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ExecutionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExecutionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<ExecutionId, D::Error> {
        let text = String::deserialize(deserializer)?;
        ExecutionId::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_id_is_a_uuid_v7_that_ends_in_its_slot() {
        let id = ExecutionId::from_parts(Timestamp::from_millis(1_700_000_000_123), 0xabc, u64::MAX, Slot::new(0x123));
        assert_eq!(id.to_string(), "exec_018bcfe5687b7abcbffffffffffff123");
        assert_eq!(ExecutionId::parse(&id.to_string()), Ok(id));
        assert_eq!(id.at(), Timestamp::from_millis(1_700_000_000_123));
        assert_eq!(id.slot().number(), 0x123);
        let low = ExecutionId::from_bytes([0; 16]);
        assert_eq!(ExecutionId::parse("exec_00000000000000000000000000000000"), Ok(low));
        assert_eq!(low.to_string(), "exec_00000000000000000000000000000000");
        assert!(ExecutionId::parse("exec_0000000000000000000000000000000g").is_err());
        assert!(ExecutionId::parse("exec_018BCFE5687B7ABCBFFFFFFFFFFFF123").is_err());
        assert!(ExecutionId::parse("exec_+18bcfe5687b7abcbffffffffffff123").is_err());
    }

    #[test]
    fn names_follow_their_rules() {
        assert!(StepId::new("fraud-check_2").is_ok());
        for bad in ["", "a.b", "state", "__proto__", "é", &"x".repeat(129)] {
            assert!(StepId::new(bad).is_err(), "{bad}");
        }
        assert!(WorkflowId::new("order.v2-x").is_ok());
        assert!(WorkflowId::new("-order").is_err());
        assert!(ActionName::new("Email.send$").is_ok());
        assert!(ActionName::new("Email..send").is_err());
        assert!(EventName::new("Kunde.größe").is_ok());
        assert!(EventName::new("Customer created").is_err());
        assert!(IdempotencyKey::new("").is_err());
        assert!(Caller::new(&"é".repeat(64)).is_ok());
        for bad in ["", "two\nlines", &"é".repeat(65)] {
            assert!(Caller::new(bad).is_err(), "{bad}");
        }
    }
}
