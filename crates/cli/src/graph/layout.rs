//! Places for boxes and lines: layers by rank, each in an order with few crossings, and lines that turn in the gaps between layers.
//!
//! Along the `main` axis one layer comes after another, along the `cross` axis the boxes of a layer lie side by side: left to right
//! main is `x`, downwards main is `y`. Edges over more than one layer pass through places of one cell of their own. Within a gap,
//! sources that lead to the same targets share a bus: one line across, at a track of its own.

use std::collections::BTreeMap;

use super::canvas::Stroke;
use super::model::{Edge, Graph, Kind, Way};

/// What the layout has to know of the picture.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Cells between two boxes of a layer.
    pub gap: usize,
    /// Where an error edge leaves a box, from its middle along the cross axis.
    pub error_port: fn(usize) -> isize,
    /// Cells of a gap between layers besides its tracks.
    pub between: usize,
    /// Along a box's side, from its middle, how far lines may meet it, and how far apart.
    pub ports: fn(usize) -> (isize, isize),
}

/// A box, or the place where an edge passes a layer.
#[derive(Debug, Clone)]
pub struct Item {
    /// None: an edge passes.
    pub node: Option<usize>,
    pub rank: usize,
    /// The cell in the middle, along the cross axis.
    pub middle: isize,
    pub cross: usize,
}

/// One line across a gap, and the stubs that it joins.
#[derive(Debug, Clone)]
pub struct Bus {
    pub rank: usize,
    pub kind: Kind,
    /// Where stubs come from: the cross place, the item, the look.
    pub sources: Vec<Stub>,
    pub targets: Vec<Stub>,
    /// None: it goes straight.
    pub track: Option<usize>,
    pub stroke: Stroke,
}

#[derive(Debug, Clone, Copy)]
pub struct Stub {
    pub item: usize,
    pub at: isize,
    pub stroke: Stroke,
}

#[derive(Debug)]
pub struct Layout {
    pub items: Vec<Item>,
    pub buses: Vec<Bus>,
    /// Of each layer its length and how many tracks follow it, along the main axis.
    pub layers: Vec<Layer>,
    /// Along the cross axis.
    pub extent: usize,
    /// Two lines share a place without meaning the same: another picture would say more.
    pub is_ambiguous: bool,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Layer {
    pub start: usize,
    pub length: usize,
    pub tracks: usize,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    from: usize,
    to: usize,
    kind: Kind,
    stroke: Stroke,
}

pub fn stroke(kind: Kind, way: Way) -> Stroke {
    match (kind, way) {
        (_, Way::NotTaken) => Stroke::NotTaken,
        (Kind::Dependency, Way::Open) => Stroke::Open,
        (Kind::Dependency, Way::Taken) => Stroke::Taken,
        (Kind::Error, Way::Open) => Stroke::Error,
        (Kind::Error, Way::Taken) => Stroke::ErrorTaken,
    }
}

/// `cross` and `main` are the sizes of each node's box.
pub fn layout(graph: &Graph, cross: &[usize], main: &[usize], metric: &Metric) -> Layout {
    let (mut items, segments) = items_and_segments(graph, cross);
    let ranks = items.iter().map(|item| item.rank + 1).max().unwrap_or(0);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); ranks];
    (0..items.len()).for_each(|item| layers[items[item].rank].push(item));
    order(&mut layers, items.len(), &segments);
    place(&mut items, &layers, &segments, metric);
    let lowest = items.iter().map(|item| item.middle - half(item.cross)).min().unwrap_or(0);
    items.iter_mut().for_each(|item| item.middle -= lowest);
    let extent = items.iter().map(|item| item.middle - half(item.cross) + signed(item.cross)).max().unwrap_or(0);
    let mut is_ambiguous = false;
    let mut buses = Vec::new();
    let mut sizes = vec![Layer::default(); ranks];
    for rank in 0..ranks {
        sizes[rank].length = layers[rank].iter().filter_map(|&item| items[item].node).map(|node| main[node]).max().unwrap_or(1);
        let mut found = buses_of(rank, &items, &segments, metric);
        is_ambiguous |= !separate(&mut found, &items, metric);
        straighten(&mut found, &items, metric);
        let (tracks, ambiguous) = assign_tracks(&mut found);
        sizes[rank].tracks = tracks;
        is_ambiguous |= ambiguous;
        buses.append(&mut found);
    }
    let mut start = 0;
    for layer in &mut sizes {
        layer.start = start;
        start += layer.length + layer.tracks + metric.between;
    }
    Layout { items, buses, layers: sizes, extent: usize::try_from(extent).unwrap_or(0), is_ambiguous }
}

