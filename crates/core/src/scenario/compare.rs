//! What was seen against what was expected.

use std::collections::BTreeMap;

use serde_json::Value;

use super::STARTS_AT;

/// What the names in an expectation stand for.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// `<id>`: the execution that is looked at.
    pub id: String,
    /// `<id order>`: the newest execution of that workflow.
    pub ids: BTreeMap<String, String>,
}

/// An entry of a history in a few words: `step_start charge (2)`.
pub fn compact(entry: &Value) -> String {
    let mut text = entry["type"].as_str().unwrap_or("?").to_owned();
    if let Some(step) = entry["stepId"].as_str() {
        text.push(' ');
        text.push_str(step);
    }
    if let Some(attempt) = entry["attempt"].as_u64() {
        text.push_str(&format!(" ({attempt})"));
    }
    text
}

/// What is not as expected, each difference with where it is.
///
/// An object has to have the fields that are expected, `"<absent>"` being none; an array exactly the elements. Under `"="` an
/// object has no other fields than those expected. `"@5s"` is the instant five seconds after the scenario's start, `"@5s..7s"` one
/// from then to seven seconds after it, `"~text"` a string that contains the text.
pub fn differences(expected: &Value, seen: Option<&Value>, names: &Names) -> Vec<String> {
    let mut differences = Vec::new();
    compare("", expected, seen, names, &mut differences);
    differences
}

/// What is not as expected of the entries that a command added: some are expected in a few words, some as objects.
pub fn entry_differences(expected: &[Value], seen: &[Value], names: &Names) -> Vec<String> {
    let entry = |(index, entry): (usize, &Value)| match expected.get(index) {
        Some(Value::Object(_)) => {
            let mut entry = entry.clone();
            entry["entry"] = Value::String(compact(&entry));
            entry
        }
        _ => Value::String(compact(entry)),
    };
    let seen: Value = seen.iter().enumerate().map(entry).collect();
    differences(&Value::Array(expected.to_vec()), Some(&seen), names)
}

/// What is not as expected of a whole history, one compact string for each commit.
pub fn transition_differences(expected: &[String], seen: &[String]) -> Vec<String> {
    let same = |(expected, seen): (&String, &String)| {
        let (expected, seen): (Vec<&str>, Vec<&str>) = (expected.split(", ").collect(), seen.split(", ").collect());
        let same = |(expected, seen): (&&str, &&str)| expected == seen || without_attempt(seen) == Some(expected);
        expected.len() == seen.len() && expected.iter().zip(&seen).all(same)
    };
    if expected.len() == seen.len() && expected.iter().zip(seen).all(same) {
        return Vec::new();
    }
    vec![format!("transitions: expected\n      {}\n    found\n      {}", expected.join("\n      "), seen.join("\n      "))]
}

fn compare(at: &str, expected: &Value, seen: Option<&Value>, names: &Names, differences: &mut Vec<String>) {
    let differ = || format!("{}: expected {expected}, found {}", place(at), seen.map_or("nothing".to_owned(), Value::to_string));
    match (expected, seen) {
        (Value::String(text), _) if text == "<absent>" => {
            if seen.is_some() {
                differences.push(differ());
            }
        }
        (Value::Object(fields), Some(Value::Object(found))) => match (fields.get("="), fields.len()) {
            (Some(Value::Object(exactly)), 1) => {
                compare(at, &Value::Object(exactly.clone()), seen, names, differences);
                let others = found.keys().filter(|key| !exactly.contains_key(*key));
                differences.extend(others.map(|key| format!("{}: `{key}` was not expected", place(at))));
            }
            _ => {
                for (key, field) in fields {
                    compare(&format!("{at}/{key}"), field, found.get(key), names, differences);
                }
            }
        },
        (Value::Array(elements), Some(Value::Array(found))) if elements.len() == found.len() => {
            for (index, (element, found)) in elements.iter().zip(found).enumerate() {
                compare(&format!("{at}/{index}"), element, Some(found), names, differences);
            }
        }
        (Value::String(text), Some(found)) => {
            if !text_matches(text, found, names) {
                differences.push(differ());
            }
        }
        (expected, Some(found)) if same_number(expected, found) || expected == found => {}
        _ => differences.push(differ()),
    }
}

