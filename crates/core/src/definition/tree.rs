//! JSON text as a tree that borrows from it: it keeps the text of every value, and keys that occur twice.
//!
//! [`Json`] is known to be well-formed and its depth is bounded, so reading it neither fails nor runs out of stack.

use crate::json::Json;

#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub text: &'a str,
    pub kind: Kind<'a>,
    /// A string, here or in one of its keys, has half of a surrogate pair (`"\ud800"`), which is no character.
    pub broken: bool,
}

#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Null,
    Bool,
    Number,
    Text(String),
    Array(Vec<Node<'a>>),
    Object(Vec<(String, Node<'a>)>),
}

impl<'a> Node<'a> {
    pub fn of(json: &'a Json) -> Node<'a> {
        Reader { text: json.text(), at: 0 }.value()
    }

    /// The field of an object or the element of an array; of a key that occurs twice, the last, as JavaScript reads it.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        match &self.kind {
            Kind::Object(fields) => fields.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node),
            Kind::Array(elements) => elements.get(index(key)?),
            Kind::Null | Kind::Bool | Kind::Number | Kind::Text(_) => None,
        }
    }

    pub fn to_json(&self) -> Json {
        Json::parse(self.text).expect("a part of well-formed JSON is well-formed")
    }

    /// What it is, for messages: "a number", "an array".
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "null",
            Kind::Bool if self.text == "true" => "true",
            Kind::Bool => "false",
            Kind::Number => "a number",
            Kind::Text(_) => "a string",
            Kind::Array(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }
}

/// `0`, `1`, `12`: an index as JavaScript writes it, so that `01` is no element.
fn index(key: &str) -> Option<usize> {
    let digits = !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    if digits { key.parse().ok() } else { None }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Node<'a> {
        let start = self.at;
        let mut broken = false;
        let kind = match self.peek() {
            b'{' => {
                let (fields, bad_key) = self.object();
                broken = bad_key;
                Kind::Object(fields)
            }
            b'[' => Kind::Array(self.array()),
            b'"' => {
                let (text, bad) = self.string();
                broken = bad;
                Kind::Text(text)
            }
            b'n' => self.word(Kind::Null),
            b't' | b'f' => self.word(Kind::Bool),
            _ => self.word(Kind::Number),
        };
        Node { text: &self.text[start..self.at], kind, broken }
    }

    fn object(&mut self) -> (Vec<(String, Node<'a>)>, bool) {
        let (mut fields, mut broken) = (Vec::new(), false);
        self.at += 1;
        loop {
            match self.next_token() {
                b'}' => break,
                b',' => self.at += 1,
                _ => {
                    let (key, bad) = self.string();
                    broken |= bad;
                    self.next_token();
                    self.at += 1;
                    self.next_token();
                    fields.push((key, self.value()));
                }
            }
        }
        self.at += 1;
        (fields, broken)
    }

    fn array(&mut self) -> Vec<Node<'a>> {
        let mut elements = Vec::new();
        self.at += 1;
        loop {
            match self.next_token() {
                b']' => break,
                b',' => self.at += 1,
                _ => elements.push(self.value()),
            }
        }
        self.at += 1;
        elements
    }

    /// Goes to the field or element at `key` of the value at this place.
    fn enter(&mut self, key: &str) -> Option<()> {
        let object = self.peek() == b'{';
        let wanted = match self.peek() {
            b'{' => None,
            b'[' => Some(index(key)?),
            _ => return None,
        };
        self.at += 1;
        let (mut found, mut element) = (None, 0);
        loop {
            match self.next_token() {
                b'}' | b']' => break,
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            let is_it = if object {
                let is_it = self.string().0 == key;
                self.next_token();
                self.at += 1;
                self.next_token();
                is_it
            } else {
                element += 1;
                wanted == Some(element - 1)
            };
            if is_it {
                found = Some(self.at);
            }
            if is_it && !object {
                break;
            }
            // Of a key that occurs twice the last counts, so an object is read to its end.
            self.skip();
        }
        self.at = found?;
        Some(())
    }

    /// Goes behind the value at this place.
    fn skip(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.next_token() {
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                b'"' => self.skip_string(),
                _ => _ = self.word(Kind::Null),
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
    }

    /// The string at this place, and whether it had to be mended.
    fn string(&mut self) -> (String, bool) {
        let start = self.at;
        self.skip_string();
        let raw = &self.text[start..self.at];
        match serde_json::from_str(raw) {
            Ok(text) => (text, false),
            // The only thing that well-formed JSON text may hold and a String may not.
            Err(_) => (raw[1..raw.len() - 1].to_owned(), true),
        }
    }

    /// A literal or number: it ends where no letter, digit, sign or point follows.
    fn word(&mut self, kind: Kind<'a>) -> Kind<'a> {
        let rest = &self.text[self.at..];
        self.at += rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).unwrap_or(rest.len());
        kind
    }

    fn next_token(&mut self) -> u8 {
        while self.peek().is_ascii_whitespace() {
            self.at += 1;
        }
        self.peek()
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes()[self.at]
    }
}

/// The text of what a path of keys leads to, found without building what lies beside it; `None` where it leads nowhere.
pub(crate) fn seek<'a>(json: &'a Json, path: &[String]) -> Option<&'a str> {
    let mut reader = Reader { text: json.text(), at: 0 };
    path.iter().try_for_each(|key| reader.enter(key))?;
    let start = reader.at;
    reader.skip();
    Some(&json.text()[start..reader.at])
}

