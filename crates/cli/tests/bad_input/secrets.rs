//! What must not be seen is looked for in everything that can be seen, with the log at its most talkative.

use std::io::{Read, Write};
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::server;
use crate::site::{Site, database};

/// Unlike anything that occurs by chance.
const SECRET: &str = "whsec_aHVzaC1odXNoLXN3ZWV0LWNoYXJsb3R0ZS0wMDE=";
const PLAIN_SECRET: &str = "plain-Zephyrine-secret-002";
const PASSWORD: &str = "hunter-Quixote-003";
const QUERY: &str = "Vermilion-004";

/// A server that notes what it is sent and answers what its path says.
fn service() -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 16 << 10]);
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut buffer).unwrap_or(0) {
                    0 => break,
                    count => request.extend_from_slice(&buffer[..count]),
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let line = request.lines().next().unwrap_or_default().to_owned();
            heard.push(request);
            let status = match &line {
                line if line.contains("/stop") => break,
                line if line.contains("/declined") => "402 Payment Required",
                line if line.contains("/elsewhere") => "302 Found\r\nlocation: http://127.0.0.1:1/",
                line if line.contains("/broken") => continue,
                _ => "200 OK",
            };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnull").as_bytes()).ok();
        }
        heard
    });
    (address, serving)
}

#[test]
fn secrets_of_endpoints_are_in_no_log_no_error_no_history_and_no_answer() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = server::serve(&database(directory.path()));
    command.args(["--log", "trace"]);
    let mut site = Site::run(command, directory.path());
    let (address, serving) = service();
    let mut seen = Vec::new();
    let mut note = |answer: &crate::site::Answer| seen.push(answer.body.to_string());

    let url = format!("http://ada:{PASSWORD}@{address}/do?key={QUERY}");
    let gone = format!("http://ada:{PASSWORD}@127.0.0.1:1/do?key={QUERY}");
    let both = |url: &str, secret: &str, actions: &[&str]| json!({ "url": url, "secret": secret, "actions": actions });
    for (name, body) in [
        ("calls", both(&url, SECRET, &["fine", "declined", "elsewhere", "broken"])),
        ("gone", both(&gone, PLAIN_SECRET, &["gone"])),
        ("asked", json!({ "url": url, "secret": PLAIN_SECRET })),
        ("silent", json!({ "url": gone, "secret": SECRET })),
        ("far", both(&format!("http://ada:{PASSWORD}@evil.example/"), SECRET, &["a"])),
        ("wrong", both(&format!("http://ada:{PASSWORD}@127.0.0.1:99999/"), SECRET, &["a"])),
        ("odd", both(&format!("ftp://ada:{PASSWORD}@127.0.0.1/"), PLAIN_SECRET, &["a"])),
    ] {
        note(&site.json("PUT", &format!("/api/v1/endpoints/{name}"), &[], &body));
        note(&site.get(&format!("/api/v1/endpoints/{name}")));
    }
    for action in ["fine", "declined", "elsewhere", "broken", "gone"] {
        site.register(action, json!([{ "id": "only", "action": action, "maxRetries": 1, "retryDelay": "0s" }]));
        let execution = site.post(&format!("/api/v1/workflows/{action}/executions?wait=30s"), &json!({}));
        assert_eq!(execution.body["status"], if action == "fine" { "completed" } else { "failed" }, "{execution:?}");
        let id = execution.body["id"].as_str().unwrap().to_owned();
        note(&execution);
        note(&site.get(&format!("/api/v1/executions/{id}/history")));
    }
    for path in [
        "/api/v1/endpoints",
        "/api/v1/executions?include=stepResults,history",
        "/api/v1/workflows",
        "/metrics",
        "/openapi.json",
        "/readyz",
    ] {
        note(&site.get(path));
    }
    assert!(std::net::TcpStream::connect(&address).unwrap().write_all(b"GET /stop HTTP/1.1\r\n\r\n").is_ok());
    let heard = serving.join().unwrap().join("\n");
    assert!(heard.contains(&STANDARD.encode(format!("ada:{PASSWORD}"))), "the endpoint is sent its password: {heard}");
    assert!(heard.contains(QUERY) && heard.contains("webhook-signature: v1,"), "{heard}");
    site.server.stop();

    // What the service was sent, the file and what the operator asked for are theirs; everything else is everyone's.
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert!(log.contains("TRACE") && log.len() > 10_000, "the log is not talkative");
    seen.push(log);
    let key = SECRET.strip_prefix("whsec_").unwrap();
    let decoded = String::from_utf8(STANDARD.decode(key).unwrap()).unwrap();
    let hidden =
        [key, decoded.as_str(), PLAIN_SECRET, PASSWORD, &STANDARD.encode(PASSWORD), &STANDARD.encode(format!("ada:{PASSWORD}"))];
    for text in &seen {
        for secret in hidden {
            let at = text.find(secret).map(|at| text[at.saturating_sub(200)..(at + 100).min(text.len())].to_owned());
            assert!(at.is_none(), "`{secret}` is seen: {at:?}");
        }
    }
    // A key in a query is given back to who asks for the endpoint, and to nobody else.
    for text in seen.iter().filter(|text| !text.contains("\"concurrency\"")) {
        let at = text.find(QUERY).map(|at| text[at.saturating_sub(200)..(at + 100).min(text.len())].to_owned());
        assert!(at.is_none(), "the query is seen: {at:?}");
    }
}
