//! What is wrong with a definition, or could be better.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One finding about a definition. On the wire: `{severity, pointer, code, message, help?, column?}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    pub severity: Severity,
    /// JSON pointer (RFC 6901) of the value that it is about: `/steps/2/dependsOn/0`; empty for the definition itself.
    pub pointer: String,
    pub code: Code,
    pub message: String,
    /// What to do: `did you mean `validate`?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// 1-based, in characters of the string at `pointer`: where in an expression or template it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// Only errors refuse a definition. Warnings are logged; hints are for whoever writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
    Hint,
}

/// Declares [`Code`] with the list of all of them, so that a test can ask for each.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $text:literal,)*) => {
        /// What kind of finding it is. The texts never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $code,)*
        }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$code => $text,)*
                }
            }
        }
    };
}

codes! {
    /// A value has another JSON type than its field wants.
    WrongType = "wrong_type",
    MissingField = "missing_field",
    UnknownField = "unknown_field",
    /// One object has the same key twice.
    DuplicateKey = "duplicate_key",
    /// A string with half of a surrogate pair.
    InvalidText = "invalid_text",
    /// A workflow id, also one that an `errorBranch` names.
    InvalidWorkflowId = "invalid_workflow_id",
    InvalidStepId = "invalid_step_id",
    ReservedStepId = "reserved_step_id",
    InvalidAction = "invalid_action",
    InvalidEventPattern = "invalid_event_pattern",
    InvalidDuration = "invalid_duration",
    InvalidExpression = "invalid_expression",
    /// A param that is neither a well-formed `$.` path nor a well-formed `${}` text.
    InvalidTemplate = "invalid_template",
    /// A path of `sensitive` with an empty part, or one that begins with `$`.
    InvalidPath = "invalid_path",
    /// Not one of the words that a field allows.
    UnknownValue = "unknown_value",
    OutOfRange = "out_of_range",
    /// Reserved for later: `schedules`.
    NotSupported = "not_supported",
    DefinitionTooLarge = "definition_too_large",
    NoSteps = "no_steps",
    TooManySteps = "too_many_steps",
    TooManyExpressions = "too_many_expressions",
    DuplicateStep = "duplicate_step",
    UnknownStep = "unknown_step",
    SelfDependency = "self_dependency",
    /// Over `dependsOn` and `errorBranch` together.
    Cycle = "cycle",
    BranchWithoutErrorBranch = "branch_without_error_branch",
    ErrorBranchWithoutBranch = "error_branch_without_branch",
    MaxRetryDelayWithoutExponential = "max_retry_delay_without_exponential",
    MaxRetryDelayTooShort = "max_retry_delay_too_short",
    /// A condition or param reads the output of a step that is no ancestor.
    ReadIsRace = "read_is_race",
    /// There are more errors than are listed.
    TooManyProblems = "too_many_problems",
    /// Warning: `errorBranch` names no step and will be looked up as a workflow.
    ErrorBranchIsNoStep = "error_branch_is_no_step",
    /// Warning: reads, without `?`, an output that can be missing while the reader runs.
    ReadCanBeMissing = "read_can_be_missing",
    /// Hint: skipped together with its only dependency.
    SkippedWithDependency = "skipped_with_dependency",
    /// Hint: looks like the handler of an error but runs at the start.
    HandlerRunsAtStart = "handler_runs_at_start",
    /// Hint: `fraud-check` in an expression is a subtraction.
    DashedStepId = "dashed_step_id",
    /// Hint: listed twice in one `dependsOn`.
    RepeatedDependency = "repeated_dependency",
}

/// As one line: `error at /steps/1/dependsOn/0: no step `validat` (did you mean `validate`?)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        };
        write!(f, "{severity}")?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_wire_what_is_absent_is_left_out() {
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            pointer: String::new(),
            code: Code::NoSteps,
            message: "no steps".to_owned(),
            help: None,
            column: None,
        };
        assert_eq!(
            serde_json::to_string(&diagnostic).unwrap(),
            r#"{"severity":"error","pointer":"","code":"no_steps","message":"no steps"}"#
        );
        let read: Diagnostic = serde_json::from_str(&serde_json::to_string(&diagnostic).unwrap()).unwrap();
        assert_eq!(read, diagnostic);
    }
}
