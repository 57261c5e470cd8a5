//! Expressions evaluated by Node and by us, each in its own way of saying what came of it.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value as Plain, json};
use workflow_core::expression::{Expression, Scope, Value};
use workflow_core::json::Json;

#[derive(Debug, Clone)]
pub struct Case {
    pub expression: String,
    pub scope: String,
}

/// A scope of one JSON object: its fields are the names.
struct Fields(indexmap::IndexMap<String, Json>);

impl Scope for Fields {
    fn name(&self, name: &str) -> Option<Json> {
        self.0.get(name).cloned()
    }

    fn field(&self, root: &str, key: &str) -> Option<Option<Json>> {
        if root != "state" {
            return None;
        }
        Some(self.0.get(root)?.fields()?.get(key).cloned())
    }

    fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

pub fn compare(cases: &[Case]) {
    compare_with(cases, |_, _| false);
}

/// `close` says what may pass though it is not equal.
pub fn compare_with(cases: &[Case], close: fn(&Plain, &Plain) -> bool) {
    let Some(expected) = node(cases) else { return };
    assert_eq!(expected.len(), cases.len());
    let mut wrong = Vec::new();
    for (case, expected) in cases.iter().zip(expected) {
        let ours = ours(case);
        if ours != expected && !close(&ours, &expected) {
            wrong.push(format!("{}\n    Node: {expected}\n    ours: {ours}", case.expression));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Encoded as `node.mjs` encodes.
pub fn ours(case: &Case) -> Plain {
    let expression = match Expression::parse(&case.expression) {
        Ok(expression) => expression,
        Err(problem) => return json!({ "refused": problem.message }),
    };
    evaluated(&expression, &case.scope)
}

pub fn evaluated(expression: &Expression, scope: &str) -> Plain {
    let scope = Json::parse(scope).expect("a scope is JSON");
    match expression.evaluate(&Fields(scope.fields().expect("a scope is an object"))) {
        Ok(evaluation) => encoded(&evaluation.value),
        // Node has bounds too, but others.
        Err(error) if BOUNDS.iter().any(|bound| error.message.contains(bound)) => json!({ "bounded": true }),
        // Node gives the function, we have none to give.
        Err(error) if error.message.contains("is a method that is not called") => json!({ "uncalled": true }),
        Err(_) => json!({ "thrown": true }),
    }
}

/// What is said when an evaluation takes more than it may.
const BOUNDS: &[&str] = &["100000 steps", "1024 KiB", "nested deeper than"];

fn encoded(value: &Value) -> Plain {
    match value {
        Value::Undefined => json!({ "undefined": true }),
        Value::Null => Plain::Null,
        Value::Bool(value) => json!(value),
        Value::Number(number) if *number == 0.0 && number.is_sign_negative() => json!({ "number": "-0" }),
        Value::Number(_) => json!({ "number": value.to_text() }),
        Value::String(text) => json!(&**text),
        Value::Array(array) => array.items().iter().map(encoded).collect(),
        Value::Object(object) => {
            json!({ "fields": object.fields().map(|(key, field)| json!([&**key, encoded(field)])).collect::<Vec<_>>() })
        }
    }
}

/// What Node says, or nothing when there is no Node, which is an error where everything has to be tested.
pub fn node(cases: &[Case]) -> Option<Vec<Plain>> {
    Node::start().map(|mut node| node.ask(cases))
}

/// A process that evaluates what it is asked, one list of cases after the other.
pub struct Node {
    child: Child,
    /// Closed, it ends.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Node {
    pub fn start() -> Option<Node> {
        let spawned = Command::new("node").arg(folder().join("node.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if std::env::var_os("CI").is_some() => panic!("cannot start node, which CI needs: {error}"),
            Err(error) => {
                eprintln!("\nLEFT OUT: expressions were not compared with Node, which cannot be started: {error}\n");
                return None;
            }
        };
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("its stdout is a pipe"));
        Some(Node { child, stdin, stdout })
    }

    pub fn ask(&mut self, cases: &[Case]) -> Vec<Plain> {
        let input: Vec<Plain> = cases.iter().map(|case| json!({ "expression": case.expression, "scope": case.scope })).collect();
        let stdin = self.stdin.as_mut().expect("it is open until the end");
        writeln!(stdin, "{}", json!(input)).expect("node reads its stdin");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("node writes its stdout");
        let answers: Vec<Plain> = serde_json::from_str(&line).expect("node.mjs prints a list for each list");
        assert_eq!(answers.len(), cases.len());
        answers
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stdin.take();
        let ended = self.child.wait();
        assert!(std::thread::panicking() || ended.is_ok_and(|status| status.success()), "node failed");
    }
}

pub fn read(file: &str) -> String {
    let path = folder().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/expressions")
}
