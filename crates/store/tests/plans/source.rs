//! The statements that the store can send, as far as its source tells: so that none is forgotten here.

use std::path::Path;

use regex::Regex;

/// What a text begins with that is a statement.
const BEGINNINGS: &[&str] = &[
    "ALTER ",
    "BEGIN",
    "COMMIT",
    "CREATE ",
    "DELETE ",
    "DROP ",
    "INSERT ",
    "LISTEN ",
    "LOCK ",
    "ROLLBACK",
    "SELECT ",
    "SET ",
    "TRUNCATE ",
    "UPDATE ",
    "WITH ",
];

/// A text of the source, with what is put into it left open.
pub struct Statement {
    pub at: String,
    pub text: String,
    pattern: Regex,
}

impl Statement {
    fn new(at: String, text: String) -> Statement {
        // Texts are also sent behind others, as in a transaction.
        let open = Regex::new(r"\\\{[A-Za-z_.]*\\\}").unwrap();
        let pattern = open.replace_all(&regex::escape(&text), ".*").into_owned();
        Statement { at, text, pattern: Regex::new(&format!("(?s)(^|; ){pattern}$")).unwrap() }
    }

    /// Whether this is what was sent, or the end of it.
    pub fn is(&self, sent: &str) -> bool {
        self.pattern.is_match(sent)
    }
}

/// All that is written in the sources of a folder.
pub fn statements(folder: &Path) -> Vec<Statement> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(statements(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
            let at = path.file_name().unwrap().to_string_lossy().into_owned();
            let texts = texts(source).into_iter().filter(|text| {
                // What goes on behind something else is known by what it narrows.
                BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
                    || text.starts_with('{') && text.contains(" WHERE ")
            });
            found.extend(texts.map(|text| Statement::new(at.clone(), text)));
        }
    }
    found
}

/// The string literals of a source, as the program has them.
fn texts(source: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = source;
    loop {
        let Some(begin) = rest.find(['"', '/', '\'']) else { return texts };
        let (character, after) = (rest.as_bytes()[begin], &rest[begin + 1..]);
        rest = match character {
            b'/' if after.starts_with('/') => after.split_once('\n').map_or("", |(_, after)| after),
            b'/' => after,
            // A quotation mark as a character.
            b'\'' if after.starts_with("\"'") => &after[2..],
            b'\'' => after,
            _ => {
                let (text, after) = text(after);
                texts.push(text);
                after
            }
        };
    }
}

/// A literal whose quotation mark was read, and what comes behind it.
fn text(source: &str) -> (String, &str) {
    let (mut text, mut characters) = (String::new(), source.chars());
    loop {
        match characters.next().expect("a literal ends") {
            '"' => return (text, characters.as_str()),
            '\\' => match characters.next().expect("a literal ends") {
                '\n' => characters = characters.as_str().trim_start().chars(),
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}
