//! Holds answers against the OpenAPI document.
//!
//! It knows the part of JSON Schema that the document uses and fails on any other. It is stricter than JSON Schema in one
//! thing: a field that a schema does not name is an error, so that none is forgotten.

use axum::http::Method;
use serde_json::Value;

use crate::support::Answer;

pub struct Document(pub Value);

impl Document {
    pub fn new(document: &Value) -> Document {
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        Document(document.clone())
    }

    /// Fails when the answer is none that the document gives for this call.
    #[track_caller]
    pub fn check(&self, method: &Method, path: &str, answer: &Answer) {
        let status = answer.status.as_str();
        let content_type = answer.headers.get("content-type").map(|value| value.to_str().unwrap());
        let content_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        let Some(operation) = self.operation(method, path) else {
            // No such route or method: a problem all the same.
            assert_eq!(content_type, "application/problem+json", "{method} {path}");
            return self.holds("Problem", &answer.json());
        };
        let responses = &operation["responses"];
        let response = responses.get(status).filter(|_| content_type != "application/problem+json").or(responses.get("default"));
        let Some(response) = response else {
            assert!(!path.starts_with("/api/"), "{method} {path}: {status} is not in the document");
            assert_eq!(content_type, "application/problem+json", "{method} {path}: {status}");
            return self.holds("Problem", &answer.json());
        };
        if response.get("content").is_none() {
            assert_eq!((answer.text.as_str(), content_type), ("", ""), "{method} {path}: {status} has no body in the document");
            return;
        }
        let Some(content) = response["content"].get(content_type) else {
            panic!("{method} {path}: {status} with {content_type} is not in the document: {}", answer.text);
        };
        if content_type.ends_with("json") {
            self.valid(&content["schema"], &answer.json(), &format!("{method} {path}"));
        }
    }

    /// Fails when the value is not what the schema of this name says.
    #[track_caller]
    pub fn holds(&self, name: &str, value: &Value) {
        self.valid(&self.0["components"]["schemas"][name], value, name);
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let fits = |template: &str| {
            let (template, path) = (template.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
            template.len() == path.len() && template.iter().zip(&path).all(|(want, have)| want.starts_with('{') || want == have)
        };
        let paths = self.0["paths"].as_object().unwrap();
        // `/executions/counts` is more than an execution with that id.
        let (_, item) =
            paths.iter().filter(|(template, _)| fits(template)).min_by_key(|(template, _)| template.matches('{').count())?;
        item.get(method.as_str().to_lowercase())
    }

    #[track_caller]
    fn valid(&self, schema: &Value, value: &Value, at: &str) {
        if let Err(why) = self.check_value(schema, value, at) {
            panic!("{why}");
        }
    }

    fn check_value(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let Some(keywords) = schema.as_object() else {
            return if schema == &Value::Bool(true) { Ok(()) } else { Err(format!("{at}: no schema: {schema}")) };
        };
        for (keyword, rule) in keywords {
            match keyword.as_str() {
                "description" | "example" | "format" | "title" => {}
                "discriminator" => self.check_discriminator(schema, rule, value, at)?,
                "anyOf" => {
                    let reasons: Vec<_> = rule.as_array().unwrap().iter().map(|one| self.check_value(one, value, at)).collect();
                    if reasons.iter().all(Result::is_err) {
                        return Err(format!("{at}: {value} fits none of anyOf: {reasons:?}"));
                    }
                }
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap();
                    let Some(schema) = self.0["components"]["schemas"].get(name) else {
                        return Err(format!("{at}: there is no schema {name}"));
                    };
                    self.check_value(schema, value, at)?;
                }
                "type" => check_type(rule, value, at)?,
                "enum" => {
                    if !rule.as_array().unwrap().contains(value) {
                        return Err(format!("{at}: {value} is none of {rule}"));
                    }
                }
                "pattern" | "additionalProperties" if rule.is_string() || rule.is_boolean() => {}
                "minLength" | "maxLength" | "minItems" | "minimum" | "maximum" => check_bound(keyword, rule, value, at)?,
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check_value(rule, item, &format!("{at}/{index}"))?;
                    }
                }
                "oneOf" => {
                    let outcomes = rule.as_array().unwrap().iter().map(|one| self.check_value(one, value, at));
                    let (fitting, reasons): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
                    if fitting.len() != 1 {
                        return Err(format!("{at}: {value} fits {} of oneOf: {reasons:?}", fitting.len()));
                    }
                }
                "required" => {
                    for name in rule.as_array().unwrap() {
                        if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                            return Err(format!("{at}: no field {name} in {value}"));
                        }
                    }
                }
                "properties" => {
                    for (name, field) in value.as_object().into_iter().flatten() {
                        let at = format!("{at}/{name}");
                        match rule.get(name) {
                            Some(schema) => self.check_value(schema, field, &at)?,
                            None => return Err(format!("{at}: the document does not name this field")),
                        }
                    }
                }
                "additionalProperties" => {
                    for (name, field) in value.as_object().into_iter().flatten() {
                        self.check_value(rule, field, &format!("{at}/{name}"))?;
                    }
                }
                "propertyNames" => assert_eq!(rule["type"], "string"),
                other => return Err(format!("{at}: this test does not know the keyword {other}")),
            }
        }
        Ok(())
    }

    /// The field leads to the one of these that the value fits.
    fn check_discriminator(&self, schema: &Value, rule: &Value, value: &Value, at: &str) -> Result<(), String> {
        let named: Vec<&Value> = rule["mapping"].as_object().unwrap().values().collect();
        let all: Vec<&Value> = schema["oneOf"].as_array().unwrap().iter().map(|one| &one["$ref"]).collect();
        if named.len() != all.len() || !all.iter().all(|one| named.contains(one)) {
            return Err(format!("{at}: the discriminator names {named:?}, there are {all:?}"));
        }
        let tag = &value[rule["propertyName"].as_str().unwrap()];
        match tag.as_str().and_then(|tag| rule["mapping"].get(tag)) {
            Some(reference) => self.check_value(&serde_json::json!({ "$ref": reference }), value, at),
            None => Err(format!("{at}: {tag} is no tag of {named:?}")),
        }
    }
}

/// A bound counts for values of the kind that it is about.
fn check_bound(keyword: &str, rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let (size, bound) = match keyword {
        "minLength" | "maxLength" => (value.as_str().map(|text| text.chars().count() as f64), rule.as_f64()),
        "minItems" => (value.as_array().map(|items| items.len() as f64), rule.as_f64()),
        _ => (value.as_f64(), rule.as_f64()),
    };
    let bound = bound.ok_or_else(|| format!("{at}: {keyword} is {rule}"))?;
    let fits = size.is_none_or(|size| if keyword.starts_with("min") { size >= bound } else { size <= bound });
    if fits { Ok(()) } else { Err(format!("{at}: the {keyword} of {value} is not {rule}")) }
}

fn check_type(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{at}: no type {other}"),
    };
    let fits = match rule {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
        other => panic!("{at}: no type {other}"),
    };
    if fits { Ok(()) } else { Err(format!("{at}: {value} is not of type {rule}")) }
}
