//! Source excerpts with carets.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::document::{Content, Document, Place};
use super::source::{Source, Unreadable};
use super::{Finding, Severity, text};
use crate::render::clean;

/// One finding, in the place of `document` that it is about.
pub fn finding(finding: &Finding, source: &Source, document: &Document) -> String {
    let place = document.locate(&finding.pointer);
    let span = caret(finding, &source.text, &place);
    let mut snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
    if let Some(context) = context(document, &finding.pointer, &span) {
        snippet = snippet.annotation(AnnotationKind::Visible.span(context));
    }
    let snippet = snippet.annotation(AnnotationKind::Primary.span(span));
    render(title(finding).element(snippet), finding.help.as_deref())
}

/// Findings about a definition whose text is not at hand: each with its pointer.
pub fn findings_without_source(findings: &[Finding]) -> String {
    let one = |finding: &Finding| {
        let pointer = if finding.pointer.is_empty() { "/" } else { &finding.pointer };
        let place = match finding.column {
            Some(column) => format!("at {pointer}, column {column}"),
            None => format!("at {pointer}"),
        };
        render(title(finding).element(Level::NOTE.no_name().message(clean(&place))), finding.help.as_deref())
    };
    findings.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// A file that is neither JSON nor YAML.
pub fn unreadable(error: &Unreadable, name: &str, text: &str) -> String {
    let end = text[error.at..].chars().next().filter(|c| *c != '\n').map_or(error.at, |c| error.at + c.len_utf8());
    let snippet = Snippet::source(text).path(name).annotation(AnnotationKind::Primary.span(error.at..end));
    render(Level::ERROR.primary_title(clean(&error.message)).element(snippet), None)
}

/// An expression that was typed, with a caret at its `column` (1-based, in characters).
pub fn expression(message: &str, help: Option<&str>, source: &str, column: usize) -> String {
    let start = source.char_indices().nth(column.saturating_sub(1)).map_or(source.len(), |(at, _)| at);
    let snippet = Snippet::source(source).line_numbering(false).annotation(AnnotationKind::Primary.span(word(source, start)));
    render(Level::ERROR.primary_title(clean(message)).element(snippet), help)
}

fn title(finding: &Finding) -> Group<'static> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::NOTE.with_name("hint"),
    };
    let message = without_column(&finding.message, finding.column);
    Group::with_title(level.primary_title(clean(message)).id(finding.code.clone()))
}

/// A caret says it better.
fn without_column(message: &str, column: Option<usize>) -> &str {
    column.and_then(|column| message.strip_prefix(&format!("column {column}: "))).unwrap_or(message)
}

fn render(group: Group<'_>, help: Option<&str>) -> String {
    let group = match help {
        Some(help) => group.element(Level::HELP.message(clean(help))),
        None => group,
    };
    let width = crate::output::width().unwrap_or(140);
    format!("{}\n", Renderer::styled().term_width(width).render(&[group]))
}

/// What the caret stands under.
fn caret(finding: &Finding, source: &str, place: &Place<'_>) -> Range<usize> {
    let span = &place.node.span;
    if let (Some(column), Content::Text { quoting, .. }) = (finding.column, &place.node.content)
        && let Some(character) = text::character(source, span, *quoting, column)
    {
        return word_within(source, character.start, span);
    }
    let key = place.key_span.clone().filter(|_| is_about_key(&finding.code) && place.exact);
    first_line(source, key.unwrap_or_else(|| span.clone()))
}

/// The name is what is wrong, not the value.
fn is_about_key(code: &str) -> bool {
    matches!(code, "unknown_field" | "duplicate_key" | "not_supported")
}

/// A caret under many lines says nothing: the first one stands for an object or an array.
fn first_line(source: &str, span: Range<usize>) -> Range<usize> {
    let line = source[span.clone()].lines().next().unwrap_or("");
    span.start..span.start + line.trim_end().len()
}

/// The `id` of the step in which the caret stands, so that a person sees which one it is.
fn context(document: &Document, pointer: &str, caret: &Range<usize>) -> Option<Range<usize>> {
    let mut parts = pointer.split('/').skip(1);
    let (list, index) = (parts.next()?, parts.next()?);
    let id = document.locate(&format!("/{list}/{index}/id"));
    let is_before = id.node.span.end <= caret.start && matches!(id.node.content, Content::Text { .. });
    (id.exact && is_before).then(|| id.node.span.clone())
}

/// From `start` to the end of the word that begins there; one character when none does.
fn word(source: &str, start: usize) -> Range<usize> {
    let is_word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let rest = &source[start..];
    let len: usize = rest.chars().take_while(is_word).map(char::len_utf8).sum();
    let len = if len > 0 { len } else { rest.chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8) };
    start..start + len
}

fn word_within(source: &str, start: usize, span: &Range<usize>) -> Range<usize> {
    let word = word(source, start);
    word.start..word.end.min(span.end)
}
