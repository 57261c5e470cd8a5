//! A definition as it stands in a file: its JSON, and where every value of it is written.

use std::ops::Range;

use workflow_core::json::Json;

use super::text::Quoting;

/// One value of a file that may hold several.
#[derive(Debug, Clone)]
pub struct Document {
    pub json: Json,
    pub root: Node,
}

/// A value with its place, in bytes of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub span: Range<usize>,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A number, `true`, `false` or `null`.
    Plain,
    Text {
        value: String,
        quoting: Quoting,
    },
    Array(Vec<Node>),
    Object(Vec<Field>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub key: String,
    pub key_span: Range<usize>,
    pub value: Node,
}

/// What a JSON pointer leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a> {
    pub node: &'a Node,
    /// Of the field that holds it; none for an element of an array and for the whole.
    pub key_span: Option<Range<usize>>,
    /// False when the pointer leads further, to something that is not there.
    pub exact: bool,
}

impl Document {
    /// Follows `pointer` (RFC 6901) as far as it leads. Of a key that is there twice, the last one is meant, as in JavaScript.
    pub fn locate(&self, pointer: &str) -> Place<'_> {
        let mut place = Place { node: &self.root, key_span: None, exact: true };
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &place.node.content {
                Content::Object(fields) => {
                    let field = fields.iter().rev().find(|field| field.key == part);
                    field.map(|field| (&field.value, Some(field.key_span.clone())))
                }
                Content::Array(items) => part.parse().ok().and_then(|index: usize| items.get(index)).map(|item| (item, None)),
                Content::Plain | Content::Text { .. } => None,
            };
            match next {
                Some((node, key_span)) => place = Place { node, key_span, exact: true },
                None => return Place { exact: false, ..place },
            }
        }
        place
    }

    /// The text of a field of the outermost object.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        let Content::Object(fields) = &self.root.content else { return None };
        match &fields.iter().rev().find(|field| field.key == key)?.value.content {
            Content::Text { value, .. } => Some(value),
            Content::Plain | Content::Array(_) | Content::Object(_) => None,
        }
    }
}
