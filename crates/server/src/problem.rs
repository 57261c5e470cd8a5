//! Errors as `application/problem+json` (RFC 9457), and the one place where an error gets its HTTP status.

use std::fmt;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use workflow_core::refusal::Refusal;
use workflow_engine::{Diagnostic, Error};

/// A code, its status and what it means in a few words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub code: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
}

/// Declares every kind of problem, with the list of all of them.
macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        impl Kind {
            $(pub const $name: Kind = Kind { code: $code, status: StatusCode::$status, title: $title };)*
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];
        }
    };
}

kinds! {
    // What this crate finds.
    INVALID_JSON = "invalid_json", BAD_REQUEST, "The body is not the JSON that was expected";
    INVALID_QUERY = "invalid_query", BAD_REQUEST, "A query parameter is wrong";
    INVALID_PARAMETER = "invalid_parameter", BAD_REQUEST, "A header or a part of the path is wrong";
    HOST_NOT_ALLOWED = "host_not_allowed", FORBIDDEN, "The server does not answer to this name";
    ORIGIN_NOT_ALLOWED = "origin_not_allowed", FORBIDDEN, "Pages of other sites may not call the server";
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, "A token is needed, and this is none";
    FORBIDDEN = "forbidden", FORBIDDEN, "The token's role does not allow it";
    NOT_FOUND = "not_found", NOT_FOUND, "There is no such route";
    ENDPOINT_NOT_FOUND = "endpoint_not_found", NOT_FOUND, "There is no such endpoint";
    ENTRY_NOT_FOUND = "entry_not_found", NOT_FOUND, "The history has no such entry";
    ERROR_NOT_FOUND = "error_not_found", NOT_FOUND, "There is no such error";
    JOB_NOT_FOUND = "job_not_found", NOT_FOUND, "There is no such job";
    TOKEN_NOT_FOUND = "token_not_found", NOT_FOUND, "There is no such token";
    METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED, "The route does not have this method";
    TLS_EXPECTED = "tls_expected", BAD_REQUEST, "The port speaks TLS";
    REQUEST_TIMEOUT = "request_timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
    UPGRADE_REQUIRED = "upgrade_required", UPGRADE_REQUIRED, "The route is a WebSocket";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is of a type that is not read here";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "The server has a bug";
    METRICS_ELSEWHERE = "metrics_elsewhere", NOT_FOUND, "Metrics are not collected here";
    // What the engine answers.
    INVALID_REQUEST = "invalid_request", BAD_REQUEST, "A value is not what its place asks for";
    WORKFLOW_NOT_FOUND = "workflow_not_found", NOT_FOUND, "There is no such workflow";
    EXECUTION_NOT_FOUND = "execution_not_found", NOT_FOUND, "There is no such execution";
    STEP_NOT_FOUND = "step_not_found", NOT_FOUND, "There is no such step";
    INVALID_STATE = "invalid_state", CONFLICT, "The execution's status does not allow it";
    HISTORY_FULL = "history_full", CONFLICT, "The execution's history is full";
    ACTION_MISSING = "action_missing", CONFLICT, "Nobody provides an action";
    TOKEN_EXISTS = "token_exists", CONFLICT, "A live token has this name";
    ADMIN_REQUIRED = "admin_required", CONFLICT, "Somebody has to be an admin";
    PAYLOAD_TOO_LARGE = "payload_too_large", PAYLOAD_TOO_LARGE, "A payload is too large";
    INVALID_DEFINITION = "invalid_definition", UNPROCESSABLE_ENTITY, "The definition is not valid";
    INVALID_INPUT = "invalid_input", UNPROCESSABLE_ENTITY, "The input is not valid";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The idempotency key was used for something else";
    NOT_SUPPORTED = "not_supported", UNPROCESSABLE_ENTITY, "It is not supported yet";
    OVERLOADED = "overloaded", TOO_MANY_REQUESTS, "There is more work than can be taken";
    STORE_UNAVAILABLE = "store_unavailable", SERVICE_UNAVAILABLE, "The store cannot be used now";
    OUTCOME_UNKNOWN = "outcome_unknown", SERVICE_UNAVAILABLE, "It is not known whether it was done";
    CLOSED = "closed", SERVICE_UNAVAILABLE, "The engine is closed";
    CORRUPT = "corrupt", INTERNAL_SERVER_ERROR, "What is stored makes no sense";
}

/// An answer that says what is wrong: `{type, title, status, detail, code, diagnostics?}`.
#[derive(Debug)]
pub struct Problem {
    pub(crate) kind: &'static Kind,
    /// What was expected, what was found and what to do.
    detail: String,
    /// Of a definition: everything that is wrong with it.
    diagnostics: Vec<Diagnostic>,
    retry_after: Option<Duration>,
}

/// The body.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    diagnostics: &'a [Diagnostic],
}

