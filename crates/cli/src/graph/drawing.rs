//! The graph with boxes: left to right where that fits, else downwards, else one line a step.

use anstyle::Style;

use super::canvas::{Canvas, DOWN, RIGHT, Stroke};
use super::fold::fold;
use super::layout::{Bus, Item, Layout, Metric, Stub, half, layout};
use super::model::{Graph, Kind, Node, State, Way};
use super::rail::rail;
use crate::render::look::{BLUE, CYAN, DIM, MAGENTA, PLAIN, RED, YELLOW, look, painted};
use crate::render::{columns, cut_columns, dim};

/// What there is room for.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub width: usize,
    /// None: as many lines as it takes.
    pub height: Option<usize>,
    /// Every step for itself, however many are alike.
    pub unfolded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Right,
    Down,
}

const NAME_COLUMNS_MAX: usize = 30;
/// Beyond, a picture with boxes says less than a list.
const NODES_MAX: usize = 60;
const BOX_ROWS: usize = 3;

/// Lines of styled text, none wider than there is room for.
pub fn draw(graph: &Graph, size: Size) -> Vec<String> {
    let graph = graph.reduced();
    let graph = if size.unfolded { graph } else { fold(&graph) };
    if graph.nodes.is_empty() {
        return vec![dim("no steps")];
    }
    let fits = |lines: &Vec<String>| {
        size.height.is_none_or(|height| lines.len() <= height) && lines.iter().all(|line| columns(line) <= size.width)
    };
    if graph.nodes.len() <= NODES_MAX {
        let pictures = [Direction::Right, Direction::Down].map(|direction| picture(&graph, direction));
        if let Some(lines) = pictures.into_iter().flatten().find(fits) {
            return lines;
        }
    }
    rail(&graph, size)
}

/// None where lines would be mistaken for others.
pub fn picture(graph: &Graph, direction: Direction) -> Option<Vec<String>> {
    let metric = match direction {
        Direction::Right => Metric { gap: 0, error_port: |_| 1, between: 3, ports: |_| (1, 1) },
        Direction::Down => {
            Metric { gap: 2, error_port: |width| half(width).max(2) - 1, between: 1, ports: |width| (half(width).max(2) - 2, 2) }
        }
    };
    let mut widths: Vec<usize> = graph.nodes.iter().map(box_width).collect();
    if direction == Direction::Right {
        // Boxes of one column are of one width.
        let widest =
            |rank: usize| graph.nodes.iter().zip(&widths).filter(|(node, _)| node.rank == rank).map(|(_, width)| *width).max();
        widths = graph.nodes.iter().map(|node| widest(node.rank).unwrap_or(0)).collect();
    }
    let heights = vec![BOX_ROWS; graph.nodes.len()];
    let laid = match direction {
        Direction::Right => layout(graph, &heights, &widths, &metric),
        Direction::Down => layout(graph, &widths, &heights, &metric),
    };
    if laid.is_ambiguous {
        return None;
    }
    let length = laid.layers.last().map_or(0, |layer| layer.start + layer.length);
    let (width, height) = match direction {
        Direction::Right => (length, laid.extent),
        Direction::Down => (laid.extent, length),
    };
    let mut picture = Picture { canvas: Canvas::new(width, height), direction, laid: &laid, graph, widths: &widths };
    laid.buses.iter().enumerate().for_each(|(net, bus)| picture.bus(net, bus));
    laid.items.iter().for_each(|item| picture.item(item));
    laid.buses.iter().for_each(|bus| picture.ports(bus));
    Some(picture.canvas.rows())
}

fn box_width(node: &Node) -> usize {
    const SIDES: usize = 4;
    let name = columns(&node.name).min(NAME_COLUMNS_MAX) + 2;
    let note = if node.note.is_empty() { 0 } else { columns(&node.note) + 2 };
    name.max(note) + SIDES
}

struct Picture<'a> {
    canvas: Canvas,
    direction: Direction,
    laid: &'a Layout,
    graph: &'a Graph,
    widths: &'a [usize],
}

