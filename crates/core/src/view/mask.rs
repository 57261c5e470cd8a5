//! What a definition calls sensitive, masked in what is shown.

use crate::definition::sensitive::masked;
use crate::definition::{Definition, Sensitive, StepIndex};
use crate::event::Receipt;
use crate::json::Json;

/// The input of an execution as it may be shown.
pub fn input(definition: &Definition, input: &Json) -> Json {
    definition.sensitive.as_ref().map_or_else(|| input.clone(), |sensitive| sensitive.mask(input))
}

/// The output of a step as it may be shown.
pub(crate) fn output(definition: &Definition, step: StepIndex, output: &Json) -> Json {
    let sensitive = definition.steps.get(step.get()).and_then(|step| step.sensitive.as_ref());
    sensitive.map_or_else(|| output.clone(), |sensitive| sensitive.mask(output))
}

/// A receipt as it may be shown. What was read is known by its path; a result that is more than a yes or no may hold what was read.
pub(crate) fn receipt(definition: &Definition, receipt: &Receipt) -> Receipt {
    if definition.sensitive.is_none() && definition.steps.iter().all(|step| step.sensitive.is_none()) {
        return receipt.clone();
    }
    let mut shown = receipt.clone();
    for (path, value) in &mut shown.reads {
        if let Some(value) = value {
            *value = read(definition, path, value);
        }
    }
    let says_more = |result: &Json| !matches!(result.text(), "true" | "false" | "null");
    if shown.reads != receipt.reads && shown.result.as_ref().is_some_and(says_more) {
        shown.result = Some(masked());
    }
    shown
}

/// The value that was read at `path`.
fn read(definition: &Definition, path: &str, value: &Json) -> Json {
    let Some(keys) = keys(path) else { return masked() };
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mask = |sensitive: Option<&Sensitive>, at: &[&str]| {
        sensitive.map_or_else(|| value.clone(), |sensitive| sensitive.mask_within(value, at))
    };
    let of_step = |name: &str| definition.index_of(name).and_then(|step| definition.step(step).sensitive.as_ref());
    let named = |name: &str, at: &[&str]| match definition.index_of(name) {
        Some(_) => mask(of_step(name), at),
        // A field of the input, unless it is one of the context: then it is masked too much.
        None => mask(definition.sensitive.as_ref(), &[&[name], at].concat()),
    };
    match keys.as_slice() {
        ["input", at @ ..] => mask(definition.sensitive.as_ref(), at),
        ["context" | "execution" | "error", ..] => value.clone(),
        ["steps", step, "output", at @ ..] => mask(of_step(step), at),
        ["steps", _, _, ..] => value.clone(),
        // Of more than one value.
        ["state" | "steps"] | ["steps", _] => masked(),
        ["state", name, at @ ..] | [name, at @ ..] => named(name, at),
        [] => value.clone(),
    }
}

/// `a.b[0]["c d"]` as its keys; none when it is something else.
fn keys(path: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = path;
    let end = |text: &str| text.find(['.', '[', '?']).unwrap_or(text.len());
    loop {
        if let Some(bracketed) = rest.strip_prefix('[') {
            // A text, which may hold brackets, or a number.
            let (key, after) = if bracketed.starts_with('"') {
                let mut read = serde_json::Deserializer::from_str(bracketed).into_iter::<String>();
                let key = read.next()?.ok()?;
                (key, &bracketed[read.byte_offset()..])
            } else {
                let end = bracketed.find(']')?;
                (bracketed[..end].to_owned(), &bracketed[end..])
            };
            keys.push(key);
            rest = after.strip_prefix(']')?;
        } else {
            let (key, after) = rest.split_at(end(rest));
            if key.is_empty() {
                return None;
            }
            keys.push(key.to_owned());
            rest = after;
        }
        rest = rest.strip_prefix('?').unwrap_or(rest);
        if rest.is_empty() {
            return Some(keys);
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn definition() -> Definition {
        let source = r#"{"id":"pay","sensitive":["pan"],"steps":[
            {"id":"tokenize","action":"a","sensitive":["card.number"]},
            {"id":"secret","action":"b","sensitive":true},
            {"id":"open","action":"c","dependsOn":["tokenize","secret"]}]}"#;
        Definition::check(&Json::parse(source).unwrap(), &Limits::default()).unwrap().definition
    }

    #[test]
    fn paths_of_receipts_are_read_as_they_are_written() {
        let of = |path: &str| keys(path).map(|keys| keys.join("|"));
        assert_eq!(of("a.b.c").as_deref(), Some("a|b|c"));
        assert_eq!(of(r#"state["fraud-check"].risk"#).as_deref(), Some("state|fraud-check|risk"));
        assert_eq!(of(r#"a[0]["x].y"].z"#).as_deref(), Some("a|0|x].y|z"));
        assert_eq!(of("a?.b?.[0]").as_deref(), Some("a|b|0"));
        for odd in ["", ".a", "a[", "a[\"b", "a..b"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_a_condition_read_is_masked_where_it_is_sensitive_and_so_is_what_it_gave() {
        let definition = definition();
        let json = |text: &str| Json::parse(text).unwrap();
        let shown = |path: &str, value: &str, result: &str| {
            let reads = vec![(path.to_owned(), Some(json(value)))];
            let receipt = Receipt { expression: path.to_owned(), reads, result: Some(json(result)) };
            let shown = super::receipt(&definition, &receipt);
            let value = shown.reads[0].1.as_ref().unwrap().text().to_owned();
            (value, shown.result.unwrap().text().to_owned())
        };
        let mask = "\"[sensitive]\"".to_owned();
        for path in [
            "tokenize.card.number",
            "state.tokenize.card.number",
            "steps.tokenize.output.card.number",
            "secret",
            "secret.x",
            "pan",
            "input.pan",
            "state.pan",
            "state",
            "steps",
            "steps.secret",
            "odd..path",
        ] {
            assert_eq!(shown(path, "\"4242\"", "\"4242\""), (mask.clone(), mask.clone()), "{path}");
            assert_eq!(shown(path, "\"4242\"", "true"), (mask.clone(), "true".to_owned()), "{path}");
        }
        for path in ["tokenize.card.name", "open.x", "amount", "input.amount", "steps.secret.status", "execution.id"] {
            assert_eq!(shown(path, "7", "8"), ("7".to_owned(), "8".to_owned()), "{path}");
        }
        assert_eq!(shown("tokenize.card", r#"{"number":1,"name":2}"#, "true").0, r#"{"number":"[sensitive]","name":2}"#);
        assert_eq!(shown("input", r#"{"pan":1,"amount":2}"#, "true").0, r#"{"pan":"[sensitive]","amount":2}"#);
    }
}
