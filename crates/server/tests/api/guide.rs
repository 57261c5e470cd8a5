//! `docs/http-api.md` is true: every example in it is run, in its order, against the API, and every route has one.
//!
//! An example is a block of `sh` with one call of curl, followed by a block whose info says the language and the status of the
//! answer. `…` stands for anything; a field that the answer has and the page has not does not count. All ids of executions in
//! the page are the same: it is the one that was started last.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderName, Method, header};
use serde_json::Value;
use workflow_core::id::{ActionName, ExecutionId};
use workflow_core::json::Json;
use workflow_engine::{ActionError, Handler, Task};

use crate::support::{Answer, Api, request};

const GUIDE: &str = include_str!("../../../../docs/http-api.md");
const ID_IN_GUIDE: &str = "exec_019aab3e5c7a7c32b1f0a5d2e4c6b812";

const JOB_IN_GUIDE: &str = "job_019aab3e5c7a7c32b1f0a5d2e4c6b812";

struct Example {
    call: Vec<String>,
    language: String,
    status: u16,
    answer: String,
}

#[tokio::test]
async fn every_example_of_the_guide_runs_and_every_route_has_one() {
    let api = Api::new().await;
    provide(&api);
    let mut missing = operations(&api);
    let (mut id, mut token, mut job) = (String::new(), String::new(), String::new());
    for mut example in examples() {
        // As a shell would put it in.
        example.call.iter_mut().for_each(|word| *word = word.replace("$TOKEN", &token).replace(JOB_IN_GUIDE, &job));
        let (method, path, request) = build(&example.call, &id);
        if path.ends_with("/run-now") {
            first_failure(&api, &id).await;
        }
        if !job.is_empty() && method == Method::GET && path == format!("/api/v1/jobs/{job}") {
            job_is_over(&api, &job).await;
        }
        let answer = api.send(request).await;
        let call = example.call.join(" ");
        assert_eq!(answer.status.as_u16(), example.status, "{call}\n{}", answer.text);
        compare(&example, &answer, &id, &call);
        missing.retain(|(of, template)| *of != method.as_str() || !fits(template, &path));
        if answer.status == 201 && path.ends_with("/tokens") {
            token = answer.json()["token"].as_str().unwrap().to_owned();
        }
        if answer.status == 201 && path.ends_with("/jobs") {
            job = answer.json()["id"].as_str().unwrap().to_owned();
        }
        if answer.status == 201 && path.ends_with("/executions") {
            id = answer.json()["id"].as_str().unwrap().to_owned();
        }
    }
    assert_eq!(missing, BTreeSet::new(), "routes without an example");
}

fn provide(api: &Api) {
    let provide = |name: &str, handler| api.engine.provide(ActionName::new(name).unwrap(), 16, handler);
    provide("validatePayment", Handler::new(|_, _| async { Ok(Some(Json::parse(r#"{"total":42}"#).unwrap())) }));
    let charge = |task: Task, _| async move {
        if task.retry_count > 0 {
            // The answer to `retry` shows it running: it may not be faster than that answer.
            return std::future::pending().await;
        }
        if task.params().text().contains("declined") {
            Err(ActionError::permanent("card declined"))
        } else {
            Ok(Some(Json::parse(r#"{"charged":42}"#).unwrap()))
        }
    };
    provide("chargeCard", Handler::new(charge));
}

/// The guide shows it as it is then.
async fn job_is_over(api: &Api, job: &str) {
    if let Some(mut watched) = api.engine.watch_job(job).await.unwrap() {
        drop(watched.wait_for(|job| job.status.is_over()).await);
    }
}

/// Until then there is no retry to be brought forward.
async fn first_failure(api: &Api, id: &str) {
    let mut watch = api.engine.watch(ExecutionId::parse(id).unwrap(), 0).await.unwrap();
    while watch.next().await.unwrap().unwrap().kind != "step_fail" {}
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut call = None;
    for block in GUIDE.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').unwrap();
        match info.split_once(' ') {
            None => assert!(info == "sh" && call.replace(words(text)).is_none(), "a call without an answer: {text}"),
            Some((language, status)) => examples.push(Example {
                call: call.take().unwrap_or_else(|| panic!("an answer without a call: {text}")),
                language: language.to_owned(),
                status: status.parse().unwrap(),
                answer: text.to_owned(),
            }),
        }
    }
    assert!(examples.len() > 25);
    examples
}

/// As a shell splits them.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = None;
    for c in text.replace("\\\n", " ").chars() {
        match c {
            c if quoted == Some(c) => quoted = None,
            '\'' | '"' if quoted.is_none() => quoted = Some(c),
            c if c.is_whitespace() && quoted.is_none() => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The request that curl would send.
fn build(call: &[String], id: &str) -> (Method, String, axum::http::Request<Body>) {
    let mut words = call.iter();
    assert_eq!(words.next().unwrap(), "curl");
    let (mut method, mut url, mut headers, mut body) = (Method::GET, "", Vec::new(), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => method = words.next().unwrap().parse().unwrap(),
            "-H" => headers.push(words.next().unwrap().split_once(": ").unwrap()),
            "-d" => body = words.next().cloned(),
            "-N" => {}
            other => url = other,
        }
    }
    let path = url.strip_prefix("http://127.0.0.1:4747").unwrap().replace(ID_IN_GUIDE, id);
    let mut request = request(method.clone(), &path).body(body.map_or(Body::empty(), Body::from)).unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    request.headers_mut().insert(header::USER_AGENT, "curl".parse().unwrap());
    (method, path.split('?').next().unwrap().to_owned(), request)
}

fn compare(example: &Example, answer: &Answer, id: &str, call: &str) {
    if example.language == "json" {
        let expected: Value = serde_json::from_str(&example.answer).unwrap_or_else(|error| panic!("{error}: {}", example.answer));
        return agree(&expected, &answer.json(), id, call);
    }
    for part in example.answer.trim().split('…') {
        assert!(answer.text.contains(part), "{call}: no {part:?} in {}", answer.text);
    }
}

/// Whether the answer is what the guide says, as far as it says anything.
#[track_caller]
fn agree(expected: &Value, actual: &Value, id: &str, at: &str) {
    match (expected, actual) {
        (Value::String(text), _) if text == "…" => {}
        (Value::String(text), Value::String(found)) if text == ID_IN_GUIDE => {
            assert!(found == id || found.starts_with("exec_"), "{at}: {found}");
        }
        // An instant.
        (Value::Number(number), Value::Number(_)) if number.as_u64() > Some(1_000_000_000_000) => {}
        (Value::Object(fields), Value::Object(_)) => {
            for (name, field) in fields {
                let found = actual.get(name).unwrap_or_else(|| panic!("{at}: no field {name} in {actual}"));
                agree(field, found, id, &format!("{at}/{name}"));
            }
        }
        (Value::Array(items), Value::Array(found)) => {
            if items.first().is_none_or(|first| first != "…") {
                assert_eq!(items.len(), found.len(), "{at}: {actual}");
                items.iter().zip(found).for_each(|(item, found)| agree(item, found, id, at));
            }
        }
        _ => assert_eq!(expected, actual, "{at}"),
    }
}

/// Method and path template of every operation in the OpenAPI document.
fn operations(api: &Api) -> BTreeSet<(String, String)> {
    let paths = api.document.0["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let methods: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
    template.len() == path.len() && template.iter().zip(&path).all(|(want, have)| want.starts_with('{') || want == have)
}