fn place(at: &str) -> &str {
    if at.is_empty() { "(whole)" } else { at }
}

/// `1` and `1.0` are one number; whole numbers are compared exactly.
fn same_number(a: &Value, b: &Value) -> bool {
    let (Value::Number(a), Value::Number(b)) = (a, b) else { return false };
    if a.is_f64() || b.is_f64() { a.as_f64() == b.as_f64() } else { a == b }
}

fn text_matches(text: &str, found: &Value, names: &Names) -> bool {
    if let (Some(span), Some(ms)) = (text.strip_prefix('@'), found.as_i64()) {
        let (from, to) = span.split_once("..").unwrap_or((span, span));
        let at = |span: &str| crate::duration::parse(span).map(|span| (STARTS_AT + span).millis());
        return matches!((at(from), at(to)), (Ok(from), Ok(to)) if from <= ms && ms <= to);
    }
    let Some(found) = found.as_str() else { return false };
    let text = names
        .ids
        .iter()
        .fold(text.replace("<id>", &names.id), |text, (workflow, id)| text.replace(&format!("<id {workflow}>"), id));
    match text.strip_prefix('~') {
        Some(part) => found.contains(part),
        None => found == text || without_attempt(found) == Some(&*text),
    }
}

/// `step_start charge` is enough for `step_start charge (1)`.
fn without_attempt(compact: &str) -> Option<&str> {
    let (words, attempt) = compact.strip_suffix(')')?.rsplit_once(" (")?;
    attempt.bytes().all(|byte| byte.is_ascii_digit()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(expected: &str, seen: &str) -> bool {
        let (expected, seen): (Value, Value) = (serde_json::from_str(expected).unwrap(), serde_json::from_str(seen).unwrap());
        let names = Names { id: "exec_1".to_owned(), ids: BTreeMap::from([("other".to_owned(), "exec_2".to_owned())]) };
        !differences(&expected, Some(&seen), &names).is_empty()
    }

    #[test]
    fn objects_are_subsets_and_arrays_are_whole() {
        assert!(!differs(r#"{"a":1}"#, r#"{"a":1.0,"b":2}"#));
        assert!(differs(r#"{"=":{"a":1}}"#, r#"{"a":1,"b":2}"#));
        assert!(differs(r#"{"a":"<absent>"}"#, r#"{"a":null}"#));
        assert!(differs("[1]", "[1,2]"));
        assert!(differs("12345678901234567890", "12345678901234567891"));
        assert!(differs(r#"{"a":null}"#, "{}"));
    }

    #[test]
    fn transitions_may_leave_out_attempts() {
        let lines = |text: &str| text.split(" | ").map(str::to_owned).collect::<Vec<_>>();
        let differ = |expected: &str, seen: &str| !transition_differences(&lines(expected), &lines(seen)).is_empty();
        assert!(!differ("start, step_start a | step_fail a (1)", "start, step_start a (1) | step_fail a (1)"));
        assert!(differ("start, step_start a | step_fail a (2)", "start, step_start a (1) | step_fail a (1)"));
        assert!(differ("start, step_start a", "start, step_start a (1) | step_complete a (1)"));
        assert!(differ("start", "start, step_start a (1)"));
    }

    #[test]
    fn texts_may_name_instants_ids_and_parts() {
        assert!(!differs(r#""@1m""#, "1700000060000"));
        assert!(differs(r#""@1m""#, "1700000000000"));
        assert!(!differs(r#""@1s..2s""#, "1700000001500"));
        assert!(differs(r#""@1s..2s""#, "1700000002001"));
        assert!(!differs(r#""<id>:a <id other>""#, r#""exec_1:a exec_2""#));
        assert!(!differs(r#""~declined""#, r#""card declined for good""#));
        assert!(!differs(r#""step_start a""#, r#""step_start a (2)""#));
        assert!(differs(r#""step_start a (1)""#, r#""step_start a (2)""#));
    }
}
