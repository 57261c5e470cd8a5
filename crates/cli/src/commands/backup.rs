//! `workflow backup`: a copy of a database file, also of one that a server has open.

use workflow_store::{BackupError, backup};

use super::database;
use crate::args::Backup;
use crate::error::Error;
use crate::output;
use crate::program;
use crate::render::{bytes, clean, code, look};

pub fn run(arguments: &Backup, json: bool) -> Result<(), Error> {
    let (file, destination) = (&arguments.file, &arguments.destination);
    for path in [file, destination] {
        let dump = "`pg_dump -Fc URL > FILE` makes a backup of one moment, also while it is served, and `pg_restore` restores it";
        database::expect_file(path, "backup", dump)?;
    }
    let made = backup(file, destination).map_err(|error| {
        let code = match error {
            BackupError::Exists { .. } => "exists",
            BackupError::Source(_) | BackupError::Destination { .. } | BackupError::Broken { .. } => "backup_failed",
        };
        Error::failed(code, error.to_string())
    })?;
    let to = destination.display().to_string();
    if json {
        let answer = serde_json::json!({
            "file": file.display().to_string(), "destination": to, "bytes": made.bytes, "online": made.online,
        });
        return output::line(&answer.to_string());
    }
    let done =
        format!("{} backed up {} to {}", look("completed").painted_glyph(), clean(&file.display().to_string()), clean(&to));
    let check = code(&program::command(format_args!("check {}", clean(&to))));
    output::line(&format!("{done} ({}); {check} checks it", bytes(made.bytes)))
}
