//! The checked tree of an expression, as it is evaluated and stored.
//!
//! It is a flat list in which every node comes after its children, so that its JSON is never nested, whatever the source was,
//! and neither reading, writing nor dropping it recurses. **Stored for ever**: a node, operator or name may be added, never
//! renamed, and never given another meaning.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::builtins::{Function, Method};
use super::number;
use crate::limits;

/// The place of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct NodeId(u16);

/// Never empty; the last node is the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Node>", into = "Vec<Node>")]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Node {
    Undefined,
    Null,
    Bool(bool),
    Number(Literal),
    String(Arc<str>),
    /// One more text than values.
    Template(Vec<Arc<str>>, Vec<NodeId>),
    /// A free name and its column.
    Name(Arc<str>, u16),
    /// A parameter of an arrow function around it.
    Local(Arc<str>),
    Member(NodeId, Arc<str>),
    Index(NodeId, NodeId),
    /// `?.` after a value: of `undefined` or `null`, the `Chain` around it is `undefined`.
    Present(NodeId),
    Chain(NodeId),
    Unary(Unary, NodeId),
    Binary(Binary, NodeId, NodeId),
    Logical(Logical, NodeId, NodeId),
    Conditional(NodeId, NodeId, NodeId),
    Array(Vec<NodeId>),
    Object(Vec<Property>),
    /// `...` before an element or argument.
    Spread(NodeId),
    Call(Function, Vec<NodeId>),
    Method(MethodCall),
    /// Only as the first argument of a method that takes a function.
    Arrow(Arrow),
    /// A listed function in the place of an arrow function: `filter(Boolean)`.
    Function(Function),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MethodCall {
    pub object: NodeId,
    pub name: Method,
    pub arguments: Vec<NodeId>,
    /// `a.b?.()`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Property {
    Field(Arc<str>, NodeId),
    Computed(NodeId, NodeId),
    Spread(NodeId),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arrow {
    pub bindings: Vec<Binding>,
    pub body: NodeId,
}

/// A name that an arrow function binds: its argument, or what a pattern finds inside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    pub name: Arc<str>,
    pub argument: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PatternStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PatternStep {
    Field(Arc<str>),
    Element(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unary {
    #[serde(rename = "+")]
    Plus,
    #[serde(rename = "-")]
    Minus,
    #[serde(rename = "!")]
    Not,
    #[serde(rename = "~")]
    BitwiseNot,
    #[serde(rename = "typeof")]
    Typeof,
    #[serde(rename = "void")]
    Void,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Binary {
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "===")]
    Same,
    #[serde(rename = "!==")]
    NotSame,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
    #[serde(rename = "+")]
    Add,
    #[serde(rename = "-")]
    Subtract,
    #[serde(rename = "*")]
    Multiply,
    #[serde(rename = "/")]
    Divide,
    #[serde(rename = "%")]
    Remainder,
    #[serde(rename = "**")]
    Power,
    #[serde(rename = "<<")]
    ShiftLeft,
    #[serde(rename = ">>")]
    ShiftRight,
    #[serde(rename = ">>>")]
    ShiftRightUnsigned,
    #[serde(rename = "|")]
    BitwiseOr,
    #[serde(rename = "^")]
    BitwiseXor,
    #[serde(rename = "&")]
    BitwiseAnd,
    #[serde(rename = "in")]
    In,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Logical {
    #[serde(rename = "&&")]
    And,
    #[serde(rename = "||")]
    Or,
    #[serde(rename = "??")]
    Coalesce,
}

/// A number in the source. Stored as the text that JavaScript prints, which gives the same double again.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Literal(pub f64);

/// Why a stored tree is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damaged {
    #[error("an expression without nodes")]
    Empty,
    #[error("expression node {0} refers to one that does not come before it")]
    Order(usize),
    #[error("expression node {0} is nested too deep")]
    Depth(usize),
    #[error("expression node {0} has the wrong number of parts")]
    Parts(usize),
    #[error("`{0}` is no number")]
    Number(String),
}

impl NodeId {
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Tree {
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.get()]
    }

    pub fn root(&self) -> NodeId {
        self.last()
    }

    /// Every node, children before parents.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u16), node))
    }

    fn last(&self) -> NodeId {
        NodeId((self.nodes.len() - 1) as u16)
    }
}

/// Makes a [`Tree`]: children are added before the nodes that hold them.
#[derive(Debug, Default)]
pub(super) struct Builder {
    nodes: Vec<Node>,
}

