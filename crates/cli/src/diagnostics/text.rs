//! From a character of a string to the place where it is written: escapes and quotes make the difference.

use std::ops::Range;

/// How a string is written in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// `"..."` with the escapes of JSON.
    Json,
    /// YAML's `"..."`: JSON's escapes and some more.
    Double,
    /// YAML's `'...'`, in which `''` is a quote.
    Single,
    /// YAML without quotes.
    Bare,
    /// YAML's `|`.
    Literal,
    /// YAML's `>`: line ends are not what they seem.
    Folded,
}

/// The bytes of `source` that hold character `column` (1-based) of the string written at `span`. `None` when that cannot be told:
/// the string goes over several lines that are folded, or is shorter.
pub fn character(source: &str, span: &Range<usize>, quoting: Quoting, column: usize) -> Option<Range<usize>> {
    let written = source.get(span.clone())?;
    let wanted = column.checked_sub(1)?;
    let within = match quoting {
        Quoting::Json | Quoting::Double => one_line(written).and_then(|text| nth(text, 1, '\\', escape_len, wanted)),
        Quoting::Single => one_line(written).and_then(|text| nth(text, 1, '\'', |_| Some(2), wanted)),
        Quoting::Bare => one_line(written).and_then(|text| nth(text, 0, '\0', |_| None, wanted)),
        Quoting::Literal => literal(written, wanted),
        Quoting::Folded => None,
    }?;
    Some(span.start + within.start..span.start + within.end)
}

fn one_line(written: &str) -> Option<&str> {
    (!written.contains('\n')).then_some(written)
}

/// Character `wanted` (0-based) of a text that begins `at` bytes into `written`; `escape` begins what `len` measures. The place
/// just after the last character counts too: that is where something is missing.
fn nth(written: &str, at: usize, escape: char, len: impl Fn(&str) -> Option<usize>, wanted: usize) -> Option<Range<usize>> {
    let mut place = at;
    for _ in 0..wanted {
        place += unit(&written[place..], escape, &len)?;
    }
    let end = place + unit(&written[place..], escape, &len).unwrap_or(0);
    Some(place..end)
}

/// How many bytes the first character takes.
fn unit(rest: &str, escape: char, len: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    let first = rest.chars().next()?;
    let bytes = if first == escape { len(rest)? } else { first.len_utf8() };
    (bytes <= rest.len()).then_some(bytes)
}

/// The length of the escape that `rest` begins with; a surrogate pair is one character.
fn escape_len(rest: &str) -> Option<usize> {
    let hex = |from: usize, to: usize| rest.get(from..to).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match rest.as_bytes().get(1)? {
        b'u' if matches!(hex(2, 6), Some(0xd800..=0xdbff)) && rest.get(6..8) == Some("\\u") => Some(12),
        b'u' => Some(6),
        b'x' => Some(4),
        b'U' => Some(10),
        _ => Some(1 + rest[1..].chars().next()?.len_utf8()),
    }
}

/// A block of lines: each is indented, and the indentation of the first one that is not empty counts for all.
fn literal(written: &str, mut wanted: usize) -> Option<Range<usize>> {
    let body = written.split_inclusive('\n').skip_while(|line| line.trim_start().starts_with('|') || line.trim().is_empty());
    let first = body.clone().next()?;
    let indentation = first.len() - first.trim_start_matches(' ').len();
    let mut place = first.as_ptr() as usize - written.as_ptr() as usize;
    for line in body {
        let text = line.get(indentation..).unwrap_or("");
        let characters = text.chars().count();
        if wanted < characters {
            let (within, character) = text.char_indices().nth(wanted)?;
            let start = place + indentation + within;
            return Some(start..start + character.len_utf8());
        }
        wanted -= characters;
        place += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(source: &str, quoting: Quoting, column: usize) -> Option<&str> {
        character(source, &(0..source.len()), quoting, column).map(|range| &source[range])
    }

    #[test]
    fn escapes_are_one_character() {
        assert_eq!(at(r#""a\"b""#, Quoting::Json, 2), Some(r#"\""#));
        assert_eq!(at(r#""a\"b""#, Quoting::Json, 3), Some("b"));
        assert_eq!(at(r#""\ud83d\ude00!""#, Quoting::Json, 2), Some("!"));
        assert_eq!(at("'it''s'", Quoting::Single, 4), Some("s"));
        assert_eq!(at("plan === 3", Quoting::Bare, 6), Some("="));
    }

    #[test]
    fn lines_of_a_block_are_counted_without_their_indentation() {
        let source = "|\n    a &&\n    b c\n";
        assert_eq!(at(source, Quoting::Literal, 1), Some("a"));
        assert_eq!(at(source, Quoting::Literal, 6), Some("b"));
        assert_eq!(at(source, Quoting::Literal, 8), Some("c"));
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        assert_eq!(at("\"a\n  b\"", Quoting::Double, 3), None);
        assert_eq!(at("> a", Quoting::Folded, 1), None);
        assert_eq!(at("abc", Quoting::Bare, 9), None);
        assert_eq!(at("abc", Quoting::Bare, 0), None);
    }

    proptest! {
        /// Whatever serde_json escapes: the n-th character is found where it is written.
        #[test]
        fn every_character_of_a_json_string_is_found(text in ".{0,40}") {
            let source = serde_json::to_string(&text).unwrap();
            for (index, wanted) in text.chars().enumerate() {
                let written = at(&source, Quoting::Json, index + 1).unwrap();
                let read: String = serde_json::from_str(&format!("\"{written}\"")).unwrap();
                prop_assert_eq!(read, wanted.to_string());
            }
        }
    }
}
