//! `workflow doctor`: what is stuck and why, asked of a server or read from a file that no server has open.

use std::path::Path;

use workflow_core::time::Timestamp;
use workflow_store::{Inspection, OpenError};

use super::Context;
use super::database;
use crate::args::KeyFile;
use crate::client::model::{Diagnosis, Finding};
use crate::error::Error;
use crate::keys;
use crate::output;
use crate::program;
use crate::render::{self, Clock};

/// Clocks of two machines that run NTP differ by less.
const SKEW_MS: u64 = 60_000;

pub async fn server(context: &Context) -> Result<(), Error> {
    let address = context.client.address();
    let clock = Clock::here();
    let diagnosis = match context.client.get(&["diagnosis"]).send().await {
        Ok(answer) => {
            let mut diagnosis: Diagnosis = answer.read()?;
            diagnosis.findings.extend(seen_from_here(&diagnosis, clock.now));
            diagnosis
        }
        // Refused: it is there and answers; and a wrong command line is not the server's illness.
        Err(error @ (Error::Refused(_) | Error::Usage(_))) => return Err(error),
        Err(error) => unreachable_server(&error, clock.now),
    };
    tell(address, &diagnosis, &clock, context.json)
}

pub fn file(path: &Path, keys: &KeyFile, json: bool) -> Result<(), Error> {
    let doctor = program::command("doctor");
    database::expect_file(path, "doctor --db", &format!("start the server and ask it, `{doctor}`"))?;
    let clock = Clock::here();
    let keys = keys::given(keys.encryption_key_file.as_deref())?;
    let file = Inspection::open(path, &keys).map_err(|error| refused(path, &error))?;
    let health = workflow_store::Health { schema: Some(file.schema()), ..workflow_store::health(path) };
    let diagnosis = workflow_engine::diagnosis::diagnose(&file, &health, Timestamp::from_millis(clock.now));
    let text = serde_json::to_string(&diagnosis).expect("findings are JSON");
    let diagnosis: Diagnosis = serde_json::from_str(&text).expect("it has just been written");
    tell(&path.display().to_string(), &diagnosis, &clock, json)
}

/// What only whoever asks can know.
fn seen_from_here(diagnosis: &Diagnosis, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    if diagnosis.at.abs_diff(now) > SKEW_MS {
        let what = format!("the clocks of the server and of this machine differ by {}", render::span(diagnosis.at.abs_diff(now)));
        let advice = "set the clock that is wrong (is NTP running?): timers compare with the server's".to_owned();
        findings.push(Finding::new("warning", "clock_skew", what, advice));
    }
    let own = env!("CARGO_PKG_VERSION");
    if diagnosis.version != own {
        let what = format!("the server is version {}, this command line is {own}", diagnosis.version);
        let advice = "nothing has to be done; what one of them does not know of the other is left out".to_owned();
        findings.push(Finding::new("info", "version_differs", what, advice));
    }
    findings
}

fn unreachable_server(error: &Error, now: i64) -> Diagnosis {
    let what = match error {
        Error::Failed { message, .. } => message.clone(),
        other => format!("{other:?}"),
    };
    let advice = "start it (`workflow serve`), or say where it is with --url; what lies in its file says `workflow doctor --db FILE` \
        while it is stopped";
    Diagnosis {
        at: now,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        findings: vec![Finding::new("error", "server_unreachable", what, advice.to_owned())],
        executions_looked_at: 0,
        incomplete: false,
    }
}

fn refused(path: &Path, error: &OpenError) -> Error {
    match error {
        OpenError::InUse { holder, .. } => {
            let holder = holder.as_ref().map_or("another process".to_owned(), ToString::to_string);
            let doctor = program::command("doctor");
            Error::failed("in_use", format!("{} is in use by {holder}; ask the server that has it: `{doctor}`", path.display()))
        }
        error => Error::failed("store", error.to_string()),
    }
}

fn tell(about: &str, diagnosis: &Diagnosis, clock: &Clock, json: bool) -> Result<(), Error> {
    if json {
        output::json(&serde_json::to_string(diagnosis).expect("findings are JSON"))?;
    } else {
        output::print(&render::doctor(about, diagnosis, clock))?;
    }
    let has_errors = diagnosis.findings.iter().any(|finding| finding.severity == "error");
    if has_errors { Err(Error::Reported) } else { Ok(()) }
}
