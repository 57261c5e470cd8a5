//! Standard output and the terminal behind it.
//!
//! Everything is written with styles; they are taken out where they do not belong: no terminal, `NO_COLOR`, `--color never`.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use crate::error::Error;
use crate::render::{ascii, columns};

static IS_ASCII: OnceLock<bool> = OnceLock::new();

/// Whether what people read has to do with ASCII: the locale names another encoding than UTF-8. Where nothing is named, nothing is
/// known, and what is everywhere today is UTF-8.
pub fn is_ascii() -> bool {
    let of_locale = || {
        let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok());
        let locale = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default().to_lowercase();
        cfg!(unix) && !locale.is_empty() && !locale.contains("utf-8") && !locale.contains("utf8")
    };
    *IS_ASCII.get_or_init(of_locale)
}

/// As the terminal can show it.
fn shown(text: &str) -> Cow<'_, str> {
    if is_ascii() { Cow::Owned(ascii(text)) } else { Cow::Borrowed(text) }
}

/// Writes to standard output. A reader that has gone (`| head`) ends the program quietly, see [`Error::Gone`].
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout();
    write(&mut out, &shown(text)).map_err(Error::from_output)
}

/// For programs: as it is, whatever the locale.
pub fn data(text: &str) -> Result<(), Error> {
    write(&mut anstream::stdout(), text).map_err(Error::from_output)
}

/// One JSON value, on a line.
pub fn json(text: &str) -> Result<(), Error> {
    data(&format!("{text}\n"))
}

/// As [`print`], with a line end.
pub fn line(text: &str) -> Result<(), Error> {
    print(&format!("{text}\n"))
}

/// To standard error; nobody can be told when that fails.
pub fn complain(text: &str) {
    write(&mut anstream::stderr(), &format!("{}\n", shown(text.trim_end_matches('\n')))).ok();
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether a person reads standard output as it is written.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether the cursor can be moved on it, so that something can be drawn in place.
pub fn is_live() -> bool {
    is_terminal() && std::env::var("TERM").map_or(true, |term| term != "dumb")
}

/// Whether the terminal is to be coloured: NO_COLOR, `--color`.
pub fn wants_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Lines of the terminal.
pub fn height() -> usize {
    let of_variable = std::env::var("LINES").ok().and_then(|lines| lines.parse().ok()).filter(|lines| *lines > 0);
    of_variable.or_else(|| ratatui::crossterm::terminal::size().ok().map(|size| usize::from(size.1))).unwrap_or(24)
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
fn print_raw(text: &str) -> Result<(), Error> {
    let text = shown(text);
    let text = if wants_colours() { text } else { Cow::Owned(without_styles(&text)) };
    write(&mut io::stdout(), &text).map_err(Error::from_output)
}

/// Lines that are drawn again and again in the same place, on a terminal. The cursor is hidden until it goes out of scope, however
/// that happens.
#[derive(Debug)]
pub struct Live {
    /// Columns of each line that stands there.
    drawn: Vec<usize>,
}

impl Live {
    pub fn new() -> Live {
        print_raw("\u{1b}[?25l").ok();
        Live { drawn: Vec::new() }
    }

    /// Goes back over what was drawn and draws it anew. A terminal that has become narrower has broken the lines that stood there.
    pub fn draw(&mut self, lines: &[String]) -> Result<(), Error> {
        let width = width().unwrap_or(80).max(1);
        let rows: usize = self.drawn.iter().map(|columns| columns.div_ceil(width).max(1)).sum();
        let up = if rows > 0 { format!("\u{1b}[{rows}A") } else { String::new() };
        let text: String = lines.iter().map(|line| format!("\r{line}\u{1b}[K\n")).collect();
        self.drawn = lines.iter().map(|line| columns(line)).collect();
        // The terminal shows all of it at once, where it knows how.
        print_raw(&format!("\u{1b}[?2026h{up}{text}\u{1b}[J\u{1b}[?2026l"))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        show_cursor();
    }
}

/// Where a process ends without dropping what it draws.
pub fn show_cursor() {
    print_raw("\u{1b}[?25h").ok();
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
