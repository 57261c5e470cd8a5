//! What the command line is called where it was typed, so that every hint can be typed as it stands.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

const DEFAULT: &str = "workflow";

static NAME: OnceLock<String> = OnceLock::new();

/// From the first argument, which may be a path to the binary.
pub fn is_called(argument: Option<OsString>) {
    let argument = argument.unwrap_or_default();
    let name = Path::new(&argument).file_name().and_then(|name| name.to_str()).unwrap_or(DEFAULT);
    NAME.set(name.strip_suffix(".exe").unwrap_or(name).to_owned()).ok();
}

pub fn name() -> &'static str {
    NAME.get().map_or(DEFAULT, String::as_str)
}

/// `command("status ID")`: that command as it is typed here.
pub fn command(rest: impl std::fmt::Display) -> String {
    format!("{} {rest}", name())
}

/// The commands in a text that says `workflow`, as they are typed here. Options (`--workflow ID`) and files (`workflow.toml`) stay.
pub fn as_typed(text: &str) -> String {
    rename(text, name())
}

fn rename(text: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("workflow ") {
        let is_word = rest[..at].chars().next_back().is_none_or(|before| before.is_whitespace() || before == '`');
        out.push_str(&rest[..at]);
        out.push_str(if is_word { name } else { DEFAULT });
        rest = &rest[at + DEFAULT.len()..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_are_renamed() {
        let text = "`workflow COMMAND` (workflow.toml)\nworkflow list --workflow order | xargs workflow retry > _workflow";
        let renamed = "`npx workflow.do COMMAND` (workflow.toml)\n\
                       npx workflow.do list --workflow order | xargs npx workflow.do retry > _workflow";
        assert_eq!(rename(text, "npx workflow.do"), renamed);
        assert_eq!(rename(text, "workflow"), text);
    }
}
