//! Runs a tree. Bounded in steps, in what it holds, and in recursion: only branches recurse, and their nesting was checked.

mod arrays;
mod budget;
mod explain;
mod functions;
mod names;
mod operators;
mod strings;
mod utf16;

use std::sync::Arc;

use budget::{Budget, Elements};
use names::{Found, Names};

use super::builtins::Method;
use super::tree::{Arrow, Logical, MethodCall, Node, NodeId, PatternStep, Property, Tree, Unary};
use super::value::{ObjectBuilder, Unconvertible, Value, write};
use super::{Evaluation, EvaluationError, Scope, number};
use crate::limits;

type Outcome<T> = Result<T, EvaluationError>;

fn throw<T>(message: impl Into<String>) -> Outcome<T> {
    Err(EvaluationError { message: message.into() })
}

impl From<Unconvertible> for EvaluationError {
    fn from(_: Unconvertible) -> EvaluationError {
        EvaluationError { message: "an object with a field `toString` cannot be made a text or number".to_owned() }
    }
}

pub(super) fn evaluate(tree: &Tree, scope: &dyn Scope) -> Result<Evaluation, EvaluationError> {
    let mut evaluator =
        Evaluator { tree, names: Names::new(scope), budget: Budget::new(), locals: Vec::new(), spine: Vec::new() };
    let value = evaluator.eval(tree.root())?;
    // Escapes make JSON text longer than the value itself.
    if value.weight() > limits::EXPRESSION_RESULT_BYTES_MAX / 8 && write(&value, limits::EXPRESSION_RESULT_BYTES_MAX).is_err() {
        return Err(budget::too_large());
    }
    Ok(Evaluation { value, reads: evaluator.names.into_reads() })
}

struct Evaluator<'a> {
    tree: &'a Tree,
    names: Names<'a>,
    budget: Budget,
    /// Parameters of the arrow functions that are running, the innermost last.
    locals: Vec<(Arc<str>, Value)>,
    /// Nodes whose first operand is being evaluated: each `eval` uses what lies above its own beginning.
    spine: Vec<NodeId>,
}

/// A value on its way up a chain, and the path by which it was reached from a free name.
struct Held {
    found: Found,
    path: Option<String>,
}

impl Held {
    fn plain(value: Value) -> Held {
        Held { found: Found::Value(value), path: None }
    }
}

impl<'a> Evaluator<'a> {
    fn eval(&mut self, id: NodeId) -> Outcome<Value> {
        self.budget.step()?;
        let base = self.spine.len();
        let mut first = id;
        while let Some(next) = self.tree.node(first).spine() {
            self.spine.push(first);
            first = next;
        }
        let outcome = self.climb(first, base);
        self.spine.truncate(base);
        outcome
    }

    fn climb(&mut self, first: NodeId, base: usize) -> Outcome<Value> {
        let tree = self.tree;
        let mut held = match tree.node(first) {
            Node::Name(name, _) => Held { found: self.names.name(name, &mut self.budget)?, path: Some(name.to_string()) },
            other => Held::plain(self.leaf(other)?),
        };
        while self.spine.len() > base {
            let id = self.spine.pop().expect("it is longer than its base");
            self.budget.step()?;
            held = match tree.node(id) {
                Node::Member(object, key) => self.member(held, key, *object)?,
                Node::Index(object, key) => self.index(held, *key, *object)?,
                Node::Present(_) => {
                    if self.is_absent(&held, base)? {
                        self.settle(held)?;
                        self.leave_chain(base);
                        Held::plain(Value::Undefined)
                    } else {
                        held
                    }
                }
                Node::Chain(_) => held,
                Node::Logical(operator, _, right) => Held::plain(self.logical(*operator, held, *right)?),
                Node::Binary(operator, left, right) => {
                    let a = self.settle(held)?;
                    let b = self.eval(*right)?;
                    self.explain_dash(*operator, *left, *right, (&a, &b))?;
                    Held::plain(self.binary(*operator, &a, &b)?)
                }
                Node::Method(call) => match self.method(held, call)? {
                    Some(value) => Held::plain(value),
                    None => {
                        self.leave_chain(base);
                        Held::plain(Value::Undefined)
                    }
                },
                _ => held,
            };
        }
        self.settle(held)
    }

