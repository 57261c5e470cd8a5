//! What JavaScript gets of an execution at once. Its whole text travels beside it, and is parsed there when somebody looks.

use std::fmt::Write;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::value::RawValue;

/// The fields of an execution that is carried as text. One with other fields, of a server that is newer, is not split.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Execution<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    workflow_id: &'a RawValue,
    workflow_version: &'a RawValue,
    status: &'a RawValue,
    #[serde(rename = "triggeredBy")]
    _triggered_by: IgnoredAny,
    #[serde(default)]
    replay_of: Option<&'a RawValue>,
    #[serde(default)]
    parent: Option<&'a RawValue>,
    #[serde(rename = "input")]
    _input: IgnoredAny,
    #[serde(rename = "state")]
    _state: IgnoredAny,
    #[serde(default, deserialize_with = "is_there")]
    output: bool,
    #[serde(default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    error_code: Option<&'a RawValue>,
    current_step_index: &'a RawValue,
    #[serde(rename = "completedSteps")]
    _completed_steps: IgnoredAny,
    #[serde(rename = "stepResults")]
    _step_results: IgnoredAny,
    started_at: &'a RawValue,
    #[serde(default)]
    completed_at: Option<&'a RawValue>,
    #[serde(rename = "history")]
    _history: IgnoredAny,
    #[serde(default)]
    history_truncated: Option<&'a RawValue>,
}

/// Also when it is `null`.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// The head as `src/lazy.ts` takes it. None of what is no execution, or has more fields than are known here.
pub fn head(execution: &str) -> Option<String> {
    let all: Execution<'_> = serde_json::from_str(execution).ok()?;
    let mut head = String::with_capacity(192);
    head.push('[');
    let always = [all.id, all.workflow_id, all.workflow_version, all.status, all.current_step_index, all.started_at];
    for field in always {
        head.push_str(field.get());
        head.push(',');
    }
    head.push_str(all.completed_at.map_or("null", RawValue::get));
    head.push_str(if all.output { ",1" } else { ",0" });
    let seldom = [
        ("replayOf", all.replay_of),
        ("parent", all.parent),
        ("error", all.error),
        ("errorCode", all.error_code),
        ("historyTruncated", all.history_truncated),
    ];
    let mut separator = ",{";
    for (name, value) in seldom {
        if let Some(value) = value {
            write!(head, "{separator}\"{name}\":{}", value.get()).expect("a text takes everything");
            separator = ",";
        }
    }
    head.push_str(if separator == "," { "}]" } else { "]" });
    Some(head)
}
