//! Why a command failed.

use anstyle::Style;

use crate::diagnostics::findings_without_source;
use crate::error::Error;

use super::look::RED;
use super::{clean, dim, painted};
use crate::program;

/// `error[invalid_state]: cannot resume ...`, and every finding of a definition. `None` when there is nothing to say.
pub fn error(error: &Error) -> Option<String> {
    match error {
        Error::Gone | Error::Reported | Error::Ended { .. } | Error::Signal { .. } => None,
        Error::Usage(message) => Some(format!("{}\n\nFor more information, try '--help'.", line(None, message))),
        Error::Failed { message, .. } => Some(line(None, message)),
        Error::Refused(problem) => {
            let mut text = String::new();
            if !problem.diagnostics.is_empty() {
                text += &findings_without_source(&problem.diagnostics);
                text.push('\n');
            }
            let text = text + &line(problem.code.as_deref(), &problem.detail);
            Some(match what_helps(problem.status) {
                Some(hint) => format!("{text}\n{}", dim(&format!("  {hint}"))),
                None => text,
            })
        }
    }
}

/// What to do about it, where the server cannot know.
fn what_helps(status: u16) -> Option<String> {
    match status {
        401 => Some("give a token with --token, WORKFLOW_TOKEN, or `token` in workflow.toml".to_owned()),
        403 => Some(format!("this token's role does not allow it; `{}` shows who may do what", program::command("token list"))),
        _ => None,
    }
}

fn line(code: Option<&str>, message: &str) -> String {
    let code = code.map(|code| format!("[{}]", clean(code))).unwrap_or_default();
    let style = RED.bold();
    let colon = Style::new().bold();
    format!("{}{} {}", painted(style, &format!("error{code}")), painted(colon, ":"), clean(message))
}
