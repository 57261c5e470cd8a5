//! Templates and what they give.

use std::collections::BTreeMap;

use super::Params;
use crate::expression::Scope;
use crate::json::Json;
use crate::limits;

/// Steps by id (`None`: no output), beside an input and a context.
struct State {
    steps: BTreeMap<&'static str, Option<Json>>,
    input: Json,
    context: Json,
}

impl Scope for State {
    fn name(&self, name: &str) -> Option<Json> {
        match name {
            "input" => Some(self.input.clone()),
            "context" => Some(self.context.clone()),
            "state" | "steps" => panic!("`{name}` was built as a whole"),
            "execution" => Some(json(r#"{"id":"exec_1"}"#)),
            name => match self.steps.get(name) {
                Some(output) => output.clone(),
                None => field(&self.input, name).or_else(|| field(&self.context, name)),
            },
        }
    }

    fn field(&self, root: &str, key: &str) -> Option<Option<Json>> {
        match root {
            "state" => Some(self.name(key).filter(|_| !matches!(key, "input" | "context" | "execution"))),
            "context" => Some(field(&self.context, key)),
            "steps" => Some(self.steps.get(key).map(|output| match output {
                Some(output) => json(&format!(r#"{{"status":"completed","output":{output}}}"#)),
                None => json(r#"{"status":"failed","error":"card declined"}"#),
            })),
            _ => None,
        }
    }

    fn knows(&self, name: &str) -> bool {
        matches!(name, "input" | "state" | "context" | "steps" | "execution" | "error")
            || self.steps.contains_key(name)
            || field(&self.input, name).or_else(|| field(&self.context, name)).is_some()
    }
}

fn field(json: &Json, key: &str) -> Option<Json> {
    json.fields().unwrap_or_default().get(key).cloned()
}

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn state() -> State {
    let validate =
        r#"{"total":12345678901234567890,"rate":1.10,"items":[{"sku":"a"},7],"user":{"name":"Ann"},"01":"x","none":null}"#;
    State {
        steps: BTreeMap::from([("validate", Some(json(validate))), ("declined", None), ("fraud-check", Some(json("0.25")))]),
        input: json(r#"{"orderId":"ord_1","customer":{"name":"Bob"},"größe":"XL","constructor":1}"#),
        context: json(r#"{"currency":"EUR"}"#),
    }
}

/// What `{"x": TEMPLATE}` gives under `x`.
fn resolve(template: &str) -> Result<String, String> {
    let params =
        Params::parse(&json(&format!(r#"{{"x":{template}}}"#))).unwrap_or_else(|problems| panic!("{template}: {problems:?}"));
    let resolved = params.resolve(&state()).map_err(|error| error.message)?;
    Ok(resolved.fields().unwrap()["x"].text().to_owned())
}

fn gives(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(resolve(template).as_deref(), Ok(*expected), "{template}");
    }
}

fn fails(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(resolve(template).as_ref().map_err(String::as_str), Err(*expected), "{template}");
    }
}

#[test]
fn a_path_copies_the_text_that_it_leads_to() {
    gives(&[
        (r#""$.validate.total""#, "12345678901234567890"),
        (r#""$.validate.rate""#, "1.10"),
        (r#""$.validate.items.0.sku""#, r#""a""#),
        (r#""$.validate.items""#, r#"[{"sku":"a"},7]"#),
        (r#""$.validate.none""#, "null"),
        (r#""$.validate.01""#, r#""x""#),
        (r#""$.fraud-check""#, "0.25"),
        (r#""$.orderId""#, r#""ord_1""#),
        (r#""$.currency""#, r#""EUR""#),
        (r#""$.größe""#, r#""XL""#),
    ]);
}

#[test]
fn paths_begin_in_state_input_context_or_steps() {
    gives(&[
        (r#""$.input.customer.name""#, r#""Bob""#),
        (r#""$.input""#, r#"{"orderId":"ord_1","customer":{"name":"Bob"},"größe":"XL","constructor":1}"#),
        (r#""$.context""#, r#"{"currency":"EUR"}"#),
        (r#""$.context.currency""#, r#""EUR""#),
        (r#""$.steps.validate.output.user.name""#, r#""Ann""#),
        (r#""$.steps.validate.status""#, r#""completed""#),
        (r#""$.steps.declined.error""#, r#""card declined""#),
    ]);
}

#[test]
fn a_step_without_output_gives_null_and_nothing_below_it() {
    gives(&[
        (r#""$.declined""#, "null"),
        (r#""$.declined?""#, "null"),
        (r#""$.declined.total?""#, "null"),
        (r#""$.steps.declined.output""#, "null"),
        (r#""$.steps.validate.error""#, "null"),
        (r#""$.steps.declined.output.total?""#, "null"),
    ]);
    fails(&[
        (r#""$.declined.total""#, "`$.declined.total` leads nowhere: `declined` has no output"),
        (r#""$.steps.declined.output.total""#, "`$.steps.declined.output.total` leads nowhere: `declined` has no output"),
    ]);
}

#[test]
fn a_path_that_leads_nowhere_is_named_and_explained() {
    fails(&[
        (r#""$.validate.totl""#, "`$.validate.totl` leads nowhere: `validate` has no field `totl`, did you mean `total`?"),
        (r#""$.validate.items.2""#, "`$.validate.items.2` leads nowhere: `items` has no element `2`, its length is 2"),
        (
            r#""$.validate.items.length""#,
            "`$.validate.items.length` leads nowhere: `items` has no element `length`, its length is 2",
        ),
        (r#""$.validate.total.x""#, "`$.validate.total.x` leads nowhere: `total` is a number, which has no field `x`"),
        (r#""$.validate.none.x""#, "`$.validate.none.x` leads nowhere: `none` is null, which has no field `x`"),
        (r#""$.oderId""#, "`$.oderId` leads nowhere: `oderId` is neither a step nor a field of input or context"),
        (r#""$.input.oderId""#, "`$.input.oderId` leads nowhere: `input` has no field `oderId`, did you mean `orderId`?"),
        (r#""$.context.curency""#, "`$.context.curency` leads nowhere: `context` has no field `curency`"),
        (r#""$.execution.id""#, "`$.execution.id` leads nowhere: `execution` is no field of state, write `${execution.id}`"),
    ]);
    gives(&[(r#""$.validate.totl?""#, "null"), (r#""$.oderId?""#, "null"), (r#""$.input.a.b.c?""#, "null")]);
}

#[test]
fn only_own_properties_are_reachable() {
    gives(&[(r#""$.input.constructor""#, "1")]);
    for path in ["$.validate.constructor", "$.validate.__proto__", "$.validate.user.toString", "$.toString"] {
        let message = resolve(&format!("{path:?}")).unwrap_err();
        assert!(message.starts_with(&format!("`{path}` leads nowhere")), "{message}");
    }
}

#[test]
fn an_expression_as_the_whole_string_gives_its_value() {
    gives(&[
        (r#""${validate.items[1] * 2}""#, "14"),
        (r#""${validate.user}""#, r#"{"name":"Ann"}"#),
        (r#""${nothing}""#, "null"),
        (r#""${declined}""#, "null"),
        (r#""${'text'}""#, r#""text""#),
        (r#""${{a: {b: 1}}.a}""#, r#"{"b":1}"#),
        (r#""${state['fraud-check'] < 0.3}""#, "true"),
        (r#""${0 / 0}""#, "null"),
    ]);
    assert!(resolve(r#""${nothing.x}""#).unwrap_err().starts_with("`${nothing.x}`: "));
}

#[test]
fn inside_a_text_values_become_text() {
    gives(&[
        (r#""Hello ${customer.name}, ${1 + 1} items""#, r#""Hello Bob, 2 items""#),
        (r#""${customer.name}${customer.name}""#, r#""BobBob""#),
        (r#"" ${validate.user}""#, r#"" {\"name\":\"Ann\"}""#),
        (r#""${[1, 'a', null]}!""#, r#""[1,\"a\",null]!""#),
        (r#""${null} ${true} ${0.1 + 0.2} ${1e21} ${-0}""#, r#""null true 0.30000000000000004 1e+21 0""#),
        (r#""${0 / 0} ${1 / 0} ${-1 / 0}""#, r#""NaN Infinity -Infinity""#),
        (r#""quote: ${'\"'}""#, r#""quote: \"""#),
    ]);
    fails(&[(r#""Hello ${nothing}""#, "`${nothing}` is undefined and stands inside a text")]);
}

#[test]
fn a_brace_ends_an_expression_only_where_it_matches() {
    gives(&[
        (r#""${ {a: 1}['a'] } and }""#, r#""1 and }""#),
        (r#""${'}'}${\"{\"}""#, r#""}{""#),
        (r#""${'\\'}'}""#, r#""'}""#),
        (r#""${`a}${ {b: `}`}.b }`}""#, r#""a}}""#),
        (r#""${`\\`}`}!""#, r#""`}!""#),
    ]);
}

#[test]
fn dollars_can_stand_for_themselves() {
    gives(&[
        (r#""$$.50""#, r#""$.50""#),
        (r#""$${x}""#, r#""${x}""#),
        (r#""costs $${x} or ${1}$""#, r#""costs ${x} or 1$""#),
        (r#""$$.${1}""#, r#""$.1""#),
        (r#""$5""#, r#""$5""#),
        (r#""$""#, r#""$""#),
        (r#""$$""#, r#""$$""#),
        (r#""$$$.x""#, r#""$$$.x""#),
        (r#""a $.b""#, r#""a $.b""#),
        (r#""{x}""#, r#""{x}""#),
    ]);
}

#[test]
fn templates_work_at_any_depth_and_keys_are_none() {
    gives(&[
        (r#"[[{"a":["$.orderId"]}]]"#, r#"[[{"a":["ord_1"]}]]"#),
        (r#"{"$.orderId":1,"${x}":"$.currency","n":1.10}"#, r#"{"$.orderId":1,"${x}":"EUR","n":1.10}"#),
        (r#"{"b":12345678901234567890, "a" : [ ]}"#, r#"{"b":12345678901234567890, "a" : [ ]}"#),
    ]);
}

#[test]
fn what_looks_nothing_up_is_literal() {
    let literal = |text: &str| Params::parse(&json(text)).unwrap().is_literal();
    assert!(literal(r#"{"a":[1,"$5",{"$.x":null}]}"#));
    assert!(literal(r#"{"a":"$$.x"}"#));
    assert!(!literal(r#"{"a":["$.x"]}"#));
    assert!(!literal(r#"{"a":"a ${1}"}"#));
}

#[test]
fn params_have_a_bound_once_values_are_in() {
    let mut state = state();
    state.input = json(&format!(r#"{{"large":"{}"}}"#, "x".repeat((1 << 20) - 64)));
    for template in ["$.large", "a ${large}"] {
        let many = vec![format!("{template:?}"); limits::RESOLVED_PARAMS_BYTES_MAX / (1 << 20) + 1].join(",");
        let error = Params::parse(&json(&format!(r#"{{"x":[{many}]}}"#))).unwrap().resolve(&state).unwrap_err();
        assert_eq!(error.message, "params are larger than 8 MiB once values are put in");
    }
}

proptest::proptest! {
    #[test]
    fn no_string_panics(text in "[$.?{}`'\"\\\\a0 \\[\\]é/*-]{0,24}") {
        let template = Json::from_serialize(&BTreeMap::from([("x", &text)])).unwrap();
        if let Ok(params) = Params::parse(&template) {
            let _ = params.resolve(&state());
        }
    }

    #[test]
    fn what_has_no_dollar_stays_as_it_is(text in "[^$]{0,24}") {
        let template = Json::from_serialize(&BTreeMap::from([("x", &text)])).unwrap();
        proptest::prop_assert_eq!(Params::parse(&template).unwrap().resolve(&state()), Ok(template));
    }
}
