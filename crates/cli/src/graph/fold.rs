//! Steps that are alike in one node: a fan of many with the same steps before and after them, all of them calm. What runs, waits or
//! failed always stands for itself.

use std::collections::{BTreeMap, HashMap};

use super::model::{Edge, Graph, Kind, Node, State};

/// Fans of fewer are shown as they are.
const FAN_MIN: usize = 8;

pub fn fold(graph: &Graph) -> Graph {
    let mut fans: BTreeMap<Alike, Vec<usize>> = BTreeMap::new();
    for node in 0..graph.nodes.len() {
        fans.entry(Alike::of(graph, node)).or_default().push(node);
    }
    let folded = |alike: &Alike, members: &[usize]| alike.is_calm && !alike.has_error && members.len() >= FAN_MIN;
    let mut place = vec![0; graph.nodes.len()];
    let mut nodes = Vec::new();
    let of_node: HashMap<usize, (&Alike, &Vec<usize>)> =
        fans.iter().flat_map(|(alike, members)| members.iter().map(move |&member| (member, (alike, members)))).collect();
    for node in 0..graph.nodes.len() {
        let (alike, members) = of_node[&node];
        if !folded(alike, members) {
            place[node] = nodes.len();
            nodes.push(graph.nodes[node].clone());
        } else if members[0] == node {
            members.iter().for_each(|&member| place[member] = nodes.len());
            nodes.push(together(graph, members));
        }
    }
    let mut edges: Vec<Edge> = Vec::new();
    for edge in &graph.edges {
        let moved = Edge { from: place[edge.from], to: place[edge.to], ..*edge };
        match edges.iter_mut().find(|old| (old.from, old.to, old.kind) == (moved.from, moved.to, moved.kind)) {
            Some(old) => old.way = old.way.max(moved.way),
            None => edges.push(moved),
        }
    }
    Graph { nodes, edges }
}

/// Nodes that agree in this may share a place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    is_calm: bool,
    has_error: bool,
    state: u8,
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Alike {
    fn of(graph: &Graph, node: usize) -> Alike {
        let touches = |edge: &&Edge| edge.from == node || edge.to == node;
        let mut before: Vec<usize> = graph.edges.iter().filter(|edge| edge.to == node).map(|edge| edge.from).collect();
        let mut after: Vec<usize> = graph.edges.iter().filter(|edge| edge.from == node).map(|edge| edge.to).collect();
        before.sort_unstable();
        after.sort_unstable();
        let state = graph.nodes[node].state;
        Alike {
            is_calm: state.is_calm(),
            has_error: graph.edges.iter().filter(touches).any(|edge| edge.kind == Kind::Error),
            state: state as u8,
            before,
            after,
        }
    }
}

fn together(graph: &Graph, members: &[usize]) -> Node {
    let first = &graph.nodes[members[0]];
    let note = match first.state {
        State::Completed => "completed",
        State::Skipped => "skipped",
        _ => "",
    };
    let last = &graph.nodes[members[members.len() - 1]];
    Node {
        name: format!("{} steps, {} … {}", members.len(), short(&first.name), short(&last.name)),
        note: note.to_owned(),
        has_condition: members.iter().any(|&member| graph.nodes[member].has_condition),
        ..first.clone()
    }
}

fn short(name: &str) -> String {
    crate::render::cut(name, 12)
}