/// Whether two nodes are the same JSON value: neither white space nor the order of keys nor how a number is written counts, and
/// numbers are compared exactly, beyond what a double holds.
pub(crate) fn same_value(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool, Kind::Bool) => a.text == b.text,
        (Kind::Number, Kind::Number) => a.text == b.text || decimal(a.text) == decimal(b.text),
        (Kind::Text(a_text), Kind::Text(b_text)) => a_text == b_text,
        (Kind::Array(a), Kind::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (Kind::Object(a), Kind::Object(b)) => same_fields(a, b),
        _ => false,
    }
}

fn same_fields(a: &[(String, Node<'_>)], b: &[(String, Node<'_>)]) -> bool {
    let by_key =
        |fields: &[(String, Node<'_>)]| fields.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
    let (a_places, b_places): (std::collections::BTreeMap<String, usize>, std::collections::BTreeMap<String, usize>) =
        (by_key(a), by_key(b));
    a_places.len() == b_places.len()
        && a_places.iter().all(|(key, &place)| b_places.get(key).is_some_and(|&other| same_value(&a[place].1, &b[other].1)))
}

/// Sign, digits without zeros around them, and the exponent of a point before the first digit: equal for equal numbers.
fn decimal(number: &str) -> (bool, String, i64) {
    let (negative, number) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let zeros = digits.len() - significant.len();
    let significant = significant.trim_end_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    // An exponent that is no i64 is as large, or as small, as can be.
    let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_sub_unsigned(zeros as u64);
    (negative, significant.to_owned(), point.saturating_add(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    #[test]
    fn every_value_keeps_its_text() {
        let source = json(" {\"a\" : [1e400 , \"x\\\"]\", {} ,[ ]], \"b\":{\"c\":null,\"d\":-0.0, \"e\" : true}\n}");
        let node = Node::of(&source);
        assert_eq!(node.get("a").unwrap().get("0").unwrap().text, "1e400");
        assert_eq!(node.get("a").unwrap().get("1").unwrap().text, r#""x\"]""#);
        assert_eq!(node.get("a").unwrap().get("2").unwrap().text, "{}");
        assert_eq!(node.get("b").unwrap().text, "{\"c\":null,\"d\":-0.0, \"e\" : true}");
        assert_eq!(node.get("b").unwrap().get("d").unwrap().text, "-0.0");
        assert!(node.get("a").unwrap().get("01").is_none());
        assert!(node.get("a").unwrap().get("9").is_none());
    }

    #[test]
    fn half_a_surrogate_pair_is_seen() {
        for (text, broken) in [(r#""\ud83d\ude00""#, false), (r#""\ud83d""#, true), (r#"{"\udc00":1}"#, true)] {
            assert_eq!(Node::of(&json(text)).broken, broken, "{text}");
        }
    }

    #[test]
    fn of_a_key_that_occurs_twice_the_last_counts() {
        assert_eq!(Node::of(&json(r#"{"a":1,"a":2}"#)).get("a").unwrap().text, "2");
    }

    #[test]
    fn seeking_finds_what_the_tree_has() {
        let source = json(r#" {"a":[{"x":"]}\"" }, [1 ,2],{}], "b" : {"c":1}, "a\u0062":true ,"b":{"c":[ ]}} "#);
        let path = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        for at in ["a", "a.0", "a.0.x", "a.1.1", "a.2", "b", "b.c", "ab"] {
            let whole = Node::of(&source);
            let node = path(at).iter().fold(&whole, |node, key| node.get(key).unwrap());
            assert_eq!(seek(&source, &path(at)), Some(node.text), "{at}");
        }
        for at in ["c", "a.3", "a.x", "a.0.x.0", "b.c.0", "a.01"] {
            assert_eq!(seek(&source, &path(at)), None, "{at}");
        }
        assert_eq!(seek(&source, &[]), Some(source.text()));
    }

    #[test]
    fn numbers_are_compared_exactly_however_they_are_written() {
        let same = |a: &str, b: &str| same_value(&Node::of(&json(a)), &Node::of(&json(b)));
        for (a, b) in [("1", "1.0"), ("1", "10e-1"), ("-0", "0"), ("0.00120", "12e-4"), ("1e400", "10E399"), ("120", "1.2e+2")] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [("1", "-1"), ("9007199254740993", "9007199254740992"), ("1e400", "1e401"), ("1", "10"), ("1", "\"1\"")] {
            assert!(!same(a, b), "{a} {b}");
        }
        assert!(same(r#"{"a":1,"b":[2,{}]}"#, r#"{ "b": [2.0, {}], "a": 1 }"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":1,"b":null}"#));
    }

    proptest::proptest! {
        #[test]
        fn any_json_is_read_as_serde_reads_it(text in "[\\[\\]{}\",:0-9a\\\\ ]{0,40}") {
            if let Ok(json) = Json::parse(text) {
                let node = Node::of(&json);
                proptest::prop_assert_eq!(node.text, json.text());
            }
        }
    }
}
