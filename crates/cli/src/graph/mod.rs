//! The steps of a workflow as a graph, with what became of each: a model of what is drawn, and two ways to draw it.
//!
//! `model` makes it from a definition and, if there is one, an execution; `fold` puts alike steps together; `layout` finds places
//! for boxes and lines, `drawing` draws them with characters, `rail` is one line a step where boxes do not fit; `mermaid` is for
//! documents. All of it is pure.

mod canvas;
mod drawing;
mod fold;
mod layout;
mod mermaid;
mod model;
mod rail;

pub use drawing::{Size, draw, legend};
pub use mermaid::mermaid;
pub use model::graph;

#[cfg(test)]
mod tests;
