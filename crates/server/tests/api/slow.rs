//! Clients that send so little at a time that they never end, each of them and all together.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use workflow_server::Options;

use crate::socket::Server;

const DRIP: Duration = Duration::from_millis(1);

/// Sends a byte, listens a moment, sends the next, until the server has had enough; what it said.
async fn drip(mut stream: TcpStream, head: &str) -> String {
    let (mut heard, mut buffer) = (Vec::new(), [0; 1024]);
    stream.write_all(head.as_bytes()).await.unwrap();
    for byte in std::iter::repeat(b'x') {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        match timeout(DRIP, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(count)) => heard.extend_from_slice(&buffer[..count]),
            Err(_) => {}
        }
    }
    String::from_utf8(heard).unwrap()
}

const POST: &str = "PUT /api/v1/workflows/a HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n";

/// What counts is when all of it is there, not when something last came.
#[tokio::test]
async fn who_sends_a_byte_now_and_then_is_cut_off_all_the_same() {
    let limits =
        Options { header_timeout: Duration::from_millis(50), body_timeout: Duration::from_millis(50), ..Options::default() };
    let server = Server::new(limits).await;
    for head in ["GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ".to_owned(), POST.to_owned(), String::new()] {
        let heard = drip(server.connect().await, &head).await;
        assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{head}: {heard}");
    }
    for body in ["content-length: 1000000\r\n\r\n", "transfer-encoding: chunked\r\n\r\nfffff\r\n"] {
        let heard = drip(server.connect().await, &format!("{POST}{body}")).await;
        assert!(heard.starts_with("HTTP/1.1 408 "), "{body}: {heard}");
    }
}

#[tokio::test]
async fn places_that_slow_clients_hold_come_back() {
    let limits = Options {
        header_timeout: Duration::from_millis(50),
        body_timeout: Duration::from_millis(50),
        connections_max: 8,
        requests_max: 8,
        ..Options::default()
    };
    let server = Server::new(limits).await;
    let heads = [
        String::new(),
        "GET /he".to_owned(),
        format!("{POST}content-length: 1000\r\n\r\n{{"),
        format!("{POST}transfer-encoding: chunked\r\n\r\nff"),
    ];
    let mut slow = Vec::new();
    for head in heads.iter().cycle().take(64) {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    // It is behind all of them, and there are places for eight.
    let mut last = server.connect().await;
    last.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(slow);
}
