//! Drawings are read back: whoever follows the lines from a box comes to the boxes that depend on it, and to no other.

use std::collections::{BTreeMap, BTreeSet};

use anstream::adapter::strip_str;
use proptest::prelude::*;

use super::drawing::{Direction, picture};
use super::fold::fold;
use super::mermaid::mermaid;
use super::model::{Edge, Graph, Kind, Node, State, Way};
use super::{Size, draw};

fn graph(count: usize, edges: &[(usize, usize, Kind)]) -> Graph {
    let edges: Vec<Edge> = edges.iter().map(|&(from, to, kind)| Edge { from, to, kind, way: Way::Open }).collect();
    let ranks = super::model::ranks(count, &edges);
    let node = |(index, rank)| Node {
        name: format!("n{index}"),
        state: State::Defined,
        note: String::new(),
        has_condition: false,
        waits: false,
        rank,
        error_workflow: None,
    };
    Graph { nodes: ranks.into_iter().enumerate().map(node).collect(), edges }
}

fn plain(lines: &[String]) -> Vec<Vec<char>> {
    lines.iter().map(|line| strip_str(line).to_string().chars().collect()).collect()
}

type Place = (usize, usize);

struct Read {
    cells: Vec<Vec<char>>,
    /// Of each cell of a box, whose it is.
    boxes: BTreeMap<Place, String>,
}

impl Read {
    fn new(lines: &[String]) -> Read {
        let cells = plain(lines);
        let mut boxes = BTreeMap::new();
        for (y, row) in cells.iter().enumerate() {
            for x in 0..row.len() {
                if row[x] == '○' {
                    let name: String = row[x + 2..].iter().take_while(|c| c.is_alphanumeric()).collect();
                    let end = (x..row.len()).find(|&x| matches!(row[x], '│' | '├' | '↯')).unwrap();
                    for (x, y) in (x - 2..=end).flat_map(|x| [(x, y - 1), (x, y), (x, y + 1)]) {
                        boxes.insert((x, y), name.clone());
                    }
                }
            }
        }
        Read { cells, boxes }
    }

    fn at(&self, (x, y): Place) -> char {
        self.cells.get(y).and_then(|row| row.get(x)).copied().unwrap_or(' ')
    }

    /// Where the lines from a place lead, with the flow and never against it.
    fn follow(&self, from: Place, direction: Direction) -> BTreeSet<String> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let onwards = if direction == Direction::Right { 'r' } else { 'd' };
        let back = if direction == Direction::Right { 'l' } else { 'u' };
        let mut open = vec![(from, onwards)];
        while let Some((place, going)) = open.pop() {
            let Some(next) = step(place, going) else { continue };
            if !seen.insert((next, going)) {
                continue;
            }
            let c = self.at(next);
            if matches!(c, '▶' | '▼') {
                let target = step(next, onwards).and_then(|place| self.boxes.get(&place));
                found.insert(target.unwrap_or_else(|| panic!("an arrow to nothing at {next:?}")).clone());
                continue;
            }
            assert!(!self.boxes.contains_key(&next), "a line runs into a box at {next:?}");
            let exits = match (c, going) {
                // It crosses another one.
                ('│' | '╎', 'l' | 'r') | ('─' | '╌', 'u' | 'd') => going.to_string(),
                _ => exits(c).to_owned(),
            };
            assert!(!exits.is_empty(), "a line ends at {next:?} ({c:?})");
            open.extend(exits.chars().filter(|exit| *exit != reverse(going) && *exit != back).map(|exit| (next, exit)));
        }
        found
    }
}

fn step((x, y): Place, going: char) -> Option<Place> {
    match going {
        'r' => Some((x + 1, y)),
        'l' => Some((x.checked_sub(1)?, y)),
        'd' => Some((x, y + 1)),
        _ => Some((x, y.checked_sub(1)?)),
    }
}

fn reverse(going: char) -> char {
    match going {
        'r' => 'l',
        'l' => 'r',
        'd' => 'u',
        _ => 'd',
    }
}

fn exits(c: char) -> &'static str {
    match c {
        '─' | '╌' => "lr",
        '│' | '╎' => "ud",
        '╭' => "dr",
        '╮' => "dl",
        '╰' => "ur",
        '╯' => "ul",
        '├' => "udr",
        '┤' => "udl",
        '┬' => "lrd",
        '┴' => "lru",
        '┼' => "lrud",
        _ => "",
    }
}

