//! `workflow validate`: the check of `register`, in this process.

use serde_json::value::RawValue;
use workflow_core::definition::Definition;
use workflow_core::limits::Limits;

use super::files::{Loaded, load};
use crate::args::Files;
use crate::diagnostics::{self, Document, Finding, Severity, Source};
use crate::error::Error;
use crate::output;
use crate::render::{clean, code, counted, look};

/// One definition, or a file that holds none.
#[derive(serde::Serialize)]
struct Verdict {
    file: String,
    id: Option<String>,
    ok: bool,
    diagnostics: Vec<Box<RawValue>>,
}

pub fn run(files: &Files, json: bool) -> Result<(), Error> {
    let mut verdicts = Vec::new();
    for path in &files.files {
        match load(path)? {
            Loaded::Unreadable { name, text, error } => {
                if !json {
                    output::print(&format!("{}\n", diagnostics::unreadable(&error, &name, &text)))?;
                }
                verdicts.push(unreadable_verdict(name, &error.message));
            }
            Loaded::Source(source) if source.documents.is_empty() => {
                if !json {
                    output::line(&format!("{} holds no definition\n", clean(&source.name)))?;
                }
                verdicts.push(unreadable_verdict(source.name, "no definition"));
            }
            Loaded::Source(source) => {
                for document in &source.documents {
                    verdicts.push(check(&source, document, json)?);
                }
            }
        }
    }
    if json {
        output::json(&serde_json::to_string(&verdicts).expect("strings and JSON become JSON"))?;
    }
    if verdicts.iter().all(|verdict| verdict.ok) { Ok(()) } else { Err(Error::Reported) }
}

fn unreadable_verdict(file: String, message: &str) -> Verdict {
    let finding = serde_json::json!({ "severity": "error", "pointer": "", "code": "unreadable", "message": message });
    let finding = serde_json::value::to_raw_value(&finding).expect("a JSON value is JSON");
    Verdict { file, id: None, ok: false, diagnostics: vec![finding] }
}

fn check(source: &Source, document: &Document, json: bool) -> Result<Verdict, Error> {
    let (steps, found) = match Definition::check(&document.json, &Limits::default()) {
        Ok(checked) => (Some(checked.definition.steps.len()), checked.diagnostics),
        Err(diagnostics) => (None, diagnostics),
    };
    let raw = |diagnostic| serde_json::value::to_raw_value(diagnostic).expect("a diagnostic is made of texts and numbers");
    let raw: Vec<Box<RawValue>> = found.iter().map(raw).collect();
    let findings: Vec<Finding> = raw.iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect();
    let ok = findings.iter().all(|finding| finding.severity != Severity::Error);
    let id = document.text_of("id").map(str::to_owned);
    if !json {
        print_findings(source, document, &findings)?;
        let line = line(source, id.as_deref(), steps, &findings);
        // What was drawn needs air below it.
        output::line(&if findings.is_empty() { line } else { format!("{line}\n") })?;
    }
    Ok(Verdict { file: source.name.clone(), id, ok, diagnostics: raw })
}

/// What this binary finds wrong with a definition, when the server only said no.
pub fn findings(document: &Document) -> Vec<Finding> {
    let found = match Definition::check(&document.json, &Limits::default()) {
        Ok(checked) => checked.diagnostics,
        Err(diagnostics) => diagnostics,
    };
    let texts = found.iter().filter_map(|diagnostic| serde_json::to_string(diagnostic).ok());
    texts.filter_map(|text| serde_json::from_str(&text).ok()).collect()
}

/// Every finding in its place.
pub fn print_findings(source: &Source, document: &Document, findings: &[Finding]) -> Result<(), Error> {
    findings.iter().try_for_each(|finding| output::line(&diagnostics::finding(finding, source, document)))
}

/// `ok: order-processing (5 steps)`, or how much is wrong with it.
fn line(source: &Source, id: Option<&str>, steps: Option<usize>, findings: &[Finding]) -> String {
    let summary = diagnostics::summary(findings);
    let name = id.map_or_else(|| clean(&source.name), clean);
    match steps {
        Some(steps) => {
            let summary = summary.map(|summary| format!(", {summary}")).unwrap_or_default();
            format!("{} ok: {name} ({}{summary})", look("completed").painted_glyph(), counted(steps, "step"))
        }
        None => {
            let summary = summary.unwrap_or_else(|| "errors".to_owned());
            format!("{} {} in {} has {summary}", look("failed").painted_glyph(), code(&name), clean(&source.name))
        }
    }
}