impl Builder {
    pub fn add(&mut self, node: Node) -> NodeId {
        let id = NodeId(u16::try_from(self.nodes.len()).expect("a bounded source has fewer nodes than 65,536"));
        self.nodes.push(node);
        id
    }

    pub fn finish(self) -> Result<Tree, Damaged> {
        Tree::try_from(self.nodes)
    }
}

impl Node {
    /// The child that is evaluated first and in a loop, so that long chains (`a + b + c`, `a.b.c`) are not nested.
    pub fn spine(&self) -> Option<NodeId> {
        match self {
            Node::Member(first, _)
            | Node::Index(first, _)
            | Node::Present(first)
            | Node::Chain(first)
            | Node::Binary(_, first, _)
            | Node::Logical(_, first, _) => Some(*first),
            Node::Method(call) => Some(call.object),
            _ => None,
        }
    }

    /// The other children.
    pub fn branches(&self) -> Vec<NodeId> {
        match self {
            Node::Undefined
            | Node::Null
            | Node::Bool(_)
            | Node::Number(_)
            | Node::String(_)
            | Node::Name(..)
            | Node::Local(_)
            | Node::Member(..)
            | Node::Present(_)
            | Node::Chain(_)
            | Node::Function(_) => Vec::new(),
            Node::Index(_, branch)
            | Node::Unary(_, branch)
            | Node::Binary(_, _, branch)
            | Node::Logical(_, _, branch)
            | Node::Spread(branch) => vec![*branch],
            Node::Conditional(test, yes, no) => vec![*test, *yes, *no],
            Node::Template(_, parts) => parts.clone(),
            Node::Array(items) | Node::Call(_, items) => items.clone(),
            Node::Object(properties) => properties
                .iter()
                .flat_map(|property| match property {
                    Property::Field(_, value) | Property::Spread(value) => vec![*value],
                    Property::Computed(key, value) => vec![*key, *value],
                })
                .collect(),
            Node::Method(call) => call.arguments.clone(),
            Node::Arrow(arrow) => vec![arrow.body],
        }
    }
}

impl TryFrom<Vec<Node>> for Tree {
    type Error = Damaged;

    fn try_from(nodes: Vec<Node>) -> Result<Tree, Damaged> {
        if nodes.is_empty() || nodes.len() > usize::from(u16::MAX) {
            return Err(Damaged::Empty);
        }
        let mut depths: Vec<usize> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            if matches!(node, Node::Template(texts, values) if texts.len() != values.len() + 1) {
                return Err(Damaged::Parts(index));
            }
            let depth_of = |id: NodeId| depths.get(id.get()).copied().ok_or(Damaged::Order(index));
            let mut depth = match node.spine() {
                Some(first) => depth_of(first)?,
                None => 1,
            };
            for branch in node.branches() {
                depth = depth.max(depth_of(branch)? + 1);
            }
            if depth > limits::EXPRESSION_STORED_DEPTH_MAX {
                return Err(Damaged::Depth(index));
            }
            depths.push(depth);
        }
        Ok(Tree { nodes })
    }
}

impl From<Tree> for Vec<Node> {
    fn from(tree: Tree) -> Vec<Node> {
        tree.nodes
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        self.0.to_bits() == other.0.to_bits() || (self.0.is_nan() && other.0.is_nan())
    }
}

impl TryFrom<String> for Literal {
    type Error = Damaged;

    fn try_from(text: String) -> Result<Literal, Damaged> {
        let number = number::from_text(&text);
        if number.is_nan() && text != "NaN" { Err(Damaged::Number(text)) } else { Ok(Literal(number)) }
    }
}

impl From<Literal> for String {
    fn from(literal: Literal) -> String {
        number::to_text(literal.0)
    }
}

impl Binary {
    pub fn symbol(self) -> &'static str {
        match self {
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Same => "===",
            Binary::NotSame => "!==",
            Binary::Less => "<",
            Binary::LessOrEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterOrEqual => ">=",
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
            Binary::Power => "**",
            Binary::ShiftLeft => "<<",
            Binary::ShiftRight => ">>",
            Binary::ShiftRightUnsigned => ">>>",
            Binary::BitwiseOr => "|",
            Binary::BitwiseXor => "^",
            Binary::BitwiseAnd => "&",
            Binary::In => "in",
        }
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
