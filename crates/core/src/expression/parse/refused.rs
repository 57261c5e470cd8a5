//! What to say about a construct that is no part of an expression here.

use super::super::Problem;
use super::super::builtins::{Function, Method, NAMESPACES};
use super::column;
use crate::limits;

/// Words of JavaScript that cannot be names, and that people call their fields.
const RESERVED_WORDS: &[&str] = &[
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "new",
    "return",
    "super",
    "switch",
    "throw",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
];

const IN_AN_ACTION: &str = "do it in an action, and let the expression read its output";

/// What is wrong and what to do.
pub(super) type Refusal = (String, Option<String>);

pub(super) fn refusal(message: impl Into<String>, help: impl Into<String>) -> Refusal {
    (message.into(), Some(help.into()))
}

pub(super) fn too_deep(column: usize) -> Problem {
    Problem {
        column,
        message: format!("nested deeper than {} levels", limits::EXPRESSION_DEPTH_MAX),
        help: Some("compute it in an action, and let the expression read its output".to_owned()),
    }
}

/// The parser's own message, with help where we know what was meant.
pub(super) fn syntax(source: &str, offset: usize, message: &str) -> Problem {
    let column = column(source, offset);
    let help = reserved_word(source, offset)
        .map(|word| format!("`{word}` is a word of the language; to read a field of that name write `input[\"{word}\"]`"))
        .or_else(|| statement(source).map(str::to_owned))
        .or_else(|| {
            let id = dashed_number(source)?;
            Some(format!("if `{id}` is a step, write `state[\"{id}\"]`: a dash is a subtraction"))
        })
        .or_else(|| source.contains(';').then(|| "write one expression, without `;`".to_owned()));
    if source[offset.min(source.len())..].trim().is_empty() {
        return Problem { column, message: "the expression ends too early".to_owned(), help };
    }
    let rest = &source[offset.min(source.len())..];
    let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
    let found = if word > 0 { &rest[..word] } else { &rest[..rest.chars().next().map_or(0, char::len_utf8)] };
    if message == "Unexpected token" || message.contains("`Unknown`") {
        return Problem { column, message: format!("unexpected `{found}`"), help };
    }
    let mut letters = message.trim_end_matches('.').chars();
    let message = letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    Problem { column, message, help }
}

/// A statement, by its first word.
fn statement(source: &str) -> Option<&'static str> {
    let first_word = source.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next()?;
    match first_word {
        "return" => Some("write the value itself, without `return`"),
        "if" => Some("write `condition ? a : b`"),
        "const" | "let" | "var" | "for" | "while" | "switch" | "throw" | "try" | "do" | "import" | "export" => {
            Some("write one expression, not a statement")
        }
        _ => None,
    }
}

/// The reserved word before or at `offset`, if it stands where a name would.
fn reserved_word(source: &str, offset: usize) -> Option<&str> {
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let before = source.get(..offset)?.trim_end();
    let start = match source[offset..].starts_with(is_letter) {
        true => offset,
        false => before.trim_end_matches(is_letter).len(),
    };
    let word = source[start..].split(|c: char| !is_letter(c)).next()?;
    let after = source[start + word.len()..].trim_start();
    let is_read = after.is_empty() || after.starts_with(['.', '=', '!', '<', '>', '?', '&', '|', ')', ',', '[']);
    (RESERVED_WORDS.contains(&word) && is_read).then_some(word)
}

/// A word such as `step-2`, which the grammar reads as a subtraction and then trips over: `step-2.total`.
fn dashed_number(source: &str) -> Option<&str> {
    let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    source.split(|c: char| !is_id(c)).find(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.as_bytes().windows(2).any(|pair| pair[0] == b'-' && pair[1].is_ascii_digit())
    })
}

pub(super) fn unknown_function(name: &str) -> Refusal {
    let message = format!("`{name}` is no function that an expression can call");
    match name {
        "Math.random" | "crypto.randomUUID" | "crypto.getRandomValues" => refusal(
            format!("`{name}` gives another value every time"),
            "make it in an action, so that it is recorded, and read its output",
        ),
        "Date" | "Date.now" | "Date.parse" | "performance.now" => absent("Date"),
        "Symbol" | "BigInt" | "eval" | "Function" => absent(name),
        _ => match nearest(name, Function::NAMES) {
            Some(near) => refusal(message, format!("did you mean `{near}`?")),
            None => refusal(message, IN_AN_ACTION),
        },
    }
}

pub(super) fn unknown_method(name: &str) -> Refusal {
    let message = format!("`.{name}()` is no method that an expression can call");
    let help = match name {
        "push" | "pop" | "shift" | "unshift" | "splice" | "fill" | "copyWithin" | "set" | "delete" | "add" => {
            "it changes a value; an expression only reads, make a new array with `[...items, item]`, `filter` or `map`".to_owned()
        }
        "sort" | "toSorted" => "sort in an action, and let the expression read its output".to_owned(),
        "reverse" => "it changes the array; use `.toReversed()`".to_owned(),
        "forEach" => "it gives no value; use `.map()`, `.some()` or `.every()`".to_owned(),
        "match" | "matchAll" | "search" | "test" | "exec" => {
            "regular expressions are not available; use `.includes()`, `.startsWith()`, `.endsWith()` or `.split()`".to_owned()
        }
        "substr" => "use `.slice()` or `.substring()`".to_owned(),
        "call" | "apply" | "bind" => "call the function itself".to_owned(),
        "then" | "catch" | "finally" => "every value is there already, nothing has to be awaited".to_owned(),
        "contains" => "did you mean `.includes()`?".to_owned(),
        "length" | "size" => "it is no method; write `.length` without parentheses".to_owned(),
        _ => match nearest(name, Method::NAMES) {
            Some(near) => format!("did you mean `.{near}()`?"),
            None => IN_AN_ACTION.to_owned(),
        },
    };
    refusal(message, help)
}

pub(super) fn absent(name: &str) -> Refusal {
    let message = format!("`{name}` is not available in an expression");
    match name {
        "Date" => refusal(
            message,
            "an expression gives the same value whenever it is evaluated: read a time from the input, `execution.startedAt` or a step's output",
        ),
        _ => refusal(message, format!("to read a step or field of that name, write `state[\"{name}\"]`")),
    }
}

pub(super) fn bare_builtin(name: &str) -> Refusal {
    let message = format!("`{name}` is no value here");
    if Function::named(name).is_some() {
        refusal(message, format!("call it, `{name}(x)`, or give it to a method: `items.map({name})`"))
    } else if NAMESPACES.contains(&name) {
        refusal(message, "call one of its functions")
    } else {
        refusal(message, format!("call it: `{name}(x)`"))
    }
}

pub(super) fn hidden_property(name: &str) -> Refusal {
    refusal(
        format!("`.{name}` is not available: only a value's own fields can be read"),
        format!("for a field of that name write `[\"{name}\"]`"),
    )
}

/// The closest of `names`, if it is close: at most a third of the letters differ.
fn nearest(name: &str, names: &[&'static str]) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let distance = |candidate: &str| edit_distance(&lower, &candidate.to_lowercase());
    names.iter().copied().min_by_key(|candidate| distance(candidate)).filter(|near| distance(near) * 3 <= near.len())
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
