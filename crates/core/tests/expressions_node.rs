//! Expressions give what Node gives: `testdata/expressions/*.json` and generated tables, evaluated by both when this runs.

mod node;

use node::{Case, compare, compare_with, node, read};
use serde_json::Value as Plain;
use workflow_core::expression::Expression;

/// Files of cases: each a list of expressions, or of an expression with a scope of its own.
const FILES: &[&str] = &["operators", "members", "literals", "texts", "arrays", "functions", "numbers"];

#[test]
fn every_case_gives_what_node_gives() {
    let default_scope = read("scope.json");
    let cases: Vec<Case> = FILES.iter().flat_map(|file| listed(file, &default_scope)).collect();
    assert!(cases.len() >= 400, "only {} cases", cases.len());
    compare(&cases);
}

#[test]
fn every_operator_gives_what_node_gives_on_every_pair_of_kinds() {
    let operands = [
        "undefined",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1.5",
        "NaN",
        "Infinity",
        "4294967297",
        "''",
        "'0'",
        "'1.0'",
        "' 7 '",
        "'abc'",
        "'Infinity'",
        "[]",
        "[0]",
        "['1']",
        "[1, 2]",
        "[null]",
        "({})",
        "({a: 1})",
    ];
    let operators = [
        "==", "!=", "===", "!==", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "**", "<<", ">>", ">>>", "|", "^", "&", "&&",
        "||", "??", "in",
    ];
    let pair =
        |(a, operator, b): (&str, &str, &str)| Case { expression: format!("({a}) {operator} ({b})"), scope: "{}".to_owned() };
    let pairs = operands.iter().flat_map(|a| operators.iter().flat_map(|op| operands.iter().map(|b| (*a, *op, *b))));
    compare(&pairs.map(pair).collect::<Vec<_>>());
}

/// JavaScript leaves the last digit of a sine or a power to whoever computes it; ours is the same in every home.
#[test]
fn every_function_of_numbers_gives_what_node_gives_but_for_the_last_digit() {
    let functions = [
        "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "ceil", "clz32", "cos", "cosh", "exp", "expm1",
        "floor", "fround", "log", "log10", "log1p", "log2", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
    ];
    let inputs = [
        "0",
        "-0",
        "1",
        "-1",
        "0.5",
        "-0.5",
        "0.1",
        "2",
        "3.7",
        "-3.7",
        "10",
        "100.25",
        "1e-9",
        "-1e-9",
        "1e9",
        "123456.789",
        "700",
        "-700",
        "1e300",
        "5e-324",
        "NaN",
        "Infinity",
        "-Infinity",
        "2.5",
        "-2.5",
        "0.49999999999999994",
        "1.5707963267948966",
    ];
    let one = functions.iter().flat_map(|f| inputs.iter().map(move |x| format!("Math.{f}({x})")));
    let two = ["atan2", "pow", "hypot", "max", "min", "imul"];
    let two = two.iter().flat_map(|f| inputs.iter().map(move |a| (f, a)));
    let two = two.flat_map(|(f, a)| inputs.iter().map(move |b| format!("Math.{f}({a}, {b})")));
    let case = |expression| Case { expression, scope: "{}".to_owned() };
    let exact = ["abs", "ceil", "clz32", "floor", "fround", "round", "sign", "sqrt", "trunc", "max", "min", "imul"];
    let (exact, approximate): (Vec<Case>, Vec<Case>) =
        one.chain(two).map(case).partition(|case| exact.iter().any(|f| case.expression.starts_with(&format!("Math.{f}("))));
    compare(&exact);
    compare_with(&approximate, |ours, node| {
        let number = |value: &Plain| value["number"].as_str().and_then(|text| text.parse::<f64>().ok());
        let (Some(ours), Some(node)) = (number(ours), number(node)) else { return false };
        ours == node || ((ours - node) / node).abs() < 1e-15
    });
}

#[test]
fn numbers_are_read_and_printed_as_node_reads_and_prints_them() {
    // A fixed sequence that reaches every exponent (xorshift, started anywhere).
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    let doubles = std::iter::repeat_with(|| {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        f64::from_bits(bits)
    });
    let mut cases = Vec::new();
    for number in doubles.filter(|number| number.is_finite()).take(400) {
        let scope = format!("{{\"x\":{number:e}}}");
        let near = (number.to_bits() >> 12) as f64 / 1e6;
        for expression in [
            "`${x}`".to_owned(),
            format!("{:e}", number.abs()),
            "Number(String(x)) === x".to_owned(),
            format!("({near:e}).toFixed({})", number.to_bits() % 12),
            format!("parseFloat('{near:e}') + {near:e}"),
            format!("({:e} % 1e6) | 0", number.abs()),
        ] {
            cases.push(Case { expression, scope: scope.clone() });
        }
    }
    compare(&cases);
}

/// What Node refuses as a syntax error must not be read by us as something else.
#[test]
fn what_node_cannot_parse_is_refused() {
    let sources = [
        "a ?? b || c",
        "-a ** b",
        "a +",
        "a b",
        "(a",
        "a)",
        "{a: 1",
        "[1, 2",
        "'open",
        "`open",
        "`${a`",
        "a..b",
        "a ? b",
        "a => ",
        "1..x.",
        "1a",
        "08n",
        "a?.`x`",
        "?.a",
        "a.?b",
        "=> 1",
        "if (a) b",
        "return a",
        "a; b",
        "var a",
        "\"\n\"",
        "a = = b",
        "!",
        "x.map((a, a) => a)",
        "x.map(a => {return 1}",
        "...a",
        "f(...)",
        "{,}",
        "({a b})",
        "({a:})",
        "\\u{110000}",
        "'\\u{110000}'",
        "`\\u{zz}`",
        "0xg",
        "1__0",
        "1e",
        "a.1",
        "a.'b'",
        "@",
        "#",
        "a ! b",
        "super.x",
        "let let",
        "({a = 1})",
        "[a, b] => ",
    ];
    let cases: Vec<Case> = sources.iter().map(|source| Case { expression: source.to_string(), scope: "{}".into() }).collect();
    let Some(expected) = node(&cases) else { return };
    for (case, expected) in cases.iter().zip(expected) {
        assert!(expected.get("syntax").is_some(), "Node reads {:?}: {expected}", case.expression);
        assert!(Expression::parse(&case.expression).is_err(), "{:?} is no JavaScript", case.expression);
    }
}

fn listed(file: &str, default_scope: &str) -> Vec<Case> {
    let cases: Vec<Plain> = serde_json::from_str(&read(&format!("{file}.json"))).expect("a list of cases");
    let case = |case: Plain| match case {
        Plain::String(expression) => Case { expression, scope: default_scope.to_owned() },
        case => {
            Case { expression: case["expression"].as_str().expect("an expression").to_owned(), scope: case["scope"].to_string() }
        }
    };
    cases.into_iter().map(case).collect()
}
