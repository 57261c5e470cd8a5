//! `workflow man`: the manual pages, made from the same texts as `--help`.

use std::path::Path;

use crate::args;
use crate::error::Error;
use crate::output;

pub fn run(directory: Option<&Path>) -> Result<(), Error> {
    let command = args::command().bin_name("workflow");
    let Some(directory) = directory else {
        let page = page(command)?;
        return output::data(&page);
    };
    let failed = |error: std::io::Error| Error::failed("output", format!("cannot write to {}: {error}", directory.display()));
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut pages = Vec::new();
    collect(&command, "workflow", &mut pages);
    let count = pages.len();
    for (name, command) in pages {
        std::fs::write(directory.join(format!("{name}.1")), page(command)?).map_err(failed)?;
    }
    output::line(&format!(
        "{count} pages are in {}; `man -l {}` shows the first",
        directory.display(),
        directory.join("workflow.1").display()
    ))
}

/// A page for each command: `workflow-token-create.1`.
fn collect(command: &clap::Command, name: &str, pages: &mut Vec<(String, clap::Command)>) {
    let named = command.clone().name(name.to_owned()).bin_name(name.replace('-', " ")).version(env!("CARGO_PKG_VERSION"));
    pages.push((name.to_owned(), named));
    for subcommand in command.get_subcommands() {
        collect(subcommand, &format!("{name}-{}", subcommand.get_name()), pages);
    }
}

fn page(command: clap::Command) -> Result<String, Error> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(Error::from_output)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
