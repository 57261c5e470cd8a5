//! What people see: pure functions from answers to styled text. Nothing here writes or asks anything, and `now` is an argument.

mod answer;
mod ascii;
mod check;
mod definitions;
mod doctor;
mod execution;
mod facts;
mod history;
mod job;
mod json;
mod list;
mod live;
pub mod look;
mod nodes;
mod problem;
mod scale;
mod table;
mod text;
mod time;
mod timeline;
mod watch;

pub use answer::{answer, sentence};
pub use ascii::{ascii, ascii_of};
pub use check::{bytes, checked};
pub use definitions::{definitions, endpoints, tokens};
pub use doctor::doctor;
pub use execution::{execution, heading, outcome_hint};
pub use facts::facts;
pub use history::{Day, history};
pub use job::{Bar, failures, finished, preview};
pub use json::pretty;
pub use list::{Counts, list};
pub use live::{lines_of_change, live, progress, spinner};
pub use look::{bold, code, dim, look, painted, value as painted_value};
pub use nodes::nodes;
pub use problem::error;
pub use text::{columns, cut_columns, cut_styled, wrap_styled};
pub use time::{Clock, span, ticking};
pub use timeline::timeline;
pub use watch::{Watched, watch};

/// Text from elsewhere for a terminal: what would move the cursor, colour, or turn the direction of writing is made visible.
pub fn clean(text: &str) -> String {
    visible(text, |c| is_hostile(c) && c != '\n' && c != '\t')
}

/// As [`clean`], for a place that has one line: a name, a cell, a label.
pub fn one_line(text: &str) -> String {
    visible(text, is_hostile)
}

fn visible(text: &str, is_hostile: impl Fn(char) -> bool) -> String {
    if !text.contains(&is_hostile) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_hostile(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Moves the cursor, turns the direction of writing, ends a line, or cannot be seen at all.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The first line of a text, cleaned.
pub fn first_line(text: &str) -> String {
    clean(text.trim_start().lines().next().unwrap_or(""))
}

/// At most so many characters of an unstyled text.
pub fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `1 step`, `5 steps`.
pub fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_direction_marks_are_made_visible() {
        assert_eq!(clean("a\u{1b}[31mred\u{202e}x\u{9b}"), "a\\u{1b}[31mred\\u{202e}x\\u{9b}");
        assert_eq!(clean("Größe\t1\n2"), "Größe\t1\n2");
    }
}
