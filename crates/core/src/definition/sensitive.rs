//! What must not be shown of an output, or of an input: named by the definition, masked wherever people and programs look.
//!
//! Actions and expressions read the real values. A definition that names nothing pays nothing: its payloads are passed on as the
//! texts that they are.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::tree::{Kind, Node};
use crate::json::Json;

/// What stands where a sensitive value was.
const MASK: &str = "\"[sensitive]\"";
/// Any field of an object, any element of an array.
const ANY: &str = "*";

/// `true`, or the paths of values within it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sensitive {
    Everything,
    Paths(Vec<Path>),
}

/// `card.number`, `items.*.token`, `items.0`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(Vec<String>);

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Path {
    /// None when a segment is empty.
    pub fn parse(text: &str) -> Option<Path> {
        let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
        if segments.iter().any(String::is_empty) { None } else { Some(Path(segments)) }
    }
}

impl Sensitive {
    /// The value with what is sensitive in it masked.
    pub fn mask(&self, json: &Json) -> Json {
        self.mask_within(json, &[])
    }

    /// The same, of a part of the value, by the path that leads to it.
    pub(crate) fn mask_within(&self, json: &Json, at: &[&str]) -> Json {
        let paths = match self {
            Sensitive::Everything => return masked(),
            Sensitive::Paths(paths) => paths,
        };
        let mut rest = Vec::new();
        for Path(path) in paths {
            let both = path.len().min(at.len());
            if path.iter().zip(at).all(|(segment, key)| segment == key || segment == ANY || *key == ANY) {
                rest.push(&path[both..]);
            }
        }
        if rest.is_empty() {
            return json.clone();
        }
        let mut text = String::with_capacity(json.len());
        write(&mut text, &Node::of(json), &rest);
        Json::parse(text).expect("a value with parts of it replaced is one")
    }
}

/// A value that is wholly masked.
pub(crate) fn masked() -> Json {
    Json::parse(MASK).expect("the mask is JSON")
}

/// `paths` lead on from here.
fn write(text: &mut String, node: &Node<'_>, paths: &[&[String]]) {
    if paths.is_empty() {
        return text.push_str(node.text);
    }
    let ends = paths.iter().any(|path| path.is_empty());
    match &node.kind {
        // Nothing is there that could be told.
        Kind::Null => text.push_str(node.text),
        Kind::Object(fields) if !ends => {
            text.push('{');
            for (place, (name, value)) in fields.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                text.push_str(&serde_json::to_string(name).expect("a text is JSON"));
                text.push(':');
                write(text, value, &following(paths, name));
            }
            text.push('}');
        }
        Kind::Array(elements) if !ends => {
            text.push('[');
            for (place, value) in elements.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                write(text, value, &following(paths, &place.to_string()));
            }
            text.push(']');
        }
        // Also where a path would lead on: it is not what was expected there, and may hold the same.
        Kind::Object(_) | Kind::Array(_) | Kind::Bool | Kind::Number | Kind::Text(_) => text.push_str(MASK),
    }
}

fn following<'p>(paths: &[&'p [String]], key: &str) -> Vec<&'p [String]> {
    let goes_on = |path: &&&'p [String]| path.first().is_some_and(|segment| segment == key || segment == ANY);
    paths.iter().filter(goes_on).map(|path| &path[1..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensitive(paths: &[&str]) -> Sensitive {
        Sensitive::Paths(paths.iter().map(|path| Path::parse(path).unwrap()).collect())
    }

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    #[test]
    fn what_is_named_is_masked_and_all_else_keeps_its_text() {
        let output =
            json(r#"{"card":{"number":"4242","last":1.10},"token":7,"list":[{"t":1,"u":12345678901234567890},{"t":[2]}]}"#);
        let masked = sensitive(&["card.number", "token", "list.*.t", "no.such"]).mask(&output);
        let expected = r#"{"card":{"number":"[sensitive]","last":1.10},"token":"[sensitive]","list":[{"t":"[sensitive]","u":12345678901234567890},{"t":"[sensitive]"}]}"#;
        assert_eq!(masked.text(), expected);
        assert_eq!(Sensitive::Everything.mask(&output).text(), MASK);
        assert_eq!(sensitive(&["list.1"]).mask(&json(r#"{"list":[1,2]}"#)).text(), r#"{"list":[1,"[sensitive]"]}"#);
    }

    #[test]
    fn what_is_of_another_shape_than_a_path_expects_is_masked_and_nothing_is_not() {
        let paths = sensitive(&["card.number"]);
        assert_eq!(paths.mask(&json(r#"{"card":"4242"}"#)).text(), r#"{"card":"[sensitive]"}"#);
        assert_eq!(paths.mask(&json("\"4242\"")).text(), MASK);
        for same in [r#"{"card":null}"#, "null", "{}", r#"{"other":{"number":1}}"#, r#"{"card":{"numbers":1}}"#] {
            assert_eq!(paths.mask(&json(same)).text(), same);
        }
        // A key that is there twice: either could be read.
        assert_eq!(sensitive(&["a"]).mask(&json(r#"{"a":1,"a":2}"#)).text(), r#"{"a":"[sensitive]","a":"[sensitive]"}"#);
    }

    #[test]
    fn a_part_is_masked_by_where_it_lies() {
        let paths = sensitive(&["card.number", "items.*.token"]);
        let at = |json_text: &str, at: &[&str]| paths.mask_within(&json(json_text), at).text().to_owned();
        assert_eq!(at(r#"{"number":1,"name":2}"#, &["card"]), r#"{"number":"[sensitive]","name":2}"#);
        assert_eq!(at("1", &["card", "number"]), MASK);
        assert_eq!(at("\"42\"", &["card", "number", "0"]), MASK);
        assert_eq!(at("1", &["card", "name"]), "1");
        assert_eq!(at("1", &["items", "7", "token"]), MASK);
        assert_eq!(at(r#"{"token":1}"#, &["items", "7"]), r#"{"token":"[sensitive]"}"#);
    }

    #[test]
    fn a_path_has_no_empty_segments() {
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(Path::parse(bad), None, "{bad}");
        }
    }
}
