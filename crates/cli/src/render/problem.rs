//! Why a command failed.

use anstyle::Style;

use crate::diagnostics::findings_without_source;
use crate::error::Error;

use super::look::RED;
use super::{clean, painted};

/// `error[invalid_state]: cannot resume ...`, and every finding of a definition. `None` when there is nothing to say.
pub fn error(error: &Error) -> Option<String> {
    match error {
        Error::Gone | Error::Reported | Error::Signal { .. } => None,
        Error::Usage(message) => Some(format!("{}\n\nFor more information, try '--help'.", line(None, message))),
        Error::Failed { message, .. } => Some(line(None, message)),
        Error::Refused(problem) => {
            let mut text = String::new();
            if !problem.diagnostics.is_empty() {
                text += &findings_without_source(&problem.diagnostics);
                text.push('\n');
            }
            Some(text + &line(problem.code.as_deref(), &problem.detail))
        }
    }
}

fn line(code: Option<&str>, message: &str) -> String {
    let code = code.map(|code| format!("[{}]", clean(code))).unwrap_or_default();
    let style = RED.bold();
    let colon = Style::new().bold();
    format!("{}{} {}", painted(style, &format!("error{code}")), painted(colon, ":"), clean(message))
}
