//! What is nearly HTTP: requests that two readers would read differently (smuggling), that are larger than they say, that are many
//! at once. Whatever the server makes of them, nothing that was smuggled is done, and the next one is answered.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::json;

use crate::site::Site;

const START: &str = "/api/v1/workflows/nothing/executions";

fn site(directory: &tempfile::TempDir) -> Site {
    let site = Site::open(directory.path());
    site.register("nothing", json!([{ "id": "only", "action": "noop" }]));
    site
}

pub fn connect(site: &Site) -> TcpStream {
    TcpStream::connect(site.url.strip_prefix("http://").unwrap()).unwrap()
}

/// What a raw connection is answered, once the server has closed it.
pub fn raw(site: &Site, bytes: &[u8]) -> String {
    let mut stream = connect(site);
    // The server may close before it has read everything.
    stream.write_all(bytes).ok();
    stream.shutdown(Shutdown::Write).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of all answers on a connection.
fn statuses(answers: &str) -> Vec<u16> {
    answers.match_indices("HTTP/1.1 ").filter_map(|(at, line)| answers[at + line.len()..].get(..3)?.parse().ok()).collect()
}

/// How many executions there are.
fn executions(site: &Site) -> u64 {
    let counts = site.get("/api/v1/executions/counts").ok();
    counts["counts"].as_array().unwrap().iter().map(|count| count["count"].as_u64().unwrap()).sum()
}

/// The second request of each would start an execution, for whoever takes the first for shorter than it is.
#[test]
fn a_request_inside_a_request_is_not_a_request() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let inner = format!("POST {START} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    let length = inner.len();
    let outer = |headers: &str, body: &str| {
        format!("POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}\r\n{body}")
    };
    let cases = [
        ("two lengths", outer(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), &inner)),
        ("two lengths, the other way around", outer(&format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), &inner)),
        ("two lengths in one header", outer(&format!("Content-Length: 0, {length}\r\n"), &inner)),
        (
            "a length and chunks",
            outer("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", &format!("{length:x}\r\n{inner}\r\n0\r\n\r\n")),
        ),
        (
            "chunks and a length",
            outer(&format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", length + 5), &format!("0\r\n\r\n{inner}")),
        ),
        ("chunks twice", outer("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", &format!("0\r\n\r\n{inner}"))),
        ("chunks and something else", outer("Transfer-Encoding: chunked, gzip\r\n", &format!("0\r\n\r\n{inner}"))),
        ("no such encoding", outer("Transfer-Encoding: xchunked\r\n", &inner)),
        ("a space before the colon", outer(&format!("Content-Length : {length}\r\n"), &inner)),
        (
            "a space before the colon of the encoding",
            outer(&format!("Transfer-Encoding : chunked\r\nContent-Length: {length}\r\n"), &inner),
        ),
        (
            "a header that goes on in the next line",
            outer(&format!("X: 1\r\n Content-Length: {length}\r\nContent-Length: 0, 1\r\n"), &inner),
        ),
        ("a length with a sign", outer(&format!("Content-Length: +{length}\r\n"), &inner)),
        ("a length below zero", outer("Content-Length: -1\r\n", &inner)),
        ("a length in hexadecimal", outer("Content-Length: 0x0\r\n", &inner)),
        ("a length beyond all numbers", outer("Content-Length: 18446744073709551617\r\n", &inner)),
        ("a chunk beyond all numbers", outer("Transfer-Encoding: chunked\r\n", &format!("10000000000000000\r\n{inner}"))),
        ("a chunk below zero", outer("Transfer-Encoding: chunked\r\n", &format!("-1\r\n{inner}"))),
        ("a chunk that is none", outer("Transfer-Encoding: chunked\r\n", &format!("zz\r\n{inner}"))),
        ("a chunk without its end", outer("Transfer-Encoding: chunked\r\n", &format!("2\r\n{{}}{inner}"))),
        (
            "lines that end without a return",
            format!("POST /api/v1/events HTTP/1.1\nHost: 127.0.0.1\nContent-Length: {length}\n\n{inner}"),
        ),
        ("a return inside a header", outer(&format!("X: a\rContent-Length: {length}\r\n"), &inner)),
        ("a zero inside a header", outer("X: a\0b\r\n", &inner)),
        ("a name with a space", outer("X Y: 1\r\n", &inner)),
        (
            "two hosts",
            format!(
                "POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nContent-Length: {length}\r\n\r\n{inner}"
            ),
        ),
    ];
    for (what, bytes) in &cases {
        let answers = raw(&site, bytes.as_bytes());
        let statuses = statuses(&answers);
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{what}: {answers}");
        assert_eq!(executions(&site), 0, "{what} has started an execution: {answers}");
        site.is_alive();
    }
    site.stop();
}

