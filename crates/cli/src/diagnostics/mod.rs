//! What is wrong with a definition, drawn into the file where it stands.
//!
//! `json` and `yaml` read a file with the place of every value, `document` follows a JSON pointer to it, `text` goes from there to
//! a character of a string. `draw` puts the caret under it.

mod document;
mod draw;
mod json;
mod source;
mod text;
mod yaml;

use serde::Deserialize;

pub use document::Document;
pub use draw::{expression, finding, findings_without_source, unreadable};
pub use source::{Format, Source, Unreadable, documents};

/// A finding about a definition, from the check in this process or from a server (which may be newer and know other codes).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finding {
    pub severity: Severity,
    pub pointer: String,
    pub code: String,
    pub message: String,
    #[serde(default)]
    pub help: Option<String>,
    /// 1-based, in characters of the string at `pointer`.
    #[serde(default)]
    pub column: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
    Hint,
}

/// How many of each there are, as a person says it: `2 errors, 1 hint`. `None` when there are none.
pub fn summary(findings: &[Finding]) -> Option<String> {
    let count = |severity, one: &str| {
        let count = findings.iter().filter(|finding| finding.severity == severity).count();
        (count > 0).then(|| format!("{count} {one}{}", if count == 1 { "" } else { "s" }))
    };
    let parts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Hint, "hint")];
    let parts: Vec<String> = parts.into_iter().filter_map(|(severity, one)| count(severity, one)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
