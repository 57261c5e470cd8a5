//! The `workflow` binary: the command line of the library, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(workflow_cli::main_with(std::env::args_os()))
}
