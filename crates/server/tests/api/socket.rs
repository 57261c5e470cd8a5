//! Over a real connection: what depends on how bytes come and go.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use workflow_engine::Engine;
use workflow_server::{Options, serve};

use crate::support::engine;

pub struct Server {
    pub address: SocketAddr,
    pub engine: Engine,
    pub shutdown: oneshot::Sender<()>,
    pub ended: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub async fn new(options: Options) -> Server {
        let (engine, _) = engine().await;
        Server::over(engine, options).await
    }

    pub async fn over(engine: Engine, options: Options) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let served = engine.clone();
        let ended = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            serve(served, listener, options, stopped).await
        });
        Server { address, engine, shutdown, ended }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// All that comes until the server closes the connection.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// One answer: its head, and as much body as it says.
pub async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the connection ended after: {text}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
}

const HEAD: &str = "host: 127.0.0.1\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn who_writes_a_body_that_is_too_large_to_its_end_sees_the_answer() {
    let server = Server::new(Options::default()).await;
    let size = 12 << 20;
    let mut stream = server.connect().await;
    stream
        .write_all(format!("PUT /api/v1/workflows/a HTTP/1.1\r\n{HEAD}content-length: {size}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream.write_all(&vec![b' '; size]).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload_too_large") && answer.contains("12.0 MiB"),
        "{answer}"
    );

    // The rest was read: the connection goes on.
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

/// A request that was refused for its path left its body unread: the connection was closed, without a word, under a client that still
/// wrote, so that it saw a broken pipe and not the answer; and one that had seen it lost its next request.
#[tokio::test]
async fn who_is_refused_for_the_path_sees_the_answer_and_can_go_on() {
    let server = Server::new(Options::default()).await;
    let mut stream = server.connect().await;
    let size = 3 << 20;
    for (line, status) in [
        ("POST /api/v1/executions/exec_1/cancel", 404),
        ("POST /api/v1/workflows/a/executions?wait=soon", 400),
        ("PUT /api/v1/endpoints/%00", 400),
    ] {
        stream.write_all(format!("{line} HTTP/1.1\r\n{HEAD}content-length: {size}\r\n\r\n").as_bytes()).await.unwrap();
        stream.write_all(&vec![b'['; size]).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_body_whose_length_nobody_knows_is_refused_when_it_has_grown_too_large() {
    let server = Server::new(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(format!("PUT /api/v1/workflows/a HTTP/1.1\r\n{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    for _ in 0..6 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn who_asks_before_sending_a_body_that_is_too_large_need_not_send_it() {
    let server = Server::new(Options::default()).await;
    let mut stream = server.connect().await;
    let head = format!("PUT /api/v1/workflows/a HTTP/1.1\r\n{HEAD}content-length: 5000000\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let server = Server::new(Options { body_timeout: Duration::from_millis(20), ..Options::default() }).await;
    let mut stream = server.connect().await;
    stream.write_all(format!("PUT /api/v1/workflows/a HTTP/1.1\r\n{HEAD}content-length: 10\r\n\r\n{{").as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"), "{answer}");
}

#[tokio::test]
async fn headers_that_do_not_come_or_do_not_end_close_the_connection() {
    let server = Server::new(Options { header_timeout: Duration::from_millis(20), ..Options::default() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0").await.unwrap();
    let answer = read_all(&mut slow).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");

    let mut large = server.connect().await;
    large.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ").await.unwrap();
    // The server may stop reading before all is written.
    let _ = large.write_all("y".repeat(80 << 10).as_bytes()).await;
    assert!(read_answer(&mut large).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_shutdown_answers_who_waits_and_ends() {
    let server = Server::new(Options::default()).await;
    let definition = workflow_core::json::Json::parse(r#"{"id":"held","steps":[{"id":"a","action":"held"}]}"#).unwrap();
    server.engine.register(definition).await.unwrap();
    let start = workflow_engine::StartRequest { workflow: "held".to_owned(), input: None, key: None };
    let id = server.engine.start(start).await.unwrap().execution.id;

    let mut stream = server.connect().await;
    stream.write_all(format!("GET /api/v1/executions/{id}/stream HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).await.unwrap();
    let mut waiting = server.connect().await;
    // Two requests on one connection: the answer to the first says that the second has been read.
    let requests = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /api/v1/executions/{id}?wait=60s HTTP/1.1\r\nhost: localhost\r\n\r\n"
    );
    waiting.write_all(requests.as_bytes()).await.unwrap();
    assert!(read_answer(&mut waiting).await.starts_with("HTTP/1.1 200 "));

    server.shutdown.send(()).unwrap();
    let answer = read_all(&mut waiting).await;
    assert!(answer.is_empty() || answer.contains(r#""status":"running""#), "{answer}");
    read_all(&mut stream).await;
    server.ended.await.unwrap().unwrap();
    assert!(server.engine.is_ready(), "the engine goes on");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_who_never_ends() {
    let server = Server::new(Options { shutdown_grace: Duration::from_millis(20), ..Options::default() }).await;
    let mut stream = server.connect().await;
    stream.write_all(format!("PUT /api/v1/workflows/a HTTP/1.1\r\n{HEAD}content-length: 10\r\n\r\n").as_bytes()).await.unwrap();
    server.shutdown.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}
