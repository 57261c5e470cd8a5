//! Findings on their way to being diagnostics: pointers are written out, and what nobody would read is dropped, only at the end.
//!
//! A hostile definition can have a hundred thousand mistakes below a key of half a megabyte; finding them all stays cheap.

use std::fmt;
use std::rc::Rc;

use super::diagnostic::{Code, Diagnostic, Severity};
use crate::limits;

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    /// Of pointers, messages and helps.
    bytes: usize,
    dropped: usize,
    errors: usize,
    expressions: usize,
}

/// A diagnostic whose pointer is not yet written out.
#[derive(Debug)]
pub(crate) struct Finding {
    severity: Severity,
    pointer: Pointer,
    code: Code,
    message: String,
    help: Option<String>,
    column: Option<usize>,
}

impl Report {
    pub fn push(&mut self, finding: Finding) {
        self.errors += usize::from(finding.severity == Severity::Error);
        if self.is_full() {
            self.dropped += 1;
            return;
        }
        let pointer = finding.pointer.to_string();
        self.bytes += pointer.len() + finding.message.len() + finding.help.as_ref().map_or(0, String::len);
        self.diagnostics.push(Diagnostic {
            severity: finding.severity,
            pointer,
            code: finding.code,
            message: finding.message,
            help: finding.help,
            column: finding.column,
        });
    }

    /// Whether what is found from now on is only counted, so that it need not be explained well.
    pub fn is_full(&self) -> bool {
        self.diagnostics.len() >= limits::DIAGNOSTICS_MAX || self.bytes >= limits::DIAGNOSTICS_BYTES_MAX
    }

    /// Whether so much was found that nobody is told any more what he may have meant: that compares a name with every other.
    pub fn is_long(&self) -> bool {
        self.diagnostics.len() >= limits::SUGGESTIONS_MAX
    }

    /// Counts expressions that are about to be parsed; with too many there is an error, and no more are to be parsed.
    pub fn may_parse(&mut self, expressions: usize, at: &Pointer) -> bool {
        let before = self.expressions;
        self.expressions += expressions;
        if self.expressions > limits::EXPRESSIONS_MAX && before <= limits::EXPRESSIONS_MAX {
            let message =
                format!("a definition has at most {} conditions and `${{}}`, here is one more", limits::EXPRESSIONS_MAX);
            self.push(Finding::error(at, Code::TooManyExpressions, message));
        }
        self.expressions <= limits::EXPRESSIONS_MAX
    }

    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// In the order of the definition.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_cached_key(|diagnostic| place(&diagnostic.pointer));
        if self.dropped > 0 {
            let message = format!("{} more problems are not listed", self.dropped);
            // Not an error of its own: those that are dropped may all be hints.
            let severity = if self.errors > 0 { Severity::Error } else { Severity::Hint };
            self.diagnostics.push(Diagnostic {
                severity,
                pointer: String::new(),
                code: Code::TooManyProblems,
                message,
                help: None,
                column: None,
            });
        }
        self.diagnostics
    }
}

/// Sorts steps by their number; everything else keeps the order in which it was found: fields of the definition, steps, triggers.
fn place(pointer: &str) -> (u8, usize) {
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next().and_then(|index| index.parse().ok())) {
        (Some("steps"), Some(index)) => (1, index),
        (Some("triggers"), Some(index)) => (2, index),
        _ => (0, 0),
    }
}

impl Finding {
    pub fn new(severity: Severity, at: &Pointer, code: Code, message: impl Into<String>) -> Finding {
        Finding { severity, pointer: at.clone(), code, message: message.into(), help: None, column: None }
    }

    pub fn error(at: &Pointer, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Error, at, code, message)
    }

    pub fn warning(at: &Pointer, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Warning, at, code, message)
    }

    pub fn hint(at: &Pointer, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Hint, at, code, message)
    }

    #[must_use]
    pub fn help(self, help: impl Into<Option<String>>) -> Finding {
        Finding { help: help.into(), ..self }
    }

    #[must_use]
    pub fn column(self, column: impl Into<Option<usize>>) -> Finding {
        Finding { column: column.into(), ..self }
    }
}

/// A JSON pointer (RFC 6901) that grows on the way down; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pointer(Option<Rc<Link>>);

#[derive(Debug)]
struct Link {
    parent: Pointer,
    /// Already escaped.
    segment: String,
}

impl Pointer {
    pub fn key(&self, key: &str) -> Pointer {
        self.below(key.replace('~', "~0").replace('/', "~1"))
    }

    pub fn index(&self, index: usize) -> Pointer {
        self.below(index.to_string())
    }

    fn below(&self, segment: String) -> Pointer {
        Pointer(Some(Rc::new(Link { parent: self.clone(), segment })))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(link) => write!(f, "{}/{}", link.parent, link.segment),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_as_rfc_6901_says() {
        assert_eq!(Pointer::default().to_string(), "");
        assert_eq!(Pointer::default().key("steps").index(2).key("a/b~c").to_string(), "/steps/2/a~1b~0c");
    }

    #[test]
    fn what_is_listed_is_bounded_in_number_and_bytes() {
        for (message, listed) in [("short".to_owned(), limits::DIAGNOSTICS_MAX), ("x".repeat(limits::DIAGNOSTICS_BYTES_MAX), 1)] {
            let mut report = Report::default();
            for _ in 0..limits::DIAGNOSTICS_MAX + 5 {
                report.push(Finding::error(&Pointer::default(), Code::UnknownField, message.clone()));
            }
            let diagnostics = report.finish();
            assert_eq!(diagnostics.len(), listed + 1);
            let dropped = limits::DIAGNOSTICS_MAX + 5 - listed;
            assert_eq!(diagnostics[listed].message, format!("{dropped} more problems are not listed"));
            assert_eq!((diagnostics[listed].severity, diagnostics[listed].code), (Severity::Error, Code::TooManyProblems));
        }
    }

    #[test]
    fn steps_are_listed_by_number_and_triggers_after_them() {
        let mut report = Report::default();
        for pointer in ["triggers/0", "steps/10", "steps/2", "id", "steps/2"] {
            let (field, index) = pointer.split_once('/').unwrap_or((pointer, "0"));
            let at = Pointer::default().key(field).index(index.parse().unwrap());
            report.push(Finding::error(&at, Code::WrongType, pointer));
        }
        let order: Vec<String> = report.finish().into_iter().map(|diagnostic| diagnostic.message).collect();
        assert_eq!(order, ["id", "steps/2", "steps/2", "steps/10", "triggers/0"]);
    }
}
