//! What is no expression: each with its place, its message and what to do (`testdata/expressions/refused.json`).

use serde::Deserialize;
use workflow_core::expression::{Expression, Problem};

#[derive(Deserialize)]
struct Refused {
    source: String,
    column: usize,
    message: String,
    help: Option<String>,
}

#[test]
fn each_refused_construct_says_where_what_and_what_to_do() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/expressions/refused.json");
    let text = std::fs::read_to_string(path).expect("the file is in the tree");
    let cases: Vec<Refused> = serde_json::from_str(&text).expect("a list of refused expressions");
    assert!(cases.len() >= 100, "only {} cases", cases.len());
    for case in cases {
        let expected = Problem { column: case.column, message: case.message, help: case.help };
        assert_eq!(Expression::parse(&case.source), Err(expected), "{:?}", case.source);
    }
}

#[test]
fn a_source_of_1024_bytes_is_read_and_one_of_1025_is_not() {
    let source = |bytes: usize| format!("'{}'", "é".repeat(bytes / 2 - 1));
    assert_eq!(source(1_024).len(), 1_024);
    assert!(Expression::parse(&source(1_024)).is_ok());
    let problem = Expression::parse(&format!("{} ", source(1_024))).expect_err("one byte more");
    assert_eq!(problem.message, "the expression is 1025 bytes long, the limit is 1024");
}
