//! `workflow check`: whether a database file makes sense, read in this process and never written.

use std::path::Path;

use serde_json::{Value, json};
use workflow_engine::check::{Report, check};
use workflow_store::{Inspection, Location, OpenError};

use super::database;
use crate::args::Check;
use crate::error::Error;
use crate::keys;
use crate::output;
use crate::program;
use crate::render;

pub fn run(arguments: &Check, json: bool) -> Result<(), Error> {
    let path = &arguments.file;
    let copy = program::command(format_args!("move {} COPY.db", Location::parse(path)));
    database::expect_file(path, "check", &format!("`{copy}` copies it to a file, while no server has it open; check that"))?;
    let keys = keys::given(arguments.keys.encryption_key_file.as_deref())?;
    let file = Inspection::open(path, &keys).map_err(|error| refused(path, &error))?;
    let report = check(&file, usize::try_from(arguments.limit).unwrap_or(usize::MAX));
    if json {
        output::json(&as_json(path, &report).to_string())?;
    } else {
        output::print(&render::checked(&path.display().to_string(), &report))?;
    }
    if report.is_sound() { Ok(()) } else { Err(Error::Reported) }
}

fn refused(path: &Path, error: &OpenError) -> Error {
    match error {
        OpenError::InUse { holder, .. } => {
            let (file, holder) = (path.display(), holder.as_ref().map_or("another process".to_owned(), ToString::to_string));
            let backup = program::command(format_args!("backup {file} COPY"));
            let check = program::command("check COPY");
            Error::failed(
                "in_use",
                format!("{file} is in use by {holder}; stop it, or make a backup and check that: `{backup}`, then `{check}`"),
            )
        }
        error => Error::failed("store", error.to_string()),
    }
}

fn as_json(path: &Path, report: &Report) -> Value {
    let checked = &report.checked;
    let finding = |finding: &workflow_engine::check::Finding| {
        json!({
            "code": finding.kind.code(),
            "execution": finding.execution.map(|id| id.to_string()),
            "found": finding.found,
            "advice": finding.kind.advice(),
        })
    };
    json!({
        "file": path.display().to_string(),
        "ok": report.is_sound(),
        "checked": {
            "bytes": checked.bytes,
            "schema": checked.schema,
            "definitions": checked.definitions,
            "executions": checked.executions,
            "events": checked.events,
            "payloads": checked.payloads,
            "snapshots": checked.snapshots,
            "parked": checked.parked,
            "claims": checked.claims,
            "endpoints": checked.endpoints,
        },
        "unsealed": report.protection.unsealed,
        "plain": report.protection.plain,
        "encrypted": report.protection.encrypted,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "more": report.more,
    })
}
