//! What `workflow doctor` found: the worst first, each with what to do.

use anstyle::Style;

use super::look::{DIM, RED, YELLOW, painted};
use super::{Clock, clean, counted, dim, look};
use crate::client::model::{Diagnosis, Finding};
use crate::program;

pub fn doctor(about: &str, diagnosis: &Diagnosis, clock: &Clock) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        let (glyph, style) = mark(&finding.severity);
        let label = format!("{glyph} {}[{}]:", finding.severity, clean(&finding.code));
        text += &format!("{} {}\n", painted(style, &label), clean(&finding.what));
        if let Some(who) = who(finding, clock) {
            text += &format!("  {who}\n");
        }
        text += &format!("  {}\n\n", dim(&clean(&program::as_typed(&finding.advice))));
    }
    text + &verdict(about, diagnosis)
}

fn mark(severity: &str) -> (&'static str, Style) {
    match severity {
        "error" => ("✕", RED),
        "warning" => ("!", YELLOW),
        _ => ("·", DIM),
    }
}

/// `3 executions, the first 2 h ago: exec_... exec_...`
fn who(finding: &Finding, clock: &Clock) -> Option<String> {
    let since = finding.since.map(|since| clock.relative(since));
    if finding.count == 0 {
        return since;
    }
    let count = counted(usize::try_from(finding.count).unwrap_or(usize::MAX), "execution");
    let since = since.map_or(String::new(), |since| format!(", the first {since}"));
    let more = if finding.count > finding.executions.len() as u64 { " ..." } else { "" };
    let ids: Vec<String> = finding.executions.iter().map(|id| clean(id)).collect();
    Some(format!("{count}{since}: {}{more}", ids.join(" ")))
}

fn verdict(about: &str, diagnosis: &Diagnosis) -> String {
    let count = |severity: &str| diagnosis.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count("error"), count("warning"));
    let looked_at = counted(usize::try_from(diagnosis.executions_looked_at).unwrap_or(usize::MAX), "execution");
    let at_least = if diagnosis.incomplete { ", and there are more: counts are lower bounds" } else { "" };
    let found = match (errors, warnings) {
        (0, 0) => format!("{} nothing is stuck at {}", look("completed").painted_glyph(), clean(about)),
        (0, _) => format!("{} {} at {}", painted(YELLOW, "!"), counted(warnings, "warning"), clean(about)),
        (_, 0) => format!("{} {} at {}", painted(RED, "✕"), counted(errors, "error"), clean(about)),
        _ => {
            let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
            format!("{} {errors} and {warnings} at {}", painted(RED, "✕"), clean(about))
        }
    };
    format!("{found} {}\n", dim(&format!("({looked_at} looked at{at_least})")))
}
