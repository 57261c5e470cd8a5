//! Expressions from the outside: what the seed's workflows need, what is read, what is said, what is stored.

use indexmap::IndexMap;
use workflow_core::expression::{Evaluation, Expression, Scope, Value};
use workflow_core::json::Json;

/// Names with their values, and steps that have no output yet.
struct Names {
    values: IndexMap<String, Json>,
    steps_without_output: &'static [&'static str],
}

impl Scope for Names {
    fn name(&self, name: &str) -> Option<Json> {
        self.values.get(name).cloned()
    }

    fn field(&self, root: &str, key: &str) -> Option<Option<Json>> {
        match root {
            "state" => Some(self.values.get(key).cloned()),
            _ => None,
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.steps_without_output.contains(&name)
    }
}

fn scope(values: &str) -> Names {
    let values = Json::parse(values).expect("JSON").fields().expect("an object");
    Names { values, steps_without_output: &["charge", "fraud-check", "a-b-c", "step-2"] }
}

fn evaluated(source: &str, values: &str) -> Result<Evaluation, String> {
    let expression = Expression::parse(source).expect("an allowed expression");
    expression.evaluate(&scope(values)).map_err(|error| error.to_string())
}

fn value(source: &str, values: &str) -> Value {
    evaluated(source, values).expect("a value").value
}

fn error(source: &str, values: &str) -> String {
    evaluated(source, values).expect_err(source)
}

/// `path=value`, in order.
fn reads(source: &str, values: &str) -> Vec<String> {
    let reads = evaluated(source, values).expect("a value").reads;
    reads
        .into_iter()
        .map(|(path, value)| format!("{path}={}", value.map_or("undefined".to_owned(), |json| json.to_string())))
        .collect()
}

#[test]
fn the_conditions_of_the_seed_hold_and_do_not_hold() {
    assert_eq!(value("score.risk < 0.3", r#"{"score":{"risk":0.2}}"#), Value::Bool(true));
    assert_eq!(value("score.risk < 0.3", r#"{"score":{"risk":0.3}}"#), Value::Bool(false));
    assert_eq!(value("score.risk >= 0.3", r#"{"score":{"risk":0.3}}"#), Value::Bool(true));
    assert_eq!(value("plan === \"enterprise\"", r#"{"plan":"enterprise"}"#), Value::Bool(true));
    assert_eq!(value("plan === \"enterprise\"", "{}"), Value::Bool(false));
}

#[test]
fn a_receipt_names_what_was_read_in_order_and_once() {
    let values = r#"{"score":{"risk":0.2,"list":[1,{"x":"y"}]},"plan":"team","fraud-check":{"ok":true},"none":null}"#;
    assert_eq!(reads("score.risk < 0.3 && plan === 'team'", values), ["score.risk=0.2", "plan=\"team\""]);
    assert_eq!(reads("score.risk + score.risk", values), ["score.risk=0.2"]);
    assert_eq!(reads("score['risk'] + score[`risk`]", values), ["score.risk=0.2"]);
    assert_eq!(reads("state['fraud-check'].ok", values), ["state[\"fraud-check\"].ok=true"]);
    assert_eq!(reads("score.list[1].x + score.list[0]", values), ["score.list[1].x=\"y\"", "score.list[0]=1"]);
    assert_eq!(reads("score.list.length", values), ["score.list.length=2"]);
    assert_eq!(reads("plan.includes('t')", values), ["plan=\"team\""]);
    assert_eq!(reads("score.list.map(x => x)", values), ["score.list=[1,{\"x\":\"y\"}]"]);
    assert_eq!(reads("score.nope", values), ["score.nope=undefined"]);
    assert_eq!(reads("missing?.risk.more", values), ["missing=undefined"]);
    assert_eq!(reads("none?.risk ?? plan", values), ["none=null", "plan=\"team\""]);
    assert_eq!(reads("[1, 2].some(plan => plan > 1)", values), [""; 0]);
}

#[test]
fn what_was_not_reached_is_not_in_the_receipt() {
    let values = r#"{"a":0,"b":1,"c":2}"#;
    assert_eq!(reads("a && b", values), ["a=0"]);
    assert_eq!(reads("b || c", values), ["b=1"]);
    assert_eq!(reads("a ?? c", values), ["a=0"]);
    assert_eq!(reads("a ? b : c", values), ["a=0", "c=2"]);
}

#[test]
fn a_receipt_is_cut_where_it_gets_long() {
    let long = "é".repeat(300);
    let values = format!(r#"{{"text":"{long}","list":["{long}",1],"many":{:?}}}"#, (0..100).collect::<Vec<_>>());
    let cut = |path: &str| {
        let evaluation = evaluated(path, &values).expect("a value");
        evaluation.reads[0].1.clone().expect("defined").to::<String>().expect("a text")
    };
    assert_eq!(cut("text"), format!("{}…", "é".repeat(128)));
    assert_eq!(cut("list"), format!("[\"{}…", "é".repeat(127)));
    let many =
        evaluated("[0,1,2,3,4,5,6,7].map(x => [0,1,2,3,4,5,6,7,8,9].map(y => many[x * 10 + y]))", &values).expect("a value");
    assert_eq!(many.reads.len(), 64);
    assert_eq!(many.reads[63].0, "many[63]");
}

#[test]
fn a_message_tells_a_mistyped_name_from_a_step_without_output() {
    let values = r#"{"score":{"deep":{}},"none":null,"input":{"a":1}}"#;
    assert_eq!(
        error("scor.risk < 1", values),
        "cannot read `risk` of undefined: `scor` is neither a step nor a field of input or context"
    );
    assert_eq!(error("charge.id", values), "cannot read `id` of undefined: step `charge` has no output");
    assert_eq!(error("state.charge.id", values), "cannot read `id` of undefined: step `charge` has no output");
    assert_eq!(
        error("state['scor'].risk", values),
        "cannot read `risk` of undefined: `scor` is neither a step nor a field of input or context"
    );
    assert_eq!(error("charge.id.includes('x')", values), "cannot read `id` of undefined: step `charge` has no output");
    assert_eq!(error("charge.includes('x')", values), "cannot call `includes` of undefined: step `charge` has no output");
    assert_eq!(error("score.risk.level", values), "cannot read `level` of undefined: `score.risk` is undefined");
    assert_eq!(error("score.deep[1 + 1].x", values), "cannot read `x` of undefined: `score.deep[2]` is undefined");
    assert_eq!(error("none.x", values), "cannot read `x` of null: `none` is null");
    assert_eq!(error("input.customer.name", values), "cannot read `name` of undefined: `input.customer` is undefined");
    assert_eq!(error("error.code", values), "cannot read `code` of undefined: `error` is undefined");
    assert_eq!(error("[null].map(x => x.y)", values), "cannot read `y` of null: `x` is null");
    assert_eq!(error("[{}].map(x => x.y.z)", values), "cannot read `z` of undefined: `x.y` is undefined");
    assert_eq!(error("(score?.nope).x", values), "cannot read `x` of undefined: `score.nope` is undefined");
    let long = error("score.nope[[1, 2].map(x => 'y'.repeat(500)).join()]", values);
    assert_eq!(long, format!("cannot read `{}…` of undefined: `score.nope` is undefined", "y".repeat(64)));
    assert_eq!(error("(1 + 1).x.y", values), "cannot read `y` of undefined");
    assert_eq!(error("score.map(x => x)", values), "an object has no method `map`");
    assert_eq!(error("'x' in 'xy'", values), "`in` needs an object or array on its right, found a text");
    assert_eq!(error("[...score]", values), "an object cannot be taken apart: expected an array");
}

/// Found by 100,000 generated expressions: `plan.trim` was `undefined` here and a function, so true, in JavaScript; whoever forgets
/// the parentheses must not get a condition that is false for ever.
#[test]
fn a_method_that_is_not_called_is_refused_with_what_to_write() {
    let values = r#"{"plan":"pro","tags":["a"],"total":1,"order":{"filter":"red","toString":"x"},"input":{"a":1}}"#;
    assert_eq!(error("plan.trim == 'pro'", values), "`plan.trim` is a method that is not called: write `plan.trim(…)`");
    assert_eq!(error("plan?.trim", values), "`plan.trim` is a method that is not called: write `plan.trim(…)`");
    assert_eq!(error("plan['trim']", values), "`plan.trim` is a method that is not called: write `plan.trim(…)`");
    assert_eq!(error("!tags.includes", values), "`tags.includes` is a method that is not called: write `tags.includes(…)`");
    assert_eq!(error("(total + 1).toFixed", values), "`.toFixed` is a method that is not called: write `.toFixed(…)`");
    // Fields of such names are fields, and what has no such method has no such field either.
    assert_eq!(value("order.filter + order.toString", values), Value::from("redx"));
    assert_eq!(value("order.trim", values), Value::Undefined);
    assert_eq!(value("plan.filter", values), Value::Undefined);
    assert_eq!(value("input.trim", values), Value::Undefined);
    // Whose keys may come from data, as in a table of prices.
    assert_eq!(value("input['toString']", values), Value::Undefined);
}

#[test]
fn a_step_id_with_a_dash_is_explained_where_it_was_read_as_a_subtraction() {
    let help = "`fraud-check` is read as a subtraction; to read the step write `state[\"fraud-check\"]`";
    assert_eq!(error("fraud-check.risk > 1", "{}"), format!("cannot read `risk` of undefined: {help}"));
    assert_eq!(error("1 + fraud-check.risk", "{}"), format!("cannot read `risk` of undefined: {help}"));
    assert_eq!(error("yes && fraud-check.risk.level", r#"{"yes":1}"#), format!("cannot read `risk` of undefined: {help}"));
    assert_eq!(error("fraud-check > 0.5", "{}"), help, "JavaScript's NaN would be silently false");
    assert_eq!(
        error("a-b-c.x", "{}"),
        "cannot read `x` of undefined: `a-b-c` is read as a subtraction; to read the step write `state[\"a-b-c\"]`"
    );
    // A subtraction of names that are there stays one.
    assert_eq!(value("fraud-check", r#"{"fraud":5,"check":3}"#), Value::Number(2.0));
    assert!(error("total-check.risk", r#"{"total":1}"#).ends_with("`check` is neither a step nor a field of input or context"));
    let names = |source| Expression::parse(source).expect("allowed").dashed_names();
    assert_eq!(names("x + (fraud-check.risk)"), [("fraud-check".to_owned(), 6)]);
    assert_eq!(names("a-b-c.x"), [("a-b-c".to_owned(), 1)]);
    assert_eq!(names("a-1 > -b-c"), [("a-1".to_owned(), 1), ("b-c".to_owned(), 8)]);
    assert_eq!(error("step-2 > 1", "{}"), "`step-2` is read as a subtraction; to read the step write `state[\"step-2\"]`");
    assert_eq!(names("a - b"), [], "spaces are a subtraction");
}

/// `name.path@column`, with `?` when guarded.
fn references(source: &str) -> Vec<String> {
    let references = Expression::parse(source).expect("an allowed expression").references();
    let shown = references.into_iter().map(|reference| {
        let path: String = reference.path.iter().map(|key| format!(".{key}")).collect();
        format!("{}{path}{}@{}", reference.name, if reference.guarded { "?" } else { "" }, reference.column)
    });
    shown.collect()
}

#[test]
fn references_are_the_free_names_with_their_paths() {
    assert_eq!(references("score.risk < 0.3"), ["score.risk@1"]);
    assert_eq!(references("a + b.c.d - c[0].e"), ["a?@1", "b.c.d@5", "c.0.e@13"]);
    assert_eq!(references("state['fraud-check'].risk"), ["state.fraud-check.risk@1"]);
    assert_eq!(references("steps.charge.output?.id"), ["steps.charge.output.id?@1"]);
    assert_eq!(references("items[i].price"), ["items@1", "i?@7"]);
    assert_eq!(references("items.length + items.map(x => x.y)"), ["items.length@1", "items@16"]);
    assert_eq!(references("items.some(item => item.price > limit)"), ["items@1", "limit?@33"]);
    assert_eq!(references("items.map(({a, b: [c]}) => a + b + c)"), ["items@1", "b?@32"]);
    assert_eq!(references("xs.map(x => x) + x"), ["xs@1", "x?@18"]);
    assert_eq!(references("({plan, risk: score.risk, ...more})"), ["plan?@3", "score.risk@15", "more?@30"]);
    assert_eq!(references("`${a} ${b.c}`"), ["a?@4", "b.c@9"]);
    assert_eq!(references("Math.max(a, Number(b)) + undefined"), ["a?@10", "b?@20"]);
    assert_eq!(references("'grün' + ü.x"), ["ü.x@10"]);
}

#[test]
fn a_reference_is_guarded_when_nothing_throws_while_the_name_is_undefined() {
    assert_eq!(references("a"), ["a?@1"]);
    assert_eq!(references("a?.b.c"), ["a.b.c?@1"]);
    assert_eq!(references("a.b?.c"), ["a.b.c@1"]);
    assert_eq!(references("(a?.b).c"), ["a.b.c@2"]);
    assert_eq!(references("a?.[k].c"), ["a?@1", "k?@5"]);
    assert_eq!(references("a?.includes('x')"), ["a?@1"]);
    assert_eq!(references("a.includes('x')"), ["a@1"]);
    assert_eq!(references("(a ?? {}).b"), ["a?@2"]);
    assert_eq!(references("(a || b).c"), ["a?@2", "b@7"]);
    assert_eq!(references("(x ? a : b).c"), ["x?@2", "a@6", "b@10"]);
    assert_eq!(references("'k' in a"), ["a@8"]);
    assert_eq!(references("[...a]"), ["a@5"]);
    assert_eq!(references("({...a})"), ["a?@6"]);
    assert_eq!(references("Object.keys(a)"), ["a@13"]);
    assert_eq!(references("typeof a"), ["a?@8"]);
    // Of the roots it is the field that may be undefined.
    assert_eq!(references("input.a"), ["input.a?@1"]);
    assert_eq!(references("input.a.b"), ["input.a.b@1"]);
    assert_eq!(references("state.a?.b"), ["state.a.b?@1"]);
    assert_eq!(references("state[k].b"), ["state@1", "k?@7"]);
    assert_eq!(references("steps.a.status"), ["steps.a.status?@1"]);
    assert_eq!(references("steps.a.output.id"), ["steps.a.output.id@1"]);
}

#[test]
fn a_test_before_the_access_guards_it() {
    assert_eq!(references("a && a.b"), ["a?@1", "a.b?@6"]);
    assert_eq!(references("a ? a.b : 1"), ["a?@1", "a.b?@5"]);
    assert_eq!(references("a ? 1 : a.b"), ["a?@1", "a.b@9"]);
    assert_eq!(references("a !== undefined && x && a.b"), ["a?@1", "x?@20", "a.b?@25"]);
    assert_eq!(references("a != undefined && a.b"), ["a?@1", "a.b?@19"]);
    assert_eq!(references("a?.b && a.b.c"), ["a.b?@1", "a.b.c?@9"]);
    assert_eq!(references("state.a && state.a.b"), ["state.a?@1", "state.a.b?@12"]);
    assert_eq!(references("a || a.b"), ["a?@1", "a.b@6"]);
    assert_eq!(references("b && a.b"), ["b?@1", "a.b@6"]);
}

#[test]
fn only_own_fields_of_a_value_are_reachable() {
    for source in ["a['constructor']", "a['__proto__']", "a['to' + 'String']", "'x'['constructor']", "[]['at2']", "(1)['map']"] {
        assert_eq!(value(source, r#"{"a":{}}"#), Value::Undefined, "{source}");
    }
    assert_eq!(value("a['__proto__'] + a['constructor']", r#"{"a":{"__proto__":1,"constructor":2}}"#), Value::Number(3.0));
    assert_eq!(value("'toString' in a", r#"{"a":{}}"#), Value::Bool(false));
}

#[test]
fn half_of_a_surrogate_pair_becomes_the_replacement_character() {
    assert_eq!(value("a[1] + a.slice(0, 2)", r#"{"a":"x😀"}"#), Value::from("\u{fffd}x\u{fffd}"));
    assert_eq!(value("a", r#"{"a":"\ud800x\udc00\ud83d\ude00\ud83d"}"#), Value::from("\u{fffd}x\u{fffd}😀\u{fffd}"));
}

#[test]
fn values_go_from_json_to_json() {
    for text in ["null", "true", "0", "-1.5", "\"a\\n\\\"\"", "[1,[],{}]", "{\"a\":{\"b\":null}}", "1e+300", "\"\\u0001\""] {
        let json = Json::parse(text).expect("JSON");
        assert_eq!(Value::from_json(&json).to_json().expect("defined").text(), text);
    }
    assert_eq!(Value::Undefined.to_json(), None);
    assert_eq!(Value::from(f64::NAN).to_json().expect("defined").text(), "null");
    assert_eq!(
        Value::from_json(&Json::parse(r#"{"b":1,"2":2,"a":3,"1":4,"b":5}"#).expect("JSON")).to_json().expect("defined").text(),
        r#"{"1":4,"2":2,"b":5,"a":3}"#
    );
    let shadowing = Value::from_json(&Json::parse(r#"{"toString":1}"#).expect("JSON"));
    assert_eq!(shadowing.to_text(), "[object Object]");
}

#[test]
fn stored_expressions_of_every_release_are_read_and_mean_the_same() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/expressions/stored.json");
    let text = std::fs::read_to_string(path).expect("the file is in the tree");
    let stored: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list of stored expressions");
    for stored in stored {
        let expression: Expression = serde_json::from_value(stored.clone()).expect("it is read");
        assert_eq!(serde_json::to_value(&expression).expect("it is written"), stored, "{}", expression.source());
        // The parser of today reads it as the one of its day did; should that ever change, the stored tree stays what it is.
        assert_eq!(Expression::parse(expression.source()).expect("it is allowed"), expression);
    }
}

#[test]
fn a_damaged_stored_expression_is_an_error_and_never_a_panic() {
    let read = |tree: &str| serde_json::from_str::<Expression>(&format!("{{\"source\":\"x\",\"tree\":{tree}}}"));
    let too_deep = format!("[\"null\"{}]", (0..70).map(|n| format!(",{{\"unary\":[\"!\",{n}]}}")).collect::<String>());
    for tree in [
        "[]",
        "[{\"unary\":[\"!\",0]}]",
        "[\"null\",{\"unary\":[\"!\",7]}]",
        "[{\"nosuch\":1}]",
        "[{\"number\":\"x\"}]",
        "[{\"template\":[[],[]]}]",
        "[\"null\",{\"binary\":[\"=\",0,0]}]",
        &too_deep,
        "[{\"call\":[\"eval\",[]]}]",
    ] {
        assert!(read(tree).is_err(), "{tree}");
    }
    // Nodes where the parser would not have put them do no harm.
    for tree in [
        "[\"null\",{\"spread\":0}]",
        "[\"null\",{\"present\":0}]",
        "[{\"function\":\"Boolean\"}]",
        "[{\"local\":\"x\"}]",
        "[\"null\",{\"arrow\":{\"bindings\":[],\"body\":0}}]",
        "[{\"array\":[]},{\"method\":{\"object\":0,\"name\":\"map\",\"arguments\":[]}}]",
        "[{\"array\":[]},\"null\",{\"method\":{\"object\":0,\"name\":\"map\",\"arguments\":[1]}}]",
    ] {
        let _ = read(tree).expect(tree).evaluate(&scope("{}"));
    }
}
