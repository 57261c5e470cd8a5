//! Why a command did not do what it was asked, and with which code the program then ends.

use std::io;

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
    /// What was asked for has been told; the code tells it to a script.
    Ended { code: u8 },
    /// A second signal: `serve` does not wait for anything any more.
    Signal { number: u8 },
}

impl Error {
    pub const USAGE: u8 = 2;
    /// An execution that was watched to its end was cancelled.
    pub const CANCELLED: u8 = 3;
    /// Ctrl-C, as a shell reports it.
    pub const INTERRUPTED: u8 = 130;
    /// What a shell reports of a program that a signal ended.
    const ENDED_BY_SIGNAL: u8 = 128;

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
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Gone => 0,
            Error::Refused(_) | Error::Failed { .. } | Error::Reported => 1,
            Error::Usage(_) => Error::USAGE,
            Error::Ended { code } => *code,
            Error::Signal { number } => Error::ENDED_BY_SIGNAL + number,
        }
    }

    /// For programs: the problem that the server sent, or one like it.
    pub fn json(&self) -> Option<String> {
        let problem = |code: &str, message: &str| serde_json::json!({ "code": code, "detail": message }).to_string();
        match self {
            Error::Refused(refused) => Some(refused.json()),
            Error::Failed { code, message } => Some(problem(code, message)),
            Error::Usage(_) | Error::Reported | Error::Ended { .. } | Error::Gone | Error::Signal { .. } => None,
        }
    }
}
