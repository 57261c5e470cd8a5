//! Reads a frame in one pass: of every message the raw text of the fields that messages have, of which only those of its type
//! are looked at.
//!
//! A type or a field that is not known is passed over, so that either side may be newer than the other.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use workflow_core::json::Json;

use super::{Engines, FRAME_MESSAGES_MAX, FromServer, FromWorker, Given, Hello, Welcome};

/// What came is not what the protocol says. For the other side to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the frame is not what was expected: {0}")]
pub struct Malformed(String);

impl<'a> FromWorker<'a> {
    /// The messages of a frame, those of an unknown type left out.
    pub fn read(frame: &'a str) -> Result<Vec<FromWorker<'a>>, Malformed> {
        read(frame, |message| {
            Ok(Some(match &*message.kind()? {
                "completed" => FromWorker::Completed { task: message.text("task")?, output: message.maybe_json("output")? },
                "failed" => FromWorker::Failed {
                    task: message.text("task")?,
                    error: message.get("error")?,
                    retry_after_ms: message.maybe("retryAfterMs")?,
                },
                "offer" => FromWorker::Offer { actions: message.get("actions")?, slots: message.get("slots")? },
                "hello" => FromWorker::Hello(Hello {
                    session: message.get("session")?,
                    holding: message.get("holding")?,
                    name: message.maybe("name")?,
                    version: message.maybe("version")?,
                    keeps: message.maybe("keeps")?,
                }),
                "leave" => FromWorker::Leave,
                _ => return Ok(None),
            }))
        })
    }
}

impl<'a> FromServer<'a> {
    /// The messages of a frame, those of an unknown type left out.
    pub fn read(frame: &'a str) -> Result<Vec<FromServer<'a>>, Malformed> {
        read(frame, |message| {
            Ok(Some(match &*message.kind()? {
                "task" => FromServer::Task(Given {
                    task: message.text("task")?,
                    action: message.text("action")?,
                    params: message.json("params")?,
                    state: message.json("state")?,
                    context: message.json("context")?,
                    kept: message.maybe("kept")?.unwrap_or_default(),
                    timeout_ms: message.maybe("timeoutMs")?,
                }),
                "recorded" => {
                    FromServer::Recorded { task: message.text("task")?, keep: message.maybe("keep")?.unwrap_or_default() }
                }
                "forget" => FromServer::Forget { tasks: message.get("tasks")? },
                "abort" => FromServer::Abort { task: message.text("task")?, reason: message.text("reason")? },
                "welcome" => FromServer::Welcome(Welcome {
                    server: message.get("server")?,
                    heartbeat_ms: message.get("heartbeatMs")?,
                    grace_ms: message.get("graceMs")?,
                    payload_bytes_max: message.get("payloadBytesMax")?,
                }),
                "engines" => FromServer::Engines(Engines { engine: message.get("engine")?, engines: message.get("engines")? }),
                "closing" => FromServer::Closing,
                "refused" => FromServer::Refused { code: message.text("code")?, message: message.text("message")? },
                _ => return Ok(None),
            }))
        })
    }
}

/// Hands every message of a frame to `one`, without keeping more than that one: a frame may hold millions of empty ones.
fn read<'a, T>(frame: &'a str, one: impl Fn(&Fields<'a>) -> Result<Option<T>, Malformed>) -> Result<Vec<T>, Malformed> {
    struct Messages<F>(F);

    impl<'a, T, F: Fn(&Fields<'a>) -> Result<Option<T>, Malformed>> Visitor<'a> for Messages<F> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of messages")
        }

        fn visit_seq<A: SeqAccess<'a>>(self, mut messages: A) -> Result<Vec<T>, A::Error> {
            let (mut all, mut count) = (Vec::new(), 0);
            while let Some(fields) = messages.next_element::<Fields<'a>>()? {
                count += 1;
                if count > FRAME_MESSAGES_MAX {
                    return Err(A::Error::custom(format!("more than {FRAME_MESSAGES_MAX} messages")));
                }
                all.extend((self.0)(&fields).map_err(|Malformed(why)| A::Error::custom(format!("message {count}: {why}")))?);
            }
            Ok(all)
        }
    }

    let mut reader = serde_json::Deserializer::from_str(frame);
    let messages = reader.deserialize_seq(Messages(one));
    messages.and_then(|messages| reader.end().map(|()| messages)).map_err(|error| Malformed(error.to_string()))
}

