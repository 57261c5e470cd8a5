//! JSON of the right shape: objects without unknown fields, texts, lists, numbers.

use crate::definition::closest::{closest, did_you_mean};
use crate::definition::diagnostic::Code;
use crate::definition::report::{Finding, Pointer, Report};
use crate::definition::tree::{Kind, Node};

/// Fields that an object may have.
pub(super) struct Known<'k> {
    pub fields: &'k [&'k str],
    /// Legal, but nobody is told to write them.
    pub others: &'k [&'k str],
}

/// An object whose fields are known by name.
pub(super) struct Fields<'n, 'a> {
    at: Pointer,
    fields: &'n [(String, Node<'a>)],
}

impl<'n, 'a> Fields<'n, 'a> {
    /// `None`, and an error, when it is no object. Fields that are not in `known` are errors.
    pub fn read(node: &'n Node<'a>, at: &Pointer, what: &str, known: &Known<'_>, report: &mut Report) -> Option<Fields<'n, 'a>> {
        let Kind::Object(fields) = &node.kind else {
            report.push(Finding::error(at, Code::WrongType, format!("{what} is an object, found {}", node.what())));
            return None;
        };
        for (name, _) in fields {
            if !known.fields.contains(&name.as_str()) && !known.others.contains(&name.as_str()) {
                let message = format!("{what} has no field `{}`", name.escape_debug());
                let help = if report.is_full() { None } else { meant(name, known.fields) };
                report.push(Finding::error(&at.key(name), Code::UnknownField, message).help(help));
            }
        }
        Some(Fields { at: at.clone(), fields })
    }

    pub fn at(&self, name: &str) -> Pointer {
        self.at.key(name)
    }

    /// Of a field that is there twice, the last.
    pub fn get(&self, name: &str) -> Option<&'n Node<'a>> {
        self.fields.iter().rev().find(|(field, _)| field == name).map(|(_, node)| node)
    }

    pub fn missing(&self, name: &str, example: &str, report: &mut Report) {
        let finding = Finding::error(&self.at, Code::MissingField, format!("`{name}` is missing"));
        report.push(finding.help(format!("such as {example}")));
    }

    /// The text of an optional field.
    pub fn text(&self, name: &str, report: &mut Report) -> Option<&'n str> {
        text(self.get(name)?, &self.at(name), &format!("`{name}`"), report)
    }

    /// The text of a field that has to be there.
    pub fn required_text(&self, name: &str, example: &str, report: &mut Report) -> Option<&'n str> {
        if self.get(name).is_none() {
            self.missing(name, example, report);
        }
        self.text(name, report)
    }

    /// The elements of an optional list.
    pub fn list(&self, name: &str, report: &mut Report) -> Option<&'n [Node<'a>]> {
        let node = self.get(name)?;
        if let Kind::Array(elements) = &node.kind {
            return Some(elements);
        }
        let finding = Finding::error(&self.at(name), Code::WrongType, format!("`{name}` is a list, found {}", node.what()));
        report.push(finding.help(match node.kind {
            Kind::Text(_) | Kind::Object(_) => Some("put it in brackets: `[...]`".to_owned()),
            Kind::Null | Kind::Bool | Kind::Number | Kind::Array(_) => None,
        }));
        None
    }

    /// The word of an optional field that allows only some.
    pub fn word<T: Copy>(&self, name: &str, words: &[(&str, T)], report: &mut Report) -> Option<T> {
        let text = self.text(name, report)?;
        if let Some(&(_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(value);
        }
        let names: Vec<&str> = words.iter().map(|&(word, _)| word).collect();
        let message = format!("`{name}` is one of {}, found `{}`", listed(&names), text.escape_debug());
        report.push(Finding::error(&self.at(name), Code::UnknownValue, message).help(did_you_mean(text, names)));
        None
    }

    /// A whole number from 0 to `max`, however it is written (`3`, `3.0`).
    pub fn count(&self, name: &str, max: u32, report: &mut Report) -> Option<u32> {
        let node = self.get(name)?;
        if !matches!(node.kind, Kind::Number) {
            wrong_type(node, &self.at(name), &format!("`{name}` is a number"), report);
            return None;
        }
        let number: f64 = node.text.parse().unwrap_or(f64::NAN);
        if number.fract() == 0.0 && (0.0..=f64::from(max)).contains(&number) {
            // Checked just above: whole and within u32.
            return Some(number as u32);
        }
        let message = format!("`{name}` is a whole number from 0 to {max}, found {}", node.text);
        report.push(Finding::error(&self.at(name), Code::OutOfRange, message));
        None
    }
}

/// `name` is how the message calls it.
pub(super) fn text<'n>(node: &'n Node<'_>, at: &Pointer, name: &str, report: &mut Report) -> Option<&'n str> {
    if let Kind::Text(text) = &node.kind {
        return Some(text);
    }
    wrong_type(node, at, &format!("{name} is a string"), report);
    None
}

pub(super) fn wrong_type(node: &Node<'_>, at: &Pointer, expected: &str, report: &mut Report) {
    let finding = Finding::error(at, Code::WrongType, format!("{expected}, found {}", node.what()));
    report.push(finding.help(match node.kind {
        Kind::Null => Some("leave the field out when there is nothing to say".to_owned()),
        _ => None,
    }));
}

/// What is wrong with JSON wherever it stands: keys that occur twice, strings that are no text.
pub(super) fn read_everywhere(node: &Node<'_>, at: &Pointer, report: &mut Report) {
    if node.broken {
        let message = "a string has half of a surrogate pair, which is no character";
        report.push(Finding::error(at, Code::InvalidText, message).help("write the character itself, or both halves".to_owned()));
    }
    match &node.kind {
        Kind::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, element)| read_everywhere(element, &at.index(index), report));
        }
        Kind::Object(fields) => {
            let mut seen = std::collections::BTreeSet::new();
            for (key, value) in fields {
                if !seen.insert(key) {
                    let message = format!("the key `{}` is there twice, and only one can count", key.escape_debug());
                    report.push(Finding::error(&at.key(key), Code::DuplicateKey, message));
                }
                read_everywhere(value, &at.key(key), report);
            }
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::Text(_) => {}
    }
}

/// What others call it.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("needs", "dependsOn"),
    ("after", "dependsOn"),
    ("dependencies", "dependsOn"),
    ("if", "condition"),
    ("when", "condition"),
    ("run", "action"),
    ("uses", "action"),
    ("with", "params"),
    ("args", "params"),
    ("input", "params"),
    ("retries", "maxRetries"),
    ("attempts", "maxRetries"),
    ("delay", "wait"),
    ("sleep", "wait"),
    ("on", "triggers"),
    ("tasks", "steps"),
];

fn meant(name: &str, known: &[&str]) -> Option<String> {
    let other = OTHER_NAMES.iter().find(|&&(other, ours)| other == name && known.contains(&ours)).map(|&(_, ours)| ours);
    match other.or_else(|| closest(name, known.iter().copied())) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None => Some(format!("its fields are {}", listed(known))),
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
