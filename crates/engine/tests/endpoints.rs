//! SPEC §9 against a server on this machine: what is sent, and what each answer means.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod server;

use server::{Request, Server, answer};
use workflow_core::id::{ActionName, EndpointName};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_engine::{EndpointRequest, Engine, ExecutionView, Options, StartRequest};
use workflow_store::Memory;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn endpoint(url: &str, actions: Option<&[&str]>, secret: Option<&str>) -> EndpointRequest {
    EndpointRequest {
        name: EndpointName::new("local").unwrap(),
        url: url.to_owned(),
        actions: actions.map(|actions| actions.iter().map(|action| ActionName::new(action).unwrap()).collect()),
        secret: secret.map(str::to_owned),
        timeout: None,
        concurrency: None,
    }
}

/// Runs one step whose action is called at the endpoint.
async fn run(step: &str, actions: Option<&[&str]>, secret: Option<&str>, server: &Server) -> ExecutionView {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    engine.put_endpoint(endpoint(&server.url, actions, secret)).await.unwrap();
    engine.register(json(&format!(r#"{{"id":"w","context":{{"shop":"berlin"}},"steps":[{step}]}}"#))).await.unwrap();
    let request = StartRequest { workflow: "w".to_owned(), input: Some(json(r#"{"order":7}"#)), key: None };
    let id = engine.start(request).await.unwrap().execution.id;
    engine.wait(id, None).await.unwrap()
}

const STEP: &str = r#"{"id":"charge","action":"Card.charge","params":{"amount":42}}"#;

#[tokio::test]
async fn a_call_says_everything_that_an_action_needs() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let server = Server::start(|_| answer("200 OK", "", r#" {"charged":true} "#)).await;
    let ended = run(STEP, Some(&["Card.charge"]), Some(secret), &server).await;
    assert_eq!(ended.output.unwrap().text(), r#"{"charged":true}"#);
    let requests = server.requests.lock().unwrap();
    let Request { line, headers, body } = &requests[0];
    assert_eq!(line, "POST /Card.charge HTTP/1.1");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["idempotency-key"], format!("{}:charge", ended.id));
    let trace = headers["traceparent"].split('-').collect::<Vec<_>>();
    assert_eq!((trace[0], trace[1].len(), trace[2].len()), ("00", 32, 16));
    assert!(ended.id.to_string().ends_with(trace[1]), "one execution is one trace");
    assert_eq!(headers["webhook-id"], format!("{}:charge:1", ended.id));
    assert!(headers["webhook-signature"].starts_with("v1,"));
    assert!(headers["webhook-timestamp"].parse::<u64>().unwrap() > 1_700_000_000);
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["params"], serde_json::json!({"order": 7, "amount": 42}));
    assert_eq!(body["state"], serde_json::json!({"shop": "berlin", "order": 7}));
    assert_eq!(body["context"]["attempt"], 1);
    assert_eq!(body["context"]["executionId"], ended.id.to_string());
}

/// An answer, the code and message that the step fails with, and how often it is called when it may be retried once.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, usize);

const CASES: &[Case] = &[
    ("402 Payment Required", "", r#"{"detail":"Card declined"}"#, "http_402", "Card declined", 1),
    ("422 Unprocessable Content", "", r#"{"detail":"no such card","code":"no_card"}"#, "no_card", "no such card", 1),
    ("404 Not Found", "", "nothing here", "http_404", "was answered 404 Not Found", 1),
    ("302 Found", "location: http://127.0.0.1:1/elsewhere\r\n", "", "http_302", "was answered 302 Found", 1),
    ("408 Request Timeout", "", "", "http_408", "was answered 408", 2),
    ("409 Conflict", "", "", "http_409", "was answered 409", 2),
    ("425 Too Early", "", "", "http_425", "was answered 425", 2),
    ("429 Too Many Requests", "retry-after: 0\r\n", "", "http_429", "was answered 429", 2),
    ("500 Internal Server Error", "", r#"{"message":"boom"}"#, "http_500", "boom", 2),
    ("503 Service Unavailable", "", r#"{"title":"asleep"}"#, "http_503", "asleep", 2),
    ("200 OK", "", "<html>", "output_not_json", "is no JSON", 1),
    ("200 OK", "", "", "output_not_json", "answer 204 when there is no output", 1),
];

#[tokio::test]
async fn what_each_answer_means() {
    const STEP: &str = r#"{"id":"a","action":"act","maxRetries":1,"retryDelay":"0s"}"#;
    for (status, headers, body, code, message, calls) in CASES {
        let server = Server::start(move |_| answer(status, headers, body)).await;
        let ended = run(STEP, Some(&["act"]), None, &server).await;
        assert_eq!(ended.status, Status::Failed, "{status}");
        assert_eq!(ended.error_code.as_deref(), Some(*code), "{status}");
        assert!(ended.error.as_deref().unwrap().contains(message), "{status}: {:?}", ended.error);
        assert_eq!(server.requests.lock().unwrap().len(), *calls, "{status}");
    }
}

#[tokio::test]
async fn no_content_is_no_output() {
    let server = Server::start(|_| "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned()).await;
    let ended = run(STEP, Some(&["Card.charge"]), None, &server).await;
    assert_eq!((ended.status, ended.output), (Status::Completed, None));
}

#[tokio::test]
async fn broken_connections_are_tried_again() {
    const STEP: &str = r#"{"id":"a","action":"act","maxRetries":2,"retryDelay":"0s"}"#;
    let times = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |_| match times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => String::new(),
        1 => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"cut\":".to_owned(),
        _ => answer("200 OK", "", "true"),
    })
    .await;
    let ended = run(STEP, Some(&["act"]), None, &server).await;
    assert_eq!(ended.output.unwrap().text(), "true");
    assert_eq!(ended.step_results["a"].retries, 1, "failed attempts after the first");
}

#[tokio::test]
async fn an_output_that_is_too_long_is_not_tried_again() {
    let body = format!("\"{}\"", "x".repeat(1 << 20));
    let server = Server::start(move |_| answer("200 OK", "", &body)).await;
    let ended = run(r#"{"id":"a","action":"act","onError":"retry"}"#, Some(&["act"]), None, &server).await;
    assert_eq!(ended.error_code.as_deref(), Some("payload_too_large"));
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn actions_are_discovered_and_the_secret_is_never_given_back() {
    let server = Server::start(|request| {
        let is_get = request.line.starts_with("GET ");
        if is_get { answer("200 OK", "", r#"{"actions":["b","Card.charge"]}"#) } else { answer("200 OK", "", "1") }
    })
    .await;
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let view = engine.put_endpoint(endpoint(&server.url, None, Some("hush"))).await.unwrap();
    let actions: Vec<&str> = view.actions.iter().map(ActionName::as_str).collect();
    assert_eq!((actions, view.discovered, view.unreachable.clone()), (vec!["Card.charge", "b"], true, None));
    assert!(view.has_secret && !format!("{view:?}").contains("hush"));
    let ended = run(STEP, None, None, &server).await;
    assert_eq!(ended.status, Status::Completed);
    assert!(engine.remove_endpoint(&view.name).await.unwrap());
    assert!(!engine.remove_endpoint(&view.name).await.unwrap());
    assert!(engine.endpoints().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_stored_and_shown_and_others_are_refused() {
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    // A port that was free a moment ago.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let view = engine.put_endpoint(endpoint(&format!("http://{free}"), None, None)).await.unwrap();
    assert!(view.unreachable.unwrap().contains("failed"), "it says why");
    assert_eq!(engine.endpoints().await.unwrap().len(), 1);
    for url in ["http://10.1.2.3/", "http://example.com/", "ftp://127.0.0.1/", "nonsense"] {
        let error = engine.put_endpoint(endpoint(url, None, None)).await.unwrap_err();
        assert_eq!(error.code(), "invalid_request", "{url}");
    }
}

/// Whoever runs an endpoint is not whoever runs the engine. Nothing that it answers takes the engine down, holds its step up for
/// ever, or gets into a history at length.
#[tokio::test]
async fn nothing_that_an_endpoint_answers_does_harm() {
    const STEP: &str = r#"{"id":"a","action":"act","timeout":"2s"}"#;
    let body = |body: &str| answer("200 OK", "", body);
    let failed = |headers: &str, body: &str| answer("400 Bad Request", headers, body);
    let depth = 100_000;
    let cases: Vec<(&str, String)> = vec![
        ("output_not_json", body(&"[".repeat(depth))),
        ("output_not_json", body(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)))),
        ("output_not_json", body("NaN")),
        ("output_not_json", body("1 2")),
        ("output_not_json", body("\u{feff}1")),
        ("http_400", failed("retry-after: 18446744073709551615\r\n", "{}")),
        ("http_400", failed("retry-after: 99999999999999999999999\r\n", "[]")),
        ("http_400", failed("retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n", r#"{"detail":5}"#)),
        ("http_400", failed("", &"[".repeat(depth))),
        ("http_400", failed("", &format!(r#"{{"detail":"{}"}}"#, "x".repeat(100_000)))),
        ("http_400", failed("", r#"{"detail":"\ud800"}"#)),
        ("connection_failed", "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n".to_owned()),
        ("connection_failed", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}".to_owned()),
        ("connection_failed", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned()),
        ("connection_failed", format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1_000))),
        ("connection_failed", format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(2 << 20))),
        ("connection_failed", "HTTP/9.9 200 OK\r\n\r\n".to_owned()),
        ("connection_failed", "\u{0}\u{1}\u{2}".repeat(1_000)),
        ("payload_too_large", "HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n".to_owned()),
        ("payload_too_large", format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n{}", "1".repeat(2 << 20))),
    ];
    for (code, hostile) in cases {
        let shown: String = hostile.chars().take(60).collect();
        let server = Server::start(move |_| hostile.clone()).await;
        let ended = run(STEP, Some(&["act"]), None, &server).await;
        assert_eq!((ended.status, ended.error_code.as_deref()), (Status::Failed, Some(code)), "{shown}: {:?}", ended.error);
        let told = ended.error.map_or(0, |error| error.len());
        assert!(told < 10_000, "{shown}: an error of {told} bytes");
    }
    // What is odd and JSON is an output.
    for output in [r#""\ud800""#, "1e400", r#"{"__proto__":{"a":1},"a":1,"a":2}"#, "-0"] {
        let server = Server::start(move |_| answer("200 OK", "", output)).await;
        assert_eq!(run(STEP, Some(&["act"]), None, &server).await.output.unwrap().text(), output);
    }
}

#[tokio::test]
async fn credentials_in_a_url_are_sent_and_not_shown() {
    let server = Server::start(|request| answer("400 Bad Request", "", &format!("{:?}", request.line))).await;
    let url = server.url.replace("http://", "http://ada:hush@");
    let engine = Engine::open(Memory::new(), Options::default()).await.unwrap();
    let view = engine.put_endpoint(endpoint(&format!("{url}/do?key=hush"), Some(&["act"]), None)).await.unwrap();
    assert_eq!(view.url, format!("{}/do?key=hush", server.url.replace("http://", "http://***@")));
    let again = engine.put_endpoint(endpoint(&view.url, Some(&["act"]), None)).await.unwrap_err();
    assert!(again.to_string().contains("give them again"), "{again}");
    engine.register(json(r#"{"id":"w","steps":[{"id":"a","action":"act"}]}"#)).await.unwrap();
    let request = StartRequest { workflow: "w".to_owned(), input: None, key: None };
    let id = engine.start(request).await.unwrap().execution.id;
    let ended = engine.wait(id, None).await.unwrap();
    assert_eq!(ended.error.as_deref(), Some(&*format!("`POST {}/do/act` was answered 400 Bad Request", server.url)));
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests[0].line, "POST /do/act?key=hush HTTP/1.1");
    assert_eq!(requests[0].headers["authorization"], "Basic YWRhOmh1c2g=");
}

#[tokio::test]
async fn a_host_that_is_none_is_not_taken_for_allowed() {
    let options = Options { endpoint_hosts: vec!["10.0.0.0/33".to_owned()], ..Options::default() };
    let refused = Engine::open(Memory::new(), options).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("`10.0.0.0/33` is no host that endpoints could be on"), "{refused}");
}
