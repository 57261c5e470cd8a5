//! What can go wrong between a program and its engine.

/// Every error has a stable [`code`](Error::code) for programs and a text for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused the call, or could not carry it out.
    #[error(transparent)]
    Engine(#[from] workflow_engine::Error),
    /// The store could not be opened.
    #[error(transparent)]
    Open(#[from] workflow_store::LocationError),
    /// A name, a key or a value that is not what its place asks for.
    #[error("{0}")]
    Invalid(String),
    /// The server could not listen.
    #[error("cannot serve on {address}: {error}")]
    Serve { address: String, error: std::io::Error },
    /// A worker was closed, and the server did not take these results in time.
    #[error("{count} results could not be delivered ({why}); their steps run again")]
    Undelivered { count: usize, why: String },
}

impl Error {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Engine(error) => error.code(),
            Error::Open(_) => "store_unavailable",
            Error::Invalid(_) => "invalid_request",
            Error::Serve { .. } => "cannot_serve",
            Error::Undelivered { .. } => "undelivered",
        }
    }
}
