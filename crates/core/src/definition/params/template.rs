//! One string of params: a `$.` path, a text with `${}` in it, or neither.

use std::fmt;

use super::{Part, Path, Root, Template};
use crate::definition::diagnostic::Code;
use crate::definition::report::{Finding, Pointer};
use crate::expression::Expression;

/// What is wrong with one string.
#[derive(Debug)]
pub(super) struct TemplateProblem {
    code: Code,
    /// 1-based, in characters of the string.
    column: usize,
    message: String,
    help: Option<String>,
}

impl TemplateProblem {
    fn new(column: usize, message: String, help: &str) -> TemplateProblem {
        TemplateProblem { code: Code::InvalidTemplate, column, message, help: Some(help.to_owned()) }
    }

    pub(super) fn at(self, pointer: &Pointer) -> Finding {
        Finding::error(pointer, self.code, format!("column {}: {}", self.column, self.message))
            .help(self.help)
            .column(self.column)
    }
}

/// `None` when the string stands for itself.
pub(super) fn read(text: &str) -> Result<Option<Template>, TemplateProblem> {
    if let Some(path) = text.strip_prefix("$.") {
        return read_path(text, path).map(|path| Some(Template::Path(path)));
    }
    if !text.contains("${") && !text.starts_with("$$.") {
        return Ok(None);
    }
    let parts = read_parts(text)?;
    Ok(Some(match <[Part; 1]>::try_from(parts) {
        Ok([Part::Value(expression)]) => Template::Value(expression),
        Ok([text]) => Template::Text(vec![text]),
        Err(parts) => Template::Text(parts),
    }))
}

const LITERAL_PATH_HELP: &str = "for the literal text, begin with `$$.`; for a value inside a text, write `${...}`";

fn read_path(text: &str, path: &str) -> Result<Path, TemplateProblem> {
    let (path, optional) = path.strip_suffix('?').map_or((path, false), |path| (path, true));
    let mut keys = Vec::new();
    let mut column = 3;
    for key in path.split('.') {
        if key.is_empty() {
            let message = format!("`{}` is no path: a name is missing", text.escape_debug());
            return Err(TemplateProblem::new(column, message, LITERAL_PATH_HELP));
        }
        if let Some((place, bad)) = key.chars().enumerate().find(|&(_, c)| ends_path(c)) {
            let message = format!("`{}` is no path: unexpected `{}`", text.escape_debug(), bad.escape_debug());
            let help = match bad {
                '?' => "`?` stands once, at the end of the path",
                '[' | ']' => "an element of an array is `$.items.0`",
                _ => LITERAL_PATH_HELP,
            };
            return Err(TemplateProblem::new(column + place, message, help));
        }
        column += key.chars().count() + 1;
        keys.push(key.to_owned());
    }
    let root = match keys[0].as_str() {
        "input" => Root::Input,
        "context" => Root::Context,
        "steps" => Root::Steps,
        _ => return Ok(Path { root: Root::State, keys, optional }),
    };
    keys.remove(0);
    if root == Root::Steps && !keys.get(1).is_some_and(|field| matches!(field.as_str(), "output" | "status" | "error")) {
        let message = format!("`{}` is no path: expected `output`, `status` or `error` of a step", text.escape_debug());
        return Err(TemplateProblem::new(3, message, "such as `$.steps.charge.status`; the output alone is `$.charge`"));
    }
    Ok(Path { root, keys, optional })
}

/// Characters that nobody means as a part of a key: they tell a text or another notation from a path.
fn ends_path(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '?' | '[' | ']' | '{' | '}' | '$' | '"' | '\'' | '`' | '(' | ')' | ',' | ';')
}

fn read_parts(text: &str) -> Result<Vec<Part>, TemplateProblem> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("$$.") {
        literal.push_str("$.");
        rest = after;
    }
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("$${") {
            literal.push_str("${");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let column = column_of(text, text.len() - after.len());
            let Some(end) = closing_brace(after) else {
                let message = "`${` has no matching `}`".to_owned();
                return Err(TemplateProblem::new(column - 2, message, "for the literal text, write `$${`"));
            };
            let expression = Expression::parse(&after[..end]).map_err(|problem| TemplateProblem {
                code: Code::InvalidExpression,
                column: column + problem.column.saturating_sub(1),
                message: problem.message,
                help: problem.help,
            })?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Value(expression));
            rest = &after[end + 1..];
        } else {
            literal.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// 1-based, in characters.
fn column_of(text: &str, byte: usize) -> usize {
    text[..byte].chars().count() + 1
}

/// Where the `}` is that closes what a `${` before `text` has opened. Braces in strings and in the text of template literals do
/// not count; template literals nest.
fn closing_brace(text: &str) -> Option<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Inside {
        Braces,
        Quotes(u8),
        TemplateLiteral,
    }
    let bytes = text.as_bytes();
    let mut open = vec![Inside::Braces];
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (*open.last()?, byte) {
            (Inside::Quotes(_) | Inside::TemplateLiteral, b'\\') => at += 1,
            (Inside::Quotes(quote), _) if byte == quote => _ = open.pop(),
            (Inside::Quotes(_), _) => {}
            (Inside::TemplateLiteral, b'`') => _ = open.pop(),
            (Inside::TemplateLiteral, b'$') if bytes.get(at + 1) == Some(&b'{') => {
                open.push(Inside::Braces);
                at += 1;
            }
            (Inside::TemplateLiteral, _) => {}
            (Inside::Braces, b'"' | b'\'') => open.push(Inside::Quotes(byte)),
            (Inside::Braces, b'`') => open.push(Inside::TemplateLiteral),
            (Inside::Braces, b'{') => open.push(Inside::Braces),
            (Inside::Braces, b'}') => {
                open.pop();
                if open.is_empty() {
                    return Some(at);
                }
            }
            (Inside::Braces, _) => {}
        }
        at += 1;
    }
    None
}

/// As it is written: `$.validate.total?`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        match self.root {
            Root::State => {}
            Root::Input => f.write_str(".input")?,
            Root::Context => f.write_str(".context")?,
            Root::Steps => f.write_str(".steps")?,
        }
        for key in &self.keys {
            write!(f, ".{key}")?;
        }
        f.write_str(if self.optional { "?" } else { "" })
    }
}
