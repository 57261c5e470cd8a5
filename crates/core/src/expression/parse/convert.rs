//! The parser's tree to ours, node by node; what is not listed here does not exist.

use std::sync::Arc;

use oxc_ast::ast::{
    ArrayExpression, ArrayExpressionElement, ChainElement, ComputedMemberExpression, Expression, IdentifierReference,
    ObjectExpression, ObjectProperty, ObjectPropertyKind, PropertyKey, PropertyKind, StaticMemberExpression, StringLiteral,
    TemplateLiteral,
};
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::{BinaryOperator, LogicalOperator, UnaryOperator};

use super::super::Problem;
use super::super::builtins::{ABSENT, Function, NAMESPACES, constant};
use super::super::number;
use super::super::tree::{Binary, Builder, Literal, Logical, Node, NodeId, Property, Tree, Unary};
use super::refused::{self, Refusal, refusal};
use crate::limits;

pub(super) fn convert(source: &str, expression: &Expression<'_>) -> Result<Tree, Problem> {
    let mut converter = Converter { source, builder: Builder::default(), locals: Vec::new() };
    converter.expression(expression, 1)?;
    Ok(converter.builder.finish().expect("children are added before parents, and the depth was checked on the way"))
}

pub(super) struct Converter<'s> {
    pub(super) source: &'s str,
    pub(super) builder: Builder,
    /// Parameters of the arrow functions around the present node.
    pub(super) locals: Vec<Arc<str>>,
}

pub(super) type Converted = Result<NodeId, Problem>;

