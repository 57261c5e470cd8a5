//! Positions in a text, counted in UTF-16 units as JavaScript counts them.

use super::super::value::Value;

pub(super) fn len(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The units `from..to`; half of a pair becomes U+FFFD.
pub(super) fn slice(text: &str, from: usize, to: usize) -> String {
    if from >= to {
        return String::new();
    }
    if text.is_ascii() {
        return text[from.min(text.len())..to.min(text.len())].to_owned();
    }
    let mut sliced = String::new();
    let mut at = 0;
    for c in text.chars() {
        let end = at + c.len_utf16();
        if at >= from && end <= to {
            sliced.push(c);
        } else if at < to && end > from {
            sliced.push(char::REPLACEMENT_CHARACTER);
        }
        at = end;
        if at >= to {
            break;
        }
    }
    sliced
}

/// Each unit as a text of its own.
pub(super) fn units(text: &str) -> Vec<Value> {
    let unit = |unit: u16| Value::from(String::from_utf16_lossy(&[unit]));
    text.encode_utf16().map(unit).collect()
}

/// Where the unit begins in bytes; in the middle of a pair, where the pair ends.
pub(super) fn byte_offset(text: &str, unit: usize) -> usize {
    if text.is_ascii() {
        return unit.min(text.len());
    }
    let mut at = 0;
    for (offset, c) in text.char_indices() {
        if at >= unit {
            return offset;
        }
        at += c.len_utf16();
    }
    text.len()
}

pub(super) fn find(text: &str, searched: &str, from: usize) -> Option<usize> {
    let start = byte_offset(text, from);
    text[start..].find(searched).map(|offset| len(&text[..start + offset]))
}

/// The last place at `from` or before.
pub(super) fn find_last(text: &str, searched: &str, from: usize) -> Option<usize> {
    let last_start = if from >= len(text) { text.len() } else { floor_offset(text, from) };
    let mut end = last_start.saturating_add(searched.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].rfind(searched).map(|offset| len(&text[..offset]))
}

/// Where the unit begins in bytes; in the middle of a pair, where the pair begins.
fn floor_offset(text: &str, unit: usize) -> usize {
    let mut at = 0;
    for (offset, c) in text.char_indices() {
        at += c.len_utf16();
        if at > unit {
            return offset;
        }
    }
    text.len()
}
