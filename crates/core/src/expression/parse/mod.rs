//! Source text to tree.
//!
//! The parser recurses, so length and nesting are bounded before it runs, and it runs on a stack of its own size: the caller's
//! may be small.

mod calls;
mod convert;
mod nesting;
mod refused;

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;

use super::Problem;
use super::tree::Tree;
use crate::limits;

/// Several times what the worst source within the bounds was seen to need.
#[cfg(not(target_family = "wasm"))]
const STACK_BYTES: usize = 8 << 20;

pub(super) fn parse(source: &str) -> Result<Tree, Problem> {
    if source.len() > limits::EXPRESSION_SOURCE_BYTES_MAX {
        return Err(Problem {
            column: 1,
            message: format!(
                "the expression is {} bytes long, the limit is {}",
                source.len(),
                limits::EXPRESSION_SOURCE_BYTES_MAX
            ),
            help: Some("compute it in an action, and let the expression read its output".to_owned()),
        });
    }
    if let Some(offset) = nesting::first_too_deep(source) {
        return Err(refused::too_deep(column(source, offset)));
    }
    on_large_stack(|| parse_bounded(source))
}

#[cfg(not(target_family = "wasm"))]
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let worker = worker.expect("the system gives a thread for the moment of a parse");
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// There are no threads; the module's one stack has room for any source within the bounds.
#[cfg(target_family = "wasm")]
fn on_large_stack<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn parse_bounded(source: &str) -> Result<Tree, Problem> {
    if source.trim().is_empty() {
        return Err(Problem { column: 1, message: "expected an expression, found nothing".to_owned(), help: None });
    }
    let allocator = Allocator::default();
    match Parser::new(&allocator, source, SourceType::mjs()).parse_expression() {
        Ok(expression) => convert::convert(source, &expression),
        Err(diagnostics) => {
            let first = diagnostics.errors().next();
            let offset = first.and_then(|error| error.labels.first()).map_or(0, |label| label.offset() as usize);
            Err(refused::syntax(source, offset, first.map_or("not an expression", |error| &error.message)))
        }
    }
}

/// 1-based, in characters.
fn column(source: &str, offset: usize) -> usize {
    source.char_indices().take_while(|(start, _)| *start < offset).count() + 1
}