/// Of each box what its two ports lead to.
fn read_back(lines: &[String], direction: Direction) -> BTreeMap<(String, Kind), BTreeSet<String>> {
    let read = Read::new(lines);
    let mut edges = BTreeMap::new();
    for (place, name) in &read.boxes {
        let beyond = step(*place, if direction == Direction::Right { 'r' } else { 'd' });
        if beyond.is_some_and(|beyond| read.boxes.get(&beyond) == Some(name)) {
            continue;
        }
        let kind = match read.at(*place) {
            '├' | '┬' => Kind::Dependency,
            '↯' => Kind::Error,
            _ => continue,
        };
        edges.entry((name.clone(), kind)).or_insert_with(BTreeSet::new).extend(read.follow(*place, direction));
    }
    edges
}

fn expected(graph: &Graph) -> BTreeMap<(String, Kind), BTreeSet<String>> {
    let mut edges = BTreeMap::new();
    for edge in &graph.edges {
        let of = edges.entry((graph.nodes[edge.from].name.clone(), edge.kind)).or_insert_with(BTreeSet::new);
        of.insert(graph.nodes[edge.to].name.clone());
    }
    edges
}

fn any_graph() -> impl Strategy<Value = Graph> {
    let node = (proptest::collection::vec(any::<prop::sample::Index>(), 0..3), any::<prop::sample::Index>(), any::<bool>());
    proptest::collection::vec(node, 2..13).prop_map(|nodes| {
        let mut edges = BTreeSet::new();
        for (to, (before, by, is_target)) in nodes.iter().enumerate().skip(1) {
            edges.extend(before.iter().map(|from| (from.index(to), to, Kind::Dependency)));
            if before.is_empty() && *is_target {
                edges.insert((by.index(to), to, Kind::Error));
            }
        }
        // A step has one error branch.
        let mut has_branch = BTreeSet::new();
        let edges: Vec<_> = edges.into_iter().filter(|edge| edge.2 == Kind::Dependency || has_branch.insert(edge.0)).collect();
        graph(nodes.len(), &edges)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn lines_lead_where_the_edges_do(graph in any_graph()) {
        let graph = graph.reduced();
        for direction in [Direction::Right, Direction::Down] {
            if let Some(lines) = picture(&graph, direction) {
                prop_assert_eq!(read_back(&lines, direction), expected(&graph), "{:?}\n{}", direction, lines.join("\n"));
            }
        }
    }

    #[test]
    fn every_step_is_there_and_no_line_is_too_wide(graph in any_graph(), width in 30..120_usize, height in 4..60_usize) {
        let all = draw(&graph, Size { width, height: None, unfolded: true });
        let text = strip_str(&all.join("\n")).to_string();
        for node in &graph.nodes {
            prop_assert!(text.contains(&node.name), "{}\n{text}", node.name);
        }
        let some = draw(&graph, Size { width, height: Some(height), unfolded: false });
        prop_assert!(some.len() <= height.max(3), "{} lines of {height}", some.len());
        for line in all.iter().chain(&some) {
            prop_assert!(crate::render::columns(line) <= width, "{line}");
        }
    }
}

#[test]
fn a_diamond_with_an_error_branch() {
    let dependencies = [(0, 1), (0, 2), (1, 3), (2, 3)].map(|(from, to)| (from, to, Kind::Dependency));
    let graph = graph(5, &[&dependencies[..], &[(3, 4, Kind::Error)]].concat());
    let drawn = picture(&graph, Direction::Right).unwrap();
    insta::assert_snapshot!(strip_str(&drawn.join("\n")).to_string());
}

#[test]
fn a_fan_of_a_hundred_is_one_box_but_for_what_needs_somebody() {
    let edges: Vec<_> = (1..=100).flat_map(|node| [(0, node, Kind::Dependency), (node, 101, Kind::Dependency)]).collect();
    let mut graph = graph(102, &edges);
    graph.nodes[7].state = State::Failed;
    let folded = fold(&graph);
    let names: Vec<&str> = folded.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["n0", "99 steps, n1 … n100", "n7", "n101"]);
    assert!(draw(&graph, Size { width: 100, height: None, unfolded: false }).len() < 10);
    assert!(draw(&graph, Size { width: 100, height: None, unfolded: true }).len() > 100);
}

#[test]
fn labels_stay_labels_in_mermaid() {
    let mut graph = graph(1, &[]);
    graph.nodes[0].name = "a\"] --> b; end <script>`#` |x|".to_owned();
    let text = mermaid(&graph, "a: \"b\"\n---");
    let line = text.lines().find(|line| line.contains(":::step")).unwrap();
    assert_eq!(line, "  s0[\"a#34;#93; --#62; b#59; end #60;script#62;#96;#35;#96; #124;x#124;\"]:::step");
    assert!(text.starts_with("---\ntitle: \"a: \\\"b\\\"\\\\u{a}---\"\n---\n"), "{text}");
}