    /// Nodes without a first operand.
    fn leaf(&mut self, node: &'a Node) -> Outcome<Value> {
        match node {
            Node::Null => Ok(Value::Null),
            Node::Bool(value) => Ok(Value::Bool(*value)),
            Node::Number(literal) => Ok(Value::Number(literal.0)),
            Node::String(text) => Ok(Value::String(text.clone())),
            Node::Local(name) => {
                let local = self.locals.iter().rev().find(|(local, _)| local == name);
                Ok(local.map_or(Value::Undefined, |(_, value)| value.clone()))
            }
            Node::Template(texts, values) => self.template(texts, values),
            Node::Unary(operator, operand) => self.unary(*operator, *operand),
            Node::Conditional(test, yes, no) => {
                let branch = if self.eval(*test)?.truthy() { yes } else { no };
                self.eval(*branch)
            }
            Node::Array(items) => {
                let items = self.items(items)?;
                self.budget.array(items)
            }
            Node::Object(properties) => self.object(properties),
            Node::Call(function, arguments) => {
                let arguments = self.items(arguments)?;
                self.function(*function, &arguments)
            }
            _ => Ok(Value::Undefined),
        }
    }

    /// The value itself; what was read from the scope to get it goes into the receipt.
    fn settle(&mut self, held: Held) -> Outcome<Value> {
        let value = self.names.value(held.found, &mut self.budget)?;
        if let Some(path) = held.path {
            self.names.record(path, &value);
        }
        Ok(value)
    }

    fn member(&mut self, held: Held, key: &Arc<str>, object: NodeId) -> Outcome<Held> {
        if let Some(nullish) = self.nullish(&held, Some(key))? {
            let verb = format!("read `{}` of", explain::shortened(key));
            return Err(self.cannot_use(&verb, nullish, object, held.path.as_deref()));
        }
        // Not of an object: there the key may come from data, and what is not there is undefined.
        if let Found::Value(value) = &held.found
            && !matches!(value, Value::Object(_))
            && Method::named(key).is_some_and(|method| method.is_of(value))
        {
            return Err(self.uncalled(key, object));
        }
        let path = held.path.map(|path| names::joined(path, key));
        Ok(Held { found: self.names.member(held.found, key, &mut self.budget)?, path })
    }

    fn index(&mut self, held: Held, key: NodeId, object: NodeId) -> Outcome<Held> {
        let key = self.eval(key)?;
        if held.path.is_none()
            && let (Found::Value(value), Value::Number(number)) = (&held.found, &key)
            && !value.is_nullish()
            && *number >= 0.0
            && *number < 4e9
            && number.fract() == 0.0
        {
            if let Value::String(text) = value {
                self.budget.bytes(text.len())?;
            }
            return Ok(Held::plain(value.element(*number as usize)));
        }
        self.budget.whole(&key)?;
        let key = key.as_text()?;
        self.member(held, &key, object)
    }

    /// Whether `?.` ends the chain here.
    fn is_absent(&mut self, held: &Held, base: usize) -> Outcome<bool> {
        let next = self.spine.get(base..).and_then(<[NodeId]>::last).map(|&id| self.tree.node(id));
        let key = match next {
            Some(Node::Member(_, key)) => Some(key),
            _ => None,
        };
        Ok(self.nullish(held, key)?.is_some())
    }

