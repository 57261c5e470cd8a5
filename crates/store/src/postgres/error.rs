//! What PostgreSQL and the network say, as a person can use it at two in the morning.

use std::error::Error as _;

use tokio_postgres::error::SqlState;
use workflow_core::id::ExecutionId;

use crate::{Fault, FaultKind};

/// Why a database could not be opened as a store. None of them shows the password.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error(
        "the database address is not one ({reason}): expected postgres://USER:PASSWORD@HOST:5432/DATABASE, with `?sslmode=verify-full` \
         (and `&sslrootcert=FILE` for a root of your own) where the network is not yours"
    )]
    Address { reason: String },
    #[error("cannot reach PostgreSQL at {at}: {reason}")]
    Unreachable { at: String, reason: String },
    #[error("PostgreSQL at {at} refuses the connection: {reason}")]
    Refused { at: String, reason: String },
    #[error("PostgreSQL at {at} is version {found}: expected 14 or newer; nothing was changed in the database")]
    TooOld { at: String, found: String },
    #[error(
        "the database at {at} has encoding {found}: expected UTF8; create one with `CREATE DATABASE workflow ENCODING 'UTF8' TEMPLATE \
         template0`"
    )]
    Encoding { at: String, found: String },
    #[error(
        "the schema `{schema}` of the database at {at} holds tables of something else (a table `{table}`); nothing was changed in it: \
         choose another \
         schema (`?schema=NAME`) or another database"
    )]
    NotOurs { at: String, schema: String, table: String },
    #[error(
        "the database at {at} was written by a newer version of workflow.do (its schema is {found}, this version knows up to {known}); \
         run that version, or a newer one: nothing was changed in it"
    )]
    Newer { at: String, found: i64, known: u32 },
    #[error(
        "the database at {at} is owned by {holder}; if that has died, its lease runs out within {lease_s} s: start again then"
    )]
    InUse { at: String, holder: String, lease_s: u64 },
    #[error(
        "cannot open the database at {at}: {reason}; give it as `name:base64` in WORKFLOW_ENCRYPTION_KEY, or in the file that \
         WORKFLOW_ENCRYPTION_KEY_FILE names: nothing was changed in the database"
    )]
    Key { at: String, reason: String },
    #[error("cannot open the database at {at}: {reason}")]
    Other { at: String, reason: String },
}

/// What goes wrong inside, before it is known what was being done.
#[derive(Debug)]
pub(super) enum Trouble {
    Postgres(tokio_postgres::Error),
    /// The connection could not be made.
    Connect(PostgresError),
    /// No answer came in this time.
    Silent(std::time::Duration),
    Fault(Fault),
    /// Something stored that nobody wrote.
    Corrupt(String),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Trouble {
        Trouble::Postgres(error)
    }
}

impl From<PostgresError> for Trouble {
    fn from(error: PostgresError) -> Trouble {
        Trouble::Connect(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Fault(fault)
    }
}

impl Trouble {
    /// Stored data of one execution that makes no sense.
    pub fn corrupt(id: ExecutionId, what: impl std::fmt::Display) -> Trouble {
        Trouble::Corrupt(format!("{id}: {what}"))
    }

    /// The same, with what it is about.
    pub fn of(self, about: impl std::fmt::Display) -> Trouble {
        match self {
            Trouble::Corrupt(what) => Trouble::Corrupt(format!("{about}: {what}")),
            other => other,
        }
    }

    /// The fault, when nothing has been written.
    pub fn during(self, operation: &'static str) -> Fault {
        match self {
            Trouble::Fault(fault) => fault,
            Trouble::Corrupt(message) => Fault::new(FaultKind::Corrupt, operation, message),
            Trouble::Connect(error) => Fault::new(FaultKind::Unavailable, operation, error.to_string()),
            Trouble::Silent(waited) => Fault::new(FaultKind::Unavailable, operation, silent(waited)),
            Trouble::Postgres(error) => {
                let kind = if is_corrupt(&error) { FaultKind::Corrupt } else { FaultKind::Unavailable };
                Fault::new(kind, operation, message(&error))
            }
        }
    }

    /// The fault of a commit that was on its way: whether it took place is known only when PostgreSQL has said so.
    pub fn during_commit(self) -> Fault {
        let unknown = match &self {
            Trouble::Silent(_) => true,
            Trouble::Postgres(error) => error.as_db_error().is_none() || is_ending(error),
            Trouble::Connect(_) | Trouble::Fault(_) | Trouble::Corrupt(_) => false,
        };
        let mut fault = self.during("commit");
        if unknown {
            fault.kind = FaultKind::Unknown;
        }
        fault
    }

    /// Whether the connection must not be used again.
    pub fn breaks_connection(&self) -> bool {
        match self {
            Trouble::Postgres(error) => {
                // What has become read-only, another server of the address may have taken the place of.
                error.is_closed()
                    || error.as_db_error().is_none()
                    || is_ending(error)
                    || self.is(&SqlState::READ_ONLY_SQL_TRANSACTION)
            }
            Trouble::Silent(_) | Trouble::Connect(_) => true,
            Trouble::Fault(_) | Trouble::Corrupt(_) => false,
        }
    }

    pub fn is(&self, state: &SqlState) -> bool {
        matches!(self, Trouble::Postgres(error) if error.code() == Some(state))
    }
}

fn silent(waited: std::time::Duration) -> String {
    format!("PostgreSQL has not answered for {} s: look at its load, its locks and the network", waited.as_secs_f32())
}

/// PostgreSQL takes its leave: of the transaction it says nothing.
fn is_ending(error: &tokio_postgres::Error) -> bool {
    let ending = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT];
    error.code().is_some_and(|code| ending.contains(code))
}

fn is_corrupt(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => {
            // Constraints that are violated (23), data that do not fit (22), tables that are not there (42).
            ["23", "22", "42", "XX001", "XX002"].iter().any(|class| code.code().starts_with(class))
                && *code != SqlState::INSUFFICIENT_PRIVILEGE
        }
        None => false,
    }
}

const READ_ONLY: &str = "it cannot be written, as a standby that has not been promoted: let the address lead to the primary, or name all \
    servers in it, with commas between them";

/// Why a connection was not made.
pub(super) fn unconnected(error: &tokio_postgres::Error) -> String {
    if error.as_db_error().is_some() {
        return message(error);
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    // So does the library say that a server is not what `target_session_attrs` wants.
    if cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::PermissionDenied && cause.raw_os_error().is_none()) {
        return READ_ONLY.to_owned();
    }
    causes(error)
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        told = format!("{told}: {next}");
        cause = next.source();
    }
    told
}

/// What PostgreSQL says, and what to do about it.
pub(super) fn message(error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return format!("the connection to PostgreSQL was lost ({error}{cause})");
    };
    let detail = said.detail().map(|detail| format!("; {detail}")).unwrap_or_default();
    let told = format!("{} ({}{detail})", said.message(), said.code().code());
    let advice = match *said.code() {
        SqlState::DISK_FULL => "the disk of PostgreSQL is full: make room",
        SqlState::TOO_MANY_CONNECTIONS => "PostgreSQL takes no more connections: raise `max_connections`, or end other programs",
        SqlState::INSUFFICIENT_PRIVILEGE => "the user may not do this: make it the owner of the database",
        SqlState::READ_ONLY_SQL_TRANSACTION => READ_ONLY,
        SqlState::ADMIN_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => "PostgreSQL is being stopped or started",
        _ => return format!("PostgreSQL says: {told}"),
    };
    format!("{advice} ({told})")
}
