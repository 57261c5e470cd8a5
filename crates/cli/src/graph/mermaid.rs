//! The graph as Mermaid, for documents: <https://mermaid.js.org/syntax/flowchart.html>.

use std::fmt::Write;

use super::model::{Graph, Kind, State, Way};
use crate::render::look;

/// A flowchart; names are quoted and escaped, so that whatever a step is called stays a label.
pub fn mermaid(graph: &Graph, title: &str) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart LR\n", front_matter(title));
    let mut put = |line: std::fmt::Arguments<'_>| writeln!(text, "  {line}").expect("a text can be written to");
    for (index, node) in graph.nodes.iter().enumerate() {
        let glyph = look(node.state.word()).glyph;
        let label = if node.state == State::Defined { label(&node.name) } else { format!("{glyph} {}", label(&node.name)) };
        let note = if node.note.is_empty() { String::new() } else { format!("<br/>{}", self::label(&node.note)) };
        put(format_args!("s{index}[\"{label}{note}\"]:::{}", class(node.state)));
    }
    for edge in &graph.edges {
        let arrow = match (edge.kind, edge.way) {
            (Kind::Dependency, Way::NotTaken) => "-.->",
            (Kind::Dependency, Way::Open) => "-->",
            (Kind::Dependency, Way::Taken) => "==>",
            (Kind::Error, Way::Taken) => "==>|failed|",
            (Kind::Error, Way::Open | Way::NotTaken) => "-.->|when it fails|",
        };
        put(format_args!("s{} {arrow} s{}", edge.from, edge.to));
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        if let Some(workflow) = &node.error_workflow {
            put(format_args!("w{index}([\"workflow {}\"]):::workflow", label(workflow)));
            put(format_args!("s{index} -.->|when it fails| w{index}"));
        }
    }
    let mut states: Vec<State> = graph.nodes.iter().map(|node| node.state).collect();
    states.dedup();
    let mut seen: Vec<&str> = Vec::new();
    for state in states {
        if !seen.contains(&class(state)) {
            seen.push(class(state));
            put(format_args!("classDef {} {}", class(state), colours(state)));
        }
    }
    if graph.nodes.iter().any(|node| node.error_workflow.is_some()) {
        put(format_args!("classDef workflow fill:#F4F4F1,stroke:#85857D,color:#1C1D1A"));
    }
    text
}

fn class(state: State) -> &'static str {
    match state {
        State::Defined => "step",
        State::NotYet => "notYet",
        State::NoWorker => "noWorker",
        State::Handled => "handled",
        state => state.word(),
    }
}

/// The page's colours, readable on light and on dark.
fn colours(state: State) -> &'static str {
    match state {
        State::Defined => "fill:#FFFFFF,stroke:#8B8C84,color:#1C1D1A",
        State::NotYet => "fill:#FFFFFF,stroke:#85857D,color:#54554E,stroke-dasharray:4 3",
        State::Waiting => "fill:#FFFFFF,stroke:#2D3C46,color:#1C1D1A",
        State::NoWorker => "fill:#FBF1DF,stroke:#C27908,color:#8A5200,stroke-dasharray:4 3",
        State::Retrying => "fill:#FBF1DF,stroke:#C27908,color:#8A5200,stroke-width:3px",
        State::Running => "fill:#E9F1FF,stroke:#2779FE,color:#1C1D1A,stroke-width:2px",
        State::Completed => "fill:#E6F3ED,stroke:#0A694D,color:#1C1D1A",
        State::Failed => "fill:#FCEDEB,stroke:#AD1208,color:#A3140B,stroke-width:3px",
        State::Handled => "fill:#FFFFFF,stroke:#AD1208,color:#A3140B",
        State::Skipped => "fill:#F4F4F1,stroke:#85857D,color:#6B6C64,stroke-dasharray:4 3",
        State::Cancelled => "fill:#F4F4F1,stroke:#7614AE,color:#54554E,stroke-dasharray:2 2",
    }
}

/// Text within a quoted label. Mermaid takes entities by number, and `#` begins one.
fn label(text: &str) -> String {
    let escaped = |c: char| match c {
        c if c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ',' | ':' | '…' | '(' | ')' | '/') => c.to_string(),
        c => format!("#{};", u32::from(c)),
    };
    crate::render::one_line(text).chars().map(escaped).collect()
}

/// A YAML text in quotes.
fn front_matter(text: &str) -> String {
    serde_json::to_string(&crate::render::one_line(text)).expect("a text is JSON")
}