/// Declares the fields that messages have, each as the text it came in.
macro_rules! fields {
    ($($field:ident $name:literal)*) => {
        #[derive(serde::Deserialize)]
        struct Fields<'a> {
            $(#[serde(borrow, default, rename = $name, deserialize_with = "raw")] $field: Option<&'a RawValue>,)*
        }

        impl<'a> Fields<'a> {
            fn field(&self, name: &str) -> Option<&'a RawValue> {
                match name {
                    $($name => self.$field,)*
                    _ => unreachable!("`{name}` is no field of any message"),
                }
            }
        }
    };
}

fields! {
    kind "type"
    task "task"
    output "output"
    error "error"
    retry_after_ms "retryAfterMs"
    session "session"
    holding "holding"
    name "name"
    version "version"
    actions "actions"
    slots "slots"
    action "action"
    params "params"
    state "state"
    context "context"
    timeout_ms "timeoutMs"
    keeps "keeps"
    keep "keep"
    kept "kept"
    tasks "tasks"
    reason "reason"
    server "server"
    heartbeat_ms "heartbeatMs"
    grace_ms "graceMs"
    payload_bytes_max "payloadBytesMax"
    engine "engine"
    engines "engines"
    code "code"
    message "message"
}

/// A `null` is a value: an output may be one.
fn raw<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Fields<'a> {
    fn kind(&self) -> Result<Cow<'a, str>, Malformed> {
        self.kind.ok_or_else(|| Malformed("it has no `type`".to_owned())).and_then(|kind| text("type", kind))
    }

    fn text(&self, name: &str) -> Result<Cow<'a, str>, Malformed> {
        text(name, self.required(name)?)
    }

    fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<T, Malformed> {
        value(name, self.required(name)?)
    }

    fn maybe<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Malformed> {
        self.field(name).map(|raw| value(name, raw)).transpose()
    }

    /// A payload. That it is JSON is known: it was found as a value.
    fn json(&self, name: &str) -> Result<Json, Malformed> {
        json(name, self.required(name)?)
    }

    fn maybe_json(&self, name: &str) -> Result<Option<Json>, Malformed> {
        self.field(name).map(|raw| json(name, raw)).transpose()
    }

    fn required(&self, name: &str) -> Result<&'a RawValue, Malformed> {
        self.field(name).ok_or_else(|| {
            let kind = self.kind().unwrap_or_default();
            Malformed(format!("`{}` has no `{name}`", kind.escape_debug()))
        })
    }
}

fn value<'a, T: Deserialize<'a>>(name: &str, raw: &'a RawValue) -> Result<T, Malformed> {
    serde_json::from_str(raw.get()).map_err(|error| Malformed(format!("`{name}`: {error}")))
}

fn json(name: &str, raw: &RawValue) -> Result<Json, Malformed> {
    Json::from_raw(raw.to_owned()).map_err(|error| Malformed(format!("`{name}`: {error}")))
}

