//! A grid of characters: lines that know where they join and where they only cross, and texts over them.

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

use crate::render::look::{DIM, PLAIN, RED, painted};

pub const UP: u8 = 1;
pub const DOWN: u8 = 2;
pub const LEFT: u8 = 4;
pub const RIGHT: u8 = 8;

/// How a line looks. Where two share a place the later one here is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stroke {
    NotTaken,
    Open,
    Error,
    Taken,
    ErrorTaken,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    /// Lines of one net join, those of others cross, unless one of them ends there.
    net: usize,
    directions: u8,
    stroke: Stroke,
}

#[derive(Debug, Clone, Default)]
struct Cell {
    lines: [Option<Line>; 2],
    text: Option<(char, Style)>,
    /// The second half of a wide character.
    is_covered: bool,
}

#[derive(Debug)]
pub struct Canvas {
    width: usize,
    cells: Vec<Cell>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, cells: vec![Cell::default(); width * height] }
    }

    fn cell(&mut self, x: usize, y: usize) -> Option<&mut Cell> {
        if x >= self.width { None } else { self.cells.get_mut(y * self.width + x) }
    }

    fn join(&mut self, x: usize, y: usize, line: Line) {
        let Some(cell) = self.cell(x, y) else { return };
        let same = cell.lines.iter().position(|other| other.is_some_and(|other| other.net == line.net));
        let place = same.or_else(|| cell.lines.iter().position(Option::is_none)).unwrap_or(1);
        let old = cell.lines[place].unwrap_or(line);
        cell.lines[place] =
            Some(Line { directions: old.directions | line.directions, stroke: old.stroke.max(line.stroke), ..line });
    }

    /// From one place to another in the same row or column, both included.
    pub fn line(&mut self, net: usize, stroke: Stroke, from: (usize, usize), to: (usize, usize)) {
        let ((x0, y0), (x1, y1)) = (from.min(to), from.max(to));
        if y0 == y1 {
            for x in x0..=x1 {
                let directions = if x > x0 { LEFT } else { 0 } | if x < x1 { RIGHT } else { 0 };
                self.join(x, y0, Line { net, directions, stroke });
            }
        } else {
            for y in y0..=y1 {
                let directions = if y > y0 { UP } else { 0 } | if y < y1 { DOWN } else { 0 };
                self.join(x0, y, Line { net, directions, stroke });
            }
        }
    }

    /// Joins a line to what lies beyond the grid's place: the box that it leaves.
    pub fn stub(&mut self, net: usize, stroke: Stroke, (x, y): (usize, usize), directions: u8) {
        self.join(x, y, Line { net, directions, stroke });
    }

    pub fn text(&mut self, x: usize, y: usize, text: &str, style: Style) {
        let mut at = x;
        for c in text.chars() {
            let columns = c.width().unwrap_or(0);
            if columns == 0 {
                continue;
            }
            let Some(cell) = self.cell(at, y) else { return };
            (cell.text, cell.is_covered) = (Some((c, style)), false);
            if columns == 2
                && let Some(next) = self.cell(at + 1, y)
            {
                (next.text, next.is_covered) = (Some((' ', style)), true);
            }
            at += columns;
        }
    }

    /// Rows of styled text, without blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        self.cells.chunks(self.width.max(1)).map(row).collect()
    }
}

fn row(cells: &[Cell]) -> String {
    let end = cells.iter().rposition(|cell| cell.text.is_some() || cell.lines[0].is_some()).map_or(0, |last| last + 1);
    let (mut out, mut run, mut style) = (String::new(), String::new(), PLAIN);
    for cell in cells[..end].iter().filter(|cell| !cell.is_covered) {
        let (c, next) = shown(cell);
        if next != style && c != ' ' {
            out += &painted(style, &run);
            run.clear();
            style = next;
        }
        run.push(c);
    }
    out + &painted(style, &run)
}

fn shown(cell: &Cell) -> (char, Style) {
    if let Some(text) = cell.text {
        return text;
    }
    let line = match cell.lines {
        [None, _] => return (' ', PLAIN),
        [Some(line), None] => line,
        // A line that only crosses another goes over it.
        [Some(a), Some(b)] if a.directions == UP | DOWN && b.directions == LEFT | RIGHT => a,
        [Some(a), Some(b)] if b.directions == UP | DOWN && a.directions == LEFT | RIGHT => b,
        [Some(a), Some(b)] => Line { directions: a.directions | b.directions, stroke: a.stroke.max(b.stroke), ..a },
    };
    (character(line.directions, line.stroke), colour(line.stroke))
}

fn colour(stroke: Stroke) -> Style {
    match stroke {
        Stroke::Error | Stroke::ErrorTaken => RED,
        Stroke::Taken => PLAIN,
        Stroke::Open | Stroke::NotTaken => DIM,
    }
}

fn character(directions: u8, stroke: Stroke) -> char {
    let is_dashed = matches!(stroke, Stroke::NotTaken | Stroke::Error);
    match directions {
        LEFT | RIGHT | 12 if is_dashed => '╌',
        UP | DOWN | 3 if is_dashed => '╎',
        LEFT | RIGHT | 12 => '─',
        UP | DOWN | 3 => '│',
        10 => '╭',
        6 => '╮',
        9 => '╰',
        5 => '╯',
        11 => '├',
        7 => '┤',
        14 => '┬',
        13 => '┴',
        15 => '┼',
        _ => ' ',
    }
}
