//! Frames that no WebSocket client sends. Each ends its connection, and no other.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::site::Site;
use crate::wire::connect;

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const HELLO: &str = r#"[{"type":"hello","session":"0123456789abcdef","holding":[]}]"#;

/// A connection on which the server speaks WebSocket.
fn upgraded(site: &Site) -> TcpStream {
    let mut stream = connect(site);
    let request = "GET /api/v1/worker HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: workflow.worker.v1\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// As a client has to send it: masked, here with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [announced(first, payload.len() as u64), payload.to_vec()].concat()
}

/// The beginning of a frame that says that it is so long.
fn announced(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes
}

/// What the server says until it closes. Who sends more than is read is cut off, which is an end too.
fn heard(mut stream: TcpStream) -> Vec<u8> {
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        heard.extend_from_slice(&buffer[..count]);
    }
    heard
}

#[test]
fn a_frame_that_is_wrong_ends_its_connection_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path());
    let before = site.server.memory_kib();
    let unmasked = [vec![FIN | TEXT, 5], b"[....".to_vec()].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("not masked", unmasked),
        ("a reserved bit", frame(FIN | 0x40 | TEXT, b"[]")),
        ("a reserved kind", frame(FIN | 3, b"[]")),
        ("a reserved kind of control", frame(FIN | 11, b"")),
        ("binary", frame(FIN | BINARY, b"[]")),
        ("a continuation of nothing", frame(FIN, b"[]")),
        ("a text inside a text", [frame(TEXT, b"["), frame(TEXT, b"]")].concat()),
        ("a long ping", frame(FIN | PING, &[b'x'; 126])),
        ("a ping in pieces", frame(PING, b"x")),
        ("a farewell of one byte", frame(FIN | CLOSE, b"x")),
        ("a farewell with no such code", frame(FIN | CLOSE, &[0, 1])),
        ("a farewell that is no text", frame(FIN | CLOSE, &[3, 232, 0xff])),
        ("no text", frame(FIN | TEXT, b"[\"\xff\xfe\"]")),
        ("half a character at the end", [frame(TEXT, b"[\"\xe2\x82"), frame(FIN, b"\"]")].concat()),
        ("100 MB announced", announced(FIN | TEXT, 100_000_000)),
        ("as much as can be said announced", announced(FIN | TEXT, u64::MAX)),
        ("more than can be said announced", announced(FIN | TEXT, 1 << 63)),
        (
            "an endless message",
            [announced(TEXT, 15 << 20), vec![b' '; 15 << 20], announced(0, 15 << 20), vec![b' '; 15 << 20]].concat(),
        ),
        ("no JSON", frame(FIN | TEXT, b"[{]")),
        ("no hello", frame(FIN | TEXT, br#"[{"type":"leave"}]"#)),
        ("deep JSON", frame(FIN | TEXT, "[".repeat(100_000).as_bytes())),
        ("many messages", frame(FIN | TEXT, format!("[{}1]", "{},".repeat(20_000)).as_bytes())),
    ];
    for (what, bytes) in cases {
        let mut stream = upgraded(&site);
        // Who is cut off cannot write the rest.
        stream.write_all(&bytes).ok();
        heard(stream);
        assert!(site.server.is_alive(), "{what}");
        site.is_alive();
    }
    let grown = site.server.memory_kib().saturating_sub(before);
    assert!(grown < 96 << 10, "{grown} KiB");
    site.stop();
}

/// An empty frame, a ping and a piece of a message cost the sender next to nothing; they cost the server as little.
#[test]
fn floods_of_small_frames_take_no_memory() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path());
    let mut worker = upgraded(&site);
    worker.write_all(&frame(FIN | TEXT, HELLO.as_bytes())).unwrap();
    let before = site.server.memory_kib();
    let floods = [
        frame(FIN | PING, &[b'x'; 125]),
        frame(FIN | 10, b""),
        frame(FIN | TEXT, b"[]"),
        [frame(TEXT, b"["), frame(0, b""), frame(FIN, b"]")].concat(),
    ];
    for flood in &floods {
        let mut stream = upgraded(&site);
        // Nobody reads the answers.
        let many = flood.repeat(2_000);
        stream.set_write_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
        for _ in 0..20 {
            if stream.write_all(&many).is_err() {
                break;
            }
        }
        site.is_alive();
    }
    let grown = site.server.memory_kib().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB");
    // Another worker has noticed nothing.
    worker.write_all(&frame(FIN | TEXT, br#"[{"type":"leave"}]"#)).unwrap();
    let heard = String::from_utf8_lossy(&heard(worker)).into_owned();
    assert!(heard.contains("welcome"), "{heard}");
    site.stop();
}

/// `session` and `holding` are names that go into maps and logs.
#[test]
fn what_a_worker_says_of_itself_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path());
    for hello in [
        r#"{"type":"hello","session":"__proto__","holding":[]}"#.to_owned(),
        r#"{"type":"hello","session":"../../../../etc/passwd","holding":[]}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcde\u0000","holding":[]}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcde\ud800","holding":[]}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":["__proto__"]}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":["a:b:99999999999999999999"]}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":{}}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":[],"keeps":-1}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":[],"keeps":1e400}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":[]},{"type":"offer","actions":["__proto__"],"slots":18446744073709551616}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":[]},{"type":"offer","actions":["a b"],"slots":1}"#.to_owned(),
        r#"{"type":"hello","session":"0123456789abcdef","holding":[]},{"type":"completed","task":"exec_1:a:1"}"#.to_owned(),
        format!(r#"{{"type":"hello","session":"{}","holding":[]}}"#, "s".repeat(100_000)),
        format!(r#"{{"type":"hello","session":"0123456789abcdef","holding":[],"name":"{}"}},{{"type":"offer"}}"#, "\\u001b[2J".repeat(10_000)),
    ] {
        let mut stream = upgraded(&site);
        stream.write_all(&frame(FIN | TEXT, format!("[{hello}]").as_bytes())).unwrap();
        let heard = String::from_utf8_lossy(&heard(stream)).into_owned();
        let shown = &hello[..hello.len().min(120)];
        assert!(heard.contains(r#""type":"refused""#), "{shown}: {heard}");
        site.is_alive();
    }
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert!(!log.contains('\u{1b}') && !log.contains("panicked"), "{log}");
    site.stop();
}
