//! Logs go to standard error: standard output has the one line that says that the server is ready.

use tracing_subscriber::EnvFilter;

use super::settings::Settings;
use crate::args::LogFormat;
use crate::error::Error;

pub fn start(settings: &Settings) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| {
        let expected = "a level such as `info` or a filter such as `info,workflow_engine=debug` was expected";
        Error::usage(format!("log: `{}`: {error}; {expected}", settings.log))
    })?;
    let choice = anstream::AutoStream::choice(&std::io::stderr());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).init(),
        LogFormat::Text => builder.with_ansi(choice != anstream::ColorChoice::Never).init(),
    }
    Ok(())
}