pub(crate) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Problem {
    pub(crate) fn new(kind: &'static Kind, detail: impl Into<String>) -> Problem {
        let retry_after = matches!(kind.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        Problem {
            kind,
            detail: detail.into(),
            diagnostics: Vec::new(),
            retry_after: retry_after.then_some(Duration::from_secs(1)),
        }
    }

    pub(crate) fn execution_not_found(id: &str) -> Problem {
        Error::from(Refusal::ExecutionNotFound { execution: id.to_owned() }).into()
    }

    pub(crate) fn workflow_not_found(id: &str) -> Problem {
        Error::from(Refusal::WorkflowNotFound { workflow: id.to_owned() }).into()
    }

    pub(crate) fn type_of(code: &str) -> String {
        // A `tag:` URI names without promising a page (RFC 9457, 3.1.1).
        format!("tag:workflow.do,2026:problem/{code}")
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let code = error.code();
        let kind = Kind::ALL.iter().find(|kind| kind.code == code).unwrap_or_else(|| {
            tracing::error!(code, "an error of the engine has no HTTP status");
            &Kind::INTERNAL
        });
        let mut problem = Problem::new(kind, error.to_string());
        problem.retry_after = error.retry_after().or(problem.retry_after);
        if let Error::InvalidDefinition(diagnostics) = error {
            problem.diagnostics = diagnostics;
        }
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.kind.status, self.retry_after_seconds());
        let mut response = (status, self.into_text()).into_response();
        let to = response.headers_mut();
        to.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        to.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            to.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="workflow", error="invalid_token""#));
        }
        if let Some(seconds) = retry_after {
            to.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl Problem {
    /// When to try again, rounded up.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|after| (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1))
    }

    /// The body of the answer. Whoever runs the server is told too, where it is the server's fault.
    pub(crate) fn into_text(self) -> String {
        let Problem { kind, detail, diagnostics, .. } = self;
        if kind.status.is_server_error() {
            tracing::warn!(code = kind.code, detail, "a request was answered with an error of the server");
        }
        let document = Document {
            r#type: Problem::type_of(kind.code),
            title: kind.title,
            status: kind.status.as_u16(),
            detail: &detail,
            code: kind.code,
            diagnostics: &diagnostics,
        };
        serde_json::to_string(&document).expect("strings and numbers serialize")
    }
}

#[cfg(test)]
mod tests {
    use workflow_core::id::{ExecutionId, IdempotencyKey, Slot, StepId, WorkflowId};
    use workflow_core::refusal::Control;
    use workflow_core::status::Status;
    use workflow_core::time::Timestamp;

    use super::*;

    fn refusals() -> Vec<Refusal> {
        let execution = ExecutionId::from_parts(Timestamp::from_millis(1), 0, 0, Slot::new(0));
        let name = || "x".to_owned();
        let all = vec![
            Refusal::WorkflowNotFound { workflow: name() },
            Refusal::ExecutionNotFound { execution: name() },
            Refusal::StepNotFound { workflow: WorkflowId::new("x").unwrap(), step: name() },
            Refusal::InvalidState { action: Control::Resume, execution, status: Status::Completed },
            Refusal::NotEnded { execution, status: Status::Running },
            Refusal::NotWaitingForRetry { execution, step: StepId::new("x").unwrap() },
            Refusal::HistoryFull { execution },
            Refusal::IdempotencyKeyReused { key: IdempotencyKey::new("x").unwrap(), execution },
            Refusal::PayloadTooLarge { what: name(), size: name(), limit: name() },
            Refusal::InputNotObject { what: "the input" },
            Refusal::ActionsMissing { actions: vec![name()] },
            Refusal::NotSupported { feature: "it" },
        ];
        // A new kind of refusal has to be added above.
        for refusal in &all {
            match refusal {
                Refusal::WorkflowNotFound { .. }
                | Refusal::ExecutionNotFound { .. }
                | Refusal::StepNotFound { .. }
                | Refusal::InvalidState { .. }
                | Refusal::NotEnded { .. }
                | Refusal::NotWaitingForRetry { .. }
                | Refusal::HistoryFull { .. }
                | Refusal::IdempotencyKeyReused { .. }
                | Refusal::PayloadTooLarge { .. }
                | Refusal::InputNotObject { .. }
                | Refusal::ActionsMissing { .. }
                | Refusal::NotSupported { .. } => {}
            }
        }
        all
    }

    #[test]
    fn every_error_of_the_engine_has_a_status() {
        let reason = || "disk full".to_owned();
        let mut errors: Vec<Error> = refusals().into_iter().map(Error::from).collect();
        errors.extend([
            Error::InvalidDefinition(Vec::new()),
            Error::InvalidRequest(reason()),
            Error::TokenExists { name: workflow_core::id::TokenName::new("x").unwrap() },
            Error::AdminRequired(reason()),
            Error::Overloaded { retry_after: Duration::from_millis(1_200) },
            Error::StoreUnavailable { reason: reason() },
            Error::OutcomeUnknown { reason: reason() },
            Error::Corrupt(reason()),
            Error::Closed,
        ]);
        let lines: Vec<String> = errors
            .into_iter()
            .map(|error| {
                let code = error.code();
                let response = Problem::from(error).into_response();
                let retry_after = response.headers().get(header::RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
                format!("{code}: {}{}", response.status(), retry_after.map_or(String::new(), |after| format!(", after {after}")))
            })
            .collect();
        let expected = [
            "workflow_not_found: 404 Not Found",
            "execution_not_found: 404 Not Found",
            "step_not_found: 404 Not Found",
            "invalid_state: 409 Conflict",
            "invalid_state: 409 Conflict",
            "invalid_state: 409 Conflict",
            "history_full: 409 Conflict",
            "idempotency_key_reused: 422 Unprocessable Entity",
            "payload_too_large: 413 Payload Too Large",
            "invalid_input: 422 Unprocessable Entity",
            "action_missing: 409 Conflict",
            "not_supported: 422 Unprocessable Entity",
            "invalid_definition: 422 Unprocessable Entity",
            "invalid_request: 400 Bad Request",
            "token_exists: 409 Conflict",
            "admin_required: 409 Conflict",
            "overloaded: 429 Too Many Requests, after 2",
            "store_unavailable: 503 Service Unavailable, after 1",
            "outcome_unknown: 503 Service Unavailable, after 1",
            "corrupt: 500 Internal Server Error",
            "closed: 503 Service Unavailable, after 1",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn no_code_has_two_kinds() {
        for kind in Kind::ALL {
            assert_eq!(Kind::ALL.iter().filter(|other| other.code == kind.code).count(), 1, "{}", kind.code);
        }
    }
}
