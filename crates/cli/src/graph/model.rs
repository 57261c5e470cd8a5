//! What is drawn: nodes and edges, each with its state.

use std::collections::HashMap;

use crate::client::model::{Definition, DefinitionStep, Execution, StepResult};
use crate::course::{Course, StepCourse};
use crate::render::{Clock, one_line, span, ticking};

#[derive(Debug, Clone)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub name: String,
    pub state: State,
    /// In a few words: how long it took, when it is tried again.
    pub note: String,
    pub has_condition: bool,
    pub waits: bool,
    /// How many steps have to come before it, on the longest way.
    pub rank: usize,
    /// The workflow that its failure starts.
    pub error_workflow: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing is known of it: it is a definition's.
    Defined,
    NotYet,
    Waiting,
    NoWorker,
    Retrying,
    Running,
    Completed,
    Failed,
    /// It failed and the execution went on.
    Handled,
    Skipped,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub kind: Kind,
    pub way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Dependency,
    Error,
}

/// Whether an execution went this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    NotTaken,
    Open,
    Taken,
}

impl State {
    /// The word whose look it has; see `render::look`.
    pub fn word(self) -> &'static str {
        match self {
            State::Defined => "pending",
            State::NotYet => "",
            State::Waiting => "waiting",
            State::NoWorker => "noWorker",
            State::Retrying => "retrying",
            State::Running => "running",
            State::Completed => "completed",
            State::Failed | State::Handled => "failed",
            State::Skipped => "skipped",
            State::Cancelled => "cancelled",
        }
    }

    /// Nobody has to look at it: it may be put together with others.
    pub fn is_calm(self) -> bool {
        matches!(self, State::Defined | State::NotYet | State::Completed | State::Skipped)
    }
}

/// Of a definition, or of an execution of it.
pub fn graph(definition: &Definition, execution: Option<&Execution>, course: &Course, clock: &Clock) -> Graph {
    let by_id: HashMap<&str, usize> =
        definition.steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect();
    let mut edges = Vec::new();
    for (to, step) in definition.steps.iter().enumerate() {
        let mut before: Vec<usize> = step.depends_on.iter().filter_map(|id| by_id.get(id.as_str()).copied()).collect();
        before.sort_unstable();
        before.dedup();
        edges.extend(before.into_iter().map(|from| Edge { from, to, kind: Kind::Dependency, way: Way::Open }));
    }
    for (from, step) in definition.steps.iter().enumerate() {
        let target = step.error_branch.as_deref().and_then(|id| by_id.get(id));
        edges.extend(target.map(|&to| Edge { from, to, kind: Kind::Error, way: Way::Open }));
    }
    let ranks = ranks(definition.steps.len(), &edges);
    let node = |(step, rank): (&DefinitionStep, usize)| {
        let result = execution.and_then(|execution| execution.step_results.0.iter().find(|result| result.step_id == step.id));
        let of_course = course.get(&step.id);
        let state = match execution {
            None => State::Defined,
            Some(_) => result.map_or(State::NotYet, |result| state(result, of_course)),
        };
        let is_workflow = |id: &&String| !by_id.contains_key(id.as_str());
        Node {
            name: one_line(&step.id),
            state,
            note: if state == State::Defined {
                of_definition(step)
            } else {
                note(step, state, result, of_course, execution, clock)
            },
            has_condition: step.condition.is_some(),
            waits: step.wait.is_some(),
            rank,
            error_workflow: step.error_branch.as_ref().filter(is_workflow).map(|id| one_line(id)),
        }
    };
    let nodes: Vec<Node> = definition.steps.iter().zip(ranks).map(node).collect();
    if execution.is_some() {
        edges.iter_mut().for_each(|edge| edge.way = way(edge, &nodes, definition, course));
    }
    Graph { nodes, edges }
}

fn state(result: &StepResult, course: Option<&StepCourse>) -> State {
    match (result.status.as_str(), &result.waiting_for) {
        ("completed", _) => State::Completed,
        ("failed", _) if course.is_some_and(|course| course.handling.is_some()) => State::Handled,
        ("failed", _) => State::Failed,
        ("skipped", _) => State::Skipped,
        ("cancelled", _) => State::Cancelled,
        ("running", _) => State::Running,
        (_, Some(waiting)) if waiting.kind == "retry" => State::Retrying,
        (_, Some(waiting)) if waiting.kind == "worker" => State::NoWorker,
        ("waiting", _) => State::Waiting,
        _ => State::NotYet,
    }
}

