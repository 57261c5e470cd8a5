//! The `workflow` command line, as a library: the binary runs it, and so does the npm package (`npx workflow.do`).
//!
//! `args` is what may be typed, `commands` does it through `client` (the HTTP API) or in this process (`serve`, `validate`,
//! `eval`), `render` turns answers into what people read. No semantics live here: they are the server's and the core's.

mod args;
mod client;
mod commands;
mod course;
mod diagnostics;
mod error;
mod graph;
mod keys;
mod output;
mod program;
mod render;

use std::ffi::OsString;

use args::Color;
use error::Error;

/// Runs one command line and answers the code that the process is to end with: 0 success, 1 refused or failed, 2 usage.
///
/// The first argument is the program's name, as whoever reads a help or a hint would type it: `workflow`, `npx workflow.do`.
/// It writes to the standard streams of the process, and `serve` listens to its signals: one call a process.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let mut arguments = arguments.into_iter();
    program::is_called(arguments.next());
    let cli = match args::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody can be told when that fails.
            error.print().ok();
            return u8::try_from(error.exit_code()).unwrap_or(Error::USAGE);
        }
    };
    match cli.shared.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::AlwaysAnsi.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let json = cli.shared.json;
    let Err(error) = commands::run(cli) else { return 0 };
    if let Some(text) = error.json().filter(|_| json) {
        // Whoever reads one JSON value gets one, also of a refusal.
        output::json(&text).ok();
    }
    if let Some(text) = render::error(&error) {
        output::complain(&text);
    }
    error.exit_code()
}
