//! How a status looks. Colour means "does it need me?": ink and grey no, blue working, yellow failed and tried again, red failed,
//! magenta stopped by a person. A glyph and a word say the same without colour.

use anstyle::{AnsiColor, Style};

/// The glyph of a status and its colour.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub glyph: &'static str,
    pub style: Style,
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

pub const RED: Style = colour(AnsiColor::Red);
pub const GREEN: Style = colour(AnsiColor::Green);
pub const YELLOW: Style = colour(AnsiColor::Yellow);
pub const BLUE: Style = colour(AnsiColor::Blue);
pub const MAGENTA: Style = colour(AnsiColor::Magenta);
pub const CYAN: Style = colour(AnsiColor::Cyan);
pub const PLAIN: Style = Style::new();
pub const DIM: Style = Style::new().dimmed();

/// Of an execution or a step; `retrying` is a step that waits for its next attempt.
pub fn look(status: &str) -> Look {
    let (glyph, style) = match status {
        "completed" => ("✓", GREEN),
        "failed" => ("✕", RED),
        "running" => ("●", BLUE),
        "waiting" => ("⧗", PLAIN),
        "retrying" => ("↻", YELLOW),
        "noWorker" => ("◌", YELLOW),
        "overdue" => ("◷", YELLOW),
        "paused" => ("‖", MAGENTA),
        "cancelled" => ("⊘", MAGENTA),
        "skipped" => ("–", DIM),
        "pending" => ("○", PLAIN),
        _ => ("·", DIM),
    };
    Look { glyph, style }
}

impl Look {
    /// `✓ completed`, the glyph in its colour; the word too where it matters.
    pub fn with(self, word: &str) -> String {
        let word = if self.style == RED || self.style == YELLOW { painted(self.style, word) } else { word.to_owned() };
        format!("{} {word}", self.painted_glyph())
    }

    pub fn painted_glyph(self) -> String {
        painted(self.style, self.glyph)
    }
}

pub fn painted(style: Style, text: &str) -> String {
    if style == PLAIN || text.is_empty() { text.to_owned() } else { format!("{style}{text}{style:#}") }
}

pub fn dim(text: &str) -> String {
    painted(DIM, text)
}

pub fn bold(text: &str) -> String {
    painted(Style::new().bold(), text)
}

/// A name or a command within a sentence.
pub fn code(text: &str) -> String {
    format!("`{}`", painted(CYAN, text))
}

/// A value that is no text, as a JavaScript console colours it.
pub fn value(text: &str) -> String {
    painted(YELLOW, text)
}