impl Converter<'_> {
    pub(super) fn problem(&self, span: Span, (message, help): Refusal) -> Problem {
        Problem { column: super::column(self.source, span.start as usize), message, help }
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.builder.add(node)
    }

    /// `depth` counts as the tree does: the first operand of a chain is not deeper than the chain. Chains (`a.b.c`, `a + b + c`)
    /// are taken in a loop, so that only nesting, which is bounded, recurses.
    pub(super) fn expression(&mut self, expression: &Expression<'_>, depth: usize) -> Converted {
        if depth > limits::EXPRESSION_DEPTH_MAX {
            return Err(refused::too_deep(super::column(self.source, expression.span().start as usize)));
        }
        let mut links = Vec::new();
        let mut first = expression;
        while let Some(operand) = self.first_operand(first) {
            links.push(first);
            first = operand;
        }
        let mut node = self.leaf(first, depth)?;
        for link in links.into_iter().rev() {
            node = self.link(link, node, depth)?;
        }
        Ok(node)
    }

    /// What is evaluated first and stands at the beginning, where there is such an operand.
    fn first_operand<'b, 'a>(&self, expression: &'b Expression<'a>) -> Option<&'b Expression<'a>> {
        match expression {
            Expression::ParenthesizedExpression(inner) => Some(&inner.expression),
            Expression::BinaryExpression(binary) => Some(&binary.left),
            Expression::LogicalExpression(logical) => Some(&logical.left),
            Expression::CallExpression(call) => self.receiver_of(call),
            Expression::StaticMemberExpression(member) => self.object_of(member),
            Expression::ComputedMemberExpression(member) => Some(&member.object),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.receiver_of(call),
                ChainElement::StaticMemberExpression(member) => self.object_of(member),
                ChainElement::ComputedMemberExpression(member) => Some(&member.object),
                ChainElement::PrivateFieldExpression(_) | ChainElement::TSNonNullExpression(_) => None,
            },
            _ => None,
        }
    }

    /// What follows the first operand.
    fn link(&mut self, expression: &Expression<'_>, first: NodeId, depth: usize) -> Converted {
        match expression {
            Expression::BinaryExpression(binary) => {
                let operator = self.binary(binary.operator, binary.span)?;
                let right = self.expression(&binary.right, depth + 1)?;
                Ok(self.add(Node::Binary(operator, first, right)))
            }
            Expression::LogicalExpression(logical) => {
                let operator = match logical.operator {
                    LogicalOperator::And => Logical::And,
                    LogicalOperator::Or => Logical::Or,
                    LogicalOperator::Coalesce => Logical::Coalesce,
                };
                let right = self.expression(&logical.right, depth + 1)?;
                Ok(self.add(Node::Logical(operator, first, right)))
            }
            Expression::CallExpression(call) => self.method(call, first, depth),
            Expression::StaticMemberExpression(member) => self.member(member, first),
            Expression::ComputedMemberExpression(member) => self.index(member, first, depth),
            Expression::ChainExpression(chain) => {
                let inner = match &chain.expression {
                    ChainElement::CallExpression(call) => self.method(call, first, depth)?,
                    ChainElement::StaticMemberExpression(member) => self.member(member, first)?,
                    ChainElement::ComputedMemberExpression(member) => self.index(member, first, depth)?,
                    ChainElement::PrivateFieldExpression(_) | ChainElement::TSNonNullExpression(_) => {
                        return Err(self.refused(expression));
                    }
                };
                Ok(self.add(Node::Chain(inner)))
            }
            _ => Ok(first),
        }
    }

    /// Nodes without a first operand.
    fn leaf(&mut self, expression: &Expression<'_>, depth: usize) -> Converted {
        match expression {
            Expression::BooleanLiteral(literal) => Ok(self.add(Node::Bool(literal.value))),
            Expression::NullLiteral(_) => Ok(self.add(Node::Null)),
            Expression::NumericLiteral(literal) if is_old_octal(literal.raw.as_deref().unwrap_or_default()) => {
                let refused =
                    refusal("a number with a leading zero means another number", "leave out the zero, or write `0o` for octal");
                Err(self.problem(literal.span, refused))
            }
            Expression::NumericLiteral(literal) => Ok(self.add(Node::Number(Literal(literal.value)))),
            Expression::StringLiteral(literal) => {
                let text = self.string(literal)?;
                Ok(self.add(Node::String(text)))
            }
            Expression::TemplateLiteral(template) => self.template(template, depth),
            Expression::Identifier(identifier) => self.name(identifier),
            Expression::ArrayExpression(array) => self.array(array, depth),
            Expression::ObjectExpression(object) => self.object(object, depth),
            Expression::UnaryExpression(unary) => {
                let operator = self.unary(unary.operator, unary.span)?;
                let operand = self.expression(&unary.argument, depth + 1)?;
                Ok(self.add(Node::Unary(operator, operand)))
            }
            Expression::ConditionalExpression(conditional) => {
                let test = self.expression(&conditional.test, depth + 1)?;
                let yes = self.expression(&conditional.consequent, depth + 1)?;
                let no = self.expression(&conditional.alternate, depth + 1)?;
                Ok(self.add(Node::Conditional(test, yes, no)))
            }
            Expression::CallExpression(call) => self.call(call, depth),
            Expression::StaticMemberExpression(member) => self.constant(member),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call(call, depth),
                ChainElement::StaticMemberExpression(member) => self.constant(member),
                _ => Err(self.refused(expression)),
            },
            _ => Err(self.refused(expression)),
        }
    }

    pub(super) fn string(&self, literal: &StringLiteral<'_>) -> Result<Arc<str>, Problem> {
        if literal.lone_surrogates {
            return Err(self.problem(literal.span, half_character()));
        }
        Ok(literal.value.as_str().into())
    }

    fn template(&mut self, template: &TemplateLiteral<'_>, depth: usize) -> Converted {
        let mut texts = Vec::new();
        for element in &template.quasis {
            if element.lone_surrogates {
                return Err(self.problem(element.span, half_character()));
            }
            texts.push(Arc::from(element.value.cooked.as_deref().unwrap_or_default()));
        }
        let mut values = Vec::new();
        for value in &template.expressions {
            values.push(self.expression(value, depth + 1)?);
        }
        Ok(self.add(Node::Template(texts, values)))
    }

    fn name(&mut self, identifier: &IdentifierReference<'_>) -> Converted {
        let name = identifier.name.as_str();
        if let Some(local) = self.locals.iter().rev().find(|local| &***local == name) {
            let local = local.clone();
            return Ok(self.add(Node::Local(local)));
        }
        let node = match name {
            "undefined" => Node::Undefined,
            "NaN" => Node::Number(Literal(f64::NAN)),
            "Infinity" => Node::Number(Literal(f64::INFINITY)),
            _ if NAMESPACES.contains(&name) || Function::named(name).is_some() => {
                return Err(self.problem(identifier.span, refused::bare_builtin(name)));
            }
            _ if ABSENT.contains(&name) => return Err(self.problem(identifier.span, refused::absent(name))),
            _ => {
                let column = super::column(self.source, identifier.span.start as usize);
                Node::Name(name.into(), u16::try_from(column).expect("a bounded source has few columns"))
            }
        };
        Ok(self.add(node))
    }

    fn array(&mut self, array: &ArrayExpression<'_>, depth: usize) -> Converted {
        let mut items = Vec::new();
        for element in &array.elements {
            items.push(match element {
                ArrayExpressionElement::SpreadElement(spread) => {
                    let inner = self.expression(&spread.argument, depth + 2)?;
                    self.add(Node::Spread(inner))
                }
                ArrayExpressionElement::Elision(hole) => {
                    return Err(self.problem(hole.span, refusal("an array with a hole", "write `undefined` or `null`")));
                }
                _ => self.expression(element.to_expression(), depth + 1)?,
            });
        }
        Ok(self.add(Node::Array(items)))
    }

    fn object(&mut self, object: &ObjectExpression<'_>, depth: usize) -> Converted {
        let mut properties = Vec::new();
        for property in &object.properties {
            properties.push(match property {
                ObjectPropertyKind::SpreadProperty(spread) => Property::Spread(self.expression(&spread.argument, depth + 1)?),
                ObjectPropertyKind::ObjectProperty(property) => self.property(property, depth)?,
            });
        }
        Ok(self.add(Node::Object(properties)))
    }

    fn property(&mut self, property: &ObjectProperty<'_>, depth: usize) -> Result<Property, Problem> {
        if property.kind != PropertyKind::Init || property.method {
            let refused = refusal("an object with a method", "write values only: `{name: value}`");
            return Err(self.problem(property.span, refused));
        }
        let key: Arc<str> = match &property.key {
            key if property.computed => {
                let key = self.expression(key.to_expression(), depth + 1)?;
                return Ok(Property::Computed(key, self.expression(&property.value, depth + 1)?));
            }
            PropertyKey::StaticIdentifier(name) => name.name.as_str().into(),
            PropertyKey::StringLiteral(literal) => self.string(literal)?,
            PropertyKey::NumericLiteral(literal) => number::to_text(literal.value).into(),
            other => return Err(self.problem(other.span(), refusal("a key of this kind", "write a name or a text"))),
        };
        if &*key == "__proto__" {
            let refused = refusal("`__proto__` would set a prototype", "for a field of that name write `[\"__proto__\"]: value`");
            return Err(self.problem(property.key.span(), refused));
        }
        Ok(Property::Field(key, self.expression(&property.value, depth + 1)?))
    }

    fn unary(&self, operator: UnaryOperator, span: Span) -> Result<Unary, Problem> {
        Ok(match operator {
            UnaryOperator::UnaryPlus => Unary::Plus,
            UnaryOperator::UnaryNegation => Unary::Minus,
            UnaryOperator::LogicalNot => Unary::Not,
            UnaryOperator::BitwiseNot => Unary::BitwiseNot,
            UnaryOperator::Typeof => Unary::Typeof,
            UnaryOperator::Void => Unary::Void,
            UnaryOperator::Delete => {
                let refused =
                    refusal("`delete` changes a value", "an expression only reads; make a new object without the field");
                return Err(self.problem(span, refused));
            }
        })
    }

    fn binary(&self, operator: BinaryOperator, span: Span) -> Result<Binary, Problem> {
        Ok(match operator {
            BinaryOperator::Equality => Binary::Equal,
            BinaryOperator::Inequality => Binary::NotEqual,
            BinaryOperator::StrictEquality => Binary::Same,
            BinaryOperator::StrictInequality => Binary::NotSame,
            BinaryOperator::LessThan => Binary::Less,
            BinaryOperator::LessEqualThan => Binary::LessOrEqual,
            BinaryOperator::GreaterThan => Binary::Greater,
            BinaryOperator::GreaterEqualThan => Binary::GreaterOrEqual,
            BinaryOperator::Addition => Binary::Add,
            BinaryOperator::Subtraction => Binary::Subtract,
            BinaryOperator::Multiplication => Binary::Multiply,
            BinaryOperator::Division => Binary::Divide,
            BinaryOperator::Remainder => Binary::Remainder,
            BinaryOperator::Exponential => Binary::Power,
            BinaryOperator::ShiftLeft => Binary::ShiftLeft,
            BinaryOperator::ShiftRight => Binary::ShiftRight,
            BinaryOperator::ShiftRightZeroFill => Binary::ShiftRightUnsigned,
            BinaryOperator::BitwiseOR => Binary::BitwiseOr,
            BinaryOperator::BitwiseXOR => Binary::BitwiseXor,
            BinaryOperator::BitwiseAnd => Binary::BitwiseAnd,
            BinaryOperator::In => Binary::In,
            BinaryOperator::Instanceof => {
                let refused = refusal("`instanceof` is not available", "use `typeof x` or `Array.isArray(x)`");
                return Err(self.problem(span, refused));
            }
        })
    }

    /// A value in front of `.`, `[` or a method call; `?.` is a node of its own.
    pub(super) fn receiver(&mut self, object: NodeId, optional: bool) -> NodeId {
        if optional { self.add(Node::Present(object)) } else { object }
    }

    /// What stands before the dot, unless it is one of the objects that only hold functions and constants.
    fn object_of<'b, 'a>(&self, member: &'b StaticMemberExpression<'a>) -> Option<&'b Expression<'a>> {
        if self.namespace(&member.object).is_some() { None } else { Some(&member.object) }
    }

    /// `Math` in `Math.PI`.
    pub(super) fn namespace<'b>(&self, object: &'b Expression<'_>) -> Option<&'b str> {
        match object {
            Expression::Identifier(name) if NAMESPACES.contains(&name.name.as_str()) => Some(name.name.as_str()),
            _ => None,
        }
    }

    fn member(&mut self, member: &StaticMemberExpression<'_>, object: NodeId) -> Converted {
        let name = member.property.name.as_str();
        if matches!(name, "__proto__" | "constructor" | "prototype") {
            return Err(self.problem(member.property.span, refused::hidden_property(name)));
        }
        let object = self.receiver(object, member.optional);
        Ok(self.add(Node::Member(object, name.into())))
    }

    fn constant(&mut self, member: &StaticMemberExpression<'_>) -> Converted {
        let namespace = self.namespace(&member.object).unwrap_or_default();
        match constant(namespace, &member.property.name) {
            Some(number) => Ok(self.add(Node::Number(Literal(number)))),
            None => Err(self.problem(member.span, self.unknown_member(namespace, &member.property.name))),
        }
    }

    fn unknown_member(&self, namespace: &str, name: &str) -> Refusal {
        let full = format!("{namespace}.{name}");
        if Function::named(&full).is_some() { refused::bare_builtin(&full) } else { refused::unknown_function(&full) }
    }

    fn index(&mut self, member: &ComputedMemberExpression<'_>, object: NodeId, depth: usize) -> Converted {
        let object = self.receiver(object, member.optional);
        // `a["b"]` is `a.b`, so that both are one reference.
        if let Expression::StringLiteral(literal) = &member.expression {
            let key = self.string(literal)?;
            return Ok(self.add(Node::Member(object, key)));
        }
        let key = self.expression(&member.expression, depth + 1)?;
        Ok(self.add(Node::Index(object, key)))
    }

    fn refused(&self, expression: &Expression<'_>) -> Problem {
        let only_reads = "an expression only reads values";
        let refused = match expression {
            Expression::AssignmentExpression(assignment) => {
                let help = if assignment.operator.is_assign() { "did you mean `===`?" } else { only_reads };
                let after_left = assignment.left.span().end as usize;
                let space = self.source[after_left..].len() - self.source[after_left..].trim_start().len();
                let column = super::column(self.source, after_left + space);
                return Problem { column, message: "an assignment is not allowed".to_owned(), help: Some(help.to_owned()) };
            }
            Expression::UpdateExpression(_) => refusal("`++` and `--` are not allowed", format!("{only_reads}; write `x + 1`")),
            Expression::NewExpression(new) => match &new.callee {
                Expression::Identifier(class) if class.name == "Date" => refused::absent("Date"),
                _ => refusal("`new` is not allowed", "make it in an action, and read its output"),
            },
            Expression::ThisExpression(_) => {
                refusal("`this` means nothing here", "name a step, or read `input`, `context` or `state`")
            }
            Expression::RegExpLiteral(_) => refusal(
                "regular expressions are not available",
                "use `.includes()`, `.startsWith()`, `.endsWith()` or `.split()`, or match in an action",
            ),
            Expression::BigIntLiteral(_) => refusal("big integers are not available", "leave out the `n`: numbers are doubles"),
            Expression::ArrowFunctionExpression(_) => refusal(
                "a function is only allowed as the first argument of a method such as `some`, `filter` or `map`",
                "write `items.some(item => item.ok)`",
            ),
            Expression::FunctionExpression(_) => {
                refusal("`function` is not allowed", "write an arrow function: `items.some(item => item.ok)`")
            }
            Expression::ClassExpression(_) => refusal("`class` is not allowed", only_reads),
            Expression::AwaitExpression(_) => {
                refusal("`await` is not allowed", "every value is there already, nothing has to be awaited")
            }
            Expression::YieldExpression(_) => refusal("`yield` is not allowed", only_reads),
            Expression::SequenceExpression(_) => {
                refusal("a comma between two expressions is not allowed", "write one expression")
            }
            Expression::TaggedTemplateExpression(_) => {
                refusal("a tagged template is not allowed", "write the template without the name before it")
            }
            Expression::ImportExpression(_) | Expression::ImportMeta(_) => {
                refusal("`import` is not allowed", "do it in an action, and let the expression read its output")
            }
            Expression::PrivateInExpression(_) | Expression::PrivateFieldExpression(_) => {
                refusal("private fields do not exist here", "leave out the `#`")
            }
            _ => refusal("this is not allowed in an expression", only_reads),
        };
        self.problem(expression.span(), refused)
    }
}

/// `010` is 8 in sloppy JavaScript, an error in strict.
fn is_old_octal(raw: &str) -> bool {
    raw.len() > 1 && raw.starts_with('0') && raw.as_bytes()[1].is_ascii_digit()
}

fn half_character() -> Refusal {
    refusal("a text with half of a surrogate pair", "write the whole character")
}
