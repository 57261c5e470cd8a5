//! What JavaScript gets of an execution at once. Its whole text travels beside it, and is parsed there when somebody looks.

use std::fmt::Write;

use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use workflow_core::id::ExecutionId;
use workflow_core::view::ExecutionView;

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

/// The same of an execution of the engine here.
pub fn head_of(execution: &ExecutionView) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Seldom<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        replay_of: Option<ExecutionId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parent: Option<ExecutionId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_code: Option<&'a str>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        history_truncated: bool,
    }
    let seldom = Seldom {
        replay_of: execution.replay_of,
        parent: execution.parent,
        error: execution.error.as_deref(),
        error_code: execution.error_code.as_deref(),
        history_truncated: execution.history_truncated,
    };
    let ExecutionView { id, workflow_id, workflow_version, status, current_step_index, started_at, completed_at, .. } = execution;
    let has_output = u8::from(execution.output.is_some());
    let head = (id, workflow_id, workflow_version, status, current_step_index, started_at, completed_at, has_output, seldom);
    serde_json::to_string(&head).expect("an array of names and numbers is JSON")
}
