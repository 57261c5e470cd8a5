//! Styled text of `render` as the screen takes it: the same words everywhere.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// A line whose styles are `ESC [ ... m`, as anstyle writes them.
pub fn line(text: &str) -> Line<'static> {
    let mut spans = Vec::new();
    let mut style = Style::new();
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        push(&mut spans, &rest[..start], style);
        let end = rest[start..].find('m').map_or(rest.len(), |at| start + at + 1);
        for code in rest[start + 2..end].trim_end_matches('m').split(';') {
            style = changed(style, code.parse().unwrap_or(0));
        }
        rest = &rest[end..];
    }
    push(&mut spans, rest, style);
    Line::from(spans)
}

fn push(spans: &mut Vec<Span<'static>>, text: &str, style: Style) {
    if !text.is_empty() {
        spans.push(Span::styled(text.to_owned(), style));
    }
}

fn changed(style: Style, code: u8) -> Style {
    match code {
        0 => Style::new(),
        1 => style.add_modifier(Modifier::BOLD),
        2 => style.add_modifier(Modifier::DIM),
        31 => style.fg(Color::Red),
        32 => style.fg(Color::Green),
        33 => style.fg(Color::Yellow),
        34 => style.fg(Color::Blue),
        35 => style.fg(Color::Magenta),
        36 => style.fg(Color::Cyan),
        _ => style,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_kept() {
        let line = line("a \u{1b}[1m\u{1b}[36mb\u{1b}[0m c");
        let spans: Vec<(String, Style)> = line.spans.into_iter().map(|span| (span.content.into_owned(), span.style)).collect();
        let bold = Style::new().add_modifier(Modifier::BOLD).fg(Color::Cyan);
        assert_eq!(spans, [("a ".to_owned(), Style::new()), ("b".to_owned(), bold), (" c".to_owned(), Style::new())]);
    }
}
