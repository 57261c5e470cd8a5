//! An action failed: data that is recorded, not an error of ours.

use serde::{Deserialize, Serialize};

use crate::limits;

/// What an action threw, or what is recorded in its stead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Failure>>,
    /// `false` ends the retries at once.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub retryable: bool,
}

/// Codes of failures that the engine itself records. Whatever else an action gives is kept as it is.
pub mod code {
    pub const TIMEOUT: &str = "timeout";
    pub const OUTPUT_NOT_JSON: &str = "output_not_json";
    pub const PAYLOAD_TOO_LARGE: &str = "payload_too_large";
    pub const WORKER_LOST: &str = "worker_lost";
    pub const CONDITION_FAILED: &str = "condition_failed";
    pub const PARAMS_FAILED: &str = "params_failed";
    pub const HISTORY_FULL: &str = "history_full";
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { code: None, message: message.into(), stack: None, cause: None, retryable: true }.bounded()
    }

    pub fn with_code(code: &str, message: impl Into<String>) -> Failure {
        Failure { code: Some(code.to_owned()), ..Failure::new(message) }
    }

    /// The same failure, never tried again.
    pub fn permanent(self) -> Failure {
        Failure { retryable: false, ..self }
    }

    pub fn caused_by(self, cause: Failure) -> Failure {
        Failure { cause: Some(Box::new(cause)), ..self }
    }

    /// Cuts texts that are longer than what is kept, and chains of causes that are deeper than anyone reads.
    #[must_use]
    pub fn bounded(mut self) -> Failure {
        cut(&mut self.message, limits::ERROR_MESSAGE_BYTES_MAX);
        if let Some(stack) = &mut self.stack {
            cut(stack, limits::ERROR_STACK_BYTES_MAX);
        }
        let mut at = &mut self;
        for _ in 0..limits::ERROR_CAUSES_MAX {
            let Some(cause) = &mut at.cause else { return self };
            cut(&mut cause.message, limits::ERROR_MESSAGE_BYTES_MAX);
            if let Some(stack) = &mut cause.stack {
                cut(stack, limits::ERROR_STACK_BYTES_MAX);
            }
            at = cause;
        }
        at.cause = None;
        self
    }
}

fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let mut end = bytes_max;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_failure_is_bounded() {
        let deep = (0..100).fold(Failure::new("root"), |cause, _| Failure::new("é".repeat(10_000)).caused_by(cause)).bounded();
        let mut causes = 0;
        let mut at = &deep;
        while let Some(cause) = &at.cause {
            assert!(cause.message.len() <= limits::ERROR_MESSAGE_BYTES_MAX + '…'.len_utf8());
            causes += 1;
            at = cause;
        }
        assert_eq!(causes, limits::ERROR_CAUSES_MAX);
    }
}
