//! Text by the columns that it takes on a terminal, styled or not.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a text; styles take none.
pub fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
}

/// At most so many columns of an unstyled text.
pub fn cut_columns(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > columns_max {
            break;
        }
        used += wide;
        out.push(c);
    }
    if columns_max > 0 {
        out.push('…');
    }
    out
}

/// At most `width` columns, styles kept. A terminal that wraps a line would put the next drawing in the wrong place.
pub fn cut_styled(line: &str, width: usize) -> String {
    if columns(line) < width {
        return line.to_owned();
    }
    let mut out = String::new();
    let (mut used, mut in_escape, mut is_cut) = (0, false, false);
    for c in line.chars() {
        if in_escape || c == '\u{1b}' {
            in_escape = c != 'm';
            out.push(c);
            continue;
        }
        let wide = c.width().unwrap_or(0);
        if is_cut || used + wide > width.saturating_sub(1) {
            if !is_cut {
                out.push('…');
            }
            is_cut = true;
            continue;
        }
        used += wide;
        out.push(c);
    }
    out
}

/// Lines of at most `width` columns, broken between words. A style that goes over a break goes on in the next line.
pub fn wrap_styled(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let wide = columns(word);
        if used > 0 && used + 1 + wide > width {
            lines.push(String::new());
            used = 0;
        }
        let line = lines.last_mut().expect("there is a first one");
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += wide;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_columns_and_keeps_its_styles() {
        assert_eq!(cut_styled("\u{1b}[31mabcdef\u{1b}[0m", 4), "\u{1b}[31mabc…\u{1b}[0m");
        assert_eq!(cut_styled("注文注文", 5), "注文…");
        assert_eq!(cut_styled("abc", 4), "abc");
        assert_eq!(cut_columns("注文注文", 5), "注文…");
        assert_eq!(cut_columns("abcd", 4), "abcd");
    }

    #[test]
    fn sentences_are_broken_between_words() {
        assert_eq!(wrap_styled("`\u{1b}[36mcharge\u{1b}[0m` failed twice", 15), ["`\u{1b}[36mcharge\u{1b}[0m` failed", "twice"]);
        assert_eq!(wrap_styled("", 10), [""]);
    }
}
