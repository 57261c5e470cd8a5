//! One line a step, in an order that can be followed: for graphs that are too large for boxes.

use std::collections::BTreeSet;

use super::drawing::{Size, name_style, note_style};
use super::model::{Graph, Kind, State};
use crate::render::look::{RED, look, painted};
use crate::render::{columns, cut_columns, cut_styled, dim};

const NAME_COLUMNS_MAX: usize = 32;
const NAMED_MAX: usize = 3;

/// Where there is too little room, what matters stays: what runs, waits or failed, and what is around it.
pub fn rail(graph: &Graph, size: Size) -> Vec<String> {
    let order = graph.order();
    let name_width = graph.nodes.iter().map(|node| columns(&node.name)).max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let note_width = graph.nodes.iter().map(|node| columns(&node.note)).max().unwrap_or(0);
    let shown = shown(graph, &order, size.height);
    let mut lines = Vec::new();
    let mut hidden = 0;
    let mut last_rank = None;
    for (place, &node) in order.iter().enumerate() {
        if !shown.contains(&place) {
            hidden += 1;
            continue;
        }
        if hidden > 0 {
            lines.push(dim(&format!("  ⋮ {hidden} more")));
            hidden = 0;
        }
        let of = &graph.nodes[node];
        let depth = if last_rank == Some(of.rank) { "│" } else { "├" };
        last_rank = Some(of.rank);
        let look = look(of.state.word());
        let name = pad(&cut_columns(&of.name, NAME_COLUMNS_MAX), name_width);
        let note = pad(&of.note, note_width);
        let line = format!(
            "{} {} {}  {}  {}",
            dim(&format!("{:>3} {depth}", of.rank + 1)),
            look.painted_glyph(),
            painted(name_style(of.state), &name),
            painted(note_style(of.state), &note),
            before(graph, node)
        );
        lines.push(cut_styled(line.trim_end(), size.width));
    }
    if hidden > 0 {
        lines.push(dim(&format!("  ⋮ {hidden} more")));
    }
    lines
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// What comes before a step.
fn before(graph: &Graph, node: usize) -> String {
    let named = |kind: Kind| {
        let all: Vec<&str> = graph
            .edges
            .iter()
            .filter(|edge| edge.to == node && edge.kind == kind)
            .map(|edge| graph.nodes[edge.from].name.as_str())
            .collect();
        let more = all.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!all.is_empty()).then(|| format!("{}{more}", all.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ")))
    };
    let dependencies = named(Kind::Dependency).map(|names| dim(&format!("after {names}")));
    let errors = named(Kind::Error).map(|names| format!("{} {}", painted(RED, "↯"), dim(&format!("when {names} fails"))));
    [dependencies, errors].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Places in the order that are shown.
fn shown(graph: &Graph, order: &[usize], height: Option<usize>) -> BTreeSet<usize> {
    let all = || (0..order.len()).collect();
    let Some(height) = height.filter(|height| *height < order.len()) else { return all() };
    let matters = |place: &usize| {
        let state = graph.nodes[order[*place]].state;
        matches!(state, State::Failed | State::Running | State::Retrying | State::NoWorker | State::Waiting | State::Handled)
    };
    let active: Vec<usize> = (0..order.len()).filter(matters).collect();
    let centre = active.first().copied().unwrap_or_else(|| {
        let done = (0..order.len()).rev().find(|&place| graph.nodes[order[place]].state != State::NotYet);
        done.unwrap_or(0)
    });
    // Lines that say how much is left out take some of the room.
    let room = height.saturating_sub(4).max(1);
    let mut shown: BTreeSet<usize> = active.into_iter().take(room).collect();
    for distance in 0..order.len() {
        for place in [centre.checked_sub(distance), Some(centre + distance)].into_iter().flatten() {
            if shown.len() < room && place < order.len() {
                shown.insert(place);
            }
        }
    }
    shown
}
