//! What people see: pure functions from answers to styled text. Nothing here writes or asks anything, and `now` is an argument.

mod answer;
mod check;
mod definitions;
mod doctor;
mod execution;
mod history;
mod json;
mod list;
mod live;
mod look;
mod problem;
mod table;
mod time;

pub use check::{bytes, checked};
pub use definitions::{definitions, endpoints, tokens};
pub use doctor::doctor;
pub use execution::execution;
pub use history::{Day, history};
pub use json::pretty;
pub use list::{Counts, list};
pub use live::{lines_of_change, live};
pub use look::{bold, code, dim, look, painted, value as painted_value};
pub use problem::error;
pub use time::{Clock, span};

/// Text from elsewhere for a terminal: what would move the cursor, colour, or turn the direction of writing is made visible.
pub fn clean(text: &str) -> String {
    let is_hostile = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_hostile) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_hostile(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// The first line of a text, cleaned.
pub fn first_line(text: &str) -> String {
    clean(text.trim_start().lines().next().unwrap_or(""))
}

/// At most so many characters of an unstyled text.
fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `1 step`, `5 steps`.
pub fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`; of many the first few.
pub fn listed(names: &[&str]) -> String {
    const NAMED_MAX: usize = 4;
    let (named, rest) = names.split_at(names.len().min(NAMED_MAX));
    let named: Vec<String> = named.iter().map(|name| code(name)).collect();
    match (named.split_last(), rest.len()) {
        (None, _) => String::new(),
        (Some(_), more @ 1..) => format!("{} and {more} more", named.join(", ")),
        (Some((last, [])), 0) => last.clone(),
        (Some((last, first)), 0) => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_direction_marks_are_made_visible() {
        assert_eq!(clean("a\u{1b}[31mred\u{202e}x\u{9b}"), "a\\u{1b}[31mred\\u{202e}x\\u{9b}");
        assert_eq!(clean("Größe\t1\n2"), "Größe\t1\n2");
    }

    #[test]
    fn names_are_listed_as_a_person_would() {
        let plain = |names: &[&str]| anstream::adapter::strip_str(&listed(names)).to_string();
        assert_eq!(plain(&["a"]), "`a`");
        assert_eq!(plain(&["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(plain(&["a", "b", "c", "d", "e", "f"]), "`a`, `b`, `c`, `d` and 2 more");
    }
}
