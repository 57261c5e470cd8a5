//! Why a command did not do what it was asked, and with which code the program then ends.

use std::io;
use std::process::ExitCode;

use crate::client::Problem;

#[derive(Debug)]
pub enum Error {
    /// The command line itself is wrong: code 2, as clap's own.
    Usage(String),
    /// The server said no.
    Refused(Box<Problem>),
    /// The server could not be asked, or a file not be read.
    Failed { code: &'static str, message: String },
    /// The reason has been printed.
    Reported,
    /// Nobody reads the output any more.
    Gone,
}

impl Error {
    pub fn usage(message: impl Into<String>) -> Error {
        Error::Usage(message.into())
    }

    pub fn failed(code: &'static str, message: impl Into<String>) -> Error {
        Error::Failed { code, message: message.into() }
    }

    /// A failure to write to standard output.
    pub fn from_output(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Error::Gone,
            _ => Error::failed("output", format!("cannot write to standard output: {error}")),
        }
    }

    /// 0 success, 1 refused or failed, 2 usage.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::Gone => ExitCode::SUCCESS,
            Error::Refused(_) | Error::Failed { .. } | Error::Reported => ExitCode::from(1),
            Error::Usage(_) => ExitCode::from(2),
        }
    }

    /// For programs: the problem that the server sent, or one like it.
    pub fn json(&self) -> Option<String> {
        let problem = |code: &str, message: &str| serde_json::json!({ "code": code, "detail": message }).to_string();
        match self {
            Error::Refused(refused) => Some(refused.json()),
            Error::Failed { code, message } => Some(problem(code, message)),
            Error::Usage(_) | Error::Reported | Error::Gone => None,
        }
    }
}