fn signed(length: usize) -> isize {
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// Cells before the middle one.
pub fn half(length: usize) -> isize {
    signed(length.saturating_sub(1) / 2)
}

fn items_and_segments(graph: &Graph, cross: &[usize]) -> (Vec<Item>, Vec<Segment>) {
    let mut items: Vec<Item> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(node, of)| Item { node: Some(node), rank: of.rank, middle: 0, cross: cross[node] })
        .collect();
    let mut segments: Vec<Segment> = Vec::new();
    // Edges that leave a node for the same side share their way as far as they can.
    let mut ways: BTreeMap<(usize, Kind, usize), usize> = BTreeMap::new();
    for edge in &graph.edges {
        let Edge { from, to, kind, way } = *edge;
        let stroke = stroke(kind, way);
        let mut last = from;
        for rank in graph.nodes[from].rank + 1..graph.nodes[to].rank {
            let next = *ways.entry((from, kind, rank)).or_insert_with(|| {
                items.push(Item { node: None, rank, middle: 0, cross: 1 });
                items.len() - 1
            });
            connect(&mut segments, Segment { from: last, to: next, kind, stroke });
            last = next;
        }
        connect(&mut segments, Segment { from: last, to, kind, stroke });
    }
    (items, segments)
}

fn connect(segments: &mut Vec<Segment>, segment: Segment) {
    match segments.iter_mut().find(|old| (old.from, old.to, old.kind) == (segment.from, segment.to, segment.kind)) {
        Some(old) => old.stroke = old.stroke.max(segment.stroke),
        None => segments.push(segment),
    }
}

/// An order of each layer with few crossings: each item where its neighbours are, forth and back, and the best that was seen.
fn order(layers: &mut [Vec<usize>], items: usize, segments: &[Segment]) {
    const SWEEPS: usize = 12;
    let mut best = (crossings(layers, items, segments), layers.to_vec());
    for sweep in 0..SWEEPS {
        let forth = sweep % 2 == 0;
        let ranks: Vec<usize> =
            if forth { (1..layers.len()).collect() } else { (0..layers.len().saturating_sub(1)).rev().collect() };
        for rank in ranks {
            let beside = if forth { rank - 1 } else { rank + 1 };
            let places = places(layers, items);
            let centre = |item: usize| {
                let neighbours = segments.iter().filter_map(|segment| match forth {
                    true if segment.to == item => Some(segment.from),
                    false if segment.from == item => Some(segment.to),
                    _ => None,
                });
                let at: Vec<usize> = neighbours.map(|neighbour| places[neighbour]).collect();
                let width = layers[beside].len().max(1) as f64;
                match at.len() {
                    0 => (places[item] as f64 + 0.5) / layers[rank].len().max(1) as f64,
                    count => (at.iter().sum::<usize>() as f64 / count as f64 + 0.5) / width,
                }
            };
            let mut keyed: Vec<(f64, usize)> = layers[rank].iter().map(|&item| (centre(item), item)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            layers[rank] = keyed.into_iter().map(|(_, item)| item).collect();
        }
        let crossed = crossings(layers, items, segments);
        if crossed < best.0 {
            best = (crossed, layers.to_vec());
        }
    }
    layers.clone_from_slice(&best.1);
}

fn places(layers: &[Vec<usize>], items: usize) -> Vec<usize> {
    let mut places = vec![0; items];
    for layer in layers {
        layer.iter().enumerate().for_each(|(place, &item)| places[item] = place);
    }
    places
}

fn crossings(layers: &[Vec<usize>], items: usize, segments: &[Segment]) -> usize {
    let places = places(layers, items);
    let mut rank_of = vec![0; items];
    for (rank, layer) in layers.iter().enumerate() {
        layer.iter().for_each(|&item| rank_of[item] = rank);
    }
    let mut count = 0;
    for rank in 0..layers.len() {
        let here: Vec<(usize, usize)> = segments
            .iter()
            .filter(|segment| rank_of[segment.from] == rank)
            .map(|segment| (places[segment.from], places[segment.to]))
            .collect();
        for (index, a) in here.iter().enumerate() {
            count += here[index + 1..].iter().filter(|b| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)).count();
        }
    }
    count
}

