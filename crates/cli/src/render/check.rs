//! What `workflow check` found.

use workflow_engine::check::{Checked, Kind, Report};
use workflow_store::Protection;

use super::look::{RED, painted};
use super::{clean, counted, dim, look};
use crate::program;

/// Findings of one kind together, with what to do about them, and then what was checked.
pub fn checked(file: &str, report: &Report) -> String {
    let mut text = String::new();
    let mut kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    kinds.dedup();
    let mut seen = Vec::new();
    kinds.retain(|kind| {
        !seen.contains(kind) && {
            seen.push(*kind);
            true
        }
    });
    for kind in kinds {
        for finding in report.findings.iter().filter(|finding| finding.kind == kind) {
            let about = finding.execution.map(|id| format!("{id}: ")).unwrap_or_default();
            text += &format!(
                "{}{} {about}{}\n",
                painted(RED, "error"),
                painted(RED, &format!("[{}]:", kind.code())),
                clean(&finding.found)
            );
        }
        text += &format!("  {}\n\n", dim(&program::as_typed(kind.advice())));
    }
    if report.more > 0 {
        text += &format!("{} more; --limit shows them\n\n", report.more);
    }
    let verdict = match report.found() {
        0 => format!("{} {} is sound", look("completed").painted_glyph(), clean(file)),
        found => format!(
            "{} {} has {}",
            look("failed").painted_glyph(),
            clean(file),
            counted(usize::try_from(found).unwrap_or(usize::MAX), "finding")
        ),
    };
    text + &format!("{verdict} {}\n", dim(&format!("({})", looked_at(&report.checked)))) + &dim(&protected(&report.protection))
}

fn looked_at(checked: &Checked) -> String {
    let of = |count: u64, one: &str| counted(usize::try_from(count).unwrap_or(usize::MAX), one);
    let mut parts = vec![of(checked.executions, "execution"), of(checked.events, "event"), of(checked.definitions, "definition")];
    for (count, one) in [
        (checked.payloads, "long payload"),
        (checked.claims, "claim"),
        (checked.parked, "parked row"),
        (checked.snapshots, "snapshot"),
        (checked.endpoints, "endpoint"),
    ] {
        if count > 0 {
            parts.push(of(count, one));
        }
    }
    parts.push(bytes(checked.bytes));
    format!("{}, schema {}", parts.join(", "), checked.schema)
}

/// What protects the texts, where there is something to say.
fn protected(protection: &Protection) -> String {
    let rows = |count: u64| counted(usize::try_from(count).unwrap_or(usize::MAX), "row");
    let mut text = String::new();
    if protection.unsealed > 0 {
        text += &format!("{} of an earlier version, without a checksum\n", rows(protection.unsealed));
    }
    if !protection.encrypted.is_empty() {
        let mut parts: Vec<String> =
            protection.encrypted.iter().map(|(key, count)| format!("{} encrypted with key `{key}`", rows(*count))).collect();
        if protection.plain > 0 {
            parts.push(format!("{} in plain text", rows(protection.plain)));
        }
        text += &format!("{}\n", parts.join(", "));
    }
    text
}

/// `12.3 MiB`.
pub fn bytes(bytes: u64) -> String {
    let mut unit = "bytes";
    let mut value = bytes as f64;
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") }
}