/// What a definition says of a step, where nothing has run.
fn of_definition(step: &DefinitionStep) -> String {
    const CONDITION_CHARACTERS_MAX: usize = 24;
    let condition =
        step.condition.as_deref().map(|text| format!("if {}", crate::render::cut(&one_line(text), CONDITION_CHARACTERS_MAX)));
    let wait = step.wait.as_deref().map(|wait| format!("waits {}", one_line(wait)));
    let tries = Some(step.attempts_max()).filter(|max| *max > 1).map(|max| format!("up to {max} times"));
    [condition, wait, tries].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn note(
    step: &DefinitionStep,
    state: State,
    result: Option<&StepResult>,
    course: Option<&StepCourse>,
    execution: Option<&Execution>,
    clock: &Clock,
) -> String {
    let Some(result) = result else { return String::new() };
    let tried = course.map_or(result.retries + 1, |course| course.attempts.len() as u64);
    let max = step.attempts_max();
    let of = |number: u64| if number <= max { format!("{number} of {max}") } else { number.to_string() };
    let until = result.waiting_for.as_ref().and_then(|waiting| waiting.until).map(|at| clock.left(at)).unwrap_or_default();
    let ran = result.duration.map(span).unwrap_or_default();
    match state {
        State::Completed if tried > 1 => format!("{ran}, attempt {tried}"),
        State::Completed => ran,
        State::Running => {
            let since = course.and_then(|course| course.attempts.last()).map(|attempt| attempt.from).or(result.started_at);
            let lasts = since.map(|at| ticking((clock.now - at).max(0).unsigned_abs())).unwrap_or_default();
            if tried > 1 { format!("attempt {}, {lasts}", of(tried)) } else { lasts }
        }
        State::Retrying => format!("attempt {} {until}", of(tried + 1)),
        State::Waiting => until,
        State::NoWorker => no_worker(step, execution).to_owned(),
        State::Failed | State::Handled if tried > 1 => format!("failed after {tried}"),
        State::Failed => "failed".to_owned(),
        State::Handled => "failed, went on".to_owned(),
        State::Skipped => match course.and_then(|course| course.skipped.as_ref()).map(|skip| skip.cause.as_str()) {
            Some("condition") => "condition false".to_owned(),
            Some("notBranchedTo") => "not needed".to_owned(),
            _ => "skipped".to_owned(),
        },
        State::Cancelled => "cancelled".to_owned(),
        State::Defined | State::NotYet => String::new(),
    }
}

/// `waitingFor` says only that a worker is waited for; the reasons know whether there is any.
fn no_worker(step: &DefinitionStep, execution: Option<&Execution>) -> &'static str {
    let is_busy = |execution: &Execution| {
        execution.reasons.iter().any(|reason| reason.kind == "limit" && reason.step_id.as_deref() == Some(&step.id))
    };
    if execution.is_some_and(is_busy) { "all workers busy" } else { "no worker" }
}

fn way(edge: &Edge, nodes: &[Node], definition: &Definition, course: &Course) -> Way {
    let (from, to) = (nodes[edge.from].state, nodes[edge.to].state);
    let has_ended = matches!(from, State::Completed | State::Failed | State::Handled | State::Skipped | State::Cancelled);
    let has_begun = matches!(
        to,
        State::Running | State::Retrying | State::Completed | State::Failed | State::Handled | State::NoWorker | State::Waiting
    );
    match edge.kind {
        Kind::Dependency if to == State::Skipped || from == State::Skipped => Way::NotTaken,
        Kind::Dependency if has_ended && has_begun => Way::Taken,
        Kind::Dependency => Way::Open,
        Kind::Error => {
            let from_step = course.get(&definition.steps[edge.from].id);
            let branched = from_step.is_some_and(|step| step.handling.as_deref() == Some("branch"));
            match (branched && has_begun, has_ended) {
                (true, _) => Way::Taken,
                (false, true) => Way::NotTaken,
                (false, false) => Way::Open,
            }
        }
    }
}

/// Of each node the length of the longest way to it. A definition has no cycle; were there one, its nodes would rank last.
pub fn ranks(count: usize, edges: &[Edge]) -> Vec<usize> {
    let mut before = vec![0_usize; count];
    edges.iter().for_each(|edge| before[edge.to] += 1);
    let mut ranks = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|&node| before[node] == 0).collect();
    while let Some(node) = ready.pop() {
        for edge in edges.iter().filter(|edge| edge.from == node) {
            ranks[edge.to] = ranks[edge.to].max(ranks[node] + 1);
            before[edge.to] -= 1;
            if before[edge.to] == 0 {
                ready.push(edge.to);
            }
        }
    }
    let last = ranks.iter().copied().max().unwrap_or(0) + 1;
    for (rank, left) in ranks.iter_mut().zip(before) {
        if left > 0 {
            *rank = last;
        }
    }
    ranks
}

impl Graph {
    /// Without dependencies that others imply: what is left means the same.
    #[must_use]
    pub fn reduced(&self) -> Graph {
        let after: Vec<Vec<usize>> = (0..self.nodes.len())
            .map(|node| {
                self.edges.iter().filter(|edge| edge.from == node && edge.kind == Kind::Dependency).map(|edge| edge.to).collect()
            })
            .collect();
        let is_implied = |edge: &Edge| {
            edge.kind == Kind::Dependency
                && self.nodes[edge.to].rank > self.nodes[edge.from].rank + 1
                && after[edge.from].iter().any(|&next| next != edge.to && reaches(&after, next, edge.to))
        };
        let edges = self.edges.iter().filter(|edge| !is_implied(edge)).copied().collect();
        Graph { nodes: self.nodes.clone(), edges }
    }

    /// Nodes by rank, then as defined: each after all that come before it.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|&node| (self.nodes[node].rank, node));
        order
    }
}

fn reaches(after: &[Vec<usize>], from: usize, to: usize) -> bool {
    let (mut open, mut seen) = (vec![from], vec![false; after.len()]);
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if !std::mem::replace(&mut seen[node], true) {
            open.extend(&after[node]);
        }
    }
    false
}
