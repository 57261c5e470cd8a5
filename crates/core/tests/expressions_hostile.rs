//! Sources and values that are meant to do harm: none of them takes the process down, or more time or memory than allowed.

use proptest::prelude::*;
use workflow_core::expression::{Evaluation, Expression, Scope, Value};
use workflow_core::json::Json;
use workflow_core::limits;

/// Less than any thread that evaluates will have.
const SMALL_STACK_BYTES: usize = 512 << 10;

struct Nothing;

impl Scope for Nothing {
    fn name(&self, name: &str) -> Option<Json> {
        let text = match name {
            "a" => r#"{"a":{"a":null},"b":[1,2,3]}"#.to_owned(),
            "xs" => format!("[{}1]", "1,".repeat(999)),
            "deep" => format!("{}1{}", "[".repeat(limits::JSON_DEPTH_MAX), "]".repeat(limits::JSON_DEPTH_MAX)),
            "kib" => format!("\"{}\"", "x".repeat(1_024)),
            "large" => format!("{{\"ballast\":\"{}\",\"risk\":0.5,\"deep\":{{\"list\":[1,2]}}}}", "x".repeat(900_000)),
            _ => return None,
        };
        Some(Json::parse(text).expect("JSON"))
    }

    fn field(&self, _root: &str, _key: &str) -> Option<Option<Json>> {
        None
    }

    fn knows(&self, name: &str) -> bool {
        self.name(name).is_some()
    }
}

fn run(source: &str) -> Result<Evaluation, String> {
    let expression = Expression::parse(source).map_err(|problem| problem.message)?;
    let _ = (expression.references(), expression.dashed_names());
    expression.evaluate(&Nothing).map_err(|error| error.message)
}

fn on_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(SMALL_STACK_BYTES).spawn_scoped(scope, work).expect("a thread");
        worker.join().expect("no panic")
    })
}

/// `(open, innermost, close)` of everything that nests.
const NESTS: &[(&str, &str, &str)] = &[
    ("(", "1", ")"),
    ("[", "1", "]"),
    ("({a:", "1", "})"),
    ("{a:", "1", "}"),
    ("!", "a", ""),
    ("-", "a", ""),
    ("- ", "a", ""),
    ("+ ", "a", ""),
    ("~", "a", ""),
    ("typeof ", "a", ""),
    ("void ", "a", ""),
    ("delete ", "a", ""),
    ("await ", "a", ""),
    ("new ", "a", ""),
    ("a=>", "1", ""),
    ("async a=>", "1", ""),
    ("xs.map(a=>", "1", ")"),
    ("xs.some(x=>x||", "1", ")"),
    ("1?1:", "1", ""),
    ("1?", "1", ":1"),
    ("a.", "a", ""),
    ("a?.", "a", ""),
    ("", "a", ".a"),
    ("", "a", "?.a"),
    ("", "a", "[0]"),
    ("", "a", "?.[0]"),
    ("a[", "0", "]"),
    ("", "a", "()"),
    ("", "''", ".trim()"),
    ("", "''", "?.trim()"),
    ("String(", "1", ")"),
    ("`${", "1", "}`"),
    ("`${`", "", "`}`"),
    ("1+", "1", ""),
    ("1,", "1", ""),
    ("1**", "1", ""),
    ("a&&", "a", ""),
    ("a&&a.b&&", "a.b", ""),
    ("a?.b&&", "a.b", ""),
    ("a?a.b:", "a", ""),
    ("(a??", "a", ").b"),
    ("a||", "a", ""),
    ("a??", "a", ""),
    ("a&&(", "a", ")"),
    ("a=", "1", ""),
    ("a+=", "1", ""),
    ("...", "a", ""),
    ("[...", "a", "]"),
    ("({...", "a", "})"),
    ("({[", "1", "]:1})"),
    ("a<", "a", ""),
    ("a in ", "a", ""),
    ("a-", "a", ""),
    ("function(){return ", "1", "}"),
    ("class{x=", "1", "}"),
    ("import(", "1", ")"),
    ("a`", "", "`"),
    ("a`${", "1", "}`"),
    ("([", "a", "])=>1"),
    ("(a=", "1", ")=>1"),
    ("xs.map(([", "a", "])=>1)"),
    ("xs.map(({a:", "b", "})=>1)"),
    ("/(", "a", ")/"),
    ("<a>", "b", "</a>"),
    ("<a b={", "b", "}/>"),
    ("yield ", "1", ""),
    ("++", "a", ""),
    ("a as ", "b", ""),
    ("typeof (", "a", ")"),
    ("/*", "1", "*/"),
    ("\"", "", "\""),
    ("{", "", "}"),
    ("{{", "", "}}"),
    ("if(1)", "1", ""),
];

