//! The same text with ASCII alone, for terminals of another encoding: each character becomes one that takes as many columns, so
//! that everything stays in its place.

use unicode_width::UnicodeWidthChar;

/// A text with styles and cursor movements; those are ASCII already.
pub fn ascii(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if c.is_ascii() {
            out.push(c);
        } else {
            let columns = c.width().unwrap_or(0);
            out.extend(std::iter::repeat_n(ascii_of(c), columns));
        }
        out
    })
}

/// What stands for one character.
pub fn ascii_of(c: char) -> char {
    match c {
        // Statuses.
        '✓' => '+',
        '✕' | '✗' => 'x',
        '●' => '*',
        '○' => 'o',
        '⧗' => '~',
        '↻' => '@',
        '⊘' => '%',
        '◌' | '◷' => '?',
        '◇' | '◆' => '&',
        '↯' => '!',
        '–' | '—' | '─' | '━' | '╌' | '┄' | '┈' => '-',
        '·' | '░' | '⋮' => '.',
        '‖' => '=',
        // Lines and bars.
        '│' | '┃' | '║' | '▏' | '▕' => '|',
        '╎' | '┊' | '┆' => ':',
        '═' => '=',
        '╱' | '⟋' => '/',
        '▶' | '▷' | '→' | '▸' | '›' | '…' => '>',
        '▼' | '↓' => 'v',
        '▲' | '↑' => '^',
        '←' | '◀' => '<',
        '\u{2500}'..='\u{257f}' => '+',
        '█' | '▉' | '▊' | '▋' | '▌' | '▇' | '▆' => '#',
        '▍' | '▎' | '▅' | '▄' => '=',
        '▃' | '▂' | '▁' => '_',
        '▓' | '▒' => '%',
        // The spinner.
        '⠋' | '⠙' | '⠇' => '|',
        '⠹' | '⠸' | '⠏' => '/',
        '⠼' | '⠴' => '-',
        '⠦' | '⠧' => '\\',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_stays_in_its_column() {
        assert_eq!(ascii("\u{1b}[31m✕ charge\u{1b}[0m ├──▶ 注文 “no”…"), "\u{1b}[31mx charge\u{1b}[0m +--> ???? \"no\">");
    }

    #[test]
    fn statuses_stay_apart() {
        let mut glyphs: Vec<char> = [
            "completed",
            "failed",
            "running",
            "waiting",
            "retrying",
            "paused",
            "cancelled",
            "skipped",
            "pending",
            "noWorker",
            "",
        ]
        .iter()
        .flat_map(|status| super::super::look(status).glyph.chars())
        .map(|c| if c.is_ascii() { c } else { ascii_of(c) })
        .collect();
        glyphs.sort_unstable();
        let all = glyphs.len();
        glyphs.dedup();
        assert_eq!(glyphs.len(), all, "{glyphs:?}");
    }
}
