//! A file of definitions.

use std::path::Path;

use super::document::Document;
use super::{json, yaml};

/// A file, or standard input, with the definitions in it.
#[derive(Debug)]
pub struct Source {
    /// As it is shown: `order.yaml`, `<stdin>`.
    pub name: String,
    pub text: String,
    pub documents: Vec<Document>,
}

/// The text is neither JSON nor YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Byte of the text.
    pub at: usize,
    pub message: String,
}

impl Unreadable {
    pub fn at(source: &str, at: usize, message: impl Into<String>) -> Unreadable {
        Unreadable { at: at.min(source.len()), message: message.into() }
    }
}

/// By what a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
}

impl Format {
    /// By the extension; of other names, and of standard input, by the first character: JSON that holds definitions begins with a
    /// bracket, and YAML hardly ever does.
    pub fn of(path: Option<&Path>, text: &str) -> Format {
        let extension = path.and_then(Path::extension).and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("json") => Format::Json,
            Some("yaml" | "yml") => Format::Yaml,
            _ if text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) => Format::Json,
            _ => Format::Yaml,
        }
    }
}

/// Reads every definition of a text.
pub fn documents(format: Format, text: &str) -> Result<Vec<Document>, Unreadable> {
    match format {
        Format::Json => json::documents(text),
        Format::Yaml => yaml::documents(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_then_the_first_character() {
        let format = |path: Option<&str>, text| Format::of(path.map(Path::new), text);
        assert_eq!(format(Some("a.yml"), "{}"), Format::Yaml);
        assert_eq!(format(Some("a.JSON"), "id: a"), Format::Json);
        assert_eq!(format(None, "\n [{}]"), Format::Json);
        assert_eq!(format(Some("workflow"), "id: a"), Format::Yaml);
    }
}
