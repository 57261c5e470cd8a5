//! The `workflow` command line.
//!
//! `args` is what may be typed, `commands` does it through `client` (the HTTP API) or in this process (`serve`, `validate`,
//! `eval`), `render` turns answers into what people read. No semantics live here: they are the server's and the core's.

mod args;
mod client;
mod commands;
mod diagnostics;
mod error;
mod output;
mod render;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Color};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.shared.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::AlwaysAnsi.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let json = cli.shared.json;
    let Err(error) = commands::run(cli) else { return ExitCode::SUCCESS };
    if let Some(text) = error.json().filter(|_| json) {
        // Whoever reads one JSON value gets one, also of a refusal.
        output::line(&text).ok();
    }
    if let Some(text) = render::error(&error) {
        output::complain(&text);
    }
    error.exit_code()
}