/// Each item as near to its neighbours as the order allows.
fn place(items: &mut [Item], layers: &[Vec<usize>], segments: &[Segment], metric: &Metric) {
    const SWEEPS: usize = 8;
    for layer in layers {
        settle(items, layer, &vec![0.0; layer.len()], metric);
    }
    for sweep in 0..SWEEPS {
        // The last one looks back, so that what follows a step stands beside it.
        let forth = sweep % 2 == 1;
        let ranks: Vec<usize> = if forth { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for rank in ranks {
            let wanted: Vec<f64> = layers[rank]
                .iter()
                .map(|&item| {
                    let beside = segments.iter().filter_map(|segment| match forth {
                        true if segment.to == item => Some(segment.from),
                        false if segment.from == item => Some(segment.to),
                        _ => None,
                    });
                    let mut at: Vec<isize> = beside.map(|neighbour| items[neighbour].middle).collect();
                    at.sort_unstable();
                    match at.len() {
                        0 => items[item].middle as f64,
                        count if count % 2 == 1 => at[count / 2] as f64,
                        count => (at[count / 2 - 1] + at[count / 2]) as f64 / 2.0,
                    }
                })
                .collect();
            settle(items, &layers[rank], &wanted, metric);
        }
    }
}

/// The places nearest to those that are wanted, in order and without overlap (isotonic regression).
fn settle(items: &mut [Item], layer: &[usize], wanted: &[f64], metric: &Metric) {
    let mut offset = 0_isize;
    let mut offsets = Vec::with_capacity(layer.len());
    for (index, &item) in layer.iter().enumerate() {
        if index > 0 {
            let before = &items[layer[index - 1]];
            let gap = if before.node.is_some() && items[item].node.is_some() { metric.gap } else { metric.gap / 2 };
            offset += signed(before.cross) - half(before.cross) + half(items[item].cross) + signed(gap);
        }
        offsets.push(offset);
    }
    // Blocks of items that push each other: sum of wanted places, count.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (index, want) in wanted.iter().enumerate() {
        blocks.push((want - offsets[index] as f64, 1));
        while blocks.len() > 1 {
            let (last, before) = (blocks[blocks.len() - 1], blocks[blocks.len() - 2]);
            if before.0 / before.1 as f64 <= last.0 / last.1 as f64 {
                break;
            }
            blocks.truncate(blocks.len() - 2);
            blocks.push((before.0 + last.0, before.1 + last.1));
        }
    }
    let mut index = 0;
    for (sum, count) in blocks {
        let at = (sum / count as f64).round() as isize;
        for _ in 0..count {
            items[layer[index]].middle = at + offsets[index];
            index += 1;
        }
    }
}

/// Sources with the same targets share a bus.
fn buses_of(rank: usize, items: &[Item], segments: &[Segment], metric: &Metric) -> Vec<Bus> {
    let here = || segments.iter().filter(|segment| items[segment.from].rank == rank);
    let mut targets: BTreeMap<(usize, Kind), Vec<usize>> = BTreeMap::new();
    here().for_each(|segment| targets.entry((segment.from, segment.kind)).or_default().push(segment.to));
    let mut groups: BTreeMap<(Kind, Vec<usize>), Vec<usize>> = BTreeMap::new();
    for ((from, kind), mut to) in targets {
        to.sort_unstable();
        groups.entry((kind, to)).or_default().push(from);
    }
    let bus = |((kind, to), from): ((Kind, Vec<usize>), Vec<usize>)| {
        let between = || here().filter(|segment| segment.kind == kind && from.contains(&segment.from));
        let stroke_of = |wanted: &dyn Fn(&Segment) -> bool| {
            between().filter(|segment| wanted(segment)).map(|segment| segment.stroke).max().unwrap_or(Stroke::Open)
        };
        let port = |item: &Item| match (kind, item.node) {
            (Kind::Error, Some(_)) => item.middle + (metric.error_port)(item.cross),
            _ => item.middle,
        };
        let source = |&item: &usize| Stub { item, at: port(&items[item]), stroke: stroke_of(&|segment| segment.from == item) };
        let target = |&item: &usize| Stub { item, at: items[item].middle, stroke: stroke_of(&|segment| segment.to == item) };
        Bus {
            rank,
            kind,
            sources: from.iter().map(source).collect(),
            targets: to.iter().map(target).collect(),
            track: None,
            stroke: stroke_of(&|_| true),
        }
    };
    groups.into_iter().map(bus).collect()
}

impl Bus {
    fn all(&self) -> impl Iterator<Item = isize> + '_ {
        self.sources.iter().chain(&self.targets).map(|stub| stub.at)
    }

    pub fn span(&self) -> (isize, isize) {
        (self.all().min().unwrap_or(0), self.all().max().unwrap_or(0))
    }
}

