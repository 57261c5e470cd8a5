//! How deep brackets nest, found without a parser.

use crate::limits;

/// Words after which a `/` begins a regular expression, as it does after an operator.
const WORDS_BEFORE_OPERAND: &[&str] = &["typeof", "in", "void", "delete", "instanceof", "new", "await", "return", "case", "of"];

/// The first bracket that is nested too deep. Brackets in texts do not count. From a `/` on where a regular expression may begin,
/// all brackets do: it will be refused anyway, and must not hide them.
pub(super) fn first_too_deep(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    // Each open bracket, and whether it is a `${` inside a template.
    let mut open: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = end_of_text(bytes, at, quote),
            b'`' => at = template(bytes, at + 1, &mut open),
            b'}' if open.last() == Some(&true) => {
                open.pop();
                at = template(bytes, at + 1, &mut open);
            }
            b'(' | b'[' | b'{' => {
                open.push(false);
                at += 1;
            }
            b')' | b']' | b'}' => {
                open.pop();
                at += 1;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') || bytes.get(at + 1) == Some(&b'/') || expects_operand(&source[..at]) => {
                return count_all(bytes, at, open.len());
            }
            _ => at += 1,
        }
        if open.len() > limits::EXPRESSION_DEPTH_MAX {
            return Some(at - 1);
        }
    }
    None
}

/// After the closing quote, or at the end of the line or source, where the parser will complain.
fn end_of_text(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// After the closing quote of a template, or inside its next `${`.
fn template(bytes: &[u8], start: usize, open: &mut Vec<bool>) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'`' => return at + 1,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                open.push(true);
                return at + 2;
            }
            _ => at += 1,
        }
    }
    at
}

fn expects_operand(before: &str) -> bool {
    let before = before.trim_end();
    let word_start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).map_or(0, |at| at + 1);
    // A character of several bytes is part of a word, so that the boundary is one.
    let word = before.get(word_start..).unwrap_or_default();
    match before.chars().last() {
        None => true,
        Some(')' | ']' | '}' | '"' | '\'' | '`') => false,
        Some(_) => word.is_empty() || WORDS_BEFORE_OPERAND.contains(&word),
    }
}

fn count_all(bytes: &[u8], from: usize, depth: usize) -> Option<usize> {
    let opening = |byte: u8| matches!(byte, b'(' | b'[' | b'{');
    let too_many = bytes[from..].iter().enumerate().filter(|&(_, &byte)| opening(byte));
    too_many.map(|(index, _)| from + index).nth(limits::EXPRESSION_DEPTH_MAX.saturating_sub(depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_counted_where_they_nest_and_not_in_texts() {
        let max = limits::EXPRESSION_DEPTH_MAX;
        for (opening, closing) in [("(", ")"), ("[", "]"), ("{a:", "}"), ("`${", "}`"), ("f(", ")")] {
            let nested = |n: usize| format!("{}1{}", opening.repeat(n), closing.repeat(n));
            assert_eq!(first_too_deep(&nested(max)), None, "{opening}");
            assert!(first_too_deep(&nested(max + 1)).is_some(), "{opening}");
        }
        assert_eq!(first_too_deep(&format!("'{}' + \"{}\" + `{}`", "(".repeat(99), "[\\\"".repeat(99), "{".repeat(99))), None);
        assert_eq!(first_too_deep(&"[1],".repeat(200)), None);
        assert_eq!(first_too_deep(&"(1) / 2 + a / b + x[0] / 3 + ".repeat(20)), None);
    }

    #[test]
    fn a_regular_expression_or_comment_cannot_hide_brackets() {
        for hiding in ["/\"/ + ", "typeof /'/ + ", "a // '\n + ", "/* ` */", "(/`/ , "] {
            assert!(first_too_deep(&format!("{hiding}{}", "(".repeat(100))).is_some(), "{hiding}");
        }
    }
}
