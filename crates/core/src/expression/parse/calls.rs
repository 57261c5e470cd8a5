//! Calls, and the arrow functions that are given to them.

use std::sync::Arc;

use oxc_ast::ast::{
    Argument, ArrowFunctionBody, ArrowFunctionExpression, BindingPattern, CallExpression, Expression, PropertyKey,
};
use oxc_span::GetSpan;

use super::super::Problem;
use super::super::builtins::{ABSENT, Function, Method, NAMESPACES};
use super::super::tree::{Arrow, Binding, MethodCall, Node, NodeId, PatternStep};
use super::convert::{Converted, Converter};
use super::refused::{self, refusal};

impl Converter<'_> {
    /// The value whose method is called.
    pub(super) fn receiver_of<'b, 'a>(&self, call: &'b CallExpression<'a>) -> Option<&'b Expression<'a>> {
        let Expression::StaticMemberExpression(member) = unwrapped(&call.callee) else { return None };
        if self.function_object(&member.object).is_some() { None } else { Some(&member.object) }
    }

    /// `Math` in `Math.max()`.
    fn function_object<'b>(&self, object: &'b Expression<'_>) -> Option<&'b str> {
        match object {
            Expression::Identifier(name) if !self.is_local(&name.name) => {
                self.namespace(object).or_else(|| is_foreign(&name.name).then_some(name.name.as_str()))
            }
            _ => None,
        }
    }

    /// Any call but that of a method.
    pub(super) fn call(&mut self, call: &CallExpression<'_>, depth: usize) -> Converted {
        match unwrapped(&call.callee) {
            Expression::Identifier(name) => self.function(&name.name, call, depth),
            Expression::StaticMemberExpression(member) => {
                let object = self.function_object(&member.object).unwrap_or_default();
                self.function(&format!("{object}.{}", member.property.name), call, depth)
            }
            Expression::ComputedMemberExpression(member) => {
                let refused =
                    refusal("a call of a computed name is not allowed", "write the method's name after a dot: `a.includes(b)`");
                Err(self.problem(member.span, refused))
            }
            Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_) => {
                Err(self
                    .problem(call.span, refusal("calling a function where it stands is not allowed", "write its body instead")))
            }
            Expression::Super(_) | Expression::ImportExpression(_) => {
                Err(self.problem(call.span, refusal("this is not allowed in an expression", "an expression only reads values")))
            }
            other => {
                let refused =
                    refusal("only listed functions and methods can be called", "do it in an action, and read its output");
                Err(self.problem(other.span(), refused))
            }
        }
    }

    fn function(&mut self, name: &str, call: &CallExpression<'_>, depth: usize) -> Converted {
        let Some(function) = Function::named(name).filter(|_| !self.is_local(name)) else {
            return Err(self.problem(call.callee.span(), refused::unknown_function(name)));
        };
        let arguments = self.arguments(&call.arguments, depth)?;
        Ok(self.add(Node::Call(function, arguments)))
    }

    /// A method of `object`, which is [`Converter::receiver_of`] this call.
    pub(super) fn method(&mut self, call: &CallExpression<'_>, object: NodeId, depth: usize) -> Converted {
        let Expression::StaticMemberExpression(member) = unwrapped(&call.callee) else { return self.call(call, depth) };
        let name = member.property.name.as_str();
        if matches!(name, "__proto__" | "constructor" | "prototype") {
            return Err(self.problem(member.property.span, refused::hidden_property(name)));
        }
        let Some(method) = Method::named(name) else {
            return Err(self.problem(member.property.span, refused::unknown_method(name)));
        };
        let object = self.receiver(object, member.optional);
        let arguments = if method.takes_function() {
            let Some((first, rest)) = call.arguments.split_first() else {
                return Err(self.problem(member.property.span, needs_function(name)));
            };
            let mut arguments = vec![self.callback(name, first, depth + 1)?];
            arguments.extend(self.arguments(rest, depth)?);
            arguments
        } else {
            self.arguments(&call.arguments, depth)?
        };
        Ok(self.add(Node::Method(MethodCall { object, name: method, arguments, optional: call.optional })))
    }

    fn arguments(&mut self, arguments: &[Argument<'_>], depth: usize) -> Result<Vec<NodeId>, Problem> {
        let mut nodes = Vec::new();
        for argument in arguments {
            nodes.push(match argument {
                Argument::SpreadElement(spread) => {
                    let inner = self.expression(&spread.argument, depth + 2)?;
                    self.add(Node::Spread(inner))
                }
                _ => self.expression(argument.to_expression(), depth + 1)?,
            });
        }
        Ok(nodes)
    }

    fn callback(&mut self, method: &str, argument: &Argument<'_>, depth: usize) -> Converted {
        let Some(expression) = argument.as_expression() else {
            return Err(self.problem(argument.span(), needs_function(method)));
        };
        let function = match unwrapped(expression) {
            Expression::ArrowFunctionExpression(arrow) => return self.arrow(arrow, depth),
            Expression::Identifier(name) if !self.is_local(&name.name) => Function::named(&name.name),
            Expression::StaticMemberExpression(member) => match &member.object {
                Expression::Identifier(object) => Function::named(&format!("{}.{}", object.name, member.property.name)),
                _ => None,
            },
            Expression::FunctionExpression(_) => return self.expression(expression, depth),
            _ => None,
        };
        match function {
            Some(function) => Ok(self.add(Node::Function(function))),
            None => Err(self.problem(argument.span(), needs_function(method))),
        }
    }

    fn arrow(&mut self, arrow: &ArrowFunctionExpression<'_>, depth: usize) -> Converted {
        if arrow.r#async {
            return Err(self.problem(arrow.span, refusal("an async function is not allowed", "leave out `async`")));
        }
        let body = match &arrow.body {
            ArrowFunctionBody::FunctionBody(body) => {
                let refused = refusal(
                    "a function with statements is not allowed",
                    "write the value after the arrow, `x => x.ok`; an object goes in parentheses, `x => ({ok: x.ok})`",
                );
                return Err(self.problem(body.span, refused));
            }
            body => body.to_expression(),
        };
        let mut bindings = Vec::new();
        for (index, parameter) in arrow.params.items.iter().enumerate() {
            if let Some(initializer) = &parameter.initializer {
                return Err(self.problem(initializer.span(), refusal("a default value is not allowed", "write `x ?? value`")));
            }
            let argument = u8::try_from(index).unwrap_or(u8::MAX);
            self.pattern(&parameter.pattern, argument, &mut Vec::new(), &mut bindings)?;
        }
        if let Some(rest) = &arrow.params.rest {
            return Err(self.problem(rest.span, refusal("`...` in the parameters is not allowed", "name the parameters")));
        }
        let outer = self.locals.len();
        self.locals.extend(bindings.iter().map(|binding| binding.name.clone()));
        let body = self.expression(body, depth + 1);
        self.locals.truncate(outer);
        let body = body?;
        Ok(self.add(Node::Arrow(Arrow { bindings, body })))
    }

    fn pattern(
        &mut self,
        pattern: &BindingPattern<'_>,
        argument: u8,
        path: &mut Vec<PatternStep>,
        bindings: &mut Vec<Binding>,
    ) -> Result<(), Problem> {
        let plain = || refusal("a pattern of this kind is not allowed", "write a name, `{name}` or `[first, second]`");
        match pattern {
            BindingPattern::BindingIdentifier(identifier) => {
                let name = identifier.name.as_str();
                if NAMESPACES.contains(&name) || ABSENT.contains(&name) || Function::named(name).is_some() || name == "undefined"
                {
                    let refused = refusal(format!("`{name}` cannot be the name of a parameter"), "choose another name");
                    return Err(self.problem(identifier.span, refused));
                }
                if bindings.iter().any(|binding| &*binding.name == name) {
                    let refused = refusal(format!("two parameters have the name `{name}`"), "rename one of them");
                    return Err(self.problem(identifier.span, refused));
                }
                bindings.push(Binding { name: Arc::from(name), argument, path: path.clone() });
            }
            BindingPattern::ObjectPattern(object) => {
                if object.rest.is_some() || object.properties.is_empty() {
                    return Err(self.problem(object.span, plain()));
                }
                for property in &object.properties {
                    let key = match &property.key {
                        PropertyKey::StaticIdentifier(name) if !property.computed => name.name.as_str().into(),
                        PropertyKey::StringLiteral(literal) if !property.computed => self.string(literal)?,
                        key => return Err(self.problem(key.span(), plain())),
                    };
                    path.push(PatternStep::Field(key));
                    self.pattern(&property.value, argument, path, bindings)?;
                    path.pop();
                }
            }
            BindingPattern::ArrayPattern(array) => {
                if array.rest.is_some() || array.elements.is_empty() {
                    return Err(self.problem(array.span, plain()));
                }
                for (index, element) in array.elements.iter().enumerate() {
                    let Some(element) = element else { continue };
                    path.push(PatternStep::Element(u16::try_from(index).expect("a bounded source has few elements")));
                    self.pattern(element, argument, path, bindings)?;
                    path.pop();
                }
            }
            BindingPattern::AssignmentPattern(with_default) => {
                let refused = refusal("a default value is not allowed", "write `x ?? value`");
                return Err(self.problem(with_default.span, refused));
            }
        }
        Ok(())
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|local| &**local == name)
    }
}

fn unwrapped<'a, 'b>(expression: &'b Expression<'a>) -> &'b Expression<'a> {
    match expression {
        Expression::ParenthesizedExpression(inner) => unwrapped(&inner.expression),
        other => other,
    }
}

/// Objects of JavaScript homes whose functions people reach for: better named than called an unknown method.
fn is_foreign(name: &str) -> bool {
    ABSENT.contains(&name) || matches!(name, "crypto" | "performance" | "console" | "process" | "window" | "document")
}

fn needs_function(method: &str) -> refused::Refusal {
    refusal(
        format!("`.{method}()` needs an arrow function as its first argument"),
        format!(
            "write `items.{method}({})`",
            if method.starts_with("reduce") { "(sum, item) => sum + item.price, 0" } else { "item => item.ok" }
        ),
    )
}
