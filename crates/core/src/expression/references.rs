//! What a tree may read.

use super::Reference;
use super::builtins::Function;
use super::number;
use super::tree::{Binary, Logical, Node, NodeId, Tree};

/// Roots that are always there, and how deep in them what can be `undefined` is: `state.score`, `steps.score.output`.
const ROOTS: &[(&str, usize)] = &[("input", 1), ("state", 1), ("context", 1), ("steps", 2)];

/// Every free name, in the order of the source.
pub(super) fn references(tree: &Tree) -> Vec<Reference> {
    let walk = Walk::new(tree);
    let mut references: Vec<Reference> = tree
        .nodes()
        .filter_map(|(id, node)| match node {
            Node::Name(name, column) => Some(walk.reference(id, name, usize::from(*column))),
            _ => None,
        })
        .collect();
    references.sort_by_key(|reference| reference.column);
    references
}

/// Words with a dash that begin with a free name, as they stand in the source: it reads them as subtractions.
pub(super) fn dashed_names(source: &str, tree: &Tree) -> Vec<(String, usize)> {
    let is_word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut columns: Vec<usize> = references(tree).into_iter().map(|reference| reference.column).collect();
    columns.dedup();
    let (mut dashed, mut done) = (Vec::new(), 0);
    for column in columns {
        if column <= done {
            continue;
        }
        let word: String = source.chars().skip(column - 1).take_while(is_word).collect();
        done = column - 1 + word.len();
        let word = word.trim_end_matches('-');
        if word.contains('-') {
            dashed.push((word.to_owned(), column));
        }
    }
    dashed
}

/// A tree that can be walked upwards.
struct Walk<'a> {
    tree: &'a Tree,
    parents: Vec<Option<NodeId>>,
}

impl<'a> Walk<'a> {
    fn new(tree: &'a Tree) -> Walk<'a> {
        let mut parents = vec![None; tree.nodes().count()];
        for (id, node) in tree.nodes() {
            for child in node.spine().into_iter().chain(node.branches()) {
                parents[child.get()] = Some(id);
            }
        }
        Walk { tree, parents }
    }

    fn parent(&self, id: NodeId) -> Option<(NodeId, &'a Node)> {
        self.parents[id.get()].map(|parent| (parent, self.tree.node(parent)))
    }

    fn reference(&self, name_node: NodeId, name: &str, column: usize) -> Reference {
        let mut path = Vec::new();
        // The node whose value can be `undefined`: the name, or a field of a root.
        let depth = ROOTS.iter().find(|(root, _)| *root == name).map_or(0, |&(_, depth)| depth);
        let mut focus = (depth == 0).then_some(name_node);
        let mut at = name_node;
        while let Some((parent, node)) = self.parent(at) {
            match node {
                Node::Member(object, key) if *object == at => path.push(key.to_string()),
                Node::Index(object, key) if *object == at => match self.tree.node(*key) {
                    Node::Number(literal) => path.push(number::to_text(literal.0)),
                    _ => break,
                },
                Node::Present(_) | Node::Chain(_) => {}
                _ => break,
            }
            if focus.is_none() && path.len() == depth {
                focus = Some(parent);
            }
            at = parent;
        }
        // A key that is only known later: `state[key].x`.
        if focus.is_none()
            && let Some((parent, Node::Index(object, _))) = self.parent(at)
            && *object == at
        {
            focus = Some(parent);
        }
        let guarded = focus.is_none_or(|focus| !self.throws_if_undefined(focus) || self.is_tested(focus));
        Reference { name: name.to_owned(), path, guarded, column }
    }

    /// Whether something throws when the value of this node is `undefined`.
    fn throws_if_undefined(&self, id: NodeId) -> bool {
        let Some((parent, node)) = self.parent(id) else { return false };
        match node {
            Node::Member(object, _) | Node::Index(object, _) if *object == id => true,
            Node::Method(call) if call.object == id => true,
            Node::Binary(Binary::In, _, right) => *right == id,
            Node::Spread(_) => !matches!(self.parent(parent), Some((_, Node::Object(_)))),
            Node::Call(function, arguments) => {
                let takes_object = matches!(
                    function,
                    Function::ObjectKeys
                        | Function::ObjectValues
                        | Function::ObjectEntries
                        | Function::ObjectFromEntries
                        | Function::ObjectHasOwn
                );
                takes_object && arguments.first() == Some(&id)
            }
            // The whole chain is `undefined` then.
            Node::Present(_) => self.chain_around(parent).is_some_and(|chain| self.throws_if_undefined(chain)),
            Node::Chain(_) => self.throws_if_undefined(parent),
            // Where `undefined` passes through.
            Node::Logical(operator, left, _) => (*left != id || *operator == Logical::And) && self.throws_if_undefined(parent),
            Node::Conditional(test, _, _) => *test != id && self.throws_if_undefined(parent),
            _ => false,
        }
    }

    fn chain_around(&self, mut id: NodeId) -> Option<NodeId> {
        loop {
            let (parent, node) = self.parent(id)?;
            if matches!(node, Node::Chain(_)) {
                return Some(parent);
            }
            id = parent;
        }
    }

    /// Whether it is only read after a test: `score && score.risk`, `score ? score.risk : 1`, `score !== undefined && ...`.
    fn is_tested(&self, focus: NodeId) -> bool {
        let mut at = focus;
        while let Some((parent, node)) = self.parent(at) {
            let tests = match node {
                Node::Logical(Logical::And, left, right) if *right == at => Some(*left),
                Node::Conditional(test, yes, _) if *yes == at => Some(*test),
                _ => None,
            };
            if tests.is_some_and(|test| self.proves(test, focus)) {
                return true;
            }
            at = parent;
        }
        false
    }

    /// Whether the value of `focus` is not `undefined` when `test` holds.
    fn proves(&self, test: NodeId, focus: NodeId) -> bool {
        match self.tree.node(test) {
            Node::Logical(Logical::And, left, right) => self.proves(*left, focus) || self.proves(*right, focus),
            Node::Binary(Binary::NotSame | Binary::NotEqual, left, right) => {
                matches!(self.tree.node(*right), Node::Undefined) && self.reads_same(*left, focus)
                    || matches!(self.tree.node(*left), Node::Undefined) && self.reads_same(*right, focus)
            }
            // What is read of it is truthy, so it is there.
            Node::Member(..) | Node::Index(..) | Node::Chain(_) | Node::Present(_) => {
                self.reads_same(test, focus) || self.tree.node(test).spine().is_some_and(|inner| self.proves(inner, focus))
            }
            _ => self.reads_same(test, focus),
        }
    }

    fn reads_same(&self, a: NodeId, b: NodeId) -> bool {
        match (self.tree.node(a), self.tree.node(b)) {
            (Node::Name(a, _), Node::Name(b, _)) => a == b,
            (Node::Member(a, key), Node::Member(b, other)) => key == other && self.reads_same(*a, *b),
            (Node::Present(inner) | Node::Chain(inner), _) => self.reads_same(*inner, b),
            (_, Node::Present(inner) | Node::Chain(inner)) => self.reads_same(a, *inner),
            _ => false,
        }
    }
}
