//! `workflow completions`.

use crate::args;
use crate::error::Error;

pub fn run(shell: clap_complete::Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "workflow", &mut script);
    crate::output::print(&String::from_utf8_lossy(&script))
}
