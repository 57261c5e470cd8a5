//! `workflow nodes`.

use workflow_core::id::Slot;

use crate::client::model::Node;

use super::look::{DIM, GREEN, Look, RED};
use super::table::{Overflow, table};
use super::{Clock, code, dim, one_line};

/// A table; of one engine that has everything a sentence.
pub fn nodes(nodes: &[Node], clock: &Clock, width: Option<usize>) -> String {
    match nodes {
        [node] if node.slots == u32::from(Slot::COUNT) => alone(node, clock),
        nodes => {
            let rows = nodes.iter().map(|node| row(node, clock)).collect();
            let headings = ["STATUS", "ENGINE", "URL", "JOINED", "SHARE", "SLOTS", ""];
            let lapsed = nodes.iter().any(|node| node.status == "lapsed");
            let hint =
                if lapsed { format!("\n{}\n", dim("the others take over what a lapsed engine owns")) } else { String::new() };
            table(&headings, rows, &[4, 5], Overflow::Cut, width) + &hint
        }
    }
}

fn alone(node: &Node, clock: &Clock) -> String {
    let at = node.url.as_deref().map(|url| format!(" at {}", one_line(url))).unwrap_or_default();
    let joined = clock.relative(node.joined_at);
    format!("one engine owns all executions: {}{at}, which joined {joined}\n", code(&one_line(&node.name)))
}

fn row(node: &Node, clock: &Clock) -> Vec<String> {
    let look = match node.status.as_str() {
        "live" => Look { glyph: "●", style: GREEN },
        "lapsed" => Look { glyph: "✕", style: RED },
        _ => Look { glyph: "·", style: DIM },
    };
    let notes = [(node.is_self, "it answered"), (node.slots == 0, "it has no share yet")];
    let notes: Vec<&str> = notes.into_iter().filter_map(|(is_so, note)| is_so.then_some(note)).collect();
    vec![
        look.with(&one_line(&node.status)),
        one_line(&node.name),
        node.url.as_deref().map_or_else(|| dim("–"), one_line),
        clock.relative(node.joined_at),
        format!("{:.1} %", f64::from(node.slots) * 100.0 / f64::from(Slot::COUNT)),
        node.slots.to_string(),
        dim(&notes.join(", ")),
    ]
}