/// A line that joins another on its way to a box, and leads elsewhere as well, would be taken for a branch of that other one: it
/// meets the box at a place of its own. Answers whether there was room.
fn separate(buses: &mut [Bus], items: &[Item], metric: &Metric) -> bool {
    let mut has_room = true;
    for (item, of) in items.iter().enumerate().filter(|(_, of)| of.node.is_some()) {
        let leads_to = |bus: &Bus| bus.targets.iter().any(|target| target.item == item);
        let (mut alone, mut shared): (Vec<usize>, Vec<usize>) =
            (0..buses.len()).filter(|&bus| leads_to(&buses[bus])).partition(|&bus| buses[bus].targets.len() == 1);
        if shared.is_empty() || alone.len() + shared.len() < 2 {
            continue;
        }
        // Groups that share a place, in the order in which they come from.
        let mut groups: Vec<Vec<usize>> = shared.drain(..).map(|bus| vec![bus]).collect();
        if !alone.is_empty() {
            groups.push(std::mem::take(&mut alone));
        }
        let from = |group: &Vec<usize>| {
            let places: Vec<isize> = group.iter().flat_map(|&bus| buses[bus].sources.iter().map(|source| source.at)).collect();
            places.iter().sum::<isize>() as f64 / places.len().max(1) as f64
        };
        groups.sort_by(|a, b| from(a).total_cmp(&from(b)));
        let (reach, apart) = (metric.ports)(of.cross);
        let first = -(signed(groups.len()) - 1) * apart / 2;
        has_room &= -first <= reach;
        for (index, group) in groups.into_iter().enumerate() {
            let at = of.middle + (first + signed(index) * apart).clamp(-reach, reach);
            for bus in group {
                buses[bus].targets.iter_mut().filter(|target| target.item == item).for_each(|target| target.at = at);
            }
        }
    }
    has_room
}

/// A line that is nearly straight becomes so, where boxes are wide enough to be met beside their middle.
fn straighten(buses: &mut [Bus], items: &[Item], metric: &Metric) {
    for index in 0..buses.len() {
        let [source] = buses[index].sources[..] else { continue };
        let [target] = buses[index].targets[..] else { continue };
        let reach = |stub: Stub| match items[stub.item].node {
            Some(_) => (metric.ports)(items[stub.item].cross).0 - 1,
            None => 0,
        };
        let is_shared = |stub: Stub| {
            buses
                .iter()
                .enumerate()
                .any(|(other, bus)| other != index && bus.targets.iter().any(|target| target.item == stub.item))
        };
        let off = (target.at - source.at).abs();
        if buses[index].kind == Kind::Dependency && off > 0 && off <= reach(source).min(2) {
            buses[index].sources[0].at = target.at;
        } else if off > 0 && off <= reach(target).min(2) && !is_shared(target) {
            buses[index].targets[0].at = source.at;
        }
    }
}

/// A track for each bus that is not straight, so that none lies on another and none is mistaken for another. Answers how many
/// there are, and whether it could not be had.
fn assign_tracks(buses: &mut [Bus]) -> (usize, bool) {
    let bent: Vec<usize> = (0..buses.len()).filter(|&bus| buses[bus].span().0 != buses[bus].span().1).collect();
    // A stub of a source ends at its bus: a bus that has a target at the same place comes after it.
    let comes_first = |a: usize, b: usize| {
        a != b && buses[a].sources.iter().any(|source| buses[b].targets.iter().any(|target| target.at == source.at))
    };
    let (mut left, mut done, mut is_ambiguous) = (bent, Vec::<(usize, usize)>::new(), false);
    let mut tracks = 0;
    while !left.is_empty() {
        let free = left.iter().position(|&bus| !left.iter().any(|&other| comes_first(other, bus)));
        is_ambiguous |= free.is_none();
        let bus = left.remove(free.unwrap_or(0));
        let (low, high) = buses[bus].span();
        let after = done.iter().filter(|(other, _)| comes_first(*other, bus)).map(|(_, track)| track + 1).max().unwrap_or(0);
        let overlaps = |track: usize| {
            done.iter().any(|&(other, at)| at == track && buses[other].span().0 <= high && low <= buses[other].span().1)
        };
        let track = (after..).find(|&track| !overlaps(track)).unwrap_or(after);
        tracks = tracks.max(track + 1);
        done.push((bus, track));
    }
    // A straight line shares its place with nothing but what leads to the same target.
    let straight: Vec<usize> = (0..buses.len()).filter(|&bus| buses[bus].span().0 == buses[bus].span().1).collect();
    for &(bus, track) in &done {
        is_ambiguous |= straight.iter().any(|&other| {
            let at = buses[other].span().0;
            let meets = |stubs: &[Stub]| stubs.iter().any(|stub| stub.at == at);
            let shares = buses[other].targets.iter().any(|a| buses[bus].targets.iter().any(|b| a.item == b.item));
            (meets(&buses[bus].sources) || meets(&buses[bus].targets)) && !shares
        });
        buses[bus].track = Some(track);
    }
    (tracks, is_ambiguous)
}
