//! Standard output and the terminal behind it.
//!
//! Everything is written with styles; they are taken out where they do not belong: no terminal, `NO_COLOR`, `--color never`.

use std::io::{self, IsTerminal, Write};

use crate::error::Error;

/// Writes to standard output. A reader that has gone (`| head`) ends the program quietly, see [`Error::Gone`].
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout();
    write(&mut out, text).map_err(Error::from_output)
}

/// As [`print`], with a line end.
pub fn line(text: &str) -> Result<(), Error> {
    print(&format!("{text}\n"))
}

/// To standard error; nobody can be told when that fails.
pub fn complain(text: &str) {
    write(&mut anstream::stderr(), &format!("{}\n", text.trim_end_matches('\n'))).ok();
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether a person reads standard output as it is written.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns of the terminal; none when there is no terminal, so that nothing is cut that a program reads.
pub fn width() -> Option<usize> {
    if let Some(columns) = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0) {
        return Some(columns);
    }
    if !is_terminal() {
        return None;
    }
    comfy_table::Table::new().width().map(usize::from)
}

/// Cursor movements and all: only for a terminal. Styles are still taken out when they are not wanted.
pub fn print_raw(text: &str) -> Result<(), Error> {
    let wants_styles = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let text = if wants_styles { text.to_owned() } else { without_styles(text) };
    write(&mut io::stdout(), &text).map_err(Error::from_output)
}

/// Takes out colours (`ESC [ ... m`) and leaves the movements.
fn without_styles(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        let end = rest[start + 2..].find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |at| start + 3 + at);
        let is_style = rest[start..end].ends_with('m');
        out.push_str(&rest[..if is_style { start } else { end }]);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_movements_stay() {
        assert_eq!(without_styles("\u{1b}[3A\u{1b}[31mred\u{1b}[0m\u{1b}[K"), "\u{1b}[3Ared\u{1b}[K");
    }
}