#[test]
fn requests_that_are_no_requests_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let host = "Host: 127.0.0.1\r\n";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("HTTP/0.9", b"GET /healthz\r\n".to_vec()),
        ("no host", b"GET /healthz HTTP/1.1\r\n\r\n".to_vec()),
        ("another host in the line", format!("GET http://evil.example/healthz HTTP/1.1\r\n{host}\r\n").into_bytes()),
        ("a proxy's request", format!("CONNECT 169.254.169.254:80 HTTP/1.1\r\n{host}\r\n").into_bytes()),
        ("no path", format!("OPTIONS * HTTP/1.1\r\n{host}\r\n").into_bytes()),
        ("no method", format!("G\u{e9}T /healthz HTTP/1.1\r\n{host}\r\n").into_bytes()),
        ("trace", format!("TRACE /healthz HTTP/1.1\r\n{host}\r\n").into_bytes()),
        ("a path of bytes", [b"GET /\xff\xfe HTTP/1.1\r\n".to_vec(), host.as_bytes().to_vec(), b"\r\n".to_vec()].concat()),
        ("a path with a zero", format!("GET /health\0z HTTP/1.1\r\n{host}\r\n").into_bytes()),
        ("a long path", format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(100_000)).into_bytes()),
        ("a long query", format!("GET /api/v1/executions?cursor={} HTTP/1.1\r\n{host}\r\n", "a".repeat(50_000)).into_bytes()),
        ("a thousand headers", format!("GET /healthz HTTP/1.1\r\n{host}{}\r\n", "X: 1\r\n".repeat(1_000)).into_bytes()),
        ("a header of a mebibyte", format!("GET /healthz HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(1 << 20)).into_bytes()),
        ("nothing but ends of lines", b"\r\n".repeat(10_000)),
        ("nothing but zeros", vec![0; 100_000]),
    ];
    for (what, bytes) in cases {
        let answers = raw(&site, &bytes);
        assert!(statuses(&answers).iter().all(|status| (400..500).contains(status)), "{what}: {answers}");
        site.is_alive();
    }
    site.stop();
}

/// Chunks may carry parameters and trailers, which nobody reads and everybody could make long.
#[test]
fn what_comes_with_chunks_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let head = format!(
        "POST {START} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let cases = [
        ("a long parameter", format!("{head}2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(1 << 20))),
        ("a parameter for each byte", format!("{head}{}0\r\n\r\n", format!("1;{}\r\n \r\n", "y".repeat(8_000)).repeat(200))),
        ("long trailers", format!("{head}2\r\n{{}}\r\n0\r\n{}\r\n", "X: 1\r\n".repeat(200_000))),
    ];
    for (what, bytes) in &cases {
        let answers = raw(&site, bytes.as_bytes());
        assert!(statuses(&answers).iter().all(|status| (400..500).contains(status)), "{what}: {answers}");
        assert_eq!(executions(&site), 0, "{what}: {answers}");
        site.is_alive();
    }
    // A body of as many pieces as it has bytes is a body.
    let pieces: String = "{ \"input\": {} }".chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let mut stream = connect(&site);
    stream.write_all(format!("{}{pieces}0\r\n\r\n", head.replacen("Host", "Connection: close\r\nHost", 1)).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(statuses(&answer), [201]);
    site.stop();
}

#[test]
fn requests_that_come_at_once_are_answered_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let one = |n: usize| {
        let body = format!("{{\"input\":{{\"n\":{n}}}}}");
        let length = body.len();
        format!(
            "POST {START} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let wrong =
        "POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{]";
    let many: String = (0..500).map(|n| if n % 10 == 9 { wrong.to_owned() } else { one(n) }).collect();
    let last = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut stream = connect(&site);
    let mut writing = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || writing.write_all(format!("{many}{last}").as_bytes()));
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    writer.join().unwrap().unwrap();
    let expected: Vec<u16> = (0..500).map(|n| if n % 10 == 9 { 400 } else { 201 }).chain([200]).collect();
    assert_eq!(statuses(&answers), expected);
    assert_eq!(executions(&site), 450);
    site.is_alive();
    site.stop();
}

/// Who sends nothing, or half a line, holds a connection and nothing else.
#[test]
fn many_who_are_slow_hold_nobody_up_and_little_memory() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let before = site.server.memory_kib();
    let head = format!("POST {START} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n");
    let beginnings = [
        String::new(),
        "POST /api".to_owned(),
        head.clone(),
        format!("{head}Content-Length: 1000000\r\n\r\n{{"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n{{"),
        format!("{head}Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"),
    ];
    let slow: Vec<TcpStream> = (0..300)
        .map(|n| {
            let mut stream = connect(&site);
            stream.write_all(beginnings[n % beginnings.len()].as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        site.is_alive();
    }
    site.post("/api/v1/workflows/nothing/executions?wait=30s", &json!({})).ok();
    let grown = site.server.memory_kib().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB for {} connections", slow.len());
    drop(slow);
    site.is_alive();
    site.stop();
}