    /// `undefined` or `null`, if it is one. `key` is what will be read of it.
    fn nullish(&mut self, held: &Held, key: Option<&Arc<str>>) -> Outcome<Option<&'static str>> {
        match &held.found {
            Found::Value(Value::Undefined) => Ok(Some("undefined")),
            Found::Value(Value::Null) => Ok(Some("null")),
            Found::Value(_) | Found::Text { .. } => Ok(None),
            Found::Root(root) => {
                if key.is_some_and(|key| self.names.has_field(root, key)) {
                    return Ok(None);
                }
                let value = self.names.value(held.found.clone(), &mut self.budget)?;
                Ok(match value {
                    Value::Undefined => Some("undefined"),
                    Value::Null => Some("null"),
                    _ => None,
                })
            }
        }
    }

    /// Drops what is left of the chain around a `?.`.
    fn leave_chain(&mut self, base: usize) {
        while self.spine.len() > base {
            let id = self.spine.pop().expect("it is longer than its base");
            if matches!(self.tree.node(id), Node::Chain(_)) {
                break;
            }
        }
    }

    fn logical(&mut self, operator: Logical, held: Held, right: NodeId) -> Outcome<Value> {
        let left = self.settle(held)?;
        let decided = match operator {
            Logical::And => !left.truthy(),
            Logical::Or => left.truthy(),
            Logical::Coalesce => !left.is_nullish(),
        };
        if decided { Ok(left) } else { self.eval(right) }
    }

    fn unary(&mut self, operator: Unary, operand: NodeId) -> Outcome<Value> {
        let value = self.eval(operand)?;
        Ok(match operator {
            Unary::Not => Value::Bool(!value.truthy()),
            Unary::Typeof => Value::from(value.type_name()),
            Unary::Void => Value::Undefined,
            Unary::Plus => Value::Number(self.number(&value)?),
            Unary::Minus => Value::Number(-self.number(&value)?),
            Unary::BitwiseNot => Value::Number(f64::from(!number::to_int32(self.number(&value)?))),
        })
    }

    fn template(&mut self, texts: &[Arc<str>], values: &[NodeId]) -> Outcome<Value> {
        let mut text = String::from(&*texts[0]);
        for (value, after) in values.iter().zip(&texts[1..]) {
            let value = self.eval(*value)?;
            let part = self.text(&value)?;
            self.budget.fits(text.len() + part.len())?;
            text.push_str(&part);
            text.push_str(after);
        }
        self.budget.text(text)
    }

    fn object(&mut self, properties: &[Property]) -> Outcome<Value> {
        let mut fields = ObjectBuilder::default();
        for property in properties {
            match property {
                Property::Field(key, value) => fields.set(key.clone(), self.eval(*value)?),
                Property::Computed(key, value) => {
                    let key = self.eval(*key)?;
                    let key = self.text(&key)?;
                    fields.set(key, self.eval(*value)?);
                }
                Property::Spread(value) => {
                    let value = self.eval(*value)?;
                    for (key, value) in self.own_fields(&value)? {
                        fields.set(key, value);
                    }
                }
            }
            self.budget.fits(fields.weight())?;
        }
        self.budget.object(fields)
    }

    /// Elements or arguments, with `...` taken apart.
    fn items(&mut self, ids: &[NodeId]) -> Outcome<Vec<Value>> {
        let mut elements = Elements::default();
        for id in ids {
            if let Node::Spread(inner) = self.tree.node(*id) {
                let value = self.eval(*inner)?;
                for item in self.iterated(&value)? {
                    elements.push(item)?;
                }
            } else {
                elements.push(self.eval(*id)?)?;
            }
        }
        Ok(elements.into_vec())
    }

    /// What `...` and a pattern `[a, b]` see in a value.
    fn iterated(&mut self, value: &Value) -> Outcome<Vec<Value>> {
        match value {
            Value::Array(array) => {
                self.budget.elements(array.items().len())?;
                Ok(array.items().to_vec())
            }
            Value::String(text) => {
                self.budget.elements(text.len())?;
                Ok(text.chars().map(|c| Value::from(c.to_string())).collect())
            }
            other => throw(format!("{} cannot be taken apart: expected an array", explain::described(other))),
        }
    }

    fn method(&mut self, held: Held, call: &'a MethodCall) -> Outcome<Option<Value>> {
        let name = call.name.name();
        if let Some(nullish) = self.nullish(&held, None)? {
            return Err(self.cannot_use(&format!("call `{name}` of"), nullish, call.object, held.path.as_deref()));
        }
        let receiver = self.settle(held)?;
        let hidden = matches!(&receiver, Value::Object(object) if object.get(name).is_some());
        let there = call.name.is_of(&receiver) && !hidden;
        if call.optional && !there && receiver.property(name).is_nullish() {
            return Ok(None);
        }
        let (callback, rest) = match call.arguments.split_first() {
            Some((first, rest)) if call.name.takes_function() => (Some(*first), rest),
            _ => (None, &call.arguments[..]),
        };
        let arguments = self.items(rest)?;
        if !there {
            let what = explain::described(&receiver);
            return throw(if hidden {
                format!("`{name}` is a field of the object here, it cannot be called")
            } else {
                format!("{what} has no method `{name}`")
            });
        }
        self.budget.step()?;
        match (&receiver, callback) {
            (Value::Array(array), Some(callback)) => self.array_with(call.name, array, callback, &arguments),
            (Value::Array(array), None) => self.array_method(call.name, array, &arguments),
            (Value::String(text), _) => self.string_method(call.name, text, &arguments),
            (other, _) => self.plain_method(call.name, other, &arguments),
        }
        .map(Some)
    }

    /// Calls an arrow function, or a listed function in its place.
    fn call(&mut self, callback: NodeId, arguments: &[Value]) -> Outcome<Value> {
        self.budget.step()?;
        match self.tree.node(callback) {
            Node::Function(function) => self.function(*function, arguments),
            Node::Arrow(arrow) => {
                let outer = self.locals.len();
                let outcome = self.bind(arrow, arguments).and_then(|()| self.eval(arrow.body));
                self.locals.truncate(outer);
                outcome
            }
            _ => throw("expected a function"),
        }
    }

    fn bind(&mut self, arrow: &'a Arrow, arguments: &[Value]) -> Outcome<()> {
        for binding in &arrow.bindings {
            let mut value = arguments.get(usize::from(binding.argument)).cloned().unwrap_or(Value::Undefined);
            for step in &binding.path {
                self.budget.step()?;
                value = match step {
                    PatternStep::Field(key) if value.is_nullish() => {
                        return throw(format!("cannot read `{key}` of {}", explain::described(&value)));
                    }
                    PatternStep::Field(key) => value.property(key),
                    PatternStep::Element(index) => match &value {
                        Value::Array(_) => value.element(usize::from(*index)),
                        Value::String(text) => {
                            let c = text.chars().nth(usize::from(*index));
                            c.map_or(Value::Undefined, |c| Value::from(c.to_string()))
                        }
                        other => self.iterated(other)?.get(usize::from(*index)).cloned().unwrap_or(Value::Undefined),
                    },
                };
            }
            self.locals.push((binding.name.clone(), value));
        }
        Ok(())
    }

    /// The own fields of a value, in order: those that `{...value}` and `Object.entries` see.
    fn own_fields(&mut self, value: &Value) -> Outcome<Vec<(Arc<str>, Value)>> {
        let numbered =
            |items: Vec<Value>| items.into_iter().enumerate().map(|(index, item)| (Arc::from(index.to_string()), item)).collect();
        Ok(match value {
            Value::Object(object) => {
                self.budget.elements(object.len())?;
                object.fields().map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Value::Array(array) => {
                self.budget.elements(array.items().len())?;
                numbered(array.items().to_vec())
            }
            Value::String(text) => {
                self.budget.elements(text.len())?;
                numbered(utf16::units(text))
            }
            _ => Vec::new(),
        })
    }

    /// `ToNumber`, counted.
    fn number(&mut self, value: &Value) -> Outcome<f64> {
        self.budget.whole(value)?;
        Ok(value.as_number()?)
    }

    /// `ToString`, counted.
    fn text(&mut self, value: &Value) -> Outcome<Arc<str>> {
        self.budget.whole(value)?;
        Ok(value.as_text()?)
    }
}
