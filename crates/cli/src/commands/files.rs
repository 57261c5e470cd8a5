//! Definitions in files.

use std::io::Read;
use std::path::Path;

use crate::diagnostics::{Format, Source, Unreadable, documents};
use crate::error::Error;

/// A file that was read, or whose text is neither JSON nor YAML.
#[derive(Debug)]
pub enum Loaded {
    Source(Source),
    Unreadable { name: String, text: String, error: Unreadable },
}

/// Reads a file; `-` is standard input.
pub fn load(path: &Path) -> Result<Loaded, Error> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "<stdin>".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = if is_stdin {
        std::io::stdin().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|content| bytes = content)
    };
    read.map_err(|error| Error::usage(format!("cannot read {name}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::usage(format!("{name} is no text: it is not UTF-8")))?;
    let format = Format::of((!is_stdin).then_some(path), &text);
    Ok(match documents(format, &text) {
        Ok(documents) => Loaded::Source(Source { name, text, documents }),
        Err(error) => Loaded::Unreadable { name, text, error },
    })
}