impl Picture<'_> {
    /// A place by its axes.
    fn at(&self, main: usize, cross: isize) -> (usize, usize) {
        let cross = usize::try_from(cross).unwrap_or(0);
        match self.direction {
            Direction::Right => (main, cross),
            Direction::Down => (cross, main),
        }
    }

    fn bus(&mut self, net: usize, bus: &Bus) {
        let layer = self.laid.layers[bus.rank];
        let next = self.laid.layers.get(bus.rank + 1).map_or(layer.start + layer.length, |layer| layer.start);
        let leave = layer.start + layer.length;
        // Left to right a line shows before it turns.
        let lead = usize::from(self.direction == Direction::Right);
        let track = bus.track.map_or(leave, |track| leave + lead + track);
        for source in &bus.sources {
            let begin = match self.laid.items[source.item].node {
                Some(_) => leave,
                // It passed its layer before.
                None => layer.start,
            };
            let (from, to) = (self.at(begin, source.at), self.at(track, source.at));
            self.canvas.line(net, source.stroke, from, to);
            self.canvas.stub(net, source.stroke, from, if self.direction == Direction::Right { 4 } else { 1 });
        }
        let (low, high) = bus.span();
        if bus.track.is_some() {
            self.canvas.line(net, bus.stroke, self.at(track, low), self.at(track, high));
        }
        for target in &bus.targets {
            let (from, to) = (self.at(track, target.at), self.at(next.saturating_sub(1), target.at));
            self.canvas.line(net, target.stroke, from, to);
            let onwards = if self.direction == Direction::Right { RIGHT } else { DOWN };
            self.canvas.stub(net, target.stroke, to, onwards);
        }
    }

    /// Arrows before boxes, and where lines leave them; drawn over the boxes.
    fn ports(&mut self, bus: &Bus) {
        let layer = self.laid.layers[bus.rank];
        for source in bus.sources.iter().filter(|source| self.laid.items[source.item].node.is_some()) {
            let (x, y) = self.at(layer.start + layer.length - 1, source.at);
            let node = self.laid.items[source.item].node.map(|node| &self.graph.nodes[node]);
            let own = node.map_or(PLAIN, |node| border(node.state).style);
            match (bus.kind, self.direction) {
                (Kind::Error, _) => self.canvas.text(x, y, "↯", RED),
                (Kind::Dependency, Direction::Right) => self.canvas.text(x, y, "├", own),
                (Kind::Dependency, Direction::Down) => self.canvas.text(x, y, "┬", own),
            }
        }
        let Some(next) = self.laid.layers.get(bus.rank + 1) else { return };
        let boxes: Vec<Stub> = bus.targets.iter().filter(|target| self.laid.items[target.item].node.is_some()).copied().collect();
        for target in boxes {
            let (x, y) = self.at(next.start - 1, target.at);
            let arrow = if self.direction == Direction::Right { "▶" } else { "▼" };
            let style = match target.stroke {
                Stroke::Error | Stroke::ErrorTaken => RED,
                Stroke::Taken => PLAIN,
                Stroke::Open | Stroke::NotTaken => DIM,
            };
            self.canvas.text(x, y, arrow, style);
        }
    }

    fn item(&mut self, item: &Item) {
        let layer = self.laid.layers[item.rank];
        let start = item.middle - half(item.cross);
        let Some(node) = item.node else {
            return;
        };
        let (x, y) = self.at(layer.start, start);
        self.node(&self.graph.nodes[node].clone(), x, y, self.widths[node]);
    }

    fn node(&mut self, node: &Node, x: usize, y: usize, width: usize) {
        let border = border(node.state);
        let [tl, tr, bl, br] = border.corners;
        let across: String = std::iter::repeat_n(border.across, width - 2).collect();
        self.canvas.text(x, y, &format!("{tl}{across}{tr}"), border.style);
        self.canvas.text(x, y + 1, &border.down.to_string(), border.style);
        self.canvas.text(x + 1, y + 1, &" ".repeat(width - 2), PLAIN);
        self.canvas.text(x + width - 1, y + 1, &border.down.to_string(), border.style);
        self.canvas.text(x, y + 2, &format!("{bl}{across}{br}"), border.style);
        let look = look(node.state.word());
        self.canvas.text(x + 2, y + 1, look.glyph, look.style);
        self.canvas.text(x + 4, y + 1, &cut_columns(&node.name, NAME_COLUMNS_MAX.min(width - 5)), name_style(node.state));
        let mut marks = String::new();
        marks.extend(node.has_condition.then_some('◇'));
        marks.extend(node.waits.then_some('⧗'));
        self.canvas.text(x + width - 1 - columns(&marks), y, &marks, CYAN);
        if !node.note.is_empty() {
            let note = cut_columns(&node.note, width - 4);
            self.canvas.text(x + 1, y + 2, &format!(" {note} "), note_style(node.state));
        }
    }
}

struct Border {
    corners: [char; 4],
    across: char,
    down: char,
    style: Style,
}

/// Solid: it has happened; dashed: it has not; heavy: it happens; double: again.
fn border(state: State) -> Border {
    let style = match state {
        State::Running => BLUE,
        State::Retrying | State::NoWorker => YELLOW,
        State::Failed | State::Handled => RED,
        State::Cancelled => MAGENTA,
        State::Completed | State::Waiting | State::Defined => PLAIN,
        State::NotYet | State::Skipped => DIM,
    };
    let (corners, across, down) = match state {
        State::Running | State::Failed => (['┏', '┓', '┗', '┛'], '━', '┃'),
        State::Retrying => (['╔', '╗', '╚', '╝'], '═', '║'),
        State::NotYet | State::Skipped | State::NoWorker | State::Cancelled => (['╭', '╮', '╰', '╯'], '╌', '╎'),
        State::Completed | State::Waiting | State::Handled | State::Defined => (['╭', '╮', '╰', '╯'], '─', '│'),
    };
    Border { corners, across, down, style }
}

pub fn name_style(state: State) -> Style {
    match state {
        State::Failed | State::Handled => RED,
        State::Retrying | State::NoWorker => YELLOW,
        State::NotYet | State::Skipped => DIM,
        _ => PLAIN,
    }
}

pub fn note_style(state: State) -> Style {
    match state {
        State::Failed | State::Handled => RED,
        State::Retrying | State::NoWorker => YELLOW,
        _ => DIM,
    }
}

/// What the marks mean, for those that are there.
pub fn legend(graph: &Graph) -> String {
    let mut parts = Vec::new();
    if graph.nodes.iter().any(|node| node.has_condition) {
        parts.push(format!("{} has a condition", painted(CYAN, "◇")));
    }
    if graph.nodes.iter().any(|node| node.waits) {
        parts.push(format!("{} waits first", painted(CYAN, "⧗")));
    }
    if graph.edges.iter().any(|edge| edge.kind == Kind::Error) {
        parts.push(format!("{} when it fails", painted(RED, "↯")));
    }
    if graph.edges.iter().any(|edge| edge.way == Way::NotTaken) {
        parts.push(format!("{} not taken", dim("╌╌")));
    }
    parts.join("   ")
}