#[test]
fn nothing_that_nests_takes_the_process_down() {
    let most = limits::EXPRESSION_SOURCE_BYTES_MAX;
    on_small_stack(|| {
        for (open, inner, close) in NESTS {
            for depth in [1, 2, 31, 32, 33, 62, 63, 64, 65, 66, 100, 200, 340, 511, 1_024, 5_000] {
                let _ = run(&format!("{}{inner}{}", open.repeat(depth), close.repeat(depth)));
                let _ = run(&format!("{}{inner}", open.repeat(depth)));
                let _ = run(&format!("{inner}{}", close.repeat(depth)));
            }
            let fitting = (most - inner.len()) / (open.len() + close.len()).max(1);
            let _ = run(&format!("{}{inner}{}", open.repeat(fitting), close.repeat(fitting)));
            // Where a regular expression or comment might hide the brackets from the bound before the parser.
            for prefix in ["/\"/+", "a/'/+", "typeof /`/ + ", "//'\n", "/*\"*/", "`${'`'}`+", "'\\'+"] {
                let _ = run(&format!("{prefix}{}{inner}", open.repeat((most - prefix.len() - 1) / open.len().max(1))));
            }
        }
    });
}

#[test]
fn the_deepest_that_is_allowed_is_evaluated_on_a_small_stack() {
    let max = limits::EXPRESSION_DEPTH_MAX;
    on_small_stack(|| {
        let nested =
            |open: &str, inner: &str, close: &str, depth| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
        assert!(run(&nested("(", "1", ")", max)).is_ok());
        assert!(run(&nested("!", "1", "", max - 1)).is_ok());
        assert!(run(&nested("[", "1", "]", max - 1)).is_ok());
        assert!(run(&nested("1?1:", "1", "", max - 1)).is_ok());
        assert!(run(&nested("`${", "1", "}`", max - 1)).is_ok());
        assert!(run(&nested("[1].map(x=>", "1", ")", max / 2 - 1)).is_ok());
        assert!(run(&nested("[1].flatMap(x=>[...", "[1]", "])", max / 4 - 1)).is_ok());
        for (open, inner, close) in [("(", "1", ")"), ("!", "1", ""), ("[", "1", "]"), ("1?1:", "1", ""), ("`${", "1", "}`")] {
            assert_eq!(run(&nested(open, inner, close, max + 1)).expect_err(open), "nested deeper than 64 levels");
        }
        // The deepest value at the bottom of the deepest expression.
        let value = "JSON.stringify(deep)+String(deep)+(deep==1)+deep.flat(200)+JSON.stringify(JSON.parse(JSON.stringify(deep)))";
        assert!(run(&nested("[1].map(x=>", value, ")", max / 2 - 4)).is_ok());
        // Chains are no nesting.
        for (link, first) in
            [("||a", "a"), ("+1", "1"), ("?.a", "a"), ("?.[0]", "a"), (".trim()", "''"), ("&&1", "1"), ("-1", "1")]
        {
            let links = (limits::EXPRESSION_SOURCE_BYTES_MAX - first.len()) / link.len();
            assert!(run(&format!("{first}{}", link.repeat(links))).is_ok(), "{link}");
        }
    });
}

#[test]
fn work_is_bounded() {
    for source in [
        "xs.map(a=>xs.map(b=>xs.map(c=>1)))",
        "xs.some(a=>xs.some(b=>xs.some(c=>false)))",
        "xs.reduce((s,a)=>xs.reduce((t,b)=>t+b,s),0)",
        "xs.map(a=>large.ballast.includes('y'))",
        "xs.map(a=>large.ballast.toUpperCase().length)",
        "xs.map(a=>JSON.stringify(large).length)",
        "xs.map(a=>xs.includes(2))",
        "xs.map(a=>xs.indexOf(2)).map(a=>xs.map(b=>xs.join()))",
        "xs.map(a=>kib.split('').length)",
        "xs.map(a=>large.ballast[899999])",
        "xs.map(a=>large.ballast.length)",
        "[large.ballast].map(s=>xs.map(i=>s[i]))",
        "[large.ballast].map(s=>xs.map(i=>s.length))",
        "[large.ballast].map(s=>[...s].length)",
        "({...large.ballast})",
        "Object.keys(large.ballast).length",
        "large.ballast.split('').length",
        "large.ballast.split('x').length",
        "xs.map(a=>large.ballast<large.ballast)",
        "xs.map(a=>large.ballast.slice(1)===large.ballast.slice(1))",
        "xs.map(a=>kib.repeat(1000).length)",
        "xs.map(a=>Math.max(...xs,...xs,...xs))",
        "xs.flatMap(a=>xs.flatMap(b=>xs))",
        "xs.map(a=>({...large})).length+xs.map(a=>[...xs].flat().length).length+xs.map(a=>xs.slice().concat(xs).length)",
    ] {
        let started = std::time::Instant::now();
        let error = run(source).expect_err(source);
        assert!(error.contains("100000 steps") || error.contains("1024 KiB"), "{source}: {error}");
        // Far more than it takes; without a bound it would be minutes.
        assert!(started.elapsed().as_secs() < 5, "{source} took {:?}", started.elapsed());
    }
}