/// Most texts hold nothing that is escaped, and need not be copied.
fn text<'a>(name: &str, raw: &'a RawValue) -> Result<Cow<'a, str>, Malformed> {
    match raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        _ => value(name, raw).map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use workflow_core::failure::Failure;

    use super::*;
    use crate::protocol::{EngineAt, Frame};

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    #[test]
    fn what_a_worker_writes_a_server_reads() {
        let messages = [
            FromWorker::Hello(Hello {
                session: "s".repeat(16),
                holding: vec!["a".to_owned()],
                name: Some("\"orders\"".to_owned()),
                version: None,
                keeps: Some(1 << 20),
            }),
            FromWorker::Offer { actions: vec!["Email.send".into()], slots: 256 },
            FromWorker::Completed { task: "a".into(), output: None },
            FromWorker::Completed { task: "a".into(), output: Some(Json::null()) },
            FromWorker::Completed { task: "a".into(), output: Some(json(r#"{"big":12345678901234567890,"x":1.10}"#)) },
            FromWorker::Failed { task: "a".into(), error: Failure::new("no").permanent(), retry_after_ms: Some(5) },
            FromWorker::Leave,
        ];
        let mut frame = Frame::new();
        messages.iter().for_each(|message| frame.push(message));
        assert_eq!(FromWorker::read(&frame.into_text()).unwrap(), messages);
        assert_eq!(FromWorker::read(&Frame::new().into_text()), Ok(Vec::new()));
    }

    #[test]
    fn what_a_server_writes_a_worker_reads() {
        let given = Given {
            task: "exec_1:a:1".into(),
            action: "chargeCard".into(),
            params: json("{}"),
            state: json(r#"{"a":1}"#),
            context: json("{}"),
            kept: BTreeMap::from([("a".into(), "exec_1:b:1".into())]),
            timeout_ms: Some(200),
        };
        let welcome = Welcome {
            server: super::super::Server { version: "1".to_owned() },
            heartbeat_ms: 5_000,
            grace_ms: 10_000,
            payload_bytes_max: 1 << 20,
        };
        let messages = [
            FromServer::Welcome(welcome),
            FromServer::Task(Given { kept: BTreeMap::new(), timeout_ms: None, ..given.clone() }),
            FromServer::Task(given),
            FromServer::Abort { task: "a\nb".into(), reason: "timeout".into() },
            FromServer::Recorded { task: "a".into(), keep: false },
            FromServer::Recorded { task: "a".into(), keep: true },
            FromServer::Forget { tasks: vec!["a".into(), "b".into()] },
            FromServer::Engines(Engines {
                engine: "e1".to_owned(),
                engines: vec![
                    EngineAt { id: "e1".to_owned(), url: None },
                    EngineAt { id: "e2".to_owned(), url: Some("http://10.0.0.7:4747".to_owned()) },
                ],
            }),
            FromServer::Closing,
            FromServer::Refused { code: "replaced".into(), message: "…".into() },
        ];
        let mut frame = Frame::new();
        messages.iter().for_each(|message| frame.push(message));
        assert_eq!(FromServer::read(&frame.into_text()).unwrap(), messages);
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let frame = r#" [ {"type":"weather","task":{},"is":"fine"}, {"type":"leave","actions":5,"when":[]} ] "#;
        assert_eq!(FromWorker::read(frame), Ok(vec![FromWorker::Leave]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |frame: &str| FromWorker::read(frame).unwrap_err().to_string();
        assert!(refused("{}").contains("expected an array of messages"), "{}", refused("{}"));
        assert!(refused("[]]").contains("trailing characters"), "{}", refused("[]]"));
        assert!(refused("[{]").contains("key must be a string"), "{}", refused("[{]"));
        assert!(refused("[1]").contains("expected struct"), "{}", refused("[1]"));
        assert!(refused("[{}]").contains("message 1: it has no `type`"), "{}", refused("[{}]"));
        let late = r#"[{"type":"leave"},{"type":"completed"}]"#;
        assert!(refused(late).contains("message 2: `completed` has no `task`"), "{}", refused(late));
        let wrong = r#"[{"type":"offer","actions":"a","slots":1}]"#;
        assert!(refused(wrong).contains("`actions`: invalid type: string"), "{}", refused(wrong));
        let deep = format!(r#"[{{"type":"completed","task":"a","output":{}1{}}}]"#, "[".repeat(125), "]".repeat(125));
        assert!(refused(&deep).contains("`output`: nested deeper than 120 levels"), "{}", refused(&deep));
        let many = format!("[{}{{}}]", r#"{"type":"x"},"#.repeat(FRAME_MESSAGES_MAX));
        assert!(refused(&many).contains("more than 10000 messages"), "{}", refused(&many));
    }
}
