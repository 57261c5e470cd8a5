//! Why a call to the engine gave nothing.

use std::time::Duration;

use workflow_core::refusal::Refusal;

use crate::Diagnostic;

/// Every error has a stable [`code`](Error::code) for programs and a text for people.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The call cannot be obeyed as things are; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Everything that is wrong with a definition.
    #[error("{}", describe(.0))]
    InvalidDefinition(Vec<Diagnostic>),
    /// A value that is not what its place asks for: a name, a url, a limit.
    #[error("{0}")]
    InvalidRequest(String),
    /// A live token has this name.
    #[error("there is a token `{name}` already; revoke it, or choose another name")]
    TokenExists { name: workflow_core::id::TokenName },
    /// Tokens without anybody who may administer them.
    #[error("{0}")]
    AdminRequired(String),
    #[error("the engine has more work queued than it can take; try again in {} ms", .retry_after.as_millis())]
    Overloaded { retry_after: Duration },
    /// A worker more than the engine takes.
    #[error(
        "{max} workers are connected or expected back, and this engine takes no more; try again later, or raise `sessions_max`"
    )]
    TooManySessions { max: usize },
    /// Nothing was written.
    #[error("the store cannot be written ({reason}); nothing was changed, try again in a moment")]
    StoreUnavailable { reason: String },
    /// It may have been written.
    #[error(
        "the store did not say whether the change was written ({reason}); it is safe to repeat the call with the same idempotency key"
    )]
    OutcomeUnknown { reason: String },
    /// Another engine decides about it; the callers' side asks that one.
    #[error("another engine decides about execution {execution}")]
    Elsewhere { execution: workflow_core::id::ExecutionId },
    /// Nothing was written. The callers' side asks again.
    #[error("another engine has changed definitions, endpoints or tokens at this moment; nothing was changed, try again")]
    CatalogChanged,
    /// What is stored of an execution makes no sense; it is left alone.
    #[error("{0}")]
    Corrupt(String),
    /// A copy broke off: not everything is there.
    #[error(
        "the database holds an unfinished move from {from}, and nothing of it is run or shown: empty it (delete the file, or drop the \
         schema) and let `workflow move` copy everything again"
    )]
    UnfinishedMove { from: String },
    #[error("the engine is closed")]
    Closed,
    /// The operating system gave no thread or no runtime.
    #[error("the engine cannot run: {0}")]
    System(String),
}

impl Error {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Refused(refusal) => refusal.code(),
            Error::InvalidDefinition(_) => "invalid_definition",
            Error::InvalidRequest(_) => "invalid_request",
            Error::TokenExists { .. } => "token_exists",
            Error::AdminRequired(_) => "admin_required",
            Error::Overloaded { .. } | Error::TooManySessions { .. } => "overloaded",
            Error::StoreUnavailable { .. } | Error::Elsewhere { .. } | Error::CatalogChanged => "store_unavailable",
            Error::OutcomeUnknown { .. } => "outcome_unknown",
            Error::Corrupt(_) => "corrupt",
            Error::UnfinishedMove { .. } => "unfinished_move",
            Error::Closed => "closed",
            Error::System(_) => "system",
        }
    }

    pub(crate) fn no_thread(error: &std::io::Error) -> Error {
        Error::System(format!("no thread could be started: {error}"))
    }

    /// When it makes sense to try again; none when it does not.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Overloaded { retry_after } => Some(*retry_after),
            Error::StoreUnavailable { .. }
            | Error::OutcomeUnknown { .. }
            | Error::Elsewhere { .. }
            | Error::CatalogChanged
            | Error::TooManySessions { .. } => Some(Duration::from_secs(1)),
            Error::Refused(_)
            | Error::InvalidDefinition(_)
            | Error::InvalidRequest(_)
            | Error::TokenExists { .. }
            | Error::AdminRequired(_)
            | Error::Corrupt(_)
            | Error::UnfinishedMove { .. }
            | Error::Closed
            | Error::System(_) => None,
        }
    }
}

fn describe(diagnostics: &[Diagnostic]) -> String {
    let problems: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    format!("the definition is not valid: {}", problems.join("; "))
}