#[test]
fn memory_is_bounded_for_values_on_the_way_too() {
    for source in [
        "'x'.padEnd(1e9).length",
        "'x'.padStart(1e15,'ab').length",
        "'x'.repeat(1e9).length",
        "'x'.repeat(2**40).length",
        "kib.repeat(1025).length",
        "kib.split('').map(a=>kib).join().length",
        "kib.split('').map(a=>kib.repeat(2)).length",
        "xs.reduce((s,a)=>s+s,kib).length",
        "xs.reduce((s,a)=>`${s}${s}`,kib).length",
        "xs.reduce((s,a)=>[s,s],1).length",
        "xs.reduce((s,a)=>({s,t:s}),1).s",
        "xs.reduce((s,a)=>s.concat(s),[1]).length",
        "xs.reduce((s,a)=>[...s,...s],[1]).length",
        "xs.reduce((s,a)=>s.concat(s,s),'a').length",
        "xs.reduce((s,a)=>s.replaceAll('a','$&$&'),'a').length",
        "kib.replaceAll('x',kib).length",
        "kib.replaceAll('',kib).length",
        "kib.replace('x','$\\''.repeat(1100)).length",
        "xs.join(kib.repeat(2)).length",
        "[...xs.map(a=>kib),...xs.map(a=>kib)].length",
        "[kib.repeat(600),kib.repeat(600)].length",
        "({a:kib.repeat(600),b:kib.repeat(600)}).a.length",
        "xs.flatMap(a=>xs.map(b=>kib)).length",
        "JSON.stringify(kib.replaceAll('x','\\u0001').repeat(400)).length",
        "encodeURIComponent('é'.repeat(300000)).length",
        "'\\u0001'.repeat(200000)",
        "'ŉ'.repeat(500000).toUpperCase().length",
        "Object.entries(xs.map(a=>kib.repeat(2))).length",
    ] {
        let error = run(source).expect_err(source);
        assert!(error.contains("1024 KiB") || error.contains("100000 steps"), "{source}: {error}");
    }
}

#[test]
fn a_value_nests_no_deeper_than_json_may() {
    let deep = |levels: usize| format!("xs.slice(0,{levels}).reduce((s,a)=>[s],1)");
    let value = run(&deep(limits::JSON_DEPTH_MAX)).expect("as deep as JSON").value;
    assert!(value.to_json().is_some());
    let error = run(&deep(limits::JSON_DEPTH_MAX + 1)).expect_err("one deeper");
    assert_eq!(error, "the expression makes a value nested deeper than 120 levels");
}

#[test]
fn a_field_of_a_large_value_is_read_without_the_rest() {
    let evaluation =
        run("large.risk < 0.6 && large.deep.list === large.deep.list && large['deep'].list.length === 2").expect("a value");
    assert_eq!(evaluation.value, Value::Bool(true));
    // Looking for it again and again is no way around the bound, and costs no more than reading the whole.
    assert_eq!(run("xs.reduce((s, a) => s + large.risk, 0)").expect("a value").value, Value::Number(500.0));
}

/// Pieces of which people and attackers make expressions.
const PIECES: &[&str] = &[
    "a",
    "b",
    "xs",
    "large.risk",
    "state.x",
    "input",
    "1",
    "0.5",
    "1e9",
    "'t'",
    "\"q\"",
    "`v${a}`",
    "null",
    "undefined",
    "NaN",
    "true",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "===",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "??",
    "!",
    "~",
    "?",
    ":",
    ",",
    ".",
    "?.",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "=>",
    "x=>x",
    "x",
    ".a",
    "?.a",
    "[0]",
    ".map(",
    ".filter(",
    ".some(x=>",
    ".reduce((s,x)=>s+x,",
    ".length",
    ".includes(",
    ".slice(1)",
    ".join()",
    ".split(",
    ".at(-1)",
    "Math.max(",
    "Object.keys(",
    "Number(",
    "...",
    "typeof ",
    "in ",
    "({a:",
    "})",
    "a:1",
    "[...xs]",
    "=",
    "++",
    "new ",
    "`",
    "${",
    "\\",
    "/",
    "//",
    "/*",
    "é",
    "😀",
    " ",
    "\n",
    ";",
    "#",
    "@",
    "\u{feff}",
    "\0",
];

fn source() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

fn is_kept(expression: &Expression) -> bool {
    let stored = serde_json::to_string(expression).expect("it is stored");
    let read: Expression = serde_json::from_str(&stored).expect("what was stored is read");
    read == *expression && serde_json::to_string(&read).expect("it is stored") == stored
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_at_all_panics(source in "\\PC{0,80}|[ -~\n]{0,200}") {
        if let Ok(expression) = Expression::parse(&source) {
            let _ = expression.evaluate(&Nothing);
            prop_assert!(is_kept(&expression));
        }
    }

    #[test]
    fn nothing_that_looks_like_an_expression_panics_and_each_is_stored_as_it_is(source in source()) {
        match Expression::parse(&source) {
            Ok(expression) => {
                let _ = expression.references();
                let _ = expression.dashed_names();
                let _ = expression.evaluate(&Nothing);
                prop_assert!(is_kept(&expression));
            }
            Err(problem) => prop_assert!(problem.column >= 1 && problem.column <= source.chars().count() + 1, "{problem:?}"),
        }
    }
}
