//! Messages for the person who wrote the expression.

use super::super::EvaluationError;
use super::super::number;
use super::super::tree::{Binary, Node, NodeId, Tree};
use super::super::value::Value;
use super::{Evaluator, Outcome};
use crate::limits;

/// Names that the engine itself gives a meaning.
const ROOTS: &[&str] = &["input", "state", "context", "steps", "execution", "error", "event", "data"];

/// A key that is computed can be as long as any text.
const KEY_CHARS_MAX: usize = 64;

/// A value as a noun.
pub(super) fn described(value: &Value) -> &'static str {
    match value {
        Value::Undefined => "undefined",
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A key for a message: the beginning of a long one.
pub(super) fn shortened(key: &str) -> String {
    match key.char_indices().nth(KEY_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

impl Evaluator<'_> {
    /// Why `verb` (``read `risk` of``) does not work on `undefined` or `null`.
    pub(super) fn cannot_use(&self, verb: &str, nullish: &str, object: NodeId, path: Option<&str>) -> EvaluationError {
        let path = path.filter(|path| path.len() <= limits::RECEIPT_VALUE_BYTES_MAX);
        let mut message = format!("cannot {verb} {nullish}");
        if let Some(reason) = self.reason(nullish, object, path) {
            message.push_str(": ");
            message.push_str(&reason);
        }
        EvaluationError { message }
    }

    /// Refuses `plan.trim` where `plan` is a text: JavaScript would give the method itself, which is true, and `undefined` in its
    /// place would make a condition silently false.
    pub(super) fn uncalled(&self, method: &str, object: NodeId) -> EvaluationError {
        let what = shown(self.tree, object).map_or_else(|| format!(".{method}"), |object| format!("{object}.{method}"));
        EvaluationError { message: format!("`{what}` is a method that is not called: write `{what}(…)`") }
    }

    fn reason(&self, nullish: &str, object: NodeId, path: Option<&str>) -> Option<String> {
        if let Some(id) = self.dashed_step(object) {
            return Some(dashed(&id));
        }
        let shown = path.map(str::to_owned).or_else(|| shown(self.tree, object))?;
        if nullish == "undefined"
            && let Some(name) = self.outer_name(object)
        {
            let step_or_field = if self.names.scope().knows(name) {
                format!("step `{name}` has no output")
            } else {
                format!("`{name}` is neither a step nor a field of input or context")
            };
            return Some(step_or_field);
        }
        Some(format!("`{shown}` is {nullish}"))
    }

    /// The name of a step or field, if that is all that the node reads: `score`, `state.score`.
    fn outer_name(&self, object: NodeId) -> Option<&str> {
        match self.tree.node(object) {
            Node::Name(name, _) if !ROOTS.contains(&&**name) => Some(name),
            Node::Member(root, key) => match self.tree.node(*root) {
                Node::Name(name, _) if &**name == "state" => Some(key),
                _ => None,
            },
            Node::Present(inner) | Node::Chain(inner) => self.outer_name(*inner),
            _ => None,
        }
    }

    /// The step that was meant when `check` was read in `fraud-check.risk`.
    fn dashed_step(&self, name: NodeId) -> Option<String> {
        if !matches!(self.tree.node(name), Node::Name(..)) {
            return None;
        }
        self.tree.nodes().find_map(|(_, node)| {
            let Node::Binary(Binary::Subtract, left, right) = node else { return None };
            let (_, read) = first_name(self.tree, *right)?;
            if read != name { None } else { self.known_step(*left, *right) }
        })
    }

    fn known_step(&self, left: NodeId, right: NodeId) -> Option<String> {
        let last = match self.tree.node(right) {
            Node::Number(literal) => number::to_text(literal.0),
            _ => first_name(self.tree, right)?.0.to_owned(),
        };
        let mut id = format!("{}-{last}", dashed_word(self.tree, left)?);
        // `a-b-c.x` is read as (a - b) - c.x; in `total + fraud-check.x` only `fraud` belongs to the word.
        loop {
            if self.names.scope().knows(&id) {
                return Some(id);
            }
            id = id.split_once('-').map(|(_, shorter)| shorter.to_owned()).filter(|shorter| shorter.contains('-'))?;
        }
    }

    /// Refuses `fraud-check` where both `fraud` and `check` mean nothing and together they name a step: JavaScript's NaN would
    /// make a condition silently false.
    pub(super) fn explain_dash(&self, operator: Binary, left: NodeId, right: NodeId, values: (&Value, &Value)) -> Outcome<()> {
        if operator != Binary::Subtract {
            return Ok(());
        }
        let means_nothing = matches!(values.0, Value::Undefined) || matches!(values.0, Value::Number(number) if number.is_nan());
        let is_rest_of_word = match self.tree.node(right) {
            Node::Name(..) => matches!(values.1, Value::Undefined),
            Node::Number(_) => true,
            _ => false,
        };
        if !means_nothing || !is_rest_of_word {
            return Ok(());
        }
        match self.known_step(left, right) {
            Some(id) => super::throw(dashed(&id)),
            None => Ok(()),
        }
    }
}

fn dashed(id: &str) -> String {
    format!("`{id}` is read as a subtraction; to read the step write `state[\"{id}\"]`")
}

/// The free name that is read first, as `check` in `check.risk.level`.
fn first_name(tree: &Tree, mut node: NodeId) -> Option<(&str, NodeId)> {
    loop {
        match tree.node(node) {
            Node::Name(name, _) => return Some((name, node)),
            Node::Member(inner, _) | Node::Index(inner, _) | Node::Present(inner) | Node::Chain(inner) => node = *inner,
            Node::Method(call) => node = call.object,
            _ => return None,
        }
    }
}

/// The end of a chain of subtractions of bare names, as a word: `a - b` is `a-b`.
fn dashed_word(tree: &Tree, node: NodeId) -> Option<String> {
    let mut words = Vec::new();
    let mut node = node;
    loop {
        match tree.node(node) {
            Node::Name(name, _) => {
                words.push(&**name);
                break;
            }
            Node::Binary(Binary::Subtract, left, right) => {
                let Node::Name(name, _) = tree.node(*right) else { break };
                words.push(&**name);
                node = *left;
            }
            // `total + fraud - check`: only the last operand belongs to the word.
            Node::Binary(_, _, right) => node = *right,
            _ => break,
        }
    }
    words.reverse();
    if words.is_empty() { None } else { Some(words.join("-")) }
}

/// A node as it is written, if it only reads.
fn shown(tree: &Tree, node: NodeId) -> Option<String> {
    match tree.node(node) {
        Node::Name(name, _) | Node::Local(name) => Some(name.to_string()),
        Node::Member(inner, key) => Some(super::names::joined(shown(tree, *inner)?, key)),
        Node::Present(inner) | Node::Chain(inner) => shown(tree, *inner),
        _ => None,
    }
}
